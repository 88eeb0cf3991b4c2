/*
 * loop.h - the state of one search, which the files of this folder share.
 *
 * Trials wait in a queue, in the order of their ids. The first of it is worked on in this
 * process, or as many as there are workers in processes of their own; only the first may
 * leave it, so what the strategy observes does not depend on who was faster.
 */
#ifndef NW_LOOP_H
#define NW_LOOP_H

#include "goal.h"
#include "netwright_ext.h"
#include "study.h"

#include <jansson.h>
#include <math.h>

/* A trial that is proposed and not yet observed. */
struct flight {
    nw_trial trial;
    double began;    /* seconds spent when work on it began; below 0 = it has not */
    nw_blob state;   /* of its estimator in the midst of it                        */
    nw_blob weights; /* of its net                                              */
    int is_done;
    char reason[512];
};

struct crew; /* crew.h */

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
    struct flight *flight; /* the queue */
    int n_flight, ahead;
    uint64_t at_work;       /* id of the trial that the estimator here was given last */
    int is_exhausted;       /* the strategy has nothing to propose any more          */
    struct crew *crew;      /* workers, or NULL                                      */
    struct link *to_parent; /* in a worker process                                 */
    int threads;            /* of the context, before the crew                       */
    int is_stopped;         /* by on_trial()                                         */
    uint64_t done;          /* trials observed                                       */
    int has_best;
    double best_fidelity; /* 0 = there is no best                                   */
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

/* The trial that is next to leave the queue. */
static inline nw_trial *nw_loop_trial(const struct loop *l)
{
    return &l->flight[0].trial;
}

/* Is the trial better than one of that fidelity (0 = there is none) and quality? Scores
 * of unequal effort cannot be compared: the fuller one counts. */
static inline int nw_trial_beats(const nw_trial *t, double fidelity, double quality)
{
    if (t->status < 0 || isnan(t->score.quality))
        return 0;
    return t->fidelity != fidelity ? t->fidelity > fidelity : t->score.quality > quality;
}

/* feasible.c: what is known of an arch beforehand, and whether anything can fit. */
nw_status nw_loop_cost(void *loop, const nw_arch *arch, nw_score *out);
double nw_loop_excess(void *loop, const nw_arch *arch);
int nw_loop_allows(void *loop, const nw_arch *arch);
nw_status nw_loop_feasible(struct loop *l);

double nw_loop_spent(const struct loop *l); /* seconds, over all runs */

/* What a trial is worth, if the user says what counts. */
void nw_loop_judge(const struct loop *l, nw_trial *trial);

/* queue.c */
nw_status nw_queue_open(struct loop *l);
void nw_queue_close(struct loop *l);
void nw_queue_start(struct loop *l, struct flight *f,
                    uint64_t id); /* as it is proposed */
void nw_queue_pop(struct loop *l);
nw_status nw_queue_state(struct loop *l, nw_state *s);

/* stage.c: a hash as a word of 16 hexadecimal digits. */
void nw_json_hash(json_t *object, const char *key, uint64_t hash);

/* Begin the stage of the study or take it up again. */
nw_status nw_loop_stage(struct loop *l);
uint64_t
nw_space_hash(const nw_space *space); /* of all that can be decided, and on what */

/* checkpoint.c: write one with all rows since the last; go on from the last, if any. */
nw_status nw_loop_save(struct loop *l);
nw_status nw_loop_restore(struct loop *l);

/* The state of the estimator in this process, into the blob or out of it. */
nw_status nw_loop_take_state(struct loop *l, nw_blob *out);
nw_status nw_loop_give_state(struct loop *l, nw_blob *in);

/* The weights that its estimator has for `arch`, as they are kept. */
nw_status nw_loop_take_weights(struct loop *l, const nw_arch *arch, nw_blob *out);

/* The first trial is the best so far: keep its weights, if its estimator has any. */
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
