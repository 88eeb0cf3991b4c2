/* test_listing.c - random search without repetition, and the grid: each arch once. */
#include "steered.h"

#include <stdlib.h>
#include <string.h>

enum { ALL = 3 * 4 * 2 * 5 };
static const int options[] = {3, 4, 2, 5};

static double zero(const int *x, int n, int id)
{
    (void)x;
    (void)n;
    return id % 7 ? 0 : NAN;
}

static int number(const int *x)
{
    return x[0] + 3 * (x[1] + 4 * (x[2] + 2 * x[3]));
}

/* Number of every trial, after a run to the end. */
static int run(const char *spec, uint64_t seed, int (*allows)(void *, const nw_arch *),
               int *numbers)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(steered_space(ctx, 4, options, NULL), spec, seed);
    int n, x[4];

    s->env.allows = allows;
    s->env.loop = s->code;
    if (allows) /* again, now that it has the limits */
        steered_resume(s);
    n = steered_run(s, zero, 2 * ALL, 1, 0);
    for (int i = 0; i < n; i++) {
        steered_code(s, i, x);
        numbers[i] = number(x);
    }
    assert_int_equal(steered_propose(s, NULL), NW_DONE);
    nw_close(ctx);
    return n;
}

static void check_each_once(const int *numbers, int n)
{
    char met[ALL] = {0};

    assert_int_equal(n, ALL);
    for (int i = 0; i < n; i++) {
        assert_false(met[numbers[i]]);
        met[numbers[i]] = 1;
    }
}

static void test_random__unique_ends_when_the_space_does(void **state)
{
    int numbers[2 * ALL];

    (void)state;
    check_each_once(numbers, run("random unique=1", 5, NULL, numbers));
}

/* Of the last trials, too, every one is as likely in every place. */
static void test_random__unique_is_uniform(void **state)
{
    enum { RUNS = 400 };
    int numbers[2 * ALL], last[2] = {0}, first[2] = {0};

    (void)state;
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        run("random unique=1", seed, NULL, numbers);
        first[numbers[0] < ALL / 2]++;
        last[numbers[ALL - 1] < ALL / 2]++;
    }
    check_near(first[1], RUNS / 2, 50); /* 5 standard deviations */
    check_near(last[1], RUNS / 2, 50);
}

static void test_random__repeats_unless_told_not_to(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(steered_space(ctx, 4, options, NULL), "random", 5);

    (void)state;
    assert_int_equal(steered_run(s, zero, 2 * ALL, 1, 0), 2 * ALL);
    nw_close(ctx);
}

static void test_grid__first_is_the_odometer(void **state)
{
    int numbers[2 * ALL];

    (void)state;
    assert_int_equal(run("grid", 5, NULL, numbers), ALL);
    for (int i = 0; i < ALL; i++)
        assert_int_equal(numbers[i], i);
}

static void test_grid__shuffled_is_another_order_for_every_seed(void **state)
{
    int a[2 * ALL], b[2 * ALL], places = 0;

    (void)state;
    check_each_once(a, run("grid order=shuffled", 5, NULL, a));
    check_each_once(b, run("grid order=shuffled", 6, NULL, b));
    for (int i = 0; i < ALL; i++)
        places += a[i] == b[i];
    assert_true(places < 10); /* one is expected */
}

/* The decisions sum up to 4 at most. */
static int small_only(void *code, const nw_arch *arch)
{
    int x[4];

    nw_code_read(code, arch, x);
    return x[0] + x[1] + x[2] + x[3] <= 4;
}

static void test_listing__limits_are_kept(void **state)
{
    static const char *const specs[] = {"grid", "grid order=shuffled", "random unique=1"};
    int expected = 0, numbers[2 * ALL];

    (void)state;
    for (int i = 0; i < ALL; i++)
        expected += i % 3 + i / 3 % 4 + i / 12 % 2 + i / 24 <= 4;
    for (int i = 0; i < 3; i++)
        assert_int_equal(run(specs[i], 5, small_only, numbers), expected);
}

/* Families forbid vectors; the grid has as many archs as the space counts. */
static void test_grid__passes_over_what_a_family_forbids(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *space =
        nw_space_open(ctx, "pnas blocks=1 ordered=0", (int[3]){3, 32, 32}, 10);
    struct steered *s;

    (void)state;
    check_ok(ctx, nw_space_seal(space));
    s = steered_open(space, "grid", 1);
    assert_int_equal(steered_run(s, zero, 1000, 1, 0), 136); /* 16 * 17 / 2 */
    assert_string_equal(nw_space_count(space), "136");
    nw_close(ctx);
}

static void test_listing__resumed_is_the_same(void **state)
{
    (void)state;
    steered_check_resume("grid", zero, 100, 1);
    steered_check_resume("grid order=shuffled", zero, 400, 3);
    steered_check_resume("random unique=1", zero, 400, 1);
    steered_check_resume("random unique=1", zero, 100, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random__unique_ends_when_the_space_does),
        cmocka_unit_test(test_random__unique_is_uniform),
        cmocka_unit_test(test_random__repeats_unless_told_not_to),
        cmocka_unit_test(test_grid__first_is_the_odometer),
        cmocka_unit_test(test_grid__shuffled_is_another_order_for_every_seed),
        cmocka_unit_test(test_listing__limits_are_kept),
        cmocka_unit_test(test_grid__passes_over_what_a_family_forbids),
        cmocka_unit_test(test_listing__resumed_is_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
