/*
 * tabulate.c - nw_tabulate(): a table of what the networks of a space score.
 *
 * Every run over the archs is an ordinary search by a strategy that only lists them, so
 * that workers, failures and resuming are those of any search. The strategy depends on
 * the seed alone, the estimator also on its key `run`: run 2 trains the networks of run 1
 * from other weights. Latencies are measured when all networks are trained and nothing
 * else runs; the study keeps them as values of the first run's trials.
 */
#include "tabulate.h"

#include "graph.h"
#include "latency.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { MOST_RUNS = 1000, LONGEST_SPEC = 4096 };

const char *nw_run_name(int run, char out[32])
{
    snprintf(out, 32, "run-%d", run);
    return out;
}

static nw_status run_stage(struct tabulation *t, int run)
{
    const char *estimator = t->how->estimator ? t->how->estimator : "train";
    char name[32], strategy[80] = "grid", spec[LONGEST_SPEC];
    nw_search_config config = *t->how;

    if (t->what->sample)
        snprintf(strategy, sizeof(strategy), "random unique=1 trials=%" PRIu64,
                 t->what->sample);
    snprintf(spec, sizeof(spec), run > 1 ? "%s run=%d" : "%s", estimator, run - 1);
    config.stage = nw_run_name(run, name);
    config.strategy = strategy;
    config.estimator = spec;
    config.arch = NULL;
    config.objective = NULL;
    config.max_trials = t->what->sample;
    config.max_seconds = 0;
    return nw_search(t->space, &config, NULL, NULL, NULL);
}

/* ---- Latency ------------------------------------------------------------------- */

struct timing {
    struct tabulation *t;
    nw_ctx *one; /* a context of one thread */
    int64_t stage;
    nw_arch *arch;
    uint64_t done;
};

static nw_status tell(const struct timing *m)
{
    const nw_progress p = {.stage = "latency",
                           .done = (double)m->done,
                           .trial = m->done,
                           .loss = NAN,
                           .accuracy = NAN};
    const nw_search_config *how = m->t->how;

    if (!how->on_progress || !how->on_progress(how->user, &p))
        return NW_OK;
    return nw_fail(m->t->ctx, NW_ESTOPPED,
                   "latency: stopped and saved; the same command goes on from here");
}

static nw_status time_arch(struct timing *m, double *ms)
{
    nw_net *net = nw_net_new(m->one, m->t->space, m->arch, 1, NW_F32);
    nw_status status =
        net ? nw_net_latency(net, m->t->what->passes, ms) : nw_errstatus(m->one);

    if (status < 0)
        nw_fail(m->t->ctx, status, "%s", nw_errmsg(m->one));
    nw_net_free(net);
    return !net && status >= 0 ? nw_pending(m->t->ctx) : status;
}

static nw_status time_trial(void *user, const nw_stored_trial *trial)
{
    struct timing *m = user;
    nw_study *study = m->t->study;
    double ms;

    m->done = trial->id;
    if (trial->status < 0)
        return NW_OK;
    NW_TRY(nw_study_get_value(study, m->stage, trial->id, "latency_ms", &ms));
    if (!isnan(ms))
        return NW_OK;
    NW_TRY(nw_arch_read(m->arch, trial->arch, "study"));
    NW_TRY(time_arch(m, &ms));
    NW_TRY(nw_study_put_value(study, m->stage, trial->id, 0, "latency_ms", ms));
    return tell(m);
}

static nw_status time_all(struct tabulation *t)
{
    struct timing m = {.t = t};
    char name[32];
    nw_status status;

    NW_TRY(nw_study_stage(t->study, nw_run_name(1, name), NULL, &m.stage));
    m.one = nw_open(&(nw_config){.threads = 1});
    m.arch = nw_arch_new(t->ctx, t->space);
    status = !m.one    ? nw_fail(t->ctx, NW_ENOMEM, "out of memory")
             : !m.arch ? nw_pending(t->ctx)
                       : nw_study_trials(t->study, m.stage, time_trial, &m);
    nw_arch_free(m.arch);
    nw_close(m.one);
    return status;
}

/* ---- The whole ----------------------------------------------------------------- */

static nw_status check(const struct tabulation *t, const char *path)
{
    if (!t->study)
        return nw_fail(t->ctx, NW_EINVAL, "tabulate: a study is needed");
    if (!path || !*path)
        return nw_fail(t->ctx, NW_EINVAL, "tabulate: the table needs a path");
    if (t->runs > MOST_RUNS || t->what->passes < 0)
        return nw_fail(t->ctx, NW_EINVAL, "tabulate: %d runs are not 1 to %d", t->runs,
                       MOST_RUNS);
    if (t->how->estimator && strlen(t->how->estimator) > LONGEST_SPEC - 20)
        return nw_fail(t->ctx, NW_EINVAL, "tabulate: the estimator's spec is too long");
    return NW_OK;
}

nw_status nw_tabulate(nw_space *space, const nw_search_config *how,
                      const nw_tabulate_config *what, const char *path)
{
    static const nw_tabulate_config all = {0};
    struct tabulation t = {.space = space, .how = how, .what = what ? what : &all};

    if (!space)
        return NW_ENOMEM;
    t.ctx = space->ctx;
    NW_TRY(nw_space_seal(space));
    if (!how || nw_is_pending(t.ctx))
        return nw_pending(t.ctx);
    nw_clear(t.ctx);
    t.study = how->study;
    t.runs = t.what->runs > 1 ? t.what->runs : 1;
    NW_TRY(check(&t, path));
    for (int run = 1; run <= t.runs; run++)
        NW_TRY(run_stage(&t, run));
    if (t.what->passes)
        NW_TRY(time_all(&t));
    return nw_tabulate_write(&t, path);
}
