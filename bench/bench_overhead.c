/*
 * bench_overhead STRATEGY TRIALS [SPACE ESTIMATOR] - trials a second of a search whose
 * estimates cost next to nothing; prints one JSON line.
 *
 * By default the networks of NAS-Bench-201 and their table. Reading the table is left
 * out: the clock runs from the first trial on. peer_rea.py is the same search as people
 * write it in Python; compare_overhead.py runs both in turn.
 */
#include "netwright.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct clock {
    double first, last;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int note(void *user, const nw_trial *trial)
{
    struct clock *c = user;

    c->last = now();
    if (trial->id == 1)
        c->first = c->last;
    return 0;
}

int main(int argc, char **argv)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct clock clock = {0, 0};
    nw_search_config config = {
        .strategy = argc > 1 ? argv[1] : "random",
        .max_trials = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000,
        .estimator = argc > 4
                         ? argv[4]
                         : "table file=../shared/data/nasbench201/nasbench201.csv.gz",
        .seed = 1,
        .on_trial = note,
        .user = &clock,
    };
    nw_space *space = nw_space_open(ctx, argc > 3 ? argv[3] : "nasbench201",
                                    (const int[3]){3, 32, 32}, 10);
    nw_score score;

    if (nw_search(space, &config, NULL, NULL, &score) < 0) {
        fprintf(stderr, "bench_overhead: %s\n", nw_errmsg(ctx));
        return 1;
    }
    printf("{\"strategy\": \"%s\", \"trials\": %llu, \"seconds\": %.4f, \"per_second\": "
           "%.0f, "
           "\"best\": %.6f}\n",
           config.strategy, (unsigned long long)config.max_trials,
           clock.last - clock.first,
           (double)(config.max_trials - 1) / (clock.last - clock.first), score.quality);
    nw_close(ctx);
    return 0;
}
