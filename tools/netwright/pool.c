#include "pool.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool_block {
    struct pool_block *older;
    alignas(max_align_t) char data[];
};

void *pool_alloc(struct pool *pool, size_t size)
{
    struct pool_block *block = calloc(1, sizeof(*block) + size);

    if (!block) {
        fputs("netwright: out of memory\n", stderr);
        exit(1);
    }
    block->older = pool->newest;
    pool->newest = block;
    return block->data;
}

char *pool_copy(struct pool *pool, const char *text, size_t n)
{
    char *copy = pool_alloc(pool, n + 1);

    memcpy(copy, text, n);
    return copy;
}

char *pool_vprintf(struct pool *pool, const char *format, va_list list)
{
    va_list again;
    char *text;
    int n;

    va_copy(again, list);
    n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    text = pool_alloc(pool, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, format, list);
    return text;
}

char *pool_printf(struct pool *pool, const char *format, ...)
{
    va_list list;
    char *text;

    va_start(list, format);
    text = pool_vprintf(pool, format, list);
    va_end(list);
    return text;
}

void pool_free(struct pool *pool)
{
    while (pool->newest) {
        struct pool_block *block = pool->newest;

        pool->newest = block->older;
        free(block);
    }
}
