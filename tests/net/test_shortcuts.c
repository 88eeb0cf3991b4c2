/*
 * test_shortcuts.c - a composite op that runs as one turn gives what its expansion gives:
 * output, running moments, gradients of input and parameters, over odd sizes, strides,
 * batch 1, images of many bands, with and without scale and shift, in every mode.
 */
#include "plan.h"
#include "random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Both sides sum in another order; 2e-5 of the largest number is some 200 roundings, and
 * what is left of numbers near 1 that cancel, as in gradients through a batch norm of few
 * pixels, is known to 2e-6. */
static const double limit = 2e-5, floor_of_rounding = 2e-6;

static const char *const specs[] = {
    "sep_conv k=3",
    "sep_conv k=3 affine=0",
    "sep_conv k=5 stride=2 out=24",
    "sep_conv k=7 affine=0",
    "dil_conv k=3",
    "dil_conv k=3 stride=2 affine=0",
    "dil_conv k=5 out=11",
    "dil_conv k=5 stride=2 affine=0 out=40",
    "dil_conv out=in*2",
    "relu_conv_bn k=1",
    "relu_conv_bn k=1 out=11 affine=0",
    "relu_conv_bn k=1 out=200",
    "mbconv out=9",
    "mbconv k=5 e=3 stride=2 out=24",
    "mbconv e=1 out=8",
    "inverted_residual out=16",
    "inverted_residual k=5 mid=29 stride=2 out=11 act=relu eps=1e-3",
    "inverted_residual k=7 mid=200 out=13",
    "depthwise_separable",
    "depthwise_separable k=5 out=12 act=relu eps=1e-3",
    "depthwise_separable k=7 out=27",
};

static const int shapes[][4] = {/* batch, c, h, w */
                                {1, 8, 8, 8},   {2, 16, 7, 9},  {3, 36, 5, 4},
                                {5, 9, 13, 6},  {17, 20, 6, 6}, {2, 40, 1, 3},
                                {2, 11, 21, 9}};

struct side {
    nw_net *net;
    nw_plan *plan;
    size_t buffers;
};

static nw_space *network(nw_ctx *ctx, const char *spec, const int shape[4])
{
    nw_space *s = nw_space_new(ctx);
    char chain[300];

    /* something before and behind, with a second reader of the input; a curve behind, so
     * that no two pixels have the same gradient */
    snprintf(chain, sizeof(chain),
             "conv2d out=%d k=1 name=before | (%s, %s) | concat | "
             "swish | globalpool | flatten | dense out=3",
             shape[1], spec, spec);
    nw_output(s, nw_op(s, chain, nw_input(s, 2, shape[2], shape[3])));
    return s;
}

static void noise(const nw_net *net, void *block, size_t n, uint64_t seed, double scale,
                  double shift)
{
    for (size_t i = 0; i < n; i++)
        nw_real_set(net, block, i, shift + scale * nw_normal(seed, NW_FOR_TEST, i));
}

static struct side open_side(nw_ctx *ctx, nw_space *space, int batch, int plain)
{
    const nw_plan_config config = {
        .batch = batch, .backward = 1, .input_grad = 1, .no_shortcuts = plain};
    struct side s = {.net = nw_net_new(ctx, space, NULL, 1, NW_F32)};

    assert_non_null(s.net);
    for (int i = 0; i < s.net->graph->n_param; i++) {
        const nw_gparam *p = &s.net->graph->param[i];
        int positive = !strcmp(p->param->suffix, "running_var");

        noise(s.net, nw_net_param(s.net, i), p->count, 100 + (uint64_t)i,
              positive ? .1 : .5, positive ? 1 : 0);
        for (size_t k = 0; positive && k < p->count; k++)
            nw_real_set(s.net, nw_net_param(s.net, i), k,
                        fabs(nw_real_get(s.net, nw_net_param(s.net, i), k)) + .1);
    }
    s.plan = nw_plan_new(s.net, &config);
    if (!s.plan)
        fail_msg("%s", nw_errmsg(ctx));
    return s;
}

static double run(struct side *s, const float *x, nw_mode mode)
{
    const int32_t labels[17] = {0, 1, 2, 0, 1, 2};
    const nw_batch batch = {x, labels, NULL};
    const nw_pass pass = {.mode = mode, .recalibrated = 2};
    double loss;

    memset(s->net->grad, 0, s->net->graph->n_trainable * sizeof(float));
    assert_true(nw_plan_forward(s->plan, &batch, &pass, &loss) >= 0);
    assert_true(nw_plan_backward(s->plan, 1) >= 0);
    return loss;
}

static void compare(const char *spec, const char *what, size_t n, const float *a,
                    const float *b)
{
    double most = 1e-30, apart = 0;

    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)b[i]));
        apart = fmax(apart, fabs((double)a[i] - (double)b[i]));
        if (!isfinite(a[i]))
            fail_msg("%s: %s: not finite", spec, what);
    }
    if (apart > limit * most + floor_of_rounding)
        fail_msg("%s: %s: %g apart of %g", spec, what, apart, most);
}

static void compare_params(const char *spec, const struct side *a, const struct side *b)
{
    const nw_graph *g = a->net->graph;

    for (int i = 0; i < g->n_param; i++) {
        const nw_gparam *p = &g->param[i];
        const float *x = p->param->is_buffer ? a->net->buffer : a->net->grad,
                    *y = p->param->is_buffer ? b->net->buffer : b->net->grad;

        compare(spec, p->name, p->count, x + p->offset, y + p->offset);
    }
}

static void check(nw_ctx *ctx, const char *spec, const int shape[4])
{
    static const nw_mode modes[] = {NW_TRAIN, NW_TRAIN_STILL, NW_RECALIBRATE, NW_EVAL};
    nw_space *space = network(ctx, spec, shape);
    struct side fast = open_side(ctx, space, shape[0], 0),
                plain = open_side(ctx, space, shape[0], 1);
    const size_t n = (size_t)(shape[0] * 2 * shape[2] * shape[3]);
    float *x = nw_alloc(ctx, n * sizeof(*x));

    assert_true(fast.plan->n < plain.plan->n);
    noise(fast.net, x, n, 7, 1, 0);
    for (int m = 0; m < 4; m++) {
        const double a = run(&fast, x, modes[m]), b = run(&plain, x, modes[m]);

        if (fabs(a - b) > limit * fabs(b) + floor_of_rounding)
            fail_msg("%s: loss %g, not %g", spec, a, b);
        compare(spec, "logits", (size_t)shape[0] * 3, nw_plan_logits(fast.plan),
                nw_plan_logits(plain.plan));
        compare(spec, "input", n, nw_plan_input_grad(fast.plan),
                nw_plan_input_grad(plain.plan));
        compare_params(spec, &fast, &plain);
    }
    nw_net_free(fast.net);
    nw_net_free(plain.net);
    nw_release(ctx, x);
}

static void test_shortcuts__agree_with_the_expansion(void **state)
{
    nw_ctx *ctx = nw_open(NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++)
        for (size_t k = 0; k < sizeof(shapes) / sizeof(*shapes); k++)
            check(ctx, specs[i], shapes[k]);
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shortcuts__agree_with_the_expansion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
