/*
 * test_composites.c - ops made of others: names of parameters, refusals, and values and
 * gradients of the expansion against PyTorch's module of the same name.
 */
#include "../check.h"
#include "op_chain.h"
#include "op_golden.h"

#include <string.h>

static const double limits[] = {1e-5, 1e-10};
static int failures;

/* The shift of a norm that another norm follows: its gradient is zero, up to rounding. */
static int vanishes(const struct golden_array *a)
{
    double sum = 0;

    for (size_t i = 0; i < a->n; i++)
        sum += golden_get(a, i) * golden_get(a, i);
    return sqrt(sum) < 1e-9;
}

static void check_array(const struct golden_row *row, const struct op_run *r,
                        const struct op_array *mine, const nw_shape *shape,
                        const char *kind, const char *name)
{
    const int f64 = r->real == sizeof(double);
    const struct golden_array *golden = golden_find(row, kind, name);
    double apart = golden ? golden_distance(r, mine, shape, golden) : (double)INFINITY;

    if (golden && vanishes(golden))
        apart *= 1e-3; /* golden_distance() divides by that */
    if (apart <= limits[f64])
        return;
    print_error("%s (%s): %s%s: %g\n", row->spec, f64 ? "double" : "float", kind, name,
                apart);
    failures++;
}

/* "op.1.weight" of the parameter "it.op.1.weight". */
static const char *param_name(const struct op_chain *chain, int step, int i,
                              char out[2 * NW_TEXT_SIZE])
{
    snprintf(out, 2 * NW_TEXT_SIZE, "%s.%s",
             chain->space->place[step].name + strlen("it."),
             chain->step[step].node.param[i].suffix);
    return out;
}

typedef void (*param_visit)(const struct golden_row *row, struct op_run *r, int i,
                            const char *name);

static int each_param(struct op_chain *chain, const struct golden_row *row,
                      param_visit visit)
{
    char name[2 * NW_TEXT_SIZE];
    int n = 0;

    for (int s = 1; s < chain->n; s++)
        for (int i = 0; i < chain->step[s].node.n_param; i++, n++)
            visit(row, &chain->step[s], i, param_name(chain, s, i, name));
    return n;
}

static void load_param(const struct golden_row *row, struct op_run *r, int i,
                       const char *name)
{
    const struct golden_array *p = golden_find(row, "p:", name);

    if (!p)
        fail_msg("%s: PyTorch has no parameter \"%s\"", row->spec, name);
    golden_load(r, &r->w[i], NULL, p);
}

static void check_param(const struct golden_row *row, struct op_run *r, int i,
                        const char *name)
{
    if (!r->node.param[i].is_buffer)
        check_array(row, r, &r->dw[i], NULL, "d:", name);
}

static int golden_params(const struct golden_row *row)
{
    int n = 0;

    for (int i = 0; i < row->n; i++)
        n += !strncmp(row->array[i].name, "p:", 2);
    return n;
}

static void check_row(nw_ctx *ctx, const struct golden_row *row, int f64)
{
    static struct op_chain chain;
    struct op_run *first, *last;

    check_ok(ctx, chain_open(&chain, ctx, &row->c, row->batch, f64));
    first = &chain.step[0];
    last = &chain.step[chain.n - 1];
    assert_int_equal(each_param(&chain, row, load_param), golden_params(row));
    golden_load(first, &first->y, &first->run.out, golden_find(row, "x", "0"));
    chain_forward(&chain);
    check_array(row, last, &last->y, &last->run.out, "y", "");
    golden_load(last, &last->dy, &last->run.out, golden_find(row, "dy", ""));
    chain_backward(&chain);
    check_array(row, first, &first->dy, &first->run.out, "dx", "0");
    each_param(&chain, row, check_param);
    chain_close(&chain);
}

static void test_composites__agree_with_pytorch(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct golden g;
    struct golden_row row;

    (void)state;
    failures = 0;
    assert_true(golden_open(&g));
    while (golden_next(&g, &row))
        for (int i = 0; nw_ops_f32[i]; i++) {
            size_t n = strlen(nw_ops_f32[i]->name);

            if (nw_ops_f32[i]->expand && !strncmp(row.spec, nw_ops_f32[i]->name, n) &&
                (!row.spec[n] || row.spec[n] == ' ')) {
                check_row(ctx, &row, 0);
                check_row(ctx, &row, 1);
            }
        }
    golden_close(&g);
    nw_close(ctx);
    assert_int_equal(failures, 0);
}

static void test_composites__name_parameters_as_the_authors_do(void **state)
{
    static const struct {
        const char *spec, *modules[8];
    } expected[] = {
        {"sep_conv", {"op.1", "op.2", "op.3", "op.5", "op.6", "op.7"}},
        {"dil_conv", {"op.1", "op.2", "op.3"}},
        {"relu_conv_bn", {"op.1", "op.2"}},
        {"pool_bn", {"1"}},
        {"conv_bn_relu", {"conv", "bn"}},
        {"factorized_reduce out=6", {"conv_1", "conv_2", "bn"}},
        {"mbconv out=4",
         {"conv.0.0", "conv.0.1", "conv.1.0", "conv.1.1", "conv.2", "conv.3"}},
        {"inverted_residual out=4",
         {"inverted_bottleneck.conv", "inverted_bottleneck.bn", "depth_conv.conv",
          "depth_conv.bn", "point_linear.conv", "point_linear.bn"}},
        {"grouped_residual out=4",
         {"pw.conv", "pw.bn", "dw.conv", "dw.bn", "pwl.conv", "pwl.bn"}},
        {"shuffle_block mid=3 half=2",
         {"branch_main.0", "branch_main.1", "branch_main.3", "branch_main.4",
          "branch_main.5", "branch_main.6"}},
        {"se", {"fc.reduce", "fc.expand"}},
    };
    nw_ctx *ctx = nw_open(NULL);
    static struct op_chain chain;

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        nw_case c = {expected[i].spec, 1, {{3, {4, 6, 8}}}};
        int found = 0;

        check_ok(ctx, chain_open(&chain, ctx, &c, 1, 0));
        for (int s = 1; s < chain.n; s++)
            if (chain.step[s].node.n_param) {
                assert_non_null(expected[i].modules[found]);
                assert_string_equal(chain.space->place[s].name + strlen("it."),
                                    expected[i].modules[found++]);
            }
        assert_null(expected[i].modules[found]);
        chain_close(&chain);
    }
    nw_close(ctx);
}

static void test_composites__take_multiples_of_the_input(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    static struct op_chain chain;
    nw_case c = {"sep_conv out=in*2", 1, {{3, {3, 5, 4}}}};

    (void)state;
    check_ok(ctx, chain_open(&chain, ctx, &c, 1, 0));
    assert_int_equal(chain.step[chain.n - 1].run.out.dim[0], 6);
    chain_close(&chain);
    nw_close(ctx);
}

static void refuses(const char *spec, int h, int w, const char *words)
{
    nw_ctx *ctx = nw_open(NULL);
    static struct op_chain chain;
    nw_case c = {spec, 1, {{3, {4, h, w}}}};

    assert_true(chain_open(&chain, ctx, &c, 1, 0) < 0);
    if (!strstr(nw_errmsg(ctx), words))
        fail_msg("\"%s\" lacks \"%s\"", nw_errmsg(ctx), words);
    nw_close(ctx);
}

static void test_composites__refuse_what_does_not_fit(void **state)
{
    (void)state;
    refuses("factorized_reduce out=6", 5, 4, "concat");
    refuses("factorized_reduce out=7", 4, 4, "7/2");
    refuses("factorized_reduce", 4, 4, "\"out\" must be given");
    refuses("sep_conv out=-2", 4, 4, "out=-2");
    refuses("grouped_residual groups=3 out=6", 4, 4, "groups=3");
    refuses("inverted_residual out=4 act=reul", 4, 4, "\"relu\"");
    refuses("sep_conv kernel=3", 4, 4, "no key \"kernel\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_composites__agree_with_pytorch),
        cmocka_unit_test(test_composites__name_parameters_as_the_authors_do),
        cmocka_unit_test(test_composites__take_multiples_of_the_input),
        cmocka_unit_test(test_composites__refuse_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
