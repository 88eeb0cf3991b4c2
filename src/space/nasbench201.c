/*
 * nasbench201.c - the networks of NAS-Bench-201: 15,625 cells of six edges.
 *
 * A cell has four nodes; node j is the sum of an op on every node before it, and the last
 * node is the output. Cells stand in three groups of n at c, 2c and 4c channels, with a
 * residual block between groups. The written form is
 * |op~0|+|op~0|op~1|+|op~0|op~1|op~2|.
 *
 * Module names and their order are those of the authors' PyTorch code.
 */
#include "family.h"

#include <stdio.h>
#include <string.h>

enum { EDGES = 6, OPS = 5 };

struct nasbench201 {
    int c, n, classes;
    char arch[NW_TEXT_SIZE];
};

struct nb201 {
    nw_space *space;
    const struct nasbench201 *key;
    const int *taken; /* op of every edge; NULL = a choice */
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

/* Read "|op~0|+..." into op indices; 0 = it is not of that form. */
static int read_arch(const char *text, int taken[EDGES])
{
    for (int e = 0; e < EDGES; e++) {
        char want[40];
        int op;

        if (e == 1 || e == 3) {
            if (strncmp(text, "|+", 2))
                return 0;
            text += 2;
        }
        for (op = 0; op < OPS; op++) {
            snprintf(want, sizeof(want), "|%s~%d", op_names[op], edge_from[e]);
            if (!strncmp(text, want, strlen(want)))
                break;
        }
        if (op == OPS)
            return 0;
        taken[e] = op;
        text += strlen(want);
    }
    return !strcmp(text, "|");
}

static nw_ref apply(struct nb201 *net, int op, const char *module, nw_ref x, int c)
{
    switch (op) {
    case 0:
        return nw_opf(net->space, x, "none");
    case 1:
        return x;
    case 4:
        return nw_opf(net->space, x, "avgpool k=3 stride=1 pad=1");
    default:
        return nw_opf(net->space, x, "relu_conv_bn out=%d k=%d name=%s", c,
                      op == 2 ? 1 : 3, module);
    }
}

static nw_ref edge(struct nb201 *net, int e, nw_ref x, int c)
{
    char name[32], module[64];
    nw_ref option[OPS], y;

    snprintf(module, sizeof(module), "layers.%d", e);
    if (net->taken)
        return apply(net, net->taken[e], module, x, c);
    for (int op = 0; op < OPS; op++) {
        snprintf(module, sizeof(module), "edges.%d<-%d.%d", edge_node[e], edge_from[e],
                 op);
        option[op] = apply(net, op, module, x, c);
    }
    snprintf(name, sizeof(name), "edge_%d", e);
    y = nw_one_of_n(net->space, name, OPS, option);
    for (int op = 0; y >= 0 && op < OPS; op++)
        nw_option_name(net->space, name, op, op_names[op]);
    return y;
}

static nw_ref cell(struct nb201 *net, int index, nw_ref x, int c)
{
    nw_ref node[4] = {x}, in[3];

    nw_enter(net->space, "cells.%d", index);
    for (int j = 1, e = 0; j < 4; j++) {
        int n = 0;

        for (; e < EDGES && edge_node[e] == j; e++)
            in[n++] = edge(net, e, node[edge_from[e]], c);
        node[j] = n == 1 ? in[0] : nw_op_n(net->space, "add", (size_t)n, in);
    }
    nw_leave(net->space);
    return node[3];
}

static nw_ref residual(struct nb201 *net, int index, nw_ref x, int c)
{
    nw_ref way[2];

    nw_enter(net->space, "cells.%d", index);
    way[0] = nw_opf(net->space, x,
                    "relu_conv_bn out=%d k=3 stride=2 name=conv_a | "
                    "relu_conv_bn out=%d k=3 name=conv_b",
                    c, c);
    way[1] = nw_opf(
        net->space, x,
        "avgpool k=2 stride=2 pad=0 | conv2d out=%d k=1 bias=0 name=downsample.1", c);
    x = nw_op_n(net->space, "add", 2, way);
    nw_leave(net->space);
    return x;
}

/* For pictures. */
static nw_status draw_cell(const struct nb201 *net)
{
    nw_drawn_edge edge[EDGES];
    int n = 0;

    for (int e = 0; e < EDGES; e++)
        if (net->taken[e])
            edge[n++] =
                (nw_drawn_edge){op_names[net->taken[e]], edge_from[e], edge_node[e]};
    return nw_space_add_cell(net->space, &(nw_drawn_cell){.title = "cell",
                                                          .inputs = 1,
                                                          .nodes = 3,
                                                          .n_edge = n,
                                                          .edge = edge,
                                                          .n_out = 1,
                                                          .out = (const int[]){3}});
}

static nw_status build(struct nb201 *net, const int input[3], int classes)
{
    const struct nasbench201 *key = net->key;
    int index = 0, c = key->c;
    nw_ref x = nw_input(net->space, input[0], input[1], input[2]);

    if (net->taken)
        NW_TRY(draw_cell(net));
    nw_space_add_stage(net->space, "3x3 convolution");
    x = nw_opf(net->space, x,
               "conv2d out=%d k=3 pad=1 bias=0 name=stem.0 | batchnorm name=stem.1", c);
    for (int group = 0; group < 3; group++) {
        if (group) {
            c *= 2;
            x = residual(net, index++, x, c);
            nw_space_add_stage(net->space, "residual block");
        }
        for (int i = 0; i < key->n; i++) {
            x = cell(net, index++, x, c);
            nw_space_add_stage(net->space, "cell");
        }
    }
    nw_space_add_stage(net->space, "classifier");
    x = nw_opf(net->space, x,
               "batchnorm name=lastact.0 | relu | globalpool | flatten | "
               "dense out=%d name=classifier",
               classes);
    return nw_output(net->space, x);
}

static nw_status nasbench201_build(void *self, nw_space *space, const int input[3],
                                   int classes, const nw_arch *arch)
{
    const struct nasbench201 *key = self;
    struct nb201 net = {space, key, NULL};
    int taken[EDGES], shape[3];

    if (key->classes && classes && key->classes != classes)
        return nw_fail(space->ctx, NW_EMATCH,
                       "nasbench201: classes=%d but the data has %d", key->classes,
                       classes);
    classes = key->classes ? key->classes : classes ? classes : 10;
    for (int i = 0; i < 3; i++)
        shape[i] = input && input[0] ? input[i] : i ? 32 : 3;
    if (*key->arch && !read_arch(key->arch, taken))
        return nw_fail(
            space->ctx, NW_ESPEC,
            "nasbench201: arch=%s is not |op~0|+|op~0|op~1|+|op~0|op~1|op~2| with "
            "none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3",
            key->arch);
    for (int e = 0; arch && !*key->arch && e < EDGES; e++) {
        char name[32];

        snprintf(name, sizeof(name), "edge_%d", e);
        taken[e] = nw_arch_get(arch, name);
    }
    net.taken = *key->arch || arch ? taken : NULL;
    return build(&net, shape, classes);
}

/* "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|" */
static nw_status nasbench201_genotype(const nw_arch *arch, FILE *out)
{
    char name[16];

    fputc('"', out);
    for (int e = 0; e < EDGES; e++) {
        int op;

        snprintf(name, sizeof(name), "edge_%d", e);
        op = nw_arch_get(arch, name);
        if (op < 0)
            return nw_fail(arch->ctx, NW_EMATCH, "the architecture has no choice %s",
                           name);
        fprintf(out, "%s|%s~%d", e == 1 || e == 3 ? "|+" : "", op_names[op],
                edge_from[e]);
    }
    fputs("|\"", out);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

const nw_space_type nw_space_nasbench201 = {
    .name = "nasbench201",
    .doc = "six edges with five ops each: 15,625 cells whose results are published",
    .paper = "Dong and Yang 2020, NAS-Bench-201, arXiv:2001.00326",
    .attrs = nasbench201_attrs,
    .size = sizeof(struct nasbench201),
    .build = nasbench201_build,
    .genotype = nasbench201_genotype,
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
