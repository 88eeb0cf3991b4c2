/* image.c - lines of pixels, channel vector by channel vector. */
#include "image.h"

#include "lanes.h"

#ifndef NW_DOUBLE

#include <string.h>

enum { STRETCH = 1024 }; /* numbers */

nw_stage_cut nw_stage_cut_of(int n)
{
    nw_stage_cut cut = {.per_part = (n + NW_STAGE_PARTS - 1) / NW_STAGE_PARTS};

    cut.parts = (n + cut.per_part - 1) / cut.per_part;
    return cut;
}

size_t nw_stage_images(const nw_stage_cut *cut, int n, size_t part, size_t *first)
{
    const size_t last = (part + 1) * (size_t)cut->per_part;

    *first = part * (size_t)cut->per_part;
    return last < (size_t)n ? last : (size_t)n;
}

/* Pixels that one walk by channel takes: so few that what it reads and writes stays in
 * the first-level cache from one vector of channels to the next. */
static int stretch(int n, int c)
{
    const int fit = STRETCH / c < 4 ? 4 : STRETCH / c;

    return n < fit ? n : fit;
}

/* ---- In --------------------------------------------------------------------------- */

NW_WIDE NW_INLINE nw_v gated(nw_v v, nw_gate gate)
{
    const nw_v six = {6, 6, 6, 6, 6, 6, 6, 6};

    if (gate == NW_GATE_NONE)
        return v;
    v = nw_above_zero(v);
    if (gate == NW_GATE_RELU6)
        v = nw_at_most(v, six);
    return v;
}

NW_WIDE NW_INLINE void gate_in(const nw_stage_args *a, int n, int c, const float *x,
                               int cp, float *out, nw_gate gate)
{
    for (int from = 0; from < c; from += NW_LANES) {
        const int k = nw_lanes_at(from, c);

        if (!a->mean) {
            for (int i = 0; i < n; i++)
                nw_put(out + i * cp + k, gated(nw_get(x + i * c + k), gate));
            continue;
        }
        const nw_v mean = nw_get(a->mean + k), scale = nw_get(a->scale + k),
                   shift = nw_get(a->shift + k);

        for (int i = 0; i < n; i++)
            nw_put(out + i * cp + k,
                   gated((nw_get(x + i * c + k) - mean) * scale + shift, gate));
    }
}

NW_WIDE static void gate_some(const nw_stage *s, const nw_stage_args *a, int n,
                              const float *x, int cp, float *out)
{
    if (s->gate == NW_GATE_RELU)
        gate_in(a, n, s->c, x, cp, out, NW_GATE_RELU);
    else if (s->gate == NW_GATE_RELU6)
        gate_in(a, n, s->c, x, cp, out, NW_GATE_RELU6);
    else
        gate_in(a, n, s->c, x, cp, out, NW_GATE_NONE);
}

void nw_gate_in(const nw_stage *s, const nw_stage_args *a, int n, const float *x, int cp,
                float *out)
{
    for (int i = 0, some; i < n; i += some) {
        some = stretch(n - i, s->c);
        gate_some(s, a, some, x + i * s->c, cp, out + i * cp);
    }
}

NW_WIDE static void norm_some(const nw_stage *s, const nw_stage_args *a, int n,
                              float factor, const float *y, const float *dy, int op,
                              float *out)
{
    const int oc = s->oc;

    for (int i = 0; i < n; i++, y += oc, dy += oc, out += op)
        for (int from = 0; from < oc; from += NW_LANES) {
            const int k = nw_lanes_at(from, oc);

            nw_put(out + k,
                   nw_get(a->on_dy + k) * factor * nw_get(dy + k) +
                       (nw_get(a->on_y + k) * (nw_get(y + k) - nw_get(a->y_mean + k)) +
                        nw_get(a->fixed + k)));
        }
}

/* Pixels from `dy` on that have the factor of the first, which is put to *factor. */
static int alike(const nw_stage *s, const nw_stage_args *a, const float *dy, int n,
                 float *factor)
{
    const size_t size = (size_t)(s->oh * s->ow),
                 at = (size_t)(dy - a->dy) / (size_t)s->oc, left = size - at % size;

    *factor = a->each ? a->each[at / size] : 1;
    return a->each && left < (size_t)n ? (int)left : n;
}

void nw_norm_in(const nw_stage *s, const nw_stage_args *a, int n, const float *y,
                const float *dy, int op, float *out)
{
    for (int i = 0, some; i < n; i += some) {
        float factor;

        some = stretch(alike(s, a, dy + i * s->oc, n - i, &factor), s->oc);
        norm_some(s, a, some, factor, y + i * s->oc, dy + i * s->oc, op, out + i * op);
    }
}

/* ---- Out -------------------------------------------------------------------------- */

NW_WIDE NW_INLINE nw_v passed(nw_v grad, nw_v act, nw_gate gate)
{
    const nw_v six = {6, 6, 6, 6, 6, 6, 6, 6};

    if (gate == NW_GATE_NONE)
        return grad;
    grad = (nw_v)((nw_lane_mask)grad & (act > 0));
    if (gate == NW_GATE_RELU6)
        grad = nw_where_below(act, six, grad);
    return grad;
}

/* The last vector reaches back over channels that are done: its sums, and what it adds,
 * leave them out. */
NW_WIDE NW_INLINE void gate_back(const nw_stage_args *a, int n, int c, const float *act,
                                 const float *grad, int cp, const float *x, float *dx,
                                 float *sums, nw_gate gate)
{
    for (int from = 0; from < c; from += NW_LANES) {
        const int k = nw_lanes_at(from, c);
        const nw_v fresh = nw_fresh(from, k);
        nw_v sum = {0}, prod = {0};

        if (a->add) {
            for (int i = 0; i < n; i++) {
                const nw_v g =
                    passed(nw_get(grad + i * cp + k), nw_get(act + i * cp + k), gate);

                nw_put(dx + i * c + k, nw_get(dx + i * c + k) + g * fresh);
            }
            continue;
        }
        if (!sums) {
            for (int i = 0; i < n; i++)
                nw_put(dx + i * c + k,
                       passed(nw_get(grad + i * cp + k), nw_get(act + i * cp + k), gate));
            continue;
        }
        const nw_v mean = nw_get(a->mean + k);

        for (int i = 0; i < n; i++) {
            const nw_v g =
                passed(nw_get(grad + i * cp + k), nw_get(act + i * cp + k), gate);

            nw_put(dx + i * c + k, g);
            sum += g;
            prod += g * (nw_get(x + i * c + k) - mean);
        }
        nw_put(sums + k, nw_get(sums + k) + sum * fresh);
        nw_put(sums + cp + k, nw_get(sums + cp + k) + prod * fresh);
    }
}

NW_WIDE static void back_some(const nw_stage *s, const nw_stage_args *a, int n,
                              const float *act, const float *grad, int cp, const float *x,
                              float *dx, float *sums)
{
    if (s->gate == NW_GATE_RELU)
        gate_back(a, n, s->c, act, grad, cp, x, dx, sums, NW_GATE_RELU);
    else if (s->gate == NW_GATE_RELU6)
        gate_back(a, n, s->c, act, grad, cp, x, dx, sums, NW_GATE_RELU6);
    else
        gate_back(a, n, s->c, act, grad, cp, x, dx, sums, NW_GATE_NONE);
}

void nw_gate_back(const nw_stage *s, const nw_stage_args *a, int n, const float *act,
                  const float *grad, int cp, const float *x, float *dx, float *sums)
{
    for (int i = 0, some; i < n; i += some) {
        some = stretch(n - i, s->c);
        back_some(s, a, some, act + i * cp, grad + i * cp, cp, x + i * s->c,
                  dx + i * s->c, sums);
    }
}

/* ---- Moments ----------------------------------------------------------------------- */

/* A part: rows so far, then (c) sums and squares in double, then (c) where deviations
 * start from, and the sums and squares of some rows. */
struct gather {
    double *rows, *sum, *square;
    float *pilot, *some, *some_square;
};

static struct gather gather_of(const void *part, int c)
{
    union {
        const void *from;
        double *to;
    } p = {part}; /* clearing, joining and reading share the places */
    struct gather g = {.rows = p.to, .sum = p.to + 1};

    g.square = g.sum + c;
    g.pilot = (float *)(g.square + c);
    g.some = g.pilot + c;
    g.some_square = g.some + c;
    return g;
}

size_t nw_gather_bytes(int c)
{
    const size_t bytes =
        (1 + 2 * (size_t)c) * sizeof(double) + 3 * (size_t)c * sizeof(float);

    return (bytes + 63) / 64 * 64;
}

void nw_gather_clear(void *part, int c)
{
    memset(part, 0, nw_gather_bytes(c));
}

NW_WIDE static void deviations(int rows, int c, const float *y, const struct gather *g)
{
    for (int from = 0; from < c; from += NW_LANES) {
        const int k = nw_lanes_at(from, c);
        const nw_v pilot = nw_get(g->pilot + k);
        nw_v sum[2] = {{0}}, square[2] = {{0}};
        int i = 0;

        for (; i + 2 <= rows; i += 2) {
            const nw_v p = nw_get(y + i * c + k) - pilot,
                       q = nw_get(y + (i + 1) * c + k) - pilot;

            sum[0] += p, sum[1] += q;
            square[0] += p * p, square[1] += q * q;
        }
        if (i < rows) {
            const nw_v p = nw_get(y + i * c + k) - pilot;

            sum[0] += p, square[0] += p * p;
        }
        nw_put(g->some + k, sum[0] + sum[1]);
        nw_put(g->some_square + k, square[0] + square[1]);
    }
}

void nw_gather_rows(void *part, int c, int rows, const float *y)
{
    const struct gather g = gather_of(part, c);

    if (*g.rows == 0) {
        deviations(rows, c, y, &g);
        for (int i = 0; i < c; i++)
            g.pilot[i] = g.some[i] / (float)rows;
    }
    deviations(rows, c, y, &g);
    for (int i = 0; i < c; i++) {
        g.sum[i] += (double)g.some[i];
        g.square[i] += (double)g.some_square[i];
    }
    *g.rows += rows;
}

/* Means are combined as in [T. Chan, G. Golub, R. LeVeque 1979]. */
void nw_gather_end(const void *parts, int n, int c, float *mean, float *variance)
{
    for (int i = 0; i < c; i++) {
        double rows = 0, at = 0, square = 0;

        for (int p = 0; p < n; p++) {
            const struct gather g =
                gather_of((const char *)parts + (size_t)p * nw_gather_bytes(c), c);
            const double off = g.sum[i] / *g.rows, delta = (double)g.pilot[i] + off - at,
                         all = rows + *g.rows;

            square +=
                g.square[i] - *g.rows * off * off + delta * delta * rows * *g.rows / all;
            at += delta * *g.rows / all;
            rows = all;
        }
        mean[i] = (float)at;
        variance[i] = (float)(square > 0 ? square / rows : 0);
    }
}

void nw_sums_to(int c, int cp, float *sums, double *total)
{
    for (int i = 0; i < c; i++) {
        total[i] += (double)sums[i];
        total[c + i] += (double)sums[cp + i];
    }
    memset(sums, 0, 2 * (size_t)cp * sizeof(float));
}

void nw_sums_end(const float *totals, size_t pitch, int n, int c, float *sum, float *prod)
{
    for (int i = 0; i < c; i++) {
        double s = 0, p = 0;

        for (int part = 0; part < n; part++) {
            const double *total = (const double *)(totals + (size_t)part * pitch);

            s += total[i], p += total[c + i];
        }
        sum[i] = (float)s, prod[i] = (float)p;
    }
}

#endif
