/*
 * mixture.h - what choice and add do alike: y = sum of weight[i] * x[i], where an input
 * may be known to be zero (NULL) or deferred (nw_deferred), which then is normalised
 * while it is added.
 *
 * back  dx[i] = weight[i] dy. A deferred input reads dy itself; it gets the sums of dy
 * and of dy (x - mean) by channel, from which d weight[i] = <dy, value of i> follows too,
 *       as <scale, prod> + <shift, sum>, without another look at the tensors.
 */
#ifndef NW_OP_MIXTURE_H
#define NW_OP_MIXTURE_H

#include "op.h"

/* All inputs alike; `name` of the op for the message. */
nw_status NW_R(nw_mixture_infer)(nw_node *node, const char *name);

nw_status NW_R(nw_mixture_prepare)(nw_run *run);
/* weight: one an input; NULL = all 1, and none has a
 * gradient; else backward adds it to run->dmix, unless that is NULL. */
void NW_R(nw_mixture_forward)(const nw_run *run, const double *weight);
void NW_R(nw_mixture_backward)(const nw_run *run, const double *weight);

#endif
