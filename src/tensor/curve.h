/*
 * curve.h - sigmoid and hyperbolic tangent of many numbers at once.
 *
 * Recurrent nets spend as long in these as in their products. In float both are within
 * 3 units in the last place, of any number but NaN; in double they are the C library's.
 */
#ifndef NW_CURVE_H
#define NW_CURVE_H

#include "netwright_ext.h"

/* y may be x. */
void NW_R(nw_sigmoid)(size_t n, const nw_real *x, nw_real *y);
void NW_R(nw_tanh)(size_t n, const nw_real *x, nw_real *y);

#endif
