/*
 * random.c - uniform random search.
 *
 * The yardstick: a strategy that does not beat this on an equal budget is not worth its
 * code [1]. Every decision vector of the space is as likely as any other. A proposal is a
 * function of the trial's seed alone, so observe() has nothing to do and a resumed search
 * needs only the number of trials already made, which is in the trial's id.
 *
 * [1] L. Li, A. Talwalkar, Random Search and Reproducibility for NAS, UAI 2019,
 *     arXiv:1902.07638.
 */
#include "netwright_ext.h"

struct random {
    int trials;
    nw_env env;
};

static const nw_attr random_attrs[] = {
    {"trials", NW_INT, offsetof(struct random, trials), "0", 0, 1e9,
     "architectures to draw; 0 = as many as the budget allows", NULL},
    {0},
};

static nw_status random_open(void *self, const nw_env *env)
{
    struct random *r = self;

    r->env = *env;
    return NW_OK;
}

static nw_status random_propose(void *self, nw_trial *trial)
{
    const struct random *r = self;

    if (r->trials && trial->id > (uint64_t)r->trials)
        return NW_DONE;
    return nw_env_draw(&r->env, trial->arch, trial->seed);
}

const nw_strategy_type nw_strategy_random = {
    .name = "random",
    .doc = "draw every trial uniformly from the space",
    .paper = "Li & Talwalkar 2019, arXiv:1902.07638",
    .attrs = random_attrs,
    .size = sizeof(struct random),
    .needs = NW_BUDGET,
    .open = random_open,
    .propose = random_propose,
};
