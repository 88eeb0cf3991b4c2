/*
 * shared.h - objects that several parts of one context use at once: made by the first
 * that asks, known by a key, gone with the last.
 *
 * What costs much to make and never changes belongs here: 500 searches on one table
 * read it once, as long as somebody holds it.
 */
#ifndef NW_SHARED_H
#define NW_SHARED_H

#include "ctx.h"

/* The object of that key, which has one user more; NULL = there is none. */
void *nw_shared_find(nw_ctx *ctx, const void *key, size_t key_size);

/* A zeroed object with one user; destroy (may be NULL) runs when the last has left it. */
void *nw_shared_new(nw_ctx *ctx, const void *key, size_t key_size, size_t size,
                    void (*destroy)(void *object));

void nw_shared_leave(nw_ctx *ctx, void *object); /* NULL is fine */

#endif
