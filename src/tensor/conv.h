/*
 * conv.h - convolution on NHWC data with OIHW weights: three passes, and for each the
 * fastest of four ways that takes it: own depthwise kernels, minimal filtering, oneDNN,
 * portable loops.
 */
#ifndef NW_CONV_H
#define NW_CONV_H

#include "ctx.h"
#include "netwright_ext.h"

typedef struct nw_conv_dims {
    int n, groups;
    int ic, ih, iw;
    int oc, oh, ow;
    int kh, kw;
    int sh, sw; /* stride         */
    int ph, pw; /* padding        */
    int dh, dw; /* dilation, >= 1 */
} nw_conv_dims;

typedef enum nw_conv_pass {
    NW_CONV_FORWARD,
    NW_CONV_BACK_DATA,
    NW_CONV_BACK_WEIGHTS,
    NW_CONV_PASSES,
} nw_conv_pass;

/* What a pass reads and writes; the others are NULL. */
typedef struct nw_conv_args {
    const nw_real *x, *w, *bias, *dy;
    nw_real *y, *dx;
    nw_real *dw, *db; /* added to */
    int add;          /* dx += instead of dx = */
    const void *kept; /* what nw_conv_keep() made of w; NULL */
    void *scratch;
} nw_conv_args;

typedef struct nw_conv_way {
    const char *name; /* "depthwise", "winograd", "portable", or oneDNN's own name */
    void (*run)(const nw_conv_dims *d, void *self, const nw_conv_args *a);
    void *self;     /* memory of the context, or NULL */
    size_t scratch; /* bytes */
    void *lent;     /* for nw_conv_leave()              */
    void *kept;     /* weights in its layout, or NULL     */
    int turned;     /* 1 = weights, or their gradient, are brought to another layout */
} nw_conv_way;

/* bias: there is one. The way is given back by nw_conv_leave(). */
nw_status NW_R(nw_conv_choose)(nw_ctx *ctx, const nw_conv_dims *d, nw_conv_pass pass,
                               int bias, nw_conv_way *way);
void NW_R(nw_conv_leave)(nw_ctx *ctx, nw_conv_way *way);

/* From here on the weights are these: bring them to the layout of the way now. */
nw_status NW_R(nw_conv_keep)(nw_ctx *ctx, nw_conv_way *way, const nw_real *w);

void NW_R(nw_conv_portable)(const nw_conv_dims *d, nw_conv_pass pass, nw_conv_way *way);

/* One output channel per input channel, and 8 channels or more; 0 = does not take it. */
int NW_R(nw_conv_depthwise)(const nw_conv_dims *d, nw_conv_pass pass, nw_conv_way *way);

#ifndef NW_DOUBLE
/* 3x3 at stride 1; way->run stays NULL where it does not take it. */
nw_status nw_winograd_conv(nw_ctx *ctx, const nw_conv_dims *d, nw_conv_pass pass,
                           int bias, nw_conv_way *way);
#endif

/* The depthwise ones' third pass; float only, as all of it. */
size_t NW_R(nw_depthwise_weights_scratch)(const nw_conv_dims *d);
void NW_R(nw_depthwise_weights)(const nw_conv_dims *d, void *self, const nw_conv_args *a);

#endif
