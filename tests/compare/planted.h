/*
 * planted.h - a search whose answer is known, in no time: what comparisons are tested on.
 *
 * The programs of this folder have their own lists in place of the library's: estimator
 * "planted" and the strategies "random", "climb" and "frozen".
 */
#ifndef PLANTED_H
#define PLANTED_H

#include "netwright_ext.h"

/* Six choices of four options: 4096 archs. */
nw_space *planted_space(nw_ctx *ctx);

#endif
