/* optimizer.h - SGD, Adam and AdamW over the parameter block of a net. */
#ifndef NW_OPTIMIZER_H
#define NW_OPTIMIZER_H

#include "recipe.h"
#include "vec.h"

/* A stretch of the block whose numbers share a weight decay. */
typedef struct nw_stretch {
    size_t offset, count;
    double decay;
} nw_stretch;

typedef struct nw_optimizer {
    nw_net *net;
    const nw_recipe *recipe;
    const nw_vec *vec;
    int is_adam, is_decoupled;
    void *first, *second; /* momentum, or mean and variance: as large as net->param */
    long step;
    nw_stretch *stretch;
    int n_stretch;
} nw_optimizer;

nw_status nw_optimizer_init(nw_optimizer *opt, nw_net *net, const nw_recipe *recipe);
void nw_optimizer_clear(nw_optimizer *opt);

/* Zero net->grad. */
void nw_optimizer_zero(nw_optimizer *opt);

/* One step by net->grad at rate lr, clipped as the recipe says. norm (may be NULL) gets
 * the gradient's norm before clipping. */
void nw_optimizer_step(nw_optimizer *opt, double lr, double *norm);

nw_status nw_optimizer_state(nw_optimizer *opt, nw_state *state);

#endif
