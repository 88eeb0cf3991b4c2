/*
 * paths.h - the networks of a space at work on one set of weights, one after the other.
 *
 * A single-path supernet trains another network of its space in every step. Building one
 * costs less than 1 ms where the primitives of its layers are known (tensor/ways.h); one
 * that was met before and is still kept costs a look into a table. What is kept of a
 * path is its graph and its plan, some hundred KB. All paths work in one arena, since one
 * works at a time.
 *
 * Where the store has every parameter of a path in its shape, the path reads and writes
 * the store's own blocks. Otherwise (elastic spaces) its weights are cut out of the store
 * when it is entered, and its gradients are handed in when it is left.
 */
#ifndef NW_PATHS_H
#define NW_PATHS_H

#include "net.h"

typedef struct nw_paths nw_paths;

typedef struct nw_paths_config {
    nw_plan_config plan;
    unsigned flags;  /* of nw_graph_new()                                    */
    size_t bytes;    /* that kept paths may hold; the one at work may exceed */
    int always_lend; /* cut out even what fits in place: for tests           */
} nw_paths_config;

typedef struct nw_path {
    nw_net *net;
    nw_plan *plan;
} nw_path;

/* store: a supernet with all options, or one of nw_store_new(); it and the space must
 * outlive the paths. */
nw_paths *nw_paths_new(nw_net *store, nw_space *space, const nw_paths_config *config);
void nw_paths_free(nw_paths *paths);

/* The path of `arch`, with the weights that the store has now. It stays until the next
 * call, and no longer. */
nw_status nw_paths_enter(nw_paths *paths, const nw_arch *arch, nw_path *out);

/* The gradients of all backward passes since the path was entered join the store's. */
nw_status nw_paths_leave(nw_paths *paths);

typedef struct nw_paths_count {
    long built, known; /* paths entered: new ones, and kept ones */
    int kept;
    size_t bytes; /* that the kept ones hold, without the arena */
} nw_paths_count;

nw_paths_count nw_paths_counts(const nw_paths *paths);

#endif
