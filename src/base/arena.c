#include "arena.h"

#include <string.h>

enum { BLOCK = 16 << 10 };

struct nw_arena_block {
    struct nw_arena_block *older;
    size_t used, room;
    _Alignas(16) char data[];
};

void nw_arena_init(nw_arena *arena, nw_ctx *ctx)
{
    *arena = (nw_arena){.ctx = ctx};
}

void nw_arena_free(nw_arena *arena)
{
    while (arena->newest) {
        struct nw_arena_block *block = arena->newest;

        arena->newest = block->older;
        nw_release(arena->ctx, block);
    }
}

void *nw_arena_get(nw_arena *arena, size_t size)
{
    struct nw_arena_block *b = arena->newest;
    size_t room = size > BLOCK ? size : (size_t)BLOCK;

    size = (size + 15) & ~(size_t)15;
    if (!b || b->room - b->used < size) {
        room = (room + 15) & ~(size_t)15;
        b = nw_alloc(arena->ctx, sizeof(*b) + room);
        if (!b)
            return NULL;
        b->room = room;
        b->older = arena->newest;
        arena->newest = b;
    }
    b->used += size;
    return b->data + b->used - size;
}

char *nw_arena_dupn(nw_arena *arena, const char *text, size_t n)
{
    char *copy = nw_arena_get(arena, n + 1);

    return copy ? memcpy(copy, text, n) : NULL; /* the rest is zero already */
}

char *nw_arena_dup(nw_arena *arena, const char *text)
{
    return nw_arena_dupn(arena, text, strlen(text));
}
