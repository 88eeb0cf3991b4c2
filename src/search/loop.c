/*
 * loop.c - propose, estimate, observe, remember, until the strategy is done, the caller
 * stops it or the time is up.
 *
 * Checkpoints come every few seconds, when a trial ends, and when the caller stops the
 * search.
 */
#include "loop.h"

#include "export.h"
#include "graph.h"
#include "random.h"

#include <math.h>
#include <time.h>

/* Checkpoints take at most a twentieth of the time, and come no more than four times a
 * second. */
static const double CHECKPOINT_SHARE = .05, CHECKPOINT_S = .25;

/* When neither the strategy nor the user says when it is enough. */
enum { MOST_TRIALS = 100 };

double nw_loop_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double nw_loop_spent(const struct loop *l)
{
    return l->seconds + nw_loop_now() - l->began;
}

/* ---- One trial -------------------------------------------------------------- */

static int ends_the_search(const struct loop *l, nw_status status)
{
    return status == NW_ENOMEM || status == NW_EIO || status == NW_EMATCH ||
           status == NW_EBUSY || l->trial.want != NW_WANT_SCORE;
}

static nw_status put_trial(struct loop *l)
{
    nw_stored_trial row = {.id = l->trial.id,
                           .seed = l->trial.seed,
                           .fidelity = l->trial.fidelity,
                           .status = l->trial.status,
                           .reason = l->trial.reason,
                           .score = l->trial.score};
    nw_text arch;
    nw_status status;

    if (!l->study)
        return NW_OK;
    nw_text_init(&arch, l->ctx);
    status = nw_arch_text(l->trial.arch, &arch);
    row.arch = arch.data;
    if (status >= 0)
        status = nw_study_put_trial(l->study, l->stage, &row);
    nw_text_free(&arch);
    return status;
}

static nw_status note_best(struct loop *l)
{
    double q = l->trial.score.quality;

    if (l->trial.status < 0 || isnan(q) || (l->has_best && q <= l->best_score.quality))
        return NW_OK;
    l->has_best = 1;
    l->best_score = l->trial.score;
    NW_TRY(nw_arch_copy(l->best, l->trial.arch));
    return nw_loop_keep_weights(l);
}

/* What the trial cost, and what it is worth if the user says what counts. */
static void account(struct loop *l)
{
    nw_score *s = &l->trial.score;

    if (!(l->estimator->gives & NW_SIMULATED))
        s->cost_s = nw_loop_spent(l) - l->began_trial;
    else if (s->cost_s > 0)
        l->simulated += s->cost_s;
    if (l->config->objective && l->trial.status >= 0)
        s->quality = -nw_measure_loss(l->goal.objective[0], s);
}

static nw_status finish_trial(struct loop *l)
{
    if (l->trial.want == NW_WANT_SCORE) {
        account(l);
        NW_TRY(put_trial(l));
        NW_TRY(note_best(l));
    }
    if (l->strategy->observe)
        NW_TRY(l->strategy->observe(l->strategist, &l->trial));
    l->in_flight = 0;
    l->done = l->trial.id;
    if (l->config->on_trial && l->config->on_trial(l->config->user, &l->trial))
        l->is_stopped = 1;
    return l->trial.want == NW_WANT_SCORE ? nw_loop_save(l) : NW_OK;
}

static uint64_t max_trials(const struct loop *l)
{
    const nw_search_config *c = l->config;
    const int is_bounded =
        c->max_trials || c->max_seconds > 0 || !(l->strategy->needs & NW_BUDGET);

    if (c->max_trials)
        return c->max_trials;
    return is_bounded ? UINT64_MAX : MOST_TRIALS;
}

static nw_status says_wait(struct loop *l)
{
    return nw_fail(l->ctx, NW_EINVAL,
                   "strategy \"%s\" waits for results although no trial is under way",
                   l->strategy->name);
}

static nw_status check_proposal(struct loop *l)
{
    if (nw_loop_allows(l, l->trial.arch))
        return NW_OK;
    return nw_fail(l->ctx, NW_EINFEASIBLE,
                   "strategy \"%s\" proposed trial %llu beyond the limits",
                   l->strategy->name, (unsigned long long)l->trial.id);
}

static nw_status propose(struct loop *l)
{
    nw_trial *t = &l->trial;
    nw_status status;

    t->id = l->done + 1;
    t->seed = nw_subseed(l->config->seed, NW_FOR_TRIAL, t->id);
    t->want = NW_WANT_SCORE;
    t->fidelity = 1;
    t->epoch = 0;
    t->status = NW_OK;
    t->reason = NULL;
    t->grad = NULL;
    t->score = nw_no_score();
    if (t->id > max_trials(l))
        return NW_DONE;
    status = l->strategy->propose(l->strategist, t);
    if (status != NW_OK)
        return status == NW_MORE ? says_wait(l) : status;
    l->began_trial = nw_loop_spent(l);
    return t->want == NW_WANT_SCORE && l->goal.n_limit ? check_proposal(l) : NW_OK;
}

/* The trial failed, the search goes on; unless it cannot. */
static nw_status fail_trial(struct loop *l, nw_status status)
{
    if (ends_the_search(l, status))
        return status;
    snprintf(l->reason, sizeof(l->reason), "%s", nw_errmsg(l->ctx));
    nw_clear(l->ctx);
    l->trial.status = l->failed = status;
    l->trial.reason = l->reason;
    return finish_trial(l);
}

/* NW_MORE while the trial is at work, NW_OK when it is over, NW_DONE when all is. */
static nw_status work(struct loop *l)
{
    nw_status status, after;

    if (!l->in_flight) {
        status = propose(l);
        if (status != NW_OK)
            return status;
        l->in_flight = 1;
    }
    nw_clear(l->ctx);
    status = l->estimator->work(l->worker, &l->trial);
    if (status < 0)
        return fail_trial(l, status);
    if (status == NW_MORE)
        return NW_MORE;
    after = finish_trial(l);
    return after < 0 ? after : status;
}

/* ---- The whole -------------------------------------------------------------- */

/* The seconds of the budget are over and there is something to show for them. */
static int is_spent(const struct loop *l)
{
    const double most = l->config->max_seconds;
    const int simulated = l->estimator->gives & NW_SIMULATED;

    return most > 0 && (simulated ? l->simulated : nw_loop_spent(l)) >= most &&
           (l->has_best || l->strategy->best);
}

static int stops(struct loop *l)
{
    nw_progress p = {
        .stage = l->stage_name, .trial = l->trial.id, .loss = NAN, .accuracy = NAN};

    if (l->is_stopped || !l->config->on_progress)
        return l->is_stopped;
    if (l->estimator->progress)
        l->estimator->progress(l->worker, &p);
    return l->config->on_progress(l->config->user, &p);
}

nw_status nw_loop_run(struct loop *l)
{
    for (;;) {
        nw_status status = work(l);

        if (status < 0)
            return status;
        if (status == NW_DONE || is_spent(l))
            return NW_OK;
        if (stops(l)) {
            NW_TRY(nw_loop_save(l));
            return nw_fail(l->ctx, NW_ESTOPPED,
                           "%s: stopped and saved; the same command goes on from here",
                           l->stage_name);
        }
        if (nw_loop_now() - l->saved > fmax(CHECKPOINT_S, l->saving / CHECKPOINT_SHARE))
            NW_TRY(nw_loop_save(l));
    }
}

nw_status nw_loop_conclude(struct loop *l)
{
    if (l->strategy->best)
        NW_TRY(l->strategy->best(l->strategist, l->best));
    else if (!l->has_best)
        return nw_fail(l->ctx, l->failed < 0 ? l->failed : NW_EINVAL,
                       "%s: no trial succeeded%s%s", l->stage_name,
                       l->failed < 0 ? "; the last: " : "", l->reason);
    if (!l->study)
        return NW_OK;
    NW_TRY(nw_loop_put_result(l));
    NW_TRY(nw_study_finish(l->study, l->stage, nw_loop_spent(l)));
    return nw_study_commit(l->study);
}
