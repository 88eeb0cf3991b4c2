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
#include "policy.h"
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
    nw_decision *decision; /* code->n, and their logits: */
    nw_policy policy;
    size_t n; /* options of all decisions */
    double *logit, *grad, *mean, *var;
    int *x; /* decisions of an arch */
    int64_t step;
    nw_baseline moving; /* baseline=first                 */
    double num, den;    /* baseline=corrected: num / den  */
    double worst;       /* NaN: no trial succeeded so far */
    int32_t waiting;    /* trials in grad */
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
    const size_t decisions = (size_t)r->code->n;

    r->decision = nw_alloc(r->env.ctx, (decisions + 1) * sizeof(*r->decision));
    r->x = nw_alloc(r->env.ctx, (decisions + 1) * sizeof(*r->x));
    if (!r->decision || !r->x)
        return NW_ENOMEM;
    for (size_t i = 0; i < decisions; i++) {
        r->decision[i] = (nw_decision){r->n, r->code->options[i], 0};
        r->n += (size_t)r->code->options[i];
    }
    r->policy = (nw_policy){.n = r->code->n, .decision = r->decision};
    r->logit = nw_alloc(r->env.ctx, (4 * r->n + 1) * sizeof(double));
    if (!r->logit)
        return NW_ENOMEM;
    r->grad = r->logit + r->n;
    r->mean = r->grad + r->n;
    r->var = r->mean + r->n;
    return NW_OK;
}

static nw_status reinforce_open(void *self, const nw_env *env)
{
    struct reinforce *r = self;

    r->env = *env;
    r->worst = NAN;
    r->moving.decay = r->momentum;
    r->is_corrected = !strcmp(r->baseline, "corrected");
    if (!r->is_corrected && strcmp(r->baseline, "first"))
        return nw_fail(env->ctx, NW_ESPEC,
                       "reinforce: baseline=%s is not first or corrected", r->baseline);
    r->code = nw_code_new(env->ctx, env->space);
    return r->code ? allot(r) : nw_pending(env->ctx);
}

/* ---- Drawing --------------------------------------------------------------------- */

static void draw(struct reinforce *r, uint64_t seed)
{
    for (int i = 0; i < r->policy.n; i++)
        r->x[i] = nw_policy_pick(&r->policy, i, r->logit,
                                 nw_uniform(seed, NW_FOR_STRATEGY, (uint64_t)i));
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

/* NaN = nothing can be said of a failed trial yet. */
static double reward_of(struct reinforce *r, const nw_trial *trial)
{
    const double quality = trial->score.quality;

    if (trial->status < 0 || isnan(quality))
        return r->worst;
    r->worst = fmin(r->worst, quality); /* of NaN and a number, the number */
    return quality;
}

/* R - b, and b follows. */
static double advantage(struct reinforce *r, double reward)
{
    const double m = r->momentum;

    if (!r->is_corrected)
        return nw_baseline_advantage(&r->moving, reward);
    r->num = m * r->num + (1 - m) * reward;
    r->den = m * r->den + (1 - m);
    return r->den > 0 ? reward - r->num / r->den : 0;
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
    const double reward = reward_of(r, trial);

    if (isnan(reward))
        return NW_OK;
    nw_code_read(r->code, trial->arch, r->x);
    nw_policy_slope(&r->policy, r->logit, r->x, -advantage(r, reward), -r->entropy,
                    r->grad);
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
    NW_TRY(state->bytes(state, &r->moving, sizeof(r->moving)));
    NW_TRY(state->bytes(state, &r->num, sizeof(r->num)));
    NW_TRY(state->bytes(state, &r->den, sizeof(r->den)));
    NW_TRY(state->bytes(state, &r->worst, sizeof(r->worst)));
    return state->bytes(state, &r->waiting, sizeof(r->waiting));
}

static void reinforce_close(void *self)
{
    struct reinforce *r = self;

    nw_release(r->env.ctx, r->x);
    nw_release(r->env.ctx, r->decision);
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
