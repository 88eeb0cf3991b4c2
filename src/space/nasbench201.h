/* nasbench201.h - parts of NAS-Bench-201's networks, for its space of sizes too. */
#ifndef NW_NASBENCH201_H
#define NW_NASBENCH201_H

#include "family.h"

struct nw_nb201 {
    nw_space *space;
    const int *taken; /* op of every edge; NULL = a choice */
};

nw_ref nw_nb201_stem(nw_space *space, const int shape[3], int c);

/* Cell `index` on `from` channels, to c; a cell of choices keeps their number. */
nw_ref nw_nb201_cell(const struct nw_nb201 *net, int index, nw_ref x, int from, int c);

/* Remember the cell of these ops for its picture, without edges of zeros. */
nw_status nw_nb201_draw(nw_space *space, const int *taken);

nw_ref nw_nb201_residual(nw_space *space, int index, nw_ref x, int c);
nw_status nw_nb201_head(nw_space *space, nw_ref x, int classes);

#endif
