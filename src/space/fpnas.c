/*
 * fpnas.c - FPNAS: sixteen units that differ from each other, and FPNASNet.
 *
 * On 224x224: 3x3 convolution of stride 2 to 34, depthwise 3x3 and 1x1 to 24, the units,
 * 1x1 to 1280, pool, dropout 0.2, dense. A unit is an inverted residual with
 *
 *   t         expansion 4, 6 or 8
 *   shortcut  its input is added, by a 1x1 convolution and a norm where the shape changes
 *   split     the first half of the channels goes past (at stride 2 by depthwise, relu
 * and 1x1), only the rest through the unit; then two groups are shuffled
 *
 * A unit that splits c_in channels gives c_out - c_in / 2 beside those that go past. Only
 * the network's code is public: that {4, 6, 8} is the whole set of t is unverified, and
 * so 12^16 is our count. Module names are those of the authors' PyTorch code.
 */
#include "divisible.h"
#include "mobile.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { TS = 3, OPS = 4 * TS };

struct fpnas {
    int size, classes, first, block, last, stem_stride;
    double width;
    char widths[NW_TEXT_SIZE], layers[NW_TEXT_SIZE], strides[NW_TEXT_SIZE];
};

struct fpnas_net {
    nw_space *space;
    const int *taken; /* option of every unit; NULL = a choice */
};

/* Option number: 4 * index of t + 2 * shortcut + split. */
static const char *const op_names[OPS] = {
    "t4", "t4_split", "t4_shortcut", "t4_shortcut_split",
    "t6", "t6_split", "t6_shortcut", "t6_shortcut_split",
    "t8", "t8_split", "t8_shortcut", "t8_shortcut_split"};

#define AT(field) offsetof(struct fpnas, field)
#define WIDTHS    "24,40,80,112,192,320"
#define LAYERS    "2,3,4,3,3,1"
#define STRIDES   "2,2,2,1,2,1"

/* clang-format off */
#define NET_KEYS                                                                         \
    {"size", NW_INT, AT(size), "224", 1, 4096,                                           \
     "pixels a side when no input says", NULL},                                          \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL},        \
    {"width", NW_REAL, AT(width), "1", 0.01, 16,                                         \
     "all channels times this, to multiples of 8", NULL}

static const nw_attr net_attrs[] = {NET_KEYS, {0}};
/* clang-format on */

static const nw_attr fpnas_attrs[] = {
    NET_KEYS,
    {"first", NW_INT, AT(first), "34", 1, 4096, "channels of the stem", NULL},
    {"block", NW_INT, AT(block), "24", 2, 4096, "channels of the fixed block", NULL},
    {"last", NW_INT, AT(last), "1280", 1, 1 << 16,
     "channels before the classifier; width below 1 keeps them", NULL},
    {"stem_stride", NW_INT, AT(stem_stride), "2", 1, 4, "of the stem", NULL},
    {"widths", NW_TEXT, AT(widths), WIDTHS, 0, 0,
     "channels of the stages, by comma; even", NULL},
    {"layers", NW_TEXT, AT(layers), LAYERS, 0, 0, "units of the stages, by comma", NULL},
    {"strides", NW_TEXT, AT(strides), STRIDES, 0, 0,
     "of the first unit of each stage, by comma", NULL},
    {0},
};

/* The channels that go past a unit. */
static nw_ref past(nw_space *space, int c, int stride, nw_ref x)
{
    x = nw_opf(space, x, "slice c=:%d", c);
    if (stride == 1)
        return x;
    return nw_opf(space, x,
                  "conv2d k=3 stride=%d groups=in bias=0 name=splitSeq.0 | "
                  "batchnorm name=splitSeq.1 | relu | "
                  "conv2d k=1 bias=0 name=splitSeq.3 | batchnorm name=splitSeq.4",
                  stride);
}

static nw_ref shortcut(nw_space *space, int in, int out, int stride, nw_ref x)
{
    if (stride == 1 && in == out)
        return x;
    return nw_opf(space, x,
                  "conv2d out=%d k=1 stride=%d bias=0 name=shortcutSeq.0 | "
                  "batchnorm name=shortcutSeq.1",
                  out, stride);
}

static nw_ref apply(nw_space *space, const nw_layer *l, int op, nw_ref x)
{
    const int t = 4 + op / 4 * 2, half = op % 2 ? l->in / 2 : 0;
    const int in = l->in - half, out = l->out - half;
    const nw_ref rest = half ? nw_opf(space, x, "slice c=%d:", half) : x;
    nw_ref sum[2], side[2];

    sum[0] = nw_inverted(space, rest, 3, t * in, l->stride, out);
    if (op / 2 % 2) {
        sum[1] = shortcut(space, in, out, l->stride, rest);
        sum[0] = nw_op_n(space, "add", 2, sum);
    }
    if (!half)
        return sum[0];
    side[0] = past(space, half, l->stride, x);
    side[1] = sum[0];
    return nw_op_n(space, "concat | shuffle groups=2", 2, side);
}

static nw_ref unit(const struct fpnas_net *net, const nw_layer *l, int i, nw_ref x)
{
    nw_ref option[OPS];
    char name[32];

    if (net->taken) {
        nw_enter(net->space, "features.%d", i + 2);
        x = apply(net->space, l, net->taken[i], x);
        nw_leave(net->space);
        return x;
    }
    for (int op = 0; op < OPS; op++) {
        nw_enter(net->space, "features.%d.%d", i + 2, op);
        option[op] = apply(net->space, l, op, x);
        nw_leave(net->space);
    }
    snprintf(name, sizeof(name), "layer_%d", i);
    return nw_choice_of(net->space, name, OPS, option, op_names);
}

static nw_status build(const struct fpnas_net *net, const struct fpnas *key,
                       const nw_stages *stages, const int shape[3], int classes)
{
    nw_ref x = nw_input(net->space, shape[0], shape[1], shape[2]);

    x = nw_opf(net->space, x,
               "conv2d out=%d k=3 stride=%d bias=0 name=features.0.0 | "
               "batchnorm name=features.0.1 | relu | "
               "conv2d k=3 groups=in bias=0 name=features.1.0 | "
               "batchnorm name=features.1.1 | relu | "
               "conv2d out=%d k=1 bias=0 name=features.1.3 | batchnorm name=features.1.4",
               key->first, key->stem_stride, key->block);
    for (int i = 0; i < stages->n; i++)
        x = unit(net, &stages->layer[i], i, x);
    x = nw_opf(net->space, x,
               "conv2d out=%d k=1 bias=0 name=features.%d.0 | "
               "batchnorm name=features.%d.1 | relu | globalpool | flatten | "
               "dropout p=0.2 | dense out=%d name=classifier.1",
               key->last, stages->n + 2, stages->n + 2, classes);
    return nw_output(net->space, x);
}

/* A split needs an even number of channels to shuffle, and some to leave to the unit. */
static nw_status check_widths(nw_space *space, const nw_stages *stages)
{
    for (int i = 0; i < stages->n; i++) {
        const nw_layer *l = &stages->layer[i];

        if (l->out % 2 || l->out <= l->in / 2)
            return nw_fail(space->ctx, NW_ESPEC,
                           "fpnas: unit %d has %d channels after %d: widths must be even "
                           "and more than half of those before",
                           i, l->out, l->in);
    }
    return NW_OK;
}

static nw_status network(nw_space *space, struct fpnas *key, const int input[3],
                         int classes, const nw_arch *arch, const int *fixed)
{
    struct fpnas_net net = {space, fixed};
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
    NW_TRY(check_widths(space, &stages));
    if (arch && !fixed) {
        NW_TRY(nw_taken(arch, "layer_%d", stages.n, taken));
        net.taken = taken;
    }
    return build(&net, key, &stages, shape, classes);
}

static nw_status fpnas_build(void *self, nw_space *space, const int input[3], int classes,
                             const nw_arch *arch)
{
    return network(space, self, input, classes, arch, NULL);
}

/* ---- Genotype: {"t":[4,6],"shortcut":[1,0],"split":[0,1]} ------------------------- */

static int value_of(int option, int list)
{
    return list == 0 ? 4 + option / 4 * 2 : list == 1 ? option / 2 % 2 : option % 2;
}

static nw_status fpnas_genotype(const nw_arch *arch, FILE *out)
{
    static const char *const open[] = {"{\"t\":[", "],\"shortcut\":[", "],\"split\":["};

    for (int list = 0; list < 3; list++) {
        fputs(open[list], out);
        for (int c = 0; c < nw_space_choices(arch->space); c++)
            fprintf(out, "%s%d", c ? "," : "", value_of(nw_arch_option(arch, c), list));
    }
    fputs("]}", out);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

/* Number `c` of the list; -1 = there is none, or it is outside. */
static int read_value(const json_t *list, int c, int step, int first, int most)
{
    const json_t *item = json_array_get(list, (size_t)c);
    const json_int_t v = json_integer_value(item) - first;

    return json_is_integer(item) && v >= 0 && v % step == 0 && v / step <= most
               ? (int)v / step
               : -1;
}

static nw_status read_lists(nw_arch *arch, const json_t *root, const char *where)
{
    const json_t *t = json_object_get(root, "t"),
                 *sum = json_object_get(root, "shortcut"),
                 *split = json_object_get(root, "split");
    const int n = nw_space_choices(arch->space);

    for (int c = 0; c < n; c++) {
        const int a = read_value(t, c, 2, 4, TS - 1), b = read_value(sum, c, 1, 0, 1),
                  d = read_value(split, c, 1, 0, 1);

        if (a < 0 || b < 0 || d < 0)
            return nw_fail(arch->ctx, NW_EFORMAT,
                           "%s: unit %d: t is 4, 6 or 8, shortcut and split are 0 or 1, "
                           "and each is a list of %d",
                           where, c, n);
        NW_TRY(nw_arch_pick(arch, c, 4 * a + 2 * b + d));
    }
    if (json_array_size(t) + json_array_size(sum) + json_array_size(split) !=
        3 * (size_t)n)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: more than %d units", where, n);
    return NW_OK;
}

static nw_status fpnas_read(nw_arch *arch, const char *text, const char *where)
{
    json_t *root = nw_json_parse(arch->ctx, text, where);
    const nw_status status = root ? read_lists(arch, root, where) : NW_EFORMAT;

    json_decref(root);
    return status;
}

#define PAPER "Cui et al. 2019, Fast and practical neural architecture search, ICCV"

const nw_space_type nw_space_fpnas = {
    .name = "fpnas",
    .doc = "16 units with expansion, shortcut and split: 12^16",
    .paper = PAPER,
    .attrs = fpnas_attrs,
    .size = sizeof(struct fpnas),
    .build = fpnas_build,
    .genotype = fpnas_genotype,
    .read = fpnas_read,
};

/* ---- The network that was found --------------------------------------------------- */

static const int found_t[16] = {4, 6, 8, 6, 8, 6, 8, 8, 8, 6, 6, 6, 4, 8, 4, 6};
static const int found_shortcut[16] = {1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 0, 1, 0, 0, 0};
static const int found_split[16] = {1, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0};

static nw_status fpnasnet_build(void *self, nw_space *space, const int input[3],
                                int classes, const nw_arch *arch)
{
    const struct fpnas *given = self;
    struct fpnas key = {.size = given->size,
                        .classes = given->classes,
                        .width = given->width,
                        .first = 34,
                        .block = 24,
                        .last = 1280,
                        .stem_stride = 2,
                        .widths = WIDTHS,
                        .layers = LAYERS,
                        .strides = STRIDES};
    int found[16];

    (void)arch;
    for (int i = 0; i < 16; i++)
        found[i] = 2 * (found_t[i] - 4) + 2 * found_shortcut[i] + found_split[i];
    return network(space, &key, input, classes, NULL, found);
}

const nw_space_type nw_space_fpnasnet = {
    .name = "fpnasnet",
    .doc = "the network that its paper found",
    .paper = PAPER,
    .attrs = net_attrs,
    .size = sizeof(struct fpnas),
    .build = fpnasnet_build,
    .published = "ImageNet 26.7 % error, 3.4 M parameters, 300 M MACs",
};
