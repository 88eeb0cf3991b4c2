/* test_amoebanet.c - who becomes a parent, who dies, and what a child differs in. */
#include "steered.h"

#include <string.h>

enum { N = 6, MANY = 4000 };
static const int options[N] = {5, 5, 5, 5, 5, 5};

static struct steered *opened(nw_ctx *ctx, const char *spec)
{
    return steered_open(steered_space(ctx, N, options, NULL), spec, 3);
}

/* Proposes and observes as many trials. */
static void fill(struct steered *s, const double *quality, int n)
{
    for (int i = 0; i < n; i++) {
        assert_int_equal(steered_propose(s, NULL), NW_OK);
        steered_observe(s, quality[i]);
    }
}

/* Index of the first of n trials with the decisions of trial i; -1 = none. */
static int twin_of(const struct steered *s, int i, int n)
{
    int a[N], b[N];

    steered_code(s, i, a);
    for (int j = 0; j < n; j++) {
        steered_code(s, j, b);
        if (!memcmp(a, b, sizeof(a)))
            return j;
    }
    return -1;
}

static int distance(const struct steered *s, int i, int j)
{
    int a[64], b[64], differ = 0;

    steered_code(s, i, a);
    steered_code(s, j, b);
    for (int k = 0; k < s->code->n; k++)
        differ += a[k] != b[k];
    return differ;
}

/* Children that are copies tell who was the parent. With replacement, of four the best
 * wins a tournament of two with probability 1 - (3/4)^2, the next with (3/4)^2 - (2/4)^2
 * and so on. */
static void test_amoebanet__tournament_is_with_replacement(void **state)
{
    static const double quality[4] = {.3, .9, .1, .5}, share[4] = {3, 7, 1, 5};
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = opened(ctx, "amoebanet population=4 sample=2 identity=1");
    int won[4] = {0};

    (void)state;
    fill(s, quality, 4);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(steered_propose(s, NULL), NW_OK);
        won[twin_of(s, 4 + i, 4)]++;
    }
    for (int i = 0; i < 4; i++)
        check_near(won[i], MANY * share[i] / 16, 4 * sqrt(MANY * share[i] / 16));
    nw_close(ctx);
}

static void test_amoebanet__best_of_a_large_sample_is_the_parent(void **state)
{
    static const double quality[4] = {.3, .1, .9, .5};
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = opened(ctx, "amoebanet population=4 sample=200 identity=0");

    (void)state;
    fill(s, quality, 4);
    for (int i = 4; i < 500; i++) {
        assert_int_equal(steered_propose(s, NULL), NW_OK);
        assert_int_equal(distance(s, i, 2), 1);
    }
    nw_close(ctx);
}

/* The first of three is by far the best and dies nonetheless; its copy did badly. */
static void test_amoebanet__oldest_dies_even_if_best(void **state)
{
    static const double quality[4] = {9, 1, 2, 0};
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = opened(ctx, "amoebanet population=3 sample=100 identity=1");

    (void)state;
    fill(s, quality, 4);
    assert_int_equal(twin_of(s, 3, 3), 0);
    assert_int_equal(steered_propose(s, NULL), NW_OK);
    assert_int_equal(twin_of(s, 4, 3), 2);
    nw_close(ctx);
}

static void test_amoebanet__worst_dies_if_asked(void **state)
{
    static const double quality[5] = {9, 1, 2, 0, 1.5};
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s =
        opened(ctx, "amoebanet population=3 sample=100 identity=1 kill=worst");

    (void)state;
    fill(s, quality, 5);
    for (int i = 3; i < 300; i++) {
        if (i > 4)
            assert_int_equal(steered_propose(s, NULL), NW_OK);
        assert_int_equal(twin_of(s, i, 3), 0);
    }
    nw_close(ctx);
}

/* Of equals the oldest dies: the second, not the third, of population {9, 1, 1}. */
static void test_amoebanet__of_equally_bad_the_oldest_dies(void **state)
{
    static const double quality[4] = {9, 1, 1, 1};
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s =
        opened(ctx, "amoebanet population=3 sample=1 identity=1 kill=worst");
    int met[3] = {0};

    (void)state;
    fill(s, quality, 4);
    for (int i = 4; i < 100; i++) {
        assert_int_equal(steered_propose(s, NULL), NW_OK);
        met[twin_of(s, i, 3)]++;
    }
    assert_int_not_equal(twin_of(s, 3, 3), 1); /* with this seed: no copy of the dead */
    assert_int_equal(met[1], 0);
    assert_true(met[0] > 0 && met[2] > 0);
    nw_close(ctx);
}

static void test_amoebanet__failed_trials_age_but_have_no_children(void **state)
{
    static const double failed[6] = {NAN, .1, NAN, NAN, NAN, NAN};
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = opened(ctx, "amoebanet population=3 sample=100 identity=1");

    (void)state;
    fill(s, failed, 4);
    assert_int_equal(twin_of(s, 3, 3), 1); /* the one that did not fail */
    fill(s, failed, 1);
    assert_int_equal(twin_of(s, 4, 3), 1);
    fill(s, failed + 2, 2); /* nobody is left who did not: the search goes on */
    assert_int_equal(s->observed, 7);
    nw_close(ctx);
}

static void test_amoebanet__waits_when_nobody_lives(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = opened(ctx, "amoebanet population=2");

    (void)state;
    assert_int_equal(steered_propose(s, NULL), NW_OK);
    assert_int_equal(steered_propose(s, NULL), NW_OK);
    assert_int_equal(steered_propose(s, NULL), NW_MORE);
    steered_observe(s, 1);
    assert_int_equal(steered_propose(s, NULL), NW_OK);
    nw_close(ctx);
}

/* ---- Mutations ----------------------------------------------------------------- */

static nw_space *published(nw_ctx *ctx, const char *spec)
{
    nw_space *space = nw_space_open(ctx, spec, (int[3]){3, 32, 32}, 10);

    check_ok(ctx, nw_space_seal(space));
    return space;
}

static void test_amoebanet__half_are_inputs_and_half_are_ops(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *space = published(ctx, "amoebanet");
    struct steered *s =
        steered_open(space, "amoebanet population=1 sample=1 identity=0", 3);
    int changed[64] = {0}, parent[64], x[64];

    (void)state;
    fill(s, (double[]){1}, 1);
    steered_code(s, 0, parent);
    for (int i = 1; i <= MANY; i++) {
        assert_int_equal(steered_propose(s, x), NW_OK);
        assert_true(distance(s, i, 0) <= 1);
        for (int k = 0; k < s->code->n; k++)
            changed[k] += x[k] != parent[k];
    }
    for (int k = 0; k < s->code->n; k++) { /* half / 20 places * another value */
        const double n = s->code->options[k], mean = MANY / 40. * (n - 1) / n;

        check_near(changed[k], mean, 4.5 * sqrt(mean));
    }
    nw_close(ctx);
}

/* A family's order of the two sides is mended. */
static void test_amoebanet__children_are_legal(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(published(ctx, "nasnet ordered=0 combiner=choose"),
                                     "amoebanet population=5 sample=2", 3);

    (void)state;
    fill(s, (double[]){1, 2, 3, 4, 5}, 5);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(steered_propose(s, NULL), NW_OK); /* checks that it is legal */
    nw_close(ctx);
}

/* One edge of NAS-Bench-201 takes another op. */
static void test_amoebanet__elsewhere_one_decision_moves(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(published(ctx, "nasbench201"),
                                     "amoebanet population=1 sample=1 identity=0", 3);
    int changed[6] = {0}, parent[6], x[6];

    (void)state;
    fill(s, (double[]){1}, 1);
    steered_code(s, 0, parent);
    for (int i = 1; i <= MANY; i++) {
        assert_int_equal(steered_propose(s, x), NW_OK);
        assert_int_equal(distance(s, i, 0), 1);
        for (int k = 0; k < 6; k++)
            changed[k] += x[k] != parent[k];
    }
    for (int k = 0; k < 6; k++)
        check_near(changed[k], MANY / 6., 4.5 * sqrt(MANY / 6.));
    nw_close(ctx);
}

/* ---- Whole searches ------------------------------------------------------------ */

static double sum(const int *x, int n, int id)
{
    double total = 0;

    for (int i = 0; i < n; i++)
        total += x[i];
    return id % 9 ? total : NAN;
}

/* Mean over the trials from `from` to `to` that did not fail. */
static double mean(const struct steered *s, int from, int to)
{
    double total = 0;
    int n = 0;

    for (int i = from; i < to; i++)
        if (!isnan(s->trial[i].score.quality)) {
            total += s->trial[i].score.quality;
            n++;
        }
    return total / n;
}

static double best(const struct steered *s)
{
    double most = -INFINITY;

    for (int i = 0; i < s->observed; i++)
        most = fmax(most, s->trial[i].score.quality);
    return most;
}

/* Of at most 24; at random it is 12. */
static void test_amoebanet__climbs(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = opened(ctx, "amoebanet population=20 sample=20");

    (void)state;
    steered_run(s, sum, 1000, 1, 0);
    assert_true(mean(s, 0, 20) < 15);
    assert_true(mean(s, 900, 1000) >
                20); /* a child of the best loses 2.5 if it is worse */
    assert_true(best(s) == 24);
    nw_close(ctx);
}

static int first_two_are_small(void *code, const nw_arch *arch)
{
    int x[N];

    nw_code_read(code, arch, x);
    return x[0] + x[1] <= 4;
}

/* Every proposal is checked to be within them; the best that can be is 20. */
static void test_amoebanet__limits_are_kept(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = opened(ctx, "amoebanet population=20 sample=20");

    (void)state;
    s->env.allows = first_two_are_small;
    s->env.loop = s->code;
    steered_resume(s);
    steered_run(s, sum, 1000, 1, 0);
    assert_true(mean(s, 900, 1000) > 16);
    assert_true(best(s) == 20);
    nw_close(ctx);
}

static void test_amoebanet__resumed_is_the_same(void **state)
{
    (void)state;
    steered_check_resume("amoebanet population=10 sample=3", sum, 200, 1);
    steered_check_resume("amoebanet population=10 sample=3", sum, 200, 4);
    steered_check_resume("amoebanet population=10 sample=3 kill=worst", sum, 200, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amoebanet__tournament_is_with_replacement),
        cmocka_unit_test(test_amoebanet__best_of_a_large_sample_is_the_parent),
        cmocka_unit_test(test_amoebanet__oldest_dies_even_if_best),
        cmocka_unit_test(test_amoebanet__worst_dies_if_asked),
        cmocka_unit_test(test_amoebanet__of_equally_bad_the_oldest_dies),
        cmocka_unit_test(test_amoebanet__failed_trials_age_but_have_no_children),
        cmocka_unit_test(test_amoebanet__waits_when_nobody_lives),
        cmocka_unit_test(test_amoebanet__half_are_inputs_and_half_are_ops),
        cmocka_unit_test(test_amoebanet__children_are_legal),
        cmocka_unit_test(test_amoebanet__elsewhere_one_decision_moves),
        cmocka_unit_test(test_amoebanet__climbs),
        cmocka_unit_test(test_amoebanet__limits_are_kept),
        cmocka_unit_test(test_amoebanet__resumed_is_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
