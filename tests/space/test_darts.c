/* test_darts.c - the DARTS family against the numbers of its papers and code. */
#include "counting.h"

#include "genotype.h"

#include <math.h>
#include <time.h>

extern const nw_strategy_type nw_strategy_darts;

static const int cifar[3] = {3, 32, 32}, imagenet[3] = {3, 224, 224};

/* Parameters and MACs as counted from the authors' code; -1 = unknown. */
static const struct {
    const char *spec;
    const int *input;
    double params, macs;
} published[] = {
    {"darts-v1 c=36 layers=20", cifar, 3169414, 500987520},
    {"darts-v2 c=36 layers=20", cifar, 3349342, 528359040},
    {"darts-v2 c=36 layers=20 classes=100", cifar, 3401272, -1},
    {"pc-darts-cifar c=36 layers=20", cifar, 3634678, 556670592},
    {"nasnet-a-darts c=36 layers=20", cifar, 3830950, -1},
    {"darts-v1 net=imagenet c=48 layers=14", imagenet, 4510432, 505864704},
    {"darts-v2 net=imagenet c=48 layers=14", imagenet, 4718752, 529911552},
    {"darts-supernet c=16 layers=8", cifar, 1930618, 300255744},
    {"darts", cifar, 1930618, 300255744},
    {"darts-v2 c=4 layers=3", cifar, 2858, -1},
    {"darts-v2 c=8 layers=5", cifar, 37018, -1},
    {"darts-v2 c=8 layers=8", cifar, 69618, -1},
    {"darts-v2 c=16 layers=8", cifar, 246106, -1},
};

static void test_darts__counts_are_those_of_the_papers(void **state)
{
    for (size_t i = 0; i < sizeof(published) / sizeof(*published); i++) {
        nw_space *space = opened(*state, published[i].spec, published[i].input);
        nw_graph *g = graph_of(space, NULL, NW_GRAPH_ALL);

        if (trainable(g) != published[i].params ||
            (published[i].macs >= 0 && g->macs != published[i].macs))
            fail_msg("%s: %.0f parameters, %.0f MACs; expected %.0f, %.0f",
                     published[i].spec, trainable(g), g->macs, published[i].params,
                     published[i].macs);
        nw_space_free(space);
    }
}

static void test_darts__auxiliary_head_has_its_size(void **state)
{
    nw_space *space = opened(*state, "darts-v2 aux=1", cifar);
    nw_graph *with = graph_of(space, NULL, NW_GRAPH_AUX),
             *without = graph_of(space, NULL, 0);

    assert_true(with->aux >= 0);
    assert_true(without->aux < 0);
    assert_true(space->aux_weight == 0.4);
    assert_true(trainable(with) - trainable(without) == 476426);
    assert_true(trainable(without) == 3349342);
}

static void test_darts__space_has_1037664180_squared_archs(void **state)
{
    assert_string_equal(nw_space_count(opened(*state, "darts", cifar)),
                        "1076746950455072400");
}

/* Field by field: structs have holes. */
static void same_cells(const nw_cell *a, const nw_cell *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->n_concat, b->n_concat);
    assert_memory_equal(a->concat, b->concat, sizeof(a->concat));
    for (int i = 0; i < 2 * a->n; i++) {
        assert_string_equal(a->edge[i].op, b->edge[i].op);
        assert_int_equal(a->edge[i].from, b->edge[i].from);
    }
}

static void test_darts__every_genotype_survives_arch_and_json(void **state)
{
    nw_ctx *ctx = *state;
    nw_space *space = opened(ctx, "darts", cifar);
    nw_arch *arch = nw_arch_new(ctx, space);

    for (const nw_named_genotype *g = nw_genotypes; g->name; g++) {
        nw_genotype back, again;
        char text[2048] = {0};
        FILE *out = fmemopen(text, sizeof(text), "w");

        assert_int_equal(nw_genotype_write(ctx, &g->genotype, out), NW_OK);
        fclose(out);
        assert_int_equal(nw_genotype_read(ctx, &back, text, "text"), NW_OK);
        same_cells(&back.normal, &g->genotype.normal);
        same_cells(&back.reduce, &g->genotype.reduce);
        if (!strcmp(g->name, "nasnet-a-darts")) {
            assert_int_equal(nw_genotype_to_arch(&back, arch), NW_EMATCH);
            says(ctx, "no edge normal_14");
            nw_clear(ctx);
            continue;
        }
        if (!strcmp(g->name, "snas-aggressive")) {
            assert_int_equal(nw_genotype_to_arch(&back, arch), NW_EMATCH);
            says(ctx, "node 0 of the reduce cell has an edge of none");
            nw_clear(ctx);
            continue;
        }
        assert_int_equal(nw_genotype_to_arch(&back, arch), NW_OK);
        assert_true(nw_arch_is_hard(arch));
        assert_int_equal(nw_genotype_of_arch(arch, &again), NW_OK);
        assert_int_equal(again.normal.n, 4);
        assert_memory_equal(again.reduce.concat, back.reduce.concat,
                            sizeof(back.reduce.concat));
    }
}

static void test_darts__bad_genotypes_are_refused(void **state)
{
    static const struct {
        const char *json, *says;
    } bad[] = {
        {"{", "text:1:"},
        {"[]", "normal"},
        {"{\"normal\":[],\"normal_concat\":[]}", "reduce"},
        {"{\"normal\":[[\"sep_conv_3x3\",0]],\"normal_concat\":[2]}", "pairs"},
        {"{\"normal\":[[\"sep\",0],[\"none\",1]],\"normal_concat\":[2]}", "known op"},
        {"{\"normal\":[[\"noise\",0],[\"noise\",2]],\"normal_concat\":[2]}",
         "earlier node"},
        {"{\"normal\":[[\"noise\",0],[\"noise\",1]],\"normal_concat\":[3]}", "concat"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        nw_genotype g;

        assert_int_equal(nw_genotype_read(*state, &g, bad[i].json, "text"), NW_EFORMAT);
        says(*state, bad[i].says);
    }
}

/* Of nodes that do not go into the output: written, read, derived and left at an arch. */
static void test_darts__only_the_last_nodes_make_the_output(void **state)
{
    nw_ctx *ctx = *state;
    nw_space *space = opened(ctx, "darts c=4 layers=3 multiplier=2 phase=train", cifar);
    nw_arch *arch = nw_arch_new(ctx, space), *back = nw_arch_new(ctx, space);
    char text[2048] = {0};
    FILE *out = fmemopen(text, sizeof(text), "w");

    assert_int_equal(nw_arch_random(arch, 1), NW_OK);
    assert_int_equal(nw_arch_write_genotype(arch, out), NW_OK);
    fclose(out);
    assert_non_null(strstr(text, "\"normal_concat\":[4,5]"));
    assert_int_equal(nw_arch_read_genotype(back, text, "text"), NW_OK);
    assert_true(nw_arch_hash(back) == nw_arch_hash(arch));
    assert_true(graph_of(space, arch, 0)->macs ==
                graph_of(nw_space_derive(space, arch, ""), NULL, 0)->macs);
    *strstr(text, "[4,5]") = ' ';
    memcpy(strstr(text, "4,5]"), "[5 ]", 4);
    assert_int_equal(nw_arch_read_genotype(back, text, "text"), NW_EMATCH);
    says(ctx, "last 2 nodes");
}

/* The network found is the network derived: same numbers as the published spec. */
static void test_darts__derive_gives_the_evaluation_network(void **state)
{
    nw_ctx *ctx = *state;
    nw_space *space = opened(ctx, "darts c=8 layers=5", cifar), *net;
    nw_arch *arch = nw_arch_new(ctx, space);
    nw_graph *g;

    assert_null(nw_space_derive(space, arch, "")); /* soft */
    says(ctx, "harden");
    nw_clear(ctx);
    assert_int_equal(nw_genotype_to_arch(nw_genotype_find("darts-v2"), arch), NW_OK);
    net = nw_space_derive(space, arch, "c=36 layers=20 aux=1");
    assert_non_null(net);
    g = graph_of(net, NULL, 0);
    assert_true(trainable(g) == 3349342 && g->macs == 528359040);
    assert_int_equal(nw_space_choices(net), 0);
    assert_true(net->aux >= 0);
    g = graph_of(nw_space_derive(space, arch, ""), NULL, 0);
    assert_true(trainable(g) == 37018);
}

/* The space at an arch, phase=train, is the derived network but for the modules' names.
 */
static void test_darts__train_phase_at_an_arch_is_the_derived_network(void **state)
{
    nw_ctx *ctx = *state;
    nw_space *space = opened(ctx, "darts c=8 layers=5 phase=train drop=0.3", cifar), *net;
    nw_arch *arch = nw_arch_new(ctx, space);

    for (uint64_t seed = 0; seed < 20; seed++) {
        nw_graph *a, *b;

        assert_int_equal(nw_arch_random(arch, seed), NW_OK);
        net = nw_space_derive(space, arch, NULL);
        assert_non_null(net);
        a = graph_of(space, arch, 0);
        b = graph_of(net, NULL, 0);
        assert_true(trainable(a) == trainable(b));
        assert_true(a->macs == b->macs);
        nw_graph_free(a);
        nw_graph_free(b);
        nw_space_free(net);
    }
}

static void test_darts__planted_ops_and_small_stems_work(void **state)
{
    static const int small[3] = {1, 28, 28};
    nw_space *space = opened(
        *state,
        "darts c=4 layers=5 stem_stride=2 ops=none,noise,skip_connect,sep_conv_3x3",
        (const int[3]){3, 32, 32});

    assert_int_equal(nw_space_options(space, 0), 4);
    assert_string_equal(nw_space_option_name(space, 0, 3), "sep_conv_3x3");
    assert_string_equal(nw_space_choice_name(space, 0), "normal_0");
    opened(*state, "darts c=4 layers=3", small);
    opened(*state, "darts steps=2 multiplier=2 c=4 layers=3", small);
}

/* What DARTS proposes are shares of the options that are offered. */
static void mixed_without_none(nw_space *space, nw_arch *arch)
{
    const nw_env env = {.ctx = space->ctx, .space = space, .seed = 1};
    const nw_strategy_type *type = &nw_strategy_darts;
    void *self = nw_alloc(space->ctx, type->size);
    nw_trial trial = {.arch = arch};

    assert_int_equal(
        nw_spec_parse(space->ctx, (const nw_head *)type, "darts", NULL, self), NW_OK);
    assert_int_equal(type->open(self, &env), NW_OK);
    assert_int_equal(type->propose(self, &trial), NW_OK);
    for (int c = 0; c < nw_space_choices(space); c++) {
        const double *p = nw_arch_weights(arch, c);
        double sum = 0;

        for (int i = 0; i < nw_space_offered(space, c); i++)
            sum += p[i];
        assert_true(fabs(sum - 1) < 1e-12);
        assert_true(p[nw_space_options(space, c) - 1] == 0);
    }
    type->close(self);
    nw_release(space->ctx, self);
}

/* Edges that are dropped take a none that no mixture weighs. */
static void test_darts__stress_spaces_need_no_none(void **state)
{
    static const struct {
        const char *ops, *count;
    } spaces[] = {
        /* pairs of edges 1 * 3 * 6 * 10, ops^8 of each kind of cell, squared */
        {"skip_connect,sep_conv_3x3", "2123366400"},
        {"none,skip_connect,sep_conv_3x3", "2123366400"},
        {"noise,sep_conv_3x3", "2123366400"},
        {"sep_conv_3x3", "32400"},
    };

    for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
        char spec[200];
        nw_space *space;
        nw_arch *arch;
        int n;

        snprintf(spec, sizeof(spec), "darts c=4 layers=3 ops=%s", spaces[i].ops);
        space = opened(*state, spec, cifar);
        assert_string_equal(nw_space_count(space), spaces[i].count);
        arch = nw_arch_new(*state, space);
        n = nw_space_options(space, 0);
        if (strstr(spec, "none")) {
            assert_int_equal(nw_space_offered(space, 0), n);
            continue;
        }
        assert_int_equal(nw_space_offered(space, 0), n - 1);
        assert_string_equal(nw_space_option_name(space, 0, n - 1), "none");
        for (int c = 0; c < nw_space_choices(space); c++) {
            assert_true(nw_arch_weights(arch, c)[n - 1] == 0);
            assert_true(nw_arch_weights(arch, c)[0] == 1.0 / (n - 1));
        }
        mixed_without_none(space, arch);
        assert_int_equal(nw_arch_harden(arch), NW_OK);
        assert_int_equal(nw_arch_check(arch), NW_OK);
    }
}

static void test_darts__wrong_specs_are_refused_with_words(void **state)
{
    static const struct {
        const char *spec, *says;
        int size;
    } bad[] = {
        {"darts", "even number", 14},
        {"darts layers=5", "7 a side at cell 3", 14},
        {"darts ops=none", "leaves no network", 32},
        {"darts ops=", "", 32},
        {"darts ops=none,sep_conv_4x4", "sep_conv_4x4", 32},
        {"darts net=mnist", "net=mnist", 32},
        {"darts phase=eval", "phase=eval", 32},
        {"darts layer=3", "did you mean \"layers\"", 32},
        {"dartz", "did you mean \"darts\"", 32},
        {"darts steps=2", "multiplier", 32},
        {"darts c=3 layers=3 net=imagenet", "", 32},
        {"darts-v2 aux=1", "", 28},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_null(nw_space_open(*state, bad[i].spec,
                                  (const int[3]){3, bad[i].size, bad[i].size}, 10));
        says(*state, bad[i].says);
        nw_clear(*state);
    }
}

static void test_darts__sealing_is_quick(void **state)
{
    struct timespec a, b;
    double ms;

    clock_gettime(CLOCK_MONOTONIC, &a);
    opened(*state, "darts c=36 layers=20", cifar);
    clock_gettime(CLOCK_MONOTONIC, &b);
    ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) * 1e-6;
    print_message("darts c=36 layers=20 is built and sealed in %.0f ms\n", ms);
    assert_true(ms < 2000); /* machines that are busy, sanitizers */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_darts__counts_are_those_of_the_papers),
        TEST(test_darts__auxiliary_head_has_its_size),
        TEST(test_darts__space_has_1037664180_squared_archs),
        TEST(test_darts__every_genotype_survives_arch_and_json),
        TEST(test_darts__bad_genotypes_are_refused),
        TEST(test_darts__only_the_last_nodes_make_the_output),
        TEST(test_darts__derive_gives_the_evaluation_network),
        TEST(test_darts__train_phase_at_an_arch_is_the_derived_network),
        TEST(test_darts__planted_ops_and_small_stems_work),
        TEST(test_darts__stress_spaces_need_no_none),
        TEST(test_darts__wrong_specs_are_refused_with_words),
        TEST(test_darts__sealing_is_quick),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
