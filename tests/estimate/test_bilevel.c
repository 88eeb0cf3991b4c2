/*
 * The unrolled gradient: against the analytic toy of the DARTS paper, and against brute
 * force on small networks in double.
 */
#include "bilevel.h"
#include "data.h"
#include "graph.h"
#include "random.h"
#include "spec.h"
#include "supernet.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const nw_estimator_type nw_estimator_supernet;

/* L_train = w^2 - 2 a w + a^2, L_val = a w - 2 a + 1 */
struct toy {
    double w, dw, a, xi;
};

static nw_status toy_train(void *self, double *da)
{
    struct toy *t = self;

    t->dw = 2 * t->w - 2 * t->a;
    if (da)
        *da = -2 * t->w + 2 * t->a;
    return NW_OK;
}

static nw_status toy_valid(void *self, double *da)
{
    struct toy *t = self;

    t->dw = t->a;
    *da = t->w - 2;
    return NW_OK;
}

static void toy_look_ahead(void *self, void *out)
{
    const struct toy *t = self;

    *(double *)out = t->w - t->xi * t->dw;
}

static nw_oracle toy_oracle(struct toy *t)
{
    return (nw_oracle){.self = t,
                       .vec = &nw_vec_f64,
                       .n = 1,
                       .bytes = sizeof(double),
                       .n_arch = 1,
                       .w = &t->w,
                       .dw = &t->dw,
                       .train = toy_train,
                       .valid = toy_valid,
                       .look_ahead = toy_look_ahead,
                       .xi = t->xi};
}

static double toy_gradient(nw_ctx *ctx, struct toy *t)
{
    nw_oracle o = toy_oracle(t);
    nw_unroll u;
    double da = 0;

    assert_int_equal(nw_unroll_init(&u, ctx, &o), NW_OK);
    assert_int_equal(nw_unrolled(&u, &o, &da), NW_OK);
    nw_unroll_clear(&u);
    return da;
}

static void test_bilevel__first_gradient_of_toy(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    struct toy t = {.w = -2, .a = 2, .xi = .5};

    (void)state;
    assert_true(fabs(toy_gradient(ctx, &t) - 2) < 1e-6);
    assert_true(t.w == -2); /* restored, bit for bit */
    nw_close(ctx);
}

static void test_bilevel__toy_comes_to_rest_where_it_must(void **state)
{
    static const double xi[] = {0, .1, .5, .7};

    (void)state;
    for (int k = 0; k < 4; k++) {
        nw_ctx *ctx = nw_open(NULL);
        struct toy t = {.w = -2, .a = 2, .xi = xi[k]};

        for (int i = 0; i < 4000; i++) {
            t.a -= .02 * toy_gradient(ctx, &t);
            toy_train(&t, NULL);
            t.w -= .05 * t.dw;
        }
        assert_true(fabs(t.a - 2 / (1 + 2 * xi[k])) < 1e-5);
        assert_true(fabs(t.w - t.a) < 1e-5);
        nw_close(ctx);
    }
}

/* ---- Brute force -------------------------------------------------------------- */

enum { BATCH = 4, CLASSES = 3 };

static const double XI = .025, MOMENTUM = .9, DECAY = 3e-4;

static nw_data *noise(nw_ctx *ctx, const int shape[3], uint64_t seed)
{
    size_t size = (size_t)(shape[0] * shape[1] * shape[2]) * 2 * BATCH;
    nw_data *data = nw_alloc(ctx, sizeof(*data));
    float *x = nw_alloc(ctx, size * sizeof(float));
    int32_t *label = nw_alloc(ctx, 2 * BATCH * sizeof(int32_t));

    for (size_t i = 0; i < size; i++)
        x[i] = (float)nw_normal(seed, NW_FOR_TEST, i);
    for (int i = 0; i < 2 * BATCH; i++)
        label[i] = (int32_t)nw_below(seed + 1, NW_FOR_TEST, (uint64_t)i, CLASSES);
    data->ctx = ctx;
    data->whole = data;
    data->info = (nw_data_info){.shape = {shape[0], shape[1], shape[2]},
                                .classes = CLASSES,
                                .count = 2 * BATCH,
                                .floats = x,
                                .scale = 1,
                                .labels = label};
    data->count = 2 * BATCH;
    return data;
}

static nw_status ignore(void *loop, const nw_epoch *epoch)
{
    (void)loop, (void)epoch;
    return NW_OK;
}

struct force {
    nw_net *net;
    nw_plan *plan;
    nw_data *train, *valid;
    double *start, *buf; /* weights and momentum at the point of the gradient */
};

static double pass(struct force *f, const nw_data *data, int back)
{
    size_t example = (size_t)data->info.shape[0] * (size_t)data->info.shape[1] *
                     (size_t)data->info.shape[2];
    nw_batch b = {.x = data->info.floats + BATCH * example,
                  .label = data->info.labels + BATCH};
    nw_pass p = {.mode = NW_TRAIN_STILL};
    double loss;

    memset(f->net->grad, 0, f->net->graph->n_trainable * sizeof(double));
    assert_int_equal(nw_plan_forward(f->plan, &b, &p, &loss), NW_OK);
    if (back)
        assert_int_equal(nw_plan_backward(f->plan, 1), NW_OK);
    return loss;
}

/* L_val after the whole virtual step, with mix weight k moved by e. */
static double value(struct force *f, int k, double e)
{
    size_t n = f->net->graph->n_trainable;
    double *w = f->net->param, *g = f->net->grad, loss;

    f->net->mix[k] += e;
    memcpy(w, f->start, n * sizeof(double));
    pass(f, f->train, 1);
    for (size_t i = 0; i < n; i++)
        w[i] -= XI * (MOMENTUM * f->buf[i] + g[i] + DECAY * w[i]);
    loss = pass(f, f->valid, 0);
    memcpy(w, f->start, n * sizeof(double));
    f->net->mix[k] -= e;
    return loss;
}

static void compare(nw_ctx *ctx, nw_space *space, const int shape[3], double tolerance)
{
    static const char spec[] =
        "supernet epochs=100 batch=4 lr=0.025 wd=3e-4 clip=0 order=2 "
        "schedule=constant shuffle=0 valid=0 precision=f64 "
        "augment=normalise=none";
    nw_env env = {.ctx = ctx,
                  .space = space,
                  .train = noise(ctx, shape, 1),
                  .valid = noise(ctx, shape, 7),
                  .seed = 3,
                  .on_epoch = ignore};
    void *self = nw_alloc(ctx, nw_estimator_supernet.size);
    nw_plan_config config = {.batch = BATCH, .backward = 1};
    nw_trial trial = {.id = 1, .want = NW_WANT_UPDATE};
    struct force f = {.train = env.train, .valid = env.valid};
    double error = 0, size = 0, *before;
    size_t n;

    assert_int_equal(nw_space_seal(space), NW_OK);
    trial.arch = nw_arch_new(ctx, space);
    for (int i = 0; i < space->n_weight; i++)
        trial.arch->w[i] = .1 + .8 * nw_uniform(5, NW_FOR_TEST, (uint64_t)i);
    assert_int_equal(
        nw_spec_parse(ctx, (const nw_head *)&nw_estimator_supernet, spec, NULL, self),
        NW_OK);
    assert_int_equal(nw_estimator_supernet.open(self, &env), NW_OK);
    f.net = nw_supernet_net(self);
    n = f.net->graph->n_trainable;
    before = calloc(n, sizeof(double));
    f.start = calloc(n, sizeof(double));
    f.buf = calloc(n, sizeof(double));
    memcpy(before, f.net->param, n * sizeof(double));
    assert_true(nw_estimator_supernet.work(self, &trial) >= 0); /* fills the momentum */
    memcpy(f.start, f.net->param, n * sizeof(double));
    for (size_t i = 0; i < n; i++)
        f.buf[i] = (before[i] - f.start[i]) / XI;
    trial.want = NW_WANT_GRAD;
    assert_int_equal(nw_estimator_supernet.work(self, &trial), NW_OK);
    assert_memory_equal(f.start, f.net->param, n * sizeof(double)); /* bit for bit */
    f.plan = nw_plan_new(f.net, &config);
    assert_non_null(f.plan);
    for (int k = 0; k < space->n_weight; k++) {
        double slope = (value(&f, k, 1e-3) - value(&f, k, -1e-3)) / 2e-3;

        error += (slope + trial.grad[k]) * (slope + trial.grad[k]);
        size += slope * slope;
    }
    print_message("unrolled gradient of %d weights: relative error %.1e\n",
                  space->n_weight, sqrt(error / size));
    assert_true(sqrt(error / size) < tolerance);
    nw_estimator_supernet.close(self);
    free(before);
    free(f.start);
    free(f.buf);
}

static void test_bilevel__equals_brute_force_without_batchnorm(void **state)
{
    static const int shape[3] = {2, 8, 8};
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 2, 8, 8), a, b;

    (void)state;
    x = nw_op(s, "conv2d out=4 k=3", x);
    a = nw_one_of(s, "first", nw_op(s, "tanh | conv2d k=3", x),
                  nw_op(s, "tanh | conv2d k=5", x), nw_op(s, "identity", x));
    b = nw_one_of(s, "second", nw_op(s, "sigmoid | conv2d k=3", a), nw_op(s, "none", a),
                  nw_op(s, "avgpool k=3 stride=1 pad=1", x));
    nw_output(s, nw_op(s, "add | globalpool | dense out=3", a, b));
    compare(ctx, s, shape, 1e-3);
    nw_close(ctx);
}

/* An edge of a DARTS cell with tanh for ReLU: the virtual step holds a gradient, and that
 * of a ReLU jumps, so that differences of it over 1e-3 measure jumps and not slopes. */
static nw_ref edge(nw_space *s, const char *name, nw_ref x)
{
    return nw_one_of(s, name, nw_op(s, "none", x),
                     nw_op(s, "avgpool k=3 stride=1 pad=1 | batchnorm affine=0", x),
                     nw_op(s, "identity", x),
                     nw_op(s,
                           "tanh | conv2d groups=in bias=0 | conv2d k=1 bias=0 | "
                           "batchnorm affine=0",
                           x),
                     nw_op(s,
                           "tanh | conv2d groups=in dil=2 bias=0 | conv2d k=1 bias=0 | "
                           "batchnorm affine=0",
                           x));
}

static void test_bilevel__equals_brute_force_in_a_cell(void **state)
{
    static const int shape[3] = {3, 8, 8};
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_op(s, "conv2d out=4 bias=0 | batchnorm", nw_input(s, 3, 8, 8)), p, q,
           n0, n1;

    (void)state;
    p = nw_op(s, "tanh | conv2d k=1 bias=0 | batchnorm affine=0", x);
    q = nw_op(s, "tanh | conv2d k=1 bias=0 | batchnorm affine=0", x);
    n0 = nw_op(s, "add", edge(s, "normal_0", p), edge(s, "normal_1", q));
    n1 = nw_op(s, "add", edge(s, "normal_2", p), edge(s, "normal_3", q),
               edge(s, "normal_4", n0));
    nw_output(s, nw_op(s, "concat | globalpool | dense out=3", n0, n1));
    compare(ctx, s, shape, 1e-2);
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bilevel__first_gradient_of_toy),
        cmocka_unit_test(test_bilevel__toy_comes_to_rest_where_it_must),
        cmocka_unit_test(test_bilevel__equals_brute_force_without_batchnorm),
        cmocka_unit_test(test_bilevel__equals_brute_force_in_a_cell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
