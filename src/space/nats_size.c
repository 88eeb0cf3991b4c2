/*
 * nats_size.c - the size search space of NATS-Bench: one cell, five widths.
 *
 * The network is that of NAS-Bench-201 with one cell a group and its best cell (on
 * CIFAR-100) everywhere: stem, cell, residual block, cell, residual block, cell. Each of
 * the five blocks has 8, 16 ... 64 channels, the stem those of the first: 8^5 = 32,768
 * networks. The written form is "64:32:8:48:16".
 *
 * A cell may thus change the number of channels. Then the ops on its input do, and its
 * skip_connect becomes a 1x1 convolution and a batch norm, without relu. So options of a
 * width differ in more than numbers, and the space is a coded one.
 *
 * Rules and module names are those of the authors' PyTorch code (DynamicShapeTinyNet).
 */
#include "mobile.h"
#include "nasbench201.h"
#include "setting.h"

#include <stdio.h>
#include <string.h>

enum { BLOCKS = 5, WIDTHS = 8 };

struct nats_size {
    int classes;
    char arch[NW_TEXT_SIZE];
};

static const char *const widths[WIDTHS] = {"8", "16", "24", "32", "40", "48", "56", "64"};

/* |nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+
 * |skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2| */
static const int best_cell[6] = {3, 3, 3, 1, 3, 3};

#define AT(field) offsetof(struct nats_size, field)
#define CLASSES                                                                          \
    {                                                                                    \
        "classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data", NULL       \
    }

static const nw_attr nats_size_attrs[] = {CLASSES, {0}};

static const nw_attr net_attrs[] = {
    CLASSES,
    {"arch", NW_TEXT, AT(arch), NULL, 0, 0, "channels of the blocks, \"64:32:8:48:16\"",
     NULL},
    {0},
};

/* Option of every block from "64:32:8:48:16"; 0 = it is not of that form. */
static int read_arch(const char *text, int taken[BLOCKS])
{
    for (int b = 0; b < BLOCKS; b++) {
        const size_t n = strcspn(text, ":");
        int o = 0;

        while (o < WIDTHS && (strlen(widths[o]) != n || memcmp(widths[o], text, n)))
            o++;
        if (o == WIDTHS)
            return 0;
        taken[b] = o;
        text += n;
        if (*text != (b + 1 < BLOCKS ? ':' : 0))
            return 0;
        text++;
    }
    return 1;
}

static nw_status network(nw_space *space, const int shape[3], int classes,
                         const int taken[BLOCKS])
{
    const struct nw_nb201 net = {space, best_cell};
    int c = 8 * (taken[0] + 1);
    nw_ref x = nw_nb201_stem(space, shape, c);

    NW_TRY(nw_nb201_draw(space, best_cell));
    for (int b = 0; b < BLOCKS; b++) {
        const int from = c;

        c = 8 * (taken[b] + 1);
        x = b % 2 ? nw_nb201_residual(space, b, x, c)
                  : nw_nb201_cell(&net, b, x, from, c);
    }
    return nw_nb201_head(space, x, classes);
}

static nw_status nats_size_build(void *self, nw_space *space, const int input[3],
                                 int classes, const nw_arch *arch)
{
    const struct nats_size *key = self;
    int shape[3], taken[BLOCKS];

    NW_TRY(nw_picture_and_classes(space, input, 32, key->classes, 10, shape, &classes));
    if (*key->arch && !read_arch(key->arch, taken))
        return nw_fail(space->ctx, NW_ESPEC,
                       "nats-size: arch=%s is not five of 8, 16 ... 64 with : between",
                       key->arch);
    if (arch && !*key->arch)
        NW_TRY(nw_taken(arch, "c%d", BLOCKS, taken));
    if (arch || *key->arch)
        return network(space, shape, classes, taken);
    for (int b = 0; b < BLOCKS; b++) {
        char name[16];

        snprintf(name, sizeof(name), "c%d", b);
        NW_TRY(nw_decide(space, name, WIDTHS, widths));
    }
    return NW_OK;
}

/* "64:32:8:48:16" */
static nw_status nats_size_genotype(const nw_arch *arch, FILE *out)
{
    int taken[BLOCKS];

    NW_TRY(nw_taken(arch, "c%d", BLOCKS, taken));
    for (int b = 0; b < BLOCKS; b++)
        fprintf(out, "%s%s", b ? ":" : "\"", widths[taken[b]]);
    fputc('"', out);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

static nw_status nats_size_read(nw_arch *arch, const char *text, const char *where)
{
    char word[NW_TEXT_SIZE];
    int taken[BLOCKS];

    NW_TRY(nw_setting_word(arch->ctx, text, where, word, sizeof(word)));
    if (!read_arch(word, taken))
        return nw_fail(arch->ctx, NW_EFORMAT,
                       "%s: %s is not five of 8, 16 ... 64 with : between", where, word);
    for (int b = 0; b < BLOCKS; b++)
        NW_TRY(nw_arch_pick(arch, b, taken[b]));
    return NW_OK;
}

#define PAPER "Dong et al. 2021, NATS-Bench, arXiv:2009.00437"

const nw_space_type nw_space_nats_size = {
    .name = "nats-size",
    .doc = "five widths of eight each in a network of one cell: 32,768",
    .paper = PAPER,
    .attrs = nats_size_attrs,
    .size = sizeof(struct nats_size),
    .build = nats_size_build,
    .genotype = nats_size_genotype,
    .read = nats_size_read,
};

const nw_space_type nw_space_nats_size_net = {
    .name = "nats-size",
    .doc = "the network of five widths",
    .paper = PAPER,
    .attrs = net_attrs,
    .size = sizeof(struct nats_size),
    .build = nats_size_build,
    .published = "32,768 networks of 11,714 to 713,674 parameters",
};
