/* test_nas_rl.c - rules that fix what the decisions leave open; oblong kernels, strides.
 */
#include "counting.h"

#include "net.h"
#include "random.h"

#include <math.h>

static nw_arch *read_arch(nw_ctx *ctx, nw_space *space, const char *text)
{
    nw_arch *arch = nw_arch_new(ctx, space);

    if (nw_arch_read_genotype(arch, text, "text") < 0)
        fail_msg("%s: %s", text, nw_errmsg(ctx));
    return arch;
}

/* Runs the network once, forward; its parameters and MACs are as counted by hand. */
static void counts(nw_ctx *ctx, const char *spec, const int input[3], const char *text,
                   double params, double macs)
{
    nw_space *space = opened(ctx, spec, input);
    nw_space *net_space = nw_space_derive(space, read_arch(ctx, space, text), "");
    nw_graph *g = net_space ? graph_of(net_space, NULL, 0) : NULL;
    nw_net *net = g ? nw_net_new(ctx, net_space, NULL, 1, NW_F32) : NULL;
    float x[3 * 12 * 12], y[2 * 10];

    if (!net)
        fail_msg("%s: %s", text, nw_errmsg(ctx));
    if (trainable(g) != params || g->macs != macs)
        fail_msg("%s: %.0f parameters, %.0f MACs; not %.0f, %.0f", text, trainable(g),
                 g->macs, params, macs);
    for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++)
        x[i] = (float)nw_normal(3, NW_FOR_TEST, i);
    assert_int_equal(nw_net_run(net, 1, x, y), NW_OK);
    for (int i = 0; i < 10; i++)
        assert_true(isfinite(y[i]));
}

static void test_nas_rl__kernels_need_not_be_square(void **state)
{
    const int input[3] = {3, 12, 9};

    counts(*state, "nas-rl layers=1", input, "[[1,7,24]]", 24 * 21 + 48 + 250,
           24 * 21 * 108 + 240);
    counts(*state, "nas-rl layers=1", input, "[[7,3,36]]", 36 * 63 + 72 + 370,
           36 * 63 * 108 + 360);
    /* the second layer reads the first */
    counts(*state, "nas-rl layers=2", input, "[[1,7,24],[7,1,36,1]]",
           24 * 21 + 48 + 36 * 24 * 7 + 72 + 370, 108 * (24 * 21 + 36 * 24 * 7) + 360);
}

static void test_nas_rl__a_layer_without_input_reads_the_image(void **state)
{
    const int input[3] = {3, 12, 12};

    /* both outputs stay unread, so 24 + 36 channels reach the classifier */
    counts(*state, "nas-rl layers=2", input, "[[1,1,24],[3,3,36,0]]",
           24 * 3 + 48 + 36 * 27 + 72 + 610, 144 * (24 * 3 + 36 * 27) + 600);
    /* layers 2 and 3 are unread, layer 3 reads 1 and 2 would double it */
    counts(*state, "nas-rl layers=3", input, "[[1,1,24],[1,1,36,1],[1,1,48,1,0]]",
           24 * 3 + 48 + 36 * 24 + 72 + 48 * 24 + 96 + 850,
           144 * (24 * 3 + 36 * 24 + 48 * 24) + 840);
    counts(*state, "nas-rl layers=3", input, "[[1,1,24],[1,1,36,1],[1,1,48,1,1]]",
           24 * 3 + 48 + 36 * 24 + 72 + 48 * 60 + 96 + 490,
           144 * (24 * 3 + 36 * 24 + 48 * 60) + 480);
}

static void test_nas_rl__smaller_maps_are_padded(void **state)
{
    const int input[3] = {3, 12, 9};
    const double a = 24 * 3, b = 24 * 24, c = 24 * 48, norms = 3 * 48;

    /* 12x9 pixels; strides 2x3 leave 6x3; layer 3 sees 12x9 again */
    counts(*state, "nas-rl layers=3 strides=1", input,
           "[[1,1,1,1,24],[1,1,2,3,24,1],[1,1,1,1,24,1,1]]", a + b + c + norms + 250,
           108 * a + 18 * b + 108 * c + 240);
    /* strides 1x2 and 3x1: 12x5 and 4x9; the larger of both is 12x9 */
    counts(*state, "nas-rl layers=3 strides=1", input,
           "[[1,1,1,2,24],[1,1,3,1,24,0],[1,1,1,1,24,1,1]]", 2 * a + c + norms + 250,
           60 * a + 36 * a + 108 * c + 240);
    /* at the end too: 60 pixels of the first, 36 of the second, both to the classifier */
    counts(*state, "nas-rl layers=2 strides=1", input, "[[1,1,1,2,24],[1,1,3,1,24,0]]",
           2 * a + 96 + 490, 60 * a + 36 * a + 480);
}

static const nw_gnode *find_op(const nw_graph *g, const char *name)
{
    for (int i = 0; i < g->n; i++)
        if (!strcmp(g->space->place[g->node[i].place].op->name, name))
            return &g->node[i];
    return NULL;
}

/* 12x9 and 4x9: eight rows are missing, four on each side. */
static void test_nas_rl__padding_is_even(void **state)
{
    const int input[3] = {3, 12, 9};
    nw_space *space = opened(*state, "nas-rl layers=2 strides=1", input);
    nw_arch *arch = read_arch(*state, space, "[[1,1,1,1,24],[1,1,3,2,24,0]]");
    nw_space *net = nw_space_derive(space, arch, "");
    nw_graph *g = graph_of(net, NULL, 0);
    const nw_gnode *pad = find_op(g, "pad");

    assert_non_null(pad);
    assert_string_equal(net->place[pad->place].spec, "pad top=4 bottom=4 left=2 right=2");
    assert_int_equal(find_op(g, "concat")->info.out.dim[0], 48);
}

static void test_nas_rl__pools_stand_where_they_are_told(void **state)
{
    const int input[3] = {3, 12, 9};

    /* 12x9 to 6x4 pixels */
    counts(*state, "nas-rl layers=3 pools=2", input, "[[1,1,24],[1],[1,1,36,0,1]]",
           24 * 3 + 48 + 36 * 24 + 72 + 370, 108 * 24 * 3 + 24 * 36 * 24 + 360);
    counts(*state, "nas-rl layers=2 pools=1 more=40", input, "[[],[1,1,64,1]]",
           64 * 3 + 128 + 650, 24 * 64 * 3 + 640);
}

/* As the paper widens its best network: 40 more filters in every layer, once it is found.
 */
static void test_nas_rl__a_found_network_can_be_widened(void **state)
{
    const int input[3] = {3, 12, 12};
    nw_space *space = opened(*state, "nas-rl layers=2", input);
    nw_arch *arch = read_arch(*state, space, "[[1,1,24],[3,3,36,1]]");
    nw_space *net = nw_space_derive(space, arch, "more=40 classes=100");

    assert_non_null(net);
    assert_true(trainable(graph_of(net, NULL, 0)) ==
                64 * 3 + 128 + 76 * 64 * 9 + 152 + 77 * 100);
}

/* ---- Renaming ---------------------------------------------------------------------- */

enum { LAYERS = 9 };

struct layer {
    int height, width, filters, from; /* options; from: bits of layers */
};

static void get_layers(const nw_arch *arch, struct layer l[LAYERS])
{
    int c = 0;

    for (int i = 0; i < LAYERS; i++) {
        l[i] = (struct layer){nw_arch_option(arch, c), nw_arch_option(arch, c + 1),
                              nw_arch_option(arch, c + 2), 0};
        c += 3;
        for (int j = 0; j < i; j++)
            l[i].from |= nw_arch_option(arch, c++) << j;
    }
}

static void set_layers(nw_arch *arch, const struct layer l[LAYERS])
{
    int c = 0;

    for (int i = 0; i < LAYERS; i++) {
        nw_arch_pick(arch, c++, l[i].height);
        nw_arch_pick(arch, c++, l[i].width);
        nw_arch_pick(arch, c++, l[i].filters);
        for (int j = 0; j < i; j++)
            nw_arch_pick(arch, c++, l[i].from >> j & 1);
    }
}

static int swapped_bits(int x, int i)
{
    const int low = x >> i & 1, high = x >> (i + 1) & 1;

    return (x & ~(3 << i)) | low << (i + 1) | high << i;
}

/* Exchange layers i and i + 1 where the second does not read the first. */
static void exchange(struct layer l[LAYERS], int i)
{
    const struct layer first = l[i];

    if (l[i + 1].from >> i & 1)
        return;
    l[i] = l[i + 1];
    l[i + 1] = first;
    for (int j = i + 2; j < LAYERS; j++)
        l[j].from = swapped_bits(l[j].from, i);
}

static void test_nas_rl__renamed_networks_are_one(void **state)
{
    nw_space *space = opened(*state, "nas-rl layers=9", NULL);
    nw_arch *arch = nw_arch_new(*state, space), *other = nw_arch_new(*state, space);
    int renamed = 0;

    for (uint64_t seed = 0; seed < 300; seed++) {
        struct layer l[LAYERS];

        nw_arch_random(arch, seed);
        get_layers(arch, l);
        for (int i = 0; i < LAYERS; i++)
            if (seed % 2) { /* few kinds of layers: much is alike */
                l[i].height = l[i].width = 0;
                l[i].filters %= 2;
                l[i].from &= l[i].from << 1;
            }
        set_layers(arch, l);
        for (uint64_t k = 0; k < 40; k++)
            exchange(l, (int)nw_below(seed, NW_FOR_TEST, k, LAYERS - 1));
        set_layers(other, l);
        renamed += nw_arch_hash(arch) != nw_arch_hash(other);
        assert_true(nw_arch_class(arch) == nw_arch_class(other));
        l[LAYERS - 1].from ^= 1;
        set_layers(other, l);
        assert_true(nw_arch_class(arch) != nw_arch_class(other));
    }
    assert_true(renamed > 200);
}

/* Sixty equal layers in thirty pairs: 30! orders look alike. */
static void test_nas_rl__symmetric_networks_have_a_form_soon(void **state)
{
    nw_space *space = opened(*state, "nas-rl layers=60", NULL);
    nw_arch *near = nw_arch_new(*state, space), *far = nw_arch_new(*state, space);
    char name[64];

    for (int c = 0; c < nw_space_choices(space); c++) {
        nw_arch_pick(near, c, 0);
        nw_arch_pick(far, c, 0);
    }
    for (int i = 1; i <= 30; i++) {
        snprintf(name, sizeof(name), "layer_%d_from_%d", 2 * i, 2 * i - 1);
        nw_arch_set(near, name, 1);
        snprintf(name, sizeof(name), "layer_%d_from_%d", 61 - i, i);
        nw_arch_set(far, name, 1);
    }
    assert_true(nw_arch_hash(near) != nw_arch_hash(far));
    assert_true(nw_arch_class(near) == nw_arch_class(far));
}

/* ---- Shorter chains ----------------------------------------------------------------
 */

static int next_vector(const nw_code *code, int *x)
{
    for (int i = 0; i < code->n; i++) {
        if (++x[i] < code->options[i])
            return 1;
        x[i] = 0;
    }
    return 0;
}

/* Every vector of decisions, one after the other; `legal` of all are. */
static void check_count(nw_ctx *ctx, const char *spec, long all, long legal)
{
    nw_space *space = opened(ctx, spec, NULL);
    nw_arch *arch = nw_arch_new(ctx, space);
    nw_code *code = nw_code_new(ctx, space);
    int x[32] = {0};
    long n = 0, good = 0;
    char text[32];

    do {
        n++;
        good += nw_code_write(code, x, arch);
    } while (next_vector(code, x));
    assert_int_equal(n, all);
    assert_int_equal(good, legal);
    snprintf(text, sizeof(text), "%ld", legal);
    assert_string_equal(nw_space_count(space), text);
}

static void test_nas_rl__progressive_has_as_many_chains_as_listed(void **state)
{
    check_count(*state, "nas-rl layers=1 progressive=1", 64, 64);
    check_count(*state, "nas-rl layers=2 progressive=1", 2 * 64 * 128, 64 + 64 * 128);
    /* layers of 1, 128, 4 and 8 options */
    check_count(*state, "nas-rl layers=4 progressive=1 pools=1,3,4", 4L * 128 * 4 * 8,
                1 + 128 + 512 + 4096);
    check_count(*state, "nas-rl layers=1 progressive=1 strides=1", 576, 576);
}

static void written(const nw_arch *arch, char *text, size_t size)
{
    FILE *out = fmemopen(text, size, "w");

    assert_int_equal(nw_arch_write_genotype(arch, out), NW_OK);
    assert_int_equal(fclose(out), 0);
}

/* A chain of fewer layers is that of the smaller space, in words and in numbers. */
static void same_in_both(nw_ctx *ctx, nw_space *grows, nw_space *small, int depth,
                         uint64_t seed)
{
    nw_arch *a = nw_arch_new(ctx, grows), *b = nw_arch_new(ctx, small);
    char text[4096], also[4096];
    nw_score want, got;

    assert_int_equal(nw_arch_random(b, seed), NW_OK);
    written(b, text, sizeof(text));
    assert_int_equal(nw_arch_read_genotype(a, text, "text"), NW_OK);
    assert_int_equal(nw_arch_check(a), NW_OK);
    assert_int_equal(nw_arch_get(a, "depth"), depth - 1);
    written(a, also, sizeof(also));
    assert_string_equal(also, text);
    assert_true(nw_arch_class(a) == nw_arch_class(b));
    assert_int_equal(nw_arch_cost(b, &want), NW_OK);
    assert_int_equal(nw_arch_cost(a, &got), NW_OK);
    assert_true(want.params == got.params && want.macs == got.macs);
    nw_arch_free(a);
    nw_arch_free(b);
}

static void test_nas_rl__progressive_has_the_networks_of_fewer_layers(void **state)
{
    static const char *const more[] = {"", "strides=1 pools=2 more=8"};

    for (int m = 0; m < 2; m++)
        for (int depth = 1; depth <= 5; depth++) {
            char spec[2][80];

            if (m && depth < 2) /* a pool is at layer 2 */
                continue;
            snprintf(spec[0], 80, "nas-rl layers=5 progressive=1 %s", more[m]);
            snprintf(spec[1], 80, "nas-rl layers=%d %s", depth, more[m]);
            for (uint64_t seed = 0; seed < 20; seed++)
                same_in_both(*state, opened(*state, spec[0], NULL),
                             opened(*state, spec[1], NULL), depth, seed);
        }
}

/* Of two pools there are three chains: one, and the second reads the first or not. */
static void test_nas_rl__progressive_draws_every_chain_as_often(void **state)
{
    nw_space *space = opened(*state, "nas-rl layers=2 progressive=1 pools=1,2", NULL);
    nw_arch *arch = nw_arch_new(*state, space), *other = nw_arch_new(*state, space);
    int seen[3] = {0};

    assert_string_equal(nw_space_count(space), "3");
    for (uint64_t seed = 0; seed < 6000; seed++) {
        assert_int_equal(nw_arch_random(arch, seed), NW_OK);
        assert_int_equal(nw_arch_check(arch), NW_OK);
        seen[nw_arch_option(arch, 0) + nw_arch_option(arch, 1)]++;
        assert_int_equal(nw_arch_mutate(arch, seed), NW_OK);
        assert_int_equal(nw_arch_check(arch), NW_OK);
    }
    for (int i = 0; i < 3; i++) /* deviation 37 */
        assert_true(seen[i] > 1850 && seen[i] < 2150);
    space = opened(*state, "nas-rl progressive=1", NULL);
    arch = nw_arch_new(*state, space);
    other = nw_arch_new(*state, space);
    for (uint64_t seed = 0; seed < 500; seed++) {
        char text[1 << 14];

        nw_arch_random(arch, seed);
        nw_arch_pick(arch, 0, (int)(seed % 15));
        arch->space->family->repair(arch);
        assert_int_equal(nw_arch_check(arch), NW_OK);
        written(arch, text, sizeof(text));
        assert_int_equal(nw_arch_read_genotype(other, text, "text"), NW_OK);
        assert_true(nw_arch_hash(arch) == nw_arch_hash(other));
    }
}

static void test_nas_rl__absent_layers_stand_at_their_first_option(void **state)
{
    nw_space *space = opened(*state, "nas-rl layers=3 progressive=1", NULL);
    nw_arch *arch = read_arch(*state, space, "[[1,3,24]]");

    assert_int_equal(nw_arch_check(arch), NW_OK);
    nw_arch_set(arch, "layer_3_from_1", 1);
    assert_true(nw_arch_check(arch) == NW_EINVAL);
    says(*state, "layers that the chain does not have");
    says(*state, "layer_3_from_1");
    nw_clear(*state);
    assert_int_equal(nw_arch_read_genotype(arch, "[]", "text"), NW_EFORMAT);
    says(*state, "not a list of up to 3 layers");
    nw_clear(*state);
    assert_int_equal(
        nw_arch_read_genotype(arch, "[[1,1,24],[1,1,24,0],[1,1,24,0,0],[]]", "text"),
        NW_EFORMAT);
    nw_clear(*state);
    assert_null(
        nw_space_derive(space, read_arch(*state, space, "[[1,1,24]]"), "progressive=0"));
    says(*state, "other layers");
}

static void test_nas_rl__wrong_words_are_refused(void **state)
{
    static const char *const bad[][2] = {
        {"[[1,1,24]]", "not a list of 2 layers"},
        {"[[1,1,24],[1,1,24]]", "layer 2 is not a list of 4"},
        {"[[1,1,24],[1,2,24,0]]", "layer 2, number 2: no such width"},
        {"[[1,1,24],[1,1,24,2]]", "number 4: no such anchor"},
        {"[[1,1,24],", "text:1:"},
    };
    nw_space *space = opened(*state, "nas-rl layers=2", NULL);
    nw_arch *arch = nw_arch_new(*state, space);

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(nw_arch_read_genotype(arch, bad[i][0], "text"), NW_EFORMAT);
        says(*state, bad[i][1]);
        nw_clear(*state);
    }
    assert_null(nw_space_open(*state, "nas-rl layers=4 pools=5", NULL, 0));
    says(*state, "pools=5 is not a list of layers from 1 to 4");
    nw_clear(*state);
    assert_null(nw_space_derive(space, read_arch(*state, space, "[[1,1,24],[1,1,24,1]]"),
                                "layers=3"));
    says(*state, "other layers");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nas_rl__kernels_need_not_be_square),
        TEST(test_nas_rl__a_layer_without_input_reads_the_image),
        TEST(test_nas_rl__smaller_maps_are_padded),
        TEST(test_nas_rl__padding_is_even),
        TEST(test_nas_rl__pools_stand_where_they_are_told),
        TEST(test_nas_rl__a_found_network_can_be_widened),
        TEST(test_nas_rl__renamed_networks_are_one),
        TEST(test_nas_rl__symmetric_networks_have_a_form_soon),
        TEST(test_nas_rl__progressive_has_as_many_chains_as_listed),
        TEST(test_nas_rl__progressive_has_the_networks_of_fewer_layers),
        TEST(test_nas_rl__progressive_draws_every_chain_as_often),
        TEST(test_nas_rl__absent_layers_stand_at_their_first_option),
        TEST(test_nas_rl__wrong_words_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
