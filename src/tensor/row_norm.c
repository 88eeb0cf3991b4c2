/* row_norm.c - layer normalisation: every row about its own mean. */
#include "columns.h"
#include "norm.h"
#include "parallel.h"
#include "simd.h"

#include <math.h>
#include <string.h>

enum { GRAIN = 1 << 14 };

struct job {
    const nw_norm *n;
    const nw_real *x, *dy, *weight, *bias;
    double eps;
    nw_real *out, *keep;
    const nw_real *kept;
    int add;
    size_t parts;
    double *part; /* (parts, 2, c): dw, db */
};

/* Sums in eight lanes, so that they are vectors and still in one order. */
enum { LANES = 8 };

static double lane_total(const double *lane)
{
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) +
           ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

NW_CLONES static double row_mean(size_t c, const nw_real *x)
{
    double lane[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= c; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += (double)x[i + k];
    for (; i < c; i++)
        lane[0] += (double)x[i];
    return lane_total(lane) / (double)c;
}

NW_CLONES static double row_var(size_t c, const nw_real *x, double mean)
{
    double lane[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= c; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += ((double)x[i + k] - mean) * ((double)x[i + k] - mean);
    for (; i < c; i++)
        lane[0] += ((double)x[i] - mean) * ((double)x[i] - mean);
    return lane_total(lane) / (double)c;
}

NW_CLONES static void row_apply(size_t c, const nw_real *restrict x, nw_real mean,
                                nw_real scale, const nw_real *restrict weight,
                                const nw_real *restrict bias, nw_real *restrict y)
{
    if (weight)
        for (size_t i = 0; i < c; i++)
            y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
    else
        for (size_t i = 0; i < c; i++)
            y[i] = (x[i] - mean) * scale;
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    size_t c = j->n->c;

    for (size_t r = begin; r < end; r++) {
        const nw_real *x = j->x + r * c;
        double mean = row_mean(c, x);
        double scale = 1 / sqrt(row_var(c, x, mean) + j->eps);

        row_apply(c, x, (nw_real)mean, (nw_real)scale, j->weight, j->bias,
                  j->out + r * c);
        j->keep[2 * r] = (nw_real)mean;
        j->keep[2 * r + 1] = (nw_real)scale;
    }
}

void NW_R(nw_row_norm)(const nw_norm *n, const nw_real *x, const nw_real *weight,
                       const nw_real *bias, double eps, nw_real *y, nw_real *keep)
{
    struct job j = {.n = n,
                    .x = x,
                    .weight = weight,
                    .bias = bias,
                    .eps = eps,
                    .out = y,
                    .keep = keep};

    nw_parallel(n->rows, GRAIN / n->c + 1, forward_part, &j);
}

/* sum[0] = sum of g, sum[1] = sum of g * xhat, where g = dy * weight. */
NW_CLONES static void row_sums(size_t c, const nw_real *restrict x,
                               const nw_real *restrict dy, const nw_real *restrict weight,
                               nw_real mean, nw_real scale, double sum[2])
{
    double s[LANES] = {0}, t[LANES] = {0};
    size_t whole = c / LANES * LANES;

    for (size_t i = 0; i < whole; i += LANES)
        for (size_t k = 0; k < LANES; k++) {
            double g = (double)(weight ? dy[i + k] * weight[i + k] : dy[i + k]);

            s[k] += g;
            t[k] += g * (double)((x[i + k] - mean) * scale);
        }
    for (size_t i = whole; i < c; i++) {
        double g = (double)(weight ? dy[i] * weight[i] : dy[i]);

        s[0] += g;
        t[0] += g * (double)((x[i] - mean) * scale);
    }
    sum[0] = lane_total(s), sum[1] = lane_total(t);
}

/* dx = scale * (g - mean of g - xhat * mean of g xhat) */
NW_CLONES static void row_back(size_t c, const nw_real *restrict x,
                               const nw_real *restrict dy, const nw_real *restrict weight,
                               const nw_real kept[2], const double sum[2], int add,
                               nw_real *restrict dx)
{
    nw_real mean = kept[0], scale = kept[1];
    nw_real g0 = (nw_real)(sum[0] / (double)c), g1 = (nw_real)(sum[1] / (double)c);

    for (size_t i = 0; i < c; i++) {
        nw_real g = weight ? dy[i] * weight[i] : dy[i];
        nw_real v = scale * (g - g0 - (x[i] - mean) * scale * g1);

        dx[i] = add ? dx[i] + v : v;
    }
}

static void back_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    size_t c = j->n->c;

    for (size_t r = begin; r < end; r++) {
        const nw_real *x = j->x + r * c, *dy = j->dy + r * c, *kept = j->kept + 2 * r;
        double sum[2];

        row_sums(c, x, dy, j->weight, kept[0], kept[1], sum);
        row_back(c, x, dy, j->weight, kept, sum, j->add, j->out + r * c);
    }
}

NW_CLONES static void weight_row(size_t c, const nw_real *restrict x,
                                 const nw_real *restrict dy, const nw_real kept[2],
                                 double *restrict dw, double *restrict db)
{
    nw_real mean = kept[0], scale = kept[1];

    for (size_t i = 0; i < c; i++) {
        dw[i] += (double)(dy[i] * (x[i] - mean) * scale);
        db[i] += (double)dy[i];
    }
}

/* Gradients of weight and bias over a part of the rows. */
static void weight_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    size_t c = j->n->c;

    for (size_t p = begin; p < end; p++) {
        double *dw = j->part + p * 2 * c;

        memset(dw, 0, 2 * c * sizeof(double));
        for (size_t r = nw_part_start(j->n->rows, j->parts, p);
             r < nw_part_start(j->n->rows, j->parts, p + 1); r++)
            weight_row(c, j->x + r * c, j->dy + r * c, j->kept + 2 * r, dw, dw + c);
    }
}

void NW_R(nw_row_norm_back)(const nw_norm *n, const nw_real *x, const nw_real *dy,
                            const nw_real *weight, const nw_real *keep, nw_real *dx,
                            int add, nw_real *dw, nw_real *db, void *scratch)
{
    struct job j = {.n = n,
                    .x = x,
                    .dy = dy,
                    .weight = weight,
                    .kept = keep,
                    .out = dx,
                    .add = add,
                    .part = scratch};
    size_t c = n->c;

    if (dx)
        nw_parallel(n->rows, GRAIN / c + 1, back_part, &j);
    if (!dw && !db)
        return;
    j.parts = nw_parts(n->rows, c);
    nw_parallel(j.parts, 1, weight_part, &j);
    for (size_t p = 0; p < j.parts; p++)
        for (size_t i = 0; i < c; i++) {
            if (dw)
                dw[i] += (nw_real)j.part[p * 2 * c + i];
            if (db)
                db[i] += (nw_real)j.part[p * 2 * c + c + i];
        }
}
