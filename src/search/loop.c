/*
 * loop.c - propose, estimate, observe, remember, until the strategy is done, the caller
 * stops it or the time is up.
 *
 * Checkpoints come every few seconds, when a trial ends, and when the caller stops the
 * search.
 */
#include "loop.h"

#include "clock.h"
#include "crew.h"
#include "export.h"
#include "graph.h"

#include <math.h>
#include <string.h>

/* Checkpoints take at most a twentieth of the time, and come no more than four times a
 * second. */
static const double CHECKPOINT_SHARE = .05, CHECKPOINT_S = .25;

/* When neither the strategy nor the user says when it is enough. */
enum { MOST_TRIALS = 100 };

double nw_loop_spent(const struct loop *l)
{
    return l->seconds + nw_now() - l->began;
}

/* ---- One trial -------------------------------------------------------------- */

/* A worker that is out of memory, or crashed, has failed its trial alone. */
static int ends_the_search(const struct loop *l, const nw_trial *t)
{
    return (t->status == NW_ENOMEM && !l->crew) || t->status == NW_EIO ||
           t->status == NW_EMATCH || t->status == NW_EBUSY || t->want != NW_WANT_SCORE;
}

static nw_status put_trial(struct loop *l, const nw_trial *t)
{
    nw_stored_trial row = {.id = t->id,
                           .seed = t->seed,
                           .fidelity = t->fidelity,
                           .status = t->status,
                           .reason = t->reason,
                           .score = t->score};
    nw_text arch;
    nw_status status;

    if (!l->study)
        return NW_OK;
    nw_text_init(&arch, l->ctx);
    status = nw_arch_text(t->arch, &arch);
    row.arch = arch.data;
    if (status >= 0)
        status = nw_study_put_trial(l->study, l->stage, &row);
    nw_text_free(&arch);
    return status;
}

static nw_status note_best(struct loop *l, const nw_trial *t)
{
    if (!nw_trial_beats(t, l->best_fidelity, l->best_score.quality))
        return NW_OK;
    l->has_best = 1;
    l->best_fidelity = t->fidelity;
    l->best_score = t->score;
    NW_TRY(nw_arch_copy(l->best, t->arch));
    return nw_loop_keep_weights(l);
}

void nw_loop_judge(const struct loop *l, nw_trial *trial)
{
    if (l->config->objective)
        trial->score.quality = -nw_measure_loss(l->goal.objective[0], &trial->score);
}

static void account(struct loop *l, const struct flight *f, nw_score *score)
{
    if (!(l->estimator->gives & NW_SIMULATED))
        score->cost_s = nw_loop_spent(l) - f->began;
    else if (score->cost_s > 0)
        l->simulated += score->cost_s;
}

/* Failed: it stays what it is, unless nothing can go on. Words are in f->reason. */
static nw_status fail_trial(struct loop *l, struct flight *f)
{
    nw_score none = nw_no_score();

    if (ends_the_search(l, &f->trial))
        return nw_fail(l->ctx, f->trial.status, "%s", f->reason);
    none.cost_s = f->trial.score.cost_s;
    f->trial.score = none;
    f->trial.reason = f->reason;
    l->failed = f->trial.status;
    memcpy(l->reason, f->reason, sizeof(l->reason));
    return NW_OK;
}

/* The first of the queue is done: it is stored, observed, and gone. */
static nw_status finish_trial(struct loop *l)
{
    struct flight *f = &l->flight[0];
    nw_trial *t = &f->trial;
    const int is_scored = t->want == NW_WANT_SCORE;

    if (t->status < 0)
        NW_TRY(fail_trial(l, f));
    if (is_scored) {
        account(l, f, &t->score);
        NW_TRY(put_trial(l, t));
        NW_TRY(note_best(l, t));
    }
    if (l->strategy->observe)
        NW_TRY(l->strategy->observe(l->strategist, t));
    l->done = t->id;
    if (l->config->on_trial && l->config->on_trial(l->config->user, t))
        l->is_stopped = 1;
    nw_queue_pop(l);
    return is_scored ? nw_loop_save(l) : NW_OK;
}

/* ---- Proposals -------------------------------------------------------------- */

static uint64_t max_trials(const struct loop *l)
{
    const nw_search_config *c = l->config;
    const int is_bounded = l->env.has_budget || !(l->strategy->needs & NW_BUDGET);

    if (c->max_trials)
        return c->max_trials;
    return is_bounded ? UINT64_MAX : MOST_TRIALS;
}

static nw_status check_proposal(struct loop *l, const nw_trial *t)
{
    if (t->want != NW_WANT_SCORE || !l->goal.n_limit || nw_loop_allows(l, t->arch))
        return NW_OK;
    return nw_fail(l->ctx, NW_EINFEASIBLE,
                   "strategy \"%s\" proposed trial %llu beyond the limits",
                   l->strategy->name, (unsigned long long)t->id);
}

static nw_status propose(struct loop *l)
{
    struct flight *f = &l->flight[l->n_flight];
    nw_status status;

    nw_queue_start(l, f, l->done + (uint64_t)l->n_flight + 1);
    if (f->trial.id > max_trials(l))
        return NW_DONE;
    status = l->strategy->propose(l->strategist, &f->trial);
    if (status != NW_OK)
        return status;
    NW_TRY(check_proposal(l, &f->trial));
    l->n_flight++;
    return NW_OK;
}

/* As many as may be ahead. */
static nw_status fill_queue(struct loop *l)
{
    nw_status status = NW_OK;

    while (status == NW_OK && !l->is_exhausted && l->n_flight < l->ahead)
        status = propose(l);
    if (status == NW_DONE)
        l->is_exhausted = 1;
    if (status == NW_MORE && !l->n_flight)
        return nw_fail(l->ctx, NW_EINVAL,
                       "strategy \"%s\" waits for results although no trial is under way",
                       l->strategy->name);
    return status;
}

/* ---- Work ------------------------------------------------------------------- */

/* What was begun by an earlier run, or by a worker, goes on from where it stood. */
static nw_status begin_here(struct loop *l, struct flight *f)
{
    l->at_work = f->trial.id;
    if (f->began < 0) /* a table has its own clock, and millions of trials */
        f->began = l->estimator->gives & NW_SIMULATED ? 0 : nw_loop_spent(l);
    if (!f->state.size || !l->estimator->state)
        return NW_OK;
    return nw_loop_give_state(l, &f->state);
}

/* One unit of the first trial's work, in this process. */
static nw_status work_here(struct loop *l)
{
    struct flight *f = &l->flight[0];
    nw_status status = NW_OK, after;

    nw_clear(l->ctx);
    if (l->at_work != f->trial.id)
        status = begin_here(l, f);
    if (status >= 0)
        status = l->estimator->work(l->worker, &f->trial);
    if (status == NW_MORE)
        return NW_MORE;
    if (status < 0) {
        snprintf(f->reason, sizeof(f->reason), "%s", nw_errmsg(l->ctx));
        nw_clear(l->ctx);
    } else if (f->trial.want == NW_WANT_SCORE) {
        nw_loop_judge(l, &f->trial);
    }
    f->trial.status = status < 0 ? status : NW_OK;
    after = finish_trial(l);
    return after < 0 || status < 0 ? after : status;
}

/* For every trial that leaves the queue another enters before the next one leaves: what a
 * proposal knows must not depend on how many trials ended at about the same time. */
static nw_status work_with_crew(struct loop *l)
{
    NW_TRY(nw_crew_work(l));
    while (l->n_flight && l->flight[0].is_done && !l->is_stopped) {
        NW_TRY(finish_trial(l));
        NW_TRY(fill_queue(l));
    }
    return NW_MORE;
}

/* NW_DONE when all is over. */
static nw_status work(struct loop *l)
{
    NW_TRY(fill_queue(l));
    if (!l->n_flight)
        return NW_DONE;
    return l->crew ? work_with_crew(l) : work_here(l);
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
    nw_progress p = {.stage = l->stage_name,
                     .trial = l->n_flight ? nw_loop_trial(l)->id : l->done,
                     .loss = NAN,
                     .accuracy = NAN};

    if (l->is_stopped || !l->config->on_progress)
        return l->is_stopped;
    if (l->crew)
        nw_crew_progress(l, &p);
    else if (l->estimator->progress)
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
        if (l->study &&
            nw_now() - l->saved > fmax(CHECKPOINT_S, l->saving / CHECKPOINT_SHARE))
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
