/*
 * gemm.h - products of matrices, all of them dense and row by row.
 *
 * Own code instead of oneDNN's: that one allocates its packing buffers at run time,
 * and cuts work by the number of threads.
 */
#ifndef NW_GEMM_H
#define NW_GEMM_H

#include "netwright_ext.h"

/* c (m, n) = op(a) (m, k) op(b) (k, n), `count` times on stacked matrices. */
typedef struct nw_gemm {
    size_t m, n, k, count;
    int ta, tb; /* a stands as (k, m); b stands as (n, k) */
    int add;    /* c += instead of c =                    */
} nw_gemm;

size_t NW_R(nw_gemm_scratch)(const nw_gemm *g);
void NW_R(nw_gemm)(const nw_gemm *g, const nw_real *a, const nw_real *b, nw_real *c,
                   void *scratch);

#endif
