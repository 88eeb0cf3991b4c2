/*
 * store.h - one set of weights for all networks of an elastic space.
 *
 * A store is a net without nodes: it has a parameter for every name that a network of the
 * space has, each of the largest shape that occurs, with gradients and buffers; so
 * optimizers and files take it as any net. A network of the space, built at some arch,
 * borrows its weights and later hands in its gradients:
 *
 *   store = nw_store_new(ctx, space, seed, NW_F32, NW_STORE_KERNELS);
 *   for every step:
 *       zero store->grad
 *       for a few archs:
 *           net = nw_net_new(ctx, space, arch, 0, NW_F32)
 *           nw_store_lend(store, net), a forward and a backward pass with net->grad
 *           zeroed before, nw_store_collect(store, net)
 *       one step of the optimizer on the store
 *
 * What a network takes of a parameter: the first numbers along every axis of channels,
 * the centre along the two axes of a kernel, none at all of a block that it does not
 * have. With NW_STORE_KERNELS a smaller kernel is the centre times a learned matrix, see
 * store.c. So it is a slice of the weights by place, and nothing else needs to know what
 * the space is: SPOS's numbers of channels and options that are blocks of their own work
 * alike.
 */
#ifndef NW_STORE_H
#define NW_STORE_H

#include "net.h"

enum nw_store_flag {
    NW_STORE_KERNELS = 1, /* matrices make small kernels of large ones (Once-for-all) */
};

/* Looks at the archs that have every decision at its last option, all at their first, and
 * each in turn at every option. Gives the weights a start of their names. */
nw_net *nw_store_new(nw_ctx *ctx, nw_space *space, uint64_t seed, nw_precision precision,
                     unsigned flags);

/* Weights and buffers of the net := those of the store. NW_EMATCH and words where the
 * store has no such parameter or only a smaller one. */
nw_status nw_store_lend(const nw_net *store, nw_net *net);

/* The store's gradients += those of a net that it lent its weights to. Slices alike add
 * up whatever the order of nets. */
nw_status nw_store_collect(nw_net *store, const nw_net *net);

#endif
