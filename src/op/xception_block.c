/*
 * xception_block.c - the block of Single Path One-Shot [1] that keeps the shape: the
 * channels of even index pass, those of odd index go through three depthwise separable
 * convolutions. Parameter names are those of Single Path One-Shot's code.
 *
 * [1] Guo et al. 2020, Single path one-shot NAS, arXiv:1904.00420.
 */
#include "netwright_ext.h"

struct xception_block {
    int k[2], mid, half, affine;
};

static const nw_attr xception_block_attrs[] = {
    {"k", NW_PAIR, offsetof(struct xception_block, k), "3", 1, 255, "kernel, pixels; odd",
     NULL},
    {"mid", NW_INT, offsetof(struct xception_block, mid), NULL, 1, 1 << 20,
     "channels between", NULL},
    {"half", NW_INT, offsetof(struct xception_block, half), NULL, 1, 1 << 20,
     "half of the input's channels", NULL},
    {"affine", NW_BOOL, offsetof(struct xception_block, affine), "1", 0, 0,
     "give the batch norms scale and shift", NULL},
    {0},
};

static const nw_case xception_block_cases[] = {
    {"xception_block mid=5 half=3", 1, {{3, {6, 5, 4}}}},
    {"xception_block k=5 mid=3 half=2 affine=0", 1, {{3, {4, 7, 6}}}},
    {0},
};

const nw_op_type NW_R(nw_op_xception_block) = {
    .name = "xception_block",
    .doc = "half of the channels pass, half take three separable convolutions",
    .paper = "Guo et al. 2020, Single path one-shot NAS, arXiv:1904.00420",
    .attrs = xception_block_attrs,
    .size = sizeof(struct xception_block),
    .min_in = 1,
    .max_in = 1,
    .expand = "(slice c=::2,"
              " slice c=1::2 | conv2d k=$k pad=same groups=in bias=0 name=branch_main.0"
              " | batchnorm affine=$affine name=branch_main.1"
              " | conv2d out=$mid k=1 bias=0 name=branch_main.2"
              " | batchnorm affine=$affine name=branch_main.3 | relu"
              " | conv2d k=$k pad=same groups=in bias=0 name=branch_main.5"
              " | batchnorm affine=$affine name=branch_main.6"
              " | conv2d out=$mid k=1 bias=0 name=branch_main.7"
              " | batchnorm affine=$affine name=branch_main.8 | relu"
              " | conv2d k=$k pad=same groups=in bias=0 name=branch_main.10"
              " | batchnorm affine=$affine name=branch_main.11"
              " | conv2d out=$half k=1 bias=0 name=branch_main.12"
              " | batchnorm affine=$affine name=branch_main.13 | relu)"
              " | concat",
    .cases = xception_block_cases,
};
