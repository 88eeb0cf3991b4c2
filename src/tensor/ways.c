/*
 * ways.c - a hash table by shape, pass and threads; entries count their users.
 *
 * What a primitive is given changes with every call and is set before it (onednn.c), so
 * any number of layers can use the same one, in turn.
 *
 * When a context closes, nets and primitives go in any order. So leaving an entry only
 * counts: primitives go when others are made, or all at the end.
 */
#include "ways.h"

#ifdef NW_DOUBLE

typedef int nw_ways_are_float_only; /* an empty file is not C */

#else

#include "onednn.h"
#include "shared.h"

#include <string.h>

enum { BUCKETS = 512, SPARE = 1024 };

/* All of it is compared, so all of it is set: there are no gaps between ints. */
struct key {
    nw_conv_dims dims;
    int pass, bias, threads;
};

_Static_assert(sizeof(struct key) % sizeof(int) == 0, "no gaps");

struct entry {
    struct entry *next; /* of the same bucket */
    struct key key;
    nw_conv_way way; /* run NULL: oneDNN has nothing but its reference */
    int users;
    uint64_t used; /* when it was last asked for */
};

struct ways {
    struct entry *bucket[BUCKETS];
    uint64_t clock, made;
    int n; /* entries */
};

static const char shared_key[] = "convolutions of oneDNN";

/* Has one user more than there are, so that it stays. */
static struct ways *ways_of(nw_ctx *ctx)
{
    struct ways *all = nw_shared_find(ctx, shared_key, sizeof(shared_key));

    if (all)
        nw_shared_leave(ctx, all);
    else
        all = nw_shared_new(ctx, shared_key, sizeof(shared_key), sizeof(*all), NULL);
    return all;
}

static size_t bucket_of(const struct key *key)
{
    const int *v = (const int *)key;
    uint64_t h = 0;

    for (size_t i = 0; i < sizeof(*key) / sizeof(*v); i++)
        h = (h ^ (uint64_t)v[i]) * 0x9e3779b97f4a7c15u;
    return h >> 32 & (BUCKETS - 1);
}

static void remove_entry(nw_ctx *ctx, struct ways *all, struct entry **at)
{
    struct entry *e = *at;

    *at = e->next;
    all->n--;
    nw_release(ctx, e->way.self);
    nw_release(ctx, e);
}

/* Among those without users, the one that was asked for longest ago. */
static void remove_oldest(nw_ctx *ctx, struct ways *all)
{
    struct entry **oldest = NULL;

    for (int b = 0; b < BUCKETS; b++)
        for (struct entry **e = &all->bucket[b]; *e; e = &(*e)->next)
            if (!(*e)->users && (!oldest || (*e)->used < (*oldest)->used))
                oldest = e;
    if (oldest)
        remove_entry(ctx, all, oldest);
}

static struct entry *make(nw_ctx *ctx, struct ways *all, const struct key *key)
{
    struct entry *e = nw_alloc(ctx, sizeof(*e)), **head = &all->bucket[bucket_of(key)];

    if (!e)
        return NULL;
    if (nw_onednn_conv(ctx, &key->dims, (nw_conv_pass)key->pass, key->bias, &e->way) <
        0) {
        nw_release(ctx, e);
        return NULL;
    }
    if (all->n >= SPARE)
        remove_oldest(ctx, all);
    e->key = *key;
    e->next = *head;
    *head = e;
    all->n++;
    all->made++;
    return e;
}

nw_status nw_ways_find(nw_ctx *ctx, const nw_conv_dims *d, nw_conv_pass pass, int bias,
                       nw_conv_way *way)
{
    const struct key key = {*d, (int)pass, bias && pass != NW_CONV_BACK_DATA,
                            nw_threads(ctx)};
    struct ways *all = ways_of(ctx);
    struct entry *e = all ? all->bucket[bucket_of(&key)] : NULL;

    *way = (nw_conv_way){0};
    while (e && memcmp(&e->key, &key, sizeof(key)))
        e = e->next;
    if (all && !e)
        e = make(ctx, all, &key);
    if (!e)
        return NW_ENOMEM;
    e->users++;
    e->used = ++all->clock;
    *way = e->way;
    way->lent = e;
    return NW_OK;
}

void nw_ways_leave(void *lent)
{
    struct entry *e = lent;

    if (e)
        e->users--;
}

uint64_t nw_ways_made(nw_ctx *ctx)
{
    const struct ways *all = ways_of(ctx);

    return all ? all->made : 0;
}

void nw_ways_drop(nw_ctx *ctx)
{
    struct ways *all = nw_shared_find(ctx, shared_key, sizeof(shared_key));

    if (!all)
        return;
    for (int b = 0; b < BUCKETS; b++)
        for (struct entry **e = &all->bucket[b]; *e;)
            if ((*e)->users)
                e = &(*e)->next;
            else
                remove_entry(ctx, all, e);
    nw_shared_leave(ctx, all);
    if (!all->n)
        nw_shared_leave(ctx, all);
}

#endif
