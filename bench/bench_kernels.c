/*
 * bench_kernels.c - speed of the kernels under the ops, pass by pass.
 *
 * One line a kernel: shape, GFLOP/s (convolutions, products) or GB/s (the rest, counting
 * every tensor once for each time it must be read or written), milliseconds of the best
 * of several runs. Our own convolutions are timed against oneDNN's, when it has one that
 * is not the reference. A stage is timed against the ops that it stands for, in turn
 * with them. Usage: bench_kernels [threads]
 */
#include "conv.h"
#include "norm.h"
#include "onednn.h"
#include "parallel.h"
#include "stage.h"

#include "../tests/tensor/op_twins.h"

#include <stdio.h>
#include <time.h>

#define OPS(X)                                                                           \
    X(conv2d) X(relu) X(dense) X(matmul) X(batchnorm) X(layernorm) X(maxpool) X(avgpool)
#define X(name) extern const nw_op_type nw_op_##name##_f32;
OPS(X)
#undef X

enum { RUNS = 25 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Convolution ---------------------------------------------------------------- */

static double conv_seconds(const nw_conv_dims *d, nw_conv_way *way, nw_conv_args *a)
{
    double best = 1e9;

    a->scratch = twin_guarded(way->scratch);
    for (int i = 0; i < RUNS; i++) {
        double start = now();

        way->run(d, way->self, a);
        best = now() - start < best ? now() - start : best;
    }
    twin_free(a->scratch);
    return best;
}

static void conv_line(nw_ctx *ctx, const nw_conv_dims *d)
{
    static const char *const pass_name[] = {"forward", "data", "weights"};
    size_t x = (size_t)d->n * (size_t)(d->ih * d->iw * d->ic) * 4;
    size_t y = (size_t)d->n * (size_t)(d->oh * d->ow * d->oc) * 4;
    size_t w = (size_t)(d->oc * d->ic / d->groups * d->kh * d->kw) * 4;
    double flop = 2.0 * (double)w / 4 * d->n * d->oh * d->ow;
    void *px = twin_guarded(x), *py = twin_guarded(y), *pw = twin_guarded(w);

    for (int p = 0; p < NW_CONV_PASSES; p++) {
        nw_conv_args a = {.x = px, .w = pw, .dy = py, .y = py, .dx = px, .dw = pw};
        nw_conv_way way[2] = {{0}};
        double seconds[2] = {0};
        int own = nw_conv_depthwise_f32(d, p, &way[0]);

        if ((!own && nw_conv_choose_f32(ctx, d, p, 0, &way[0]) < 0) ||
            nw_onednn_conv(ctx, d, p, 0, &way[1]) < 0)
            return;
        own = own || !strcmp(way[0].name, "winograd");
        for (int i = 0; i < 2; i++)
            if (way[i].run)
                seconds[i] = conv_seconds(d, &way[i], &a);
        printf(
            "conv %4d>%-4d g%-3d k%d s%d d%d %2dx%-2d %-8s %-10s %7.1f GFLOP/s %8.3f ms",
            d->ic, d->oc, d->groups, d->kh, d->sh, d->dh, d->ih, d->iw, pass_name[p],
            way[0].name, flop / seconds[0] * 1e-9, seconds[0] * 1e3);
        if (own && way[1].run)
            printf("   oneDNN %-14s %8.3f ms", way[1].name, seconds[1] * 1e3);
        printf("\n");
        nw_release(ctx, way[0].self);
        nw_release(ctx, way[1].self);
    }
    twin_free(px);
    twin_free(py);
    twin_free(pw);
}

static nw_conv_dims square(int n, int groups, int ic, int size, int oc, int k, int stride,
                           int dil)
{
    int pad = dil * (k - 1) / 2, out = (size + 2 * pad - dil * (k - 1) - 1) / stride + 1;

    return (nw_conv_dims){n, groups, ic,     size,   size, oc,  out, out,
                          k, k,      stride, stride, pad,  pad, dil, dil};
}

static void convolutions(nw_ctx *ctx)
{
    static const int dense[][5] = {
        /* in, size, out, k, stride */
        {1, 28, 16, 3, 1}, {3, 32, 48, 3, 1},  {16, 32, 16, 3, 1}, {32, 16, 32, 3, 1},
        {64, 8, 64, 3, 1}, {16, 32, 16, 1, 1}, {64, 16, 64, 1, 1}};
    static const int depth[][5] = {
        /* channels, size, k, stride, dil */
        {16, 32, 3, 1, 1}, {16, 32, 5, 1, 1}, {16, 32, 7, 1, 1}, {16, 32, 3, 1, 2},
        {16, 32, 5, 1, 2}, {16, 32, 3, 2, 1}, {16, 32, 5, 2, 1}, {36, 32, 3, 1, 1},
        {36, 32, 5, 1, 2}, {64, 8, 3, 1, 1},  {64, 8, 5, 1, 2},  {10, 28, 3, 1, 1},
        {144, 16, 3, 1, 1}};

    for (size_t i = 0; i < sizeof(dense) / sizeof(*dense); i++) {
        const int *v = dense[i];
        nw_conv_dims d = square(64, 1, v[0], v[1], v[2], v[3], v[4], 1);

        conv_line(ctx, &d);
    }
    for (size_t i = 0; i < sizeof(depth) / sizeof(*depth); i++) {
        const int *v = depth[i];
        nw_conv_dims d = square(64, v[0], v[0], v[1], v[0], v[2], v[3], v[4]);

        conv_line(ctx, &d);
    }
}

/* ---- Stages ---------------------------------------------------------------------------
 */

/* relu, 3x3 convolution and the moments of a batch norm: as ops, and as a stage. */
struct contest {
    nw_stage s;
    nw_stage_args a;
    nw_conv_dims d;
    nw_norm norm;
    nw_conv_way way[NW_CONV_PASSES];
    twin relu;
    float *dz;
    double ops[2][4], stage[2]; /* seconds, forward and backward */
};

/* The best time of each; returns the time. */
static double take(double *best, double start)
{
    const double end = now();

    if (*best == 0 || end - start < *best)
        *best = end - start;
    return end;
}

static void ops_forward(struct contest *q)
{
    const nw_conv_args conv = {
        .x = q->relu.run.y, .w = q->a.w[0], .y = q->a.y, .scratch = q->a.scratch};
    double t = now();

    nw_op_relu_f32.forward(&q->relu.run);
    t = take(&q->ops[0][0], t);
    q->way[NW_CONV_FORWARD].run(&q->d, q->way[NW_CONV_FORWARD].self, &conv);
    t = take(&q->ops[0][1], t);
    nw_norm_moments_f32(&q->norm, q->a.y, q->a.moment, q->a.variance, q->a.scratch);
    take(&q->ops[0][2], t);
}

static void ops_backward(struct contest *q)
{
    const nw_stage_args *a = &q->a;
    union {
        const nw_real *from;
        nw_real *to;
    } dr = {q->relu.run.dy};
    const nw_conv_args weights = {
        .x = q->relu.run.y, .dy = q->dz, .dw = a->dw[0], .scratch = a->scratch};
    const nw_conv_args data = {
        .w = a->w[0], .dy = q->dz, .dx = dr.to, .scratch = a->scratch};
    double t = now();

    nw_norm_back_f32(&q->norm, a->y, a->dy, a->y_mean, a->on_dy, a->on_y, a->fixed, q->dz,
                     0);
    t = take(&q->ops[1][0], t);
    q->way[NW_CONV_BACK_DATA].run(&q->d, q->way[NW_CONV_BACK_DATA].self, &data);
    t = take(&q->ops[1][1], t);
    q->way[NW_CONV_BACK_WEIGHTS].run(&q->d, q->way[NW_CONV_BACK_WEIGHTS].self, &weights);
    t = take(&q->ops[1][2], t);
    nw_op_relu_f32.backward(&q->relu.run);
    take(&q->ops[1][3], t);
}

static void fight(struct contest *q)
{
    for (int i = 0; i < RUNS; i++) {
        double t;

        ops_forward(q);
        t = now();
        nw_stage_dense.forward(&q->s, &q->a);
        take(&q->stage[0], t);
        ops_backward(q);
        t = now();
        nw_stage_dense.backward(&q->s, &q->a);
        take(&q->stage[1], t);
    }
}

static size_t most_scratch(const struct contest *q)
{
    size_t most = nw_norm_scratch_f32(&q->norm);

    for (int i = 0; i < NW_CONV_PASSES; i++)
        most = q->way[i].scratch > most ? q->way[i].scratch : most;
    for (int back = 0; back < 2; back++)
        most = nw_stage_dense.scratch(&q->s, back) > most
                   ? nw_stage_dense.scratch(&q->s, back)
                   : most;
    return most;
}

static void contest_print(const struct contest *q)
{
    const nw_stage *s = &q->s;

    printf("dense stage %3d>%-3d %2dx%-2d ", s->c, s->oc, s->ih, s->iw);
    for (int back = 0; back < 2; back++) {
        const double *o = q->ops[back], all = o[0] + o[1] + o[2] + o[3];

        printf("%s %7.3f ms   ops %5.2fx (%.3f", back ? "   back" : "forward",
               q->stage[back] * 1e3, all / q->stage[back], o[0] * 1e3);
        for (int i = 1; i < 3 + back; i++)
            printf(" + %.3f", o[i] * 1e3);
        printf(")");
    }
    printf("\n");
}

static void dense_line(nw_ctx *ctx, int threads, int n, int c, int size, int oc)
{
    const nw_shape in = {3, {c, size, size}};
    const size_t x = (size_t)(n * size * size * c) * 4, w = (size_t)(9 * c * oc) * 4,
                 y = (size_t)(n * size * size * oc) * 4, v = (size_t)oc * 4;
    struct contest q = {.d = square(n, 1, c, size, oc, 3, 1, 1),
                        .norm = {(size_t)(n * size * size), (size_t)oc}};
    void *memory[] = {twin_guarded(w), twin_guarded(y),
                      twin_guarded(v), twin_guarded(v),
                      twin_guarded(y), twin_guarded(v),
                      twin_guarded(x), twin_guarded(w),
                      twin_guarded(y), NULL};

    q.s = (nw_stage){n, threads, c, size, size, oc, size, size, 3, 1, 1, 1, NW_GATE_RELU};
    for (int p = 0; p < NW_CONV_PASSES; p++)
        if (nw_onednn_conv(ctx, &q.d, p, 0, &q.way[p]) < 0 || !q.way[p].run)
            return;
    if (twin_open(&q.relu, ctx, &nw_op_relu_f32, 4, "relu", 1, &in, n, 0) != NW_OK)
        return;
    memory[9] = twin_guarded(most_scratch(&q));
    q.dz = memory[8];
    q.a = (nw_stage_args){.x = q.relu.x[0],
                          .w = {memory[0]},
                          .y = memory[1],
                          .moment = memory[2],
                          .variance = memory[3],
                          .dy = memory[4],
                          .y_mean = memory[5],
                          .on_dy = memory[5],
                          .on_y = memory[5],
                          .fixed = memory[5],
                          .dx = memory[6],
                          .dw = {memory[7]},
                          .scratch = memory[9]};
    fight(&q);
    contest_print(&q);
    for (int i = 0; i < 10; i++)
        twin_free(memory[i]);
    for (int p = 0; p < NW_CONV_PASSES; p++)
        nw_release(ctx, q.way[p].self);
    twin_close(&q.relu);
}

static void stages(nw_ctx *ctx, int threads)
{
    static const int dense[][3] = {
        {16, 32, 16}, {32, 16, 32}, {64, 8, 64}, {36, 32, 36}, {64, 16, 64}};

    for (size_t i = 0; i < sizeof(dense) / sizeof(*dense); i++)
        dense_line(ctx, threads, 64, dense[i][0], dense[i][1], dense[i][2]);
}

/* ---- The other ops ----------------------------------------------------------------- */

static double op_seconds(const twin *t, void (*pass)(const nw_run *run))
{
    double best = 1e9;

    for (int i = 0; i < RUNS; i++) {
        double start = now();

        pass(&t->run);
        best = now() - start < best ? now() - start : best;
    }
    return best;
}

/* Bytes that a pass cannot avoid: forward reads x and writes y; backward reads dy, reads
 * x where it needs it, and writes dx. A norm reads its input twice. */
static void op_line(nw_ctx *ctx, const nw_op_type *op, const nw_case *c, int batch)
{
    twin t;

    if (twin_open(&t, ctx, op, 4, c->spec, c->n_in, c->in, batch, 0) == NW_OK) {
        double forward = op_seconds(&t, op->forward);
        double backward = op_seconds(&t, op->backward), macs = t.node.macs * batch;
        double x = (double)t.x_bytes[0], y = (double)t.y_bytes;
        int norm = op == &nw_op_batchnorm_f32;
        double read = norm ? 2 : 1, needs_x = op->flags & NW_NEEDS_X ? 1 : 0;

        printf("%-34s %3d of %4dx%dx%d  ", c->spec, batch, c->in[0].dim[0],
               c->in[0].dim[1], c->in[0].dim[2]);
        if (macs > 0)
            printf("%7.1f GFLOP/s %7.3f ms   back %7.1f GFLOP/s %7.3f ms\n",
                   2e-9 * macs / forward, forward * 1e3, 4e-9 * macs / backward,
                   backward * 1e3);
        else
            printf("%7.1f GB/s %7.3f ms   back %7.1f GB/s %7.3f ms\n",
                   1e-9 * (read * x + y) / forward, forward * 1e3,
                   1e-9 * (read * (y + needs_x * x) + x) / backward, backward * 1e3);
    }
    twin_close(&t);
}

static void others(nw_ctx *ctx)
{
    static const struct {
        const nw_op_type *op;
        nw_case c;
        int batch;
    } lines[] = {
        {&nw_op_batchnorm_f32, {"batchnorm", 1, {{3, {16, 32, 32}}}}, 64},
        {&nw_op_batchnorm_f32, {"batchnorm", 1, {{3, {36, 32, 32}}}}, 64},
        {&nw_op_batchnorm_f32, {"batchnorm", 1, {{3, {64, 8, 8}}}}, 64},
        {&nw_op_layernorm_f32, {"layernorm", 1, {{2, {128, 256}}}}, 32},
        {&nw_op_maxpool_f32, {"maxpool k=3 stride=1 pad=1", 1, {{3, {16, 32, 32}}}}, 64},
        {&nw_op_maxpool_f32, {"maxpool k=3 stride=2 pad=1", 1, {{3, {16, 32, 32}}}}, 64},
        {&nw_op_maxpool_f32, {"maxpool k=2", 1, {{3, {64, 16, 16}}}}, 64},
        {&nw_op_avgpool_f32, {"avgpool k=3 stride=1 pad=1", 1, {{3, {16, 32, 32}}}}, 64},
        {&nw_op_avgpool_f32, {"avgpool k=3 stride=2 pad=1", 1, {{3, {16, 32, 32}}}}, 64},
        {&nw_op_avgpool_f32, {"avgpool k=2", 1, {{3, {64, 16, 16}}}}, 64},
        {&nw_op_dense_f32, {"dense out=10", 1, {{1, {256}}}}, 256},
        {&nw_op_dense_f32, {"dense out=120", 1, {{1, {400}}}}, 256},
        {&nw_op_dense_f32, {"dense out=512", 1, {{1, {512}}}}, 256},
        {&nw_op_matmul_f32, {"matmul", 2, {{2, {64, 64}}, {2, {64, 64}}}}, 64},
        {&nw_op_matmul_f32, {"matmul tb=1", 2, {{2, {512, 512}}, {2, {512, 512}}}}, 1},
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        op_line(ctx, lines[i].op, &lines[i].c, lines[i].batch);
}

int main(int argc, char **argv)
{
    nw_ctx *ctx = nw_open(NULL);

    const int threads = argc > 1 ? atoi(argv[1]) : 2;

    nw_set_threads(threads);
    convolutions(ctx);
    stages(ctx, threads);
    others(ctx);
    nw_close(ctx);
    return 0;
}
