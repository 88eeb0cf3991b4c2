/*
 * dag.c - a canonical form of small labelled graphs, by refinement and search.
 *
 * Nodes are coloured by label; then a colour is split by how many neighbours of each
 * colour lead in and out, until nothing splits. Where a colour still has several nodes,
 * each is tried as its first one, and the rest refined again; among all orders found this
 * way the least graph wins. Two things keep symmetric graphs cheap: of nodes with the
 * same neighbours one is tried, and an order that gives the least graph once more shows
 * that the two tries where their ways part are alike, so that the second is left at once.
 * This is individualisation and refinement as in [1].
 *
 * [1] B. McKay 1981, Practical graph isomorphism, Congressus Numerantium 30.
 */
#include "dag.h"

#include <stdlib.h>
#include <string.h>

/* What a node looks like: its colour, then neighbours in and out of each colour. */
typedef struct face {
    unsigned char colour, in[NW_DAG_MOST], out[NW_DAG_MOST];
    unsigned char node;
} face;

typedef struct form {
    uint32_t label[NW_DAG_MOST];
    uint64_t from[NW_DAG_MOST];
} form;

struct search {
    const nw_dag *dag;
    uint64_t to[NW_DAG_MOST];
    form best;
    int found;
    int way[NW_DAG_MOST + 1], best_way[NW_DAG_MOST + 1]; /* nodes tried; -1 ends it */
};

static int by_look(const void *a, const void *b)
{
    return memcmp(a, b, offsetof(face, node));
}

static void look(const struct search *s, const unsigned char *colour, int v, face *out)
{
    memset(out, 0, sizeof(*out));
    out->colour = colour[v];
    out->node = (unsigned char)v;
    for (int u = 0; u < s->dag->n; u++) {
        const int in = s->dag->from[v] >> u & 1, to = s->to[v] >> u & 1;

        out->in[colour[u]] = (unsigned char)(out->in[colour[u]] + in);
        out->out[colour[u]] = (unsigned char)(out->out[colour[u]] + to);
    }
}

/* Split colours until none splits; a colour is the number of nodes before it. */
static void refine(const struct search *s, unsigned char *colour)
{
    const int n = s->dag->n;
    face faces[NW_DAG_MOST];
    int kinds = 0, before;

    do {
        before = kinds;
        kinds = 0;
        for (int v = 0; v < n; v++)
            look(s, colour, v, &faces[v]);
        qsort(faces, (size_t)n, sizeof(*faces), by_look);
        for (int i = 0, first = 0; i < n; i++) {
            if (i == 0 || by_look(&faces[i - 1], &faces[i])) {
                first = i;
                kinds++;
            }
            colour[faces[i].node] = (unsigned char)first;
        }
    } while (kinds > before);
}

/* The first colour that several nodes have, or -1. */
static int shared_colour(const struct search *s, const unsigned char *colour)
{
    int many[NW_DAG_MOST] = {0};

    for (int v = 0; v < s->dag->n; v++)
        many[colour[v]]++;
    for (int c = 0; c < s->dag->n; c++)
        if (many[c] > 1)
            return c;
    return -1;
}

/* Node v stands at place colour[v]. */
static void order(const nw_dag *dag, const unsigned char *colour, form *out)
{
    memset(out, 0, sizeof(*out));
    for (int v = 0; v < dag->n; v++) {
        out->label[colour[v]] = dag->label[v];
        for (int u = 0; u < dag->n; u++)
            out->from[colour[v]] |= (dag->from[v] >> u & 1) << colour[u];
    }
}

/* The level to go on from: where the way to the best parts, when it is the best again. */
static int take(struct search *s, const unsigned char *colour, int level)
{
    int differ = s->found ? 0 : -1, parting = 0;
    form f;

    order(s->dag, colour, &f);
    if (s->found)
        differ = memcmp(&f, &s->best, sizeof(f));
    if (differ < 0) {
        s->best = f;
        s->found = 1;
        s->way[level] = -1;
        memcpy(s->best_way, s->way, sizeof(s->way));
    }
    if (differ)
        return level;
    while (parting < level && s->way[parting] == s->best_way[parting])
        parting++;
    return parting;
}

/* 1 = a node before v has its colour and its neighbours. */
static int has_twin_before(const struct search *s, const unsigned char *colour, int v)
{
    for (int u = 0; u < v; u++)
        if (colour[u] == colour[v] && s->dag->from[u] == s->dag->from[v] &&
            s->to[u] == s->to[v])
            return 1;
    return 0;
}

/* Try all orders that `start` leaves; the level of the caller that goes on. */
static int search(struct search *s, const unsigned char *start, int level)
{
    unsigned char colour[NW_DAG_MOST], next[NW_DAG_MOST];
    int shared;

    memcpy(colour, start, sizeof(colour));
    refine(s, colour);
    shared = shared_colour(s, colour);
    if (shared < 0)
        return take(s, colour, level);
    for (int v = 0; v < s->dag->n; v++) {
        int back;

        if (colour[v] != shared || has_twin_before(s, colour, v))
            continue;
        for (int u = 0; u < s->dag->n; u++)
            next[u] = (unsigned char)(colour[u] + (u != v && colour[u] == shared));
        s->way[level] = v;
        back = search(s, next, level + 1);
        if (back < level)
            return back;
    }
    return level;
}

/* The rank of every label. */
static void colour_by_label(const nw_dag *dag, unsigned char *colour)
{
    for (int v = 0; v < dag->n; v++) {
        int below = 0;

        for (int u = 0; u < dag->n; u++)
            below += dag->label[u] < dag->label[v];
        colour[v] = (unsigned char)below;
    }
}

void nw_dag_canonical(const nw_dag *dag, nw_text *out)
{
    unsigned char colour[NW_DAG_MOST] = {0};
    struct search s = {.dag = dag};

    for (int v = 0; v < dag->n; v++)
        for (int u = 0; u < dag->n; u++)
            s.to[u] |= (dag->from[v] >> u & 1) << v;
    colour_by_label(dag, colour);
    search(&s, colour, 0);
    for (int i = 0; i < dag->n; i++)
        nw_text_printf(out, "%s%x:%llx", i ? " " : "", s.best.label[i],
                       (unsigned long long)s.best.from[i]);
}
