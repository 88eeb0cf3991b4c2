/* test_yaml_space.c - spaces in YAML: the same as in C, and told where they are wrong. */
#include "counting.h"

static nw_space *parsed(nw_ctx *ctx, const char *text)
{
    nw_space *space = nw_space_parse(ctx, text, strlen(text), "a.yaml", NULL, 0);

    if (!space || nw_space_seal(space) < 0)
        fail_msg("%s", nw_errmsg(ctx));
    return space;
}

/* The same ops with the same keys on the same inputs, and the same decisions. */
static void same_spaces(nw_space *a, nw_space *b)
{
    nw_graph *x = graph_of(a, NULL, NW_GRAPH_ALL), *y = graph_of(b, NULL, NW_GRAPH_ALL);

    assert_string_equal(nw_space_count(a), nw_space_count(b));
    assert_int_equal(x->n, y->n);
    for (int i = 0; i < x->n; i++) {
        assert_string_equal(x->node[i].spec, y->node[i].spec);
        assert_int_equal(x->node[i].info.n_in, y->node[i].info.n_in);
        assert_memory_equal(x->node[i].in, y->node[i].in,
                            (size_t)x->node[i].info.n_in * sizeof(int));
        assert_int_equal(x->node[i].choice, y->node[i].choice);
        assert_memory_equal(&x->node[i].info.out, &y->node[i].info.out, sizeof(nw_shape));
    }
    assert_int_equal(a->n_choice, b->n_choice);
    for (int c = 0; c < a->n_choice; c++) {
        assert_string_equal(a->choice[c].name, b->choice[c].name);
        assert_int_equal(a->choice[c].keep, b->choice[c].keep);
    }
}

static nw_space *naive(nw_ctx *ctx, int c, int size)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, c, size, size), x0, x1;

    x = nw_one_of(s, "conv1", nw_op(s, "conv2d out=6 k=3", x),
                  nw_op(s, "conv2d out=6 k=5", x));
    x = nw_op(s, "relu | maxpool k=2", x);
    x = nw_one_of(s, "conv2", nw_op(s, "conv2d out=16 k=3", x),
                  nw_op(s, "conv2d out=16 k=5", x));
    x0 = nw_op(s, "relu", x);
    x1 = nw_op(s, "conv2d out=16 k=1 | relu", x0);
    x = nw_some_of(s, "skip", 1, x1, nw_op(s, "add", x1, x0));
    x = nw_op(s, "batchnorm | maxpool k=2 | avgpool to=4 | flatten", x);
    x = nw_op(s, "dense out=120 | relu | dense out=84 | relu | dense out=10", x);
    nw_output(s, x);
    return s;
}

static void test_yaml_space__naive_is_the_program_of_the_article(void **state)
{
    static const int grey[3] = {1, 28, 28};
    nw_space *s = opened(*state, "examples/naive.yaml", NULL);

    same_spaces(s, naive(*state, 3, 32));
    same_spaces(opened(*state, "examples/naive.yaml", grey), naive(*state, 1, 28));
    assert_string_equal(nw_space_count(s), "8");
    assert_string_equal(nw_space_option_name(s, 0, 1), "k5");
    assert_string_equal(nw_space_option_name(s, 2, 0), "x1");
}

/* ---- The cell of examples/cell.yaml in C ----------------------------------------------
 */

static nw_ref cell_edge(nw_space *s, int i, nw_ref x)
{
    char label[16];

    snprintf(label, sizeof(label), "edge_%d", i);
    return nw_one_of(
        s, label, nw_op(s, "none", x), x, nw_op(s, "maxpool k=3 stride=1 pad=1", x),
        nw_op(s, "sep_conv k=3 affine=0", x), nw_op(s, "dil_conv k=3 affine=0", x));
}

static nw_ref cell(nw_space *s, int c, nw_ref s0, nw_ref s1)
{
    nw_ref a, b, e[5], n2, n3;

    nw_enter(s, "cell%d", s->n_place);
    a = nw_opf(s, s0, "relu_conv_bn out=%d affine=0", c);
    b = nw_opf(s, s1, "relu_conv_bn out=%d affine=0", c);
    e[0] = cell_edge(s, 0, a);
    e[1] = cell_edge(s, 1, b);
    n2 = nw_op(s, "add", e[0], e[1]);
    e[2] = cell_edge(s, 2, a);
    e[3] = cell_edge(s, 3, b);
    e[4] = cell_edge(s, 4, n2);
    n3 = nw_op(s, "add", e[2], e[3], e[4]);
    n3 = nw_op(s, "concat", n2, n3);
    nw_leave(s);
    return n3;
}

static void test_yaml_space__blocks_and_loops_give_what_c_gives(void **state)
{
    nw_space *s = nw_space_new(*state);
    nw_ref x = nw_op(s, "conv2d out=8 k=3 bias=0 | batchnorm", nw_input(s, 3, 32, 32)), y;

    y = cell(s, 8, x, x);
    y = cell(s, 8, x, y);
    x = nw_op(s, "maxpool k=2", y);
    y = cell(s, 16, x, x);
    y = cell(s, 16, x, y);
    nw_output(s, nw_op(s, "globalpool | flatten | dense out=10", y));
    nw_keep(s, 2, 0, 2, (const char *[]){"edge_0", "edge_1"});
    nw_keep(s, 2, 0, 3, (const char *[]){"edge_2", "edge_3", "edge_4"});
    same_spaces(opened(*state, "examples/cell.yaml", NULL), s);
    assert_string_equal(nw_space_count(s), "768"); /* 4*4 * 3*4*4 */
}

static void test_yaml_space__numbers_sums_and_unnamed_choices(void **state)
{
    static const char text[] =
        "input: [1, 8, 8]\n"
        "let:\n"
        "  w: {int_of: [4, 8, 16]}\n"
        "  n: 2\n"
        "  act: relu6\n"
        "nodes:\n"
        "  a: conv2d out=$w k=3\n"
        "  b: {op: 'conv2d out=$w*2 k=${2*i+1} | $act', repeat: $n}\n"
        "  c: {one_of: [$act, sigmoid, b]}\n"
        "  d: {some_of: [b, {from: c}, tanh], k: 2, from: c}\n"
        "  e: {op: 'conv2d out=${n == 2 ? 7 : 9}'}\n";
    nw_space *s = parsed(*state, text), *c = nw_space_new(*state);
    nw_ref a, b, x;

    nw_int_of(c, "w", 3, (const int[]){4, 8, 16});
    a = nw_op(c, "conv2d out=$w k=3", nw_input(c, 1, 8, 8));
    b = nw_op(c, "conv2d out=$w*2 k=1 | relu6 | conv2d out=$w*2 k=3 | relu6", a);
    x = nw_one_of(c, NULL, nw_op(c, "relu6", b), nw_op(c, "sigmoid", b), b);
    x = nw_some_of(c, NULL, 2, b, x, nw_op(c, "tanh", x));
    nw_output(c, nw_op(c, "conv2d out=7", x));
    same_spaces(s, c);
    assert_string_equal(nw_space_count(s), "27");
    assert_string_equal(nw_space_choice_name(s, 2), "_mutation_2");
    assert_string_equal(nw_space_option_name(s, 1, 0), "relu6");
}

static void test_yaml_space__a_file_may_name_a_family(void **state)
{
    nw_space *s =
        parsed(*state, "space: darts c=4 layers=3\ninput: [1, 16, 16]\nclasses: 7\n");

    assert_string_equal(nw_space_count(s), "1076746950455072400");
    assert_int_equal(graph_of(s, NULL, 0)->node[0].info.out.dim[0], 1);
}

static const struct {
    const char *text, *says;
} wrong[] = {
    {"", "a.yaml:1:1: "},
    {"a: b\n%YAML 1.2", "a.yaml:2:1: directives"},
    {"a: \xff", "a.yaml:1:4: this is not UTF-8"},
    {"a: \x01", "a.yaml:1:4: this is not UTF-8"},
    {"a: [", "a.yaml:2:1: flow sequence without"},
    {"a: 1\nb: [1, 2\n", "a.yaml:"},
    {"inptu: [1, 8, 8]\nnodes: {a: relu}",
     "a.yaml:1:1: a space has no key \"inptu\" (did you mean "
     "\"input\"?)"},
    {"nodes: {a: relu}", "a.yaml:1:1: the input's shape is not known"},
    {"input: [1, 8]\nnodes: {a: relu}", "a.yaml:1:9: input is"},
    {"input: [1, 8, x]\nnodes: {a: relu}", "a.yaml:1:15: \"x\" is not a whole number"},
    {"input: [1, 8, 8]", "a.yaml:1:1: there are no nodes"},
    {"input: [1, 8, 8]\nnodes: {}", NULL},
    {"input: [1, 8, 8]\nnodes:\n  a: rleu",
     "a.yaml:3:6: there is no op \"rleu\" (did you mean \"relu\"?)"},
    {"input: [1, 8, 8]\nnodes:\n  a: conv2d out=4 kernel=3",
     "a.yaml:3:6: conv2d: no key \"kernel\""},
    {"input: [1, 8, 8]\nnodes:\n  a: relu\n  a: relu", "a.yaml:4:3: "},
    {"input: [1, 8, 8]\nnodes:\n  a b: relu", "a.yaml:3:3: \"a b\": a name has"},
    {"input: [1, 8, 8]\nnodes:\n  a: conv2d out=$w",
     "a.yaml:3:6: nothing is named \"w\""},
    {"input: [1, 8, 8]\nnodes:\n  a: conv2d out=${1/0}",
     "a.yaml:3:6: ${...} divides by zero"},
    {"input: [1, 8, 8]\nnodes:\n  a: {op: relu, form: input}",
     "a.yaml:3:17: a node has no key \"form\" (did "
     "you mean \"from\"?)"},
    {"input: [1, 8, 8]\nnodes:\n  a: {op: relu, from: inputt}",
     "a.yaml:3:23: there is no node \"inputt\" before this "
     "(did you mean \"input\"?)"},
    {"input: [1, 8, 8]\nnodes:\n  a: {one_of: relu}", "a.yaml:3:15: options are a list"},
    {"input: [1, 8, 8]\nnodes:\n  a: {one_of: [relu, tnah]}",
     "a.yaml:3:22: there is no node \"tnah\""},
    {"input: [1, 8, 8]\nnodes:\n  a: {one_of: [conv2d out=4 k=3, relu]}",
     "a.yaml:3:7: choice \"_mutation_1\": option conv2d "
     "out=4 k=3 gives 4x8x8 but option relu gives 1x8x8"},
    {"input: [1, 8, 8]\nnodes:\n  a: {some_of: [relu, tanh], k: 3}",
     "takes 3 of 2 options"},
    {"input: [1, 8, 8]\nnodes:\n  a: {block: b}", "a.yaml:3:14: there is no block \"b\""},
    {"input: [1, 8, 8]\nblocks: {b: {in: [x, y], nodes: {a: relu}}}\nnodes:\n  a: "
     "{block: b}",
     "a.yaml:4:7: the block takes 2 inputs, not 1"},
    {"input: [1, 8, 8]\nblocks: {b: {nodes: {a: {block: b}}}}\nnodes:\n  a: {block: b}",
     "blocks nest deeper than"},
    {"input: [1, 8, 8]\nblocks: {b: {let: {c: 1}, nodes: {a: relu}}}\nnodes:\n  a: "
     "{block: b, with: {d: 1}}",
     "a.yaml:4:24: with has no key \"d\""},
    {"input: [1, 8, 8]\nnodes:\n  a: {op: relu, repeat: 0}",
     "a.yaml:3:25: repeat is 1 to 1000"},
    {"input: [1, 8, 8]\nnodes: {a: relu}\nkeep: [{k: 1, of: [a]}]",
     "a.yaml:3:9: a rule of keep is"},
    {"input: [1, 8, 8]\nnodes: {a: relu}\nkeep: [{k: 1, none: 0, of: [a]}]",
     "a.yaml:3:9: keep: \"a\": there is no such choice"},
    {"input: [1, 8, 8]\nnodes: {a: relu}\noutput: b",
     "a.yaml:3:9: there is no node \"b\""},
    {"input: [1, 8, 8]\nnodes: {a: relu}\naux: {from: a}", "a.yaml:3:7: aux is"},
    {"input: [1, 8, 8]\nnodes: {a: &x relu, b: *x}", "a.yaml:2:25: aliases"},
    {"input: [1, 8, 8]\nlet: {w: {int_of: [3, 4]}}\nnodes:\n  a: conv2d out=$w/2",
     "a.yaml:4:6: conv2d: out=$w/2 is not a whole number"},
    {"input: [1, 8, 8]\nlet: {w: {int_of: [4, 3]}}\nnodes:\n  a: conv2d out=$w/2",
     "a.yaml:4:6: conv2d: out=$w/2 is not a whole number"},
    {"input: [1, 8, 8]\nnodes:\n  a: dense out=3", "a.yaml:3:6: "},
    {"input: [1, 8, 8]\nnodes:\n  a: choice",
     "a.yaml:3:6: the op \"choice\" cannot be used by name"},
    {"input: [1, 8, 8]\nnodes:\n  relu: relu\n  b: {one_of: [relu, tanh]}",
     "a.yaml:4:16: \"relu\" is both a node and an op"},
    {"space: drats", "a.yaml:1:8: there is no space \"drats\" (did you mean \"darts\"?)"},
    {"space: darts\nnodes: {}", "a.yaml:2:1: a file with space: has no key \"nodes\""},
    {"space: darts c=0", "a.yaml:1:8: darts: c=0 is outside"},
};

static void test_yaml_space__errors_say_line_and_column(void **state)
{
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        nw_space *s = nw_space_parse(*state, wrong[i].text, strlen(wrong[i].text),
                                     "a.yaml", NULL, 0);

        if ((!s || nw_space_seal(s) < 0) != (wrong[i].says != NULL))
            fail_msg("%s\n%s", wrong[i].text, s ? "is accepted" : nw_errmsg(*state));
        if (wrong[i].says && !strstr(nw_errmsg(*state), wrong[i].says))
            fail_msg("%s\nsays: %s\nnot:  %s", wrong[i].text, nw_errmsg(*state),
                     wrong[i].says);
        nw_clear(*state);
        nw_space_free(s);
    }
}

static void test_yaml_space__files_that_are_not_there_or_do_not_fit(void **state)
{
    static const int data[3] = {1, 28, 28};
    static const char fixed[] = "input: [3, 32, 32]\nclasses: 5\nnodes: {a: relu}";

    assert_null(nw_space_open(*state, "examples/nowhere.yaml", data, 10));
    says(*state, "examples/nowhere.yaml: No such file");
    nw_clear(*state);
    assert_null(nw_space_parse(*state, fixed, strlen(fixed), "a.yaml", data, 5));
    says(*state, "the input is 3x32x32 but the data is 1x28x28");
    nw_clear(*state);
    assert_null(nw_space_parse(*state, fixed, strlen(fixed), "a.yaml", NULL, 10));
    says(*state, "there are 5 classes here but 10 in the data");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_yaml_space__naive_is_the_program_of_the_article),
        TEST(test_yaml_space__blocks_and_loops_give_what_c_gives),
        TEST(test_yaml_space__numbers_sums_and_unnamed_choices),
        TEST(test_yaml_space__a_file_may_name_a_family),
        TEST(test_yaml_space__errors_say_line_and_column),
        TEST(test_yaml_space__files_that_are_not_there_or_do_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
