/* test_index.c - numbers of keys, against a list that is looked through. */
#include "check.h"
#include "index.h"
#include "random.h"
#include "study.h"

#include <stdlib.h>

enum { KEYS = 3000, DIFFERENT = 700 };

/* Few different ones, all zeros and all ones among them, high bits alone in some. */
static uint64_t key_of(uint64_t i)
{
    const uint64_t k = nw_below(1, NW_FOR_TEST, i, DIFFERENT);

    return k == 0 ? 0 : k == 1 ? UINT64_MAX : k % 2 ? k << 50 : k * 64;
}

static void test_index__numbers_keys_as_they_come(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_index index = {.ctx = ctx};
    uint64_t list[DIFFERENT];
    int64_t n = 0;

    (void)state;
    assert_int_equal(nw_index_find(&index, 0), NW_INDEX_NONE);
    for (uint64_t i = 0; i < KEYS; i++) {
        const uint64_t key = key_of(i);
        int64_t at = 0;

        while (at < n && list[at] != key)
            at++;
        assert_int_equal(nw_index_find(&index, key), at < n ? at : NW_INDEX_NONE);
        assert_int_equal(nw_index_add(&index, key), at);
        if (at == n)
            list[n++] = key;
    }
    assert_int_equal(index.n, n);
    nw_index_free(&index);
    assert_int_equal(nw_index_find(&index, key_of(0)), NW_INDEX_NONE);
    nw_close(ctx);
}

static void test_index__is_read_as_it_was_written(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_index index = {.ctx = ctx}, other = {.ctx = ctx};

    (void)state;
    for (uint64_t keys = 0; keys <= KEYS; keys += KEYS / 2) {
        nw_blob blob = {.ctx = ctx};
        nw_state writer = nw_blob_writer(&blob), reader;

        for (uint64_t i = 0; i < keys; i++)
            nw_index_add(&index, key_of(i));
        check_ok(ctx, nw_index_state(&index, &writer));
        reader = nw_blob_reader(&blob);
        check_ok(ctx, nw_index_state(&other, &reader));
        assert_int_equal(other.n, index.n);
        for (uint64_t i = 0; i < KEYS; i++)
            assert_int_equal(nw_index_find(&other, key_of(i)),
                             nw_index_find(&index, key_of(i)));
        assert_int_equal(nw_index_add(&other, 12345), index.n);
        nw_blob_free(&blob);
    }
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index__numbers_keys_as_they_come),
        cmocka_unit_test(test_index__is_read_as_it_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
