/* test_nasbench201.c - all 15,625 networks against the published table. */
#include "counting.h"

#include <zlib.h>

#define TABLE "../shared/data/nasbench201/nasbench201.csv.gz"

static const int cifar[3] = {3, 32, 32};

static void test_nasbench201__space_has_15625_archs(void **state)
{
    nw_space *space = opened(*state, "nasbench201", cifar);

    assert_string_equal(nw_space_count(space), "15625");
    assert_int_equal(nw_space_choices(space), 6);
    assert_string_equal(nw_space_option_name(space, 5, 4), "avg_pool_3x3");
}

/* Take the ops of "|op~0|+|op~0|op~1|+..." one after the other. */
static void set_arch(nw_arch *arch, const char *text)
{
    for (int e = 0; e < 6; e++) {
        size_t n;
        int o = 0;

        text += strspn(text, "|+");
        n = strcspn(text, "~");
        while (strncmp(nw_space_option_name(arch->space, e, o), text, n))
            o++;
        nw_arch_pick(arch, e, o);
        text += n + 2;
    }
}

/* Field `index` of a line of comma-separated values. */
static const char *field(const char *line, int index)
{
    while (index--)
        line = strchr(line, ',') + 1;
    return line;
}

enum { ARCH = 1, PARAMS = 21, FLOPS = 22 };

static void test_nasbench201__every_network_has_the_published_size(void **state)
{
    nw_space *space = opened(*state, "nasbench201", cifar);
    nw_arch *arch = nw_arch_new(*state, space);
    gzFile table = gzopen(TABLE, "r");
    char line[4096];
    int rows = 0;

    if (!table) {
        print_message("skipped: no %s\n", TABLE);
        skip();
    }
    assert_true(
        gzgets(table, line, sizeof(line)) &&
        !strncmp(field(line, PARAMS), "c10_params_formula,c10_flops_formula", 36));
    for (; gzgets(table, line, sizeof(line)); rows++) {
        nw_graph *g;

        set_arch(arch, field(line, ARCH));
        g = graph_of(space, arch, 0);
        /* the table counts the classifier's ten biases among the operations */
        if (trainable(g) != atof(field(line, PARAMS)) ||
            g->macs + 10 != atof(field(line, FLOPS)))
            fail_msg("%.*s: %.0f parameters, %.0f MACs", 110, field(line, ARCH),
                     trainable(g), g->macs);
        nw_graph_free(g);
    }
    gzclose(table);
    assert_int_equal(rows, 15625);
}

static void test_nasbench201__one_network_by_its_string(void **state)
{
    static const char *const text = "|nor_conv_3x3~0|+|avg_pool_3x3~0|none~1|+|skip_"
                                    "connect~0|nor_conv_1x1~1|nor_conv_3x3~2|";
    char spec[200];
    nw_space *space = opened(*state, "nasbench201 c=8 n=1", cifar), *fixed;
    nw_arch *arch = nw_arch_new(*state, space);
    nw_graph *a, *b;

    snprintf(spec, sizeof(spec), "nasbench201 c=8 n=1 arch=%s", text);
    fixed = opened(*state, spec, cifar);
    set_arch(arch, text);
    a = graph_of(space, arch, 0);
    b = graph_of(fixed, NULL, 0);
    assert_string_equal(nw_space_count(fixed), "1");
    assert_true(trainable(a) == trainable(b) && a->macs == b->macs);
    b = graph_of(nw_space_derive(space, arch, "classes=100"), NULL, 0);
    assert_true(trainable(b) - trainable(a) == 90 * 33);
}

static void test_nasbench201__wrong_strings_are_refused(void **state)
{
    static const char *const bad[] = {"|none~0|",
                                      "|none~0|+|none~0|none~1|+|none~0|none~1|none~1|",
                                      "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|x",
                                      "|sep~0|+|none~0|none~1|+|none~0|none~1|none~2|"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char spec[200];

        snprintf(spec, sizeof(spec), "nasbench201 arch=%s", bad[i]);
        assert_null(nw_space_open(*state, spec, cifar, 10));
        says(*state, "|op~0|+");
        nw_clear(*state);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nasbench201__space_has_15625_archs),
        TEST(test_nasbench201__every_network_has_the_published_size),
        TEST(test_nasbench201__one_network_by_its_string),
        TEST(test_nasbench201__wrong_strings_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
