/*
 * rnn_step.h - recurrent cells at one time step, as networks without a loop.
 *
 * The graph has no loop over time, and no two of its nodes share parameters, so a cell
 * cannot be unrolled. What is built is one step: the input of the network is the word's
 * embedding and the states of the step before, one after the other; slices take them
 * apart. The output is the next word's logits, or with decoder=0 the new state. All
 * parameters of the cell are there once, as they are in training over many steps.
 *
 * A decoder that is tied to the embedding, as all of these authors have it, is the same
 * matrix: with emb = hidden the parameters of the network are then those of the whole
 * language model.
 */
#ifndef NW_RNN_STEP_H
#define NW_RNN_STEP_H

#include "family.h"

enum { NW_RNN_NODES = 24 };

/* What a spec says; a family has keys for some of it. */
struct nw_rnn_keys {
    int emb, hidden, classes, decoder, nodes;
    char arch[NW_TEXT_SIZE];
};

#define NW_RNN_AT(field) offsetof(struct nw_rnn_keys, field)

/* clang-format off */
#define NW_RNN_KEYS(width)                                                               \
    {"emb", NW_INT, NW_RNN_AT(emb), width, 1, 1 << 16, "numbers of a word's embedding",  \
     NULL},                                                                              \
    {"hidden", NW_INT, NW_RNN_AT(hidden), width, 1, 1 << 16, "numbers of a state", NULL}, \
    {"classes", NW_INT, NW_RNN_AT(classes), "0", 0, 1000000,                             \
     "words; 0 = from the data, or the 10,000 of the Penn Treebank", NULL},              \
    {"decoder", NW_BOOL, NW_RNN_AT(decoder), "1", 0, 0,                                  \
     "the output is the next word's logits; 0 = the new state", NULL}
/* clang-format on */

struct nw_rnn_step {
    nw_space *space;
    int hidden;
    nw_ref all;      /* word and states, one after the other */
    nw_ref word;     /* x(t)                                 */
    nw_ref state[2]; /* h(t-1), c(t-1)                       */
};

/* The input and its parts; `states` of them are 1 or 2. */
nw_status nw_rnn_begin(struct nw_rnn_step *step, nw_space *space, const char *family,
                       const struct nw_rnn_keys *key, int states, const int input[3]);

/* Numbers [from, to) of x. */
nw_ref nw_rnn_part(nw_space *space, nw_ref x, int from, int to);

/* "tanh", "relu", "sigmoid" of x; x itself for "identity". */
nw_ref nw_rnn_apply(nw_space *space, nw_ref x, const char *function);

/* Decoder and output. */
nw_status nw_rnn_end(const struct nw_rnn_step *step, const char *family,
                     const struct nw_rnn_keys *key, int classes, int bias, nw_ref h);

/* ---- Trees of highway steps: DARTS, ENAS --------------------------------------------
 */

/*
 * Node 0 is made of the word and the state before; every other node takes one node s
 * before it: [c, v] = W s, and gives s + sigmoid(c) (f(v) - s). The new state is the mean
 * of all nodes but node 0 (DARTS) or of those that nothing reads (ENAS).
 */
struct nw_rnn_tree {
    int n; /* nodes, node 0 too */
    int from[NW_RNN_NODES], function[NW_RNN_NODES];
};

struct nw_rnn_family {
    const char *name;
    const char *const *function; /* four, in the order of the paper's numbers        */
    int is_enas;                 /* node 0 has a function to choose; value before gate;
                                    mean of loose ends; no bias in the decoder       */
};

/* `n` nodes without node 0. */
nw_status nw_rnn_decide(nw_space *space, const struct nw_rnn_family *family, int n);
nw_status nw_rnn_of_arch(const nw_arch *arch, const struct nw_rnn_family *family,
                         struct nw_rnn_tree *out);
nw_status nw_rnn_to_arch(nw_arch *arch, const struct nw_rnn_family *family,
                         const struct nw_rnn_tree *tree);

/* One text for cells that differ in names of nodes only. */
nw_status nw_rnn_canonical(const struct nw_rnn_tree *tree, nw_text *out);

nw_status nw_rnn_build(nw_space *space, const struct nw_rnn_family *family,
                       const struct nw_rnn_keys *key, const int input[3], int classes,
                       const struct nw_rnn_tree *tree);

#endif
