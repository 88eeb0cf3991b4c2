/*
 * test_ops.c - what every op of the list must do, tried on each of its cases.
 *
 * Gradients are those of differences, float agrees with double, sums are honoured, what
 * is not wanted is not written, threads change nothing, and a step allocates nothing.
 */
#include "../check.h"
#include "op_run.h"
#include "parallel.h"
#include "space.h"

#include <stdlib.h>
#include <string.h>

struct subject {
    nw_ctx *ctx;
    const nw_op_type *op[2]; /* float, double */
    const nw_case *c;
    int batch;
    size_t places;   /* of every array, at which differences are taken */
    double accuracy; /* of differences                                 */
    int failures;
};

static void complain(struct subject *s, const char *what, int i, double value)
{
    print_error("%s (batch %d): %s %d: %g\n", s->c->spec, s->batch, what, i, value);
    s->failures++;
}

static void check_below(struct subject *s, const char *what, int i, double value,
                        double limit)
{
    if (!(value <= limit))
        complain(s, what, i, value);
}

static void start(struct subject *s, struct op_run *r, int f64, unsigned options)
{
    if (op_open(r, s->ctx, s->op[f64], f64, s->c, s->batch, options) < 0)
        fail_msg("%s: %s", s->c->spec, nw_errmsg(s->ctx));
}

static void finish(struct subject *s, struct op_run *r)
{
    if (!op_is_guarded(r))
        complain(s, "wrote behind an array", 0, 0);
    op_close(r);
}

/* Every case of every op that computes, at every batch size of the list. */
static void each_case(void (*check)(struct subject *s), int n_batch, const int *batch)
{
    struct subject s = {.ctx = nw_open(NULL)};

    assert_non_null(s.ctx);
    for (int i = 0; nw_ops_f32[i]; i++) {
        s.op[0] = nw_ops_f32[i];
        s.op[1] = nw_ops_f64[i];
        if (s.op[0]->expand || !s.op[0]->max_in)
            continue;
        for (s.c = s.op[0]->cases; s.c->spec; s.c++)
            for (int b = 0; b < n_batch; b++) {
                s.batch = batch[b];
                s.places = 60;
                s.accuracy = 1e-6;
                nw_set_threads(1);
                check(&s);
            }
    }
    nw_close(s.ctx);
    assert_int_equal(s.failures, 0);
}

static const int small[] = {1, 3};

/* Float against double: of a few terms, and of sums over a large batch. */
#define LIMIT     1e-5
#define SUM_LIMIT 1e-4

/* ---- The lists ---------------------------------------------------------------- */

static void test_ops__are_complete(void **state)
{
    (void)state;
    for (int i = 0; nw_ops_f32[i]; i++) {
        const nw_op_type *op = nw_ops_f32[i];

        assert_non_null(nw_ops_f64[i]);
        assert_string_equal(op->name, nw_ops_f64[i]->name);
        assert_non_null(op->doc);
        if (!op->cases || !op->cases->spec)
            fail_msg("%s has no case", op->name);
        if (!op->expand && (!op->infer || !op->forward || !op->backward))
            fail_msg("%s lacks infer, forward or backward", op->name);
        for (const nw_case *c = op->cases; c->spec; c++)
            if (strncmp(c->spec, op->name, strlen(op->name)))
                fail_msg("%s has a case for \"%s\"", op->name, c->spec);
    }
}

/* ---- Gradients ---------------------------------------------------------------- */

static double objective(struct op_run *r)
{
    double sum = 0;

    op_forward(r);
    for (size_t i = 0; i < r->y.n; i++)
        sum += op_get(r, &r->y, i) * op_get(r, &r->dy, i);
    return sum;
}

static double slope_of(struct op_run *r, const struct op_array *a, size_t i)
{
    const double step = 0x1p-16, at = op_get(r, a, i);
    double up, down;

    op_set(r, a, i, at + step);
    up = objective(r);
    op_set(r, a, i, at - step);
    down = objective(r);
    op_set(r, a, i, at);
    return (up - down) / (2 * step);
}

/* Distance of `gradient` from the differences along `value`, at some `places`. */
static double gradient_error(struct op_run *r, const struct op_array *value,
                             const struct op_array *gradient, size_t places)
{
    const size_t stride = 1 + value->n / places;
    double apart = 0, norm = 0;

    for (size_t i = 0; i < value->n; i += stride) {
        double g = op_get(r, gradient, i), d = slope_of(r, value, i);

        apart += (g - d) * (g - d);
        norm += d * d;
    }
    return isfinite(apart) ? sqrt(apart) / fmax(sqrt(norm), 1e-2) : (double)INFINITY;
}

static double mix_error(struct op_run *r, int i, double gradient)
{
    const double step = 0x1p-16, at = r->mix[i];
    double up, down;

    r->mix[i] = at + step;
    up = objective(r);
    r->mix[i] = at - step;
    down = objective(r);
    r->mix[i] = at;
    return fabs((up - down) / (2 * step) - gradient) / fmax(fabs(gradient), 1e-2);
}

static void check_gradient(struct subject *s)
{
    struct op_run r;

    start(s, &r, 1, 0);
    op_begin_gradients(&r, 0);
    op_forward(&r);
    op_backward(&r);
    for (int i = 0; i < r.run.n_in; i++) {
        if (r.dx_at[i])
            check_below(s, "gradient of input", i,
                        gradient_error(&r, &r.x[i], &r.dx[i], s->places), s->accuracy);
        if (!strcmp(r.op->name, "choice"))
            check_below(s, "gradient of weight", i, mix_error(&r, i, r.dmix[i]),
                        s->accuracy);
    }
    for (int i = 0; i < r.node.n_param; i++)
        if (r.dw_at[i])
            check_below(s, "gradient of parameter", i,
                        gradient_error(&r, &r.w[i], &r.dw[i], s->places), s->accuracy);
    finish(s, &r);
}

static void test_ops__gradient_is_that_of_differences(void **state)
{
    (void)state;
    each_case(check_gradient, 2, small);
}

/* ---- Comparisons of two runs ---------------------------------------------------- */

static void run_all(struct op_run *r, double begin)
{
    op_begin_gradients(r, begin);
    op_forward(r);
    op_spoil(r);
    op_backward(r);
}

static void compare_gradients(struct subject *s, const struct op_run *a,
                              const struct op_run *b, double limit)
{
    for (int i = 0; i < a->run.n_in; i++) {
        if (a->dx_at[i] && b->dx_at[i])
            check_below(s, "dx of input", i, op_distance(a, &a->dx[i], b, &b->dx[i]),
                        limit);
        check_below(s, "weight's gradient of input", i, fabs(a->dmix[i] - b->dmix[i]),
                    limit * fmax(1, fabs(a->dmix[i])));
    }
    for (int i = 0; i < a->node.n_param; i++)
        if (a->dw_at[i] && b->dw_at[i])
            check_below(s, "dw of parameter", i, op_distance(a, &a->dw[i], b, &b->dw[i]),
                        limit);
}

static void compare_twins(struct subject *s, double limit)
{
    struct op_run f, d;

    start(s, &f, 0, 0);
    start(s, &d, 1, 0);
    op_forward(&f);
    op_forward(&d);
    check_below(s, "y", 0, op_distance(&f, &f.y, &d, &d.y), LIMIT);
    run_all(&f, 0);
    run_all(&d, 0);
    compare_gradients(s, &f, &d, limit);
    finish(s, &f);
    finish(s, &d);
}

static void check_twins(struct subject *s)
{
    compare_twins(s, LIMIT);
}

static void test_ops__float_agrees_with_double(void **state)
{
    (void)state;
    each_case(check_twins, 2, small);
}

/* Take away `start` from gradients that were added to. */
static void subtract(struct op_run *r, double begin)
{
    for (int i = 0; i < r->run.n_in; i++) {
        r->dmix[i] -= begin;
        for (size_t k = 0; r->add[i] && k < r->dx[i].n; k++)
            op_set(r, &r->dx[i], k, op_get(r, &r->dx[i], k) - begin);
    }
    for (int i = 0; i < r->node.n_param; i++)
        for (size_t k = 0; k < r->dw[i].n; k++)
            op_set(r, &r->dw[i], k, op_get(r, &r->dw[i], k) - begin);
}

static void check_adds(struct subject *s)
{
    struct op_run once, again;

    for (int f64 = 0; f64 < 2; f64++) {
        start(s, &once, f64, 0);
        start(s, &again, f64, s->op[0]->flags & NW_ADDS ? OP_ADD : 0);
        run_all(&once, 0);
        run_all(&again, .5);
        subtract(&again, .5);
        compare_gradients(s, &once, &again, f64 ? 1e-11 : 1e-5);
        finish(s, &once);
        finish(s, &again);
    }
}

static void test_ops__gradients_are_added_where_asked(void **state)
{
    (void)state;
    each_case(check_adds, 2, small);
}

static void check_unwanted(struct subject *s)
{
    static const unsigned tried[] = {OP_NO_DX0, OP_NO_DX1, OP_NO_DX2, OP_NO_DW};
    struct op_run all, some;

    start(s, &all, 0, 0);
    run_all(&all, 0);
    for (int i = 0; i < 4; i++) {
        start(s, &some, 0, tried[i]);
        run_all(&some, 0);
        compare_gradients(s, &all, &some, 1e-6);
        for (int k = 0; k < some.run.n_in; k++)
            if (!some.dx_at[k] && !isnan(op_get(&some, &some.dx[k], 0)))
                complain(s, "unwanted gradient written", k, 0);
        finish(s, &some);
    }
    finish(s, &all);
}

static void test_ops__unwanted_gradients_are_not_computed(void **state)
{
    (void)state;
    each_case(check_unwanted, 2, small);
}

/* ---- Zero inputs ---------------------------------------------------------------- */

static void check_zero(struct subject *s)
{
    struct op_run zero, null;

    if (!(s->op[0]->flags & NW_SKIPS_ZERO))
        return;
    start(s, &zero, 0, 0);
    start(s, &null, 0, 0);
    op_fill(&zero, &zero.x[0], 0);
    null.x_at[0] = NULL;
    op_forward(&zero);
    op_forward(&null);
    check_below(s, "y", 0, op_distance(&zero, &zero.y, &null, &null.y), 0);
    run_all(&zero, 0);
    run_all(&null, 0);
    compare_gradients(s, &zero, &null, 0);
    finish(s, &zero);
    finish(s, &null);
}

static void test_ops__known_zeros_are_skipped(void **state)
{
    (void)state;
    each_case(check_zero, 2, small);
}

/* ---- Threads and memory ----------------------------------------------------------- */

static int same_bits(const struct op_run *a, const struct op_array *x,
                     const struct op_array *y)
{
    return !x->n || !memcmp(x->data, y->data, x->n * a->real);
}

static int same_results(const struct op_run *a, const struct op_run *b)
{
    int same = !memcmp(a->dmix, b->dmix, sizeof(a->dmix));

    for (int i = 0; i < a->run.n_in; i++)
        same = same && same_bits(a, &a->dx[i], &b->dx[i]);
    for (int i = 0; i < a->node.n_param; i++)
        same = same && same_bits(a, &a->dw[i], &b->dw[i]);
    return same;
}

/* Enough examples for several parts of a parallel loop. */
static int large_batch(const nw_case *c)
{
    size_t size = nw_count(&c->in[0]);

    return (int)(35000 / size + 3);
}

/* oneDNN adds up gradients of weights by threads: near then, not the same. */
static void check_same(struct subject *s, const struct op_run *one,
                       const struct op_run *two)
{
    if (!strcmp(s->op[0]->name, "conv2d"))
        compare_gradients(s, one, two, SUM_LIMIT);
    else if (!same_results(one, two))
        complain(s, "threads change gradients", 0, 0);
}

static void check_threads(struct subject *s)
{
    struct op_run one, two;

    s->batch = large_batch(s->c);
    nw_set_threads(1);
    start(s, &one, 0, 0);
    op_forward(&one);
    nw_set_threads(2);
    start(s, &two, 0, 0);
    op_forward(&two);
    if (!same_bits(&one, &one.y, &two.y))
        complain(s, "threads change y", 0, op_distance(&one, &one.y, &two, &two.y));
    run_all(&two, 0);
    nw_set_threads(1);
    run_all(&one, 0);
    check_same(s, &one, &two);
    finish(s, &one);
    finish(s, &two);
}

static void test_ops__threads_change_no_bit(void **state)
{
    (void)state;
    each_case(check_threads, 1, small);
}

/* There a loop has several parts, and a part several blocks. */
static void check_large(struct subject *s)
{
    s->batch = large_batch(s->c);
    s->places = 3;
    s->accuracy = 1e-5; /* differences of sums over many numbers */
    compare_twins(s, SUM_LIMIT);
    check_gradient(s);
}

static void test_ops__are_right_on_large_batches(void **state)
{
    (void)state;
    each_case(check_large, 1, small);
}

static void check_allocations(struct subject *s)
{
    struct op_run r;
    uint64_t before;

    start(s, &r, 0, 0);
    before = nw_allocations(s->ctx);
    run_all(&r, 0);
    if (nw_allocations(s->ctx) != before)
        complain(s, "a step allocates", 0, (double)(nw_allocations(s->ctx) - before));
    finish(s, &r);
}

static void test_ops__a_step_allocates_nothing(void **state)
{
    (void)state;
    each_case(check_allocations, 2, small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ops__are_complete),
        cmocka_unit_test(test_ops__gradient_is_that_of_differences),
        cmocka_unit_test(test_ops__float_agrees_with_double),
        cmocka_unit_test(test_ops__gradients_are_added_where_asked),
        cmocka_unit_test(test_ops__unwanted_gradients_are_not_computed),
        cmocka_unit_test(test_ops__known_zeros_are_skipped),
        cmocka_unit_test(test_ops__threads_change_no_bit),
        cmocka_unit_test(test_ops__are_right_on_large_batches),
        cmocka_unit_test(test_ops__a_step_allocates_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
