/*
 * test_elastic.c - genomes of NAT mean what its paper lists, AttentiveNAS's forms lead to
 * its networks, and what is not allowed is refused in the right words.
 */
#include "counting.h"

#include <math.h>

/* Kernels and expansions in order, and blocks of each stage, read off a network. */
struct blocks {
    int n, kernel[20], expand[20], depth[5];
};

static void read_off(const nw_graph *g, struct blocks *out)
{
    int in = 0;

    *out = (struct blocks){0};
    for (int i = 0; i < g->n_param; i++) {
        const nw_param *p = g->param[i].param;
        int number = -1, end = 0;

        sscanf(g->param[i].name,
               "blocks.%d.mobile_inverted_conv.inverted_bottleneck.conv.weight%n",
               &number, &end);
        if (end)
            in = p->dim[1];
        end = 0;
        sscanf(g->param[i].name,
               "blocks.%d.mobile_inverted_conv.depth_conv.conv.weight%n", &number, &end);
        if (!end || number < 1)
            continue;
        assert_true(out->n < 20);
        out->kernel[out->n] = p->dim[2];
        out->expand[out->n++] = (int)lround((double)p->dim[0] / in);
        out->depth[(number - 1) / 4]++;
    }
}

struct listed {
    const char *net, *genome;
    int pixels, first, depth[5], kernel[20], expand[20];
};

/* As NAT's paper and configurations list them. */
static const struct listed listed[] = {
    {"nat-m1",
     "\"08 0 11001440551052208877\"",
     224,
     16,
     {2, 3, 3, 3, 4},
     {3, 3, 3, 3, 3, 5, 5, 3, 5, 5, 5, 5, 5, 3, 3},
     {3, 3, 3, 4, 4, 4, 4, 3, 4, 3, 3, 6, 6, 6, 6}},
    {"nat-m2",
     "\"08 1 11003100632076009771\"",
     224,
     24,
     {2, 2, 3, 2, 4},
     {3, 3, 7, 3, 7, 7, 5, 3, 7, 7, 3, 3, 3},
     {3, 3, 3, 3, 4, 3, 3, 6, 4, 6, 6, 6, 3}},
    {"nat-m3",
     "\"08 1 21105451581189759771\"",
     224,
     24,
     {3, 4, 4, 4, 4},
     {5, 3, 3, 5, 3, 5, 3, 5, 5, 3, 3, 5, 7, 3, 5, 7, 3, 3, 3},
     {3, 3, 3, 4, 4, 4, 3, 4, 6, 3, 3, 6, 6, 6, 4, 6, 6, 6, 3}},
    {"nat-m4",
     "\"12 1 15105572981578947781\"",
     240,
     24,
     {3, 4, 4, 4, 4},
     {3, 5, 3, 5, 5, 3, 5, 7, 5, 3, 5, 3, 5, 7, 3, 3, 3, 5, 3},
     {3, 4, 3, 4, 4, 6, 3, 6, 6, 3, 4, 6, 6, 6, 4, 6, 6, 6, 3}},
};

static int sum(const int *value, int n)
{
    return n ? *value + sum(value + 1, n - 1) : 0;
}

static void check_listed(const struct listed *l, const nw_graph *g)
{
    struct blocks b;

    read_off(g, &b);
    assert_int_equal(b.n, sum(l->depth, 5));
    assert_memory_equal(b.depth, l->depth, sizeof(b.depth));
    assert_memory_equal(b.kernel, l->kernel, sizeof(b.kernel));
    assert_memory_equal(b.expand, l->expand, sizeof(b.expand));
    assert_int_equal(g->node[g->input].info.out.dim[1], l->pixels);
    assert_int_equal(g->param[0].param->dim[0], l->first);
}

static void test_elastic__genomes_of_nat_are_what_its_lists_say(void **state)
{
    nw_space *space = opened(*state, "ofa act=mish", NULL);
    nw_arch *arch = nw_arch_new(*state, space);

    for (size_t i = 0; i < sizeof(listed) / sizeof(*listed); i++) {
        nw_space *net = nw_space_open_net(*state, listed[i].net, NULL, 0);
        nw_graph *a = graph_of(net, NULL, 0), *b;

        check_listed(&listed[i], a);
        if (nw_arch_read_genotype(arch, listed[i].genome, "genome") < 0)
            fail_msg("%s", nw_errmsg(*state));
        b = graph_of(space, arch, 0);
        check_listed(&listed[i], b);
        assert_int_equal(a->n, b->n);
        assert_true(trainable(a) == trainable(b) && a->macs == b->macs);
    }
}

/* Of the 9 x 9 x 10 x 10 settings of a stage, 7371 are legal. */
static void test_elastic__a_stage_has_7371_forms(void **state)
{
    nw_space *space = opened(*state, "ofa", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    int legal = 0;
    char why[256];

    assert_int_equal(nw_arch_random(arch, 1), NW_OK);
    for (int i = 0; i < 8100; i++) {
        assert_int_equal(nw_arch_set(arch, "layer_9", i % 9), NW_OK);
        assert_int_equal(nw_arch_set(arch, "layer_10", i / 9 % 9), NW_OK);
        assert_int_equal(nw_arch_set(arch, "layer_11", i / 81 % 10), NW_OK);
        assert_int_equal(nw_arch_set(arch, "layer_12", i / 810), NW_OK);
        legal += nw_arch_is_legal(arch, why);
    }
    assert_int_equal(legal, 7371);
}

static void genotype(const nw_arch *arch, char *text, size_t size)
{
    FILE *out = fmemopen(text, size, "w");

    if (nw_arch_write_genotype(arch, out) < 0)
        fail_msg("%s", nw_errmsg(arch->ctx));
    fclose(out);
}

/* Leaving out layer 3 moves layer 4 there: the tail is what goes. */
static void test_elastic__a_layer_left_out_is_the_last_of_its_stage(void **state)
{
    nw_space *space = opened(*state, "ofa", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    char text[200];

    assert_int_equal(nw_arch_read_genotype(arch, "\"00011991199119911991199\"", "g"),
                     NW_OK);
    nw_arch_set(arch, "layer_3", 0);
    nw_arch_set(arch, "layer_4", 7);
    assert_int_equal(nw_arch_check(arch), NW_EINVAL);
    says(*state, "layer_3 is left out, but layer_4 behind it in its stage is not");
    nw_clear(*state);
    space->family->repair(arch);
    assert_int_equal(nw_arch_check(arch), NW_OK);
    genotype(arch, text, sizeof(text));
    assert_string_equal(text, "[0,0,1,1,7,0,1,1,9,9,1,1,9,9,1,1,9,9,1,1,9,9]");
}

static void refused(nw_ctx *ctx, nw_arch *arch, const char *text, const char *words)
{
    nw_clear(ctx);
    assert_int_equal(nw_arch_read_genotype(arch, text, "here"), NW_EFORMAT);
    says(ctx, words);
    nw_clear(ctx);
}

static void test_elastic__genotypes_that_are_none_are_refused(void **state)
{
    nw_ctx *ctx = *state;
    nw_arch *ofa = nw_arch_new(ctx, opened(ctx, "ofa", NULL));
    nw_arch *att = nw_arch_new(ctx, opened(ctx, "attentivenas", NULL));

    refused(ctx, ofa, "[1,2]", "a list of 22 whole numbers");
    refused(ctx, ofa, "[4294967304,0,1,1,0,0,1,4,4,0,5,5,1,0,5,2,2,0,8,8,7,7]",
            "a list of 22 whole numbers");
    refused(ctx, ofa, "nonsense", "a list of 22 whole numbers");
    refused(ctx, ofa, "\"08 0 1100144055105220887\"", "a text of 23 digits");
    refused(ctx, ofa, "\"08 0 110014405510522088771\"", "a text of 23 digits");
    refused(ctx, ofa, "\"17 0 11001440551052208877\"",
            "number 1 of the genome, resolution, is 17");
    refused(ctx, ofa, "\"08 0 10001440551052208877\"", "layer_2, is 0");
    refused(ctx, ofa, "\"08 0 11011440551052208877\"", "layer_3 is left out");
    refused(ctx, att, "{\"width\":[16]}", "\"width\":[9]");
    refused(ctx, att,
            "{\"resolution\":192,\"width\":[16,16,24,32,64,112,192,216,1792],"
            "\"kernel\":[3,3,3,3,7,3,3],\"expand\":[1,4,4,4,4,6,6],"
            "\"depth\":[1,3,3,3,3,3,1]}",
            "mb5_kernel is none of the space's: 7");
    refused(ctx, att,
            "{\"resolution\":192,\"width\":[16,16,24,32,64,112,192,216,1792],"
            "\"kernel\":[3,3,3,3,3,3,3],\"expand\":[1,4,4,4,4,4,6],"
            "\"depth\":[1,3,3,3,3,3,1]}",
            "mb6_expand is 6, always");
}

static void same_cost(nw_arch *arch, const char *net)
{
    nw_space *space = nw_space_open_net(arch->ctx, net, NULL, 0);
    nw_graph *a = graph_of(arch->space, arch, 0), *b = graph_of(space, NULL, 0);

    assert_int_equal(a->n, b->n);
    assert_true(trainable(a) == trainable(b) && a->macs == b->macs);
}

static void test_elastic__forms_of_attentivenas_lead_to_its_networks(void **state)
{
    nw_arch *arch = nw_arch_new(*state, opened(*state, "attentivenas", NULL));
    static const char *const a6 =
        "{\"resolution\":288,\"width\":[16,16,24,32,64,112,216,224,1984],"
        "\"kernel\":[3,3,3,3,3,5,3],\"expand\":[1,4,6,5,4,6,6],"
        "\"depth\":[1,3,3,4,4,6,1]}";
    char text[300];

    assert_int_equal(nw_arch_read_genotype(arch, a6, "a6"), NW_OK);
    same_cost(arch, "alphanet-a6");
    genotype(arch, text, sizeof(text));
    assert_string_equal(text, a6);
    nw_arch_first(arch);
    same_cost(arch, "attentivenas-min");
    for (int c = 0; c < nw_space_choices(arch->space); c++)
        nw_arch_pick(arch, c, nw_space_options(arch->space, c) - 1);
    same_cost(arch, "attentivenas-max");
}

/* With pixels from the data there is no such decision, and a genome may say any. */
static void test_elastic__pixels_of_the_data_are_no_decision(void **state)
{
    static const int input[3] = {3, 64, 64};
    nw_arch *arch = nw_arch_new(*state, opened(*state, "ofa width=1.2", input));
    char text[200];
    nw_graph *g;

    assert_int_equal(nw_arch_read_genotype(arch, listed[3].genome, "m4"), NW_OK);
    g = graph_of(arch->space, arch, 0);
    assert_int_equal(g->node[g->input].info.out.dim[1], 64);
    assert_true(trainable(g) == 9135928);
    genotype(arch, text, sizeof(text));
    assert_string_equal(text, "[null,null,1,5,1,0,5,5,7,2,9,8,1,5,7,8,9,4,7,7,8,1]");
    assert_int_equal(nw_arch_read_genotype(arch, text, "m4"), NW_OK);
}

static void test_elastic__keys_that_say_nothing_are_refused(void **state)
{
    static const char *const bad[][2] = {
        {"ofa step=6", "step=6 is neither 4 nor 8"},
        {"ofa act=\"relu | relu\"", "neither ofa nor an op"},
        {"ofa act=nonsense", "there is no op \"nonsense\""},
        {"ofa-max act=nonsense", "nonsense"},
        {"ofa width=-1", "outside"},
        {"attentivenas size=-5", "outside"},
        {"alphanet-a0 width=2", "no key \"width\""},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_null(nw_space_open(*state, bad[i][0], NULL, 0));
        says(*state, bad[i][1]);
        nw_clear(*state);
    }
    assert_null(nw_space_open_net(*state, "nat-m1 classes=10", (int[3]){3, 32, 32}, 100));
    says(*state, "classes=10 but the data has 100");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_elastic__genomes_of_nat_are_what_its_lists_say),
        TEST(test_elastic__a_stage_has_7371_forms),
        TEST(test_elastic__a_layer_left_out_is_the_last_of_its_stage),
        TEST(test_elastic__genotypes_that_are_none_are_refused),
        TEST(test_elastic__forms_of_attentivenas_lead_to_its_networks),
        TEST(test_elastic__pixels_of_the_data_are_no_decision),
        TEST(test_elastic__keys_that_say_nothing_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
