/*
 * enas_rnn.c - the recurrent cells of ENAS: twelve highway steps in a tree.
 *
 * Node 0 takes the word and h(t-1) and has a function; each of the eleven behind takes
 * one node before it and a function; the new state is the mean of those that nothing
 * reads. See rnn_step.h for what a network of one step is.
 *
 * There are 4^12 11! = 669,692,775,628,800 cells. Written: the function of node 0, then
 * node and function of each: 0 tanh, 1 relu, 2 identity, 3 sigmoid. Not here: dropout by
 * masks that stay over the steps, and the weights that a node keeps in the search for
 * every pair of node before it and function.
 *
 * Source: Pham et al. 2018, arXiv:1802.03268, and the authors' code (src/ptb), whose
 * script trains the published cell with 748 numbers a state: 22,027,104 parameters with
 * 10,000 words. The paper says 24 M.
 */
#include "int_list.h"
#include "rnn_step.h"

#define PAPER "Pham et al. 2018, Efficient neural architecture search, arXiv:1802.03268"

enum { FUNCTIONS = 4, MOST_INTS = 2 * NW_RNN_NODES };

static const char *const functions[FUNCTIONS] = {"tanh", "relu", "identity", "sigmoid"};

static const struct nw_rnn_family family = {"enas-rnn", functions, 1};

/* clang-format off */
#define KEYS(width)                                                                      \
    NW_RNN_KEYS(width),                                                                  \
    {"nodes", NW_INT, NW_RNN_AT(nodes), "12", 1, NW_RNN_NODES, "nodes", NULL}
/* clang-format on */

static const nw_attr space_attrs[] = {KEYS("720"), {0}};

static const nw_attr net_attrs[] = {
    KEYS("748"),
    {"arch", NW_TEXT, NW_RNN_AT(arch), "0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1", 0,
     0, "function of the first node, then node and function of each", NULL},
    {0},
};

/* The numbers of a cell of `n` nodes as a tree, and back. NULL, or what is wrong. */
static const char *to_tree(const int *ints, int n, struct nw_rnn_tree *out)
{
    *out = (struct nw_rnn_tree){.n = n};
    for (int node = 0; node < n; node++) {
        out->from[node] = node ? ints[2 * node - 1] : 0;
        out->function[node] = ints[2 * node];
        if (out->function[node] >= FUNCTIONS)
            return "a function is a number from 0 to 3";
        if (node && out->from[node] >= node)
            return "a node takes a node before it";
    }
    return NULL;
}

static nw_status space_build(void *self, nw_space *space, const int input[3], int classes,
                             const nw_arch *arch)
{
    const struct nw_rnn_keys *key = self;
    struct nw_rnn_tree tree;

    if (!arch)
        return nw_rnn_decide(space, &family, key->nodes - 1);
    NW_TRY(nw_rnn_of_arch(arch, &family, &tree));
    return nw_rnn_build(space, &family, key, input, classes, &tree);
}

static nw_status net_build(void *self, nw_space *space, const int input[3], int classes,
                           const nw_arch *arch)
{
    const struct nw_rnn_keys *key = self;
    int ints[MOST_INTS];
    struct nw_rnn_tree tree;
    const int n = nw_ints_parse(key->arch, ' ', 0, NW_INTS_LARGEST, MOST_INTS, ints);
    const char *why = NULL;

    (void)arch;
    if (n != 2 * key->nodes - 1)
        return nw_fail(space->ctx, NW_ESPEC, "enas-rnn: arch= must be %d numbers",
                       2 * key->nodes - 1);
    why = to_tree(ints, key->nodes, &tree);
    return why ? nw_fail(space->ctx, NW_ESPEC, "enas-rnn: arch=: %s", why)
               : nw_rnn_build(space, &family, key, input, classes, &tree);
}

static nw_status canonical(const nw_arch *arch, nw_text *out)
{
    struct nw_rnn_tree tree;

    NW_TRY(nw_rnn_of_arch(arch, &family, &tree));
    return nw_rnn_canonical(&tree, out);
}

static nw_status write_genotype(const nw_arch *arch, FILE *out)
{
    struct nw_rnn_tree tree;
    int ints[MOST_INTS];

    NW_TRY(nw_rnn_of_arch(arch, &family, &tree));
    ints[0] = tree.function[0];
    for (int node = 1; node < tree.n; node++) {
        ints[2 * node - 1] = tree.from[node];
        ints[2 * node] = tree.function[node];
    }
    return nw_ints_write(arch->ctx, 2 * tree.n - 1, ints, out);
}

static nw_status read_genotype(nw_arch *arch, const char *text, const char *where)
{
    const struct nw_rnn_keys *key = nw_space_keys(arch->space);
    struct nw_rnn_tree tree;
    int ints[MOST_INTS];
    const char *why;

    NW_TRY(nw_ints_read(arch->ctx, text, where, 2 * key->nodes - 1, ints));
    why = to_tree(ints, key->nodes, &tree);
    return why ? nw_fail(arch->ctx, NW_EFORMAT, "%s: %s", where, why)
               : nw_rnn_to_arch(arch, &family, &tree);
}

const nw_space_type nw_space_enas_rnn = {
    .name = "enas-rnn",
    .doc = "recurrent cells of twelve nodes with four functions, one step; 6.70e14",
    .paper = PAPER,
    .attrs = space_attrs,
    .size = sizeof(struct nw_rnn_keys),
    .build = space_build,
    .genotype = write_genotype,
    .read = read_genotype,
    .canonical = canonical,
};

const nw_space_type nw_space_enas_rnn_net = {
    .name = "enas-rnn",
    .doc = "one step of the recurrent cell that ENAS found, or of another genotype",
    .paper = PAPER,
    .attrs = net_attrs,
    .size = sizeof(struct nw_rnn_keys),
    .build = net_build,
    .published = "Penn Treebank 55.8 perplexity, 24 M parameters (unverified)",
};
