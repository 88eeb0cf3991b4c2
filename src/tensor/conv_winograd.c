/*
 * conv_winograd.c - plain 3x3 convolutions by minimal filtering: each pass is one of the
 * dense stage (stage_dense.c), with nothing before it and nothing behind.
 */
#include "conv.h"

#ifndef NW_DOUBLE

#include "stage.h"

/* Where fewer tiles use them, to transform the filters takes longer than to convolve.
 * Times as fast as oneDNN forward, to data and to weights; a batch of 64, one thread:
 *
 *     size      8>8            16>16          32>32          64>64
 *     6x6       1.4 0.7 0.6    1.3 1.0 1.2    1.4 1.0 1.6    1.7 1.2 1.8
 *     7x7       1.8 0.8 0.8    1.9 1.4 1.5    2.0 1.6 2.0    2.4 2.0 2.3
 *     8x8       2.4 1.3 0.9    2.4 1.6 1.9    2.4 2.0 2.5    3.2 2.5 2.8
 *     9x9       1.3 0.9 0.6    1.3 0.9 1.2    1.5 1.2 1.5    1.8 1.5 1.8
 *     10x10     1.6 1.0 0.8    1.7 1.1 1.6    1.8 1.6 2.0    2.3 2.2 2.5
 *     13x13     1.5 0.8 0.8    1.6 1.2 1.5    1.7 1.4 2.0    1.6 1.7 2.1
 *     16x16     2.1 1.0 1.1    2.3 1.9 2.1    2.5 2.5 2.8    3.0 2.8 2.7
 *
 * So gradients want 16 channels, and two thirds of the tiles within the image. */
enum { FEWEST_TILES = 24, BACK_CHANNELS = 16, TILE = 4 };

static nw_stage stage_of(const nw_conv_dims *d, int threads)
{
    return (nw_stage){.n = d->n,
                      .threads = threads,
                      .c = d->ic,
                      .ih = d->ih,
                      .iw = d->iw,
                      .oc = d->oc,
                      .oh = d->oh,
                      .ow = d->ow,
                      .k = d->kh,
                      .stride = d->sh,
                      .pad = d->ph,
                      .dil = d->dh,
                      .gate = NW_GATE_NONE};
}

static int takes(const nw_conv_dims *d, const nw_stage *s, nw_conv_pass pass)
{
    const int tiles = (d->ih + TILE - 1) / TILE * ((d->iw + TILE - 1) / TILE);
    const int back_is_faster = d->ic >= BACK_CHANNELS && d->oc >= BACK_CHANNELS &&
                               3 * d->ih * d->iw >= 2 * TILE * TILE * tiles;

    return d->groups == 1 && d->kh == d->kw && d->sh == d->sw && d->ph == d->pw &&
           d->dh == d->dw && d->oh == d->ih && d->ow == d->iw &&
           (long long)d->n * tiles >= FEWEST_TILES && nw_stage_dense.fits(s) &&
           (pass == NW_CONV_FORWARD || back_is_faster);
}

static void forward(const nw_conv_dims *d, void *self, const nw_conv_args *a)
{
    const nw_stage_args args = {.x = a->x, .w = {a->w}, .y = a->y, .scratch = a->scratch};

    (void)d;
    nw_stage_dense.forward(self, &args);
}

static void back_data(const nw_conv_dims *d, void *self, const nw_conv_args *a)
{
    const nw_stage_args args = {
        .w = {a->w}, .dy = a->dy, .dx = a->dx, .add = a->add, .scratch = a->scratch};

    (void)d;
    nw_stage_dense.backward(self, &args);
}

static void back_weights(const nw_conv_dims *d, void *self, const nw_conv_args *a)
{
    const nw_stage_args args = {
        .x = a->x, .dy = a->dy, .dw = {a->dw}, .scratch = a->scratch};

    (void)d;
    nw_stage_dense.backward(self, &args);
}

nw_status nw_winograd_conv(nw_ctx *ctx, const nw_conv_dims *d, nw_conv_pass pass,
                           int bias, nw_conv_way *way)
{
    nw_stage s = stage_of(d, nw_threads(ctx)), *self;

    *way = (nw_conv_way){0};
    if ((bias && pass != NW_CONV_BACK_DATA) || !takes(d, &s, pass))
        return NW_OK;
    self = nw_alloc(ctx, sizeof(*self));
    if (!self)
        return NW_ENOMEM;
    *self = s;
    *way = (nw_conv_way){.name = "winograd",
                         .self = self,
                         .scratch = nw_stage_dense.scratch(&s, pass != NW_CONV_FORWARD)};
    way->run = pass == NW_CONV_FORWARD     ? forward
               : pass == NW_CONV_BACK_DATA ? back_data
                                           : back_weights;
    return NW_OK;
}

#else

typedef int nw_winograd_is_float_only; /* an empty file is not C */

#endif
