/* extremes.h - the smallest and the largest network of a space. */
#ifndef NW_EXTREMES_H
#define NW_EXTREMES_H

#include "space.h"

enum { NW_PARAMS, NW_MACS, NW_PEAK_BYTES, NW_MEASURES };

typedef struct nw_extremes {
    int is_exact; /* every arch was looked at; else these are the best that were found */
    long looked_at;
    double value[NW_MEASURES][2]; /* smallest, largest                                  */
    nw_arch *arch[NW_MEASURES][2];
} nw_extremes;

/* All archs when there are at most NW_MOST_LISTED; else coordinate descent. */
enum { NW_MOST_LISTED = 20000 };

nw_status nw_extremes_find(nw_ctx *ctx, nw_space *space, nw_extremes *out);
void nw_extremes_free(nw_extremes *extremes);

#endif
