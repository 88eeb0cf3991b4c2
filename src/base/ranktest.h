/*
 * ranktest.h - is one sample greater than another? What a comparison of strategies needs
 * of statistics: ranks, the Mann-Whitney test, its effect size, Holm's correction.
 *
 * A NaN stands for a run that failed. It is below every number, and as good as another
 * NaN, so that a strategy gains nothing by failing; means and quantiles leave it out.
 */
#ifndef NW_RANKTEST_H
#define NW_RANKTEST_H

#include "ctx.h"

/* Does `a` tend to be greater than `b`? */
typedef struct nw_ranktest {
    double u;     /* pairs in which a is greater; equal ones count half            */
    double a12;   /* u as a share of all pairs: probability that a is greater, 0..1 */
    double p;     /* of so large a u if both came from one distribution             */
    int is_exact; /* p is that of all orders, not of the normal approximation       */
} nw_ranktest;

/* One-sided Mann-Whitney U test of a (n numbers) greater than b (m numbers): exact for up
 * to 20 numbers each without ties, else the normal approximation with corrections for
 * ties and continuity. */
nw_status nw_mann_whitney(nw_ctx *ctx, const double *a, int n, const double *b, int m,
                          nw_ranktest *out);

/* Adjusted p (Holm's step-down) of each of n tests; a NaN is no test and stays. p may be
 * adjusted. */
nw_status nw_holm(nw_ctx *ctx, const double *p, int n, double *adjusted);

/* Rank of each of n numbers, 1 = smallest; equal ones share the mean of their ranks. */
nw_status nw_midranks(nw_ctx *ctx, const double *x, int n, double *rank);

/* Mean rank of each of n rivals over m blocks, 1 = the greatest number of its block;
 * x[i * m + j] is that of rival i in block j. */
nw_status nw_average_ranks(nw_ctx *ctx, const double *x, int n, int m, double *rank);

/* Numbers alone; NaN if there are none (of the deviation: fewer than two). */
int nw_known(const double *x, int n); /* how many are not NaN */
double nw_mean(const double *x, int n);
double nw_deviation(const double *x, int n); /* divisor n - 1 */

/* Sort upwards, NaN last. */
void nw_sort(double *x, int n);

/* Of what nw_sort() sorted: at share q of the way, 0..1, linear between two numbers
 * (type 7 of Hyndman and Fan 1996). The median is that at 0.5. */
double nw_quantile(const double *sorted, int n, double q);

#endif
