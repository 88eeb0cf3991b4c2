/*
 * op_chain.h - the ops that a composite op expands to, run one after the other.
 *
 * The space's builder expands it; each op then has an op_run of its own, and values and
 * gradients are copied between them. Slow and plain: what an executor must agree with.
 */
#ifndef OP_CHAIN_H
#define OP_CHAIN_H

#include "op_run.h"
#include "space.h"

enum { CHAIN_MOST = 32 };

struct op_chain {
    nw_space *space;
    int n; /* places; 0 is the input */
    struct op_run step[CHAIN_MOST];
};

/* c has one input of rank 3. The composite's module is named "it". */
nw_status chain_open(struct op_chain *chain, nw_ctx *ctx, const nw_case *c, int batch,
                     int f64);
void chain_close(struct op_chain *chain);

/* From step[0].y to the last step's y; from its dy to step[0].dy. */
void chain_forward(struct op_chain *chain);
void chain_backward(struct op_chain *chain);

#endif
