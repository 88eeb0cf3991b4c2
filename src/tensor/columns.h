/*
 * columns.h - sums and broadcasts down the columns of (rows, c), and plain sums.
 *
 * A batch of (C, H, W) is such a matrix of N H W rows, as channels stand last.
 */
#ifndef NW_COLUMNS_H
#define NW_COLUMNS_H

#include "netwright_ext.h"

/* Parts into which sums over rows are cut, whatever the number of threads. */
enum { NW_MOST_PARTS = 32 };

/* Number of parts for `rows` rows of c numbers, and where part p starts. */
size_t nw_parts(size_t rows, size_t c);
static inline size_t nw_part_start(size_t rows, size_t parts, size_t p)
{
    return rows * p / parts;
}

/* sum[c] += over all rows of x[r][c]. scratch: nw_column_scratch() bytes. */
size_t NW_R(nw_column_scratch)(size_t rows, size_t c);
void NW_R(nw_column_sum)(size_t rows, size_t c, const nw_real *x, nw_real *sum,
                         void *scratch);

/* y[r][c] = row[c] */
void NW_R(nw_column_spread)(size_t rows, size_t c, const nw_real *row, nw_real *y);

/* y += x */
void NW_R(nw_add_into)(size_t n, const nw_real *x, nw_real *y);

/* sum[c] = over `rows` rows of x, on the calling thread. */
void NW_R(nw_rows_sum)(size_t rows, size_t c, const nw_real *x, nw_real *sum);

#endif
