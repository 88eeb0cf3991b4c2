/*
 * nasbench_macro.c - the networks of NAS-Bench-Macro: 6,561 chains of eight blocks.
 *
 * On 32x32: 3x3 convolution to c = 32, then stages of 2, 3 and 3 blocks, the first of
 * which halves the pixels and doubles the channels; 1x1 to 1280, pool, dense. A digit a
 * block:
 *
 *   0  identity; where the shape changes, 1x1 convolution and batch norm
 *   1  inverted residual, kernel 3, expansion 3
 *   2  inverted residual, kernel 5, expansion 6
 *
 * An inverted residual that keeps the shape adds its input. An identity that is one can
 * stand anywhere in its stage: the canonical form moves these to the stage's end, which
 * leaves 9 * 21 * 21 = 3,969 networks.
 *
 * Rules and module names are those of the authors' PyTorch code, github xiusu.
 */
#include "mobile.h"
#include "setting.h"

#include <stdio.h>
#include <string.h>

enum { OPS = 3 };

struct nasbench_macro {
    int c, last, classes;
    char layers[NW_TEXT_SIZE], arch[NW_TEXT_SIZE];
};

struct macro {
    nw_space *space;
    const struct nasbench_macro *key;
    const int *taken; /* digit of every block; NULL = a choice */
};

static const char *const op_names[OPS] = {"id", "ir_3x3_t3", "ir_5x5_t6"};

#define AT(field) offsetof(struct nasbench_macro, field)

/* clang-format off */
#define KEYS                                                                             \
    {"c", NW_INT, AT(c), "32", 1, 4096,                                                  \
     "channels of the stem; each stage doubles", NULL},                                  \
    {"layers", NW_TEXT, AT(layers), "2,3,3", 0, 0,                                       \
     "blocks of the stages, by comma", NULL},                                            \
    {"last", NW_INT, AT(last), "1280", 1, 1 << 16,                                       \
     "channels before the classifier", NULL},                                            \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL}
/* clang-format on */

static const nw_attr nasbench_macro_attrs[] = {KEYS, {0}};

static const nw_attr net_attrs[] = {
    KEYS,
    {"arch", NW_TEXT, AT(arch), NULL, 0, 0, "a digit 0, 1 or 2 a block, \"02012100\"",
     NULL},
    {0},
};

/* 0 = it is not n digits. */
static int read_arch(const char *text, int n, int *taken)
{
    for (int i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] >= '0' + OPS)
            return 0;
        taken[i] = text[i] - '0';
    }
    return !text[n];
}

/* Stages of doubling widths, each from stride 2 on, as many as `layers` has numbers. */
static nw_status stages_of(nw_space *space, const struct nasbench_macro *key,
                           nw_stages *out)
{
    char widths[NW_TEXT_SIZE] = "", strides[NW_TEXT_SIZE] = "";
    size_t w = 0, s = 0;
    long long c = key->c;
    int n = 1;

    for (const char *p = key->layers; *p; p++)
        n += *p == ',';
    for (int i = 0; i < n && i < NW_MOST_STAGES && c < 1 << 15; i++) {
        c *= 2;
        w += (size_t)snprintf(widths + w, sizeof(widths) - w, "%s%lld", i ? "," : "", c);
        s += (size_t)snprintf(strides + s, sizeof(strides) - s, "%s2", i ? "," : "");
    }
    return nw_stages_read(space, widths, key->layers, strides, key->c, 1, out);
}

static nw_ref apply(nw_space *space, const nw_layer *l, int op, nw_ref x)
{
    const int keeps = l->stride == 1 && l->in == l->out;
    nw_ref y[2] = {x};

    if (op == 0 && keeps)
        return x;
    if (op == 0)
        return nw_opf(space, x,
                      "conv2d out=%d k=1 stride=%d bias=0 name=downsample.0 | "
                      "batchnorm name=downsample.1",
                      l->out, l->stride);
    y[1] = nw_inverted(space, x, op == 1 ? 3 : 5, l->in * (op == 1 ? 3 : 6), l->stride,
                       l->out);
    return keeps ? nw_op_n(space, "add", 2, y) : y[1];
}

static nw_ref block(const struct macro *net, const nw_stages *stages, int i, nw_ref x)
{
    nw_ref option[OPS];
    char name[32];

    for (int op = 0; op < OPS; op++) {
        if (net->taken && net->taken[i] != op)
            continue;
        if (net->taken)
            nw_enter(net->space, "features.%d", i);
        else
            nw_enter(net->space, "features.%d.%d", i, op);
        option[op] = apply(net->space, &stages->layer[i], op, x);
        nw_leave(net->space);
    }
    if (net->taken)
        return option[net->taken[i]];
    snprintf(name, sizeof(name), "layer_%d", i);
    return nw_choice_of(net->space, name, OPS, option, op_names);
}

static nw_status build(const struct macro *net, const nw_stages *stages,
                       const int shape[3], int classes)
{
    nw_ref x = nw_input(net->space, shape[0], shape[1], shape[2]);

    x = nw_opf(net->space, x,
               "conv2d out=%d k=3 bias=0 name=stem.0 | batchnorm name=stem.1 | relu",
               net->key->c);
    for (int i = 0; i < stages->n; i++)
        x = block(net, stages, i, x);
    x = nw_opf(net->space, x,
               "conv2d out=%d k=1 bias=0 name=out.0 | batchnorm name=out.1 | relu | "
               "globalpool | flatten | dense out=%d name=classifier",
               net->key->last, classes);
    return nw_output(net->space, x);
}

static nw_status nasbench_macro_build(void *self, nw_space *space, const int input[3],
                                      int classes, const nw_arch *arch)
{
    const struct nasbench_macro *key = self;
    struct macro net = {space, key, NULL};
    int shape[3], taken[NW_MOST_LAYERS];
    nw_stages stages;

    NW_TRY(nw_picture_and_classes(space, input, 32, key->classes, 10, shape, &classes));
    NW_TRY(stages_of(space, key, &stages));
    if (*key->arch && !read_arch(key->arch, stages.n, taken))
        return nw_fail(space->ctx, NW_ESPEC,
                       "nasbench-macro: arch=%s is not %d digits from 0 to 2", key->arch,
                       stages.n);
    if (arch && !*key->arch)
        NW_TRY(nw_taken(arch, "layer_%d", stages.n, taken));
    if (arch || *key->arch)
        net.taken = taken;
    return build(&net, &stages, shape, classes);
}

static nw_status nasbench_macro_genotype(const nw_arch *arch, FILE *out)
{
    fputc('"', out);
    for (int i = 0; i < nw_space_choices(arch->space); i++)
        fputc('0' + nw_arch_option(arch, i), out);
    fputc('"', out);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

static nw_status nasbench_macro_read(nw_arch *arch, const char *text, const char *where)
{
    const int n = nw_space_choices(arch->space);
    char word[NW_TEXT_SIZE];
    int taken[NW_MOST_LAYERS];

    NW_TRY(nw_setting_word(arch->ctx, text, where, word, sizeof(word)));
    if (!read_arch(word, n, taken))
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: %s is not %d digits from 0 to 2",
                       where, word, n);
    for (int i = 0; i < n; i++)
        NW_TRY(nw_arch_pick(arch, i, taken[i]));
    return NW_OK;
}

/* The digits, with the identities of each stage behind its other blocks; the first block
 * of a stage stays where it is. */
static nw_status nasbench_macro_canonical(const nw_arch *arch, nw_text *out)
{
    const struct nasbench_macro *key = nw_space_keys(arch->space);
    nw_stages stages;
    int zeros = 0;

    NW_TRY(stages_of(arch->space, key, &stages));
    for (int i = 0; i < stages.n; i++) {
        const int op = nw_arch_option(arch, i), first = stages.layer[i].stride == 2;

        if (op || first)
            nw_text_printf(out, "%d", op);
        else
            zeros++;
        if (i + 1 == stages.n || stages.layer[i + 1].stride == 2)
            for (; zeros; zeros--)
                nw_text_add(out, "0", 1);
    }
    return NW_OK;
}

#define PAPER "Su et al. 2021, Prioritized architecture sampling, arXiv:2103.11922"

const nw_space_type nw_space_nasbench_macro = {
    .name = "nasbench-macro",
    .doc = "eight blocks of three kinds: 6,561 chains whose results are published",
    .paper = PAPER,
    .attrs = nasbench_macro_attrs,
    .size = sizeof(struct nasbench_macro),
    .build = nasbench_macro_build,
    .genotype = nasbench_macro_genotype,
    .read = nasbench_macro_read,
    .canonical = nasbench_macro_canonical,
};

const nw_space_type nw_space_nasbench_macro_net = {
    .name = "nasbench-macro",
    .doc = "the network of one chain",
    .paper = PAPER,
    .attrs = net_attrs,
    .size = sizeof(struct nasbench_macro),
    .build = nasbench_macro_build,
    .published = "best of 6,561: 22212220, CIFAR-10 93.13 %",
};
