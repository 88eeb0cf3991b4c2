/*
 * depth_row.h - one row of a depthwise convolution, and what it says of the filter; on
 * the calling thread. Pixels have cp channels, a multiple of 8, and stand where they are
 * given:
 *
 *     out[o][c] = sum over ky, kx of w[ky][kx][c] in[ky][o stride + kx dil][c]
 *
 * Tiles of outputs may look at 8 pixels more to the right than these: they must be there
 * to read, and are not used.
 */
#ifndef NW_DEPTH_ROW_H
#define NW_DEPTH_ROW_H

#include <stddef.h>

enum { NW_DEPTH_MOST_K = 7 };

typedef struct nw_depth_row {
    int k, dil, stride;
    int n, cp; /* outputs, channels */
} nw_depth_row;

/* in: k rows, from the pixel of output 0 and tap 0; w (k, k, cp); out (n, cp). */
void nw_depth_row_take(const nw_depth_row *d, const float *const *in, const float *w,
                       float *out);

/* sum (k, cp) += what `rows` rows of gradients say of one row of the filter. grad[r]: the
 * gradients of an output row, `stride` pixels apart; in[r]: the input row under it, from
 * the pixel of output 0 and tap 0. */
void nw_depth_row_filter(const nw_depth_row *d, int rows, const float *const *grad,
                         const float *const *in, float *sum);

#endif
