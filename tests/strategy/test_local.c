/* test_local.c - the climb: one decision at a time, upwards, nothing twice, to the end.
 */
#include "steered.h"

#include <string.h>

enum { N = 4, ALL = 3 * 4 * 2 * 5 };
static const int options[N] = {3, 4, 2, 5};

static int number(const int *x)
{
    return x[0] + 3 * (x[1] + 4 * (x[2] + 2 * x[3]));
}

static int distance(const int *a, const int *b)
{
    int n = 0;

    for (int i = 0; i < N; i++)
        n += a[i] != b[i];
    return n;
}

/* One hill whose top is 2 3 1 4. */
static double hill(const int *x, int n, int id)
{
    double total = 0;

    (void)id;
    for (int i = 0; i < n; i++)
        total += x[i];
    return total;
}

/* No two are equal, and hills are many; some trials fail. */
static double rough(const int *x, int n, int id)
{
    (void)n;
    (void)id;
    return number(x) % 11 == 3 ? NAN : nw_uniform(5, NW_FOR_TEST, (uint64_t)number(x));
}

/* Where a climb may stand, from what its trials show alone: numbers of architectures,
 * each with its quality if it is known. */
struct watcher {
    char can_stand[ALL], is_known[ALL];
    double quality[ALL];
};

static int are_neighbours(int a, int b)
{
    const int x[N] = {a % 3, a / 3 % 4, a / 12 % 2, a / 24},
              y[N] = {b % 3, b / 3 % 4, b / 12 % 2, b / 24};

    return distance(x, y) == 1;
}

/* It may go on to a better neighbour that it knows. */
static void climb_on(struct watcher *w)
{
    for (int more = 1; more;) {
        more = 0;
        for (int a = 0; a < ALL; a++)
            for (int b = 0; b < ALL; b++)
                if (w->can_stand[a] && w->is_known[b] && !w->can_stand[b] &&
                    are_neighbours(a, b) && w->quality[b] > w->quality[a])
                    w->can_stand[b] = (char)(more = 1);
    }
}

/* It may stand on a top: all neighbours are known and none is better. */
static int may_be_over(const struct watcher *w)
{
    for (int a = 0; a < ALL; a++) {
        int top = w->can_stand[a];

        for (int b = 0; top && b < ALL; b++)
            if (are_neighbours(a, b))
                top = w->is_known[b] && !(w->quality[b] > w->quality[a]);
        if (top)
            return 1;
    }
    return 0;
}

/* The next proposal is a neighbour of where it may stand, or it may be over and a climb
 * begins here. */
static void watch(struct watcher *w, int x, int is_first)
{
    int is_step = 0, is_start;

    climb_on(w);
    for (int a = 0; a < ALL; a++)
        is_step |= w->can_stand[a] && are_neighbours(a, x);
    is_start = is_first || may_be_over(w);
    assert_true(is_step || is_start);
    if (!is_step)
        memset(w->can_stand, 0, sizeof(w->can_stand));
    if (is_start)
        w->can_stand[x] = 1;
}

static void check_climb(uint64_t seed)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(steered_space(ctx, N, options, NULL), "local", seed);
    struct watcher w = {0};
    int x[N], n = 0;

    while (steered_propose(s, x) == NW_OK) {
        const double q = rough(x, N, ++n);

        assert_false(w.is_known[number(x)]);
        watch(&w, number(x), n == 1);
        w.is_known[number(x)] = 1;
        w.quality[number(x)] = isnan(q) ? -INFINITY : q;
        steered_observe(s, q);
    }
    assert_int_equal(n, ALL);
    nw_close(ctx);
}

static void test_local__takes_every_architecture_once(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++)
        check_climb(seed);
}

/* From anywhere up the only hill: each of the 10 steps that are needed at most looks at
 * no more than the 10 neighbours. */
static void test_local__reaches_the_top_of_a_hill(void **state)
{
    static const char *const specs[] = {"local", "local best=all"};

    (void)state;
    for (int k = 0; k < 2; k++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            nw_ctx *ctx = nw_open(NULL);
            struct steered *s =
                steered_open(steered_space(ctx, N, options, NULL), specs[k], seed);
            int x[N], top = 0;

            while (!top && steered_propose(s, x) == NW_OK) {
                steered_observe(s, hill(x, N, 0));
                top = hill(x, N, 0) == 10;
            }
            assert_true(top && s->observed <= 1 + 4 * 10);
            nw_close(ctx);
        }
}

/* All neighbours of the start come first; then those of the best of them. */
static void test_local__steepest_ascent_looks_at_all_first(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s =
        steered_open(steered_space(ctx, N, options, NULL), "local best=all", 4);
    int start[N], x[N], best[N] = {0};
    double most = -1;

    (void)state;
    steered_propose(s, start);
    steered_observe(s, rough(start, N, 1));
    for (int i = 0; i < 2 + 3 + 1 + 4; i++) {
        assert_int_equal(steered_propose(s, x), NW_OK);
        assert_int_equal(distance(start, x), 1);
        steered_observe(s, rough(x, N, 1));
        if (rough(x, N, 1) > most) {
            most = rough(x, N, 1);
            memcpy(best, x, sizeof(best));
        }
    }
    assert_true(most > rough(start, N, 1)); /* with this seed */
    assert_int_equal(steered_propose(s, x), NW_OK);
    assert_int_equal(distance(best, x), 1);
    nw_close(ctx);
}

/* The first better one is the place to stand at once. */
static void test_local__first_improvement_moves_on(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(steered_space(ctx, N, options, NULL), "local", 4);
    int before[N], x[N];

    (void)state;
    steered_propose(s, before);
    steered_observe(s, 0);
    for (int i = 1; i < 12; i++) { /* every trial is better than the last */
        assert_int_equal(steered_propose(s, x), NW_OK);
        assert_int_equal(distance(before, x), 1);
        steered_observe(s, i);
        memcpy(before, x, sizeof(x));
    }
    nw_close(ctx);
}

/* Equal neighbours are no step: after all of them a climb begins elsewhere. */
static void test_local__a_plain_is_no_hill(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(steered_space(ctx, N, options, NULL), "local", 4);
    int start[N], x[N];

    (void)state;
    steered_propose(s, start);
    steered_observe(s, 1);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(steered_propose(s, x), NW_OK);
        assert_int_equal(distance(start, x), 1);
        steered_observe(s, 1);
    }
    assert_int_equal(steered_propose(s, x), NW_OK);
    assert_true(distance(start, x) > 1);
    nw_close(ctx);
}

static void test_local__waits_for_the_start_and_for_the_last(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(steered_space(ctx, N, options, NULL), "local", 4);

    (void)state;
    assert_int_equal(steered_propose(s, NULL), NW_OK);
    assert_int_equal(steered_propose(s, NULL), NW_MORE);
    steered_observe(s, 1);
    for (int i = 0; i < 10; i++)
        assert_int_equal(steered_propose(s, NULL), NW_OK);
    assert_int_equal(steered_propose(s, NULL), NW_MORE);
    for (int i = 0; i < 10; i++)
        steered_observe(s, 0);
    assert_int_equal(steered_propose(s, NULL), NW_OK);
    nw_close(ctx);
}

static int small_only(void *code, const nw_arch *arch)
{
    int x[N];

    nw_code_read(code, arch, x);
    return x[0] + x[1] + x[2] + x[3] <= 4;
}

/* The search ends when all within them are known, with any number under way. */
static void test_local__limits_are_kept(void **state)
{
    int expected = 0;

    (void)state;
    for (int i = 0; i < ALL; i++)
        expected += i % 3 + i / 3 % 4 + i / 12 % 2 + i / 24 <= 4;
    for (int ahead = 1; ahead < 20; ahead += 6) {
        nw_ctx *ctx = nw_open(NULL);
        struct steered *s =
            steered_open(steered_space(ctx, N, options, NULL), "local", 4);

        s->env.allows = small_only;
        s->env.loop = s->code;
        steered_resume(s);
        assert_int_equal(steered_run(s, rough, 1000, ahead, 0), expected);
        nw_close(ctx);
    }
}

static void test_local__resumed_is_the_same(void **state)
{
    (void)state;
    steered_check_resume("local", rough, 1000, 1);
    steered_check_resume("local", rough, 1000, 5);
    steered_check_resume("local best=all", rough, 1000, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local__takes_every_architecture_once),
        cmocka_unit_test(test_local__reaches_the_top_of_a_hill),
        cmocka_unit_test(test_local__steepest_ascent_looks_at_all_first),
        cmocka_unit_test(test_local__first_improvement_moves_on),
        cmocka_unit_test(test_local__a_plain_is_no_hill),
        cmocka_unit_test(test_local__waits_for_the_start_and_for_the_last),
        cmocka_unit_test(test_local__limits_are_kept),
        cmocka_unit_test(test_local__resumed_is_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
