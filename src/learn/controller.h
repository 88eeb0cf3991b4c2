/*
 * controller.h - an LSTM that speaks a vector of decisions, one after the other.
 *
 * Every decision is a step. Its input is the embedding of the decision before it, its
 * state goes through a softmax of the head of its kind, and what is drawn there is the
 * input of the next. Decisions of one head share its weights and embeddings.
 *
 *   token -> embedding -> LSTM -> ... -> LSTM -> head: logits of all kinds, of which a
 *                                                decision sees its own
 *
 * With layers > 0 the vector describes a chain of layers [1]. Then each layer ends in one
 * more step, its anchor, and whether layer j is an input of layer i is a coin:
 *
 *   P(j -> i) = sigmoid(v . tanh(W_prev h_j + W_curr h_i)),  h: states at the anchors
 *
 * Such chains may grow: then x[0] is how many layers there are, minus 1. It is given, not
 * drawn, and has no step. Decisions of later layers are 0; they take no step and have no
 * part in pi, its gradient or its entropy.
 *
 * The net that learns sees whole vectors; drawing walks step by step over a view of it.
 *
 * [1] B. Zoph, Q. Le 2016, Neural architecture search with reinforcement learning,
 *     arXiv:1611.01578, section 3.
 */
#ifndef NW_CONTROLLER_H
#define NW_CONTROLLER_H

#include "learner.h"
#include "policy.h"

typedef struct nw_controller nw_controller;

/* Arrays of n: of each decision. They are copied. */
typedef struct nw_controller_config {
    int n;
    const int *options; /* x[i] is below options[i]                                   */
    const int *head;    /* its kind, 0, 1, 2 ...; those of one kind have equally many
                           options. NULL: each has a kind of its own                  */
    int layers;         /* 0 = no anchors                                             */
    const int *layer;   /* that it belongs to, in ascending order                     */
    const int *from;    /* of an anchor: the earlier layer, else -1                   */
    int grows;          /* 1 = decision 0 is how many layers there are, minus 1       */
    int units, stack;   /* numbers of a state and of an embedding; LSTMs on one another */
    double temperature, squash; /* see policy.h                                       */
    nw_learner_config learner;
} nw_controller_config;

/* NULL after nw_fail(). */
nw_controller *nw_controller_open(nw_ctx *ctx, const nw_controller_config *config);
void nw_controller_close(nw_controller *c);

/* A vector, by the seed alone (and the weights, and x[0] where the chain grows). */
nw_status nw_controller_draw(nw_controller *c, uint64_t seed, int *x);

/* log pi(x), and the entropies along it (may be NULL). */
nw_status nw_controller_log(nw_controller *c, const int *x, double *log_pi,
                            double *entropy);

/* What is wanted of m vectors: the mean loss over them is
 *   nw_policy_loss(clip, advantage, log pi, log pi_old) - entropy * H */
typedef struct nw_lesson {
    int m;
    const int *x; /* (m, n)                                        */
    const double *advantage;
    const double *log_old; /* NULL with clip 0                              */
    double clip, entropy;
} nw_lesson;

/* Its gradients are added up; loss may be NULL. */
nw_status nw_controller_study(nw_controller *c, const nw_lesson *lesson, double *loss);

/* Of the weights, to step, keep and look at them. */
nw_learner *nw_controller_learner(nw_controller *c);

/* What it decides, for tests: coins are the anchors. */
const nw_policy *nw_controller_policy(const nw_controller *c);

#endif
