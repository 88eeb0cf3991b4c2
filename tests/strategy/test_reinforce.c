/* test_reinforce.c - gradients against finite differences, baselines by hand, a hidden
 * string found. */
#include "driven.h"

enum { MACRO = 24 }; /* logits of nasbench_macro: 8 decisions of 3 */

static const int hidden[] = {2, 0, 1, 1, 2, 0, 2, 1};

/* Share of the decisions that are those of the hidden string. */
static double share(const struct driven *d, const int *x)
{
    int right = 0;

    for (int i = 0; i < d->code->n; i++)
        right += x[i] == hidden[i];
    return (double)right / d->code->n;
}

/* Every third trial fails. */
static double brittle(const struct driven *d, const int *x)
{
    return d->done % 3 == 2 ? NAN : share(d, x);
}

static double failing(const struct driven *d, const int *x)
{
    (void)d;
    (void)x;
    return NAN;
}

struct sink {
    double *out;
    int field;
};

static nw_status take_first(nw_state *state, void *data, size_t size)
{
    struct sink *s = state->self;

    if (s->field++ == 0) {
        assert_true(size >= MACRO * sizeof(double));
        memcpy(s->out, data, MACRO * sizeof(double));
    }
    return NW_OK;
}

static void logits_of(const struct driven *d, double out[MACRO])
{
    struct sink sink = {.out = out};
    nw_state state = {.self = &sink, .bytes = take_first};

    check_ok(d->ctx, d->type->state(d->self, &state));
}

static double log_sum(const double *logit)
{
    return log(exp(logit[0]) + exp(logit[1]) + exp(logit[2]));
}

static double log_p(const double *logit, const int *x)
{
    double sum = 0;

    for (int i = 0; i < 8; i++)
        sum += logit[3 * i + x[i]] - log_sum(logit + 3 * i);
    return sum;
}

static double entropy_of(const double *logit)
{
    double sum = 0;

    for (int i = 0; i < MACRO; i++) {
        const double l = logit[i] - log_sum(logit + i / 3 * 3);

        sum -= exp(l) * l;
    }
    return sum;
}

/* -A log p(x) - beta H */
static double loss(const double *logit, const int *x, double advantage, double beta)
{
    return -advantage * log_p(logit, x) - beta * entropy_of(logit);
}

static double slope(double *logit, int i, const int *x, double advantage, double beta)
{
    const double h = 1e-5, at = logit[i];
    double above, below;

    logit[i] = at + h;
    above = loss(logit, x, advantage, beta);
    logit[i] = at - h;
    below = loss(logit, x, advantage, beta);
    logit[i] = at;
    return (above - below) / (2 * h);
}

/* Without moments and with eps=1 a step is -g / (|g| + 1). */
static double gradient(double before, double after)
{
    const double step = before - after;

    return step / (1 - fabs(step));
}

/* With momentum=0 the baseline is the reward before. */
static void check_gradients(const char *spec, double beta)
{
    double before[MACRO], after[MACRO], q = 0, last;
    struct driven d;

    driven_open(&d, spec, "nasbench-macro", 5);
    for (int round = 0; round < 20; round++) {
        last = q;
        logits_of(&d, before);
        driven_step(&d, 1, share, &q);
        logits_of(&d, after);
        for (int i = 0; i < MACRO; i++)
            check_near(gradient(before[i], after[i]),
                       slope(before, i, d.x, round ? q - last : 0, beta), 1e-8);
    }
    driven_close(&d);
}

static void test_reinforce__gradient_is_that_of_log_p(void **state)
{
    (void)state;
    check_gradients("reinforce lr=1 eps=1 beta1=0 beta2=0 momentum=0", 0);
}

static void test_reinforce__entropy_has_the_gradient_of_entropy(void **state)
{
    (void)state;
    check_gradients("reinforce lr=1 eps=1 beta1=0 beta2=0 momentum=0 entropy=.3", .3);
}

/* Advantages of given rewards, one decision looked at. */
static double rewards[] = {.5, .8, .2, .6};

static double listed(const struct driven *d, const int *x)
{
    (void)x;
    return rewards[d->done % 4];
}

static double p_of_first(const double *logit)
{
    return exp(logit[0] - log_sum(logit));
}

static void check_advantages(const char *spec, const double *want)
{
    double before[MACRO], after[MACRO], q;
    struct driven d;

    driven_open(&d, spec, "nasbench-macro", 1);
    for (int i = 0; i < 4; i++) {
        logits_of(&d, before);
        driven_step(&d, 1, listed, &q);
        logits_of(&d, after);
        check_near(gradient(before[0], after[0]),
                   want[i] * (p_of_first(before) - (d.x[0] == 0)), 1e-12);
    }
    driven_close(&d);
}

static void test_reinforce__baseline_starts_at_the_first_reward(void **state)
{
    /* b = .5, .5, .53 = .9 .5 + .1 .8, .497 = .9 .53 + .1 .2 */
    static const double want[] = {0, .8 - .5, .2 - .53, .6 - .497};

    (void)state;
    check_advantages("reinforce lr=1 eps=1 beta1=0 beta2=0", want);
}

static void test_reinforce__baseline_is_corrected_for_the_start(void **state)
{
    /* num = .05, .125, .1325, .17925; den = .1, .19, .271, .3439 */
    static const double want[] = {0, .8 - .125 / .19, .2 - .1325 / .271,
                                  .6 - .17925 / .3439};

    (void)state;
    check_advantages("reinforce lr=1 eps=1 beta1=0 beta2=0 baseline=corrected", want);
}

static void test_reinforce__batch_is_one_step_of_the_mean(void **state)
{
    double before[MACRO], after[MACRO], sum[MACRO] = {0}, q = 0, first = 0;
    struct driven d;

    (void)state;
    driven_open(&d, "reinforce lr=1 eps=1 beta1=0 beta2=0 momentum=1 batch=5",
                "nasbench-macro", 2);
    logits_of(&d, before);
    for (int i = 0; i < 5; i++) {
        logits_of(&d, after);
        assert_memory_equal(after, before, sizeof(after)); /* not before the fifth */
        driven_step(&d, 1, share, &q);
        first = i ? first : q;
        for (int k = 0; k < MACRO; k++)
            sum[k] += slope(before, k, d.x, q - first, 0) / 5;
    }
    logits_of(&d, after);
    for (int k = 0; k < MACRO; k++)
        check_near(gradient(before[k], after[k]), sum[k], 1e-8);
    driven_close(&d);
}

static void test_reinforce__finds_a_hidden_string(void **state)
{
    double last = 0, q = 0;
    struct driven d;

    (void)state;
    driven_open(&d, "reinforce", "nasbench-macro", 1);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(driven_step(&d, 1, share, &q), NW_OK);
        last += i >= 1900 ? q / 100 : 0;
    }
    assert_true(last >= .95);
    driven_close(&d);
}

static void test_reinforce__learns_from_what_is_observed_late(void **state)
{
    double last = 0, q = 0;
    struct driven d;

    (void)state;
    driven_open(&d, "reinforce", "nasbench-macro", 1);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(driven_step(&d, DRIVEN_AHEAD, share, &q), NW_OK);
        last += i >= 1900 ? q / 100 : 0;
    }
    assert_true(last >= .95);
    driven_close(&d);
}

static void test_reinforce__failed_trials_are_the_worst(void **state)
{
    double before[MACRO], after[MACRO], q = 0, last = 0;
    struct driven d;

    (void)state;
    driven_open(&d, "reinforce", "nasbench-macro", 1);
    for (int i = 0; i < 3; i++) /* nothing is known, nothing is learned */
        driven_step(&d, 1, failing, &q);
    logits_of(&d, after);
    memset(before, 0, sizeof(before));
    assert_memory_equal(after, before, sizeof(after));
    driven_step(&d, 1, share, &q);
    driven_step(&d, 1, share, &q);
    logits_of(&d, before);
    driven_step(&d, 1, failing, &q);
    logits_of(&d, after);
    assert_true(memcmp(before, after, sizeof(before)) != 0);
    for (int i = 0; i < 3000; i++) {
        driven_step(&d, 1, brittle, &q);
        last += i >= 2900 && !isnan(q) ? q / 67 : 0;
    }
    assert_true(last >= .9);
    driven_close(&d);
}

static void test_reinforce__goes_on_where_it_was(void **state)
{
    (void)state;
    check_revival("reinforce", "nasbench-macro", 1, 60, share);
    check_revival("reinforce batch=7 entropy=.01 baseline=corrected", "nasbench-macro",
                  DRIVEN_AHEAD, 60, brittle);
}

static double depth(const struct driven *d, const int *x)
{
    int n = 0;

    while (n < d->code->n && x[n])
        n++;
    return n;
}

/* Chains of metaqnn are nearly all against the rules when drawn decision by decision;
 * what is proposed is never. */
static void test_reinforce__proposes_what_is_legal(void **state)
{
    double q;
    struct driven d;

    (void)state;
    driven_open(&d, "reinforce lr=.1", "metaqnn limit=4 size=8 widths=8 fc=16", 1);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(driven_propose(&d), NW_OK);
        check_ok(d.ctx, nw_arch_check(d.flight[0].arch));
        q = driven_observe(&d, depth);
        assert_true(q >= 0);
    }
    driven_close(&d);
}

static int first_is_one(void *loop, const nw_arch *arch)
{
    (void)loop;
    return nw_arch_option(arch, 0) == 1;
}

/* Also when the policy has come to draw nothing of the kind. */
static void test_reinforce__proposes_what_is_within_limits(void **state)
{
    double q = 0;
    struct driven d;

    (void)state;
    driven_open(&d, "reinforce", "nasbench-macro", 1);
    for (int i = 0; i < 1000; i++)
        driven_step(&d, 1, share, &q); /* hidden[0] is 2 */
    d.env.allows = first_is_one;
    driven_revive(&d, "reinforce");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(driven_step(&d, 1, share, &q), NW_OK);
        assert_int_equal(d.x[0], 1);
    }
    driven_close(&d);
}

static void test_reinforce__wrong_baseline_is_refused(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *space = nw_space_open(ctx, "nasbench-macro", (const int[3]){0}, 0);
    nw_search_config config = {.strategy = "reinforce baseline=last",
                               .estimator = "train"};

    (void)state;
    config.train = config.valid = nw_data_open(ctx, "planted n=32 size=8");
    assert_int_equal(nw_search(space, &config, NULL, NULL, NULL), NW_ESPEC);
    assert_non_null(strstr(nw_errmsg(ctx), "first or corrected"));
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reinforce__gradient_is_that_of_log_p),
        cmocka_unit_test(test_reinforce__entropy_has_the_gradient_of_entropy),
        cmocka_unit_test(test_reinforce__baseline_starts_at_the_first_reward),
        cmocka_unit_test(test_reinforce__baseline_is_corrected_for_the_start),
        cmocka_unit_test(test_reinforce__batch_is_one_step_of_the_mean),
        cmocka_unit_test(test_reinforce__finds_a_hidden_string),
        cmocka_unit_test(test_reinforce__learns_from_what_is_observed_late),
        cmocka_unit_test(test_reinforce__failed_trials_are_the_worst),
        cmocka_unit_test(test_reinforce__goes_on_where_it_was),
        cmocka_unit_test(test_reinforce__proposes_what_is_legal),
        cmocka_unit_test(test_reinforce__proposes_what_is_within_limits),
        cmocka_unit_test(test_reinforce__wrong_baseline_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
