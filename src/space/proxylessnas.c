/*
 * proxylessnas.c - the chain of inverted residuals of ProxylessNAS, and what it found.
 *
 * On 224x224: 3x3 convolution of stride 2 to 32, a fixed block of expansion 1 to 16, six
 * stages of 4, 4, 4, 4, 4 and 1 layers, 1x1 to 1280, pool, dense. Every layer is an
 * inverted residual with kernel 3, 5 or 7 and expansion 3 or 6. A layer that keeps the
 * shape adds its input, and may be Zero instead, which leaves the input: six layers of 6
 * options, fifteen of 7. Norms have eps 1e-3, activations are relu6.
 *
 * The networks have widths of their own (searched by hand; their first stage has 32
 * channels where the search has 24). Module names are those of the authors' PyTorch code.
 */
#include "divisible.h"
#include "mobile.h"

#include <stdio.h>
#include <string.h>

enum { K3E3, K3E6, K5E3, K5E6, K7E3, K7E6, ZERO, OPS };

struct proxylessnas {
    int size, classes, first, block, last, stem_stride;
    double width;
    char ops[NW_TEXT_SIZE], widths[NW_TEXT_SIZE], layers[NW_TEXT_SIZE],
        strides[NW_TEXT_SIZE];
};

struct proxyless {
    nw_space *space;
    int n_op, op[OPS]; /* that a layer may be        */
    const int *taken;  /* option of every layer; NULL = a choice */
};

#define ALL_OPS                                                                          \
    "3x3_MBConv3,3x3_MBConv6,5x5_MBConv3,5x5_MBConv6,7x7_MBConv3,7x7_MBConv6,Zero"

static const char *const op_names[OPS] = {"3x3_MBConv3", "3x3_MBConv6", "5x5_MBConv3",
                                          "5x5_MBConv6", "7x7_MBConv3", "7x7_MBConv6",
                                          "Zero"};

#define AT(field) offsetof(struct proxylessnas, field)

/* clang-format off */
#define NET_KEYS                                                                         \
    {"size", NW_INT, AT(size), "224", 1, 4096,                                           \
     "pixels a side when no input says", NULL},                                          \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL},        \
    {"width", NW_REAL, AT(width), "1", 0.01, 16,                                         \
     "all channels times this, to multiples of 8", NULL}

static const nw_attr net_attrs[] = {NET_KEYS, {0}};
/* clang-format on */

static const nw_attr proxylessnas_attrs[] = {
    NET_KEYS,
    {"ops", NW_TEXT, AT(ops), ALL_OPS, 0, 0, "options of a layer, by comma", NULL},
    {"first", NW_INT, AT(first), "32", 1, 4096, "channels of the stem", NULL},
    {"block", NW_INT, AT(block), "16", 1, 4096, "channels of the fixed block", NULL},
    {"last", NW_INT, AT(last), "1280", 1, 1 << 16,
     "channels before the classifier; width below 1 keeps them", NULL},
    {"stem_stride", NW_INT, AT(stem_stride), "2", 1, 4, "of the stem", NULL},
    {"widths", NW_TEXT, AT(widths), "24,40,80,96,192,320", 0, 0,
     "channels of the stages, by comma", NULL},
    {"layers", NW_TEXT, AT(layers), "4,4,4,4,4,1", 0, 0, "layers of the stages, by comma",
     NULL},
    {"strides", NW_TEXT, AT(strides), "2,2,2,1,2,1", 0, 0,
     "of the first layer of each stage, by comma", NULL},
    {0},
};

/* The convolution of a layer, as module `module`, without the sum around it. */
static nw_ref convolution(nw_space *space, const nw_layer *l, int op, const char *module,
                          nw_ref x)
{
    if (op == ZERO)
        return nw_opf(space, x, "none");
    return nw_opf(space, x,
                  "inverted_residual k=%d mid=%d stride=%d out=%d eps=1e-3 name=%s",
                  3 + op / 2 * 2, l->in * (op % 2 ? 6 : 3), l->stride, l->out, module);
}

/* Ops that stand at a layer, in the order of its options. */
static int options(const struct proxyless *net, int keeps, int op[OPS])
{
    int n = 0;

    for (int i = 0; i < net->n_op; i++)
        if (net->op[i] != ZERO || keeps)
            op[n++] = net->op[i];
    return n;
}

static nw_ref choice(const struct proxyless *net, const nw_layer *l, int i, int n,
                     const int *op, nw_ref x)
{
    const char *name[OPS];
    nw_ref option[OPS];
    char text[64];

    for (int o = 0; o < n; o++) {
        snprintf(text, sizeof(text), "mobile_inverted_conv.candidate_ops.%d", o);
        name[o] = op_names[op[o]];
        option[o] = convolution(net->space, l, op[o], text, x);
    }
    snprintf(text, sizeof(text), "layer_%d", i);
    return nw_choice_of(net->space, text, (size_t)n, option, name);
}

static nw_ref layer(const struct proxyless *net, const nw_layer *l, int i, nw_ref x)
{
    const int keeps = l->stride == 1 && l->in == l->out;
    int op[OPS];
    const int n = options(net, keeps, op);
    nw_ref sum[2] = {x};

    if (net->taken && op[net->taken[i]] == ZERO)
        return x;
    nw_enter(net->space, "blocks.%d", i + 1);
    sum[1] = net->taken ? convolution(net->space, l, op[net->taken[i]],
                                      "mobile_inverted_conv", x)
                        : choice(net, l, i, n, op, x);
    nw_leave(net->space);
    return keeps ? nw_op_n(net->space, "add", 2, sum) : sum[1];
}

static nw_status build(const struct proxyless *net, const struct proxylessnas *key,
                       const nw_stages *stages, const int shape[3], int classes)
{
    nw_ref x = nw_input(net->space, shape[0], shape[1], shape[2]);

    x = nw_opf(net->space, x,
               "conv2d out=%d k=3 stride=%d bias=0 name=first_conv.conv | "
               "batchnorm eps=1e-3 name=first_conv.bn | relu6 | depthwise_separable "
               "out=%d eps=1e-3 name=blocks.0.mobile_inverted_conv",
               key->first, key->stem_stride, key->block);
    for (int i = 0; i < stages->n; i++)
        x = layer(net, &stages->layer[i], i, x);
    x = nw_opf(net->space, x,
               "conv2d out=%d k=1 bias=0 name=feature_mix_layer.conv | "
               "batchnorm eps=1e-3 name=feature_mix_layer.bn | relu6 | globalpool | "
               "flatten | dense out=%d name=classifier.linear",
               key->last, classes);
    return nw_output(net->space, x);
}

/* Zero may stand only where the shape is kept: in a space no choice offers it elsewhere.
 */
static nw_status network(nw_space *space, struct proxylessnas *key, const int input[3],
                         int classes, const nw_arch *arch, const int *fixed)
{
    struct proxyless net = {.space = space, .taken = fixed};
    int shape[3], taken[NW_MOST_LAYERS];
    nw_stages stages;

    if (key->width != 1) {
        key->first = nw_multiple_of(key->first * key->width, 8);
        key->block = nw_multiple_of(key->block * key->width, 8);
        key->last =
            key->width > 1 ? nw_multiple_of(key->last * key->width, 8) : key->last;
    }
    NW_TRY(nw_picture_and_classes(space, input, key->size, key->classes, 1000, shape,
                                  &classes));
    NW_TRY(nw_stages_read(space, key->widths, key->layers, key->strides, key->block,
                          key->width, &stages));
    NW_TRY(nw_names_pick(space, key->ops, op_names, OPS, net.op, &net.n_op));
    if (net.n_op == 1 && net.op[0] == ZERO)
        return nw_fail(space->ctx, NW_ESPEC, "proxylessnas: ops=Zero: needs another");
    if (arch && !fixed) {
        NW_TRY(nw_taken(arch, "layer_%d", stages.n, taken));
        net.taken = taken;
    }
    return build(&net, key, &stages, shape, classes);
}

static nw_status proxylessnas_build(void *self, nw_space *space, const int input[3],
                                    int classes, const nw_arch *arch)
{
    return network(space, self, input, classes, arch, NULL);
}

#define PAPER "Cai et al. 2019, ProxylessNAS, arXiv:1812.00332"

const nw_space_type nw_space_proxylessnas = {
    .name = "proxylessnas",
    .doc = "21 layers of kernel 3, 5 or 7 and expansion 3 or 6, some of them none",
    .paper = PAPER,
    .attrs = proxylessnas_attrs,
    .size = sizeof(struct proxylessnas),
    .build = proxylessnas_build,
    .genotype = nw_names_write,
    .read = nw_names_read,
};

/* ---- Networks that were found ---------------------------------------------------- */

struct found {
    int first, block, last;
    const char *widths;
    int op[21];
};

/* clang-format off */
#define MOBILE                                                                           \
    {K5E3, K3E3, ZERO, ZERO,  K7E3, K3E3, K5E3, K5E3,  K7E6, K5E3, K5E3, K5E3,           \
     K5E6, K5E3, K5E3, K5E3,  K7E6, K7E6, K7E3, K7E3,  K7E6}

static const struct found mobile = {32, 16, 1280, "32,40,80,96,192,320", MOBILE};
static const struct found mobile_14 = {48, 24, 1792, "40,56,112,136,256,448", MOBILE};
static const struct found cpu = {40, 24, 1432, "32,48,88,104,216,360",
    {K3E6, K3E3, K3E3, K3E3,  K3E6, K3E3, K3E3, K5E3,  K3E6, ZERO, ZERO, K3E3,
     K5E6, K3E3, K3E3, K3E3,  K5E6, K5E3, K5E3, K3E3,  K5E6}};
static const struct found gpu = {40, 24, 1728, "32,56,112,128,256,432",
    {K5E3, ZERO, ZERO, ZERO,  K7E3, ZERO, ZERO, K3E3,  K7E6, ZERO, ZERO, K5E3,
     K5E6, ZERO, K3E3, K5E3,  K7E6, K7E6, K7E6, K5E6,  K7E6}};
/* clang-format on */

static nw_status found_build(const struct proxylessnas *self, nw_space *space,
                             const int input[3], int classes, const struct found *found)
{
    struct proxylessnas key = {.size = self->size,
                               .classes = self->classes,
                               .first = found->first,
                               .block = found->block,
                               .last = found->last,
                               .stem_stride = 2,
                               .width = self->width,
                               .ops = ALL_OPS,
                               .layers = "4,4,4,4,4,1",
                               .strides = "2,2,2,1,2,1"};

    snprintf(key.widths, sizeof(key.widths), "%s", found->widths);
    return network(space, &key, input, classes, NULL, found->op);
}

#define FOUND(id, table, word, says)                                                     \
    static nw_status id##_build(void *self, nw_space *space, const int input[3],         \
                                int classes, const nw_arch *arch)                        \
    {                                                                                    \
        (void)arch;                                                                      \
        return found_build(self, space, input, classes, &table);                         \
    }                                                                                    \
                                                                                         \
    const nw_space_type nw_space_##id = {                                                \
        .name = word,                                                                    \
        .doc = "the network that its paper found",                                       \
        .paper = PAPER,                                                                  \
        .attrs = net_attrs,                                                              \
        .size = sizeof(struct proxylessnas),                                             \
        .build = id##_build,                                                             \
        .published = says,                                                               \
    };

FOUND(proxyless_mobile, mobile, "proxyless-mobile",
      "ImageNet 25.4 % error, 320 M MACs, 78 ms on a Pixel 1")
FOUND(proxyless_cpu, cpu, "proxyless-cpu", "ImageNet 24.7 % error, 439 M MACs")
FOUND(proxyless_gpu, gpu, "proxyless-gpu",
      "ImageNet 24.9 % error, 465 M MACs, 5.1 ms on a V100")
FOUND(proxyless_mobile_14, mobile_14, "proxyless-mobile-14",
      "the mobile network, 1.4 times as wide; 581 M MACs")
