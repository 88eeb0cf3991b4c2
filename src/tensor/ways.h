/*
 * ways.h - primitives of oneDNN, made once for all convolutions of the same shape.
 *
 * Making one costs 5 us to 10 ms, and a network has some hundred; the networks that a
 * search looks at are made of the same few. So a context keeps those that nobody uses any
 * more, up to a number, for the next network that wants them. Float only.
 */
#ifndef NW_WAYS_H
#define NW_WAYS_H

#include "conv.h"

#ifndef NW_DOUBLE

/* As nw_onednn_conv(), but shared: way->lent is for nw_ways_leave(). */
nw_status nw_ways_find(nw_ctx *ctx, const nw_conv_dims *d, nw_conv_pass pass, int bias,
                       nw_conv_way *way);
void nw_ways_leave(void *lent); /* NULL is fine */

/* How many were ever made for this context, refusals of oneDNN included. */
uint64_t nw_ways_made(nw_ctx *ctx);

/* Give back the memory of those that nobody uses. */
void nw_ways_drop(nw_ctx *ctx);

#endif

#endif
