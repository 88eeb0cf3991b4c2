/*
 * stage.h - a convolution between two batch norms in one walk over each image.
 *
 *     y = conv(gate((x - mean) scale + shift))
 *
 * The batch norm before and the activation are applied while the input is read; the
 * moments for the batch norm behind are taken while the output is hot. Backward, nothing
 * but x and y is needed: the rest is computed again. The gradient of the batch norm
 * behind is formed while it is read,
 *
 *     dz = on_dy each dy + on_y (y - y_mean) + fixed   (each by example, else by channel)
 *
 * and the sums that the batch norm before will want are taken while dx is written.
 *
 * A kernel is one nw_stage_type. Float only: what a stage stands for is the reference.
 */
#ifndef NW_STAGE_H
#define NW_STAGE_H

#include <stddef.h>

/* Floats of a buffer, in whole cache lines, so that the next one starts on one. */
static inline size_t nw_whole_lines(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

typedef enum nw_gate {
    NW_GATE_NONE,
    NW_GATE_RELU,
    NW_GATE_RELU6,
} nw_gate;

typedef struct nw_stage {
    int n, threads;
    int c, ih, iw;
    int oc, oh, ow;
    int k, stride, pad, dil; /* of the filter that has a size; square */
    nw_gate gate;
} nw_stage;

typedef struct nw_stage_args {
    const float *x;                    /* (n, ih, iw, c)                           */
    const float *mean, *scale, *shift; /* (c); all NULL: gate(x)                   */
    const float *w[2];                 /* filters in the order of the parameters   */
    float *y;                          /* (n, oh, ow, oc): written forward         */
    float *moment, *variance;          /* (oc): of y; NULL = not wanted            */
    /* backward */
    const float *dy, *y_mean, *on_dy, *on_y, *fixed;
    const float *each;       /* (n): a factor of dy for every example; NULL = 1 */
    float *dx;               /* of the gate's argument; NULL = not wanted         */
    int add;                 /* dx += instead of dx =; then no sums are taken      */
    float *dx_sum, *dx_prod; /* (c): sums of dx and of dx (x - mean); NULL         */
    float *dw[2];            /* added to; NULL = not wanted                        */
    void *scratch;           /* scratch() bytes, 64-byte aligned                   */
} nw_stage_args;

typedef struct nw_stage_type {
    const char *name;
    int n_filter;
    int in_place;                   /* dx may be dy, where they have the same shape */
    int (*fits)(const nw_stage *s); /* 1 = these shapes, on this CPU */
    size_t (*scratch)(const nw_stage *s, int backward);
    void (*forward)(const nw_stage *s, const nw_stage_args *a);
    void (*backward)(const nw_stage *s, const nw_stage_args *a);
} nw_stage_type;

/* Depthwise (c,1,k,k), then 1x1 (oc,c,1,1): src/tensor/stage_separable.c */
extern const nw_stage_type nw_stage_separable;

/* Depthwise (c,1,k,k): src/tensor/stage_depth.c */
extern const nw_stage_type nw_stage_depth;

/* 1x1 (oc,c,1,1): src/tensor/stage_point.c */
extern const nw_stage_type nw_stage_point;

/* Largest number, and mean, of every window, cut at the border: src/tensor/stage_pool.c.
 * Neither norm nor gate before, no filters; dx_sum is not taken. */
extern const nw_stage_type nw_stage_maxpool, nw_stage_avgpool;

/* 3x3 (oc,c,3,3), stride 1, by minimal filtering: src/tensor/stage_dense.c. Backward it
 * also takes on_dy = NULL: nothing is behind, dz = dy; then y may be NULL. And x = NULL
 * where there is no gate and dw is not wanted; w = NULL where dx is not. */
extern const nw_stage_type nw_stage_dense;

#endif
