#include "ctx.h"

#include "parallel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, HUGE = 2 << 20 };

/* Stands in the 64 bytes before every block. */
struct head {
    struct head *older, *newer;
    void (*destroy)(void *object);
    void *raw;     /* what the allocator gave; NULL for a mapping */
    size_t size;   /* of the block                                */
    size_t mapped; /* bytes to unmap, or 0                        */
};

_Static_assert(sizeof(struct head) <= ALIGN, "head fits before the block");

struct nw_ctx {
    nw_config config;
    struct head *newest, *oldest;
    size_t held;
    uint64_t allocations;
    void *shared; /* list of shared.c */
    nw_status pending;
    nw_status last;
    char words[1024];
};

static void *default_realloc(void *user, void *ptr, size_t size)
{
    (void)user;
    if (size)
        return realloc(ptr, size);
    free(ptr);
    return NULL;
}

nw_ctx *nw_open(const nw_config *config)
{
    nw_config c = config ? *config : (nw_config){0};
    nw_ctx *ctx;

    if (!c.realloc)
        c.realloc = default_realloc;
    ctx = c.realloc(c.user, NULL, sizeof(*ctx));
    if (!ctx)
        return NULL;
    memset(ctx, 0, sizeof(*ctx));
    if (c.threads <= 0)
        c.threads = nw_cores();
    ctx->config = c;
    return ctx;
}

/* Objects first, oldest first: what owns others is older than they are, and takes them
 * with it. Plain blocks may belong to any of them and go last. */
static void destroy_all(nw_ctx *ctx)
{
    struct head *h = ctx->oldest;

    while (h) {
        if (h->destroy) {
            nw_release(ctx, (char *)h + ALIGN);
            h = ctx->oldest; /* anything may be gone */
        } else {
            h = h->newer;
        }
    }
}

void nw_close(nw_ctx *ctx)
{
    if (!ctx)
        return;
    destroy_all(ctx);
    while (ctx->newest)
        nw_release(ctx, (char *)ctx->newest + ALIGN);
    ctx->config.realloc(ctx->config.user, ctx, 0);
}

static void *adopt(nw_ctx *ctx, void *block, struct head head)
{
    struct head *h = (struct head *)((char *)block - ALIGN);

    head.older = ctx->newest;
    if (ctx->newest)
        ctx->newest->newer = h;
    else
        ctx->oldest = h;
    *h = head;
    ctx->newest = h;
    ctx->held += head.size;
    ctx->allocations++;
    return block;
}

void *nw_new(nw_ctx *ctx, size_t size, void (*destroy)(void *object))
{
    size_t total = size + 2 * ALIGN;
    char *raw, *block;

    if (!ctx)
        return NULL;
    raw = total > size ? ctx->config.realloc(ctx->config.user, NULL, total) : NULL;
    if (!raw) {
        nw_fail(ctx, NW_ENOMEM, "out of memory: %zu bytes were asked for", size);
        return NULL;
    }
    block = (char *)(((uintptr_t)raw + 2 * ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
    memset(block, 0, size);
    return adopt(ctx, block, (struct head){.destroy = destroy, .raw = raw, .size = size});
}

void *nw_alloc(nw_ctx *ctx, size_t size)
{
    return nw_new(ctx, size, NULL);
}

/* Aligned to huge pages, and whole ones: the last would be small pages otherwise. */
void *nw_map(nw_ctx *ctx, size_t size)
{
    size_t pages = (size + HUGE - 1) & ~((size_t)HUGE - 1);
    size_t total = pages + 2 * (size_t)HUGE;
    char *raw, *block;

    if (size < (size_t)HUGE)
        return nw_alloc(ctx, size);
    raw = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) {
        nw_fail(ctx, NW_ENOMEM, "out of memory: %zu bytes were asked for", size);
        return NULL;
    }
    block = (char *)(((uintptr_t)raw + 2 * (size_t)HUGE - 1) & ~((uintptr_t)HUGE - 1));
    madvise(block, pages, MADV_HUGEPAGE); /* a hint: refusal changes nothing */
    return adopt(ctx, block, (struct head){.raw = raw, .size = size, .mapped = total});
}

void nw_release(nw_ctx *ctx, void *ptr)
{
    struct head *h = ptr ? (struct head *)((char *)ptr - ALIGN) : NULL;

    if (!h)
        return;
    if (h->destroy) {
        void (*destroy)(void *) = h->destroy;

        h->destroy = NULL;
        destroy(ptr);
    }
    if (h->newer)
        h->newer->older = h->older;
    else
        ctx->newest = h->older;
    if (h->older)
        h->older->newer = h->newer;
    else
        ctx->oldest = h->newer;
    ctx->held -= h->size;
    if (h->mapped)
        munmap(h->raw, h->mapped);
    else
        ctx->config.realloc(ctx->config.user, h->raw, 0);
}

void *nw_resize(nw_ctx *ctx, void *ptr, size_t old_size, size_t size)
{
    void *block = nw_alloc(ctx, size);

    if (!block)
        return NULL;
    if (ptr)
        memcpy(block, ptr, old_size < size ? old_size : size);
    nw_release(ctx, ptr);
    return block;
}

nw_status nw_grow(nw_ctx *ctx, void *array, int n, int *capacity, size_t size)
{
    void **slot = array;
    int room = *capacity ? 2 * *capacity : 8;
    void *block;

    if (n < *capacity)
        return NW_OK;
    block = nw_resize(ctx, *slot, (size_t)n * size, (size_t)room * size);
    if (!block)
        return NW_ENOMEM;
    *slot = block;
    *capacity = room;
    return NW_OK;
}

char *nw_strdup(nw_ctx *ctx, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = nw_alloc(ctx, size);

    return copy ? memcpy(copy, text, size) : NULL;
}

nw_status nw_vfail(nw_ctx *ctx, nw_status status, const char *format, va_list list)
{
    if (!ctx)
        return NW_ENOMEM;
    if (ctx->pending < 0)
        return status;
    vsnprintf(ctx->words, sizeof(ctx->words), format, list);
    ctx->pending = status;
    ctx->last = status;
    return status;
}

nw_status nw_fail(nw_ctx *ctx, nw_status status, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    status = nw_vfail(ctx, status, format, list);
    va_end(list);
    return status;
}

nw_status nw_pending(nw_ctx *ctx)
{
    nw_status status = ctx ? ctx->pending : NW_ENOMEM;

    if (status < 0) {
        if (ctx)
            ctx->pending = NW_OK;
        return status;
    }
    return nw_fail(ctx, NW_EINVAL, "an argument is missing");
}

int nw_is_pending(const nw_ctx *ctx)
{
    return !ctx || ctx->pending < 0;
}

void nw_clear(nw_ctx *ctx)
{
    if (ctx)
        ctx->pending = NW_OK;
}

const char *nw_errmsg(const nw_ctx *ctx)
{
    return ctx ? ctx->words : "out of memory";
}

nw_status nw_errstatus(const nw_ctx *ctx)
{
    return ctx ? ctx->last : NW_ENOMEM;
}

const char *nw_strstatus(nw_status status)
{
    switch (status) {
#define X(name, value, text)                                                             \
    case name:                                                                           \
        return text;
        NW_STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}

const char *nw_version(void)
{
    return NW_VERSION;
}

void nw_threads_change(nw_ctx *ctx, int threads)
{
    ctx->config.threads = threads;
}

int nw_threads(const nw_ctx *ctx)
{
    return ctx->config.threads;
}

void **nw_shared_list(nw_ctx *ctx)
{
    return &ctx->shared;
}

size_t nw_held_bytes(const nw_ctx *ctx)
{
    return ctx->held;
}

uint64_t nw_allocations(const nw_ctx *ctx)
{
    return ctx->allocations;
}
