#include "strategy.h"

#define X(name) extern const nw_strategy_type nw_strategy_##name;
#include "list.def"
#undef X

const nw_strategy_type *const nw_strategies[] = {
#define X(name) &nw_strategy_##name,
#include "list.def"
#undef X
    NULL,
};
