/*
 * nas_rl_rnn.c - the recurrent cells of NAS-RL: a full binary tree of 8 leaves.
 *
 * Every node of the tree combines two values by addition or multiplication and passes the
 * result through a function. A leaf takes U x(t) and V h(t-1), with matrices of its own;
 * a node behind takes two nodes and has no parameters. The root is h(t). Two further
 * decisions wire the memory: c(t-1) is combined with the value of one node, by an op and
 * a function of its own (the paper's "cell inject"), and c(t) is what one node has before
 * its function. See rnn_step.h for what a network of one step is; its input has c(t-1)
 * behind h(t-1), and with decoder=0 its output c(t) behind h(t).
 *
 * How they are counted: the paper says about 6e16 cells with 8 leaves. 15 nodes with 2
 * ops and 4 functions, the same for the injection, and any of the 15 nodes for either end
 * of the memory make 8^16 15^2 = 63,331,869,759,897,600, which is that number.
 *
 * There is no public code: that any node may be either end, and that no matrix has a
 * bias, is unverified. So is the default width.
 *
 * Written, as the paper's example with two leaves has it:
 * {"tree":[["add","tanh"],["mul","relu"],["mul","sigmoid"]],"inject":["add","relu"],
 *  "index":[1,0]}: c(t) is of node 1, c(t-1) goes to node 0. Leaves come first, then the
 * nodes behind, level by level.
 *
 * Source: Zoph and Le 2017, arXiv:1611.01578.
 */
#include "rnn_step.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { OPS = 2, FUNCTIONS = 4, MOST_LEAVES = 16, MOST_NODES = 2 * MOST_LEAVES - 1 };

struct part {
    int op, function;
};

struct tree_cell {
    int leaves, n;
    struct part node[MOST_NODES], inject;
    int from, to; /* c(t) is of node `from`, c(t-1) goes to node `to` */
};

static const char *const ops[OPS] = {"add", "mul"};
static const char *const functions[FUNCTIONS] = {"identity", "tanh", "sigmoid", "relu"};

/* clang-format off */
static const nw_attr attrs[] = {
    NW_RNN_KEYS("400"),
    {"base", NW_INT, NW_RNN_AT(nodes), "8", 1, MOST_LEAVES, "leaves", NULL},
    {0},
};
/* clang-format on */

/* ---- Decisions ------------------------------------------------------------------------
 */

static nw_status decide_part(nw_space *space, const char *who)
{
    char name[64];

    snprintf(name, sizeof(name), "%s_op", who);
    NW_TRY(nw_decide(space, name, OPS, ops));
    snprintf(name, sizeof(name), "%s_function", who);
    return nw_decide(space, name, FUNCTIONS, functions);
}

static nw_status decide(nw_space *space, int leaves)
{
    const int n = 2 * leaves - 1;
    char number[MOST_NODES][12], name[32];
    const char *numbers[MOST_NODES];

    for (int node = 0; node < n; node++) {
        snprintf(number[node], sizeof(number[node]), "%d", node);
        numbers[node] = number[node];
        snprintf(name, sizeof(name), "node_%d", node);
        NW_TRY(decide_part(space, name));
    }
    NW_TRY(decide_part(space, "inject"));
    NW_TRY(nw_decide(space, "memory_from", (size_t)n, numbers));
    return nw_decide(space, "memory_to", (size_t)n, numbers);
}

/* All decisions in the order in which they are made; a part is two of them. */
static int *field(struct tree_cell *cell, int i)
{
    struct part *part = i / 2 < cell->n ? &cell->node[i / 2] : &cell->inject;

    if (i >= 2 * cell->n + 2)
        return i == 2 * cell->n + 2 ? &cell->from : &cell->to;
    return i % 2 ? &part->function : &part->op;
}

static nw_status of_arch(const nw_arch *arch, struct tree_cell *out)
{
    const struct nw_rnn_keys *key = nw_space_keys(arch->space);
    const int first = nw_arch_find(arch, "node_0_op");

    *out = (struct tree_cell){.leaves = key->nodes, .n = 2 * key->nodes - 1};
    for (int i = 0; first >= 0 && i < 2 * out->n + 4; i++)
        *field(out, i) = nw_arch_option(arch, first + i);
    return first < 0 ? NW_ENAME : NW_OK;
}

static nw_status to_arch(nw_arch *arch, struct tree_cell *cell)
{
    const int first = nw_arch_find(arch, "node_0_op");

    for (int i = 0; first >= 0 && i < 2 * cell->n + 4; i++)
        NW_TRY(nw_arch_pick(arch, first + i, *field(cell, i)));
    return first < 0 ? NW_ENAME : NW_OK;
}

/* The children of a node behind the leaves are this one and the next. */
static int first_child(const struct tree_cell *cell, int node)
{
    return 2 * (node - cell->leaves);
}

/* ---- Canonical form -------------------------------------------------------------------
 */

/* Op, function, two marks and two brackets a node, and a NUL. */
enum { LONGEST = 6 * MOST_NODES + 1 };

/* Both ops are symmetric: children stand in ascending order. */
static void write_subtree(const struct tree_cell *cell, int node,
                          char text[MOST_NODES][LONGEST])
{
    const char *a = "", *b = "";
    const char from[2] = {node == cell->from ? '<' : 0},
               to[2] = {node == cell->to ? '>' : 0};

    if (node >= cell->leaves) {
        a = text[first_child(cell, node)];
        b = text[first_child(cell, node) + 1];
    }
    if (strcmp(a, b) > 0) {
        const char *c = a;

        a = b;
        b = c;
    }
    snprintf(text[node], LONGEST, "%d%d%s%s(%s%s)", cell->node[node].op,
             cell->node[node].function, from, to, a, b);
}

static nw_status canonical(const nw_arch *arch, nw_text *out)
{
    char text[MOST_NODES][LONGEST];
    struct tree_cell cell;

    NW_TRY(of_arch(arch, &cell));
    for (int node = 0; node < cell.n; node++)
        write_subtree(&cell, node, text);
    nw_text_printf(out, "%d%d %s", cell.inject.op, cell.inject.function,
                   text[cell.n - 1]);
    return NW_OK;
}

/* ---- Network --------------------------------------------------------------------------
 */

struct values {
    nw_ref before, after; /* its function */
};

static struct values combine(nw_space *space, struct part part, nw_ref a, nw_ref b)
{
    const nw_ref y = nw_op_n(space, ops[part.op], 2, (nw_ref[]){a, b});

    return (struct values){y, nw_rnn_apply(space, y, functions[part.function])};
}

static struct values build_node(const struct nw_rnn_step *step,
                                const struct tree_cell *cell, int node,
                                const struct values *value)
{
    const int child = first_child(cell, node), n = step->hidden;
    struct values y;
    nw_ref a, b;

    if (node < cell->leaves) {
        a = nw_opf(step->space, step->word, "dense out=%d bias=0 name=leaf_%d.x", n,
                   node);
        b = nw_opf(step->space, step->state[0], "dense out=%d bias=0 name=leaf_%d.h", n,
                   node);
    } else {
        a = value[child].after;
        b = value[child + 1].after;
    }
    y = combine(step->space, cell->node[node], a, b);
    if (node == cell->to)
        y.after = combine(step->space, cell->inject, y.after, step->state[1]).after;
    return y;
}

static nw_status draw(nw_space *space, const struct tree_cell *cell)
{
    char label[MOST_NODES + 1][24];
    nw_drawn_edge edge[2 * MOST_NODES + 1];
    const int out = cell->n + 2; /* inputs: x, h, c */
    const nw_drawn_cell drawn = {.title = "recurrent cell",
                                 .inputs = 3,
                                 .nodes = cell->n,
                                 .n_edge = 2 * cell->n + 1,
                                 .n_out = 1,
                                 .edge = edge,
                                 .out = &out};

    for (int node = 0; node < cell->n; node++) {
        const struct part part = cell->node[node];
        const int is_leaf = node < cell->leaves, child = first_child(cell, node);

        snprintf(label[node], sizeof(label[node]), "%s %s", ops[part.op],
                 functions[part.function]);
        for (int i = 0; i < 2; i++)
            edge[2 * node + i] =
                (nw_drawn_edge){label[node], is_leaf ? i : child + i + 3, node + 3};
    }
    snprintf(label[cell->n], sizeof(label[0]), "%s %s", ops[cell->inject.op],
             functions[cell->inject.function]);
    edge[2 * cell->n] = (nw_drawn_edge){label[cell->n], 2, cell->to + 3};
    return nw_space_add_cell(space, &drawn);
}

static nw_status build_cell(nw_space *space, const struct nw_rnn_keys *key,
                            const int input[3], int classes, const struct tree_cell *cell)
{
    struct nw_rnn_step step;
    struct values value[MOST_NODES];
    nw_ref h;

    NW_TRY(nw_rnn_begin(&step, space, "nas-rl-rnn", key, 2, input));
    NW_TRY(draw(space, cell));
    for (int node = 0; node < cell->n; node++)
        value[node] = build_node(&step, cell, node, value);
    h = value[cell->n - 1].after;
    if (!key->decoder)
        h = nw_op_n(space, "concat", 2, (nw_ref[]){h, value[cell->from].before});
    return nw_rnn_end(&step, "nas-rl-rnn", key, classes, 1, h);
}

static nw_status build(void *self, nw_space *space, const int input[3], int classes,
                       const nw_arch *arch)
{
    const struct nw_rnn_keys *key = self;
    struct tree_cell cell;

    if (!arch)
        return decide(space, key->nodes);
    NW_TRY(of_arch(arch, &cell));
    return build_cell(space, key, input, classes, &cell);
}

/* ---- Words ----------------------------------------------------------------------------
 */

static void write_part(FILE *out, const char *gap, struct part part)
{
    fprintf(out, "%s[\"%s\",\"%s\"]", gap, ops[part.op], functions[part.function]);
}

static nw_status write_genotype(const nw_arch *arch, FILE *out)
{
    struct tree_cell cell;

    NW_TRY(of_arch(arch, &cell));
    fputs("{\"tree\":[", out);
    for (int node = 0; node < cell.n; node++)
        write_part(out, node ? "," : "", cell.node[node]);
    write_part(out, "],\"inject\":", cell.inject);
    fprintf(out, ",\"index\":[%d,%d]}", cell.from, cell.to);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

static int named(const char *const *list, int n, const char *word)
{
    for (int i = 0; word && i < n; i++)
        if (!strcmp(list[i], word))
            return i;
    return -1;
}

static int take_part(const json_t *pair, struct part *out)
{
    out->op = named(ops, OPS, json_string_value(json_array_get(pair, 0)));
    out->function =
        named(functions, FUNCTIONS, json_string_value(json_array_get(pair, 1)));
    return json_array_size(pair) == 2 && out->op >= 0 && out->function >= 0;
}

static int take_index(const json_t *index, size_t i, int n, int *out)
{
    const json_t *item = json_array_get(index, i);
    const json_int_t v = json_integer_value(item);

    *out = (int)v;
    return json_is_integer(item) && v >= 0 && v < n;
}

/* NULL, or what is wrong. */
static const char *take_cell(const json_t *root, struct tree_cell *out)
{
    const json_t *tree = json_object_get(root, "tree");
    const json_t *index = json_object_get(root, "index");
    int good = take_part(json_object_get(root, "inject"), &out->inject);

    if (json_array_size(tree) != (size_t)out->n)
        return "\"tree\" must be a list of as many pairs as there are nodes";
    for (int node = 0; node < out->n; node++)
        good &= take_part(json_array_get(tree, (size_t)node), &out->node[node]);
    if (!good)
        return "a pair is [\"add\", \"tanh\"]: add or mul, then identity, tanh, sigmoid "
               "or "
               "relu";
    if (json_array_size(index) != 2 || !take_index(index, 0, out->n, &out->from) ||
        !take_index(index, 1, out->n, &out->to))
        return "\"index\" must be two nodes";
    return NULL;
}

static nw_status read_genotype(nw_arch *arch, const char *text, const char *where)
{
    const struct nw_rnn_keys *key = nw_space_keys(arch->space);
    struct tree_cell cell = {.leaves = key->nodes, .n = 2 * key->nodes - 1};
    json_error_t error;
    json_t *root;
    const char *why;

    nw_clear(arch->ctx);
    root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line,
                       error.column, error.text);
    why = take_cell(root, &cell);
    json_decref(root);
    return why ? nw_fail(arch->ctx, NW_EFORMAT, "%s: %s", where, why)
               : to_arch(arch, &cell);
}

const nw_space_type nw_space_nas_rl_rnn = {
    .name = "nas-rl-rnn",
    .doc = "recurrent cells that are binary trees of 8 leaves, one step; 6.33e16",
    .paper = "Zoph and Le 2017, Neural architecture search with reinforcement learning, "
             "arXiv:1611.01578",
    .attrs = attrs,
    .size = sizeof(struct nw_rnn_keys),
    .build = build,
    .genotype = write_genotype,
    .read = read_genotype,
    .canonical = canonical,
};
