/* onednn.h - the only door to oneDNN. Float only. */
#ifndef NW_ONEDNN_H
#define NW_ONEDNN_H

#include "conv.h"

#ifndef NW_DOUBLE

/* way->run stays NULL where oneDNN has only its reference loops. */
nw_status nw_onednn_conv(nw_ctx *ctx, const nw_conv_dims *d, nw_conv_pass pass, int bias,
                         nw_conv_way *way);

/* As nw_conv_keep(), of a way that turns weights. */
nw_status nw_onednn_keep(nw_ctx *ctx, nw_conv_way *way, const float *w);

#endif

#endif
