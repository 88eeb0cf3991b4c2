/*
 * crew.h - workers: processes of one thread each that estimate trials side by side.
 *
 * A worker is a fork of the search after its estimator was opened, so it shares the data
 * and needs no file of its own. It is given trials over a pair of sockets and answers
 * with rows for the study, its estimator's state from time to time, and the result. A
 * worker that dies or hangs fails its trial and is replaced; when the search dies the
 * kernel kills its workers.
 */
#ifndef NW_CREW_H
#define NW_CREW_H

#include "link.h"
#include "loop.h"

/* Fork config->jobs workers. The context goes to one thread until nw_crew_close(). */
nw_status nw_crew_open(struct loop *l);
void nw_crew_close(struct loop *l);

/* Hand out what waits in the queue, then take in what workers report, for a tenth of a
 * second at most. Flights become done. */
nw_status nw_crew_work(struct loop *l);

/* The latest of the worker that has the first trial. */
void nw_crew_progress(const struct loop *l, nw_progress *out);

/* What a trial carries to a worker and back. */
struct nw_order {
    uint64_t id, seed;
    double fidelity, best; /* weights are wanted of what is better; NaN = of all */
};

struct nw_result {
    nw_status status;
    double epoch;
    nw_score score;
    char reason[512]; /* "" = none */
};

struct nw_named_value {
    int epoch;
    double value;
    char name[64];
};

/* worker.c: the life of a worker, until the other end closes. */
void nw_worker_run(struct loop *l);

#endif
