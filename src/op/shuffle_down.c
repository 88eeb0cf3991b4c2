/*
 * shuffle_down.c - the block of ShuffleNetV2 [1] that changes the shape: all channels go
 * through depthwise and 1x1 convolution, and beside it through 1x1, depthwise and 1x1 to
 * `grow` more. Parameter names are those of Single Path One-Shot's code.
 *
 * [1] Ma et al. 2018, ShuffleNet V2, arXiv:1807.11164.
 */
#include "netwright_ext.h"

struct shuffle_down {
    int k[2], mid, grow, stride[2], affine;
};

static const nw_attr shuffle_down_attrs[] = {
    {"k", NW_PAIR, offsetof(struct shuffle_down, k), "3", 1, 255, "kernel, pixels; odd",
     NULL},
    {"mid", NW_INT, offsetof(struct shuffle_down, mid), NULL, 1, 1 << 20,
     "channels between", NULL},
    {"grow", NW_INT, offsetof(struct shuffle_down, grow), NULL, 1, 1 << 20,
     "channels beside as many as the input has", NULL},
    {"stride", NW_PAIR, offsetof(struct shuffle_down, stride), "2", 1, 255,
     "steps, pixels", NULL},
    {"affine", NW_BOOL, offsetof(struct shuffle_down, affine), "1", 0, 0,
     "give the batch norms scale and shift", NULL},
    {0},
};

static const nw_case shuffle_down_cases[] = {
    {"shuffle_down mid=5 grow=4", 1, {{3, {3, 6, 5}}}},
    {"shuffle_down k=5 mid=3 grow=2 stride=1 affine=0", 1, {{3, {4, 7, 6}}}},
    {0},
};

const nw_op_type NW_R(nw_op_shuffle_down) = {
    .name = "shuffle_down",
    .doc = "channels by a short way, beside more by 1x1, depthwise, 1x1 convolutions",
    .paper = "Ma et al. 2018, ShuffleNet V2, arXiv:1807.11164",
    .attrs = shuffle_down_attrs,
    .size = sizeof(struct shuffle_down),
    .min_in = 1,
    .max_in = 1,
    .expand = "(conv2d k=$k stride=$stride pad=same groups=in bias=0 name=branch_proj.0"
              " | batchnorm affine=$affine name=branch_proj.1"
              " | conv2d out=in k=1 bias=0 name=branch_proj.2"
              " | batchnorm affine=$affine name=branch_proj.3 | relu,"
              " conv2d out=$mid k=1 bias=0 name=branch_main.0"
              " | batchnorm affine=$affine name=branch_main.1 | relu"
              " | conv2d k=$k stride=$stride pad=same groups=in bias=0 name=branch_main.3"
              " | batchnorm affine=$affine name=branch_main.4"
              " | conv2d out=$grow k=1 bias=0 name=branch_main.5"
              " | batchnorm affine=$affine name=branch_main.6 | relu)"
              " | concat",
    .cases = shuffle_down_cases,
};
