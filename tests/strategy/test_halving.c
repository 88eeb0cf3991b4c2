/* test_halving.c - hyperband and asha: the sizes and fidelities of their papers, who is
 * promoted, what becomes of failures, and which trial a search names at the end. */
#include "yardstick.h"

#include "rungs.h"

#include <string.h>

/* ---- Ladders --------------------------------------------------------------------- */

static void check_ladder(int eta, double min_fidelity, int n, const double *want)
{
    double fidelity[NW_MOST_RUNGS];

    assert_int_equal(nw_rungs(eta, min_fidelity, fidelity), n);
    for (int k = 0; k < n; k++)
        check_near(fidelity[k], want[k], 1e-12);
    assert_true(fidelity[n - 1] == 1);
}

static void test_halving__ladders_end_at_the_whole_effort(void **state)
{
    (void)state;
    check_ladder(3, 1 / 81., 5, (double[]){1 / 81., 1 / 27., 1 / 9., 1 / 3., 1});
    check_ladder(3, .1, 3, (double[]){.1, .3, 1});
    check_ladder(4, .1, 3, (double[]){.1, .4, 1});
    check_ladder(16, .06, 2, (double[]){.06, 1});
    check_ladder(4, 1, 1, (double[]){1});
}

/* ---- Hyperband ------------------------------------------------------------------- */

static double sum_of(const int *x, int n, int id)
{
    double sum = 0;

    (void)id;
    for (int i = 0; i < n; i++)
        sum += (i + 1) * x[i];
    return sum;
}

static double never(const int *x, int n, int id)
{
    (void)x, (void)n, (void)id;
    return NAN;
}

static double only_each_fourth(const int *x, int n, int id)
{
    return id % 4 ? NAN : sum_of(x, n, id);
}

/* Trials first .. first + n - 1 are of one fidelity. */
static void check_rung(const struct steered *s, int first, int n, double fidelity)
{
    for (int i = first; i < first + n; i++)
        check_near(s->trial[i].fidelity, fidelity, 1e-12);
}

/* Algorithm 1 of the paper for R = 81, eta = 3. */
static void test_halving__hyperband_has_the_papers_brackets(void **state)
{
    static const int n[5][6] = {
        {81, 27, 9, 3, 1}, {34, 11, 3, 1}, {15, 5, 1}, {8, 2}, {5}};
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(
        yard_space(ctx), "hyperband eta=3 min_fidelity=0.012345679012345678 rounds=1", 1);
    int at = 0;

    (void)state;
    steered_run(s, sum_of, 1000, 1, 0);
    for (int b = 0; b < 5; b++)
        for (int i = 0; n[b][i]; i++) {
            check_rung(s, at, n[b][i], pow(3, b + i) / 81);
            at += n[b][i];
        }
    assert_int_equal(s->observed, at);
    steered_close(s);
    nw_close(ctx);
}

static int is_among(const struct steered *s, const int *x, int first, int n)
{
    int y[YARD_DECISIONS];

    for (int i = first; i < first + n; i++) {
        steered_code(s, i, y);
        if (!memcmp(x, y, sizeof(y)))
            return 1;
    }
    return 0;
}

/* 9 archs, of which 3 go on: each of those is at least as good as each that does not. */
static void test_halving__hyperband_promotes_the_best(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), "hyperband brackets=1 rounds=1", 3);
    int x[YARD_DECISIONS];
    double worst = INFINITY;

    (void)state;
    assert_int_equal(steered_run(s, sum_of, 100, 9, 0), 9 + 3 + 1);
    for (int i = 9; i < 12; i++) {
        steered_code(s, i, x);
        assert_true(is_among(s, x, 0, 9));
        worst = fmin(worst, sum_of(x, YARD_DECISIONS, 0));
    }
    for (int i = 0; i < 9; i++) {
        steered_code(s, i, x);
        assert_true(is_among(s, x, 9, 3) || sum_of(x, YARD_DECISIONS, 0) <= worst);
    }
    steered_close(s);
    nw_close(ctx);
}

static void test_halving__hyperband_waits_at_the_end_of_a_rung(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), "hyperband rounds=1", 1);

    (void)state;
    for (int i = 0; i < 9; i++)
        assert_int_equal(steered_propose(s, NULL), NW_OK);
    assert_int_equal(steered_propose(s, NULL), NW_MORE);
    for (int i = 0; i < 9; i++)
        steered_observe(s, i);
    assert_int_equal(steered_propose(s, NULL), NW_OK);
    check_near(s->trial[9].fidelity, .3, 1e-12);
    steered_close(s);
    nw_close(ctx);
}

/* Only successes go on: 2 of the 9 are left, where 3 would fit, and so 0 after them. */
static void test_halving__hyperband_survives_failures(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), "hyperband brackets=1 rounds=1", 1);

    (void)state;
    assert_int_equal(steered_run(s, only_each_fourth, 100, 1, 0), 9 + 2);
    steered_close(s);
    s = steered_open(yard_space(ctx), "hyperband rounds=2", 1);
    assert_int_equal(steered_run(s, never, 100, 1, 0), 2 * (9 + 5 + 3));
    steered_close(s);
    nw_close(ctx);
}

/* ---- ASHA ------------------------------------------------------------------------ */

/* One step by hand: the proposal is of that fidelity, and is trial `same` again (0 = a
 * new arch). */
static void step(struct steered *s, double fidelity, int same, double quality)
{
    int x[YARD_DECISIONS], y[YARD_DECISIONS];

    assert_int_equal(steered_propose(s, x), NW_OK);
    check_near(s->trial[s->proposed - 1].fidelity, fidelity, 1e-12);
    if (same) {
        steered_code(s, same - 1, y);
        assert_memory_equal(x, y, sizeof(x));
    }
    steered_observe(s, quality);
}

static void test_halving__asha_promotes_by_the_rule(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), "asha eta=2 min_fidelity=0.25", 1);

    (void)state;
    step(s, .25, 0, .1);  /* trial 1                                             */
    step(s, .25, 0, .5);  /* trial 2                                             */
    step(s, .5, 2, .6);   /* trial 3: one of two may go on, the better           */
    step(s, .25, 0, .3);  /* trial 4: of three still one, which has gone         */
    step(s, .25, 0, .4);  /* trial 5                                             */
    step(s, .5, 5, .7);   /* trial 6: the second of four                         */
    step(s, 1, 5, .2);    /* trial 7: the better of two on the second rung       */
    step(s, .25, 0, .9);  /* trial 8: nothing to promote: 5 and 2 results        */
    step(s, .5, 8, NAN);  /* trial 9: among the best two of five; it fails       */
    step(s, .25, 0, NAN); /* trial 10: one of three on the second rung has gone */
    step(s, .25, 0, NAN); /* trial 11: 8, 2 and 5 are the best three of six     */
    step(s, .25, 0, .8);  /* trial 12: still three, of seven                    */
    step(s, .5, 12, .65); /* trial 13: the best four of eight are 8, 12, 2, 5   */
    step(s, 1, 12, .1);   /* trial 14: .7 and .65 are the best two of four      */
    step(s, .25, 0, 1);   /* trial 15                                           */
    steered_close(s);
    nw_close(ctx);
}

/* With many under way nobody is promoted twice to a rung. */
static void test_halving__asha_never_promotes_twice(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), "asha eta=2 min_fidelity=.125", 1);
    int promoted = 0;

    (void)state;
    steered_run(s, sum_of, 300, 7, 0);
    for (int i = 0; i < 300; i++)
        for (int j = 0; j < i; j++) {
            int x[YARD_DECISIONS], y[YARD_DECISIONS];

            steered_code(s, i, x);
            steered_code(s, j, y);
            if (memcmp(x, y, sizeof(x)))
                continue;
            promoted++;
            assert_true(s->trial[i].fidelity > s->trial[j].fidelity);
        }
    assert_true(promoted > 100);
    steered_close(s);
    nw_close(ctx);
}

static double effort_at(const struct steered *s, double least)
{
    double sum = 0;

    for (int i = 0; i < s->observed; i++)
        sum += s->trial[i].fidelity >= least ? s->trial[i].fidelity : 0;
    return sum;
}

/* Two ladders of equal effort: the second begins at .4. */
static void test_halving__asha_shares_effort_among_brackets(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *one = steered_open(yard_space(ctx), "asha", 1);
    struct steered *two = steered_open(yard_space(ctx), "asha brackets=2", 1);

    (void)state;
    steered_run(one, sum_of, 200, 1, 0);
    steered_run(two, sum_of, 200, 1, 0);
    assert_true(effort_at(two, .3) / effort_at(two, 0) >
                effort_at(one, .3) / effort_at(one, 0) + .05);
    steered_close(one);
    steered_close(two);
    nw_close(ctx);
}

/* 8 archs: 8 + 4 + 2, or fewer if failures leave nobody to promote. */
static void test_halving__asha_ends_after_its_archs(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s =
        steered_open(yard_space(ctx), "asha eta=2 min_fidelity=.25 trials=8", 1);

    (void)state;
    assert_int_equal(steered_run(s, sum_of, 100, 3, 0), 14);
    steered_close(s);
    s = steered_open(yard_space(ctx), "asha eta=2 min_fidelity=.25 trials=8", 1);
    assert_int_equal(steered_run(s, never, 100, 3, 0), 8);
    steered_close(s);
    nw_close(ctx);
}

/* ---- Both ------------------------------------------------------------------------ */

static void test_halving__resumed_as_undisturbed(void **state)
{
    (void)state;
    steered_check_resume("hyperband", sum_of, 80, 1);
    steered_check_resume("hyperband", only_each_fourth, 80, 4);
    steered_check_resume("asha brackets=2", sum_of, 80, 1);
    steered_check_resume("asha brackets=2", only_each_fourth, 80, 4);
}

/* A space of two archs: they are drawn again and again. */
static void test_halving__small_spaces_go_on(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *space = steered_space(ctx, 1, (int[]){2}, NULL);

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct steered *s = steered_open(space, i ? "asha" : "hyperband", 1);

        assert_int_equal(steered_run(s, sum_of, 100, 1, 0), 100);
        steered_close(s);
    }
    nw_close(ctx);
}

static void test_halving__better_than_random_at_equal_effort(void **state)
{
    (void)state;
    yard_check_better("hyperband min_fidelity=0.037037037", 60);
    yard_check_better("asha min_fidelity=0.0625", 60);
}

/* ---- The search names a trial of the highest fidelity ----------------------------- */

struct seen {
    double fullest, most; /* of all trials: fidelity, and quality there */
    double any;           /* the best quality of any fidelity           */
};

static int see(void *user, const nw_trial *trial)
{
    struct seen *s = user;
    const double q = trial->score.quality;

    if (trial->fidelity > s->fullest) {
        s->fullest = trial->fidelity;
        s->most = -INFINITY;
    }
    if (trial->fidelity == s->fullest)
        s->most = fmax(s->most, q);
    s->any = fmax(s->any, q);
    return 0;
}

static nw_space *widths(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 1, 8, 8);

    x = nw_one_of(s, "a", nw_op(s, "conv2d out=4 k=3", x), nw_op(s, "conv2d out=4", x));
    x = nw_op(s, "batchnorm | relu", x);
    nw_output(s, nw_op(s, "globalpool | dense out=4", x));
    return s;
}

/* Eight examples are soon known by heart, so the validation loss grows with the effort:
 * a mixture of fidelities would name one of the lowest. */
static void check_net_of_the_fullest(int jobs)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_data *data = nw_data_open(ctx, "planted n=64 size=8");
    struct seen seen = {.any = -INFINITY};
    nw_search_config config = {.strategy = "asha eta=2 min_fidelity=0.25",
                               .estimator = "train epochs=64 batch=8 lr=0.1",
                               .objective = "loss",
                               .train = nw_data_slice(data, 1, 0, 8),
                               .valid = nw_data_slice(data, 1, 16, 48),
                               .max_trials = 14,
                               .seed = 2,
                               .jobs = jobs,
                               .on_trial = see,
                               .user = &seen};
    nw_arch *best = NULL;
    nw_net *net = NULL;
    nw_score score, again;

    check_ok(ctx, nw_search(widths(ctx), &config, &best, &net, &score));
    assert_true(seen.fullest == 1);
    assert_true(seen.any > seen.most);
    assert_true(score.quality == seen.most);
    check_ok(ctx, nw_net_score(net, config.valid, 48, &again));
    assert_true(again.accuracy == score.accuracy);
    check_near(again.loss, score.loss, 1e-6 * fabs(score.loss));
    nw_close(ctx);
}

static void test_halving__the_net_is_that_of_the_fullest_trial(void **state)
{
    (void)state;
    check_net_of_the_fullest(0);
    check_net_of_the_fullest(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_halving__ladders_end_at_the_whole_effort),
        cmocka_unit_test(test_halving__hyperband_has_the_papers_brackets),
        cmocka_unit_test(test_halving__hyperband_promotes_the_best),
        cmocka_unit_test(test_halving__hyperband_waits_at_the_end_of_a_rung),
        cmocka_unit_test(test_halving__hyperband_survives_failures),
        cmocka_unit_test(test_halving__asha_promotes_by_the_rule),
        cmocka_unit_test(test_halving__asha_never_promotes_twice),
        cmocka_unit_test(test_halving__asha_shares_effort_among_brackets),
        cmocka_unit_test(test_halving__asha_ends_after_its_archs),
        cmocka_unit_test(test_halving__resumed_as_undisturbed),
        cmocka_unit_test(test_halving__small_spaces_go_on),
        cmocka_unit_test(test_halving__better_than_random_at_equal_effort),
        cmocka_unit_test(test_halving__the_net_is_that_of_the_fullest_trial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
