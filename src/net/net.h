/*
 * net.h - a graph that runs: parameters, a plan of the memory, the executor.
 *
 * A net has four blocks: trainable parameters, their gradients, buffers (running
 * statistics), and one arena for activations, their gradients and scratch. A plan is made
 * for a batch size and a direction; it fixes every address and makes every primitive, so
 * that a step allocates nothing. Plans of a net share the parameters and the arena: only
 * one of them is at work at a time, and its values last until the next one runs.
 *
 * All blocks hold nw_real of the net's precision: float, or double in an NW_F64 net.
 */
#ifndef NW_NET_H
#define NW_NET_H

#include "graph.h"

typedef struct nw_plan nw_plan;

struct nw_net {
    nw_ctx *ctx;
    nw_graph *graph;
    nw_precision precision;
    size_t real_size; /* 4 or 8                                              */
    void *param;      /* graph->n_trainable numbers                          */
    void *grad;       /* as many; NULL until a plan with backward is made    */
    void *buffer;     /* graph->n_buffer numbers                             */
    int is_folded;    /* see nw_net_fold(): the parameters do not change      */
    nw_net *owner;    /* whose these three are, see nw_net_share(); NULL = its own */
    nw_net *host;     /* in whose arena its plans work; NULL = its own       */
    double *mix;      /* weights of the arch: space->n_weight                */
    double *dmix;     /* d loss / d mix, added to by nw_plan_backward()      */
    nw_plan *plan[4]; /* lately used; owned                                  */
    nw_plan *newest;  /* of all plans that work in this net's arena, linked  */
    char *arena;      /* as large as the largest plan so far                 */
    size_t arena_bytes;
    uint64_t clock;    /* of their use                                        */
    int n_channel;     /* of mean and sd; 0 = inputs are taken as they are     */
    double *mean, *sd; /* what training data was normalised by; one block      */
};

/* As nw_net_new(), with flags of nw_graph_new(): a supernet keeps options whose
 * weight is 0 now. */
nw_net *nw_net_make(nw_ctx *ctx, nw_space *space, const nw_arch *arch, uint64_t seed,
                    nw_precision precision, unsigned flags);

/* A net without a graph, and its blocks once it has one, which must be younger. */
nw_net *nw_net_empty(nw_ctx *ctx, nw_precision precision);
nw_status nw_net_start(nw_net *net, uint64_t seed);

/* From here on the parameters, gradients and buffers of `net` are those of `owner` that
 * have the same names, in the same memory; `owner` must outlive it and may have more.
 * Before any plan. NW_EMATCH where it lacks one, or has it in another shape; the net is
 * then good for nothing but nw_net_free(). */
nw_status nw_net_share(nw_net *net, nw_net *owner);

/* A net without a start: its parameters, gradients and buffers are whatever stands in the
 * blocks of `room`, which must be large enough and outlive it, and it works in the arena
 * of `room`. Of all nets in one room one is at work at a time. */
nw_net *nw_net_in(nw_net *room, nw_space *space, const nw_arch *arch, unsigned flags);

/* Has `owner` all that `net` has, in the same shapes? Then nw_net_share() takes it. */
int nw_net_can_share(const nw_net *net, const nw_net *owner);

/* New weights for the choices of a supernet; options of weight 0 are not mixed in. */
nw_status nw_net_set_arch(nw_net *net, const nw_arch *arch);

/* Make room for gradients, unless there is. */
nw_status nw_net_need_grad(nw_net *net);

/* Start of a parameter in param, grad or buffer, in real numbers. */
void *nw_net_param(const nw_net *net, int i);

/* Remember how the data that the net learns from was normalised: nw_net_run(),
 * nw_net_score() and exported files then do the same to what they are given. */
nw_status nw_net_normalise(nw_net *net, int n_channel, const double *mean,
                           const double *sd);

/* A number of a block whatever the precision. */
double nw_real_get(const nw_net *net, const void *block, size_t i);
void nw_real_set(const nw_net *net, void *block, size_t i, double value);

/* ---- Plans ------------------------------------------------------------------ */

typedef struct nw_plan_config {
    int batch;
    int backward;      /* gradients of parameters (and of the mix, if any)    */
    int no_param_grad; /* with backward: of the mix only                      */
    int input_grad;    /* and of the input: for tests                         */
    double smoothing;  /* label smoothing of the cross-entropy, 0..1          */
    int soft_labels;   /* labels are distributions (batch, classes)           */
    int squares;       /* loss is mean squared error to soft labels           */
    int no_loss;       /* logits only; a backward pass starts from the caller's
                          gradient of them                                    */
    int no_shortcuts;  /* composite ops as they expand: for tests             */
} nw_plan_config;

/* NULL after nw_fail(). A plan belongs to its net and dies with it at the latest. */
nw_plan *nw_plan_new(nw_net *net, const nw_plan_config *config);
void nw_plan_free(nw_plan *plan);

/* A plan of that config, from the net's few last ones or new. */
nw_plan *nw_net_plan(nw_net *net, const nw_plan_config *config);

size_t nw_plan_bytes(const nw_plan *plan); /* of the arena: the peak */
const nw_plan_config *nw_plan_config_of(const nw_plan *plan);
void nw_plan_touch(nw_plan *plan, uint64_t now);
uint64_t nw_plan_age(const nw_plan *plan); /* when it was last touched */

/* Bytes that a forward pass of `graph` at batch 1 would plan, without building it. */
nw_status nw_graph_peak(nw_graph *graph, size_t *bytes);

/* Where the caller puts a batch: NCHW as users see it. */
typedef struct nw_batch {
    const float *x;       /* (batch, C, H, W)                                      */
    const int32_t *label; /* (batch) or NULL                                       */
    const float *soft;    /* (batch, classes) or NULL                              */
} nw_batch;

typedef struct nw_pass {
    nw_mode mode;
    uint64_t seed;     /* of this step: dropout, drop path, noise                */
    double progress;   /* share of training that is done                         */
    long recalibrated; /* see nw_run                                             */
} nw_pass;

/* loss: mean over the batch, the auxiliary one included with its weight; NULL = not
 * wanted. The logits are then at nw_plan_logits(). */
nw_status nw_plan_forward(nw_plan *plan, const nw_batch *batch, const nw_pass *pass,
                          double *loss);

/* Gradients of `scale` times the mean loss, ADDED to net->grad and net->dmix. */
nw_status nw_plan_backward(nw_plan *plan, double scale);

/* The same from dout, the gradient of the output: as large as it, in nw_real, laid out as
 * nw_plan_logits(). Of a plan with no_loss. */
nw_status nw_plan_backward_from(nw_plan *plan, const void *dout);

/* Seconds that each turn took, in all passes since time was first taken. */
typedef struct nw_turn_time {
    const char *op;    /* "conv2d"                                                   */
    const char *spec;  /* "conv2d out=16 k=3", NULL for losses                       */
    const char *name;  /* of the node                                                */
    const nw_how *how; /* lives as long as the plan                                  */
    double forward, backward, macs;
    long passes;
} nw_turn_time;

/* From now on take the time of every turn. Their number; NULL after nw_fail(). */
const nw_turn_time *nw_plan_times(nw_plan *plan, int *n);

/* The plan of the same net that was made before this one; NULL = none is left. */
nw_plan *nw_plan_older(const nw_plan *plan);

/* (batch, classes) nw_real of the last forward pass. */
const void *nw_plan_logits(const nw_plan *plan);
const void *nw_plan_input_grad(const nw_plan *plan); /* (batch, H, W, C) */

#endif
