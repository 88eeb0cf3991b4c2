#include "genotype.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *const cell_ops[] = {
    "none",         "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3",
    "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5", "sep_conv_7x7", "noise",
};

enum { N_CELL_OPS = sizeof(cell_ops) / sizeof(*cell_ops) };

const char *nw_cell_op(int i)
{
    return i >= 0 && i < N_CELL_OPS ? cell_ops[i] : NULL;
}

const char *nw_cell_op_named(const char *word, size_t length)
{
    for (int i = 0; i < N_CELL_OPS; i++)
        if (strlen(cell_ops[i]) == length && !memcmp(cell_ops[i], word, length))
            return cell_ops[i];
    return NULL;
}

int nw_cell_first_edge(int node)
{
    return node * (node + 3) / 2; /* 2 + 3 + 4 + ... */
}

/* ---- Arch ------------------------------------------------------------------- */

static const char *edge_name(const char *kind, int edge, char out[32])
{
    snprintf(out, 32, "%s_%d", kind, edge);
    return out;
}

/* The op that the arch takes on an edge; NULL = none. */
static const char *taken(const nw_arch *arch, int choice)
{
    const char *name = nw_space_option_name(
        arch->space, choice,
        nw_arch_get(arch, nw_space_choice_name(arch->space, choice)));

    return strcmp(name, "none") ? nw_cell_op_named(name, strlen(name)) : NULL;
}

static nw_status node_of_arch(const nw_arch *arch, const char *kind, int node,
                              nw_cell *out)
{
    int kept = 0, first = nw_cell_first_edge(node);
    char name[32];

    for (int from = 0; from < node + 2; from++) {
        int c = nw_choice_find(arch->space, edge_name(kind, first + from, name));
        const char *op = c < 0 ? NULL : taken(arch, c);

        if (op && kept < 2)
            out->edge[2 * node + kept] = (nw_cell_edge){op, from};
        kept += op != NULL;
    }
    if (kept != 2)
        return nw_fail(arch->ctx, NW_EMATCH,
                       "a cell's node keeps two edges, but node %d of the %s cell has %d",
                       node, kind, kept);
    out->n = node + 1;
    out->concat[out->n_concat++] = node + 2;
    return NW_OK;
}

static nw_status cell_of_arch(const nw_arch *arch, const char *kind, nw_cell *out)
{
    char name[32];

    *out = (nw_cell){0};
    for (int node = 0; node < NW_CELL_NODES; node++) {
        if (nw_choice_find(arch->space, edge_name(kind, nw_cell_first_edge(node), name)) <
            0)
            break;
        NW_TRY(node_of_arch(arch, kind, node, out));
    }
    return NW_OK;
}

nw_status nw_genotype_of_arch(const nw_arch *arch, nw_genotype *out)
{
    if (!arch)
        return NW_ENOMEM;
    NW_TRY(cell_of_arch(arch, "normal", &out->normal));
    NW_TRY(cell_of_arch(arch, "reduce", &out->reduce));
    if (!out->normal.n && !out->reduce.n)
        return nw_fail(arch->ctx, NW_EMATCH,
                       "the space has no cells of the DARTS family");
    return NW_OK;
}

static int option_named(const nw_space *space, int choice, const char *name)
{
    for (int i = 0; i < space->choice[choice].n; i++)
        if (!strcmp(space->choice[choice].option_name[i], name))
            return i;
    return -1;
}

static nw_status take_edge(nw_arch *arch, const char *kind, int node, nw_cell_edge edge)
{
    char name[32];
    int c = nw_choice_find(arch->space,
                           edge_name(kind, nw_cell_first_edge(node) + edge.from, name));
    int o = c < 0 ? -1 : option_named(arch->space, c, edge.op);

    if (o < 0)
        return nw_fail(arch->ctx, NW_EMATCH, "the space has no %s on edge %s", edge.op,
                       name);
    return nw_arch_pick(arch, c, o);
}

/* All edges of the cell to none; NW_EMATCH when the space's cells have other edges. */
static nw_status clear_edges(const nw_cell *cell, const char *kind, nw_arch *arch)
{
    const int n = nw_cell_first_edge(cell->n);
    char name[32];

    if (nw_choice_find(arch->space, edge_name(kind, n, name)) >= 0)
        return nw_fail(arch->ctx, NW_EMATCH,
                       "the %s cell has %d nodes, those of the space have more", kind,
                       cell->n);
    for (int e = 0; e < n; e++) {
        int c = nw_choice_find(arch->space, edge_name(kind, e, name));
        int none = c < 0 ? -1 : option_named(arch->space, c, "none");

        if (none < 0)
            return nw_fail(arch->ctx, NW_EMATCH,
                           "the space has no edge %s that may be none", name);
        NW_TRY(nw_arch_pick(arch, c, none));
    }
    return NW_OK;
}

static nw_status cell_to_arch(const nw_cell *cell, const char *kind, nw_arch *arch)
{
    NW_TRY(clear_edges(cell, kind, arch));
    for (int i = 0; i < 2 * cell->n; i++) {
        const nw_cell_edge *e = &cell->edge[i];

        if (!strcmp(e->op, "none"))
            return nw_fail(
                arch->ctx, NW_EMATCH,
                "node %d of the %s cell has an edge of none; the space keeps two", i / 2,
                kind);
        if (i % 2 && e[-1].from == e->from)
            return nw_fail(arch->ctx, NW_EMATCH,
                           "node %d of the %s cell uses node %d twice; the space cannot",
                           i / 2, kind, e->from);
        NW_TRY(take_edge(arch, kind, i / 2, *e));
    }
    return NW_OK;
}

nw_status nw_genotype_to_arch(const nw_genotype *genotype, nw_arch *arch)
{
    if (!arch)
        return NW_ENOMEM;
    NW_TRY(cell_to_arch(&genotype->normal, "normal", arch));
    return cell_to_arch(&genotype->reduce, "reduce", arch);
}

/* ---- JSON ------------------------------------------------------------------- */

static int put_cell(json_t *object, const char *key, const char *concat_key,
                    const nw_cell *cell)
{
    json_t *edges = json_array(), *concat = json_array();
    int failed = 0;

    for (int i = 0; i < 2 * cell->n; i++)
        failed |= json_array_append_new(
            edges, json_pack("[s,i]", cell->edge[i].op, cell->edge[i].from));
    for (int i = 0; i < cell->n_concat; i++)
        failed |= json_array_append_new(concat, json_integer(cell->concat[i]));
    failed |= json_object_set_new(object, key, edges);
    failed |= json_object_set_new(object, concat_key, concat);
    return failed;
}

nw_status nw_genotype_write(nw_ctx *ctx, const nw_genotype *genotype, FILE *out)
{
    json_t *object = json_object();
    int failed = put_cell(object, "normal", "normal_concat", &genotype->normal);

    failed |= put_cell(object, "reduce", "reduce_concat", &genotype->reduce);
    failed = failed || json_dumpf(object, out, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(object);
    return failed ? nw_fail(ctx, NW_EIO, "the genotype could not be written") : NW_OK;
}

static int get_edge(const json_t *item, int node, nw_cell_edge *out)
{
    const char *op = json_string_value(json_array_get(item, 0));
    json_int_t from = json_integer_value(json_array_get(item, 1));

    if (json_array_size(item) != 2 || !op || !json_is_integer(json_array_get(item, 1)))
        return 0;
    out->op = nw_cell_op_named(op, strlen(op));
    out->from = (int)from;
    return out->op && from >= 0 && from < node + 2;
}

static const char *get_cell(const json_t *edges, const json_t *concat, nw_cell *out)
{
    size_t n = json_array_size(edges), m = json_array_size(concat);

    *out = (nw_cell){.n = (int)(n / 2), .n_concat = (int)m};
    if (!json_is_array(edges) || n % 2 || n > 2 * NW_CELL_NODES)
        return "a cell is a list of at most 16 pairs [op, node], two for every node";
    if (!json_is_array(concat) || m > NW_CELL_NODES || !m != !n)
        return "concat is a list of nodes";
    for (size_t i = 0; i < n; i++)
        if (!get_edge(json_array_get(edges, i), (int)i / 2, &out->edge[i]))
            return "a pair is [\"sep_conv_3x3\", 0]: a known op and an earlier node";
    for (size_t i = 0; i < m; i++) {
        const json_t *node = json_array_get(concat, i);
        json_int_t v = json_integer_value(node);

        if (!json_is_integer(node) || v < 0 || v >= out->n + 2)
            return "concat names a node that the cell does not have";
        out->concat[i] = (int)v;
    }
    return NULL;
}

nw_status nw_genotype_read(nw_ctx *ctx, nw_genotype *genotype, const char *json,
                           const char *where)
{
    json_error_t error;
    json_t *object;
    nw_genotype got;
    const char *why, *which = "normal";

    nw_clear(ctx);
    object = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        return nw_fail(ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line, error.column,
                       error.text);
    why = get_cell(json_object_get(object, "normal"),
                   json_object_get(object, "normal_concat"), &got.normal);
    if (!why) {
        which = "reduce";
        why = get_cell(json_object_get(object, "reduce"),
                       json_object_get(object, "reduce_concat"), &got.reduce);
    }
    json_decref(object);
    if (why)
        return nw_fail(ctx, NW_EFORMAT, "%s: %s: %s", where, which, why);
    *genotype = got;
    return NW_OK;
}
