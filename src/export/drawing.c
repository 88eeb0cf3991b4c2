/* drawing.c - colours, words and the frame of pictures in DOT. */
#include "drawing.h"

#include <math.h>
#include <string.h>

#define FONT "Helvetica,Arial,sans-serif"

/* The first that fits counts. */
static const nw_ink inks[] = {
    {"sep_conv", "#3b78b8", "#e4eef9", "#1f4e80"},
    {"dil", "#7a5cb0", "#eee8f8", "#4d3585"},
    {"max_pool", "#cf7a2c", "#fcecdc", "#8a4a0f"},
    {"maxpool", "#cf7a2c", "#fcecdc", "#8a4a0f"},
    {"avg_pool", "#bd9a1c", "#faf3d6", "#776006"},
    {"avgpool", "#bd9a1c", "#faf3d6", "#776006"},
    {"globalpool", "#bd9a1c", "#faf3d6", "#776006"},
    {"skip", "#3f9a63", "#e1f4e8", "#1f6a3f"},
    {"identity", "#3f9a63", "#e1f4e8", "#1f6a3f"},
    {"add", "#3f9a63", "#e1f4e8", "#1f6a3f"},
    {"none", "#a9b0b8", "#f3f4f6", "#7b838c"},
    {"zero", "#a9b0b8", "#f3f4f6", "#7b838c"},
    {"batchnorm", "#6d7f92", "#eaeef2", "#3c4b5b"},
    {"layernorm", "#6d7f92", "#eaeef2", "#3c4b5b"},
    {"relu_conv", "#2a8f97", "#dff3f4", "#0e5c63"},
    {"conv", "#2a8f97", "#dff3f4", "#0e5c63"},
    {"nor_conv", "#2a8f97", "#dff3f4", "#0e5c63"},
    {"mbconv", "#2a8f97", "#dff3f4", "#0e5c63"},
    {"factorized", "#2a8f97", "#dff3f4", "#0e5c63"},
    {"dense", "#b04a7c", "#f9e5ef", "#7a2350"},
    {"matmul", "#b04a7c", "#f9e5ef", "#7a2350"},
    {"embedding", "#b04a7c", "#f9e5ef", "#7a2350"},
    {"relu", "#c25b52", "#fbe7e5", "#862f28"},
    {"normal cell", "#3b78b8", "#e4eef9", "#1f4e80"},
    {"reduction cell", "#cf7a2c", "#fcecdc", "#8a4a0f"},
    {"cell, stride 2", "#cf7a2c", "#fcecdc", "#8a4a0f"},
    {"cell", "#3b78b8", "#e4eef9", "#1f4e80"},
    {"classifier", "#b04a7c", "#f9e5ef", "#7a2350"},
    {"", "#7d8791", "#f1f3f5", "#434b54"},
};

const nw_ink *nw_ink_of(const char *name)
{
    const nw_ink *ink = inks;

    while (strncmp(name, ink->op, strlen(ink->op)))
        ink++;
    return ink;
}

void nw_draw_text(nw_text *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '&')
            nw_text_printf(out, "&amp;");
        else if (c == '<')
            nw_text_printf(out, "&lt;");
        else if (c == '>')
            nw_text_printf(out, "&gt;");
        else if (c == '"')
            nw_text_printf(out, "&quot;");
        else
            nw_text_add(out, c < ' ' ? " " : text, 1);
    }
}

void nw_draw_begin(nw_text *out, const char *direction)
{
    nw_text_printf(out,
                   "digraph network {\n"
                   "  graph [rankdir=%s, bgcolor=\"#ffffff\", pad=0.3, nodesep=0.28, "
                   "ranksep=0.32, fontname=\"" FONT "\", fontsize=12, "
                   "fontcolor=\"#5a636d\", labelloc=b]\n"
                   "  node [fontname=\"" FONT "\", fontsize=12, penwidth=1.2]\n"
                   "  edge [fontname=\"" FONT "\", fontsize=10, color=\"#7d8791\", "
                   "penwidth=1.2, arrowsize=0.7]\n",
                   direction);
}

/* 1234567 -> "1.23 M" */
static void quantity(nw_text *out, double value, const char *unit)
{
    static const char *const scale[] = {"", " k", " M", " G", " T"};
    int i = 0;

    for (; value >= 1000 && i < 4; i++)
        value /= 1000;
    nw_text_printf(out, i ? "%.2f%s %s" : "%.0f%s %s", value, scale[i], unit);
}

static void put_numbers(nw_text *out, const nw_arch *arch)
{
    for (int i = 0; i < arch->space->n_choice; i++) {
        const nw_choice *c = &arch->space->choice[i];

        if (c->kind != NW_NUMBER)
            continue;
        nw_text_printf(out, " &#160;&#183;&#160; ");
        nw_draw_text(out, c->name);
        nw_text_printf(out, " = %d", c->value[nw_arch_get(arch, c->name)]);
    }
}

static nw_status put_cost(nw_text *out, nw_ctx *ctx, const nw_arch *arch, nw_net *net)
{
    nw_score cost = {0};

    if (!net && !nw_arch_is_hard(arch)) {
        nw_text_printf(out, "mixture: the strongest options are shown");
        return NW_OK;
    }
    NW_TRY(net ? nw_net_cost(net, &cost) : nw_arch_cost(arch, &cost));
    (void)ctx;
    quantity(out, cost.params, "parameters &#160;&#183;&#160; ");
    quantity(out, cost.macs, "multiply-adds");
    return NW_OK;
}

nw_status nw_draw_end(nw_text *out, nw_ctx *ctx, const nw_arch *arch, nw_net *net)
{
    nw_text_printf(out, "  label=<<TABLE BORDER=\"0\" CELLPADDING=\"8\"><TR><TD>");
    if (arch->space->origin) {
        nw_text_printf(out, "<B>");
        nw_draw_text(out, arch->space->origin);
        nw_text_printf(out, "&#160;&#160;</B>&#183;&#160; ");
    }
    NW_TRY(put_cost(out, ctx, arch, net));
    put_numbers(out, arch);
    nw_text_printf(out, "</TD></TR></TABLE>>\n}\n");
    return out->failed ? NW_ENOMEM : NW_OK;
}

static nw_status draw(nw_ctx *ctx, const nw_arch *arch, const nw_space *network,
                      nw_text *out)
{
    if (!nw_has_cells(network)) {
        nw_draw_begin(out, "TB");
        return nw_draw_flow(out, ctx, arch);
    }
    nw_draw_begin(out, "LR");
    return nw_draw_cells(out, arch, network);
}

/* The network that a family builds at the arch, of a mixture at its strongest options. */
static nw_space *network_at(nw_ctx *ctx, const nw_arch *arch)
{
    nw_arch *hard = nw_arch_new(ctx, arch->space);
    nw_space *network = NULL;

    if (hard && nw_arch_copy(hard, arch) >= 0 && nw_arch_harden(hard) >= 0)
        network = arch->space->at(arch->space, hard);
    nw_arch_free(hard);
    return network;
}

/* Which nodes of a cell make its output, a family knows and its choices do not say. */
static int is_drawn_as_built(const nw_space *space)
{
    return nw_is_coded(space) || (space->at && !space->cells && nw_has_cells(space));
}

nw_status nw_draw(nw_ctx *ctx, const nw_arch *arch, nw_net *net, nw_text *out)
{
    nw_space *network = NULL;
    nw_status status;

    if (is_drawn_as_built(arch->space)) {
        network = network_at(ctx, arch);
        if (!network)
            return NW_EINVAL; /* why is pending */
    }
    status = draw(ctx, arch, network ? network : arch->space, out);
    nw_space_free(network);
    return status < 0 ? status : nw_draw_end(out, ctx, arch, net);
}
