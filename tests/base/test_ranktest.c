/*
 * test_ranktest.c - the statistics of a comparison, against numbers worked out by hand,
 * published ones, and SciPy 1.17.1 (scipy.stats.mannwhitneyu with alternative="greater").
 */
#include "check.h"
#include "ranktest.h"

#define N(x) ((int)(sizeof(x) / sizeof(*(x))))

/* Ages of diagnosis of men and women, the example of the page of SciPy: U = 17,
 * two-sided exact p = 0.1111, asymptotic 0.1113. */
static void test_ranktest__published_example(void **state)
{
    const double men[] = {19, 22, 16, 29, 24}, women[] = {20, 11, 17, 12};
    nw_ctx *ctx = nw_open(NULL);
    nw_ranktest r;

    (void)state;
    check_ok(ctx, nw_mann_whitney(ctx, men, N(men), women, N(women), &r));
    check_near(r.u, 17, 0);
    check_near(r.a12, .85, 1e-15);
    check_near(r.p, .1111111111111111 / 2, 1e-15);
    assert_true(r.is_exact);
    check_ok(ctx, nw_mann_whitney(ctx, women, N(women), men, N(men), &r));
    check_near(r.u, 3, 0);
    nw_close(ctx);
}

/* {3, 4} against {1, 2}: one order of six. {2, 4} against {1, 3}: U = 3, two of six. */
static void test_ranktest__by_hand(void **state)
{
    const double a[] = {3, 4}, b[] = {1, 2}, c[] = {2, 4}, d[] = {1, 3};
    nw_ctx *ctx = nw_open(NULL);
    nw_ranktest r;

    (void)state;
    check_ok(ctx, nw_mann_whitney(ctx, a, 2, b, 2, &r));
    check_near(r.a12, 1, 0);
    check_near(r.p, 1. / 6, 1e-15);
    check_ok(ctx, nw_mann_whitney(ctx, c, 2, d, 2, &r));
    check_near(r.u, 3, 0);
    check_near(r.p, 2. / 6, 1e-15);
    check_ok(ctx, nw_mann_whitney(ctx, b, 2, a, 2, &r));
    check_near(r.p, 1, 1e-15);
    nw_close(ctx);
}

/* 20 above 20: one order of 40! / (20! 20!) = 137846528820. */
static void test_ranktest__far_tail_is_exact(void **state)
{
    double low[20], high[20];
    nw_ctx *ctx = nw_open(NULL);
    nw_ranktest r;

    (void)state;
    for (int i = 0; i < 20; i++)
        low[i] = i, high[i] = 20 + i;
    check_ok(ctx, nw_mann_whitney(ctx, high, 20, low, 20, &r));
    assert_true(r.is_exact);
    check_near(r.p * 137846528820., 1, 1e-12);
    nw_close(ctx);
}

static void test_ranktest__exact_of_unequal_sizes(void **state)
{
    double x[20], y[18];
    nw_ctx *ctx = nw_open(NULL);
    nw_ranktest r;

    (void)state;
    for (int i = 0; i < 20; i++)
        x[i] = i * 7 % 23 + .25;
    for (int i = 0; i < 18; i++)
        y[i] = i * 5 % 19 - .5 + i * 1e-3;
    check_ok(ctx, nw_mann_whitney(ctx, x, 20, y, 18, &r));
    check_near(r.u, 228, 0);
    check_near(r.p, 0.08340241363763558, 1e-14);
    nw_close(ctx);
}

static void test_ranktest__ties_and_continuity(void **state)
{
    const double a[] = {1, 2, 2, 3, 5, 5, 8}, b[] = {1, 1, 2, 4, 5};
    double x[30], y[25];
    nw_ctx *ctx = nw_open(NULL);
    nw_ranktest r;

    (void)state;
    check_ok(ctx, nw_mann_whitney(ctx, a, N(a), b, N(b), &r));
    check_near(r.u, 23, 0);
    check_near(r.p, 0.2033857722995222, 1e-14);
    assert_false(r.is_exact);
    for (int i = 0; i < 30; i++)
        x[i] = i * 37 % 101 + .5 * (i % 7);
    for (int i = 0; i < 25; i++)
        y[i] = i * 53 % 97;
    check_ok(ctx, nw_mann_whitney(ctx, x, 30, y, 25, &r));
    check_near(r.u, 428.5, 0);
    check_near(r.p, 0.1851412518035706, 1e-14);
    nw_close(ctx);
}

static void test_ranktest__large_samples(void **state)
{
    double x[100], y[100];
    nw_ctx *ctx = nw_open(NULL);
    nw_ranktest r;

    (void)state;
    for (int i = 0; i < 100; i++)
        x[i] = i, y[i] = i - 20.5;
    check_ok(ctx, nw_mann_whitney(ctx, x, 100, y, 100, &r));
    check_near(r.a12, .684, 1e-15);
    check_near(r.p, 3.4848152004374444e-06, 1e-18);
    nw_close(ctx);
}

static void test_ranktest__nothing_to_tell(void **state)
{
    const double same[] = {1, 1, 1};
    nw_ctx *ctx = nw_open(NULL);
    nw_ranktest r;

    (void)state;
    check_ok(ctx, nw_mann_whitney(ctx, same, 3, same, 2, &r));
    check_near(r.a12, .5, 0);
    check_near(r.p, 1, 0);
    check_ok(ctx, nw_mann_whitney(ctx, same, 0, same, 2, &r));
    assert_true(isnan(r.p) && isnan(r.a12));
    nw_close(ctx);
}

/* A run that failed loses against any other. */
static void test_ranktest__failures_lose(void **state)
{
    const double a[] = {NAN, 2, NAN}, b[] = {1, NAN};
    double rank[3];
    nw_ctx *ctx = nw_open(NULL);
    nw_ranktest r;

    (void)state;
    check_ok(ctx, nw_mann_whitney(ctx, a, 3, b, 2, &r));
    check_near(r.u, 2 + .5 + .5, 0); /* 2 wins twice, each NaN ties with the other's */
    check_ok(ctx, nw_midranks(ctx, a, 3, rank));
    check_near(rank[0], 1.5, 0);
    check_near(rank[1], 3, 0);
    check_near(rank[2], 1.5, 0);
    nw_close(ctx);
}

/* Three tests at .01, .04, .03: 3 x .01, 2 x .03, and .04 may not fall below .06. */
static void test_ranktest__holm(void **state)
{
    const double p[] = {.01, NAN, .04, .03}, large[] = {.9, .6};
    double q[4];
    nw_ctx *ctx = nw_open(NULL);

    (void)state;
    check_ok(ctx, nw_holm(ctx, p, 4, q));
    check_near(q[0], .03, 1e-15);
    assert_true(isnan(q[1]));
    check_near(q[2], .06, 1e-15);
    check_near(q[3], .06, 1e-15);
    check_ok(ctx, nw_holm(ctx, large, 2, q));
    check_near(q[0], 1, 0);
    check_near(q[1], 1, 0);
    nw_close(ctx);
}

/* Three rivals in two blocks: ranks 1, 2, 3 and 2.5, 1, 2.5. */
static void test_ranktest__average_ranks(void **state)
{
    const double x[] = {9, 4, 8, 6, 7, 4};
    double rank[3];
    nw_ctx *ctx = nw_open(NULL);

    (void)state;
    check_ok(ctx, nw_average_ranks(ctx, x, 3, 2, rank));
    check_near(rank[0], 1.75, 1e-15);
    check_near(rank[1], 1.5, 1e-15);
    check_near(rank[2], 2.75, 1e-15);
    nw_close(ctx);
}

/* As numpy.quantile and numpy.std(ddof=1) have it; NaN is left out. */
static void test_ranktest__quantiles(void **state)
{
    double x[] = {3, NAN, 1, 2, 10}, none[] = {NAN};

    (void)state;
    assert_int_equal(nw_known(x, 5), 4);
    check_near(nw_mean(x, 5), 4, 0);
    check_near(nw_deviation(x, 5), 4.08248290463863, 1e-14);
    nw_sort(x, 5);
    check_near(nw_quantile(x, 5, 0), 1, 0);
    check_near(nw_quantile(x, 5, .25), 1.75, 0);
    check_near(nw_quantile(x, 5, .5), 2.5, 0);
    check_near(nw_quantile(x, 5, .9), 7.9, 1e-14);
    check_near(nw_quantile(x, 5, 1), 10, 0);
    assert_true(isnan(nw_mean(none, 1)) && isnan(nw_quantile(none, 1, .5)));
    assert_true(isnan(nw_deviation(x, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranktest__published_example),
        cmocka_unit_test(test_ranktest__by_hand),
        cmocka_unit_test(test_ranktest__far_tail_is_exact),
        cmocka_unit_test(test_ranktest__exact_of_unequal_sizes),
        cmocka_unit_test(test_ranktest__ties_and_continuity),
        cmocka_unit_test(test_ranktest__large_samples),
        cmocka_unit_test(test_ranktest__nothing_to_tell),
        cmocka_unit_test(test_ranktest__failures_lose),
        cmocka_unit_test(test_ranktest__holm),
        cmocka_unit_test(test_ranktest__average_ranks),
        cmocka_unit_test(test_ranktest__quantiles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
