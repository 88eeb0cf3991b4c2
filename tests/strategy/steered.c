#include "steered.h"

#include "spec.h"

#include <stdlib.h>
#include <string.h>

/* Sealing asks for the network of one arch; all have the same here. */
static nw_space *network(nw_space *space, const nw_arch *arch)
{
    nw_space *out = nw_space_new(space->ctx);

    (void)arch;
    nw_output(out, nw_op(out, "flatten | dense out=2", nw_input(out, 1, 2, 2)));
    return out;
}

nw_space *steered_space(nw_ctx *ctx, int n, const int *options, const char *const *names)
{
    static const char *const words[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    nw_space *space = nw_space_new(ctx);
    char name[32];

    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "a%d", i);
        check_ok(ctx,
                 nw_decide(space, names ? names[i] : name, (size_t)options[i], words));
    }
    space->at = network;
    check_ok(ctx, nw_space_seal(space));
    return space;
}

static void start(struct steered *s)
{
    s->self = nw_alloc(s->ctx, s->type->size + 1);
    check_ok(s->ctx,
             nw_spec_parse(s->ctx, (const nw_head *)s->type, s->spec, NULL, s->self));
    if (s->type->open)
        check_ok(s->ctx, s->type->open(s->self, &s->env));
}

static void stop(struct steered *s)
{
    if (s->type->close)
        s->type->close(s->self);
    nw_release(s->ctx, s->self);
}

struct steered *steered_open(nw_space *space, const char *spec, uint64_t seed)
{
    struct steered *s = nw_alloc(space->ctx, sizeof(*s));

    assert_non_null(s);
    s->ctx = space->ctx;
    s->spec = spec;
    s->type = nw_spec_find(s->ctx, "strategy", (const void *const *)nw_strategies, spec);
    assert_non_null(s->type);
    s->env = (nw_env){.ctx = s->ctx, .space = space, .seed = seed, .has_budget = 1};
    s->code = nw_code_new(s->ctx, space);
    assert_non_null(s->code);
    start(s);
    return s;
}

nw_status steered_propose(struct steered *s, int *x)
{
    nw_trial *t = &s->trial[s->proposed];
    nw_status status;

    assert_true(s->proposed < STEERED_MOST);
    if (!t->arch)
        t->arch = nw_arch_new(s->ctx, s->env.space);
    t->id = (uint64_t)s->proposed + 1;
    t->seed = nw_subseed(s->env.seed, NW_FOR_TRIAL, t->id);
    t->fidelity = 1;
    status = s->type->propose(s->self, t);
    check_ok(s->ctx, status);
    if (status != NW_OK)
        return status;
    check_ok(s->ctx, nw_arch_check(t->arch));
    assert_true(nw_env_allows(&s->env, t->arch));
    if (x)
        nw_code_read(s->code, t->arch, x);
    s->proposed++;
    return NW_OK;
}

void steered_observe(struct steered *s, double quality)
{
    nw_trial *t = &s->trial[s->observed];

    assert_true(s->observed < s->proposed);
    t->score.quality = quality;
    t->status = isnan(quality) ? NW_EDIVERGED : NW_OK;
    if (s->type->observe)
        check_ok(s->ctx, s->type->observe(s->self, t));
    s->observed++;
}

void steered_code(const struct steered *s, int i, int *x)
{
    nw_code_read(s->code, s->trial[i].arch, x);
}

/* ---- Resuming ------------------------------------------------------------------ */

struct memory {
    nw_state state;
    char *bytes;
    size_t size, at;
};

static nw_status write_bytes(nw_state *state, void *data, size_t size)
{
    struct memory *m = state->self;

    m->bytes = realloc(m->bytes, m->size + size + 1);
    memcpy(m->bytes + m->size, data, size);
    m->size += size;
    return NW_OK;
}

static nw_status read_bytes(nw_state *state, void *data, size_t size)
{
    struct memory *m = state->self;

    assert_true(m->at + size <= m->size);
    memcpy(data, m->bytes + m->at, size);
    m->at += size;
    return NW_OK;
}

static void replay(struct steered *s)
{
    for (int i = 0; s->type->observe && i < s->observed; i++)
        check_ok(s->ctx, s->type->observe(s->self, &s->trial[i]));
}

void steered_resume(struct steered *s)
{
    struct memory m = {.state = {.bytes = write_bytes}};

    m.state.self = &m;
    if (s->type->state)
        check_ok(s->ctx, s->type->state(s->self, &m.state));
    stop(s);
    start(s);
    m.state.reading = 1;
    m.state.bytes = read_bytes;
    if (!s->type->state) {
        replay(s);
        return;
    }
    check_ok(s->ctx, s->type->state(s->self, &m.state));
    assert_int_equal(m.at, m.size);
    free(m.bytes);
}

void steered_close(struct steered *s)
{
    stop(s);
    for (int i = 0; i < STEERED_MOST && s->trial[i].arch; i++)
        nw_arch_free(s->trial[i].arch);
    nw_code_free(s->code);
    nw_release(s->ctx, s);
}

/* ---- Running ------------------------------------------------------------------- */

static void observe_next(struct steered *s, steered_worth *worth)
{
    int x[256];

    steered_code(s, s->observed, x);
    steered_observe(s, worth(x, s->code->n, s->observed + 1));
}

int steered_run(struct steered *s, steered_worth *worth, int most, int ahead, int pause)
{
    nw_status status = NW_OK;

    while (s->observed < most) {
        while (status == NW_OK && s->proposed < most && s->proposed - s->observed < ahead)
            status = steered_propose(s, NULL);
        if (s->observed == s->proposed)
            break;
        observe_next(s, worth);
        if (pause && s->observed % pause == 0)
            steered_resume(s);
        status = status == NW_DONE ? NW_DONE : NW_OK;
    }
    if (s->observed < most)
        assert_int_equal(status, NW_DONE);
    return s->observed;
}

static struct steered *run_one(nw_ctx *ctx, const char *spec, steered_worth *worth,
                               int most, int ahead, int pause)
{
    static const int options[] = {3, 4, 2, 5, 3};
    struct steered *s = steered_open(steered_space(ctx, 5, options, NULL), spec, 11);

    steered_run(s, worth, most, ahead, pause);
    return s;
}

void steered_check_resume(const char *spec, steered_worth *worth, int most, int ahead)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *whole = run_one(ctx, spec, worth, most, ahead, 0);

    for (int pause = 1; pause < 8; pause += 3) {
        struct steered *pieces = run_one(ctx, spec, worth, most, ahead, pause);

        assert_int_equal(pieces->observed, whole->observed);
        for (int i = 0; i < whole->observed; i++) {
            int a[5], b[5];

            steered_code(whole, i, a);
            steered_code(pieces, i, b);
            assert_memory_equal(a, b, sizeof(a));
        }
        steered_close(pieces);
    }
    nw_close(ctx);
}
