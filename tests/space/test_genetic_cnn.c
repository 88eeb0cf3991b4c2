/* test_genetic_cnn.c - stages as graphs: their classes, default nodes, dropped nodes. */
#include "counting.h"

#include "random.h"

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Networks of a space that differ; all of its archs are looked at. */
static long classes(nw_ctx *ctx, const char *spec)
{
    nw_space *space = opened(ctx, spec, NULL);
    nw_arch *arch = nw_arch_new(ctx, space);
    const long total = atol(nw_space_count(space));
    uint64_t *seen = nw_alloc(ctx, (size_t)total * sizeof(*seen));
    long n = 0, kinds = 0;

    assert_non_null(seen);
    for (int more = nw_arch_first(arch); more; more = nw_arch_next(arch)) {
        assert_true(n < total);
        seen[n++] = nw_arch_class(arch);
    }
    assert_int_equal(n, total);
    qsort(seen, (size_t)n, sizeof(*seen), by_value);
    for (long i = 0; i < n; i++)
        kinds += i == 0 || seen[i] != seen[i - 1];
    return kinds;
}

static void test_genetic_cnn__stages_have_as_many_graphs_as_counted(void **state)
{
    assert_int_equal(classes(*state, "genetic-cnn nodes=2"), 2);
    assert_int_equal(classes(*state, "genetic-cnn nodes=3"), 6);
    assert_int_equal(classes(*state, "genetic-cnn nodes=4"), 31);
    assert_int_equal(classes(*state, "genetic-cnn nodes=5"), 302);
    assert_int_equal(classes(*state, "genetic-cnn nodes=3,5"), 1812);
}

static void test_genetic_cnn__cifar_space_has_56172_networks(void **state)
{
    assert_int_equal(classes(*state, "genetic-cnn"), 56172);
}

/* Nodes of a stage in a new order, in which links still lead forward. */
static void rename_nodes(unsigned links[5], const uint32_t order[5])
{
    unsigned renamed[5] = {0};

    for (int j = 0; j < 5; j++)
        for (int i = 0; i < j; i++)
            if (links[j] >> i & 1) {
                if (order[i] > order[j])
                    return;
                renamed[order[j]] |= 1u << order[i];
            }
    memcpy(links, renamed, sizeof(renamed));
}

static void set_links(nw_arch *arch, const unsigned links[5])
{
    int c = 0;

    for (int j = 1; j < 5; j++)
        for (int i = 0; i < j; i++)
            nw_arch_pick(arch, c++, links[j] >> i & 1);
}

static void test_genetic_cnn__renamed_nodes_are_one_network(void **state)
{
    nw_space *space = opened(*state, "genetic-cnn nodes=5", NULL);
    nw_arch *arch = nw_arch_new(*state, space), *other = nw_arch_new(*state, space);
    int differ = 0;

    for (uint64_t seed = 0; seed < 2000; seed++) {
        unsigned links[5] = {0};
        uint32_t order[5];

        for (unsigned j = 1; j < 5; j++)
            links[j] = (unsigned)nw_below(seed, NW_FOR_TEST, j, 1u << j);
        set_links(arch, links);
        for (uint64_t k = 0; k < 20; k++) {
            nw_permutation(100 * seed + k, NW_FOR_TEST, order, 5);
            rename_nodes(links, order);
        }
        set_links(other, links);
        differ += nw_arch_hash(arch) != nw_arch_hash(other);
        assert_true(nw_arch_class(arch) == nw_arch_class(other));
    }
    assert_true(differ > 500);
}

/* The graph of a one-stage network with 4 channels and 1x1 kernels. */
static nw_graph *stage(nw_ctx *ctx, const char *bits)
{
    const int input[3] = {3, 8, 8};
    char spec[200];
    nw_space *net;

    snprintf(spec, sizeof(spec), "genetic-cnn bits=%s channels=4 kernel=1 fc=2", bits);
    net = nw_space_open_net(ctx, spec, input, 2);
    if (!net)
        fail_msg("%s: %s", spec, nw_errmsg(ctx));
    return graph_of(net, NULL, 0);
}

static int ops(const nw_graph *g, const char *name)
{
    int n = 0;

    for (int i = 0; i < g->n; i++)
        n += !strcmp(g->space->place[g->node[i].place].op->name, name);
    return n;
}

static int inputs_of_sums(const nw_graph *g)
{
    int n = 0;

    for (int i = 0; i < g->n; i++)
        if (!strcmp(g->space->place[g->node[i].place].op->name, "add"))
            n += g->node[i].info.n_in;
    return n;
}

/* Longest way through convolutions. */
static int depth(const nw_graph *g)
{
    int deep[200] = {0}, deepest = 0;

    assert_true(g->n <= 200);
    for (int i = 0; i < g->n; i++) {
        for (int k = 0; k < g->node[i].info.n_in; k++)
            if (deep[g->node[i].in[k]] > deep[i])
                deep[i] = deep[g->node[i].in[k]];
        deep[i] += !strcmp(g->space->place[g->node[i].place].op->name, "conv2d");
        if (deep[i] > deepest)
            deepest = deep[i];
    }
    return deepest;
}

static void test_genetic_cnn__stages_have_their_default_nodes(void **state)
{
    static const struct {
        const char *bits;
        int convs, depth, sums, summed;
    } rows[] = {
        {"0-00-000", 1, 1, 0, 0}, /* one default node                               */
        {"1-01-001", 6, 6, 0, 0}, /* a chain of four between the two default nodes  */
        {"1-11-111", 6, 6, 2, 5}, /* all links: node 3 sums 2, node 4 sums 3        */
        {"0-00-100", 4, 4, 0, 0}, /* nodes 2 and 3 are dropped                      */
        {"1-10-100", 6, 4, 1, 3}, /* node 1 leads to three ends                     */
        {"0-00-111", 6, 4, 1, 3}, /* three beginnings lead to node 4                */
        {"1-00-001", 6, 4, 1, 2}, /* two pairs side by side                         */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        nw_graph *g = stage(*state, rows[i].bits);

        if (ops(g, "conv2d") != rows[i].convs || depth(g) != rows[i].depth ||
            ops(g, "add") != rows[i].sums || inputs_of_sums(g) != rows[i].summed)
            fail_msg("%s: %d convolutions, %d deep, %d sums of %d", rows[i].bits,
                     ops(g, "conv2d"), depth(g), ops(g, "add"), inputs_of_sums(g));
    }
}

static void test_genetic_cnn__bits_go_to_links_in_order(void **state)
{
    nw_space *space = opened(*state, "genetic-cnn", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    char text[100] = {0};
    FILE *out = fmemopen(text, sizeof(text), "w");

    assert_int_equal(
        nw_arch_read_genotype(arch, "\"0-10|0-00-010|1-00-000-0001\"", "text"), NW_OK);
    assert_int_equal(nw_arch_get(arch, "stage_1_1_to_3"), 1);
    assert_int_equal(nw_arch_get(arch, "stage_1_2_to_3"), 0);
    assert_int_equal(nw_arch_get(arch, "stage_2_2_to_4"), 1);
    assert_int_equal(nw_arch_get(arch, "stage_3_1_to_2"), 1);
    assert_int_equal(nw_arch_get(arch, "stage_3_4_to_5"), 1);
    assert_int_equal(nw_arch_write_genotype(arch, out), NW_OK);
    fclose(out);
    assert_string_equal(text, "\"0-10|0-00-010|1-00-000-0001\"");
}

/* The network of a space is that of its bits, and can be made wider. */
static void test_genetic_cnn__a_found_network_can_be_widened(void **state)
{
    nw_space *space = opened(*state, "genetic-cnn", NULL), *net;
    nw_arch *arch = nw_arch_new(*state, space);

    assert_int_equal(
        nw_arch_read_genotype(arch, "\"1-01|1-01-001|1-01-001-0001\"", "text"), NW_OK);
    assert_true(trainable(graph_of(space, arch, 0)) == 276274);
    net = nw_space_derive(space, arch, "channels=16,16,16 fc=2");
    assert_non_null(net);
    /* 5 + 6 + 7 convolutions, the first from 3 channels; 4x4 pixels at the end */
    assert_true(trainable(graph_of(net, NULL, 0)) ==
                400 * 3 + 17 * 400 * 16 + 18 * 32 + 256 * 2 + 2 + 30);
}

static void test_genetic_cnn__wrong_strings_are_refused(void **state)
{
    static const char *const nets[] = {"bits=1-0",
                                       "bits=1-012",
                                       "bits=",
                                       "bits=1-01|",
                                       "bits=|1-01",
                                       "bits=1-01-",
                                       "bits=1-01 x=",
                                       "bits=2-01",
                                       "bits=1-01 kernel=4",
                                       "bits=1-01 channels=8,16"};
    static const char *const spaces[] = {"nodes=1", "nodes=3,,4", "nodes=", "bits=1-01",
                                         "nodes=3,4 channels=8"};
    nw_space *space = opened(*state, "genetic-cnn nodes=3,5", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    char spec[100];

    for (size_t i = 0; i < sizeof(nets) / sizeof(*nets); i++) {
        snprintf(spec, sizeof(spec), "genetic-cnn %s", nets[i]);
        if (nw_space_open_net(*state, spec, NULL, 0))
            fail_msg("%s is accepted", spec);
        assert_int_equal(nw_errstatus(*state), NW_ESPEC);
        nw_clear(*state);
    }
    for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
        snprintf(spec, sizeof(spec), "genetic-cnn %s", spaces[i]);
        if (nw_space_open(*state, spec, NULL, 0))
            fail_msg("%s is accepted", spec);
        assert_int_equal(nw_errstatus(*state), NW_ESPEC);
        nw_clear(*state);
    }
    assert_int_equal(nw_arch_read_genotype(arch, "\"1-01|1-01-001\"", "text"),
                     NW_EFORMAT);
    says(*state, "for this space");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_genetic_cnn__stages_have_as_many_graphs_as_counted),
        TEST(test_genetic_cnn__cifar_space_has_56172_networks),
        TEST(test_genetic_cnn__renamed_nodes_are_one_network),
        TEST(test_genetic_cnn__stages_have_their_default_nodes),
        TEST(test_genetic_cnn__bits_go_to_links_in_order),
        TEST(test_genetic_cnn__a_found_network_can_be_widened),
        TEST(test_genetic_cnn__wrong_strings_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
