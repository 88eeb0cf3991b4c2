/*
 * flow.c - a whole space, op by op from the input down, at an architecture.
 *
 * A composite op is one box, since its parts follow from its name. What the output does
 * not read at this architecture is grey.
 */
#include "drawing.h"

#include <string.h>

struct flow {
    nw_text *out;
    const nw_arch *arch;
    const nw_graph *graph; /* all options                                     */
    unsigned char *live;   /* by node: the output reads it                    */
    int *drawn;            /* by node: last edge into this box came from here */
};

static int is_taken(const struct flow *f, const nw_gnode *node, int input)
{
    const nw_choice *c;

    if (node->choice < 0)
        return 1;
    c = &f->graph->space->choice[node->choice];
    if (c->kind == NW_SOME || nw_arch_is_hard(f->arch))
        return f->arch->w[c->first + node->option[input]] > 0;
    return nw_arch_get(f->arch, c->name) == node->option[input];
}

static void find_live(struct flow *f)
{
    f->live[f->graph->output] = 1;
    for (int i = f->graph->n - 1; i >= 0; i--) {
        const nw_gnode *node = &f->graph->node[i];

        for (int j = 0; f->live[i] && j < node->info.n_in; j++)
            if (is_taken(f, node, j))
                f->live[node->in[j]] = 1;
    }
}

/* The box of a node is numbered as the first node of the composite it is part of. */
static int box_of(const struct flow *f, int i)
{
    int group = f->graph->node[i].group;

    while (group >= 0 && i > 0 && f->graph->node[i - 1].group == group)
        i--;
    return i;
}

static void put_label(struct flow *f, const nw_gnode *node)
{
    const char *spec =
        node->group >= 0 ? f->graph->space->group[node->group].spec : node->spec;
    const char *name, *keys;
    size_t n = nw_spec_name(spec, &name, &keys);

    nw_text_printf(f->out, *keys ? "<B>%.*s&#160;&#160;</B>" : "<B>%.*s</B>", (int)n,
                   name);
    if (!*keys)
        return;
    nw_text_printf(f->out, "<FONT POINT-SIZE=\"10\">");
    nw_draw_text(f->out, keys);
    nw_text_printf(f->out, "</FONT>");
}

static void put_choice(struct flow *f, int i)
{
    const nw_gnode *node = &f->graph->node[i];
    const char *line = f->live[i] ? "#2c3947" : "#c9ced4";

    nw_text_printf(
        f->out,
        "  n%d [shape=box, style=\"filled\", height=0.3, margin=\"0.14,0.05\", "
        "color=\"%s\", fillcolor=\"%s\", fontcolor=\"%s\", label=<<B>",
        i, line, f->live[i] ? "#eef1f5" : "#fafbfc", line);
    nw_draw_text(f->out, f->graph->space->choice[node->choice].name);
    nw_text_printf(f->out, "</B>>]\n");
}

static void put_op(struct flow *f, int i)
{
    const nw_gnode *node = &f->graph->node[i];
    const char *name =
        node->group >= 0 ? f->graph->space->group[node->group].op->name : node->op->name;
    const nw_ink *ink = nw_ink_of(name);
    int live = f->live[i];

    nw_text_printf(f->out,
                   "  n%d [shape=box, style=\"rounded,filled%s\", height=0.36, "
                   "margin=\"0.16,0.06\", color=\"%s\", fillcolor=\"%s\", "
                   "fontcolor=\"%s\", label=<",
                   i, live ? "" : ",dashed", live ? ink->line : "#c9ced4",
                   live ? ink->fill : "#fafbfc", live ? ink->text : "#aab1b9");
    put_label(f, node);
    nw_text_printf(f->out, ">]\n");
}

/* Cells, since viewers trim the blanks that could keep words apart. */
static void put_edge_label(struct flow *f, const nw_gnode *to, int input, int live)
{
    char text[48];

    nw_text_printf(f->out, "<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" "
                           "CELLPADDING=\"3\"><TR>");
    if (to->choice >= 0) {
        const nw_choice *c = &f->graph->space->choice[to->choice];

        nw_text_printf(f->out, live ? "<TD><B>" : "<TD><I>");
        nw_draw_text(f->out, c->option_name[to->option[input]]);
        nw_text_printf(f->out, live ? "</B></TD>" : "</I></TD>");
    }
    nw_shape_text(&to->info.in[input], text);
    nw_text_printf(f->out, "<TD>");
    for (const char *c = text; *c; c++)
        nw_text_printf(f->out, *c == 'x' ? "&#215;" : "%c", *c);
    nw_text_printf(f->out, "</TD></TR></TABLE>");
}

static void put_edge(struct flow *f, int to, int input)
{
    const nw_gnode *node = &f->graph->node[to];
    int live = f->live[to] && is_taken(f, node, input);
    const char *style =
        live ? (node->choice >= 0 ? ", penwidth=2" : "") : ", style=dashed";

    nw_text_printf(f->out, "  n%d -> n%d [color=\"%s\", fontcolor=\"%s\"%s, label=<",
                   box_of(f, node->in[input]), box_of(f, to),
                   live ? "#5b6b7c" : "#d3d8dd", live ? "#5a636d" : "#c2c8ce", style);
    put_edge_label(f, node, input, live);
    nw_text_printf(f->out, ">]\n");
}

static void put_node(struct flow *f, int i)
{
    const nw_gnode *node = &f->graph->node[i];
    int box = box_of(f, i);

    if (node->choice >= 0)
        put_choice(f, i);
    else if (box == i)
        put_op(f, i);
    for (int j = 0; j < node->info.n_in; j++) {
        int from = node->in[j];

        /* two branches of a composite that read one value are one edge */
        if (box_of(f, from) == box || (box != i && f->drawn[from] == box + 1))
            continue;
        f->drawn[from] = box + 1;
        put_edge(f, i, j);
    }
}

static nw_status draw(struct flow *f)
{
    size_t n = (size_t)f->graph->n;
    nw_arena arena;

    nw_arena_init(&arena, f->graph->ctx);
    f->live = nw_arena_get(&arena, n);
    f->drawn = nw_arena_get(&arena, n * sizeof(int));
    if (f->live && f->drawn) {
        find_live(f);
        for (int i = 0; i < f->graph->n; i++)
            put_node(f, i);
    }
    nw_arena_free(&arena);
    return f->drawn ? NW_OK : NW_ENOMEM;
}

nw_status nw_draw_flow(nw_text *out, nw_ctx *ctx, const nw_arch *arch)
{
    struct flow f = {.out = out, .arch = arch};
    nw_graph *graph = nw_graph_new(ctx, arch->space, arch, NW_F32, NW_GRAPH_ALL);
    nw_status status;

    if (!graph)
        return NW_EINVAL; /* why is pending */
    f.graph = graph;
    status = draw(&f);
    nw_graph_free(graph);
    return status;
}
