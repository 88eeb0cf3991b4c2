/* normed.h - rows that join a sum while they are normalised; on the calling thread. */
#ifndef NW_NORMED_H
#define NW_NORMED_H

#include "netwright_ext.h"

/* y = or += factor * ((x - mean[c]) * scale[c] + shift[c]) */
void NW_R(nw_normed_rows)(size_t rows, size_t c, nw_real factor, const nw_real *x,
                          const nw_real *mean, const nw_real *scale, const nw_real *shift,
                          nw_real *y, int add);

/* prod[c] = over the rows, the sum of dy * (x - mean[c]) */
void NW_R(nw_product_rows)(size_t rows, size_t c, const nw_real *x, const nw_real *dy,
                           const nw_real *mean, nw_real *prod);

#endif
