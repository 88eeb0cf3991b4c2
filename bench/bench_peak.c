/*
 * bench_peak [THREADS] - what the machine can do at most; prints one JSON line.
 *
 * gflops        float fused multiply-adds, two operations each, in registers: chains
 *               enough to hide their latency, in the widest vectors that the CPU has
 * memory_gbs    triad a[i] = b[i] + s c[i] over three arrays of 512 MB in all
 * cache_gbs     the same over 8 MB in all, which stay in the last cache
 *
 * Bytes are counted as STREAM counts them, two reads and a write an element; that a write
 * also reads its line is not. Each figure is the best of several runs.
 */
#include "netwright_ext.h"
#include "parallel.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS = 15, ROUNDS = 10000000, CHAINS = 12 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Multiply-adds --------------------------------------------------------------- */

/* CHAINS vectors of independent multiply-adds, so many rounds of them. The sum keeps them
 * from being left out; with these numbers they stay finite. */
#define CHAIN(name, lanes, isa)                                                          \
    typedef float name##_vector __attribute__((vector_size(4 * (lanes))));               \
    __attribute__((target(isa))) static float name(long rounds)                          \
    {                                                                                    \
        name##_vector v[CHAINS], scale, shift;                                           \
        float sum = 0;                                                                   \
                                                                                         \
        for (int i = 0; i < (lanes); i++)                                                \
            scale[i] = .999f, shift[i] = .001f;                                          \
        for (int c = 0; c < CHAINS; c++)                                                 \
            v[c] = shift * (float)c;                                                     \
        for (long r = 0; r < rounds; r++)                                                \
            for (int c = 0; c < CHAINS; c++)                                             \
                v[c] = v[c] * scale + shift;                                             \
        for (int c = 0; c < CHAINS; c++)                                                 \
            for (int i = 0; i < (lanes); i++)                                            \
                sum += v[c][i];                                                          \
        return sum;                                                                      \
    }

CHAIN(chain_plain, 4, "default")
#if defined(__x86_64__)
CHAIN(chain_avx2, 8, "avx2,fma")
CHAIN(chain_avx512, 16, "avx512f")
#endif

struct kernel {
    const char *name;
    int lanes;
    float (*run)(long rounds);
};

static struct kernel widest(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (struct kernel){"avx512", 16, chain_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (struct kernel){"avx2", 8, chain_avx2};
#endif
    return (struct kernel){"plain", 4, chain_plain};
}

struct multiply {
    struct kernel kernel;
    long rounds;
    float sum[64]; /* by part */
};

static void multiply_part(void *arg, size_t begin, size_t end)
{
    struct multiply *m = arg;

    for (size_t i = begin; i < end; i++)
        m->sum[i] = m->kernel.run(m->rounds);
}

static double gflops(const struct kernel *kernel, int threads)
{
    struct multiply m = {.kernel = *kernel, .rounds = ROUNDS};
    double best = 1e9;

    for (int run = 0; run < RUNS; run++) {
        double start = now();

        nw_parallel((size_t)threads, 1, multiply_part, &m);
        best = now() - start < best ? now() - start : best;
    }
    if (m.sum[0] == 0) /* it is not: the chains were computed */
        fprintf(stderr, "bench_peak: no sum\n");
    return 2e-9 * CHAINS * kernel->lanes * ROUNDS * threads / best;
}

/* ---- Memory --------------------------------------------------------------------------
 */

struct triad {
    float *a;
    const float *b, *c;
};

static void triad_part(void *arg, size_t begin, size_t end)
{
    const struct triad *t = arg;
    float *restrict a = t->a;

    for (size_t i = begin; i < end; i++)
        a[i] = t->b[i] + 3 * t->c[i];
}

/* `bytes` of three arrays, gone through `times` times in a run. */
static double gbs(size_t bytes, int times, int threads)
{
    const size_t n = bytes / 3 / sizeof(float) / 64 * 64;
    const size_t grain = (n + (size_t)threads - 1) / (size_t)threads;
    float *block = aligned_alloc(64, 3 * n * sizeof(float));
    struct triad t = {block, block + n, block + 2 * n};
    double best = 1e9;

    if (!block)
        return 0;
    for (size_t i = 0; i < 3 * n; i++)
        block[i] = 1;
    for (int run = 0; run < RUNS; run++) {
        double start = now();

        for (int i = 0; i < times; i++)
            nw_parallel(n, grain, triad_part, &t);
        best = now() - start < best ? now() - start : best;
    }
    free(block);
    return 1e-9 * 3 * (double)n * sizeof(float) * times / best;
}

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 2;
    const struct kernel kernel = widest();

    if (threads < 1 || threads > 64) {
        fprintf(stderr, "usage: bench_peak [THREADS, 1 to 64]\n");
        return 2;
    }
    nw_set_threads(threads);
    printf("{\"threads\": %d, \"vectors\": \"%s\", \"gflops\": %.1f, ", threads,
           kernel.name, gflops(&kernel, threads));
    printf("\"memory_gbs\": %.1f, \"cache_gbs\": %.1f}\n",
           gbs((size_t)512 << 20, 1, threads), gbs((size_t)8 << 20, 50, threads));
    return 0;
}
