/*
 * pool.c - every number that is written is one vector loop over the channels: forward
 * over the inputs of a window, backward over the windows that hold an input. So no pass
 * needs to clear or share what it writes, and rows run in parallel.
 *
 * The maximum is remembered by its place in the window, row * window width + column.
 */
#include "pool.h"

#include "parallel.h"
#include "simd.h"

#include <string.h>

enum { GRAIN = 1 << 14 };

struct job {
    const nw_pool *p;
    const nw_real *in;
    nw_real *out;
    const unsigned short *index;
    unsigned short *put_index;
    int add;
    int width; /* of a window */
};

/* ---- Tables ------------------------------------------------------------------- */

#ifndef NW_DOUBLE

size_t nw_axis_ints(int in, int out)
{
    return 2 * ((size_t)in + (size_t)out);
}

static void lay_out(nw_axis *a, int in, int out, int *room)
{
    *a = (nw_axis){in, out, room, room + out, room + 2 * out, room + 2 * out + in};
}

/* Windows move to the right, so the outputs that read an input are neighbours. */
static void invert(nw_axis *a)
{
    for (int i = 0; i < a->in; i++) {
        int first = 0, last = 0;

        for (int o = 0; o < a->out; o++)
            if (a->begin[o] <= i && i < a->end[o]) {
                first = last ? first : o;
                last = o + 1;
            }
        a->first[i] = first, a->last[i] = last;
    }
}

void nw_axis_fixed(nw_axis *a, int in, int out, int k, int stride, int pad, int *room)
{
    lay_out(a, in, out, room);
    for (int o = 0; o < out; o++) {
        int begin = o * stride - pad, end = begin + k;

        a->begin[o] = begin > 0 ? begin : 0;
        a->end[o] = end < in ? end : in;
    }
    invert(a);
}

/* PyTorch's: from floor(o in / out) to ceil((o + 1) in / out). */
void nw_axis_adaptive(nw_axis *a, int in, int out, int *room)
{
    lay_out(a, in, out, room);
    for (int o = 0; o < out; o++) {
        a->begin[o] = (int)((long)o * in / out);
        a->end[o] = (int)(((long)(o + 1) * in + out - 1) / out);
    }
    invert(a);
}

#endif

static size_t grain(const nw_pool *p, int width, int window)
{
    size_t work = (size_t)width * (size_t)p->c * (size_t)window;

    return work < GRAIN ? GRAIN / (work + 1) + 1 : 1;
}

static int widest(const nw_axis *a)
{
    int most = 1;

    for (int o = 0; o < a->out; o++)
        most = a->end[o] - a->begin[o] > most ? a->end[o] - a->begin[o] : most;
    return most;
}

/* ---- Average ------------------------------------------------------------------ */

static nw_real share(const nw_pool *p, int i, int j)
{
    int n = (p->h.end[i] - p->h.begin[i]) * (p->w.end[j] - p->w.begin[j]);

    return (nw_real)1 / (nw_real)(p->divisor ? p->divisor : n);
}

/* y = or += scale * (the sum of n rows of x that are c apart) */
NW_INLINE void add_row(size_t c, const nw_real *restrict x, int n, nw_real scale,
                       int fresh, nw_real *restrict y)
{
    for (size_t i = 0; i < c; i++) {
        nw_real sum = x[i];

#pragma GCC unroll 8
        for (int k = 1; k < n; k++)
            sum += x[(size_t)k * c + i];
        y[i] = fresh ? scale * sum : y[i] + scale * sum;
    }
}

NW_CLONES static void add_columns(size_t c, const nw_real *x, int n, nw_real scale,
                                  int fresh, nw_real *y)
{
    if (n == 2)
        add_row(c, x, 2, scale, fresh, y);
    else if (n == 3)
        add_row(c, x, 3, scale, fresh, y);
    else
        for (; n > 0; n--, x += c, fresh = 0)
            add_row(c, x, 1, scale, fresh, y);
}

static void avg_forward_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_pool *p = job->p;
    size_t c = (size_t)p->c, line = (size_t)p->w.in * c;

    for (size_t r = begin; r < end; r++) {
        int i = (int)(r % (size_t)p->h.out);
        const nw_real *image = job->in + r / (size_t)p->h.out * (size_t)p->h.in * line;
        nw_real *y = job->out + r * (size_t)p->w.out * c;

        for (int j = 0; j < p->w.out; j++, y += c)
            for (int a = p->h.begin[i]; a < p->h.end[i]; a++)
                add_columns(c, image + (size_t)a * line + (size_t)p->w.begin[j] * c,
                            p->w.end[j] - p->w.begin[j], share(p, i, j),
                            a == p->h.begin[i], y);
    }
}

void NW_R(nw_avg_forward)(const nw_pool *p, const nw_real *x, nw_real *y)
{
    struct job job = {.p = p, .in = x, .out = y};

    nw_parallel((size_t)p->n * (size_t)p->h.out,
                grain(p, p->w.out, widest(&p->h) * widest(&p->w)), avg_forward_part,
                &job);
}

/* How many windows from column j on, before `end`, are as wide as that one. */
static int equal_shares(const nw_pool *p, int i, int j, int end)
{
    int n = 1;

    while (j + n < end && share(p, i, j + n) == share(p, i, j))
        n++;
    return n;
}

static void avg_backward_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_pool *p = job->p;
    size_t c = (size_t)p->c, line = (size_t)p->w.out * c;

    for (size_t r = begin; r < end; r++) {
        int h = (int)(r % (size_t)p->h.in);
        const nw_real *image = job->in + r / (size_t)p->h.in * (size_t)p->h.out * line;
        nw_real *dx = job->out + r * (size_t)p->w.in * c;

        for (int w = 0; w < p->w.in; w++, dx += c) {
            if (!job->add)
                memset(dx, 0, c * sizeof(nw_real));
            for (int i = p->h.first[h]; i < p->h.last[h]; i++)
                for (int j = p->w.first[w], n; j < p->w.last[w]; j += n) {
                    n = equal_shares(p, i, j, p->w.last[w]);
                    add_columns(c, image + (size_t)i * line + (size_t)j * c, n,
                                share(p, i, j), 0, dx);
                }
        }
    }
}

void NW_R(nw_avg_backward)(const nw_pool *p, const nw_real *dy, nw_real *dx, int add)
{
    struct job job = {.p = p, .in = dy, .out = dx, .add = add};

    nw_parallel((size_t)p->n * (size_t)p->h.in, grain(p, p->w.in, 4), avg_backward_part,
                &job);
}

/* ---- Maximum ------------------------------------------------------------------ */

/* Places of n neighbours: the first of equals wins; a NaN wins over all. */
NW_INLINE void max_row(size_t c, const nw_real *restrict x, int n, int place, int fresh,
                       nw_real *restrict y, unsigned short *restrict index)
{
    for (size_t i = 0; i < c; i++) {
        nw_real most = fresh ? x[i] : y[i];
        int where = fresh ? place : index[i];

#pragma GCC unroll 8
        for (int k = 0; k < n; k++) {
            nw_real v = x[(size_t)k * c + i];
            int wins = (v > most) | (v != v);

            most = wins ? v : most;
            where = wins ? place + k : where;
        }
        y[i] = most;
        index[i] = (unsigned short)where;
    }
}

NW_CLONES static void max_columns(size_t c, const nw_real *x, int n, int place, int fresh,
                                  nw_real *y, unsigned short *index)
{
    if (n == 2)
        max_row(c, x, 2, place, fresh, y, index);
    else if (n == 3)
        max_row(c, x, 3, place, fresh, y, index);
    else
        for (; n > 0; n--, x += c, place++, fresh = 0)
            max_row(c, x, 1, place, fresh, y, index);
}

static void max_forward_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_pool *p = job->p;
    size_t c = (size_t)p->c, line = (size_t)p->w.in * c;

    for (size_t r = begin; r < end; r++) {
        int i = (int)(r % (size_t)p->h.out), top = p->h.begin[i];
        const nw_real *image = job->in + r / (size_t)p->h.out * (size_t)p->h.in * line;
        size_t at = r * (size_t)p->w.out * c;

        for (int j = 0; j < p->w.out; j++, at += c)
            for (int a = top; a < p->h.end[i]; a++)
                max_columns(c, image + (size_t)a * line + (size_t)p->w.begin[j] * c,
                            p->w.end[j] - p->w.begin[j], (a - top) * job->width, a == top,
                            job->out + at, job->put_index + at);
    }
}

void NW_R(nw_max_forward)(const nw_pool *p, const nw_real *x, nw_real *y,
                          unsigned short *index)
{
    struct job job = {
        .p = p, .in = x, .out = y, .put_index = index, .width = widest(&p->w)};

    nw_parallel((size_t)p->n * (size_t)p->h.out,
                grain(p, p->w.out, widest(&p->h) * widest(&p->w)), max_forward_part,
                &job);
}

/* dx += dy of those of n neighbouring windows whose maximum is at place, place - step..
 */
NW_INLINE void pick_row(size_t c, const unsigned short *restrict index,
                        const nw_real *restrict dy, int n, int place, int step,
                        nw_real *restrict dx)
{
    for (size_t i = 0; i < c; i++) {
        nw_real sum = dx[i];

#pragma GCC unroll 8
        for (int k = 0; k < n; k++)
            sum += index[(size_t)k * c + i] == place - k * step ? dy[(size_t)k * c + i]
                                                                : (nw_real)0;
        dx[i] = sum;
    }
}

NW_CLONES static void pick_columns(size_t c, const unsigned short *index,
                                   const nw_real *dy, int n, int place, int step,
                                   nw_real *dx)
{
    if (n == 2)
        pick_row(c, index, dy, 2, place, step, dx);
    else if (n == 3)
        pick_row(c, index, dy, 3, place, step, dx);
    else
        for (; n > 0; n--, index += c, dy += c, place -= step)
            pick_row(c, index, dy, 1, place, step, dx);
}

/* Neighbouring windows start a stride apart, but for those cut at the left border: these
 * are taken one by one. */
static void pick_windows(const struct job *job, size_t line, int h, int i, int w,
                         nw_real *dx)
{
    const nw_pool *p = job->p;
    size_t c = (size_t)p->c;

    for (int j = p->w.first[w], n; j < p->w.last[w]; j += n) {
        size_t at = line + (size_t)j * c;
        int place = (h - p->h.begin[i]) * job->width + w - p->w.begin[j], step = 0;

        for (n = 1; j + n < p->w.last[w]; n++) {
            int apart = p->w.begin[j + n] - p->w.begin[j + n - 1];

            if (n > 1 && apart != step)
                break;
            step = apart;
        }
        pick_columns(c, job->index + at, job->in + at, n, place, step, dx);
    }
}

static void max_backward_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_pool *p = job->p;
    size_t c = (size_t)p->c, line = (size_t)p->w.out * c;

    for (size_t r = begin; r < end; r++) {
        int h = (int)(r % (size_t)p->h.in);
        size_t image = r / (size_t)p->h.in * (size_t)p->h.out;
        nw_real *dx = job->out + r * (size_t)p->w.in * c;

        for (int w = 0; w < p->w.in; w++, dx += c) {
            if (!job->add)
                memset(dx, 0, c * sizeof(nw_real));
            for (int i = p->h.first[h]; i < p->h.last[h]; i++)
                pick_windows(job, (image + (size_t)i) * line, h, i, w, dx);
        }
    }
}

void NW_R(nw_max_backward)(const nw_pool *p, const unsigned short *index,
                           const nw_real *dy, nw_real *dx, int add)
{
    struct job job = {
        .p = p, .in = dy, .out = dx, .index = index, .add = add, .width = widest(&p->w)};

    nw_parallel((size_t)p->n * (size_t)p->h.in, grain(p, p->w.in, 4), max_backward_part,
                &job);
}
