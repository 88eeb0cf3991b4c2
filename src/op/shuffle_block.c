/*
 * shuffle_block.c - the block of ShuffleNetV2 [1] that keeps the shape: the channels of
 * even index pass, those of odd index go through 1x1, depthwise and 1x1 convolution.
 * Parameter names are those of Single Path One-Shot's code.
 *
 * [1] Ma et al. 2018, ShuffleNet V2, arXiv:1807.11164.
 */
#include "netwright_ext.h"

struct shuffle_block {
    int k[2], mid, half, affine;
};

static const nw_attr shuffle_block_attrs[] = {
    {"k", NW_PAIR, offsetof(struct shuffle_block, k), "3", 1, 255, "kernel, pixels; odd",
     NULL},
    {"mid", NW_INT, offsetof(struct shuffle_block, mid), NULL, 1, 1 << 20,
     "channels between", NULL},
    {"half", NW_INT, offsetof(struct shuffle_block, half), NULL, 1, 1 << 20,
     "half of the input's channels", NULL},
    {"affine", NW_BOOL, offsetof(struct shuffle_block, affine), "1", 0, 0,
     "give the batch norms scale and shift", NULL},
    {0},
};

static const nw_case shuffle_block_cases[] = {
    {"shuffle_block mid=5 half=3", 1, {{3, {6, 5, 4}}}},
    {"shuffle_block k=5 mid=3 half=2 affine=0", 1, {{3, {4, 7, 6}}}},
    {0},
};

const nw_op_type NW_R(nw_op_shuffle_block) = {
    .name = "shuffle_block",
    .doc = "half of the channels pass, half take 1x1, depthwise, 1x1 convolutions",
    .paper = "Ma et al. 2018, ShuffleNet V2, arXiv:1807.11164",
    .attrs = shuffle_block_attrs,
    .size = sizeof(struct shuffle_block),
    .min_in = 1,
    .max_in = 1,
    .expand = "(slice c=::2,"
              " slice c=1::2 | conv2d out=$mid k=1 bias=0 name=branch_main.0"
              " | batchnorm affine=$affine name=branch_main.1 | relu"
              " | conv2d k=$k pad=same groups=in bias=0 name=branch_main.3"
              " | batchnorm affine=$affine name=branch_main.4"
              " | conv2d out=$half k=1 bias=0 name=branch_main.5"
              " | batchnorm affine=$affine name=branch_main.6 | relu)"
              " | concat",
    .cases = shuffle_block_cases,
};
