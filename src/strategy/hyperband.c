/*
 * hyperband.c - successive halving at several rates of stopping early.
 *
 * The idea [1]: give many archs a little effort, keep the best 1/eta of them, give those
 * eta times the effort, and so on up to the whole effort: successive halving. How much
 * "a little" must be is not known beforehand, so Hyperband runs one bracket of halving
 * for every answer, each for about the same sum of effort, from the one that begins with
 * the lowest fidelity to the one that is plain random search.
 *
 * r_k    rungs: min_fidelity * eta^k, the last of which is 1 (rungs.h); top + 1 of them
 * n      ceil((top + 1) / (s + 1) * eta^s) archs in bracket s = top, ..., 1, 0, drawn
 *        uniformly, begin at rung top - s (algorithm 1, with B = (top + 1) R)
 * keep   floor(n_i / eta) best of a rung go on to the next, earlier ones first in ties
 *
 * For R = 81 and eta = 3, that is min_fidelity=1/81, the first rungs have n = 81, 34, 15,
 * 8 and 5. (The authors' first text and programs round (top + 1) / (s + 1) down before
 * they multiply, which makes 81, 27, 9, 6 and 5.) brackets=1 runs only the first bracket,
 * again and again: successive halving [2].
 *
 * It is synchronous: a rung is proposed as a whole, and the next one waits until its last
 * trial is observed. asha.c does not wait.
 *
 * Different from the paper:
 *
 *   - An arch at a higher fidelity is a new trial with a seed of its own, and estimator
 *     "train" trains it from scratch, with a schedule shortened to fit; the paper goes on
 *     from a checkpoint where it can. So a bracket costs up to eta / (eta - 1) times what
 *     its last rungs alone cost.
 *   - A failed trial is the worst of its rung and is never promoted. If fewer succeed
 *     than could go on, only those do; if none does, the bracket is over.
 *   - Archs are drawn independently, as in the paper, so a small space repeats them.
 *   - The result is the best trial of the highest fidelity that was reached (the loop
 *     sees to it): scores of unequal effort are never compared.
 *
 * [1] L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar, Hyperband: A Novel
 *     Bandit-Based Approach to Hyperparameter Optimization, JMLR 18(185), 2018,
 *     arXiv:1603.06560.
 * [2] K. Jamieson, A. Talwalkar, Non-stochastic Best Arm Identification and
 *     Hyperparameter Optimization, AISTATS 2016, arXiv:1502.07943.
 */
#include "ctx.h"
#include "netwright_ext.h"
#include "rungs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One arch of the rung at hand. */
struct place {
    double quality; /* -INFINITY = failed         */
    int64_t at;     /* its vector is x + at * code->n */
};

struct hyperband {
    int eta, brackets, rounds;
    double min_fidelity;
    nw_env env;
    nw_code *code;
    double fidelity[NW_MOST_RUNGS];
    int top; /* the last rung                             */
    int round, bracket, rung;
    int n, proposed, observed; /* of the rung at hand             */
    struct place *place;
    int *x; /* room for the largest rung, as place has   */
};

static const nw_attr hyperband_attrs[] = {
    {"eta", NW_INT, offsetof(struct hyperband, eta), "3", 2, 1000,
     "one in so many goes on, with so many times the effort", NULL},
    {"min_fidelity", NW_REAL, offsetof(struct hyperband, min_fidelity), "0.1", 1e-6, 1,
     "share of the whole effort that the lowest rung gets", NULL},
    {"brackets", NW_INT, offsetof(struct hyperband, brackets), "all", 1, NW_MOST_RUNGS,
     "brackets of a round, lowest fidelity first; 1 = successive halving", "all"},
    {"rounds", NW_INT, offsetof(struct hyperband, rounds), "0", 0, 1e9,
     "rounds of brackets; 0 = as many as the budget allows", NULL},
    {0},
};

/* ---- Brackets and rungs -------------------------------------------------------- */

static int is_drawn(const struct hyperband *h)
{
    return h->rung == h->top - h->bracket;
}

static void start_bracket(struct hyperband *h, int s)
{
    h->bracket = s;
    h->rung = h->top - s;
    h->n = (int)nw_bracket_size(h->eta, h->top, s);
    h->proposed = h->observed = 0;
}

static void next_bracket(struct hyperband *h)
{
    const int last = h->brackets < 0 ? 0 : h->top + 1 - h->brackets;

    if (h->bracket > last && h->bracket > 0) {
        start_bracket(h, h->bracket - 1);
        return;
    }
    h->round++;
    start_bracket(h, h->top);
}

static int better_first(const void *a, const void *b)
{
    const struct place *p = a, *q = b;

    if (p->quality != q->quality)
        return p->quality > q->quality ? -1 : 1;
    return p->at < q->at ? -1 : 1;
}

static int earlier_first(const void *a, const void *b)
{
    return ((const struct place *)a)->at < ((const struct place *)b)->at ? -1 : 1;
}

/* Those of the rung that go on, in their old order, at the front of x. */
static int promote(struct hyperband *h)
{
    const size_t len = (size_t)h->code->n;
    int n = h->n / h->eta;

    qsort(h->place, (size_t)h->n, sizeof(*h->place), better_first);
    while (n > 0 && h->place[n - 1].quality == -INFINITY)
        n--;
    qsort(h->place, (size_t)n, sizeof(*h->place), earlier_first);
    for (int i = 0; i < n; i++)
        memmove(h->x + (size_t)i * len, h->x + (size_t)h->place[i].at * len,
                len * sizeof(*h->x));
    return n;
}

static void end_rung(struct hyperband *h)
{
    const int n = h->rung < h->top ? promote(h) : 0;

    if (!n) {
        next_bracket(h);
        return;
    }
    h->rung++;
    h->n = n;
    h->proposed = h->observed = 0;
}

/* ---- The strategy -------------------------------------------------------------- */

static void hyperband_close(void *self)
{
    struct hyperband *h = self;

    nw_code_free(h->code);
    nw_release(h->env.ctx, h->place);
    nw_release(h->env.ctx, h->x);
}

static nw_status hyperband_open(void *self, const nw_env *env)
{
    struct hyperband *h = self;
    size_t most;

    h->env = *env;
    h->top = nw_rungs(h->eta, h->min_fidelity, h->fidelity) - 1;
    h->code = nw_code_new(env->ctx, env->space);
    if (!h->code)
        return nw_pending(env->ctx);
    start_bracket(h, h->top); /* the largest of all rungs is its first */
    most = (size_t)h->n;
    h->place = nw_alloc(env->ctx, most * sizeof(*h->place));
    h->x = nw_alloc(env->ctx, (most * (size_t)h->code->n + 1) * sizeof(*h->x));
    return h->place && h->x ? NW_OK : NW_ENOMEM;
}

static nw_status hyperband_propose(void *self, nw_trial *trial)
{
    struct hyperband *h = self;
    int *x = h->x + (size_t)h->proposed * (size_t)h->code->n;

    if (h->rounds && h->round >= h->rounds)
        return NW_DONE;
    if (h->proposed == h->n)
        return NW_MORE;
    if (is_drawn(h)) {
        NW_TRY(nw_env_draw(&h->env, trial->arch, trial->seed));
        nw_code_read(h->code, trial->arch, x);
    } else if (!nw_code_write(h->code, x, trial->arch)) {
        return nw_fail(h->env.ctx, NW_EINVAL, "hyperband: a promoted arch is not legal");
    }
    trial->fidelity = h->fidelity[h->rung];
    h->proposed++;
    return NW_OK;
}

static nw_status hyperband_observe(void *self, const nw_trial *trial)
{
    struct hyperband *h = self;
    const double q = trial->score.quality;

    h->place[h->observed] =
        (struct place){trial->status < 0 || isnan(q) ? -INFINITY : q, h->observed};
    if (++h->observed == h->n)
        end_rung(h);
    return NW_OK;
}

static nw_status hyperband_state(void *self, nw_state *state)
{
    struct hyperband *h = self;

    NW_TRY(state->bytes(state, &h->round, sizeof(h->round)));
    NW_TRY(state->bytes(state, &h->bracket, sizeof(h->bracket)));
    NW_TRY(state->bytes(state, &h->rung, sizeof(h->rung)));
    NW_TRY(state->bytes(state, &h->n, sizeof(h->n)));
    NW_TRY(state->bytes(state, &h->proposed, sizeof(h->proposed)));
    NW_TRY(state->bytes(state, &h->observed, sizeof(h->observed)));
    NW_TRY(state->bytes(state, h->place, (size_t)h->observed * sizeof(*h->place)));
    return state->bytes(state, h->x, (size_t)h->n * (size_t)h->code->n * sizeof(*h->x));
}

const nw_strategy_type nw_strategy_hyperband = {
    .name = "hyperband",
    .doc = "halve the archs again and again as their effort grows, at several rates",
    .paper = "Li et al. 2018, arXiv:1603.06560",
    .attrs = hyperband_attrs,
    .size = sizeof(struct hyperband),
    .needs = NW_BUDGET,
    .open = hyperband_open,
    .propose = hyperband_propose,
    .observe = hyperband_observe,
    .state = hyperband_state,
    .close = hyperband_close,
};
