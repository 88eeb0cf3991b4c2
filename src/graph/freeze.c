/*
 * freeze.c - what is left of a space at a hard arch, as a space without choices.
 *
 * Modules keep their names, so that weights of the searched space fit. A some_of that
 * takes several becomes their sum; a $number becomes its value.
 */
#include "graph.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* `spec` with every $name as a number; "" when it grows too long. */
static void substitute(const char *spec, const nw_lookup *lookup, char *out, size_t size)
{
    size_t n = 0;

    while (*spec && n + 16 < size) {
        char name[NW_TEXT_SIZE];
        size_t length = 0;
        int value;

        if (*spec != '$') {
            out[n++] = *spec++;
            continue;
        }
        for (spec++; isalnum((unsigned char)*spec) || *spec == '_'; spec++)
            if (length + 1 < sizeof(name))
                name[length++] = *spec;
        name[length] = 0;
        if (lookup->find(lookup->user, name, &value))
            n += (size_t)snprintf(out + n, size - n, "%d", value);
    }
    out[*spec ? 0 : n] = 0;
}

static nw_status copy_node(nw_space *out, const nw_graph *g, const nw_gnode *node,
                           const nw_lookup *lookup)
{
    const nw_place *p = &g->space->place[node->place];
    char spec[4 * NW_TEXT_SIZE];

    if (node->choice >= 0)
        snprintf(spec, sizeof(spec), "add");
    else
        substitute(p->spec, lookup, spec, sizeof(spec));
    nw_place_copy(out, p, spec, node->info.n_in, node->in);
    return out->status;
}

/* Composite instances of which all is left keep their fused kernels. */
static nw_status copy_groups(nw_space *out, const nw_graph *g)
{
    for (int i = 0; i < g->n; i++) {
        int old = g->node[i].group;
        nw_group group;

        if (old < 0 || (i && g->node[i - 1].group == old))
            continue;
        group = g->space->group[old];
        group.first = group.end = i;
        while (group.end < g->n && g->node[group.end].group == old)
            group.end++;
        group.spec = nw_arena_dup(&out->arena, group.spec);
        if (!group.spec || nw_grow(out->ctx, &out->group, out->n_group, &out->room_group,
                                   sizeof(group)) < 0) {
            nw_space_pass_on(out);
            return NW_ENOMEM;
        }
        for (int j = group.first; j < group.end; j++)
            out->place[j].group = out->n_group;
        out->group[out->n_group++] = group;
    }
    return NW_OK;
}

static nw_status copy(nw_space *out, const nw_graph *g, const nw_arch *arch)
{
    nw_arch_view view = {g->space, arch};
    nw_lookup lookup = nw_arch_lookup(&view);

    for (int i = 0; i < g->n; i++)
        NW_TRY(copy_node(out, g, &g->node[i], &lookup));
    NW_TRY(copy_groups(out, g));
    NW_TRY(nw_output(out, g->output));
    return g->aux < 0 ? NW_OK : nw_aux_output(out, g->aux, g->space->aux_weight);
}

nw_space *nw_space_freeze(nw_space *space, const nw_arch *arch)
{
    nw_graph *g = nw_graph_new(space->ctx, space, arch, NW_F32, NW_GRAPH_AUX);
    nw_space *out = g ? nw_space_new(space->ctx) : NULL;

    if (out)
        copy(out, g, arch); /* a failure stays in `out` */
    nw_graph_free(g);
    return out;
}
