/* test_accel_nasbench.c - networks against the published table of 5,138. */
#include "counting.h"

#include <math.h>
#include <zlib.h>

#define TABLE "../shared/data/accel-nasbench/accel_nasbench.csv.gz"

enum { DECISIONS = 28, MACS = 32, PARAMS = 33 };

static int option_named(const nw_space *space, int c, const char *text, size_t n)
{
    for (int o = 0; o < nw_space_options(space, c); o++)
        if (strlen(nw_space_option_name(space, c, o)) == n &&
            !memcmp(nw_space_option_name(space, c, o), text, n))
            return o;
    return -1;
}

/* Take the 28 decisions that stand behind the file's name. */
static void set_arch(nw_arch *arch, const char *line)
{
    for (int c = 0; c < DECISIONS; c++) {
        int o;

        line = strchr(line, ',') + 1;
        o = option_named(arch->space, c, line, strcspn(line, ","));
        assert_true(o >= 0);
        nw_arch_pick(arch, c, o);
    }
}

static double millions(const char *line, int index)
{
    while (index--)
        line = strchr(line, ',') + 1;
    return round(atof(line) * 1e6);
}

/* The operations as the table counts them: four for every output of a norm, and every
 * input and output of a mean. */
static double operations(const nw_graph *g)
{
    double sum = g->macs;

    for (int i = 0; i < g->n; i++) {
        const nw_node *info = &g->node[i].info;

        if (!strcmp(g->node[i].op->name, "batchnorm"))
            sum += 4 * (double)nw_count(&info->out);
        if (!strcmp(g->node[i].op->name, "globalpool"))
            sum += (double)(nw_count(&info->in[0]) + nw_count(&info->out));
    }
    return sum;
}

static void test_accel_nasbench__networks_are_those_of_the_table(void **state)
{
    nw_space *space = opened(*state, "accel-nasbench", (const int[3]){3, 224, 224});
    nw_arch *arch = nw_arch_new(*state, space);
    gzFile table = gzopen(TABLE, "r");
    char line[4096];
    int rows = 0;

    if (!table) {
        print_message("skipped: no %s\n", TABLE);
        skip();
    }
    assert_non_null(gzgets(table, line, sizeof(line)));
    for (; gzgets(table, line, sizeof(line)); rows++) {
        nw_space *net;
        nw_graph *g;

        set_arch(arch, line);
        net = nw_space_derive(space, arch, "");
        g = graph_of(net, NULL, 0);
        if (trainable(g) != millions(line, PARAMS) ||
            fabs(operations(g) - millions(line, MACS)) > .5)
            fail_msg("%.40s: %.0f parameters, %.0f operations", line, trainable(g),
                     operations(g));
        nw_graph_free(g);
        nw_space_free(net);
    }
    gzclose(table);
    assert_int_equal(rows, 5138);
}

static void test_accel_nasbench__words_come_back(void **state)
{
    nw_space *space = opened(*state, "accel-nasbench", (const int[3]){3, 224, 224});
    nw_arch *a = nw_arch_new(*state, space), *b = nw_arch_new(*state, space);
    char text[512] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");

    assert_true(nw_arch_random(a, 5) >= 0 && nw_arch_write_genotype(a, out) >= 0);
    fclose(out);
    assert_true(nw_arch_read_genotype(b, text, "test") >= 0);
    assert_true(nw_arch_hash(a) == nw_arch_hash(b));
    assert_true(nw_arch_read_genotype(b, "[[6,3,1,0]]", "test") < 0);
    says(*state, "test: not a list of seven blocks");
    nw_clear(*state);
    text[2] = '5'; /* an expansion that is not offered */
    assert_true(nw_arch_read_genotype(b, text, "test") < 0);
    says(*state, "block0_e is none of the space's: 5");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_accel_nasbench__networks_are_those_of_the_table),
        TEST(test_accel_nasbench__words_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
