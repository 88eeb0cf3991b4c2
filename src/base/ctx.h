/*
 * ctx.h - the context: memory, words of the last failure, life of objects.
 *
 * Every allocation of the library is one of nw_new(), nw_resize() or nw_map(), so
 * a test can make the k-th one fail, and nw_close() can free what is left.
 */
#ifndef NW_CTX_H
#define NW_CTX_H

#include "netwright.h"

#include <stdarg.h>

/* Zeroed and 64-byte aligned. destroy (may be NULL) runs before the memory goes,
 * on nw_release() or nw_close(), owners before what they own. NULL after a failure that
 * is already recorded with nw_fail(). */
void *nw_new(nw_ctx *ctx, size_t size, void (*destroy)(void *object));
void *nw_alloc(nw_ctx *ctx, size_t size); /* nw_new() without destroy */

/* As realloc(): the content is kept, the rest is zero. ptr may be NULL. */
void *nw_resize(nw_ctx *ctx, void *ptr, size_t old_size, size_t size);
void nw_release(nw_ctx *ctx, void *ptr); /* NULL is fine */
char *nw_strdup(nw_ctx *ctx, const char *text);

/* A large zeroed block in huge pages where the system has them. */
void *nw_map(nw_ctx *ctx, size_t size);

/* Make room for one more element of `size` bytes; doubles. *array is replaced. */
nw_status nw_grow(nw_ctx *ctx, void *array, int n, int *capacity, size_t size);

/* Record words and code, pending until a status-returning call reports them. A
 * failure that is already pending keeps its words: the first cause counts. */
nw_status nw_fail(nw_ctx *ctx, nw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
nw_status nw_vfail(nw_ctx *ctx, nw_status status, const char *format, va_list list);

/* The failure that is pending, which is hereby reported; NW_EINVAL if none is. */
nw_status nw_pending(nw_ctx *ctx);

int nw_is_pending(const nw_ctx *ctx); /* a failure that nobody was told of yet */

/* Start of a call whose own failures shall be reported: forget an older one. */
void nw_clear(nw_ctx *ctx);

int nw_threads(const nw_ctx *ctx);
void nw_threads_change(nw_ctx *ctx, int threads); /* of plans made from now on */

void **nw_shared_list(nw_ctx *ctx); /* for shared.c */

/* Bytes now held, and number of allocations ever made: for tests. */
size_t nw_held_bytes(const nw_ctx *ctx);
uint64_t nw_allocations(const nw_ctx *ctx);

#define NW_TRY(call)                                                                     \
    do {                                                                                 \
        nw_status nw_try_ = (call);                                                      \
        if (nw_try_ < 0)                                                                 \
            return nw_try_;                                                              \
    } while (0)

#endif
