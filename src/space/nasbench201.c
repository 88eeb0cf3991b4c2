/*
 * nasbench201.c - the networks of NAS-Bench-201: 15,625 cells of six edges.
 *
 * A cell has four nodes; node j is the sum of an op on every node before it, and the last
 * node is the output. Cells stand in three groups of n at c, 2c and 4c channels, with a
 * residual block between groups. The written form is
 * |op~0|+|op~0|op~1|+|op~0|op~1|op~2|.
 *
 * The canonical form is the "unique_str" of the benchmark's code: a node is its terms,
 * sorted, with + between; a term is the node before, as it is behind skip_connect, #
 * behind none, else (node)@op. Of the 15,625 strings 6,466 are left.
 *
 * Module names and their order are those of the authors' PyTorch code.
 */
#include "nasbench201.h"
#include "mobile.h"
#include "setting.h"

#include <stdio.h>
#include <string.h>

enum { EDGES = 6, OPS = 5, NODES = 4, LONGEST_NODE = 160 };

struct nasbench201 {
    int c, n, classes;
    char arch[NW_TEXT_SIZE];
};

static const char *const op_names[OPS] = {"none", "skip_connect", "nor_conv_1x1",
                                          "nor_conv_3x3", "avg_pool_3x3"};

/* Edges in the order of the written form: into node 1, node 2, node 3. */
static const int edge_from[EDGES] = {0, 0, 1, 0, 1, 2};
static const int edge_node[EDGES] = {1, 2, 2, 3, 3, 3};

#define AT(field) offsetof(struct nasbench201, field)

/* clang-format off */
#define KEYS                                                                             \
    {"c", NW_INT, AT(c), "16", 1, 4096, "channels of the first cells", NULL},            \
    {"n", NW_INT, AT(n), "5", 1, 100, "cells of each of the three groups", NULL},        \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL}
/* clang-format on */

static const nw_attr net_attrs[] = {
    KEYS,
    {"arch", NW_TEXT, AT(arch), NULL, 0, 0, "\"|op~0|+|op~0|op~1|+|op~0|op~1|op~2|\"",
     NULL},
    {0},
};

static const nw_attr nasbench201_attrs[] = {
    KEYS,
    {"arch", NW_TEXT, AT(arch), "", 0, 0,
     "\"|op~0|+|op~0|op~1|+|op~0|op~1|op~2|\" for one network; none = all", NULL},
    {0},
};

/* Op whose name is the first n characters of text; OPS = none is. */
static int op_named(const char *text, size_t n)
{
    int op = 0;

    while (op < OPS && (strlen(op_names[op]) != n || memcmp(op_names[op], text, n) != 0))
        op++;
    return op;
}

/* Read "|op~0|+..." into op indices; 0 = it is not of that form. */
static int read_arch(const char *text, int taken[EDGES])
{
    for (int e = 0; e < EDGES; e++) {
        size_t n;

        if (e == 1 || e == 3) {
            if (strncmp(text, "|+", 2))
                return 0;
            text += 2;
        }
        if (*text++ != '|')
            return 0;
        n = strcspn(text, "~");
        taken[e] = op_named(text, n);
        if (taken[e] == OPS || text[n] != '~' || text[n + 1] != '0' + edge_from[e])
            return 0;
        text += n + 2;
    }
    return !strcmp(text, "|");
}

/* The op on `in` channels, to c: more or less than that only of a cell that is fixed. */
static nw_ref apply(const struct nw_nb201 *net, int op, const char *module, nw_ref x,
                    int in, int c)
{
    switch (op) {
    case 0:
        return nw_opf(net->space, x, "none");
    case 1:
        return in == c ? x
                       : nw_opf(net->space, x,
                                "conv2d out=%d k=1 bias=0 name=%s.conv | "
                                "batchnorm name=%s.bn",
                                c, module, module);
    case 4:
        return nw_opf(net->space, x, "avgpool k=3 stride=1 pad=1");
    default:
        return nw_opf(net->space, x, "relu_conv_bn out=%d k=%d name=%s", c,
                      op == 2 ? 1 : 3, module);
    }
}

static nw_ref edge(const struct nw_nb201 *net, int e, nw_ref x, int in, int c)
{
    char name[32], module[64];
    nw_ref option[OPS];

    snprintf(module, sizeof(module), "layers.%d", e);
    if (net->taken)
        return apply(net, net->taken[e], module, x, in, c);
    for (int op = 0; op < OPS; op++) {
        snprintf(module, sizeof(module), "edges.%d<-%d.%d", edge_node[e], edge_from[e],
                 op);
        option[op] = apply(net, op, module, x, c, c);
    }
    snprintf(name, sizeof(name), "edge_%d", e);
    return nw_choice_of(net->space, name, OPS, option, op_names);
}

nw_ref nw_nb201_cell(const struct nw_nb201 *net, int index, nw_ref x, int from, int c)
{
    nw_ref node[NODES] = {x}, in[3];

    nw_enter(net->space, "cells.%d", index);
    for (int j = 1, e = 0; j < NODES; j++) {
        int n = 0;

        for (; e < EDGES && edge_node[e] == j; e++)
            in[n++] = edge(net, e, node[edge_from[e]], edge_from[e] ? c : from, c);
        node[j] = n == 1 ? in[0] : nw_op_n(net->space, "add", (size_t)n, in);
    }
    nw_leave(net->space);
    return node[NODES - 1];
}

nw_status nw_nb201_draw(nw_space *space, const int *taken)
{
    static const int last = NODES - 1;
    nw_drawn_edge edge[EDGES];
    nw_drawn_cell cell = {.title = "cell",
                          .inputs = 1,
                          .nodes = NODES - 1,
                          .n_out = 1,
                          .edge = edge,
                          .out = &last};

    for (int e = 0; e < EDGES; e++)
        if (taken[e])
            edge[cell.n_edge++] =
                (nw_drawn_edge){op_names[taken[e]], edge_from[e], edge_node[e]};
    return nw_space_add_cell(space, &cell);
}

nw_ref nw_nb201_residual(nw_space *space, int index, nw_ref x, int c)
{
    nw_ref way[2];

    nw_enter(space, "cells.%d", index);
    way[0] = nw_opf(space, x,
                    "relu_conv_bn out=%d k=3 stride=2 name=conv_a | "
                    "relu_conv_bn out=%d k=3 name=conv_b",
                    c, c);
    way[1] = nw_opf(
        space, x,
        "avgpool k=2 stride=2 pad=0 | conv2d out=%d k=1 bias=0 name=downsample.1", c);
    x = nw_op_n(space, "add", 2, way);
    nw_leave(space);
    return x;
}

nw_ref nw_nb201_stem(nw_space *space, const int shape[3], int c)
{
    return nw_opf(space, nw_input(space, shape[0], shape[1], shape[2]),
                  "conv2d out=%d k=3 pad=1 bias=0 name=stem.0 | batchnorm name=stem.1",
                  c);
}

nw_status nw_nb201_head(nw_space *space, nw_ref x, int classes)
{
    x = nw_opf(space, x,
               "batchnorm name=lastact.0 | relu | globalpool | flatten | "
               "dense out=%d name=classifier",
               classes);
    return nw_output(space, x);
}

static nw_status build(const struct nw_nb201 *net, const struct nasbench201 *key,
                       const int shape[3], int classes)
{
    int index = 0, c = key->c;
    nw_ref x = nw_nb201_stem(net->space, shape, c);

    nw_space_add_stage(net->space, "3x3 convolution");
    for (int group = 0; group < 3; group++) {
        if (group) {
            c *= 2;
            x = nw_nb201_residual(net->space, index++, x, c);
            nw_space_add_stage(net->space, "residual block");
        }
        for (int i = 0; i < key->n; i++) {
            x = nw_nb201_cell(net, index++, x, c, c);
            nw_space_add_stage(net->space, "cell");
        }
    }
    nw_space_add_stage(net->space, "classifier");
    return nw_nb201_head(net->space, x, classes);
}

static nw_status nasbench201_build(void *self, nw_space *space, const int input[3],
                                   int classes, const nw_arch *arch)
{
    const struct nasbench201 *key = self;
    struct nw_nb201 net = {space, NULL};
    int taken[EDGES], shape[3];

    NW_TRY(nw_picture_and_classes(space, input, 32, key->classes, 10, shape, &classes));
    if (*key->arch && !read_arch(key->arch, taken))
        return nw_fail(
            space->ctx, NW_ESPEC,
            "nasbench201: arch=%s is not |op~0|+|op~0|op~1|+|op~0|op~1|op~2| with "
            "none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3",
            key->arch);
    if (arch && !*key->arch)
        NW_TRY(nw_taken(arch, "edge_%d", EDGES, taken));
    net.taken = *key->arch || arch ? taken : NULL;
    if (net.taken)
        NW_TRY(nw_nb201_draw(space, taken));
    return build(&net, key, shape, classes);
}

/* ---- Genotype and canonical form ------------------------------------------------ */

/* "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|" */
static nw_status nasbench201_genotype(const nw_arch *arch, FILE *out)
{
    int taken[EDGES];

    NW_TRY(nw_taken(arch, "edge_%d", EDGES, taken));
    fputc('"', out);
    for (int e = 0; e < EDGES; e++)
        fprintf(out, "%s|%s~%d", e == 1 || e == 3 ? "|+" : "", op_names[taken[e]],
                edge_from[e]);
    fputs("|\"", out);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

static nw_status nasbench201_read(nw_arch *arch, const char *text, const char *where)
{
    char word[NW_TEXT_SIZE];
    int taken[EDGES];

    NW_TRY(nw_setting_word(arch->ctx, text, where, word, sizeof(word)));
    if (!read_arch(word, taken))
        return nw_fail(arch->ctx, NW_EFORMAT,
                       "%s: %s is not |op~0|+|op~0|op~1|+|op~0|op~1|op~2|", where, word);
    for (int e = 0; e < EDGES; e++)
        NW_TRY(nw_arch_pick(arch, e, taken[e]));
    return NW_OK;
}

/* The longest node has 112 characters. */
static size_t add(char *out, size_t n, const char *text)
{
    const size_t length = strlen(text);

    memcpy(out + n, text, length + 1);
    return n + length;
}

/* What an op adds to its node: `from` is the text of the node before. */
static void term(int op, const char *from, char *out)
{
    size_t n = 0;

    if (op == 0 || !strcmp(from, "#")) {
        add(out, 0, "#");
    } else if (op == 1) {
        add(out, 0, from);
    } else {
        n = add(out, n, "(");
        n = add(out, n, from);
        n = add(out, n, ")@");
        add(out, n, op_names[op]);
    }
}

/* Put `text` where it belongs among n sorted ones. */
static void insert(char sorted[][LONGEST_NODE], int n, const char *text)
{
    int i = n;

    for (; i && strcmp(sorted[i - 1], text) > 0; i--)
        memcpy(sorted[i], sorted[i - 1], LONGEST_NODE);
    add(sorted[i], 0, text);
}

/* The node that sums n terms, of edges taken[0..n). */
static void node_text(const int *taken, int n, char node[][LONGEST_NODE], char *out)
{
    char sorted[NODES - 1][LONGEST_NODE], text[LONGEST_NODE];
    size_t length = 0;

    for (int i = 0; i < n; i++) {
        term(taken[i], node[i], text);
        insert(sorted, i, text);
    }
    for (int i = 0; i < n; i++) {
        length = i ? add(out, length, "+") : 0;
        length = add(out, length, sorted[i]);
    }
}

static nw_status nasbench201_canonical(const nw_arch *arch, nw_text *out)
{
    char node[NODES][LONGEST_NODE] = {"0"};
    int taken[EDGES], first = 0;

    NW_TRY(nw_taken(arch, "edge_%d", EDGES, taken));
    for (int j = 1; j < NODES; first += j++)
        node_text(taken + first, j, node, node[j]);
    nw_text_add(out, node[NODES - 1], strlen(node[NODES - 1]));
    return NW_OK;
}

const nw_space_type nw_space_nasbench201 = {
    .name = "nasbench201",
    .doc = "six edges with five ops each: 15,625 cells whose results are published",
    .paper = "Dong and Yang 2020, NAS-Bench-201, arXiv:2001.00326",
    .attrs = nasbench201_attrs,
    .size = sizeof(struct nasbench201),
    .build = nasbench201_build,
    .genotype = nasbench201_genotype,
    .read = nasbench201_read,
    .canonical = nasbench201_canonical,
};

const nw_space_type nw_space_nasbench201_net = {
    .name = "nasbench201",
    .doc = "the network of one cell",
    .paper = "Dong and Yang 2020, NAS-Bench-201, arXiv:2001.00326",
    .attrs = net_attrs,
    .size = sizeof(struct nasbench201),
    .build = nasbench201_build,
    .published = "best of 15,625: CIFAR-10 94.37 %, CIFAR-100 73.51 %",
};
