/*
 * bench_path [BATCH] - what it costs to come to a path of a single-path supernet.
 *
 * For each space, medians over the same random paths:
 *   first_ms   of a context that knows no primitive yet
 *   fresh_ms   a path that is not kept, of layers that are known
 *   known_us   a path that is kept; of it lend_us to cut its weights out of the store,
 *              where they are not used in place
 *   kept_kb    that one path holds
 */
#include "paths.h"
#include "ranktest.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PATHS = 40, THREADS = 2 };

static const struct setting {
    const char *spec;
    int side, is_elastic;
} settings[] = {
    {"nasbench201", 32, 0},  {"darts", 32, 0}, {"spos", 32, 0},
    {"proxylessnas", 32, 0}, {"ofa", 32, 1},   {"spos channels=1", 32, 1},
};

struct bench {
    const struct setting *is;
    nw_ctx *ctx;
    nw_space *space;
    nw_arch *arch;
    nw_net *store;
    nw_paths_config config;
};

static void must(const struct bench *b, int ok)
{
    if (ok)
        return;
    fprintf(stderr, "bench_path: %s: %s\n", b->is->spec, nw_errmsg(b->ctx));
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double median(double *v, int n)
{
    nw_sort(v, n);
    return v[n / 2];
}

/* Median seconds to come to each of the paths once. */
static double enter(struct bench *b, nw_paths *paths)
{
    double s[PATHS];
    nw_path path;

    for (int i = 0; i < PATHS; i++) {
        double start;

        must(b, nw_arch_random(b->arch, (uint64_t)i) >= 0);
        start = now();
        must(b, nw_paths_enter(paths, b->arch, &path) >= 0);
        s[i] = now() - start;
    }
    return median(s, PATHS);
}

static double lend(struct bench *b, nw_paths *paths)
{
    double s[PATHS];
    nw_path path;

    if (!b->is->is_elastic)
        return 0;
    for (int i = 0; i < PATHS; i++) {
        double start;

        must(b, nw_arch_random(b->arch, (uint64_t)i) >= 0);
        must(b, nw_paths_enter(paths, b->arch, &path) >= 0);
        start = now();
        must(b, nw_store_lend(b->store, path.net) >= 0);
        s[i] = now() - start;
    }
    return median(s, PATHS);
}

static void begin(struct bench *b, int batch)
{
    static const nw_config config = {.threads = THREADS};
    const int input[3] = {3, b->is->side, b->is->side};

    b->ctx = nw_open(&config);
    b->space = nw_space_open(b->ctx, b->is->spec, input, 10);
    must(b, b->space != NULL);
    b->arch = nw_arch_new(b->ctx, b->space);
    b->store = b->is->is_elastic
                   ? nw_store_new(b->ctx, b->space, 1, NW_F32, NW_STORE_KERNELS)
                   : nw_net_make(b->ctx, b->space, NULL, 1, NW_F32, NW_GRAPH_ALL);
    must(b, b->store != NULL);
    b->config = (nw_paths_config){.plan = {.batch = batch, .backward = 1},
                                  .bytes = (size_t)1 << 30};
}

static void run(struct bench *b, int batch)
{
    double first, fresh, known, cut;
    nw_paths *paths;
    nw_paths_count count;

    begin(b, batch);
    paths = nw_paths_new(b->store, b->space, &b->config);
    must(b, paths != NULL);
    first = enter(b, paths);
    nw_paths_free(paths);
    paths = nw_paths_new(b->store, b->space, &b->config);
    must(b, paths != NULL);
    fresh = enter(b, paths);
    known = enter(b, paths);
    cut = lend(b, paths);
    count = nw_paths_counts(paths);
    must(b, count.built == PATHS);
    printf("%s,%d,%d,%.3f,%.3f,%.1f,%.1f,%.0f\n", b->is->spec, b->is->side, batch,
           1e3 * first, 1e3 * fresh, 1e6 * known, 1e6 * cut,
           (double)count.bytes / count.kept / 1024);
    nw_close(b->ctx);
}

int main(int argc, char **argv)
{
    const int batch = argc > 1 ? atoi(argv[1]) : 64;

    puts("space,side,batch,first_ms,fresh_ms,known_us,lend_us,kept_kb");
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
        struct bench b = {.is = &settings[i]};

        run(&b, batch > 0 ? batch : 64);
    }
    return 0;
}
