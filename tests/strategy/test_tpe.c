/* test_tpe.c - Parzen estimators against numbers worked out by hand and by Optuna, and
 * the strategy made of them. */
#include "yardstick.h"

#include "parzen.h"

#include <string.h>

/* ---- Densities ------------------------------------------------------------------- */

static void test_tpe__old_trials_weigh_less(void **state)
{
    (void)state;
    for (int i = 0; i < 25; i++)
        check_near(nw_parzen_weight(i, 25), 1, 0);
    check_near(nw_parzen_weight(0, 26), 1 / 26., 1e-15);
    check_near(nw_parzen_weight(1, 26), 1, 0);
    check_near(nw_parzen_weight(0, 30), 1 / 30., 1e-15);
    check_near(nw_parzen_weight(1, 30), .275, 1e-15);
    check_near(nw_parzen_weight(4, 30), 1, 1e-15);
    check_near(nw_parzen_weight(29, 30), 1, 0);
}

enum { ROWS = 40 };

/* Vectors of two decisions, of 3 and 4 options. */
static void fill(int *x, int *row)
{
    for (int i = 0; i < ROWS; i++) {
        x[2 * i] = i * i % 3;
        x[2 * i + 1] = i * 7 / 2 % 4;
        row[i] = i;
    }
}

/* Observed 0, 0, 1 of three options, prior weight 1: a = 1/4, so the kernel of 0 is
 * (5/7, 1/7, 1/7); the mixture of 2 of it, 1 of that of 1, and 1 uniform, over 4. */
static void test_tpe__marginal_by_hand(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_code *code = nw_code_new(ctx, steered_space(ctx, 1, (int[]){3}, NULL));
    const int x[] = {0, 0, 1}, row[] = {0, 1, 2};
    nw_parzen p = {.code = code, .x = x, .row = row, .n = 3, .prior = 1};
    double l[3];

    (void)state;
    nw_parzen_marginal(&p, 0, l);
    check_near(l[0], (2 * 5 / 7. + 1 / 7. + 1 / 3.) / 4, 1e-15);
    check_near(l[1], (2 * 1 / 7. + 5 / 7. + 1 / 3.) / 4, 1e-15);
    check_near(l[2], (2 * 1 / 7. + 1 / 7. + 1 / 3.) / 4, 1e-15);
    p.n = 0;
    nw_parzen_marginal(&p, 0, l);
    check_near(l[2], 1 / 3., 1e-15);
    nw_close(ctx);
}

/* The same observations in Optuna 5.0.0's _ParzenEstimator. */
static void test_tpe__densities_are_those_of_optuna(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_code *code = nw_code_new(ctx, steered_space(ctx, 2, (int[]){3, 4}, NULL));
    int x[2 * ROWS], row[ROWS];
    nw_parzen p = {.code = code, .x = x, .row = row, .n = ROWS, .prior = 2};
    double l[3];

    (void)state;
    fill(x, row);
    nw_parzen_marginal(&p, 0, l);
    check_near(l[0], 0.34134194985258826, 1e-12);
    check_near(l[1], 0.5993391567859654, 1e-12);
    check_near(l[2], 0.059318893361446544, 1e-12);
    p.prior = 1;
    check_near(nw_parzen_log(&p, (int[]){0, 0}), -2.3959752748446466, 1e-12);
    check_near(nw_parzen_log(&p, (int[]){1, 3}), -1.9216252434771015, 1e-12);
    check_near(nw_parzen_log(&p, (int[]){2, 1}), -4.786687305327027, 1e-12);
    nw_close(ctx);
}

/* Draws come as often as the density says: chi-squared of 12 vectors, 11 degrees of
 * freedom; 31.3 is exceeded once in a thousand times. */
static void test_tpe__draws_follow_the_density(void **state)
{
    enum { DRAWS = 20000 };
    nw_ctx *ctx = nw_open(NULL);
    nw_code *code = nw_code_new(ctx, steered_space(ctx, 2, (int[]){3, 4}, NULL));
    int x[2 * ROWS], row[ROWS], count[3][4] = {{0}}, y[2];
    nw_parzen p = {.code = code, .x = x, .row = row, .n = ROWS, .prior = 1};
    double chi = 0, sum = 0;

    (void)state;
    fill(x, row);
    for (uint64_t i = 0; i < DRAWS; i++) {
        nw_parzen_draw(&p, nw_subseed(1, NW_FOR_TEST, i), y);
        count[y[0]][y[1]]++;
    }
    for (y[0] = 0; y[0] < 3; y[0]++)
        for (y[1] = 0; y[1] < 4; y[1]++) {
            const double want = DRAWS * exp(nw_parzen_log(&p, y));

            sum += want;
            chi += (count[y[0]][y[1]] - want) * (count[y[0]][y[1]] - want) / want;
        }
    check_near(sum, DRAWS, 1e-6);
    assert_true(chi < 31.3);
    nw_close(ctx);
}

/* ---- The strategy ---------------------------------------------------------------- */

/* After ten trials, of which one is good, every decision takes the option with the
 * largest l / g; a thousand candidates miss none. */
static void test_tpe__takes_the_largest_ratio(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(steered_space(ctx, 2, (int[]){4, 5}, NULL),
                                     "tpe candidates=1000", 1);
    int seen[2 * 10], x[2];
    const int good = 3, rest[] = {0, 1, 2, 4, 5, 6, 7, 8, 9};
    nw_parzen l = {.code = s->code, .x = seen, .row = &good, .n = 1, .prior = 1};
    nw_parzen g = {.code = s->code, .x = seen, .row = rest, .n = 9, .prior = 1};

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(steered_propose(s, seen + 2 * i), NW_OK);
        steered_observe(s, i == good);
    }
    assert_int_equal(steered_propose(s, x), NW_OK);
    for (int d = 0; d < 2; d++) {
        double likely[5], unlikely[5];

        nw_parzen_marginal(&l, d, likely);
        nw_parzen_marginal(&g, d, unlikely);
        for (int k = 0; k < 4 + d; k++)
            assert_true(likely[k] / unlikely[k] <= likely[x[d]] / unlikely[x[d]]);
    }
    steered_close(s);
    nw_close(ctx);
}

static int count_zeros(const char *spec, int most)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), spec, 2);
    int x[YARD_DECISIONS], zeros = 0;

    assert_int_equal(steered_run(s, yard_zero_fails, most, 1, 0), most);
    for (int i = most - 50; i < most; i++) {
        steered_code(s, i, x);
        zeros += x[0] == 0;
    }
    steered_close(s);
    nw_close(ctx);
    return zeros;
}

/* Uniform draws would fail 10 times in 50; here no more than half as often. */
static void test_tpe__leaves_what_fails(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), "tpe", 1);

    (void)state;
    assert_true(count_zeros("tpe", 150) <= 5);
    assert_true(count_zeros("tpe multivariate=1", 150) <= 5);
    assert_int_equal(steered_run(s, yard_never, 60, 1, 0), 60);
    steered_close(s);
    nw_close(ctx);
}

/* Of ten proposals on the same results, those that do not know of each other repeat. */
static int count_repeats(const char *spec)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), spec, 1);
    int x[10][YARD_DECISIONS], repeats = 0;

    steered_run(s, yard_trial_worth, 40, 1, 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(steered_propose(s, x[i]), NW_OK);
        for (int j = 0; j < i; j++)
            repeats += !memcmp(x[i], x[j], sizeof(x[i]));
    }
    steered_close(s);
    nw_close(ctx);
    return repeats;
}

static void test_tpe__lies_about_trials_under_way(void **state)
{
    (void)state;
    assert_true(count_repeats("tpe") < count_repeats("tpe constant_liar=0"));
}

static void test_tpe__resumed_as_undisturbed(void **state)
{
    (void)state;
    steered_check_resume("tpe", yard_trial_worth, 60, 1);
    steered_check_resume("tpe", yard_zero_fails, 60, 4);
    steered_check_resume("tpe multivariate=1", yard_trial_worth, 60, 3);
}

static void test_tpe__small_spaces_go_on(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(steered_space(ctx, 1, (int[]){2}, NULL), "tpe", 1);

    (void)state;
    assert_int_equal(steered_run(s, yard_trial_worth, 100, 1, 0), 100);
    steered_close(s);
    nw_close(ctx);
}

static void test_tpe__better_than_random(void **state)
{
    (void)state;
    yard_check_better("tpe", 100);
    yard_check_better("tpe multivariate=1", 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tpe__old_trials_weigh_less),
        cmocka_unit_test(test_tpe__marginal_by_hand),
        cmocka_unit_test(test_tpe__densities_are_those_of_optuna),
        cmocka_unit_test(test_tpe__draws_follow_the_density),
        cmocka_unit_test(test_tpe__takes_the_largest_ratio),
        cmocka_unit_test(test_tpe__leaves_what_fails),
        cmocka_unit_test(test_tpe__lies_about_trials_under_way),
        cmocka_unit_test(test_tpe__resumed_as_undisturbed),
        cmocka_unit_test(test_tpe__small_spaces_go_on),
        cmocka_unit_test(test_tpe__better_than_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
