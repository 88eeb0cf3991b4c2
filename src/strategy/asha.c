/*
 * asha.c - successive halving that never waits.
 *
 * The idea [1]: whenever there is room for a trial, look at the rungs from the highest
 * down. If one of the best 1/eta of those that were observed on a rung was not promoted
 * yet, try it at the next fidelity; else draw a new arch for the lowest rung. No rung is
 * ever complete, so nothing waits for the slowest trial of it, and more archs are
 * promoted too early than by hyperband.c, but few of many.
 *
 * r_k      rungs: min_fidelity * eta^k, the last of which is 1 (rungs.h)
 * rung k   results, best first; a result is promotable while its rank is below
 *          floor(size / eta) and it was not promoted (algorithm 2)
 * bracket  s = 0, 1, ...: a ladder of its own that begins at rung s. brackets=1 is the
 *          paper's usual setting; with more, the next trial is of the bracket that was
 *          given the least effort so far, as Hyperband gives every bracket the same.
 *
 * eta = 4 is that of the experiments in [1] and of the random search baseline of [2].
 *
 * Proposals ahead of observations need no special care: a promotion is marked when it is
 * proposed, so two never promote the same result. How far ahead changes what is known at
 * a proposal and therefore the search.
 *
 * Different from the paper:
 *
 *   - An arch at a higher fidelity is a new trial with a seed of its own, and estimator
 *     "train" trains it from scratch, with a schedule shortened to fit; the paper
 *     promotes a checkpoint.
 *   - Of several promotable results of a rung the best comes first; [1] leaves it open.
 *   - A failed trial is the worst of its rung: it counts in the size and is never
 *     promoted.
 *   - trials= bounds the archs that are drawn. The search then ends when nothing is left
 *     to promote.
 *   - The result is the best trial of the highest fidelity that was reached (the loop
 *     sees to it): scores of unequal effort are never compared.
 *
 * [1] L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-tzur, M. Hardt, B. Recht,
 *     A. Talwalkar, A System for Massively Parallel Hyperparameter Tuning, MLSys 2020,
 *     arXiv:1810.05934.
 * [2] L. Li, A. Talwalkar, Random Search and Reproducibility for NAS, UAI 2019,
 *     arXiv:1902.07638.
 */
#include "ctx.h"
#include "netwright_ext.h"
#include "rungs.h"

#include <math.h>
#include <string.h>

struct result {
    double quality; /* -INFINITY = failed                */
    int arch;       /* its vector is x + arch * code->n  */
    int promoted;
};

struct rung {
    struct result *result; /* best first, earlier ones first in ties */
    int n, room;
    int leading; /* results at the front that are all promoted */
};

/* A trial under way. */
struct job {
    int arch, bracket, rung;
};

struct asha {
    int eta, brackets, trials;
    double min_fidelity;
    nw_env env;
    nw_code *code;
    double fidelity[NW_MOST_RUNGS];
    int n_rung, n_bracket;
    struct rung *rung;            /* n_rung of every bracket                   */
    double effort[NW_MOST_RUNGS]; /* of all proposals of a bracket  */
    int *x;                       /* every arch drawn, as a vector             */
    int n_arch, room_arch;
    struct job *job; /* in the order of their proposals           */
    int n_job, room_job;
};

static const nw_attr asha_attrs[] = {
    {"eta", NW_INT, offsetof(struct asha, eta), "4", 2, 1000,
     "one in so many goes on, with so many times the effort", NULL},
    {"min_fidelity", NW_REAL, offsetof(struct asha, min_fidelity), "0.1", 1e-6, 1,
     "share of the whole effort that the lowest rung gets", NULL},
    {"brackets", NW_INT, offsetof(struct asha, brackets), "1", 1, NW_MOST_RUNGS,
     "ladders, each of which begins a rung above the one before", NULL},
    {"trials", NW_INT, offsetof(struct asha, trials), "0", 0, 1e9,
     "architectures to draw; 0 = as many as the budget allows", NULL},
    {0},
};

/* ---- Rungs ----------------------------------------------------------------------- */

static struct rung *rung_at(const struct asha *a, int bracket, int k)
{
    return &a->rung[bracket * a->n_rung + k];
}

/* Where a new result goes: behind all that are at least as good. */
static int rank_of(const struct rung *r, double quality)
{
    int low = 0, high = r->n;

    while (low < high) {
        const int middle = low + (high - low) / 2;

        if (r->result[middle].quality >= quality)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static nw_status add_result(nw_ctx *ctx, struct rung *r, double quality, int arch)
{
    const int at = rank_of(r, quality);

    NW_TRY(nw_grow(ctx, &r->result, r->n, &r->room, sizeof(*r->result)));
    memmove(r->result + at + 1, r->result + at, (size_t)(r->n - at) * sizeof(*r->result));
    r->result[at] = (struct result){.quality = quality, .arch = arch};
    r->n++;
    if (at < r->leading)
        r->leading = at;
    return NW_OK;
}

/* The best result that may go on, or NULL. */
static struct result *promotable(struct rung *r, int eta)
{
    struct result *here = r->result;

    while (r->leading < r->n && here[r->leading].promoted)
        r->leading++;
    return r->leading < r->n / eta && here[r->leading].quality > -INFINITY
               ? &here[r->leading]
               : NULL;
}

/* ---- What is next ------------------------------------------------------------------ */

static nw_status add_job(struct asha *a, nw_trial *trial, struct job job)
{
    NW_TRY(nw_grow(a->env.ctx, &a->job, a->n_job, &a->room_job, sizeof(*a->job)));
    a->job[a->n_job++] = job;
    a->effort[job.bracket] += trial->fidelity = a->fidelity[job.rung];
    return NW_OK;
}

static int *vector(const struct asha *a, int arch)
{
    return a->x + (size_t)arch * (size_t)a->code->n;
}

/* NW_DONE if no result of the bracket can be promoted. */
static nw_status promote(struct asha *a, int bracket, nw_trial *trial)
{
    for (int k = a->n_rung - 2; k >= bracket; k--) {
        struct result *r = promotable(rung_at(a, bracket, k), a->eta);

        if (!r)
            continue;
        if (!nw_code_write(a->code, vector(a, r->arch), trial->arch))
            return nw_fail(a->env.ctx, NW_EINVAL, "asha: a promoted arch is not legal");
        r->promoted = 1;
        return add_job(a, trial, (struct job){r->arch, bracket, k + 1});
    }
    return NW_DONE;
}

static nw_status draw(struct asha *a, int bracket, nw_trial *trial)
{
    const size_t size = ((size_t)a->code->n + !a->code->n) * sizeof(*a->x);

    NW_TRY(nw_grow(a->env.ctx, &a->x, a->n_arch, &a->room_arch, size));
    NW_TRY(nw_env_draw(&a->env, trial->arch, trial->seed));
    nw_code_read(a->code, trial->arch, vector(a, a->n_arch));
    return add_job(a, trial, (struct job){a->n_arch++, bracket, bracket});
}

static int least_served(const struct asha *a)
{
    int least = 0;

    for (int b = 1; b < a->n_bracket; b++)
        if (a->effort[b] < a->effort[least])
            least = b;
    return least;
}

static nw_status asha_propose(void *self, nw_trial *trial)
{
    struct asha *a = self;
    const int may_draw = !a->trials || a->n_arch < a->trials;
    const int first = may_draw ? least_served(a) : 0;
    const int last = may_draw ? first : a->n_bracket - 1;

    for (int b = first; b <= last; b++) {
        const nw_status status = promote(a, b, trial);

        if (status != NW_DONE)
            return status;
    }
    if (may_draw)
        return draw(a, first, trial);
    return a->n_job ? NW_MORE : NW_DONE;
}

/* ---- The strategy -------------------------------------------------------------- */

static void asha_close(void *self)
{
    struct asha *a = self;

    for (int i = 0; a->rung && i < a->n_bracket * a->n_rung; i++)
        nw_release(a->env.ctx, a->rung[i].result);
    nw_release(a->env.ctx, a->rung);
    nw_release(a->env.ctx, a->x);
    nw_release(a->env.ctx, a->job);
    nw_code_free(a->code);
}

static nw_status asha_open(void *self, const nw_env *env)
{
    struct asha *a = self;

    a->env = *env;
    a->n_rung = nw_rungs(a->eta, a->min_fidelity, a->fidelity);
    a->n_bracket = a->brackets < a->n_rung ? a->brackets : a->n_rung;
    a->code = nw_code_new(env->ctx, env->space);
    if (!a->code)
        return nw_pending(env->ctx);
    a->rung = nw_alloc(env->ctx, (size_t)(a->n_bracket * a->n_rung) * sizeof(*a->rung));
    return a->rung ? NW_OK : NW_ENOMEM;
}

static nw_status asha_observe(void *self, const nw_trial *trial)
{
    struct asha *a = self;
    const struct job job = a->job[0];
    const double q = trial->score.quality;

    memmove(a->job, a->job + 1, (size_t)--a->n_job * sizeof(*a->job));
    return add_result(a->env.ctx, rung_at(a, job.bracket, job.rung),
                      trial->status < 0 || isnan(q) ? -INFINITY : q, job.arch);
}

/* Number, then elements; room for them is made when reading. */
static nw_status array_state(struct asha *a, nw_state *state, void *array, int *n,
                             int *room, size_t size)
{
    void **slot = array;

    NW_TRY(state->bytes(state, n, sizeof(*n)));
    if (state->reading && *n > *room) {
        void *block =
            nw_resize(a->env.ctx, *slot, (size_t)*room * size, (size_t)*n * size);

        if (!block)
            return NW_ENOMEM;
        *slot = block;
        *room = *n;
    }
    return *n ? state->bytes(state, *slot, (size_t)*n * size) : NW_OK;
}

static nw_status asha_state(void *self, nw_state *state)
{
    struct asha *a = self;
    const size_t size = ((size_t)a->code->n + !a->code->n) * sizeof(*a->x);

    NW_TRY(array_state(a, state, &a->x, &a->n_arch, &a->room_arch, size));
    NW_TRY(array_state(a, state, &a->job, &a->n_job, &a->room_job, sizeof(*a->job)));
    for (int i = 0; i < a->n_bracket * a->n_rung; i++) {
        struct rung *r = &a->rung[i];

        NW_TRY(array_state(a, state, &r->result, &r->n, &r->room, sizeof(*r->result)));
        NW_TRY(state->bytes(state, &r->leading, sizeof(r->leading)));
    }
    return state->bytes(state, a->effort, sizeof(a->effort));
}

const nw_strategy_type nw_strategy_asha = {
    .name = "asha",
    .doc = "promote the best 1/eta of what is known to more effort, without waiting",
    .paper = "Li et al. 2020, arXiv:1810.05934",
    .attrs = asha_attrs,
    .size = sizeof(struct asha),
    .needs = NW_BUDGET,
    .open = asha_open,
    .propose = asha_propose,
    .observe = asha_observe,
    .state = asha_state,
    .close = asha_close,
};
