/*
 * attentivenas.c - the elastic space of AttentiveNAS [1] and AlphaNet [2], and the
 * networks that they found in it.
 *
 * A first convolution, seven stages of inverted residual blocks and a head. A stage has
 * one width, one depth, one kernel and one expansion for all its blocks; pixels and the
 * widths of first and last layer are free too:
 *
 *   stage   width         depth  expansion  stride  SE
 *   first   16,24         -      -          2
 *   mb1     16,24         1-2    1          1
 *   mb2     24,32         3-5    4,5,6      2
 *   mb3     32,40         3-6    4,5,6      2       yes
 *   mb4     64,72         3-6    4,5,6      2
 *   mb5     112,120,128   3-8    4,5,6      1       yes
 *   mb6     192,...,216   3-8    6          2       yes
 *   mb7     216,224       1-2    6          1       yes
 *   last    1792,1984
 *
 * Kernels are 3 or 5, pixels 192, 224, 256 or 288. Every block has a shortcut: the mean
 * of 2x2 pixels at stride 2, then a convolution of one pixel, without norm, where the
 * channels change. The head goes to six times the channels, takes the mean, goes to the
 * last width.
 *
 * These choices make 440,301,256,704 networks. The papers' 2.94e18 does not follow from
 * the published code (unverified). With pixels from the data or from size= there is no
 * decision about them, and a quarter of that.
 *
 * Differs from the authors' training: norms keep the running moments of PyTorch, where
 * the authors use moments of the batch and recalibrate; the scale of a block's last norm
 * starts at 1, not 0; dropout and dropconnect are off unless asked for, as in all
 * networks but the largest when the supernet is trained.
 *
 * [1] Wang et al. 2021, AttentiveNAS, arXiv:2011.09011.
 * [2] Wang et al. 2021, AlphaNet, arXiv:2102.07954.
 */
#include "elastic.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { STAGES = 7, WIDTHS = STAGES + 2, LAST = WIDTHS - 1, MOST = 6 };

struct attentivenas {
    int size, classes;
    double dropout, dropconnect;
};

/* One network. Width 0 is the first convolution's, LAST the last layer's. */
struct form {
    int pixels, width[WIDTHS], kernel[STAGES], expand[STAGES], depth[STAGES];
};

/* What a decision may take, ending at 0. */
struct stage {
    int width[MOST], depth[MOST + 1], expand[MOST], stride, has_se;
};

static const int pixels_of[] = {192, 224, 256, 288};
static const int kernel_of[] = {3, 5};
static const int first_of[] = {16, 24};
static const int last_of[] = {1792, 1984};

static const struct stage stage_of[STAGES] = {
    {{16, 24}, {1, 2}, {1}, 1, 0},
    {{24, 32}, {3, 4, 5}, {4, 5, 6}, 2, 0},
    {{32, 40}, {3, 4, 5, 6}, {4, 5, 6}, 2, 1},
    {{64, 72}, {3, 4, 5, 6}, {4, 5, 6}, 2, 0},
    {{112, 120, 128}, {3, 4, 5, 6, 7, 8}, {4, 5, 6}, 1, 1},
    {{192, 200, 208, 216}, {3, 4, 5, 6, 7, 8}, {6}, 2, 1},
    {{216, 224}, {1, 2}, {6}, 1, 1},
};

#define AT(field) offsetof(struct attentivenas, field)

static const nw_attr attentivenas_attrs[] = {
    {"size", NW_INT, AT(size), "0", 0, 4096,
     "pixels of a side; 0 = as in the paper, if the data do not say", NULL},
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data, or 1000", NULL},
    {"dropout", NW_REAL, AT(dropout), "0", 0, 0.99,
     "probability, before the classifier; 0.2 in the largest network of the paper", NULL},
    {"dropconnect", NW_REAL, AT(dropconnect), "0", 0, 0.99,
     "probability that a block of the last two stages is left out; 0.2 there", NULL},
    {0},
};

static int count_of(const int *value)
{
    int n = 0;

    while (n < MOST && value[n])
        n++;
    return n;
}

/* ---- The network ------------------------------------------------------------------ */

/* A network that is being built: what comes next has c channels of h x w pixels. */
struct maker {
    nw_space *space;
    const struct attentivenas *key;
    const struct form *form;
    nw_ref x;
    int c, h, w;
};

/* The block's input, made to fit. An odd number of pixels has a border of zeros, which
 * counts in the mean, as in the authors' code. */
static nw_ref shortcut(const struct maker *m, const nw_inverted *block)
{
    nw_ref x = m->x;

    if (block->stride > 1)
        x = nw_opf(m->space, x, "avgpool k=2 stride=2 pad=%dx%d count_pad=1", m->h % 2,
                   m->w % 2);
    if (block->in != block->out)
        x = nw_opf(m->space, x, "conv2d out=%d k=1 bias=0 name=shortcut.conv",
                   block->out);
    return x;
}

static void add_block(struct maker *m, int number, double drop, const nw_inverted *block)
{
    nw_ref way[2];

    nw_enter(m->space, "blocks.%d", number);
    way[0] = nw_elastic_inverted(m->space, m->x, block);
    if (drop > 0)
        way[0] = nw_opf(m->space, way[0], "droppath linear=0 p=%.9g", drop);
    way[1] = shortcut(m, block);
    m->x = nw_op_n(m->space, "add", 2, way);
    nw_leave(m->space);
    m->c = block->out;
    m->h = (m->h - 1) / block->stride + 1;
    m->w = (m->w - 1) / block->stride + 1;
}

static int deepest(const struct stage *stage)
{
    return stage->depth[count_of(stage->depth) - 1];
}

static void add_stages(struct maker *m)
{
    const struct form *form = m->form;
    int number = 0;

    for (int s = 0; s < STAGES; s++) {
        const double drop = s >= STAGES - 2 ? m->key->dropconnect : 0;

        for (int j = 0; j < form->depth[s]; j++) {
            const nw_inverted block = {.in = m->c,
                                       .mid = m->c * form->expand[s],
                                       .out = form->width[s + 1],
                                       .k = form->kernel[s],
                                       .stride = j ? 1 : stage_of[s].stride,
                                       .has_se = stage_of[s].has_se,
                                       .act = "swish"};

            add_block(m, number + j, drop, &block);
        }
        number += deepest(&stage_of[s]);
    }
}

static nw_status build(nw_space *space, const struct attentivenas *key,
                       const struct form *form, const int input[3], int classes)
{
    struct maker m = {.space = space, .key = key, .form = form, .c = form->width[0]};
    int shape[3];

    NW_TRY(nw_elastic_input(space, "attentivenas", input,
                            key->size ? key->size : form->pixels, key->classes, &classes,
                            shape));
    m.x = nw_input(space, shape[0], shape[1], shape[2]);
    m.x = nw_elastic_conv(space, m.x, "first_conv", m.c, 3, 2, "swish");
    m.h = (shape[1] - 1) / 2 + 1;
    m.w = (shape[2] - 1) / 2 + 1;
    add_stages(&m);
    return nw_elastic_head(space, m.x, 6 * m.c, form->width[LAST], "swish", key->dropout,
                           classes);
}

/* ---- The space -------------------------------------------------------------------- */

/* One decision: its name, what it may take, where a form has it. */
struct decision {
    char name[24];
    int n;
    const int *value;
    size_t at; /* in struct form */
};

static void stage_decision(int s, int what, struct decision *out)
{
    static const char *const word[] = {"width", "kernel", "expand", "depth"};
    const size_t one = sizeof(int), i = (size_t)s;
    const size_t at[] = {offsetof(struct form, width) + (i + 1) * one,
                         offsetof(struct form, kernel) + i * one,
                         offsetof(struct form, expand) + i * one,
                         offsetof(struct form, depth) + i * one};
    const int *value[] = {stage_of[s].width, kernel_of, stage_of[s].expand,
                          stage_of[s].depth};

    *out = (struct decision){.value = value[what], .at = at[what]};
    out->n = what == 1 ? 2 : count_of(value[what]);
    snprintf(out->name, sizeof(out->name), "mb%d_%s", s + 1, word[what]);
}

enum { DECISIONS = 3 + 4 * STAGES };

/* Decision i of DECISIONS; those of one option are no decisions of the space. */
static void decision(int i, struct decision *out)
{
    if (i == 0)
        *out =
            (struct decision){"resolution", 4, pixels_of, offsetof(struct form, pixels)};
    else if (i == 1)
        *out =
            (struct decision){"first_width", 2, first_of, offsetof(struct form, width)};
    else if (i == DECISIONS - 1)
        *out = (struct decision){"last_width", 2, last_of,
                                 offsetof(struct form, width) + LAST * sizeof(int)};
    else
        stage_decision((i - 2) / 4, (i - 2) % 4, out);
}

static int *field(struct form *form, const struct decision *d)
{
    return (int *)((char *)form + d->at);
}

static nw_status decide(nw_space *space, int has_pixels)
{
    for (int i = has_pixels; i < DECISIONS; i++) {
        struct decision d;

        decision(i, &d);
        if (d.n > 1)
            NW_TRY(nw_decide_number(space, d.name, d.n, d.value));
    }
    return NW_OK;
}

static void form_of(const nw_arch *arch, struct form *form)
{
    for (int i = 0; i < DECISIONS; i++) {
        struct decision d;
        int value;

        decision(i, &d);
        value = nw_decided_number(arch, d.name, d.value);
        *field(form, &d) = value < 0 ? d.value[0] : value;
    }
}

static nw_status attentivenas_build(void *self, nw_space *space, const int input[3],
                                    int classes, const nw_arch *arch)
{
    const struct attentivenas *key = self;
    struct form form;

    if (!arch)
        return decide(space, (input && input[0]) || key->size);
    form_of(arch, &form);
    return build(space, key, &form, input, classes);
}

/* ---- The form as JSON -------------------------------------------------------------- */

static void write_list(FILE *out, const char *name, int n, const int *value)
{
    fprintf(out, ",\"%s\":[", name);
    for (int i = 0; i < n; i++)
        fprintf(out, "%s%d", i ? "," : "", value[i]);
    fputc(']', out);
}

/* {"resolution":192,"width":[...],"kernel":[...],"expand":[...],"depth":[...]}; the
 * resolution is null where the space does not decide it. */
static nw_status attentivenas_genotype(const nw_arch *arch, FILE *out)
{
    struct form form;

    form_of(arch, &form);
    fputs("{\"resolution\":", out);
    if (nw_choice_find(arch->space, "resolution") >= 0)
        fprintf(out, "%d", form.pixels);
    else
        fputs("null", out);
    write_list(out, "width", WIDTHS, form.width);
    write_list(out, "kernel", STAGES, form.kernel);
    write_list(out, "expand", STAGES, form.expand);
    write_list(out, "depth", STAGES, form.depth);
    fputc('}', out);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

static int read_list(const json_t *root, const char *name, int n, int *value)
{
    const json_t *list = json_object_get(root, name);

    for (int i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, (size_t)i);

        if (!json_is_integer(item) || json_array_size(list) != (size_t)n)
            return 0;
        value[i] = (int)json_integer_value(item);
        if (value[i] != json_integer_value(item))
            return 0;
    }
    return 1;
}

static int read_form(const json_t *root, struct form *form)
{
    const json_int_t pixels = json_integer_value(json_object_get(root, "resolution"));

    form->pixels = pixels > 0 && pixels < 10000 ? (int)pixels : 0;
    return read_list(root, "width", WIDTHS, form->width) &&
           read_list(root, "kernel", STAGES, form->kernel) &&
           read_list(root, "expand", STAGES, form->expand) &&
           read_list(root, "depth", STAGES, form->depth);
}

/* Also what is no decision must be as it is: mb1 expands by 1, mb6 and mb7 by 6. */
static nw_status take(nw_arch *arch, struct form *form, const char *where)
{
    for (int i = 0; i < DECISIONS; i++) {
        struct decision d;

        decision(i, &d);
        if (d.n == 1 && *field(form, &d) != d.value[0])
            return nw_fail(arch->ctx, NW_EFORMAT, "%s: %s is %d, always", where, d.name,
                           d.value[0]);
        NW_TRY(nw_take_number(arch, d.name, d.n, d.value, *field(form, &d), where));
    }
    return NW_OK;
}

static nw_status attentivenas_read(nw_arch *arch, const char *text, const char *where)
{
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    struct form form;
    const int good = read_form(root, &form);

    json_decref(root);
    if (!good)
        return nw_fail(arch->ctx, NW_EFORMAT,
                       "%s: a genotype is {\"resolution\":, \"width\":[9], "
                       "\"kernel\":[7], \"expand\":[7], \"depth\":[7]}",
                       where);
    return take(arch, &form, where);
}

#define ATTENTIVE "Wang et al. 2021, AttentiveNAS, arXiv:2011.09011"
#define ALPHA     "Wang et al. 2021, AlphaNet, arXiv:2102.07954"

const nw_space_type nw_space_attentivenas = {
    .name = "attentivenas",
    .doc =
        "AlphaNet's space too: seven stages of one width, depth, kernel, expansion each",
    .paper = ATTENTIVE,
    .attrs = attentivenas_attrs,
    .size = sizeof(struct attentivenas),
    .build = attentivenas_build,
    .genotype = attentivenas_genotype,
    .read = attentivenas_read,
};

/* ---- Networks that were found ------------------------------------------------ */

#define FOUND(id, word, source, says, ...)                                               \
    static nw_status id##_build(void *self, nw_space *space, const int input[3],         \
                                int classes, const nw_arch *arch)                        \
    {                                                                                    \
        static const struct form form = __VA_ARGS__;                                     \
                                                                                         \
        (void)arch;                                                                      \
        return build(space, self, &form, input, classes);                                \
    }                                                                                    \
                                                                                         \
    const nw_space_type nw_space_##id = {                                                \
        .name = word,                                                                    \
        .doc = "a network of the space attentivenas",                                    \
        .paper = source,                                                                 \
        .attrs = attentivenas_attrs,                                                     \
        .size = sizeof(struct attentivenas),                                             \
        .build = id##_build,                                                             \
        .published = says,                                                               \
    };

/* clang-format off */
FOUND(alphanet_a0, "alphanet-a0", ALPHA, "ImageNet 77.87 %, 203 M MACs",
      {192, {16, 16, 24, 32, 64, 112, 192, 216, 1792},
       {3, 3, 3, 3, 3, 3, 3}, {1, 4, 4, 4, 4, 6, 6}, {1, 3, 3, 3, 3, 3, 1}})
FOUND(alphanet_a1, "alphanet-a1", ALPHA, "ImageNet 78.94 %, 279 M MACs",
      {224, {16, 16, 24, 32, 64, 112, 192, 216, 1984},
       {3, 3, 3, 5, 3, 5, 3}, {1, 4, 4, 4, 4, 6, 6}, {1, 3, 3, 3, 3, 3, 1}})
FOUND(alphanet_a2, "alphanet-a2", ALPHA, "ImageNet 79.20 %, 317 M MACs",
      {224, {16, 16, 24, 32, 64, 112, 200, 224, 1984},
       {3, 3, 3, 3, 3, 5, 3}, {1, 4, 5, 4, 4, 6, 6}, {1, 3, 3, 3, 3, 4, 1}})
FOUND(alphanet_a3, "alphanet-a3", ALPHA, "ImageNet 79.41 %, 357 M MACs",
      {224, {16, 16, 24, 32, 64, 112, 208, 224, 1984},
       {3, 3, 3, 5, 3, 3, 3}, {1, 4, 4, 4, 4, 6, 6}, {2, 3, 3, 4, 3, 5, 1}})
FOUND(alphanet_a4, "alphanet-a4", ALPHA, "ImageNet 80.01 %, 444 M MACs",
      {256, {16, 16, 24, 32, 64, 112, 192, 216, 1984},
       {3, 3, 3, 5, 3, 5, 3}, {1, 4, 4, 5, 4, 6, 6}, {1, 3, 3, 4, 3, 5, 1}})
FOUND(alphanet_a5_small, "alphanet-a5-small", ALPHA, "ImageNet 80.29 %, 491 M MACs",
      {256, {16, 16, 24, 32, 64, 112, 208, 216, 1984},
       {3, 3, 3, 3, 3, 5, 3}, {1, 4, 4, 5, 4, 6, 6}, {1, 3, 3, 4, 4, 5, 1}})
FOUND(alphanet_a5_base, "alphanet-a5-base", ALPHA, "ImageNet 80.62 %, 596 M MACs",
      {288, {16, 16, 24, 32, 64, 112, 200, 216, 1984},
       {3, 3, 5, 5, 3, 3, 3}, {1, 4, 4, 4, 5, 6, 6}, {2, 3, 4, 3, 3, 5, 1}})
FOUND(alphanet_a6, "alphanet-a6", ALPHA, "ImageNet 80.78 %, 709 M MACs",
      {288, {16, 16, 24, 32, 64, 112, 216, 224, 1984},
       {3, 3, 3, 3, 3, 5, 3}, {1, 4, 6, 5, 4, 6, 6}, {1, 3, 3, 4, 4, 6, 1}})
FOUND(attentivenas_a5, "attentivenas-a5", ATTENTIVE, "ImageNet 80.1 %, 491 M MACs",
      {256, {16, 16, 24, 32, 72, 112, 192, 216, 1792},
       {3, 3, 3, 5, 3, 3, 3}, {1, 4, 5, 4, 4, 6, 6}, {1, 3, 3, 3, 4, 6, 1}})
FOUND(attentivenas_min, "attentivenas-min", ATTENTIVE, "the smallest of the space: alphanet-a0",
      {192, {16, 16, 24, 32, 64, 112, 192, 216, 1792},
       {3, 3, 3, 3, 3, 3, 3}, {1, 4, 4, 4, 4, 6, 6}, {1, 3, 3, 3, 3, 3, 1}})
FOUND(attentivenas_max, "attentivenas-max", ATTENTIVE, "the largest of the space",
      {288, {24, 24, 32, 40, 72, 128, 216, 224, 1984},
       {5, 5, 5, 5, 5, 5, 5}, {1, 6, 6, 6, 6, 6, 6}, {2, 5, 6, 6, 8, 8, 2}})
/* clang-format on */
