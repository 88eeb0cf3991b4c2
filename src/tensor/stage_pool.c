/*
 * stage_pool.c - the largest number or the mean of every window, a row of y at a time.
 *
 * Forward the rows that a row of y reads are joined to one line, then the pixels of the
 * line. Backward the largest number is found again: it is where x holds what y does, the
 * first in scan order among equals, as in pool.c. So nothing but x and y is kept. All
 * walks go along memory, neighbouring windows as one long vector.
 *
 * Bytes: the plain sequence pool, batch norm keeps the places of all maxima as well,
 * reads y once more for its moments, and writes and reads the gradient of y between the
 * two.
 */
#include "stage.h"

#ifndef NW_DOUBLE

#include "image.h"
#include "lanes.h"
#include "parallel.h"

#include <string.h>

enum kind { LARGEST, MEAN };

/* Rows of a window at most; numbers of y of which moments are taken at a time. */
enum { MOST = 5, BAND = 1 << 12 };

struct plan {
    const nw_stage *s;
    nw_stage_cut cut;
    int from, to; /* outputs of a row whose windows are whole          */
    size_t own;   /* floats of a thread: a line, or gradients of one   */
    size_t part;  /* floats that a part gathers                        */
};

static void lay_out(struct plan *p, const nw_stage *s, int backward)
{
    *p = (struct plan){.s = s, .cut = nw_stage_cut_of(s->n)};
    p->to = s->iw + s->pad < s->k ? 0 : (s->iw + s->pad - s->k) / s->stride + 1;
    p->from = (s->pad + s->stride - 1) / s->stride;
    p->from = p->from < p->to ? p->from : p->to;
    p->own = (size_t)((s->iw + s->k) * s->c + 15) / 16 * 16;
    if (!backward)
        p->part = nw_gather_bytes(s->c) / sizeof(float);
}

static int pool_fits(const nw_stage *s)
{
    return nw_has_wide() && s->c >= 8 && s->oc == s->c && s->gate == NW_GATE_NONE &&
           s->dil == 1 && s->k <= MOST && s->stride <= s->k && 2 * s->pad <= s->k;
}

static size_t pool_scratch(const nw_stage *s, int backward)
{
    struct plan p;

    lay_out(&p, s, backward);
    return sizeof(float) * ((size_t)s->threads * p.own + (size_t)p.cut.parts * p.part);
}

struct call {
    struct plan p;
    const nw_stage_args *a;
    enum kind kind;
    float *own, *parts;
};

static void begin(struct call *call, const nw_stage *s, const nw_stage_args *a,
                  enum kind kind, int backward)
{
    lay_out(&call->p, s, backward);
    call->a = a;
    call->kind = kind;
    call->parts = a->scratch;
    call->own = call->parts + (size_t)call->p.cut.parts * call->p.part;
    if (backward) /* what lies between and beside gradients stays zero */
        memset(call->own, 0, (size_t)s->threads * call->p.own * sizeof(float));
}

static float *own_line(const struct call *call)
{
    return call->own + (size_t)nw_thread() * call->p.own;
}

/* What output o of an axis reads: [begin, end) of its `in` pixels. */
struct span {
    int begin, end;
};

NW_INLINE struct span span_of(const nw_stage *s, int o, int in)
{
    const int begin = o * s->stride - s->pad, end = begin + s->k;

    return (struct span){begin > 0 ? begin : 0, end < in ? end : in};
}

/* Neighbouring windows, all whole or just one, n floats of x and y each, `step` floats of
 * x from one to the next: those that lie a pixel apart are one long vector. */
struct run {
    int count, n, step;
    int windows; /* that are in it */
};

NW_INLINE struct run run_of(const struct plan *p, int j)
{
    const nw_stage *s = p->s;
    const int left = j >= p->from && j < p->to ? p->to - j : 1;

    if (s->stride == 1)
        return (struct run){1, left * s->c, 0, left};
    return (struct run){left, s->c, s->stride * s->c, left};
}

/* ---- Forward ------------------------------------------------------------------------
 */

/* y = the n vectors that lie `apart` joined, times share. */
NW_WIDE NW_INLINE void join(enum kind kind, struct run r, int n, int apart,
                            const float *x, float share, float *y)
{
    for (; r.count; r.count--, x += r.step, y += r.n)
        for (int from = 0; from < r.n; from += NW_LANES) {
            const int at = nw_lanes_at(from, r.n);
            nw_v v = nw_get(x + at);

#pragma GCC unroll 2
            for (int i = 1; i < n; i++) {
                const nw_v next = nw_get(x + i * apart + at);

                v = kind == MEAN ? v + next : nw_larger(v, next);
            }
            nw_put(y + at, kind == MEAN ? v * share : v);
        }
}

NW_WIDE static void join_some(enum kind kind, struct run r, int n, int apart,
                              const float *x, float share, float *y)
{
    if (kind == MEAN && n == 3)
        join(MEAN, r, 3, apart, x, share, y);
    else if (kind == MEAN)
        join(MEAN, r, n, apart, x, share, y);
    else if (n == 3)
        join(LARGEST, r, 3, apart, x, share, y);
    else
        join(LARGEST, r, n, apart, x, share, y);
}

static void forward_row(const struct call *call, struct span rows, const float *x,
                        float *y)
{
    const nw_stage *s = call->p.s;
    const int c = s->c, width = s->iw * c, n = rows.end - rows.begin;
    const struct run whole = {.count = 1, .n = width};
    float *line = own_line(call);

    join_some(call->kind, whole, n, width, x + rows.begin * width, 1, line);
    for (int j = 0; j < s->ow;) {
        const struct span w = span_of(s, j, s->iw);
        const struct run r = run_of(&call->p, j);

        join_some(call->kind, r, w.end - w.begin, c, line + w.begin * c,
                  1 / (float)(n * (w.end - w.begin)), y + j * c);
        j += r.windows;
    }
}

static int rows_at_a_time(const nw_stage *s)
{
    const int fit = BAND / (s->ow * s->c);

    return fit < 1 ? 1 : fit;
}

static void forward_image(const struct call *call, size_t image, void *part)
{
    const nw_stage *s = call->p.s;
    const int width = s->ow * s->c, some = rows_at_a_time(s);
    const float *x = call->a->x + image * (size_t)(s->ih * s->iw * s->c);
    float *y = call->a->y + image * (size_t)(s->oh * width);

    for (int i = 0, seen = 0; i < s->oh; i++) {
        forward_row(call, span_of(s, i, s->ih), x, y + i * width);
        if (call->a->moment && (i + 1 - seen == some || i + 1 == s->oh)) {
            nw_gather_rows(part, s->c, (i + 1 - seen) * s->ow, y + seen * width);
            seen = i + 1;
        }
    }
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;

    for (size_t part = begin; part < end; part++) {
        float *gather = call->parts + part * call->p.part;
        size_t i;
        const size_t last = nw_stage_images(&call->p.cut, call->p.s->n, part, &i);

        nw_gather_clear(gather, call->p.s->c);
        for (; i < last; i++)
            forward_image(call, i, gather);
    }
}

static void forward(const nw_stage *s, const nw_stage_args *a, enum kind kind)
{
    struct call call;

    begin(&call, s, a, kind, 0);
    nw_parallel((size_t)call.p.cut.parts, 1, forward_part, &call);
    if (a->moment)
        nw_gather_end(call.parts, call.p.cut.parts, s->c, a->moment, a->variance);
}

/* ---- Backward -----------------------------------------------------------------------
 */

NW_WIDE NW_INLINE void add(float *to, nw_v v)
{
    nw_put(to, nw_get(to) + v);
}

/* A row of y, its gradient, and the rows of x and dx that its windows reach. */
struct row {
    const nw_stage *s;
    struct span rows;
    const float *x, *y;
    float *grad, *dx;
};

/* The windows from j on: each gives its gradient to the first of rows x pixels numbers
 * that is equal. */
NW_WIDE NW_INLINE void give(const struct row *r, int j, struct run run, int rows,
                            struct span w, int pixels)
{
    const int c = r->s->c, line = r->s->iw * c;
    const size_t to = (size_t)(r->rows.begin * line + w.begin * c);
    const float *y = r->y + j * c, *grad = r->grad + j * c, *x = r->x + to;
    float *dx = r->dx + to;

    for (; run.count; run.count--, x += run.step, dx += run.step, y += c, grad += c)
        for (int from = 0; from < run.n; from += NW_LANES) {
            const int at = nw_lanes_at(from, run.n);
            const nw_v most = nw_get(y + at);
            nw_v left = nw_get(grad + at) * nw_fresh(from, at);

#pragma GCC unroll 3
            for (int i = 0; i < rows; i++)
#pragma GCC unroll 3
                for (int k = 0; k < pixels; k++) {
                    const int p = i * line + k * c + at;
                    const nw_lane_mask is = nw_get(x + p) == most;

                    add(dx + p, (nw_v)((nw_lane_mask)left & is));
                    left = (nw_v)((nw_lane_mask)left & ~is);
                }
        }
}

NW_WIDE static void give_row(const struct plan *p, const struct row *r)
{
    const int rows = r->rows.end - r->rows.begin;

    for (int j = 0; j < r->s->ow;) {
        const struct span w = span_of(r->s, j, r->s->iw);
        const struct run run = run_of(p, j);

        if (rows == 3 && w.end - w.begin == 3)
            give(r, j, run, 3, w, 3);
        else
            give(r, j, run, rows, w, w.end - w.begin);
        j += run.windows;
    }
}

/* Gradients, stride pixels apart with zeros between: every pixel takes k neighbours. */
NW_WIDE NW_INLINE void share_out(const struct row *r, int rows, int k)
{
    const int c = r->s->c, line = r->s->iw * c;
    const float share = 1 / (float)(rows * r->s->k);
    float *dx = r->dx + r->rows.begin * line;

    for (int from = 0; from < line; from += NW_LANES) {
        const int at = nw_lanes_at(from, line);
        nw_v v = nw_get(r->grad + at);

#pragma GCC unroll 2
        for (int i = 1; i < k; i++)
            v += nw_get(r->grad + i * c + at);
        v *= nw_fresh(from, at) * share;
#pragma GCC unroll 3
        for (int i = 0; i < rows; i++)
            add(dx + i * line + at, v);
    }
}

/* Windows that the border cuts have fewer pixels to share among. */
static void weigh_cut(const struct plan *p, float *grad, int pitch)
{
    const nw_stage *s = p->s;

    for (int j = 0; j < s->ow; j++) {
        const struct span w = span_of(s, j, s->iw);

        if (j < p->from || j >= p->to)
            for (int i = 0; i < s->c; i++)
                grad[j * pitch + i] *= (float)s->k / (float)(w.end - w.begin);
    }
}

NW_WIDE static void share_row(const struct row *r)
{
    const int rows = r->rows.end - r->rows.begin;

    if (rows == 3 && r->s->k == 3)
        share_out(r, 3, 3);
    else
        share_out(r, rows, r->s->k);
}

static void clear(const struct call *call, float *dx, int begin, int end)
{
    const size_t line = (size_t)(call->p.s->iw * call->p.s->c);

    if (!call->a->add && begin < end)
        memset(dx + (size_t)begin * line, 0, (size_t)(end - begin) * line * sizeof(*dx));
}

static void back_row(const struct call *call, const struct row *r, const float *dy)
{
    const nw_stage *s = r->s;
    float *first = r->grad + (s->k - 1 - s->pad) * s->c;

    if (call->kind == LARGEST) {
        nw_norm_in(s, call->a, s->ow, r->y, dy, s->c, r->grad);
        give_row(&call->p, r);
        return;
    }
    nw_norm_in(s, call->a, s->ow, r->y, dy, s->stride * s->c, first);
    weigh_cut(&call->p, first, s->stride * s->c);
    share_row(r);
}

static void back_image(const struct call *call, size_t image)
{
    const nw_stage *s = call->p.s;
    const size_t in = image * (size_t)(s->ih * s->iw * s->c),
                 width = (size_t)(s->ow * s->c);
    size_t out = image * (size_t)s->oh * width;
    float *dx = call->a->dx + in;
    int ready = 0;

    for (int i = 0; i < s->oh; i++, out += width) {
        const struct row r = {.s = s,
                              .rows = span_of(s, i, s->ih),
                              .x = call->a->x + in,
                              .y = call->a->y + out,
                              .grad = own_line(call),
                              .dx = dx};

        clear(call, dx, ready, r.rows.end);
        ready = r.rows.end;
        back_row(call, &r, call->a->dy + out);
    }
    clear(call, dx, ready, s->ih); /* no window reaches there */
}

static void back_part(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;

    for (size_t part = begin; part < end; part++) {
        size_t i;
        const size_t last = nw_stage_images(&call->p.cut, call->p.s->n, part, &i);

        for (; i < last; i++)
            back_image(call, i);
    }
}

static void backward(const nw_stage *s, const nw_stage_args *a, enum kind kind)
{
    struct call call;

    begin(&call, s, a, kind, 1);
    if (a->dx)
        nw_parallel((size_t)call.p.cut.parts, 1, back_part, &call);
}

/* ---- Types --------------------------------------------------------------------------
 */

static void largest_forward(const nw_stage *s, const nw_stage_args *a)
{
    forward(s, a, LARGEST);
}

static void largest_backward(const nw_stage *s, const nw_stage_args *a)
{
    backward(s, a, LARGEST);
}

static void mean_forward(const nw_stage *s, const nw_stage_args *a)
{
    forward(s, a, MEAN);
}

static void mean_backward(const nw_stage *s, const nw_stage_args *a)
{
    backward(s, a, MEAN);
}

const nw_stage_type nw_stage_maxpool = {
    .name = "maxpool",
    .fits = pool_fits,
    .scratch = pool_scratch,
    .forward = largest_forward,
    .backward = largest_backward,
};

const nw_stage_type nw_stage_avgpool = {
    .name = "avgpool",
    .fits = pool_fits,
    .scratch = pool_scratch,
    .forward = mean_forward,
    .backward = mean_backward,
};

#endif
