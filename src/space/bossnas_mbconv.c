/*
 * bossnas_mbconv.c - BossNAS's space of inverted residuals [1]: 19 layers in six stages,
 * four ops each, 4^19 networks.
 *
 *   stem      3x3 stride 2 to 32, norm, SiLU; depthwise 3x3 with SE, 1x1 to 16
 *   stages    24 x 2, 40 x 4, 80 x 4, 112 x 4, 192 x 4, 320 x 1, strides 2 2 2 1 2 1
 *   a layer   1x1 to 6 or 3 times the channels, depthwise 3x3 or 5x5, SE of a quarter of
 *             the layer's input channels, 1x1; SiLU after the first two
 *   options   MB6 3x3, MB6 5x5, MB3 3x3, MB3 5x5: 0 to 3, the authors' digits
 *
 * Every layer has a shortcut: a 2x2 mean where the pixels halve, a 1x1 convolution and a
 * norm where the channels change, shared by its four ops. The genotype is the authors'
 * digits, a text for every stage. They search the first five stages, block by block, and
 * leave the sixth as it is (last=0 here; which op it then has is unverified: MB6 3x3).
 *
 * Unverified: the head. The authors only rank features; here it is EfficientNet's, 1x1 to
 * 1280, norm, SiLU, mean, dense.
 *
 * [1] Li et al. 2021, BossNAS, arXiv:2103.12424.
 */
#include "family.h"
#include "setting.h"

#include <jansson.h>
#include <string.h>

enum { STAGES = 6, OPS = 4 };

struct mbconv_space {
    int size, classes, last, head;
};

#define AT(field) offsetof(struct mbconv_space, field)

/* clang-format off */
static const nw_attr mbconv_attrs[] = {
    {"size", NW_INT, AT(size), "224", 32, 4096, "pixels of a side, where no data says it", NULL},
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data, or 1000", NULL},
    {"last", NW_BOOL, AT(last), "1", 0, 0, "search the last layer too", NULL},
    {"head", NW_INT, AT(head), "1280", 1, 1 << 16, "channels before the classifier", NULL},
    {0},
};

static const struct { int c, n, stride; } stages[STAGES] = {
    {24, 2, 2}, {40, 4, 2}, {80, 4, 2}, {112, 4, 1}, {192, 4, 2}, {320, 1, 1},
};

static const struct { int e, k; const char *name; } ops[OPS] = {
    {6, 3, "mb6_3x3"}, {6, 5, "mb6_5x5"}, {3, 3, "mb3_3x3"}, {3, 5, "mb3_5x5"},
};
/* clang-format on */

/* Numbers of one layer. */
struct layer {
    int stage, index, in, out, stride;
};

static nw_ref squeeze(nw_space *space, nw_ref x, int narrow, int wide)
{
    nw_ref two[] = {x, nw_opf(space, x,
                              "globalpool | dense out=%d name=se.conv_reduce | swish | "
                              "dense out=%d name=se.conv_expand | sigmoid",
                              narrow, wide)};

    return nw_op_n(space, "mul", 2, two);
}

static nw_ref option(nw_space *space, const struct layer *l, int op, nw_ref x)
{
    const int wide = l->in * ops[op].e;

    nw_enter(space, "_mix_ops.%d", op);
    x = nw_opf(space, x,
               "conv2d out=%d k=1 bias=0 name=conv_pw | batchnorm name=bn1 | swish | "
               "conv2d k=%d stride=%d groups=in bias=0 name=conv_dw | "
               "batchnorm name=bn2 | swish",
               wide, ops[op].k, l->stride);
    x = squeeze(space, x, l->in / 4, wide);
    x = nw_opf(space, x, "conv2d out=%d k=1 bias=0 name=conv_pwl | batchnorm name=bn3",
               l->out);
    nw_leave(space);
    return x;
}

static nw_ref shortcut(nw_space *space, const struct layer *l, nw_ref x)
{
    const int first = l->stride == 2;

    if (first)
        x = nw_opf(space, x, "avgpool k=2 stride=2 pad=0");
    if (l->in == l->out)
        return x;
    return nw_opf(space, x,
                  "conv2d out=%d k=1 bias=0 name=downsample.%d | "
                  "batchnorm name=downsample.%d",
                  l->out, first, first + 1);
}

static const char *layer_name(int stage, int index, char out[32])
{
    snprintf(out, 32, "stage_%d_layer_%d", stage, index);
    return out;
}

/* All four ops on x, or the one of an arch. */
static nw_ref mixed(nw_space *space, const struct layer *l, const nw_arch *arch, nw_ref x)
{
    nw_ref all[OPS], y;
    char name[32];

    layer_name(l->stage, l->index, name);
    if (arch)
        return option(space, l, nw_arch_get(arch, name), x);
    for (int op = 0; op < OPS; op++)
        all[op] = option(space, l, op, x);
    y = nw_one_of_n(space, name, OPS, all);
    for (int op = 0; y >= 0 && op < OPS; op++)
        nw_option_name(space, name, op, ops[op].name);
    return y;
}

static int is_searched(const struct mbconv_space *key, int stage)
{
    return stage < STAGES - 1 || key->last;
}

static nw_ref layer(nw_space *space, const struct mbconv_space *key,
                    const struct layer *l, const nw_arch *arch, nw_ref x)
{
    nw_ref two[2];

    nw_enter(space, "_blocks.%d._block_layers.%d", l->stage, l->index);
    two[0] =
        is_searched(key, l->stage) ? mixed(space, l, arch, x) : option(space, l, 0, x);
    two[1] = shortcut(space, l, x);
    x = nw_op_n(space, "add", 2, two);
    nw_leave(space);
    return x;
}

static nw_ref stem(nw_space *space, const int input[3])
{
    nw_ref x = nw_input(space, input[0], input[1], input[2]);

    x = nw_opf(space, x,
               "conv2d out=32 k=3 stride=2 bias=0 name=_stem.0.conv | "
               "batchnorm name=_stem.0.bn1 | swish | "
               "conv2d k=3 groups=in bias=0 name=_stem.1.conv_dw | "
               "batchnorm name=_stem.1.bn1 | swish");
    nw_enter(space, "_stem.1");
    x = squeeze(space, x, 8, 32);
    nw_leave(space);
    return nw_opf(space, x,
                  "conv2d out=16 k=1 bias=0 name=_stem.1.conv_pw | "
                  "batchnorm name=_stem.1.bn2");
}

static nw_status build(nw_space *space, const struct mbconv_space *key,
                       const int input[3], int classes, const nw_arch *arch)
{
    nw_ref x = stem(space, input);
    struct layer l = {.in = 16};

    for (l.stage = 0; l.stage < STAGES; l.stage++)
        for (l.index = 0; l.index < stages[l.stage].n; l.index++) {
            l.out = stages[l.stage].c;
            l.stride = l.index ? 1 : stages[l.stage].stride;
            x = layer(space, key, &l, arch, x);
            l.in = l.out;
        }
    x = nw_opf(space, x,
               "conv2d out=%d k=1 bias=0 name=conv_head | batchnorm name=bn2 | swish | "
               "globalpool | flatten | dense out=%d name=classifier",
               key->head, classes);
    return nw_output(space, x);
}

static nw_status mbconv_build(void *self, nw_space *space, const int input[3],
                              int classes, const nw_arch *arch)
{
    const struct mbconv_space *key = self;
    int shape[3];

    NW_TRY(nw_classes_of(space->ctx, "bossnas-mbconv", key->classes, 1000, &classes));
    nw_input_or(input, key->size, shape);
    if (shape[1] % 32 || shape[2] % 32)
        return nw_fail(space->ctx, NW_ESHAPE,
                       "bossnas-mbconv: %dx%d pixels; its shortcuts need multiples of 32",
                       shape[1], shape[2]);
    return build(space, key, shape, classes, arch);
}

/* ["01","2310",...] */
static nw_status mbconv_genotype(const nw_arch *arch, FILE *out)
{
    const struct mbconv_space *key = nw_space_keys(arch->space);

    for (int s = 0; s < STAGES && is_searched(key, s); s++) {
        fputs(s ? "\",\"" : "[\"", out);
        for (int i = 0; i < stages[s].n; i++) {
            char name[32];

            fprintf(out, "%d", nw_arch_get(arch, layer_name(s, i, name)));
        }
    }
    fputs("\"]", out);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

static nw_status take_stage(nw_arch *arch, int s, const char *digits, const char *where)
{
    const size_t n = (size_t)stages[s].n;

    if (!digits || strlen(digits) != n || strspn(digits, "0123") != n)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: stage %d is not %zu digits 0 to 3",
                       where, s, n);
    for (int i = 0; i < stages[s].n; i++) {
        char name[32];

        NW_TRY(nw_arch_set(arch, layer_name(s, i, name), digits[i] - '0'));
    }
    return NW_OK;
}

static nw_status mbconv_read(nw_arch *arch, const char *text, const char *where)
{
    const struct mbconv_space *key = nw_space_keys(arch->space);
    const size_t searched = (size_t)STAGES - !key->last;
    json_error_t error;
    json_t *list = json_loads(text, 0, &error);
    nw_status status = NW_OK;

    if (!list)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line,
                       error.column, error.text);
    if (json_array_size(list) != searched)
        status = nw_fail(arch->ctx, NW_EFORMAT, "%s: not a list of %zu texts", where,
                         searched);
    for (size_t s = 0; status >= 0 && s < searched; s++)
        status =
            take_stage(arch, (int)s, json_string_value(json_array_get(list, s)), where);
    json_decref(list);
    return status;
}

const nw_space_type nw_space_bossnas_mbconv = {
    .name = "bossnas-mbconv",
    .doc = "19 inverted residuals, each of two widths and two kernels; 4^19 networks",
    .paper = "Li et al. 2021, BossNAS, arXiv:2103.12424",
    .attrs = mbconv_attrs,
    .size = sizeof(struct mbconv_space),
    .build = mbconv_build,
    .genotype = mbconv_genotype,
    .read = mbconv_read,
};
