/* test_shared.c - made once, gone with the last user. */
#include "check.h"
#include "shared.h"

static int destroyed;

static void destroy(void *object)
{
    (void)object;
    destroyed++;
}

static void test_shared__goes_with_the_last(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    const size_t before = nw_held_bytes(ctx);
    int *a, *b;

    (void)state;
    destroyed = 0;
    assert_null(nw_shared_find(ctx, "a", 1));
    a = nw_shared_new(ctx, "a", 1, sizeof(*a), destroy);
    b = nw_shared_new(ctx, "ab", 2, sizeof(*b), destroy);
    assert_int_equal(*a, 0);
    assert_ptr_equal(nw_shared_find(ctx, "a", 1), a);
    nw_shared_leave(ctx, a);
    assert_int_equal(destroyed, 0);
    nw_shared_leave(ctx, a);
    assert_int_equal(destroyed, 1);
    assert_null(nw_shared_find(ctx, "a", 1));
    assert_ptr_equal(nw_shared_find(ctx, "ab", 2), b);
    nw_shared_leave(ctx, b);
    nw_shared_leave(ctx, b);
    nw_shared_leave(ctx, NULL);
    assert_int_equal(destroyed, 2);
    assert_int_equal(nw_held_bytes(ctx), before);
    nw_close(ctx);
}

static void test_shared__goes_with_the_context(void **state)
{
    nw_ctx *ctx = nw_open(NULL);

    (void)state;
    destroyed = 0;
    assert_non_null(nw_shared_new(ctx, "x", 1, 8, destroy));
    nw_close(ctx);
    assert_int_equal(destroyed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared__goes_with_the_last),
        cmocka_unit_test(test_shared__goes_with_the_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
