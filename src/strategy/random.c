/*
 * random.c - uniform random search.
 *
 * The yardstick: a strategy that does not beat this on an equal budget is not worth its
 * code [1]. Every decision vector of the space is as likely as any other: the draw is
 * uniform over encodings, not over networks. A proposal is a function of the trial's seed
 * alone, so observe() has nothing to do and a resumed search needs only the number of
 * trials already made, which is in the trial's id.
 *
 * unique=1, which is ours, draws without repetition: an encoding that was proposed before
 * is drawn again, and a finite space that is exhausted ends the search. A proposal is
 * then a function of the search's seed and of those before it, so a resumed search makes
 * all of them again, once, before its first. Failed trials count as proposed.
 *
 * [1] L. Li, A. Talwalkar, Random Search and Reproducibility for NAS, UAI 2019,
 *     arXiv:1902.07638.
 */
#include "random.h"
#include "ctx.h"
#include "seen.h"

enum { TRIALS = 100 }; /* when nobody says how many */

struct random {
    int trials, unique;
    nw_env env;
    nw_code *code;
    nw_seen seen; /* of unique=1: all proposals so far */
    int *x;
};

static const nw_attr random_attrs[] = {
    {"trials", NW_INT, offsetof(struct random, trials), "0", 0, 1e9,
     "architectures to draw; 0 = as many as the budget allows, 100 without one", NULL},
    {"unique", NW_BOOL, offsetof(struct random, unique), "0", 0, 1,
     "never draw the same encoding twice; ends when the space is exhausted", NULL},
    {0},
};

static nw_status random_open(void *self, const nw_env *env)
{
    struct random *r = self;

    r->env = *env;
    if (!r->trials && !env->has_budget)
        r->trials = TRIALS;
    if (!r->unique)
        return NW_OK;
    r->code = nw_code_new(env->ctx, env->space);
    if (!r->code)
        return nw_pending(env->ctx);
    nw_seen_init(&r->seen, env->ctx, r->code);
    r->x = nw_alloc(env->ctx, (size_t)r->seen.n * sizeof(int));
    return r->x ? NW_OK : NW_ENOMEM;
}

/* All proposals up to the trial's, of which the earlier ones are known unless the search
 * was resumed. */
static nw_status propose_new(struct random *r, nw_trial *trial)
{
    while ((uint64_t)r->seen.count < trial->id) {
        const uint64_t id = (uint64_t)r->seen.count + 1;
        const uint64_t seed = nw_subseed(r->env.seed, NW_FOR_STRATEGY, id);
        const nw_status status =
            nw_seen_draw(&r->seen, &r->env, r->code, seed, trial->arch, r->x);
        int place;

        if (status != NW_OK)
            return status;
        place = nw_seen_add(&r->seen, r->x);
        if (place < 0)
            return (nw_status)place;
    }
    return NW_OK;
}

static nw_status random_propose(void *self, nw_trial *trial)
{
    struct random *r = self;

    if (r->trials && trial->id > (uint64_t)r->trials)
        return NW_DONE;
    return r->unique ? propose_new(r, trial)
                     : nw_env_draw(&r->env, trial->arch, trial->seed);
}

static void random_close(void *self)
{
    struct random *r = self;

    nw_seen_free(&r->seen);
    nw_code_free(r->code);
    nw_release(r->env.ctx, r->x);
}

const nw_strategy_type nw_strategy_random = {
    .name = "random",
    .doc = "draw every trial uniformly from the space",
    .paper = "Li & Talwalkar 2019, arXiv:1902.07638",
    .attrs = random_attrs,
    .size = sizeof(struct random),
    .open = random_open,
    .propose = random_propose,
    .close = random_close,
};
