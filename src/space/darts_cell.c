/*
 * darts_cell.c - one cell of the DARTS family, mixed or found.
 *
 * Both inputs pass a 1x1 convolution to c channels (the older one a factorized reduction
 * when the cell before reduced). Edge `e` of the mixed cell is the choice "normal_e" or
 * "reduce_e" for all cells of its kind; modules have the authors' PyTorch names,
 * "cells.3._ops.7._ops.4.op.1.weight".
 */
#include "darts.h"

#include <stdio.h>
#include <string.h>

static nw_ref pool(struct darts_net *net, const char *spec, const char *module, nw_ref x,
                   int stride)
{
    if (net->is_search)
        return nw_opf(net->space, x, "pool_bn pool=%s k=3 stride=%d affine=0 name=%s",
                      spec, stride, module);
    return nw_opf(net->space, x, "%s k=3 stride=%d pad=1", spec, stride);
}

static nw_ref convolution(struct darts_net *net, const char *op, const char *module,
                          nw_ref x, int c, int stride)
{
    int k = op[strlen(op) - 1] - '0'; /* sep_conv_3x3 */

    return nw_opf(net->space, x, "%.8s out=%d k=%d stride=%d affine=%d name=%s", op, c, k,
                  stride, !net->is_search, module);
}

/* Op `op` of a cell on x, as module `module`. */
static nw_ref apply(struct darts_net *net, const char *op, const char *module, nw_ref x,
                    int c, int stride)
{
    if (!strcmp(op, "none") || !strcmp(op, "noise"))
        return nw_opf(net->space, x, "%s stride=%d", op, stride);
    if (!strcmp(op, "skip_connect"))
        return stride == 1
                   ? x
                   : nw_opf(net->space, x, "factorized_reduce out=%d affine=%d name=%s",
                            c, !net->is_search, module);
    if (!strcmp(op, "max_pool_3x3"))
        return pool(net, "maxpool", module, x, stride);
    if (!strcmp(op, "avg_pool_3x3"))
        return pool(net, "avgpool", module, x, stride);
    return convolution(net, op, module, x, c, stride);
}

/* The same, and in training it is dropped at times, unless it is nothing at all. */
static nw_ref apply_and_drop(struct darts_net *net, const char *op, const char *module,
                             nw_ref x, int c, int stride)
{
    nw_ref y = apply(net, op, module, x, c, stride);

    if (net->is_search || net->key->drop <= 0 || y == x || !strcmp(op, "none"))
        return y;
    return nw_opf(net->space, y, "droppath p=%.9g", net->key->drop);
}

static nw_ref mixed_edge(struct darts_net *net, const struct darts_cell *cell, int edge,
                         nw_ref x, int stride)
{
    char name[32], module[64];
    nw_ref option[16];
    size_t n = 0;
    nw_ref y;

    snprintf(name, sizeof(name), "%s_%d", cell->is_reduction ? "reduce" : "normal", edge);
    for (; net->op[n]; n++) {
        snprintf(module, sizeof(module), "_ops.%d._ops.%zu", edge, n);
        option[n] = apply_and_drop(net, net->op[n], module, x, cell->c, stride);
    }
    y = nw_one_of_n(net->space, name, n, option);
    for (size_t i = 0; y >= 0 && !net->has_rules[cell->is_reduction] && i < n; i++)
        nw_option_name(net->space, name, (int)i, net->op[i]);
    if (y >= 0 && net->reserves_none)
        nw_option_reserve(net->space, name);
    return y;
}

/* Two of the edges into a node are kept. */
static void keep_two(struct darts_net *net, const char *kind, int node)
{
    char name[NW_CELL_NODES + 2][32];
    const char *names[NW_CELL_NODES + 2];

    for (int i = 0; i < node + 2; i++) {
        snprintf(name[i], sizeof(name[i]), "%s_%d", kind, nw_cell_first_edge(node) + i);
        names[i] = name[i];
    }
    nw_keep(net->space, 2, net->none, (size_t)node + 2, names);
}

static nw_ref mixed_nodes(struct darts_net *net, const struct darts_cell *cell,
                          nw_ref state[NW_CELL_NODES + 2])
{
    nw_ref in[NW_CELL_NODES + 2];
    const int steps = net->key->steps, multiplier = net->key->multiplier;

    for (int node = 0; node < steps; node++) {
        for (int from = 0; from < node + 2; from++)
            in[from] = mixed_edge(net, cell, nw_cell_first_edge(node) + from, state[from],
                                  cell->is_reduction && from < 2 ? 2 : 1);
        state[node + 2] = nw_op_n(net->space, "add", (size_t)node + 2, in);
    }
    for (int node = 0; !net->has_rules[cell->is_reduction] && node < steps; node++)
        keep_two(net, cell->is_reduction ? "reduce" : "normal", node);
    net->has_rules[cell->is_reduction] = 1;
    return nw_op_n(net->space, "concat", (size_t)multiplier,
                   state + 2 + steps - multiplier);
}

static nw_ref found_nodes(struct darts_net *net, const struct darts_cell *cell,
                          nw_ref state[NW_CELL_NODES + 2])
{
    const nw_cell *g =
        cell->is_reduction ? &net->genotype->reduce : &net->genotype->normal;
    nw_ref in[NW_CELL_NODES];

    if (!g->n)
        return nw_space_fail(
            net->space, NW_EMATCH,
            "layers=%d needs a %s cell, which the space that was searched "
            "did not have",
            net->key->layers, cell->is_reduction ? "reduction" : "normal");
    for (int i = 0; i < 2 * g->n; i++) {
        const nw_cell_edge *e = &g->edge[i];
        char module[64];

        snprintf(module, sizeof(module), "_ops.%d", i);
        in[i % 2] = apply_and_drop(net, e->op, module, state[e->from], cell->c,
                                   cell->is_reduction && e->from < 2 ? 2 : 1);
        if (i % 2)
            state[2 + i / 2] = nw_op_n(net->space, "add", 2, in);
    }
    for (int i = 0; i < g->n_concat; i++)
        in[i] = state[g->concat[i]];
    return nw_op_n(net->space, "concat", (size_t)g->n_concat, in);
}

nw_ref nw_darts_cell(struct darts_net *net, const struct darts_cell *cell, nw_ref s0,
                     nw_ref s1)
{
    nw_ref state[NW_CELL_NODES + 2], y;
    int affine = !net->is_search;

    nw_enter(net->space, "cells.%d", cell->index);
    if (cell->after_reduction)
        state[0] =
            nw_opf(net->space, s0, "factorized_reduce out=%d affine=%d name=preprocess0",
                   cell->c, affine);
    else
        state[0] =
            nw_opf(net->space, s0, "relu_conv_bn out=%d k=1 affine=%d name=preprocess0",
                   cell->c, affine);
    state[1] =
        nw_opf(net->space, s1, "relu_conv_bn out=%d k=1 affine=%d name=preprocess1",
               cell->c, affine);
    y = net->genotype ? found_nodes(net, cell, state) : mixed_nodes(net, cell, state);
    nw_leave(net->space);
    return y;
}
