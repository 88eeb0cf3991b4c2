/*
 * smash_share.c - the kernels that all networks of a search with SMASH share.
 *
 * While descriptions are ranked, a hypernetwork makes the 1x1 weights of an op; its main
 * convolutions w0 .. w3 are learnt, one set for all ops of a block. An op takes of each
 * the first channels that it has and the centre of 7x7, as large as its kernel. Of a
 * convolution in groups every filter sees in / groups channels and takes as many, again
 * the first (unverified: how the authors slice those). w0 and w2 see what the 1x1
 * convolution leaves, up to four times the widest op; w1 and w3 the widest op.
 *
 * Norms are not shared: there are none in the authors' searched networks. The
 * hypernetwork is not here.
 *
 * Source: Brock et al. 2017, arXiv:1708.05344, and the authors' SMASH.py.
 */
#include "slice.h"
#include "smash.h"

#include <stdio.h>
#include <string.h>

enum { LARGEST = 7, SHARED = NW_SMASH_BLOCKS * NW_SMASH_CONVS };

static nw_param shared_kernels(const nw_smash_rules *r, int conv)
{
    const int widest = NW_SMASH_UNITS * r->n, in = conv % 2 ? widest : 4 * widest;

    return (nw_param){.suffix = "weight",
                      .rank = 4,
                      .dim = {widest, in, LARGEST, LARGEST},
                      .fan_in = in * LARGEST * LARGEST};
}

static nw_status fill(nw_net *shared, const nw_smash_rules *r, uint64_t seed)
{
    shared->graph = nw_graph_of_params(shared->ctx, SHARED);
    if (!shared->graph)
        return NW_ENOMEM;
    for (int i = 0; i < SHARED; i++) {
        const nw_param p = shared_kernels(r, i % NW_SMASH_CONVS);
        char name[40];

        snprintf(name, sizeof(name), "blocks.%d.w%d.weight", i / NW_SMASH_CONVS,
                 i % NW_SMASH_CONVS);
        NW_TRY(nw_graph_add_param(shared->graph, &p, name));
    }
    NW_TRY(nw_net_start(shared, seed));
    shared->grad =
        nw_map(shared->ctx, shared->graph->n_trainable * shared->real_size + 1);
    return shared->grad ? NW_OK : NW_ENOMEM;
}

nw_net *nw_smash_share_new(nw_ctx *ctx, const nw_smash_rules *r, uint64_t seed,
                           nw_precision precision)
{
    nw_net *shared = nw_net_empty(ctx, precision);

    if (!shared || fill(shared, r, seed) >= 0)
        return shared;
    nw_net_free(shared);
    return NULL;
}

/* ---- Lending and collecting ---------------------------------------------------------
 */

/* Kernels of a network and those that they are part of. */
struct loan {
    const nw_net *shared, *net;
    int s, i;
    nw_slice slice;
    const nw_slicer *slicer;
};

static nw_status find_kernels(struct loan *l, int op, int conv)
{
    const nw_graph *g = l->net->graph;
    char name[48];

    snprintf(name, sizeof(name), "mod.%d.op.%d.conv.weight", op, conv);
    for (l->i = 0; l->i < g->n_param; l->i++)
        if (!strcmp(g->param[l->i].name, name))
            return NW_OK;
    return nw_fail(l->net->ctx, NW_EMATCH, "smash: the network has no \"%s\"", name);
}

static nw_status fit(struct loan *l)
{
    const nw_gparam *part = &l->net->graph->param[l->i];
    const nw_param *whole = l->shared->graph->param[l->s].param;

    l->slice = (nw_slice){.rank = 4};
    for (int d = 0; d < 4; d++) {
        const int rest = whole->dim[d] - part->param->dim[d];

        if (rest < 0)
            return nw_fail(l->net->ctx, NW_EMATCH,
                           "smash: \"%s\" is larger than the kernels that are shared",
                           part->name);
        l->slice.dim[d] = part->param->dim[d];
        l->slice.of[d] = whole->dim[d];
        l->slice.at[d] = d < 2 ? 0 : rest / 2;
    }
    return NW_OK;
}

static void lend(const struct loan *l)
{
    l->slicer->take(&l->slice, nw_net_param(l->shared, l->s), nw_net_param(l->net, l->i));
}

static void *grad_of(const nw_net *net, int i)
{
    return (char *)net->grad + net->graph->param[i].offset * net->real_size;
}

static void collect(const struct loan *l)
{
    l->slicer->add(&l->slice, grad_of(l->net, l->i), grad_of(l->shared, l->s));
}

/* Ops are counted through all blocks, as in smash_net.c. */
static nw_status each(struct loan *l, const nw_smash_rules *r, const nw_smash_arch *arch,
                      void (*act)(const struct loan *))
{
    int index = 0;

    if (l->shared->precision != l->net->precision)
        return nw_fail(l->net->ctx, NW_EMATCH,
                       "smash: the shared kernels are of another precision than the net");
    l->slicer = l->net->precision == NW_F64 ? &nw_slicer_f64 : &nw_slicer_f32;
    for (int b = 0; b < NW_SMASH_BLOCKS; b++)
        for (int o = 0; o < r->ops && arch->block[b].op[o].read; o++, index++)
            for (int c = 0; c < NW_SMASH_CONVS; c++) {
                if (!nw_smash_active[arch->block[b].op[o].pattern][c])
                    continue;
                l->s = b * NW_SMASH_CONVS + c;
                NW_TRY(find_kernels(l, index, c));
                NW_TRY(fit(l));
                act(l);
            }
    return NW_OK;
}

nw_status nw_smash_lend(const nw_net *shared, const nw_smash_rules *r,
                        const nw_smash_arch *arch, nw_net *net)
{
    struct loan l = {.shared = shared, .net = net};

    return each(&l, r, arch, lend);
}

nw_status nw_smash_collect(nw_net *shared, const nw_smash_rules *r,
                           const nw_smash_arch *arch, const nw_net *net)
{
    struct loan l = {.shared = shared, .net = net};

    if (!net->grad)
        return nw_fail(net->ctx, NW_EINVAL, "smash: the network has no gradients");
    return each(&l, r, arch, collect);
}
