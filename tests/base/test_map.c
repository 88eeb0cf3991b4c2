/*
 * test_map.c - large blocks: aligned to huge pages, advised to the system for all their
 * length, zero, and given back.
 *
 * What the system makes of the advice depends on its memory of the moment; the share of
 * huge pages is printed, not asserted.
 */
#include "../check.h"

#include "ctx.h"

#include <stdlib.h>
#include <string.h>

enum { HUGE_PAGE = 2 << 20, SIZE = 5 * HUGE_PAGE / 2 + 12345 };

struct mapping {
    int is_advised;
    long huge_kb, all_kb;
};

/* The line of /proc/self/smaps that begins a mapping: "7f..-7f.. rw-p ...". */
static int is_start(const char *line, uintptr_t *from, uintptr_t *to)
{
    unsigned long a, b;

    if (sscanf(line, "%lx-%lx ", &a, &b) != 2)
        return 0;
    *from = a, *to = b;
    return 1;
}

/* Of the mapping that holds the byte; 0 = it is not to be found. */
static int look_up(const void *byte, struct mapping *out)
{
    FILE *in = fopen("/proc/self/smaps", "r");
    uintptr_t at = (uintptr_t)byte, from, to;
    char line[512];
    int here = 0, found = 0;

    memset(out, 0, sizeof(*out));
    while (in && fgets(line, sizeof(line), in)) {
        if (is_start(line, &from, &to))
            here = at >= from && at < to;
        found |= here;
        if (here && !strncmp(line, "AnonHugePages:", 14))
            out->huge_kb = atol(line + 14);
        if (here && !strncmp(line, "Rss:", 4))
            out->all_kb = atol(line + 4);
        if (here && !strncmp(line, "VmFlags:", 8))
            out->is_advised = strstr(line, " hg") != NULL;
    }
    if (in)
        fclose(in);
    return found;
}

static int has_huge_pages(void)
{
    FILE *in = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    char line[128] = "";

    if (in) {
        if (!fgets(line, sizeof(line), in))
            line[0] = 0;
        fclose(in);
    }
    return line[0] && !strstr(line, "[never]");
}

static void test_map__is_advised_whole(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    char *block = nw_map(ctx, SIZE);
    struct mapping first, last;

    (void)state;
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % HUGE_PAGE, 0);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(block[i], 0);
    memset(block, 1, SIZE);
    if (!has_huge_pages() || !look_up(block, &first)) {
        nw_close(ctx);
        skip();
    }
    assert_true(look_up(block + SIZE - 1, &last));
    assert_true(first.is_advised);
    assert_true(last.is_advised);
    print_message("%ld of %ld KB in huge pages\n", first.huge_kb, first.all_kb);
    nw_close(ctx);
}

static void test_map__is_given_back(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    char *block = nw_map(ctx, SIZE);
    struct mapping m;

    (void)state;
    assert_int_equal(nw_held_bytes(ctx), SIZE);
    nw_release(ctx, block);
    assert_int_equal(nw_held_bytes(ctx), 0);
    assert_false(look_up(block, &m));
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map__is_advised_whole),
        cmocka_unit_test(test_map__is_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
