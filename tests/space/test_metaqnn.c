/* test_metaqnn.c - rules, count and draws of MetaQNN's chains against enumeration. */
#include "counting.h"

#include "metaqnn.h"

static long listed(nw_ctx *ctx, const char *spec)
{
    nw_space *space = opened(ctx, spec, NULL);
    nw_arch *arch = nw_arch_new(ctx, space);
    long n = 0;

    for (int more = nw_arch_first(arch); more; more = nw_arch_next(arch))
        n++;
    assert_int_equal(atol(nw_space_count(space)), n);
    return n;
}

static void test_metaqnn__count_is_what_a_list_of_all_has(void **state)
{
    assert_int_equal(listed(*state, "metaqnn limit=3 size=14"), 3038);
    assert_int_equal(listed(*state, "metaqnn limit=4 size=14"), 44054);
    assert_int_equal(listed(*state, "metaqnn limit=3 size=14 pool=floor"), 2990);
    assert_int_equal(listed(*state, "metaqnn limit=4 size=14 pool=floor"), 42518);
    listed(*state,
           "metaqnn limit=5 size=6 widths=8 fc=16,32"); /* FC early, in any order */
}

/* Every chain of a space as often as any other: chi square of 20,000 draws. */
static void test_metaqnn__draws_are_uniform(void **state)
{
    enum { DRAWS = 20000, MOST = 400 };
    nw_space *space = opened(*state, "metaqnn limit=3 size=7 widths=8 fc=16", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    uint64_t hash[MOST];
    long seen[MOST] = {0}, n = 0;
    double chi = 0, mean;

    for (int more = nw_arch_first(arch); more; more = nw_arch_next(arch)) {
        assert_true(n < MOST);
        hash[n++] = nw_arch_hash(arch);
    }
    for (uint64_t i = 0; i < DRAWS; i++) {
        long k = 0;

        assert_int_equal(nw_arch_random(arch, i), NW_OK);
        while (k < n && hash[k] != nw_arch_hash(arch))
            k++;
        assert_true(k < n);
        seen[k]++;
    }
    mean = (double)DRAWS / (double)n;
    for (long k = 0; k < n; k++)
        chi += ((double)seen[k] - mean) * ((double)seen[k] - mean) / mean;
    /* mean n - 1, variance 2 (n - 1): five deviations */
    assert_true((chi - (double)(n - 1)) * (chi - (double)(n - 1)) < 50.0 * (double)n);
}

static void test_metaqnn__chains_are_written_as_in_the_paper(void **state)
{
    static const char *const best = "\"C(512,5) C(256,3) C(256,5) C(256,3) P(5,3) "
                                    "C(512,3) C(512,5) P(2,2) SM\"";
    nw_space *space = opened(*state, "metaqnn pool=floor", NULL), *net;
    nw_arch *arch = nw_arch_new(*state, space);
    char text[400] = {0};
    FILE *out = fmemopen(text, sizeof(text), "w");

    assert_int_equal(nw_arch_read_genotype(arch, best, "text"), NW_OK);
    assert_int_equal(nw_arch_write_genotype(arch, out), NW_OK);
    fclose(out);
    assert_string_equal(text, best);
    net = nw_space_derive(space, arch, "");
    assert_non_null(net);
    assert_true(trainable(graph_of(net, NULL, 0)) == 11263754);
}

static void test_metaqnn__broken_rules_are_named(void **state)
{
    static const char *const bad[][2] = {
        {"\"P(2,2) SM\"", "a pool follows a convolution only"},
        {"\"C(64,3) P(2,2) P(2,2) SM\"", "a pool follows a convolution only"},
        {"\"C(64,3) FC(128) SM\"", "at most 7 pixels"},
        {"\"C(64,3) P(2,2) FC128 FC512 SM\"", "no wider"},
        {"\"C(64,3) P(2,2) FC128 FC128 FC128 SM\"", "at most two FC"},
        {"\"C(64,3) P(2,2) FC128 C(64,1) SM\"", "only FC and SM"},
        {"\"C(64,3) GAP C(64,1) SM\"", "only SM"},
        {"\"C(64,3) P(5,3) C(64,3) C(64,5) SM\"", "smaller than the map"},
        {"\"C(64,3) P(5,3) C(64,1) P(3,2) P(5,3) SM\"", "a pool follows"},
        {"\"C(96,3) SM\"", "not in the space"},
        {"\"C(64,3)\"", "ends with SM"},
        {"\"SM C(64,3)\"", "behind SM"},
        {"\"C(64,3) C(64,3) C(64,3) C(64,3) C(64,3) C(64,3) C(64,3) SM\"", "limit=6"},
        {"\"C(64,3) D(1,2) SM\"", "D(1,2): not C(d,f)"},
        {"[1]", "not a string"},
    };
    nw_space *space = opened(*state, "metaqnn limit=6 size=14", NULL);
    nw_arch *arch = nw_arch_new(*state, space);

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(nw_arch_read_genotype(arch, bad[i][0], "text"), NW_EFORMAT);
        says(*state, bad[i][1]);
        nw_clear(*state);
    }
}

static void test_metaqnn__wrong_keys_are_refused(void **state)
{
    static const char *const bad[] = {
        "metaqnn pool=round", "metaqnn widths=",     "metaqnn widths=8,,16",
        "metaqnn fc=a",       "metaqnn widths=8,8",  "metaqnn limit=0",
        "metaqnn depth=3",    "metaqnn net=C(64,3)", "metaqnn widths=8,"};
    const int oblong[3] = {3, 32, 16};

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (nw_space_open(*state, bad[i], NULL, 0))
            fail_msg("%s is accepted", bad[i]);
        assert_int_equal(nw_errstatus(*state), NW_ESPEC);
        nw_clear(*state);
    }
    assert_null(nw_space_open(*state, "metaqnn", oblong, 0));
    says(*state, "square");
}

/* Behind a broken layer all stays that can; a kernel too large becomes smaller. */
static void test_metaqnn__repair_changes_little(void **state)
{
    nw_space *space = opened(*state, "metaqnn limit=5 size=14", NULL);
    nw_arch *arch = nw_arch_new(*state, space);
    char text[200] = {0};
    FILE *out;

    assert_int_equal(nw_arch_read_genotype(
                         arch, "\"C(64,3) P(2,2) C(128,5) C(256,5) C(64,1) SM\"", "text"),
                     NW_OK);
    /* P(5,3) leaves 4 pixels instead of 7 */
    for (int o = 0; o < nw_space_options(space, 1); o++)
        if (!strcmp(nw_space_option_name(space, 1, o), "P(5,3)"))
            nw_arch_pick(arch, 1, o);
    assert_int_equal(nw_arch_check(arch), NW_EINVAL);
    space->family->repair(arch);
    out = fmemopen(text, sizeof(text), "w");
    assert_int_equal(nw_arch_write_genotype(arch, out), NW_OK);
    fclose(out);
    assert_string_equal(text, "\"C(64,3) P(5,3) C(128,3) C(256,3) C(64,1) SM\"");
}

/* Pixels before the last layer: 6 windows of 2 fit into 13 pixels, floor(12 / 2) of them
 * count; of 14 pixels 7 fit and floor(13 / 2) = 6 do. */
static void test_metaqnn__floor_drops_the_last_windows(void **state)
{
    static const struct {
        const char *pool;
        int size, pixels;
    } rows[] = {{"ceil", 13, 6}, {"floor", 13, 6}, {"ceil", 14, 7}, {"floor", 14, 6}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char spec[100];
        nw_graph *g;
        nw_space *net;

        snprintf(spec, sizeof(spec), "metaqnn net=\"C(1,1) P(2,2) SM\" pool=%s size=%d",
                 rows[i].pool, rows[i].size);
        net = nw_space_open_net(*state, spec, NULL, 0);
        assert_non_null(net);
        g = graph_of(net, NULL, 0);
        assert_true(trainable(g) == 4 + 10 * rows[i].pixels * rows[i].pixels + 10);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

/* Where a chain of the space has led to. */
static nw_mq_state behind(const nw_mq_rules *r, const char *text)
{
    nw_mq_layer chain[NW_METAQNN_LIMIT + 1];
    char why[256];
    const int n = nw_mq_read_chain(text, chain, why);
    nw_mq_state s = nw_mq_start(r);

    assert_true(n > 0);
    for (int i = 0; i < n - 1; i++) {
        assert_null(nw_mq_forbidden(r, &s, &chain[i]));
        nw_mq_go_on(r, &s, &chain[i]);
    }
    return s;
}

static int looks_the_same(const nw_mq_rules *r, const char *a, const char *b)
{
    const nw_mq_state s = behind(r, a), t = behind(r, b);

    return nw_mq_seen(&s) == nw_mq_seen(&t);
}

static void test_metaqnn__agent_sees_last_layer_depth_and_bucket(void **state)
{
    nw_mq_rules r;

    assert_true(nw_mq_has_rules(opened(*state, "metaqnn size=28", NULL), &r));
    assert_true(looks_the_same(&r, "C(64,3) C(128,3) SM", "C(256,5) C(128,3) SM"));
    assert_false(looks_the_same(&r, "C(64,3) C(128,3) SM", "C(64,3) C(128,5) SM"));
    assert_false(looks_the_same(&r, "C(64,3) SM", "C(64,1) C(64,3) SM"));
    /* 28 and 14 pixels are in one bucket; 28 and 6 are not, nor are 4 and 2 */
    assert_true(
        looks_the_same(&r, "C(64,3) C(64,3) C(64,3) SM", "C(64,3) P(2,2) C(64,3) SM"));
    assert_false(looks_the_same(&r, "C(64,3) P(3,2) C(64,3) P(3,2) C(64,3) SM",
                                "C(64,3) C(64,3) C(64,3) C(64,3) C(64,3) SM"));
    assert_false(looks_the_same(&r, "C(64,3) P(5,3) C(64,3) P(2,2) C(64,1) SM",
                                "C(64,3) P(5,3) C(64,3) P(5,3) C(64,1) SM"));
    /* the number of FC, and no size of a map behind it */
    assert_false(looks_the_same(&r, "C(64,3) P(5,3) C(64,1) P(5,3) C(64,1) FC(128) SM",
                                "C(64,3) P(5,3) C(64,1) P(5,3) FC(128) FC(128) SM"));
    assert_true(looks_the_same(&r, "C(64,3) P(5,3) C(64,1) P(2,2) FC(128) SM",
                               "C(64,3) P(5,3) C(64,1) P(5,3) FC(128) SM"));
}

static void test_metaqnn__other_spaces_have_no_such_rules(void **state)
{
    nw_mq_rules r;

    assert_false(nw_mq_has_rules(opened(*state, "nasbench201", NULL), &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_metaqnn__count_is_what_a_list_of_all_has),
        TEST(test_metaqnn__draws_are_uniform),
        TEST(test_metaqnn__chains_are_written_as_in_the_paper),
        TEST(test_metaqnn__broken_rules_are_named),
        TEST(test_metaqnn__wrong_keys_are_refused),
        TEST(test_metaqnn__repair_changes_little),
        TEST(test_metaqnn__floor_drops_the_last_windows),
        TEST(test_metaqnn__agent_sees_last_layer_depth_and_bucket),
        TEST(test_metaqnn__other_spaces_have_no_such_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
