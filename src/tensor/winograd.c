/*
 * winograd.c - the transforms of F(4x4, 3x3).
 *
 * A polynomial of degree 5, the product of a tile of 4 and a filter of 3 in one
 * direction, is fixed by its values at six points [1]. Ours are 0, +-5/8, +-3/2 and
 * infinity, whose squares and cubes are exact. Against 0, +-1, +-2 and infinity, which
 * want a few operations less, errors are a third: numbers that are added differ less in
 * size. Pairs of points share the sums of even and of odd powers.
 *
 * [1] S. Winograd 1980, Arithmetic Complexity of Computations, SIAM.
 */
#include "winograd.h"

#include "lanes.h"
#include "tiles.h"

#ifndef NW_DOUBLE

#include <string.h>

enum { IN = NW_WINO_IN, OUT = NW_WINO_OUT, POINTS = NW_WINO_POINTS };

#define P 0.625F
#define Q 1.5F

/* The points are 0, P, -P, Q, -Q and infinity. */
static const float P2 = P * P, P3 = P * P * P, Q2 = Q * Q, Q3 = Q * Q * Q;
static const float PQ = P * P * Q * Q, SUM = P * P + Q * Q;
/* 1 over the derivative at 0, P and Q of the product of all x - point. */
static const float AT0 = 1 / (P * P * Q * Q), ATP = 1 / (2 * P * P * (P * P - Q * Q)),
                   ATQ = 1 / (2 * Q * Q * (Q * Q - P * P));

size_t nw_wino_pitch(size_t n)
{
    return (n + 31) / 32 * 32 + 16;
}

/* ---- In one direction ----------------------------------------------------------- */

/* B' d */
NW_WIDE NW_INLINE void in_line(const nw_v d[IN], nw_v r[IN])
{
    const nw_v ep = d[4] - Q2 * d[2], op = d[3] - Q2 * d[1];
    const nw_v eq = d[4] - P2 * d[2], oq = d[3] - P2 * d[1];

    r[0] = d[4] - SUM * d[2] + PQ * d[0];
    r[1] = ep + P * op;
    r[2] = ep - P * op;
    r[3] = eq + Q * oq;
    r[4] = eq - Q * oq;
    r[5] = d[5] - SUM * d[3] + PQ * d[1];
}

/* A d */
NW_WIDE NW_INLINE void spread_line(const nw_v d[OUT], nw_v r[IN])
{
    const nw_v ep = d[0] + P2 * d[2], op = d[1] + P2 * d[3];
    const nw_v eq = d[0] + Q2 * d[2], oq = d[1] + Q2 * d[3];

    r[0] = d[0];
    r[1] = ep + P * op;
    r[2] = ep - P * op;
    r[3] = eq + Q * oq;
    r[4] = eq - Q * oq;
    r[5] = d[3];
}

/* A' m */
NW_WIDE NW_INLINE void out_line(const nw_v m[IN], nw_v r[OUT])
{
    const nw_v ep = m[1] + m[2], op = m[1] - m[2];
    const nw_v eq = m[3] + m[4], oq = m[3] - m[4];

    r[0] = m[0] + ep + eq;
    r[1] = P * op + Q * oq;
    r[2] = P2 * ep + Q2 * eq;
    r[3] = P3 * op + Q3 * oq + m[5];
}

/* G w */
NW_WIDE NW_INLINE void filter_line(const nw_v w[3], nw_v r[IN])
{
    const nw_v ep = ATP * w[0] + ATP * P2 * w[2], op = ATP * P * w[1];
    const nw_v eq = ATQ * w[0] + ATQ * Q2 * w[2], oq = ATQ * Q * w[1];

    r[0] = AT0 * w[0];
    r[1] = ep + op;
    r[2] = ep - op;
    r[3] = eq + oq;
    r[4] = eq - oq;
    r[5] = w[2];
}

/* G' m */
NW_WIDE NW_INLINE void filter_back_line(const nw_v m[IN], nw_v r[3])
{
    const nw_v ep = ATP * (m[1] + m[2]), op = ATP * (m[1] - m[2]);
    const nw_v eq = ATQ * (m[3] + m[4]), oq = ATQ * (m[3] - m[4]);

    r[0] = AT0 * m[0] + ep + eq;
    r[1] = P * op + Q * oq;
    r[2] = P2 * ep + Q2 * eq + m[5];
}

/* ---- Strips --------------------------------------------------------------------- */

/* Down the columns of channels from k on: out (pixels, IN, 8). */
NW_WIDE NW_INLINE void in_columns(const float *const row[IN], int pixels, int cp,
                                  float *out)
{
    const float *r0 = row[0], *r1 = row[1], *r2 = row[2], *r3 = row[3], *r4 = row[4],
                *r5 = row[5];

    for (ptrdiff_t x = 0, end = (ptrdiff_t)pixels * cp; x < end;
         x += cp, out += IN * NW_LANES) {
        const nw_v d[IN] = {nw_get(r0 + x), nw_get(r1 + x), nw_get(r2 + x),
                            nw_get(r3 + x), nw_get(r4 + x), nw_get(r5 + x)};
        nw_v r[IN];

        in_line(d, r);
#pragma GCC unroll 6
        for (int i = 0; i < IN; i++)
            nw_put(out + i * NW_LANES, r[i]);
    }
}

/* Along the rows. */
NW_WIDE NW_INLINE void in_rows(const float *line, int tiles, int cp, float *v,
                               size_t pitch)
{
    for (int t = 0; t < tiles; t++, v += cp, line += (OUT - 1) * IN * NW_LANES) {
        float *to = v;

        for (int i = 0; i < IN; i++, to += IN * pitch, line += NW_LANES) {
            nw_v d[IN], r[IN];

#pragma GCC unroll 6
            for (int j = 0; j < IN; j++)
                d[j] = nw_get(line + j * IN * NW_LANES);
            in_line(d, r);
#pragma GCC unroll 6
            for (int j = 0; j < IN; j++)
                nw_put(to + (size_t)j * pitch, r[j]);
        }
    }
}

NW_WIDE void nw_wino_in(const nw_wino_strip *s, const float *const row[IN], float *v,
                        size_t pitch)
{
    const int tiles = s->tiles, cp = s->cp;
    float *line = s->line;

    for (int k = 0; k < cp; k += NW_LANES) {
        const float *at[IN];

        for (int i = 0; i < IN; i++)
            at[i] = row[i] + k;
        in_columns(at, OUT * tiles + 2, cp, line);
        in_rows(line, tiles, cp, v + k, pitch);
    }
}

NW_WIDE void nw_wino_spread(const nw_wino_strip *s, const float *const row[OUT], int from,
                            int n, float *x, size_t pitch)
{
    nw_v d[OUT], r[IN], half[OUT][IN];

    for (int k = 0; k < n; k += NW_LANES)
        for (int t = 0; t < s->tiles; t++) {
            const int at = OUT * t * s->cp + from + k;
            float *to = x + t * n + k;

            for (int j = 0; j < OUT; j++) {
                for (int i = 0; i < OUT; i++)
                    d[i] = nw_get(row[i] + at + j * s->cp);
                spread_line(d, half[j]);
            }
            for (int i = 0; i < IN; i++, to += IN * pitch) {
                for (int j = 0; j < OUT; j++)
                    d[j] = half[j][i];
                spread_line(d, r);
                for (int j = 0; j < IN; j++)
                    nw_put(to + (size_t)j * pitch, r[j]);
            }
        }
}

/* The first n lanes. */
NW_WIDE NW_INLINE void put_some(float *to, nw_v v, int n)
{
    if (n >= NW_LANES)
        nw_put(to, v);
    else
        memcpy(to, &v, (size_t)n * sizeof(float));
}

NW_WIDE NW_INLINE void out_tile(const float *m, size_t pitch, float *to,
                                const nw_wino_place *p, int rows, int cols, int lanes)
{
    nw_v d[IN], r[OUT], half[IN][OUT];

    for (int j = 0; j < IN; j++, m += pitch) {
        for (int i = 0; i < IN; i++)
            d[i] = nw_get(m + (size_t)(i * IN) * pitch);
        out_line(d, half[j]);
    }
    for (int i = 0; i < rows; i++, to += p->row) {
        for (int j = 0; j < IN; j++)
            d[j] = half[j][i];
        out_line(d, r);
        for (int j = 0; j < cols; j++)
            put_some(to + (size_t)j * p->pixel, r[j], lanes);
    }
}

NW_WIDE void nw_wino_out(int tiles, const float *m, size_t pitch, int n,
                         const nw_wino_place *p)
{
    for (int t = 0; t < tiles; t++)
        for (int k = 0; k < n && k < p->c; k += NW_LANES) {
            const int left = p->cols - OUT * t, cols = left < OUT ? left : OUT;
            const float *from = m + t * n + k;
            float *to = p->to + (size_t)(OUT * t) * p->pixel + k;

            if (p->rows == OUT && cols == OUT && p->c - k >= NW_LANES)
                out_tile(from, pitch, to, p, OUT, OUT, NW_LANES);
            else
                out_tile(from, pitch, to, p, p->rows, cols, p->c - k);
        }
}

/* ---- Filters -------------------------------------------------------------------- */

int nw_wino_columns(const nw_wino_filter *f)
{
    return f->back ? f->c : f->oc;
}

int nw_wino_rows(const nw_wino_filter *f)
{
    return f->back ? f->oc : f->c;
}

/* Tap t of 8 columns; those past the last are 0. */
NW_WIDE NW_INLINE nw_v taps(const float *w, int stride, int n)
{
    nw_v v = {0};

    for (int i = 0; i < NW_LANES && i < n; i++)
        v[i] = w[i * stride];
    return v;
}

NW_WIDE NW_INLINE void pack_one(const nw_wino_filter *f, const float *w, int n, float *u,
                                size_t pitch)
{
    const int stride = f->back ? 9 : f->c * 9;
    nw_v g[3], r[IN], half[3][IN];

    for (int j = 0; j < 3; j++) {
        for (int i = 0; i < 3; i++) {
            const int tap = i * 3 + j;

            g[i] = taps(w + (f->back ? 8 - tap : tap), stride, n);
        }
        filter_line(g, half[j]);
    }
    for (int i = 0; i < IN; i++, u += IN * pitch) {
        for (int j = 0; j < 3; j++)
            g[j] = half[j][i];
        filter_line(g, r);
        for (int j = 0; j < IN; j++)
            nw_put(u + (size_t)j * pitch, r[j]);
    }
}

NW_WIDE void nw_wino_pack(const nw_wino_filter *f, const float *w, int column, float *u,
                          size_t pitch)
{
    const int rows = nw_wino_rows(f), n = nw_wino_columns(f);
    int width;

    u += nw_panel_at(column, n, rows, &width);
    w += column * (f->back ? 9 : f->c * 9);
    for (int k = 0; k < rows; k++, u += width, w += f->back ? f->c * 9 : 9)
        pack_one(f, w, n - column, u, pitch);
}

NW_WIDE void nw_wino_unpack(int n, const float *sum, size_t pitch, float *dw)
{
    nw_v m[IN], r[3], half[IN][3];

    for (int at = 0; at < n; at += NW_LANES) {
        for (int j = 0; j < IN; j++) {
            for (int i = 0; i < IN; i++)
                m[i] = nw_get(sum + (size_t)(i * IN + j) * pitch + at);
            filter_back_line(m, half[j]);
        }
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < IN; j++)
                m[j] = half[j][i];
            filter_back_line(m, r);
            for (int j = 0; j < 3; j++) {
                float *to = dw + (8 - (i * 3 + j)) * n + at;

                nw_put(to, nw_get(to) + r[j]);
            }
        }
    }
}

#endif
