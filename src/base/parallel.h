/*
 * parallel.h - the one place where a loop becomes parallel.
 *
 * Work is cut by its own size, never by the number of threads, and every partial
 * sum has a place of its own, so results do not depend on how many threads there are.
 */
#ifndef NW_PARALLEL_H
#define NW_PARALLEL_H

#include <stddef.h>

typedef void (*nw_body)(void *arg, size_t begin, size_t end);

/* Call body over parts of [0, n), each at most `grain` long and starting at a
 * multiple of it; parts run at once on the threads that nw_set_threads() allows. */
void nw_parallel(size_t n, size_t grain, nw_body body, void *arg);

/* Number of the thread that runs a part, below that of nw_set_threads(): for working
 * memory that stays in its caches, never for what a result could depend on. */
int nw_thread(void);

/* Cores that this process may use, at least 1. */
int nw_cores(void);

/* For the calling thread and what it calls, oneDNN included. */
void nw_set_threads(int threads);

#endif
