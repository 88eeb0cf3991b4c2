/*
 * slim.h - inside of the NASNet family: cells of blocks and the networks of TF-slim made
 * of them. slim_cell.c builds a cell, slim.c the network around it; see there.
 */
#ifndef NW_SLIM_H
#define NW_SLIM_H

#include "family.h"

/* Most blocks of a cell, and its states: two inputs, then the outputs of blocks. State 0
 * is the newer input, the output of the cell before; 1 is the older one. */
enum { NW_SLIM_BLOCKS = 8, NW_SLIM_STATES = NW_SLIM_BLOCKS + 2 };

typedef struct nw_slim_block {
    const char *op[2]; /* static: one of nw_slim_op()  */
    int in[2];         /* states                       */
    int concat;        /* combine by concat, not add   */
} nw_slim_block;

typedef struct nw_slim_cell {
    int n;
    nw_slim_block block[NW_SLIM_BLOCKS];
    int n_out, out[NW_SLIM_STATES]; /* states that make the output, in order */
} nw_slim_cell;

typedef struct nw_slim_genotype {
    nw_slim_cell normal, reduce; /* reduce.n = 0: the normal one with stride 2 */
} nw_slim_genotype;

/* The i-th op that cells know, or NULL; its static name for a word, TF-slim's own words
 * among them, or NULL. */
const char *nw_slim_op(int i);
const char *nw_slim_op_named(const char *word);

/* Makes the output of a cell that was searched: outputs of blocks that no block reads. */
void nw_slim_derive_out(nw_slim_cell *cell);

/* Remember both cells for pictures. */
nw_status nw_slim_draw(nw_space *space, const nw_slim_genotype *genotype);

/* ---- Networks ------------------------------------------------------------------- */

/* What one kind of network (net=cifar|mobile|large) is unless keys say otherwise. */
typedef struct nw_slim_net {
    int n, f, size, classes;
    double drop;
    int stem;     /* channels of the stem; 0 = 3 f, at full size, without stem cells */
    int far_back; /* after a reduction the older input is the one before it: TF-slim's
                     skip_reduction_layer_input */
} nw_slim_net;

/* The networks of one family. */
typedef struct nw_slim_family {
    const char *name;
    nw_slim_net net[3]; /* cifar, mobile, large */
} nw_slim_family;

extern const nw_slim_family nw_slim_nasnet, nw_slim_pnasnet, nw_slim_amoebanet;

/* Keys of a spec; 0, and -1 for drop, = as net= has it. */
struct nw_slim_keys {
    int n, f, size, classes, aux;
    double drop;
    char net[NW_TEXT_SIZE];
};

/* For a table of keys of `type` with a field `slim`. */
/* clang-format off */
#define NW_SLIM_KEYS(type)                                                                        \
    {"net", NW_TEXT, offsetof(type, slim.net), "cifar", 0, 0,                                     \
     "cifar, mobile or large: the stem, and what the other keys are by default", NULL},           \
    {"n", NW_INT, offsetof(type, slim.n), "0", 0, 50,                                             \
     "normal cells of each of the three stages; 0 = by net", NULL},                               \
    {"f", NW_INT, offsetof(type, slim.f), "0", 0, 4096,                                           \
     "channels of an op in the first stage; 0 = by net", NULL},                                   \
    {"size", NW_INT, offsetof(type, slim.size), "0", 0, 4096,                                     \
     "side of the image where the data do not say, pixels; 0 = by net", NULL},                    \
    {"classes", NW_INT, offsetof(type, slim.classes), "0", 0, 1000000,                            \
     "0 = from the data, or by net", NULL},                                                       \
    {"aux", NW_BOOL, offsetof(type, slim.aux), "0", 0, 0,                                         \
     "an auxiliary head, loss weight 0.4", NULL},                                                 \
    {"drop", NW_REAL, offsetof(type, slim.drop), "-1", -1, 0.99,                                  \
     "drop path of the last cell at the end of training, probability; -1 = by net", NULL}
/* clang-format on */

nw_status nw_slim_build(nw_space *space, const nw_slim_family *family,
                        const struct nw_slim_keys *keys, const int input[3], int classes,
                        const nw_slim_genotype *genotype);

/* ---- Cells ----------------------------------------------------------------------- */

/* A feature map. */
typedef struct nw_slim_map {
    nw_ref x;
    int c, h, w;
} nw_slim_map;

typedef struct nw_slim_place {
    nw_space *space;
    const nw_slim_cell *cell;
    int f, stride;
    double drop; /* of drop path, at the end of training       */
    double eps;  /* of batch norms                             */
} nw_slim_place;

/* One cell on the output of the cell before and of an older one; older.x < 0 = there is
 * none, which makes it `newer`. */
nw_slim_map nw_slim_cell_at(const nw_slim_place *place, nw_slim_map newer,
                            nw_slim_map older);

/* relu (or not), 1x1 convolution of stride 1 to c channels, batch norm. */
nw_slim_map nw_slim_project(const nw_slim_place *place, nw_slim_map x, int c, int relu,
                            const char *name);

#endif
