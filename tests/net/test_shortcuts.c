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

/* Of the largest number, some 200 roundings of float. A gradient that is 0 in truth, as
 * of a bias before another batch norm, is what is left of numbers that cancel: it is
 * known to 4 roundings of the largest gradient of the net. */
static const double limit = 2e-5, floor_of_rounding = 1e-5, roundings = 1e-6;

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
    "pool_bn",
    "pool_bn stride=2 affine=0",
    "pool_bn k=2 stride=2 pad=1",
    "pool_bn k=5",
    "pool_bn k=4 pad=2",
    "pool_bn k=4 stride=3 pad=2",
    "pool_bn pool=avgpool affine=0",
    "pool_bn pool=avgpool stride=2",
    "pool_bn pool=avgpool k=2 stride=2 pad=1 affine=0",
    "pool_bn pool=avgpool k=5",
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

/* By minimal filtering where tiles of 4x4 are mostly within the image: as exact. */
static const char *const dense_specs[] = {
    "relu_conv_bn k=3",
    "relu_conv_bn k=3 affine=0",
    "relu_conv_bn k=3 out=24 affine=0",
    "relu_conv_bn k=3 out=11",
};

static const int shapes[][4] = {/* batch, c, h, w */
                                {1, 8, 8, 8},  {2, 16, 7, 9},  {3, 36, 5, 4},
                                {5, 9, 13, 6}, {17, 20, 6, 6}, {2, 40, 1, 3},
                                {2, 11, 21, 9}};

static const int dense_shapes[][4] = {{1, 8, 8, 8},   {1, 16, 7, 11}, {2, 16, 7, 9},
                                      {5, 9, 13, 6},  {3, 36, 3, 4},  {17, 20, 6, 7},
                                      {2, 64, 16, 16}};

struct side {
    nw_net *net;
    nw_plan *plan;
    size_t buffers;
};

/* How the outputs of two uses of a spec are read: as they are, or with their last batch
 * norms deferred to the reader, some through drop path, beside inputs that are whole.
 * Then some are redone going back. */
enum reader { CONCAT, ADD, DROP, CHOICE, READERS };

/* Another op whose value ends in a batch norm, with the shape of `like`. */
static nw_ref beside(nw_space *s, nw_ref like)
{
    return nw_op(s, "avgpool k=3 stride=1 pad=1 | batchnorm affine=0", like);
}

static nw_ref read_by(nw_space *s, enum reader reader, nw_ref a, nw_ref b)
{
    const nw_ref all[] = {a, b, beside(s, b), nw_op(s, "relu", b)};

    if (reader == CONCAT)
        return nw_op(s, "concat", nw_op(s, "conv2d out=8 k=1", a), b);
    if (reader == ADD)
        return nw_op(s, "add", a, b, all[2], all[3]);
    if (reader == DROP)
        return nw_op(s, "add", nw_op(s, "droppath p=0.4 linear=0", a),
                     nw_op(s, "droppath p=0.7 linear=0", all[2]));
    return nw_one_of_n(s, "one", 4, all);
}

static nw_space *network(nw_ctx *ctx, const char *spec, const int shape[4],
                         enum reader reader)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x;
    char before[64];

    /* something before and behind, with a second reader of the input; a curve, so
     * that no two pixels have the same gradient */
    snprintf(before, sizeof(before), "conv2d out=%d k=1 name=before", shape[1]);
    x = nw_op(s, before, nw_input(s, 2, shape[2], shape[3]));
    x = read_by(s, reader, nw_op(s, spec, x), nw_op(s, spec, x));
    nw_output(
        s, nw_op(s, "conv2d out=8 k=1 | swish | globalpool | flatten | dense out=3", x));
    return s;
}

static void noise(const nw_net *net, void *block, size_t n, uint64_t seed, double scale,
                  double shift)
{
    for (size_t i = 0; i < n; i++)
        nw_real_set(net, block, i, shift + scale * nw_normal(seed, NW_FOR_TEST, i));
}

static struct side open_side(nw_ctx *ctx, nw_space *space, int batch, int plain,
                             nw_precision precision)
{
    const nw_plan_config config = {
        .batch = batch, .backward = 1, .input_grad = 1, .no_shortcuts = plain};
    struct side s = {.net = nw_net_new(ctx, space, NULL, 1, precision)};

    if (!s.net)
        fail_msg("%s", nw_errmsg(ctx));
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

    memset(s->net->grad, 0, s->net->graph->n_trainable * s->net->real_size);
    memset(s->net->dmix, 0, (size_t)s->net->graph->space->n_weight * sizeof(double));
    assert_true(nw_plan_forward(s->plan, &batch, &pass, &loss) >= 0);
    assert_true(nw_plan_backward(s->plan, 1) >= 0);
    return loss;
}

/* The same run three times: in one walk, by the parts, and by the parts in double. */
struct sides {
    const char *spec;
    struct side fast, plain, exact;
    double largest; /* gradient of a parameter */
};

/* The parts themselves err where numbers cancel: four times that is granted too. */
static void judge(const struct sides *s, const char *what, double most, double fast,
                  double plain)
{
    /* 0 in truth: what double leaves, times the ratio of the roundings */
    const double residue = most < 1e-10 ? most * 5.4e8 : 0;
    const double allowed =
        limit * most + floor_of_rounding + roundings * s->largest + 4 * plain + residue;

    if (!(fast <= allowed))
        fail_msg("%s: %s: wrong by %g, the parts by %g, of %g", s->spec, what, fast,
                 plain, most);
}

static void compare(const struct sides *s, const char *what, size_t n, const void *fast,
                    const void *plain, const void *exact)
{
    double most = 1e-30, of_fast = 0, of_plain = 0;

    for (size_t i = 0; i < n; i++) {
        const double truth = nw_real_get(s->exact.net, exact, i);

        most = fmax(most, fabs(truth));
        of_fast = fmax(of_fast, fabs(nw_real_get(s->fast.net, fast, i) - truth));
        of_plain = fmax(of_plain, fabs(nw_real_get(s->plain.net, plain, i) - truth));
        if (!isfinite(nw_real_get(s->fast.net, fast, i)))
            fail_msg("%s: %s: not finite", s->spec, what);
    }
    judge(s, what, most, of_fast, of_plain);
}

static const void *of_param(const struct side *s, int i)
{
    const nw_gparam *p = &s->net->graph->param[i];
    const char *block = p->param->is_buffer ? s->net->buffer : s->net->grad;

    return block + p->offset * s->net->real_size;
}

static void find_largest(struct sides *s)
{
    const nw_net *net = s->exact.net;

    s->largest = 0;
    for (size_t i = 0; i < net->graph->n_trainable; i++)
        s->largest = fmax(s->largest, fabs(nw_real_get(net, net->grad, i)));
}

static void compare_params(const struct sides *s)
{
    const nw_graph *g = s->fast.net->graph;

    for (int i = 0; i < g->n_param; i++)
        compare(s, g->param[i].name, g->param[i].count, of_param(&s->fast, i),
                of_param(&s->plain, i), of_param(&s->exact, i));
}

static void compare_mix(const struct sides *s)
{
    for (int i = 0; i < s->exact.net->graph->space->n_weight; i++) {
        const double truth = s->exact.net->dmix[i];

        judge(s, "a weight of the choice", fmax(1, fabs(truth)),
              fabs(s->fast.net->dmix[i] - truth), fabs(s->plain.net->dmix[i] - truth));
    }
}

static int deferred(const nw_plan *plan)
{
    int n = 0;

    for (int i = 0; i < plan->n; i++)
        n += plan->turn[i].reader >= 0;
    return n;
}

static int redone(const nw_plan *plan)
{
    int n = 0;

    for (int i = 0; i < plan->n; i++)
        n += plan->turn[i].redo >= 0;
    return n;
}

/* Weights of the options that no other has, and one of them nothing. */
static void set_mix(struct side *s)
{
    for (int i = 0; i < s->net->graph->space->n_weight; i++)
        s->net->mix[i] = .7 - .35 * i;
}

static void check_mode(struct sides *s, const int shape[4], const float *x, nw_mode mode)
{
    const double truth = run(&s->exact, x, mode), fast = run(&s->fast, x, mode),
                 plain = run(&s->plain, x, mode);

    find_largest(s);
    judge(s, "loss", fabs(truth), fabs(fast - truth), fabs(plain - truth));
    compare(s, "logits", (size_t)shape[0] * 3, nw_plan_logits(s->fast.plan),
            nw_plan_logits(s->plain.plan), nw_plan_logits(s->exact.plan));
    compare(s, "input", (size_t)(shape[0] * 2 * shape[2] * shape[3]),
            nw_plan_input_grad(s->fast.plan), nw_plan_input_grad(s->plain.plan),
            nw_plan_input_grad(s->exact.plan));
    compare_params(s);
    compare_mix(s);
}

static void check(nw_ctx *ctx, const char *spec, const int shape[4], enum reader reader)
{
    static const nw_mode modes[] = {NW_TRAIN, NW_TRAIN_STILL, NW_RECALIBRATE, NW_EVAL};
    nw_space *space = network(ctx, spec, shape, reader);
    struct sides s = {.spec = spec,
                      .fast = open_side(ctx, space, shape[0], 0, NW_F32),
                      .plain = open_side(ctx, space, shape[0], 1, NW_F32),
                      .exact = open_side(ctx, space, shape[0], 1, NW_F64)};
    const size_t n = (size_t)(shape[0] * 2 * shape[2] * shape[3]);
    float *x = nw_alloc(ctx, n * sizeof(*x));

    assert_true(s.fast.plan->n < s.plain.plan->n);
    /* a and what stands beside it, and where they are dropped; b has two readers */
    assert_int_equal(deferred(s.fast.plan), reader == CONCAT ? 0
                                            : reader == DROP ? 4
                                                             : 2);
    assert_int_equal(deferred(s.plain.plan), 0);
    /* a, the sum, or b: whichever a backward pass reads, if it is no sum of whole inputs
     */
    assert_int_equal(redone(s.fast.plan), reader != ADD);
    assert_int_equal(redone(s.plain.plan), 0);
    set_mix(&s.fast);
    set_mix(&s.plain);
    set_mix(&s.exact);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)nw_normal(7, NW_FOR_TEST, i);
    for (int m = 0; m < 4; m++)
        check_mode(&s, shape, x, modes[m]);
    nw_net_free(s.fast.net);
    nw_net_free(s.plain.net);
    nw_net_free(s.exact.net);
    nw_release(ctx, x);
}

static void test_shortcuts__agree_with_the_expansion(void **state)
{
    nw_ctx *ctx = nw_open(NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++)
        for (size_t k = 0; k < sizeof(shapes) / sizeof(*shapes); k++)
            for (enum reader r = 0; r < READERS; r++)
                check(ctx, specs[i], shapes[k], r);
    for (size_t i = 0; i < sizeof(dense_specs) / sizeof(*dense_specs); i++)
        for (size_t k = 0; k < sizeof(dense_shapes) / sizeof(*dense_shapes); k++)
            for (enum reader r = 0; r < READERS; r++)
                check(ctx, dense_specs[i], dense_shapes[k], r);
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shortcuts__agree_with_the_expansion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
