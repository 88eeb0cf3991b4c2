/*
 * norm.c - batch normalisation, column by column.
 *
 * [1] T. Chan, G. Golub, R. LeVeque, Updating formulae and a pairwise algorithm for
 *     computing sample variances, 1979: how the moments of two stretches are combined.
 */
#include "norm.h"

#include "columns.h"
#include "parallel.h"
#include "simd.h"

#include <string.h>

enum { CHUNK_NUMBERS = 4096, GRAIN = 1 << 14 };

struct job {
    const nw_norm *n;
    const nw_real *x, *dy, *mean, *a, *b, *d;
    nw_real *out;
    int add;
    size_t parts;
    double *part;  /* (parts, 2, c) sums                */
    nw_real *some; /* (parts, 2, c) sums of a stretch   */
};

/* Rows of a stretch. */
static size_t chunk_rows(size_t c)
{
    return CHUNK_NUMBERS / c < 4 ? 4 : CHUNK_NUMBERS / c;
}

size_t NW_R(nw_norm_scratch)(const nw_norm *n)
{
    return nw_parts(n->rows, n->c) * 2 * n->c * (sizeof(double) + sizeof(nw_real));
}

static void lay_out(struct job *j, void *scratch)
{
    j->parts = nw_parts(j->n->rows, j->n->c);
    j->part = scratch;
    j->some = (nw_real *)(j->part + j->parts * 2 * j->n->c);
}

/* ---- Moments ------------------------------------------------------------------- */

/* out[i] = sum over rows of (x - mean)^2 */
NW_CLONES static void squares(size_t rows, size_t c, const nw_real *restrict x,
                              const nw_real *restrict mean, nw_real *restrict out)
{
    size_t r = 0;

    memset(out, 0, c * sizeof(nw_real));
    for (; r + 4 <= rows; r += 4, x += 4 * c)
        for (size_t i = 0; i < c; i++) {
            nw_real m = mean[i], p = x[i] - m, q = x[c + i] - m, s = x[2 * c + i] - m,
                    t = x[3 * c + i] - m;

            out[i] += (p * p + q * q) + (s * s + t * t);
        }
    for (; r < rows; r++, x += c)
        for (size_t i = 0; i < c; i++)
            out[i] += (x[i] - mean[i]) * (x[i] - mean[i]);
}

/* Add a stretch of m rows to the mean and sum of squares of n rows. */
static void combine(size_t c, double n, double m, const nw_real *mean,
                    const nw_real *square, double *total)
{
    for (size_t i = 0; i < c; i++) {
        double delta = (double)mean[i] - total[i];

        total[i] += delta * m / (n + m);
        total[c + i] += (double)square[i] + delta * delta * n * m / (n + m);
    }
}

static void moments_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    size_t c = j->n->c, step = chunk_rows(c);

    for (size_t p = begin; p < end; p++) {
        size_t first = nw_part_start(j->n->rows, j->parts, p);
        size_t stop = nw_part_start(j->n->rows, j->parts, p + 1);
        double *total = j->part + p * 2 * c;
        nw_real *mean = j->some + p * 2 * c, *square = mean + c;

        memset(total, 0, 2 * c * sizeof(double));
        for (size_t r = first; r < stop; r += step) {
            size_t m = stop - r < step ? stop - r : step;

            NW_R(nw_rows_sum)(m, c, j->x + r * c, mean);
            for (size_t i = 0; i < c; i++)
                mean[i] /= (nw_real)m;
            squares(m, c, j->x + r * c, mean, square);
            combine(c, (double)(r - first), (double)m, mean, square, total);
        }
    }
}

void NW_R(nw_norm_moments)(const nw_norm *n, const nw_real *x, nw_real *mean,
                           nw_real *var, void *scratch)
{
    struct job j = {.n = n, .x = x};
    size_t c = n->c;

    lay_out(&j, scratch);
    nw_parallel(j.parts, 1, moments_part, &j);
    for (size_t p = 1; p < j.parts; p++) {
        double done = (double)nw_part_start(n->rows, j.parts, p);
        double some = (double)nw_part_start(n->rows, j.parts, p + 1) - done;
        const double *add = j.part + p * 2 * c;

        for (size_t i = 0; i < c; i++) {
            double delta = add[i] - j.part[i];

            j.part[i] += delta * some / (done + some);
            j.part[c + i] += add[c + i] + delta * delta * done * some / (done + some);
        }
    }
    for (size_t i = 0; i < c; i++) {
        mean[i] = (nw_real)j.part[i];
        var[i] = (nw_real)(j.part[c + i] / (double)n->rows);
    }
}

/* ---- Normalise ------------------------------------------------------------------ */

NW_CLONES static void apply_rows(size_t rows, size_t c, const nw_real *restrict x,
                                 const nw_real *restrict mean,
                                 const nw_real *restrict scale,
                                 const nw_real *restrict shift, nw_real *restrict y)
{
    for (size_t r = 0; r < rows; r++, x += c, y += c)
        for (size_t i = 0; i < c; i++)
            y[i] = (x[i] - mean[i]) * scale[i] + shift[i];
}

static void apply_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    size_t c = j->n->c;

    apply_rows(end - begin, c, j->x + begin * c, j->mean, j->a, j->d, j->out + begin * c);
}

void NW_R(nw_norm_apply)(const nw_norm *n, const nw_real *x, const nw_real *mean,
                         const nw_real *scale, const nw_real *shift, nw_real *y)
{
    struct job j = {.n = n, .x = x, .mean = mean, .a = scale, .d = shift, .out = y};

    nw_parallel(n->rows, GRAIN / n->c + 1, apply_part, &j);
}

/* ---- Backward ------------------------------------------------------------------- */

NW_CLONES static void back_sums(size_t rows, size_t c, const nw_real *restrict x,
                                const nw_real *restrict dy, const nw_real *restrict mean,
                                nw_real *restrict sum, nw_real *restrict product)
{
    size_t r = 0;

    memset(sum, 0, c * sizeof(nw_real));
    memset(product, 0, c * sizeof(nw_real));
    for (; r + 2 <= rows; r += 2, x += 2 * c, dy += 2 * c)
        for (size_t i = 0; i < c; i++) {
            nw_real m = mean[i], g = dy[i], h = dy[c + i];

            sum[i] += g + h;
            product[i] += g * (x[i] - m) + h * (x[c + i] - m);
        }
    for (; r < rows; r++, x += c, dy += c)
        for (size_t i = 0; i < c; i++) {
            sum[i] += dy[i];
            product[i] += dy[i] * (x[i] - mean[i]);
        }
}

static void sums_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    size_t c = j->n->c, step = chunk_rows(c);

    for (size_t p = begin; p < end; p++) {
        size_t stop = nw_part_start(j->n->rows, j->parts, p + 1);
        double *total = j->part + p * 2 * c;
        nw_real *some = j->some + p * 2 * c;

        memset(total, 0, 2 * c * sizeof(double));
        for (size_t r = nw_part_start(j->n->rows, j->parts, p); r < stop; r += step) {
            back_sums(stop - r < step ? stop - r : step, c, j->x + r * c, j->dy + r * c,
                      j->mean, some, some + c);
            for (size_t i = 0; i < 2 * c; i++)
                total[i] += (double)some[i];
        }
    }
}

void NW_R(nw_norm_sums)(const nw_norm *n, const nw_real *x, const nw_real *dy,
                        const nw_real *mean, nw_real *sum, nw_real *product,
                        void *scratch)
{
    struct job j = {.n = n, .x = x, .dy = dy, .mean = mean};
    size_t c = n->c;

    lay_out(&j, scratch);
    nw_parallel(j.parts, 1, sums_part, &j);
    for (size_t p = 1; p < j.parts; p++)
        for (size_t i = 0; i < 2 * c; i++)
            j.part[i] += j.part[p * 2 * c + i];
    for (size_t i = 0; i < c; i++) {
        sum[i] = (nw_real)j.part[i];
        product[i] = (nw_real)j.part[c + i];
    }
}

NW_CLONES static void back_rows(size_t rows, const struct job *j,
                                const nw_real *restrict x, const nw_real *restrict dy,
                                nw_real *restrict dx)
{
    const nw_real *restrict mean = j->mean, *restrict a = j->a, *restrict b = j->b,
                            *restrict d = j->d;
    size_t c = j->n->c;

    if (j->add)
        for (size_t r = 0; r < rows; r++, x += c, dy += c, dx += c)
            for (size_t i = 0; i < c; i++)
                dx[i] += a[i] * dy[i] + b[i] * (x[i] - mean[i]) + d[i];
    else
        for (size_t r = 0; r < rows; r++, x += c, dy += c, dx += c)
            for (size_t i = 0; i < c; i++)
                dx[i] = a[i] * dy[i] + b[i] * (x[i] - mean[i]) + d[i];
}

static void back_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    size_t at = begin * j->n->c;

    back_rows(end - begin, j, j->x + at, j->dy + at, j->out + at);
}

void NW_R(nw_norm_back)(const nw_norm *n, const nw_real *x, const nw_real *dy,
                        const nw_real *mean, const nw_real *a, const nw_real *b,
                        const nw_real *d, nw_real *dx, int add)
{
    struct job j = {.n = n,
                    .x = x,
                    .dy = dy,
                    .mean = mean,
                    .a = a,
                    .b = b,
                    .d = d,
                    .out = dx,
                    .add = add};

    nw_parallel(n->rows, GRAIN / n->c + 1, back_part, &j);
}
