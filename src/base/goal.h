/* goal.h - what no trial may exceed, and what is sought. */
#ifndef NW_GOAL_H
#define NW_GOAL_H

#include "netwright_ext.h"

enum { NW_MOST_LIMITS = 8, NW_MOST_OBJECTIVES = 8 };

typedef struct nw_limit {
    const nw_measure *measure;
    int at_least; /* >= instead of <= */
    double bound;
} nw_limit;

typedef struct nw_goal {
    int n_limit;
    nw_limit limit[NW_MOST_LIMITS];
    int n_objective;
    const nw_measure *objective[NW_MOST_OBJECTIVES + 1]; /* ends at NULL */
} nw_goal;

/* "params<=1e6, latency_ms<=20" and "accuracy, macs"; either may be NULL. */
nw_status nw_goal_parse(nw_ctx *ctx, const char *limits, const char *objective,
                        nw_goal *out);

/* By which share the limits are exceeded, summed; 0 = none is, INFINITY = not known. */
double nw_goal_excess(const nw_goal *goal, const nw_score *score);

/* "params<=1e+06" */
const char *nw_limit_text(const nw_limit *limit, char out[80]);

#endif
