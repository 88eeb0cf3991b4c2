/* separable.h - the shortcut that sep_conv and dil_conv share. Float only. */
#ifndef NW_OP_SEPARABLE_H
#define NW_OP_SEPARABLE_H

#include "op.h"

/* What a composite of `halves` separable halves says: the first has the stride and keeps
 * the channels unless it is the last, the last gives `out`. */
typedef struct nw_separable {
    int halves, k[2], stride[2], dil, out, affine;
} nw_separable;

/* The ops' own functions call these with what their keys say. */
int nw_separable_fits(const nw_separable *s, const nw_shape *in);
nw_status nw_separable_prepare(const nw_separable *s, nw_run *run);
void nw_separable_release(nw_run *run);
void nw_separable_forward(const nw_run *run);
void nw_separable_backward(const nw_run *run);

#endif
