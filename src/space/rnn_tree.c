/* rnn_tree.c - recurrent cells that are trees of highway steps; see rnn_step.h. */
#include "rnn_step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FUNCTIONS = 4 };

/* ---- Decisions ----------------------------------------------------------------------
 */

static const char *decision_name(int node, const char *what, char out[32])
{
    snprintf(out, 32, "node_%d_%s", node, what);
    return out;
}

/* The first node whose function is a decision. */
static int first_of(const struct nw_rnn_family *family)
{
    return !family->is_enas;
}

nw_status nw_rnn_decide(nw_space *space, const struct nw_rnn_family *family, int n)
{
    static const char *const numbers[NW_RNN_NODES] = {
        "0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8",  "9",  "10", "11",
        "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23"};
    char name[32];

    for (int node = first_of(family); node <= n; node++) {
        if (node > 1)
            NW_TRY(nw_decide(space, decision_name(node, "from", name), (size_t)node,
                             numbers));
        NW_TRY(nw_decide(space, decision_name(node, "function", name), FUNCTIONS,
                         family->function));
    }
    return NW_OK;
}

nw_status nw_rnn_of_arch(const nw_arch *arch, const struct nw_rnn_family *family,
                         struct nw_rnn_tree *out)
{
    const struct nw_rnn_keys *key = nw_space_keys(arch->space);
    char name[32];

    *out = (struct nw_rnn_tree){.n = key->nodes + first_of(family)};
    for (int node = first_of(family); node < out->n; node++) {
        const int c = nw_arch_find(arch, decision_name(node, "function", name));

        if (c < 0)
            return NW_ENAME;
        out->function[node] = nw_arch_option(arch, c);
        out->from[node] = node > 1 ? nw_arch_option(arch, c - 1) : 0;
    }
    return NW_OK;
}

nw_status nw_rnn_to_arch(nw_arch *arch, const struct nw_rnn_family *family,
                         const struct nw_rnn_tree *tree)
{
    char name[32];

    for (int node = first_of(family); node < tree->n; node++) {
        const int c = nw_arch_find(arch, decision_name(node, "function", name));

        if (c < 0)
            return NW_ENAME;
        NW_TRY(nw_arch_pick(arch, c, tree->function[node]));
        if (node > 1)
            NW_TRY(nw_arch_pick(arch, c - 1, tree->from[node]));
    }
    return NW_OK;
}

/* ---- Canonical form -------------------------------------------------------------------
 */

/* A function and two brackets a node, and a NUL. */
enum { LONGEST = 3 * NW_RNN_NODES + 1 };

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Write the subtree of `node`: its function, then its children in ascending order. */
static void write_subtree(const struct nw_rnn_tree *tree, int node,
                          char text[NW_RNN_NODES][LONGEST])
{
    char child[NW_RNN_NODES][LONGEST];
    size_t at = 0;
    int n = 0;

    for (int i = node + 1; i < tree->n; i++)
        if (tree->from[i] == node)
            memcpy(child[n++], text[i], LONGEST);
    qsort(child, (size_t)n, LONGEST, by_text);
    at += (size_t)snprintf(text[node], LONGEST, "%d(", tree->function[node]);
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(text[node] + at, LONGEST - at, "%s", child[i]);
    snprintf(text[node] + at, LONGEST - at, ")");
}

nw_status nw_rnn_canonical(const struct nw_rnn_tree *tree, nw_text *out)
{
    char text[NW_RNN_NODES][LONGEST];

    for (int node = tree->n - 1; node >= 0; node--)
        write_subtree(tree, node, text);
    nw_text_printf(out, "%s", text[0]);
    return NW_OK;
}

/* ---- Network --------------------------------------------------------------------------
 */

/* s + sigmoid(c) (f(v) - s) with c and v the halves of W x. */
static nw_ref highway(const struct nw_rnn_step *step, const struct nw_rnn_family *family,
                      nw_ref x, nw_ref s, const char *function, const char *module)
{
    nw_space *space = step->space;
    const int n = step->hidden, gate_at = family->is_enas ? n : 0;
    nw_ref both, c, v, minus, change;

    both = nw_opf(space, x, "dense out=%d bias=0 name=%s", 2 * n, module);
    c = nw_opf(space, nw_rnn_part(space, both, gate_at, gate_at + n), "sigmoid");
    v = nw_rnn_apply(space, nw_rnn_part(space, both, n - gate_at, 2 * n - gate_at),
                     function);
    minus = nw_opf(space, s, "scale by=-1");
    change = nw_op_n(space, "add", 2, (nw_ref[]){v, minus});
    change = nw_op_n(space, "mul", 2, (nw_ref[]){c, change});
    return nw_op_n(space, "add", 2, (nw_ref[]){s, change});
}

/* Nodes that make the new state; how many. */
static int ends_of(const struct nw_rnn_family *family, const struct nw_rnn_tree *tree,
                   int out[NW_RNN_NODES])
{
    int used[NW_RNN_NODES] = {0}, n = 0;

    for (int node = 1; node < tree->n; node++)
        used[tree->from[node]] = family->is_enas;
    for (int node = !family->is_enas; node < tree->n; node++)
        if (!used[node])
            out[n++] = node;
    return n;
}

static nw_status draw(nw_space *space, const struct nw_rnn_family *family,
                      const struct nw_rnn_tree *tree)
{
    nw_drawn_edge edge[NW_RNN_NODES + 1];
    int out[NW_RNN_NODES], n_out = ends_of(family, tree, out);
    const nw_drawn_cell drawn = {.title = "recurrent cell",
                                 .inputs = 2,
                                 .nodes = tree->n,
                                 .n_edge = tree->n + 1,
                                 .n_out = n_out,
                                 .edge = edge,
                                 .out = out};
    const char *first = family->is_enas ? family->function[tree->function[0]] : "tanh";

    edge[0] = (nw_drawn_edge){first, 0, 2};
    for (int node = 0; node < tree->n; node++)
        edge[node + 1] =
            (nw_drawn_edge){node ? family->function[tree->function[node]] : first,
                            node ? tree->from[node] + 2 : 1, node + 2};
    for (int i = 0; i < n_out; i++)
        out[i] += 2;
    return nw_space_add_cell(space, &drawn);
}

nw_status nw_rnn_build(nw_space *space, const struct nw_rnn_family *family,
                       const struct nw_rnn_keys *key, const int input[3], int classes,
                       const struct nw_rnn_tree *tree)
{
    struct nw_rnn_step step;
    nw_ref s[NW_RNN_NODES], in[NW_RNN_NODES], h;
    int ends[NW_RNN_NODES], n = ends_of(family, tree, ends);

    NW_TRY(nw_rnn_begin(&step, space, family->name, key, 1, input));
    NW_TRY(draw(space, family, tree));
    nw_enter(space, "rnns.0");
    s[0] = highway(&step, family, step.all, step.state[0],
                   family->is_enas ? family->function[tree->function[0]] : "tanh", "_W0");
    for (int node = 1; node < tree->n; node++) {
        char module[32];

        snprintf(module, sizeof(module), "_Ws.%d", node - 1);
        s[node] = highway(&step, family, s[tree->from[node]], s[tree->from[node]],
                          family->function[tree->function[node]], module);
    }
    nw_leave(space);
    for (int i = 0; i < n; i++)
        in[i] = s[ends[i]];
    h = n > 1 ? nw_opf(space, nw_op_n(space, "add", (size_t)n, in), "scale by=%.9g",
                       1.0 / n)
              : in[0];
    return nw_rnn_end(&step, family->name, key, classes, !family->is_enas, h);
}
