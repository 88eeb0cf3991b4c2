/*
 * bench_nao.c - what NAO's nets learn, and what the strategy finds.
 *
 *   bench_nao nets SPACE TRAIN EPOCHS BATCH SEED
 *       train on TRAIN random archs of the space with a synthetic quality and noise, and
 *       test on 200 others; rows at ten points of the training
 *   bench_nao search TABLE STRATEGY FIRST LAST TRIALS
 *       NAS-Bench-201, seeds FIRST to LAST: the best of TRIALS by 12 epochs, and its
 *       200 epochs
 *
 * Rows go to standard output as CSV.
 */
#include "nao_model.h"
#include "random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int failed(nw_ctx *ctx)
{
    fprintf(stderr, "bench_nao: %s\n", nw_errmsg(ctx));
    return 1;
}

/* ---- Nets ----------------------------------------------------------------------- */

enum { TEST = 200, SEEDS = 100, MOST_STEP = 50 };

struct nets {
    nw_words *words;
    nw_nao *net;
    int n, train, batch;
    int *s;          /* (train + TEST, n), the best SEEDS of the first train in front */
    double *quality; /* without noise                                               */
    double *target;  /* with noise, 0..1, of the first train                        */
    float *state, *slope, *to;
    int *out;
};

/* Every word has a worth, and so has every pair of neighbours: smooth, not additive. */
static double quality_of(const struct nets *b, const int *s)
{
    double sum = 0;
    int last = 0;

    for (int i = 0; i < b->n; i++) {
        const int word = b->words->first[i] + s[i];
        const uint64_t place = b->words->n_node ? 0 : (uint64_t)i * 1000;

        sum += nw_normal(1, NW_FOR_TEST, place + (uint64_t)word);
        sum += nw_normal(2, NW_FOR_TEST, (uint64_t)(last * 1000 + word)) / 2;
        last = word;
    }
    return sum / sqrt(b->n);
}

static void swap_archs(struct nets *b, int i, int k)
{
    const double q = b->quality[i], t = b->target[i];

    for (int w = 0; w < b->n; w++) {
        const int word = b->s[i * b->n + w];

        b->s[i * b->n + w] = b->s[k * b->n + w];
        b->s[k * b->n + w] = word;
    }
    b->quality[i] = b->quality[k];
    b->quality[k] = q;
    b->target[i] = b->target[k];
    b->target[k] = t;
}

static void draw(struct nets *b, nw_code *code, nw_arch *arch, uint64_t seed)
{
    double least = INFINITY, most = -INFINITY;
    int x[1000];

    for (int i = 0; i < b->train + TEST; i++) {
        nw_arch_random(arch, nw_subseed(seed, NW_FOR_ARCH, (uint64_t)i));
        nw_code_read(code, arch, x);
        nw_words_of(b->words, x, b->s + i * b->n);
        b->quality[i] = quality_of(b, b->s + i * b->n);
        b->target[i] = b->quality[i] + .1 * nw_normal(seed, NW_FOR_NOISE, (uint64_t)i);
        least = i < b->train ? fmin(least, b->target[i]) : least;
        most = i < b->train ? fmax(most, b->target[i]) : most;
    }
    for (int i = 0; i < b->train; i++)
        b->target[i] = (b->target[i] - least) / (most - least);
    for (int i = 0; i < SEEDS; i++)
        for (int k = i + 1; k < b->train; k++)
            if (b->target[k] > b->target[i])
                swap_archs(b, i, k);
}

static nw_status epoch(struct nets *b, uint64_t seed, uint32_t *order)
{
    nw_permutation(seed, NW_FOR_SHUFFLE, order, (size_t)b->train);
    for (int at = 0; at < b->train; at += b->batch) {
        const int n = b->train - at < b->batch ? b->train - at : b->batch;
        double target[1000], loss;

        for (int i = 0; i < n; i++) {
            memcpy(b->out + i * b->n, b->s + (int)order[at + i] * b->n,
                   (size_t)b->n * sizeof(int));
            nw_words_swap(b->words, nw_subseed(seed, NW_FOR_AUGMENT, (uint64_t)(at + i)),
                          b->out + i * b->n);
            target[i] = b->target[order[at + i]];
        }
        if (nw_nao_loss(b->net, n, b->out, target, NW_TRAIN, &loss) < 0)
            return NW_EDIVERGED;
        if (nw_nao_step(b->net) < 0)
            return NW_EDIVERGED;
    }
    return NW_OK;
}

static int differs(const struct nets *b, const int *s, const int *t)
{
    return memcmp(s, t, (size_t)b->n * sizeof(int)) != 0;
}

/* Share of the pairs of test archs in the right order. */
static double ranking(struct nets *b)
{
    double f[TEST];
    int right = 0;

    nw_nao_encode(b->net, TEST, b->s + b->train * b->n, b->state);
    nw_nao_predict(b->net, TEST, b->state, f, NULL);
    for (int i = 0; i < TEST; i++)
        for (int k = 0; k < i; k++)
            right +=
                (f[i] > f[k]) == (b->quality[b->train + i] > b->quality[b->train + k]);
    return right / (TEST * (TEST - 1) / 2.);
}

/* Share of the training archs that come back as they were. */
static double rebuilt(struct nets *b)
{
    int same = 0;

    for (int at = 0; at < b->train; at += TEST) {
        const int n = b->train - at < TEST ? b->train - at : TEST;

        nw_nao_encode(b->net, n, b->s + at * b->n, b->state);
        nw_nao_decode(b->net, n, b->state, b->out);
        for (int i = 0; i < n; i++)
            same += !differs(b, b->s + (at + i) * b->n, b->out + i * b->n);
    }
    return (double)same / b->train;
}

/* Of the first 100 that decode to something else: how many are predicted to be at least
 * as good as their seed, and how far they are above the seeds, in deviations of those. */
static void climb(struct nets *b, double *better, double *gain)
{
    double f[SEEDS], g[SEEDS], mean = 0, square = 0, sum = 0;
    int changed = 0, up = 0;

    nw_nao_encode(b->net, SEEDS, b->s, b->state);
    nw_nao_predict(b->net, SEEDS, b->state, f, b->slope);
    for (int i = 0; i < SEEDS; i++) {
        mean += b->quality[i] / SEEDS;
        square += b->quality[i] * b->quality[i] / SEEDS;
    }
    for (int eta = 1; eta <= MOST_STEP && changed < 100; eta++) {
        nw_nao_climb(b->net, SEEDS, b->state, b->slope, eta, b->to);
        nw_nao_decode(b->net, SEEDS, b->to, b->out);
        nw_nao_encode(b->net, SEEDS, b->out, b->to);
        nw_nao_predict(b->net, SEEDS, b->to, g, NULL);
        for (int i = 0; i < SEEDS && changed < 100; i++)
            if (differs(b, b->s + i * b->n, b->out + i * b->n)) {
                changed++;
                up += g[i] >= f[i];
                sum += quality_of(b, b->out + i * b->n);
            }
    }
    *better = (double)up / changed;
    *gain = (sum / changed - mean) / sqrt(square - mean * mean);
}

static void get_memory(struct nets *b, nw_ctx *ctx)
{
    const size_t all = (size_t)(b->train + TEST), size = nw_nao_state_size(b->net);

    b->s = nw_alloc(ctx, all * (size_t)b->n * sizeof(int));
    b->out = nw_alloc(ctx, 1000 * (size_t)b->n * sizeof(int));
    b->quality = nw_alloc(ctx, all * sizeof(double));
    b->target = nw_alloc(ctx, all * sizeof(double));
    b->state = nw_alloc(ctx, TEST * size * sizeof(float));
    b->slope = nw_alloc(ctx, TEST * size * sizeof(float));
    b->to = nw_alloc(ctx, TEST * size * sizeof(float));
}

static int nets(char **arg)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_space *space = nw_space_open(ctx, arg[0], (const int[3]){3, 32, 32}, 10);
    nw_code *code = nw_code_new(ctx, space);
    const int epochs = atoi(arg[2]), seed = atoi(arg[4]);
    struct nets b = {.train = atoi(arg[1]), .batch = atoi(arg[3])};
    const nw_nao_config config = {.embedding = 48,
                                  .hidden = 96,
                                  .mlp_layers = 3,
                                  .mlp_hidden = 200,
                                  .dropout = .1,
                                  .lr = 1e-3,
                                  .wd = 1e-4,
                                  .clip = 5,
                                  .share = .8,
                                  .seed = (uint64_t)seed};
    uint32_t *order = nw_alloc(ctx, (size_t)b.train * sizeof(*order));
    double began = now(), better, gain;

    b.words = nw_words_new(ctx, code);
    b.net = nw_nao_open(ctx, b.words, &config);
    if (!b.net || b.train < SEEDS || b.batch > 1000)
        return failed(ctx);
    b.n = b.words->n;
    get_memory(&b, ctx);
    draw(&b, code, nw_arch_new(ctx, space), (uint64_t)seed);
    printf(
        "space,train,batch,seed,epoch,cpu_s,pairs_right,rebuilt,climb_better,climb_sd\n");
    for (int e = 1; e <= epochs; e++) {
        if (epoch(&b, nw_subseed((uint64_t)seed, NW_FOR_SHUFFLE, (uint64_t)e), order) < 0)
            return failed(ctx);
        if (e % (epochs >= 10 ? epochs / 10 : 1))
            continue;
        climb(&b, &better, &gain);
        printf("%s,%d,%d,%d,%d,%.1f,%.4f,%.4f,%.2f,%.3f\n", arg[0], b.train, b.batch,
               seed, e, now() - began, ranking(&b), rebuilt(&b), better, gain);
        fflush(stdout);
    }
    nw_close(ctx);
    return 0;
}

/* ---- Searches ------------------------------------------------------------------- */

static double held_out(nw_space *space, nw_arch *best, const char *table,
                       const char *column)
{
    char estimator[600];
    nw_search_config config = {.strategy = "fixed", .arch = best, .estimator = estimator};
    nw_score score;

    snprintf(estimator, sizeof(estimator), "table file=%s score=%s", table, column);
    return nw_search(space, &config, NULL, NULL, &score) < 0 ? NAN : score.quality;
}

static int search_once(const char *table, const char *strategy, int seed, int trials)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_space *space = nw_space_open(ctx, "nasbench201", (const int[3]){3, 32, 32}, 0);
    char estimator[600];
    nw_search_config config = {.strategy = strategy,
                               .estimator = estimator,
                               .seed = (uint64_t)seed,
                               .max_trials = (uint64_t)trials};
    nw_arch *best;
    nw_score score;
    const double began = now();

    snprintf(estimator, sizeof(estimator), "table file=%s", table);
    if (nw_search(space, &config, &best, NULL, &score) < 0)
        return failed(ctx);
    printf("\"%s\",%d,%d,%.5f,%.5f,%.5f,%.1f\n", strategy, trials, seed, score.quality,
           held_out(space, best, table, "c10valid_val_200ep_mean"),
           held_out(space, best, table, "c10_test_200ep_mean"), now() - began);
    fflush(stdout);
    nw_close(ctx);
    return 0;
}

static int searches(char **arg)
{
    printf("strategy,trials,seed,valid_12ep,valid_200ep,test_200ep,cpu_s\n");
    for (int seed = atoi(arg[2]); seed <= atoi(arg[3]); seed++)
        if (search_once(arg[0], arg[1], seed, atoi(arg[4])))
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 7 && !strcmp(argv[1], "nets"))
        return nets(argv + 2);
    if (argc == 7 && !strcmp(argv[1], "search"))
        return searches(argv + 2);
    fprintf(stderr, "usage: bench_nao nets SPACE TRAIN EPOCHS BATCH SEED\n"
                    "       bench_nao search TABLE STRATEGY FIRST LAST TRIALS\n");
    return 2;
}
