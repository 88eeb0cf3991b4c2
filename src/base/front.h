/*
 * front.h - what is best when several numbers count.
 *
 * A point is m losses, smaller is better. It dominates another that is nowhere better and
 * somewhere worse. Points that nothing dominates are the first front, rank 0; those that
 * only these dominate are rank 1, and so on.
 *
 * Equal points share a rank, and of these only the first has a crowding distance, so that
 * a selection takes every place once before it takes a copy. A point with a NaN is worse
 * than all without: such points are the last front, and no part of a volume.
 */
#ifndef NW_FRONT_H
#define NW_FRONT_H

#include "ctx.h"

typedef struct nw_points {
    const double *loss; /* n rows of m */
    size_t n;
    int m;
} nw_points;

/* Time n log n for up to two losses, else at most n^2 m. rank holds n numbers. */
nw_status nw_front_rank(nw_ctx *ctx, const nw_points *points, int *rank);

/* How far the neighbours of its front are on both sides of a point: the sum over losses,
 * each divided by its range in the front; infinite at the front's ends, 0 of a copy. */
nw_status nw_front_crowding(nw_ctx *ctx, const nw_points *points, const int *rank,
                            double *distance);

/* The k best, best first: by rank, then by crowding distance, then as they stand. kept
 * holds k numbers, or n where that is less. */
nw_status nw_front_select(nw_ctx *ctx, const nw_points *points, size_t k, size_t *kept);

/* What the points dominate of the box below `reference` (m losses). Exact; n log n for
 * two losses, n^(m-1) log n for more in the worst case. */
nw_status nw_front_volume(nw_ctx *ctx, const nw_points *points, const double *reference,
                          double *volume);

#endif
