/*
 * blocks.h - a space as a row of blocks, of which the first few are free.
 *
 * Progressive strategies search cells of one block, then of two, and so on. What that is
 * depends on the space:
 *
 *   - Where a decision says how many blocks or layers there are ("pnas progressive=1",
 *     "dpp-net progressive=1"), a cell of few blocks is a network of its own. The other
 *     decisions stand at option 0 where the cell has no such block.
 *   - Elsewhere blocks that are not free yet stand at a neutral setting: the identity,
 *     else nothing, else option 0.
 *
 * A block is the same number of decisions everywhere, in the order of the space. For
 * surrogates a cell is a row of words, one or two a decision of its free blocks.
 */
#ifndef NW_BLOCKS_H
#define NW_BLOCKS_H

#include "netwright_ext.h"

/* Keys of a spec. */
struct nw_blocks_keys {
    int block;
    char depth[NW_TEXT_SIZE], neutral[NW_TEXT_SIZE], words[NW_TEXT_SIZE];
};

/* For a table of keys of `type`, in which `field` is them. */
/* clang-format off */
#define NW_BLOCKS_KEYS(type, field)                                                      \
    {"block", NW_INT, offsetof(type, field.block), "0", 0, 1000,                         \
     "decisions of a block; 0 = by the space, else 1", NULL},                            \
    {"depth", NW_TEXT, offsetof(type, field.depth), "", 0, 0,                            \
     "decision that says how many blocks there are; empty = \"blocks\" or \"layers\", "  \
     "if the space has it", NULL},                                                       \
    {"neutral", NW_TEXT, offsetof(type, field.neutral), "", 0, 0,                        \
     "option of what is not free yet, its name or number; empty = identity, "            \
     "skip_connect, none, or else 0", NULL},                                             \
    {"words", NW_TEXT, offsetof(type, field.words), "name", 0, 0,                        \
     "what the surrogate reads: \"name\" of an option, the same in all places; "         \
     "\"place\", another word in every decision; \"both\"", NULL}
/* clang-format on */

typedef struct nw_blocks {
    nw_ctx *ctx;
    nw_code *code;
    int depth;     /* decision that says how many blocks there are, or -1          */
    int n, per;    /* blocks; decisions of one                                     */
    int *part;     /* the decisions of the blocks, block after block               */
    int *neutral;  /* of every decision                                            */
    int *first;    /* of every decision: where its words stand in `word`           */
    int *word;     /* of every option of every decision                            */
    int n_words;   /* different ones                                               */
    int names;     /* of them, those that are names                                */
    int per_place; /* words that a decision is written with                        */
} nw_blocks;

/* All zero is a closed one. */
nw_status nw_blocks_open(nw_blocks *blocks, nw_ctx *ctx, nw_space *space,
                         const struct nw_blocks_keys *keys);
void nw_blocks_close(nw_blocks *blocks);

/* Settings of block b: the product of its decisions' options; 0 = over 2^31. */
size_t nw_blocks_ways(const nw_blocks *blocks, int b);

/* x (code->n numbers) with no block free; with block b set; with so many blocks. */
void nw_blocks_clear(const nw_blocks *blocks, int *x);
void nw_blocks_set(const nw_blocks *blocks, int *x, int b, size_t way);
void nw_blocks_set_level(const nw_blocks *blocks, int *x, int level);

/* Words of a cell whose first `level` blocks are free. */
int nw_blocks_width(const nw_blocks *blocks, int level);
void nw_blocks_write(const nw_blocks *blocks, const int *x, int level, float *word);

#endif
