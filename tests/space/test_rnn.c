/* test_rnn.c - recurrent cells at one step, against the formulas of their papers. */
#include "counting.h"

#include "net.h"
#include "random.h"

#include <math.h>

enum { E = 3, H = 4, MOST = E + 2 * H }; /* embedding, state, largest input */

typedef struct cell {
    nw_space *space;
    nw_arch *arch;
    nw_net *net;
    float x[MOST], y[2 * H]; /* input and output of a step */
} cell;

/* A step of the cell that `genotype` writes (NULL: of a network), with random numbers. */
static void step(nw_ctx *ctx, cell *c, const char *spec, const char *genotype)
{
    *c = (cell){.space = genotype ? nw_space_open(ctx, spec, NULL, 0)
                                  : nw_space_open_net(ctx, spec, NULL, 0)};
    if (!c->space)
        fail_msg("%s", nw_errmsg(ctx));
    c->arch = genotype ? nw_arch_new(ctx, c->space) : NULL;
    if (genotype && nw_arch_read_genotype(c->arch, genotype, "test") < 0)
        fail_msg("%s", nw_errmsg(ctx));
    c->net = nw_net_new(ctx, c->space, c->arch, 5, NW_F32);
    assert_non_null(c->net);
    for (int i = 0; i < MOST; i++)
        c->x[i] = (float)nw_normal(3, NW_FOR_TEST, (uint64_t)i);
    assert_int_equal(nw_net_run(c->net, 1, c->x, c->y), NW_OK);
}

static void end(cell *c)
{
    nw_net_free(c->net);
    nw_arch_free(c->arch);
    nw_space_free(c->space);
}

/* out = W x with the parameter `name` (n, m). */
static void times(const cell *c, const char *name, int n, int m, const double *x,
                  double *out)
{
    const nw_graph *g = c->net->graph;
    int p = 0;

    while (p < g->n_param && strcmp(g->param[p].name, name))
        p++;
    if (p == g->n_param || g->param[p].count != (size_t)(n * m))
        fail_msg("no parameter %s of %dx%d", name, n, m);
    for (int i = 0; i < n; i++) {
        out[i] = 0;
        for (int j = 0; j < m; j++)
            out[i] +=
                nw_real_get(c->net, nw_net_param(c->net, p), (size_t)(i * m + j)) * x[j];
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double relu(double x)
{
    return x > 0 ? x : 0;
}

static double itself(double x)
{
    return x;
}

/* s + sigmoid(gate) (f(value) - s), where the gate starts at `gate` of W x. */
static void highway(const cell *c, const char *name, int m, const double *x,
                    const double *s, int gate, double (*f)(double), double *out)
{
    double z[2 * H];

    times(c, name, 2 * H, m, x, z);
    for (int i = 0; i < H; i++)
        out[i] = s[i] + sigmoid(z[gate + i]) * (f(z[H - gate + i]) - s[i]);
}

static void near(double is, double expected)
{
    if (!(fabs(is - expected) <= 1e-5))
        fail_msg("%.7f, not %.7f", is, expected);
}

/* ---- Values --------------------------------------------------------------------- */

/* Gate first; the mean of all nodes but the first. */
static void test_rnn__darts_computes_its_formula(void **state)
{
    double x[MOST], s[4][H];
    cell c;

    step(*state, &c, "darts-rnn emb=3 hidden=4 nodes=3 decoder=0",
         "{\"recurrent\":[[\"sigmoid\",0],[\"relu\",1],[\"identity\",0]],"
         "\"concat\":[1,2,3]}");
    for (int i = 0; i < MOST; i++)
        x[i] = (double)c.x[i];
    highway(&c, "rnns.0._W0.weight", E + H, x, x + E, 0, tanh, s[0]);
    highway(&c, "rnns.0._Ws.0.weight", H, s[0], s[0], 0, sigmoid, s[1]);
    highway(&c, "rnns.0._Ws.1.weight", H, s[1], s[1], 0, relu, s[2]);
    highway(&c, "rnns.0._Ws.2.weight", H, s[0], s[0], 0, itself, s[3]);
    for (int i = 0; i < H; i++)
        near((double)c.y[i], (s[1][i] + s[2][i] + s[3][i]) / 3);
    end(&c);
}

/* Value first; the mean of what nothing reads; the first node has its function too. */
static void test_rnn__enas_computes_its_formula(void **state)
{
    double x[MOST], s[4][H];
    cell c;

    step(*state, &c, "enas-rnn emb=3 hidden=4 nodes=4 decoder=0", "[3,0,1,1,0,1,2]");
    for (int i = 0; i < MOST; i++)
        x[i] = (double)c.x[i];
    highway(&c, "rnns.0._W0.weight", E + H, x, x + E, H, sigmoid, s[0]);
    highway(&c, "rnns.0._Ws.0.weight", H, s[0], s[0], H, relu, s[1]);
    highway(&c, "rnns.0._Ws.1.weight", H, s[1], s[1], H, tanh, s[2]);
    highway(&c, "rnns.0._Ws.2.weight", H, s[1], s[1], H, itself, s[3]);
    for (int i = 0; i < H; i++)
        near((double)c.y[i], (s[2][i] + s[3][i]) / 2);
    end(&c);
}

/* The example of the paper: two leaves, c(t-1) into the first, c(t) from the second. */
static void test_rnn__nas_rl_computes_the_example_of_its_paper(void **state)
{
    double x[MOST], ux[2][H], vh[2][H];
    cell c;

    step(*state, &c, "nas-rl-rnn emb=3 hidden=4 base=2 decoder=0",
         "{\"tree\":[[\"add\",\"tanh\"],[\"mul\",\"relu\"],[\"mul\",\"sigmoid\"]],"
         "\"inject\":[\"add\",\"relu\"],\"index\":[1,0]}");
    for (int i = 0; i < MOST; i++)
        x[i] = (double)c.x[i];
    times(&c, "leaf_0.x.weight", H, E, x, ux[0]);
    times(&c, "leaf_0.h.weight", H, H, x + E, vh[0]);
    times(&c, "leaf_1.x.weight", H, E, x, ux[1]);
    times(&c, "leaf_1.h.weight", H, H, x + E, vh[1]);
    for (int i = 0; i < H; i++) {
        const double a0 = relu(tanh(ux[0][i] + vh[0][i]) + x[E + H + i]);
        const double before = ux[1][i] * vh[1][i];

        near((double)c.y[i], sigmoid(a0 * relu(before)));
        near((double)c.y[H + i], before);
    }
    end(&c);
}

/* A network of nets.def and the genotype of its paper, from the same random start. */
static void same_step(nw_ctx *ctx, const char *net, const char *space,
                      const char *genotype)
{
    char spec[100];
    cell a, b;

    snprintf(spec, sizeof(spec), "%s emb=3 hidden=4 decoder=0", net);
    step(ctx, &a, spec, NULL);
    snprintf(spec, sizeof(spec), "%s emb=3 hidden=4 decoder=0", space);
    step(ctx, &b, spec, genotype);
    for (int i = 0; i < H; i++)
        near((double)a.y[i], (double)b.y[i]);
    end(&a);
    end(&b);
}

#define V1                                                                               \
    "{\"recurrent\":[[\"relu\",0],[\"relu\",1],[\"tanh\",2],[\"relu\",3],[\"relu\",4],"  \
    "[\"identity\",1],[\"relu\",5],[\"relu\",1]],\"concat\":[1,2,3,4,5,6,7,8]}"
#define V2                                                                               \
    "{\"recurrent\":[[\"sigmoid\",0],[\"relu\",1],[\"relu\",1],[\"identity\",1],"        \
    "[\"tanh\",2],[\"sigmoid\",5],[\"tanh\",3],[\"relu\",5]],\"concat\":[1,2,3,4,5,6,7," \
    "8]}"
#define PTB "\"0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1\""

static void test_rnn__published_cells_are_their_genotypes(void **state)
{
    same_step(*state, "darts-rnn-v1", "darts-rnn", V1);
    same_step(*state, "darts-rnn-v2", "darts-rnn", V2);
    same_step(*state, "enas-rnn", "enas-rnn", PTB);
}

/* ---- Words ---------------------------------------------------------------------- */

static void goes_round(nw_ctx *ctx, const char *spec, const char *genotype)
{
    nw_space *space = opened(ctx, spec, NULL);
    nw_arch *arch = nw_arch_new(ctx, space);
    char text[512];
    FILE *out = fmemopen(text, sizeof(text), "w");

    assert_int_equal(nw_arch_read_genotype(arch, genotype, "paper"), NW_OK);
    assert_int_equal(nw_arch_write_genotype(arch, out), NW_OK);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, genotype);
    nw_arch_free(arch);
    nw_space_free(space);
}

static void test_rnn__genotypes_go_round(void **state)
{
    goes_round(*state, "darts-rnn", V1);
    goes_round(*state, "darts-rnn", V2);
    goes_round(*state, "enas-rnn", "[0,0,0,1,1,2,1,2,0,2,0,5,1,1,0,6,1,8,1,8,1,8,1]");
    goes_round(*state, "nas-rl-rnn base=2",
               "{\"tree\":[[\"add\",\"tanh\"],[\"mul\",\"relu\"],[\"mul\",\"sigmoid\"]],"
               "\"inject\":[\"add\",\"relu\"],\"index\":[1,0]}");
}

static void unread(nw_ctx *ctx, const char *spec, const char *genotype, const char *words)
{
    nw_space *space = opened(ctx, spec, NULL);
    nw_arch *arch = nw_arch_new(ctx, space);

    nw_clear(ctx);
    assert_int_equal(nw_arch_read_genotype(arch, genotype, "file"), NW_EFORMAT);
    says(ctx, words);
    nw_arch_free(arch);
    nw_space_free(space);
}

static void test_rnn__what_is_no_cell_is_refused(void **state)
{
    const char *darts = "darts-rnn nodes=2", *tree = "nas-rl-rnn base=1";

    unread(*state, darts, "[[\"relu\",0],[\"relu\",1]]", "as many pairs");
    unread(*state, darts, "{\"recurrent\":[[\"relu\",0]],\"concat\":[1]}",
           "as many pairs");
    unread(*state, darts, "{\"recurrent\":[[\"relu\",0],[\"relu\",2]],\"concat\":[1,2]}",
           "a node before");
    unread(*state, darts, "{\"recurrent\":[[\"relu\",0],[\"none\",1]],\"concat\":[1,2]}",
           "tanh, relu, sigmoid or identity");
    unread(*state, darts, "{\"recurrent\":[[\"relu\",0],[\"relu\",1]],\"concat\":[2]}",
           "all nodes");
    unread(*state, "enas-rnn nodes=2", "[0,0]", "list of 3 numbers");
    unread(*state, "enas-rnn nodes=2", "[0,0,4]", "from 0 to 3");
    unread(*state, "enas-rnn nodes=2", "[0,1,0]", "a node before");
    unread(*state, tree, "{\"tree\":[],\"inject\":[\"add\",\"relu\"],\"index\":[0,0]}",
           "as many pairs");
    unread(
        *state, tree,
        "{\"tree\":[[\"sub\",\"tanh\"]],\"inject\":[\"add\",\"relu\"],\"index\":[0,0]}",
        "add or mul");
    unread(
        *state, tree,
        "{\"tree\":[[\"add\",\"tanh\"]],\"inject\":[\"add\",\"relu\"],\"index\":[0,1]}",
        "two nodes");
    nw_clear(*state);
    assert_null(nw_space_open_net(*state, "enas-rnn arch=\"0 0 0\"", NULL, 0));
    says(*state, "must be 23 numbers");
    nw_clear(*state);
    assert_null(nw_space_open_net(*state, "darts-rnn-v1", (const int[3]){3, 32, 32}, 0));
    says(*state, "not emb=850 and 1 times hidden=850");
}

/* ---- Canonical forms ------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* All archs of a small space, and how many classes they fall into. */
static void has_classes(nw_ctx *ctx, const char *spec, int archs, int classes)
{
    nw_space *space = opened(ctx, spec, NULL);
    nw_arch *arch = nw_arch_new(ctx, space);
    uint64_t *class = nw_alloc(ctx, (size_t)archs * sizeof(*class));
    int n = 0, found = 0;

    assert_non_null(class);
    for (int more = nw_arch_first(arch); more; more = nw_arch_next(arch)) {
        assert_true(n < archs);
        class[n++] = nw_arch_class(arch);
    }
    qsort(class, (size_t)n, sizeof(*class), by_value);
    for (int i = 0; i < n; i++)
        found += !i || class[i] != class[i - 1];
    if (n != archs || found != classes)
        fail_msg("%s: %d cells in %d classes, not %d in %d", spec, n, found, archs,
                 classes);
    nw_release(ctx, class);
    nw_arch_free(arch);
    nw_space_free(space);
}

/*
 * Trees whose nodes have no names, by Euler's transform: with 4 functions there are r(n)
 * = 4 f(n - 1) rooted trees of n nodes and f(4) = r4 + r3 r1 + r2 (r2 + 1) / 2 +
 * r2 r1 (r1 + 1) / 2 + C(r1 + 3, 4) = 1499 forests of 4; ENAS's cell is one tree, of
 * which there are 752. With two leaves, a swap leaves 512 of 36,864 cells as they are.
 */
static void test_rnn__cells_that_differ_in_names_only_are_one_class(void **state)
{
    has_classes(*state, "darts-rnn nodes=4", 6144, 1499);
    has_classes(*state, "enas-rnn nodes=4", 1536, 752);
    has_classes(*state, "nas-rl-rnn base=2", 36864, (36864 + 512) / 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rnn__darts_computes_its_formula),
        TEST(test_rnn__enas_computes_its_formula),
        TEST(test_rnn__nas_rl_computes_the_example_of_its_paper),
        TEST(test_rnn__published_cells_are_their_genotypes),
        TEST(test_rnn__genotypes_go_round),
        TEST(test_rnn__what_is_no_cell_is_refused),
        TEST(test_rnn__cells_that_differ_in_names_only_are_one_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
