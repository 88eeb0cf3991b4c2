/*
 * depth_row.c - an input pixel is read once for all outputs of a tile that it is under.
 *
 * A tile is 8 outputs by 8 channels: 8 sums, a row of the filter and one pixel are all in
 * registers. With a load for every product, as a plain loop over the taps has it, the
 * loads are what takes the time: a core does two of them and two products a cycle. The
 * gradient of the filter has few sums, so several pixels are summed side by side, or each
 * product would wait for the one before.
 *
 * Kernels 3, 5, 7, dilations 1, 2 and strides 1, 2 are unrolled; all else takes a loop.
 */
#include "depth_row.h"

#include "lanes.h"

#ifndef NW_DOUBLE

enum { MOST_K = NW_DEPTH_MOST_K, TILE = 8 };

/* ---- Outputs ------------------------------------------------------------------------
 */

/* `high` outputs from the one at `at` on, of which `some` are wanted. */
NW_WIDE NW_INLINE void tile(const float *const *in, ptrdiff_t at, const float *w, int cp,
                            float *out, int some, int k, int dil, int stride, int high)
{
    nw_v acc[TILE];

#pragma GCC unroll 8
    for (int t = 0; t < high; t++)
        acc[t] = (nw_v){0};
    for (int ky = 0; ky < k; ky++, w += k * cp) {
        const float *x = in[ky] + at;
        nw_v tap[MOST_K];

#pragma GCC unroll 7
        for (int kx = 0; kx < k; kx++)
            tap[kx] = nw_get(w + kx * cp);
#pragma GCC unroll 32
        for (int j = 0; j <= (high - 1) * stride + (k - 1) * dil; j++) {
            const nw_v v = nw_get(x + j * cp);

#pragma GCC unroll 7
            for (int kx = 0; kx < k; kx++) {
                const int t = (j - kx * dil) / stride;

                if (j >= kx * dil && t < high && t * stride + kx * dil == j)
                    acc[t] += v * tap[kx];
            }
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < high; t++, out += cp) {
        if (t == some)
            return;
        nw_put(out, acc[t]);
    }
}

NW_WIDE NW_INLINE void row(const nw_depth_row *d, const float *const *in, const float *w,
                           float *out, int k, int dil, int stride)
{
    for (int c = 0; c < d->cp; c += NW_LANES) {
        int o = 0;

        for (; d->n - o > TILE / 2; o += TILE)
            tile(in, (ptrdiff_t)o * stride * d->cp + c, w + c, d->cp, out + o * d->cp + c,
                 d->n - o, k, dil, stride, TILE);
        if (o < d->n)
            tile(in, (ptrdiff_t)o * stride * d->cp + c, w + c, d->cp, out + o * d->cp + c,
                 d->n - o, k, dil, stride, TILE / 2);
    }
}

/* Any filter. */
NW_WIDE static void any_row(const nw_depth_row *d, const float *const *in, const float *w,
                            float *out)
{
    const int cp = d->cp;

    for (int o = 0; o < d->n; o++)
        for (int c = 0; c < cp; c += NW_LANES) {
            nw_v sum = {0};

            for (int t = 0; t < d->k * d->k; t++)
                sum +=
                    nw_get(w + t * cp + c) *
                    nw_get(in[t / d->k] + (o * d->stride + t % d->k * d->dil) * cp + c);
            nw_put(out + o * cp + c, sum);
        }
}

/* A name for every filter that is unrolled. */
#define FILTERS(X)                                                                       \
    X(3, 1, 1)                                                                           \
    X(3, 1, 2)                                                                           \
    X(3, 2, 1)                                                                           \
    X(3, 2, 2)                                                                           \
    X(5, 1, 1) X(5, 1, 2) X(5, 2, 1) X(5, 2, 2) X(7, 1, 1) X(7, 1, 2) X(7, 2, 1)         \
        X(7, 2, 2)

#define ROW(k, dil, stride)                                                              \
    NW_WIDE static void row_##k##_##dil##_##stride(                                      \
        const nw_depth_row *d, const float *const *in, const float *w, float *out)       \
    {                                                                                    \
        row(d, in, w, out, k, dil, stride);                                              \
    }
FILTERS(ROW)

static int index_of(const nw_depth_row *d)
{
    return d->k * 9 + d->dil * 3 + d->stride;
}

void nw_depth_row_take(const nw_depth_row *d, const float *const *in, const float *w,
                       float *out)
{
#define TAKE(k, dil, stride)                                                             \
    case k * 9 + dil * 3 + stride:                                                       \
        row_##k##_##dil##_##stride(d, in, w, out);                                       \
        return;
    if (d->dil <= 2 && d->stride <= 2)
        switch (index_of(d)) {
            FILTERS(TAKE)
        default:
            break;
        }
    any_row(d, in, w, out);
}

/* ---- Filter --------------------------------------------------------------------------
 */

/* acc[set][kx] += `high` gradients, each to the set of its number, times the pixels under
 * them. */
NW_WIDE NW_INLINE void filter_tile(const float *g, const float *x, int cp, int k, int dil,
                                   int stride, int high, int sets, nw_v acc[4][MOST_K])
{
    nw_v grad[4];

#pragma GCC unroll 4
    for (int t = 0; t < high; t++)
        grad[t] = nw_get(g + t * stride * cp);
#pragma GCC unroll 32
    for (int j = 0; j <= (high - 1) * stride + (k - 1) * dil; j++) {
        const nw_v v = nw_get(x + j * cp);

#pragma GCC unroll 7
        for (int kx = 0; kx < k; kx++) {
            const int t = (j - kx * dil) / stride;

            if (j >= kx * dil && t < high && t * stride + kx * dil == j)
                acc[t % sets][kx] += v * grad[t];
        }
    }
}

NW_WIDE NW_INLINE void filter(const nw_depth_row *d, int rows, const float *const *grad,
                              const float *const *in, float *sum, int k, int dil,
                              int stride)
{
    const int cp = d->cp, high = k == 3 ? 3 : 4, sets = k == 3 ? 3 : k == 5 ? 2 : 1;

    for (int c = 0; c < cp; c += NW_LANES) {
        nw_v acc[4][MOST_K];

#pragma GCC unroll 4
        for (int s = 0; s < sets; s++)
#pragma GCC unroll 7
            for (int kx = 0; kx < k; kx++)
                acc[s][kx] = (nw_v){0};
        for (int r = 0; r < rows; r++) {
            const float *g = grad[r] + c, *x = in[r] + c;
            int o = 0;

            for (; o + high <= d->n;
                 o += high, g += high * stride * cp, x += high * stride * cp)
                filter_tile(g, x, cp, k, dil, stride, high, sets, acc);
            for (; o < d->n; o++, g += stride * cp, x += stride * cp)
                filter_tile(g, x, cp, k, dil, stride, 1, sets, acc);
        }
#pragma GCC unroll 7
        for (int kx = 0; kx < k; kx++) {
            nw_v all = acc[0][kx];

#pragma GCC unroll 4
            for (int s = 1; s < sets; s++)
                all += acc[s][kx];
            nw_put(sum + kx * cp + c, nw_get(sum + kx * cp + c) + all);
        }
    }
}

NW_WIDE static void any_filter(const nw_depth_row *d, int rows, const float *const *grad,
                               const float *const *in, float *sum)
{
    const int cp = d->cp;

    for (int kx = 0; kx < d->k; kx++)
        for (int c = 0; c < cp; c += NW_LANES) {
            nw_v all = {0};

            for (int r = 0; r < rows; r++)
                for (int o = 0; o < d->n; o++)
                    all += nw_get(grad[r] + o * d->stride * cp + c) *
                           nw_get(in[r] + (o * d->stride + kx * d->dil) * cp + c);
            nw_put(sum + kx * cp + c, nw_get(sum + kx * cp + c) + all);
        }
}

#define FILTER(k, dil, stride)                                                           \
    NW_WIDE static void filter_##k##_##dil##_##stride(                                   \
        const nw_depth_row *d, int rows, const float *const *grad,                       \
        const float *const *in, float *sum)                                              \
    {                                                                                    \
        filter(d, rows, grad, in, sum, k, dil, stride);                                  \
    }
FILTERS(FILTER)

void nw_depth_row_filter(const nw_depth_row *d, int rows, const float *const *grad,
                         const float *const *in, float *sum)
{
#define SUM(k, dil, stride)                                                              \
    case k * 9 + dil * 3 + stride:                                                       \
        filter_##k##_##dil##_##stride(d, rows, grad, in, sum);                           \
        return;
    if (d->dil <= 2 && d->stride <= 2)
        switch (index_of(d)) {
            FILTERS(SUM)
        default:
            break;
        }
    any_filter(d, rows, grad, in, sum);
}

#endif
