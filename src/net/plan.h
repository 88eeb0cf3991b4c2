/*
 * plan.h - inside of a plan: turns, buffers, addresses. Only src/net sees it.
 *
 * A *turn* is one op at work: a node of the graph, the labels, or a loss. Nodes that only
 * pass their input on have no turn; nodes that are zero have one only where some reader
 * cannot take a zero for granted. All nodes of a composite op that has a shortcut for
 * these shapes are one turn, and its node is the last of them.
 *
 * A turn whose value ends in a batch norm, and has one reader which can do that itself,
 * *defers* it (nw_deferred): it has no value of its own, and its gradient is its
 * reader's.
 *
 * A value that can be had again from what is kept anyway is *redone*: it dies after its
 * last reader going forward, and is written again for the first that wants it going back.
 */
#ifndef NW_PLAN_H
#define NW_PLAN_H

#include "layout.h"
#include "net.h"

typedef struct nw_turn {
    const nw_op_type *op;
    const nw_gnode *node; /* NULL for labels and losses                    */
    nw_node info;
    int *in;          /* turns; -1 = known to be zero                       */
    int first_param;  /* of the graph's                                     */
    int n_param;      /* of a shortcut, those of all its nodes              */
    int first_weight; /* choice: of the arch's weights                     */
    int wants_grad;   /* its value has a gradient                           */
    int works_back;   /* it has a backward turn                             */
    int y, dy, keep;  /* lives; -1 = none                                   */
    int redo;         /* life of the value that redo() writes; -1 = none     */
    int next_redo;    /* of those that the same turn wants first; -1        */
    int wanted_redo;  /* by this turn, going back: the first; -1            */
    int n_reader;     /* inputs of turns that it is, and 1 for the logits  */
    int reader;       /* the turn that applies its last batch norm; -1      */
    int threads;      /* that work on it                                    */
    int *temp;        /* lives where dx[i] stands before it is added; -1    */
    nw_run run;
    const void **x;      /* what run points to, from here on                    */
    const void **x_back; /* the same going back: where values are redone         */
    void **dx;
    unsigned char *add;
    void **w, **dw;
    double *mix, *dmix;
    nw_deferred deferred, **due;
} nw_turn;

struct nw_plan {
    nw_net *net;
    nw_plan_config config;
    nw_arena arena;
    int n;
    nw_turn *turn;
    int input, label, loss, aux_loss, logits; /* turns, -1 = none */
    nw_life *life;
    int n_life;
    size_t scratch_bytes;   /* the most that any turn wants; shared by all */
    int scratch;            /* life */
    size_t bytes;           /* of the net's arena that it uses */
    nw_plan *older, *newer; /* in the same arena               */
    nw_turn_time *time;     /* by turn; NULL = not taken       */
    uint64_t used;
};

/* May input j have a gradient at all: it is not a known zero, and not labels. */
static inline int nw_may_send(const nw_turn *t, int j)
{
    return t->in[j] >= 0 && !(j == 1 && t->op->flags & NW_NO_DATA_GRAD);
}

/* Does the backward turn of `t` give input j its gradient? Once the workers are known. */
static inline int nw_sends_gradient(const nw_plan *plan, const nw_turn *t, int j)
{
    return t->works_back && nw_may_send(t, j) && plan->turn[t->in[j]].works_back;
}

/* Of the net, for its end. */
void nw_plans_free(nw_net *net);

/* Make the turns of a plan whose config and net are set: src/net/turns.c */
nw_status nw_plan_turns(nw_plan *plan);

/* Lives and places of all buffers, in plan->life and plan->bytes: src/net/lives.c */
nw_status nw_plan_lives(nw_plan *plan);

#endif
