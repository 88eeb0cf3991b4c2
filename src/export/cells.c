/*
 * cells.c - the cells of a network, one below the other as the papers draw them, and
 * above them how the network is made of them.
 *
 * A family that builds cells says what they are (nw_space_add_cell), and of an
 * architecture of its space the cells of its network are drawn. In a space from a file
 * the edges of a cell are choices named "normal_0", "normal_1"
 * ...: first those into the first node from each of the cell's inputs, then those into
 * the second node from each input and the first node, and so on. 14 edges are four nodes
 * on two inputs (2+3+4+5), 6 are three nodes on one (1+2+3). With two inputs the output
 * is all nodes side by side, with one it is the last node.
 */
#include "drawing.h"

#include <stdlib.h>
#include <string.h>

/* What the choices of cells are called; the names of families in src/space. */
static const struct {
    const char *prefix, *title;
} kinds[] = {
    {"normal_", "normal cell"},
    {"reduce_", "reduction cell"},
    {"edge_", "cell"},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct cell {
    int kind;
    int edges, inputs, nodes;
};

/* Number of the edge that choice c is in cells of this kind, or -1. */
static int edge_number(const nw_choice *c, int kind)
{
    size_t n = strlen(kinds[kind].prefix);
    char *end;
    long value;

    if (c->kind != NW_ONE || strncmp(c->name, kinds[kind].prefix, n))
        return -1;
    value = strtol(c->name + n, &end, 10);
    return end == c->name + n || *end || value < 0 || value > 999 ? -1 : (int)value;
}

/* Sets inputs and nodes; 0 when no cell has that number of edges. */
static int shape_of(struct cell *cell)
{
    for (cell->inputs = 1; cell->inputs <= 2; cell->inputs++) {
        int left = cell->edges;

        for (cell->nodes = 0; left > 0; cell->nodes++)
            left -= cell->inputs + cell->nodes;
        if (!left)
            return 1;
    }
    return 0;
}

/* 1 when the space has edges 0 .. edges-1 of this kind. */
static int measure(const nw_space *space, int kind, struct cell *cell)
{
    int highest = -1;

    *cell = (struct cell){.kind = kind};
    for (int i = 0; i < space->n_choice; i++) {
        int number = edge_number(&space->choice[i], kind);

        cell->edges += number >= 0;
        highest = number > highest ? number : highest;
    }
    return cell->edges && highest == cell->edges - 1 && shape_of(cell);
}

int nw_has_cells(const nw_space *space)
{
    struct cell cell;
    int edges = 0;

    if (space->cells)
        return 1;
    for (int k = 0; k < KINDS; k++)
        edges += measure(space, k, &cell) ? cell.edges : 0;
    return edges && edges == space->n_choice;
}

/* Ends of the edge of that number. */
static nw_drawn_edge edge_of(const struct cell *cell, int number, const char *op)
{
    nw_drawn_edge e = {op, number, 0};

    for (; e.from >= cell->inputs + e.to; e.to++)
        e.from -= cell->inputs + e.to;
    e.to += cell->inputs;
    return e;
}

/* An edge that takes no op is not there, as in the papers. */
static int is_taken(const nw_arch *arch, const nw_choice *c, int option)
{
    if (c->keep >= 0)
        return option != arch->space->keep[c->keep].none;
    return strcmp(c->option_name[option], "none") != 0;
}

/* What the arch takes, as a cell whose edges and outputs are in `arena`. */
static nw_status cell_of_arch(const nw_arch *arch, const struct cell *c, nw_arena *arena,
                              nw_drawn_cell *out)
{
    nw_drawn_edge *edge = nw_arena_get(arena, (size_t)c->edges * sizeof(*edge));
    int *end = nw_arena_get(arena, (size_t)c->nodes * sizeof(*end));

    if (!edge || !end)
        return NW_ENOMEM;
    *out = (nw_drawn_cell){.title = kinds[c->kind].title,
                           .inputs = c->inputs,
                           .nodes = c->nodes,
                           .edge = edge,
                           .out = end};
    for (int i = 0; i < arch->space->n_choice; i++) {
        const nw_choice *choice = &arch->space->choice[i];
        const int number = edge_number(choice, c->kind),
                  option = nw_arch_get(arch, choice->name);

        if (number >= 0 && is_taken(arch, choice, option))
            edge[out->n_edge++] = edge_of(c, number, choice->option_name[option]);
    }
    for (int i = c->inputs > 1 ? 0 : c->nodes - 1; i < c->nodes; i++)
        end[out->n_out++] = c->inputs + i;
    return NW_OK;
}

/* ---- Pictures ------------------------------------------------------------------- */

static void begin_frame(nw_text *out, const char *name, const char *title)
{
    nw_text_printf(out,
                   "  subgraph cluster_%s {\n"
                   "    graph [style=\"rounded\", color=\"#d7dce1\", labelloc=t, "
                   "labeljust=l, margin=12, fontsize=14, fontcolor=\"#2c3947\", "
                   "label=<<TABLE BORDER=\"0\" CELLPADDING=\"4\"><TR><TD><B>%s</B></TD>"
                   "</TR></TABLE>>]\n",
                   name, title);
}

/* c with an index below the line, from "k-2"; SVG viewers disagree on <SUB>. */
static void put_end(nw_text *out, int cell, const char *name, const char *ink,
                    const char *index)
{
    nw_text_printf(
        out,
        "    c%d_%s [shape=box, style=\"rounded,filled\", margin=\"0.1,0.02\", "
        "height=0.42, width=0.62, %s, label=<<TABLE BORDER=\"0\" "
        "CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"0\"><TR>"
        "<TD ROWSPAN=\"2\"><FONT POINT-SIZE=\"15\"><B>c</B></FONT></TD>"
        "<TD><FONT POINT-SIZE=\"5\"> </FONT></TD></TR><TR><TD>"
        "<FONT POINT-SIZE=\"10\">%s</FONT></TD></TR></TABLE>>]\n",
        cell, name, ink, index);
}

static void put_ends(nw_text *out, int cell, const nw_drawn_cell *c)
{
    char name[16], index[16];

    for (int i = 0; i < c->inputs; i++) {
        snprintf(name, sizeof(name), "in%d", i);
        snprintf(index, sizeof(index), "k-%d", c->inputs - i);
        put_end(out, cell, name,
                "color=\"#3f9a63\", fillcolor=\"#d9f0e2\", fontcolor=\"#1f6a3f\"", index);
    }
    put_end(out, cell, "out",
            "color=\"#b8912a\", fillcolor=\"#fbf0cf\", fontcolor=\"#775a06\"", "k");
    nw_text_printf(out, "    { rank=same;");
    for (int i = 0; i < c->inputs; i++)
        nw_text_printf(out, " c%d_in%d;", cell, i);
    nw_text_printf(out, " }\n");
}

/* Name of an input or of a node. */
static void put_name(nw_text *out, int cell, const nw_drawn_cell *c, int end)
{
    if (end < c->inputs)
        nw_text_printf(out, "c%d_in%d", cell, end);
    else
        nw_text_printf(out, "c%d_n%d", cell, end - c->inputs);
}

static void put_nodes(nw_text *out, int cell, const nw_drawn_cell *c)
{
    for (int i = 0; i < c->nodes; i++)
        nw_text_printf(out,
                       "    c%d_n%d [shape=circle, style=filled, fixedsize=true, "
                       "width=0.42, color=\"#5b6b7c\", fillcolor=\"#e6ebf1\", "
                       "fontcolor=\"#2c3947\", label=<<B>%d</B>>]\n",
                       cell, i, i);
    for (int i = 0; i < c->n_out; i++) {
        nw_text_printf(out, "    ");
        put_name(out, cell, c, c->out[i]);
        nw_text_printf(out, " -> c%d_out [color=\"#b9c0c8\"]\n", cell);
    }
}

/* The op stands on its edge, as a node that the edge runs through. */
static void put_edge(nw_text *out, int cell, const nw_drawn_cell *c, int i)
{
    const nw_drawn_edge *e = &c->edge[i];
    const nw_ink *ink = nw_ink_of(e->op);

    nw_text_printf(out,
                   "    c%d_e%d [shape=box, style=\"rounded,filled\", height=0.26, "
                   "margin=\"0.1,0.03\", fontsize=11, color=\"%s\", fillcolor=\"%s\", "
                   "fontcolor=\"%s\", label=<",
                   cell, i, ink->line, ink->fill, ink->text);
    nw_draw_text(out, e->op);
    nw_text_printf(out, ">]\n    ");
    put_name(out, cell, c, e->from);
    nw_text_printf(out, " -> c%d_e%d [color=\"%s\", arrowhead=none]\n    c%d_e%d -> ",
                   cell, i, ink->line, cell, i);
    put_name(out, cell, c, e->to);
    nw_text_printf(out, " [color=\"%s\"]\n", ink->line);
}

static void put_cell(nw_text *out, int cell, const nw_drawn_cell *c)
{
    char name[16];

    snprintf(name, sizeof(name), "%d", cell);
    begin_frame(out, name, c->title);
    put_ends(out, cell, c);
    put_nodes(out, cell, c);
    for (int i = 0; i < c->n_edge; i++)
        put_edge(out, cell, c, i);
    nw_text_printf(out, "  }\n");
}

static void put_stage(nw_text *out, int i, const char *title, int times)
{
    const nw_ink *ink = nw_ink_of(title);

    nw_text_printf(out,
                   "    s%d [shape=box, style=\"rounded,filled\", height=0.36, "
                   "margin=\"0.12,0.05\", fontsize=11, color=\"%s\", fillcolor=\"%s\", "
                   "fontcolor=\"%s\", label=<%s",
                   i, ink->line, ink->fill, ink->text, title);
    if (times > 1)
        nw_text_printf(out, " &#215; <B>%d</B>", times);
    nw_text_printf(out, ">]\n");
    if (i)
        nw_text_printf(out, "    s%d -> s%d\n", i - 1, i);
}

/* The network as a strip, from the image to the classifier. */
static void put_stages(nw_text *out, const nw_space *space)
{
    int i = 0, c, h, w;

    if (!space->stages)
        return;
    begin_frame(out, "network", "network");
    for (int p = 0; p < space->n_place && !i; p++)
        if (sscanf(space->place[p].spec, "input c=%d h=%d w=%d", &c, &h, &w) == 3) {
            char title[60];

            snprintf(title, sizeof(title), "%d&#215;%d&#215;%d", c, h, w);
            put_stage(out, i++, title, 1);
        }
    for (const nw_drawn_stage *s = space->stages; s; s = s->next)
        put_stage(out, i++, s->title, s->times);
    nw_text_printf(out, "  }\n");
}

/* Graphviz puts the first frame at the bottom. */
static void put_backwards(nw_text *out, const nw_drawn_cell *c, int i)
{
    if (!c)
        return;
    put_backwards(out, c->next, i + 1);
    put_cell(out, i, c);
}

static nw_status put_searched(nw_text *out, const nw_arch *arch)
{
    nw_status status = NW_OK;
    struct cell cell;
    nw_arena arena;

    nw_arena_init(&arena, arch->ctx);
    for (int k = KINDS - 1; k >= 0 && status >= 0; k--) {
        nw_drawn_cell drawn;

        if (!measure(arch->space, k, &cell))
            continue;
        status = cell_of_arch(arch, &cell, &arena, &drawn);
        if (status >= 0)
            put_cell(out, k, &drawn);
    }
    nw_arena_free(&arena);
    return status;
}

nw_status nw_draw_cells(nw_text *out, const nw_arch *arch, const nw_space *network)
{
    nw_status status = NW_OK;

    if (network->cells)
        put_backwards(out, network->cells, 0);
    else
        status = put_searched(out, arch);
    put_stages(out, network);
    return status;
}
