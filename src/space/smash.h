/* smash.h - memory banks: what an architecture of SMASH is, and what it may be. */
#ifndef NW_SMASH_H
#define NW_SMASH_H

#include "net.h"
#include "setting.h"

enum {
    NW_SMASH_BLOCKS = 3,
    NW_SMASH_OPS = 100,    /* of a block                                          */
    NW_SMASH_UNITS = 8,    /* largest bank, and widest op, in units of n channels */
    NW_SMASH_CONVS = 4,    /* of an op                                            */
    NW_SMASH_PATTERNS = 5, /* of convolutions that an op has                      */
    NW_SMASH_SLICE = 4,    /* reads of n channels that a slice of weights is for  */
    NW_SMASH_BANKS = 56,   /* of a block                                          */
};

/* What the keys say. */
typedef struct nw_smash_rules {
    int n, depth, ops, convs, patterns, groups; /* groups: 1, 2, 4 ... how many       */
    int in[NW_SMASH_BLOCKS];                    /* channels that enter a block        */
    int width[NW_SMASH_BLOCKS];                 /* channels of its banks, at most     */
    int budget[NW_SMASH_BLOCKS];                /* channels that its ops read         */
    int sizes[NW_SMASH_BLOCKS];                 /* bank sizes that can be: how many,  */
    int size[NW_SMASH_BLOCKS][NW_SMASH_UNITS];  /* and which                          */
} nw_smash_rules;

/* Indices of options: kernel 3 + 2 k, dilation 1 + dil, groups 1 << groups. */
typedef struct nw_smash_conv {
    int k[2], dil[2], groups;
} nw_smash_conv;

/* Bit i of read and write: bank i. The width is units + 1 times n channels. An op that
 * reads nothing is none. */
typedef struct nw_smash_op {
    uint64_t read, write;
    int units, pattern;
    nw_smash_conv conv[NW_SMASH_CONVS];
} nw_smash_op;

typedef struct nw_smash_block {
    int size; /* index of the bank size */
    nw_smash_op op[NW_SMASH_OPS];
} nw_smash_block;

typedef struct nw_smash_arch {
    nw_smash_block block[NW_SMASH_BLOCKS];
} nw_smash_arch;

/* Which of the convolutions w0 .. w3 a pattern has. */
extern const unsigned char nw_smash_active[NW_SMASH_PATTERNS][NW_SMASH_CONVS];

/* Of a space whose keys are right. */
void nw_smash_rules_of(const nw_space *space, nw_smash_rules *out);

void nw_smash_get(const nw_smash_rules *r, const nw_arch *arch, nw_smash_arch *out);
void nw_smash_put(const nw_smash_rules *r, nw_arch *arch, const nw_smash_arch *in);

/* ---- Numbers of one block, with banks of `size` units -------------------------------
 */

int nw_smash_bits(uint64_t set);

/* The k lowest banks. */
static inline uint64_t nw_smash_low(int k)
{
    return ((uint64_t)1 << k) - 1;
}

/* Banks, at most; banks that the input fills. */
static inline int nw_smash_banks(const nw_smash_rules *r, int block, int size)
{
    return r->width[block] / (size * r->n);
}

static inline int nw_smash_inputs(const nw_smash_rules *r, int block, int size)
{
    return r->in[block] / (size * r->n);
}

/* Banks are read in multiples of this, so that ops take whole slices. */
static inline int nw_smash_step(int size)
{
    return size % NW_SMASH_SLICE ? NW_SMASH_SLICE : 1;
}

static inline int nw_smash_slices(const nw_smash_rules *r, int block)
{
    return r->budget[block] / (NW_SMASH_SLICE * r->n);
}

/* Slices of an op that reads that many banks. */
static inline int nw_smash_cost(int reads, int size)
{
    return reads * size / NW_SMASH_SLICE;
}

/* ---- What the space does --------------------------------------------------------------
 */

nw_status nw_smash_build(nw_space *space, const nw_smash_rules *r,
                         const nw_smash_arch *arch, const nw_setting *setting);

/* What all networks of a search share: of every block the kernels w0 .. w3, of the most
 * channels and of 7x7, as a net without nodes that an optimizer takes. */
nw_net *nw_smash_share_new(nw_ctx *ctx, const nw_smash_rules *r, uint64_t seed,
                           nw_precision precision);

/* Kernels of the main convolutions of a network, which is that of `arch` := the centre of
 * the first channels of those of their block; and the gradients back, added. */
nw_status nw_smash_lend(const nw_net *shared, const nw_smash_rules *r,
                        const nw_smash_arch *arch, nw_net *net);
nw_status nw_smash_collect(nw_net *shared, const nw_smash_rules *r,
                           const nw_smash_arch *arch, const nw_net *net);

nw_status nw_smash_count(const nw_space *space, struct nw_big *total);
nw_status nw_smash_draw(nw_arch *arch, uint64_t seed);
nw_status nw_smash_genotype(const nw_arch *arch, FILE *out);
nw_status nw_smash_read(nw_arch *arch, const char *text, const char *where);

#endif
