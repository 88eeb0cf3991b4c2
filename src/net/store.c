/*
 * store.c - the weights that the networks of an elastic space share.
 *
 * An elastic space holds networks that differ in depth, widths and kernels. They are
 * trained together: a small network is a part of a large one. Of every weight it uses the
 * first output and input channels, the centre of the kernel, the first layers of a stage:
 *
 *   convolution  (out, in, K, K)  ->  (first o, first i, centre k x k)
 *   dense layer  (out, in)        ->  (first o, first i)
 *   batch norm   (C)              ->  (first c), scale, shift and running moments
 *
 * Once-for-all [1] gives every layer with elastic kernels matrices: a 5x5 kernel is the
 * centre of the 7x7 one as a vector of 25 times a matrix of 25 x 25, a 3x3 kernel the
 * centre of *that* times one of 9 x 9; all channels of the layer share them, and they
 * start as identities, which is plain cropping. AttentiveNAS [2] crops. SPOS [3] shares
 * by first channels. Gradients go the same ways backwards and add up in the store.
 *
 * Once-for-all moreover sorts channels by importance before widths shrink; that is a
 * permutation of the store, for whoever trains. Running moments of a slice are not those
 * that the small network has: recalibrate (NW_RECALIBRATE) before it is scored.
 *
 * [1] Cai et al. 2020, Once-for-all, arXiv:1908.09791.
 * [2] Wang et al. 2021, AttentiveNAS, arXiv:2011.09011.
 * [3] Guo et al. 2020, Single path one-shot, arXiv:1904.00420.
 */
#include "store.h"

#include "slice.h"

#include <string.h>

/* ---- What is in a store ----------------------------------------------------------- */

/* A parameter as far as the networks seen so far say. */
struct entry {
    nw_param param; /* the largest */
    char *name;
    int least; /* smallest kernel, rows */
};

/* Of all networks of a space. */
struct census {
    nw_ctx *ctx;
    nw_arena arena;
    struct entry *entry;
    int n, room;
    int next; /* where the next name is likely to be */
    unsigned flags;
};

/* Networks have their parameters in nearly the same order. */
static struct entry *find_entry(struct census *all, const char *name)
{
    for (int i = 0; i < all->n; i++) {
        const int k = (all->next + i) % all->n;

        if (!strcmp(all->entry[k].name, name)) {
            all->next = k + 1;
            return &all->entry[k];
        }
    }
    return NULL;
}

/* A name that is new stands behind the one that was found last. */
static nw_status add_entry(struct census *all, const nw_gparam *p)
{
    const int at = all->next;
    char *name = nw_arena_dup(&all->arena, p->name);

    if (!name)
        return NW_ENOMEM;
    NW_TRY(nw_grow(all->ctx, &all->entry, all->n, &all->room, sizeof(*all->entry)));
    memmove(all->entry + at + 1, all->entry + at,
            (size_t)(all->n - at) * sizeof(*all->entry));
    all->entry[at] =
        (struct entry){.param = *p->param, .name = name, .least = p->param->dim[2]};
    all->n++;
    all->next = at + 1;
    return NW_OK;
}

static nw_status see_param(struct census *all, const nw_gparam *p)
{
    struct entry *e = find_entry(all, p->name);

    if (!e)
        return add_entry(all, p);
    if (e->param.rank != p->param->rank || e->param.is_buffer != p->param->is_buffer)
        return nw_fail(all->ctx, NW_EMATCH,
                       "store: \"%s\" has %d axes in one network and %d in another",
                       p->name, e->param.rank, p->param->rank);
    for (int d = 0; d < e->param.rank; d++)
        if (p->param->dim[d] > e->param.dim[d])
            e->param.dim[d] = p->param->dim[d];
    if (p->param->fan_in > e->param.fan_in)
        e->param.fan_in = p->param->fan_in;
    if (p->param->dim[2] < e->least)
        e->least = p->param->dim[2];
    return NW_OK;
}

static nw_status see_network(struct census *all, const nw_arch *arch)
{
    nw_graph *g;
    nw_status status = NW_OK;
    char why[256];

    if (!nw_arch_is_legal(arch, why))
        return NW_OK;
    g = nw_graph_new(all->ctx, arch->space, arch, NW_F32,
                     nw_is_coded(arch->space) ? NW_GRAPH_AUX
                                              : NW_GRAPH_AUX | NW_GRAPH_ALL);
    if (!g)
        return NW_ENOMEM; /* or whatever is pending */
    all->next = 0;
    for (int i = 0; status >= 0 && i < g->n_param; i++)
        status = see_param(all, &g->param[i]);
    nw_graph_free(g);
    return status;
}

/* A graph holds all options at once; numbers and what a coded space decides change it. */
static int changes_shapes(const nw_space *space, int choice)
{
    return nw_is_coded(space) || space->choice[choice].kind == NW_NUMBER;
}

/* All decisions at their last option, but one (-1 = none) at `option`. */
static void pick_last(nw_arch *arch, int but, int option)
{
    const nw_space *space = arch->space;

    nw_arch_first(arch);
    for (int c = 0; c < space->n_choice; c++)
        if (changes_shapes(space, c))
            nw_arch_pick(arch, c, c == but ? option : space->choice[c].n - 1);
    if (space->family && space->family->repair)
        space->family->repair(arch);
}

static nw_status see_networks(struct census *all, nw_arch *arch)
{
    const nw_space *space = arch->space;

    pick_last(arch, -1, 0);
    NW_TRY(see_network(all, arch));
    for (int c = 0; c < space->n_choice; c++)
        for (int o = 0; changes_shapes(space, c) && o < space->choice[c].n - 1; o++) {
            pick_last(arch, c, o);
            NW_TRY(see_network(all, arch));
        }
    nw_arch_first(arch);
    return see_network(all, arch);
}

/* ---- Matrices of kernels ----------------------------------------------------- */

enum { LARGEST_KERNEL = 11, MOST_LEVELS = (LARGEST_KERNEL - 1) / 2 + 1 };

/* Matrices that follow the parameter: none, or one a step of two from the largest kernel
 * to the smallest. */
static int steps_of(const struct census *all, const struct entry *e)
{
    const nw_param *p = &e->param;

    if (!(all->flags & NW_STORE_KERNELS) || p->rank != 4 || p->dim[2] != p->dim[3] ||
        p->dim[2] > LARGEST_KERNEL || (p->dim[2] - e->least) % 2)
        return 0;
    return (p->dim[2] - e->least) / 2;
}

/* "depth_conv.conv.7to5_matrix" of "depth_conv.conv.weight", as in Once-for-all's code.
 */
static void matrix_name(const nw_param *weight, const char *name, int k,
                        char out[2 * NW_TEXT_SIZE])
{
    const size_t n = strlen(name) - strlen(weight->suffix);

    snprintf(out, 2 * NW_TEXT_SIZE, "%.*s%dto%d_matrix", (int)n, name, k, k - 2);
}

static nw_param matrix_param(int k)
{
    const int m = (k - 2) * (k - 2);

    return (nw_param){.suffix = "matrix", .rank = 2, .dim = {m, m}};
}

static nw_status add_param(nw_graph *g, const struct census *all, const struct entry *e)
{
    char name[2 * NW_TEXT_SIZE];

    NW_TRY(nw_graph_add_param(g, &e->param, e->name));
    for (int i = 0; i < steps_of(all, e); i++) {
        const int k = e->param.dim[2] - 2 * i;
        const nw_param matrix = matrix_param(k);

        matrix_name(&e->param, e->name, k, name);
        NW_TRY(nw_graph_add_param(g, &matrix, name));
    }
    return NW_OK;
}

static nw_graph *graph_of(const struct census *all)
{
    nw_graph *g = nw_graph_of_params(all->ctx, all->n * MOST_LEVELS);
    nw_status status = g ? NW_OK : NW_ENOMEM;

    for (int i = 0; status >= 0 && i < all->n; i++)
        status = add_param(g, all, &all->entry[i]);
    if (status >= 0)
        return g;
    nw_graph_free(g);
    return NULL;
}

static int is_matrix(const nw_gparam *p)
{
    return !strcmp(p->param->suffix, "matrix");
}

static void start_matrices(nw_net *store)
{
    for (int i = 0; i < store->graph->n_param; i++) {
        const nw_gparam *p = &store->graph->param[i];

        for (int d = 0; is_matrix(p) && d < p->param->dim[0]; d++)
            nw_real_set(store, nw_net_param(store, i), (size_t)(d * p->param->dim[0] + d),
                        1);
    }
}

/* ---- Making one -------------------------------------------------------------- */

static nw_status fill(nw_net *store, const struct census *all, uint64_t seed)
{
    store->graph = graph_of(all);
    if (!store->graph)
        return NW_ENOMEM;
    NW_TRY(nw_net_start(store, seed));
    start_matrices(store);
    store->grad = nw_map(all->ctx, store->graph->n_trainable * store->real_size + 1);
    return store->grad ? NW_OK : NW_ENOMEM;
}

static nw_net *make(const struct census *all, uint64_t seed, nw_precision precision)
{
    nw_net *store = nw_net_empty(all->ctx, precision);

    if (!store || fill(store, all, seed) >= 0)
        return store;
    nw_net_free(store);
    return NULL;
}

nw_net *nw_store_new(nw_ctx *ctx, nw_space *space, uint64_t seed, nw_precision precision,
                     unsigned flags)
{
    struct census all = {.ctx = ctx, .flags = flags};
    nw_arch *arch = nw_arch_new(ctx, space);
    nw_net *store = NULL;

    if (!arch)
        return NULL;
    nw_arena_init(&all.arena, ctx);
    if (see_networks(&all, arch) >= 0)
        store = make(&all, seed, precision);
    nw_release(ctx, all.entry);
    nw_arena_free(&all.arena);
    nw_arch_free(arch);
    return store;
}

/* ---- Lending and collecting -------------------------------------------------- */

/* Parameter i of a net and its place in a store. */
struct loan {
    const nw_net *store, *net;
    int s, i;
    nw_slice slice;
    int steps; /* of matrices between the two kernels */
    const nw_slicer *slicer;
};

static nw_status no_match(const struct loan *l, const char *why)
{
    return nw_fail(l->net->ctx, NW_EMATCH, "store: \"%s\" %s",
                   l->net->graph->param[l->i].name, why);
}

static const nw_param *param_of(const nw_net *net, int i)
{
    return net->graph->param[i].param;
}

/* The parameter of that name, from `s` on. */
static nw_status find_param(struct loan *l)
{
    const nw_graph *g = l->store->graph;
    const char *name = l->net->graph->param[l->i].name;

    for (int i = 0; i < g->n_param; i++, l->s++) {
        l->s %= g->n_param;
        if (!strcmp(g->param[l->s].name, name))
            return NW_OK;
    }
    return no_match(l, "is in none of the networks that it was made for");
}

static int has_matrix(const struct loan *l, int step)
{
    const nw_graph *g = l->store->graph;

    return l->s + 1 + step < g->n_param && is_matrix(&g->param[l->s + 1 + step]);
}

/* All the way from the largest kernel to the net's, or none: they are cropped. */
static nw_status find_steps(struct loan *l)
{
    l->steps = l->slice.rank == 4 && has_matrix(l, 0) ? l->slice.at[2] : 0;
    if (l->steps && !has_matrix(l, l->steps - 1))
        return no_match(l, "has a smaller kernel than any that it was made for");
    return NW_OK;
}

static nw_status fit(struct loan *l)
{
    const nw_param *part = param_of(l->net, l->i), *whole = param_of(l->store, l->s);

    l->slice = (nw_slice){.rank = part->rank};
    if (part->rank != whole->rank || part->is_buffer != whole->is_buffer)
        return no_match(l, "has another number of axes there");
    for (int d = 0; d < part->rank; d++) {
        const int rest = whole->dim[d] - part->dim[d],
                  is_kernel = part->rank == 4 && d > 1;

        if (rest < 0)
            return no_match(l, "is larger than what is there");
        if (is_kernel && rest % 2)
            return no_match(l, "has a kernel without a centre in that which is there");
        l->slice.dim[d] = part->dim[d];
        l->slice.of[d] = whole->dim[d];
        l->slice.at[d] = is_kernel ? rest / 2 : 0;
    }
    return find_steps(l);
}

static size_t filters(const struct loan *l)
{
    return (size_t)l->slice.dim[0] * (size_t)l->slice.dim[1];
}

/* The kernels on the way from the largest to that of the net, which is not among them. */
struct levels {
    void *from[MOST_LEVELS], *dfrom[MOST_LEVELS];
    void *block;
};

static int kernel_at(const struct loan *l, int level)
{
    return l->slice.of[2] - 2 * level;
}

static nw_status open_levels(const struct loan *l, struct levels *v)
{
    size_t n = 0;
    char *at;

    for (int i = 0; i < l->steps; i++)
        n += filters(l) * (size_t)(kernel_at(l, i) * kernel_at(l, i));
    v->block = at = nw_alloc(l->net->ctx, 2 * n * l->net->real_size + 1);
    if (!v->block)
        return NW_ENOMEM;
    for (int i = 0; i < l->steps; i++) {
        const size_t bytes =
            filters(l) * (size_t)(kernel_at(l, i) * kernel_at(l, i)) * l->net->real_size;

        v->from[i] = at;
        v->dfrom[i] = at + n * l->net->real_size;
        at += bytes;
    }
    return NW_OK;
}

/* The slice with whole kernels. */
static nw_slice wide(const struct loan *l)
{
    nw_slice s = l->slice;

    for (int d = 2; d < 4; d++) {
        s.dim[d] = s.of[d];
        s.at[d] = 0;
    }
    return s;
}

/* Down to the kernels before the last step, or, with `to`, to the end. */
static void descend(const struct loan *l, struct levels *v, void *to)
{
    const nw_slice s = wide(l);

    l->slicer->take(&s, nw_net_param(l->store, l->s), v->from[0]);
    for (int i = 0; i < l->steps; i++) {
        void *next = i + 1 < l->steps ? v->from[i + 1] : to;

        if (next)
            l->slicer->shrink(filters(l), kernel_at(l, i),
                              nw_net_param(l->store, l->s + 1 + i), v->from[i], next);
    }
}

static nw_status lend(const struct loan *l)
{
    void *to = nw_net_param(l->net, l->i);
    struct levels v;

    if (!l->steps) {
        l->slicer->take(&l->slice, nw_net_param(l->store, l->s), to);
        return NW_OK;
    }
    NW_TRY(open_levels(l, &v));
    descend(l, &v, to);
    nw_release(l->net->ctx, v.block);
    return NW_OK;
}

static void *grad_of(const nw_net *net, int i)
{
    return (char *)net->grad + net->graph->param[i].offset * net->real_size;
}

static nw_status collect(const struct loan *l)
{
    const nw_slice s = wide(l);
    const void *dy = grad_of(l->net, l->i);
    struct levels v;

    if (!l->steps) {
        l->slicer->add(&l->slice, dy, grad_of(l->store, l->s));
        return NW_OK;
    }
    NW_TRY(open_levels(l, &v));
    descend(l, &v, NULL);
    for (int i = l->steps - 1; i >= 0; i--) {
        l->slicer->grow(filters(l), kernel_at(l, i), nw_net_param(l->store, l->s + 1 + i),
                        v.from[i], dy, v.dfrom[i], grad_of(l->store, l->s + 1 + i));
        dy = v.dfrom[i];
    }
    l->slicer->add(&s, dy, grad_of(l->store, l->s));
    nw_release(l->net->ctx, v.block);
    return NW_OK;
}

static nw_status each(const nw_net *store, const nw_net *net,
                      nw_status (*act)(const struct loan *), int buffers)
{
    struct loan l = {.store = store, .net = net};

    if (store->precision != net->precision)
        return nw_fail(net->ctx, NW_EMATCH, "store: of another precision than the net");
    l.slicer = net->precision == NW_F64 ? &nw_slicer_f64 : &nw_slicer_f32;
    for (l.i = 0; l.i < net->graph->n_param; l.i++) {
        NW_TRY(find_param(&l));
        NW_TRY(fit(&l));
        if (buffers || !param_of(net, l.i)->is_buffer)
            NW_TRY(act(&l));
    }
    return NW_OK;
}

nw_status nw_store_lend(const nw_net *store, nw_net *net)
{
    return store && net ? each(store, net, lend, 1) : NW_ENOMEM;
}

nw_status nw_store_collect(nw_net *store, const nw_net *net)
{
    if (!store || !net)
        return NW_ENOMEM;
    if (!net->grad)
        return nw_fail(net->ctx, NW_EINVAL, "store: the net has no gradients");
    return each(store, net, collect, 0);
}
