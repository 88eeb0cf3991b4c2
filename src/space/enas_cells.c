/*
 * enas_cells.c - networks of ENAS's micro space and of NAO.
 *
 * Both authors build a network of cells alike: a stem, normal cells with a reduction cell
 * after the first and the second third, a classifier. Before the nodes of a cell its
 * inputs are made one size: the older passes a factorized reduction when it is larger;
 * what has another width than the cell passes a 1x1 convolution. In a reduction cell ops
 * on the inputs have stride 2, and an input that nothing reads is reduced on its way into
 * the output.
 *
 * Five things differ. ENAS's newer input passes one more 1x1 convolution in every cell;
 * its classifier has a relu before it and no bias; its identities are never dropped; its
 * auxiliary head stands one cell later; and it is TensorFlow, whose windows of stride 2
 * have the larger border at the bottom and right. Each is as in the authors' code
 * (melodyguan/enas, renqianluo/NAO_pytorch), which all numbers of the tests follow.
 *
 * Modules have the names of NAO's PyTorch code, where it has them. NAO's 2x2 pools see
 * one row and column of zeros at the bottom and right, and its 3x3 and 5x5 average pools
 * of the full set (14, 15) count the zeros around the picture, as its code does.
 */
#include "enas_cells.h"
#include "setting.h"

#include <stdio.h>
#include <string.h>

enum kind { SEP, AVG, MAX, IDENTITY, CONV, SPLIT };

static const struct pair_op {
    const char *name;
    enum kind kind;
    int k, count_pad;
} pair_ops[NW_PAIR_OPS] = {
    {"sep_conv_3x3", SEP, 3, 0},   {"sep_conv_5x5", SEP, 5, 0},
    {"avg_pool_3x3", AVG, 3, 0},   {"max_pool_3x3", MAX, 3, 0},
    {"identity", IDENTITY, 1, 0},  {"identity", IDENTITY, 1, 0},
    {"conv_1x1", CONV, 1, 0},      {"conv_3x3", CONV, 3, 0},
    {"conv_1x3_3x1", SPLIT, 3, 0}, {"conv_1x7_7x1", SPLIT, 7, 0},
    {"max_pool_2x2", MAX, 2, 0},   {"max_pool_3x3", MAX, 3, 0},
    {"max_pool_5x5", MAX, 5, 0},   {"avg_pool_2x2", AVG, 2, 1},
    {"avg_pool_3x3", AVG, 3, 1},   {"avg_pool_5x5", AVG, 5, 1},
};

/* What a cell gives: a node of the graph, its channels, how often it was halved. */
struct state {
    nw_ref ref;
    int c, halved;
};

/* Numbers of a cell. */
struct cell {
    int index, c, is_reduction;
    const int *ints;
};

const char *nw_pair_op(int op)
{
    return pair_ops[op].name;
}

int nw_pair_op_named(const char *word)
{
    for (int op = 0; op < NW_PAIR_OPS; op++)
        if (!strcmp(word, pair_ops[op].name))
            return op;
    return strcmp(word, NW_PAIR_COUNTING) ? -1 : 14;
}

/* ---- Ops ----------------------------------------------------------------------------
 */

/* Factorized reduction without a relu; takes odd sizes too. */
static nw_ref reduce(nw_space *space, nw_ref x, int c, const char *module)
{
    return nw_opf(space, x,
                  "(conv2d out=%d k=1 stride=2 pad=0 bias=0 name=%s.path1.1, "
                  "pad bottom=1 right=1 | slice h=1: w=1: | "
                  "conv2d out=%d k=1 stride=2 pad=0 bias=0 name=%s.path2.1) | "
                  "concat | batchnorm name=%s.bn",
                  c / 2, module, c - c / 2, module, module);
}

static nw_ref widen(nw_space *space, nw_ref x, int c, const char *module)
{
    return nw_opf(space, x,
                  "relu | conv2d out=%d k=1 bias=0 name=%s.conv | batchnorm name=%s.bn",
                  c, module, module);
}

static nw_ref pool(nw_space *space, const struct pair_op *op, nw_ref x, int stride,
                   int tf)
{
    if (op->k == 2)
        x = nw_opf(space, x, "pad bottom=1 right=1");
    if (op->kind == MAX)
        return nw_opf(space, x, "maxpool k=%d stride=%d pad=%d tf=%d", op->k, stride,
                      (op->k - 1) / 2, tf);
    return nw_opf(space, x, "avgpool k=%d stride=%d pad=%d count_pad=%d tf=%d", op->k,
                  stride, (op->k - 1) / 2, op->count_pad, tf);
}

static nw_ref split(nw_space *space, int k, nw_ref x, int c, int stride,
                    const char *module)
{
    return nw_opf(
        space, x,
        "relu | conv2d out=%d k=1x%d stride=1x%d pad=0x%d bias=0 name=%s.ops.1 | "
        "batchnorm name=%s.ops.2 | relu | "
        "conv2d out=%d k=%dx1 stride=%dx1 pad=%dx0 bias=0 name=%s.ops.4 | "
        "batchnorm name=%s.ops.5",
        c, k, stride, k / 2, module, module, c, k, stride, k / 2, module, module);
}

static nw_ref apply(const struct nw_pair_net *net, const struct pair_op *op, nw_ref x,
                    int c, int stride, const char *module)
{
    nw_space *space = net->space;

    switch (op->kind) {
    case SEP:
        return nw_opf(space, x, "%s out=%d k=%d stride=%d name=%s",
                      net->is_enas ? "stacked_sep_conv tf=1" : "sep_conv", c, op->k,
                      stride, module);
    case CONV:
        return nw_opf(space, x,
                      "relu | conv2d out=%d k=%d stride=%d pad=%d bias=0 name=%s.ops.1 | "
                      "batchnorm name=%s.ops.2",
                      c, op->k, stride, op->k / 2, module, module);
    case SPLIT:
        return split(space, op->k, x, c, stride, module);
    case IDENTITY:
        return stride == 1 ? x : reduce(space, x, c, module);
    default:
        return pool(space, op, x, stride, net->is_enas);
    }
}

/* The module of an op; identities that reduce have a name of their own. */
static void name_op(char out[64], int node, int side, int is_identity)
{
    snprintf(out, 64, "ops.%d.%s", node,
             is_identity ? (side ? "y_id_fact_reduce" : "x_id_fact_reduce")
                         : (side ? "y_op" : "x_op"));
}

/* ---- Cell ---------------------------------------------------------------------------
 */

static nw_ref operand(const struct nw_pair_net *net, const struct cell *cell, int node,
                      int side, const struct state *state)
{
    const int *at = cell->ints + 4 * node + 2 * side;
    const struct pair_op *op = &pair_ops[at[1]];
    const int stride = cell->is_reduction && at[0] < 2 ? 2 : 1;
    char module[64];
    nw_ref y;

    name_op(module, node, side, op->kind == IDENTITY);
    y = apply(net, op, state[at[0]].ref, cell->c, stride, module);
    if (net->drop <= 0 || (net->is_enas && op->kind == IDENTITY))
        return y;
    return nw_opf(net->space, y, "droppath p=%.9g",
                  net->drop * (cell->index + 1) / net->cells);
}

/* Make the inputs one size and width. */
static void calibrate(const struct nw_pair_net *net, const struct cell *cell,
                      struct state in[2])
{
    nw_space *space = net->space;

    nw_enter(space, "maybe_calibrate_size");
    if (in[0].halved != in[1].halved)
        in[0].ref =
            reduce(space, nw_opf(space, in[0].ref, "relu"), cell->c, "preprocess_x");
    else if (in[0].c != cell->c)
        in[0].ref = widen(space, in[0].ref, cell->c, "preprocess_x");
    if (in[1].c != cell->c)
        in[1].ref = widen(space, in[1].ref, cell->c, "preprocess_y");
    nw_leave(space);
    if (net->is_enas)
        in[1].ref = widen(space, in[1].ref, cell->c, "layer_base");
    in[0].halved = in[1].halved;
    in[0].c = in[1].c = cell->c;
}

int nw_pair_loose_ends(const int ints[NW_PAIR_CELL], int out[NW_PAIR_STATES])
{
    int used[NW_PAIR_STATES] = {0}, n = 0;

    for (int i = 0; i < NW_PAIR_CELL; i += 2)
        used[ints[i]] = 1;
    for (int i = 0; i < NW_PAIR_STATES; i++)
        if (!used[i])
            out[n++] = i;
    return n;
}

static struct state combine(const struct nw_pair_net *net, const struct cell *cell,
                            const struct state *state)
{
    int loose[NW_PAIR_STATES], n = nw_pair_loose_ends(cell->ints, loose), reduced = 0;
    const struct state *last = &state[NW_PAIR_STATES - 1];
    nw_ref in[NW_PAIR_STATES];

    for (int i = 0; i < n; i++) {
        char module[32];

        in[i] = state[loose[i]].ref;
        if (state[loose[i]].halved == last->halved)
            continue;
        snprintf(module, sizeof(module), "final_combine.ops.%d", reduced++);
        in[i] = reduce(net->space, in[i], cell->c, module);
    }
    return (struct state){n > 1 ? nw_op_n(net->space, "concat", (size_t)n, in) : in[0],
                          n * cell->c, last->halved};
}

static struct state build_cell(const struct nw_pair_net *net, const struct cell *cell,
                               const struct state in[2])
{
    struct state state[NW_PAIR_STATES] = {in[0], in[1]}, out;

    nw_enter(net->space, "cells.%d", cell->index);
    calibrate(net, cell, state);
    for (int node = 0; node < NW_PAIR_NODES; node++) {
        nw_ref sum[2];

        for (int side = 0; side < 2; side++)
            sum[side] = operand(net, cell, node, side, state);
        state[node + 2] = (struct state){nw_op_n(net->space, "add", 2, sum), cell->c,
                                         state[1].halved + cell->is_reduction};
    }
    out = combine(net, cell, state);
    nw_leave(net->space);
    return out;
}

static nw_status draw_cell(nw_space *space, const char *title, const int *ints)
{
    nw_drawn_edge edge[2 * NW_PAIR_NODES];
    int out[NW_PAIR_STATES];
    const nw_drawn_cell drawn = {.title = title,
                                 .inputs = 2,
                                 .nodes = NW_PAIR_NODES,
                                 .n_edge = 2 * NW_PAIR_NODES,
                                 .n_out = nw_pair_loose_ends(ints, out),
                                 .edge = edge,
                                 .out = out};

    for (int i = 0; i < 2 * NW_PAIR_NODES; i++)
        edge[i] = (nw_drawn_edge){nw_pair_op(ints[2 * i + 1]), ints[2 * i], 2 + i / 2};
    return nw_space_add_cell(space, &drawn);
}

/* ---- Network ------------------------------------------------------------------------
 */

static void stem(const struct nw_pair_net *net, struct state s[2])
{
    const int c = net->c;
    nw_ref x = nw_input(net->space, net->shape[0], net->shape[1], net->shape[2]);

    if (!net->imagenet) {
        x = nw_opf(net->space, x,
                   "conv2d out=%d k=3 pad=1 bias=0 name=stem.0 | batchnorm name=stem.1",
                   3 * c);
        s[0] = s[1] = (struct state){x, 3 * c, 0};
        return;
    }
    x = nw_opf(net->space, x,
               "conv2d out=%d k=3 stride=2 pad=1 bias=0 name=stem0.0 | "
               "batchnorm name=stem0.1 | relu | "
               "conv2d out=%d k=3 stride=2 pad=1 bias=0 name=stem0.3 | "
               "batchnorm name=stem0.4",
               c / 2, c);
    s[0] = (struct state){x, c, 2};
    x = nw_opf(net->space, x,
               "relu | conv2d out=%d k=3 stride=2 pad=1 bias=0 name=stem1.1 | "
               "batchnorm name=stem1.2",
               c);
    s[1] = (struct state){x, c, 3};
}

/* Pixels of a side of ENAS's auxiliary head after its pool: a quarter, windows of 5. */
static int aux_pixels(int pixels)
{
    return ((pixels + 3) / 4 - 5) / 3 + 1;
}

/* Its last convolution is as large as the picture, with as many outputs. */
static nw_ref aux_of_enas(const struct nw_pair_net *net, nw_ref x)
{
    const int h = aux_pixels(net->shape[1]), w = aux_pixels(net->shape[2]);

    return nw_opf(net->space, x,
                  "conv2d out=768 k=%dx%d tf=1 bias=0 name=conv2 | "
                  "batchnorm name=bn2 | relu | globalpool | flatten | "
                  "dense out=%d bias=0 name=classifier",
                  h, w, net->classes);
}

static void auxiliary_head(const struct nw_pair_net *net, nw_ref x)
{
    nw_enter(net->space, "auxiliary_head");
    x = nw_opf(net->space, x,
               "relu | avgpool k=5 stride=%d pad=0 | "
               "conv2d out=128 k=1 bias=0 name=conv1 | batchnorm name=bn1 | relu",
               net->imagenet ? 2 : 3);
    x = net->is_enas ? aux_of_enas(net, x)
                     : nw_opf(net->space, x,
                              "conv2d out=768 k=2 pad=0 bias=0 name=conv2 | "
                              "batchnorm name=bn2 | relu | flatten | "
                              "dense out=%d name=classifier",
                              net->classes);
    nw_leave(net->space);
    nw_aux_output(net->space, x, 0.4);
}

static nw_status head(const struct nw_pair_net *net, nw_ref x)
{
    if (net->is_enas)
        x = nw_opf(net->space, x, "relu");
    x = nw_opf(net->space, x, "globalpool | flatten");
    if (net->dropout > 0)
        x = nw_opf(net->space, x, "dropout p=%.9g", net->dropout);
    return nw_output(net->space,
                     nw_opf(net->space, x, "dense out=%d bias=%d name=classifier",
                            net->classes, !net->is_enas));
}

static nw_status check(const struct nw_pair_net *net)
{
    if (net->imagenet && net->c % 2)
        return nw_fail(net->space->ctx, NW_ESPEC,
                       "%s: c=%d with net=imagenet: a factorized reduction needs an even "
                       "number of channels",
                       net->name, net->c);
    if (net->aux && net->is_enas && (net->shape[1] < 17 || net->shape[2] < 17))
        return nw_fail(net->space->ctx, NW_ESHAPE,
                       "%s: aux=1 with %dx%d pixels: the head needs 17 a side", net->name,
                       net->shape[1], net->shape[2]);
    return NW_OK;
}

nw_status nw_pair_build(const struct nw_pair_net *net)
{
    const int second = 2 * net->first_reduce + 1;
    struct cell cell = {.c = net->c};
    struct state s[2], y;

    NW_TRY(check(net));
    NW_TRY(draw_cell(net->space, "normal cell", net->ints));
    NW_TRY(draw_cell(net->space, "reduction cell", net->ints + NW_PAIR_CELL));
    stem(net, s);
    for (; cell.index < net->cells; cell.index++) {
        cell.is_reduction = cell.index == net->first_reduce || cell.index == second;
        cell.c *= 1 + cell.is_reduction;
        cell.ints = net->ints + (cell.is_reduction ? NW_PAIR_CELL : 0);
        y = build_cell(net, &cell, s);
        s[0] = s[1];
        s[1] = y;
        if (net->aux && cell.index == second + net->is_enas)
            auxiliary_head(net, y.ref);
    }
    return head(net, s[1].ref);
}

nw_status nw_pair_input(struct nw_pair_net *net, const struct nw_pair_keys *key,
                        const int input[3], int classes)
{
    const int side = key->size ? key->size : net->imagenet ? 224 : 32;

    nw_input_or(input, side, net->shape);
    net->classes = classes;
    return nw_classes_of(net->space->ctx, net->name, key->classes,
                         net->imagenet ? 1000 : 10, &net->classes);
}
