/* test_genetic.c - the roulette, the mean of estimates, stages that stay whole. */
#include "steered.h"

#include <stdlib.h>
#include <string.h>

enum { N = 9, SEEDS = 700 };
static const int bits[N] = {2, 2, 2, 2, 2, 2, 2, 2, 2},
                 fives[N] = {5, 5, 5, 5, 5, 5, 5, 5, 5};
static const char *const staged[N] = {
    "stage_1_1_to_2",  "stage_1_1_to_3",  "stage_1_2_to_3",
    "stage_2_1_to_2",  "stage_2_1_to_3",  "stage_2_2_to_3",
    "stage_10_1_to_2", "stage_10_1_to_3", "stage_10_2_to_3"};

static struct steered *opened(nw_ctx *ctx, const int *options, const char *const *names,
                              const char *spec, uint64_t seed)
{
    return steered_open(steered_space(ctx, N, options, names), spec, seed);
}

static void generation(struct steered *s, const double *quality, int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(steered_propose(s, NULL), NW_OK);
    for (int i = 0; quality && i < n; i++)
        steered_observe(s, quality[i]);
}

/* Index of the only one of the first n trials with the decisions of trial i; -1 = there
 * is none or not only one. */
static int twin_of(const struct steered *s, int i, int n)
{
    int a[N], b[N], found = -1, twins = 0;

    steered_code(s, i, a);
    for (int j = 0; j < n; j++) {
        steered_code(s, j, b);
        if (memcmp(a, b, sizeof(a)))
            continue;
        found = j;
        twins++;
    }
    return twins == 1 ? found : -1;
}

/* How often each of four is taken, over many seeds, without crossing and mutation. */
static int roulette(const double *quality, int taken[4])
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *space = steered_space(ctx, N, fives, NULL);
    int all = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct steered *s =
            steered_open(space, "genetic-cnn population=4 crossover=0 mutation=0", seed);

        generation(s, quality, 4);
        generation(s, NULL, 4);
        for (int i = 4; i < 8; i++) {
            const int twin = twin_of(s, i, 4);

            assert_true(twin >= 0);
            taken[twin]++;
            all++;
        }
        steered_close(s);
    }
    nw_close(ctx);
    return all;
}

static void test_genetic__roulette_weighs_by_distance_from_the_worst(void **state)
{
    static const double quality[4] = {12, 10, 11, 14}; /* 2, 0, 1, 4 of 7 */
    int taken[4] = {0}, n = roulette(quality, taken);

    (void)state;
    assert_int_equal(taken[1], 0);
    check_near(taken[0], n * 2 / 7., 4 * sqrt(n * 2 / 7.));
    check_near(taken[2], n * 1 / 7., 4 * sqrt(n * 1 / 7.));
    check_near(taken[3], n * 4 / 7., 4 * sqrt(n * 4 / 7.));
}

static void test_genetic__equals_are_taken_uniformly(void **state)
{
    static const double same[4] = {.5, .5, .5, .5}, none[4] = {NAN, NAN, NAN, NAN};
    const double *const quality[2] = {same, none};

    (void)state;
    for (int k = 0; k < 2; k++) {
        int taken[4] = {0}, n = roulette(quality[k], taken);

        for (int i = 0; i < 4; i++)
            check_near(taken[i], n / 4., 4 * sqrt(n / 4.));
    }
}

static void test_genetic__failed_strings_are_not_taken(void **state)
{
    static const double quality[4] = {NAN, 2, 1, NAN};
    int taken[4] = {0}, n = roulette(quality, taken);

    (void)state;
    assert_int_equal(taken[1], n);
}

/* A has 4 at first and B 3; then A has 1 and B twice 2. The means are 2.5 and 2.33, so
 * only A is left, though B was better when last estimated. */
static void test_genetic__estimates_of_a_string_are_averaged(void **state)
{
    static const double first[3] = {4, 3, 0};
    nw_ctx *ctx = nw_open(NULL);
    nw_space *space = steered_space(ctx, N, fives, NULL);
    int checked = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct steered *s =
            steered_open(space, "genetic-cnn population=3 crossover=0 mutation=0", seed);
        double second[3];
        int of_a = 0;

        generation(s, first, 3);
        generation(s, NULL, 3);
        for (int i = 0; i < 3; i++) {
            second[i] = twin_of(s, 3 + i, 3) == 0 ? 1 : 2;
            of_a += second[i] == 1;
        }
        for (int i = 0; i < 3; i++)
            steered_observe(s, second[i]);
        generation(s, NULL, 3);
        for (int i = 6; of_a == 1 && i < 9; i++) {
            assert_int_equal(twin_of(s, i, 3), 0);
            checked++;
        }
        steered_close(s);
    }
    assert_true(checked > 60); /* 3 * 4/7 * (3/7)^2 of 300 are 95 */
    nw_close(ctx);
}

/* ---- Crossover ----------------------------------------------------------------- */

/* Whose part of n decisions it is: bit 0 = a's, bit 1 = b's. */
static int origin(const int *x, const int *a, const int *b, int n)
{
    const size_t size = (size_t)n * sizeof(int);

    return (!memcmp(x, a, size) ? 1 : 0) + (!memcmp(x, b, size) ? 2 : 0);
}

/* Exchanges among the pairs whose parents differ in the stage; *all = how many could be.
 */
static int exchanges(const char *const *names, int length, int *all)
{
    static const double quality[2] = {1, 1};
    nw_ctx *ctx = nw_open(NULL);
    nw_space *space = steered_space(ctx, N, fives, names);
    int exchanged = 0;

    *all = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct steered *s = steered_open(
            space, "genetic-cnn population=2 crossover=1 exchange=0.2 mutation=1", seed);
        int parent[2][N], child[2][N];

        generation(s, quality, 2);
        generation(s, NULL, 2);
        for (int i = 0; i < 2; i++) {
            steered_code(s, i, parent[i]);
            steered_code(s, 2 + i, child[i]);
        }
        for (int at = 0; at < N; at += length) {
            const int one = origin(child[0] + at, parent[0] + at, parent[1] + at, length),
                      two = origin(child[1] + at, parent[0] + at, parent[1] + at, length),
                      start = origin(child[0], parent[0], parent[1], length);

            assert_true(one && two); /* whole stages, and no mutation after crossing */
            if (one == 3 || start == 3 || one == two)
                continue;
            *all += at > 0;
            exchanged += one != start;
        }
        steered_close(s);
    }
    nw_close(ctx);
    return exchanged;
}

/* A stage lies otherwise than the first with probability 2 * .2 * .8. */
static void test_genetic__stages_are_exchanged_whole(void **state)
{
    int all, n = exchanges(staged, 3, &all);

    (void)state;
    assert_true(all > SEEDS / 2);
    check_near(n, .32 * all, 4 * sqrt(.32 * .68 * all));
}

static void test_genetic__elsewhere_every_decision_is_a_stage(void **state)
{
    int all, n = exchanges(NULL, 1, &all);

    (void)state;
    assert_true(all > SEEDS);
    check_near(n, .32 * all, 4 * sqrt(.32 * .68 * all));
}

/* ---- Mutation ------------------------------------------------------------------ */

/* Share of decisions that change in a step without crossing. */
static double changed(const int *options, const char *spec)
{
    enum { P = 500 };
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = opened(ctx, options, NULL, spec, 1);
    int a[N], b[N], n = 0;

    generation(s, NULL, P);
    steered_observe(s,
                    2); /* the ancestor of all: the second is the worst, the rest fail */
    steered_observe(s, 1);
    for (int i = 2; i < P; i++)
        steered_observe(s, NAN);
    generation(s, NULL, P);
    steered_code(s, 0, a);
    for (int i = P; i < 2 * P; i++) {
        steered_code(s, i, b);
        for (int k = 0; k < N; k++)
            n += a[k] != b[k];
    }
    nw_close(ctx);
    return n / (double)(P * N);
}

static void test_genetic__bits_flip_at_their_rate(void **state)
{
    const double sd = sqrt(.05 / 4500);

    (void)state;
    check_near(changed(bits, "genetic-cnn population=500 crossover=0 mutation=1"), .05,
               4 * sd);
    check_near(changed(fives, "genetic-cnn population=500 crossover=0 mutation=1"), .05,
               4 * sd);
    check_near(changed(bits, "genetic-cnn population=500 crossover=0"), .04, 5 * sd);
    assert_true(changed(bits, "genetic-cnn population=500 crossover=1") == 0);
}

/* ---- Generations --------------------------------------------------------------- */

static void test_genetic__waits_for_a_generation_and_ends_after_the_last(void **state)
{
    static const double quality[3] = {1, 2, 3};
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s =
        opened(ctx, bits, staged, "genetic-cnn population=3 generations=1", 1);

    (void)state;
    generation(s, NULL, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(steered_propose(s, NULL), NW_MORE);
        steered_observe(s, quality[i]);
    }
    generation(s, quality, 3);
    assert_int_equal(steered_propose(s, NULL), NW_DONE);
    nw_close(ctx);
}

static double sum(const int *x, int n, int id)
{
    double total = 0;

    for (int i = 0; i < n; i++)
        total += x[i];
    return id % 9 ? total : NAN;
}

static int even(void *code, const nw_arch *arch)
{
    int x[N], total = 0;

    nw_code_read(code, arch, x);
    for (int i = 0; i < N; i++)
        total += x[i];
    return total % 2 == 0;
}

/* Every proposal is checked to be within them. */
static void test_genetic__limits_are_kept_and_the_population_rises(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = opened(ctx, fives, NULL, "genetic-cnn generations=40", 1);
    double first = 0, last = 0;

    (void)state;
    s->env.allows = even;
    s->env.loop = s->code;
    steered_resume(s);
    assert_int_equal(steered_run(s, sum, 2000, 1, 0), 41 * 20);
    for (int i = 0; i < 20; i++) {
        first += isnan(s->trial[i].score.quality) ? 18 : s->trial[i].score.quality;
        last +=
            isnan(s->trial[800 + i].score.quality) ? 18 : s->trial[800 + i].score.quality;
    }
    assert_true(last > first + 100); /* by 5 of at most 18 */
    nw_close(ctx);
}

static void test_genetic__resumed_is_the_same(void **state)
{
    (void)state;
    steered_check_resume("genetic-cnn population=6", sum, 150, 1);
    steered_check_resume("genetic-cnn population=6", sum, 150, 4);
    steered_check_resume("genetic-cnn population=7 generations=9", sum, 150, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_genetic__roulette_weighs_by_distance_from_the_worst),
        cmocka_unit_test(test_genetic__equals_are_taken_uniformly),
        cmocka_unit_test(test_genetic__failed_strings_are_not_taken),
        cmocka_unit_test(test_genetic__estimates_of_a_string_are_averaged),
        cmocka_unit_test(test_genetic__stages_are_exchanged_whole),
        cmocka_unit_test(test_genetic__elsewhere_every_decision_is_a_stage),
        cmocka_unit_test(test_genetic__bits_flip_at_their_rate),
        cmocka_unit_test(test_genetic__waits_for_a_generation_and_ends_after_the_last),
        cmocka_unit_test(test_genetic__limits_are_kept_and_the_population_rises),
        cmocka_unit_test(test_genetic__resumed_is_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
