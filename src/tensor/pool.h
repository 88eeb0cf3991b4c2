/*
 * pool.h - sums and maxima over windows of NHWC images.
 *
 * A window is a range of rows and a range of columns, given by one table an axis, so
 * that strides, padding and adaptive pooling are the same loop.
 */
#ifndef NW_POOL_H
#define NW_POOL_H

#include "netwright_ext.h"

typedef struct nw_axis {
    int in, out;
    int *begin, *end;  /* (out): what output o reads, cut at the border  */
    int *first, *last; /* (in): the outputs that read input i, last + 1  */
    /* (out): how many outputs from o on have windows of equal width, each beginning
     * out_step[o] after the one before. */
    int *out_run, *out_step;
    /* (in): how many inputs from i on are each read by the next window and as many of
     * them, all of equal width and in_step[i] apart; 0 = the windows of i differ. */
    int *in_run, *in_step;
} nw_axis;

/* Numbers of int that the tables of an axis take. */
size_t nw_axis_ints(int in, int out);
void nw_axis_fixed(nw_axis *axis, int in, int out, int k, int stride, int pad, int *room);
void nw_axis_adaptive(nw_axis *axis, int in, int out, int *room);

typedef struct nw_pool {
    int n, c;
    nw_axis h, w;
    int divisor; /* of every window; 0 = the numbers it really has */
} nw_pool;

void NW_R(nw_avg_forward)(const nw_pool *p, const nw_real *x, nw_real *y);
void NW_R(nw_avg_backward)(const nw_pool *p, const nw_real *dy, nw_real *dx, int add);

/* index (n, h.out, w.out, c): place of the maximum in its window, in scan order. */
void NW_R(nw_max_forward)(const nw_pool *p, const nw_real *x, nw_real *y,
                          unsigned short *index);
void NW_R(nw_max_backward)(const nw_pool *p, const unsigned short *index,
                           const nw_real *dy, nw_real *dx, int add);

#endif
