/*
 * accel_nasbench.c - the networks of Accel-NASBench, of MnasNet's and EfficientNet's
 * kind.
 *
 * On 224x224: 3x3 convolution of stride 2 to 32, seven blocks of 16, 24, 40, 80, 112, 192
 * and 320 channels, 1x1 to 1280, mean, classes. Of every block is decided
 *
 *   e   expansion 1, 4 or 6         k    kernel 3 or 5
 *   l   1, 2 or 3 layers            se   squeeze and excitation, 0 or 1
 *
 * and the sixth block may have 4 layers, as EfficientNet-B0 does: 36^6 * 48 networks. A
 * layer is an inverted residual: 1x1 to e times the channels (none when e is 1),
 * depthwise, squeeze to a quarter of the layer's input channels and excitation if any,
 * 1x1; its input is added where the shape is kept.
 *
 * The parameters of all 5,138 networks that were trained agree with this. Their published
 * operations are the multiply-accumulates plus four for every output of a norm, and for
 * every mean one for each of its inputs and outputs, which agrees too. The activation
 * cannot be told from the table: swish, as EfficientNet has it, is unverified.
 *
 * [1] Ahmad et al. 2024, Accel-NASBench, arXiv:2404.08005.
 * [2] Tan and Le 2019, EfficientNet, arXiv:1905.11946.
 */
#include "elastic.h"
#include "setting.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { BLOCKS = 7, STEM = 32, LAST = 1280, DEEPEST = 5 };

enum { E, K, L, SE, PARTS, MOST_VALUES = 4 };

struct accel {
    int size, classes;
    char act[NW_TEXT_SIZE];
};

#define AT(field) offsetof(struct accel, field)

static const nw_attr accel_attrs[] = {
    {"size", NW_INT, AT(size), "224", 32, 4096, "pixels a side when no input says", NULL},
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data, or 1000", NULL},
    {"act", NW_TEXT, AT(act), "swish", 0, 0, "op behind norms", NULL},
    {0},
};

/* What is decided of a block, in the order of the table's columns. */
static const struct part {
    const char *name;
    int n, value[MOST_VALUES];
} parts[PARTS] = {{"e", 3, {1, 4, 6}},
                  {"k", 2, {3, 5}},
                  {"l", 3, {1, 2, 3, 4}}, /* 4 is for the deepest block alone */
                  {"se", 2, {0, 1}}};

static int options_of(int block, int part)
{
    return parts[part].n + (block == DEEPEST && part == L);
}

struct block {
    int value[PARTS];
};

static const char *name_of(int block, int part, char out[32])
{
    snprintf(out, 32, "block%d_%s", block, parts[part].name);
    return out;
}

static nw_status decide(nw_space *space)
{
    char name[32];

    for (int i = 0; i < BLOCKS * PARTS; i++) {
        const int b = i / PARTS, p = i % PARTS;

        NW_TRY(nw_decide_number(space, name_of(b, p, name), options_of(b, p),
                                parts[p].value));
    }
    return NW_OK;
}

static nw_status read_blocks(const nw_arch *arch, struct block *block)
{
    char name[32];

    for (int i = 0; i < BLOCKS * PARTS; i++) {
        const int v = nw_decided_number(arch, name_of(i / PARTS, i % PARTS, name),
                                        parts[i % PARTS].value);

        if (v < 0)
            return nw_fail(arch->ctx, NW_EMATCH, "the architecture has no %s", name);
        block[i / PARTS].value[i % PARTS] = v;
    }
    return NW_OK;
}

/* ---- Network ---------------------------------------------------------------------- */

struct layer {
    int in, out, e, k, stride, se;
};

static nw_ref layer(nw_space *space, const char *act, const struct layer *l, nw_ref x)
{
    const int mid = l->in * l->e;
    nw_ref y[2] = {x, x};

    if (l->e > 1)
        y[1] = nw_opf(space, y[1],
                      "conv2d out=%d k=1 bias=0 name=expand.conv | "
                      "batchnorm name=expand.bn | %s",
                      mid, act);
    y[1] = nw_opf(space, y[1],
                  "conv2d k=%d stride=%d groups=in bias=0 name=depthwise.conv | "
                  "batchnorm name=depthwise.bn | %s",
                  l->k, l->stride, act);
    if (l->se)
        y[1] =
            nw_opf(space, y[1], "se reduction=%d divisor=1 act=%s gate=sigmoid name=se",
                   4 * l->e, act);
    y[1] = nw_opf(space, y[1],
                  "conv2d out=%d k=1 bias=0 name=project.conv | "
                  "batchnorm name=project.bn",
                  l->out);
    return l->stride == 1 && l->in == l->out ? nw_op_n(space, "add", 2, y) : y[1];
}

static nw_ref block(nw_space *space, const char *act, int b, const struct block *is,
                    nw_ref x)
{
    static const int width[BLOCKS + 1] = {STEM, 16, 24, 40, 80, 112, 192, 320};
    static const int stride[BLOCKS] = {1, 2, 2, 2, 1, 2, 1};

    for (int i = 0; i < is->value[L]; i++) {
        const struct layer l = {.in = width[b + (i > 0)],
                                .out = width[b + 1],
                                .e = is->value[E],
                                .k = is->value[K],
                                .stride = i ? 1 : stride[b],
                                .se = is->value[SE]};

        nw_enter(space, "blocks.%d.%d", b, i);
        x = layer(space, act, &l, x);
        nw_leave(space);
    }
    return x;
}

static nw_status build_at(nw_space *space, const char *act, const struct block *blocks,
                          const int shape[3], int classes)
{
    nw_ref x = nw_input(space, shape[0], shape[1], shape[2]);

    x = nw_opf(space, x,
               "conv2d out=%d k=3 stride=2 bias=0 name=stem.conv | "
               "batchnorm name=stem.bn | %s",
               STEM, act);
    for (int b = 0; b < BLOCKS; b++)
        x = block(space, act, b, &blocks[b], x);
    x = nw_opf(space, x,
               "conv2d out=%d k=1 bias=0 name=head.conv | batchnorm name=head.bn | %s | "
               "globalpool | flatten | dense out=%d name=classifier",
               LAST, act, classes);
    return nw_output(space, x);
}

static nw_status accel_build(void *self, nw_space *space, const int input[3], int classes,
                             const nw_arch *arch)
{
    const struct accel *key = self;
    struct block blocks[BLOCKS];
    int shape[3];

    NW_TRY(nw_elastic_input(space, "accel-nasbench", input, key->size, key->classes,
                            &classes, shape));
    if (!arch)
        return decide(space);
    NW_TRY(read_blocks(arch, blocks));
    return build_at(space, key->act, blocks, shape, classes);
}

/* ---- Words ------------------------------------------------------------------------ */

/* [[6,3,1,0],[4,5,2,0],...]: e, k, l and se of the seven blocks. */
static nw_status accel_genotype(const nw_arch *arch, FILE *out)
{
    struct block blocks[BLOCKS];

    NW_TRY(read_blocks(arch, blocks));
    for (int b = 0; b < BLOCKS; b++)
        for (int p = 0; p < PARTS; p++)
            fprintf(out, "%s%d", p ? "," : b ? "],[" : "[[", blocks[b].value[p]);
    fputs("]]", out);
    return nw_setting_written(arch->ctx, out);
}

static nw_status take(nw_arch *arch, const json_t *list, const char *where)
{
    char name[32];

    for (int i = 0; i < BLOCKS * PARTS; i++) {
        const int b = i / PARTS, p = i % PARTS;
        const json_t *block = json_array_get(list, (size_t)b);
        const json_t *value = json_array_get(block, (size_t)p);
        const json_int_t wanted = json_integer_value(value);

        if (json_array_size(list) != BLOCKS || json_array_size(block) != PARTS ||
            !json_is_integer(value) || wanted < 0 || wanted > 9)
            return nw_fail(arch->ctx, NW_EFORMAT,
                           "%s: not a list of seven blocks as [6,3,1,0]: e, k, l and se",
                           where);
        NW_TRY(nw_take_number(arch, name_of(b, p, name), options_of(b, p), parts[p].value,
                              (int)wanted, where));
    }
    return NW_OK;
}

static nw_status accel_read(nw_arch *arch, const char *text, const char *where)
{
    json_error_t error;
    json_t *list = json_loads(text, 0, &error);
    const nw_status status = list ? take(arch, list, where)
                                  : nw_fail(arch->ctx, NW_EFORMAT, "%s:%d:%d: %s", where,
                                            error.line, error.column, error.text);

    json_decref(list);
    return status;
}

const nw_space_type nw_space_accel_nasbench = {
    .name = "accel-nasbench",
    .doc = "seven blocks of inverted residuals, of which 5,138 networks are published",
    .paper = "Ahmad et al. 2024, Accel-NASBench, arXiv:2404.08005",
    .attrs = accel_attrs,
    .size = sizeof(struct accel),
    .build = accel_build,
    .genotype = accel_genotype,
    .read = accel_read,
};
