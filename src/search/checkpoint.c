/*
 * checkpoint.c - what a search must remember: its state between two units of work, the
 * best net's weights, the result of a finished stage.
 *
 * Between two units of work everything that matters is in the state functions, so a
 * checkpoint can be taken there. Rows written since the last checkpoint belong to the
 * same transaction as the next one. After a kill the search goes on from the last
 * checkpoint and repeats what came after it, bit for bit.
 */
#include "graph.h"
#include "loop.h"
#include "net.h"
#include "trainer.h"

/* ---- Checkpoints ------------------------------------------------------------ */

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
    NW_TRY(s->bytes(s, &l->began_trial, sizeof(l->began_trial)));
    NW_TRY(s->bytes(s, &l->simulated, sizeof(l->simulated)));
    NW_TRY(s->bytes(s, l->trial.arch->w, weights));
    NW_TRY(s->bytes(s, &l->has_best, sizeof(l->has_best)));
    NW_TRY(s->bytes(s, &l->best_score, sizeof(l->best_score)));
    NW_TRY(s->bytes(s, l->best->w, weights));
    if (l->strategy->state)
        NW_TRY(l->strategy->state(l->strategist, s));
    return l->estimator->state ? l->estimator->state(l->worker, s) : NW_OK;
}

nw_status nw_loop_save(struct loop *l)
{
    nw_blob blob = {.ctx = l->ctx};
    nw_state writer = nw_blob_writer(&blob);
    double start = nw_loop_now();
    nw_status status;

    if (!l->study)
        return NW_OK;
    status = loop_state(l, &writer);
    if (status >= 0)
        status = nw_study_put_checkpoint(l->study, l->stage, &blob, nw_loop_spent(l));
    nw_blob_free(&blob);
    NW_TRY(status);
    NW_TRY(nw_study_commit(l->study));
    l->saved = nw_loop_now();
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

nw_status nw_loop_keep_weights(struct loop *l)
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
