/* yardstick.h - a synthetic task whose optimum is known, and a fair comparison with
 * random search on it. */
#ifndef YARDSTICK_H
#define YARDSTICK_H

#include "ranktest.h"
#include "steered.h"

enum { YARD_DECISIONS = 8, YARD_OPTIONS = 5, YARD_SEEDS = 30 };

static inline nw_space *yard_space(nw_ctx *ctx)
{
    int options[YARD_DECISIONS];

    for (int i = 0; i < YARD_DECISIONS; i++)
        options[i] = YARD_OPTIONS;
    return steered_space(ctx, YARD_DECISIONS, options, NULL);
}

/* Separable: the mean over decisions of what each option is worth. The best option of a
 * decision is worth 1, one of them. */
static inline double yard_worth(const int *x, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++) {
        const int best = (3 * i + 1) % YARD_OPTIONS;

        sum +=
            x[i] == best ? 1 : .8 * nw_uniform(5, NW_FOR_TEST, (uint64_t)(8 * i + x[i]));
    }
    return sum / n;
}

/* What a trial shows of it: the less effort, the more noise. */
static inline double yard_shown(const int *x, int n, double fidelity, uint64_t seed)
{
    return yard_worth(x, n) + .05 * (1 - fidelity) * nw_normal(seed, NW_FOR_NOISE, 1);
}

/* As steered_run() asks for it; all with a 0 in the first decision fail; all do. */
static inline double yard_trial_worth(const int *x, int n, int id)
{
    (void)id;
    return yard_worth(x, n);
}

static inline double yard_zero_fails(const int *x, int n, int id)
{
    return x[0] == 0 ? NAN : yard_trial_worth(x, n, id);
}

static inline double yard_never(const int *x, int n, int id)
{
    (void)x, (void)n, (void)id;
    return NAN;
}

/* Search with an effort of so many whole trials; the true worth of what the loop would
 * name: the best shown at the highest fidelity. */
static inline double yard_search(const char *spec, uint64_t seed, double effort)
{
    nw_ctx *ctx = nw_open(NULL);
    struct steered *s = steered_open(yard_space(ctx), spec, seed);
    double fullest = 0, most = 0, found = NAN;
    int x[YARD_DECISIONS];

    for (double spent = 0; spent < effort && steered_propose(s, x) == NW_OK;) {
        const nw_trial *t = &s->trial[s->proposed - 1];
        const double shown = yard_shown(x, YARD_DECISIONS, t->fidelity, t->seed);

        spent += t->fidelity;
        if (t->fidelity > fullest || (t->fidelity == fullest && shown > most)) {
            fullest = t->fidelity;
            most = shown;
            found = yard_worth(x, YARD_DECISIONS);
        }
        steered_observe(s, shown);
    }
    steered_close(s);
    nw_close(ctx);
    return found;
}

/* Over many seeds, better than random search of the same effort. */
static inline void yard_check_better(const char *spec, double effort)
{
    nw_ctx *ctx = nw_open(NULL);
    double ours[YARD_SEEDS], random[YARD_SEEDS];
    nw_ranktest test;

    for (int i = 0; i < YARD_SEEDS; i++) {
        ours[i] = yard_search(spec, (uint64_t)i + 1, effort);
        random[i] = yard_search("random", (uint64_t)i + 1001, effort);
    }
    check_ok(ctx, nw_mann_whitney(ctx, ours, YARD_SEEDS, random, YARD_SEEDS, &test));
    print_message("%s: %.3f, random %.3f, A12 %.2f, p %.1e\n", spec,
                  nw_mean(ours, YARD_SEEDS), nw_mean(random, YARD_SEEDS), test.a12,
                  test.p);
    assert_true(test.p < .01 && test.a12 >= .65);
    nw_close(ctx);
}

#endif
