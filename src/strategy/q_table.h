/*
 * q_table.h - how good it is to take an action in a state, as a table that learns.
 *
 *     Q(s, u) <- (1 - rate) Q(s, u) + rate (reward + discount max_v Q(s', v))
 *
 * Source: C. Watkins, P. Dayan, Q-learning, Machine Learning 8, 1992; with a reward at
 * the end alone, and the steps of a trajectory from its last to its first, as in B. Baker
 * et al. 2016, arXiv:1611.02167, algorithm 3. A state behind the last action is worth 0.
 */
#ifndef NW_Q_TABLE_H
#define NW_Q_TABLE_H

#include "index.h"

typedef struct nw_q_table {
    nw_ctx *ctx;
    double initial; /* of every action of a state that is met for the first time */
    nw_index states;
    struct nw_q_row *row; /* one a state  */
    size_t room;          /* rows         */
    double *value;        /* of all rows  */
    size_t n_value, room_value;
} nw_q_table;

/* One step of a trajectory: in `state`, which has n actions, `action` was taken. */
typedef struct nw_q_step {
    uint64_t state;
    int n, action;
    const unsigned char *legal; /* n flags; NULL = all are */
} nw_q_step;

void nw_q_init(nw_q_table *table, nw_ctx *ctx, double initial);
void nw_q_free(nw_q_table *table);

/* Values of the n actions of a state, until the next call. NULL = no memory. */
double *nw_q_of(nw_q_table *table, uint64_t state, int n);

/* The legal action of the largest value; u in (0, 1) decides among equals, all alike. */
int nw_q_greedy(const double *value, const nw_q_step *step, double u);

/* Learn from a trajectory of n steps that earned `reward` at its end. */
nw_status nw_q_learn(nw_q_table *table, const nw_q_step *step, int n, double rate,
                     double discount, double reward);

nw_status nw_q_state(nw_q_table *table, nw_state *state);

#endif
