/* cost.c - what a network costs, counted without building it. */
#include "layout.h"
#include "net.h"

#include <math.h>
#include <string.h>

/* Values only, batch 1, float32, forward, in the order in which they are computed. */
nw_status nw_graph_peak(nw_graph *graph, size_t *bytes)
{
    size_t n = (size_t)graph->n;
    nw_life *life = nw_alloc(graph->ctx, (n + 1) * sizeof(*life));
    int *root = nw_alloc(graph->ctx, (n + 1) * sizeof(int));
    nw_status status = life && root ? NW_OK : NW_ENOMEM;

    for (int i = 0; status >= 0 && i < graph->n; i++) {
        const nw_gnode *node = &graph->node[i];
        int alias = node->op->flags & NW_IS_ALIAS;

        root[i] = alias ? root[node->in[0]] : i;
        life[i] = (nw_life){
            i, i, alias || node->is_zero ? 0 : 4 * nw_count(&node->info.out), 0};
        for (int j = 0; j < node->info.n_in; j++)
            life[root[node->in[j]]].death = i;
    }
    if (status >= 0) {
        life[root[graph->output]].death = graph->n;
        status = nw_layout(graph->ctx, life, n, bytes);
    }
    nw_release(graph->ctx, life);
    nw_release(graph->ctx, root);
    return status;
}

static double trainable(const nw_graph *graph)
{
    double n = 0;

    for (int i = 0; i < graph->n_param; i++)
        if (!graph->param[i].param->is_buffer)
            n += (double)graph->param[i].count;
    return n;
}

static nw_status cost(nw_graph *graph, nw_score *out)
{
    size_t bytes;

    NW_TRY(nw_graph_peak(graph, &bytes));
    out->params = trainable(graph);
    out->macs = graph->macs;
    out->layers = 0;
    out->aux_params = out->aux_macs = 0;
    for (int i = 0; i < graph->n; i++)
        out->layers += graph->node[i].info.macs > 0;
    out->peak_bytes = (double)bytes;
    return NW_OK;
}

/* What the graph has beside `out`, which is the same without auxiliary head. */
static void add_aux(const nw_graph *graph, nw_score *out)
{
    out->aux_params = trainable(graph) - out->params;
    out->aux_macs = graph->macs - out->macs;
}

static nw_status cost_at(nw_ctx *ctx, nw_space *space, const nw_arch *arch, nw_score *out)
{
    nw_graph *graph = nw_graph_new(ctx, space, arch, NW_F32, 0), *whole = NULL;
    nw_status status = graph ? cost(graph, out) : nw_pending(ctx);

    if (status >= 0 && graph->space->aux >= 0) {
        whole = nw_graph_new(ctx, space, arch, NW_F32, NW_GRAPH_AUX);
        status = whole ? NW_OK : nw_pending(ctx);
    }
    if (whole)
        add_aux(whole, out);
    nw_graph_free(whole);
    nw_graph_free(graph);
    return status;
}

nw_status nw_net_cost(const nw_net *net, nw_score *out)
{
    nw_arch at;

    if (!net)
        return NW_ENOMEM;
    if (net->graph->aux < 0)
        return cost(net->graph, out);
    at = (nw_arch){net->ctx, net->graph->space, net->mix};
    return cost_at(net->ctx, net->graph->space, &at, out);
}

nw_status nw_arch_cost(const nw_arch *arch, nw_score *out)
{
    if (!arch)
        return NW_ENOMEM;
    nw_clear(arch->ctx);
    return cost_at(arch->ctx, arch->space, arch, out);
}
