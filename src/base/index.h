/* index.h - numbers 0, 1, 2 ... for 64-bit keys, in the order in which they come. */
#ifndef NW_INDEX_H
#define NW_INDEX_H

#include "netwright_ext.h"

#include <stddef.h>
#include <stdint.h>

typedef struct nw_index {
    nw_ctx *ctx;
    size_t n;       /* keys so far                                           */
    uint64_t *key;  /* key[i] has number i                                   */
    size_t room;    /* of key; slots are twice as many                       */
    uint32_t *slot; /* number + 1, 0 = free; open addressing, linear probing */
} nw_index;

enum { NW_INDEX_NONE = -1 };

/* All zero but for ctx is an empty one. */
void nw_index_free(nw_index *index);

/* Number of the key, or NW_INDEX_NONE. */
int64_t nw_index_find(const nw_index *index, uint64_t key);

/* The same; a key that is not there gets the next number. NW_INDEX_NONE = no memory,
 * which is left pending. */
int64_t nw_index_add(nw_index *index, uint64_t key);

/* Write all keys, or read what was written. */
nw_status nw_index_state(nw_index *index, nw_state *state);

#endif
