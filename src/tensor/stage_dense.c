/*
 * stage_dense.c - 3x3 convolution at stride 1 by minimal filtering, F(4x4, 3x3) of [1].
 *
 * 16 outputs of a 4x4 tile take 36 multiplications a pair of channels, not 144: the 6x6
 * numbers that a tile sees, d, and a filter, w, are transformed; their products are
 * summed over the channels; and the sums are transformed back:
 *
 *     y = A' [ sum over c of (G w G') * (B' d B) ] A
 *
 * For one of the 36 places, all tiles together, the sum is a matrix product. B, G and A
 * follow from six points [2]; see winograd.c for ours. As the three sides of the form
 *
 *     sum of (A y A') * (G w G') * (B' d B)
 *
 * are alike, the same matrices give all passes. Backward, d is the gradient behind, 6x6:
 *
 *     input    dx = A' [ sum over o of (G w" G') * (B' d B) ] A
 *     filter   dw" = G' [ sum over tiles of (A x A') * (B' d B) ] G
 *
 * where " turns by half a turn; so it is transformed once for both, and the input anew,
 * rather than kept.
 *
 * A part of the batch (image.h) is walked in blocks of some strips of tiles, whose
 * transformed numbers stay in the second cache. Tiles that hang over an edge see zeros
 * there, and what they give outside is dropped. While a block is multiplied, what it will
 * write and what the next one reads is fetched.
 *
 * Rounding, as the largest error over the largest number, against sums in double of the
 * same normal numbers, and that of plain float sums:
 *
 *     channels   y            dx           dw
 *     16         8.7e-7       9.4e-7       7.3e-7
 *     64         1.0e-6       8.4e-7       1.2e-6
 *     plain      3e-7..7e-7   3e-7..5e-7   3e-7..9e-7
 *
 * [1] A. Lavin, S. Gray 2015, Fast Algorithms for Convolutional Neural Networks,
 *     arXiv:1509.09308.
 * [2] S. Winograd 1980, Arithmetic Complexity of Computations, SIAM.
 */
#include "stage.h"

#ifndef NW_DOUBLE

#include "dense_walk.h"
#include "lanes.h"
#include "parallel.h"

#include <string.h>

enum {
    OUT = NW_WINO_OUT,
    POINTS = NW_WINO_POINTS,
    MOST_WIDTH = 256,
    MOST_CHANNELS = 128
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Times as fast as relu, oneDNN's convolution and the moments, or backward as the norm's
 * and the relu's gradients and oneDNN's two passes; a batch of 64, one thread:
 *
 *     size      8>8        16>16      32>32      64>64      128>128
 *     4x4       2.4 1.4    2.5 1.8    2.6 2.3    2.8 2.6    3.1 2.6
 *     5x5       1.2 0.7    1.1 0.8    1.1 1.0    1.2 1.1    1.4 1.2
 *     6x6       1.5 0.9    1.4 1.3    1.4 1.4    1.7 1.6    1.9 1.7
 *     7x7       1.9 1.0    1.9 1.7    2.0 1.9    2.4 2.1    2.7 2.2
 *     8x8       2.5 1.4    2.4 2.0    2.5 2.4    2.9 2.6    3.5 2.8
 *     9x9       1.5 0.9    1.4 1.2    1.5 1.4    1.8 1.6
 *     13x13     1.6 1.0    1.6 1.6    1.7 1.7    2.0 2.0
 *     16x16     2.3 1.4    2.3 2.1    2.4 2.5    2.9 3.0
 *     32x32     2.3 1.5    2.3 2.2    2.5 2.6
 *
 * What counts is the share of the tiles that lies within the image: a half is enough.
 * With more than 128 channels the sums over the parts of a batch want much memory. */
static int dense_fits(const nw_stage *s)
{
    const int tiles = (s->ih + OUT - 1) / OUT * ((s->iw + OUT - 1) / OUT);

    return nw_has_wide() && s->k == 3 && s->stride == 1 && s->pad == 1 && s->dil == 1 &&
           s->c >= NW_LANES && s->oc >= NW_LANES && s->c <= MOST_CHANNELS &&
           s->oc <= MOST_CHANNELS && s->iw <= MOST_WIDTH &&
           2 * s->ih * s->iw >= OUT * OUT * tiles;
}

/* ---- Forward -------------------------------------------------------------------- */

/* A panel of all products of a block to a tensor of c channels. */
static void give(const nw_dense_call *call, const nw_dense_own *o,
                 const nw_dense_block *b, int from, float *to, int c)
{
    const nw_dense_plan *p = &call->p;
    const int n = nw_dense_width(from, c);
    const size_t line = (size_t)(p->s->iw * c);

    for (int i = 0; i < b->n; i++) {
        const nw_wino_place place = {
            .to = to + nw_dense_row(p, b, i) * line + from,
            .row = line,
            .pixel = (size_t)c,
            .rows = nw_dense_rows(p, b, i),
            .cols = p->s->iw,
            .c = c - from,
        };

        nw_wino_out(p->tw, o->mid + (size_t)(i * p->tw * n), p->m, n, &place);
    }
}

static void forward_block(const nw_dense_call *call, const nw_dense_block *b, void *part)
{
    const nw_dense_plan *p = &call->p;
    const nw_stage *s = p->s;
    const nw_dense_own o = nw_dense_places(call);
    const size_t first = nw_dense_row(p, b, 0), last = nw_dense_row(p, b, b->n);
    float *y = call->a->y + first * nw_dense_y_line(p);
    nw_dense_soon soon = {.steps = POINTS * nw_dense_panels(s->oc)};

    nw_dense_want(&soon, y, 0, (last - first) * nw_dense_y_line(p), 1);
    nw_dense_want(&soon, call->a->x, last * nw_dense_x_line(p),
                  (nw_dense_next(p, b) - last) * nw_dense_x_line(p), 0);
    for (int i = 0; i < b->n; i++)
        nw_dense_take(call, &o, b, i);
    for (int c = 0; c < s->oc; c += NW_DENSE_PANEL) {
        nw_dense_multiply(call, &o, b, c, &soon);
        give(call, &o, b, c, call->a->y, s->oc);
    }
    if (call->a->moment)
        nw_gather_rows(part, s->oc, (int)(last - first) * s->ow, y);
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    const nw_dense_call *call = arg;

    for (size_t part = begin; part < end; part++) {
        float *gather = call->parts + part * call->p.part;

        nw_gather_clear(gather, call->p.s->oc);
        for (nw_dense_block b = nw_dense_first(&call->p, part); b.n;
             nw_dense_go_on(&call->p, &b))
            forward_block(call, &b, gather);
    }
}

static void dense_forward(const nw_stage *s, const nw_stage_args *a)
{
    nw_dense_call call;

    nw_dense_begin(&call, s, a, 0);
    nw_parallel((size_t)call.p.cut.parts, 1, forward_part, &call);
    if (a->moment)
        nw_gather_end(call.parts, call.p.cut.parts, s->oc, a->moment, a->variance);
}

/* ---- Backward ------------------------------------------------------------------- */

/* Floats before row r of strip i in act and grad. */
static size_t act_at(const nw_dense_plan *p, int i, int r)
{
    return (size_t)((i * OUT + r) * OUT * p->tw * p->cp);
}

static void gate_strip(const nw_dense_call *call, const nw_dense_own *o,
                       const nw_dense_block *b, int i)
{
    const nw_dense_plan *p = &call->p;
    const float *x = call->a->x + nw_dense_row(p, b, i) * nw_dense_x_line(p);

    for (int r = 0; r < nw_dense_rows(p, b, i); r++, x += nw_dense_x_line(p))
        nw_gate_in(p->s, call->a, p->s->iw, x, p->cp, o->act + act_at(p, i, r));
}

/* Sums of a panel of input channels by all output channels. */
static void add_products(const nw_dense_call *call, const nw_dense_own *o,
                         const nw_dense_block *b, int from, nw_dense_soon *soon)
{
    const nw_dense_plan *p = &call->p;
    const nw_wino_strip strip = {p->tw, p->cp, o->line};
    const int n = nw_dense_width(from, p->s->c);

    for (int i = 0; i < b->n; i++) {
        const float *row[OUT];

        for (int r = 0; r < OUT; r++)
            row[r] = r < nw_dense_rows(p, b, i) ? o->act + act_at(p, i, r) : o->zero;
        nw_wino_spread(&strip, row, from, n, o->spread + (size_t)(i * p->tw * n), p->m);
    }
    nw_dense_accumulate(call, o, b, from, soon);
}

/* A panel of the gradient of the gated input; also what hangs over the edge. */
static void give_back(const nw_dense_call *call, const nw_dense_own *o,
                      const nw_dense_block *b, int from)
{
    const nw_dense_plan *p = &call->p;
    const int n = nw_dense_width(from, p->s->c);

    for (int i = 0; i < b->n; i++) {
        const nw_wino_place place = {
            .to = o->grad + act_at(p, i, 0) + from,
            .row = act_at(p, 0, 1),
            .pixel = (size_t)p->cp,
            .rows = OUT,
            .cols = OUT * p->tw,
            .c = n,
        };

        nw_wino_out(p->tw, o->mid + (size_t)(i * p->tw * n), p->m, n, &place);
    }
}

static void gate_back(const nw_dense_call *call, const nw_dense_own *o,
                      const nw_dense_block *b, int i)
{
    const nw_dense_plan *p = &call->p;
    size_t at = nw_dense_row(p, b, i) * nw_dense_x_line(p);

    for (int r = 0; r < nw_dense_rows(p, b, i); r++, at += nw_dense_x_line(p)) {
        const float *x = call->a->x ? call->a->x + at : NULL;

        nw_gate_back(p->s, call->a, p->s->iw, o->act + act_at(p, i, r),
                     o->grad + act_at(p, i, r), p->cp, x, call->a->dx + at,
                     call->a->dx_sum ? o->sums : NULL);
    }
}

static nw_dense_soon back_wants(const nw_dense_call *call, const nw_dense_block *b)
{
    const nw_dense_plan *p = &call->p;
    const nw_stage_args *a = call->a;
    const size_t first = nw_dense_row(p, b, 0), last = nw_dense_row(p, b, b->n),
                 next = nw_dense_next(p, b) - last, x = nw_dense_x_line(p),
                 y = nw_dense_y_line(p);
    nw_dense_soon soon = {.steps = POINTS * nw_dense_panels(p->s->c) *
                                   ((a->dx != NULL) + (a->dw[0] != NULL))};

    nw_dense_want(&soon, a->dx, first * x, (last - first) * x, 1);
    nw_dense_want(&soon, a->x, last * x, next * x, 0);
    nw_dense_want(&soon, a->y, last * y, next * y, 0);
    nw_dense_want(&soon, a->dy, last * y, next * y, 0);
    return soon;
}

static void back_block(const nw_dense_call *call, const nw_dense_block *b)
{
    const nw_dense_plan *p = &call->p;
    const nw_stage_args *a = call->a;
    const nw_dense_own o = nw_dense_places(call);
    const int through = p->s->gate == NW_GATE_NONE && !a->add && !a->dx_sum;
    nw_dense_soon soon = back_wants(call, b);

    for (int i = 0; i < b->n; i++) {
        nw_dense_take(call, &o, b, i);
        if (a->x)
            gate_strip(call, &o, b, i);
    }
    for (int c = 0; c < p->s->c; c += NW_DENSE_PANEL) {
        if (a->dx)
            nw_dense_multiply(call, &o, b, c, &soon);
        if (a->dx && through)
            give(call, &o, b, c, a->dx, p->s->c);
        else if (a->dx)
            give_back(call, &o, b, c);
        if (a->dw[0])
            add_products(call, &o, b, c, &soon);
    }
    for (int i = 0; a->dx && !through && i < b->n; i++)
        gate_back(call, &o, b, i);
}

static void back_part(void *arg, size_t begin, size_t end)
{
    const nw_dense_call *call = arg;
    const nw_dense_plan *p = &call->p;
    const nw_dense_own o = nw_dense_places(call);

    for (size_t part = begin; part < end; part++) {
        float *to = call->parts + part * p->part;

        memset(to, 0, p->part * sizeof(float));
        if (call->a->dw[0])
            memset(o.acc, 0, p->acc * sizeof(float));
        for (nw_dense_block b = nw_dense_first(p, part); b.n; nw_dense_go_on(p, &b))
            back_block(call, &b);
        for (int c = 0; call->a->dw[0] && c < p->s->c; c += NW_DENSE_PANEL)
            nw_wino_unpack(p->op * nw_dense_width(c, p->s->c),
                           o.acc + (size_t)(c / NW_DENSE_PANEL * POINTS) * p->sum, p->sum,
                           to + (size_t)(NW_DENSE_TAPS * c * p->op));
        if (call->a->dx_sum)
            nw_sums_to(p->s->c, p->cp, o.sums, (double *)(to + p->totals));
    }
}

/* Filters of a panel of input channels: of all parts, in order, to where they belong. */
static void add_panels(void *arg, size_t begin, size_t end)
{
    const nw_dense_call *call = arg;
    const nw_dense_plan *p = &call->p;
    const nw_stage *s = p->s;

    for (int c = (int)begin * NW_DENSE_PANEL; c < least((int)end * NW_DENSE_PANEL, s->c);
         c += NW_DENSE_PANEL) {
        const int n = nw_dense_width(c, s->c), all = p->op * n;
        float *sum = call->parts + NW_DENSE_TAPS * c * p->op;

        for (int part = 1; part < p->cut.parts; part++)
            for (int i = 0; i < NW_DENSE_TAPS * all; i++)
                sum[i] += sum[(size_t)part * p->part + (size_t)i];
        for (int o = 0; o < s->oc; o++)
            for (int k = 0; k < n && c + k < s->c; k++)
                for (int t = 0; t < NW_DENSE_TAPS; t++)
                    call->a->dw[0][(o * s->c + c + k) * NW_DENSE_TAPS + t] +=
                        sum[t * all + o * n + k];
    }
}

static void dense_backward(const nw_stage *s, const nw_stage_args *a)
{
    nw_dense_call call;

    nw_dense_begin(&call, s, a, 1);
    nw_parallel((size_t)call.p.cut.parts, 1, back_part, &call);
    if (a->dw[0])
        nw_parallel((size_t)nw_dense_panels(s->c), 1, add_panels, &call);
    if (a->dx_sum)
        nw_sums_end(call.parts + call.p.totals, call.p.part, call.p.cut.parts, s->c,
                    a->dx_sum, a->dx_prod);
}

const nw_stage_type nw_stage_dense = {
    .name = "dense",
    .n_filter = 1,
    .fits = dense_fits,
    .scratch = nw_dense_scratch,
    .forward = dense_forward,
    .backward = dense_backward,
};

#endif
