/*
 * learner.h - a small net that learns on the side: a controller, a predictor, an encoder.
 *
 * A learner is a space without choices, its net and Adam. Whoever uses it says what is
 * wrong with the output, as its gradient; so any loss will do:
 *
 *   nw_learner *l = nw_learner_open(ctx, space, &(nw_learner_config){.lr = 1e-3});
 *   nw_learner_forward(l, batch, x, NW_TRAIN, &y);
 *   ... dy = d loss / d y ...
 *   nw_learner_backward(l, dy);      gradients add up until
 *   nw_learner_step(l, NULL);        clip, Adam, clear
 *
 * A *view* is another space over the same weights: parameters of the same name are the
 * learner's own memory. A sampler that walks one step at a time, an encoder alone, a
 * predictor with the gradient of its input are views of the net that learns. Their
 * gradients go to the same place.
 *
 * Values go in as float and come out as double whatever the precision: a gradient check
 * is the same code as a search. Plans are kept for the four batch sizes and directions
 * last used; nothing else is allocated once a batch size has been seen.
 */
#ifndef NW_LEARNER_H
#define NW_LEARNER_H

#include "optimizer.h"

typedef struct nw_learner nw_learner;

enum nw_learner_flag {
    NW_LEARNER_INPUT_GRAD = 1, /* backward() also finds the gradient of the input   */
    NW_LEARNER_FROZEN = 2,     /* and of nothing else: the weights get none         */
};

/* Fields that are 0 have these defaults, which are PyTorch's. */
typedef struct nw_learner_config {
    double lr;                /* 1e-3                                                 */
    double beta1, beta2, eps; /* .9, .999, 1e-8                                       */
    double weight_decay;      /* 0; L2, added to the gradient                         */
    double clip_norm;         /* largest norm of the whole gradient; 0 = any          */
    double init;              /* weights start uniform in +-init; 0 = as the ops say  */
    uint64_t seed;            /* of the weights and of dropout                        */
    nw_precision precision;
    unsigned flags; /* of nw_learner_flag */
} nw_learner_config;

/* NULL after nw_fail(). The space stays the caller's and must outlive the learner. */
nw_learner *nw_learner_open(nw_ctx *ctx, nw_space *space,
                            const nw_learner_config *config);

/* Views live no longer than the learner they look at. NW_EMATCH where that one lacks a
 * parameter. Dropout is off in a view whose space has none. */
nw_learner *nw_learner_view(nw_learner *of, nw_space *space, unsigned flags);
void nw_learner_close(nw_learner *l);

/* x (batch, C, H, W), y (batch, numbers of the output), which last until the next pass of
 * this learner or view. NW_EVAL is cheaper and allows no nw_learner_backward(). */
nw_status nw_learner_forward(nw_learner *l, int batch, const float *x, nw_mode mode,
                             const double **y);

/* After a forward pass: gradients of the loss whose gradient by y is dy, added. */
nw_status nw_learner_backward(nw_learner *l, const double *dy);

/* With NW_LEARNER_INPUT_GRAD, after a backward pass: number i of d loss / d x of the
 * batch; of pictures in the order (batch, H, W, C). */
double nw_learner_input_grad(const nw_learner *l, size_t i);

/* Clip, one step of Adam, clear the gradients. norm (may be NULL): before clipping.
 * NW_EDIVERGED where it is not finite: the weights stay, the gradients are cleared. Of a
 * view: of the learner that it looks at, as all that follows. */
nw_status nw_learner_step(nw_learner *l, double *norm);
void nw_learner_clear(nw_learner *l); /* the gradients */
void nw_learner_set_lr(nw_learner *l, double lr);

/* Weights, moments, counters, learning rate: all there is between a step and the next
 * forward pass. */
nw_status nw_learner_state(nw_learner *l, nw_state *state);

/* Trainable numbers, in the order of the parameters; their values and gradients. */
size_t nw_learner_count(const nw_learner *l);
double nw_learner_weight(const nw_learner *l, size_t i);
void nw_learner_set_weight(nw_learner *l, size_t i, double value);
double nw_learner_grad(const nw_learner *l, size_t i);

/* Numbers of an input and of an output, of one example. */
size_t nw_learner_in(const nw_learner *l);
size_t nw_learner_out(const nw_learner *l);

#endif
