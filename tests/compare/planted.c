#include "planted.h"

#include "estimate.h"
#include "random.h"
#include "strategy.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>

enum { CHOICES = 6, OPTIONS = 4 };

nw_space *planted_space(nw_ctx *ctx)
{
    static const char *const ops[OPTIONS] = {"identity", "relu", "sigmoid", "tanh"};
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 1, 4, 4);
    char name[8];

    for (int i = 0; i < CHOICES; i++) {
        nw_ref option[OPTIONS];

        for (int k = 0; k < OPTIONS; k++)
            option[k] = nw_op(s, ops[k], x);
        snprintf(name, sizeof(name), "c%d", i);
        x = nw_one_of_n(s, name, OPTIONS, option);
    }
    nw_output(s, nw_op(s, "globalpool | dense out=2", x));
    return s;
}

/* ---- Estimator -------------------------------------------------------------------- */

struct planted {
    double noise, cost;
    int crash, fail;
    nw_env env;
};

#define AT(field) offsetof(struct planted, field)

static const nw_attr attrs[] = {
    {"noise", NW_REAL, AT(noise), "0.05", 0, 1, "deviation of what the search sees",
     NULL},
    {"cost", NW_REAL, AT(cost), "10", 0, 1e6, "seconds of a trial, at least", NULL},
    {"crash", NW_INT, AT(crash), "0", 0, 1000, "the run of this seed dies", NULL},
    {"fail", NW_INT, AT(fail), "0", 0, 1000, "the run of this seed fails", NULL},
    {0},
};

/* 0..1: how near every choice is to its last option. */
static double truth(const nw_arch *arch)
{
    double sum = 0;

    for (int i = 0; i < CHOICES; i++)
        sum += nw_arch_option(arch, i);
    return sum / (CHOICES * (OPTIONS - 1));
}

static nw_status planted_open(void *self, const nw_env *env)
{
    struct planted *p = self;

    p->env = *env;
    return NW_OK;
}

static nw_status planted_work(void *self, nw_trial *trial)
{
    struct planted *p = self;
    const double noise = p->noise * nw_normal(trial->seed, NW_FOR_TEST, 0);

    trial->score.cost_s = p->cost + (double)nw_below(trial->seed, NW_FOR_TEST, 1, 5);
    if (p->crash && p->env.seed == (uint64_t)p->crash && trial->id == 3)
        raise(SIGKILL);
    if (p->fail && p->env.seed == (uint64_t)p->fail)
        return nw_fail(p->env.ctx, NW_EDIVERGED, "planted: as asked for");
    trial->score.quality = trial->score.accuracy = truth(trial->arch) + noise;
    return NW_OK;
}

static nw_status planted_report(void *self, const nw_arch *arch, nw_score *out)
{
    (void)self;
    out->quality = out->accuracy = truth(arch);
    return NW_OK;
}

static const nw_estimator_type planted = {
    .name = "planted",
    .doc = "a known function of the arch, with noise",
    .attrs = attrs,
    .size = sizeof(struct planted),
    .gives = NW_SEPARATE | NW_SIMULATED,
    .open = planted_open,
    .work = planted_work,
    .report = planted_report,
};

/* The same, but nobody can tell what an arch is worth on held-out data. */
static const nw_estimator_type silent = {
    .name = "silent",
    .doc = "planted without report",
    .attrs = attrs,
    .size = sizeof(struct planted),
    .gives = NW_SEPARATE | NW_SIMULATED,
    .open = planted_open,
    .work = planted_work,
};

const nw_estimator_type *const nw_estimators[] = {&planted, &silent, NULL};

/* ---- Strategies ---------------------------------------------------------------------
 */

/* Changes one decision of the best so far. */
struct climb {
    nw_env env;
    nw_arch *best;
    double quality;
};

static nw_status climb_open(void *self, const nw_env *env)
{
    struct climb *c = self;

    c->env = *env;
    c->quality = -INFINITY;
    c->best = nw_arch_new(env->ctx, env->space);
    return c->best ? NW_OK : NW_ENOMEM;
}

static nw_status climb_propose(void *self, nw_trial *trial)
{
    struct climb *c = self;
    nw_status status;

    if (c->quality == -INFINITY)
        return nw_env_draw(&c->env, trial->arch, trial->seed);
    status = nw_arch_copy(trial->arch, c->best);
    return status < 0 ? status : nw_arch_mutate(trial->arch, trial->seed);
}

static nw_status climb_observe(void *self, const nw_trial *trial)
{
    struct climb *c = self;

    if (trial->status < 0 || trial->score.quality <= c->quality)
        return NW_OK;
    c->quality = trial->score.quality;
    return nw_arch_copy(c->best, trial->arch);
}

static void climb_close(void *self)
{
    nw_arch_free(((struct climb *)self)->best);
}

static const nw_strategy_type climb = {
    .name = "climb",
    .doc = "hill climbing",
    .size = sizeof(struct climb),
    .needs = NW_BUDGET,
    .open = climb_open,
    .propose = climb_propose,
    .observe = climb_observe,
    .close = climb_close,
};

/* Never draws: its first trial is its only one. */
static nw_status frozen_propose(void *self, nw_trial *trial)
{
    (void)self;
    return trial->id > 1 ? NW_DONE : nw_arch_random(trial->arch, trial->seed);
}

static const nw_strategy_type frozen = {
    .name = "frozen",
    .doc = "one random trial",
    .size = 1,
    .propose = frozen_propose,
};

extern const nw_strategy_type nw_strategy_random;
const nw_strategy_type *const nw_strategies[] = {&nw_strategy_random, &climb, &frozen,
                                                 NULL};
