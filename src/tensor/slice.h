/*
 * slice.h - a block of numbers inside a larger one, and kernels made from larger ones:
 * what networks of an elastic space take from weights that they share. For either
 * precision.
 */
#ifndef NW_SLICE_H
#define NW_SLICE_H

#include <stddef.h>

/* Of every axis, `dim` numbers from `at` on, out of `of`. */
typedef struct nw_slice {
    int rank; /* 1..4 */
    int dim[4], of[4], at[4];
} nw_slice;

typedef struct nw_slicer {
    /* part = the slice of whole */
    void (*take)(const nw_slice *slice, const void *whole, void *part);
    /* the slice of whole += part */
    void (*add)(const nw_slice *slice, const void *part, void *whole);

    /* n kernels of k x k to as many of k - 2: the centre, as a vector, times a matrix of
     * (k - 2)^4 numbers, as y = M x. */
    void (*shrink)(size_t n, int k, const void *matrix, const void *from, void *to);

    /* Backwards, from the gradient of `to`: that of `from`, written, and that of the
     * matrix, added. */
    void (*grow)(size_t n, int k, const void *matrix, const void *from, const void *dto,
                 void *dfrom, void *dmatrix);
} nw_slicer;

extern const nw_slicer nw_slicer_f32, nw_slicer_f64;

#endif
