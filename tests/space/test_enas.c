/* test_enas.c - cells of pairs of ops: words, canonical forms, loose ends; macro. */
#include "counting.h"

#include "enas_cells.h"
#include "genotype_file.h"
#include "net.h"
#include "random.h"

#include <math.h>

enum { ARCHS = 3000 };

static void written(const nw_arch *arch, char *text, size_t size,
                    nw_status (*write)(const nw_arch *, FILE *))
{
    FILE *out = fmemopen(text, size, "w");

    assert_non_null(out);
    if (write(arch, out) < 0)
        fail_msg("%s", nw_errmsg(arch->ctx));
    assert_int_equal(fclose(out), 0);
}

/* "a,b,..." of numbers. */
static void list_of(const int *ints, int n, char *out, size_t size)
{
    size_t at = 0;

    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%d", i ? "," : "[", ints[i]);
    snprintf(out + at, size - at, "]");
}

/* Swap operands and give the nodes of a cell other names, in a random order in which
 * operands still come first. */
static void rename_nodes(const int *cell, uint64_t seed, int *out)
{
    int name[NW_PAIR_STATES] = {0, 1, -1, -1, -1, -1, -1};

    for (int n = 0, draw = 0; n < NW_PAIR_NODES; draw++) {
        const int node = (int)nw_below(seed, NW_FOR_TEST, (uint64_t)draw, NW_PAIR_NODES);
        const int *at = cell + 4 * node;
        const int swap = (int)nw_below(seed, NW_FOR_TEST, (uint64_t)draw + 1000, 2);

        if (name[node + 2] >= 0 || name[at[0]] < 0 || name[at[2]] < 0)
            continue;
        for (int side = 0; side < 2; side++) {
            out[4 * n + 2 * (side ^ swap)] = name[at[2 * side]];
            out[4 * n + 2 * (side ^ swap) + 1] = at[2 * side + 1];
        }
        name[node + 2] = 2 + n++;
    }
}

static void renamed_ones_are_equal(nw_ctx *ctx, const char *spec, int first_op, int n_ops)
{
    nw_space *space = opened(ctx, spec, NULL);
    nw_arch *a = nw_arch_new(ctx, space), *b = nw_arch_new(ctx, space);
    int from[NW_PAIR_INTS], to[NW_PAIR_INTS], changed = 0;

    for (uint64_t i = 0; i < ARCHS; i++) {
        assert_int_equal(nw_arch_random(a, i), NW_OK);
        assert_int_equal(nw_pair_of_arch(a, first_op, from), NW_OK);
        rename_nodes(from, 2 * i, to);
        rename_nodes(from + NW_PAIR_CELL, 2 * i + 1, to + NW_PAIR_CELL);
        assert_int_equal(nw_pair_to_arch(b, first_op, n_ops, to, "test"), NW_OK);
        changed += nw_arch_hash(a) != nw_arch_hash(b);
        if (nw_arch_class(a) != nw_arch_class(b))
            fail_msg("%s: renamed cells have two classes, seed %d", spec, (int)i);
    }
    assert_true(changed > ARCHS / 2);
    nw_arch_free(a);
    nw_arch_free(b);
    nw_space_free(space);
}

static void test_enas__renamed_cells_have_one_canonical_form(void **state)
{
    renamed_ones_are_equal(*state, "enas-micro", 0, 5);
    renamed_ones_are_equal(*state, "nao ops=11", 5, 11);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Operands of the node at `pair` in ascending order, one after the other. */
static int next_pair(int *cell)
{
    for (int node = NW_PAIR_NODES - 1; node >= 0; node--) {
        int *at = cell + 4 * node;

        if (at[2] < node + 1) {
            at[2]++;
            return 1;
        }
        if (at[0] < node + 1) {
            at[2] = ++at[0];
            return 1;
        }
        at[0] = at[2] = 0;
    }
    return 0;
}

/* With one op there are 56,700 cells with ordered operands. Brute force over all names of
 * nodes, whatever their order, leaves 8,328 of them. */
static void test_enas__no_two_networks_share_a_canonical_form(void **state)
{
    enum { CELLS = 56700, CLASSES = 8328 };
    nw_space *space = opened(*state, "enas-micro", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    uint64_t *class = nw_alloc(*state, CELLS * sizeof(*class));
    int ints[NW_PAIR_INTS] = {0}, n = 0, classes = 0;

    assert_non_null(class);
    do {
        assert_true(n < CELLS);
        assert_int_equal(nw_pair_to_arch(arch, 0, 5, ints, "test"), NW_OK);
        class[n++] = nw_arch_class(arch);
    } while (next_pair(ints));
    qsort(class, (size_t)n, sizeof(*class), by_value);
    for (int i = 0; i < n; i++)
        classes += !i || class[i] != class[i - 1];
    assert_int_equal(n, CELLS);
    assert_int_equal(classes, CLASSES);
    nw_release(*state, class);
    nw_arch_free(arch);
    nw_space_free(space);
}

static void test_enas__published_cells_go_round(void **state)
{
    static const struct {
        const char *spec, *text;
        int first, ops;
    } known[] = {
        {"enas-micro",
         "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 "
         "1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1",
         0, 5},
        {"nao ops=11",
         "0 7 1 15 2 8 1 7 0 6 1 7 0 8 4 7 1 5 0 7 "
         "0 7 1 13 0 6 0 14 0 9 1 10 0 14 2 6 1 11 0 7",
         5, 11},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        nw_space *space = opened(*state, known[i].spec, NULL);
        nw_arch *arch = nw_arch_new(*state, space);
        int ints[NW_PAIR_INTS];
        char quoted[256], list[256], text[256];

        snprintf(quoted, sizeof(quoted), "\"%s\"", known[i].text);
        assert_int_equal(nw_arch_read_genotype(arch, quoted, "paper"), NW_OK);
        assert_int_equal(nw_pair_parse(*state, "test", known[i].text, known[i].first,
                                       known[i].first + known[i].ops, ints),
                         NW_OK);
        list_of(ints, NW_PAIR_INTS, list, sizeof(list));
        written(arch, text, sizeof(text), nw_arch_write_genotype);
        assert_string_equal(text, list);
        nw_arch_free(arch);
        nw_space_free(space);
    }
}

/* The network of a found arch is the published one. */
static void test_enas__a_derived_network_is_the_published_one(void **state)
{
    nw_space *space = opened(*state, "enas-micro layers=15 f=36", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    nw_score score;

    assert_int_equal(nw_arch_read_genotype(arch,
                                           "\"0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 "
                                           "1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1\"",
                                           "paper"),
                     NW_OK);
    assert_int_equal(nw_arch_cost(arch, &score), NW_OK);
    assert_int_equal((long)score.params, 3894372);
    nw_arch_free(arch);
    nw_space_free(space);
}

/* Widths of the input of the classifier tell how many ends were loose. */
static double width_of(nw_ctx *ctx, const char *arch)
{
    char spec[512];
    nw_space *space;
    nw_graph *g;
    double width = 0;

    snprintf(spec, sizeof(spec), "nao c=4 n=1 size=8 classes=3 arch=\"%s\"", arch);
    space = nw_space_open_net(ctx, spec, NULL, 0);
    if (!space)
        fail_msg("%s", nw_errmsg(ctx));
    g = graph_of(space, NULL, 0);
    for (int i = 0; i < g->n_param; i++)
        if (!strcmp(g->param[i].name, "classifier.weight"))
            width = (double)g->param[i].count / 3;
    nw_graph_free(g);
    nw_space_free(space);
    return width;
}

#define CHAIN "0 4 1 4 2 4 2 4 3 4 3 4 4 4 4 4 5 4 5 4"
#define FAN   "1 4 1 4 1 4 1 4 1 4 1 4 1 4 1 4 1 4 1 4"

/* At 4, 8 and 16 channels: a chain has one loose end; a fan five and the older input,
 * which a reduction cell must reduce. */
static void test_enas__all_loose_ends_are_in_the_output(void **state)
{
    assert_int_equal((int)width_of(*state, CHAIN " " CHAIN), 16);
    assert_int_equal((int)width_of(*state, FAN " " CHAIN), 96);
    assert_int_equal((int)width_of(*state, CHAIN " " FAN), 16);
    assert_int_equal((int)width_of(*state, FAN " " FAN), 96);
}

/* Windows of 3 or 5 with stride 2, and how many of them pad as TensorFlow does. */
static void windows_of(nw_ctx *ctx, const char *spec, int *all, int *tf)
{
    nw_space *space = nw_space_open_net(ctx, spec, NULL, 0);
    nw_graph *g;

    assert_non_null(space);
    g = graph_of(space, NULL, 0);
    *all = *tf = 0;
    for (int i = 0; i < g->n; i++) {
        const char *words = g->node[i].spec;

        if (!strstr(words, "stride=2") || !(strstr(words, "k=3") || strstr(words, "k=5")))
            continue;
        *all += 1;
        *tf += strstr(words, "tf=1") != NULL;
    }
    nw_graph_free(g);
    nw_space_free(space);
}

#define REDUCE "0 0 1 1 0 2 1 3 0 2 1 2 0 3 1 3 5 4 4 4"

/* Eight in each of two reduction cells. */
static void test_enas__its_borders_are_those_of_tensorflow(void **state)
{
    int all, tf;

    windows_of(*state, "enas-micro layers=3 f=4 arch=\"" CHAIN " " REDUCE "\"", &all,
               &tf);
    assert_int_equal(all, 16);
    assert_int_equal(tf, 16);
    windows_of(*state, "nao n=1 c=4 arch=\"" CHAIN " " REDUCE "\"", &all, &tf);
    assert_int_equal(all, 16);
    assert_int_equal(tf, 0);
}

/* ---- Macro ---------------------------------------------------------------------- */

#define SIX "4 5 1 1 0 1 3 1 0 1 4 0 0 0 0 5 0 0 1 0 1"

/* Pools, separable convolutions and skips over both reductions: numbers of a second
 * counter, for the path through the searched space and for the network once found. */
static void test_enas__a_macro_arch_has_two_networks(void **state)
{
    nw_space *space = opened(*state, "enas-macro layers=6 f=8 size=16", NULL), *found;
    nw_arch *arch = nw_arch_new(*state, space);
    nw_graph *path, *net;
    char text[256];

    assert_int_equal(nw_arch_read_genotype(arch, "\"" SIX "\"", "test"), NW_OK);
    written(arch, text, sizeof(text), nw_arch_write_genotype);
    assert_string_equal(text, "[4,5,1,1,0,1,3,1,0,1,4,0,0,0,0,5,0,0,1,0,1]");
    path = graph_of(space, arch, 0);
    assert_int_equal((int)trainable(path), 1944);
    assert_int_equal((int)path->macs, 141392);
    found = nw_space_derive(space, arch, NULL);
    assert_non_null(found);
    net = graph_of(found, NULL, 0);
    assert_int_equal((int)trainable(net), 11928);
    assert_int_equal((int)net->macs, 442688);
    nw_graph_free(path);
    nw_graph_free(net);
    nw_space_free(found);
    nw_arch_free(arch);
    nw_space_free(space);
}

/* All options at once: what is trained while weights are shared. */
static void test_enas__the_macro_space_runs_as_a_supernet(void **state)
{
    nw_space *space = opened(*state, "enas-macro layers=4 f=4 size=8", NULL);
    nw_net *net = nw_net_new(*state, space, NULL, 1, NW_F32);
    float x[2 * 3 * 8 * 8], y[2 * 10];

    assert_non_null(net);
    for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++)
        x[i] = (float)nw_normal(7, NW_FOR_TEST, i);
    assert_int_equal(nw_net_run(net, 2, x, y), NW_OK);
    for (int i = 0; i < 20; i++)
        assert_true(isfinite(y[i]) && y[i] != y[(i + 10) % 20]);
    nw_net_free(net);
    nw_space_free(space);
}

static void unread(nw_arch *arch, const char *text, const char *words)
{
    nw_clear(arch->ctx);
    assert_int_equal(nw_arch_read_genotype(arch, text, "file"), NW_EFORMAT);
    says(arch->ctx, words);
}

static void test_enas__what_is_no_macro_genotype_is_refused(void **state)
{
    nw_space *space = opened(*state, "enas-macro layers=3", NULL);
    nw_arch *arch = nw_arch_new(*state, space);

    unread(arch, "[0,1,0,2]", "list of 6 numbers");
    unread(arch, "[0,1,0,2,1,-1]", "list of 6 numbers");
    unread(arch, "\"0 1 0 2 1 x\"", "list of 6 numbers");
    unread(arch, "[0,1,0,6,1,1]", "layer 2: its op is 6: 0 to 5 can be");
    unread(arch, "[0,1,0,2,1,2]", "layer 2: a skip is 2: 0 to 1 can be");
    unread(arch, "[0,", "file:1");
    nw_clear(*state);
    assert_null(nw_space_open_net(*state, "enas-macro f=7", NULL, 0));
    says(*state, "even number");
    nw_arch_free(arch);
    nw_space_free(space);
}

/* Both heads, from the rules of the authors' code by a second counter. */
static void test_enas__auxiliary_heads_have_their_parameters(void **state)
{
    static const struct {
        const char *spec;
        double params;
    } known[] = {
        {"enas-micro aux=1", 4389220},
        {"naonet-a aux=1", 11946576},
        {"naonet-v2 aux=1", 4864080},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        nw_space *space = nw_space_open_net(*state, known[i].spec, NULL, 0);
        nw_graph *g;

        assert_non_null(space);
        g = graph_of(space, NULL, NW_GRAPH_AUX);
        assert_true(trainable(g) == known[i].params);
        nw_graph_free(g);
        nw_space_free(space);
    }
}

static void refused(nw_ctx *ctx, const char *spec, const char *words)
{
    nw_clear(ctx);
    assert_null(nw_space_open_net(ctx, spec, NULL, 0));
    assert_true(nw_errstatus(ctx) == NW_ESPEC || nw_errstatus(ctx) == NW_ESHAPE);
    says(ctx, words);
}

static void test_enas__what_is_no_network_is_refused(void **state)
{
    nw_space *space = opened(*state, "nao ops=11", NULL);
    nw_arch *arch = nw_arch_new(*state, space);

    refused(*state, "nao arch=\"1 2 3\"", "must be 40 numbers");
    refused(*state, "nao arch=\"" CHAIN " 0 4 1 4 2 4 2 4 3 4 3 4 4 4 4 4 5 4 6 4 7\"",
            "must be 40 numbers");
    refused(*state, "nao arch=\"" CHAIN " 0 4 2 4 2 4 2 4 3 4 3 4 4 4 4 4 5 4 5 4\"",
            "number 23 of 40, 2, of node 2 is not an earlier node");
    refused(*state, "nao arch=\"" CHAIN " 0 4 1 16 2 4 2 4 3 4 3 4 4 4 4 4 5 4 5 4\"",
            "number 24 of 40, 16, of node 2 is no op of the space");
    refused(*state,
            "enas-micro arch=\"" CHAIN " 0 4 1 5 2 4 2 4 3 4 3 4 4 4 4 4 5 4 5 4\"",
            "is no op of the space");
    refused(*state, "nao net=other arch=\"" CHAIN " " CHAIN "\"",
            "neither cifar nor imagenet");
    refused(*state, "nao net=imagenet c=5 arch=\"" CHAIN " " CHAIN "\"", "even number");
    refused(*state, "enas-micro aux=1 size=16", "17 a side");
    nw_clear(*state);
    assert_null(nw_space_open(*state, "nao ops=7", NULL, 0));
    says(*state, "neither 5 nor 11");
    assert_int_equal(nw_arch_read_genotype(arch, "\"" CHAIN " " CHAIN "\"", "file"),
                     NW_EFORMAT);
    says(*state, "file: number 2 of 40, 4, of node 2 is no op of the space");
    nw_arch_free(arch);
    nw_space_free(space);
}

/* ---- Genotypes in a file -------------------------------------------------------------
 */

#define FILE_OF(network, more, cells)                                                    \
    "{\"network\":\"" network "\",\"order\":\"newest first\"" more ",\"cells\":{" cells  \
    "}}"
#define CELL(blocks, concat) "{\"blocks\":[" blocks "],\"concat\":" concat "}"
#define BOTH(blocks, concat)                                                             \
    "\"normal\":" CELL(blocks, concat) ",\"reduce\":" CELL(blocks, concat)

/* No block reads the older input. */
#define BLOCKS                                                                           \
    "[\"avg_pool_3x3\",0,\"sep_conv_3x3\",0],[\"identity\",2,\"max_pool_3x3\",0],"       \
    "[\"sep_conv_5x5\",0,\"identity\",0],[\"identity\",3,\"identity\",4],"
#define LAST  "[\"avg_pool_3x3_count_pad\",3,\"conv_1x1\",0]"
#define SMALL "[\"avg_pool_3x3\",3,\"identity\",0]"

static nw_status built(nw_ctx *ctx, const char *json, nw_space *space)
{
    const struct nw_slim_keys keys = {.n = 1, .f = 4, .drop = -1, .net = "cifar"};
    nw_gene_file file;

    NW_TRY(nw_gene_read(ctx, &file, json, "text"));
    return file.skeleton->build(space, file.skeleton, "text", &keys,
                                (const int[]){3, 12, 12}, 10, &file.genotype);
}

static void run_once(nw_ctx *ctx, nw_space *space, float y[10])
{
    nw_net *net = nw_net_new(ctx, space, NULL, 1, NW_F32);
    float x[3 * 12 * 12];

    if (!net)
        fail_msg("%s", nw_errmsg(ctx));
    for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++)
        x[i] = (float)nw_normal(5, NW_FOR_TEST, i);
    assert_int_equal(nw_net_run(net, 1, x, y), NW_OK);
}

/* Inputs are newest first in the file and oldest first among the numbers. */
static void test_enas__a_file_has_the_network_of_the_numbers(void **state)
{
#define NUMBERS(op, other) "1 2 1 0 2 4 1 3 1 1 1 4 3 4 4 4 3 " op " 1 " other
    static const struct {
        const char *json, *spec;
    } same[] = {
        {FILE_OF("nao", "", BOTH(BLOCKS LAST, "\"unused\"")),
         "nao c=4 n=1 arch=\"" NUMBERS("14", "6") " " NUMBERS("14", "6") "\""},
        {FILE_OF("nao", "", BOTH(BLOCKS LAST, "[1,5,6]")),
         "nao c=4 n=1 arch=\"" NUMBERS("14", "6") " " NUMBERS("14", "6") "\""},
        {FILE_OF("enas", "", BOTH(BLOCKS SMALL, "\"unused\"")),
         "enas-micro f=4 layers=3 arch=\"" NUMBERS("2", "4") " " NUMBERS("2", "4") "\""},
    };
    const int input[3] = {3, 12, 12};

    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
        nw_space *space = nw_space_new(*state);
        nw_space *net = nw_space_open_net(*state, same[i].spec, input, 10);
        float y[2][10];

        if (!net || built(*state, same[i].json, space) < 0)
            fail_msg("%s", nw_errmsg(*state));
        assert_int_equal(nw_space_seal(space), NW_OK);
        run_once(*state, space, y[0]);
        run_once(*state, net, y[1]);
        assert_memory_equal(y[0], y[1], sizeof(y[0]));
    }
}

static void test_enas__files_that_are_no_cells_of_it_are_refused(void **state)
{
    static const struct {
        const char *json, *says;
    } bad[] = {
        {FILE_OF("enas", "", BOTH(BLOCKS LAST, "\"unused\"")),
         "cells of enas have no op \"avg_pool_3x3_count_pad\""},
        {FILE_OF("enas", "", BOTH(BLOCKS SMALL, "[5,6]")), "what no block reads"},
        {FILE_OF("enas", "", BOTH(BLOCKS SMALL, "[5,6,1]")), "the older input first"},
        {FILE_OF("enas", "", BOTH("[\"identity\",1,\"identity\",0]", "[2]")),
         "a cell has 5 blocks, not 1"},
        {FILE_OF("nao", ",\"none\":\"zero\"", BOTH(BLOCKS LAST, "\"unused\"")),
         "cells of nao have no op that is zero"},
        {FILE_OF("nao", "", BOTH("[\"identity\",1,\"identity\",0,\"concat\"]", "[2]")),
         "blocks of nao only add"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(built(*state, bad[i].json, nw_space_new(*state)), NW_EFORMAT);
        says(*state, bad[i].says);
        nw_clear(*state);
    }
    assert_null(nw_space_open_net(
        *state, "genotype file=examples/genotypes/enas-micro.json net=mobile", NULL, 0));
    says(*state, "enas: net=mobile is not cifar");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_enas__renamed_cells_have_one_canonical_form),
        TEST(test_enas__no_two_networks_share_a_canonical_form),
        TEST(test_enas__published_cells_go_round),
        TEST(test_enas__a_derived_network_is_the_published_one),
        TEST(test_enas__all_loose_ends_are_in_the_output),
        TEST(test_enas__a_file_has_the_network_of_the_numbers),
        TEST(test_enas__files_that_are_no_cells_of_it_are_refused),
        TEST(test_enas__auxiliary_heads_have_their_parameters),
        TEST(test_enas__its_borders_are_those_of_tensorflow),
        TEST(test_enas__a_macro_arch_has_two_networks),
        TEST(test_enas__the_macro_space_runs_as_a_supernet),
        TEST(test_enas__what_is_no_macro_genotype_is_refused),
        TEST(test_enas__what_is_no_network_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
