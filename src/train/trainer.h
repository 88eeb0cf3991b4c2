/*
 * trainer.h - a net on its way through the epochs of a recipe, one step at a time.
 *
 * Between any two steps its whole state is that of nw_trainer_state(): a run that is
 * stopped there and taken up again goes on bit for bit as if nothing had happened.
 */
#ifndef NW_TRAINER_H
#define NW_TRAINER_H

#include "feed.h"
#include "optimizer.h"

typedef struct nw_trainer {
    nw_ctx *ctx;
    nw_net *net;
    const nw_recipe *recipe;
    nw_optimizer opt;
    nw_feed feed;
    nw_augment augment;
    nw_plan *plan;
    uint64_t seed;
    size_t classes;
    float *soft; /* labels as vectors (batch, classes), for mse; else NULL */
    int epochs;
    long step;          /* weight steps so far                          */
    double loss, right; /* sums over the batches of this epoch          */
    double seconds;     /* spent in this epoch                          */
    double last_loss;   /* of the last step                             */
} nw_trainer;

/* The net learns from `data` for `epochs` (the recipe's, or a share of them). */
nw_status nw_trainer_init(nw_trainer *t, nw_net *net, const nw_recipe *recipe,
                          nw_data *data, int epochs, uint64_t seed);
void nw_trainer_clear(nw_trainer *t);

double nw_trainer_epoch(const nw_trainer *t); /* epochs so far, with the fraction */
long nw_trainer_steps(const nw_trainer *t);   /* in all */
double nw_trainer_lr(const nw_trainer *t);    /* of the next step */

/* One weight step. NW_DONE when it ended an epoch, NW_EDIVERGED when the loss is not
 * finite (the weights are then those before the step). */
nw_status nw_trainer_step(nw_trainer *t);

/* Forward and backward on the training batch of the next step: the loss; net->grad and
 * net->dmix are set. For the look-ahead of bilevel methods. */
nw_status nw_trainer_grad(nw_trainer *t, nw_mode mode, double *loss);

/* Averages of the epoch that just ended, and a new count. */
void nw_trainer_report(nw_trainer *t, nw_epoch *out);

/* Parameters, buffers, optimizer, counters. */
nw_status nw_trainer_state(nw_trainer *t, nw_state *state);

/* Parameters and buffers of a net alone. */
nw_status nw_net_state(nw_net *net, nw_state *state);

#endif
