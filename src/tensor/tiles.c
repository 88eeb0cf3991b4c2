/* tiles.c - 6 rows by 16 columns in registers: 12 sums, 2 columns, 1 row number. */
#include "tiles.h"

#include "lanes.h"

#ifndef NW_DOUBLE

#include <string.h>

enum { ROWS = NW_TILE_ROWS, COLS = NW_TILE_COLS };

static int up(int n, int to)
{
    return (n + to - 1) / to * to;
}

size_t nw_panel_floats(int n, int k)
{
    return (size_t)up(n, NW_LANES) * (size_t)k;
}

size_t nw_panel_at(int i, int n, int k, int *width)
{
    const int first = i / COLS * COLS, left = up(n, NW_LANES) - first;

    *width = left < COLS ? left : COLS;
    return (size_t)first * (size_t)k + (size_t)(i - first);
}

/* ---- Product --------------------------------------------------------------------- */

NW_WIDE NW_INLINE void product_tile(const float *a, size_t lda, int k, const float *panel,
                                    nw_v acc[ROWS][2], int wide)
{
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
        acc[r][0] = acc[r][1] = (nw_v){0};
    for (int l = 0; l < k; l++, panel += wide * NW_LANES) {
        const nw_v b0 = nw_get(panel), b1 = nw_get(panel + (wide - 1) * NW_LANES);

#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            const float v = a[(size_t)r * lda + (size_t)l];

            acc[r][0] += v * b0;
            if (wide > 1)
                acc[r][1] += v * b1;
        }
    }
}

/* The first n of 8 lanes. */
NW_WIDE NW_INLINE void put_some(nw_v v, int n, float *out)
{
    const float *from = (const float *)&v;
    int i = 0;

    if (n >= NW_LANES) {
        nw_put(out, v);
        return;
    }
    for (; i + 4 <= n; i += 4)
        memcpy(out + i, from + i, 4 * sizeof(float));
    for (; i < n; i++)
        out[i] = from[i];
}

/* Columns of one panel: out[m][n] = a[m][k] panel. */
NW_WIDE NW_INLINE void product_panel(int m, int n, int k, const float *a, size_t lda,
                                     const float *panel, float *out, size_t ldo, int wide)
{
    for (int i = 0; i < m; i += ROWS, a += ROWS * lda) {
        const int rows = m - i < ROWS ? m - i : ROWS;
        nw_v acc[ROWS][2];

        product_tile(a, lda, k, panel, acc, wide);
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++, out += ldo) {
            if (r == rows)
                return;
            put_some(acc[r][0], n, out);
            if (wide > 1)
                put_some(acc[r][1], n - NW_LANES, out + NW_LANES);
        }
    }
}

NW_WIDE void nw_product(int m, int n, int k, const float *a, size_t lda, const float *b,
                        float *out, size_t ldo)
{
    int j = 0;

    for (; j + COLS <= n; j += COLS)
        product_panel(m, COLS, k, a, lda, b + (size_t)j * (size_t)k, out + j, ldo, 2);
    if (n - j > NW_LANES)
        product_panel(m, n - j, k, a, lda, b + (size_t)j * (size_t)k, out + j, ldo, 2);
    else if (n > j)
        product_panel(m, n - j, k, a, lda, b + (size_t)j * (size_t)k, out + j, ldo, 1);
}

/* ---- Outer product ----------------------------------------------------------------- */

NW_WIDE NW_INLINE void outer_tile(int n, int ca, int cb, const float *a, const float *b,
                                  float *out, int high, int wide)
{
    nw_v acc[ROWS][2];

#pragma GCC unroll 6
    for (int r = 0; r < high; r++)
        acc[r][0] = acc[r][1] = (nw_v){0};
    for (int i = 0; i < n; i++, a += ca, b += cb) {
        const nw_v b0 = nw_get(b), b1 = nw_get(b + (wide - 1) * NW_LANES);

#pragma GCC unroll 6
        for (int r = 0; r < high; r++) {
            acc[r][0] += a[r] * b0;
            if (wide > 1)
                acc[r][1] += a[r] * b1;
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < high; r++, out += cb) {
        nw_put(out, nw_get(out) + acc[r][0]);
        if (wide > 1)
            nw_put(out + NW_LANES, nw_get(out + NW_LANES) + acc[r][1]);
    }
}

NW_WIDE NW_INLINE void outer_rows(int n, int ca, int cb, const float *a, const float *b,
                                  float *out, int high)
{
    int o = 0;

    for (; o + COLS <= cb; o += COLS)
        outer_tile(n, ca, cb, a, b + o, out + o, high, 2);
    if (o < cb)
        outer_tile(n, ca, cb, a, b + o, out + o, high, 1);
}

/* What 6 leaves of a multiple of 8 is 4 or 2. */
NW_WIDE void nw_outer(int rows, int ca, int cb, const float *a, const float *b,
                      float *out)
{
    int c = 0;

    for (; c + ROWS <= ca; c += ROWS)
        outer_rows(rows, ca, cb, a + c, b, out + (size_t)(c * cb), ROWS);
    if (ca - c == 4)
        outer_rows(rows, ca, cb, a + c, b, out + (size_t)(c * cb), 4);
    else if (ca - c == 2)
        outer_rows(rows, ca, cb, a + c, b, out + (size_t)(c * cb), 2);
}

#endif
