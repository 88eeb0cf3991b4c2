/*
 * tiles.h - small matrix products on data that is in the caches already, on the calling
 * thread. The right matrix of a product stands in panels of 16 columns and perhaps a last
 * one of 8, each k rows long; rows of the left one may be any distance apart.
 */
#ifndef NW_TILES_H
#define NW_TILES_H

#include <stddef.h>

enum { NW_TILE_ROWS = 6, NW_TILE_COLS = 16 };

/* Floats of n columns, k long, as panels. */
size_t nw_panel_floats(int n, int k);

/* Where column i of n starts in panels that are k long; *width is that of its panel,
 * which is how far apart its numbers stand. n is rounded up to a multiple of 8. */
size_t nw_panel_at(int i, int n, int k, int *width);

/* Panels of a matrix whose number in row l, column i is w[i by_column + l by_row];
 * columns beyond the last are zero. */
void nw_pack_panels(int n, int k, const float *w, size_t by_column, size_t by_row,
                    float *panels);

/* out[m][n] = a[m][k] b, b in panels; rows of out are ldo apart. */
void nw_product(int m, int n, int k, const float *a, size_t lda, const float *b,
                float *out, size_t ldo);

/* out[c][o] += sum over rows of a[row][c] b[row][o], for c < ca and o < cb, both
 * multiples of 8; rows of out are cb apart. */
void nw_outer(int rows, int ca, int cb, const float *a, const float *b, float *out);

#endif
