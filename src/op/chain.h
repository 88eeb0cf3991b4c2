/*
 * chain.h - the shortcut of composites that are convolutions and batch norms in turn:
 * [gate, stage, batch norm], some times over, as one turn. Float only.
 *
 * A composite describes itself as an nw_chain and calls these from its own functions.
 */
#ifndef NW_OP_CHAIN_H
#define NW_OP_CHAIN_H

#include "op.h"
#include "stage.h"

enum { NW_MOST_LINKS = 3 };

typedef struct nw_link {
    const nw_stage_type *type;
    nw_gate gate;
    int k, stride, dil;
    int pad; /* zeros around; -1 = dil (k - 1) / 2 */
    int out; /* channels, > 0                      */
} nw_link;

/* Batch norms as in the op batchnorm, all with the same keys. */
typedef struct nw_chain {
    int n;
    nw_link link[NW_MOST_LINKS];
    int affine;
    double eps;
} nw_chain;

/* "in" is -1 and "in*6" is -6. */
static inline int nw_chain_channels(int value, int in)
{
    return value < 0 ? -value * in : value;
}

/* The stage of a plain convolution, groups=1; NULL = there is none. */
const nw_stage_type *nw_chain_conv(int k, int stride);

/* The gate that an op is: relu, relu6; -1 = none. */
int nw_chain_gate(const char *op);

/* 1x1 to `mid` channels, depthwise, 1x1 to `out`, a gate between them. */
nw_chain nw_chain_inverted(int k, int stride, int mid, int out, nw_gate gate, double eps);

int nw_chain_fits(const nw_chain *chain, const nw_shape *in);
nw_status nw_chain_prepare(const nw_chain *chain, nw_run *run);
void nw_chain_release(nw_run *run);
void nw_chain_forward(const nw_run *run);
void nw_chain_redo(const nw_run *run);
void nw_chain_backward(const nw_run *run);

#endif
