/*
 * xception_down.c - the block of Single Path One-Shot [1] that changes the shape: all
 * channels go through depthwise and 1x1 convolution, and beside it through three
 * depthwise separable convolutions to `grow` more. Parameter names are those of Single
 * Path One-Shot's code.
 *
 * [1] Guo et al. 2020, Single path one-shot NAS, arXiv:1904.00420.
 */
#include "netwright_ext.h"

struct xception_down {
    int k[2], mid, grow, stride[2], affine;
};

static const nw_attr xception_down_attrs[] = {
    {"k", NW_PAIR, offsetof(struct xception_down, k), "3", 1, 255, "kernel, pixels; odd",
     NULL},
    {"mid", NW_INT, offsetof(struct xception_down, mid), NULL, 1, 1 << 20,
     "channels between", NULL},
    {"grow", NW_INT, offsetof(struct xception_down, grow), NULL, 1, 1 << 20,
     "channels beside as many as the input has", NULL},
    {"stride", NW_PAIR, offsetof(struct xception_down, stride), "2", 1, 255,
     "steps, pixels", NULL},
    {"affine", NW_BOOL, offsetof(struct xception_down, affine), "1", 0, 0,
     "give the batch norms scale and shift", NULL},
    {0},
};

static const nw_case xception_down_cases[] = {
    {"xception_down mid=5 grow=4", 1, {{3, {3, 6, 5}}}},
    {"xception_down k=5 mid=3 grow=2 stride=1 affine=0", 1, {{3, {4, 7, 6}}}},
    {0},
};

const nw_op_type NW_R(nw_op_xception_down) = {
    .name = "xception_down",
    .doc = "channels by a short way, beside more by three separable convolutions",
    .paper = "Guo et al. 2020, Single path one-shot NAS, arXiv:1904.00420",
    .attrs = xception_down_attrs,
    .size = sizeof(struct xception_down),
    .min_in = 1,
    .max_in = 1,
    .expand = "(conv2d k=$k stride=$stride pad=same groups=in bias=0 name=branch_proj.0"
              " | batchnorm affine=$affine name=branch_proj.1"
              " | conv2d out=in k=1 bias=0 name=branch_proj.2"
              " | batchnorm affine=$affine name=branch_proj.3 | relu,"
              " conv2d k=$k stride=$stride pad=same groups=in bias=0 name=branch_main.0"
              " | batchnorm affine=$affine name=branch_main.1"
              " | conv2d out=$mid k=1 bias=0 name=branch_main.2"
              " | batchnorm affine=$affine name=branch_main.3 | relu"
              " | conv2d k=$k pad=same groups=in bias=0 name=branch_main.5"
              " | batchnorm affine=$affine name=branch_main.6"
              " | conv2d out=$mid k=1 bias=0 name=branch_main.7"
              " | batchnorm affine=$affine name=branch_main.8 | relu"
              " | conv2d k=$k pad=same groups=in bias=0 name=branch_main.10"
              " | batchnorm affine=$affine name=branch_main.11"
              " | conv2d out=$grow k=1 bias=0 name=branch_main.12"
              " | batchnorm affine=$affine name=branch_main.13 | relu)"
              " | concat",
    .cases = xception_down_cases,
};
