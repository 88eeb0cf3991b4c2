/*
 * bench_composites.c - composite ops as one turn, beside the parts they expand to.
 *
 * One line an op and shape: milliseconds of the forward and the backward pass, each the
 * best of several steps taken in turn, and the bytes that the plan of a training step
 * needs. Lines where only the parts run, because fits() says no, say so.
 * Usage: bench_composites [threads [word in the spec [batch]]]
 */
#include "net.h"
#include "parallel.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 20 };

static const struct line {
    const char *spec;
    int batch, c, size; /* of the input */
} lines[] = {
    {"relu_conv_bn k=1 out=16", 64, 64, 32},
    {"relu_conv_bn k=1 out=36", 32, 144, 32},
    {"relu_conv_bn k=1 out=72", 32, 288, 16},
    {"relu_conv_bn k=1 out=16", 64, 16, 32},
    {"relu_conv_bn k=1 out=32", 64, 32, 16},
    {"relu_conv_bn k=1 out=64", 64, 64, 8},
    {"relu_conv_bn k=1 out=64", 256, 64, 8},
    {"relu_conv_bn k=1 out=144", 96, 576, 8},
    {"pool_bn affine=0", 64, 16, 32},
    {"pool_bn affine=0", 64, 32, 16},
    {"pool_bn affine=0", 64, 64, 8},
    {"pool_bn affine=0 stride=2", 64, 32, 32},
    {"pool_bn affine=0 stride=2", 64, 64, 16},
    {"pool_bn affine=0 pool=avgpool", 64, 16, 32},
    {"pool_bn affine=0 pool=avgpool", 64, 32, 16},
    {"pool_bn affine=0 pool=avgpool", 64, 64, 8},
    {"pool_bn affine=0 pool=avgpool stride=2", 64, 32, 32},
    {"pool_bn affine=0 pool=avgpool stride=2", 64, 64, 16},
    {"conv_bn_relu k=1 out=128", 32, 32, 32},
    {"sep_conv k=3", 32, 16, 32},
    {"sep_conv k=5", 32, 36, 32},
    {"sep_conv k=3", 32, 36, 32},
    {"sep_conv k=5 stride=2", 32, 72, 32},
    {"sep_conv k=3", 64, 144, 8},
    {"dil_conv k=5", 32, 36, 32},
    {"dil_conv k=3", 32, 72, 16},
    {"mbconv e=6 out=16", 32, 16, 32},
    {"mbconv e=6 out=24", 32, 24, 32},
    {"mbconv e=6 out=24 stride=2", 32, 24, 32},
    {"mbconv k=5 e=6 out=32", 32, 32, 16},
    {"mbconv k=7 e=3 out=40", 32, 40, 16},
    {"mbconv e=6 out=64", 64, 64, 8},
    {"mbconv e=6 out=96", 128, 96, 4},
    {"mbconv e=6 out=160 stride=2", 128, 96, 4},
    {"inverted_residual mid=960 out=160", 128, 160, 4},
    {"depthwise_separable out=16", 32, 32, 32},
    {"depthwise_separable k=5 out=64 stride=2", 32, 64, 16},
};

struct side {
    nw_net *net;
    nw_plan *plan;
    int n_time;
    const nw_turn_time *time;
    double was[2], best[2]; /* seconds forward and backward: so far, and of a step */
};

static nw_space *network(nw_ctx *ctx, const struct line *line)
{
    nw_space *s = nw_space_new(ctx);
    char chain[300];

    snprintf(chain, sizeof(chain),
             "conv2d out=%d k=1 | batchnorm | %s name=it | globalpool | flatten | "
             "dense out=10",
             line->c, line->spec);
    nw_output(s, nw_op(s, chain, nw_input(s, 3, line->size, line->size)));
    return s;
}

static int open_side(struct side *s, nw_ctx *ctx, nw_space *space, int batch, int plain)
{
    const nw_plan_config config = {.batch = batch, .backward = 1, .no_shortcuts = plain};

    *s = (struct side){.net = nw_net_make(ctx, space, NULL, 1, NW_F32, 0),
                       .best = {1e9, 1e9}};
    s->plan = s->net ? nw_plan_new(s->net, &config) : NULL;
    s->time = s->plan ? nw_plan_times(s->plan, &s->n_time) : NULL;
    if (!s->time)
        fprintf(stderr, "bench_composites: %s\n", nw_errmsg(ctx));
    return s->time != NULL;
}

/* Seconds since time was first taken that the op or its parts took. */
static void total(const struct side *s, double sum[2])
{
    sum[0] = sum[1] = 0;
    for (int i = 0; i < s->n_time; i++)
        if (s->time[i].name && !strncmp(s->time[i].name, "it", 2)) {
            sum[0] += s->time[i].forward;
            sum[1] += s->time[i].backward;
        }
}

static int step(struct side *s, const nw_batch *batch)
{
    const nw_pass pass = {.mode = NW_TRAIN};
    double sum[2];

    if (nw_plan_forward(s->plan, batch, &pass, NULL) < 0 ||
        nw_plan_backward(s->plan, 1) < 0)
        return -1;
    total(s, sum);
    for (int i = 0; i < 2; i++) {
        s->best[i] = sum[i] - s->was[i] < s->best[i] ? sum[i] - s->was[i] : s->best[i];
        s->was[i] = sum[i];
    }
    return 0;
}

static int count_turns(const struct side *s)
{
    int n = 0;

    for (int i = 0; i < s->n_time; i++)
        n += s->time[i].name && !strncmp(s->time[i].name, "it", 2);
    return n;
}

static void print(const struct line *line, const struct side *one,
                  const struct side *parts)
{
    const double a = one->best[0] + one->best[1], b = parts->best[0] + parts->best[1];

    printf("%-40s %3d of %4dx%2dx%-2d ", line->spec, line->batch, line->c, line->size,
           line->size);
    if (count_turns(one) == count_turns(parts))
        printf("parts only   ");
    printf("%7.2f + %7.2f ms, parts %7.2f + %7.2f ms: %.2fx; %6.1f MB, parts %6.1f MB\n",
           one->best[0] * 1e3, one->best[1] * 1e3, parts->best[0] * 1e3,
           parts->best[1] * 1e3, b / a, 1e-6 * (double)nw_plan_bytes(one->plan),
           1e-6 * (double)nw_plan_bytes(parts->plan));
    fflush(stdout);
}

static int bench(nw_ctx *ctx, const struct line *line)
{
    nw_space *space = network(ctx, line);
    const size_t n = (size_t)(line->batch * 3 * line->size * line->size);
    float *x = nw_alloc(ctx, n * sizeof(*x));
    int32_t *label = nw_alloc(ctx, (size_t)line->batch * sizeof(*label));
    const nw_batch batch = {x, label, NULL};
    struct side one, parts;
    int bad = !x || !label || !open_side(&one, ctx, space, line->batch, 0) ||
              !open_side(&parts, ctx, space, line->batch, 1);

    for (size_t i = 0; !bad && i < n; i++)
        x[i] = (float)nw_normal(3, NW_FOR_TEST, i);
    for (int i = 0; !bad && i < line->batch; i++)
        label[i] = i % 10;
    for (int i = 0; !bad && i < STEPS; i++)
        bad = step(&one, &batch) < 0 || step(&parts, &batch) < 0;
    if (!bad)
        print(line, &one, &parts);
    nw_release(ctx, x);
    nw_release(ctx, label);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = 0;

    nw_set_threads(argc > 1 ? atoi(argv[1]) : 2);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines) && !bad; i++) {
        nw_ctx *ctx = nw_open(NULL);

        struct line line = lines[i];

        line.batch = argc > 3 ? atoi(argv[3]) : line.batch;
        if (argc < 3 || strstr(line.spec, argv[2]))
            bad = bench(ctx, &line);
        nw_close(ctx);
    }
    return bad;
}
