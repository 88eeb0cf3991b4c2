/*
 * rungs.c - ladders of fidelities and sizes of brackets.
 *
 * Source: Li et al. 2018, Hyperband, JMLR 18(185), arXiv:1603.06560, algorithm 1.
 */
#include "rungs.h"

#include <math.h>

int nw_rungs(int eta, double min_fidelity, double fidelity[NW_MOST_RUNGS])
{
    const int steps = (int)lround(-log(min_fidelity) / log(eta));
    const int n = steps < NW_MOST_RUNGS ? steps : NW_MOST_RUNGS - 1;

    for (int k = 0; k < n; k++)
        fidelity[k] = k ? fidelity[k - 1] * eta : min_fidelity;
    fidelity[n] = 1;
    return n + 1;
}

int64_t nw_bracket_size(int eta, int top, int s)
{
    int64_t n = top + 1;

    for (int i = 0; i < s; i++)
        n *= eta;
    return (n + s) / (s + 1);
}
