/*
 * ofa.c - the elastic MobileNetV3 of Once-for-all [1], with the genomes of NAT [2], and
 * the networks that NAT found in it.
 *
 * A first convolution, one fixed block, five stages of 2 to 4 inverted residual blocks, a
 * head. Every block has a kernel and an expansion of its own:
 *
 *   stage   width  stride  SE   act        kernel  expansion
 *   first   16     2            hardswish  3       -
 *   fixed   16     1            relu       3       1
 *   1       24     2            relu       3,5,7   3,4,6
 *   2       40     2       yes  relu       3,5,7   3,4,6
 *   3       80     2            hardswish  3,5,7   3,4,6
 *   4       112    1       yes  hardswish  3,5,7   3,4,6
 *   5       160    2       yes  hardswish  3,5,7   3,4,6
 *   head    960, 1280           hardswish
 *
 * All widths are multiplied by 1.0 or 1.2 and rounded to multiples of 8. A block is
 * summed with its input where the shape stays. The networks that NAT published have mish
 * everywhere: act=mish.
 *
 * A genome is 22 whole numbers: index of the resolution, from 192 pixels up in steps of
 * 4; index of the width; and for each of 5 x 4 layers 0, it is left out, or 1 + 3 *
 * (index of the expansion) + (index of the kernel). Layers 3 and 4 alone may be left out,
 * and 3 only with 4: (9^2 + 9^3 + 9^4)^5 = 7371^5 networks for a resolution and a width.
 * NAT's later code has steps of 8 pixels, its published genomes are of steps of 4
 * (step=). With pixels from the data or from size= there is no decision about them, and
 * with width= none about the width: the two widths have supernets of their own.
 *
 * [1] Cai et al. 2020, Once-for-all, arXiv:1908.09791.
 * [2] Lu et al. 2021, Neural Architecture Transfer, arXiv:2005.05859.
 */
#include "big.h"
#include "divisible.h"
#include "elastic.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { STAGES = 5, DEEPEST = 4, LAYERS = STAGES * DEEPEST, KINDS = 9 };
enum { GENES = 2 + LAYERS, LEAST = 192, MOST = 256, MOST_SIZES = (MOST - LEAST) / 4 + 1 };

struct ofa {
    int size, classes, step;
    double width, dropout;
    char act[NW_TEXT_SIZE];
};

/* A genome, in words of the network. */
struct form {
    int pixels;
    double width;
    int layer[LAYERS];
};

static const int width_of[STAGES] = {24, 40, 80, 112, 160};
static const int stride_of[STAGES] = {2, 2, 2, 1, 2};
static const int has_se[STAGES] = {0, 1, 0, 1, 1};
static const int kernel_of[3] = {3, 5, 7};
static const int expand_of[3] = {3, 4, 6};
static const double factor_of[2] = {1.0, 1.2};

#define AT(field) offsetof(struct ofa, field)

/* clang-format off */
#define NET_KEYS(usual)                                                                     \
    {"size", NW_INT, AT(size), "0", 0, 4096,                                              \
     "pixels of a side; 0 = as the genome says, if the data do not", NULL},               \
    {"width", NW_REAL, AT(width), "0", 0, 8,                                              \
     "factor of all widths; 0 = as the genome says", NULL},                               \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data, or 1000", NULL}, \
    {"dropout", NW_REAL, AT(dropout), "0", 0, 0.99, "before the classifier", NULL},       \
    {"act", NW_TEXT, AT(act), usual, 0, 0, "ofa = relu and hardswish as in the paper; else one op for all", NULL}
/* clang-format on */

static const nw_attr ofa_attrs[] = {
    NET_KEYS("ofa"),
    {"step", NW_INT, AT(step), "4", 4, 8, "between resolutions, pixels: 4 or 8", NULL},
    {0},
};

static const nw_attr net_attrs[] = {NET_KEYS("ofa"), {0}};
static const nw_attr nat_attrs[] = {NET_KEYS("mish"), {0}};

/* ---- The network ------------------------------------------------------------------ */

static int wide(const struct form *form, int channels)
{
    return nw_multiple_of(channels * form->width, 8);
}

static const char *act_of(const struct ofa *key, int channels)
{
    if (strcmp(key->act, "ofa"))
        return key->act;
    return channels == 16 || channels == 24 || channels == 40 ? "relu" : "hardswish";
}

static nw_ref add_block(nw_space *space, nw_ref x, int number, const nw_inverted *block)
{
    nw_ref y;

    nw_enter(space, "blocks.%d", number);
    y = nw_elastic_inverted(space, x, block);
    if (block->in == block->out && block->stride == 1)
        y = nw_op(space, "add", y, x);
    nw_leave(space);
    return y;
}

static nw_ref add_stage(nw_space *space, nw_ref x, const struct ofa *key,
                        const struct form *form, int s)
{
    nw_inverted block = {.in = wide(form, s ? width_of[s - 1] : 16),
                         .out = wide(form, width_of[s]),
                         .has_se = has_se[s],
                         .act = act_of(key, width_of[s])};

    for (int j = 0; j < DEEPEST; j++) {
        const int kind = form->layer[s * DEEPEST + j] - 1;

        if (kind < 0)
            break;
        block.k = kernel_of[kind % 3];
        block.mid = nw_multiple_of(block.in * expand_of[kind / 3], 8);
        block.stride = j ? 1 : stride_of[s];
        x = add_block(space, x, 1 + s * DEEPEST + j, &block);
        block.in = block.out;
    }
    return x;
}

static nw_status check_act(nw_space *space, const struct ofa *key)
{
    if (strspn(key->act, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(key->act))
        return nw_fail(space->ctx, NW_ESPEC, "ofa: act=%s is neither ofa nor an op",
                       key->act);
    return NW_OK;
}

static nw_status build(nw_space *space, const struct ofa *key, const struct form *form,
                       const int input[3], int classes)
{
    const int c = wide(form, 16);
    const nw_inverted fixed = {c, c, c, 3, 1, 0, act_of(key, 16)};
    int shape[3];
    nw_ref x;

    NW_TRY(check_act(space, key));
    NW_TRY(nw_elastic_input(space, "ofa", input, key->size ? key->size : form->pixels,
                            key->classes, &classes, shape));
    x = nw_input(space, shape[0], shape[1], shape[2]);
    x = nw_elastic_conv(space, x, "first_conv", c, 3, 2, act_of(key, 0));
    x = add_block(space, x, 0, &fixed);
    for (int s = 0; s < STAGES; s++)
        x = add_stage(space, x, key, form, s);
    return nw_elastic_head(space, x, wide(form, 960), wide(form, 1280), act_of(key, 0),
                           key->dropout, classes);
}

/* ---- The space -------------------------------------------------------------------- */

static int sizes(const struct ofa *key)
{
    return (MOST - LEAST) / key->step + 1;
}

/* The name of decision `gene`. */
static const char *gene_name(int gene, char out[24])
{
    static const char *const first[] = {"resolution", "width"};

    if (gene < 2)
        return first[gene];
    snprintf(out, 24, "layer_%d", gene - 1);
    return out;
}

/* Layers 3 and 4 of a stage may be left out: their option i is digit i, else i + 1. */
static int may_be_left_out(int gene)
{
    return gene >= 2 && (gene - 2) % DEEPEST >= 2;
}

static nw_status decide_layer(nw_space *space, int gene)
{
    static const char *const option[] = {"none", "k3e3", "k5e3", "k7e3", "k3e4",
                                         "k5e4", "k7e4", "k3e6", "k5e6", "k7e6"};
    const int none = may_be_left_out(gene);
    char name[24];

    return nw_decide(space, gene_name(gene, name), (size_t)(KINDS + none),
                     option + !none);
}

static nw_status decide(nw_space *space, const struct ofa *key, int has_pixels)
{
    static const char *const width[] = {"1.0", "1.2"};
    int value[MOST_SIZES];

    if (key->step != 4 && key->step != 8)
        return nw_fail(space->ctx, NW_ESPEC, "ofa: step=%d is neither 4 nor 8",
                       key->step);
    NW_TRY(check_act(space, key));
    for (int i = 0; i < sizes(key); i++)
        value[i] = LEAST + i * key->step;
    if (!has_pixels)
        NW_TRY(nw_decide_number(space, "resolution", sizes(key), value));
    if (key->width <= 0)
        NW_TRY(nw_decide(space, "width", 2, width));
    for (int gene = 2; gene < GENES; gene++)
        NW_TRY(decide_layer(space, gene));
    return NW_OK;
}

/* The digits; -1 where the space does not decide. */
static void genes_of(const nw_arch *arch, int gene[GENES])
{
    char name[24];

    for (int i = 0; i < GENES; i++) {
        const int c = nw_choice_find(arch->space, gene_name(i, name));

        gene[i] = c < 0 ? -1 : nw_arch_option(arch, c);
        gene[i] += i >= 2 && !may_be_left_out(i);
    }
}

static void form_of(const int gene[GENES], int step, double width, struct form *form)
{
    form->pixels = LEAST + step * (gene[0] < 0 ? 0 : gene[0]);
    form->width = width > 0 ? width : factor_of[gene[1] > 0];
    memcpy(form->layer, gene + 2, sizeof(form->layer));
}

static nw_status ofa_build(void *self, nw_space *space, const int input[3], int classes,
                           const nw_arch *arch)
{
    const struct ofa *key = self;
    int gene[GENES];
    struct form form;

    if (!arch)
        return decide(space, key, (input && input[0]) || key->size);
    genes_of(arch, gene);
    form_of(gene, key->step, key->width, &form);
    return build(space, key, &form, input, classes);
}

static int ofa_legal(const nw_arch *arch, char why[256])
{
    int gene[GENES];

    genes_of(arch, gene);
    for (int i = 2; i < GENES; i += DEEPEST)
        if (!gene[i + 2] && gene[i + 3]) {
            snprintf(why, 256,
                     "layer_%d is left out, but layer_%d behind it in its stage is not",
                     i + 1, i + 2);
            return 0;
        }
    return 1;
}

/* A layer behind one that is left out takes its place. */
static void ofa_repair(nw_arch *arch)
{
    int gene[GENES];
    char name[24];

    genes_of(arch, gene);
    for (int i = 2; i < GENES; i += DEEPEST) {
        if (gene[i + 2] || !gene[i + 3])
            continue;
        nw_arch_set(arch, gene_name(i + 2, name), gene[i + 3]);
        nw_arch_set(arch, gene_name(i + 3, name), 0);
    }
}

static nw_status ofa_count(const nw_space *space, nw_big *total)
{
    char name[24];

    nw_big_set(total, 1);
    for (int gene = 0; gene < 2; gene++) {
        const int c = nw_choice_find(space, gene_name(gene, name));

        if (c >= 0)
            nw_big_mul(total, (uint32_t)nw_space_options(space, c));
    }
    for (int s = 0; s < STAGES; s++)
        nw_big_mul(total, 9 * 9 + 9 * 9 * 9 + 9 * 9 * 9 * 9);
    return NW_OK;
}

/* ---- Genomes ---------------------------------------------------------------------- */

/* [8,0,1,1,0,0,...]; null where the space does not decide. */
static nw_status ofa_genotype(const nw_arch *arch, FILE *out)
{
    int gene[GENES];

    genes_of(arch, gene);
    for (int i = 0; i < GENES; i++) {
        fputc(i ? ',' : '[', out);
        if (gene[i] < 0)
            fputs("null", out);
        else
            fprintf(out, "%d", gene[i]);
    }
    fputc(']', out);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

/* "08 0 11001440551052208877": two digits, then one a gene; blanks do not count. */
static int read_digits(const char *text, int gene[GENES])
{
    int n = -1; /* digits so far, less one: the first gene has two */

    gene[0] = 0;
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        if (*text < '0' || *text > '9' || n == GENES)
            return 0;
        if (n < 1)
            gene[0] = 10 * gene[0] + (*text - '0');
        else
            gene[n] = *text - '0';
        n++;
    }
    return n == GENES;
}

static int read_list(const json_t *list, int gene[GENES])
{
    if (json_is_string(list))
        return read_digits(json_string_value(list), gene);
    for (size_t i = 0; i < GENES; i++) {
        const json_t *item = json_array_get(list, i);

        if (!json_is_integer(item) && !(json_is_null(item) && i < 2))
            return 0;
        gene[i] = json_is_null(item) ? -1 : (int)json_integer_value(item);
        if (gene[i] != json_integer_value(item) && !json_is_null(item))
            return 0;
    }
    return json_array_size(list) == GENES;
}

/* What the space does not decide, a genome may say or not. */
static nw_status take(nw_arch *arch, const int gene[GENES], const char *where)
{
    char name[24];

    for (int i = 0; i < GENES; i++) {
        const char *word = gene_name(i, name);
        const int c = nw_choice_find(arch->space, word);
        const int option = gene[i] - (i >= 2 && !may_be_left_out(i));

        if (c < 0)
            continue;
        if (option < 0 || option >= nw_space_options(arch->space, c))
            return nw_fail(arch->ctx, NW_EFORMAT,
                           "%s: number %d of the genome, %s, is %d", where, i + 1, word,
                           gene[i]);
        NW_TRY(nw_arch_pick(arch, c, option));
    }
    return NW_OK;
}

static nw_status ofa_read(nw_arch *arch, const char *text, const char *where)
{
    json_t *list = json_loads(text, JSON_DECODE_ANY, NULL);
    int gene[GENES];
    const int good = read_list(list, gene);

    json_decref(list);
    if (!good)
        return nw_fail(arch->ctx, NW_EFORMAT,
                       "%s: a genome is a list of %d whole numbers, or a text of %d "
                       "digits",
                       where, GENES, GENES + 1);
    return take(arch, gene, where);
}

#define OFA "Cai et al. 2020, Once-for-all, arXiv:1908.09791"
#define NAT "Lu et al. 2021, Neural Architecture Transfer, arXiv:2005.05859"

const nw_space_type nw_space_ofa = {
    .name = "ofa",
    .doc =
        "elastic MobileNetV3: kernel and expansion of every block, depths, width, pixels",
    .paper = OFA,
    .attrs = ofa_attrs,
    .size = sizeof(struct ofa),
    .build = ofa_build,
    .genotype = ofa_genotype,
    .read = ofa_read,
    .legal = ofa_legal,
    .repair = ofa_repair,
    .count = ofa_count,
};

/* ---- Networks --------------------------------------------------------------------- */

static nw_status build_genome(const struct ofa *key, nw_space *space, const int input[3],
                              int classes, const char *genome)
{
    int gene[GENES];
    struct form form;

    if (!read_digits(genome, gene))
        return nw_fail(space->ctx, NW_EINVAL, "\"%s\" is no genome", genome);
    form_of(gene, 4, key->width, &form);
    return build(space, key, &form, input, classes);
}

#define NETWORK(id, word, words, keys, source, says, genome)                             \
    static nw_status id##_build(void *self, nw_space *space, const int input[3],         \
                                int classes, const nw_arch *arch)                        \
    {                                                                                    \
        (void)arch;                                                                      \
        return build_genome(self, space, input, classes, genome);                        \
    }                                                                                    \
                                                                                         \
    const nw_space_type nw_space_##id = {                                                \
        .name = word,                                                                    \
        .doc = words,                                                                    \
        .paper = source,                                                                 \
        .attrs = keys,                                                                   \
        .size = sizeof(struct ofa),                                                      \
        .build = id##_build,                                                             \
        .published = says,                                                               \
    };

#define FOUND "a network of the space ofa"

/* clang-format off */
NETWORK(ofa_max, "ofa-max", "the largest network of ofa, at width 1.0 and 224 pixels", net_attrs, OFA,
        "the teacher of its supernet", "08 0 99999999999999999999")
NETWORK(ofa_min, "ofa-min", "the smallest network of ofa, at width 1.0 and 192 pixels", net_attrs, OFA,
        "the smallest of its supernet", "00 0 11001100110011001100")
NETWORK(nat_m1, "nat-m1", FOUND, nat_attrs, NAT,
        "ImageNet 77.5 %, 6.0 M parameters, 225 M MACs", "08 0 11001440551052208877")
NETWORK(nat_m2, "nat-m2", FOUND, nat_attrs, NAT,
        "ImageNet 78.6 %, 7.7 M parameters, 312 M MACs", "08 1 11003100632076009771")
NETWORK(nat_m3, "nat-m3", FOUND, nat_attrs, NAT,
        "ImageNet 79.9 %, 9.1 M parameters, 490 M MACs", "08 1 21105451581189759771")
NETWORK(nat_m4, "nat-m4", FOUND, nat_attrs, NAT,
        "ImageNet 80.5 %, 9.1 M parameters, 600 M MACs", "12 1 15105572981578947781")
/* clang-format on */
