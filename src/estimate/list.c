#include "estimate.h"

#define X(name) extern const nw_estimator_type nw_estimator_##name;
#include "list.def"
#undef X

const nw_estimator_type *const nw_estimators[] = {
#define X(name) &nw_estimator_##name,
#include "list.def"
#undef X
    NULL,
};
