/*
 * parzen.h - Parzen estimators over decision vectors: how likely is a vector among those
 * that were observed?
 */
#ifndef NW_PARZEN_H
#define NW_PARZEN_H

#include "netwright_ext.h"

/* A group of observed vectors, oldest first: row[i] of x is the i-th. The kernel of an
 * observation puts most mass on its own option; one more kernel, the prior, is uniform.
 */
typedef struct nw_parzen {
    const nw_code *code;
    const int *x; /* vectors of code->n numbers */
    const int *row;
    int n;
    double prior; /* weight of the prior, where a recent observation has 1 */
} nw_parzen;

/* Weight of the i-th oldest of n: 1 for the 25 newest, and for those before them a ramp
 * from 1/n up. */
double nw_parzen_weight(int i, int n);

/* Decision `d` alone: the probability of each of its options. */
void nw_parzen_marginal(const nw_parzen *p, int d, double *probability);

/* Log of the probability of a whole vector: the mixture of products over decisions. */
double nw_parzen_log(const nw_parzen *p, const int *x);

/* A vector from that mixture: a kernel, then every decision from it. */
void nw_parzen_draw(const nw_parzen *p, uint64_t seed, int *x);

#endif
