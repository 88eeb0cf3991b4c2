/*
 * nao.c - neural architecture optimization: cells of pairs of ops, two sets of ops.
 *
 * The network has three stages of n normal cells with a reduction cell between; see
 * enas_cells.c for how a cell is built and what its numbers mean. ops=5 is the set that
 * shares weights, numbered 0 to 4 as in ENAS; ops=11 is the full set, numbered 5 to 15:
 * identity, conv 1x1, 3x3, 1x3 and 3x1, 1x7 and 7x1, max pools of 2, 3, 5, average pools
 * of 2, 3, 5. A network may mix both, as a genotype has the numbers. Of both cells there
 * are (product of i^2 ops^2, i from 2 to 6)^2: 2.563e25 and 1.808e32.
 *
 * A, B and V2 are what the authors' PyTorch code trains. The paper says 10.6 M parameters
 * for A with 36 channels and 128 M with 128; that code, which merges what the original
 * has apart, builds 11.47 M and 144.58 M. B and WS were found with shared weights. WS is
 * from the authors' older TensorFlow code, which trains it with the builder of ENAS: its
 * 2.5 M parameters are those of enas-micro arch="0 1 0 4 ..." (2,466,252); built as the
 * others here it has 2.71 M with six cells a stage.
 *
 * Drop path and dropout are those of the CIFAR scripts; the ImageNet scripts have none.
 *
 * Source: Luo et al. 2018, arXiv:1808.07233, and renqianluo/NAO_pytorch.
 */
#include "enas_cells.h"
#include "int_list.h"

#include <string.h>

#define PAPER "Luo et al. 2018, Neural architecture optimization, arXiv:1808.07233"

#define AT(field) offsetof(struct nw_pair_keys, field)

/* clang-format off */
#define KEYS(width, depth)                                                               \
    {"net", NW_TEXT, AT(net), "cifar", 0, 0, "cifar or imagenet: the stem", NULL},       \
    {"c", NW_INT, AT(c), width, 1, 4096, "channels of the first cells", NULL},           \
    {"n", NW_INT, AT(layers), depth, 1, 100, "normal cells of a stage", NULL},           \
    {"classes", NW_INT, AT(classes), "0", 0, 1000000,                                    \
     "0 = from the data, or 10 or 1000", NULL},                                          \
    {"size", NW_INT, AT(size), "0", 0, 4096,                                             \
     "pixels of a side where the data do not say; 0 = 32 or 224", NULL},                 \
    {"aux", NW_BOOL, AT(aux), "0", 0, 0, "an auxiliary head, loss weight 0.4", NULL},    \
    {"drop", NW_REAL, AT(drop), "-1", -1, 0.99,                                          \
     "drop path of the last cell at the end of training, probability; -1 = 0.2 with "    \
     "net=cifar", NULL},                                                                 \
    {"dropout", NW_REAL, AT(dropout), "-1", -1, 0.99,                                    \
     "before the classifier, probability; -1 = 0.4 with net=cifar", NULL}
/* clang-format on */

static const nw_attr space_attrs[] = {
    KEYS("20", "3"),
    {"ops", NW_INT, AT(ops), "5", 5, 11, "5 with shared weights, 11 without", NULL},
    {0},
};

static const nw_attr open_attrs[] = {
    KEYS("36", "6"),
    {"arch", NW_TEXT, AT(arch), NULL, 0, 0,
     "40 numbers: input, op, input, op for each of five nodes of both cells", NULL},
    {0},
};

static const nw_attr net_attrs[] = {KEYS("36", "6"), {0}};

static int first_op(const struct nw_pair_keys *key)
{
    return key->ops == 11 ? 5 : 0;
}

static nw_status check(nw_ctx *ctx, const struct nw_pair_keys *key)
{
    if (strcmp(key->net, "cifar") && strcmp(key->net, "imagenet"))
        return nw_fail(ctx, NW_ESPEC, "nao: net=%s is neither cifar nor imagenet",
                       key->net);
    if (key->ops && key->ops != 5 && key->ops != 11)
        return nw_fail(ctx, NW_ESPEC, "nao: ops=%d is neither 5 nor 11", key->ops);
    return NW_OK;
}

static nw_status build_at(struct nw_pair_net *net, const struct nw_pair_keys *key,
                          const int input[3], int classes)
{
    net->name = "nao";
    net->imagenet = !strcmp(key->net, "imagenet");
    net->c = key->c;
    net->cells = 3 * key->layers + 2;
    net->first_reduce = key->layers;
    net->aux = key->aux;
    net->drop = key->drop >= 0 ? key->drop : net->imagenet ? 0 : 0.2;
    net->dropout = key->dropout >= 0 ? key->dropout : net->imagenet ? 0 : 0.4;
    NW_TRY(nw_pair_input(net, key, input, classes));
    return nw_pair_build(net);
}

static nw_status space_build(void *self, nw_space *space, const int input[3], int classes,
                             const nw_arch *arch)
{
    const struct nw_pair_keys *key = self;
    struct nw_pair_net net = {.space = space};

    NW_TRY(check(space->ctx, key));
    if (!arch)
        return nw_pair_decide(space, first_op(key), key->ops);
    NW_TRY(nw_pair_of_arch(arch, first_op(key), net.ints));
    return build_at(&net, key, input, classes);
}

static nw_status build_text(const struct nw_pair_keys *key, nw_space *space,
                            const int input[3], int classes, const char *text)
{
    struct nw_pair_net net = {.space = space};

    NW_TRY(check(space->ctx, key));
    NW_TRY(nw_pair_parse(space->ctx, "nao", text, 0, NW_PAIR_OPS, net.ints));
    return build_at(&net, key, input, classes);
}

static nw_status open_build(void *self, nw_space *space, const int input[3], int classes,
                            const nw_arch *arch)
{
    const struct nw_pair_keys *key = self;

    (void)arch;
    return build_text(key, space, input, classes, key->arch);
}

static nw_status write_genotype(const nw_arch *arch, FILE *out)
{
    const struct nw_pair_keys *key = nw_space_keys(arch->space);
    int ints[NW_PAIR_INTS];

    NW_TRY(nw_pair_of_arch(arch, first_op(key), ints));
    return nw_ints_write(arch->ctx, NW_PAIR_INTS, ints, out);
}

static nw_status read_genotype(nw_arch *arch, const char *text, const char *where)
{
    const struct nw_pair_keys *key = nw_space_keys(arch->space);
    int ints[NW_PAIR_INTS];

    NW_TRY(nw_ints_read(arch->ctx, text, where, NW_PAIR_INTS, ints));
    return nw_pair_to_arch(arch, first_op(key), key->ops, ints, where);
}

const nw_space_type nw_space_nao = {
    .name = "nao",
    .doc = "two cells of five nodes, each the sum of two of 5 or 11 ops",
    .paper = PAPER,
    .attrs = space_attrs,
    .size = sizeof(struct nw_pair_keys),
    .build = space_build,
    .genotype = write_genotype,
    .read = read_genotype,
    .canonical = nw_pair_canonical,
};

const nw_space_type nw_space_nao_net = {
    .name = "nao",
    .doc = "the network of two cells of NAO, ops 0 to 15",
    .paper = PAPER,
    .attrs = open_attrs,
    .size = sizeof(struct nw_pair_keys),
    .build = open_build,
    .published = "see naonet-a, naonet-b, naonet-v2, naonet-ws",
};

/* ---- Networks that were found --------------------------------------------------- */

#define FOUND(id, word, says, text)                                                      \
    static nw_status id##_build(void *self, nw_space *space, const int input[3],         \
                                int classes, const nw_arch *arch)                        \
    {                                                                                    \
        (void)arch;                                                                      \
        return build_text(self, space, input, classes, text);                            \
    }                                                                                    \
                                                                                         \
    const nw_space_type nw_space_##id = {                                                \
        .name = word,                                                                    \
        .doc = "the network that its authors found",                                     \
        .paper = PAPER,                                                                  \
        .attrs = net_attrs,                                                              \
        .size = sizeof(struct nw_pair_keys),                                             \
        .build = id##_build,                                                             \
        .published = says,                                                               \
    };

FOUND(naonet_a, "naonet-a",
      "CIFAR-10 with cutout: 2.48 % error with c=36, 10.6 M parameters; 2.11 % with "
      "c=128 (1.93 % by the PyTorch code), 128 M",
      "0 7 1 15 2 8 1 7 0 6 1 7 0 8 4 7 1 5 0 7 "
      "0 7 1 13 0 6 0 14 0 9 1 10 0 14 2 6 1 11 0 7")
FOUND(naonet_b, "naonet-b", "CIFAR-10 2.93 % error with cutout",
      "0 1 0 2 0 1 2 2 1 3 0 2 4 0 1 3 2 1 0 3 "
      "1 1 1 0 2 1 2 4 1 0 2 3 3 1 2 2 0 2 0 2")
FOUND(naonet_v2, "naonet-v2", "CIFAR-10 2.57 % error with cutout",
      "1 1 0 1 2 4 0 0 0 0 2 1 0 0 0 2 0 3 0 0 "
      "0 2 0 2 2 2 1 0 0 0 0 1 0 0 0 3 0 0 0 1")
FOUND(naonet_ws, "naonet-ws",
      "CIFAR-10 3.53 % error, 2.93 % with cutout; 2.5 M parameters as "
      "enas-micro builds it",
      "0 1 0 4 2 2 1 3 1 0 2 0 2 3 1 3 1 2 0 4 "
      "1 1 0 3 2 3 2 3 1 0 0 1 0 4 2 4 2 3 2 3")
