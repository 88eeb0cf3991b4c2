/*
 * policy.h - a vector of decisions drawn from logits, and what its probability depends
 * on.
 *
 * A net's output y holds the logits; a decision says where among them its own are. Of a
 * choice among n options they are n numbers under a softmax, of a coin (is this layer an
 * input: yes or no) one number under a sigmoid. ENAS divides logits by a temperature and
 * squashes them by c tanh(); so
 *
 *   z = c tanh(y / temperature),  log pi(x) = sum over decisions of log softmax(z)[x_i]
 *
 * All gradients are those of y. Formulas: docs/explain/controllers.md.
 */
#ifndef NW_POLICY_H
#define NW_POLICY_H

#include <stddef.h>
#include <stdint.h>

typedef struct nw_decision {
    size_t at;   /* of its first logit in y           */
    int options; /* x_i is below it                   */
    int is_coin; /* one logit, and x_i is 1 = yes     */
} nw_decision;

typedef struct nw_policy {
    int n;
    const nw_decision *decision;
    double temperature, squash; /* 0 = neither divided nor squashed */
} nw_policy;

/* Decision i by u, uniform in (0, 1). */
int nw_policy_pick(const nw_policy *p, int i, const double *y, double u);

/* log pi(x), and the sum of the decisions' entropies in nats (entropy may be NULL). */
double nw_policy_log(const nw_policy *p, const double *y, const int *x, double *entropy);

/* dy += by_log * d log pi(x) / d y + by_entropy * d entropy / d y */
void nw_policy_slope(const nw_policy *p, const double *y, const int *x, double by_log,
                     double by_entropy, double *dy);

/* ---- What a sequence is worth ------------------------------------------------------ */

/* Moving average of rewards. It starts at the first of them: from 0, the first updates
 * would make every sequence likelier that was drawn at all. */
typedef struct nw_baseline {
    double decay, value;
    int64_t seen;
} nw_baseline;

/* reward - baseline; then the baseline moves. The first advantage is 0. */
double nw_baseline_advantage(nw_baseline *b, double reward);

/* A loss of log pi(x), and its slope. clip 0: REINFORCE, -A log pi. Else PPO's
 *   -min(r A, clamp(r, 1 - clip, 1 + clip) A),  r = exp(log pi - log pi_old)
 * of the whole sequence. */
double nw_policy_loss(double clip, double advantage, double log_new, double log_old,
                      double *slope);

#endif
