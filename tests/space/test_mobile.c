/*
 * test_mobile.c - spaces of mobile networks: what tables of counts do not show.
 *
 * A network built at an arch is what is left of its space there; genotypes lead to the
 * published networks; ops stand in their order; what breaks a rule is refused in words.
 */
#include "counting.h"

#include "net.h"
#include "random.h"

#include <math.h>

#define PROXYLESS                                                                        \
    "proxylessnas first=8 block=8 last=16 widths=16,24 layers=2,2 strides=1,2 size=16"
#define FBNET  "fbnet first=8 last=16 widths=8,16 layers=1,2 strides=1,2 size=16"
#define FPNAS  "fpnas first=8 block=8 last=16 widths=8,12 layers=2,2 strides=1,2 size=16"
#define SPOS   "spos first=8 last=16 widths=12,24 layers=2,2 strides=2,2 size=16"
#define SPOS_C SPOS " channels=1"

static nw_arch *arch_of(nw_ctx *ctx, const char *spec)
{
    nw_arch *arch = nw_arch_new(ctx, opened(ctx, spec, NULL));

    assert_non_null(arch);
    return arch;
}

static nw_score cost_of(const nw_arch *arch)
{
    nw_score score;

    if (nw_arch_cost(arch, &score) < 0)
        fail_msg("%s: %s", arch->space->origin, nw_errmsg(arch->ctx));
    return score;
}

static nw_score cost_at(nw_ctx *ctx, const char *spec, const char *genotype)
{
    nw_arch *arch = arch_of(ctx, spec);

    if (nw_arch_read_genotype(arch, genotype, "test") < 0)
        fail_msg("%s: %s", spec, nw_errmsg(ctx));
    return cost_of(arch);
}

static void costs(const nw_score *score, double params, double macs)
{
    if (score->params != params || score->macs != macs)
        fail_msg("%.0f parameters, %.0f MACs, not %.0f and %.0f", score->params,
                 score->macs, params, macs);
}

static void does_not_read(nw_ctx *ctx, const char *spec, const char *genotype,
                          const char *words)
{
    assert_true(nw_arch_read_genotype(arch_of(ctx, spec), genotype, "test") < 0);
    says(ctx, words);
    nw_clear(ctx);
}

static void is_no_space(nw_ctx *ctx, const char *spec, const char *words)
{
    assert_null(nw_space_open(ctx, spec, NULL, 0));
    says(ctx, words);
    nw_clear(ctx);
}

/* Ops of the network at an arch, from node `first` on: "conv2d batchnorm relu". */
static void ops_are(const nw_arch *arch, int first, const char *expected)
{
    nw_space *net = nw_space_derive(arch->space, arch, NULL);
    char text[1024] = "";
    size_t n = 0;
    nw_graph *g;

    assert_non_null(net);
    g = graph_of(net, NULL, 0);
    for (int i = first; i < g->n && n < sizeof(text); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "",
                              g->node[i].op->name);
    if (strncmp(text, expected, strlen(expected)))
        fail_msg("\"%s\" does not start with \"%s\"", text, expected);
    nw_graph_free(g);
}

/* ---- All of them ------------------------------------------------------------------ */

static void test_mobile__a_network_is_what_is_left_of_its_space(void **state)
{
    static const char *const specs[] = {PROXYLESS, FBNET,          FBNET " rule=2",
                                        FPNAS,     SPOS,           SPOS_C,
                                        "spos",    "proxylessnas", "nasbench-macro"};

    for (size_t s = 0; s < sizeof(specs) / sizeof(*specs); s++) {
        nw_arch *arch = arch_of(*state, specs[s]);

        for (uint64_t i = 0; i < 30; i++) {
            nw_space *net;
            nw_score left;

            assert_int_equal(nw_arch_random(arch, i), NW_OK);
            net = nw_space_derive(arch->space, arch, NULL);
            assert_non_null(net);
            left = cost_of(nw_arch_new(*state, net));
            assert_string_equal(nw_space_count(net), "1");
            costs(&left, cost_of(arch).params, cost_of(arch).macs);
        }
    }
}

/* One step of a net with all options of every choice, mixed alike: every parameter and
 * every weight of a choice has a gradient, but those before a norm that undoes them. */
static void step_of_all(nw_ctx *ctx, const char *spec)
{
    const nw_plan_config config = {.batch = 2, .backward = 1};
    const nw_pass pass = {.mode = NW_TRAIN, .seed = 1};
    const int32_t labels[2] = {0, 1};
    nw_space *space = nw_space_open(ctx, spec, NULL, 10);
    nw_net *net = space ? nw_net_new(ctx, space, NULL, 1, NW_F64) : NULL;
    nw_plan *plan = net ? nw_net_plan(net, &config) : NULL;
    float x[2 * 3 * 16 * 16];
    double loss = NAN;
    size_t moved = 0;

    for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++)
        x[i] = (float)nw_normal(3, NW_FOR_TEST, i);
    if (!plan || nw_plan_forward(plan, &(nw_batch){x, labels, NULL}, &pass, &loss) < 0 ||
        nw_plan_backward(plan, 1) < 0)
        fail_msg("%s: %s", spec, nw_errmsg(ctx));
    assert_true(isfinite(loss));
    for (size_t i = 0; i < net->graph->n_trainable; i++) {
        assert_true(isfinite(nw_real_get(net, net->grad, i)));
        moved += nw_real_get(net, net->grad, i) != 0;
    }
    assert_true(2 * moved > net->graph->n_trainable);
    for (int c = 0; c < space->n_choice; c++)
        for (int o = 0; o < space->choice[c].n; o++)
            if (strcmp(space->choice[c].option_name[o], "Zero") &&
                !(fabs(net->dmix[space->choice[c].first + o]) > 0))
                fail_msg("%s: %s does not move option %d", spec, space->choice[c].name,
                         o);
    nw_net_free(net);
}

static void test_mobile__graph_spaces_train_whole(void **state)
{
    step_of_all(*state, PROXYLESS);
    step_of_all(*state, FBNET);
    step_of_all(*state, FBNET " rule=2");
    step_of_all(*state, FPNAS);
    step_of_all(*state, SPOS);
    step_of_all(*state, SPOS " phase=search");
}

static void test_mobile__tiny_spaces_are_counted_one_by_one(void **state)
{
    static const struct {
        const char *spec;
        int n;
    } tiny[] = {
        {"proxylessnas widths=24,32 layers=2,1 strides=2,1", 6 * 7 * 6},
        {"proxylessnas ops=Zero,7x7_MBConv6 widths=24 layers=3 strides=2", 4},
        {"fbnet widths=16 layers=2 strides=2", 81},
        {"fbnet widths=16 layers=2 strides=2 ops=skip,k3_e1,k5_e6", 9},
        {"fpnas widths=24 layers=2 strides=2", 144},
        {"spos widths=20 layers=2 strides=2", 16},
        {"spos widths=20 layers=1 strides=2 channels=1 scales=8", 32},
        {"nasbench-macro layers=2,1", 27},
    };

    for (size_t i = 0; i < sizeof(tiny) / sizeof(*tiny); i++) {
        nw_arch *arch = arch_of(*state, tiny[i].spec);
        int n = 0;

        for (int more = nw_arch_first(arch); more; more = nw_arch_next(arch))
            n++;
        assert_int_equal(n, tiny[i].n);
        assert_int_equal(atoi(nw_space_count(arch->space)), tiny[i].n);
    }
}

static void test_mobile__wrong_stages_are_refused(void **state)
{
    is_no_space(*state, "fbnet widths=16,x", "widths=16,x");
    is_no_space(*state, "fbnet layers=1,4", "layers=1,4");
    is_no_space(*state, "proxylessnas strides=2,2,2,1,2,9", "strides=2,2,2,1,2,9");
    is_no_space(*state, "spos layers=4,4,60,4", "more than 64");
    is_no_space(*state, "spos widths=64,160,321,640", "must be even");
    is_no_space(*state, "spos widths=64,160,160,640", "grow");
    is_no_space(*state, "spos widths=8 layers=1 strides=2 first=4 channels=1",
                "needs 10");
    is_no_space(*state, "spos phase=never", "neither search nor train");
    is_no_space(*state, "fpnas widths=24,40,81,112,192,320", "must be even");
    is_no_space(*state, "fbnet rule=3", "rule=3");
    is_no_space(*state, "fbnet ops=skip,k7_e6", "\"k7_e6\" is no op");
    is_no_space(*state, "fbnet ops=skip,k5_e6,skip", "\"skip\" is there twice");
    is_no_space(*state, "proxylessnas ops=Zero", "needs another");
    is_no_space(*state, "nasbench-macro layers=2,,3", "layers=2,,3");
    assert_null(nw_space_open(*state, "spos classes=10", NULL, 100));
    says(*state, "classes=10 but the data has 100");
    nw_clear(*state);
}

/* ---- ProxylessNAS ------------------------------------------------------------------ */

static void test_mobile__proxylessnas_zero_leaves_the_input(void **state)
{
    nw_arch *arch = arch_of(*state, PROXYLESS);

    assert_int_equal(nw_space_options(arch->space, 0), 6);
    assert_int_equal(nw_space_options(arch->space, 1), 7);
    assert_string_equal(nw_space_option_name(arch->space, 1, 6), "Zero");
    assert_int_equal(
        nw_arch_read_genotype(arch, "[\"7x7_MBConv3\",\"Zero\",\"3x3_MBConv6\",\"Zero\"]",
                              "test"),
        NW_OK);
    /* stem, fixed block, two layers without sum, head */
    ops_are(arch, 1,
            "conv2d batchnorm relu6 conv2d batchnorm relu6 conv2d batchnorm "
            "conv2d batchnorm relu6 conv2d batchnorm relu6 conv2d batchnorm "
            "conv2d batchnorm relu6 conv2d batchnorm relu6 conv2d batchnorm "
            "conv2d batchnorm relu6 globalpool flatten dense");
}

static void test_mobile__proxylessnas_leads_to_its_networks(void **state)
{
    const nw_score cpu = cost_at(
        *state, "proxylessnas first=40 block=24 last=1432 widths=32,48,88,104,216,360",
        "[\"3x3_MBConv6\",\"3x3_MBConv3\",\"3x3_MBConv3\",\"3x3_MBConv3\","
        "\"3x3_MBConv6\",\"3x3_MBConv3\",\"3x3_MBConv3\",\"5x5_MBConv3\","
        "\"3x3_MBConv6\",\"Zero\",\"Zero\",\"3x3_MBConv3\","
        "\"5x5_MBConv6\",\"3x3_MBConv3\",\"3x3_MBConv3\",\"3x3_MBConv3\","
        "\"5x5_MBConv6\",\"5x5_MBConv3\",\"5x5_MBConv3\",\"3x3_MBConv3\","
        "\"5x5_MBConv6\"]");

    costs(&cpu, 4361648, 439243864);
    does_not_read(*state, PROXYLESS, "[\"Zero\",\"Zero\",\"Zero\",\"Zero\"]",
                  "place 0: \"Zero\" is no option");
    does_not_read(*state, PROXYLESS, "[\"Zero\"]", "a list of 4 names");
    does_not_read(*state, PROXYLESS, "[", "test:1:");
}

/* ---- FBNet ------------------------------------------------------------------------- */

static void test_mobile__fbnet_groups_by_its_rules(void **state)
{
    static const char *const genotype = "[\"k3_e1_g2\",\"skip\",\"skip\"]";
    nw_arch *code = arch_of(*state, FBNET), *paper = arch_of(*state, FBNET " rule=2");

    assert_int_equal(nw_arch_read_genotype(code, genotype, "test"), NW_OK);
    assert_int_equal(nw_arch_read_genotype(paper, genotype, "test"), NW_OK);
    ops_are(code, 4,
            "shuffle conv2d batchnorm relu conv2d batchnorm add conv2d batchnorm "
            "conv2d batchnorm relu globalpool");
    ops_are(paper, 4,
            "conv2d batchnorm relu shuffle conv2d batchnorm relu conv2d batchnorm add "
            "conv2d batchnorm conv2d batchnorm relu globalpool");
    /* another 8x8 in two groups, and its norm */
    assert_true(cost_of(paper).params - cost_of(code).params == 32 + 16);
}

/* ---- FPNAS ------------------------------------------------------------------------- */

static void test_mobile__fpnas_leads_to_its_network(void **state)
{
    const nw_score found = cost_at(*state, "fpnas",
                                   "{\"t\":[4,6,8,6,8,6,8,8,8,6,6,6,4,8,4,6],"
                                   "\"shortcut\":[1,1,0,1,1,1,0,1,1,0,1,0,1,0,0,0],"
                                   "\"split\":[1,0,0,1,0,0,1,0,1,1,0,0,1,1,0,0]}");

    costs(&found, 3439004, 301211352);
    does_not_read(*state, FPNAS,
                  "{\"t\":[4,4,5,4],\"shortcut\":[0,0,0,0],\"split\":[0,0,0,0]}",
                  "unit 2: t is 4, 6 or 8");
    does_not_read(*state, FPNAS,
                  "{\"t\":[4,4,4,4],\"shortcut\":[0,0,0,0],\"split\":[0,0,0,0,1]}",
                  "more than 4 units");
    does_not_read(*state, FPNAS, "[4,4,4,4]", "unit 0");
}

static void test_mobile__fpnas_splits_before_it_adds(void **state)
{
    nw_arch *arch = arch_of(*state, FPNAS);

    assert_int_equal(
        nw_arch_read_genotype(
            arch, "{\"t\":[4,4,4,4],\"shortcut\":[1,0,0,0],\"split\":[1,0,0,0]}", "test"),
        NW_OK);
    ops_are(
        arch, 9,
        "slice conv2d batchnorm relu conv2d batchnorm relu conv2d batchnorm add slice "
        "concat shuffle conv2d");
}

/* ---- Single Path One-Shot -----------------------------------------------------------
 */

static void test_mobile__spos_uniform_networks(void **state)
{
    static const double expected[4][2] = {{3154880, 295842496},
                                          {3211968, 313654976},
                                          {3297600, 340373696},
                                          {3870816, 358825920}};
    nw_arch *arch = arch_of(*state, "spos");

    for (int op = 0; op < 4; op++) {
        nw_score score;

        for (int i = 0; i < 20; i++)
            nw_arch_pick(arch, i, op);
        score = cost_of(arch);
        costs(&score, expected[op][0], expected[op][1]);
    }
}

static void test_mobile__spos_macs_of_each_position(void **state)
{
    static const struct {
        int first, last;
        double more[3]; /* of 5x5, 7x7 and Xception over 3x3 */
    } expected[] = {
        {0, 0, {2408448, 6021120, -250880}},   {1, 3, {1605632, 4014080, 5017600}},
        {4, 4, {1806336, 4515840, -6008576}},  {5, 7, {1003520, 2508800, 6146560}},
        {8, 8, {1003520, 2508800, -9470720}},  {9, 15, {501760, 1254400, 5582080}},
        {16, 16, {501760, 1254400, -9752960}}, {17, 19, {250880, 627200, 5299840}}};
    nw_arch *arch = arch_of(*state, "spos");
    int positions = 0;

    for (int i = 0; i < 20; i++)
        nw_arch_pick(arch, i, 0);
    for (size_t e = 0; e < sizeof(expected) / sizeof(*expected); e++)
        for (int i = expected[e].first; i <= expected[e].last; i++, positions++) {
            for (int op = 1; op < 4; op++) {
                nw_arch_pick(arch, i, op);
                assert_true(cost_of(arch).macs - 295842496 == expected[e].more[op - 1]);
            }
            nw_arch_pick(arch, i, 0);
        }
    assert_int_equal(positions, 20);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of 4,000 random networks of the authors' code: 5 % below 307.4 M MACs, half below
 * 327.2, 95 % below 346.2; 58.9 % have at most the 330 M that its search allows. */
static void test_mobile__spos_random_networks_are_as_large_as_the_authors(void **state)
{
    enum { N = 1000 };
    static double macs[N];
    nw_arch *arch = arch_of(*state, "spos");
    int fit = 0;

    for (uint64_t i = 0; i < N; i++) {
        assert_int_equal(nw_arch_random(arch, i), NW_OK);
        macs[i] = cost_of(arch).macs / 1e6;
        fit += macs[i] <= 330;
    }
    qsort(macs, N, sizeof(*macs), by_size);
    assert_true(fabs(macs[N / 20] - 307.4) < 2.5);
    assert_true(fabs(macs[N / 2] - 327.2) < 1.5);
    assert_true(fabs(macs[N - N / 20] - 346.2) < 2.5);
    assert_true(fabs(fit / (double)N - 0.589) < 0.05);
}

static void test_mobile__spos_supernet(void **state)
{
    nw_space *space = opened(*state, "spos phase=search", NULL);
    nw_graph *g = graph_of(space, NULL, NW_GRAPH_ALL);

    assert_true(trainable(g) == 8388176);
    nw_graph_free(g);
}

static void test_mobile__spos_leads_to_its_networks(void **state)
{
    const nw_score blocks = cost_at(*state, "spos",
                                    "[2,1,0,1,2,0,2,0,2,0,2,3,0,0,0,0,3,2,3,3]"),
                   both =
                       cost_at(*state, "spos channels=1",
                               "{\"blocks\":[0,0,3,1,1,1,0,0,2,0,2,1,1,0,2,0,2,1,3,2],"
                               "\"channels\":[6,5,3,5,2,6,3,4,2,5,7,5,4,6,7,4,4,5,4,3]}");

    costs(&blocks, 3558464, 322918720);
    costs(&both, 3432579, 327857920);
    does_not_read(*state, SPOS, "[0,1,2,4]", "layer_3 is from 0 to 3");
    does_not_read(*state, SPOS, "[0,1,2,true]", "layer_3 is from 0 to 3");
    does_not_read(*state, SPOS, "[0,1,2]", "lists of 4 numbers");
    does_not_read(*state, SPOS_C, "[0,1,2,3]", "lists of 4 numbers");
    does_not_read(*state, SPOS_C " scales=8",
                  "{\"blocks\":[0,1,2,3],\"channels\":[0,1,2,8]}",
                  "channels_3 is from 0 to 7");
}

/* ---- NATS-Bench's sizes ---------------------------------------------------------------
 */

static void test_mobile__nats_size_reads_only_its_widths(void **state)
{
    static const char *const bad[] = {"8:8:8:8", "8:8:8:8:8:8", "8:8:8:8:12",
                                      "8:8:8:8:72", "8:8:8:8:8x"};
    const nw_score found = cost_at(*state, "nats-size", "\"64:32:8:48:16\"");

    costs(&found, 269994, 202752160);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char spec[64];

        snprintf(spec, sizeof(spec), "nats-size arch=%s", bad[i]);
        assert_null(nw_space_open_net(*state, spec, NULL, 0));
        says(*state, "five of 8, 16 ... 64");
        nw_clear(*state);
    }
    does_not_read(*state, "nats-size", "[8,8,8,8,8]", "is a string");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mobile__a_network_is_what_is_left_of_its_space),
        TEST(test_mobile__graph_spaces_train_whole),
        TEST(test_mobile__tiny_spaces_are_counted_one_by_one),
        TEST(test_mobile__wrong_stages_are_refused),
        TEST(test_mobile__proxylessnas_zero_leaves_the_input),
        TEST(test_mobile__proxylessnas_leads_to_its_networks),
        TEST(test_mobile__fbnet_groups_by_its_rules),
        TEST(test_mobile__fpnas_leads_to_its_network),
        TEST(test_mobile__fpnas_splits_before_it_adds),
        TEST(test_mobile__spos_uniform_networks),
        TEST(test_mobile__spos_macs_of_each_position),
        TEST(test_mobile__spos_random_networks_are_as_large_as_the_authors),
        TEST(test_mobile__spos_supernet),
        TEST(test_mobile__spos_leads_to_its_networks),
        TEST(test_mobile__nats_size_reads_only_its_widths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
