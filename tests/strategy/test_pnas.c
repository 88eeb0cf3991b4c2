/* test_pnas.c - PNAS: how many cells of each kind, which are one, what guides the search,
 * and that it finds more than chance on a table. */
#include "progressive_test.h"

#include "estimate.h"
#include "failing.h"
#include "loop.h"
#include "ranktest.h"

#include <unistd.h>

extern const nw_strategy_type nw_strategy_pnas;

#define MACRO "../shared/data/nasbench-macro/nas-bench-macro_cifar10.json"

/* ---- A made-up quality
 * ------------------------------------------------------------------ */

/* Separable convolutions and wide blocks are good, others less; the mean over the blocks
 * that a cell has. In 0..1. */
static double planted(struct drive *d)
{
    const nw_arch *arch = d->trial.arch;
    const int blocks = nw_arch_get(arch, "blocks");
    const int first = blocks >= 0, n = nw_space_choices(d->space);
    const int end = first ? first + 4 * (blocks + 1) : n;
    double sum = 0;

    for (int c = first; c < end; c++) {
        const char *name = nw_space_option_name(d->space, c, nw_arch_option(arch, c));

        sum += !strncmp(name, "sep", 3)      ? 1
               : !strcmp(name, "identity")   ? .4
               : !strcmp(name, "block_1")    ? .3
               : !strncmp(name, "max", 3)    ? -.5
               : !strncmp(name, "ir_5x5", 6) ? .6 + .03 * c
               : !strncmp(name, "ir_3x3", 6) ? .5
                                             : 0;
    }
    return .5 + .5 * sum / (end - first);
}

static double never(struct drive *d)
{
    (void)d;
    return NAN;
}

static double sometimes(struct drive *d)
{
    return d->trial.id % 3 ? planted(d) : NAN;
}

/* ---- Counts
 * ------------------------------------------------------------------------------ */

/* 136 cells of one block; (b + 1)^2 * 64 ways to add block b. */
static void test_pnas__stages_of_its_own_space(void **state)
{
    static uint64_t class[200];
    static const size_t ways[] = {256, 576, 1024, 1600, 2304};
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted};

    (void)state;
    drive_open(&d, ctx, "pnas progressive=1",
               "pnas k=8 members=1 embedding=4 hidden=8 epochs=3");
    for (int b = 0; b < 5; b++)
        assert_int_equal(nw_blocks_ways(&d.p->blocks, b), ways[b]);
    assert_int_equal(d.p->blocks.n_words, 6 + 8);
    assert_int_equal(256 * ways[4], 589824);
    for (int trial = 0; trial < 136 + 4 * 8; trial++) {
        assert_int_equal(drive_propose(&d), NW_OK);
        assert_int_equal(nw_arch_get(d.trial.arch, "blocks"),
                         trial < 136 ? 0 : 1 + (trial - 136) / 8);
        class[trial] = nw_arch_class(d.trial.arch);
        drive_observe(&d);
    }
    assert_int_equal(drive_propose(&d), NW_DONE);
    check_distinct(class, 136 + 4 * 8);
    assert_int_equal(d.stages, 5);
    assert_int_equal(d.candidates[0], 256);
    assert_int_equal(d.candidates[1], 136 * 576);
    for (int b = 2; b < 5; b++) {
        assert_int_equal(d.parents[b], 8);
        assert_int_equal(d.candidates[b], 8 * ways[b]);
    }
    nw_close(ctx);
}

/* "first b layers free, the rest identity": all 9 of two layers, then 6 stages of 16. */
static void test_pnas__stages_of_a_chain(void **state)
{
    uint64_t class[200];
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted};

    (void)state;
    drive_open(&d, ctx, "nasbench-macro", "pnas first=2 k=16 " SMALL);
    assert_int_equal(d.p->blocks.n, 8);
    for (int trial = 0; trial < 9 + 6 * 16; trial++) {
        const int level = trial < 9 ? 2 : 3 + (trial - 9) / 16;

        assert_int_equal(drive_propose(&d), NW_OK);
        for (int i = level; i < 8; i++)
            assert_int_equal(nw_arch_option(d.trial.arch, i), 0);
        class[trial] = nw_arch_class(d.trial.arch);
        drive_observe(&d);
    }
    assert_int_equal(drive_propose(&d), NW_DONE);
    check_distinct(class, 9 + 6 * 16);
    assert_true(d.p->n_entry > d.p->n_asked); /* identities, kept without a trial */
    nw_close(ctx);
}

/* A space of 2 x 3 x 2 ends when all of it is trained, whatever k is. */
static void test_pnas__a_small_space_is_exhausted(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted, .space = nw_space_new(ctx)};
    uint64_t class[40];
    nw_ref x = nw_input(d.space, 2, 4, 4);

    (void)state;
    for (int i = 0; i < 3; i++) {
        const nw_ref option[3] = {nw_op(d.space, "relu", x), nw_op(d.space, "tanh", x),
                                  nw_op(d.space, "sigmoid", x)};

        x = nw_one_of_n(d.space, NULL, i == 1 ? 3 : 2, option);
    }
    nw_output(d.space, nw_op(d.space, "globalpool | dense out=3", x));
    drive_open(&d, ctx, NULL, "pnas k=100 rounds=3 " SMALL);
    assert_int_equal(drive(&d, 40, class), 12);
    check_distinct(class, 12);
    nw_close(ctx);
}

/* After the last block: one block of one of the best is another. */
static void test_pnas__rounds_change_one_block(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted};
    int32_t best[400];
    uint64_t class[60];
    int n;

    (void)state;
    drive_open(&d, ctx, "pnas blocks=2 progressive=1", "pnas k=10 rounds=2 " SMALL);
    assert_int_equal(drive(&d, 136 + 10, NULL), 146);
    check_ok(ctx, nw_best_entries(d.p, best, &n));
    assert_int_equal(n, 146);
    for (int i = 0; i < 10; i++) {
        int near = 0;

        assert_int_equal(drive_propose(&d), NW_OK);
        for (int b = 0; b < 10; b++) {
            const int32_t *x = nw_entry_code(d.p, best[b]);
            int changed[2] = {0};

            for (int c = 1; c < 9; c++)
                changed[(c - 1) / 4] |= x[c] != nw_arch_option(d.trial.arch, c);
            near |=
                x[0] == nw_arch_option(d.trial.arch, 0) && changed[0] + changed[1] == 1;
        }
        assert_true(near);
        class[i] = nw_arch_class(d.trial.arch);
        drive_observe(&d);
    }
    assert_int_equal(drive(&d, 60, class + 10), 10);
    check_distinct(class, 20);
    nw_close(ctx);
}

/* ---- Views of spaces
 * -------------------------------------------------------------------- */

static void test_pnas__neutral_and_words(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted}, e = {.score = planted}, f = {.score = planted};
    float word[12];

    (void)state;
    drive_open(&d, ctx, "nasbench201", "pnas k=4 " SMALL);
    assert_int_equal(d.p->blocks.n_words, 5);
    assert_int_equal(drive_propose(&d), NW_OK);
    for (int i = 1; i < 6; i++) /* skip_connect */
        assert_int_equal(nw_arch_option(d.trial.arch, i), 1);
    drive_open(&e, ctx, "nasbench201", "pnas k=4 neutral=none words=place " SMALL);
    assert_int_equal(e.p->blocks.n_words, 30);
    assert_int_equal(drive_propose(&e), NW_OK);
    for (int i = 1; i < 6; i++)
        assert_int_equal(nw_arch_option(e.trial.arch, i), 0);
    drive_open(&f, ctx, "nasbench201", "pnas k=4 neutral=4 words=both block=2 " SMALL);
    assert_int_equal(f.p->blocks.n, 3);
    assert_int_equal(f.p->blocks.n_words, 35);
    assert_int_equal(nw_blocks_width(&f.p->blocks, 2), 8);
    nw_blocks_clear(&f.p->blocks, f.p->x);
    nw_blocks_set(&f.p->blocks, f.p->x, 1, 2 * 5 + 3);
    nw_blocks_write(&f.p->blocks, f.p->x, 2, word);
    assert_true(word[0] == 4 && word[1] == 5 + 4 && word[2] == 4 && word[3] == 5 + 9);
    assert_true(word[4] == 2 && word[5] == 5 + 12 && word[6] == 3 && word[7] == 5 + 18);
    nw_close(ctx);
}

static void test_pnas__nonsense_is_refused(void **state)
{
    static const struct {
        const char *spec, *words;
    } rows[] = {{"pnas block=4", "does not divide"},
                {"pnas neutral=nothing", "neutral=nothing"},
                {"pnas depth=height", "no such decision"},
                {"pnas words=letters", "neither name nor place"},
                {"pnas surrogate=tree", "neither mlp nor lstm"},
                {"pnas lessons=none", "neither level nor all"},
                {"pnas target=rank", "neither scaled nor plain"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
        struct drive d = {
            .ctx = ctx,
            .space = nw_space_open(ctx, "nasbench201", (const int[]){3, 32, 32}, 10)};

        assert_true(drive_try(&d, rows[i].spec) < 0);
        if (!strstr(nw_errmsg(ctx), rows[i].words))
            fail_msg("%s: %s", rows[i].spec, nw_errmsg(ctx));
        d.type->close(d.p);
        nw_close(ctx);
    }
}

/* ---- Behaviour
 * ---------------------------------------------------------------------------- */

static void test_pnas__grows_towards_what_is_good(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted};
    double grown = 0, drawn = 0;

    (void)state;
    drive_open(&d, ctx, "pnas blocks=3 progressive=1",
               "pnas k=20 members=3 embedding=16 hidden=32");
    assert_int_equal(drive(&d, 136 + 20, NULL), 156);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(drive_propose(&d), NW_OK);
        grown += planted(&d) / 20;
        drive_observe(&d);
    }
    for (uint64_t i = 0; i < 200; i++) {
        check_ok(ctx, nw_arch_random(d.trial.arch, i));
        drawn += planted(&d) / 200;
    }
    print_message("mean of the last stage %.3f, of random cells %.3f\n", grown, drawn);
    assert_true(grown > drawn + .1);
    nw_close(ctx);
}

static void test_pnas__goes_on_where_it_was(void **state)
{
    const nw_env env = {.seed = 3};

    (void)state;
    check_resume("nasbench-macro", "pnas first=2 k=6 rounds=2 " SMALL, 4, planted, env);
    check_resume("nasbench-macro", "pnas first=2 k=6 rounds=2 " SMALL, 20, sometimes,
                 env);
    check_resume("nasbench-macro", "pnas first=2 k=6 rounds=2 surrogate=lstm " SMALL, 48,
                 planted, env);
}

static void test_pnas__failed_trials_are_survived(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = sometimes}, e = {.score = never};

    (void)state;
    drive_open(&d, ctx, "nasbench-macro", "pnas first=2 k=4 " SMALL);
    assert_int_equal(drive(&d, 100, NULL), 9 + 6 * 4);
    for (int stage = 1; stage < d.stages; stage++)
        assert_true(d.parents[stage] > 0);
    drive_open(&e, ctx, "nasbench-macro", "pnas first=2 k=4 " SMALL);
    assert_int_equal(drive(&e, 100, NULL), 9); /* nothing can be grown */
    nw_close(ctx);
}

/* Up to two trials are ahead within a stage, none beyond it. */
static void test_pnas__waits_at_the_end_of_a_stage(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted};

    (void)state;
    drive_open(&d, ctx, "nasbench-macro", "pnas first=1 k=4 " SMALL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(drive_propose(&d), NW_OK);
    assert_int_equal(drive_propose(&d), NW_MORE);
    for (int i = 0; i < 3; i++)
        drive_observe(&d);
    assert_int_equal(drive_propose(&d), NW_OK);
    nw_close(ctx);
}

static int is_light(void *loop, const nw_arch *arch)
{
    (void)loop;
    for (int i = 0; i < 8; i++)
        if (nw_arch_option(arch, i) == 2)
            return 0;
    return 1;
}

static void test_pnas__stays_within_limits(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted, .env = {.allows = is_light}};
    int n = 0;

    (void)state;
    drive_open(&d, ctx, "nasbench-macro", "pnas first=2 k=100 " SMALL);
    while (drive_propose(&d) == NW_OK) {
        assert_true(is_light(NULL, d.trial.arch));
        drive_observe(&d);
        n++;
    }
    assert_int_equal(n, 4 * 6 * 6); /* of a stage: its first block, how many others */
    nw_close(ctx);
}

/* Two edges of NAS-Bench-201 make 25 archs, which without other edges are one network. */
static void test_pnas__distinct_archs_are_all_trained(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted}, e = {.score = planted};
    uint64_t class[25];

    (void)state;
    drive_open(&d, ctx, "nasbench201",
               "pnas first=2 k=1 neutral=none distinct=arch " SMALL);
    assert_int_equal(drive(&d, 25, class), 25);
    assert_true(class[24] == class[0]);
    assert_int_equal(d.stages, 1);
    drive_open(&e, ctx, "nasbench201", "pnas first=2 k=1 neutral=none " SMALL);
    assert_int_equal(drive(&e, 1, class), 1);
    assert_int_equal(e.p->n_asked, 1);
    nw_close(ctx);
}

/* ---- Memory
 * ------------------------------------------------------------------------------ */

static nw_status some_trials(struct drive *d)
{
    for (d->trial.id = 1; d->trial.id <= 9; d->trial.id++) {
        NW_TRY(d->type->propose(d->p, &d->trial));
        d->trial.score.quality = planted(d);
        NW_TRY(d->type->observe(d->p, &d->trial));
    }
    return NW_OK;
}

static nw_status open_and_try(nw_ctx *ctx)
{
    static const char spec[] = "pnas k=2 members=1 embedding=2 hidden=2 epochs=1";
    static const int pixels[3] = {3, 32, 32};
    struct drive d = {.ctx = ctx, .type = &nw_strategy_pnas};

    d.space = nw_space_open(ctx, "nasbench-macro", pixels, 10);
    d.trial.arch = nw_arch_new(ctx, d.space);
    d.p = nw_alloc(ctx, d.type->size);
    if (!d.trial.arch || !d.p)
        return nw_pending(ctx);
    d.env = (nw_env){.ctx = ctx, .space = d.space};
    NW_TRY(nw_spec_parse(ctx, (const nw_head *)d.type, spec, NULL, d.p));
    NW_TRY(d.type->open(d.p, &d.env));
    return some_trials(&d);
}

static void test_pnas__every_allocation_may_fail(void **state)
{
    nw_status status = NW_ENOMEM;

    (void)state;
    for (long k = 1; status < 0; k += 1 + k / 64) {
        struct failing failing = {.left = k};
        nw_ctx *ctx = nw_open(
            &(nw_config){.realloc = failing_realloc, .user = &failing, .threads = 1});

        status = ctx ? open_and_try(ctx) : NW_ENOMEM;
        assert_true(status >= 0 || status == NW_ENOMEM);
        nw_close(ctx);
        assert_int_equal(failing.blocks, 0);
    }
}

/* ---- On a table
 * ---------------------------------------------------------------------------- */

struct table {
    const nw_estimator_type *type;
    void *self;
    nw_score score;
    double rho;
    int stages;
};

static void open_table(struct table *t, nw_env *env)
{
    static const char spec[] = "table file=" MACRO;

    t->type =
        nw_spec_find(env->ctx, "estimator", (const void *const *)nw_estimators, spec);
    t->self = nw_alloc(env->ctx, t->type->size);
    check_ok(env->ctx,
             nw_spec_parse(env->ctx, (const nw_head *)t->type, spec, NULL, t->self));
    check_ok(env->ctx, t->type->open(t->self, env));
}

/* Of guesses for all candidates with the mean of three runs. */
static void correlate(void *user, nw_progressive *p, const nw_candidates *c)
{
    struct table *t = user;
    double truth[400], r;
    uint64_t class;

    if (!p->stage)
        return;
    assert_true(c->n <= 400);
    for (size_t i = 0; i < c->n; i++) {
        nw_score score;

        assert_true(nw_candidate_arch(p, c, i, &class));
        check_ok(p->env.ctx, t->type->report(t->self, p->arch, &score));
        truth[i] = score.quality;
    }
    check_ok(p->env.ctx, nw_rank_correlation(p->env.ctx, c->guess, truth, (int)c->n, &r));
    t->rho += r;
    t->stages++;
}

/* 105 trials of 16 a stage; what the best of them reports. */
static double search_table(uint64_t seed, double *rho)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.env = {.seed = seed}};
    struct table t = {0};
    double best = -1, found = 0;

    drive_open(&d, ctx, "nasbench-macro", "pnas first=2 k=16");
    open_table(&t, &d.p->env);
    d.p->watch = correlate;
    d.p->user = &t;
    for (int i = 0; i < 105; i++) {
        nw_score report;

        d.trial.score = nw_no_score();
        assert_int_equal(drive_propose(&d), NW_OK);
        check_ok(ctx, t.type->work(t.self, &d.trial));
        check_ok(ctx, t.type->report(t.self, d.trial.arch, &report));
        if (d.trial.score.quality > best) {
            best = d.trial.score.quality;
            found = report.quality;
        }
        check_ok(ctx, d.type->observe(d.p, &d.trial));
    }
    *rho = t.rho / t.stages;
    nw_close(ctx);
    return found;
}

/* The specification asks for 93.0 and .5 over 30 seeds; bench_progressive.c has those. */
static void test_pnas__finds_more_than_chance_on_a_table(void **state)
{
    enum { SEEDS = 4 };
    double found = 0, rho = 0;

    (void)state;
    if (access(MACRO, R_OK)) {
        print_message("skipped: no " MACRO "\n");
        skip();
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        double r;

        found += search_table(seed, &r) / SEEDS;
        rho += r / SEEDS;
    }
    print_message("best %.4f, rank correlation %.3f\n", found, rho);
    assert_true(found > .929);
    assert_true(rho > .5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pnas__stages_of_its_own_space),
        cmocka_unit_test(test_pnas__stages_of_a_chain),
        cmocka_unit_test(test_pnas__a_small_space_is_exhausted),
        cmocka_unit_test(test_pnas__rounds_change_one_block),
        cmocka_unit_test(test_pnas__neutral_and_words),
        cmocka_unit_test(test_pnas__nonsense_is_refused),
        cmocka_unit_test(test_pnas__grows_towards_what_is_good),
        cmocka_unit_test(test_pnas__goes_on_where_it_was),
        cmocka_unit_test(test_pnas__failed_trials_are_survived),
        cmocka_unit_test(test_pnas__waits_at_the_end_of_a_stage),
        cmocka_unit_test(test_pnas__stays_within_limits),
        cmocka_unit_test(test_pnas__distinct_archs_are_all_trained),
        cmocka_unit_test(test_pnas__every_allocation_may_fail),
        cmocka_unit_test(test_pnas__finds_more_than_chance_on_a_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
