/* test_arch.c - archs: hardening, random ones, JSON. */
#include "../space/counting.h"

#include <math.h>

/* conv: one of 3; skip: 2 of 4; w: a number; e0..e2: keep 2 of three with 2, 3, 4
 * options. */
static nw_space *sample(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 4, 8, 8), r = nw_op(s, "relu", x), t = nw_op(s, "tanh", x),
           e[3];

    nw_int_of(s, "w", 2, (const int[]){4, 8});
    x = nw_one_of(s, "conv", x, r, t);
    x = nw_some_of(s, "skip", 2, x, r, t, nw_op(s, "sigmoid", t));
    e[0] = nw_one_of(s, "e0", x, r);
    e[1] = nw_one_of(s, "e1", x, r, t);
    e[2] = nw_one_of(s, "e2", x, r, t, nw_op(s, "sigmoid", r));
    nw_keep(s, 2, 0, 3, (const char *[]){"e0", "e1", "e2"});
    nw_option_name(s, "conv", 1, "middle");
    nw_output(s, nw_op(s, "add | conv2d out=$w", e[0], e[1], e[2]));
    assert_int_equal(nw_space_seal(s), NW_OK);
    return s;
}

static void text_of(const nw_arch *arch, char out[512])
{
    FILE *file = fmemopen(out, 512, "w");

    assert_int_equal(nw_arch_write(arch, file), NW_OK);
    fclose(file);
}

static void test_arch__starts_equal_and_soft(void **state)
{
    nw_arch *arch = nw_arch_new(*state, sample(*state));

    assert_true(nw_arch_weights(arch, 1)[2] == 1.0 / 3);
    assert_false(nw_arch_is_hard(arch));
}

static void test_arch__hardening_takes_the_strongest_and_the_first_of_equals(void **state)
{
    nw_arch *arch = nw_arch_new(*state, sample(*state));
    char text[512];

    assert_int_equal(nw_arch_harden(arch), NW_OK);
    assert_true(nw_arch_is_hard(arch));
    text_of(arch, text);
    assert_string_equal(text,
                        "{\"w\":0,\"conv\":0,\"skip\":[0,1],\"e0\":1,\"e1\":1,\"e2\":0}");
    memcpy(nw_arch_weights(arch, 1), (double[]){.1, .5, .4}, 3 * sizeof(double));
    memcpy(nw_arch_weights(arch, 2), (double[]){-3, -1, -2, -4}, 4 * sizeof(double));
    memcpy(nw_arch_weights(arch, 3), (double[]){.9, .1}, 2 * sizeof(double));
    memcpy(nw_arch_weights(arch, 4), (double[]){.9, .02, .08}, 3 * sizeof(double));
    memcpy(nw_arch_weights(arch, 5), (double[]){.0, .3, .3, .3}, 4 * sizeof(double));
    assert_int_equal(nw_arch_harden(arch), NW_OK);
    text_of(arch, text);
    assert_string_equal(text,
                        "{\"w\":0,\"conv\":1,\"skip\":[1,2],\"e0\":1,\"e1\":0,\"e2\":1}");
}

static void test_arch__weights_that_are_no_numbers_lose(void **state)
{
    nw_arch *arch = nw_arch_new(*state, sample(*state));

    memcpy(nw_arch_weights(arch, 1), (double[]){NAN, -INFINITY, NAN}, 3 * sizeof(double));
    memcpy(nw_arch_weights(arch, 2), (double[]){NAN, NAN, NAN, NAN}, 4 * sizeof(double));
    memcpy(nw_arch_weights(arch, 3), (double[]){NAN, NAN}, 2 * sizeof(double));
    assert_int_equal(nw_arch_get(arch, "conv"), 1);
    assert_int_equal(nw_arch_harden(arch), NW_OK);
    assert_true(nw_arch_is_hard(arch));
    assert_int_equal(nw_arch_get(arch, "conv"), 1);
    assert_int_equal(nw_arch_get(arch, "e0"), 0);
}

static void test_arch__is_hard_only_under_its_rules(void **state)
{
    nw_arch *arch = nw_arch_new(*state, sample(*state));

    nw_arch_harden(arch);
    nw_arch_set(arch, "e2", 3);
    assert_false(nw_arch_is_hard(arch)); /* three edges are taken, not two */
    nw_arch_set(arch, "e0", 0);
    assert_true(nw_arch_is_hard(arch));
}

/* All 2 * 3 * 6 * (1*2 + 1*3 + 2*3) = 396 archs come equally often. */
static void test_arch__random_ones_are_uniform(void **state)
{
    nw_space *s = sample(*state);
    nw_arch *arch = nw_arch_new(*state, s);
    enum { DRAWS = 79200, CELLS = 2 * 3 * 16 * 2 * 3 * 4 };
    static int seen[CELLS];
    double chi = 0, expected = DRAWS / 396.0;
    int kinds = 0;

    assert_string_equal(nw_space_count(s), "396");
    memset(seen, 0, sizeof(seen));
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        int at = nw_arch_get(arch, "w"), mask = 0;

        assert_int_equal(nw_arch_random(arch, seed), NW_OK);
        at = nw_arch_get(arch, "w") * 3 + nw_arch_get(arch, "conv");
        for (int i = 0; i < 4; i++)
            mask |= (nw_arch_weights(arch, 2)[i] == 1) << i;
        at = at * 16 + mask;
        at = at * 2 + nw_arch_get(arch, "e0");
        at = at * 3 + nw_arch_get(arch, "e1");
        at = at * 4 + nw_arch_get(arch, "e2");
        seen[at]++;
    }
    assert_true(nw_arch_is_hard(arch));
    for (int i = 0; i < CELLS; i++)
        if (seen[i]) {
            kinds++;
            chi += (seen[i] - expected) * (seen[i] - expected) / expected;
        }
    assert_int_equal(kinds, 396);
    /* 395 degrees of freedom: mean 395, standard deviation 28 */
    if (chi < 395 - 4 * 28.1 || chi > 395 + 4 * 28.1)
        fail_msg("chi-square is %g", chi);
}

static void test_arch__json_comes_back(void **state)
{
    nw_space *s = sample(*state);
    nw_arch *a = nw_arch_new(*state, s), *b = nw_arch_new(*state, s);
    char text[512], wrapped[600];

    for (uint64_t seed = 0; seed < 200; seed++) {
        nw_arch_random(a, seed);
        text_of(a, text);
        assert_int_equal(nw_arch_read(b, text, NULL), NW_OK);
        assert_true(nw_arch_hash(a) == nw_arch_hash(b));
        snprintf(wrapped, sizeof(wrapped), "{\"score\":1,\"arch\":%s}", text);
        assert_int_equal(nw_arch_read(b, wrapped, "f"), NW_OK);
        nw_arch_random(b, seed + 1000);
        assert_int_equal(nw_arch_copy(b, a), NW_OK);
        assert_true(nw_arch_hash(a) == nw_arch_hash(b));
    }
    assert_int_equal(
        nw_arch_read(b,
                     "{\"w\":\"8\",\"conv\":\"middle\",\"skip\":[3,0],\"e0\":1,"
                     "\"e1\":2,\"e2\":0}",
                     NULL),
        NW_OK);
    assert_int_equal(nw_arch_get(b, "w"), 1);
    assert_int_equal(nw_arch_get(b, "conv"), 1);
}

static void test_arch__wrong_json_is_refused_and_changes_nothing(void **state)
{
    static const struct {
        const char *json, *says;
        nw_status status;
    } bad[] = {
        {"{\"w\":0,\n \"conv\":}", "f:2:", NW_EFORMAT},
        {"", "f:1:", NW_EFORMAT},
        {"[1]", "f: not an object", NW_EFORMAT},
        {"{\"w\":0,\"w\":0}", "f:1:", NW_EFORMAT},
        {"{\"w\":0,\"cnov\":0}", "did you mean \"conv\"", NW_ENAME},
        {"{\"w\":0}", "\"conv\" is missing", NW_EFORMAT},
        {"{\"w\":2,\"conv\":0,\"skip\":[0,1],\"e0\":1,\"e1\":1,\"e2\":0}", "0 to 1",
         NW_EFORMAT},
        {"{\"w\":0,\"conv\":-1,\"skip\":[0,1],\"e0\":1,\"e1\":1,\"e2\":0}", "0 to 2",
         NW_EFORMAT},
        {"{\"w\":0,\"conv\":1.5,\"skip\":[0,1],\"e0\":1,\"e1\":1,\"e2\":0}", "0 to 2",
         NW_EFORMAT},
        {"{\"w\":0,\"conv\":0,\"skip\":[0],\"e0\":1,\"e1\":1,\"e2\":0}",
         "takes 2 options, not 1", NW_EFORMAT},
        {"{\"w\":0,\"conv\":0,\"skip\":[1,1],\"e0\":1,\"e1\":1,\"e2\":0}", "each once",
         NW_EFORMAT},
        {"{\"w\":0,\"conv\":0,\"skip\":[0,1],\"e0\":1,\"e1\":1,\"e2\":1}",
         "exactly 2 of the 3", NW_EFORMAT},
    };
    nw_arch *arch = nw_arch_new(*state, sample(*state));
    uint64_t before;

    nw_arch_random(arch, 7);
    before = nw_arch_hash(arch);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(nw_arch_read(arch, bad[i].json, "f"), bad[i].status);
        says(*state, bad[i].says);
        assert_true(nw_arch_hash(arch) == before);
    }
    assert_int_equal(nw_arch_read(arch, NULL, "f"), NW_EINVAL);
}

static void test_arch__wrong_arguments_are_refused(void **state)
{
    nw_arch *arch = nw_arch_new(*state, sample(*state)), *other;
    nw_space *s = nw_space_new(*state);

    assert_int_equal(nw_arch_set(arch, "con", 0), NW_ENAME);
    says(*state, "did you mean \"conv\"");
    assert_int_equal(nw_arch_set(arch, "conv", 3), NW_EINVAL);
    says(*state, "0 to 2, not 3");
    assert_int_equal(nw_arch_set(arch, NULL, 0), NW_ENAME);
    assert_int_equal(nw_arch_get(arch, NULL), -1);
    assert_int_equal(nw_arch_get(arch, "nothing"), -1);
    nw_output(s, nw_input(s, 1, 1, 1));
    other = nw_arch_new(*state, s);
    nw_clear(*state);
    assert_int_equal(nw_arch_copy(arch, other), NW_EMATCH);
    nw_clear(*state);
    assert_int_equal(nw_arch_copy(other, arch), NW_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_arch__starts_equal_and_soft),
        TEST(test_arch__hardening_takes_the_strongest_and_the_first_of_equals),
        TEST(test_arch__weights_that_are_no_numbers_lose),
        TEST(test_arch__is_hard_only_under_its_rules),
        TEST(test_arch__random_ones_are_uniform),
        TEST(test_arch__json_comes_back),
        TEST(test_arch__wrong_json_is_refused_and_changes_nothing),
        TEST(test_arch__wrong_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
