/* The loop: failures are results, seeds repeat. */
#include "check.h"
#include "netwright_ext.h"

#include <string.h>

static nw_space *small(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_op(s, "conv2d out=4 | relu", nw_input(s, 1, 8, 8));

    x = nw_one_of(s, "a", nw_op(s, "conv2d k=3", x), nw_op(s, "conv2d k=5", x));
    nw_output(s, nw_op(s, "relu | globalpool | dense out=10", x));
    return s;
}

static nw_data *digits(nw_ctx *ctx)
{
    FILE *there = fopen("../shared/data/digits/digits.csv.gz", "rb");

    if (!there) {
        print_message("skipped: ../shared/data/digits is not there\n");
        skip();
    }
    fclose(there);
    return nw_data_open(ctx, "csv file=../shared/data/digits/digits.csv.gz shape=1x8x8");
}

static void test_search__diverged_trial_is_a_result(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_data *data = digits(ctx);
    nw_search_config config = {.strategy = "random trials=2",
                               .estimator = "train epochs=1 lr=1000 clip=0 momentum=0.99",
                               .train = nw_data_slice(data, 1, 0, 1500),
                               .valid = nw_data_slice(data, 1, 1500, 200),
                               .seed = 1};
    nw_arch *best = NULL;

    (void)state;
    assert_int_equal(nw_search(small(ctx), &config, &best, NULL, NULL), NW_EDIVERGED);
    assert_null(best);
    assert_non_null(strstr(nw_errmsg(ctx), "no trial succeeded"));
    assert_non_null(strstr(nw_errmsg(ctx), "loss"));
    nw_close(ctx);
}

static void test_search__darts_needs_a_gradient(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_data *data = digits(ctx);
    nw_search_config config = {.strategy = "darts",
                               .estimator = "train epochs=1",
                               .train = data,
                               .valid = data,
                               .seed = 1};

    (void)state;
    assert_int_equal(nw_search(small(ctx), &config, NULL, NULL, NULL), NW_EMATCH);
    assert_non_null(strstr(nw_errmsg(ctx), "supernet"));
    nw_close(ctx);
}

static void test_search__same_seed_same_score(void **state)
{
    nw_score score[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        nw_ctx *ctx = nw_open(NULL);
        nw_data *data = digits(ctx);
        nw_search_config config = {.strategy = "random trials=2",
                                   .estimator = "train epochs=1 lr=0.05",
                                   .train = nw_data_slice(data, 1, 0, 1500),
                                   .valid = nw_data_slice(data, 1, 1500, 200),
                                   .seed = 7};

        check_ok(ctx, nw_search(small(ctx), &config, NULL, NULL, &score[i]));
        nw_close(ctx);
    }
    assert_true(score[0].loss == score[1].loss);
    assert_true(score[0].accuracy == score[1].accuracy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search__diverged_trial_is_a_result),
        cmocka_unit_test(test_search__darts_needs_a_gradient),
        cmocka_unit_test(test_search__same_seed_same_score),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
