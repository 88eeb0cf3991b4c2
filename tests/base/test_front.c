/* Fronts against values found by hand, and against the definition on random points. */
#include "check.h"
#include "front.h"
#include "random.h"

#include <stdlib.h>

#define POINTS(loss, m) (&(nw_points){loss, sizeof(loss) / sizeof(double) / (m), m})

/* (1,5) (2,3) (4,1) | (3,4) (5,2) | (5,5); (2,3) twice. */
static const double seven[] = {4, 1, 3, 4, 2, 3, 5, 5, 1, 5, 5, 2, 2, 3};

static void test_front__rank(void **state)
{
    static const int want[] = {0, 1, 0, 2, 0, 1, 0};
    nw_ctx *ctx = nw_open(NULL);
    int rank[7];

    (void)state;
    check_ok(ctx, nw_front_rank(ctx, POINTS(seven, 2), rank));
    assert_memory_equal(rank, want, sizeof(want));
    nw_close(ctx);
}

static void test_front__nan_is_last(void **state)
{
    static const double loss[] = {NAN, 0, 1, 1, 2, 2, 0, NAN, INFINITY, 3};
    static const int want[] = {3, 0, 1, 3, 2};
    nw_ctx *ctx = nw_open(NULL);
    double distance[5], reference[] = {3, 3}, volume;
    int rank[5];

    (void)state;
    check_ok(ctx, nw_front_rank(ctx, POINTS(loss, 2), rank));
    assert_memory_equal(rank, want, sizeof(want));
    check_ok(ctx, nw_front_crowding(ctx, POINTS(loss, 2), rank, distance));
    assert_true(distance[0] == 0 && distance[3] == 0 && isinf(distance[1]));
    check_ok(ctx, nw_front_volume(ctx, POINTS(loss, 2), reference, &volume));
    check_near(volume, 4, 0);
    nw_close(ctx);
}

/* Of the first front (1,5) (2,3) (4,1): (2,3) has (4-1)/3 + (5-1)/4 = 2. */
static void test_front__crowding(void **state)
{
    static const int rank[] = {0, 1, 0, 2, 0, 1, 0};
    nw_ctx *ctx = nw_open(NULL);
    double distance[7];

    (void)state;
    check_ok(ctx, nw_front_crowding(ctx, POINTS(seven, 2), rank, distance));
    for (int i = 0; i < 7; i++) {
        if (i == 2 || i == 6)
            check_near(distance[i], i == 2 ? 2 : 0, 1e-15);
        else
            assert_true(isinf(distance[i]));
    }
    nw_close(ctx);
}

/* Front 0: both ends, the middle, its copy; front 1: two ends. */
static void test_front__select(void **state)
{
    static const size_t want[] = {0, 4, 2, 6, 1, 5, 3};
    nw_ctx *ctx = nw_open(NULL);
    size_t kept[7];

    (void)state;
    for (size_t k = 0; k <= 7; k++) {
        check_ok(ctx, nw_front_select(ctx, POINTS(seven, 2), k, kept));
        assert_memory_equal(kept, want, k * sizeof(*kept));
    }
    check_ok(ctx, nw_front_select(ctx, POINTS(seven, 2), 100, kept));
    assert_memory_equal(kept, want, sizeof(want));
    nw_close(ctx);
}

/* Below (6,6): (1,5) 5, then (2,3) 8, then (4,1) 4. */
static void test_front__volume_of_two(void **state)
{
    static const double outside[] = {7, 0, 0, 6};
    nw_ctx *ctx = nw_open(NULL);
    double volume, reference[] = {6, 6};

    (void)state;
    check_ok(ctx, nw_front_volume(ctx, POINTS(seven, 2), reference, &volume));
    check_near(volume, 17, 0);
    check_ok(ctx, nw_front_volume(ctx, POINTS(outside, 2), reference, &volume));
    check_near(volume, 0, 0);
    nw_close(ctx);
}

/* Boxes of sides (3,1,1), (1,3,1), (1,1,3): each adds two units to the common one. */
static void test_front__volume_of_three_and_five(void **state)
{
    static const double three[] = {1, 3, 3, 3, 1, 3, 3, 3, 1, 3, 3, 3};
    static const double five[] = {2, 2, 2, 2, 3, 3, 3, 3, 3, 1, 3, 3, 3, 3, 2};
    static const double one[] = {3, 2, 5};
    const double reference[] = {4, 4, 4, 4, 4};
    nw_ctx *ctx = nw_open(NULL);
    double volume;

    (void)state;
    check_ok(ctx, nw_front_volume(ctx, POINTS(three, 3), reference, &volume));
    check_near(volume, 7, 1e-12);
    check_ok(ctx, nw_front_volume(ctx, POINTS(five, 5), reference, &volume));
    check_near(volume, 16 + 3 - 1, 1e-12);
    check_ok(ctx, nw_front_volume(ctx, POINTS(one, 1), reference, &volume));
    check_near(volume, 2, 0);
    nw_close(ctx);
}

/* ---- Against the definition ------------------------------------------------------- */

enum { MANY = 200 };

/* Numbers from a small grid, so that ties and copies come up. */
static void draw(double *loss, int m, uint64_t seed)
{
    for (int i = 0; i < MANY * m; i++)
        loss[i] = (double)nw_below(seed, NW_FOR_TEST, (uint64_t)i, 8);
}

static int dominates(const double *a, const double *b, int m)
{
    int better = 0;

    for (int k = 0; k < m; k++) {
        if (a[k] > b[k])
            return 0;
        better |= a[k] < b[k];
    }
    return better;
}

/* The rank of a point is one more than the largest of those that dominate it. */
static void check_ranks(const double *loss, const int *rank, int m)
{
    for (int i = 0; i < MANY; i++) {
        int largest = -1;

        for (int j = 0; j < MANY; j++)
            if (dominates(loss + j * m, loss + i * m, m) && rank[j] > largest)
                largest = rank[j];
        assert_int_equal(rank[i], largest + 1);
    }
}

/* Unit cells of the grid below (8, 8, ...) that some point dominates. */
static double count_cells(const double *loss, int m)
{
    int cells = 1, found = 0;

    for (int k = 0; k < m; k++)
        cells *= 8;
    for (int c = 0; c < cells; c++) {
        int covered = 0;

        for (int i = 0; i < MANY && !covered; i++) {
            int rest = c;

            covered = 1;
            for (int k = 0; k < m; k++, rest /= 8)
                covered &= loss[i * m + k] <= rest % 8;
        }
        found += covered;
    }
    return found;
}

static void test_front__random_points(void **state)
{
    static const double reference[] = {8, 8, 8, 8, 8};
    nw_ctx *ctx = nw_open(NULL);
    double loss[5 * MANY], volume;
    int rank[MANY];

    (void)state;
    for (int m = 1; m <= 5; m++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            const nw_points points = {loss, MANY, m};

            draw(loss, m, seed * 10 + (uint64_t)m);
            check_ok(ctx, nw_front_rank(ctx, &points, rank));
            check_ranks(loss, rank, m);
            check_ok(ctx, nw_front_volume(ctx, &points, reference, &volume));
            check_near(volume, count_cells(loss, m), 1e-9);
        }
    nw_close(ctx);
}

/* 100,000 points of two losses are a moment's work; the fronts are nested. */
static void test_front__many(void **state)
{
    enum { N = 100000 };
    nw_ctx *ctx = nw_open(NULL);
    double *loss = nw_alloc(ctx, 2 * N * sizeof(*loss));
    int *rank = nw_alloc(ctx, N * sizeof(*rank));

    (void)state;
    for (int i = 0; i < N; i++) {
        loss[2 * i] = i % 1000 + i / 1000;
        loss[2 * i + 1] = 999 - i % 1000 + i / 1000;
    }
    check_ok(ctx, nw_front_rank(ctx, &(nw_points){loss, N, 2}, rank));
    for (int i = 0; i < N; i++)
        assert_int_equal(rank[i], i / 1000);
    nw_close(ctx);
}

static void test_front__nothing_and_nonsense(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    double volume = 1, reference[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};

    (void)state;
    check_ok(ctx, nw_front_select(ctx, &(nw_points){NULL, 0, 2}, 3, NULL));
    check_ok(ctx, nw_front_volume(ctx, &(nw_points){NULL, 0, 2}, reference, &volume));
    check_near(volume, 0, 0);
    assert_int_equal(nw_front_rank(ctx, &(nw_points){NULL, 0, 0}, NULL), NW_EINVAL);
    assert_int_equal(nw_front_volume(ctx, &(nw_points){NULL, 0, 9}, reference, &volume),
                     NW_EINVAL);
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_front__rank),
        cmocka_unit_test(test_front__nan_is_last),
        cmocka_unit_test(test_front__crowding),
        cmocka_unit_test(test_front__select),
        cmocka_unit_test(test_front__volume_of_two),
        cmocka_unit_test(test_front__volume_of_three_and_five),
        cmocka_unit_test(test_front__random_points),
        cmocka_unit_test(test_front__many),
        cmocka_unit_test(test_front__nothing_and_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
