/*
 * checkpoint.c - what a search must remember: its state between two units of work, the
 * best net's weights, the result of a finished stage.
 *
 * Between two units of work everything that matters is in the state functions, so a
 * checkpoint can be taken there. Rows written since the last checkpoint belong to the
 * same transaction as the next one. After a kill the search goes on from the last
 * checkpoint and repeats what came after it, bit for bit.
 */
#include "clock.h"
#include "graph.h"
#include "loop.h"
#include "net.h"
#include "trainer.h"

/* ---- Checkpoints ------------------------------------------------------------ */

/* What an estimator shares among trials is a part of the search. Else its state is that
 * of the trial which it has in hand, and stands with it in the queue. */
static int shares(const struct loop *l)
{
    return !(l->estimator->gives & NW_SEPARATE);
}

nw_status nw_loop_take_state(struct loop *l, nw_blob *out)
{
    nw_state writer;

    out->size = 0;
    writer = nw_blob_writer(out);
    return l->estimator->state(l->worker, &writer);
}

nw_status nw_loop_give_state(struct loop *l, nw_blob *in)
{
    nw_state reader = nw_blob_reader(in);

    return l->estimator->state(l->worker, &reader);
}

static nw_status take_state(struct loop *l)
{
    struct flight *f = &l->flight[0];

    if (shares(l) || l->crew || !l->estimator->state || !l->n_flight ||
        l->at_work != f->trial.id)
        return NW_OK;
    return nw_loop_take_state(l, &f->state);
}

static nw_status loop_state(struct loop *l, nw_state *s)
{
    size_t weights = (size_t)l->space->n_weight * sizeof(double);

    NW_TRY(s->bytes(s, &l->done, sizeof(l->done)));
    NW_TRY(nw_queue_state(l, s));
    NW_TRY(s->bytes(s, &l->is_exhausted, sizeof(l->is_exhausted)));
    NW_TRY(s->bytes(s, &l->simulated, sizeof(l->simulated)));
    NW_TRY(s->bytes(s, &l->has_best, sizeof(l->has_best)));
    NW_TRY(s->bytes(s, &l->best_fidelity, sizeof(l->best_fidelity)));
    NW_TRY(s->bytes(s, &l->best_score, sizeof(l->best_score)));
    NW_TRY(s->bytes(s, l->best->w, weights));
    if (l->strategy->state)
        NW_TRY(l->strategy->state(l->strategist, s));
    return shares(l) && l->estimator->state ? l->estimator->state(l->worker, s) : NW_OK;
}

nw_status nw_loop_save(struct loop *l)
{
    nw_blob blob = {.ctx = l->ctx};
    nw_state writer = nw_blob_writer(&blob);
    double start = nw_now();
    nw_status status;

    if (!l->study)
        return NW_OK;
    status = take_state(l);
    if (status >= 0)
        status = loop_state(l, &writer);
    if (status >= 0)
        status = nw_study_put_checkpoint(l->study, l->stage, &blob, nw_loop_spent(l));
    nw_blob_free(&blob);
    NW_TRY(status);
    NW_TRY(nw_study_commit(l->study));
    l->saved = nw_now();
    l->saving = l->saved - start;
    return nw_study_begin(l->study);
}

/* A strategy without state of its own learns again what it had observed. */
static nw_status replay(void *user, const nw_stored_trial *stored)
{
    struct loop *l = user;
    nw_trial trial = {
        .id = stored->id, .seed = stored->seed, .fidelity = stored->fidelity};
    nw_status status;

    if (stored->id > l->done || !l->strategy->observe)
        return NW_OK;
    trial.arch = nw_arch_new(l->ctx, l->space);
    if (!trial.arch)
        return nw_pending(l->ctx);
    trial.status = stored->status;
    trial.score = stored->score;
    status = nw_arch_read(trial.arch, stored->arch, "study");
    if (status >= 0)
        status = l->strategy->observe(l->strategist, &trial);
    nw_arch_free(trial.arch);
    return status;
}

nw_status nw_loop_restore(struct loop *l)
{
    nw_blob blob = {.ctx = l->ctx};
    nw_status status = nw_study_get_checkpoint(l->study, l->stage, &blob, &l->seconds);

    if (status == NW_OK) {
        nw_state reader = nw_blob_reader(&blob);

        status = loop_state(l, &reader);
        if (status >= 0 && l->has_best)
            status = nw_study_get_file(l->study, l->stage, "weights", &l->weights);
        if (status >= 0 && !l->strategy->state)
            status = nw_study_trials(l->study, l->stage, replay, l);
    }
    nw_blob_free(&blob);
    return status < 0 ? status : NW_OK;
}

static void swap(nw_blob *a, nw_blob *b)
{
    nw_blob c = *a;

    *a = *b;
    *b = c;
}

/* ---- The best net's weights ------------------------------------------------- */

/* How its inputs are normalised, parameters, running statistics. */
static nw_status net_state(nw_net *net, nw_state *s)
{
    int n = net->n_channel;

    NW_TRY(s->bytes(s, &n, sizeof(n)));
    if (s->reading) {
        double *none = nw_alloc(net->ctx, (size_t)n * sizeof(double) + 1);
        nw_status status = none ? nw_net_normalise(net, n, none, none) : NW_ENOMEM;

        nw_release(net->ctx, none);
        NW_TRY(status);
    }
    NW_TRY(s->bytes(s, net->mean, 2 * (size_t)n * sizeof(double)));
    return nw_net_state(net, s);
}

nw_status nw_loop_take_weights(struct loop *l, const nw_arch *arch, nw_blob *out)
{
    nw_net *net = NULL;
    nw_state writer;

    NW_TRY(l->estimator->net(l->worker, arch, &net));
    out->size = 0;
    writer = nw_blob_writer(out);
    return net_state(net, &writer);
}

nw_status nw_loop_keep_weights(struct loop *l)
{
    struct flight *f = &l->flight[0];

    if (!l->estimator->net)
        return NW_OK;
    if (!l->crew)
        NW_TRY(nw_loop_take_weights(l, f->trial.arch, &f->weights));
    swap(&l->weights, &f->weights);
    return l->study ? nw_study_put_file(l->study, l->stage, "weights", &l->weights)
                    : NW_OK;
}

nw_status nw_loop_net(struct loop *l, nw_net **out)
{
    nw_state reader;
    nw_status status;

    *out = NULL;
    if (!l->weights.size)
        return NW_OK;
    *out = nw_net_new(l->ctx, l->space, l->best, 0, NW_F32);
    if (!*out)
        return nw_pending(l->ctx);
    reader = nw_blob_reader(&l->weights);
    status = net_state(*out, &reader);
    if (status < 0) {
        nw_net_free(*out);
        *out = NULL;
    }
    return status;
}

/* ---- Results ---------------------------------------------------------------- */

static nw_status result_state(struct loop *l, nw_state *s)
{
    NW_TRY(s->bytes(s, &l->has_best, sizeof(l->has_best)));
    NW_TRY(s->bytes(s, &l->best_score, sizeof(l->best_score)));
    return s->bytes(s, l->best->w, (size_t)l->space->n_weight * sizeof(double));
}

nw_status nw_loop_put_result(struct loop *l)
{
    nw_blob blob = {.ctx = l->ctx};
    nw_state writer = nw_blob_writer(&blob);
    nw_status status = result_state(l, &writer);

    if (status >= 0)
        status = nw_study_put_file(l->study, l->stage, "result", &blob);
    nw_blob_free(&blob);
    return status;
}

/* A finished stage answers from the study. */
nw_status nw_loop_recall(struct loop *l)
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
