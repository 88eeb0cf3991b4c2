/*
 * reinforce.c - policy gradient on one softmax a decision.
 *
 * The idea [1]: draw architectures from a distribution, and make those more probable that
 * scored better than expected. NAS-RL [2] has an LSTM write the decisions one after the
 * other; here every decision is drawn independently, as in the baseline of NAS-Bench-201
 * [3], which is enough for small spaces and learns within hundreds of trials.
 *
 * logit     one number an option of every decision (nw_code), decision after decision;
 *           all start at 0, which is uniform
 * p         softmax(logit) of a decision
 * R, b      quality of a trial, and its exponential moving average
 * gradient  of -(R - b) log p(arch):  (R - b) (p_k - 1[k was taken])        [1], [2] eq.
 * 3 of -entropy= times H(p):  entropy (p_k (log p_k + H)) both averaged over batch=
 * trials Adam      on that; a step does not depend on the scale of R
 *
 * baseline=first starts b at the first reward, so that it teaches nothing. (Starting at 0
 * would push up whatever is drawn first.) It becomes momentum b + (1 - momentum) R once R
 * has been compared with it. baseline=corrected is the form of [3]'s code, with R taken
 * in first: num = momentum num + (1 - momentum) R, den likewise with 1, b = num / den.
 *
 * What is drawn but illegal or beyond the limits is drawn again, at most REDRAWS times,
 * then uniformly. The gradient does not know about that: it is the one of the softmax,
 * not of what rejection leaves of it. Trials that are observed late, because others were
 * proposed meanwhile, count with the gradient at the policy of that moment, without a
 * correction for the one that drew them. A failed trial counts as the worst quality so
 * far; before any has succeeded it teaches nothing. An architecture that is drawn again
 * is a trial again, as in [3].
 *
 * Ours: lr. [3] is said to use Adam with 1e-3 (unverified), which hardly moves in the
 * some hundred trials of a small budget; on NAS-Bench-Macro .05 and .1 do best (see
 * docs/).
 *
 * [1] R. J. Williams, Simple statistical gradient-following algorithms for connectionist
 *     reinforcement learning, Machine Learning 8, 1992.
 * [2] B. Zoph, Q. V. Le, Neural Architecture Search with Reinforcement Learning, ICLR
 *     2017, arXiv:1611.01578.
 * [3] X. Dong, Y. Yang, NAS-Bench-201, ICLR 2020, arXiv:2001.00326.
 */
#include "ctx.h"
#include "netwright_ext.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { REDRAWS = 100 };

struct reinforce {
    double lr, beta1, beta2, eps, momentum, entropy;
    int batch;
    char baseline[NW_TEXT_SIZE];
    int is_corrected;
    nw_env env;
    nw_code *code;
    size_t n; /* options of all decisions */
    double *logit, *grad, *mean, *var;
    double *p; /* of one decision */
    int *x;    /* decisions of an arch */
    int64_t step;
    double num, den, worst; /* den 0: no reward so far; b = num / den */
    int32_t waiting;        /* trials in grad */
};

#define AT(field) offsetof(struct reinforce, field)

static const nw_attr reinforce_attrs[] = {
    {"lr", NW_REAL, AT(lr), "0.05", 0, 100, "step of the logits", NULL},
    {"momentum", NW_REAL, AT(momentum), "0.9", 0, 1, "of the baseline", NULL},
    {"baseline", NW_TEXT, AT(baseline), "first", 0, 0,
     "starts at the first reward, or is corrected for the start", NULL},
    {"batch", NW_INT, AT(batch), "1", 1, 100000, "trials a step", NULL},
    {"entropy", NW_REAL, AT(entropy), "0", 0, 1000, "weight of the policy's entropy",
     NULL},
    {"beta1", NW_REAL, AT(beta1), "0.9", 0, 0.999999, "Adam, mean", NULL},
    {"beta2", NW_REAL, AT(beta2), "0.999", 0, 0.999999, "Adam, variance", NULL},
    {"eps", NW_REAL, AT(eps), "1e-8", 0, 1, "Adam, epsilon", NULL},
    {0},
};

static nw_status allot(struct reinforce *r)
{
    int widest = 1;

    for (int i = 0; i < r->code->n; i++) {
        r->n += (size_t)r->code->options[i];
        widest = r->code->options[i] > widest ? r->code->options[i] : widest;
    }
    r->logit = nw_alloc(r->env.ctx, (4 * r->n + (size_t)widest) * sizeof(double));
    r->x = nw_alloc(r->env.ctx, (size_t)r->code->n * sizeof(int) + 1);
    if (!r->logit || !r->x)
        return NW_ENOMEM;
    r->grad = r->logit + r->n;
    r->mean = r->grad + r->n;
    r->var = r->mean + r->n;
    r->p = r->var + r->n;
    return NW_OK;
}

static nw_status reinforce_open(void *self, const nw_env *env)
{
    struct reinforce *r = self;

    r->env = *env;
    r->is_corrected = !strcmp(r->baseline, "corrected");
    if (!r->is_corrected && strcmp(r->baseline, "first"))
        return nw_fail(env->ctx, NW_ESPEC,
                       "reinforce: baseline=%s is not first or corrected", r->baseline);
    r->code = nw_code_new(env->ctx, env->space);
    return r->code ? allot(r) : nw_pending(env->ctx);
}

/* ---- Drawing --------------------------------------------------------------------- */

/* p = softmax(logit); answers its entropy, nats. */
static double softmax(const double *logit, int n, double *p)
{
    double top = logit[0], sum = 0, entropy = 0;

    for (int k = 1; k < n; k++)
        top = fmax(top, logit[k]);
    for (int k = 0; k < n; k++)
        sum += p[k] = exp(logit[k] - top);
    for (int k = 0; k < n; k++) {
        p[k] /= sum;
        entropy -= p[k] * (logit[k] - top - log(sum));
    }
    return entropy;
}

static int taken(const double *p, int n, double u)
{
    int k = 0;

    while (k < n - 1 && u >= p[k])
        u -= p[k++];
    return k;
}

static void draw(struct reinforce *r, uint64_t seed)
{
    const double *logit = r->logit;

    for (int i = 0; i < r->code->n; i++) {
        const int n = r->code->options[i];

        softmax(logit, n, r->p);
        r->x[i] = taken(r->p, n, nw_uniform(seed, NW_FOR_STRATEGY, (uint64_t)i));
        logit += n;
    }
}

static nw_status reinforce_propose(void *self, nw_trial *trial)
{
    struct reinforce *r = self;

    for (uint64_t i = 0; i < REDRAWS; i++) {
        draw(r, nw_subseed(trial->seed, NW_FOR_STRATEGY, i));
        if (nw_code_write(r->code, r->x, trial->arch) &&
            nw_env_allows(&r->env, trial->arch))
            return NW_OK;
    }
    return nw_env_draw(&r->env, trial->arch, trial->seed);
}

/* ---- Learning -------------------------------------------------------------------- */

/* 0 = nothing can be said of a failed trial yet. */
static int reward_of(struct reinforce *r, const nw_trial *trial, double *out)
{
    const double quality = trial->score.quality;
    const int failed = trial->status < 0 || isnan(quality);

    if (failed && r->den == 0)
        return 0;
    if (!failed)
        r->worst = r->den == 0 ? quality : fmin(r->worst, quality);
    *out = failed ? r->worst : quality;
    return 1;
}

/* R - b, and b follows. */
static double advantage(struct reinforce *r, double reward)
{
    const double m = r->momentum;
    double b;

    if (!r->is_corrected && r->den == 0) {
        r->num = reward;
        r->den = 1;
        return 0;
    }
    b = r->num;
    r->num = m * r->num + (1 - m) * reward;
    if (!r->is_corrected)
        return reward - b;
    r->den = m * r->den + (1 - m);
    return reward - (r->den > 0 ? r->num / r->den : reward);
}

/* Add the gradient of the loss at the decisions x. */
static void accumulate(struct reinforce *r, double advantage)
{
    const double *logit = r->logit;
    double *grad = r->grad;

    for (int i = 0; i < r->code->n; i++) {
        const int n = r->code->options[i];
        const double entropy = softmax(logit, n, r->p);

        for (int k = 0; k < n; k++) {
            grad[k] += advantage * (r->p[k] - (k == r->x[i]));
            if (r->entropy > 0 && r->p[k] > 0)
                grad[k] += r->entropy * r->p[k] * (log(r->p[k]) + entropy);
        }
        logit += n;
        grad += n;
    }
}

/* PyTorch's Adam. */
static void descend(struct reinforce *r)
{
    const double t = (double)++r->step;
    const double rate = r->lr / (1 - pow(r->beta1, t));
    const double spread = 1 / sqrt(1 - pow(r->beta2, t));

    for (size_t i = 0; i < r->n; i++) {
        const double g = r->grad[i] / r->batch;

        r->mean[i] = r->beta1 * r->mean[i] + (1 - r->beta1) * g;
        r->var[i] = r->beta2 * r->var[i] + (1 - r->beta2) * g * g;
        r->logit[i] -= rate * r->mean[i] / (sqrt(r->var[i]) * spread + r->eps);
        r->grad[i] = 0;
    }
}

static nw_status reinforce_observe(void *self, const nw_trial *trial)
{
    struct reinforce *r = self;
    double reward;

    if (!reward_of(r, trial, &reward))
        return NW_OK;
    nw_code_read(r->code, trial->arch, r->x);
    accumulate(r, advantage(r, reward));
    if (++r->waiting < r->batch)
        return NW_OK;
    r->waiting = 0;
    descend(r);
    return NW_OK;
}

/* The logits first: tests read them. */
static nw_status reinforce_state(void *self, nw_state *state)
{
    struct reinforce *r = self;

    NW_TRY(state->bytes(state, r->logit, 4 * r->n * sizeof(double)));
    NW_TRY(state->bytes(state, &r->step, sizeof(r->step)));
    NW_TRY(state->bytes(state, &r->num, sizeof(r->num)));
    NW_TRY(state->bytes(state, &r->den, sizeof(r->den)));
    NW_TRY(state->bytes(state, &r->worst, sizeof(r->worst)));
    return state->bytes(state, &r->waiting, sizeof(r->waiting));
}

static void reinforce_close(void *self)
{
    struct reinforce *r = self;

    nw_release(r->env.ctx, r->x);
    nw_release(r->env.ctx, r->logit);
    nw_code_free(r->code);
}

const nw_strategy_type nw_strategy_reinforce = {
    .name = "reinforce",
    .doc = "make what scored above the average more probable, decision by decision",
    .paper = "Williams 1992; Zoph & Le 2017, arXiv:1611.01578",
    .attrs = reinforce_attrs,
    .size = sizeof(struct reinforce),
    .needs = NW_BUDGET,
    .open = reinforce_open,
    .propose = reinforce_propose,
    .observe = reinforce_observe,
    .state = reinforce_state,
    .close = reinforce_close,
};
