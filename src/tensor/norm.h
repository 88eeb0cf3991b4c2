/*
 * norm.h - moments and normalisation of the columns (batch) or rows (layer) of a matrix.
 *
 * Moments are exact to rounding whatever the mean: stretches that fit the first-level
 * cache are summed about their own mean and combined in double.
 */
#ifndef NW_NORM_H
#define NW_NORM_H

#include "netwright_ext.h"

/* x (rows, c) */
typedef struct nw_norm {
    size_t rows, c;
} nw_norm;

size_t NW_R(nw_norm_scratch)(const nw_norm *n);

/* mean[c], var[c] (divided by rows). */
void NW_R(nw_norm_moments)(const nw_norm *n, const nw_real *x, nw_real *mean,
                           nw_real *var, void *scratch);

/* y = (x - mean[c]) * scale[c] + shift[c] */
void NW_R(nw_norm_apply)(const nw_norm *n, const nw_real *x, const nw_real *mean,
                         const nw_real *scale, const nw_real *shift, nw_real *y);

/* sum[c] = sum of dy, product[c] = sum of dy * (x - mean[c]). */
void NW_R(nw_norm_sums)(const nw_norm *n, const nw_real *x, const nw_real *dy,
                        const nw_real *mean, nw_real *sum, nw_real *product,
                        void *scratch);

/* dx = or += a[c] * dy + b[c] * (x - mean[c]) + d[c] */
void NW_R(nw_norm_back)(const nw_norm *n, const nw_real *x, const nw_real *dy,
                        const nw_real *mean, const nw_real *a, const nw_real *b,
                        const nw_real *d, nw_real *dx, int add);

/* Rows: y = (x - mean) / sqrt(var + eps) * weight[c] + bias[c]; weight may be NULL,
 * keep (rows, 2) takes mean and 1 / sqrt(var + eps). */
void NW_R(nw_row_norm)(const nw_norm *n, const nw_real *x, const nw_real *weight,
                       const nw_real *bias, double eps, nw_real *y, nw_real *keep);

/* dx may be NULL; dw[c] and db[c] are added to and may be NULL. */
void NW_R(nw_row_norm_back)(const nw_norm *n, const nw_real *x, const nw_real *dy,
                            const nw_real *weight, const nw_real *keep, nw_real *dx,
                            int add, nw_real *dw, nw_real *db, void *scratch);

#endif
