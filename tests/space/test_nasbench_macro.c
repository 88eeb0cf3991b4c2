/* test_nasbench_macro.c - all 6,561 chains and their classes against the published table.
 */
#include "counting.h"

#include <jansson.h>

#define TABLE "../shared/data/nasbench-macro/nas-bench-macro_cifar10.json"

enum { ARCHS = 6561 };

static nw_arch *fresh(nw_ctx *ctx)
{
    nw_arch *arch = nw_arch_new(ctx, opened(ctx, "nasbench-macro", NULL));

    assert_non_null(arch);
    return arch;
}

static void set_arch(nw_arch *arch, const char *digits)
{
    char text[32];

    snprintf(text, sizeof(text), "\"%s\"", digits);
    if (nw_arch_read_genotype(arch, text, "test") < 0)
        fail_msg("%s: %s", digits, nw_errmsg(arch->ctx));
}

static void canonical(nw_arch *arch, const char *digits, char text[32])
{
    FILE *out = fmemopen(text, 32, "w");

    set_arch(arch, digits);
    if (nw_arch_canonical(arch, out) < 0)
        fail_msg("%s", nw_errmsg(arch->ctx));
    assert_int_equal(fclose(out), 0);
}

static json_t *table(void)
{
    json_t *root = json_load_file(TABLE, 0, NULL);

    if (!root) {
        print_message("skipped: no %s\n", TABLE);
        skip();
    }
    assert_int_equal(json_object_size(root), ARCHS);
    return root;
}

static double number(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

static void test_nasbench_macro__every_network_has_the_published_size(void **state)
{
    nw_arch *arch = fresh(*state);
    json_t *root = table(), *row;
    const char *digits;

    json_object_foreach(root, digits, row)
    {
        nw_graph *g;

        set_arch(arch, digits);
        g = graph_of(arch->space, arch, 0);
        if (trainable(g) != number(row, "params") || g->macs != number(row, "flops"))
            fail_msg("%s: %.0f parameters, %.0f MACs", digits, trainable(g), g->macs);
        nw_graph_free(g);
    }
    json_decref(root);
}

/* The benchmark gives all chains of a class one result. */
static void test_nasbench_macro__a_class_has_one_result(void **state)
{
    nw_arch *arch = fresh(*state);
    json_t *root = table(), *row;
    const char *digits;
    char text[32];

    json_object_foreach(root, digits, row)
    {
        canonical(arch, digits, text);
        if (number(row, "mean_acc") != number(json_object_get(root, text), "mean_acc"))
            fail_msg("%s and %s differ in their results", digits, text);
    }
    json_decref(root);
}

/* A canonical form is its own, and 3,969 chains are theirs. */
static void test_nasbench_macro__has_3969_classes(void **state)
{
    nw_arch *arch = fresh(*state);
    char digits[16] = "00000000", text[32], again[32];
    int own = 0;

    for (int n = 0; n < ARCHS; n++) {
        for (int i = 0, rest = n; i < 8; i++, rest /= 3)
            digits[i] = (char)('0' + rest % 3);
        canonical(arch, digits, text);
        canonical(arch, text, again);
        assert_string_equal(text, again);
        own += !strcmp(digits, text);
    }
    assert_int_equal(own, 3969);
}

static void test_nasbench_macro__identities_move_within_a_stage(void **state)
{
    nw_arch *arch = fresh(*state);
    char text[32];

    canonical(arch, "00001002", text);
    assert_string_equal(text, "00010020");
    canonical(arch, "01102011", text);
    assert_string_equal(text, "01120011");
}

static void test_nasbench_macro__wrong_strings_are_refused(void **state)
{
    static const char *const bad[] = {"0201210", "020121000", "02012103", "0201210x"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char spec[64];

        snprintf(spec, sizeof(spec), "nasbench-macro arch=%s", bad[i]);
        assert_null(nw_space_open_net(*state, spec, NULL, 0));
        says(*state, "8 digits from 0 to 2");
        nw_clear(*state);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nasbench_macro__every_network_has_the_published_size),
        TEST(test_nasbench_macro__a_class_has_one_result),
        TEST(test_nasbench_macro__has_3969_classes),
        TEST(test_nasbench_macro__identities_move_within_a_stage),
        TEST(test_nasbench_macro__wrong_strings_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
