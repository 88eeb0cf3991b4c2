/* lanes.h - vectors along the channels of a pixel, for kernels marked NW_WIDE. */
#ifndef NW_LANES_H
#define NW_LANES_H

#include "simd.h"

#ifndef NW_DOUBLE

/* Where the vector from channel k on starts: the last one reaches back over channels that
 * are done already, so that no lane is beyond the n >= 8 channels. */
NW_INLINE int nw_lanes_at(int k, int n)
{
    return k + NW_LANES <= n ? k : n - NW_LANES;
}

NW_WIDE NW_INLINE nw_v nw_get(const float *x)
{
    return *(const nw_vu *)x;
}

NW_WIDE NW_INLINE void nw_put(float *x, nw_v v)
{
    *(nw_vu *)x = v;
}

typedef int nw_lane_mask __attribute__((vector_size(32)));

/* 1 in the lanes that a vector at k, of n channels walked from `from` on, is the first to
 * reach; 0 in the others. */
NW_WIDE NW_INLINE nw_v nw_fresh(int from, int k)
{
    const nw_lane_mask lane = {0, 1, 2, 3, 4, 5, 6, 7};
    const int done = from - k;
    const nw_v one = {1, 1, 1, 1, 1, 1, 1, 1};

    return (nw_v)((nw_lane_mask)one & (lane >= done));
}

/* The larger of two, of v and 0, the smaller of v and limit; a NaN passes. */
#ifdef __x86_64__
NW_WIDE NW_INLINE nw_v nw_larger(nw_v a, nw_v b)
{
    return (nw_v)((nw_lane_mask)__builtin_ia32_maxps256(a, b) | (a != a));
}

NW_WIDE NW_INLINE nw_v nw_above_zero(nw_v v)
{
    return __builtin_ia32_maxps256((nw_v){0}, v);
}

NW_WIDE NW_INLINE nw_v nw_at_most(nw_v v, nw_v limit)
{
    return __builtin_ia32_minps256(limit, v);
}
#else
NW_WIDE NW_INLINE nw_v nw_larger(nw_v a, nw_v b)
{
    const nw_lane_mask first = (a > b) | (a != a);

    return (nw_v)(((nw_lane_mask)a & first) | ((nw_lane_mask)b & ~first));
}

NW_WIDE NW_INLINE nw_v nw_above_zero(nw_v v)
{
    return (nw_v)((nw_lane_mask)v & ~(v < 0));
}

NW_WIDE NW_INLINE nw_v nw_at_most(nw_v v, nw_v limit)
{
    const nw_lane_mask above = v > limit;

    return (nw_v)(((nw_lane_mask)v & ~above) | ((nw_lane_mask)limit & above));
}
#endif

/* `other` where v is below limit, else 0. */
NW_WIDE NW_INLINE nw_v nw_where_below(nw_v v, nw_v limit, nw_v other)
{
    return (nw_v)((nw_lane_mask)other & (v < limit));
}

#endif

#endif
