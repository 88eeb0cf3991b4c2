/*
 * spos.c - the space of Single Path One-Shot: twenty choice blocks of ShuffleNetV2's
 * kind.
 *
 * On 224x224: 3x3 convolution of stride 2 to 16, stages of 4, 4, 8 and 4 blocks with 64,
 * 160, 320 and 640 channels, each from stride 2 on, 1x1 to 1024, pool, dropout 0.1, dense
 * without bias. A block that keeps the shape leaves the channels of even index as they
 * are and sends the rest through its main branch; another has a branch for the input too.
 *
 *   0, 1, 2   main branch of ShuffleNetV2 with kernel 3, 5, 7
 *   3         three depthwise separable convolutions, after Xception
 *
 * channels=1 also decides the channels between, which else are half of the block's: these
 * times 0.2, 0.4 ... 2.0, rounded down. The paper has ten such scales, a comment in the
 * code eight (scales=8). The authors share weights by slicing the widest.
 *
 * phase=search is the authors' supernet, whose norms have no scale and shift. Module
 * names are those of their PyTorch code. The paper's 319 M MACs are of another network
 * than the released one.
 */
#include "divisible.h"
#include "mobile.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { OPS = 4, MOST_SCALES = 10, LEAST_WIDTH = 10 };

struct spos {
    int channels, scales, size, classes, first, last, stem_stride;
    double width;
    char phase[NW_TEXT_SIZE], widths[NW_TEXT_SIZE], layers[NW_TEXT_SIZE],
        strides[NW_TEXT_SIZE];
};

struct spos_net {
    nw_space *space;
    const struct spos *key;
    int affine;
    const int *block; /* option of every block; NULL = a choice           */
    const int *scale; /* of the channels between; NULL = a choice or half */
};

static const char *const op_names[OPS] = {"shuffle_3x3", "shuffle_5x5", "shuffle_7x7",
                                          "xception"};

#define AT(field) offsetof(struct spos, field)
#define WIDTHS    "64,160,320,640"
#define LAYERS    "4,4,8,4"
#define STRIDES   "2,2,2,2"

/* clang-format off */
#define NET_KEYS                                                                         \
    {"size", NW_INT, AT(size), "224", 1, 4096,                                           \
     "pixels a side when no input says", NULL},                                          \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL},        \
    {"width", NW_REAL, AT(width), "1", 0.01, 16,                                         \
     "all channels times this, to multiples of 8", NULL}

static const nw_attr net_attrs[] = {NET_KEYS, {0}};
/* clang-format on */

static const nw_attr spos_attrs[] = {
    NET_KEYS,
    {"channels", NW_BOOL, AT(channels), "0", 0, 0,
     "decide the channels within a block too", NULL},
    {"scales", NW_INT, AT(scales), "10", 8, 10,
     "of the channels, 0.2, 0.4 ...: 10 as in the paper, 8 as in the code", NULL},
    {"phase", NW_TEXT, AT(phase), "train", 0, 0,
     "search: norms without scale and shift; train: as trained once found", NULL},
    {"first", NW_INT, AT(first), "16", 1, 4096, "channels of the stem", NULL},
    {"last", NW_INT, AT(last), "1024", 1, 1 << 16, "channels before the classifier",
     NULL},
    {"stem_stride", NW_INT, AT(stem_stride), "2", 1, 4, "of the stem", NULL},
    {"widths", NW_TEXT, AT(widths), WIDTHS, 0, 0,
     "channels of the stages, by comma; even, growing", NULL},
    {"layers", NW_TEXT, AT(layers), LAYERS, 0, 0, "blocks of the stages, by comma", NULL},
    {"strides", NW_TEXT, AT(strides), STRIDES, 0, 0,
     "of the first block of each stage, by comma", NULL},
    {0},
};

/* Scale number `scale` of half of the channels, rounded down. */
static int scaled(int out, int scale)
{
    return out / 2 * (scale + 1) / 5;
}

static nw_ref apply(const struct spos_net *net, const nw_layer *l, int op,
                    const char *mid, const char *module, nw_ref x)
{
    const char *kind = op == 3 ? "xception" : "shuffle";
    const int k = op == 3 ? 3 : 3 + 2 * op;

    if (l->stride == 1 && l->in == l->out)
        return nw_opf(net->space, x, "%s_block k=%d mid=%s half=%d affine=%d name=%s",
                      kind, k, mid, l->in / 2, net->affine, module);
    return nw_opf(net->space, x,
                  "%s_down k=%d mid=%s grow=%d stride=%d affine=%d name=%s", kind, k, mid,
                  l->out - l->in, l->stride, net->affine, module);
}

/* The text of the channels between, in block i. */
static void channels_between(const struct spos_net *net, const nw_layer *l, int i,
                             char out[32])
{
    int value[MOST_SCALES];

    if (net->scale || !net->key->channels) {
        snprintf(out, 32, "%d", net->scale ? scaled(l->out, net->scale[i]) : l->out / 2);
        return;
    }
    for (int s = 0; s < net->key->scales; s++)
        value[s] = scaled(l->out, s);
    snprintf(out, 32, "channels_%d", i);
    nw_int_of(net->space, out, (size_t)net->key->scales, value);
    snprintf(out, 32, "$channels_%d", i);
}

static nw_ref block(const struct spos_net *net, const nw_layer *l, int i, nw_ref x)
{
    nw_ref option[OPS];
    char name[32], mid[32], module[32];

    channels_between(net, l, i, mid);
    snprintf(module, sizeof(module), "features.%d", i);
    if (net->block)
        return apply(net, l, net->block[i], mid, module, x);
    for (int op = 0; op < OPS; op++) {
        snprintf(module, sizeof(module), "features.%d.%d", i, op);
        option[op] = apply(net, l, op, mid, module, x);
    }
    snprintf(name, sizeof(name), "layer_%d", i);
    return nw_choice_of(net->space, name, OPS, option, op_names);
}

static nw_status build(const struct spos_net *net, const nw_stages *stages,
                       const int shape[3], int classes)
{
    const struct spos *key = net->key;
    nw_ref x = nw_input(net->space, shape[0], shape[1], shape[2]);

    x = nw_opf(net->space, x,
               "conv2d out=%d k=3 stride=%d bias=0 name=first_conv.0 | "
               "batchnorm affine=%d name=first_conv.1 | relu",
               key->first, key->stem_stride, net->affine);
    for (int i = 0; i < stages->n; i++)
        x = block(net, &stages->layer[i], i, x);
    x = nw_opf(net->space, x,
               "conv2d out=%d k=1 bias=0 name=conv_last.0 | "
               "batchnorm affine=%d name=conv_last.1 | relu | globalpool | flatten | "
               "dropout p=0.1 | dense out=%d bias=0 name=classifier.0",
               key->last, net->affine, classes);
    return nw_output(net->space, x);
}

static nw_status check_widths(const struct spos_net *net, const nw_stages *stages)
{
    for (int i = 0; i < stages->n; i++) {
        const nw_layer *l = &stages->layer[i];
        const int keeps = l->stride == 1 && l->in == l->out;

        if (l->out % 2 || (!keeps && l->out <= l->in))
            return nw_fail(
                net->space->ctx, NW_ESPEC,
                "spos: block %d has %d channels after %d: widths must be even, "
                "and grow where the shape changes",
                i, l->out, l->in);
        if (net->key->channels && l->out < LEAST_WIDTH)
            return nw_fail(net->space->ctx, NW_ESPEC,
                           "spos: block %d has %d channels: channels=1 needs %d, so that "
                           "scales differ",
                           i, l->out, LEAST_WIDTH);
    }
    return NW_OK;
}

static nw_status network(struct spos_net *net, struct spos *key, const int input[3],
                         int classes, const nw_arch *arch)
{
    int shape[3], taken[NW_MOST_LAYERS], scale[NW_MOST_LAYERS];
    nw_stages stages;

    if (key->width != 1) {
        key->first = nw_multiple_of(key->first * key->width, 8);
        key->last = nw_multiple_of(key->last * key->width, 8);
    }
    NW_TRY(nw_picture_and_classes(net->space, input, key->size, key->classes, 1000, shape,
                                  &classes));
    NW_TRY(nw_stages_read(net->space, key->widths, key->layers, key->strides, key->first,
                          key->width, &stages));
    NW_TRY(check_widths(net, &stages));
    if (arch) {
        NW_TRY(nw_taken(arch, "layer_%d", stages.n, taken));
        net->block = taken;
    }
    if (arch && key->channels) {
        NW_TRY(nw_taken(arch, "channels_%d", stages.n, scale));
        net->scale = scale;
    }
    return build(net, &stages, shape, classes);
}

static nw_status spos_build(void *self, nw_space *space, const int input[3], int classes,
                            const nw_arch *arch)
{
    struct spos *key = self;
    struct spos_net net = {.space = space, .key = key};

    net.affine = !strcmp(key->phase, "train");
    if (!net.affine && strcmp(key->phase, "search"))
        return nw_fail(space->ctx, NW_ESPEC, "spos: phase=%s is neither search nor train",
                       key->phase);
    return network(&net, key, input, classes, arch);
}

/* ---- Genotype: [2,1,0], with channels {"blocks":[2,1,0],"channels":[6,5,3]} -------- */

static int has_channels(const nw_arch *arch)
{
    return ((const struct spos *)nw_space_keys(arch->space))->channels;
}

static int layers_of(const nw_arch *arch)
{
    return nw_space_choices(arch->space) / (has_channels(arch) ? 2 : 1);
}

static nw_status write_list(const nw_arch *arch, const char *format, FILE *out)
{
    const int n = layers_of(arch);
    int taken[NW_MOST_LAYERS];

    NW_TRY(nw_taken(arch, format, n, taken));
    for (int i = 0; i < n; i++)
        fprintf(out, "%s%d", i ? "," : "[", taken[i]);
    fputc(']', out);
    return NW_OK;
}

static nw_status spos_genotype(const nw_arch *arch, FILE *out)
{
    const int both = has_channels(arch);

    fputs(both ? "{\"blocks\":" : "", out);
    NW_TRY(write_list(arch, "layer_%d", out));
    if (both) {
        fputs(",\"channels\":", out);
        NW_TRY(write_list(arch, "channels_%d", out));
        fputc('}', out);
    }
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

static nw_status read_list(nw_arch *arch, const char *format, const json_t *list,
                           const char *where)
{
    const int n = layers_of(arch);

    if (!json_is_array(list) || (int)json_array_size(list) != n)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: the genotype has lists of %d numbers",
                       where, n);
    for (int i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, (size_t)i);
        const json_int_t v = json_is_integer(item) ? json_integer_value(item) : -1;
        char name[32];
        int c;

        snprintf(name, sizeof(name), format, i);
        c = nw_choice_find(arch->space, name);
        if (c < 0 || v < 0 || v >= nw_space_options(arch->space, c))
            return nw_fail(arch->ctx, NW_EFORMAT, "%s: %s is from 0 to %d", where, name,
                           c < 0 ? 0 : nw_space_options(arch->space, c) - 1);
        NW_TRY(nw_arch_pick(arch, c, (int)v));
    }
    return NW_OK;
}

static nw_status read_lists(nw_arch *arch, const json_t *root, const char *where)
{
    if (!has_channels(arch))
        return read_list(arch, "layer_%d", root, where);
    NW_TRY(read_list(arch, "layer_%d", json_object_get(root, "blocks"), where));
    return read_list(arch, "channels_%d", json_object_get(root, "channels"), where);
}

static nw_status spos_read(nw_arch *arch, const char *text, const char *where)
{
    json_t *root = nw_json_parse(arch->ctx, text, where);
    const nw_status status = root ? read_lists(arch, root, where) : NW_EFORMAT;

    json_decref(root);
    return status;
}

#define PAPER "Guo et al. 2020, Single path one-shot NAS, arXiv:1904.00420"

const nw_space_type nw_space_spos = {
    .name = "spos",
    .doc = "20 blocks of four kinds: 4^20; with channels=1 times 10^20",
    .paper = PAPER,
    .attrs = spos_attrs,
    .size = sizeof(struct spos),
    .build = spos_build,
    .genotype = spos_genotype,
    .read = spos_read,
};

/* ---- Networks that were found ----------------------------------------------------- */

static const int released[20] = {2, 1, 0, 1, 2, 0, 2, 0, 2, 0,
                                 2, 3, 0, 0, 0, 0, 3, 2, 3, 3};
static const int with_channels[20] = {0, 0, 3, 1, 1, 1, 0, 0, 2, 0,
                                      2, 1, 1, 0, 2, 0, 2, 1, 3, 2};
static const int its_scales[20] = {6, 5, 3, 5, 2, 6, 3, 4, 2, 5,
                                   7, 5, 4, 6, 7, 4, 4, 5, 4, 3};

static nw_status found_build(const struct spos *self, nw_space *space, const int input[3],
                             int classes, const int *found, const int *scale)
{
    struct spos key = {.size = self->size,
                       .classes = self->classes,
                       .width = self->width,
                       .first = 16,
                       .last = 1024,
                       .stem_stride = 2,
                       .widths = WIDTHS,
                       .layers = LAYERS,
                       .strides = STRIDES};
    struct spos_net net = {space, &key, 1, found, scale};

    return network(&net, &key, input, classes, NULL);
}

#define FOUND(id, word, blocks, scales, says)                                            \
    static nw_status id##_build(void *self, nw_space *space, const int input[3],         \
                                int classes, const nw_arch *arch)                        \
    {                                                                                    \
        (void)arch;                                                                      \
        return found_build(self, space, input, classes, blocks, scales);                 \
    }                                                                                    \
                                                                                         \
    const nw_space_type nw_space_##id = {                                                \
        .name = word,                                                                    \
        .doc = "the network that its paper found",                                       \
        .paper = PAPER,                                                                  \
        .attrs = net_attrs,                                                              \
        .size = sizeof(struct spos),                                                     \
        .build = id##_build,                                                             \
        .published = says,                                                               \
    };

FOUND(spos_net, "spos", released, NULL, "ImageNet 25.6 % error, 323 M MACs")
FOUND(spos_channels, "spos-channels", with_channels, its_scales,
      "ImageNet 25.3 % error, 3.4 M parameters, 328 M MACs")
