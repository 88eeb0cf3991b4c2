/*
 * fbnet.c - the layer-wise space of FBNet, and the networks A, B and C.
 *
 * On 224x224: 3x3 convolution of stride 2 to 16, 22 layers in stages of 16, 24, 32, 64,
 * 112, 184 and 352 channels, 1x1 to 1984 (A: 1504), pool, dense. A layer is one of nine:
 * inverted residuals with kernel 3 or 5 and expansion 1, 1 with two groups, 3 or 6, and
 * skip. A block that keeps the shape adds its input.
 *
 * rule=1 is what the authors' code (mobile_cv) builds: expansion 1 has no first 1x1, and
 * groups divide the last 1x1 only. rule=2 is what the paper draws: the first 1x1 is
 * always there, and groups divide both. In either the groups are shuffled before the
 * depthwise convolution. The paper's figures (249, 295 and 375 M) agree with neither rule
 * for all three networks; the genotypes are those of the released code.
 *
 * skip where the shape changes is a 1x1 convolution and a norm: ours, the paper does not
 * say (unverified), and it keeps 9^22 networks. Convolutions have no bias; mobile_cv
 * gives its blocks some, which are 15,128 (A), 14,848 (B) and 20,120 (C) more under rule
 * 1: A then has the 4,319,712 that its authors' file has.
 */
#include "divisible.h"
#include "mobile.h"

#include <stdio.h>
#include <string.h>

enum { K3E1, K3E1G2, K3E3, K3E6, K5E1, K5E1G2, K5E3, K5E6, SKIP, OPS };

struct fbnet {
    int rule, size, classes, first, last, stem_stride;
    double width;
    char ops[NW_TEXT_SIZE], widths[NW_TEXT_SIZE], layers[NW_TEXT_SIZE],
        strides[NW_TEXT_SIZE];
};

struct fbnet_net {
    nw_space *space;
    int rule;
    int n_op, op[OPS]; /* options of a layer                       */
    const int *taken;  /* option of every layer; NULL = a choice */
};

static const char *const op_names[OPS] = {
    "k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip"};

#define AT(field) offsetof(struct fbnet, field)
#define WIDTHS    "16,24,32,64,112,184,352"
#define LAYERS    "1,4,4,4,4,4,1"
#define STRIDES   "1,2,2,2,1,2,1"
#define ALL_OPS   "k3_e1,k3_e1_g2,k3_e3,k3_e6,k5_e1,k5_e1_g2,k5_e3,k5_e6,skip"

/* clang-format off */
#define NET_KEYS                                                                         \
    {"rule", NW_INT, AT(rule), "1", 1, 2,                                                \
     "1 = as the code builds it, 2 = as the paper draws it", NULL},                      \
    {"size", NW_INT, AT(size), "224", 1, 4096,                                           \
     "pixels a side when no input says", NULL},                                          \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL},        \
    {"width", NW_REAL, AT(width), "1", 0.01, 16,                                         \
     "all channels times this, to multiples of 8", NULL}

static const nw_attr net_attrs[] = {NET_KEYS, {0}};
/* clang-format on */

static const nw_attr fbnet_attrs[] = {
    NET_KEYS,
    {"ops", NW_TEXT, AT(ops), ALL_OPS, 0, 0, "options of a layer, by comma", NULL},
    {"first", NW_INT, AT(first), "16", 1, 4096, "channels of the stem", NULL},
    {"last", NW_INT, AT(last), "1984", 1, 1 << 16, "channels before the classifier",
     NULL},
    {"stem_stride", NW_INT, AT(stem_stride), "2", 1, 4, "of the stem", NULL},
    {"widths", NW_TEXT, AT(widths), WIDTHS, 0, 0,
     "channels of the stages, by comma; even", NULL},
    {"layers", NW_TEXT, AT(layers), LAYERS, 0, 0, "layers of the stages, by comma", NULL},
    {"strides", NW_TEXT, AT(strides), STRIDES, 0, 0,
     "of the first layer of each stage, by comma", NULL},
    {0},
};

static nw_ref skip(nw_space *space, const nw_layer *l, nw_ref x)
{
    if (l->stride == 1 && l->in == l->out)
        return x;
    return nw_opf(space, x,
                  "conv2d out=%d k=1 stride=%d bias=0 name=conv | batchnorm name=bn",
                  l->out, l->stride);
}

static nw_ref block(const struct fbnet_net *net, const nw_layer *l, int op, nw_ref x)
{
    static const int expansion[4] = {1, 1, 3, 6};
    const int e = expansion[op % 4], groups = op % 4 == 1 ? 2 : 1;
    nw_ref y[2] = {x, x};

    if (e > 1 || net->rule == 2)
        y[1] = nw_opf(net->space, y[1],
                      "conv2d out=%d k=1 groups=%d bias=0 name=pw.conv | "
                      "batchnorm name=pw.bn | relu",
                      e * l->in, net->rule == 2 ? groups : 1);
    if (groups > 1)
        y[1] = nw_opf(net->space, y[1], "shuffle groups=%d", groups);
    y[1] = nw_opf(net->space, y[1],
                  "conv2d k=%d stride=%d groups=in bias=0 name=dw.conv | "
                  "batchnorm name=dw.bn | relu | "
                  "conv2d out=%d k=1 groups=%d bias=0 name=pwl.conv | "
                  "batchnorm name=pwl.bn",
                  op < K5E1 ? 3 : 5, l->stride, l->out, groups);
    return l->stride == 1 && l->in == l->out ? nw_op_n(net->space, "add", 2, y) : y[1];
}

static nw_ref apply(const struct fbnet_net *net, const nw_layer *l, int op, nw_ref x)
{
    return op == SKIP ? skip(net->space, l, x) : block(net, l, op, x);
}

/* Layer i, which is number `index` of its stage. */
static nw_ref layer(const struct fbnet_net *net, const nw_layer *l, int i, int index,
                    nw_ref x)
{
    const char *name[OPS];
    nw_ref option[OPS];
    char text[32];

    if (net->taken) {
        nw_enter(net->space, "backbone.stages.xif%d_%d", l->stage + 1, index);
        x = apply(net, l, net->op[net->taken[i]], x);
        nw_leave(net->space);
        return x;
    }
    for (int o = 0; o < net->n_op; o++) {
        nw_enter(net->space, "backbone.stages.xif%d_%d.%d", l->stage + 1, index, o);
        name[o] = op_names[net->op[o]];
        option[o] = apply(net, l, net->op[o], x);
        nw_leave(net->space);
    }
    snprintf(text, sizeof(text), "layer_%d", i);
    return nw_choice_of(net->space, text, (size_t)net->n_op, option, name);
}

static nw_status build(const struct fbnet_net *net, const struct fbnet *key,
                       const nw_stages *stages, const int shape[3], int classes)
{
    nw_ref x = nw_input(net->space, shape[0], shape[1], shape[2]);
    int index = 0;

    x = nw_opf(net->space, x,
               "conv2d out=%d k=3 stride=%d bias=0 name=backbone.stages.xif0_0.conv | "
               "batchnorm name=backbone.stages.xif0_0.bn | relu",
               key->first, key->stem_stride);
    for (int i = 0; i < stages->n; i++) {
        const nw_layer *l = &stages->layer[i];

        index = i && l->stage == l[-1].stage ? index + 1 : 0;
        x = layer(net, l, i, index, x);
    }
    x = nw_opf(net->space, x,
               "conv2d out=%d k=1 bias=0 name=backbone.stages.xif%d_0.conv | "
               "batchnorm name=backbone.stages.xif%d_0.bn | relu | globalpool | "
               "flatten | dense out=%d name=head.conv",
               key->last, stages->n_stage + 1, stages->n_stage + 1, classes);
    return nw_output(net->space, x);
}

static nw_status network(nw_space *space, struct fbnet *key, const int input[3],
                         int classes, const nw_arch *arch, const int *fixed)
{
    struct fbnet_net net = {.space = space, .rule = key->rule, .taken = fixed};
    int shape[3], taken[NW_MOST_LAYERS];
    nw_stages stages;

    if (key->width != 1) {
        key->first = nw_multiple_of(key->first * key->width, 8);
        key->last = nw_multiple_of(key->last * key->width, 8);
    }
    NW_TRY(nw_picture_and_classes(space, input, key->size, key->classes, 1000, shape,
                                  &classes));
    NW_TRY(nw_stages_read(space, key->widths, key->layers, key->strides, key->first,
                          key->width, &stages));
    NW_TRY(nw_names_pick(space, key->ops, op_names, OPS, net.op, &net.n_op));
    if (arch && !fixed) {
        NW_TRY(nw_taken(arch, "layer_%d", stages.n, taken));
        net.taken = taken;
    }
    return build(&net, key, &stages, shape, classes);
}

static nw_status fbnet_build(void *self, nw_space *space, const int input[3], int classes,
                             const nw_arch *arch)
{
    return network(space, self, input, classes, arch, NULL);
}

#define PAPER "Wu et al. 2019, FBNet, arXiv:1812.03443"

const nw_space_type nw_space_fbnet = {
    .name = "fbnet",
    .doc = "22 layers of nine blocks: 9^22",
    .paper = PAPER,
    .attrs = fbnet_attrs,
    .size = sizeof(struct fbnet),
    .build = fbnet_build,
    .genotype = nw_names_write,
    .read = nw_names_read,
};

/* ---- Networks that were found ---------------------------------------------------- */

/* clang-format off */
static const int a[22] = {
    SKIP,  K3E3, K3E1, SKIP, SKIP,  K5E6, K3E3, K5E1, K3E3,  K5E6, K5E3, K5E1G2, K5E6,
    K3E6, K5E1G2, K5E3, K3E1G2,  K5E6, K5E6, K5E3, K5E6,  K5E6};
static const int b[22] = {
    K3E1,  K3E6, K5E1, K3E1, K3E1,  K5E6, K5E3, K3E6, K5E6,  K5E6, K5E6, SKIP, K5E3,
    K5E6, K3E1, K5E1, K5E3,  K5E6, K5E1, K5E6, K5E6,  K3E6};
static const int c[22] = {
    K3E1,  K3E6, SKIP, K3E1, K3E1,  K5E6, K5E3, K5E6, K3E6,  K5E6, K5E3, K5E6, K5E6,
    K5E6, K5E6, K5E6, K5E3,  K5E6, K5E6, K5E6, K5E6,  K3E6};
/* clang-format on */

static nw_status found_build(const struct fbnet *self, nw_space *space,
                             const int input[3], int classes, int last, const int *found)
{
    struct fbnet key = {.rule = self->rule,
                        .size = self->size,
                        .classes = self->classes,
                        .width = self->width,
                        .first = 16,
                        .last = last,
                        .ops = ALL_OPS,
                        .stem_stride = 2,
                        .widths = WIDTHS,
                        .layers = LAYERS,
                        .strides = STRIDES};

    return network(space, &key, input, classes, NULL, found);
}

#define FOUND(letter, width, says)                                                       \
    static nw_status fbnet_##letter##_build(void *self, nw_space *space,                 \
                                            const int input[3], int classes,             \
                                            const nw_arch *arch)                         \
    {                                                                                    \
        (void)arch;                                                                      \
        return found_build(self, space, input, classes, width, letter);                  \
    }                                                                                    \
                                                                                         \
    const nw_space_type nw_space_fbnet_##letter = {                                      \
        .name = "fbnet-" #letter,                                                        \
        .doc = "the network that its paper found",                                       \
        .paper = PAPER,                                                                  \
        .attrs = net_attrs,                                                              \
        .size = sizeof(struct fbnet),                                                    \
        .build = fbnet_##letter##_build,                                                 \
        .published = says,                                                               \
    };

FOUND(a, 1504, "ImageNet 27.0 % error, 4.3 M parameters, 249 M MACs")
FOUND(b, 1984, "ImageNet 25.9 % error, 4.5 M parameters, 295 M MACs")
FOUND(c, 1984, "ImageNet 25.1 % error, 5.5 M parameters, 375 M MACs")
