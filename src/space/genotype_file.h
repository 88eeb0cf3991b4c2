/*
 * genotype_file.h - cells of any cell-based family as one JSON value.
 *
 *   {"network": "nasnet", "order": "newest first", "none": "identity",
 *    "cells": {"normal": {"blocks": [["sep_conv_5x5", 0, "sep_conv_3x3", 1], ...],
 *                         "concat": [1, 2, 3, 4, 5, 6]},
 *              "reduce": ...}}
 *
 * "network": what is built of it, one of nw_skeletons; that of pnas has one cell, "cell".
 * "order": input 0 is the newer (TF-slim), or "oldest first" (DARTS, ENAS, NAO).
 * "none": what the op "none" is, identity (TF-slim) or zero (DARTS).
 * "concat": states that make the output, or "unused": those that no block reads.
 *
 * A block adds two ops, each on an input of the cell (0, 1) or an earlier block (2 ...);
 * a fifth word "concat" puts them side by side. "none" may be left out where no op is
 * none. "name" and "source" are free text.
 */
#ifndef NW_GENOTYPE_FILE_H
#define NW_GENOTYPE_FILE_H

#include "slim.h"

/* What a genotype is built as: one line of nw_skeletons. */
typedef struct nw_skeleton {
    const char *name;
    const char *(*op_named)(const char *word); /* static name of an op, or NULL */
    const char *identity, *zero;               /* what "none" may be           */
    int one_cell, only_adds;
    int puts_out_inputs;          /* "unused": inputs too                */
    const nw_slim_family *family; /* for build() */
    nw_status (*build)(nw_space *space, const struct nw_skeleton *skeleton,
                       const char *file, const struct nw_slim_keys *keys,
                       const int input[3], int classes, const nw_slim_genotype *genotype);
} nw_skeleton;

/* All; ends at name NULL. In genotype_net.c. */
extern const nw_skeleton nw_skeletons[];

/* As read: states are counted newest first, ops are named as the skeleton's cells do. */
typedef struct nw_gene_file {
    const nw_skeleton *skeleton;
    nw_slim_genotype genotype;
} nw_gene_file;

/* NW_EFORMAT and one message with the place: `where` and line and column of the JSON, or
 * the cell and block. */
nw_status nw_gene_read(nw_ctx *ctx, nw_gene_file *out, const char *json,
                       const char *where);

/* Newest first, outputs listed. `network` is a skeleton's name. */
nw_status nw_gene_write(nw_ctx *ctx, const char *network, const nw_slim_genotype *g,
                        FILE *out);

#endif
