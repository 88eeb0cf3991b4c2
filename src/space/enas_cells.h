/*
 * enas_cells.h - cells of pairs of ops whose loose ends make the output: those of ENAS's
 * micro space, and of NAO, which took them over.
 *
 * A cell has two inputs, 0 the older and 1 the newer, and five nodes from 2 on. A node is
 * the sum of two ops, each on an earlier node or input. All that nothing reads, inputs
 * too, stands side by side in the output, so that its width differs from cell to cell.
 *
 * Both papers write a network as 40 numbers: input, op, input, op for each node of the
 * normal cell, then of the reduction cell.
 */
#ifndef NW_ENAS_CELLS_H
#define NW_ENAS_CELLS_H

#include "family.h"

enum {
    NW_PAIR_NODES = 5,
    NW_PAIR_STATES = NW_PAIR_NODES + 2,
    NW_PAIR_CELL = 4 * NW_PAIR_NODES, /* numbers of a cell */
    NW_PAIR_INTS = 2 * NW_PAIR_CELL,
    NW_PAIR_OPS = 16,
};

/* What a spec says; a family has keys for some of it. */
struct nw_pair_keys {
    int c, layers, classes, size, aux, ops;
    double drop, dropout;
    char net[NW_TEXT_SIZE], arch[NW_TEXT_SIZE];
};

/* A network to build. */
struct nw_pair_net {
    nw_space *space;
    const char *name;           /* of the family, for messages                       */
    int c, cells, first_reduce; /* cells in all; the second reduction is at 2 first + 1 */
    int classes, shape[3];      /* of the input                                      */
    int is_enas;                /* what ENAS's code does and NAO's does not          */
    int imagenet, aux;
    double drop, dropout; /* drop path of the last cell, dropout of the classifier */
    int ints[NW_PAIR_INTS];
};

nw_status nw_pair_build(const struct nw_pair_net *net);

/* Fill classes and shape from the keys, or what the data say. */
nw_status nw_pair_input(struct nw_pair_net *net, const struct nw_pair_keys *key,
                        const int input[3], int classes);

/* Name of op 0..15 as both papers number them: 0 to 4 are ENAS's and those of NAO with
 * shared weights, 5 to 15 those of NAO without. */
const char *nw_pair_op(int op);

/* The number of a word, -1 = there is none. Where two ops have one name the first; op 14,
 * which counts the zeros around the picture as 2 does not, is NW_PAIR_COUNTING. */
#define NW_PAIR_COUNTING "avg_pool_3x3_count_pad"
int nw_pair_op_named(const char *word);

/* States that nothing reads; how many. */
int nw_pair_loose_ends(const int ints[NW_PAIR_CELL], int out[NW_PAIR_STATES]);

/* ---- Words ------------------------------------------------------------------------ */

/* The 40 decisions, where an op is one of `n_ops` from `first_op` on. */
nw_status nw_pair_decide(nw_space *space, int first_op, int n_ops);

nw_status nw_pair_of_arch(const nw_arch *arch, int first_op, int out[NW_PAIR_INTS]);
nw_status nw_pair_to_arch(nw_arch *arch, int first_op, int n_ops,
                          const int ints[NW_PAIR_INTS], const char *where);

/* One text for cells that differ in names of nodes and order of operands only. */
nw_status nw_pair_canonical(const nw_arch *arch, nw_text *out);

/* "0 2 0 0 ..." of a spec, with ops from `first_op` to before `end_op`. */
nw_status nw_pair_parse(nw_ctx *ctx, const char *family, const char *text, int first_op,
                        int end_op, int out[NW_PAIR_INTS]);

#endif
