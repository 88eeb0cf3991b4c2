/*
 * index.c - a hash table from 64-bit keys to their numbers.
 *
 * Keys stand in the order in which they came, so that a table can be written and read
 * again; slots only say where. Half of the slots are free at least.
 */
#include "index.h"

#include "ctx.h"

#include <string.h>

enum { FIRST_ROOM = 64 };

/* The last step of MurmurHash3: every bit of the key counts. */
static size_t home(uint64_t key, size_t slots)
{
    key ^= key >> 33;
    key *= 0xff51afd7ed558ccdu;
    key ^= key >> 33;
    return (size_t)(key & (slots - 1));
}

void nw_index_free(nw_index *index)
{
    nw_release(index->ctx, index->key);
    nw_release(index->ctx, index->slot);
    *index = (nw_index){.ctx = index->ctx};
}

/* The slot of the key, or the free one where it belongs. */
static size_t seek(const nw_index *index, uint64_t key)
{
    const size_t slots = 2 * index->room;
    size_t at = home(key, slots);

    while (index->slot[at] && index->key[index->slot[at] - 1] != key)
        at = (at + 1) & (slots - 1);
    return at;
}

/* Room for so many keys, a power of two. */
static nw_status grow(nw_index *index, size_t room)
{
    uint64_t *key = nw_resize(index->ctx, index->key, index->room * sizeof(*key),
                              room * sizeof(*key));
    uint32_t *slot = key ? nw_alloc(index->ctx, 2 * room * sizeof(*slot)) : NULL;

    index->key = key ? key : index->key;
    if (!slot)
        return NW_ENOMEM;
    nw_release(index->ctx, index->slot);
    index->slot = slot;
    index->room = room;
    for (size_t i = 0; i < index->n; i++)
        slot[seek(index, index->key[i])] = (uint32_t)i + 1;
    return NW_OK;
}

int64_t nw_index_find(const nw_index *index, uint64_t key)
{
    return index->room ? (int64_t)index->slot[seek(index, key)] - 1 : NW_INDEX_NONE;
}

int64_t nw_index_add(nw_index *index, uint64_t key)
{
    const int64_t found = nw_index_find(index, key);

    if (found != NW_INDEX_NONE)
        return found;
    if (index->n == index->room &&
        grow(index, index->room ? 2 * index->room : FIRST_ROOM) < 0)
        return NW_INDEX_NONE;
    index->key[index->n] = key;
    index->slot[seek(index, key)] = (uint32_t)index->n + 1;
    return (int64_t)index->n++;
}

nw_status nw_index_state(nw_index *index, nw_state *state)
{
    uint64_t n = index->n;
    size_t room = FIRST_ROOM;

    NW_TRY(state->bytes(state, &n, sizeof(n)));
    if (!state->reading)
        return n ? state->bytes(state, index->key, n * sizeof(*index->key)) : NW_OK;
    if (n > INT32_MAX)
        return nw_fail(index->ctx, NW_EFORMAT, "stored state: %llu keys are too many",
                       (unsigned long long)n);
    nw_index_free(index);
    while (room < n)
        room *= 2;
    NW_TRY(grow(index, room));
    if (n)
        NW_TRY(state->bytes(state, index->key, n * sizeof(*index->key)));
    index->n = (size_t)n;
    return grow(index, room);
}
