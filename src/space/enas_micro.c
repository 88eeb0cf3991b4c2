/*
 * enas_micro.c - the micro space of ENAS: two cells of five nodes, five ops.
 *
 * The network has `layers` normal cells, with a reduction cell after the first and the
 * second third. See enas_cells.c for how a cell is built and what its numbers mean; ops
 * are 0 sep_conv_3x3, 1 sep_conv_5x5, 2 avg_pool_3x3, 3 max_pool_3x3, 4 identity.
 *
 * All ordered pairs of cells are (product of i^2 5^2, i from 2 to 6)^2 = 2.563e25. The
 * paper says 1.3e11: (5 5!)^4 = 129,600,000,000, which is a part of them.
 *
 * These are the networks that are trained once found, as the released code builds them
 * from a fixed list of numbers. While it searches, that code makes every output one width
 * by a 1x1 convolution with a slice of weights for each node, which is not done here, nor
 * does its reduction cell have stride 2 then: its input is reduced before.
 *
 * The paper says that its network has 4.6 M parameters; what the code builds has
 * 3,894,372.
 *
 * Source: Pham et al. 2018, arXiv:1802.03268, and the authors' code.
 */
#include "enas_cells.h"
#include "int_list.h"

#include <string.h>

#define PAPER "Pham et al. 2018, Efficient neural architecture search, arXiv:1802.03268"

#define AT(field) offsetof(struct nw_pair_keys, field)

enum { OPS = 5 };

/* clang-format off */
#define KEYS(depth, width)                                                               \
    {"layers", NW_INT, AT(layers), depth, 1, 200,                                        \
     "normal cells; two reduction cells stand between them", NULL},                      \
    {"f", NW_INT, AT(c), width, 1, 4096, "channels of the first cells", NULL},           \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000, "0 = from the data, or 10", NULL}, \
    {"size", NW_INT, AT(size), "0", 0, 4096,                                             \
     "pixels of a side where the data do not say; 0 = 32", NULL},                        \
    {"aux", NW_BOOL, AT(aux), "0", 0, 0, "an auxiliary head, loss weight 0.4", NULL},    \
    {"drop", NW_REAL, AT(drop), "0.4", 0, 0.99,                                          \
     "drop path of the last cell at the end of training, probability", NULL},            \
    {"dropout", NW_REAL, AT(dropout), "0.2", 0, 0.99,                                    \
     "before the classifier, probability", NULL}
/* clang-format on */

static const nw_attr space_attrs[] = {KEYS("6", "20"), {0}};

static const nw_attr net_attrs[] = {
    KEYS("15", "36"),
    {"arch", NW_TEXT, AT(arch),
     "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 "
     "1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1",
     0, 0, "the 40 numbers of both cells", NULL},
    {0},
};

static nw_status build_at(struct nw_pair_net *net, const struct nw_pair_keys *key,
                          const int input[3], int classes)
{
    net->name = "enas-micro";
    net->c = key->c;
    net->cells = key->layers + 2;
    net->first_reduce = key->layers / 3;
    net->is_enas = 1;
    net->aux = key->aux;
    net->drop = key->drop;
    net->dropout = key->dropout;
    NW_TRY(nw_pair_input(net, key, input, classes));
    return nw_pair_build(net);
}

static nw_status space_build(void *self, nw_space *space, const int input[3], int classes,
                             const nw_arch *arch)
{
    struct nw_pair_net net = {.space = space};

    if (!arch)
        return nw_pair_decide(space, 0, OPS);
    NW_TRY(nw_pair_of_arch(arch, 0, net.ints));
    return build_at(&net, self, input, classes);
}

static nw_status net_build(void *self, nw_space *space, const int input[3], int classes,
                           const nw_arch *arch)
{
    const struct nw_pair_keys *key = self;
    struct nw_pair_net net = {.space = space};

    (void)arch;
    NW_TRY(nw_pair_parse(space->ctx, "enas-micro", key->arch, 0, OPS, net.ints));
    return build_at(&net, key, input, classes);
}

static nw_status write_genotype(const nw_arch *arch, FILE *out)
{
    int ints[NW_PAIR_INTS];

    NW_TRY(nw_pair_of_arch(arch, 0, ints));
    return nw_ints_write(arch->ctx, NW_PAIR_INTS, ints, out);
}

static nw_status read_genotype(nw_arch *arch, const char *text, const char *where)
{
    int ints[NW_PAIR_INTS];

    NW_TRY(nw_ints_read(arch->ctx, text, where, NW_PAIR_INTS, ints));
    return nw_pair_to_arch(arch, 0, OPS, ints, where);
}

const nw_space_type nw_space_enas_micro = {
    .name = "enas-micro",
    .doc = "two cells of five nodes, each the sum of two of five ops; 2.56e25 pairs",
    .paper = PAPER,
    .attrs = space_attrs,
    .size = sizeof(struct nw_pair_keys),
    .build = space_build,
    .genotype = write_genotype,
    .read = read_genotype,
    .canonical = nw_pair_canonical,
};

const nw_space_type nw_space_enas_micro_net = {
    .name = "enas-micro",
    .doc = "the network that ENAS found in its micro space, or that of another genotype",
    .paper = PAPER,
    .attrs = net_attrs,
    .size = sizeof(struct nw_pair_keys),
    .build = net_build,
    .published = "CIFAR-10 2.89 % error with cutout, 4.6 M parameters (unverified; the "
                 "code builds 3.89 M)",
};
