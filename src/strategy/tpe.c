/*
 * tpe.c - the tree-structured Parzen estimator.
 *
 * The idea [1]: sort the trials by quality and cut them into a few good ones and the
 * rest. Estimate how likely a decision is among the good, l, and among the rest, g. Draw
 * candidates from l and propose the one with the largest l / g, to which the expected
 * improvement is monotonic ([1] eq. in sec. 4.1).
 *
 * good      the best min(ceil(gamma n), most_good) of n trials, earlier ones first in
 * ties l, g      mixtures of categorical kernels (parzen.h), older trials with less
 * weight alone     every decision for itself: `candidates` options drawn from its l, the
 * largest log l - log g wins, the first of equals together  multivariate=1: `candidates`
 * whole vectors, each from the kernel of one good trial, and the log probabilities of
 * whole vectors are compared, so that what went well together stays together [2]
 *
 * Until `startup` trials are known, archs are drawn uniformly. The keys, their defaults
 * and the forms of the densities are those of Optuna's TPESampler: 10 startup trials, 24
 * candidates, min(ceil(.1 n), 25) good ones, prior weight 1, trials under way counted
 * among the rest (constant_liar). It judged decisions one by one up to version 4, as this
 * does, and whole vectors by default since version 5, where multivariate=1 is the same.
 * [1] itself cuts at a quantile of 15 % and has counts plus a prior in place of kernels.
 *
 * Different from both:
 *
 *   - A failed trial counts and belongs to the rest, never to the good: a region where
 *     trainings fail is to be left. (Optuna passes over it.)
 *   - A vector that a rule of the space or a limit forbids is drawn again with another
 *     seed, MOST_DRAWS times, and then replaced by a uniform one.
 *   - Vectors may be proposed again, and in a small space they are; the search goes on to
 *     its budget.
 *
 * Time of a proposal is linear in the trials known, with multivariate=1 also in the
 * candidates.
 *
 * [1] J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl, Algorithms for Hyper-Parameter
 *     Optimization, NIPS 2011.
 * [2] S. Falkner, A. Klein, F. Hutter, BOHB, ICML 2018, arXiv:1807.01774, sec. 3.2.
 */
#include "ctx.h"
#include "netwright_ext.h"
#include "parzen.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { MOST_DRAWS = 32, MOST_GOOD = 1000 };

struct tpe {
    int startup, candidates, multivariate, constant_liar, most_good;
    double gamma, prior;
    nw_env env;
    nw_code *code;
    int *x;           /* proposed vectors, oldest first; the first n are observed */
    int *good, *rest; /* rows of the two groups                                   */
    int n, proposed, room, room_rest;
    int best[MOST_GOOD];       /* rows of the best, best first                          */
    double quality[MOST_GOOD]; /* theirs                                          */
    int n_best;
    double *l, *g; /* of one decision                                             */
    int *pick;     /* two vectors                                                 */
};

static const nw_attr tpe_attrs[] = {
    {"startup", NW_INT, offsetof(struct tpe, startup), "10", 1, 1e9,
     "first trials, which are drawn uniformly", NULL},
    {"gamma", NW_REAL, offsetof(struct tpe, gamma), "0.1", 0, 1,
     "share of the trials that is good, rounded up", NULL},
    {"most_good", NW_INT, offsetof(struct tpe, most_good), "25", 1, MOST_GOOD,
     "but no more than so many", NULL},
    {"candidates", NW_INT, offsetof(struct tpe, candidates), "24", 1, 1e6,
     "draws of which the best is proposed", NULL},
    {"prior_weight", NW_REAL, offsetof(struct tpe, prior), "1", 1e-9, 1e9,
     "weight of the uniform kernel, where a recent trial has 1", NULL},
    {"multivariate", NW_BOOL, offsetof(struct tpe, multivariate), "0", 0, 1,
     "draw and judge all decisions together", NULL},
    {"constant_liar", NW_BOOL, offsetof(struct tpe, constant_liar), "1", 0, 1,
     "take trials under way for bad ones", NULL},
    {0},
};

/* ---- What was observed --------------------------------------------------------- */

/* Keep the best most_good, the earlier first in ties. */
static void rank(struct tpe *t, int row, double quality)
{
    int at = t->n_best;

    while (at > 0 && t->quality[at - 1] < quality)
        at--;
    if (at >= t->most_good)
        return;
    t->n_best += t->n_best < t->most_good;
    for (int i = t->n_best - 1; i > at; i--) {
        t->best[i] = t->best[i - 1];
        t->quality[i] = t->quality[i - 1];
    }
    t->best[at] = row;
    t->quality[at] = quality;
}

static nw_status tpe_observe(void *self, const nw_trial *trial)
{
    struct tpe *t = self;
    const double q = trial->score.quality;

    if (trial->status >= 0 && !isnan(q))
        rank(t, t->n, q);
    t->n++;
    return NW_OK;
}

/* Trials that the model is made of. */
static int known(const struct tpe *t)
{
    return t->constant_liar ? t->proposed : t->n;
}

/* Rows of the two groups, both oldest first. */
static void split(const struct tpe *t, nw_parzen *good, nw_parzen *rest)
{
    const int share = (int)ceil(t->gamma * known(t));
    const int n = share < t->n_best ? share : t->n_best;

    *good = *rest = (nw_parzen){.code = t->code, .x = t->x, .prior = t->prior};
    for (int i = 0; i < n; i++) {
        int at = i;

        for (; at > 0 && t->good[at - 1] > t->best[i]; at--)
            t->good[at] = t->good[at - 1];
        t->good[at] = t->best[i];
    }
    for (int row = 0; row < known(t); row++) {
        if (good->n < n && t->good[good->n] == row)
            good->n++;
        else
            t->rest[rest->n++] = row;
    }
    good->row = t->good;
    rest->row = t->rest;
}

/* ---- What is proposed ---------------------------------------------------------- */

/* A draw of an option: the first at which the sum of probabilities exceeds u. */
static int option_at(const double *probability, int n, double u)
{
    int k = 0;

    for (; k < n - 1 && u >= probability[k]; k++)
        u -= probability[k];
    return k;
}

static int decide(const struct tpe *t, const nw_parzen *good, const nw_parzen *rest,
                  int d, uint64_t seed)
{
    const int m = t->code->options[d];
    int best = 0;

    nw_parzen_marginal(good, d, t->l);
    nw_parzen_marginal(rest, d, t->g);
    for (int i = 0; i < t->candidates; i++) {
        const double u = nw_uniform(seed, NW_FOR_STRATEGY, (uint64_t)i);
        const int k = option_at(t->l, m, u);

        if (!i || log(t->l[k]) - log(t->g[k]) > log(t->l[best]) - log(t->g[best]))
            best = k;
    }
    return best;
}

static void decide_alone(const struct tpe *t, const nw_parzen *good,
                         const nw_parzen *rest, uint64_t seed, int *x)
{
    for (int d = 0; d < t->code->n; d++)
        x[d] = decide(t, good, rest, d, nw_subseed(seed, NW_FOR_STRATEGY, (uint64_t)d));
}

static void decide_together(const struct tpe *t, const nw_parzen *good,
                            const nw_parzen *rest, uint64_t seed, int *x)
{
    int *y = x + t->code->n;
    double most = -INFINITY;

    for (int i = 0; i < t->candidates; i++) {
        double ratio;

        nw_parzen_draw(good, nw_subseed(seed, NW_FOR_STRATEGY, (uint64_t)i), y);
        ratio = nw_parzen_log(good, y) - nw_parzen_log(rest, y);
        if (!i || ratio > most) {
            most = ratio;
            memcpy(x, y, (size_t)t->code->n * sizeof(*x));
        }
    }
}

/* NW_DONE if nothing but forbidden vectors came of it. */
static nw_status decide_all(const struct tpe *t, nw_trial *trial)
{
    nw_parzen good, rest;

    split(t, &good, &rest);
    for (uint64_t i = 0; i < MOST_DRAWS; i++) {
        const uint64_t seed = nw_subseed(trial->seed, NW_FOR_STRATEGY, i);

        if (t->multivariate)
            decide_together(t, &good, &rest, seed, t->pick);
        else
            decide_alone(t, &good, &rest, seed, t->pick);
        if (nw_code_write(t->code, t->pick, trial->arch) &&
            nw_env_allows(&t->env, trial->arch))
            return NW_OK;
    }
    return NW_DONE;
}

/* Bytes of a vector, and one more where there is nothing to decide. */
static size_t vector_size(const struct tpe *t)
{
    return ((size_t)t->code->n + !t->code->n) * sizeof(*t->x);
}

static nw_status tpe_propose(void *self, nw_trial *trial)
{
    struct tpe *t = self;
    nw_ctx *ctx = t->env.ctx;

    NW_TRY(nw_grow(ctx, &t->x, t->proposed, &t->room, vector_size(t)));
    NW_TRY(nw_grow(ctx, &t->rest, t->proposed, &t->room_rest, sizeof(*t->rest)));
    if (known(t) < t->startup || decide_all(t, trial) != NW_OK)
        NW_TRY(nw_env_draw(&t->env, trial->arch, trial->seed));
    nw_code_read(t->code, trial->arch, t->x + (size_t)t->proposed * (size_t)t->code->n);
    t->proposed++;
    return NW_OK;
}

/* ---- The strategy -------------------------------------------------------------- */

static void tpe_close(void *self)
{
    struct tpe *t = self;

    nw_release(t->env.ctx, t->x);
    nw_release(t->env.ctx, t->rest);
    nw_release(t->env.ctx, t->l);
    nw_release(t->env.ctx, t->pick);
    nw_code_free(t->code);
}

static nw_status tpe_open(void *self, const nw_env *env)
{
    struct tpe *t = self;
    size_t most = 1;

    t->env = *env;
    t->code = nw_code_new(env->ctx, env->space);
    if (!t->code)
        return nw_pending(env->ctx);
    for (int d = 0; d < t->code->n; d++)
        most = (size_t)t->code->options[d] > most ? (size_t)t->code->options[d] : most;
    t->l = nw_alloc(env->ctx, 2 * most * sizeof(*t->l));
    t->pick = nw_alloc(env->ctx, (2 * (size_t)t->code->n + (size_t)t->most_good + 1) *
                                     sizeof(*t->pick));
    if (!t->l || !t->pick)
        return NW_ENOMEM;
    t->g = t->l + most;
    t->good = t->pick + 2 * t->code->n;
    return NW_OK;
}

/* Room for all trials so far, when reading. */
static nw_status make_room(struct tpe *t)
{
    if (t->proposed <= t->room)
        return NW_OK;
    nw_release(t->env.ctx, t->x);
    nw_release(t->env.ctx, t->rest);
    t->x = nw_alloc(t->env.ctx, (size_t)t->proposed * vector_size(t));
    t->rest = nw_alloc(t->env.ctx, (size_t)t->proposed * sizeof(*t->rest));
    t->room = t->room_rest = t->x && t->rest ? t->proposed : 0;
    return t->room ? NW_OK : NW_ENOMEM;
}

static nw_status tpe_state(void *self, nw_state *state)
{
    struct tpe *t = self;

    NW_TRY(state->bytes(state, &t->n, sizeof(t->n)));
    NW_TRY(state->bytes(state, &t->proposed, sizeof(t->proposed)));
    NW_TRY(state->bytes(state, &t->n_best, sizeof(t->n_best)));
    if (state->reading)
        NW_TRY(make_room(t));
    if (t->proposed)
        NW_TRY(state->bytes(state, t->x, (size_t)t->proposed * vector_size(t)));
    NW_TRY(state->bytes(state, t->best, (size_t)t->n_best * sizeof(*t->best)));
    return state->bytes(state, t->quality, (size_t)t->n_best * sizeof(*t->quality));
}

const nw_strategy_type nw_strategy_tpe = {
    .name = "tpe",
    .doc = "propose what is likely among the good trials and unlikely among the rest",
    .paper = "Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization, NIPS",
    .attrs = tpe_attrs,
    .size = sizeof(struct tpe),
    .needs = NW_BUDGET,
    .open = tpe_open,
    .propose = tpe_propose,
    .observe = tpe_observe,
    .state = tpe_state,
    .close = tpe_close,
};
