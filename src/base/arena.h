/* arena.h - many small things that live and die together. */
#ifndef NW_ARENA_H
#define NW_ARENA_H

#include "ctx.h"

typedef struct nw_arena {
    nw_ctx *ctx;
    struct nw_arena_block *newest;
} nw_arena;

void nw_arena_init(nw_arena *arena, nw_ctx *ctx);
void nw_arena_free(nw_arena *arena);

/* Zeroed, 16-byte aligned; NULL after a recorded NW_ENOMEM. */
void *nw_arena_get(nw_arena *arena, size_t size);
char *nw_arena_dup(nw_arena *arena, const char *text);
char *nw_arena_dupn(nw_arena *arena, const char *text, size_t n);

#endif
