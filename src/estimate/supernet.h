/* supernet.h - the net inside of the estimator "supernet", for tests and benchmarks. */
#ifndef NW_SUPERNET_H
#define NW_SUPERNET_H

#include "net.h"

nw_net *nw_supernet_net(void *self);

#endif
