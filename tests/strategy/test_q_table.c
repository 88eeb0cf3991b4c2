/* test_q_table.c - updates worked out by hand. */
#include "check.h"
#include "q_table.h"
#include "study.h"

static nw_ctx *ctx;

static int open_context(void **state)
{
    (void)state;
    ctx = nw_open(NULL);
    return 0;
}

static int close_context(void **state)
{
    (void)state;
    nw_close(ctx);
    return 0;
}

/* States 7, 8, 9 with two, three and two actions; taken: 1, 2, 0. */
static const nw_q_step steps[] = {{7, 2, 1, NULL}, {8, 3, 2, NULL}, {9, 2, 0, NULL}};

/* With rate .1 from .5, the last step first:
 * Q(9,0) = .9 .5 + .1 .9           = .54
 * Q(8,2) = .9 .5 + .1 max(.54, .5) = .504
 * Q(7,1) = .9 .5 + .1 .504         = .5004
 * In the order of the walk Q(8,2) and Q(7,1) would have stayed at .5. */
static void test_q_table__learns_from_the_last_step_to_the_first(void **state)
{
    nw_q_table q;

    (void)state;
    nw_q_init(&q, ctx, .5);
    check_ok(ctx, nw_q_learn(&q, steps, 3, .1, 1, .9));
    check_near(nw_q_of(&q, 9, 2)[0], .54, 1e-15);
    check_near(nw_q_of(&q, 9, 2)[1], .5, 0);
    check_near(nw_q_of(&q, 8, 3)[2], .504, 1e-15);
    check_near(nw_q_of(&q, 8, 3)[0], .5, 0);
    check_near(nw_q_of(&q, 7, 2)[1], .5004, 1e-15);
    check_near(nw_q_of(&q, 7, 2)[0], .5, 0);
    /* a bad end: the maximum stays at what was never tried */
    check_ok(ctx, nw_q_learn(&q, steps, 3, .1, 1, .1));
    check_near(nw_q_of(&q, 9, 2)[0], .9 * .54 + .01, 1e-15);
    check_near(nw_q_of(&q, 8, 3)[2], .9 * .504 + .05, 1e-15);
    check_near(nw_q_of(&q, 7, 2)[1], .9 * .5004 + .1 * .9 * .504 + .005, 1e-15);
    nw_q_free(&q);
}

static void test_q_table__discounts_a_step(void **state)
{
    nw_q_table q;

    (void)state;
    nw_q_init(&q, ctx, .5);
    check_ok(ctx, nw_q_learn(&q, steps, 3, .1, .8, .9));
    check_near(nw_q_of(&q, 9, 2)[0], .54, 1e-15);
    check_near(nw_q_of(&q, 8, 3)[2], .45 + .1 * .8 * .54, 1e-15);
    check_near(nw_q_of(&q, 7, 2)[1], .45 + .1 * .8 * .5, 1e-15);
    nw_q_free(&q);
}

static void test_q_table__forbidden_actions_have_no_value(void **state)
{
    static const unsigned char legal[] = {1, 0};
    const nw_q_step forbidden[] = {{1, 1, 0, NULL}, {2, 2, 0, legal}};
    nw_q_table q;

    (void)state;
    nw_q_init(&q, ctx, .5);
    check_ok(ctx, nw_q_learn(&q, forbidden, 2, .1, 1, .3));
    check_near(nw_q_of(&q, 2, 2)[0], .48, 1e-15);
    check_near(nw_q_of(&q, 1, 1)[0], .498, 1e-15); /* not the .5 of the forbidden one */
    for (double u = .05; u < 1; u += .1)
        assert_int_equal(nw_q_greedy(nw_q_of(&q, 2, 2), &forbidden[1], u), 0);
    nw_q_free(&q);
}

static void test_q_table__ties_are_broken_evenly(void **state)
{
    static const double value[] = {.2, .7, .7, .1, .7};
    static const unsigned char legal[] = {1, 1, 0, 1, 1};
    const nw_q_step all = {0, 5, 0, NULL}, some = {0, 5, 0, legal};
    int n[5] = {0}, m[5] = {0};

    (void)state;
    for (int i = 0; i < 3000; i++) {
        n[nw_q_greedy(value, &all, (i + .5) / 3000)]++;
        m[nw_q_greedy(value, &some, (i + .5) / 3000)]++;
    }
    assert_int_equal(n[1], 1000);
    assert_int_equal(n[2], 1000);
    assert_int_equal(n[4], 1000);
    assert_int_equal(m[1], 1500);
    assert_int_equal(m[4], 1500);
}

static void test_q_table__is_read_as_it_was_written(void **state)
{
    nw_q_table q, other;
    nw_blob blob = {.ctx = ctx};
    nw_state writer = nw_blob_writer(&blob), reader;

    (void)state;
    nw_q_init(&q, ctx, .5);
    nw_q_init(&other, ctx, .5);
    for (uint64_t s = 0; s < 500; s++)
        nw_q_of(&q, s * s, 1 + (int)(s % 7))[s % 7] = (double)s;
    check_ok(ctx, nw_q_state(&q, &writer));
    reader = nw_blob_reader(&blob);
    check_ok(ctx, nw_q_state(&other, &reader));
    assert_int_equal(other.states.n, 500);
    for (uint64_t s = 0; s < 500; s++) {
        check_near(nw_q_of(&other, s * s, 1 + (int)(s % 7))[s % 7], (double)s, 0);
        assert_true(s % 7 == 0 || nw_q_of(&other, s * s, 1 + (int)(s % 7))[0] == .5);
    }
    assert_int_equal(other.states.n, 500);
    check_near(nw_q_of(&other, 3, 2)[1], .5, 0); /* a new one */
    nw_q_free(&q);
    nw_q_free(&other);
    nw_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_q_table__learns_from_the_last_step_to_the_first),
        cmocka_unit_test(test_q_table__discounts_a_step),
        cmocka_unit_test(test_q_table__forbidden_actions_have_no_value),
        cmocka_unit_test(test_q_table__ties_are_broken_evenly),
        cmocka_unit_test(test_q_table__is_read_as_it_was_written),
    };

    return cmocka_run_group_tests(tests, open_context, close_context);
}
