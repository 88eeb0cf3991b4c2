/* conv_bn_relu.c - convolution, batch norm, relu; parameter names conv and bn. */
#include "netwright_ext.h"

struct conv_bn_relu {
    int out, k[2], stride[2], pad[2], affine;
};

static const nw_attr conv_bn_relu_attrs[] = {
    {"out", NW_INT, offsetof(struct conv_bn_relu, out), "in", 1, 1 << 20, "channels",
     "in"},
    {"k", NW_PAIR, offsetof(struct conv_bn_relu, k), "3", 1, 255, "kernel, pixels", NULL},
    {"stride", NW_PAIR, offsetof(struct conv_bn_relu, stride), "1", 1, 255,
     "steps, pixels", NULL},
    {"pad", NW_PAIR, offsetof(struct conv_bn_relu, pad), "same", 0, 255,
     "zeros around the input, pixels; same = as many as keep its size", "same"},
    {"affine", NW_BOOL, offsetof(struct conv_bn_relu, affine), "1", 0, 0,
     "give the batch norm scale and shift", NULL},
    {0},
};

static const nw_case conv_bn_relu_cases[] = {
    {"conv_bn_relu out=6", 1, {{3, {3, 5, 4}}}},
    {"conv_bn_relu k=5x3 stride=2 affine=0", 1, {{3, {4, 7, 8}}}},
    {0},
};

const nw_op_type NW_R(nw_op_conv_bn_relu) = {
    .name = "conv_bn_relu",
    .doc = "convolution, batch norm, relu",
    .attrs = conv_bn_relu_attrs,
    .size = sizeof(struct conv_bn_relu),
    .min_in = 1,
    .max_in = 1,
    .expand = "conv2d out=$out k=$k stride=$stride pad=$pad bias=0 name=conv"
              " | batchnorm affine=$affine name=bn"
              " | relu",
    .cases = conv_bn_relu_cases,
};
