/*
 * genotype.h - a pair of cells in the words of the DARTS family.
 *
 * A cell has two inputs (nodes 0 and 1) and `n` nodes from 2 on. A node is the sum of two
 * ops, each on an earlier node; the cell's output is the concatenation of some nodes.
 * As JSON: {"normal":[["sep_conv_3x3",0],...],"normal_concat":[2,3,4,5],"reduce":...}.
 */
#ifndef NW_GENOTYPE_H
#define NW_GENOTYPE_H

#include "space.h"

enum { NW_CELL_NODES = 8 };

typedef struct nw_cell_edge {
    const char *op; /* static: one of nw_cell_op()                     */
    int from;       /* 0, 1 = the inputs, 2 = the first node ...       */
} nw_cell_edge;

typedef struct nw_cell {
    int n;                                /* nodes beside the inputs   */
    nw_cell_edge edge[2 * NW_CELL_NODES]; /* two a node                */
    int n_concat, concat[NW_CELL_NODES];  /* as `from`                 */
} nw_cell;

typedef struct nw_genotype {
    nw_cell normal, reduce;
} nw_genotype;

typedef struct nw_named_genotype {
    const char *name;
    nw_genotype genotype;
} nw_named_genotype;

/* Those of the literature; ends at name NULL. */
extern const nw_named_genotype nw_genotypes[];

/* NULL when there is none of that name. */
const nw_genotype *nw_genotype_find(const char *name);

/* The i-th op that cells know, or NULL; and its static name for a word, or NULL. */
const char *nw_cell_op(int i);
const char *nw_cell_op_named(const char *word, size_t length);

/* Number of edges into the nodes before `node` (0 = the first beside the inputs). */
int nw_cell_first_edge(int node);

/* What `arch` of a DARTS space says: kept edges in order of node, then predecessor (the
 * authors order by strength; no number of the network depends on it). A kind of cell
 * that the space does not have stays empty (n = 0). */
nw_status nw_genotype_of_arch(const nw_arch *arch, nw_genotype *out);

/* The hard arch of a DARTS space that takes these cells: as many nodes, two kept edges
 * each. */
nw_status nw_genotype_to_arch(const nw_genotype *genotype, nw_arch *arch);

nw_status nw_genotype_write(nw_ctx *ctx, const nw_genotype *genotype, FILE *out);
nw_status nw_genotype_read(nw_ctx *ctx, nw_genotype *genotype, const char *json,
                           const char *where);

#endif
