/*
 * agent.h - a controller at work in a search: it proposes what it draws, and learns from
 * a batch of rewards at a time.
 *
 * Proposals may run ahead of observations, and the controller may have learned in
 * between: what it thought of a vector when it drew it is remembered until the trial
 * comes back. A draw that is illegal or beyond the limits is repeated, and after many
 * misses replaced by a random arch; the controller then learns from that one, whose
 * probability it can tell as that of any other.
 *
 * A failed trial has the reward 0, or the least reward so far if that is below (as when
 * the quality is minus a cost).
 */
#ifndef NW_AGENT_H
#define NW_AGENT_H

#include "controller.h"

typedef struct nw_agent_config {
    const char *name; /* of the strategy, for messages                              */
    int batch;        /* trials from which it learns at a time                      */
    int epochs;       /* steps on each batch                                        */
    double clip;      /* PPO's; 0 = REINFORCE                                       */
    double entropy;   /* weight of the entropies along a vector                     */
    double decay;     /* of the baseline                                            */
    double power;     /* the reward is the quality to this power                    */
} nw_agent_config;

typedef struct nw_agent {
    nw_env env;
    nw_agent_config config;
    nw_code *code;
    nw_controller *controller;
    int32_t *x;                  /* (batch, n) */
    int *one;                    /* n          */
    double *advantage, *log_old; /* batch      */
    int32_t filled;              /* of it      */
    double *ahead;               /* log pi of proposals that are under way, in order */
    int32_t n_ahead, room_ahead;
    nw_baseline baseline;
    double least; /* reward so far; at most 0 */
    int32_t has_noted;
} nw_agent;

/* The decisions of the space; then the controller, of whose config n and options are
 * filled in. */
nw_status nw_agent_init(nw_agent *a, const nw_env *env, const nw_agent_config *config);
nw_status nw_agent_start(nw_agent *a, nw_controller_config *config);
void nw_agent_clear(nw_agent *a);

/* Kinds of decisions: those whose names differ only in digits, with equally many options,
 * are of one kind. head: code->n. */
void nw_agent_kinds(const nw_code *code, int *head);

/* As in nw_strategy_type. */
nw_status nw_agent_propose(nw_agent *a, nw_trial *trial);
nw_status nw_agent_observe(nw_agent *a, const nw_trial *trial);
nw_status nw_agent_state(nw_agent *a, nw_state *state);

#endif
