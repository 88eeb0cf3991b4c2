/*
 * nasnet_nets.c - the cells that NASNet, PNAS and AmoebaNet found, and their networks.
 *
 * States as in TF-slim: 0 is the newer input, 1 the older one, 2 the first block. Which
 * states make the output is written down by the authors. Except in the reduction cells of
 * AmoebaNet-B and -D it is not the set of states that no block reads: NASNet-A's normal
 * cell has the older input in its output though blocks read it, PNASNet all its blocks.
 *
 * AmoebaNet-B's reduction cell names a dilated separable convolution; the authors' code
 * reads the name as a plain sep_conv_5x5, and so do we. The fourth block of NASNet-A's
 * normal cell averages the older input twice: only drop path tells the two apart.
 *
 * What the rules do not give: NASNet-A's published 27.6 M of 7@2304 (32.6 M here), 10.9 M
 * of 5@1538 and 22.6 M of 7@1920; AmoebaNet-C mobile's 570 M multiply-adds (677 M) and
 * the 84.0 M parameters of AmoebaNet-B (6, 190) (79.0 M).
 *
 * Sources: tensorflow/models, slim nasnet and pnasnet; tensorflow/tpu, amoeba_net.
 */
#include "slim.h"

#define ID   "identity"
#define SEP3 "sep_conv_3x3"
#define SEP5 "sep_conv_5x5"
#define SEP7 "sep_conv_7x7"
#define AVG  "avg_pool_3x3"
#define MAX2 "max_pool_2x2"
#define MAX  "max_pool_3x3"
#define P1   "conv_1x1"
#define C3   "conv_3x3"
#define C17  "conv_1x7_7x1"

#define B(l, a, r, b)                                                                    \
    {                                                                                    \
        {l, r}, {a, b}, 0                                                                \
    }
#define BLOCKS(...) .n = 5, .block = {__VA_ARGS__}
#define OUT(n, ...) .n_out = n, .out = {__VA_ARGS__}

/* clang-format off */
static const nw_slim_genotype nasnet_a = {
    {BLOCKS(B(SEP5, 0, SEP3, 1), B(SEP5, 1, SEP3, 1), B(AVG, 0, ID, 1), B(AVG, 1, AVG, 1),
            B(SEP3, 0, ID, 0)),
     OUT(6, 1, 2, 3, 4, 5, 6)},
    {BLOCKS(B(SEP5, 0, SEP7, 1), B(MAX, 0, SEP7, 1), B(AVG, 0, SEP5, 1), B(ID, 3, AVG, 2),
            B(SEP3, 2, MAX, 0)),
     OUT(4, 3, 4, 5, 6)}};

static const nw_slim_genotype pnasnet_5 = {
    {BLOCKS(B(SEP5, 1, MAX, 1), B(SEP7, 0, MAX, 0), B(SEP5, 0, SEP3, 0), B(SEP3, 4, MAX, 0),
            B(SEP3, 1, ID, 0)),
     OUT(5, 2, 3, 4, 5, 6)},
    {0}};

static const nw_slim_genotype amoebanet_a = {
    {BLOCKS(B(AVG, 0, MAX, 0), B(SEP3, 1, ID, 1), B(ID, 0, AVG, 1), B(SEP3, 0, SEP5, 2),
            B(AVG, 5, SEP3, 0)),
     OUT(4, 1, 3, 4, 6)},
    {BLOCKS(B(SEP3, 1, AVG, 0), B(MAX, 0, SEP7, 2), B(MAX, 1, MAX, 0), B(SEP3, 4, C17, 0),
            B(AVG, 1, SEP7, 0)),
     OUT(5, 2, 3, 4, 5, 6)}};

static const nw_slim_genotype amoebanet_b = {
    {BLOCKS(B(P1, 1, MAX, 1), B(ID, 1, SEP3, 0), B(P1, 1, SEP3, 0), B(P1, 2, ID, 2),
            B(AVG, 1, P1, 5)),
     OUT(4, 0, 3, 4, 6)},
    {BLOCKS(B(MAX2, 0, MAX, 0), B(ID, 2, C3, 1), B(SEP5, 2, MAX, 2), B(ID, 3, SEP3, 1),
            B(AVG, 4, P1, 3)),
     OUT(2, 5, 6)}};

static const nw_slim_genotype amoebanet_c = {
    {BLOCKS(B(AVG, 0, SEP3, 0), B(ID, 0, SEP3, 0), B(AVG, 2, SEP3, 1), B(ID, 0, SEP3, 1),
            B(AVG, 3, SEP3, 0)),
     OUT(5, 1, 2, 4, 5, 6)},
    {BLOCKS(B(MAX, 0, MAX, 0), B(SEP7, 2, SEP3, 0), B(SEP7, 0, MAX, 1), B(SEP5, 4, SEP5, 4),
            B(MAX, 1, SEP3, 1)),
     OUT(6, 0, 2, 3, 4, 5, 6)}};

static const nw_slim_genotype amoebanet_d = {
    {BLOCKS(B(P1, 1, MAX, 1), B(ID, 1, C17, 0), B(P1, 0, C17, 0), B(MAX, 2, ID, 2),
            B(AVG, 1, P1, 5)),
     OUT(4, 0, 3, 4, 6)},
    {BLOCKS(B(MAX2, 0, MAX, 0), B(ID, 2, C3, 1), B(C17, 2, MAX, 2), B(ID, 3, MAX2, 1),
            B(AVG, 2, P1, 3)),
     OUT(3, 4, 5, 6)}};
/* clang-format on */

/* clang-format off */
static const nw_slim_family a_family = {
    "amoebanet-a",
    {{6, 32, 32, 10, 0, 0, 0}, {4, 50, 224, 1001, 0, 32, 0}, {6, 190, 331, 1001, 0, 32, 0}}};

static const nw_slim_family b_family = {
    "amoebanet-b",
    {{6, 36, 32, 10, 0, 0, 0}, {3, 62, 224, 1001, 0, 32, 0}, {6, 190, 331, 1001, 0, 32, 0}}};
/* clang-format on */

struct slim_net_keys {
    struct nw_slim_keys slim;
};

static const nw_attr net_attrs[] = {NW_SLIM_KEYS(struct slim_net_keys), {0}};

#define FOUND(id, word, family, source, sizes, says)                                     \
    static nw_status id##_build(void *self, nw_space *space, const int input[3],         \
                                int classes, const nw_arch *arch)                        \
    {                                                                                    \
        const struct slim_net_keys *keys = self;                                         \
                                                                                         \
        (void)arch;                                                                      \
        return nw_slim_build(space, &family, &keys->slim, input, classes, &id);          \
    }                                                                                    \
                                                                                         \
    const nw_space_type nw_space_##id = {                                                \
        .name = word,                                                                    \
        .doc = "what its paper found: " sizes,                                           \
        .paper = source,                                                                 \
        .attrs = net_attrs,                                                              \
        .size = sizeof(struct slim_net_keys),                                            \
        .build = id##_build,                                                             \
        .published = says,                                                               \
    };

#define NASNET "Zoph et al. 2018, Learning transferable architectures, arXiv:1707.07012"
#define PNAS   "Liu et al. 2018, Progressive neural architecture search, arXiv:1712.00559"
#define AMOEBANET                                                                        \
    "Real et al. 2019, Regularized evolution for image classifiers, arXiv:1802.01548"

FOUND(nasnet_a, "nasnet-a", nw_slim_nasnet, NASNET,
      "cifar n=6 f=32, mobile n=4 f=44, large n=6 f=168",
      "6@768 CIFAR-10 3.41 % error, 3.3 M parameters; 4@1056 ImageNet 74.0 %, 5.3 M, 564 "
      "M multiply-adds; 6@4032 82.7 %, 88.9 M, 23.8 G")
FOUND(pnasnet_5, "pnasnet-5", nw_slim_pnasnet, PNAS,
      "cifar n=3 f=48, mobile n=3 f=54, large n=4 f=216",
      "CIFAR-10 3.41 % error, 3.2 M parameters; mobile ImageNet 74.2 %, 5.1 M, 588 M "
      "multiply-adds; large 82.9 %, 86.1 M, 25.0 G")
FOUND(amoebanet_a, "amoebanet-a", a_family, AMOEBANET,
      "cifar n=6 f=32, mobile n=4 f=50, large n=6 f=190",
      "(6, 32) CIFAR-10 3.40 % error, 2.6 M parameters; (6, 36) 3.34 %, 3.2 M; (4, 50) "
      "ImageNet 74.5 %, 5.1 M, "
      "555 M multiply-adds; (6, 190) 82.8 %, 86.7 M, 23.1 G")
FOUND(amoebanet_b, "amoebanet-b", b_family, AMOEBANET,
      "cifar n=6 f=36, mobile n=3 f=62, large n=6 f=190",
      "(6, 36) CIFAR-10 2.55 % error with cutout, 2.8 M parameters; (3, 62) ImageNet "
      "74.0 %, 5.3 M, 555 M multiply-adds")
FOUND(amoebanet_c, "amoebanet-c", nw_slim_amoebanet, AMOEBANET,
      "cifar n=6 f=36, mobile n=4 f=50, large n=6 f=190",
      "(4, 50) ImageNet 75.7 %, 6.4 M parameters, 570 M multiply-adds")
FOUND(amoebanet_d, "amoebanet-d", nw_slim_amoebanet, AMOEBANET,
      "cifar n=6 f=36, mobile n=4 f=50, large n=6 f=190", "only its cells are published")
