/* test_check.c - extremes and listings of spaces. */
#include "counting.h"

#include "extremes.h"

#include <math.h>

static const int cifar[3] = {3, 32, 32};

/* Every arch once, as many as the count says, all hard. */
static void test_check__the_odometer_meets_every_arch_once(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = nw_input(s, 2, 4, 4), r = nw_op(s, "relu", x), t = nw_op(s, "tanh", x);
    nw_arch *arch;
    uint64_t seen[2000];
    int n = 0;

    nw_int_of(s, "w", 2, (const int[]){3, 5});
    x = nw_some_of(s, "some", 2, x, r, t, nw_op(s, "sigmoid", r));
    t = nw_op(s, "add", nw_one_of(s, "a", x, r), nw_one_of(s, "b", t, r, x),
              nw_one_of(s, "c", x, t, r, x));
    nw_keep(s, 2, 1, 3, (const char *[]){"a", "b", "c"});
    nw_output(s, nw_op(s, "conv2d out=$w", t));
    arch = nw_arch_new(*state, s);
    assert_non_null(arch);
    nw_arch_first(arch);
    do {
        uint64_t hash = nw_arch_hash(arch);

        assert_true(nw_arch_is_hard(arch));
        for (int i = 0; i < n; i++)
            assert_true(seen[i] != hash);
        seen[n++] = hash;
    } while (nw_arch_next(arch) && n < 2000);
    assert_int_equal(n, atoi(nw_space_count(s)));
    assert_int_equal(n, 2 * 6 * (1 * 2 + 1 * 3 + 2 * 3));
}

static void test_check__small_spaces_are_exact(void **state)
{
    nw_space *s = opened(*state, "nasbench201 n=1", cifar);
    nw_extremes e;

    assert_int_equal(nw_extremes_find(*state, s, &e), NW_OK);
    assert_true(e.is_exact);
    assert_int_equal(e.looked_at, 15625);
    assert_int_equal(nw_arch_get(e.arch[NW_PARAMS][1], "edge_3"), 3);
    assert_true(e.value[NW_PARAMS][0] < e.value[NW_PARAMS][1]);
    assert_true(e.value[NW_PEAK_BYTES][0] > 0);
    nw_extremes_free(&e);
}

/* In DARTS params add up over edges: the most is sep_conv_5x5 on all of them. */
static void test_check__descent_finds_the_largest_of_darts(void **state)
{
    nw_space *s = opened(*state, "darts c=8 layers=3", cifar);
    nw_arch *arch = nw_arch_new(*state, s);
    nw_extremes e;
    nw_score score;

    assert_int_equal(nw_extremes_find(*state, s, &e), NW_OK);
    assert_false(e.is_exact);
    for (int m = 0; m < NW_MEASURES; m++)
        for (int side = 0; side < 2; side++) {
            assert_true(nw_arch_is_hard(e.arch[m][side]));
            assert_int_equal(nw_arch_cost(e.arch[m][side], &score), NW_OK);
            assert_true(e.value[m][side] == (m == NW_PARAMS ? score.params
                                             : m == NW_MACS ? score.macs
                                                            : score.peak_bytes));
        }
    nw_arch_harden(arch);
    for (int c = 0; c < nw_space_choices(s); c++)
        if (nw_arch_get(arch, nw_space_choice_name(s, c)) != 0)
            nw_arch_pick(arch, c, 5);
    assert_int_equal(nw_arch_cost(arch, &score), NW_OK);
    assert_true(e.value[NW_PARAMS][1] >= score.params);
    print_message("looked at %ld\n", e.looked_at);
    nw_extremes_free(&e);
}

static void written(nw_space *s, const char *format, char out[65536])
{
    FILE *file = fmemopen(out, 65536, "w");
    nw_status status = nw_space_check(s, format, file);

    fclose(file);
    if (status < 0)
        fail_msg("%s", nw_errmsg(s->ctx));
}

static void test_check__prints_in_all_formats(void **state)
{
    static char out[65536];
    nw_space *s = opened(*state, "examples/naive.yaml", NULL);
    FILE *file;

    written(s, NULL, out);
    assert_non_null(strstr(out, "8 architectures; extremes are exact"));
    assert_non_null(strstr(out, "k3, k5"));
    assert_non_null(strstr(out, "{\"conv1\":0,\"conv2\":0,\"skip\":[0]}"));
    written(s, "json", out);
    assert_non_null(strstr(out, "\"architectures\": \"8\""));
    written(s, "csv", out);
    assert_non_null(strstr(out, "measure,end,value"));
    file = fmemopen(out, sizeof(out), "w");
    assert_int_equal(nw_space_show(s, NULL, file), NW_OK);
    fclose(file);
    assert_non_null(strstr(out, "conv2d out=16 k=5"));
    file = fmemopen(out, 65536, "w");
    assert_int_equal(nw_space_check(s, "xml", file), NW_ENAME);
    fclose(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_check__the_odometer_meets_every_arch_once),
        TEST(test_check__small_spaces_are_exact),
        TEST(test_check__descent_finds_the_largest_of_darts),
        TEST(test_check__prints_in_all_formats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
