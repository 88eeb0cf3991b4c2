/* estimate.h - the list of estimators. */
#ifndef NW_ESTIMATE_H
#define NW_ESTIMATE_H

#include "netwright_ext.h"

extern const nw_estimator_type *const nw_estimators[]; /* ends at NULL */

#endif
