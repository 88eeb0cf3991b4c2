/* strategy.h - the list of strategies. */
#ifndef NW_STRATEGY_H
#define NW_STRATEGY_H

#include "netwright_ext.h"

extern const nw_strategy_type *const nw_strategies[]; /* ends at NULL */

#endif
