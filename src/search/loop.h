/* loop.h - the state of one search, which the files of this folder share. */
#ifndef NW_LOOP_H
#define NW_LOOP_H

#include "goal.h"
#include "netwright_ext.h"
#include "study.h"

#include <math.h>

struct loop {
    nw_ctx *ctx;
    nw_space *space;
    const nw_search_config *config;
    const char *stage_name;
    const nw_strategy_type *strategy;
    const nw_estimator_type *estimator;
    void *strategist, *worker; /* their states */
    int opened;                /* bits: 1 worker, 2 strategist */
    nw_env env;
    nw_goal goal;
    nw_study *study;
    int64_t stage;
    nw_trial trial;
    int in_flight;      /* the trial is proposed and not yet observed */
    double began_trial; /* seconds spent then                          */
    int is_stopped;     /* by on_trial()                               */
    uint64_t done;      /* trials observed */
    int has_best;
    nw_score best_score;
    nw_arch *best;
    nw_blob weights;  /* of the best trial's net */
    nw_status failed; /* of the last trial that failed, in words: */
    char reason[512];
    double seconds, began, saved; /* before this run; clock at its start and last save */
    double saving;                /* seconds that the last save took                   */
    double simulated; /* seconds that the estimator says to have taken             */
};

static inline nw_score nw_no_score(void)
{
    return (nw_score){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
}

/* feasible.c: what is known of an arch beforehand, and whether anything can fit. */
nw_status nw_loop_cost(void *loop, const nw_arch *arch, nw_score *out);
double nw_loop_excess(void *loop, const nw_arch *arch);
int nw_loop_allows(void *loop, const nw_arch *arch);
nw_status nw_loop_feasible(struct loop *l);

double nw_loop_now(void);
double nw_loop_spent(const struct loop *l); /* seconds, over all runs */

/* stage.c: begin the stage of the study or take it up again. */
nw_status nw_loop_stage(struct loop *l);

/* checkpoint.c: write one with all rows since the last; go on from the last, if any. */
nw_status nw_loop_save(struct loop *l);
nw_status nw_loop_restore(struct loop *l);

/* The weights of the trial at hand, if its estimator has any, are those of the best. */
nw_status nw_loop_keep_weights(struct loop *l);

/* The best trial's net again, from its weights; NULL if there are none. */
nw_status nw_loop_net(struct loop *l, nw_net **out);

/* A finished stage answers from the study. */
nw_status nw_loop_put_result(struct loop *l);
nw_status nw_loop_recall(struct loop *l);

/* loop.c: until nothing is left to do; then name the best and finish the stage. */
nw_status nw_loop_run(struct loop *l);
nw_status nw_loop_conclude(struct loop *l);

#endif
