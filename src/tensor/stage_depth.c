/*
 * stage_depth.c - depthwise convolution alone, a band of rows of an image at a time
 * (depth_walk.h), in buffers of the thread that stay in its caches.
 *
 * Bytes: the plain sequence batch norm, relu, depthwise, moments moves 2 + 2 + 2 + 1
 * images through memory going forward; this one reads one and writes one.
 */
#include "stage.h"

#ifndef NW_DOUBLE

#include "depth_walk.h"
#include "image.h"
#include "parallel.h"

#include <string.h>

/* Floats of a ring that a band should not exceed: 96 KB, two of which leave room for what
 * streams by in a second-level cache of 512 KB. */
enum { RING = 24 << 10 };

struct plan {
    nw_depth depth;
    nw_stage_cut cut;
    size_t mid, own;     /* floats of a band of outputs; of all buffers of a thread */
    size_t part, totals; /* what a part gathers, and where its doubles start */
};

static int rows_of(const nw_stage *s)
{
    const int reach = (s->k - 1) * s->dil, fit = RING / ((s->iw + reach) * s->c) - reach;

    return fit < 2 * s->stride ? 2 : fit / s->stride;
}

static void lay_out(struct plan *p, const nw_stage *s, int backward)
{
    *p = (struct plan){.cut = nw_stage_cut_of(s->n)};
    nw_depth_lay_out(&p->depth, s, rows_of(s));
    p->mid = p->depth.cp > s->c
                 ? nw_whole_lines((size_t)(p->depth.rows * s->ow * p->depth.cp))
                 : 0;
    p->own = p->depth.act + p->mid;
    p->part = nw_gather_bytes(s->c) / sizeof(float);
    if (!backward)
        return;
    p->own = p->depth.act + p->depth.spread + p->depth.line +
             nw_whole_lines(2 * (size_t)p->depth.cp);
    p->totals = p->depth.filter;
    p->part =
        p->totals + nw_whole_lines(2 * (size_t)s->c * sizeof(double) / sizeof(float));
}

static int depth_fits(const nw_stage *s)
{
    return nw_depth_fits(s) && s->oc == s->c;
}

static size_t depth_scratch(const nw_stage *s, int backward)
{
    struct plan p;

    lay_out(&p, s, backward);
    return sizeof(float) *
           ((size_t)s->threads * p.own + p.depth.filter + (size_t)p.cut.parts * p.part);
}

/* A call: the packed filter, and where buffers stand. */
struct call {
    struct plan p;
    const nw_stage_args *a;
    float *filter, *own, *parts;
};

static void begin(struct call *call, const nw_stage *s, const nw_stage_args *a,
                  int backward)
{
    lay_out(&call->p, s, backward);
    call->a = a;
    call->filter = a->scratch;
    call->parts = call->filter + call->p.depth.filter;
    call->own = call->parts + (size_t)call->p.cut.parts * call->p.part;
    memset(call->own, 0, (size_t)s->threads * call->p.own * sizeof(float));
    nw_depth_pack(&call->p.depth, a->w[0], backward, call->filter);
}

static float *own_buffers(const struct call *call)
{
    return call->own + (size_t)nw_thread() * call->p.own;
}

/* ---- Forward ------------------------------------------------------------------------
 */

/* Pixels of c channels from pixels of cp. */
static void close_up(int n, int c, int cp, const float *from, float *to)
{
    for (int i = 0; i < n; i++)
        memcpy(to + (size_t)(i * c), from + (size_t)(i * cp), (size_t)c * sizeof(float));
}

static void forward_image(const struct call *call, size_t image, void *part)
{
    const nw_depth *d = &call->p.depth;
    const nw_stage *s = d->s;
    const size_t line = (size_t)(s->ow * s->c);
    nw_depth_walk walk = {.d = d, .a = call->a, .act = own_buffers(call)};
    float *y = call->a->y + image * (size_t)s->oh * line, *mid = walk.act + d->act;

    nw_depth_start(&walk, image);
    for (int r = 0; r < s->oh; r += d->rows, y += (size_t)d->rows * line) {
        const int n = s->oh - r < d->rows ? s->oh - r : d->rows;

        nw_depth_read(&walk, r, n);
        nw_depth_rows(&walk, call->filter, r, n, call->p.mid ? mid : y);
        if (call->p.mid)
            close_up(n * s->ow, s->c, d->cp, mid, y);
        if (call->a->moment)
            nw_gather_rows(part, s->c, n * s->ow, y);
    }
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;

    for (size_t part = begin; part < end; part++) {
        float *gather = call->parts + part * call->p.part;
        size_t i;
        const size_t last = nw_stage_images(&call->p.cut, call->p.depth.s->n, part, &i);

        nw_gather_clear(gather, call->p.depth.s->c);
        for (; i < last; i++)
            forward_image(call, i, gather);
    }
}

static void depth_forward(const nw_stage *s, const nw_stage_args *a)
{
    struct call call;

    begin(&call, s, a, 0);
    nw_parallel((size_t)call.p.cut.parts, 1, forward_part, &call);
    if (a->moment)
        nw_gather_end(call.parts, call.p.cut.parts, s->c, a->moment, a->variance);
}

/* ---- Backward -----------------------------------------------------------------------
 */

static void back_rows(const struct call *call, nw_depth_walk *walk, size_t image, int row,
                      int n, float *part)
{
    const nw_depth *d = &call->p.depth;
    const nw_stage *s = d->s;
    size_t at = (image * (size_t)s->oh + (size_t)row) * (size_t)(s->ow * s->c);

    nw_depth_read(walk, row, n);
    for (int r = row; r < row + n; r++, at += (size_t)(s->ow * s->c))
        nw_norm_in(s, call->a, s->ow, call->a->y + at, call->a->dy + at,
                   s->stride * d->cp, nw_depth_spread(walk, r));
    if (call->a->dw[0])
        nw_depth_filter(walk, row, n, part);
    if (call->a->dx)
        nw_depth_back(walk, call->filter);
}

static void back_image(const struct call *call, size_t image, float *part)
{
    const nw_depth *d = &call->p.depth;
    const nw_stage *s = d->s;
    nw_depth_walk walk = {.d = d, .a = call->a, .act = own_buffers(call)};

    walk.spread = walk.act + d->act;
    walk.line = walk.spread + d->spread;
    walk.sums = walk.line + d->line;
    nw_depth_start(&walk, image);
    for (int r = 0; r < s->oh; r += d->rows)
        back_rows(call, &walk, image, r, s->oh - r < d->rows ? s->oh - r : d->rows, part);
    if (call->a->dx)
        nw_depth_finish(&walk, call->filter);
    if (call->a->dx_sum)
        nw_sums_to(s->c, d->cp, walk.sums, (double *)(part + call->p.totals));
}

static void back_part(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;

    for (size_t part = begin; part < end; part++) {
        float *sums = call->parts + part * call->p.part;
        size_t i;
        const size_t last = nw_stage_images(&call->p.cut, call->p.depth.s->n, part, &i);

        memset(sums, 0, call->p.part * sizeof(float));
        for (; i < last; i++)
            back_image(call, i, sums);
    }
}

static void depth_backward(const nw_stage *s, const nw_stage_args *a)
{
    struct call call;

    begin(&call, s, a, 1);
    nw_parallel((size_t)call.p.cut.parts, 1, back_part, &call);
    for (int part = 0; a->dw[0] && part < call.p.cut.parts; part++)
        nw_depth_add(&call.p.depth, call.parts + (size_t)part * call.p.part, a->dw[0]);
    if (a->dx_sum)
        nw_sums_end(call.parts + call.p.totals, call.p.part, call.p.cut.parts, s->c,
                    a->dx_sum, a->dx_prod);
}

const nw_stage_type nw_stage_depth = {
    .name = "depth",
    .n_filter = 1,
    .in_place = 1,
    .fits = depth_fits,
    .scratch = depth_scratch,
    .forward = depth_forward,
    .backward = depth_backward,
};

#endif
