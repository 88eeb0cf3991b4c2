/*
 * darts.c - the DARTS family: a stem, `layers` cells of two kinds, a classifier.
 *
 * The reduction cells stand at layers/3 and 2*layers/3 and double the channels.
 * phase=search is the authors' supernet: batch norms of cells without scale and shift,
 * every pool followed by one. phase=train is the same space of networks as they are
 * trained once found. At an arch the family gives the network of that genotype.
 *
 * ops= makes the spaces in which DARTS fails: RobustDARTS's (arXiv:1909.09656) S2
 * ops=skip_connect,sep_conv_3x3, S3 none,skip_connect,sep_conv_3x3 and S4
 * noise,sep_conv_3x3; Fair DARTS has the seven without none. Two edges of a node are kept
 * whatever the ops: where none is not among them it is what the other edges take, and it
 * has no weight while the search mixes the rest. (S1 has a pair of ops of its own on
 * every edge, which no key says.)
 *
 * Module names, their order and layouts are those of the authors' PyTorch code, so that
 * weights of either side fit the other.
 */
#include "darts.h"
#include "setting.h"

#include <string.h>

#define PAPER                                                                            \
    "Liu et al. 2019, DARTS: Differentiable architecture search, arXiv:1806.09055"
#define EIGHT                                                                            \
    "none,max_pool_3x3,avg_pool_3x3,skip_connect,sep_conv_3x3,sep_conv_5x5,"             \
    "dil_conv_3x3,dil_conv_5x5"

#define AT(field) offsetof(struct darts, field)

#define COMMON_KEYS(width, depth, least, or_width, or_depth)                              \
    {"c", NW_INT, AT(c), width, least, 4096, "channels of the first cells" or_width,      \
     NULL},                                                                               \
        {"layers", NW_INT, AT(layers), depth, least, 200, "cells" or_depth, NULL},        \
        {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL},     \
        {"net", NW_TEXT, AT(net), "cifar", 0, 0, "cifar or imagenet: the stem", NULL},    \
        {"drop",                                                                          \
         NW_REAL,                                                                         \
         AT(drop),                                                                        \
         "0.2",                                                                           \
         0,                                                                               \
         0.99,                                                                            \
         "drop path at the end of training, probability",                                 \
         NULL},                                                                           \
        {"aux", NW_BOOL, AT(aux), "0", 0, 0, "an auxiliary head, loss weight 0.4", NULL}, \
        {"stem_pad",                                                                      \
         NW_INT,                                                                          \
         AT(stem_pad),                                                                    \
         "1",                                                                             \
         0,                                                                               \
         64,                                                                              \
         "zeros around the image in the cifar stem: 3 with stem_stride=2 makes 28 "       \
         "pixels 16",                                                                     \
         NULL},                                                                           \
    {                                                                                     \
        "stem_stride", NW_INT, AT(stem_stride), "1", 1, 4,                                \
            "of the cifar stem: 2 halves the pixels of all cells", NULL                   \
    }

#define SEARCH_KEYS                                                                      \
    {"steps", NW_INT, AT(steps), "4", 1, 7, "nodes of a cell beside its inputs", NULL},  \
        {"multiplier",                                                                   \
         NW_INT,                                                                         \
         AT(multiplier),                                                                 \
         "4",                                                                            \
         1,                                                                              \
         7,                                                                              \
         "last nodes that make the output",                                              \
         NULL},                                                                          \
    {                                                                                    \
        "ops", NW_TEXT, AT(ops), EIGHT, 0, 0,                                            \
            "options of an edge, by comma; without none it is still what a dropped "     \
            "edge takes",                                                                \
            NULL                                                                         \
    }

static const nw_attr darts_attrs[] = {
    COMMON_KEYS("16", "8", 1, "", ""),
    SEARCH_KEYS,
    {"phase", NW_TEXT, AT(phase), "search", 0, 0,
     "search: norms without scale and shift; train: as trained once found", NULL},
    {0},
};

static const nw_attr supernet_attrs[] = {
    COMMON_KEYS("16", "8", 1, "", ""), SEARCH_KEYS, {0}};
static const nw_attr net_attrs[] = {
    COMMON_KEYS("0", "0", 0, "; 0 = 36, or 48 of imagenet",
                "; 0 = 20, or 14 of imagenet"),
    {0},
};

static nw_status parse_ops(struct darts_net *net)
{
    const char *word = net->key->ops, *end;
    int n = 0;

    net->none = -1;
    for (;; word = end + 1) {
        end = strchrnul(word, ',');
        if (n == 14)
            return nw_fail(net->space->ctx, NW_ESPEC, "darts: ops=: more than 14");
        net->op[n] = nw_cell_op_named(word, (size_t)(end - word));
        if (!net->op[n])
            return nw_fail(net->space->ctx, NW_ESPEC, "darts: ops=: there is no \"%.*s\"",
                           (int)(end - word), word);
        if (!strcmp(net->op[n], "none"))
            net->none = n;
        n++;
        if (!*end)
            break;
    }
    if (net->none == 0 && n == 1)
        return nw_fail(net->space->ctx, NW_ESPEC, "darts: ops=none leaves no network");
    if (net->none < 0) { /* an edge that is dropped must take something */
        net->reserves_none = 1;
        net->none = n;
        net->op[n] = nw_cell_op(0);
    }
    return NW_OK;
}

static int is_reduction(const struct darts *key, int layer)
{
    return layer == key->layers / 3 || layer == 2 * key->layers / 3;
}

/* The stem; s[0], s[1] are what the first cell takes. */
static void stem(struct darts_net *net, nw_ref x, int imagenet, nw_ref s[2])
{
    nw_space *space = net->space;
    int c = net->key->c;

    if (!imagenet) {
        s[0] = s[1] = nw_opf(space, x,
                             "conv2d out=%d k=3 stride=%d pad=%d bias=0 name=stem.0 | "
                             "batchnorm name=stem.1",
                             3 * c, net->key->stem_stride, net->key->stem_pad);
        return;
    }
    s[0] = nw_opf(space, x,
                  "conv2d out=%d k=3 stride=2 pad=1 bias=0 name=stem0.0 | "
                  "batchnorm name=stem0.1 | relu | "
                  "conv2d out=%d k=3 stride=2 pad=1 bias=0 name=stem0.3 | "
                  "batchnorm name=stem0.4",
                  c / 2, c);
    s[1] = nw_opf(space, s[0],
                  "relu | conv2d out=%d k=3 stride=2 pad=1 bias=0 name=stem1.1 | "
                  "batchnorm name=stem1.2",
                  c);
}

/* What the authors' auxiliary heads are; ImageNet's last convolution has no norm. */
static nw_ref auxiliary_head(nw_space *space, nw_ref x, int imagenet, int classes)
{
    nw_enter(space, "auxiliary_head");
    x = nw_opf(
        space, x,
        "relu | avgpool k=5 stride=%d pad=0 | "
        "conv2d out=128 k=1 bias=0 name=features.2 | batchnorm name=features.3 | relu | "
        "conv2d out=768 k=2 pad=0 bias=0 name=features.5",
        imagenet ? 2 : 3);
    if (!imagenet)
        x = nw_opf(space, x, "batchnorm name=features.6");
    x = nw_opf(space, x, "relu | flatten | dense out=%d name=classifier", classes);
    nw_leave(space);
    return x;
}

/* A factorized reduction takes only even numbers of pixels: say so at the start. */
static nw_status check_pixels(const struct darts_net *net, const int input[3],
                              int imagenet)
{
    const struct darts *key = net->key;

    for (int i = 1; i < 3; i++) {
        int pixels = imagenet ? (input[i] + 7) / 8
                              : (input[i] + 2 * key->stem_pad - 3) / key->stem_stride + 1;

        for (int layer = 0; layer < key->layers; layer++) {
            if (!is_reduction(key, layer))
                continue;
            if (pixels % 2)
                return nw_fail(
                    net->space->ctx, NW_ESHAPE,
                    "darts: %dx%d pixels come to %d a side at cell %d, which halves "
                    "them and needs an even number; another size, stem_stride or "
                    "layers may do",
                    input[1], input[2], pixels, layer);
            pixels /= 2;
        }
    }
    return NW_OK;
}

static nw_status build(struct darts_net *net, const int input[3], int classes)
{
    const struct darts *key = net->key;
    int imagenet = !strcmp(key->net, "imagenet");
    nw_ref s[2], aux = -1;
    struct darts_cell cell = {.c = key->c, .after_reduction = imagenet};

    NW_TRY(check_pixels(net, input, imagenet));
    nw_space_add_stage(net->space, imagenet ? "3x3 convolutions" : "3x3 convolution");
    stem(net, nw_input(net->space, input[0], input[1], input[2]), imagenet, s);
    for (cell.index = 0; cell.index < key->layers; cell.index++) {
        nw_ref y;

        cell.is_reduction = is_reduction(key, cell.index);
        cell.c *= cell.is_reduction ? 2 : 1;
        y = nw_darts_cell(net, &cell, s[0], s[1]);
        nw_space_add_stage(net->space,
                           cell.is_reduction ? "reduction cell" : "normal cell");
        cell.after_reduction = cell.is_reduction;
        s[0] = s[1];
        s[1] = y;
        if (cell.index == 2 * key->layers / 3)
            aux = y;
    }
    nw_space_add_stage(net->space, "classifier");
    if (key->aux && !net->is_search)
        nw_aux_output(net->space, auxiliary_head(net->space, aux, imagenet, classes),
                      0.4);
    return nw_output(net->space,
                     nw_opf(net->space, s[1],
                            "globalpool | flatten | dense out=%d name=classifier",
                            classes));
}

static nw_status begin(struct darts_net *net, nw_space *space, const struct darts *key,
                       const int input[3], int *classes, int shape[3])
{
    int imagenet = !strcmp(key->net, "imagenet");

    *net = (struct darts_net){.space = space, .key = key};
    if (!imagenet && strcmp(key->net, "cifar"))
        return nw_fail(space->ctx, NW_ESPEC,
                       "darts: net=%s is neither cifar nor imagenet", key->net);
    nw_input_or(input, imagenet ? 224 : 32, shape);
    return nw_classes_of(space->ctx, "darts", key->classes, imagenet ? 1000 : 10,
                         classes);
}

/* For pictures. */
static nw_status draw_cell(nw_space *space, const nw_cell *cell, const char *title)
{
    nw_drawn_edge edge[2 * NW_CELL_NODES];
    int n = 0;

    for (int i = 0; i < 2 * cell->n; i++)
        if (strcmp(cell->edge[i].op, "none"))
            edge[n++] = (nw_drawn_edge){cell->edge[i].op, cell->edge[i].from, 2 + i / 2};
    return nw_space_add_cell(space, &(nw_drawn_cell){.title = title,
                                                     .inputs = 2,
                                                     .nodes = cell->n,
                                                     .n_edge = n,
                                                     .edge = edge,
                                                     .n_out = cell->n_concat,
                                                     .out = cell->concat});
}

nw_status nw_darts_fixed(nw_space *space, const struct darts *key, const int input[3],
                         int classes, const nw_genotype *genotype)
{
    struct darts_net net;
    int shape[3];

    NW_TRY(begin(&net, space, key, input, &classes, shape));
    net.genotype = genotype;
    if (genotype->normal.n)
        NW_TRY(draw_cell(space, &genotype->normal, "normal cell"));
    if (genotype->reduce.n)
        NW_TRY(draw_cell(space, &genotype->reduce, "reduction cell"));
    return build(&net, shape, classes);
}

static nw_status build_search(const struct darts *key, nw_space *space,
                              const int input[3], int classes, int is_search)
{
    struct darts_net net;
    int shape[3];

    NW_TRY(begin(&net, space, key, input, &classes, shape));
    NW_TRY(parse_ops(&net));
    if (key->multiplier > key->steps)
        return nw_fail(space->ctx, NW_ESPEC, "darts: multiplier=%d but steps=%d",
                       key->multiplier, key->steps);
    net.is_search = is_search;
    return build(&net, shape, classes);
}

/* Only the last `multiplier` nodes make the output. */
static void put_out_last(nw_cell *cell, int multiplier)
{
    const int extra = cell->n_concat > multiplier ? cell->n_concat - multiplier : 0;

    cell->n_concat -= extra;
    for (int i = 0; i < cell->n_concat; i++)
        cell->concat[i] = cell->concat[i + extra];
}

static nw_status genotype_of(const struct darts *key, const nw_arch *arch,
                             nw_genotype *out)
{
    NW_TRY(nw_genotype_of_arch(arch, out));
    put_out_last(&out->normal, key->multiplier);
    put_out_last(&out->reduce, key->multiplier);
    return NW_OK;
}

static nw_status darts_build(void *self, nw_space *space, const int input[3], int classes,
                             const nw_arch *arch)
{
    const struct darts *key = self;
    int is_search = !strcmp(key->phase, "search");
    nw_genotype genotype;

    if (!is_search && *key->phase && strcmp(key->phase, "train"))
        return nw_fail(space->ctx, NW_ESPEC,
                       "darts: phase=%s is neither search nor train", key->phase);
    if (!arch)
        return build_search(key, space, input, classes, is_search);
    NW_TRY(genotype_of(key, arch, &genotype));
    return nw_darts_fixed(space, key, input, classes, &genotype);
}

static nw_status supernet_build(void *self, nw_space *space, const int input[3],
                                int classes, const nw_arch *arch)
{
    struct darts *key = self;

    memcpy(key->phase, "search", sizeof("search"));
    return darts_build(self, space, input, classes, arch);
}

static nw_status darts_genotype(const nw_arch *arch, FILE *out)
{
    nw_genotype genotype;

    NW_TRY(genotype_of(nw_space_keys(arch->space), arch, &genotype));
    return nw_genotype_write(arch->ctx, &genotype, out);
}

static int same_output(const nw_cell *a, const nw_cell *b)
{
    return a->n_concat == b->n_concat &&
           !memcmp(a->concat, b->concat, (size_t)a->n_concat * sizeof(*a->concat));
}

static nw_status darts_read(nw_arch *arch, const char *text, const char *where)
{
    const struct darts *key = nw_space_keys(arch->space);
    nw_genotype said, is;

    NW_TRY(nw_genotype_read(arch->ctx, &said, text, where));
    NW_TRY(nw_genotype_to_arch(&said, arch));
    NW_TRY(genotype_of(key, arch, &is));
    if (!same_output(&said.normal, &is.normal) || !same_output(&said.reduce, &is.reduce))
        return nw_fail(arch->ctx, NW_EMATCH,
                       "%s: the cells of the space put out their last %d nodes, not "
                       "those that concat says",
                       where, key->multiplier);
    return NW_OK;
}

const nw_space_type nw_space_darts = {
    .name = "darts",
    .doc = "cells of four nodes with eight ops an edge; 1.08e18 pairs of cells",
    .paper = PAPER,
    .attrs = darts_attrs,
    .size = sizeof(struct darts),
    .build = darts_build,
    .genotype = darts_genotype,
    .read = darts_read,
};

const nw_space_type nw_space_darts_supernet = {
    .name = "darts-supernet",
    .doc = "the network with all options that DARTS trains while it searches",
    .paper = PAPER,
    .attrs = supernet_attrs,
    .size = sizeof(struct darts),
    .build = supernet_build,
    .genotype = darts_genotype,
    .read = darts_read,
    .published = "1.93 M parameters at c=16 layers=8",
};

/* ---- Networks that were found --------------------------------------------------- */

/* The sizes that the papers trained. */
static nw_status build_found(struct darts *key, nw_space *space, const int input[3],
                             int classes, const char *name)
{
    const int imagenet = !strcmp(key->net, "imagenet");

    key->c = key->c ? key->c : imagenet ? 48 : 36;
    key->layers = key->layers ? key->layers : imagenet ? 14 : 20;
    return nw_darts_fixed(space, key, input, classes, nw_genotype_find(name));
}

#define FOUND(id, word, source, says)                                                    \
    static nw_status id##_build(void *self, nw_space *space, const int input[3],         \
                                int classes, const nw_arch *arch)                        \
    {                                                                                    \
        (void)arch;                                                                      \
        return build_found(self, space, input, classes, word);                           \
    }                                                                                    \
                                                                                         \
    const nw_space_type nw_space_##id = {                                                \
        .name = word,                                                                    \
        .doc = "the network that its paper found",                                       \
        .paper = source,                                                                 \
        .attrs = net_attrs,                                                              \
        .size = sizeof(struct darts),                                                    \
        .build = id##_build,                                                             \
        .published = says,                                                               \
    };

#define SNAS                                                                             \
    "Xie et al. 2019, SNAS: Stochastic neural architecture search, arXiv:1812.09926"
#define PC_DARTS "Xu et al. 2020, PC-DARTS, arXiv:1907.05737"

FOUND(darts_v1, "darts-v1", PAPER, "CIFAR-10 3.00 % error, 3.3 M parameters")
FOUND(darts_v2, "darts-v2", PAPER, "CIFAR-10 2.76 % error, 3.3 M parameters")
FOUND(pc_darts_cifar, "pc-darts-cifar", PC_DARTS,
      "CIFAR-10 2.57 % error, 3.6 M parameters")
FOUND(pc_darts_image, "pc-darts-image", PC_DARTS,
      "ImageNet 24.2 % error, 5.3 M parameters")
FOUND(p_darts, "p-darts", "Chen et al. 2019, Progressive DARTS, arXiv:1904.12760",
      "CIFAR-10 2.50 % error, 3.4 M parameters")
FOUND(snas_mild, "snas-mild", SNAS, "CIFAR-10 2.98 % error, 2.9 M parameters")
FOUND(snas_moderate, "snas-moderate", SNAS,
      "CIFAR-10 2.85 % error, 2.8 M parameters; ImageNet 27.3 %, 4.3 M")
FOUND(snas_aggressive, "snas-aggressive", SNAS, "CIFAR-10 3.10 % error, 2.3 M parameters")
FOUND(nasnet_a_darts, "nasnet-a-darts", PAPER,
      "NASNet-A's cells as DARTS's authors build them; see nasnet-a")
