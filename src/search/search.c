/*
 * search.c - nw_search(): open the parts, run the loop, hand out the best.
 *
 * The loop owns the trial and the clock; the strategy only proposes and observes, the
 * estimator only works.
 */
#include "crew.h"

#include "clock.h"
#include "estimate.h"
#include "graph.h"
#include "loop.h"
#include "strategy.h"

#include <string.h>

/* ---- What extensions report ------------------------------------------------- */

/* Steps of shared weights are no trials of their own: their rows are of trial 0. */
static uint64_t row_trial(const struct loop *l)
{
    return nw_loop_trial(l)->want == NW_WANT_SCORE ? nw_loop_trial(l)->id : 0;
}

static nw_status on_epoch(void *loop, const nw_epoch *epoch)
{
    struct loop *l = loop;

    if (l->to_parent)
        return nw_link_send(l->to_parent, NW_MSG_EPOCH, epoch, sizeof(*epoch), NULL, 0,
                            NULL, 0);
    return l->study ? nw_study_put_epoch(l->study, l->stage, row_trial(l), epoch) : NW_OK;
}

static nw_status on_value(void *loop, int epoch, const char *name, double value)
{
    struct nw_named_value v = {.epoch = epoch, .value = value};
    struct loop *l = loop;

    if (l->to_parent) {
        snprintf(v.name, sizeof(v.name), "%s", name);
        return nw_link_send(l->to_parent, NW_MSG_VALUE, &v, sizeof(v), NULL, 0, NULL, 0);
    }
    return l->study
               ? nw_study_put_value(l->study, l->stage, row_trial(l), epoch, name, value)
               : NW_OK;
}

static nw_status on_note(void *loop, const char *words)
{
    struct loop *l = loop;

    if (l->to_parent)
        return nw_link_send(l->to_parent, NW_MSG_NOTE, words, strlen(words), NULL, 0,
                            NULL, 0);
    return l->study ? nw_study_put_note(l->study, l->stage, row_trial(l), words) : NW_OK;
}

/* ---- Parts ------------------------------------------------------------------ */

static nw_status open_parts(struct loop *l)
{
    const nw_search_config *c = l->config;

    l->estimator = nw_spec_find(l->ctx, "estimator", (const void *const *)nw_estimators,
                                c->estimator ? c->estimator : "train");
    l->strategy = nw_spec_find(l->ctx, "strategy", (const void *const *)nw_strategies,
                               c->strategy ? c->strategy : "random");
    if (!l->estimator || !l->strategy)
        return NW_ENAME;
    if (l->strategy->needs & ~l->estimator->gives & NW_GRADIENT)
        return nw_fail(
            l->ctx, NW_EMATCH,
            "strategy \"%s\" needs a gradient, which estimator \"%s\" does not give "
            "(try \"supernet\")",
            l->strategy->name, l->estimator->name);
    l->worker = nw_alloc(l->ctx, l->estimator->size + 1);
    l->strategist = nw_alloc(l->ctx, l->strategy->size + 1);
    if (!l->worker || !l->strategist)
        return NW_ENOMEM;
    NW_TRY(nw_spec_parse(l->ctx, (const nw_head *)l->estimator,
                         c->estimator ? c->estimator : "train", NULL, l->worker));
    return nw_spec_parse(l->ctx, (const nw_head *)l->strategy,
                         c->strategy ? c->strategy : "random", NULL, l->strategist);
}

/* Workers are of one thread each, and so is the search while it has some. */
static nw_status check_jobs(struct loop *l)
{
    const nw_search_config *c = l->config;

    if ((c->jobs > 0 || c->ahead > 1) && !(l->estimator->gives & NW_SEPARATE))
        return nw_fail(l->ctx, NW_EMATCH,
                       "estimator \"%s\" has one set of weights for all trials, which "
                       "therefore cannot run side by side (jobs, ahead)",
                       l->estimator->name);
    if (c->jobs > 0)
        nw_threads_change(l->ctx, 1);
    return NW_OK;
}

static nw_status start_parts(struct loop *l)
{
    l->opened |= 1;
    NW_TRY(l->estimator->open(l->worker, &l->env));
    if (l->goal.n_limit) {
        l->env.allows = nw_loop_allows;
        l->env.excess = nw_loop_excess;
    }
    NW_TRY(nw_loop_feasible(l));
    l->opened |= 2;
    return l->strategy->open ? l->strategy->open(l->strategist, &l->env) : NW_OK;
}

static void close_parts(struct loop *l, nw_status status)
{
    nw_crew_close(l);
    if (l->study && status < 0)
        nw_study_rollback(l->study);
    if (l->opened & 2 && l->strategy->close)
        l->strategy->close(l->strategist);
    if (l->opened & 1 && l->estimator->close)
        l->estimator->close(l->worker);
    nw_release(l->ctx, l->strategist);
    nw_release(l->ctx, l->worker);
    nw_queue_close(l);
    nw_threads_change(l->ctx, l->threads);
}

/* ---- The whole -------------------------------------------------------------- */

static nw_status search(struct loop *l)
{
    NW_TRY(nw_goal_parse(l->ctx, l->config->limits, l->config->objective, &l->goal));
    NW_TRY(open_parts(l));
    NW_TRY(check_jobs(l));
    NW_TRY(nw_queue_open(l));
    l->best = nw_arch_new(l->ctx, l->space);
    if (!l->best)
        return nw_pending(l->ctx);
    if (l->study)
        NW_TRY(nw_loop_stage(l));
    if (l->study && nw_study_is_finished(l->study, l->stage))
        return nw_loop_recall(l);
    NW_TRY(start_parts(l));
    if (l->study) {
        NW_TRY(nw_loop_restore(l));
        NW_TRY(nw_study_begin(l->study));
    }
    l->began = l->saved = nw_now();
    if (l->config->jobs > 0)
        NW_TRY(nw_crew_open(l));
    NW_TRY(nw_loop_run(l));
    return nw_loop_conclude(l);
}

nw_status nw_search(nw_space *space, const nw_search_config *config, nw_arch **best,
                    nw_net **net, nw_score *score)
{
    struct loop l = {.space = space, .config = config};
    nw_status status;

    if (!space)
        return NW_ENOMEM;
    l.ctx = space->ctx;
    NW_TRY(nw_space_seal(space));
    if (!config || nw_is_pending(l.ctx)) /* data that could not be opened, say */
        return nw_pending(l.ctx);
    nw_clear(l.ctx);
    l.study = config->study;
    l.stage_name = config->stage ? config->stage : "search";
    l.weights.ctx = l.ctx;
    l.best_score = nw_no_score();
    l.threads = nw_threads(l.ctx);
    l.env = (nw_env){.ctx = l.ctx,
                     .space = space,
                     .train = config->train,
                     .valid = config->valid,
                     .test = config->test,
                     .arch = config->arch,
                     .seed = config->seed,
                     .has_budget = config->max_trials || config->max_seconds > 0,
                     .on_epoch = on_epoch,
                     .on_value = on_value,
                     .on_note = on_note,
                     .cost = nw_loop_cost,
                     .objective = l.goal.objective,
                     .loop = &l};
    status = search(&l);
    close_parts(&l, status);
    if (status >= 0 && net)
        status = nw_loop_net(&l, net);
    if (status >= 0 && score)
        *score = l.best_score;
    nw_blob_free(&l.weights);
    if (status < 0)
        nw_clear(l.ctx); /* the caller is told: it is pending no more */
    if (status >= 0 && best)
        *best = l.best;
    else
        nw_arch_free(l.best);
    return status;
}
