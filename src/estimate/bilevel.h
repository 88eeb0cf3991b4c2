/*
 * bilevel.h - the architecture gradient through one virtual step of the weights.
 *
 * DARTS (arXiv 1806.09055, eqs. 5-8). With w' = w - xi (mu buf + grad_w L_train + decay
 * w):
 *
 *   d = grad_a L_val(w', a) - xi (grad_a L_train(w+, a) - grad_a L_train(w-, a)) / (2 R)
 *   w+- = w +- R v,  v = grad_w' L_val(w', a),  R = 0.01 / |v|
 *
 * Five passes over the net with the ordinary step. The momentum in the virtual step does
 * not depend on a, so the formula is the paper's. w is restored from a copy, bit for bit.
 *
 * It knows nets only through an oracle, so a toy whose answer is known by hand can test
 * it.
 */
#ifndef NW_BILEVEL_H
#define NW_BILEVEL_H

#include "ctx.h"
#include "vec.h"

typedef struct nw_oracle {
    void *self;
    const nw_vec *vec;
    size_t n, bytes; /* numbers of w, and bytes of a block of them           */
    int n_arch;
    void *w;  /* read and changed in place                                   */
    void *dw; /* where the two functions below leave their gradient of w     */
    nw_status (*train)(void *self, double *darch); /* darch may be NULL      */
    nw_status (*valid)(void *self, double *darch);
    /* out = w after the virtual step, from the gradient in dw */
    void (*look_ahead)(void *self, void *out);
    double xi; /* learning rate of the virtual step */
} nw_oracle;

/* Blocks and vectors that nw_unrolled() works in, made once. */
typedef struct nw_unroll {
    nw_ctx *ctx;
    void *copy, *v;
    double *plus, *minus;
} nw_unroll;

nw_status nw_unroll_init(nw_unroll *u, nw_ctx *ctx, const nw_oracle *oracle);
void nw_unroll_clear(nw_unroll *u);

/* darch (n_arch) is set. */
nw_status nw_unrolled(nw_unroll *u, const nw_oracle *oracle, double *darch);

#endif
