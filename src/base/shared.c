/* shared.c - a short list: few things are shared. */
#include "shared.h"

#include <string.h>

struct entry {
    struct entry *next;
    void *object;
    int users;
    size_t key_size;
    unsigned char key[];
};

void *nw_shared_find(nw_ctx *ctx, const void *key, size_t key_size)
{
    for (struct entry *e = *nw_shared_list(ctx); e; e = e->next)
        if (e->key_size == key_size && !memcmp(e->key, key, key_size)) {
            e->users++;
            return e->object;
        }
    return NULL;
}

void *nw_shared_new(nw_ctx *ctx, const void *key, size_t key_size, size_t size,
                    void (*destroy)(void *object))
{
    struct entry *e = nw_alloc(ctx, sizeof(*e) + key_size);

    if (!e)
        return NULL;
    e->object = nw_new(ctx, size, destroy);
    if (!e->object) {
        nw_release(ctx, e);
        return NULL;
    }
    e->users = 1;
    e->key_size = key_size;
    memcpy(e->key, key, key_size);
    e->next = *nw_shared_list(ctx);
    *nw_shared_list(ctx) = e;
    return e->object;
}

void nw_shared_leave(nw_ctx *ctx, void *object)
{
    void **at = object ? nw_shared_list(ctx) : NULL;
    struct entry *e = NULL;

    for (; at && (e = *at) && e->object != object; at = (void **)&e->next)
        ;
    if (!e || --e->users)
        return;
    *at = e->next;
    nw_release(ctx, e->object);
    nw_release(ctx, e);
}
