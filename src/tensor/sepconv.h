/*
 * sepconv.h - half of a separable convolution in one walk over each image: activation,
 * depthwise convolution, 1x1 convolution. Float only, as it is a shortcut: the ops it
 * stands for are the reference.
 *
 * Nothing between the input and the output is written to memory or kept. The backward
 * pass computes it again, and takes the gradient of the batch norm that follows as
 *
 *     dz = on_dy dy + on_y (y - y_mean) + fixed        (all by channel of y)
 *
 * so that the gradient before the batch norm is never written either.
 */
#ifndef NW_SEPCONV_H
#define NW_SEPCONV_H

#include <stddef.h>

typedef struct nw_half {
    int n, threads;
    int c, ih, iw;
    int oc, oh, ow;
    int k, stride, pad, dil; /* of the depthwise filter; square */
} nw_half;

typedef struct nw_half_args {
    const float *x; /* (n, ih, iw, c) */
    const float *mean, *scale,
        *shift;           /* (c): relu((x - mean) scale + shift); NULL: relu(x) */
    const float *wd, *wp; /* (c, 1, k, k), (oc, c, 1, 1) */
    float *y;             /* (n, oh, ow, oc): written forward, read backward */
    const float *dy, *y_mean, *on_dy, *on_y, *fixed;
    float *dx;        /* of the activation's argument; NULL = not wanted */
    int add;          /* dx += instead of dx = */
    float *dwd, *dwp; /* added to; NULL = not wanted */
    void *scratch;    /* nw_half_scratch() bytes */
} nw_half_args;

/* 1 = these shapes, on this CPU. */
int nw_half_fits(const nw_half *h);

size_t nw_half_scratch(const nw_half *h, int backward);
void nw_half_forward(const nw_half *h, const nw_half_args *a);
void nw_half_backward(const nw_half *h, const nw_half_args *a);

#endif
