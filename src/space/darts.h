/* darts.h - inside of the DARTS family: darts.c builds networks of darts_cell.c's cells.
 */
#ifndef NW_DARTS_H
#define NW_DARTS_H

#include "family.h"
#include "genotype.h"

/* What a spec says. */
struct darts {
    int c, layers, classes, steps, multiplier, stem_stride, stem_pad, aux;
    double drop;
    char net[NW_TEXT_SIZE], phase[NW_TEXT_SIZE], ops[NW_TEXT_SIZE];
};

/* A network while it is built. */
struct darts_net {
    nw_space *space;
    const struct darts *key;
    const nw_genotype *genotype; /* NULL = every edge is a choice        */
    const char *op[16];          /* options of an edge, NULL-ended       */
    int none;                    /* index of "none" among them           */
    int reserves_none;           /* it is there for dropped edges only, and comes last */
    int is_search;    /* no affine batch norms, pools with a norm, no drop path */
    int has_rules[2]; /* of normal, reduction cells: made already  */
};

/* Numbers of a cell. */
struct darts_cell {
    int index, c;
    int is_reduction, after_reduction;
};

/* One cell on the outputs of the two before it, which have any number of channels. */
nw_ref nw_darts_cell(struct darts_net *net, const struct darts_cell *cell, nw_ref s0,
                     nw_ref s1);

/* A network of these cells, whatever key->phase says. */
nw_status nw_darts_fixed(nw_space *space, const struct darts *key, const int input[3],
                         int classes, const nw_genotype *genotype);

#endif
