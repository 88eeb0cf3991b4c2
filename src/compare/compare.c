/*
 * compare.c - nw_compare(): equal budgets, many seeds, random as the yardstick, held-out
 * scores, and a test that says what the difference is worth.
 *
 * Why each of these is there, and what the numbers can be mistaken for, is told in
 * docs/explain/protocol.md. Source of the protocol: [1], with the tests of ranktest.c in
 * place of comparing best runs.
 *
 * [1] L. Li, A. Talwalkar, Random Search and Reproducibility for NAS, UAI 2019,
 *     arXiv:1902.07638.
 */
#include "compare.h"

#include "clock.h"
#include "estimate.h"
#include "graph.h"
#include "loop.h"
#include "spec.h"
#include "strategy.h"

#include <string.h>

enum { SEEDS = 30, MOST_RUNS = 1000000 };

/* ---- Strategies -------------------------------------------------------------------- */

static int is_random(const char *spec)
{
    const char *name, *keys;

    return nw_spec_name(spec, &name, &keys) == 6 && !memcmp(name, "random", 6);
}

/* A spec without the blanks around it; in the arena. */
static const char *trimmed(nw_compare_state *c, const char *spec)
{
    size_t n;

    spec += strspn(spec, " \t\n");
    for (n = strlen(spec); n && strchr(" \t\n", spec[n - 1]); n--)
        ;
    return nw_arena_dupn(&c->arena, spec, n);
}

/* Its name and keys are good, and the estimator has what it needs. */
static nw_status check_strategy(const nw_compare_state *c, const char *spec)
{
    const nw_strategy_type *type =
        nw_spec_find(c->ctx, "strategy", (const void *const *)nw_strategies, spec);
    void *self = type ? nw_alloc(c->ctx, type->size + 1) : NULL;
    nw_status status =
        self ? nw_spec_parse(c->ctx, (const nw_head *)type, spec, NULL, self)
             : nw_pending(c->ctx);

    nw_release(c->ctx, self);
    NW_TRY(status);
    if (type->needs & ~c->estimator->gives & NW_GRADIENT)
        return nw_fail(
            c->ctx, NW_EMATCH,
            "strategy \"%s\" needs a gradient, which estimator \"%s\" does not give",
            type->name, c->estimator->name);
    return NW_OK;
}

static nw_status add_strategy(nw_compare_state *c, const char *spec)
{
    spec = trimmed(c, spec);
    if (!spec)
        return NW_ENOMEM;
    NW_TRY(check_strategy(c, spec));
    for (int i = 0; i < c->found.n; i++)
        if (!strcmp(c->standing[i].strategy, spec))
            return nw_fail(c->ctx, NW_EINVAL, "compare: \"%s\" is there twice", spec);
    if (is_random(spec) && c->found.yardstick < 0)
        c->found.yardstick = c->found.n;
    c->standing[c->found.n++].strategy = spec;
    return NW_OK;
}

static nw_status add_strategies(nw_compare_state *c)
{
    const nw_compare_config *config = c->config;
    int has_random = 0;

    for (size_t i = 0; i < config->n; i++)
        has_random |= is_random(config->strategy[i]);
    c->standing = nw_arena_get(&c->arena, (config->n + 1) * sizeof(*c->standing));
    if (!c->standing)
        return NW_ENOMEM;
    c->found.yardstick = -1;
    if (!has_random)
        NW_TRY(add_strategy(c, "random"));
    for (size_t i = 0; i < config->n; i++)
        NW_TRY(add_strategy(c, config->strategy[i]));
    return NW_OK;
}

/* ---- Runs ---------------------------------------------------------------------------
 */

static nw_status check_config(nw_compare_state *c)
{
    const nw_compare_config *config = c->config;

    c->n_seed = config->seeds > 0 ? config->seeds : SEEDS;
    if (config->n > MOST_RUNS || c->n_seed > MOST_RUNS / ((int)config->n + 1))
        return nw_fail(c->ctx, NW_EINVAL, "compare: more than %d runs", MOST_RUNS);
    if (!config->max_trials && !(config->max_seconds > 0))
        return nw_fail(c->ctx, NW_EINVAL,
                       "compare: a budget is missing: trials or seconds of every run");
    c->by_cost = config->max_seconds > 0;
    c->end = c->by_cost ? config->max_seconds : (double)config->max_trials;
    return nw_goal_parse(c->ctx, config->limits, config->objective, &c->goal);
}

static nw_status list_runs(nw_compare_state *c)
{
    const size_t n = (size_t)c->found.n * (size_t)c->n_seed;

    c->run = nw_arena_get(&c->arena, n * sizeof(*c->run));
    c->track = nw_arena_get(&c->arena, n * sizeof(*c->track));
    if (!c->run || !c->track)
        return NW_ENOMEM;
    for (int i = 0; i < (int)n; i++)
        c->run[i] = (nw_outcome){.strategy = i / c->n_seed,
                                 .seed = c->config->seed + (uint64_t)(i % c->n_seed),
                                 .valid = NAN,
                                 .score = NAN};
    c->found.n_run = (int)n;
    c->found.run = c->run;
    c->found.standing = c->standing;
    return NW_OK;
}

/* ---- The referee ----------------------------------------------------------------------
 */

/* Opened once, before any process is forked: what it reads is then there for all. */
static nw_status open_referee(nw_compare_state *c, const char *spec)
{
    const nw_compare_config *config = c->config;
    const nw_env env = {.ctx = c->ctx,
                        .space = c->space,
                        .train = config->train,
                        .valid = config->valid,
                        .seed = config->seed,
                        .objective = c->goal.objective};
    void *self;
    nw_status status;

    if (!c->estimator->report)
        return NW_OK;
    self = nw_alloc(c->ctx, c->estimator->size + 1);
    if (!self)
        return NW_ENOMEM;
    status = nw_spec_parse(c->ctx, (const nw_head *)c->estimator, spec, NULL, self);
    if (status < 0) {
        nw_release(c->ctx, self);
        return status;
    }
    c->referee = self;
    c->found.is_held_out = 1;
    return c->estimator->open(self, &env);
}

static void close_referee(nw_compare_state *c)
{
    if (c->referee && c->estimator->close)
        c->estimator->close(c->referee);
    nw_release(c->ctx, c->referee);
    c->referee = NULL;
}

static nw_status prepare(nw_compare_state *c)
{
    const char *spec = c->config->estimator ? c->config->estimator : "train";

    c->estimator =
        nw_spec_find(c->ctx, "estimator", (const void *const *)nw_estimators, spec);
    if (!c->estimator)
        return nw_pending(c->ctx);
    NW_TRY(check_config(c));
    NW_TRY(add_strategies(c));
    NW_TRY(list_runs(c));
    return open_referee(c, spec);
}

/* ---- The whole
 * ------------------------------------------------------------------------- */

static nw_status some_succeeded(const nw_compare_state *c)
{
    for (int i = 0; i < c->found.n_run; i++)
        if (c->run[i].status >= 0)
            return NW_OK;
    return nw_fail(c->ctx, c->run[0].status, "compare: every run failed; the first: %s",
                   c->run[0].reason ? c->run[0].reason : "");
}

/* Finished runs stay, however this ends. */
static nw_status run_all(nw_compare_state *c)
{
    const double began = nw_now();
    nw_study *study = c->config->study;
    nw_status status, after;

    NW_TRY(nw_compare_recall(c));
    status = nw_compare_runs(c);
    if (status >= 0)
        return nw_compare_finish(c, nw_now() - began);
    after = study ? nw_study_commit(study) : NW_OK;
    return after < 0 && status == NW_ESTOPPED ? after : status;
}

static nw_status compare(nw_compare_state *c)
{
    nw_status status = prepare(c);

    if (status >= 0)
        status = run_all(c);
    close_referee(c);
    NW_TRY(status);
    NW_TRY(some_succeeded(c));
    NW_TRY(nw_compare_stand(c));
    return nw_compare_curve(c);
}

static void destroy(void *comparison)
{
    nw_compare_state *c = comparison;

    for (int i = 0; i < c->found.n_run; i++)
        nw_release(c->ctx, c->track[i].step);
    nw_arena_free(&c->arena);
}

void nw_comparison_free(nw_comparison *comparison)
{
    if (comparison)
        nw_release(((nw_compare_state *)comparison)->ctx, comparison);
}

nw_status nw_compare(nw_space *space, const nw_compare_config *config,
                     nw_comparison **out)
{
    nw_compare_state *c;
    nw_status status;

    if (!space)
        return NW_ENOMEM;
    NW_TRY(nw_space_seal(space));
    if (!config || !out || nw_is_pending(space->ctx))
        return nw_pending(space->ctx);
    nw_clear(space->ctx);
    c = nw_new(space->ctx, sizeof(*c), destroy);
    if (!c)
        return nw_pending(space->ctx);
    c->ctx = space->ctx;
    c->space = space;
    c->config = config;
    nw_arena_init(&c->arena, c->ctx);
    status = compare(c);
    c->config = NULL;
    if (status >= 0)
        *out = &c->found;
    else
        nw_comparison_free(&c->found);
    nw_clear(space->ctx); /* a failure is hereby reported */
    return status;
}
