/* test_nasbench201.c - all 15,625 networks and their classes against the published table.
 */
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

enum { ARCH = 1, UNIQUE = 2, PARAMS = 21, FLOPS = 22 };

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

/* The canonical form of an arch. */
static void canonical(const nw_arch *arch, char text[512])
{
    FILE *out = fmemopen(text, 512, "w");

    if (nw_arch_canonical(arch, out) < 0)
        fail_msg("%s", nw_errmsg(arch->ctx));
    assert_int_equal(fclose(out), 0);
}

static int by_number(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void test_nasbench201__has_6466_classes(void **state)
{
    static uint64_t class[15625];
    nw_arch *arch = nw_arch_new(*state, opened(*state, "nasbench201", cifar));
    int n = 0, distinct = 1;

    for (int more = nw_arch_first(arch); more; more = nw_arch_next(arch)) {
        assert_true(n < 15625);
        class[n++] = nw_arch_class(arch);
    }
    assert_int_equal(n, 15625);
    qsort(class, (size_t)n, sizeof(*class), by_number);
    for (int i = 1; i < n; i++)
        distinct += class[i] != class[i - 1];
    assert_int_equal(distinct, 6466);
}

static void test_nasbench201__classes_are_those_of_the_table(void **state)
{
    nw_arch *arch = nw_arch_new(*state, opened(*state, "nasbench201", cifar));
    gzFile table = gzopen(TABLE, "r");
    char line[4096], text[512];
    int rows = 0;

    if (!table) {
        print_message("skipped: no %s\n", TABLE);
        skip();
    }
    assert_non_null(gzgets(table, line, sizeof(line)));
    for (; gzgets(table, line, sizeof(line)); rows++) {
        const char *unique = field(line, UNIQUE);
        const size_t n = strcspn(unique, ",");

        set_arch(arch, field(line, ARCH));
        canonical(arch, text);
        if (strlen(text) != n || strncmp(text, unique, n))
            fail_msg("%.*s: \"%s\" is not \"%.*s\"", 110, field(line, ARCH), text, (int)n,
                     unique);
    }
    gzclose(table);
    assert_int_equal(rows, 15625);
}

/* Two strings of one network: node 1 passes the input on, and what reads it may read the
 * input instead. */
static void test_nasbench201__knows_one_network_by_two_strings(void **state)
{
    nw_arch *a = nw_arch_new(*state, opened(*state, "nasbench201", cifar));
    nw_arch *b = nw_arch_new(*state, a->space);

    set_arch(a,
             "|skip_connect~0|+|nor_conv_1x1~0|none~1|+|nor_conv_3x3~0|none~1|none~2|");
    set_arch(b, "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|");
    assert_true(nw_arch_class(a) == nw_arch_class(b));
    set_arch(b, "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|");
    assert_true(nw_arch_class(a) != nw_arch_class(b));
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
    assert_int_equal(fixed->cells->n_edge, 5); /* one of six is none */
    assert_int_equal(fixed->cells->edge[3].from, 1);
    assert_int_equal(fixed->cells->edge[3].to, 3);
    assert_string_equal(fixed->cells->edge[3].op, "nor_conv_1x1");
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
        TEST(test_nasbench201__has_6466_classes),
        TEST(test_nasbench201__classes_are_those_of_the_table),
        TEST(test_nasbench201__knows_one_network_by_two_strings),
        TEST(test_nasbench201__one_network_by_its_string),
        TEST(test_nasbench201__wrong_strings_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
