/* within.c - does an arch keep limits, outside of a search. */
#include "goal.h"
#include "space.h"

#include <math.h>

nw_status nw_arch_within(const nw_arch *arch, const char *limits, int *is_within)
{
    nw_score score = {.latency_ms = NAN};
    nw_goal goal;

    *is_within = 0;
    if (!arch)
        return NW_ENOMEM;
    nw_clear(arch->ctx);
    NW_TRY(nw_goal_parse(arch->ctx, limits, NULL, &goal));
    NW_TRY(nw_arch_cost(arch, &score));
    score.latency_ms = NAN;
    for (int i = 0; i < goal.n_limit; i++) {
        nw_limit *limit = &goal.limit[i];

        if (isnan(nw_measure_of(limit->measure, &score)))
            limit->bound = limit->at_least ? -INFINITY : INFINITY;
        if (isinf(limit->bound))
            limit->measure = nw_measure_find("params", 6); /* any that is known */
    }
    *is_within = nw_goal_excess(&goal, &score) <= 0;
    return NW_OK;
}
