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
    return 4 * ((size_t)in + (size_t)out);
}

static void lay_out(nw_axis *a, int in, int out, int *room)
{
    *a = (nw_axis){.in = in, .out = out};
    a->begin = room, a->end = room + out;
    a->out_run = room + 2 * out, a->out_step = room + 3 * out;
    room += 4 * out;
    a->first = room, a->last = room + in;
    a->in_run = room + 2 * in, a->in_step = room + 3 * in;
}

static int width(const nw_axis *a, int o)
{
    return a->end[o] - a->begin[o];
}

static void find_out_runs(nw_axis *a)
{
    for (int o = 0; o < a->out; o++) {
        int n = 1, step = o + 1 < a->out ? a->begin[o + 1] - a->begin[o] : 0;

        while (o + n < a->out && width(a, o + n) == width(a, o) &&
               a->begin[o + n] - a->begin[o + n - 1] == step)
            n++;
        a->out_run[o] = n, a->out_step[o] = step;
    }
}

/* Whether all windows of input i are equally wide and evenly spaced; if so, how far. */
static int is_even(const nw_axis *a, int i, int *step)
{
    int j = a->first[i];

    *step = j + 1 < a->last[i] ? a->begin[j + 1] - a->begin[j] : 0;
    for (; j + 1 < a->last[i]; j++)
        if (width(a, j + 1) != width(a, j) || a->begin[j + 1] - a->begin[j] != *step)
            return 0;
    return 1;
}

static void find_in_runs(nw_axis *a)
{
    for (int i = a->in - 1; i >= 0; i--) {
        int first = a->first[i], n = a->last[i] - first, next = i + 1;

        a->in_run[i] = is_even(a, i, &a->in_step[i]);
        if (a->in_run[i] && n && next < a->in && a->in_run[next] &&
            a->in_step[next] == a->in_step[i] && a->last[next] - a->first[next] == n &&
            a->first[next] == first + 1 && width(a, first + 1) == width(a, first) &&
            a->begin[first + 1] == a->begin[first] + 1)
            a->in_run[i] += a->in_run[next];
    }
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
    find_out_runs(a);
    find_in_runs(a);
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

/* Where `m` pixels that are written read from: n pixels, c numbers apart, of which the
 * first moves on by `step` numbers with every pixel written. */
struct run {
    size_t m, c, step;
    int n;
};

/* Pixels whose inputs move on by one are one long vector. */
NW_INLINE void join(struct run *r)
{
    if (r->step == r->c)
        r->step = r->m * r->c, r->c = r->step, r->m = 1;
}

/* y = or += scale * (the sum of n pixels of x, `apart` numbers from each other) */
NW_INLINE void add_pixels(struct run r, size_t apart, const nw_real *restrict x, int n,
                          nw_real scale, int fresh, nw_real *restrict y)
{
    for (; r.m; r.m--, x += r.step, y += r.c)
        for (size_t i = 0; i < r.c; i++) {
            nw_real sum = x[i];

#pragma GCC unroll 8
            for (int k = 1; k < n; k++)
                sum += x[(size_t)k * apart + i];
            y[i] = fresh ? scale * sum : y[i] + scale * sum;
        }
}

NW_INLINE void add_run(struct run r, const nw_real *x, nw_real scale, int fresh,
                       nw_real *y)
{
    size_t apart = r.c;

    join(&r);
    if (r.n == 2)
        add_pixels(r, apart, x, 2, scale, fresh, y);
    else if (r.n == 3)
        add_pixels(r, apart, x, 3, scale, fresh, y);
    else
        for (int k = 0; k < r.n; k++)
            add_pixels(r, apart, x + (size_t)k * apart, 1, scale, fresh && !k, y);
}

/* One row of y. */
NW_CLONES static void avg_row(const nw_pool *p, const nw_real *image, int i, nw_real *y)
{
    size_t c = (size_t)p->c, line = (size_t)p->w.in * c;

    for (int j = 0, m; j < p->w.out; j += m) {
        struct run r = {(size_t)p->w.out_run[j], c, (size_t)p->w.out_step[j] * c,
                        p->w.end[j] - p->w.begin[j]};

        m = p->w.out_run[j];
        for (int a = p->h.begin[i]; a < p->h.end[i]; a++)
            add_run(r, image + (size_t)a * line + (size_t)p->w.begin[j] * c,
                    share(p, i, j), a == p->h.begin[i], y + (size_t)j * c);
    }
}

static void avg_forward_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_pool *p = job->p;
    size_t line = (size_t)p->w.in * (size_t)p->c, h = (size_t)p->h.out;

    for (size_t r = begin; r < end; r++)
        avg_row(p, job->in + r / h * (size_t)p->h.in * line, (int)(r % h),
                job->out + r * (size_t)p->w.out * (size_t)p->c);
}

void NW_R(nw_avg_forward)(const nw_pool *p, const nw_real *x, nw_real *y)
{
    struct job job = {.p = p, .in = x, .out = y};

    nw_parallel((size_t)p->n * (size_t)p->h.out,
                grain(p, p->w.out, widest(&p->h) * widest(&p->w)), avg_forward_part,
                &job);
}

/* One row of dx from one row i of dy. */
NW_CLONES static void avg_row_back(const nw_pool *p, const nw_real *dy, int i,
                                   nw_real *dx)
{
    size_t c = (size_t)p->c;

    for (int w = 0, m; w < p->w.in; w += m) {
        int j = p->w.first[w], n = p->w.last[w] - j;
        struct run r = {(size_t)p->w.in_run[w], c, c, n};

        m = p->w.in_run[w] ? p->w.in_run[w] : 1;
        if (n && p->w.in_run[w]) {
            add_run(r, dy + (size_t)j * c, share(p, i, j), 0, dx + (size_t)w * c);
            continue;
        }
        r.m = 1, r.n = 1;
        for (; j < p->w.last[w]; j++)
            add_run(r, dy + (size_t)j * c, share(p, i, j), 0, dx + (size_t)w * c);
    }
}

static void avg_backward_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_pool *p = job->p;
    size_t line = (size_t)p->w.out * (size_t)p->c, row = (size_t)p->w.in * (size_t)p->c;

    for (size_t r = begin; r < end; r++) {
        int h = (int)(r % (size_t)p->h.in);
        const nw_real *image = job->in + r / (size_t)p->h.in * (size_t)p->h.out * line;
        nw_real *dx = job->out + r * row;

        if (!job->add)
            memset(dx, 0, row * sizeof(nw_real));
        for (int i = p->h.first[h]; i < p->h.last[h]; i++)
            avg_row_back(p, image + (size_t)i * line, i, dx);
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
NW_INLINE void max_pixels(struct run r, size_t apart, const nw_real *restrict x, int n,
                          int place, int fresh, nw_real *restrict y,
                          unsigned short *restrict index)
{
    for (; r.m; r.m--, x += r.step, y += r.c, index += r.c)
        for (size_t i = 0; i < r.c; i++) {
            nw_real most = fresh ? x[i] : y[i];
            int where = fresh ? place : index[i];

#pragma GCC unroll 8
            for (int k = 0; k < n; k++) {
                nw_real v = x[(size_t)k * apart + i];
                int wins = (v > most) | (v != v);

                most = wins ? v : most;
                where = wins ? place + k : where;
            }
            y[i] = most;
            index[i] = (unsigned short)where;
        }
}

NW_INLINE void max_run(struct run r, const nw_real *x, int place, int fresh, nw_real *y,
                       unsigned short *index)
{
    size_t apart = r.c;

    join(&r);
    if (r.n == 2)
        max_pixels(r, apart, x, 2, place, fresh, y, index);
    else if (r.n == 3)
        max_pixels(r, apart, x, 3, place, fresh, y, index);
    else
        for (int k = 0; k < r.n; k++)
            max_pixels(r, apart, x + (size_t)k * apart, 1, place + k, fresh && !k, y,
                       index);
}

/* One row of y; width: of the widest window, which numbers the places. */
NW_CLONES static void max_row(const nw_pool *p, int width, const nw_real *image, int i,
                              nw_real *y, unsigned short *index)
{
    size_t c = (size_t)p->c, line = (size_t)p->w.in * c;
    int top = p->h.begin[i];

    for (int j = 0, m; j < p->w.out; j += m) {
        struct run r = {(size_t)p->w.out_run[j], c, (size_t)p->w.out_step[j] * c,
                        p->w.end[j] - p->w.begin[j]};

        m = p->w.out_run[j];
        for (int a = top; a < p->h.end[i]; a++)
            max_run(r, image + (size_t)a * line + (size_t)p->w.begin[j] * c,
                    (a - top) * width, a == top, y + (size_t)j * c,
                    index + (size_t)j * c);
    }
}

static void max_forward_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_pool *p = job->p;
    size_t line = (size_t)p->w.in * (size_t)p->c, h = (size_t)p->h.out;

    for (size_t r = begin; r < end; r++) {
        size_t at = r * (size_t)p->w.out * (size_t)p->c;

        max_row(p, job->width, job->in + r / h * (size_t)p->h.in * line, (int)(r % h),
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

/* dx += dy of those of n windows whose maximum is at place, place - step ... */
NW_INLINE void pick_pixels(size_t total, size_t apart,
                           const unsigned short *restrict index,
                           const nw_real *restrict dy, int n, int place, int step,
                           nw_real *restrict dx)
{
    for (size_t i = 0; i < total; i++) {
        nw_real sum = dx[i];

#pragma GCC unroll 8
        for (int k = 0; k < n; k++) {
            nw_real v = dy[(size_t)k * apart + i];

            sum += index[(size_t)k * apart + i] == place - k * step ? v : (nw_real)0;
        }
        dx[i] = sum;
    }
}

/* total: numbers of dx, which windows read that are `apart` from each other. */
NW_INLINE void pick_run(size_t total, size_t apart, const unsigned short *index,
                        const nw_real *dy, int n, int place, int step, nw_real *dx)
{
    if (n == 2)
        pick_pixels(total, apart, index, dy, 2, place, step, dx);
    else if (n == 3)
        pick_pixels(total, apart, index, dy, 3, place, step, dx);
    else
        for (int k = 0; k < n; k++)
            pick_pixels(total, apart, index + (size_t)k * apart, dy + (size_t)k * apart,
                        1, place - k * step, step, dx);
}

/* One row of dx from one row of dy; place: of that row's first pixel in the windows. */
NW_CLONES static void max_row_back(const nw_pool *p, const unsigned short *index,
                                   const nw_real *dy, int place, nw_real *dx)
{
    size_t c = (size_t)p->c;

    for (int w = 0, m; w < p->w.in; w += m) {
        int j = p->w.first[w], n = p->w.last[w] - j;
        size_t at = (size_t)j * c;

        m = p->w.in_run[w] ? p->w.in_run[w] : 1;
        if (n && p->w.in_run[w]) {
            pick_run((size_t)m * c, c, index + at, dy + at, n, place + w - p->w.begin[j],
                     p->w.in_step[w], dx + (size_t)w * c);
            continue;
        }
        for (; j < p->w.last[w]; j++, at += c)
            pick_run(c, c, index + at, dy + at, 1, place + w - p->w.begin[j], 0,
                     dx + (size_t)w * c);
    }
}

static void max_backward_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_pool *p = job->p;
    size_t line = (size_t)p->w.out * (size_t)p->c, row = (size_t)p->w.in * (size_t)p->c;

    for (size_t r = begin; r < end; r++) {
        int h = (int)(r % (size_t)p->h.in);
        size_t image = r / (size_t)p->h.in * (size_t)p->h.out;
        nw_real *dx = job->out + r * row;

        if (!job->add)
            memset(dx, 0, row * sizeof(nw_real));
        for (int i = p->h.first[h]; i < p->h.last[h]; i++) {
            size_t at = (image + (size_t)i) * line;

            max_row_back(p, job->index + at, job->in + at,
                         (h - p->h.begin[i]) * job->width, dx);
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
