/*
 * run.c - one search of a comparison, watched from outside.
 *
 * The strategy sees validation scores alone. Whenever a trial is the best so far, the
 * referee is asked what that arch is worth on held-out data; nobody else learns of it. A
 * trial that ends after the seconds of the budget does not count, unless nothing else has
 * been found: with a table a search ends with the trial that crosses the line.
 */
#include "compare.h"
#include "loop.h"
#include "ranktest.h"
#include "spec.h"
#include "strategy.h"

#include <stdlib.h>
#include <string.h>

struct watch {
    nw_compare_state *c;
    nw_outcome *run;
    nw_track *track;
    nw_arch *best;
    double fidelity, quality; /* of best; fidelity 0 = there is none      */
    int has_best;
    double *tried; /* quality of every trial that counts                */
    int n_tried, room;
    double spent;     /* of all trials, also of one that came too late */
    nw_status status; /* < 0: why the search was stopped               */
};

/* ---- While it runs ------------------------------------------------------------ */

static nw_status judge(nw_compare_state *c, const nw_arch *arch, double *out)
{
    nw_score score = nw_no_score();

    *out = NAN;
    if (!c->referee)
        return NW_OK;
    NW_TRY(c->estimator->report(c->referee, arch, &score));
    *out = c->config->objective ? -nw_measure_loss(c->goal.objective[0], &score)
                                : score.quality;
    return NW_OK;
}

static nw_status add_step(struct watch *w)
{
    nw_track *track = w->track;
    double score;

    NW_TRY(judge(w->c, w->best, &score));
    NW_TRY(
        nw_grow(w->c->ctx, &track->step, track->n, &track->room, sizeof(*track->step)));
    track->step[track->n++] = (nw_step){.trials = (double)w->run->trials,
                                        .cost_s = w->run->cost_s,
                                        .valid = w->quality,
                                        .score = score};
    return NW_OK;
}

static nw_status improve(struct watch *w, const nw_trial *trial)
{
    w->has_best = 1;
    w->fidelity = trial->fidelity;
    w->quality = trial->score.quality;
    NW_TRY(nw_arch_copy(w->best, trial->arch));
    return add_step(w);
}

static int is_late(const struct watch *w)
{
    const double most = w->c->config->max_seconds;

    return most > 0 && w->spent > most && w->has_best;
}

static int on_trial(void *user, const nw_trial *trial)
{
    struct watch *w = user;
    const double cost = trial->score.cost_s;

    if (trial->want != NW_WANT_SCORE)
        return 0;
    w->spent += cost > 0 ? cost : 0;
    if (is_late(w))
        return 0;
    w->status = nw_grow(w->c->ctx, &w->tried, w->n_tried, &w->room, sizeof(double));
    if (w->status < 0)
        return 1;
    w->tried[w->n_tried++] = trial->score.quality;
    w->run->trials++;
    w->run->cost_s = w->spent;
    if (nw_trial_beats(trial, w->fidelity, w->quality))
        w->status = improve(w, trial);
    return w->status < 0;
}

/* ---- What it found -------------------------------------------------------------- */

/* The family's words; a JSON string loses its quotes. */
static const char *words_of(nw_compare_state *c, const nw_arch *arch)
{
    char *text = NULL;
    size_t size = 0, n;
    FILE *out = open_memstream(&text, &size);
    const char *words;

    if (!out)
        return NULL;
    if (nw_arch_write_genotype(arch, out) < 0) {
        nw_clear(c->ctx);
        rewind(out);
        nw_arch_write(arch, out);
    }
    fclose(out);
    n = strcspn(text, "\n");
    words = n > 1 && text[0] == '"' && text[n - 1] == '"'
                ? nw_arena_dupn(&c->arena, text + 1, n - 2)
                : nw_arena_dupn(&c->arena, text, n);
    free(text);
    return words;
}

static nw_status no_score(const nw_compare_state *c)
{
    return nw_fail(c->ctx, NW_EMATCH,
                   "no trial scored what was found, and estimator \"%s\" does not report "
                   "on held-out data",
                   c->estimator->name);
}

/* Mean of tried[from .. to), failed ones left out. */
static double mean_of(const struct watch *w, int from, int to)
{
    return nw_mean(w->tried + from, to - from);
}

static nw_status conclude(struct watch *w, const nw_arch *arch)
{
    nw_outcome *run = w->run;

    if (!arch)
        return nw_fail(w->c->ctx, NW_EINVAL, "no trial succeeded");
    if (w->has_best && nw_arch_hash(arch) == nw_arch_hash(w->best))
        run->valid = w->quality;
    NW_TRY(judge(w->c, arch, &run->score));
    if (!w->c->referee)
        run->score = run->valid;
    if (isnan(run->score))
        return no_score(w->c);
    run->early = mean_of(w, 0, (w->n_tried + 4) / 5);
    run->late = mean_of(w, w->n_tried - (w->n_tried + 4) / 5, w->n_tried);
    run->arch = words_of(w->c, arch);
    return run->arch ? NW_OK : nw_fail(w->c->ctx, NW_ENOMEM, "out of memory");
}

/* What the strategy names, or the best trial. */
static nw_status search(struct watch *w, const nw_search_config *config)
{
    const nw_strategy_type *type = nw_spec_find(
        w->c->ctx, "strategy", (const void *const *)nw_strategies, config->strategy);
    nw_arch *named = NULL;
    nw_status status;

    if (!type)
        return nw_pending(w->c->ctx);
    status = nw_search(w->c->space, config, &named, NULL, NULL);
    if (w->status < 0)
        status = w->status;
    if (status >= 0 && type->best && (w->c->referee || !w->has_best))
        status = conclude(w, named);
    else if (status >= 0)
        status = conclude(w, w->has_best ? w->best : NULL);
    nw_arch_free(named);
    return status;
}

void nw_compare_run(nw_compare_state *c, int i)
{
    const nw_compare_config *given = c->config;
    struct watch w = {.c = c, .run = &c->run[i], .track = &c->track[i]};
    const nw_search_config config = {
        .strategy = c->standing[w.run->strategy].strategy,
        .estimator = given->estimator,
        .train = given->train,
        .valid = given->valid,
        .seed = w.run->seed,
        .max_trials = given->max_trials,
        .max_seconds = given->max_seconds,
        .limits = given->limits,
        .objective = given->objective,
        .on_trial = on_trial,
        .user = &w,
    };

    nw_clear(c->ctx);
    w.run->early = w.run->late = NAN;
    w.best = nw_arch_new(c->ctx, c->space);
    w.run->status = w.best ? search(&w, &config) : NW_ENOMEM;
    if (w.run->status < 0) {
        w.run->reason = nw_arena_dup(&c->arena, nw_errmsg(c->ctx));
        w.run->score = w.run->valid = NAN;
    }
    nw_clear(c->ctx);
    nw_release(c->ctx, w.tried);
    nw_arch_free(w.best);
    w.track->is_known = 1;
}

/* ---- As bytes -------------------------------------------------------------------- */

static nw_status pack_text(nw_compare_state *c, const char **text, nw_state *s)
{
    size_t n = s->reading || !*text ? 0 : strlen(*text) + 1;
    char *copy;

    NW_TRY(s->bytes(s, &n, sizeof(n)));
    if (!s->reading)
        return n ? s->bytes(s, (void *)(uintptr_t)*text, n) : NW_OK;
    *text = NULL;
    if (!n)
        return NW_OK;
    copy = nw_arena_get(&c->arena, n + 1);
    *text = copy;
    return copy ? s->bytes(s, copy, n) : NW_ENOMEM;
}

static nw_status pack_steps(nw_compare_state *c, nw_track *track, nw_state *s)
{
    NW_TRY(s->bytes(s, &track->n, sizeof(track->n)));
    if (track->n < 0)
        return nw_fail(c->ctx, NW_EFORMAT, "stored run: %d steps", track->n);
    if (s->reading) {
        nw_release(c->ctx, track->step);
        track->room = track->n;
        track->step = nw_alloc(c->ctx, (size_t)track->n * sizeof(nw_step) + 1);
    }
    if (!track->step && track->n)
        return NW_ENOMEM;
    return s->bytes(s, track->step, (size_t)track->n * sizeof(nw_step));
}

nw_status nw_compare_pack(nw_compare_state *c, int i, nw_state *s)
{
    nw_outcome *run = &c->run[i];

    NW_TRY(s->bytes(s, &run->status, sizeof(run->status)));
    NW_TRY(s->bytes(s, &run->trials, sizeof(run->trials)));
    NW_TRY(s->bytes(s, &run->cost_s, sizeof(run->cost_s)));
    NW_TRY(s->bytes(s, &run->valid, sizeof(run->valid)));
    NW_TRY(s->bytes(s, &run->score, sizeof(run->score)));
    NW_TRY(s->bytes(s, &run->early, sizeof(run->early)));
    NW_TRY(s->bytes(s, &run->late, sizeof(run->late)));
    NW_TRY(pack_text(c, &run->reason, s));
    NW_TRY(pack_text(c, &run->arch, s));
    NW_TRY(pack_steps(c, &c->track[i], s));
    c->track[i].is_known = 1;
    return NW_OK;
}
