/*
 * bench_infer make SPEC OUT.onnx SIZE       a network with weights drawn at random
 * bench_infer run MODEL.onnx IN OUT RUNS [THREADS]
 *
 * `make` opens SPEC for three channels of SIZE x SIZE pixels (1x28x28 where SIZE is 28),
 * takes a random arch where a space has choices, and lets noise through until the running
 * moments of the norms are what a trained network's would be: no layer then sees numbers
 * that vanish. `run` times nw_net_run() of the folded net at batch 1 and prints one JSON
 * line; IN and OUT are files of raw floats. inference.py runs ONNX Runtime on the same
 * files.
 */
#include "net.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 16, BATCHES = 4 };

static nw_ctx *ctx;

static void must(nw_status status)
{
    if (status >= 0)
        return;
    fprintf(stderr, "bench_infer: %s: %s\n", nw_strstatus(status), nw_errmsg(ctx));
    exit(1);
}

static void *get(size_t bytes)
{
    void *p = calloc(bytes, 1);

    must(p ? NW_OK : NW_ENOMEM);
    return p;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Making ------------------------------------------------------------------------ */

static void settle(nw_net *net)
{
    const nw_plan_config config = {.batch = BATCH, .no_loss = 1};
    const size_t n = BATCH * nw_count(&net->graph->node[net->graph->input].info.out);
    nw_plan *plan = nw_plan_new(net, &config);
    nw_pass pass = {.mode = NW_RECALIBRATE, .progress = 1};
    float *x = get(n * sizeof(float));
    const nw_batch batch = {.x = x};

    must(plan ? NW_OK : nw_errstatus(ctx));
    for (; pass.recalibrated < BATCHES; pass.recalibrated++) {
        for (size_t i = 0; i < n; i++)
            x[i] = (float)nw_normal(1 + (uint64_t)pass.recalibrated, NW_FOR_TEST, i);
        must(nw_plan_forward(plan, &batch, &pass, NULL));
    }
    free(x);
}

static int make(const char *spec, const char *path, int size)
{
    const int input[3] = {size == 28 ? 1 : 3, size, size};
    nw_space *space = nw_space_open(ctx, spec, input, 10);
    nw_arch *arch;
    nw_net *net;

    must(nw_space_seal(space));
    arch = nw_arch_new(ctx, space);
    must(arch ? NW_OK : nw_errstatus(ctx));
    if (strcmp(nw_space_count(space), "1") != 0) {
        must(nw_arch_random(arch, 1));
        space = nw_space_derive(space, arch, "");
        must(nw_space_seal(space));
        arch = nw_arch_new(ctx, space);
    }
    net = nw_net_new(ctx, space, arch, 1, NW_F32);
    must(net ? NW_OK : nw_errstatus(ctx));
    settle(net);
    must(nw_export(arch, net, "onnx", path));
    return 0;
}

/* ---- Running ------------------------------------------------------------------------
 */

static void file(const char *path, const char *mode, float *data, size_t n)
{
    FILE *f = fopen(path, mode);
    size_t done = 0;

    if (f)
        done = *mode == 'r' ? fread(data, sizeof(float), n, f)
                            : fwrite(data, sizeof(float), n, f);
    if (!f || fclose(f) || done != n) {
        fprintf(stderr, "bench_infer: %s: not %zu floats\n", path, n);
        exit(1);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static int run(const char *model, const char *in, const char *out, int runs)
{
    nw_net *net = nw_net_open(ctx, model);
    double *s = get((size_t)runs * sizeof(double));
    size_t n_in, n_out;
    nw_score cost = {0};
    float *x, *y;

    must(net ? NW_OK : nw_errstatus(ctx));
    must(nw_net_cost(net, &cost));
    net = nw_net_fold(net);
    must(net ? NW_OK : nw_errstatus(ctx));
    n_in = nw_count(&net->graph->node[net->graph->input].info.out);
    n_out = nw_count(&net->graph->node[net->graph->output].info.out);
    x = get(n_in * sizeof(float));
    y = get(n_out * sizeof(float));
    file(in, "rb", x, n_in);
    for (int i = -2; i < runs; i++) { /* two to warm up */
        double start = now();

        must(nw_net_run(net, 1, x, y));
        s[i < 0 ? 0 : i] = now() - start;
    }
    file(out, "wb", y, n_out);
    qsort(s, (size_t)runs, sizeof(*s), by_size);
    printf("{\"params\": %.0f, \"macs\": %.0f, \"median\": %.7f, \"least\": %.7f}\n",
           cost.params, cost.macs, s[runs / 2], s[0]);
    free(s);
    free(x);
    free(y);
    return 0;
}

int main(int argc, char **argv)
{
    nw_config config = {.threads = argc > 6 ? atoi(argv[6]) : 1};
    const int makes = argc == 5 && !strcmp(argv[1], "make");
    int code;

    if (!makes && !((argc == 6 || argc == 7) && !strcmp(argv[1], "run"))) {
        fprintf(stderr, "usage: bench_infer make SPEC OUT.onnx SIZE\n"
                        "       bench_infer run MODEL.onnx IN OUT RUNS [THREADS]\n");
        return 2;
    }
    ctx = nw_open(&config);
    code = makes ? make(argv[2], argv[3], atoi(argv[4]))
                 : run(argv[2], argv[3], argv[4], atoi(argv[5]) > 0 ? atoi(argv[5]) : 1);
    nw_close(ctx);
    return code;
}
