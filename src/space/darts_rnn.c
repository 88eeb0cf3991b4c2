/*
 * darts_rnn.c - the recurrent cells of DARTS: eight highway steps in a tree.
 *
 * Node 0 is h(t-1) with a gated tanh of the word and h(t-1); each of the eight nodes
 * behind takes one node before it and one of four functions; the new state is the mean of
 * the eight. See rnn_step.h for what a network of one step is.
 *
 * There are 4^8 8! = 2,642,411,520 cells. While it searches, DARTS has a fifth option,
 * "none", on every one of the 36 edges, which is never derived; its mixed cell shares the
 * matrix of a node among all its edges and ops, which the graph cannot, so what is here
 * are the cells that can be found, not that mixture. Not here either: dropout by masks
 * that stay over the steps, and the batch norm (without scale and shift) of the search.
 *
 * NAO's recurrent cells, as its code builds them, are these with nodes=11.
 *
 * As its authors write it:
 * {"recurrent":[["relu",0],["relu",1],...],"concat":[1,2,3,4,5,6,7,8]}.
 *
 * Source: Liu et al. 2019, arXiv:1806.09055, and the authors' code (rnn/). With emb =
 * hidden = 850 and 10,000 words the network has 22,960,000 parameters; the paper says
 * 23 M.
 */
#include "rnn_step.h"

#include <jansson.h>
#include <string.h>

#define PAPER                                                                            \
    "Liu et al. 2019, DARTS: Differentiable architecture search, arXiv:1806.09055"

enum { FUNCTIONS = 4, NODES = 8 };

static const char *const functions[FUNCTIONS] = {"tanh", "relu", "sigmoid", "identity"};

static const struct nw_rnn_family family = {"darts-rnn", functions, 0};

/* clang-format off */
static const nw_attr space_attrs[] = {
    NW_RNN_KEYS("300"),
    {"nodes", NW_INT, NW_RNN_AT(nodes), "8", 1, NW_RNN_NODES - 1,
     "nodes beside the first", NULL},
    {0},
};
/* clang-format on */

static const nw_attr net_attrs[] = {NW_RNN_KEYS("850"), {0}};

static nw_status space_build(void *self, nw_space *space, const int input[3], int classes,
                             const nw_arch *arch)
{
    const struct nw_rnn_keys *key = self;
    struct nw_rnn_tree tree;

    if (!arch)
        return nw_rnn_decide(space, &family, key->nodes);
    NW_TRY(nw_rnn_of_arch(arch, &family, &tree));
    return nw_rnn_build(space, &family, key, input, classes, &tree);
}

static nw_status canonical(const nw_arch *arch, nw_text *out)
{
    struct nw_rnn_tree tree;

    NW_TRY(nw_rnn_of_arch(arch, &family, &tree));
    return nw_rnn_canonical(&tree, out);
}

/* ---- Words ----------------------------------------------------------------------------
 */

static nw_status write_genotype(const nw_arch *arch, FILE *out)
{
    struct nw_rnn_tree tree;

    NW_TRY(nw_rnn_of_arch(arch, &family, &tree));
    fputs("{\"recurrent\":[", out);
    for (int node = 1; node < tree.n; node++)
        fprintf(out, "%s[\"%s\",%d]", node > 1 ? "," : "", functions[tree.function[node]],
                tree.from[node]);
    fputs("],\"concat\":[", out);
    for (int node = 1; node < tree.n; node++)
        fprintf(out, "%s%d", node > 1 ? "," : "", node);
    fputs("]}", out);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

static int function_named(const char *word)
{
    for (int i = 0; word && i < FUNCTIONS; i++)
        if (!strcmp(functions[i], word))
            return i;
    return -1;
}

/* NULL, or what is wrong. */
static const char *take_node(const json_t *pair, int node, struct nw_rnn_tree *out)
{
    const json_t *from = json_array_get(pair, 1);

    out->function[node] = function_named(json_string_value(json_array_get(pair, 0)));
    out->from[node] = (int)json_integer_value(from);
    if (json_array_size(pair) != 2 || out->function[node] < 0 || !json_is_integer(from) ||
        json_integer_value(from) < 0 || json_integer_value(from) >= node)
        return "a pair is [\"relu\", 0]: tanh, relu, sigmoid or identity of a node "
               "before";
    return NULL;
}

static const char *take_tree(const json_t *root, struct nw_rnn_tree *out)
{
    const json_t *pairs = json_object_get(root, "recurrent");
    const json_t *concat = json_object_get(root, "concat");
    const char *why = NULL;

    if (json_array_size(pairs) != (size_t)out->n - 1)
        return "\"recurrent\" must be a list of as many pairs as there are nodes";
    for (int node = 1; !why && node < out->n; node++)
        why = take_node(json_array_get(pairs, (size_t)node - 1), node, out);
    if (!why && json_array_size(concat) != (size_t)out->n - 1)
        why = "\"concat\" must list all nodes from 1 on";
    for (int node = 1; !why && node < out->n; node++)
        if (json_integer_value(json_array_get(concat, (size_t)node - 1)) != node)
            why = "\"concat\" must list all nodes from 1 on";
    return why;
}

static nw_status read_genotype(nw_arch *arch, const char *text, const char *where)
{
    const struct nw_rnn_keys *key = nw_space_keys(arch->space);
    struct nw_rnn_tree tree = {.n = key->nodes + 1};
    json_error_t error;
    json_t *root;
    const char *why;

    nw_clear(arch->ctx);
    root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line,
                       error.column, error.text);
    why = take_tree(root, &tree);
    json_decref(root);
    return why ? nw_fail(arch->ctx, NW_EFORMAT, "%s: %s", where, why)
               : nw_rnn_to_arch(arch, &family, &tree);
}

/* ---- Tables ---------------------------------------------------------------------------
 */

const nw_space_type nw_space_darts_rnn = {
    .name = "darts-rnn",
    .doc = "recurrent cells of eight nodes with four functions, one step; 2.64e9",
    .paper = PAPER,
    .attrs = space_attrs,
    .size = sizeof(struct nw_rnn_keys),
    .build = space_build,
    .genotype = write_genotype,
    .read = read_genotype,
    .canonical = canonical,
};

enum { TANH, RELU, SIGMOID, IDENTITY };

#define FOUND(id, word, says, ...)                                                       \
    static nw_status id##_build(void *self, nw_space *space, const int input[3],         \
                                int classes, const nw_arch *arch)                        \
    {                                                                                    \
        static const struct nw_rnn_tree tree = {NODES + 1, __VA_ARGS__};                 \
                                                                                         \
        (void)arch;                                                                      \
        return nw_rnn_build(space, &family, self, input, classes, &tree);                \
    }                                                                                    \
                                                                                         \
    const nw_space_type nw_space_##id = {                                                \
        .name = word,                                                                    \
        .doc = "one step of the recurrent cell that its paper found",                    \
        .paper = PAPER,                                                                  \
        .attrs = net_attrs,                                                              \
        .size = sizeof(struct nw_rnn_keys),                                              \
        .build = id##_build,                                                             \
        .published = says,                                                               \
    };

FOUND(darts_rnn_v1, "darts-rnn-v1", "Penn Treebank 57.6 perplexity, 23 M parameters",
      {0, 0, 1, 2, 3, 4, 1, 5, 1},
      {0, RELU, RELU, TANH, RELU, RELU, IDENTITY, RELU, RELU})
FOUND(darts_rnn_v2, "darts-rnn-v2", "Penn Treebank 55.7 perplexity, 23 M parameters",
      {0, 0, 1, 1, 1, 2, 5, 3, 5},
      {0, SIGMOID, RELU, RELU, IDENTITY, TANH, SIGMOID, TANH, RELU})
