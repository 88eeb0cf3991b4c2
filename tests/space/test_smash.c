/* test_smash.c - sizes, rules, prior and networks of memory banks. */
#include "counting.h"

#include "net.h"
#include "random.h"
#include "smash.h"

#include <math.h>

static void test_smash__sizes_are_those_of_the_authors(void **state)
{
    static const int in[] = {64, 96, 112}, width[] = {192, 224, 256},
                     budget[] = {832, 1632, 3184};
    static const int first[] = {1, 2, 4, 8}, other[] = {1, 2, 3, 4, 8};
    nw_smash_rules r;
    int slices = 0;

    nw_smash_rules_of(opened(*state, "smash", NULL), &r);
    assert_memory_equal(r.in, in, sizeof(in));
    assert_memory_equal(r.width, width, sizeof(width));
    assert_memory_equal(r.budget, budget, sizeof(budget));
    for (int b = 0; b < 3; b++)
        slices += nw_smash_slices(&r, b);
    assert_int_equal(slices, 176);
    assert_int_equal(nw_smash_banks(&r, 2, 1), 32);
    assert_int_equal(r.sizes[0], 4);
    assert_memory_equal(r.size[0], first, sizeof(first));
    for (int b = 1; b < 3; b++) {
        assert_int_equal(r.sizes[b], 5);
        assert_memory_equal(r.size[b], other, sizeof(other));
    }
}

static void test_smash__drawn_archs_spend_their_budget(void **state)
{
    nw_space *space = opened(*state, "smash ops=100", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    nw_smash_rules r;
    double spent = 0;

    nw_smash_rules_of(space, &r);
    for (uint64_t seed = 0; seed < 200; seed++) {
        nw_smash_arch a;
        int slices = 0;

        assert_int_equal(nw_arch_random(arch, seed), NW_OK);
        assert_int_equal(nw_arch_check(arch), NW_OK);
        nw_smash_get(&r, arch, &a);
        for (int b = 0; b < 3; b++)
            for (int o = 0; o < r.ops; o++)
                slices += nw_smash_cost(nw_smash_bits(a.block[b].op[o].read),
                                        r.size[b][a.block[b].size]);
        assert_true(slices <= 176);
        spent += slices;
    }
    /* the mean share is 0.65; some slices of each block are too few for an op */
    assert_true(fabs(spent / 200 / 176 - 0.63) < 0.05);
}

static void test_smash__the_prior_is_the_authors(void **state)
{
    nw_space *space = opened(*state, "smash var_op=1 ops=2", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    double pattern[5] = {0}, near = 0, narrow = 0, n = 0, least = 0;
    static const double expected[5] = {0.05, 0.10, 0.15, 0.25, 0.45};
    nw_smash_rules r;

    nw_smash_rules_of(space, &r);
    for (uint64_t seed = 0; seed < 4000; seed++) {
        nw_smash_arch a;
        const nw_smash_op *op = &a.block[0].op[0];
        int size, reads;

        nw_arch_random(arch, seed);
        nw_smash_get(&r, arch, &a);
        size = r.size[0][a.block[0].size];
        reads = nw_smash_bits(op->read) * size;
        pattern[op->pattern]++;
        near += op->units + 1 == reads;
        narrow += op->conv[0].k[0] == 0;
        op = &a.block[2].op[0];
        size = r.size[2][a.block[2].size];
        if (size == 1 && op->units == 3) {
            least += nw_smash_bits(op->write) == 4;
            n++;
        }
    }
    for (int p = 0; p < 5; p++)
        assert_true(fabs(pattern[p] / 4000 - expected[p]) < 0.03);
    assert_true(near / 4000 > 0.8); /* 1 / 0.01 against 1 / 10.01 and less */
    assert_true(fabs(narrow / 4000 - 1 / 3.0) < 0.03);
    /* four units, 14 banks of one: 4 to 7 writes in proportion to exp(-writes) */
    assert_true(n > 200);
    assert_true(fabs(least / n - 0.644) < 3 * sqrt(0.644 * 0.356 / n));
}

#define CONV                                                                             \
    "\"op\":[1,0,0,0],\"kernel_size\":[[3,3]],\"dilation\":[[1,1]],\"groups\":[1]}"
#define OP(in, out, g)   "{\"incoming\":[" in "],\"outgoing\":[" out "],\"G\":" g "," CONV
#define BLOCK(size, ops) "{\"bank_size\":" size ",\"ops\":[" ops "]}"
#define LAST             BLOCK("8", OP("0", "0", "8"))

static void test_smash__broken_rules_are_named(void **state)
{
    static const char *const bad[][2] = {
        {BLOCK("4", OP("0,2", "0", "4")), "reads banks that are written"},
        {BLOCK("4", OP("0", "0", "4") "," OP("0,3", "0", "4")), "banks that are written"},
        {BLOCK("4", OP("0", "3", "4")), "the first that are free"},
        {BLOCK("4", OP("0", "2,3", "4")), "at most units / bank size new"},
        {BLOCK("4", OP("0", "0", "8")), "at least units / bank size"},
        {BLOCK("4", OP("0", "0", "6")), "a multiple of the bank size"},
        {BLOCK("2", OP("0,1", "0", "2")), "read in fours"},
        {BLOCK("4", ""), "at least one op"},
        {BLOCK("3", OP("0,1,2", "0", "3")), "no such bank_size"},
        {BLOCK("4", OP("0,0", "0", "4")), "listed twice"},
        {BLOCK("4", OP("0", "0", "9")), "G is 1 to 8"},
        {BLOCK("4", OP("0,9", "0", "4")), "no such bank"},
    };
    nw_space *space = opened(*state, "smash", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    char text[2000];

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        snprintf(text, sizeof(text), "[%s,%s,%s]", bad[i][0], LAST, LAST);
        assert_int_equal(nw_arch_read_genotype(arch, text, "text"), NW_EFORMAT);
        says(*state, bad[i][1]);
        nw_clear(*state);
    }
    assert_null(nw_space_open(*state, "smash width=1", NULL, 0));
    says(*state, "no bank size");
}

/* Fours of slices: 26 are in the first block, so 14 ops of 2 slices are one too many. */
static void test_smash__a_block_stays_in_its_budget(void **state)
{
    nw_space *space = opened(*state, "smash ops=14", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    char ops[4000] = "", text[6000];

    for (int n = 1; n <= 14; n++) {
        strcat(ops, n > 1 ? "," : "");
        strcat(ops, OP("0", "0", "8"));
        snprintf(text, sizeof(text), "[{\"bank_size\":8,\"ops\":[%s]},%s,%s]", ops, LAST,
                 LAST);
        assert_int_equal(nw_arch_read_genotype(arch, text, "text"),
                         n <= 13 ? NW_OK : NW_EFORMAT);
    }
    says(*state, "stay in its budget");
}

/* Units of 2 channels, banks of 8; blocks begin with 2, 3 and 3 banks (the last four of
 * the third block's 28 channels fill none) and end with 4, 3 and 5. */
#define LARGE                                                                            \
    "[{\"bank_size\":4,\"ops\":[{\"incoming\":[0,1],\"outgoing\":[1,2],\"G\":8,"         \
    "\"op\":[1,0,1,0],\"kernel_size\":[[3,7],[5,3]],\"dilation\":[[2,1],[1,3]],"         \
    "\"groups\":[1,2]}," OP(                                                             \
        "0", "0,1,2,3",                                                                  \
        "4") "]},"                                                                       \
             "{\"bank_size\":4,\"ops\":[{\"incoming\":[0,1,2],\"outgoing\":[1],\"G\":4," \
             "\"op\":[1,1,1,1],\"kernel_size\":[[3,3],[3,3],[5,5],[7,7]],"               \
             "\"dilation\":[[1,1],[1,1],[1,1],[1,1]],\"groups\":[1,1,1,2]}]},"           \
             "{\"bank_size\":4,\"ops\":[{\"incoming\":[0,2],\"outgoing\":[0,3,4],\"G\":" \
             "8,"                                                                        \
             "\"op\":[1,1,0,0],\"kernel_size\":[[3,3],[3,3]],\"dilation\":[[1,1],[3,3]]" \
             ","                                                                         \
             "\"groups\":[2,1]},{\"incoming\":[4],\"outgoing\":[4],\"G\":4,\"op\":[1,1," \
             "1,0],"                                                                     \
             "\"kernel_size\":[[3,3],[3,3],[3,3]],\"dilation\":[[1,1],[1,1],[1,1]],"     \
             "\"groups\":[1,1,1]}]}]"

static nw_space *network(nw_ctx *ctx, const char *spec, const char *text)
{
    const int input[3] = {3, 12, 12};
    nw_space *space = opened(ctx, spec, input), *net;
    nw_arch *arch = nw_arch_new(ctx, space);

    if (nw_arch_read_genotype(arch, text, "text") < 0)
        fail_msg("%s", nw_errmsg(ctx));
    net = nw_space_derive(space, arch, "");
    if (!net)
        fail_msg("%s", nw_errmsg(ctx));
    return net;
}

static void test_smash__networks_have_the_parameters_of_their_description(void **state)
{
    nw_space *space = network(*state, "smash n=2 var_op=1", LARGE);
    nw_graph *g = graph_of(space, NULL, 0);
    const double stem = 3 * 16 * 49;
    /* 1x1: 16 to 16; 3x7, and 5x3 in two groups. Then 8 to 8, and 3x3. */
    const double first = 256 + 16 * 16 * 21 + 16 * 8 * 15 + 64 + 8 * 8 * 9;
    /* 24 channels for 8: the 1x1 keeps three times 8. */
    const double second = 576 + 24 * 8 * 9 + 8 * 8 * 9 + 24 * 8 * 25 + 8 * 4 * 49;
    const double third = 256 + 16 * 8 * 9 + 16 * 16 * 9 + 64 + 3 * 8 * 8 * 9;
    const double norms = 64 + 32 + 96 + 64 + 32 + 2 * 32 + 2 * 24 + 2 * 40;
    const double between = 32 * 24 + 24 * 28;

    assert_true(trainable(g) == stem + first + second + third + norms + between + 410);
    assert_true(g->macs == 144 * (stem + first + 32 * 24) + 36 * (second + 24 * 28) +
                               9 * third + 400);
}

static int adds(const nw_graph *g)
{
    int n = 0;

    for (int i = 0; i < g->n; i++)
        n += !strcmp(g->space->place[g->node[i].place].op->name, "add");
    return n;
}

/* Ways of an op that join: 1 in w0 + w2, w1 + w3, w1 + w2; banks written before: 1 + 3 in
 * the first block, 1 in the second, 1 + 1 in the third. */
static void test_smash__writing_adds_to_what_is_there(void **state)
{
    nw_space *space = network(*state, "smash n=2 var_op=1", LARGE);
    nw_net *net = nw_net_new(*state, space, NULL, 1, NW_F32);
    float x[3 * 12 * 12], y[10];

    assert_int_equal(adds(graph_of(space, NULL, 0)), 3 + 4 + 1 + 2);
    for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++)
        x[i] = (float)nw_normal(5, NW_FOR_TEST, i);
    assert_non_null(net);
    assert_int_equal(nw_net_run(net, 1, x, y), NW_OK);
    for (int i = 0; i < 10; i++)
        assert_true(isfinite(y[i]));
}

/* ---- Shared kernels ------------------------------------------------------------------
 */

enum { IMAGES = 2, SIDE = 12 };

struct sharing {
    nw_smash_rules rules;
    nw_smash_arch arch;
    nw_net *shared, *net[2];
    float x[IMAGES * 3 * SIDE * SIDE];
};

/* Two networks of one arch and one start, whose kernels the first then borrows. */
static void share(nw_ctx *ctx, struct sharing *s, uint64_t seed)
{
    nw_space *space =
        opened(ctx, "smash n=2 var_op=1 depth=4 ops=4", (const int[]){3, SIDE, SIDE});
    nw_arch *arch = nw_arch_new(ctx, space);

    assert_int_equal(nw_arch_random(arch, seed), NW_OK);
    nw_smash_rules_of(space, &s->rules);
    nw_smash_get(&s->rules, arch, &s->arch);
    s->shared = nw_smash_share_new(ctx, &s->rules, 7, NW_F32);
    for (int i = 0; i < 2; i++)
        s->net[i] = nw_net_new(ctx, nw_space_derive(space, arch, ""), NULL, 1, NW_F32);
    assert_non_null(s->shared);
    assert_non_null(s->net[1]);
    for (size_t i = 0; i < sizeof(s->x) / sizeof(*s->x); i++)
        s->x[i] = (float)nw_normal(5, NW_FOR_TEST, i);
    assert_int_equal(nw_smash_lend(s->shared, &s->rules, &s->arch, s->net[0]), NW_OK);
}

/* What number k of kernels (o, i, kh, kw), in those of 7x7 with `in` channels, is. */
static size_t shared_place(const nw_param *p, int in, size_t k)
{
    const int w = p->dim[3], h = p->dim[2], x = (int)k % w, y = (int)k / w % h,
              i = (int)k / w / h % p->dim[1], o = (int)k / w / h / p->dim[1];

    return (size_t)(((o * in + i) * 7 + y + (7 - h) / 2) * 7 + x + (7 - w) / 2);
}

/* 0 = the parameter is no main convolution. mod.M is the M-th op, counted on from block
 * to block. */
static int block_and_conv(const struct sharing *s, const char *name, int *block,
                          int *conv)
{
    int mod;

    if (sscanf(name, "mod.%d.op.%d.conv.weight", &mod, conv) != 2)
        return 0;
    for (*block = 0;; ++*block)
        for (int o = 0; o < s->rules.ops && s->arch.block[*block].op[o].read; o++)
            if (!mod--)
                return 1;
}

/* By plain loops into net 1; how many convolutions. */
static int copy_kernels(const struct sharing *s)
{
    const nw_graph *g = s->net[1]->graph;
    int n = 0, b, c;

    for (int i = 0; i < g->n_param; i++) {
        float *to = nw_net_param(s->net[1], i);
        const float *from;

        if (!block_and_conv(s, g->param[i].name, &b, &c))
            continue;
        from = nw_net_param(s->shared, 4 * b + c);
        for (size_t k = 0; k < g->param[i].count; k++)
            to[k] = from[shared_place(g->param[i].param, c % 2 ? 16 : 64, k)];
        n++;
    }
    return n;
}

static void test_smash__lent_kernels_are_what_plain_loops_copy_out(void **state)
{
    int kernels = 0;

    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct sharing s;
        float y[2][IMAGES * 10], before[IMAGES * 10];
        double size = 0, apart = 0, moved = 0;

        share(*state, &s, seed);
        assert_int_equal(nw_net_run(s.net[1], IMAGES, s.x, before), NW_OK);
        kernels += copy_kernels(&s);
        assert_memory_equal(s.net[0]->param, s.net[1]->param,
                            s.net[0]->graph->n_trainable * sizeof(float));
        for (int i = 0; i < 2; i++)
            assert_int_equal(nw_net_run(s.net[i], IMAGES, s.x, y[i]), NW_OK);
        for (int i = 0; i < IMAGES * 10; i++) {
            size += y[1][i] * y[1][i];
            apart += pow(y[0][i] - y[1][i], 2);
            moved += pow(before[i] - y[1][i], 2);
        }
        assert_true(sqrt(apart) <= 1e-6 * sqrt(size));
        assert_true(sqrt(moved) > 1e-3 * sqrt(size)); /* the kernels do matter */
    }
    assert_true(kernels > 60);
}

/* Of two networks the sum; a number that none of their ops takes has none. */
static void test_smash__gradients_of_lent_kernels_add_up(void **state)
{
    struct sharing s;
    const nw_graph *g;
    double sum = 0;
    int b, c;

    share(*state, &s, 3);
    g = s.net[0]->graph;
    for (int i = 0; i < 2; i++)
        s.net[i]->grad = nw_map(*state, g->n_trainable * sizeof(float));
    for (size_t k = 0; k < g->n_trainable; k++)
        for (int i = 0; i < 2; i++)
            ((float *)s.net[i]->grad)[k] = (float)(k % 7 + 1) * (float)(1 + 8 * i);
    for (int i = 0; i < 2; i++)
        assert_int_equal(nw_smash_collect(s.shared, &s.rules, &s.arch, s.net[i]), NW_OK);
    for (int i = 0; i < g->n_param; i++) {
        float *left;

        if (!block_and_conv(&s, g->param[i].name, &b, &c))
            continue;
        left = (float *)s.shared->grad + s.shared->graph->param[4 * b + c].offset;
        for (size_t k = 0; k < g->param[i].count; k++)
            left[shared_place(g->param[i].param, c % 2 ? 16 : 64, k)] -=
                (float)(10 * ((g->param[i].offset + k) % 7 + 1));
        sum += (double)g->param[i].count;
    }
    assert_true(sum > 1000);
    for (size_t k = 0; k < s.shared->graph->n_trainable; k++)
        assert_true(((float *)s.shared->grad)[k] == 0);
}

static void test_smash__repair_makes_anything_legal(void **state)
{
    static const char *const specs[] = {"smash", "smash var_op=1 ops=3",
                                        "smash depth=1 width=2 ops=3",
                                        "smash width=7 ops=40 depth=2"};

    for (size_t s = 0; s < sizeof(specs) / sizeof(*specs); s++) {
        nw_space *space = opened(*state, specs[s], NULL);
        nw_arch *arch = nw_arch_new(*state, space);

        for (uint64_t seed = 0; seed < 30; seed++) {
            assert_int_equal(nw_arch_draw(arch, seed), NW_OK);
            assert_int_equal(nw_arch_check(arch), NW_EINVAL);
            nw_clear(*state);
            space->family->repair(arch);
            if (nw_arch_check(arch) < 0)
                fail_msg("%s: %s", specs[s], nw_errmsg(*state));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_smash__sizes_are_those_of_the_authors),
        TEST(test_smash__drawn_archs_spend_their_budget),
        TEST(test_smash__the_prior_is_the_authors),
        TEST(test_smash__broken_rules_are_named),
        TEST(test_smash__a_block_stays_in_its_budget),
        TEST(test_smash__networks_have_the_parameters_of_their_description),
        TEST(test_smash__writing_adds_to_what_is_there),
        TEST(test_smash__repair_makes_anything_legal),
        TEST(test_smash__lent_kernels_are_what_plain_loops_copy_out),
        TEST(test_smash__gradients_of_lent_kernels_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
