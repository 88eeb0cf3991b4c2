/*
 * bench_progressive.c - progressive searches on tables, against random search.
 *
 *   bench_progressive SPACE TABLE TRIALS SEEDS OBJECTIVES STRATEGY...
 *
 *   build/bench_progressive nasbench-macro \
 *       'table file=../shared/data/nasbench-macro/nas-bench-macro_cifar10.json' \
 *       105 30 accuracy,macs 'pnas first=2 k=16' random
 *
 * One CSV row a search: what the best trial (by the score that the search saw) reports;
 * the mean over stages of Spearman's correlation between guesses and reports, over all
 * candidates of the stage, trained or not; and two shares of the true front's hypervolume
 * that the trials have, by what they report. The first objective is the score. The box of
 * `volume` goes from the true front's best to its worst in every objective, and a tenth
 * of that further; where the front's ends are networks of no use it says little, so the
 * box of `half` ends at the medians of the space. Comparisons with the last strategy
 * follow as comments.
 */
#include "estimate.h"
#include "front.h"
#include "loop.h"
#include "progressive.h"
#include "random.h"
#include "ranktest.h"
#include "spec.h"
#include "strategy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 8, MOST_SEEDS = 1000 };

struct job {
    nw_ctx *ctx;
    nw_space *space;
    const char *spec; /* of the table */
    const nw_estimator_type *estimator;
    void *table;
    nw_env env;
    const nw_measure *objective[MOST + 1];
    int m;
    double *point; /* losses of the trials, by what they report */
    size_t n, room;
    double rho;
    int stages;
    double low[MOST], worst[MOST], median[MOST]; /* of the two boxes */
    double whole, half;
    nw_index seen;
    nw_score *truth; /* of the archs of `seen` */
    size_t truth_room;
};

static void check(nw_ctx *ctx, nw_status status)
{
    if (status >= 0)
        return;
    fprintf(stderr, "%s\n", nw_errmsg(ctx));
    exit(1);
}

/* The score of the arch as it is reported, with its costs. Looked up once: the table
 * counts networks for it. */
static nw_score reported(struct job *job, const nw_arch *arch)
{
    const size_t before = job->seen.n;
    const size_t i = (size_t)nw_index_add(&job->seen, nw_arch_hash(arch));
    nw_score score = nw_no_score();

    if (i < before)
        return job->truth[i];
    if (i == job->truth_room) {
        job->truth_room = i ? 2 * i : 1024;
        job->truth = realloc(job->truth, job->truth_room * sizeof(*job->truth));
        if (!job->truth)
            exit(1);
    }
    check(job->ctx, job->estimator->cost(job->table, arch, &job->truth[i]));
    check(job->ctx, job->estimator->report(job->table, arch, &score));
    job->truth[i].accuracy = score.quality;
    return job->truth[i];
}

static void add_point(struct job *job, const nw_score *score)
{
    if (job->n == job->room) {
        job->room = job->room ? 2 * job->room : 1024;
        job->point = realloc(job->point, job->room * MOST * sizeof(double));
        if (!job->point)
            exit(1);
    }
    for (int k = 0; k < job->m; k++)
        job->point[job->n * (size_t)job->m + (size_t)k] =
            nw_measure_loss(job->objective[k], score);
    job->n++;
}

/* ---- Looking on -----------------------------------------------------------------------
 */

static void watch(void *user, nw_progressive *p, const nw_candidates *c)
{
    struct job *job = user;
    double *truth = nw_alloc(job->ctx, (c->n + 1) * sizeof(double)), r;

    if (!p->stage)
        return;
    for (size_t i = 0; i < c->n; i++) {
        uint64_t class;

        if (nw_candidate_arch(p, c, i, &class))
            truth[i] = reported(job, p->arch).accuracy;
    }
    check(job->ctx, nw_rank_correlation(job->ctx, c->guess, truth, (int)c->n, &r));
    nw_release(job->ctx, truth);
    if (isnan(r))
        return;
    job->rho += r;
    job->stages++;
}

/* ---- A search
 * -------------------------------------------------------------------------- */

static double volume_to(struct job *job, const double *worst)
{
    const size_t m = (size_t)job->m;
    double one[MOST], volume,
        *scaled = nw_alloc(job->ctx, (job->n + 1) * m * sizeof(*one));

    for (size_t i = 0; i < job->n * m; i++)
        scaled[i] = (job->point[i] - job->low[i % m]) / (worst[i % m] - job->low[i % m]);
    for (size_t k = 0; k < m; k++)
        one[k] = 1;
    check(job->ctx,
          nw_front_volume(job->ctx, &(nw_points){scaled, job->n, job->m}, one, &volume));
    nw_release(job->ctx, scaled);
    return volume;
}

static nw_status cost(void *loop, const nw_arch *arch, nw_score *out)
{
    *out = reported(loop, arch);
    return NW_OK;
}

/* The table draws runs by the seed: one for each search. */
static void open_table(struct job *job, uint64_t seed)
{
    const nw_estimator_type *type = nw_spec_find(
        job->ctx, "estimator", (const void *const *)nw_estimators, job->spec);

    if (!type)
        check(job->ctx, NW_ENAME);
    if (job->table)
        type->close(job->table);
    nw_release(job->ctx, job->table);
    job->estimator = type;
    job->env = (nw_env){.ctx = job->ctx,
                        .space = job->space,
                        .seed = seed,
                        .has_budget = 1,
                        .loop = job,
                        .objective = job->objective,
                        .cost = cost};
    job->table = nw_alloc(job->ctx, type->size);
    check(job->ctx,
          nw_spec_parse(job->ctx, (const nw_head *)type, job->spec, NULL, job->table));
    check(job->ctx, type->open(job->table, &job->env));
}

/* What the best trial reports. */
static double search(struct job *job, const char *spec, uint64_t seed, int trials)
{
    const nw_strategy_type *type =
        nw_spec_find(job->ctx, "strategy", (const void *const *)nw_strategies, spec);
    nw_trial t = {.arch = nw_arch_new(job->ctx, job->space), .fidelity = 1};
    double best = -INFINITY, found = NAN;
    void *self = type ? nw_alloc(job->ctx, type->size) : NULL;

    if (!type)
        check(job->ctx, NW_ENAME);
    open_table(job, seed);
    check(job->ctx, nw_spec_parse(job->ctx, (const nw_head *)type, spec, NULL, self));
    check(job->ctx, type->open(self, &job->env));
    if (type->propose == nw_progressive_propose) {
        ((nw_progressive *)self)->watch = watch;
        ((nw_progressive *)self)->user = job;
    }
    for (t.id = 1; t.id <= (uint64_t)trials; t.id++) {
        nw_status status;

        t.seed = nw_subseed(seed, NW_FOR_TRIAL, t.id);
        t.score = nw_no_score();
        t.status = NW_OK;
        status = type->propose(self, &t);
        check(job->ctx, status);
        if (status != NW_OK)
            break;
        t.status = job->estimator->work(job->table, &t);
        if (t.status >= 0) {
            const nw_score score = reported(job, t.arch);

            add_point(job, &score);
            if (t.score.quality > best) {
                best = t.score.quality;
                found = score.accuracy;
            }
        }
        if (type->observe)
            check(job->ctx, type->observe(self, &t));
    }
    if (type->close)
        type->close(self);
    return found;
}

/* ---- The truth
 * -------------------------------------------------------------------------- */

static void measure_loss(struct job *job, int k, const int *rank)
{
    double *loss = nw_alloc(job->ctx, job->n * sizeof(*loss)), high = -INFINITY;

    job->low[k] = INFINITY;
    for (size_t i = 0; i < job->n; i++) {
        loss[i] = job->point[i * (size_t)job->m + (size_t)k];
        if (rank[i])
            continue;
        job->low[k] = fmin(job->low[k], loss[i]);
        high = fmax(high, loss[i]);
    }
    job->worst[k] = job->low[k] + 1.1 * (high - job->low[k]);
    nw_sort(loss, (int)job->n);
    job->median[k] = nw_quantile(loss, (int)job->n, .5);
    nw_release(job->ctx, loss);
}

static void enumerate(struct job *job)
{
    nw_arch *arch = nw_arch_new(job->ctx, job->space);
    int *rank;

    for (int more = nw_arch_first(arch); more; more = nw_arch_next(arch)) {
        const nw_score score = reported(job, arch);

        add_point(job, &score);
    }
    rank = nw_alloc(job->ctx, job->n * sizeof(*rank));
    check(job->ctx,
          nw_front_rank(job->ctx, &(nw_points){job->point, job->n, job->m}, rank));
    for (int k = 0; k < job->m; k++)
        measure_loss(job, k, rank);
    job->whole = volume_to(job, job->worst);
    job->half = volume_to(job, job->median);
    job->n = 0;
}

/* ---- Rows
 * ------------------------------------------------------------------------------- */

struct result {
    double best[MOST_SEEDS], volume[MOST_SEEDS], half[MOST_SEEDS], rho[MOST_SEEDS];
};

static void run(struct job *job, const char *spec, int seeds, int trials,
                struct result *out)
{
    for (int s = 0; s < seeds; s++) {
        job->n = 0;
        job->rho = job->stages = 0;
        out->best[s] = search(job, spec, (uint64_t)s + 1, trials);
        out->volume[s] = volume_to(job, job->worst) / job->whole;
        out->half[s] = volume_to(job, job->median) / job->half;
        out->rho[s] = job->stages ? job->rho / job->stages : NAN;
        printf("\"%s\",%d,%zu,%.5f,%.4f,%.4f,%.4f\n", spec, s + 1, job->n, out->best[s],
               out->rho[s], out->volume[s], out->half[s]);
        fflush(stdout);
    }
}

static void compare(struct job *job, const char *name, const double *a, const double *b,
                    int n)
{
    nw_ranktest test;

    check(job->ctx, nw_mann_whitney(job->ctx, a, n, b, n, &test));
    printf("#   %s: %.5f +- %.5f against %.5f +- %.5f, A12 %.3f, p %.2g\n", name,
           nw_mean(a, n), nw_deviation(a, n), nw_mean(b, n), nw_deviation(b, n), test.a12,
           test.p);
}

int main(int argc, char **argv)
{
    static struct result result[MOST];
    static const int pixels[3] = {3, 32, 32};
    struct job job = {.ctx = nw_open(&(nw_config){.threads = 1})};
    const int n = argc - 6;
    int seeds;

    if (n < 1 || n > MOST || (seeds = atoi(argv[4])) > MOST_SEEDS)
        return fprintf(stderr, "see the head of bench_progressive.c\n"), 2;
    job.seen.ctx = job.ctx;
    job.space = nw_space_open(job.ctx, argv[1], pixels, 10);
    check(job.ctx, nw_space_seal(job.space));
    for (char *word = strtok(argv[5], ","); word; word = strtok(NULL, ",")) {
        job.objective[job.m] = nw_measure_find(word, strlen(word));
        if (!job.objective[job.m++])
            return fprintf(stderr, "no measure %s\n", word), 2;
    }
    job.spec = argv[2];
    open_table(&job, 1);
    enumerate(&job);
    printf("strategy,seed,trials,best,correlation,volume,half\n");
    for (int i = 0; i < n; i++)
        run(&job, argv[6 + i], seeds, atoi(argv[3]), &result[i]);
    for (int i = 0; i < n; i++) {
        printf("# %s: correlation %.3f\n", argv[6 + i], nw_mean(result[i].rho, seeds));
        compare(&job, "best", result[i].best, result[n - 1].best, seeds);
        compare(&job, "volume", result[i].volume, result[n - 1].volume, seeds);
        compare(&job, "half", result[i].half, result[n - 1].half, seeds);
    }
    nw_close(job.ctx);
    return 0;
}
