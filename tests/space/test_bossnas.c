/* test_bossnas.c - BossNAS: paths one by one, the authors' formula, what is refused. */
#include "counting.h"

#include "bossnas.h"

/* Parameters without norms and biases, as the authors' formula counts them. */
static double plain_parameters(const nw_graph *g)
{
    double n = 0;

    for (int i = 0; i < g->n_param; i++) {
        const nw_op_type *op = g->node[g->param[i].node].op;

        if (strcmp(op->name, "batchnorm") && !strcmp(g->param[i].param->suffix, "weight"))
            n += (double)g->param[i].count;
    }
    return n;
}

static void test_bossnas__counts_are_those_of_the_authors_formula(void **state)
{
    static const struct {
        const char *spec;
        double params, macs;
    } rows[] = {
        {"bossnet-t0 se=0", 37231232, 3441888768},
        {"bossnet-t0", 42646144, 3447303680},
        {"bossnet-t0 size=288", 42646144, 5736197632},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        nw_space *space = nw_space_open_net(*state, rows[i].spec, NULL, 0);
        nw_graph *g;

        assert_non_null(space);
        g = graph_of(space, NULL, 0);
        assert_true(plain_parameters(g) == rows[i].params);
        assert_true(g->macs == rows[i].macs);
        nw_graph_free(g);
        nw_space_free(space);
    }
}

static size_t size_of(const nw_graph *g, const char *name)
{
    for (int i = 0; i < g->n_param; i++)
        if (!strcmp(g->param[i].name, name))
            return g->param[i].count;
    return 0;
}

/* From the authors' code, which with these weights gives the same logits. */
static void test_bossnas__modules_have_the_authors_names(void **state)
{
    static const struct {
        const char *name;
        size_t count;
    } some[] = {
        {"conv1.weight", 64 * 3 * 49},
        {"layer1.0.downsample.1.weight", 64 * 256},
        {"layer1.0.peg.conv.bias", 64},
        {"layer2.0.conv2.weight", 128 * 128 * 9},
        {"layer3.0.se.fc1.weight", 1024 * 64},
        {"layer3.1.downsample.1.weight", 0}, /* nothing changes */
        {"layer3.3.proj.1.conv.weight", 256 * 9},
        {"layer3.3.net.1.to_qkv.weight", 3 * 256 * 256},
        {"layer3.3.se.fc1.weight", 0}, /* attention has none */
        {"layer4.0.shortcut.1.weight", 1024 * 2048},
        {"layer4.8.net.5.running_var", 2048},
        {"fc.weight", 2048 * 1000},
    };
    nw_space *space = nw_space_open_net(*state, "bossnet-t0 se=2", NULL, 0);
    nw_graph *g = graph_of(space, NULL, 0);

    for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
        if (size_of(g, some[i].name) != some[i].count)
            fail_msg("%s has %zu numbers, not %zu", some[i].name,
                     size_of(g, some[i].name), some[i].count);
    nw_graph_free(g);
}

/* All sequences of four ops: as many are legal as the space says, and no others. */
static void test_bossnas__every_path_of_a_block_is_listed(void **state)
{
    static const int scale[] = {0, 0, 1, 1, 2, 3};
    nw_space *space = opened(*state, "bossnas-hytra layers=4 start=3", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    int legal = 0;

    for (int i = 0; i < 6 * 6 * 6 * 6; i++) {
        const int op[] = {i % 6, i / 6 % 6, i / 36 % 6, i / 216};
        int ok = scale[op[0]] < 3;
        char why[256];

        for (int l = 0; l < 4; l++) {
            assert_int_equal(nw_arch_pick(arch, l, op[l]), NW_OK);
            ok &= !l || scale[op[l]] == scale[op[l - 1]] ||
                  scale[op[l]] == scale[op[l - 1]] - 1;
        }
        assert_int_equal(nw_arch_is_legal(arch, why), ok);
        legal += ok;
    }
    assert_int_equal(legal, 115);
}

/* Draws of a block come as often as one another. */
static void test_bossnas__paths_are_drawn_evenly(void **state)
{
    enum { DRAWS = 16000 };
    nw_space *space = opened(*state, "bossnas-hytra layers=4 start=2", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    int seen[256] = {0}, kinds = 0;
    double chi = 0;

    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        int at = 0;

        assert_int_equal(nw_arch_random(arch, seed), NW_OK);
        for (int l = 0; l < 4; l++)
            at = 4 * at + nw_arch_option(arch, l);
        seen[at]++;
    }
    for (int i = 0; i < 256; i++) {
        const double apart = seen[i] - DRAWS / 80.;

        kinds += seen[i] > 0;
        chi += seen[i] ? apart * apart / (DRAWS / 80.) : 0;
    }
    assert_int_equal(kinds, 80);
    assert_true(chi < 150); /* 79 degrees of freedom: one in 10^5 is above 144 */
}

static nw_arch *arch_of(nw_ctx *ctx, const char *spec, const char *genotype)
{
    nw_arch *arch = nw_arch_new(ctx, opened(ctx, spec, NULL));

    if (nw_arch_read_genotype(arch, genotype, "text") < 0)
        fail_msg("%s: %s", genotype, nw_errmsg(ctx));
    return arch;
}

/* BossNet-T0 is one of the paths, and the network at it is the published one. */
static void test_bossnas__t0_is_a_path_of_the_space(void **state)
{
    nw_ctx *ctx = *state;
    nw_arch *arch = arch_of(ctx, "bossnas-hytra", "[5,4,3,3,3,2,3,0,0,0,1,0,0,0,0,0]");
    nw_score at, t0;

    assert_int_equal(nw_arch_cost(arch, &at), NW_OK);
    assert_int_equal(
        nw_arch_cost(nw_arch_new(ctx, nw_space_open_net(ctx, "bossnet-t0", NULL, 0)),
                     &t0),
        NW_OK);
    assert_true(at.params == t0.params && at.macs == t0.macs);
    assert_true(at.layers == t0.layers && at.peak_bytes == t0.peak_bytes);
}

/* A scale without layers is a strided convolution: 9 b^2 more for each. */
static void test_bossnas__empty_stages_are_convolutions(void **state)
{
    nw_arch *arch =
        arch_of(*state, "bossnas-hytra layers=1 se=0 c=4 classes=10 size=32", "[0]");
    nw_graph *g = graph_of(arch->space, arch, 0);

    /* stem, three strided convolutions, one ResAtt from 64 to 128, the classifier */
    assert_true(plain_parameters(g) == 49 * 3 * 4 + 9 * (4 * 16 + 16 * 32 + 32 * 64) +
                                           64 * 32 + 9 * 32 + 3 * 32 * 32 + 32 * 128 +
                                           64 * 128 + 128 * 10);
    nw_graph_free(g);
}

/* Of all MB6 3x3 and of all MB3 5x5, by a count of its own from the same rules. */
static void test_bossnas__mbconv_networks_have_their_size(void **state)
{
    static const struct {
        const char *genotype;
        double params, macs;
    } rows[] = {
        {"[\"00\",\"0000\",\"0000\",\"0000\",\"0000\",\"0\"]", 5640776, 460593248},
        {"[\"11\",\"1111\",\"1111\",\"1111\",\"1111\",\"1\"]", 5809736, 500708960},
        {"[\"22\",\"2222\",\"2222\",\"2222\",\"2222\",\"2\"]", 3719432, 255610928},
        {"[\"33\",\"3333\",\"3333\",\"3333\",\"3333\",\"3\"]", 3803912, 275668784},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        nw_arch *arch = arch_of(*state, "bossnas-mbconv", rows[i].genotype);
        nw_graph *derived = graph_of(nw_space_derive(arch->space, arch, ""), NULL, 0);
        nw_score score;

        assert_int_equal(nw_arch_cost(arch, &score), NW_OK);
        assert_true(score.params == rows[i].params && score.macs == rows[i].macs);
        assert_true(trainable(derived) == rows[i].params);
        nw_graph_free(derived);
    }
}

static void test_bossnas__what_does_not_go_is_refused_with_words(void **state)
{
    static const struct {
        const char *spec, *says;
    } specs[] = {
        {"bossnas-hytra paths=all", "paths=all is not adjacent"},
        {"bossnas-mbconv size=48", "multiples of 32"},
        {"bossnet-t0 size=80", "cannot halve"},
        {"bossnet-t0 se=3", "se"},
        {"bossnas-hytra start=5", "start"},
    };
    static const struct {
        const char *spec, *genotype, *says;
    } genotypes[] = {
        {"bossnas-hytra", "[5,3]", "not a list of 16 ops"},
        {"bossnas-hytra layers=2", "[5,6]", "op 1 is not within 0 to 5"},
        {"bossnas-hytra layers=2", "[2,4]", "layer 1 takes conv28"},
        {"bossnas-hytra layers=2", "[5,3]", "only conv28 to conv56 can be"},
        {"bossnas-hytra layers=2 start=3", "[5,5]", "layer 0 takes conv56"},
        {"bossnas-hytra layers=2", "[5,", "text:1"},
        {"bossnas-mbconv", "[\"01\"]", "not a list of 6 texts"},
        {"bossnas-mbconv last=0", "[\"01\",\"0123\",\"0123\",\"0124\",\"0123\"]",
         "stage 3 is not 4 digits"},
    };

    for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
        assert_null(nw_space_open_net(*state, specs[i].spec, NULL, 0));
        says(*state, specs[i].says);
        nw_clear(*state);
    }
    for (size_t i = 0; i < sizeof(genotypes) / sizeof(*genotypes); i++) {
        nw_arch *arch = nw_arch_new(*state, opened(*state, genotypes[i].spec, NULL));

        assert_int_equal(nw_arch_read_genotype(arch, genotypes[i].genotype, "text"),
                         NW_EFORMAT);
        says(*state, genotypes[i].says);
        nw_clear(*state);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bossnas__counts_are_those_of_the_authors_formula),
        TEST(test_bossnas__modules_have_the_authors_names),
        TEST(test_bossnas__every_path_of_a_block_is_listed),
        TEST(test_bossnas__paths_are_drawn_evenly),
        TEST(test_bossnas__t0_is_a_path_of_the_space),
        TEST(test_bossnas__empty_stages_are_convolutions),
        TEST(test_bossnas__mbconv_networks_have_their_size),
        TEST(test_bossnas__what_does_not_go_is_refused_with_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
