/* latency.h - how long one example takes. */
#ifndef NW_LATENCY_H
#define NW_LATENCY_H

#include "net.h"

/* Milliseconds of a forward pass at batch 1 on the threads of the net's context: the
 * median of `passes` after a few to warm up. What is measured differs from time to time.
 */
nw_status nw_net_latency(nw_net *net, int passes, double *ms);

#endif
