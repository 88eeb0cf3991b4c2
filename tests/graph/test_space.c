/* test_space.c - building, sealing and counting spaces; graphs of them. */
#include "../space/counting.h"

#include "big.h"

static nw_ref picture(nw_space *s)
{
    return nw_input(s, 4, 8, 8);
}

/* Sealing fails, says so, and says it again to whoever asks next. */
static void refused(nw_space *s, nw_status status, const char *part)
{
    nw_ctx *ctx = s->ctx;

    assert_int_equal(nw_space_seal(s), status);
    says(ctx, part);
    nw_fail(ctx, NW_EIO, "something else");
    nw_clear(ctx);
    assert_null(nw_arch_new(ctx, s));
    says(ctx, part);
    nw_clear(ctx);
    nw_space_free(s);
}

static void test_space__first_failure_stays(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = nw_op(s, "conv2d kernal=3", picture(s));

    assert_true(x < 0);
    assert_true(nw_op(s, "nonsense", x) < 0);
    assert_true(nw_one_of(s, "a", x, x) < 0);
    assert_int_equal(nw_output(s, x), NW_ESPEC);
    refused(s, NW_ESPEC, "conv2d: no key \"kernal\"");
}

static void test_space__null_is_passed_on(void **state)
{
    nw_ctx *ctx = *state;

    assert_true(nw_input(NULL, 1, 1, 1) < 0);
    assert_true(nw_op(NULL, "relu", 0) < 0);
    assert_true(nw_one_of(NULL, "a", 0) < 0);
    assert_int_equal(nw_keep(NULL, 1, 0, 0, NULL), NW_ENOMEM);
    assert_int_equal(nw_output(NULL, 0), NW_ENOMEM);
    assert_int_equal(nw_space_seal(NULL), NW_ENOMEM);
    assert_null(nw_space_count(NULL));
    assert_null(nw_arch_new(ctx, NULL));
    assert_null(nw_space_new(NULL));
    assert_null(nw_space_derive(NULL, NULL, NULL));
    nw_enter(NULL, "a");
    nw_leave(NULL);
    nw_space_free(NULL);
    nw_arch_free(NULL);
    nw_graph_free(NULL);
}

/* Builders that go wrong one by one: what is done to `s` after an input. */
static void two_outputs(nw_space *s)
{
    nw_output(s, 0);
    nw_output(s, 0);
}

static void no_output(nw_space *s)
{
    nw_op(s, "relu", 0);
}

static void options_differ(nw_space *s)
{
    nw_output(s, nw_one_of(s, "c", nw_op(s, "relu", 0), nw_op(s, "conv2d out=5", 0)));
}

static void names_twice(nw_space *s)
{
    nw_output(s, nw_op(s, "conv2d name=a | conv2d name=a", 0));
}

static void choice_by_name(nw_space *s)
{
    nw_output(s, nw_op(s, "choice", 0));
}

static void label_by_name(nw_space *s)
{
    nw_output(s, nw_op(s, "label", 0));
}

static void second_input(nw_space *s)
{
    nw_output(s, nw_op(s, "add", 0, picture(s)));
}

static void label_of_another_kind(nw_space *s)
{
    nw_ref a = nw_op(s, "relu", 0), b = nw_op(s, "tanh", 0);

    nw_one_of(s, "c", a, b);
    nw_output(s, nw_one_of(s, "c", a, b, 0));
}

static void too_many_taken(nw_space *s)
{
    nw_output(s, nw_some_of(s, "c", 3, 0, 0));
}

static void not_a_node(nw_space *s)
{
    nw_output(s, nw_op(s, "relu", 77));
}

static void wrong_number_of_inputs(nw_space *s)
{
    nw_output(s, nw_op(s, "relu", 0, 0));
}

static void unknown_number(nw_space *s)
{
    nw_output(s, nw_op(s, "conv2d out=$w", 0));
}

static void number_that_does_not_divide(nw_space *s)
{
    nw_int_of(s, "w", 2, (const int[]){4, 5});
    nw_output(s, nw_op(s, "conv2d out=$w/2", 0));
}

static void numbers_that_do_not_fit(nw_space *s)
{
    nw_int_of(s, "v", 2, (const int[]){4, 5});
    nw_int_of(s, "w", 2, (const int[]){4, 5});
    nw_output(s, nw_op(s, "(conv2d out=$v, conv2d out=$w) | add", 0));
}

static void number_named_badly(nw_space *s)
{
    nw_int_of(s, "a b", 1, (const int[]){4});
}

static void no_numbers(nw_space *s)
{
    nw_int_of(s, "a", 0, NULL);
}

static void keep_what_is_not_there(nw_space *s)
{
    nw_keep(s, 1, 0, 1, (const char *[]){"c"});
}

static void keep_twice(nw_space *s)
{
    nw_one_of(s, "c", 0, 0);
    nw_keep(s, 1, 0, 1, (const char *[]){"c"});
    nw_keep(s, 1, 0, 1, (const char *[]){"c"});
}

static void keep_a_single_option(nw_space *s)
{
    nw_one_of(s, "c", 0);
    nw_keep(s, 1, 0, 1, (const char *[]){"c"});
}

static void open_bracket(nw_space *s)
{
    nw_op(s, "(relu, tanh", 0);
}

static void empty_link(nw_space *s)
{
    nw_op(s, "relu | | tanh", 0);
}

static void too_deep(nw_space *s)
{
    nw_op(s, "((((((((((((((((((relu))))))))))))))))))", 0);
}

static void two_values(nw_space *s)
{
    nw_op(s, "(relu, tanh)", 0);
}

static void output_without_input(nw_space *s)
{
    (void)s;
    nw_output(s, -1);
}

static void name_with_a_blank(nw_space *s)
{
    nw_output(s, nw_op(s, "conv2d name='a b'", 0));
}

static const struct {
    void (*build)(nw_space *s);
    nw_status status;
    const char *says;
} bad[] = {
    {two_outputs, NW_EINVAL, "output: there is one already"},
    {no_output, NW_EINVAL, "no output"},
    {options_differ, NW_ESHAPE,
     "choice \"c\": option 0 gives 4x8x8 but option 1 gives 5x8x8"},
    {names_twice, NW_ENAME, "two parameters are named \"a."},
    {choice_by_name, NW_EINVAL, "the op \"choice\" cannot be used by name"},
    {label_by_name, NW_EINVAL, "the op \"label\" cannot be used by name"},
    {second_input, NW_ESHAPE, "there is an input already"},
    {label_of_another_kind, NW_EMATCH, "choice \"c\" was made with 2 options"},
    {too_many_taken, NW_EINVAL, "choice \"c\": takes 3 of 2 options"},
    {not_a_node, NW_EINVAL, "relu: input 0 is not a node"},
    {wrong_number_of_inputs, NW_EINVAL, "relu takes 1 input, not 2"},
    {unknown_number, NW_ESPEC, "out=$w is not a whole number"},
    {number_that_does_not_divide, NW_ESPEC, "out=$w/2 is not a whole number"},
    {numbers_that_do_not_fit, NW_ESHAPE, "add: input 1 has another shape"},
    {number_named_badly, NW_ENAME, "\"a b\" cannot name a choice"},
    {no_numbers, NW_EINVAL, "number \"a\": 0 values"},
    {keep_what_is_not_there, NW_EINVAL, "keep: \"c\": there is no such choice"},
    {keep_twice, NW_EINVAL, "keep: \"c\": another rule has it"},
    {keep_a_single_option, NW_EINVAL, "keep: \"c\": it has no such option"},
    {open_bracket, NW_ESPEC, "\"(\" without \")\""},
    {empty_link, NW_ESPEC, "an op is missing"},
    {too_deep, NW_ESPEC, "nest deeper"},
    {two_values, NW_ESPEC, "must end in one value"},
    {output_without_input, NW_EINVAL, "output: not a node"},
    {name_with_a_blank, NW_ENAME, "name=a b is not"},
};

static void test_space__wrong_spaces_are_refused(void **state)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        nw_space *s = nw_space_new(*state);

        picture(s);
        bad[i].build(s);
        refused(s, bad[i].status, bad[i].says);
    }
}

static void test_space__sealed_takes_no_more(void **state)
{
    nw_space *s = nw_space_new(*state);

    nw_output(s, nw_op(s, "relu", picture(s)));
    assert_int_equal(nw_space_seal(s), NW_OK);
    assert_int_equal(nw_space_seal(s), NW_OK);
    assert_true(nw_op(s, "relu", 0) < 0);
    assert_int_equal(nw_output(s, 0), NW_EINVAL);
    says(*state, "sealed");
}

static void test_space__unnamed_choices_are_numbered(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = picture(s);

    x = nw_one_of(s, NULL, x, nw_op(s, "relu", x));
    x = nw_one_of(s, "named", x, nw_op(s, "relu", x));
    x = nw_some_of(s, NULL, 1, x, nw_op(s, "relu", x));
    nw_output(s, x);
    assert_string_equal(nw_space_choice_name(s, 0), "_mutation_1");
    assert_string_equal(nw_space_choice_name(s, 1), "named");
    assert_string_equal(nw_space_choice_name(s, 2), "_mutation_3");
}

static void test_space__one_label_is_one_decision(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = picture(s);
    nw_arch *arch;
    nw_graph *g;

    for (int i = 0; i < 3; i++)
        x = nw_one_of(s, "act", nw_op(s, "relu", x), nw_op(s, "tanh", x));
    nw_output(s, x);
    assert_string_equal(nw_space_count(s), "2");
    arch = nw_arch_new(*state, s);
    nw_arch_set(arch, "act", 1);
    g = graph_of(s, arch, 0);
    assert_int_equal(g->n, 4);
    for (int i = 1; i < 4; i++)
        assert_string_equal(g->node[i].op->name, "tanh");
}

static void test_space__numbers_change_shapes(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_arch *arch;

    nw_int_of(s, "w", 3, (const int[]){2, 4, 8});
    nw_output(
        s, nw_op(s, "conv2d out=$w k=1 bias=0 | conv2d out=$w*2 k=1 bias=0", picture(s)));
    arch = nw_arch_new(*state, s);
    for (int i = 0; i < 3; i++) {
        nw_graph *g;
        double w = 2 << i;

        nw_arch_set(arch, "w", i);
        g = graph_of(s, arch, 0);
        assert_true(trainable(g) == 4 * w + 2 * w * w);
    }
    assert_string_equal(nw_space_count(s), "3");
}

static void test_space__big_counts_are_exact(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = picture(s), many[40];

    for (int i = 0; i < 200; i++)
        x = nw_one_of(s, NULL, x, nw_op(s, "relu", x));
    for (int i = 0; i < 40; i++)
        many[i] = x;
    nw_output(s, x);
    assert_string_equal(nw_space_count(s),
                        "1606938044258990275541962092341162602522202993782792835301376");
    s = nw_space_new(*state);
    x = picture(s);
    for (int i = 0; i < 40; i++)
        many[i] = x;
    nw_output(s, nw_some_of_n(s, "c", 20, 40, many));
    assert_string_equal(nw_space_count(s), "137846528820");
}

static void test_space__counts_beyond_all_digits_are_an_error(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = picture(s);

    for (int i = 0; i < 2000; i++)
        x = nw_one_of(s, NULL, x, x);
    nw_output(s, x);
    assert_int_equal(nw_space_seal(s), NW_OK);
    assert_null(nw_space_count(s));
    says(*state, "digits");
}

static void test_space__big_numbers_divide(void **state)
{
    char text[NW_BIG_WORDS * 9 + 1];
    nw_big a, b;

    (void)state;
    nw_big_set(&a, 1);
    nw_big_set(&b, 0);
    nw_big_text(&b, text);
    assert_string_equal(text, "0");
    for (uint32_t i = 1; i <= 60; i++)
        nw_big_mul(&a, i);
    b = a;
    nw_big_mul_big(&b, &a);
    for (int twice = 0; twice < 2; twice++)
        for (uint32_t i = 1; i <= 60; i++)
            nw_big_div(&b, i);
    nw_big_text(&b, text);
    assert_string_equal(text, "1");
    nw_big_set(&b, 4294967295u);
    nw_big_add(&b, &a);
    assert_false(b.overflowed);
}

static void test_space__dead_nodes_are_dropped(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = picture(s), dead = nw_op(s, "conv2d out=9 k=3", x);
    nw_arch *arch;
    nw_graph *g;

    nw_op(s, "dense out=5", dead); /* cannot be, but nobody reads it */
    nw_output(s, nw_one_of(s, "c", nw_op(s, "conv2d out=4 k=3 | relu", x), x));
    assert_int_equal(nw_space_seal(s), NW_OK);
    assert_int_equal(graph_of(s, NULL, 0)->n, 4);
    arch = nw_arch_new(*state, s);
    nw_arch_set(arch, "c", 1);
    g = graph_of(s, arch, 0);
    assert_int_equal(g->n, 1);
    assert_int_equal(g->output, g->input);
    assert_int_equal(graph_of(s, arch, NW_GRAPH_ALL)->n, 4);
}

static void test_space__zero_spreads_through_sums(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = picture(s), z = nw_op(s, "none", x), sum = nw_op(s, "add", z, z);
    nw_graph *g;

    nw_output(s, nw_op(s, "add", nw_one_of(s, "c", z, sum), nw_op(s, "relu", sum), x));
    g = graph_of(s, NULL, NW_GRAPH_ALL);
    for (int i = 0; i < g->n; i++) {
        const char *op = g->node[i].op->name;
        int zero = !strcmp(op, "none") || !strcmp(op, "choice") ||
                   (!strcmp(op, "add") && i != g->output);

        assert_int_equal(g->node[i].is_zero, zero);
    }
}

static void test_space__weight_zero_everywhere_is_an_error(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = picture(s);
    nw_arch *arch;

    nw_output(s, nw_one_of(s, "c", x, nw_op(s, "relu", x)));
    arch = nw_arch_new(*state, s);
    nw_arch_weights(arch, 0)[0] = nw_arch_weights(arch, 0)[1] = 0;
    assert_null(nw_graph_new(*state, s, arch, NW_F32, 0));
    says(*state, "weight 0");
}

static void test_space__auxiliary_output_is_only_there_when_asked(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = picture(s), y = nw_op(s, "relu", x);

    nw_aux_output(s, nw_op(s, "tanh", y), 0.5);
    nw_output(s, nw_op(s, "sigmoid", y));
    assert_int_equal(graph_of(s, NULL, 0)->aux, -1);
    assert_int_equal(graph_of(s, NULL, 0)->n, 3);
    assert_true(graph_of(s, NULL, NW_GRAPH_AUX)->aux > 0);
}

static void test_space__scopes_name_modules(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = picture(s);
    nw_graph *g;

    nw_enter(s, "cells.%d", 3);
    nw_enter(s, "inner");
    x = nw_op(s, "conv2d out=4 name=a.b", x);
    nw_leave(s);
    x = nw_op(s, "conv2d out=4 name=c", x);
    nw_leave(s);
    nw_output(s, nw_op(s, "conv2d out=4 name=d", x));
    g = graph_of(s, NULL, 0);
    assert_string_equal(g->param[0].name, "cells.3.inner.a.b.weight");
    assert_string_equal(g->param[2].name, "cells.3.c.weight");
    assert_string_equal(g->param[4].name, "d.weight");
}

static void test_space__frozen_is_the_space_at_the_arch(void **state)
{
    nw_space *s = nw_space_new(*state), *f;
    nw_ref x = picture(s), y;
    nw_arch *arch;

    nw_int_of(s, "w", 2, (const int[]){4, 8});
    x = nw_op(s, "conv2d out=$w k=1", x);
    y = nw_one_of(s, "c", nw_op(s, "sep_conv k=3", x), nw_op(s, "sep_conv k=5", x));
    nw_output(s, nw_some_of(s, "d", 2, x, y, nw_op(s, "relu", y)));
    arch = nw_arch_new(*state, s);
    for (uint64_t seed = 0; seed < 20; seed++) {
        nw_graph *a, *b;

        nw_arch_random(arch, seed);
        f = nw_space_derive(s, arch, "");
        assert_non_null(f);
        assert_int_equal(nw_space_choices(f), 0);
        a = graph_of(s, arch, 0);
        b = graph_of(f, NULL, 0);
        assert_int_equal(a->n, b->n);
        assert_int_equal(a->n_param, b->n_param);
        assert_true(a->macs == b->macs);
        for (int i = 0; i < a->n_param; i++) {
            assert_string_equal(a->param[i].name, b->param[i].name);
            assert_int_equal(a->param[i].count, b->param[i].count);
        }
        for (int i = 0; i < b->n; i++) /* the composite is still known as one */
            assert_int_equal(a->node[i].group < 0, b->node[i].group < 0);
        nw_space_free(f);
    }
    assert_null(nw_space_derive(s, arch, "c=4"));
    says(*state, "only published spaces");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_space__first_failure_stays),
        TEST(test_space__null_is_passed_on),
        TEST(test_space__wrong_spaces_are_refused),
        TEST(test_space__sealed_takes_no_more),
        TEST(test_space__unnamed_choices_are_numbered),
        TEST(test_space__one_label_is_one_decision),
        TEST(test_space__numbers_change_shapes),
        TEST(test_space__big_counts_are_exact),
        TEST(test_space__counts_beyond_all_digits_are_an_error),
        TEST(test_space__big_numbers_divide),
        TEST(test_space__dead_nodes_are_dropped),
        TEST(test_space__zero_spreads_through_sums),
        TEST(test_space__weight_zero_everywhere_is_an_error),
        TEST(test_space__auxiliary_output_is_only_there_when_asked),
        TEST(test_space__scopes_name_modules),
        TEST(test_space__frozen_is_the_space_at_the_arch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
