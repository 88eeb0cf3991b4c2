/* rungs.h - the fidelities that strategies of successive halving climb. */
#ifndef NW_RUNGS_H
#define NW_RUNGS_H

#include "netwright_ext.h"

enum { NW_MOST_RUNGS = 32 };

/* min_fidelity * eta^k for k = 0, 1, ..., then 1 in place of the power next to it: the
 * lowest is what the user says, the highest is the whole effort. The papers let eta^k
 * divide the effort exactly, and then so do these. Answers their number. */
int nw_rungs(int eta, double min_fidelity, double fidelity[NW_MOST_RUNGS]);

/* Size of the first rung of Hyperband's bracket that has `s` + 1 of `top` + 1 rungs. */
int64_t nw_bracket_size(int eta, int top, int s);

#endif
