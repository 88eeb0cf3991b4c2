/*
 * graph.h - a space at an arch: what is left when the choices are made.
 *
 * Only nodes that the output reads are in it, in an order in which inputs come first.
 * A choice whose arch takes one option is gone: its readers read the option. A soft
 * choice stays, with the options of weight above 0 as inputs. Planner, executor,
 * counters and exporters all work on this and on nothing else.
 */
#ifndef NW_GRAPH_H
#define NW_GRAPH_H

#include "space.h"

typedef struct nw_gnode {
    const nw_op_type *op; /* of the precision asked for              */
    const char *spec, *name;
    int place, group;
    int choice;      /* index of the decision, or -1                  */
    int *option;     /* choice: option of input i                     */
    int *in;         /* graph nodes                                   */
    nw_node info;    /* attr, shapes, parameters, macs                */
    int is_zero;     /* the value is zero, always                     */
    int first_param; /* of the graph's parameters                    */
} nw_gnode;

typedef struct nw_gparam {
    const nw_param *param;
    char *name;    /* "cells.0.preprocess0.op.1.weight"      */
    int node;      /* that has it, or -1                  */
    size_t count;  /* numbers                             */
    size_t offset; /* numbers, in its block               */
} nw_gparam;

typedef struct nw_graph {
    nw_ctx *ctx;
    nw_arena arena;
    nw_space *space; /* whose places the nodes are; NULL: of none      */
    nw_space *own;   /* of a coded space's network: goes with the graph */
    int n, n_param;
    nw_gnode *node;
    nw_gparam *param;       /* trainable and buffers, in order of nodes  */
    size_t n_trainable;     /* numbers in the trainable block            */
    size_t n_buffer;        /* numbers in the block of buffers           */
    int input, output, aux; /* nodes; aux -1 = none                    */
    double macs;
} nw_graph;

typedef enum nw_graph_flag {
    NW_GRAPH_ALL = 1, /* keep all options, whatever their weights       */
    NW_GRAPH_AUX = 2, /* and what only the auxiliary output reads       */
} nw_graph_flag;

/* arch NULL: equal weights. NULL after nw_fail(). */
nw_graph *nw_graph_new(nw_ctx *ctx, nw_space *space, const nw_arch *arch,
                       nw_precision precision, unsigned flags);
void nw_graph_free(nw_graph *graph);

/* A graph of parameters alone, to which up to `room` are added: it has no nodes and no
 * space, and nothing can run it. */
nw_graph *nw_graph_of_params(nw_ctx *ctx, int room);
nw_status nw_graph_add_param(nw_graph *graph, const nw_param *param, const char *name);

/* "3x32x32", for messages. */
const char *nw_shape_text(const nw_shape *shape, char out[48]);

#endif
