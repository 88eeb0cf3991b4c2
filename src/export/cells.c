/*
 * cells.c - the cells of a searched space, one below the other, as the papers draw them.
 *
 * The edges of a cell are choices named "normal_0", "normal_1" ...: first those into the
 * first node from each of the cell's inputs, then those into the second node from each
 * input and the first node, and so on. 14 edges are four nodes on two inputs (2+3+4+5),
 * 6 are three nodes on one (1+2+3). With two inputs the output is all nodes side by side,
 * with one it is the last node.
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

struct edge {
    int to;   /* node                              */
    int from; /* input, or number of inputs + node */
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

    for (int k = 0; k < KINDS; k++)
        edges += measure(space, k, &cell) ? cell.edges : 0;
    return edges && edges == space->n_choice;
}

static struct edge edge_of(const struct cell *cell, int number)
{
    struct edge e = {0, number};

    for (; e.from >= cell->inputs + e.to; e.to++)
        e.from -= cell->inputs + e.to;
    return e;
}

/* c with an index below the line, from "k-2"; SVG viewers disagree on <SUB>. */
static void put_end(nw_text *out, const struct cell *c, const char *name, const char *ink,
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
        c->kind, name, ink, index);
}

static void put_ends(nw_text *out, const struct cell *c)
{
    char name[16], index[16];

    for (int i = 0; i < c->inputs; i++) {
        snprintf(name, sizeof(name), "in%d", i);
        snprintf(index, sizeof(index), "k-%d", c->inputs - i);
        put_end(out, c, name,
                "color=\"#3f9a63\", fillcolor=\"#d9f0e2\", fontcolor=\"#1f6a3f\"", index);
    }
    put_end(out, c, "out",
            "color=\"#b8912a\", fillcolor=\"#fbf0cf\", fontcolor=\"#775a06\"", "k");
    nw_text_printf(out, "    { rank=same;");
    for (int i = 0; i < c->inputs; i++)
        nw_text_printf(out, " c%d_in%d;", c->kind, i);
    nw_text_printf(out, " }\n");
}

static void put_nodes(nw_text *out, const struct cell *c)
{
    for (int i = 0; i < c->nodes; i++)
        nw_text_printf(out,
                       "    c%d_n%d [shape=circle, style=filled, fixedsize=true, "
                       "width=0.42, color=\"#5b6b7c\", fillcolor=\"#e6ebf1\", "
                       "fontcolor=\"#2c3947\", label=<<B>%d</B>>]\n",
                       c->kind, i, i);
    for (int i = c->inputs > 1 ? 0 : c->nodes - 1; i < c->nodes; i++)
        nw_text_printf(out, "    c%d_n%d -> c%d_out [color=\"#b9c0c8\"]\n", c->kind, i,
                       c->kind);
}

/* The op stands on its edge, as a node that the edge runs through. */
static void put_edge(nw_text *out, const struct cell *c, int number, const char *op)
{
    const struct edge e = edge_of(c, number);
    const nw_ink *ink = nw_ink_of(op);
    int is_input = e.from < c->inputs;

    nw_text_printf(out,
                   "    c%d_e%d [shape=box, style=\"rounded,filled\", height=0.26, "
                   "margin=\"0.1,0.03\", fontsize=11, color=\"%s\", fillcolor=\"%s\", "
                   "fontcolor=\"%s\", label=<",
                   c->kind, number, ink->line, ink->fill, ink->text);
    nw_draw_text(out, op);
    nw_text_printf(out, ">]\n    c%d_%s%d -> c%d_e%d [color=\"%s\", arrowhead=none]\n",
                   c->kind, is_input ? "in" : "n", is_input ? e.from : e.from - c->inputs,
                   c->kind, number, ink->line);
    nw_text_printf(out, "    c%d_e%d -> c%d_n%d [color=\"%s\"]\n", c->kind, number,
                   c->kind, e.to, ink->line);
}

/* An edge that takes no op is not there, as in the papers. */
static int is_taken(const nw_arch *arch, const nw_choice *c, int option)
{
    if (c->keep >= 0)
        return option != arch->space->keep[c->keep].none;
    return strcmp(c->option_name[option], "none") != 0;
}

static void put_cell(nw_text *out, const nw_arch *arch, const struct cell *c)
{
    nw_text_printf(out,
                   "  subgraph cluster_%d {\n"
                   "    graph [style=\"rounded\", color=\"#d7dce1\", labelloc=t, "
                   "labeljust=l, margin=12, fontsize=14, fontcolor=\"#2c3947\", "
                   "label=<<TABLE BORDER=\"0\" CELLPADDING=\"4\"><TR><TD><B>%s</B></TD>"
                   "</TR></TABLE>>]\n",
                   c->kind, kinds[c->kind].title);
    put_ends(out, c);
    put_nodes(out, c);
    for (int i = 0; i < arch->space->n_choice; i++) {
        const nw_choice *choice = &arch->space->choice[i];
        int number = edge_number(choice, c->kind),
            option = nw_arch_get(arch, choice->name);

        if (number >= 0 && is_taken(arch, choice, option))
            put_edge(out, c, number, choice->option_name[option]);
    }
    nw_text_printf(out, "  }\n");
}

void nw_draw_cells(nw_text *out, const nw_arch *arch)
{
    struct cell cell;

    /* Graphviz puts the first cluster at the bottom */
    for (int k = KINDS - 1; k >= 0; k--)
        if (measure(arch->space, k, &cell))
            put_cell(out, arch, &cell);
}
