/* test_kernels.c - the fast kernels against the double reference, on hostile shapes. */
#include "conv.h"
#include "op_twins.h"
#include "parallel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define OPS(X)                                                                           \
    X(conv2d)                                                                            \
    X(dense) X(matmul) X(batchnorm) X(layernorm) X(maxpool) X(avgpool) X(globalpool)
#define X(name) extern const nw_op_type nw_op_##name##_f32, nw_op_##name##_f64;
OPS(X)
#undef X

static const struct pair {
    const nw_op_type *f32, *f64;
} pairs[] = {
#define X(name) {&nw_op_##name##_f32, &nw_op_##name##_f64},
    OPS(X)
#undef X
};

enum { N_PAIRS = sizeof(pairs) / sizeof(*pairs) };

/* Shapes beyond those that the ops give as their cases. */
static const nw_case extra[] = {
    {"conv2d out=16", 1, {{3, {1, 28, 28}}}},
    {"conv2d out=6 k=5 pad=0", 1, {{3, {3, 14, 14}}}},
    {"conv2d out=12 k=3 dil=2 pad=same", 1, {{3, {20, 9, 8}}}},
    {"conv2d out=24 bias=0", 1, {{3, {16, 24, 22}}}},
    {"conv2d bias=0", 1, {{3, {9, 19, 31}}}},
    {"conv2d out=17 bias=0", 1, {{3, {40, 21, 20}}}},
    {"conv2d out=17", 1, {{3, {64, 20, 20}}}},
    {"conv2d out=16 groups=4", 1, {{3, {16, 6, 6}}}},
    {"conv2d k=3 groups=in", 1, {{3, {16, 32, 32}}}},
    {"conv2d k=5 groups=in bias=0", 1, {{3, {36, 16, 16}}}},
    {"conv2d k=7 groups=in", 1, {{3, {24, 9, 9}}}},
    {"conv2d k=3 dil=2 groups=in", 1, {{3, {16, 8, 8}}}},
    {"conv2d k=5 dil=2 groups=in", 1, {{3, {23, 8, 7}}}},
    {"conv2d k=5 dil=2 stride=2 groups=in", 1, {{3, {16, 16, 16}}}},
    {"conv2d k=3 stride=2 groups=in", 1, {{3, {33, 15, 17}}}},
    {"conv2d k=5 stride=2 pad=0 groups=in", 1, {{3, {8, 13, 12}}}},
    {"conv2d k=7 stride=3 dil=2 groups=in", 1, {{3, {11, 10, 9}}}},
    {"conv2d k=4 pad=0 groups=in", 1, {{3, {40, 6, 5}}}},
    {"conv2d k=9x1 groups=in", 1, {{3, {15, 7, 5}}}},
    {"conv2d k=5 stride=4x1 pad=4 groups=in", 1, {{3, {18, 5, 3}}}},
    {"dense out=10", 1, {{1, {784}}}},
    {"dense out=150", 1, {{1, {301}}}},
    {"dense out=17", 1, {{2, {29, 13}}}},
    {"matmul", 2, {{2, {65, 70}}, {2, {70, 131}}}},
    {"matmul ta=1", 2, {{2, {513, 7}}, {2, {513, 9}}}},
    {"matmul tb=1", 2, {{2, {13, 18}}, {2, {200, 18}}}},
    {"matmul ta=1 tb=1", 2, {{2, {31, 33}}, {2, {35, 31}}}},
    {"batchnorm", 1, {{3, {36, 16, 16}}}},
    {"batchnorm affine=0", 1, {{3, {130, 9, 9}}}},
    {"layernorm", 1, {{3, {13, 9, 9}}}},
    {"layernorm", 1, {{2, {33, 130}}}},
    {"maxpool k=3 stride=1 pad=same", 1, {{3, {16, 16, 16}}}},
    {"maxpool k=4 stride=1 pad=2", 1, {{3, {7, 5, 6}}}},
    {"avgpool k=3 stride=1 pad=same", 1, {{3, {16, 16, 16}}}},
    {"avgpool k=5 stride=2 pad=2", 1, {{3, {7, 9, 6}}}},
    {"avgpool to=5x3", 1, {{3, {9, 13, 11}}}},
    {0},
};

/* A failure that has been printed. */
static int failures;

static void compare(const char *spec, const char *what, const twin *a, const void *x,
                    const twin *b, const void *y, size_t n)
{
    double most = 0, worst = 0;

    for (size_t i = 0; i < n; i++) {
        double v = twin_get(b, y, i), error = fabs(twin_get(a, x, i) - v);

        most = fabs(v) > most ? fabs(v) : most;
        worst = error > worst || isnan(error) ? error : worst;
    }
    if (worst <= 5e-6 * (most + 1))
        return;
    print_message("%s, batch %d: %s: error %g at size %g\n", spec, a->run.batch, what,
                  worst, most);
    failures++;
}

static void compare_all(const char *spec, const twin *a, const twin *b)
{
    compare(spec, "y", a, a->run.y, b, b->run.y, a->y_bytes / 4);
    for (int i = 0; i < a->run.n_in; i++)
        compare(spec, a->add[i] ? "dx, added" : "dx", a, a->dx[i], b, b->dx[i],
                a->x_bytes[i] / 4);
    for (int i = 0; i < a->node.n_param; i++) {
        compare(spec, "parameters", a, a->w[i], b, b->w[i], a->w_bytes[i] / 4);
        if (a->dw[i])
            compare(spec, a->node.param[i].suffix, a, a->dw[i], b, b->dw[i],
                    a->w_bytes[i] / 4);
    }
    if (!twin_all_intact(a) || !twin_all_intact(b)) {
        print_message("%s, batch %d: written out of bounds\n", spec, a->run.batch);
        failures++;
    }
}

static const struct pair *pair_of(const char *spec)
{
    size_t n = strcspn(spec, " ");

    for (int i = 0; i < N_PAIRS; i++)
        if (strlen(pairs[i].f32->name) == n && !strncmp(spec, pairs[i].f32->name, n))
            return &pairs[i];
    fail_msg("no op for \"%s\"", spec);
    return NULL;
}

static void each_case(void (*check)(nw_ctx *ctx, const nw_case *c))
{
    const nw_config two = {.threads = 2};
    nw_ctx *ctx = nw_open(&two);

    failures = 0;
    for (int i = 0; i < N_PAIRS; i++)
        for (const nw_case *c = pairs[i].f32->cases; c->spec; c++)
            check(ctx, c);
    for (const nw_case *c = extra; c->spec; c++)
        check(ctx, c);
    nw_close(ctx);
    assert_int_equal(failures, 0);
}

static void agree(nw_ctx *ctx, const nw_case *c)
{
    const struct pair *p = pair_of(c->spec);

    for (int batch = 1; batch <= 3; batch += 2)
        for (int add = 0; add < 2; add++) {
            twin a, b;

            assert_int_equal(
                twin_open(&a, ctx, p->f32, 4, c->spec, c->n_in, c->in, batch, add),
                NW_OK);
            assert_int_equal(
                twin_open(&b, ctx, p->f64, 8, c->spec, c->n_in, c->in, batch, add),
                NW_OK);
            twin_step(&a);
            twin_step(&b);
            compare_all(c->spec, &a, &b);
            twin_close(&a);
            twin_close(&b);
        }
}

static void test_kernels__agree_with_reference(void **state)
{
    (void)state;
    each_case(agree);
}

/* oneDNN may cut its sums by the number of threads; our own kernels never do: depthwise
 * and minimal filtering. */
static int is_own(const nw_case *c)
{
    return strncmp(c->spec, "conv2d", 6) ||
           (strstr(c->spec, "groups=in") && !strstr(c->spec, "out=")) ||
           (strstr(c->spec, "bias=0") && !strstr(c->spec, "k=") &&
            c->in[0].dim[0] >= 16 && c->in[0].dim[1] > 16);
}

static uint64_t run_hash(nw_ctx *ctx, const nw_case *c, int threads)
{
    uint64_t hash = NW_HASH_START;
    twin t;

    nw_set_threads(threads);
    assert_int_equal(
        twin_open(&t, ctx, pair_of(c->spec)->f32, 4, c->spec, c->n_in, c->in, 24, 0),
        NW_OK);
    twin_step(&t);
    hash = nw_hash(hash, t.run.y, t.y_bytes);
    for (int i = 0; i < t.run.n_in; i++)
        hash = nw_hash(hash, t.dx[i], t.x_bytes[i]);
    for (int i = 0; i < t.node.n_param; i++)
        hash = nw_hash(hash, t.dw[i] ? t.dw[i] : t.w[i], t.w_bytes[i]);
    twin_close(&t);
    return hash;
}

static void same_bits(nw_ctx *ctx, const nw_case *c)
{
    uint64_t one;

    if (!is_own(c))
        return;
    one = run_hash(ctx, c, 1);
    for (int threads = 2; threads <= 2; threads++)
        if (run_hash(ctx, c, threads) != one) {
            print_message("%s: %d threads give other bits than one\n", c->spec, threads);
            failures++;
        }
}

static void test_kernels__do_not_depend_on_threads(void **state)
{
    (void)state;
    each_case(same_bits);
}

/* The op may prefer oneDNN; our own passes are held against the portable loops here. */
static void depthwise_agrees(const nw_conv_dims *d, int add)
{
    twin f = {.real = 4};
    size_t x = (size_t)(d->n * d->ih * d->iw * d->ic) * 4;
    size_t y = (size_t)(d->n * d->oh * d->ow * d->oc) * 4;
    size_t w = (size_t)(d->oc * d->kh * d->kw) * 4, b = (size_t)d->oc * 4;
    size_t size[] = {x, w, b, y, y, x, w, b}, n = sizeof(size) / sizeof(*size);
    void *buffer[2][8];

    for (int side = 0; side < 2; side++) {
        void **q = buffer[side];

        for (size_t i = 0; i < n; i++) {
            q[i] = twin_guarded(size[i]);
            twin_fill(&f, q[i], size[i], i);
        }
        for (int p = 0; p < NW_CONV_PASSES; p++) {
            nw_conv_args a = {q[0], q[1], q[2], q[3], q[4], q[5],
                              q[6], q[7], add,  NULL, NULL};
            nw_conv_way way = {0};

            if (side)
                nw_conv_portable_f32(d, p, &way);
            else
                assert_true(nw_conv_depthwise_f32(d, p, &way));
            a.scratch = twin_guarded(way.scratch);
            way.run(d, way.self, &a);
            assert_true(twin_intact(a.scratch, way.scratch));
            twin_free(a.scratch);
        }
    }
    for (size_t i = 0; i < n; i++) {
        compare("depthwise", "y, dx, dw or db", &f, buffer[0][i], &f, buffer[1][i],
                size[i] / 4);
        assert_true(twin_intact(buffer[0][i], size[i]));
        twin_free(buffer[0][i]);
        twin_free(buffer[1][i]);
    }
}

static void test_kernels__depthwise_agrees_with_portable(void **state)
{
    static const int shapes[][6] = {/* channels, height, width, k, stride, dil */
                                    {8, 1, 1, 3, 1, 1},    {16, 8, 8, 5, 1, 2},
                                    {23, 9, 5, 3, 2, 1},   {36, 12, 17, 5, 2, 1},
                                    {17, 13, 11, 7, 1, 1}, {10, 10, 9, 4, 3, 2},
                                    {40, 7, 20, 3, 1, 2},  {33, 6, 6, 1, 1, 1},
                                    {12, 14, 15, 2, 2, 1}, {16, 16, 40, 7, 2, 2}};

    (void)state;
    failures = 0;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        const int *s = shapes[i], pad = s[5] * (s[3] - 1) / 2;
        int span = s[5] * (s[3] - 1) + 1;
        nw_conv_dims d = {.n = 2,
                          .groups = s[0],
                          .ic = s[0],
                          .oc = s[0],
                          .ih = s[1],
                          .iw = s[2],
                          .kh = s[3],
                          .kw = s[3],
                          .sh = s[4],
                          .sw = s[4],
                          .ph = pad,
                          .pw = pad,
                          .dh = s[5],
                          .dw = s[5]};

        d.oh = (d.ih + 2 * pad - span) / s[4] + 1;
        d.ow = (d.iw + 2 * pad - span) / s[4] + 1;
        depthwise_agrees(&d, (int)i % 2);
        depthwise_agrees(&d, (int)(i + 1) % 2);
    }
    assert_int_equal(failures, 0);
}

/* Statistics of numbers far from zero, where sums of squares would cancel. */
static void test_kernels__batchnorm_survives_a_large_mean(void **state)
{
    const nw_shape in = {3, {16, 32, 32}};
    nw_ctx *ctx = nw_open(NULL);
    twin a, b;

    (void)state;
    failures = 0;
    assert_int_equal(
        twin_open(&a, ctx, &nw_op_batchnorm_f32, 4, "batchnorm", 1, &in, 4, 0), NW_OK);
    assert_int_equal(
        twin_open(&b, ctx, &nw_op_batchnorm_f64, 8, "batchnorm", 1, &in, 4, 0), NW_OK);
    for (size_t i = 0; i < a.x_bytes[0] / 4; i++) {
        float v = 1000 + ((float *)a.x[0])[i];

        ((float *)a.x[0])[i] = v;
        ((double *)b.x[0])[i] = (double)v;
    }
    a.op->forward(&a.run);
    b.op->forward(&b.run);
    for (size_t i = 0; i < a.y_bytes / 4; i++)
        assert_true(fabs(twin_get(&a, a.run.y, i) - twin_get(&b, b.run.y, i)) < 5e-4);
    compare("batchnorm", "running variance", &a, a.w[3], &b, b.w[3], 16);
    assert_int_equal(failures, 0);
    twin_close(&a);
    twin_close(&b);
    nw_close(ctx);
}

static void test_kernels__batchnorm_of_one_number_is_shift(void **state)
{
    const nw_shape in = {3, {5, 1, 1}};
    nw_ctx *ctx = nw_open(NULL);
    twin t;

    (void)state;
    assert_int_equal(
        twin_open(&t, ctx, &nw_op_batchnorm_f32, 4, "batchnorm", 1, &in, 1, 0), NW_OK);
    twin_step(&t);
    for (int i = 0; i < 5; i++) {
        assert_true(t.run.y[i] == ((float *)t.w[1])[i]);
        assert_true(((float *)t.dx[0])[i] == 0);
        assert_true(isfinite(((float *)t.w[3])[i]));
    }
    twin_close(&t);
    nw_close(ctx);
}

static void batch_values(twin *t, int batch)
{
    twin_fill(t, t->x[0], t->x_bytes[0], 100 + (uint64_t)batch);
}

/* Running statistics after recalibration are plain averages over the batches. */
static void test_kernels__batchnorm_recalibrates_to_averages(void **state)
{
    const nw_shape in = {1, {3}};
    nw_ctx *ctx = nw_open(NULL);
    double mean[3] = {0}, var[3] = {0};
    twin t;

    (void)state;
    assert_int_equal(
        twin_open(&t, ctx, &nw_op_batchnorm_f64, 8, "batchnorm", 1, &in, 7, 0), NW_OK);
    t.run.mode = NW_RECALIBRATE;
    for (int k = 0; k < 4; k++) {
        batch_values(&t, k);
        t.run.recalibrated = k;
        t.op->forward(&t.run);
        for (int c = 0; c < 3; c++) {
            const double *x = t.x[0];
            double m = 0, v = 0;

            for (int n = 0; n < 7; n++)
                m += x[n * 3 + c] / 7;
            for (int n = 0; n < 7; n++)
                v += (x[n * 3 + c] - m) * (x[n * 3 + c] - m) / 7;
            mean[c] += m / 4, var[c] += v / 4;
        }
    }
    for (int c = 0; c < 3; c++) {
        assert_true(fabs(((double *)t.w[2])[c] - mean[c]) < 1e-12);
        assert_true(fabs(((double *)t.w[3])[c] - var[c]) < 1e-12);
    }
    twin_close(&t);
    nw_close(ctx);
}

static void test_kernels__maxpool_takes_the_first_of_equals(void **state)
{
    const nw_shape in = {3, {1, 3, 3}};
    nw_ctx *ctx = nw_open(NULL);
    twin t;

    (void)state;
    assert_int_equal(
        twin_open(&t, ctx, &nw_op_maxpool_f32, 4, "maxpool k=2 stride=1", 1, &in, 1, 0),
        NW_OK);
    for (int i = 0; i < 9; i++)
        ((float *)t.x[0])[i] = 1;
    twin_step(&t);
    /* four windows, whose top left pixels are 0, 1, 3, 4 */
    for (int i = 0, k = 0; i < 9; i++) {
        int hit = i == 0 || i == 1 || i == 3 || i == 4;

        assert_true(((float *)t.dx[0])[i] == (hit ? t.run.dy[k] : 0));
        k += hit;
    }
    twin_close(&t);
    nw_close(ctx);
}

static void refused(nw_ctx *ctx, const char *spec, nw_shape in, const char *why)
{
    twin t;

    assert_int_equal(twin_open(&t, ctx, pair_of(spec)->f32, 4, spec, 1, &in, 1, 0),
                     NW_ESHAPE);
    assert_string_equal(t.node.why, why);
    twin_close(&t);
}

static void test_kernels__refuse_what_does_not_fit(void **state)
{
    nw_ctx *ctx = nw_open(NULL);

    (void)state;
    refused(ctx, "conv2d groups=3", (nw_shape){3, {4, 5, 5}},
            "conv2d: 4 input channels: not a multiple of groups=3");
    refused(ctx, "conv2d out=5 groups=2", (nw_shape){3, {4, 5, 5}},
            "conv2d: out=5: not a multiple of groups=2");
    refused(ctx, "conv2d k=5 pad=0 dil=2", (nw_shape){3, {4, 5, 9}},
            "conv2d: k=5x5 dil=2x2 reaches over 9x9, larger than the padded input 5x9");
    refused(ctx, "conv2d", (nw_shape){1, {4}},
            "conv2d: the input must have channels, height and width");
    refused(ctx, "dense out=3", (nw_shape){3, {4, 5, 5}},
            "dense: the input has 3 axes: must be 1 or 2 (flatten it)");
    refused(ctx, "maxpool k=3 pad=2", (nw_shape){3, {4, 5, 5}},
            "maxpool: pad=2: must be at most half of k=3");
    refused(ctx, "avgpool k=7", (nw_shape){3, {4, 5, 5}},
            "avgpool: k=7x7 is larger than the padded input 5x5");
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels__agree_with_reference),
        cmocka_unit_test(test_kernels__do_not_depend_on_threads),
        cmocka_unit_test(test_kernels__depthwise_agrees_with_portable),
        cmocka_unit_test(test_kernels__batchnorm_survives_a_large_mean),
        cmocka_unit_test(test_kernels__batchnorm_of_one_number_is_shift),
        cmocka_unit_test(test_kernels__batchnorm_recalibrates_to_averages),
        cmocka_unit_test(test_kernels__maxpool_takes_the_first_of_equals),
        cmocka_unit_test(test_kernels__refuse_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
