/*
 * paths.c - a hash table by the weights of the arch, and a list by last use.
 *
 * The key is the whole vector of weights and not the hash of nw_arch_hash(): two archs
 * that compute the same have one hash, but parameters of different names.
 */
#include "paths.h"

#include "random.h"
#include "store.h"

#include <string.h>

enum { BUCKETS = 1024 };

struct entry {
    struct entry *next;          /* of the same bucket */
    struct entry *older, *newer; /* by last use        */
    uint64_t hash;
    nw_path path;
    int is_lent; /* its weights are cut out of the store */
    size_t bytes;
    double w[];
};

struct nw_paths {
    nw_ctx *ctx;
    nw_net *store, *room;
    nw_space *space;
    nw_paths_config config;
    struct entry *bucket[BUCKETS];
    struct entry *newest, *oldest;
    struct entry *at_work; /* NULL = none */
    nw_paths_count count;
};

/* ---- The list ------------------------------------------------------------------ */

static void unlink_entry(nw_paths *p, struct entry *e)
{
    *(e->newer ? &e->newer->older : &p->newest) = e->older;
    *(e->older ? &e->older->newer : &p->oldest) = e->newer;
}

static void link_newest(nw_paths *p, struct entry *e)
{
    e->older = p->newest;
    e->newer = NULL;
    *(p->newest ? &p->newest->newer : &p->oldest) = e;
    p->newest = e;
}

static struct entry **bucket_of(nw_paths *p, uint64_t hash)
{
    return &p->bucket[hash & (BUCKETS - 1)];
}

static void drop(nw_paths *p, struct entry *e)
{
    struct entry **at = bucket_of(p, e->hash);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_entry(p, e);
    p->count.kept--;
    p->count.bytes -= e->bytes;
    nw_net_free(e->path.net);
    nw_release(p->ctx, e);
}

/* ---- Making one ---------------------------------------------------------------- */

static size_t key_bytes(const nw_paths *p)
{
    return (size_t)p->space->n_weight * sizeof(double);
}

static nw_status build(nw_paths *p, struct entry *e, const nw_arch *arch)
{
    nw_net *net = nw_net_in(p->room, p->space, arch, p->config.flags);

    e->path.net = net;
    if (!net)
        return NW_ENOMEM; /* or whatever is pending */
    e->is_lent = p->config.always_lend || !nw_net_can_share(net, p->store);
    if (!e->is_lent)
        NW_TRY(nw_net_share(net, p->store));
    e->path.plan = nw_net_plan(net, &p->config.plan);
    return e->path.plan ? NW_OK : NW_ENOMEM;
}

/* Held without the arena, which belongs to all. */
static size_t held(const nw_paths *p)
{
    return nw_held_bytes(p->ctx) - p->room->arena_bytes;
}

static struct entry *make(nw_paths *p, const nw_arch *arch, uint64_t hash)
{
    const size_t before = held(p);
    struct entry *e = nw_alloc(p->ctx, sizeof(*e) + key_bytes(p));

    if (!e)
        return NULL;
    if (build(p, e, arch) < 0) {
        nw_net_free(e->path.net);
        nw_release(p->ctx, e);
        return NULL;
    }
    memcpy(e->w, arch->w, key_bytes(p));
    e->hash = hash;
    e->bytes = held(p) - before;
    e->next = *bucket_of(p, hash);
    *bucket_of(p, hash) = e;
    link_newest(p, e);
    p->count.kept++;
    p->count.built++;
    p->count.bytes += e->bytes;
    return e;
}

static struct entry *find(nw_paths *p, const nw_arch *arch, uint64_t hash)
{
    struct entry *e = *bucket_of(p, hash);

    while (e && (e->hash != hash || memcmp(e->w, arch->w, key_bytes(p))))
        e = e->next;
    if (!e)
        return NULL;
    unlink_entry(p, e);
    link_newest(p, e);
    p->count.known++;
    return e;
}

/* ---- Going in and out ------------------------------------------------------------ */

static nw_status lend(const nw_paths *p, const struct entry *e)
{
    const nw_net *net = e->path.net;

    NW_TRY(nw_store_lend(p->store, e->path.net));
    memset(net->grad, 0, net->graph->n_trainable * net->real_size);
    return NW_OK;
}

nw_status nw_paths_enter(nw_paths *p, const nw_arch *arch, nw_path *out)
{
    uint64_t hash;
    struct entry *e;

    if (!p || !arch)
        return NW_ENOMEM;
    if (arch->space != p->space)
        return nw_fail(p->ctx, NW_EMATCH, "the architecture is of another space");
    p->at_work = NULL;
    hash = nw_hash(NW_HASH_START, arch->w, key_bytes(p));
    e = find(p, arch, hash);
    if (!e)
        e = make(p, arch, hash);
    if (!e)
        return nw_pending(p->ctx);
    while (p->count.bytes > p->config.bytes && p->oldest != e)
        drop(p, p->oldest);
    if (e->is_lent)
        NW_TRY(lend(p, e));
    p->at_work = e;
    *out = e->path;
    return NW_OK;
}

nw_status nw_paths_leave(nw_paths *p)
{
    const struct entry *e = p->at_work;

    p->at_work = NULL;
    return e && e->is_lent ? nw_store_collect(p->store, e->path.net) : NW_OK;
}

nw_paths_count nw_paths_counts(const nw_paths *p)
{
    return p->count;
}

/* ---- The whole --------------------------------------------------------------------- */

/* No path has more numbers than the store. */
static nw_status open_room(nw_paths *p)
{
    const nw_graph *g = p->store->graph;
    const size_t size = p->store->real_size;
    nw_net *room = nw_net_empty(p->ctx, p->store->precision);

    p->room = room;
    if (!room)
        return NW_ENOMEM;
    room->param = nw_map(p->ctx, g->n_trainable * size + 1);
    room->grad = nw_map(p->ctx, g->n_trainable * size + 1);
    room->buffer = nw_map(p->ctx, g->n_buffer * size + 1);
    return room->param && room->grad && room->buffer ? nw_net_need_grad(p->store)
                                                     : NW_ENOMEM;
}

/* Older than all that it owns, so a context that closes takes it first. */
static void paths_destroy(void *object)
{
    nw_paths *p = object;

    while (p->oldest)
        drop(p, p->oldest);
    nw_net_free(p->room);
}

nw_paths *nw_paths_new(nw_net *store, nw_space *space, const nw_paths_config *config)
{
    nw_paths *p = store && space ? nw_new(store->ctx, sizeof(*p), paths_destroy) : NULL;

    if (!p)
        return NULL;
    p->ctx = store->ctx;
    p->store = store;
    p->space = space;
    p->config = *config;
    if (open_room(p) >= 0)
        return p;
    nw_paths_free(p);
    return NULL;
}

void nw_paths_free(nw_paths *p)
{
    if (p)
        nw_release(p->ctx, p);
}
