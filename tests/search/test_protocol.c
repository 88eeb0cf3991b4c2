/*
 * test_protocol.c - the published protocol of NAS-Bench-201 on its table: search by
 * validation accuracy after 12 epochs for 12,000 simulated seconds, report the test
 * accuracy of what was found after 200.
 *
 * Published of 500 runs: random 93.70 +- .36, regularised evolution 93.92 +- .30 (Dong &
 * Yang 2020, arXiv:2001.00326; figures from memory of the paper, unverified).
 */
#include "check.h"

#include <unistd.h>

#define TABLE "../shared/data/nasbench201/nasbench201.csv.gz"

static nw_comparison *compared(nw_ctx *ctx, size_t n, const char *const *strategy,
                               int seeds)
{
    const nw_compare_config config = {.n = n,
                                      .strategy = strategy,
                                      .estimator = "table file=" TABLE,
                                      .seed = 1,
                                      .seeds = seeds,
                                      .max_seconds = 12000,
                                      .jobs = 2};
    nw_comparison *found = NULL;

    if (access(TABLE, R_OK) != 0) {
        print_message("skipped: %s is not there\n", TABLE);
        skip();
    }
    check_ok(ctx, nw_compare(nw_space_open(ctx, "nasbench201", (const int[3]){0}, 0),
                             &config, &found));
    return found;
}

static void test_protocol__random_as_published(void **state)
{
    static const char *const only[] = {"random"};
    nw_ctx *ctx = nw_open(NULL);
    const nw_comparison *found = compared(ctx, 1, only, 500);

    (void)state;
    assert_true(found->is_held_out);
    assert_int_equal(found->standing[0].runs, 500);
    check_near(found->standing[0].score, .9370, .0012);
    check_near(found->standing[0].deviation, .0036, .0008);
    assert_true(found->standing[0].cost_s <= 12000);
    nw_close(ctx);
}

static void test_protocol__evolution_beats_it(void **state)
{
    static const char *const evolution[] = {"amoebanet population=10 sample=3"};
    nw_ctx *ctx = nw_open(NULL);
    const nw_comparison *found = compared(ctx, 1, evolution, 200);

    (void)state;
    assert_int_equal(found->n, 2);
    check_near(found->standing[1].score, .9392, .0012);
    assert_true(found->standing[1].p < .01);
    assert_true(found->standing[1].a12 > .6);
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol__random_as_published),
        cmocka_unit_test(test_protocol__evolution_beats_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
