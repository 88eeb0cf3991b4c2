/*
 * depthwise_separable.c - depthwise and 1x1 convolution, each with a norm: an inverted
 * residual of expansion 1. Parameter names are those of ProxylessNAS [1].
 *
 * [1] Cai et al. 2019, ProxylessNAS, arXiv:1812.00332.
 */
#include "netwright_ext.h"

struct depthwise_separable {
    int k[2], stride[2], out;
    char act[NW_TEXT_SIZE];
    double eps;
};

static const nw_attr depthwise_separable_attrs[] = {
    {"k", NW_PAIR, offsetof(struct depthwise_separable, k), "3", 1, 255,
     "kernel, pixels; odd", NULL},
    {"stride", NW_PAIR, offsetof(struct depthwise_separable, stride), "1", 1, 255,
     "steps, pixels", NULL},
    {"out", NW_INT, offsetof(struct depthwise_separable, out), "in", 1, 1 << 20,
     "channels", "in"},
    {"act", NW_TEXT, offsetof(struct depthwise_separable, act), "relu6", 0, 0,
     "op after the first norm", NULL},
    {"eps", NW_REAL, offsetof(struct depthwise_separable, eps), "1e-5", 1e-12, 1,
     "of the norms", NULL},
    {0},
};

static const nw_case depthwise_separable_cases[] = {
    {"depthwise_separable", 1, {{3, {3, 5, 6}}}},
    {"depthwise_separable k=5 stride=2 out=6 act=relu eps=1e-3", 1, {{3, {4, 7, 8}}}},
    {0},
};

const nw_op_type NW_R(nw_op_depthwise_separable) = {
    .name = "depthwise_separable",
    .doc = "depthwise and 1x1 convolution with norms, an activation between",
    .paper = "Howard et al. 2017, MobileNets, arXiv:1704.04861",
    .attrs = depthwise_separable_attrs,
    .size = sizeof(struct depthwise_separable),
    .min_in = 1,
    .max_in = 1,
    .expand = "conv2d k=$k stride=$stride pad=same groups=in bias=0 name=depth_conv.conv"
              " | batchnorm eps=$eps name=depth_conv.bn | $act"
              " | conv2d out=$out k=1 bias=0 name=point_linear.conv"
              " | batchnorm eps=$eps name=point_linear.bn",
    .cases = depthwise_separable_cases,
};
