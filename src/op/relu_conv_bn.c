/*
 * relu_conv_bn.c - the cell preprocessing of DARTS and the convolution of NAS-Bench-201;
 * parameter names are those of both authors' code: op.1, op.2.
 */
#include "netwright_ext.h"

struct relu_conv_bn {
    int out, k[2], stride[2], pad[2], affine;
};

static const nw_attr relu_conv_bn_attrs[] = {
    {"out", NW_INT, offsetof(struct relu_conv_bn, out), "in", 1, 1 << 20, "channels",
     "in"},
    {"k", NW_PAIR, offsetof(struct relu_conv_bn, k), "1", 1, 255, "kernel, pixels", NULL},
    {"stride", NW_PAIR, offsetof(struct relu_conv_bn, stride), "1", 1, 255,
     "steps, pixels", NULL},
    {"pad", NW_PAIR, offsetof(struct relu_conv_bn, pad), "same", 0, 255,
     "zeros around the input, pixels; same = as many as keep its size", "same"},
    {"affine", NW_BOOL, offsetof(struct relu_conv_bn, affine), "1", 0, 0,
     "give the batch norm scale and shift", NULL},
    {0},
};

static const nw_case relu_conv_bn_cases[] = {
    {"relu_conv_bn out=6", 1, {{3, {4, 5, 3}}}},
    {"relu_conv_bn k=3 stride=2 affine=0", 1, {{3, {4, 7, 8}}}},
    {"relu_conv_bn out=3 k=1x7 pad=0x3", 1, {{3, {4, 5, 8}}}},
    {0},
};

const nw_op_type NW_R(nw_op_relu_conv_bn) = {
    .name = "relu_conv_bn",
    .doc = "relu, convolution, batch norm",
    .paper = "Liu et al. 2019, DARTS, arXiv:1806.09055",
    .attrs = relu_conv_bn_attrs,
    .size = sizeof(struct relu_conv_bn),
    .min_in = 1,
    .max_in = 1,
    .expand = "relu"
              " | conv2d out=$out k=$k stride=$stride pad=$pad bias=0 name=op.1"
              " | batchnorm affine=$affine name=op.2",
    .cases = relu_conv_bn_cases,
};
