/* driven.h - a strategy without the loop around it: proposals, made-up scores, and its
 * state cut out and put into another one. */
#ifndef DRIVEN_H
#define DRIVEN_H

#include "check.h"
#include "netwright_ext.h"
#include "random.h"
#include "spec.h"
#include "strategy.h"
#include "study.h"

#include <stdlib.h>
#include <string.h>

enum { DRIVEN_AHEAD = 4, DRIVEN_MOST = 64 };

struct driven {
    nw_ctx *ctx;
    nw_space *space;
    nw_code *code;
    nw_env env;
    const nw_strategy_type *type;
    void *self;
    uint64_t done;                 /* trials observed                                 */
    nw_trial flight[DRIVEN_AHEAD]; /* proposed and not yet observed, the oldest first */
    int n_flight;
    int x[DRIVEN_MOST]; /* decisions of the trial last observed */
};

/* What the made-up estimator says of decisions; NaN = the trial fails. */
typedef double (*driven_score)(const struct driven *d, const int *x);

static inline void driven_start(struct driven *d, const char *spec)
{
    d->type = nw_spec_find(d->ctx, "strategy", (const void *const *)nw_strategies, spec);
    if (!d->type)
        fail_msg("%s", nw_errmsg(d->ctx));
    d->self = nw_alloc(d->ctx, d->type->size);
    check_ok(d->ctx,
             nw_spec_parse(d->ctx, (const nw_head *)d->type, spec, NULL, d->self));
    check_ok(d->ctx, d->type->open(d->self, &d->env));
}

static inline void driven_open(struct driven *d, const char *spec, const char *space,
                               uint64_t seed)
{
    memset(d, 0, sizeof(*d));
    d->ctx = nw_open(&(nw_config){.threads = 1});
    d->space = nw_space_open(d->ctx, space, (const int[3]){0}, 0);
    d->code = nw_code_new(d->ctx, d->space);
    if (!d->code)
        fail_msg("%s", nw_errmsg(d->ctx));
    d->env = (nw_env){.ctx = d->ctx, .space = d->space, .seed = seed, .has_budget = 1};
    for (int i = 0; i < DRIVEN_AHEAD; i++)
        d->flight[i].arch = nw_arch_new(d->ctx, d->space);
    driven_start(d, spec);
}

static inline void driven_close(struct driven *d)
{
    if (d->type->close)
        d->type->close(d->self);
    nw_close(d->ctx);
}

/* The loop's answer of propose(). */
static inline nw_status driven_propose(struct driven *d)
{
    nw_trial *t = &d->flight[d->n_flight];
    nw_arch *arch = t->arch;
    nw_status status;

    memset(t, 0, sizeof(*t));
    t->arch = arch;
    t->id = d->done + (uint64_t)d->n_flight + 1;
    t->seed = nw_subseed(d->env.seed, NW_FOR_TRIAL, t->id);
    t->score.quality = NAN;
    status = d->type->propose(d->self, t);
    d->n_flight += status == NW_OK;
    return status;
}

/* The oldest under way gets its score, which is answered. */
static inline double driven_observe(struct driven *d, driven_score score)
{
    nw_trial t = d->flight[0];

    nw_code_read(d->code, t.arch, d->x);
    t.score.quality = score(d, d->x);
    t.status = isnan(t.score.quality) ? NW_EDIVERGED : NW_OK;
    if (d->type->observe)
        check_ok(d->ctx, d->type->observe(d->self, &t));
    d->done++;
    d->n_flight--;
    memmove(d->flight, d->flight + 1, (size_t)d->n_flight * sizeof(t));
    d->flight[d->n_flight] = (nw_trial){.arch = t.arch};
    return t.score.quality;
}

/* Keep `ahead` under way until one more is observed; NW_DONE when none is left. */
static inline nw_status driven_step(struct driven *d, int ahead, driven_score score,
                                    double *quality)
{
    while (d->n_flight < ahead) {
        const nw_status status = driven_propose(d);

        if (status < 0)
            fail_msg("%s", nw_errmsg(d->ctx));
        if (status == NW_MORE && !d->n_flight)
            fail_msg("waits for nothing");
        if (status != NW_OK)
            break;
    }
    if (!d->n_flight)
        return NW_DONE;
    *quality = driven_observe(d, score);
    return NW_OK;
}

/* Throw the strategy away and make one of the same state. */
static inline void driven_revive(struct driven *d, const char *spec)
{
    nw_blob blob = {.ctx = d->ctx};
    nw_state state = nw_blob_writer(&blob);

    check_ok(d->ctx, d->type->state(d->self, &state));
    if (d->type->close)
        d->type->close(d->self);
    nw_release(d->ctx, d->self);
    driven_start(d, spec);
    state = nw_blob_reader(&blob);
    check_ok(d->ctx, d->type->state(d->self, &state));
    nw_blob_free(&blob);
}

/* Two searches, the second revived after every trial, observe the same. */
static inline void check_revival(const char *spec, const char *space, int ahead, int most,
                                 driven_score score)
{
    struct driven a, b;
    nw_status status = NW_OK;
    double q;

    driven_open(&a, spec, space, 3);
    driven_open(&b, spec, space, 3);
    for (int i = 0; i < most && status == NW_OK; i++) {
        status = driven_step(&a, ahead, score, &q);
        assert_int_equal(driven_step(&b, ahead, score, &q), status);
        assert_memory_equal(a.x, b.x, sizeof(a.x));
        driven_revive(&b, spec);
    }
    driven_close(&a);
    driven_close(&b);
}

#endif
