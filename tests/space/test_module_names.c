/* test_module_names.c - parameters have the names, order and sizes of PyTorch's. */
#include "counting.h"

#include "../golden/npz.c"

#define GOLDEN "../shared/golden/"

/* Parameter i of the graph is the i-th array of the file whose name starts with w0/. */
static void same_names(nw_space *space, unsigned flags, const char *path)
{
    nw_graph *g = graph_of(space, NULL, flags);
    struct npz *npz = npz_open(path);
    int at = 0;

    for (int i = 0; i < g->n_param; i++) {
        const nw_param *p = g->param[i].param;

        if (p->is_buffer)
            continue;
        while (at < npz->n && strncmp(npz->array[at].name, "w0/", 3))
            at++;
        assert_true(at < npz->n);
        assert_string_equal(g->param[i].name, npz->array[at].name + 3);
        assert_int_equal(p->rank, npz->array[at].rank);
        assert_memory_equal(p->dim, npz->array[at].dim, (size_t)p->rank * sizeof(int));
        at++;
    }
    for (; at < npz->n; at++)
        assert_true(strncmp(npz->array[at].name, "w0/", 3));
    npz_close(npz);
}

static void skip_without(const char *path)
{
    FILE *file = fopen(path, "rb");

    if (!file) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    fclose(file);
}

static void test_module_names__of_the_supernet_are_those_of_its_authors(void **state)
{
    skip_without(GOLDEN "darts_c4_l3.npz");
    same_names(opened(*state, "darts c=4 layers=3", (const int[3]){3, 16, 16}),
               NW_GRAPH_ALL, GOLDEN "darts_c4_l3.npz");
}

static void test_module_names__of_nasbench201_are_those_of_its_authors(void **state)
{
    struct npz *npz;
    char spec[300];

    skip_without(GOLDEN "nb201_c8_n1.npz");
    npz = npz_open(GOLDEN "nb201_c8_n1.npz");
    snprintf(spec, sizeof(spec), "nasbench201 c=8 n=1 arch=%s",
             npz_get(npz, "arch")->text);
    npz_close(npz);
    same_names(opened(*state, spec, (const int[3]){3, 32, 32}), 0,
               GOLDEN "nb201_c8_n1.npz");
}

/* No golden file has these: names from the authors' code of NetworkCIFAR. */
static void test_module_names__of_a_found_network_are_those_of_its_authors(void **state)
{
    static const struct {
        const char *name;
        size_t count;
    } some[] = {
        {"stem.0.weight", 108 * 27},
        {"stem.1.bias", 108},
        {"cells.0.preprocess0.op.1.weight", 108 * 36},
        {"cells.0._ops.0.op.1.weight", 36 * 9},
        {"cells.0._ops.0.op.7.weight", 36},
        {"cells.6._ops.2.conv_1.weight", 0}, /* a skip within the cell: no parameters */
        {"cells.7.preprocess0.conv_1.weight", 144 * 36},
        {"auxiliary_head.features.2.weight", 576 * 128},
        {"auxiliary_head.features.5.weight", 128 * 768 * 4},
        {"auxiliary_head.features.6.weight", 768},
        {"auxiliary_head.classifier.bias", 10},
        {"classifier.weight", 5760},
    };
    nw_graph *g = graph_of(opened(*state, "darts-v2 aux=1", (const int[3]){3, 32, 32}),
                           NULL, NW_GRAPH_AUX);

    for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
        size_t count = 0;

        for (int j = 0; j < g->n_param; j++)
            if (!strcmp(g->param[j].name, some[i].name))
                count = g->param[j].count;
        if (count != some[i].count)
            fail_msg("%s: %zu", some[i].name, count);
    }
    assert_string_equal(g->param[g->n_param - 1].name, "classifier.bias");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_module_names__of_the_supernet_are_those_of_its_authors),
        TEST(test_module_names__of_nasbench201_are_those_of_its_authors),
        TEST(test_module_names__of_a_found_network_are_those_of_its_authors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
