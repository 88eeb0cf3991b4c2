/* test_counts.c - every number of tests/space/counts. */
#include "table.h"

#include <math.h>
#include <time.h>

struct tally {
    nw_ctx *ctx;
    int wrong;
    double slowest;
    char slowest_spec[1024];
};

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void complain(struct tally *t, const count_row *row, const char *words)
{
    t->wrong++;
    print_error("%s:%d: %s: %s\n", row->file, row->line, row->spec, words);
}

static void compare(struct tally *t, const count_row *row, const char *what, double is,
                    const char *expected)
{
    char words[800];

    if (!strcmp(expected, "-") || strtod(expected, NULL) == is)
        return;
    snprintf(words, sizeof(words), "%.0f %s, not %s", is, what, expected);
    complain(t, row, words);
}

static void count_net(void *user, const count_row *row)
{
    struct tally *t = user;
    const double start = seconds();
    nw_space *space = nw_space_open_net(t->ctx, row->spec, row->input, 0);
    nw_arch *arch = space ? nw_arch_new(t->ctx, space) : NULL;
    nw_score score;

    if (!arch || nw_arch_cost(arch, &score) < 0) {
        complain(t, row, nw_errmsg(t->ctx));
        return;
    }
    compare(t, row, "parameters", score.params, row->a);
    compare(t, row, "MACs", score.macs, row->b);
    if (seconds() - start > t->slowest) {
        t->slowest = seconds() - start;
        snprintf(t->slowest_spec, sizeof(t->slowest_spec), "%s", row->spec);
    }
    nw_arch_free(arch);
    nw_space_free(space);
}

static void test_counts__networks_have_their_parameters_and_macs(void **state)
{
    struct tally t = {.ctx = *state};
    int n = each_row("net", count_net, &t);

    print_message("%d networks; the slowest took %.0f ms: %s\n", n, 1000 * t.slowest,
                  t.slowest_spec);
    assert_true(n > 0);
    assert_int_equal(t.wrong, 0);
}

static void count_space(void *user, const count_row *row)
{
    struct tally *t = user;
    nw_space *space = nw_space_open(t->ctx, row->spec, row->input, 0);
    const char *count = space ? nw_space_count(space) : NULL;
    char words[1600];

    if (!count) {
        complain(t, row, nw_errmsg(t->ctx));
        return;
    }
    snprintf(words, sizeof(words), "%s architectures, not %s", count, row->a);
    if (strcmp(count, row->a))
        complain(t, row, words);
    nw_space_free(space);
}

static void test_counts__spaces_have_their_size(void **state)
{
    struct tally t = {.ctx = *state};

    assert_true(each_row("space", count_space, &t) > 0);
    assert_int_equal(t.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_counts__networks_have_their_parameters_and_macs, open_context,
            close_context),
        cmocka_unit_test_setup_teardown(test_counts__spaces_have_their_size, open_context,
                                        close_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
