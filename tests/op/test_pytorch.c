/*
 * test_pytorch.c - every op computes what PyTorch computes, forward and backward.
 *
 * Float within 1e-5 of PyTorch's double, and double within 1e-10, by the norm of each
 * array. Ops whose numbers are random have tests of their own.
 */
#include "../check.h"
#include "op_golden.h"
#include "space.h"

#include <string.h>

static const char *const random_ops[] = {"noise", "dropout", "droppath", "input",
                                         "label"};
static const double limits[] = {1e-5, 1e-10};

static int failures;

static void check_array(const struct golden_row *row, const struct op_run *r,
                        const struct op_array *mine, const nw_shape *shape,
                        const char *kind, const char *name)
{
    const int f64 = r->real == sizeof(double);
    const struct golden_array *golden = golden_find(row, kind, name);
    double apart = golden ? golden_distance(r, mine, shape, golden) : (double)INFINITY;

    if (apart <= limits[f64])
        return;
    print_error("%s (mode %d, %s): %s%s: %g\n", row->spec, (int)row->mode,
                f64 ? "double" : "float", kind, name, apart);
    failures++;
}

static const char *number(int i)
{
    static const char *const text[] = {"0", "1", "2"};

    return text[i];
}

static void load(const struct golden_row *row, struct op_run *r)
{
    const struct golden_array *mix = golden_find(row, "mix", "");

    for (int i = 0; i < r->run.n_in; i++) {
        golden_load(r, &r->x[i], &r->in[i], golden_find(row, "x", number(i)));
        if (mix)
            r->mix[i] = golden_get(mix, (size_t)i);
    }
    for (int i = 0; i < r->node.n_param; i++) {
        const char *name = r->node.param[i].suffix;
        const struct golden_array *p = golden_find(row, "p:", name);

        if (!p)
            fail_msg("%s: PyTorch has no parameter \"%s\"", row->spec, name);
        golden_load(r, &r->w[i], NULL, p);
    }
    golden_load(r, &r->dy, &r->run.out, golden_find(row, "dy", ""));
    r->run.mode = row->mode;
    r->run.recalibrated = row->recalibrated;
}

static void check_gradients(const struct golden_row *row, struct op_run *r)
{
    const struct golden_array *dmix = golden_find(row, "dmix", "");

    op_begin_gradients(r, 0);
    op_spoil(r);
    op_backward(r);
    for (int i = 0; i < r->run.n_in; i++) {
        if (golden_find(row, "dx", number(i)))
            check_array(row, r, &r->dx[i], &r->in[i], "dx", number(i));
        if (dmix)
            check_near(r->dmix[i], golden_get(dmix, (size_t)i), 1e-5);
    }
    for (int i = 0; i < r->node.n_param; i++)
        if (!r->node.param[i].is_buffer)
            check_array(row, r, &r->dw[i], NULL, "d:", r->node.param[i].suffix);
}

static void check_row(nw_ctx *ctx, const struct golden_row *row, const nw_op_type *op,
                      int f64)
{
    struct op_run r;

    if (op_open(&r, ctx, op, f64, &row->c, row->batch, 0) < 0)
        fail_msg("%s: %s", row->spec, nw_errmsg(ctx));
    load(row, &r);
    op_forward(&r);
    check_array(row, &r, &r.y, &r.run.out, "y", "");
    for (int i = 0; i < r.node.n_param; i++)
        if (r.node.param[i].is_buffer)
            check_array(row, &r, &r.w[i], NULL, "v:", r.node.param[i].suffix);
    if (row->mode == NW_TRAIN || row->mode == NW_TRAIN_STILL)
        check_gradients(row, &r);
    op_close(&r);
}

static int has_name(const nw_op_type *op, const char *spec)
{
    size_t n = strlen(op->name);

    return !strncmp(op->name, spec, n) && (!spec[n] || spec[n] == ' ');
}

static void test_pytorch__agrees_on_every_row(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct golden g;
    struct golden_row row;

    (void)state;
    failures = 0;
    assert_true(golden_open(&g));
    while (golden_next(&g, &row))
        for (int i = 0; nw_ops_f32[i]; i++)
            if (has_name(nw_ops_f32[i], row.spec) && !nw_ops_f32[i]->expand) {
                check_row(ctx, &row, nw_ops_f32[i], 0);
                check_row(ctx, &row, nw_ops_f64[i], 1);
            }
    assert_int_equal(g.broken, 0);
    golden_close(&g);
    nw_close(ctx);
    assert_int_equal(failures, 0);
}

static int same_case(const nw_case *a, const nw_case *b)
{
    int same = !strcmp(a->spec, b->spec) && a->n_in == b->n_in;

    for (int i = 0; same && i < a->n_in; i++)
        for (int d = 0; d < NW_MAX_RANK; d++)
            same = same && a->in[i].rank == b->in[i].rank &&
                   a->in[i].dim[d] == b->in[i].dim[d];
    return same;
}

static int is_in_file(const nw_case *c)
{
    struct golden g;
    struct golden_row row;
    int found = 0;

    assert_true(golden_open(&g));
    while (!found && golden_next(&g, &row))
        found = same_case(c, &row.c);
    golden_close(&g);
    return found;
}

static int is_random(const nw_op_type *op)
{
    for (size_t i = 0; i < sizeof(random_ops) / sizeof(*random_ops); i++)
        if (!strcmp(op->name, random_ops[i]))
            return 1;
    return 0;
}

static void test_pytorch__has_a_row_for_every_case(void **state)
{
    int missing = 0;

    (void)state;
    for (int i = 0; nw_ops_f32[i]; i++)
        for (const nw_case *c = nw_ops_f32[i]->cases; c->spec; c++)
            if (!is_random(nw_ops_f32[i]) && !is_in_file(c)) {
                print_error("no row for \"%s\": run tests/golden/make_ops.py\n", c->spec);
                missing++;
            }
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pytorch__agrees_on_every_row),
        cmocka_unit_test(test_pytorch__has_a_row_for_every_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
