/* test_dpp_net.c - dense cells: channels, order of ops, networks that are one. */
#include "counting.h"

static nw_arch *read_arch(nw_ctx *ctx, nw_space *space, const char *text)
{
    nw_arch *arch = nw_arch_new(ctx, space);

    if (nw_arch_read_genotype(arch, text, "text") < 0)
        fail_msg("%s: %s", text, nw_errmsg(ctx));
    return arch;
}

static nw_graph *network(nw_ctx *ctx, const char *spec, const char *text)
{
    const int input[3] = {3, 8, 8};
    nw_space *space = opened(ctx, spec, input);
    nw_space *net = nw_space_derive(space, read_arch(ctx, space, text), "");

    if (!net)
        fail_msg("%s: %s", text, nw_errmsg(ctx));
    return graph_of(net, NULL, 0);
}

/* Growth 4, 8, 16; one cell a stage with one layer: maps of 8, 12, 20, 36 channels on
 * 8x8, 4x4, 2x2 pixels. Stem 216; then batch norm 72 and classes 370 at the end. */
static void test_dpp_net__every_kind_of_layer_has_its_parameters(void **state)
{
    static const struct {
        const char *layer;
        double params, macs;
    } rows[] = {
        {"none\",\"conv1x1", 32 + 96 + 320, 64 * 32 + 16 * 96 + 4 * 320},
        {"none\",\"conv3x3", 9 * 448, 9 * (64 * 32 + 16 * 96 + 4 * 320)},
        {"none\",\"gconv1x1", 448 / 2, (64 * 32 + 16 * 96 + 4 * 320) / 2},
        {"none\",\"lgconv1x1", 448 / 2, (64 * 32 + 16 * 96 + 4 * 320) / 2},
        {"none\",\"gconv3x3", 9 * 448 / 2, 9 * (64 * 32 + 16 * 96 + 4 * 320) / 2},
        {"none\",\"dw3x3", 448 + 9 * 40,
         64 * (32 + 72) + 16 * (96 + 108) + 4 * (320 + 180)},
        {"bn\",\"conv1x1", 448 + 80, 64 * 32 + 16 * 96 + 4 * 320},
        {"bn-relu\",\"conv1x1", 448 + 80, 64 * 32 + 16 * 96 + 4 * 320},
        {"relu\",\"conv1x1", 448, 64 * 32 + 16 * 96 + 4 * 320},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[100];
        nw_graph *g;

        snprintf(text, sizeof(text), "[[\"%s\"]]", rows[i].layer);
        g = network(*state, "dpp-net layers=1 cells=1 growth=4 groups=2", text);
        if (trainable(g) != 216 + 72 + 370 + rows[i].params ||
            g->macs != 64 * 216 + 360 + rows[i].macs)
            fail_msg("%s: %.0f parameters, %.0f MACs", text, trainable(g), g->macs);
    }
}

/* Two cells of two layers: layers read 8, 12, 16, 20 channels, the next stage 24. */
static void test_dpp_net__layers_read_all_before_them(void **state)
{
    nw_graph *g = network(*state, "dpp-net layers=2 cells=2 growth=4",
                          "[[\"bn-relu\",\"conv1x1\"],[\"none\",\"conv3x3\"]]");
    double params = 216, c = 8;

    for (int stage = 0; stage < 3; stage++)
        for (int cell = 0; cell < 2; cell++) {
            const double out = 4 << stage;

            params += 2 * c + c * out + (c + out) * 9 * out;
            c += 2 * out;
        }
    assert_true(c == 8 + 4 * (4 + 8 + 16));
    assert_true(trainable(g) == params + 2 * c + 10 * c + 10);
}

static void test_dpp_net__the_norm_comes_before_the_convolution(void **state)
{
    nw_graph *g =
        network(*state, "dpp-net layers=1 cells=1 growth=4", "[[\"bn-relu\",\"dw3x3\"]]");
    static const char *const order[] = {"input",  "conv2d", "batchnorm", "relu",
                                        "conv2d", "conv2d", "concat",    "avgpool"};

    for (int i = 0; i < 8; i++)
        assert_string_equal(g->space->place[g->node[i].place].op->name, order[i]);
}

static void test_dpp_net__learned_groups_are_plain_groups(void **state)
{
    nw_space *space = opened(*state, "dpp-net layers=1", NULL);
    nw_arch *a = read_arch(*state, space, "[[\"bn\",\"gconv1x1\"]]");
    nw_arch *b = read_arch(*state, space, "[[\"bn\",\"lgconv1x1\"]]");
    nw_arch *c = read_arch(*state, space, "[[\"bn\",\"gconv3x3\"]]");

    assert_true(nw_arch_hash(a) != nw_arch_hash(b));
    assert_true(nw_arch_class(a) == nw_arch_class(b));
    assert_true(nw_arch_class(a) != nw_arch_class(c));
}

static void test_dpp_net__wrong_words_are_refused(void **state)
{
    static const char *const bad[] = {"[]",
                                      "{}",
                                      "[[\"bn\"]]",
                                      "[[\"bn\",\"conv5x5\"]]",
                                      "[[\"conv1x1\",\"bn\"]]",
                                      "[[\"bn\",\"conv1x1\",\"relu\"]]",
                                      "[[\"bn\","};
    nw_space *space = opened(*state, "dpp-net layers=1", NULL);
    nw_arch *arch = nw_arch_new(*state, space);

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (nw_arch_read_genotype(arch, bad[i], "text") != NW_EFORMAT)
            fail_msg("%s is accepted", bad[i]);
        nw_clear(*state);
    }
    assert_null(nw_space_open(*state, "dpp-net growth=6", NULL, 0));
    says(*state, "growth=6 is not a multiple of groups=4");
}

/* 24 + 576 + 13,824; a cell of fewer layers is that of the smaller space. */
static void test_dpp_net__progressive_has_cells_of_fewer_layers(void **state)
{
    static const char *const texts[] = {"[[\"bn\",\"dw3x3\"]]",
                                        "[[\"bn\",\"dw3x3\"],[\"relu\",\"conv1x1\"]]"};
    nw_space *grows = opened(*state, "dpp-net progressive=1", NULL);
    nw_arch *arch = nw_arch_new(*state, grows);
    int layers[3] = {0};

    assert_string_equal(nw_space_count(grows), "14424");
    for (int i = 0; i < 2; i++) {
        nw_space *small =
            opened(*state, i ? "dpp-net layers=2" : "dpp-net layers=1", NULL);
        nw_arch *a = read_arch(*state, small, texts[i]);
        nw_arch *b = read_arch(*state, grows, texts[i]);
        nw_score want, got;

        assert_int_equal(nw_arch_check(b), NW_OK);
        assert_true(nw_arch_class(a) == nw_arch_class(b));
        assert_int_equal(nw_arch_cost(a, &want), NW_OK);
        assert_int_equal(nw_arch_cost(b, &got), NW_OK);
        assert_true(want.params == got.params && want.macs == got.macs);
    }
    for (uint64_t seed = 0; seed < 5000; seed++) {
        assert_int_equal(nw_arch_random(arch, seed), NW_OK);
        assert_int_equal(nw_arch_check(arch), NW_OK);
        layers[nw_arch_option(arch, 0)]++;
    }
    assert_true(layers[1] > 150 && layers[1] < 250); /* 4 % of 5,000 are 200 */
    assert_true(layers[0] > 0 && layers[0] < 25);    /* 8 */
    nw_arch_pick(arch, 0, 0);
    nw_arch_pick(arch, 5, 1);
    assert_true(nw_arch_check(arch) == NW_EINVAL);
    says(*state, "layers that the cell does not have");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_dpp_net__every_kind_of_layer_has_its_parameters),
        TEST(test_dpp_net__layers_read_all_before_them),
        TEST(test_dpp_net__the_norm_comes_before_the_convolution),
        TEST(test_dpp_net__learned_groups_are_plain_groups),
        TEST(test_dpp_net__progressive_has_cells_of_fewer_layers),
        TEST(test_dpp_net__wrong_words_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
