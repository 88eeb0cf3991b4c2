/*
 * enas_macro.c - the macro space of ENAS: a chain of layers with skips.
 *
 * Every layer takes the layer before it and is one of six ops, each behind a 1x1
 * convolution: 0 conv 3x3, 1 separable 3x3, 2 conv 5x5, 3 separable 5x5, 4 average pool,
 * 5 max pool. Skip i of layer l (i < l) adds the stem (i = 0) or layer i - 1; the layer
 * just before is the input already and no skip. After layers L/3 - 1 and 2 L/3 - 1 all
 * that was computed so far passes a factorized reduction each. Written layer by layer:
 * its op, then its skips. There are 6^L 2^(L (L-1) / 2) of them: 1.606e29 of 12 layers.
 *
 * While the space is searched all layers have one width and skips are summed; the network
 * that is trained once found concatenates them, with a 1x1 convolution behind, and
 * doubles its width at both reductions.
 *
 * The released code builds ops 1 and 3 of the found network as ordinary convolutions,
 * which its 42,559,392 parameters need; separable=1 makes them what they are called, as
 * they are in the search (30,947,424). The paper says 38.0 M. It does not build pools
 * there at all, as its network has none: here they have the search's 1x1 convolution,
 * norm and relu before them, and none behind.
 *
 * Source: Pham et al. 2018, arXiv:1802.03268, and the authors' code, general_child.py.
 */
#include "family.h"
#include "int_list.h"
#include "setting.h"

#include <stdio.h>

#define PAPER "Pham et al. 2018, Efficient neural architecture search, arXiv:1802.03268"

enum { OPS = 6, MOST_LAYERS = 24, MOST_INTS = MOST_LAYERS * (MOST_LAYERS + 1) / 2 };

struct macro {
    int layers, f, classes, size, separable;
    double dropout;
};

/* A network while it is built. */
struct macro_net {
    nw_space *space;
    const struct macro *key;
    const int *ints;                /* NULL = every op and skip is a choice */
    int classes, shape[3];          /* of the input                         */
    int c;                          /* channels now                         */
    nw_ref stored[MOST_LAYERS + 1]; /* the stem, then every layer           */
};

static const char *const op_names[OPS] = {"conv_3x3",     "sep_conv_3x3", "conv_5x5",
                                          "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3"};
static const int kernels[OPS] = {3, 3, 5, 5, 3, 3};

#define AT(field) offsetof(struct macro, field)

/* clang-format off */
#define KEYS(depth, width, separate)                                                     \
    {"layers", NW_INT, AT(layers), depth, 1, MOST_LAYERS, "layers", NULL},               \
    {"f", NW_INT, AT(f), width, 2, 4096, "channels of the first layers; even", NULL},    \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data, or 10", NULL}, \
    {"size", NW_INT, AT(size), "0", 0, 4096,                                             \
     "pixels of a side where the data do not say; 0 = 32", NULL},                        \
    {"separable", NW_BOOL, AT(separable), separate, 0, 0,                                \
     "ops 1 and 3 of a found network are separable; 0 = as its authors built them",      \
     NULL},                                                                              \
    {"dropout", NW_REAL, AT(dropout), "0.5", 0, 0.99,                                    \
     "before the classifier of a found network, probability", NULL}
/* clang-format on */

static const nw_attr space_attrs[] = {KEYS("12", "36", "1"), {0}};
static const nw_attr net_attrs[] = {KEYS("24", "96", "0"), {0}};

/* Where layer `l` starts in the list of numbers; at l = layers, how long it is. */
static int row(int l)
{
    return l * (l + 1) / 2;
}

static nw_ref reduce(nw_space *space, nw_ref x, int c, int layer, int from)
{
    nw_enter(space, "pool_at_%d.from_%d", layer, from);
    x = nw_opf(space, x,
               "(conv2d out=%d k=1 stride=2 pad=0 bias=0 name=path1_conv, "
               "pad bottom=1 right=1 | slice h=1: w=1: | "
               "conv2d out=%d k=1 stride=2 pad=0 bias=0 name=path2_conv) | "
               "concat | batchnorm name=bn",
               c / 2, c / 2);
    nw_leave(space);
    return x;
}

static nw_ref pool(nw_space *space, int op, nw_ref x)
{
    return nw_opf(space, x, "%s k=3 stride=1 pad=1", op == 4 ? "avgpool" : "maxpool");
}

/* ---- The space that is searched -----------------------------------------------------
 */

static nw_ref branch(struct macro_net *net, int op, nw_ref x)
{
    nw_enter(net->space, "branch_%d", op);
    x = nw_opf(net->space, x,
               "conv2d out=%d k=1 bias=0 name=inp_conv_1 | batchnorm name=inp_bn | relu",
               net->c);
    if (op >= 4)
        x = pool(net->space, op, x);
    else if (op % 2)
        x = nw_opf(net->space, x,
                   "conv2d out=in k=%d groups=in bias=0 name=w_depth | "
                   "conv2d out=%d k=1 bias=0 name=w_point | batchnorm name=bn | relu",
                   kernels[op], net->c);
    else
        x = nw_opf(net->space, x,
                   "conv2d out=%d k=%d bias=0 name=out_conv | batchnorm name=bn | relu",
                   net->c, kernels[op]);
    nw_leave(net->space);
    return x;
}

static nw_ref maybe_skip(struct macro_net *net, int layer, int from)
{
    static const char *const names[] = {"0", "1"};
    nw_ref option[2], y;
    char name[32];

    snprintf(name, sizeof(name), "skip_%d_%d", layer, from);
    option[0] = nw_opf(net->space, net->stored[from], "none");
    option[1] = net->stored[from];
    y = nw_one_of_n(net->space, name, 2, option);
    for (int i = 0; y >= 0 && i < 2; i++)
        nw_option_name(net->space, name, i, names[i]);
    return y;
}

static nw_ref mixed_layer(struct macro_net *net, int layer)
{
    nw_ref option[OPS], sum[MOST_LAYERS + 1];
    char name[32];

    for (int op = 0; op < OPS; op++)
        option[op] = branch(net, op, net->stored[layer]);
    snprintf(name, sizeof(name), "op_%d", layer);
    sum[layer] = nw_one_of_n(net->space, name, OPS, option);
    for (int op = 0; sum[layer] >= 0 && op < OPS; op++)
        nw_option_name(net->space, name, op, op_names[op]);
    for (int from = 0; from < layer; from++)
        sum[from] = maybe_skip(net, layer, from);
    if (!layer)
        return sum[0];
    return nw_opf(net->space, nw_op_n(net->space, "add", (size_t)layer + 1, sum),
                  "batchnorm name=skip_bn");
}

/* ---- A network that was found ---------------------------------------------------------
 */

static nw_ref found_op(struct macro_net *net, int op, nw_ref x)
{
    const int k = kernels[op], is_separable = net->key->separable && op % 2;

    x = nw_opf(net->space, x,
               "relu | conv2d out=%d k=1 bias=0 name=conv_1x1 | batchnorm name=bn_1x1 | "
               "relu",
               net->c);
    if (op >= 4)
        return pool(net->space, op, x);
    if (is_separable)
        return nw_opf(net->space, x,
                      "conv2d out=in k=%d groups=in bias=0 name=w_depth | "
                      "conv2d out=%d k=1 bias=0 name=w_point | batchnorm name=bn",
                      k, net->c);
    return nw_opf(net->space, x,
                  "conv2d out=%d k=%d bias=0 name=conv | batchnorm name=bn", net->c, k);
}

static nw_ref found_layer(struct macro_net *net, int layer)
{
    const int *ints = net->ints + row(layer);
    nw_ref in[MOST_LAYERS + 1], x;
    int n = 0;

    for (int from = 0; from < layer; from++)
        if (ints[1 + from])
            in[n++] = net->stored[from];
    in[n++] = x = found_op(net, ints[0], net->stored[layer]);
    if (!layer)
        return x;
    if (n > 1)
        x = nw_op_n(net->space, "concat", (size_t)n, in);
    return nw_opf(net->space, x,
                  "relu | conv2d out=%d k=1 bias=0 name=skip | batchnorm name=skip_bn",
                  net->c);
}

/* ---- Both -----------------------------------------------------------------------------
 */

static void add_layer(struct macro_net *net, int layer)
{
    const int third = net->key->layers / 3;
    nw_ref y;

    nw_enter(net->space, "layer_%d", layer);
    y = net->ints ? found_layer(net, layer) : mixed_layer(net, layer);
    nw_leave(net->space);
    net->stored[layer + 1] = y;
    if (layer != third - 1 && layer != 2 * third - 1)
        return;
    net->c *= net->ints ? 2 : 1;
    for (int i = 0; i < layer + 2; i++)
        net->stored[i] = reduce(net->space, net->stored[i], net->c, layer, i);
}

static nw_status build(struct macro_net *net)
{
    const struct macro *key = net->key;
    nw_ref x = nw_input(net->space, net->shape[0], net->shape[1], net->shape[2]);

    net->c = key->f;
    net->stored[0] = nw_opf(
        net->space, x, "conv2d out=%d k=3 bias=0 name=stem_conv | batchnorm name=stem_bn",
        key->f);
    for (int layer = 0; layer < key->layers; layer++)
        add_layer(net, layer);
    x = nw_opf(net->space, net->stored[key->layers], "globalpool | flatten");
    if (net->ints && key->dropout > 0)
        x = nw_opf(net->space, x, "dropout p=%.9g", key->dropout);
    return nw_output(net->space,
                     nw_opf(net->space, x, "dense out=%d bias=0 name=fc", net->classes));
}

static nw_status begin(struct macro_net *net, nw_space *space, const struct macro *key,
                       const int input[3], int classes)
{
    *net = (struct macro_net){.space = space, .key = key};
    net->classes = classes;
    NW_TRY(nw_classes_of(space->ctx, "enas-macro", key->classes, 10, &net->classes));
    if (key->f % 2)
        return nw_fail(space->ctx, NW_ESPEC,
                       "enas-macro: f=%d: a factorized reduction needs an even number of "
                       "channels",
                       key->f);
    nw_input_or(input, key->size ? key->size : 32, net->shape);
    return NW_OK;
}

/* ---- Words ----------------------------------------------------------------------------
 */

/* Index of the decision for number `i` of layer `layer`: choices are made op first. */
static nw_status decision(const nw_arch *arch, int layer, int i, int *out)
{
    char name[32];

    if (i)
        snprintf(name, sizeof(name), "skip_%d_%d", layer, i - 1);
    else
        snprintf(name, sizeof(name), "op_%d", layer);
    *out = nw_arch_find(arch, name);
    return *out < 0 ? NW_ENAME : NW_OK;
}

static nw_status of_arch(const nw_arch *arch, int layers, int out[MOST_INTS])
{
    for (int layer = 0; layer < layers; layer++) {
        int op, skip = -1;

        NW_TRY(decision(arch, layer, 0, &op));
        if (layer)
            NW_TRY(decision(arch, layer, 1, &skip));
        out[row(layer)] = nw_arch_option(arch, op);
        for (int i = 0; i < layer; i++)
            out[row(layer) + 1 + i] = nw_arch_option(arch, skip + i);
    }
    return NW_OK;
}

static nw_status write_genotype(const nw_arch *arch, FILE *out)
{
    const struct macro *key = nw_space_keys(arch->space);
    int ints[MOST_INTS];

    NW_TRY(of_arch(arch, key->layers, ints));
    return nw_ints_write(arch->ctx, row(key->layers), ints, out);
}

static nw_status take_row(nw_arch *arch, int layer, const int *ints, const char *where)
{
    for (int i = 0; i <= layer; i++) {
        const int most = i ? 1 : OPS - 1;
        int c;

        if (ints[i] > most)
            return nw_fail(arch->ctx, NW_EFORMAT, "%s: layer %d: %s %d: 0 to %d can be",
                           where, layer, i ? "a skip is" : "its op is", ints[i], most);
        NW_TRY(decision(arch, layer, i, &c));
        NW_TRY(nw_arch_pick(arch, c, ints[i]));
    }
    return NW_OK;
}

static nw_status read_genotype(nw_arch *arch, const char *text, const char *where)
{
    const struct macro *key = nw_space_keys(arch->space);
    int ints[MOST_INTS];

    NW_TRY(nw_ints_read(arch->ctx, text, where, row(key->layers), ints));
    for (int layer = 0; layer < key->layers; layer++)
        NW_TRY(take_row(arch, layer, ints + row(layer), where));
    return NW_OK;
}

/* ---- Tables ---------------------------------------------------------------------------
 */

/* clang-format off */
static const int published[MOST_INTS] = {
    0,
    3, 0,
    0, 1, 0,
    2, 0, 0, 1,
    2, 0, 0, 0, 0,
    3, 1, 1, 0, 1, 0,
    2, 0, 0, 0, 0, 0, 1,
    2, 0, 1, 1, 0, 1, 1, 1,
    1, 0, 1, 1, 1, 0, 1, 0, 1,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
    0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1,
    2, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0,
    1, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 1,
    0, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0,
    2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1,
    2, 0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0,
    2, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1,
    3, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0,
    3, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1,
    0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0,
    3, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0,
    0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0,
    0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0,
};
/* clang-format on */

static nw_status space_build(void *self, nw_space *space, const int input[3], int classes,
                             const nw_arch *arch)
{
    struct macro_net net;
    int ints[MOST_INTS];

    NW_TRY(begin(&net, space, self, input, classes));
    if (arch) {
        NW_TRY(of_arch(arch, net.key->layers, ints));
        net.ints = ints;
    }
    return build(&net);
}

static nw_status net_build(void *self, nw_space *space, const int input[3], int classes,
                           const nw_arch *arch)
{
    struct macro_net net;

    (void)arch;
    NW_TRY(begin(&net, space, self, input, classes));
    net.ints = published; /* a layer's numbers say nothing about those behind it */
    return build(&net);
}

const nw_space_type nw_space_enas_macro = {
    .name = "enas-macro",
    .doc = "a chain of layers with six ops each and any skips; 1.61e29 of 12 layers",
    .paper = PAPER,
    .attrs = space_attrs,
    .size = sizeof(struct macro),
    .build = space_build,
    .genotype = write_genotype,
    .read = read_genotype,
};

const nw_space_type nw_space_enas_macro_net = {
    .name = "enas-macro",
    .doc = "the network that ENAS found in its macro space, or its first layers",
    .paper = PAPER,
    .attrs = net_attrs,
    .size = sizeof(struct macro),
    .build = net_build,
    .published = "CIFAR-10 3.87 % error, 38.0 M parameters (unverified; the code builds "
                 "42.56 M)",
};
