/*
 * compare.h - a comparison while it is made: runs, what each of them had found when, and
 * what is computed from them.
 */
#ifndef NW_COMPARE_H
#define NW_COMPARE_H

#include "arena.h"
#include "goal.h"
#include "netwright_ext.h"
#include "study.h"

#include <math.h>

/* A run has something better than before. */
typedef struct nw_step {
    double trials, cost_s; /* so far                                         */
    double valid, score;   /* of the new arch; score NaN = nobody can say    */
} nw_step;

typedef struct nw_track {
    int n, room;
    nw_step *step;
    int is_known; /* the run is over, in this process or in one before */
} nw_track;

/* Of one strategy at one place: over the runs that succeeded. */
typedef struct nw_band {
    int runs;
    double mean, error;       /* of the mean: deviation / sqrt(runs)  */
    double low, median, high; /* quartiles                      */
} nw_band;

typedef struct nw_curves {
    int by_cost; /* x is cost_s, else trials           */
    int is_log;  /* places are evenly spaced in log x  */
    double end;  /* of the budget                      */
    int n;       /* places                             */
    double *x;
    nw_band *score, *valid; /* strategy by strategy, n each */
} nw_curves;

typedef struct nw_compare_state {
    nw_comparison found; /* what the caller sees: must be first */
    nw_ctx *ctx;
    nw_arena arena;
    nw_space *space;
    const nw_compare_config *config; /* only while nw_compare() runs */
    nw_goal goal;
    int n_seed, by_cost;
    double end; /* of the budget, in trials or cost_s */
    const nw_estimator_type *estimator;
    void *referee; /* an estimator that only reports; NULL = it cannot */
    nw_standing *standing;
    nw_outcome *run;
    nw_track *track; /* of each run */
    nw_curves curves;
    int64_t stage;    /* of the study                            */
    double committed; /* clock                                  */
} nw_compare_state;

static inline nw_track *nw_track_of(const nw_compare_state *c, int strategy, int seed)
{
    return &c->track[strategy * c->n_seed + seed];
}

/* run.c: run `i` from begin to end into c->run[i] and c->track[i]. What fails is the
 * run's failure and told there. */
void nw_compare_run(nw_compare_state *c, int i);

/* Write run `i` to the state, or read it. */
nw_status nw_compare_pack(nw_compare_state *c, int i, nw_state *state);

/* runners.c: all runs that are not known yet, in processes. */
nw_status nw_compare_runs(nw_compare_state *c);

/* past.c: with a study, take up what is in it; put run `i` there; the end. */
nw_status nw_compare_recall(nw_compare_state *c);
nw_status nw_compare_remember(nw_compare_state *c, int i);
nw_status nw_compare_finish(nw_compare_state *c, double seconds);

/* standings.c, curves.c */
nw_status nw_compare_stand(nw_compare_state *c);
nw_status nw_compare_curve(nw_compare_state *c);

#endif
