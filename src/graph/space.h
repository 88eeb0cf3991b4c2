/*
 * space.h - a search space in memory: places, choices and rules.
 *
 * A *place* is one use of an op; its inputs come before it. A choice is a place too:
 * its op is "choice" and its inputs are the options. Composite ops are expanded when
 * they are placed; their instance is remembered as a *group*, so that a fused kernel
 * can take it over.
 */
#ifndef NW_SPACE_H
#define NW_SPACE_H

#include "arena.h"
#include "netwright_ext.h"
#include "spec.h"
#include "text.h"

typedef struct nw_place {
    const nw_op_type *op; /* the float twin                                         */
    char *spec;           /* "conv2d out=6 k=3", without name=                      */
    char *name;           /* of the module: "cells.0._ops.0.op.1"                   */
    char *where;          /* "space.yaml:12:5", or "" in C                          */
    int n_in;
    int *in;    /* places                                                           */
    int choice; /* index of the decision, or -1                                     */
    int group;  /* index of the composite instance, or -1                           */
} nw_place;

typedef enum nw_choice_kind { NW_ONE, NW_SOME, NW_NUMBER } nw_choice_kind;

typedef struct nw_choice {
    char *name;
    nw_choice_kind kind;
    int k;       /* options that are taken: 1, or that of some_of                     */
    int n;       /* options                                                           */
    int offered; /* the first so many are weighed in a search; the rest can be taken */
    int first;   /* where its weights start in an arch                                */
    int *value;  /* of NW_NUMBER                                             */
    char **option_name; /* "sep_conv_3x3", or the number                            */
    int keep;           /* rule that it is under, or -1                             */
    char *where;
} nw_choice;

typedef struct nw_keep_rule {
    int k, none, n;
    int *choice;
} nw_keep_rule;

typedef struct nw_group {
    const nw_op_type *op;
    char *spec;
    int first, end; /* places [first, end) */
} nw_group;

/* A cell as people draw it. Ends are 0 .. inputs-1 for its inputs, then its nodes. */
typedef struct nw_drawn_edge {
    const char *op;
    int from, to;
} nw_drawn_edge;

typedef struct nw_drawn_cell {
    const char *title; /* "normal cell"                          */
    int inputs, nodes, n_edge, n_out;
    const nw_drawn_edge *edge;
    const int *out; /* ends that make the output, side by side */
    struct nw_drawn_cell *next;
} nw_drawn_cell;

/* A part of a network as people draw it, `times` in a row. */
typedef struct nw_drawn_stage {
    const char *title; /* "normal cell" */
    int times;
    struct nw_drawn_stage *next;
} nw_drawn_stage;

enum { NW_MOST_OPTIONS = 4096, NW_MOST_KEPT = 256 };

struct nw_space {
    nw_ctx *ctx;
    nw_arena arena;
    nw_status status; /* of the first failure; builders do nothing after it         */
    char words[900];  /* of that failure                                            */
    int sealed;
    nw_place *place;
    nw_choice *choice;
    nw_keep_rule *keep;
    nw_group *group;
    int n_place, n_choice, n_keep, n_group;
    int room_place, room_choice, room_keep, room_group;
    int n_weight;  /* options of all choices */
    int n_mutable; /* uses of choices so far: the number in "_mutation_3" */
    int *made;     /* by op: uses without a name, the number in "relu_7"  */
    int output, aux;
    double aux_weight;
    char scope[NW_TEXT_SIZE];
    char where[NW_TEXT_SIZE]; /* of what is being read now, "" in C */
    int group_now;
    char *origin; /* "darts c=16" or the file; NULL when built in C                  */
    const struct nw_space_type *family; /* or NULL */
    const void *keys;                   /* of the family, as the spec says         */
    struct nw_space *(*at)(struct nw_space *space, const nw_arch *arch); /* below   */
    int input[3], classes;  /* what the family was built for */
    char *count;            /* decimal, once computed */
    nw_drawn_cell *cells;   /* of a network that has cells, in order; for pictures only */
    nw_drawn_stage *stages; /* what it is made of, from input to output; likewise  */
};

/* Fail the space: words start with the place in the file. Returns -1. */
nw_ref nw_space_fail(nw_space *space, nw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* nw_space_seal() that leaves a failure pending, for constructors. */
nw_status nw_seal(nw_space *space);

/* A coded space has decisions but no graph: its networks differ too much to be options of
 * one another, and are built at an arch by space->at(). Everything that asks for a graph
 * at a hard arch gets that of the network. */
int nw_is_coded(const nw_space *space);

/* Place what is left of `space` at a hard arch, with its names, in a new space. */
nw_space *nw_space_freeze(nw_space *space, const nw_arch *arch);

/* Record in the space, with the place in front, what is pending in its context, unless it
 * has failed already. Returns -1. */
nw_ref nw_space_pass_on(nw_space *space);

/* 1 = NULL, failed or sealed: builders do nothing. */
int nw_space_refuses(nw_space *space);

/* The space's status, which the caller is told hereby. */
nw_status nw_space_report(nw_space *space);

/* Index of the choice of that name, or -1. */
int nw_choice_find(const nw_space *space, const char *name);

/* Name an option, for people: "sep_conv_3x3". Before sealing. */
nw_status nw_option_name(nw_space *space, const char *choice, int option,
                         const char *name);

/* The last option of a choice is for those that a keep rule drops: an arch can take it,
 * no search weighs it. Before sealing. */
nw_status nw_option_reserve(nw_space *space, const char *choice);

/* Weight of an option when all that are offered have the same. */
double nw_equal_weight(const nw_choice *choice, int option);

/* Remember a copy of a cell that the network is made of, for its picture. */
nw_status nw_space_add_cell(nw_space *space, const nw_drawn_cell *cell);

/* Remember that the network goes on with that; the same again only adds to `times`. */
nw_status nw_space_add_stage(nw_space *space, const char *title);

/* Place one op (not a chain) under `name`; for the chain parser. */
nw_ref nw_place_op(nw_space *space, const char *spec, const char *name, int n_in,
                   const nw_ref *in);

/* The same for ops that users cannot place by name: input, choice. */
nw_ref nw_place_internal(nw_space *space, const char *spec, const char *name, int n_in,
                         const nw_ref *in);

/* One place, not expanded, with the name and origin of `like`. */
nw_ref nw_place_copy(nw_space *space, const nw_place *like, const char *spec, int n_in,
                     const nw_ref *in);

/* Printable ASCII without blanks, quotes and backslashes. */
int nw_is_name(const char *text);

struct nw_arch {
    nw_ctx *ctx;
    nw_space *space;
    double *w; /* space->n_weight, choice after choice */
};

/* Index of a choice by name; -1 after nw_fail(). */
int nw_arch_find(const nw_arch *arch, const char *name);

/* Index of the largest of w[n], the first among equals; skip = an index to leave out. */
int nw_strongest(const double *w, int n, int skip);

/* The k largest of w[n] become 1 and the rest 0; the first among equals. */
void nw_take_strongest(double *w, int n, int k);

/* The first of all legal archs, and the next one; 0 = there is none, that was the last.
 */
int nw_arch_first(nw_arch *arch);
int nw_arch_next(nw_arch *arch);

/* Choices of a keep rule that take something. */
int nw_arch_kept(const nw_arch *arch, int rule);

/* 1 when every weight is 0 or 1 and every choice takes what it may take. */
int nw_arch_is_hard(const nw_arch *arch);

/* What the family says beyond that: 1 = legal, else why[] says which rule is broken. */
int nw_arch_is_legal(const nw_arch *arch, char why[256]);

/* Let the family change as little as makes a hard arch legal; 1 = it is now. */
int nw_arch_mend(nw_arch *arch);

/* One draw without the family's own rules, for its draw(). */
nw_status nw_arch_draw(nw_arch *arch, uint64_t seed);

/* Decisions that move by themselves: choices under no rule, then the rules. */
int nw_space_wheels(const nw_space *space);

/* What $name is looked up in; arch NULL = the first value of each. */
typedef struct nw_arch_view {
    const nw_space *space;
    const nw_arch *arch;
} nw_arch_view;

nw_lookup nw_arch_lookup(nw_arch_view *view);

/* All ops; the twin of nw_ops_f32[i] is nw_ops_f64[i]. NULL ends the list. */
extern const nw_op_type *const nw_ops_f32[];
extern const nw_op_type *const nw_ops_f64[];

#endif
