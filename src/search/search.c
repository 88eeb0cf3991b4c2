/*
 * search.c - the loop: propose, estimate, observe, remember.
 *
 * The loop owns the trial and the clock; the strategy only proposes and observes, the
 * estimator only works. Between two units of work everything that matters is in the state
 * functions, so a checkpoint can be taken there: every few seconds, when a trial ends,
 * and when the caller stops the search. Rows written since the last checkpoint belong to
 * the same transaction as the next one. After a kill the search goes on from the last
 * checkpoint and repeats what came after it, bit for bit.
 */
#include "estimate.h"
#include "graph.h"
#include "net.h"
#include "random.h"
#include "strategy.h"
#include "study.h"
#include "trainer.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* Checkpoints take at most a twentieth of the time, and come at most four times a second. */
static const double CHECKPOINT_SHARE = .05, CHECKPOINT_S = .25;

struct loop {
    nw_ctx *ctx;
    nw_space *space;
    const nw_search_config *config;
    const char *stage_name;
    const nw_strategy_type *strategy;
    const nw_estimator_type *estimator;
    void *strategist, *worker; /* their states */
    int opened;                /* bits: 1 worker, 2 strategist */
    nw_env env;
    nw_study *study;
    int64_t stage;
    nw_trial trial;
    int in_flight; /* the trial is proposed and not yet observed */
    uint64_t done; /* trials observed */
    int has_best;
    nw_score best_score;
    nw_arch *best;
    nw_blob weights; /* of the best trial's net */
    nw_status failed; /* of the last trial that failed, in words: */
    char reason[512];
    double seconds, began, saved; /* before this run; clock at its start and last save */
    double saving;                /* seconds that the last save took                   */
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double spent(const struct loop *l)
{
    return l->seconds + now() - l->began;
}

/* ---- What extensions report -------------------------------------------------- */

/* Steps of shared weights are no trials of their own: their rows are of trial 0. */
static uint64_t row_trial(const struct loop *l)
{
    return l->trial.want == NW_WANT_SCORE ? l->trial.id : 0;
}

static nw_status on_epoch(void *loop, const nw_epoch *epoch)
{
    struct loop *l = loop;

    return l->study ? nw_study_put_epoch(l->study, l->stage, row_trial(l), epoch) : NW_OK;
}

static nw_status on_value(void *loop, int epoch, const char *name, double value)
{
    struct loop *l = loop;

    return l->study
               ? nw_study_put_value(l->study, l->stage, row_trial(l), epoch, name, value)
               : NW_OK;
}

static nw_status on_note(void *loop, const char *words)
{
    struct loop *l = loop;

    return l->study ? nw_study_put_note(l->study, l->stage, row_trial(l), words) : NW_OK;
}

/* ---- Checkpoints --------------------------------------------------------------- */

static nw_status loop_state(struct loop *l, nw_state *s)
{
    size_t weights = (size_t)l->space->n_weight * sizeof(double);

    NW_TRY(s->bytes(s, &l->done, sizeof(l->done)));
    NW_TRY(s->bytes(s, &l->in_flight, sizeof(l->in_flight)));
    NW_TRY(s->bytes(s, &l->trial.id, sizeof(l->trial.id)));
    NW_TRY(s->bytes(s, &l->trial.seed, sizeof(l->trial.seed)));
    NW_TRY(s->bytes(s, &l->trial.want, sizeof(l->trial.want)));
    NW_TRY(s->bytes(s, &l->trial.fidelity, sizeof(l->trial.fidelity)));
    NW_TRY(s->bytes(s, &l->trial.epoch, sizeof(l->trial.epoch)));
    NW_TRY(s->bytes(s, &l->trial.score, sizeof(l->trial.score)));
    NW_TRY(s->bytes(s, l->trial.arch->w, weights));
    NW_TRY(s->bytes(s, &l->has_best, sizeof(l->has_best)));
    NW_TRY(s->bytes(s, &l->best_score, sizeof(l->best_score)));
    NW_TRY(s->bytes(s, l->best->w, weights));
    if (l->strategy->state)
        NW_TRY(l->strategy->state(l->strategist, s));
    return l->estimator->state ? l->estimator->state(l->worker, s) : NW_OK;
}

static nw_status save(struct loop *l)
{
    nw_blob blob = {.ctx = l->ctx};
    nw_state writer = nw_blob_writer(&blob);
    double start = now();
    nw_status status;

    if (!l->study)
        return NW_OK;
    status = loop_state(l, &writer);
    if (status >= 0)
        status = nw_study_put_checkpoint(l->study, l->stage, &blob, spent(l));
    nw_blob_free(&blob);
    NW_TRY(status);
    NW_TRY(nw_study_commit(l->study));
    l->saved = now();
    l->saving = l->saved - start;
    return nw_study_begin(l->study);
}

/* A strategy without state of its own learns again what it had observed. */
static nw_status replay(void *user, const nw_stored_trial *stored)
{
    struct loop *l = user;
    nw_trial trial = {
        .id = stored->id, .seed = stored->seed, .fidelity = stored->fidelity};

    if (stored->id > l->done || !l->strategy->observe)
        return NW_OK;
    trial.arch = nw_arch_new(l->ctx, l->space);
    if (!trial.arch)
        return nw_pending(l->ctx);
    trial.status = stored->status;
    trial.score = stored->score;
    NW_TRY(nw_arch_read(trial.arch, stored->arch, "study"));
    NW_TRY(l->strategy->observe(l->strategist, &trial));
    nw_arch_free(trial.arch);
    return NW_OK;
}

static nw_status restore(struct loop *l)
{
    nw_blob blob = {.ctx = l->ctx};
    nw_status status = nw_study_get_checkpoint(l->study, l->stage, &blob, &l->seconds);

    if (status == NW_OK) {
        nw_state reader = nw_blob_reader(&blob);

        status = loop_state(l, &reader);
        if (status >= 0 && !l->strategy->state)
            status = nw_study_trials(l->study, l->stage, replay, l);
    }
    nw_blob_free(&blob);
    return status < 0 ? status : NW_OK;
}

/* ---- One trial ----------------------------------------------------------------- */

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
    char *json = NULL;
    size_t size = 0;
    FILE *out;
    nw_status status;

    if (!l->study)
        return NW_OK;
    out = open_memstream(&json, &size);
    if (!out)
        return nw_fail(l->ctx, NW_ENOMEM, "out of memory");
    status = nw_arch_write(l->trial.arch, out);
    fclose(out);
    row.arch = json;
    if (status >= 0)
        status = nw_study_put_trial(l->study, l->stage, &row);
    free(json);
    return status;
}

/* How its inputs are normalised, parameters, running statistics. */
static nw_status net_state(nw_net *net, nw_state *s)
{
    int n = net->n_channel;

    NW_TRY(s->bytes(s, &n, sizeof(n)));
    if (s->reading) {
        double *none = nw_alloc(net->ctx, (size_t)n * sizeof(double) + 1);

        if (!none)
            return NW_ENOMEM;
        NW_TRY(nw_net_normalise(net, n, none, none));
        nw_release(net->ctx, none);
    }
    NW_TRY(s->bytes(s, net->mean, 2 * (size_t)n * sizeof(double)));
    return nw_net_state(net, s);
}

static nw_status keep_weights(struct loop *l)
{
    nw_net *net = NULL;
    nw_state writer;

    if (!l->estimator->net)
        return NW_OK;
    NW_TRY(l->estimator->net(l->worker, l->trial.arch, &net));
    l->weights.size = 0;
    writer = nw_blob_writer(&l->weights);
    NW_TRY(net_state(net, &writer));
    return l->study ? nw_study_put_file(l->study, l->stage, "weights", &l->weights)
                    : NW_OK;
}

static nw_status note_best(struct loop *l)
{
    double q = l->trial.score.quality;

    if (l->trial.status < 0 || isnan(q) || (l->has_best && q <= l->best_score.quality))
        return NW_OK;
    l->has_best = 1;
    l->best_score = l->trial.score;
    NW_TRY(nw_arch_copy(l->best, l->trial.arch));
    return keep_weights(l);
}

static nw_status finish_trial(struct loop *l)
{
    if (l->trial.want == NW_WANT_SCORE) {
        l->trial.score.cost_s = spent(l) - l->trial.score.cost_s;
        NW_TRY(put_trial(l));
        NW_TRY(note_best(l));
    }
    if (l->strategy->observe)
        NW_TRY(l->strategy->observe(l->strategist, &l->trial));
    l->in_flight = 0;
    l->done = l->trial.id;
    return l->trial.want == NW_WANT_SCORE ? save(l) : NW_OK;
}

static void no_score(nw_score *s)
{
    *s = (nw_score){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
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
    no_score(&t->score);
    if (l->config->max_trials && t->id > l->config->max_trials)
        return NW_DONE;
    status = l->strategy->propose(l->strategist, t);
    if (status == NW_OK)
        t->score.cost_s = spent(l); /* when it began, until it ends */
    return status;
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

/* ---- The whole ----------------------------------------------------------------- */

static int stops(struct loop *l)
{
    nw_progress p = {
        .stage = l->stage_name, .trial = l->trial.id, .loss = NAN, .accuracy = NAN};

    if (!l->config->on_progress)
        return 0;
    if (l->estimator->progress)
        l->estimator->progress(l->worker, &p);
    return l->config->on_progress(l->config->user, &p);
}

static nw_status run(struct loop *l)
{
    for (;;) {
        nw_status status = work(l);

        if (status < 0)
            return status;
        if (status == NW_DONE ||
            (l->config->max_seconds > 0 && spent(l) >= l->config->max_seconds &&
             (l->has_best || l->strategy->best)))
            return NW_OK;
        if (stops(l)) {
            NW_TRY(save(l));
            return nw_fail(l->ctx, NW_ESTOPPED,
                           "%s: stopped and saved; the same command goes on from here",
                           l->stage_name);
        }
        if (now() - l->saved > fmax(CHECKPOINT_S, l->saving / CHECKPOINT_SHARE))
            NW_TRY(save(l));
    }
}

static nw_status result_state(struct loop *l, nw_state *s)
{
    NW_TRY(s->bytes(s, &l->has_best, sizeof(l->has_best)));
    NW_TRY(s->bytes(s, &l->best_score, sizeof(l->best_score)));
    return s->bytes(s, l->best->w, (size_t)l->space->n_weight * sizeof(double));
}

static nw_status conclude(struct loop *l)
{
    nw_blob blob = {.ctx = l->ctx};
    nw_state writer = nw_blob_writer(&blob);
    nw_status status;

    if (l->strategy->best)
        NW_TRY(l->strategy->best(l->strategist, l->best));
    else if (!l->has_best)
        return nw_fail(l->ctx, l->failed < 0 ? l->failed : NW_EINVAL,
                       "%s: no trial succeeded%s%s", l->stage_name,
                       l->failed < 0 ? "; the last: " : "", l->reason);
    if (!l->study)
        return NW_OK;
    status = result_state(l, &writer);
    if (status >= 0)
        status = nw_study_put_file(l->study, l->stage, "result", &blob);
    nw_blob_free(&blob);
    NW_TRY(status);
    NW_TRY(nw_study_finish(l->study, l->stage, spent(l)));
    return nw_study_commit(l->study);
}

/* A finished stage answers from the study. */
static nw_status recall(struct loop *l)
{
    nw_blob blob = {.ctx = l->ctx};
    nw_state reader;
    nw_status status = nw_study_get_file(l->study, l->stage, "result", &blob);

    reader = nw_blob_reader(&blob);
    status = status == NW_OK
                 ? result_state(l, &reader)
                 : nw_fail(l->ctx, NW_EFORMAT,
                           "%s: the study has no result of this stage", l->stage_name);
    nw_blob_free(&blob);
    NW_TRY(status);
    status = nw_study_get_file(l->study, l->stage, "weights", &l->weights);
    return status < 0 ? status : NW_OK;
}

static uint64_t space_hash(const nw_space *s)
{
    uint64_t h = NW_HASH_START;

    for (int i = 0; i < s->n_place; i++) {
        const nw_place *p = &s->place[i];

        h = nw_hash(h, p->spec, strlen(p->spec) + 1);
        h = nw_hash(h, p->name, strlen(p->name) + 1);
        h = nw_hash(h, p->in, (size_t)p->n_in * sizeof(int));
    }
    return h;
}

static void add_hash(json_t *object, const char *key, uint64_t hash)
{
    char text[24];

    snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
    json_object_set_new(object, key, json_string(text));
}

/* All that the result depends on: a stage is only resumed by the same. */
static char *stage_config(const struct loop *l)
{
    const nw_search_config *c = l->config;
    json_t *object = json_object();
    char *text;

    json_object_set_new(object, "strategy", json_string(c->strategy));
    json_object_set_new(object, "estimator", json_string(c->estimator));
    json_object_set_new(object, "seed", json_integer((json_int_t)c->seed));
    json_object_set_new(object, "threads", json_integer(nw_threads(l->ctx)));
    add_hash(object, "space", space_hash(l->space));
    add_hash(object, "train", c->train ? nw_data_hash(c->train) : 0);
    add_hash(object, "valid", c->valid ? nw_data_hash(c->valid) : 0);
    add_hash(object, "arch", c->arch ? nw_arch_hash(c->arch) : 0);
    text = json_dumps(object, JSON_PRESERVE_ORDER);
    json_decref(object);
    return text;
}

static nw_status open_stage(struct loop *l)
{
    char *text = stage_config(l);
    nw_status status = text ? nw_study_stage(l->study, l->stage_name, text, &l->stage)
                            : nw_fail(l->ctx, NW_ENOMEM, "out of memory");

    free(text);
    return status;
}

static nw_status open_parts(struct loop *l)
{
    const nw_search_config *c = l->config;

    l->estimator = nw_spec_find(l->ctx, "estimator", (const void *const *)nw_estimators,
                                c->estimator ? c->estimator : "train");
    l->strategy = nw_spec_find(l->ctx, "strategy", (const void *const *)nw_strategies,
                               c->strategy ? c->strategy : "random");
    if (!l->estimator || !l->strategy)
        return NW_ENAME;
    if (l->strategy->needs & ~l->estimator->gives)
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

static nw_status start_parts(struct loop *l)
{
    l->opened |= 1;
    NW_TRY(l->estimator->open(l->worker, &l->env));
    l->opened |= 2;
    return l->strategy->open ? l->strategy->open(l->strategist, &l->env) : NW_OK;
}

static nw_status search(struct loop *l)
{
    NW_TRY(open_parts(l));
    l->trial.arch = nw_arch_new(l->ctx, l->space);
    l->best = nw_arch_new(l->ctx, l->space);
    if (!l->trial.arch || !l->best)
        return nw_pending(l->ctx);
    if (l->study)
        NW_TRY(open_stage(l));
    if (l->study && nw_study_is_finished(l->study, l->stage))
        return recall(l);
    NW_TRY(start_parts(l));
    if (l->study) {
        NW_TRY(restore(l));
        NW_TRY(nw_study_begin(l->study));
    }
    l->began = l->saved = now();
    NW_TRY(run(l));
    return conclude(l);
}

static void close_parts(struct loop *l, nw_status status)
{
    if (l->study && status < 0)
        nw_study_rollback(l->study);
    if (l->opened & 2 && l->strategy->close)
        l->strategy->close(l->strategist);
    if (l->opened & 1 && l->estimator->close)
        l->estimator->close(l->worker);
    nw_release(l->ctx, l->strategist);
    nw_release(l->ctx, l->worker);
    nw_arch_free(l->trial.arch);
}

/* The best trial's net again, from its weights. */
static nw_status make_net(struct loop *l, nw_net **out)
{
    nw_state reader;
    nw_net *net;

    *out = NULL;
    if (!l->weights.size)
        return NW_OK;
    net = nw_net_new(l->ctx, l->space, l->best, 0, NW_F32);
    if (!net)
        return nw_pending(l->ctx);
    reader = nw_blob_reader(&l->weights);
    NW_TRY(net_state(net, &reader));
    *out = net;
    return NW_OK;
}

nw_status nw_search(nw_space *space, const nw_search_config *config, nw_arch **best,
                    nw_net **net, nw_score *score)
{
    struct loop l = {.space = space, .config = config};
    nw_status status;

    if (!space)
        return NW_ENOMEM;
    l.ctx = space->ctx;
    if (!config || !config->train || !config->valid || space->status < 0)
        return nw_pending(l.ctx);
    nw_clear(l.ctx);
    NW_TRY(nw_space_seal(space));
    l.study = config->study;
    l.stage_name = config->stage ? config->stage : "search";
    l.weights.ctx = l.ctx;
    no_score(&l.best_score);
    l.env = (nw_env){l.ctx,        space,    config->train, config->valid, config->arch,
                     config->seed, on_epoch, on_value,      on_note,       &l};
    status = search(&l);
    close_parts(&l, status);
    if (status >= 0 && net)
        status = make_net(&l, net);
    if (status >= 0 && score)
        *score = l.best_score;
    nw_blob_free(&l.weights);
    if (status >= 0 && best)
        *best = l.best;
    else
        nw_arch_free(l.best);
    return status;
}
