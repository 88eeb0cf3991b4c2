/*
 * enas_words.c - decisions, genotypes and canonical forms of cells of pairs of ops.
 *
 * Two cells are the same when one becomes the other by swapping operands and by renaming
 * nodes: both sums and the set of loose ends stay. Of all orders in which the nodes can
 * be named (at most 120), with the operands of each in ascending order, the canonical
 * form is the first in the order of the alphabet.
 */
#include "enas_cells.h"
#include "int_list.h"

#include <stdio.h>
#include <string.h>

static const char *const cell_names[2] = {"normal", "reduce"};
static const char *const field_names[4] = {"in1", "op1", "in2", "op2"};

/* ---- Decisions ----------------------------------------------------------------------
 */

static void decision_name(int i, char out[32])
{
    snprintf(out, 32, "%s_%d_%s", cell_names[i / NW_PAIR_CELL], 2 + i % NW_PAIR_CELL / 4,
             field_names[i % 4]);
}

nw_status nw_pair_decide(nw_space *space, int first_op, int n_ops)
{
    static const char *const states[] = {"0", "1", "2", "3", "4", "5"};
    const char *ops[NW_PAIR_OPS];

    for (int o = 0; o < n_ops; o++)
        ops[o] = nw_pair_op(first_op + o);
    for (int i = 0; i < NW_PAIR_INTS; i++) {
        const int node = i % NW_PAIR_CELL / 4;
        char name[32];

        decision_name(i, name);
        NW_TRY(i % 2 ? nw_decide(space, name, (size_t)n_ops, ops)
                     : nw_decide(space, name, (size_t)node + 2, states));
    }
    return NW_OK;
}

/* Index of the first of the 40 decisions, which are one after the other. */
static int first_decision(const nw_arch *arch)
{
    char name[32];

    decision_name(0, name);
    return nw_arch_find(arch, name);
}

nw_status nw_pair_of_arch(const nw_arch *arch, int first_op, int out[NW_PAIR_INTS])
{
    const int first = first_decision(arch);

    for (int i = 0; first >= 0 && i < NW_PAIR_INTS; i++)
        out[i] = nw_arch_option(arch, first + i) + (i % 2 ? first_op : 0);
    return first < 0 ? NW_ENAME : NW_OK;
}

/* Why number i cannot be v, or NULL. */
static const char *refusal(int i, int v, int first_op, int end_op)
{
    const int node = i % NW_PAIR_CELL / 4;

    if (i % 2)
        return v < first_op || v >= end_op ? "is no op of the space" : NULL;
    return v < 0 || v > node + 1 ? "is not an earlier node" : NULL;
}

static nw_status check(nw_ctx *ctx, nw_status status, const char *where, const int *ints,
                       int first_op, int end_op)
{
    for (int i = 0; i < NW_PAIR_INTS; i++) {
        const char *why = refusal(i, ints[i], first_op, end_op);

        if (why)
            return nw_fail(ctx, status, "%s: number %d of 40, %d, of node %d %s", where,
                           i + 1, ints[i], 2 + i % NW_PAIR_CELL / 4, why);
    }
    return NW_OK;
}

nw_status nw_pair_to_arch(nw_arch *arch, int first_op, int n_ops,
                          const int ints[NW_PAIR_INTS], const char *where)
{
    const int first = first_decision(arch);

    if (first < 0)
        return NW_ENAME;
    NW_TRY(check(arch->ctx, NW_EFORMAT, where, ints, first_op, first_op + n_ops));
    for (int i = 0; i < NW_PAIR_INTS; i++)
        NW_TRY(nw_arch_pick(arch, first + i, ints[i] - (i % 2 ? first_op : 0)));
    return NW_OK;
}

nw_status nw_pair_parse(nw_ctx *ctx, const char *family, const char *text, int first_op,
                        int end_op, int out[NW_PAIR_INTS])
{
    char where[64];
    const int n = nw_ints_parse(text, ' ', 0, NW_INTS_LARGEST, NW_PAIR_INTS, out);

    snprintf(where, sizeof(where), "%s: arch=", family);
    if (n != NW_PAIR_INTS)
        return nw_fail(ctx, NW_ESPEC,
                       "%s must be 40 numbers: input, op, input, op for each of five "
                       "nodes of the normal and of the reduction cell",
                       where);
    return check(ctx, NW_ESPEC, where, out, first_op, end_op);
}

/* ---- Canonical form -----------------------------------------------------------------
 */

/* An order of naming, while all are gone through. */
struct naming {
    const int *ints;
    int name[NW_PAIR_STATES]; /* new name of every state, -1 = none yet */
    unsigned char text[NW_PAIR_CELL], best[NW_PAIR_CELL];
};

/* Write node `node` as the next one; 0 = an operand has no name yet. */
static int write_node(const struct naming *n, int node, unsigned char out[4])
{
    const int *at = n->ints + 4 * node;
    const int a = n->name[at[0]], b = n->name[at[2]];
    const int swap = a > b || (a == b && at[1] > at[3]);

    if (a < 0 || b < 0)
        return 0;
    out[0] = (unsigned char)(swap ? b : a);
    out[1] = (unsigned char)(swap ? at[3] : at[1]);
    out[2] = (unsigned char)(swap ? a : b);
    out[3] = (unsigned char)(swap ? at[1] : at[3]);
    return 1;
}

static void name_nodes(struct naming *n, int named)
{
    if (named == NW_PAIR_NODES) {
        if (memcmp(n->text, n->best, sizeof(n->text)) < 0)
            memcpy(n->best, n->text, sizeof(n->text));
        return;
    }
    for (int node = 0; node < NW_PAIR_NODES; node++) {
        if (n->name[node + 2] >= 0 || !write_node(n, node, n->text + 4 * named))
            continue;
        n->name[node + 2] = named + 2;
        name_nodes(n, named + 1);
        n->name[node + 2] = -1;
    }
}

nw_status nw_pair_canonical(const nw_arch *arch, nw_text *out)
{
    int ints[NW_PAIR_INTS];

    NW_TRY(nw_pair_of_arch(arch, 0, ints));
    for (int cell = 0; cell < 2; cell++) {
        struct naming n = {
            ints + cell * NW_PAIR_CELL, {0, 1, -1, -1, -1, -1, -1}, {0}, {0}};

        memset(n.best, 0xff, sizeof(n.best));
        name_nodes(&n, 0);
        for (int i = 0; i < NW_PAIR_CELL; i++)
            nw_text_printf(out, "%s%d", i || cell ? " " : "", n.best[i]);
    }
    return NW_OK;
}
