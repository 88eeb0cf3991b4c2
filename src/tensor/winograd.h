/*
 * winograd.h - 3x3 convolutions by minimal filtering: the transforms, on channels of
 * whole vectors, a strip (one row of 4x4 tiles across an image) at a time. The products
 * between them are the caller's.
 *
 * What is transformed stands as 36 matrices, one for each pair of points, `pitch` floats
 * apart: a row a tile, a column a channel.
 */
#ifndef NW_WINOGRAD_H
#define NW_WINOGRAD_H

#include <stddef.h>

enum { NW_WINO_OUT = 4, NW_WINO_IN = 6, NW_WINO_POINTS = NW_WINO_IN * NW_WINO_IN };

/* Floats between matrices of n floats: so that their same rows are on different sets of
 * a cache. */
size_t nw_wino_pitch(size_t n);

/* A strip of tiles, each cp floats a pixel, and room for (6, 4 tiles + 2, 8) floats. */
typedef struct nw_wino_strip {
    int tiles, cp;
    float *line;
} nw_wino_strip;

/* v = B' d B of 6 rows of 4 tiles + 2 pixels. */
void nw_wino_in(const nw_wino_strip *s, const float *const row[NW_WINO_IN], float *v,
                size_t pitch);

/* x = A d A' of channels [from, from + n) of 4 rows of 4 tiles pixels; n floats a row of
 * x. */
void nw_wino_spread(const nw_wino_strip *s, const float *const row[NW_WINO_OUT], int from,
                    int n, float *x, size_t pitch);

/* Where a strip of output goes; tiles may hang over its edges. */
typedef struct nw_wino_place {
    float *to;
    size_t row, pixel; /* floats from one to the next     */
    int rows, cols, c; /* rows <= 4, pixels and channels  */
} nw_wino_place;

/* A' m A, n floats a row of m. */
void nw_wino_out(int tiles, const float *m, size_t pitch, int n, const nw_wino_place *p);

/* ---- Filters ------------------------------------------------------------------------
 */

/* Filters (oc, c, 3, 3). */
typedef struct nw_wino_filter {
    int oc, c;
    int back; /* turned by half a turn, and from oc to c */
} nw_wino_filter;

/* Columns, and the rows of each. */
int nw_wino_columns(const nw_wino_filter *f);
int nw_wino_rows(const nw_wino_filter *f);

/* G w G' as 36 right matrices of products (tiles.h), `pitch` floats apart: the 8 columns
 * from `column` on. */
void nw_wino_pack(const nw_wino_filter *f, const float *w, int column, float *u,
                  size_t pitch);

/* dw (9, n) += G' sum G of 36 matrices of n numbers, a multiple of 8; turned by half a
 * turn. */
void nw_wino_unpack(int n, const float *sum, size_t pitch, float *dw);

#endif
