/* test_bananas.c - what the predictor is shown of an arch, which trials it leads to, and
 * how the search ends. */
#include "yardstick.h"

#include "encoder.h"

#include <string.h>

/* ---- Rows ------------------------------------------------------------------------ */

static void encode(nw_space *space, const nw_encoder *e, const char *genotype, float *row)
{
    nw_arch *arch = nw_arch_new(space->ctx, space);

    check_ok(space->ctx, nw_arch_read_genotype(arch, genotype, "test"));
    nw_encode(e, arch, row);
    nw_arch_free(arch);
}

static int count_ones(const float *row, int n)
{
    int ones = 0;

    for (int i = 0; i < n; i++) {
        assert_true(row[i] == 0 || row[i] == 1);
        ones += row[i] == 1;
    }
    return ones;
}

/* Four ways of 1, 2, 2 and 3 edges; 4 ops besides none: 4 + 16 + 64 sequences. */
static void test_bananas__paths_of_nasbench201(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *space = nw_space_open(ctx, "nasbench201", (const int[3]){3, 32, 32}, 10);
    nw_encoder *e;
    float row[84], other[84];

    (void)state;
    check_ok(ctx, nw_space_seal(space));
    e = nw_encoder_new(ctx, space, 1);
    assert_int_equal(nw_encoder_paths(e), 4);
    assert_int_equal(nw_encoder_width(e), 84);
    /* skip; 1x1, 3x3; 3x3, pool; 1x1, skip, pool */
    encode(space, e,
           "\"|nor_conv_1x1~0|+|nor_conv_3x3~0|skip_connect~1|+|skip_connect~0|"
           "nor_conv_3x3~1|avg_pool_3x3~2|\"",
           row);
    assert_int_equal(count_ones(row, 84), 4);
    assert_int_equal(count_ones(row, 4), 1);
    assert_int_equal(count_ones(row + 4, 16), 2);
    /* Nodes 1 and 2 change places: 0-1-3 and 0-2-3 do, and there is no edge 1-2. */
    encode(space, e,
           "\"|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|"
           "nor_conv_3x3~1|avg_pool_3x3~2|\"",
           row);
    encode(space, e,
           "\"|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|"
           "avg_pool_3x3~1|nor_conv_3x3~2|\"",
           other);
    assert_int_equal(count_ones(row, 84), 3);
    assert_memory_equal(row, other, sizeof(row));
    encode(space, e, "\"|none~0|+|none~0|none~1|+|none~0|none~1|none~2|\"", row);
    assert_int_equal(count_ones(row, 84), 0);
    nw_encoder_free(e);
    nw_close(ctx);
}

/* A chain is one way, however short. */
static void test_bananas__options_of_chains(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 1, 8, 8);
    nw_encoder *e;

    (void)state;
    for (int i = 0; i < 2; i++)
        x = nw_one_of(s, i ? "b" : "a", nw_op(s, "conv2d out=4 k=3 pad=1", x),
                      nw_op(s, "conv2d out=4 k=1", x));
    nw_output(s, nw_op(s, "globalpool | dense out=4", x));
    check_ok(ctx, nw_space_seal(s));
    e = nw_encoder_new(ctx, s, 1);
    assert_int_equal(nw_encoder_paths(e), 0);
    assert_int_equal(nw_encoder_width(e), 4);
    nw_encoder_free(e);
    nw_close(ctx);
}

static void test_bananas__options_elsewhere(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *chain = nw_space_open(ctx, "nasbench-macro", (const int[3]){3, 32, 32}, 10);
    nw_space *cell = nw_space_open(ctx, "nasbench201", (const int[3]){3, 32, 32}, 10);
    nw_encoder *e;
    float row[24];

    (void)state;
    check_ok(ctx, nw_space_seal(chain));
    check_ok(ctx, nw_space_seal(cell));
    e = nw_encoder_new(ctx, chain, 1);
    assert_int_equal(nw_encoder_paths(e), 0);
    assert_int_equal(nw_encoder_width(e), 24);
    encode(chain, e, "\"01201201\"", row);
    assert_int_equal(count_ones(row, 24), 8);
    assert_true(row[0] == 1 && row[4] == 1 && row[8] == 1);
    nw_encoder_free(e);
    e = nw_encoder_new(ctx, cell, 0);
    assert_int_equal(nw_encoder_width(e), 30);
    nw_encoder_free(e);
    nw_close(ctx);
}

/* ---- The strategy ---------------------------------------------------------------- */

/* Small nets, so that the tests are quick. */
#define QUICK "bananas ensemble=3 layers=1 epochs=20 "

/* Every trial after the first ten is one decision away from one of the ten best, and no
 * arch comes twice. */
static void test_bananas__mutates_the_best(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), QUICK, 1);
    int x[60][YARD_DECISIONS];

    (void)state;
    steered_run(s, yard_trial_worth, 60, 1, 0);
    for (int i = 0; i < 60; i++) {
        int nearest = YARD_DECISIONS;

        steered_code(s, i, x[i]);
        for (int j = 0; j < i; j++) {
            int apart = 0;

            for (int d = 0; d < YARD_DECISIONS; d++)
                apart += x[i][d] != x[j][d];
            assert_true(apart > 0);
            nearest = apart < nearest ? apart : nearest;
        }
        assert_true(i < 10 || nearest == 1);
    }
    steered_close(s);
    nw_close(ctx);
}

static void test_bananas__waits_for_its_batch(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), QUICK "startup=3 batch=4", 1);

    (void)state;
    for (int n = 3; n < 12; n += 4) { /* 3, then 4 at a time */
        while (s->proposed < n)
            assert_int_equal(steered_propose(s, NULL), NW_OK);
        assert_int_equal(steered_propose(s, NULL), NW_MORE);
        while (s->observed < n)
            steered_observe(s, s->observed);
    }
    steered_close(s);
    nw_close(ctx);
}

/* Uniform draws would fail 10 times in 50; here no more than half as often. */
static void test_bananas__leaves_what_fails(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), QUICK, 1);
    int x[YARD_DECISIONS], zeros = 0;

    (void)state;
    assert_int_equal(steered_run(s, yard_zero_fails, 100, 1, 0), 100);
    for (int i = 50; i < 100; i++) {
        steered_code(s, i, x);
        zeros += x[0] == 0;
    }
    assert_true(zeros <= 5);
    steered_close(s);
    s = steered_open(yard_space(ctx), QUICK, 1);
    assert_int_equal(steered_run(s, yard_never, 20, 1, 0), 20);
    steered_close(s);
    nw_close(ctx);
}

static void test_bananas__ends_when_all_were_tried(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *space = steered_space(ctx, 3, (int[]){3, 2, 4}, NULL);
    struct steered *s = steered_open(space, QUICK, 1);

    (void)state;
    assert_int_equal(steered_run(s, yard_trial_worth, 100, 1, 0), 24);
    steered_close(s);
    nw_close(ctx);
}

static void test_bananas__resumed_as_undisturbed(void **state)
{
    (void)state;
    steered_check_resume(QUICK "startup=5 batch=5", yard_trial_worth, 40, 1);
    steered_check_resume(QUICK "startup=5 batch=5 acquisition=ucb", yard_zero_fails, 40,
                         4);
}

static void test_bananas__better_than_random(void **state)
{
    (void)state;
    yard_check_better(QUICK "batch=25", 60);
}

static void test_bananas__knows_its_acquisitions(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_search_config config = {.strategy = "bananas acquisition=ei",
                               .estimator = "train epochs=1"};

    (void)state;
    config.train = config.valid = nw_data_open(ctx, "planted n=8 size=8");
    assert_int_equal(nw_search(yard_space(ctx), &config, NULL, NULL, NULL), NW_ESPEC);
    assert_non_null(strstr(nw_errmsg(ctx), "acquisition=ei is not its or ucb"));
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bananas__paths_of_nasbench201),
        cmocka_unit_test(test_bananas__options_of_chains),
        cmocka_unit_test(test_bananas__options_elsewhere),
        cmocka_unit_test(test_bananas__mutates_the_best),
        cmocka_unit_test(test_bananas__waits_for_its_batch),
        cmocka_unit_test(test_bananas__leaves_what_fails),
        cmocka_unit_test(test_bananas__ends_when_all_were_tried),
        cmocka_unit_test(test_bananas__resumed_as_undisturbed),
        cmocka_unit_test(test_bananas__better_than_random),
        cmocka_unit_test(test_bananas__knows_its_acquisitions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
