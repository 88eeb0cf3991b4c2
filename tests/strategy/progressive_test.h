/* progressive_test.h - a progressive search by hand: scores that a test makes up, a look
 * at the candidates of every stage, states in memory. */
#ifndef PROGRESSIVE_TEST_H
#define PROGRESSIVE_TEST_H

#include "check.h"
#include "ctx.h"
#include "progressive.h"
#include "random.h"
#include "space.h"
#include "spec.h"
#include "strategy.h"

#include <stdlib.h>
#include <string.h>

/* Quick, and still an ensemble. */
#define SMALL "members=2 embedding=8 hidden=16 epochs=20 "

enum { MOST_STAGES = 40 };

struct drive {
    nw_ctx *ctx;
    nw_space *space;
    nw_env env;
    const nw_strategy_type *type;
    nw_progressive *p; /* all of the strategy's state, which begins so */
    nw_trial trial;
    double (*score)(struct drive *d); /* of d->trial; NaN = it fails              */
    int stages;                       /* that were looked at, and of each:        */
    size_t candidates[MOST_STAGES];
    int parents[MOST_STAGES];
};

static void look(void *user, nw_progressive *p, const nw_candidates *c)
{
    struct drive *d = user;

    (void)p;
    assert_true(d->stages < MOST_STAGES);
    d->candidates[d->stages] = c->n;
    d->parents[d->stages++] = c->n_parent;
}

/* Parses and opens; the status of open(). */
static nw_status drive_try(struct drive *d, const char *spec)
{
    d->type = nw_spec_find(d->ctx, "strategy", (const void *const *)nw_strategies, spec);
    assert_non_null(d->type);
    d->p = nw_alloc(d->ctx, d->type->size);
    check_ok(d->ctx, nw_spec_parse(d->ctx, (const nw_head *)d->type, spec, NULL, d->p));
    d->env.ctx = d->ctx;
    d->env.space = d->space;
    d->p->watch = look;
    d->p->user = d;
    return d->type->open(d->p, &d->env);
}

static void drive_open(struct drive *d, nw_ctx *ctx, const char *space, const char *spec)
{
    static const int pixels[3] = {3, 32, 32};

    d->ctx = ctx;
    if (!d->space)
        d->space = nw_space_open(ctx, space, pixels, 10);
    check_ok(ctx, nw_space_seal(d->space));
    d->trial.arch = nw_arch_new(ctx, d->space);
    check_ok(ctx, drive_try(d, spec));
}

static nw_status drive_propose(struct drive *d)
{
    nw_status status;

    d->trial.id++;
    d->trial.seed = nw_subseed(d->env.seed, NW_FOR_TRIAL, d->trial.id);
    status = d->type->propose(d->p, &d->trial);
    if (status < 0)
        fail_msg("propose: %s", nw_errmsg(d->ctx));
    if (status == NW_OK)
        check_ok(d->ctx, nw_arch_check(d->trial.arch));
    return status;
}

static void drive_observe(struct drive *d)
{
    d->trial.score.quality = d->score(d);
    d->trial.status = isnan(d->trial.score.quality) ? NW_EDIVERGED : NW_OK;
    check_ok(d->ctx, d->type->observe(d->p, &d->trial));
}

/* Up to `most` trials; how many there were. class (may be NULL) is told of them. */
static int drive(struct drive *d, int most, uint64_t *class)
{
    for (int n = 0; n < most; n++) {
        if (drive_propose(d) != NW_OK)
            return n;
        if (class)
            class[n] = nw_arch_class(d->trial.arch);
        drive_observe(d);
    }
    return most;
}

/* ---- States in memory
 * ------------------------------------------------------------------ */

struct memory {
    nw_state head;
    unsigned char *bytes;
    size_t n, room;
};

static nw_status memory_bytes(nw_state *state, void *data, size_t size)
{
    struct memory *m = (struct memory *)state;

    if (state->reading) {
        assert_true(m->n + size <= m->room);
        memcpy(data, m->bytes + m->n, size);
    } else if (m->n + size > m->room) {
        m->room = 2 * (m->n + size);
        m->bytes = realloc(m->bytes, m->room);
        assert_non_null(m->bytes);
    }
    if (!state->reading)
        memcpy(m->bytes + m->n, data, size);
    m->n += size;
    return NW_OK;
}

/* What `from` knows, to a strategy that was just opened. */
static void drive_copy(struct drive *to, struct drive *from)
{
    struct memory m = {.head.bytes = memory_bytes};

    check_ok(from->ctx, from->type->state(from->p, &m.head));
    m.head.reading = 1;
    m.n = 0;
    check_ok(to->ctx, to->type->state(to->p, &m.head));
    to->trial.id = from->trial.id;
    free(m.bytes);
}

/* After `first` trials, one of them under way: a copy goes on as the original does. */
static void check_resume(const char *space, const char *spec, int first,
                         double (*score)(struct drive *d), nw_env env)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive a = {.score = score, .env = env}, b = {.score = score, .env = env};
    int n = 0;

    drive_open(&a, ctx, space, spec);
    drive_open(&b, ctx, space, spec);
    assert_int_equal(drive(&a, first, NULL), first);
    assert_int_equal(drive_propose(&a), NW_OK);
    drive_copy(&b, &a);
    check_ok(ctx, nw_arch_copy(b.trial.arch, a.trial.arch));
    drive_observe(&a);
    drive_observe(&b);
    for (nw_status status = NW_OK; status == NW_OK; n++) {
        status = drive_propose(&a);
        assert_int_equal(drive_propose(&b), status);
        if (status != NW_OK)
            break;
        assert_true(nw_arch_hash(a.trial.arch) == nw_arch_hash(b.trial.arch));
        drive_observe(&a);
        drive_observe(&b);
    }
    assert_true(n > 5);
    nw_close(ctx);
}

/* Each class of networks is trained once. */
static void check_distinct(const uint64_t *class, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            assert_true(class[i] != class[j]);
}

#endif
