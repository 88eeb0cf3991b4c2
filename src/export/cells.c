/*
 * cells.c - the cells of a searched space, one beside the other, as the papers draw them.
 *
 * A choice is an edge of a cell when its name ends in two numbers: "normal_3_1" is the
 * edge of cell "normal" into node 3 from node 1. As many sources as the first node has
 * are the cell's inputs (two: c_{k-2} and c_{k-1}; one: what the cell gets). With two
 * inputs the output is all nodes side by side, with one it is the last node.
 */
#include "drawing.h"

#include <ctype.h>
#include <string.h>

struct edge {
    char cell[NW_TEXT_SIZE];
    int to, from;
};

/* Digits that end text[0..n) as a number; n is then where they begin. */
static int last_number(const char *text, size_t *n)
{
    int value = 0, scale = 1, digits = 0;

    for (; *n && isdigit((unsigned char)text[*n - 1]) && digits < 4; digits++) {
        value += scale * (text[--*n] - '0');
        scale *= 10;
    }
    return digits ? value : -1;
}

static void skip_signs(const char *text, size_t *n)
{
    while (*n && !isalnum((unsigned char)text[*n - 1]))
        --*n;
}

static int parse_edge(const nw_choice *c, struct edge *out)
{
    size_t n = strlen(c->name);

    if (c->kind != NW_ONE || n >= sizeof(out->cell))
        return 0;
    out->from = last_number(c->name, &n);
    if (!n || isalnum((unsigned char)c->name[n - 1]))
        return 0;
    skip_signs(c->name, &n);
    out->to = last_number(c->name, &n);
    skip_signs(c->name, &n);
    memcpy(out->cell, c->name, n);
    out->cell[n] = 0;
    return n && out->from >= 0 && out->to >= 0;
}

int nw_has_cells(const nw_space *space)
{
    struct edge edge;

    for (int i = 0; i < space->n_choice; i++)
        if (!parse_edge(&space->choice[i], &edge))
            return 0;
    return space->n_choice > 0;
}

struct cell {
    const char *name;
    int id;
    int first, last; /* nodes as the names of choices count them */
    int inputs;
};

static struct cell measure(const nw_space *space, const char *name, int id)
{
    struct cell cell = {.name = name, .id = id, .first = 1 << 20};
    struct edge e;

    for (int i = 0; i < space->n_choice; i++) {
        parse_edge(&space->choice[i], &e);
        if (strcmp(e.cell, name))
            continue;
        if (e.to < cell.first) {
            cell.first = e.to;
            cell.inputs = 0;
        }
        cell.inputs += e.to == cell.first;
        cell.last = e.to > cell.last ? e.to : cell.last;
    }
    return cell;
}

/* c with an index below the line, from "k-2"; SVG viewers disagree on <SUB>. */
static void put_end(nw_text *out, const struct cell *c, const char *name, const char *ink,
                    const char *index)
{
    nw_text_printf(out,
                   "    c%d_%s [shape=box, style=\"rounded,filled\", margin=\"0.1,0.02\", "
                   "height=0.42, width=0.62, %s, label=<<TABLE BORDER=\"0\" "
                   "CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"0\"><TR>"
                   "<TD ROWSPAN=\"2\"><FONT POINT-SIZE=\"15\"><B>c</B></FONT></TD>"
                   "<TD><FONT POINT-SIZE=\"5\"> </FONT></TD></TR><TR><TD>"
                   "<FONT POINT-SIZE=\"10\">%s</FONT></TD></TR></TABLE>>]\n",
                   c->id, name, ink, index);
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
        nw_text_printf(out, " c%d_in%d;", c->id, i);
    nw_text_printf(out, " }\n");
}

static void put_nodes(nw_text *out, const struct cell *c)
{
    for (int i = c->first; i <= c->last; i++)
        nw_text_printf(out,
                       "    c%d_n%d [shape=circle, style=filled, fixedsize=true, "
                       "width=0.42, color=\"#5b6b7c\", fillcolor=\"#e6ebf1\", "
                       "fontcolor=\"#2c3947\", label=<<B>%d</B>>]\n",
                       c->id, i - c->first, i - c->first);
    for (int i = c->inputs > 1 ? c->first : c->last; i <= c->last; i++)
        nw_text_printf(out, "    c%d_n%d -> c%d_out [color=\"#b9c0c8\"]\n", c->id,
                       i - c->first, c->id);
}

static void put_source(nw_text *out, const struct cell *c, int from)
{
    if (from < c->inputs)
        nw_text_printf(out, "c%d_in%d", c->id, from);
    else
        nw_text_printf(out, "c%d_n%d", c->id, from - c->inputs);
}

/* The op stands on its edge, as a node that the edge runs through. */
static void put_edge(nw_text *out, const struct cell *c, const struct edge *e, int id,
                     const char *op)
{
    const nw_ink *ink = nw_ink_of(op);

    nw_text_printf(out,
                   "    e%d [shape=box, style=\"rounded,filled\", height=0.26, "
                   "margin=\"0.1,0.03\", fontsize=11, color=\"%s\", fillcolor=\"%s\", "
                   "fontcolor=\"%s\", label=<",
                   id, ink->line, ink->fill, ink->text);
    nw_draw_text(out, op);
    nw_text_printf(out, ">]\n    ");
    put_source(out, c, e->from);
    nw_text_printf(out, " -> e%d [color=\"%s\", arrowhead=none]\n", id, ink->line);
    nw_text_printf(out, "    e%d -> c%d_n%d [color=\"%s\"]\n", id, c->id,
                   e->to - c->first, ink->line);
}

/* An edge that takes no op is not there, as in the papers. */
static int is_taken(const nw_arch *arch, int choice, int option)
{
    const nw_choice *c = &arch->space->choice[choice];

    if (c->keep >= 0)
        return option != arch->space->keep[c->keep].none;
    return strcmp(c->option_name[option], "none") && strcmp(c->option_name[option], "zero");
}

static void put_cell(nw_text *out, const nw_arch *arch, const struct cell *c)
{
    const nw_space *space = arch->space;
    struct edge e;

    nw_text_printf(out,
                   "  subgraph cluster_%d {\n"
                   "    graph [style=\"rounded\", color=\"#d7dce1\", labelloc=t, "
                   "labeljust=l, margin=12, fontsize=14, fontcolor=\"#2c3947\", label=<<TABLE "
                   "BORDER=\"0\" CELLPADDING=\"4\"><TR><TD><B>",
                   c->id);
    nw_draw_text(out, c->name);
    nw_text_printf(out, "%s</B></TD></TR></TABLE>>]\n", strstr(c->name, "cell") ? "" : " cell");
    put_ends(out, c);
    put_nodes(out, c);
    for (int i = 0; i < space->n_choice; i++) {
        int option = nw_arch_get(arch, space->choice[i].name);

        parse_edge(&space->choice[i], &e);
        if (!strcmp(e.cell, c->name) && is_taken(arch, i, option))
            put_edge(out, c, &e, i, space->choice[i].option_name[option]);
    }
    nw_text_printf(out, "  }\n");
}

/* Whether an earlier choice belongs to the same cell. */
static int is_known(const nw_space *space, int choice, const char *cell)
{
    struct edge e;

    for (int i = 0; i < choice; i++)
        if (parse_edge(&space->choice[i], &e) && !strcmp(e.cell, cell))
            return 1;
    return 0;
}

void nw_draw_cells(nw_text *out, const nw_arch *arch)
{
    struct edge e;

    /* Graphviz puts the first cluster at the bottom */
    for (int i = arch->space->n_choice - 1; i >= 0; i--) {
        struct cell cell;

        parse_edge(&arch->space->choice[i], &e);
        if (is_known(arch->space, i, e.cell))
            continue;
        cell = measure(arch->space, e.cell, i);
        put_cell(out, arch, &cell);
    }
}
