/*
 * fold.c - a net for inference alone: what only training needs is gone.
 *
 * At running moments a batch norm is y = s x + t by channel. Behind a convolution or a
 * dense layer that nothing else reads, it becomes part of that:
 *
 *     s = weight / sqrt(running_var + eps)     W' = s W
 *                                              b' = s (b - running_mean) + bias
 *
 * Ops that only training has (dropout, drop path) pass their input on and go; so does the
 * auxiliary head. Weights will not change again, so plans bring them once into the layout
 * of their kernels (nw_run.still).
 */
#include "net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct folding {
    const nw_net *from;
    nw_net *to;
    const nw_graph *old;
    nw_graph *g;
    /* by node of the old graph */
    unsigned char *wanted;
    int *readers, *reader; /* their number, and one of them             */
    int *stands_for;       /* node of the new graph that gives its value */
    int *norm;             /* that is folded into it; -1 = none          */
};

/* Where an op's keys hold `key`; NULL = it has no such key. */
static void *field(const nw_op_type *op, const void *attr, const char *key)
{
    union {
        const void *from;
        char *to;
    } p = {attr};

    for (const nw_attr *a = op->attrs; a && a->key; a++)
        if (!strcmp(a->key, key))
            return p.to + a->offset;
    return NULL;
}

static int is_linear(const nw_gnode *node)
{
    return !strcmp(node->op->name, "conv2d") || !strcmp(node->op->name, "dense");
}

static int is_norm(const nw_gnode *node)
{
    return !strcmp(node->op->name, "batchnorm");
}

/* ---- The graph --------------------------------------------------------------------- */

static void look(struct folding *f)
{
    const nw_graph *old = f->old;

    f->wanted[old->output] = 1;
    f->readers[old->output] = 2; /* the caller, too */
    for (int i = old->n - 1; i >= 0; i--) {
        const nw_gnode *node = &old->node[i];

        f->norm[i] = -1;
        for (int j = 0; f->wanted[i] && j < node->info.n_in; j++) {
            f->wanted[node->in[j]] = 1;
            f->readers[node->in[j]]++;
            f->reader[node->in[j]] = i;
        }
    }
    for (int i = 0; i < old->n; i++)
        if (f->wanted[i] && is_linear(&old->node[i]) && f->readers[i] == 1 &&
            is_norm(&old->node[f->reader[i]]))
            f->norm[i] = f->reader[i];
}

/* Is its value that of its first input? */
static int passes_on(const struct folding *f, int i)
{
    const nw_gnode *node = &f->old->node[i];

    return node->op->flags & NW_ONLY_TRAINS ||
           (is_norm(node) && f->norm[node->in[0]] == i);
}

static nw_status connect(struct folding *f, const nw_gnode *from, nw_gnode *to)
{
    const size_t n = (size_t)from->info.n_in;
    nw_shape *shape = nw_arena_get(&f->g->arena, (n + 1) * sizeof(*shape));
    void *attr = nw_arena_get(&f->g->arena, from->op->size + 1);

    to->in = nw_arena_get(&f->g->arena, (n + 1) * sizeof(int));
    to->spec = nw_arena_dup(&f->g->arena, from->spec);
    to->name = nw_arena_dup(&f->g->arena, from->name);
    if (!shape || !attr || !to->in || !to->spec || !to->name)
        return NW_ENOMEM;
    for (size_t j = 0; j < n; j++) {
        to->in[j] = f->stands_for[from->in[j]];
        shape[j] = from->info.in[j];
    }
    to->info.in = shape;
    to->info.attr = memcpy(attr, from->info.attr, from->op->size);
    to->option = NULL;
    to->group = -1;
    return NW_OK;
}

/* The layer has a bias now. */
static nw_status add_bias(struct folding *f, nw_gnode *node)
{
    int *bias = field(node->op, node->info.attr, "bias");

    *bias = 1;
    if (node->op->infer(&node->info) < 0)
        return nw_fail(f->g->ctx, NW_ESHAPE, "%s: %s", node->name, node->info.why);
    return NW_OK;
}

static nw_status add_params(nw_graph *g, int index)
{
    nw_gnode *node = &g->node[index];
    char name[2 * NW_TEXT_SIZE];

    node->first_param = g->n_param;
    for (int i = 0; i < node->info.n_param; i++) {
        snprintf(name, sizeof(name), "%s.%s", node->name, node->info.param[i].suffix);
        NW_TRY(nw_graph_add_param(g, &node->info.param[i], name));
        g->param[g->n_param - 1].node = index;
    }
    g->macs += node->info.macs;
    return NW_OK;
}

static nw_status add_node(struct folding *f, int i)
{
    nw_graph *g = f->g;
    nw_gnode *node = &g->node[g->n];

    if (passes_on(f, i)) {
        f->stands_for[i] = f->stands_for[f->old->node[i].in[0]];
        return NW_OK;
    }
    *node = f->old->node[i];
    if (node->choice >= 0)
        return nw_fail(g->ctx, NW_EINVAL,
                       "%s is a mixture of options: such a net cannot be folded",
                       node->name);
    NW_TRY(connect(f, &f->old->node[i], node));
    if (f->norm[i] >= 0)
        NW_TRY(add_bias(f, node));
    f->stands_for[i] = g->n++;
    return add_params(g, f->stands_for[i]);
}

static nw_status fold_graph(struct folding *f)
{
    const nw_graph *old = f->old;
    const size_t n = (size_t)old->n;
    nw_arena *a;

    f->g = f->to->graph = nw_graph_of_params(f->to->ctx, old->n_param + old->n);
    if (!f->g)
        return NW_ENOMEM;
    a = &f->g->arena;
    f->wanted = nw_arena_get(a, n);
    f->readers = nw_arena_get(a, n * sizeof(int));
    f->reader = nw_arena_get(a, n * sizeof(int));
    f->stands_for = nw_arena_get(a, n * sizeof(int));
    f->norm = nw_arena_get(a, n * sizeof(int));
    f->g->node = nw_arena_get(a, n * sizeof(*f->g->node));
    if (!f->wanted || !f->readers || !f->reader || !f->stands_for || !f->norm ||
        !f->g->node)
        return NW_ENOMEM;
    look(f);
    for (int i = 0; i < old->n; i++)
        if (f->wanted[i])
            NW_TRY(add_node(f, i));
    f->g->input = f->stands_for[old->input];
    f->g->output = f->stands_for[old->output];
    return NW_OK;
}

/* ---- Its weights ---------------------------------------------------------------------
 */

static double old_number(const struct folding *f, const nw_gnode *node, int param,
                         size_t i)
{
    return nw_real_get(f->from, nw_net_param(f->from, node->first_param + param), i);
}

static void copy_params(const struct folding *f, const nw_gnode *from, const nw_gnode *to)
{
    for (int i = 0; i < from->info.n_param; i++)
        memcpy(nw_net_param(f->to, to->first_param + i),
               nw_net_param(f->from, from->first_param + i),
               f->g->param[to->first_param + i].count * f->to->real_size);
}

/* Output channel c of a layer `from` with the norm behind it. */
static void fold_channel(const struct folding *f, const nw_gnode *from,
                         const nw_gnode *norm, const nw_gnode *to, size_t c)
{
    const int affine = norm->info.n_param == 4, mean = affine ? 2 : 0;
    const size_t each = f->g->param[to->first_param].count / (size_t)to->info.out.dim[0];
    const double eps = *(double *)field(norm->op, norm->info.attr, "eps");
    const double bias = from->info.n_param > 1 ? old_number(f, from, 1, c) : 0;
    const double shift = affine ? old_number(f, norm, 1, c) : 0;
    double s = 1 / sqrt(old_number(f, norm, mean + 1, c) + eps);
    void *weight = nw_net_param(f->to, to->first_param);

    s *= affine ? old_number(f, norm, 0, c) : 1;
    for (size_t i = c * each; i < (c + 1) * each; i++)
        nw_real_set(f->to, weight, i, s * old_number(f, from, 0, i));
    nw_real_set(f->to, nw_net_param(f->to, to->first_param + 1), c,
                s * (bias - old_number(f, norm, mean, c)) + shift);
}

static void fold_weights(const struct folding *f)
{
    for (int i = 0; i < f->old->n; i++) {
        const nw_gnode *from = &f->old->node[i];
        const nw_gnode *to = &f->g->node[f->stands_for[i]];

        if (!f->wanted[i] || passes_on(f, i))
            continue;
        if (f->norm[i] < 0)
            copy_params(f, from, to);
        for (int c = 0; f->norm[i] >= 0 && c < to->info.out.dim[0]; c++)
            fold_channel(f, from, &f->old->node[f->norm[i]], to, (size_t)c);
    }
}

static nw_status fold(struct folding *f)
{
    NW_TRY(fold_graph(f));
    NW_TRY(nw_net_start(f->to, 0));
    fold_weights(f);
    f->to->is_folded = 1;
    return nw_net_normalise(f->to, f->from->n_channel, f->from->mean, f->from->sd);
}

nw_net *nw_net_fold(nw_net *net)
{
    struct folding f = {.from = net};

    if (!net)
        return NULL;
    nw_clear(net->ctx);
    f.old = net->graph;
    f.to = nw_net_empty(net->ctx, net->precision);
    if (f.to && fold(&f) >= 0)
        return f.to;
    nw_net_free(f.to);
    return NULL;
}
