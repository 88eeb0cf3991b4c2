/*
 * seen.h - the vectors of decisions that a strategy has met: each once, in the order of
 * their coming, found again by a hash table of their places.
 */
#ifndef NW_SEEN_H
#define NW_SEEN_H

#include "netwright_ext.h"

typedef struct nw_seen {
    nw_ctx *ctx;
    int n;           /* numbers of a vector, at least 1 */
    int count, room; /* vectors                         */
    int *x;          /* one behind the other            */
    int *slot;       /* place + 1, or 0                 */
    int slots;       /* a power of 2                    */
} nw_seen;

/* Of vectors of the code; those of a space without decisions are one 0. */
void nw_seen_init(nw_seen *seen, nw_ctx *ctx, const nw_code *code);
void nw_seen_free(nw_seen *seen);

/* Place of the vector; -1 = it was never met. */
int nw_seen_find(const nw_seen *seen, const int *x);

/* The vector at a place; until the next is added. */
const int *nw_seen_at(const nw_seen *seen, int place);

/* Its place, at the end if it is new; below 0 = a failure, an nw_status. */
int nw_seen_add(nw_seen *seen, const int *x);

nw_status nw_seen_state(nw_seen *seen, nw_state *state);

/* An arch within the limits that was never met, each equally likely where they can be
 * listed; x is its vector. NW_DONE = there is none, or in a space too large to be listed
 * none was found. */
nw_status nw_seen_draw(const nw_seen *seen, const nw_env *env, const nw_code *code,
                       uint64_t seed, nw_arch *arch, int *x);

#endif
