/*
 * stacked_sep_conv.c - separable convolution, twice, as in NASNet [1]: the first half has
 * the stride and changes the number of channels; in sep_conv, DARTS's, the second does.
 *
 * [1] Zoph et al. 2018, Learning transferable architectures, arXiv:1707.07012; TF-slim's
 *     _stacked_separable_conv().
 */
#include "netwright_ext.h"

struct stacked_sep_conv {
    int k[2], stride[2], dil[2], out, tf;
    double eps;
};

static const nw_attr stacked_sep_conv_attrs[] = {
    {"k", NW_PAIR, offsetof(struct stacked_sep_conv, k), "3", 1, 255,
     "kernel, pixels; odd", NULL},
    {"stride", NW_PAIR, offsetof(struct stacked_sep_conv, stride), "1", 1, 255,
     "steps of the first half, pixels", NULL},
    {"dil", NW_PAIR, offsetof(struct stacked_sep_conv, dil), "1", 1, 255,
     "distance of the kernel's taps, pixels", NULL},
    {"out", NW_INT, offsetof(struct stacked_sep_conv, out), "in", 1, 1 << 20, "channels",
     "in"},
    {"tf", NW_BOOL, offsetof(struct stacked_sep_conv, tf), "0", 0, 0,
     "pad as TensorFlow's SAME does, see conv2d", NULL},
    {"eps", NW_REAL, offsetof(struct stacked_sep_conv, eps), "1e-5", 0, 1,
     "added to the variance by the batch norms", NULL},
    {0},
};

static const nw_case stacked_sep_conv_cases[] = {
    {"stacked_sep_conv", 1, {{3, {4, 6, 5}}}},
    {"stacked_sep_conv dil=2 stride=2 tf=1", 1, {{3, {3, 8, 7}}}},
    {"stacked_sep_conv k=5 stride=2 out=6 tf=1 eps=1e-3", 1, {{3, {4, 7, 8}}}},
    {0},
};

const nw_op_type NW_R(nw_op_stacked_sep_conv) = {
    .name = "stacked_sep_conv",
    .doc = "relu, depthwise and 1x1 convolution, batch norm; twice; the first sets out",
    .paper = "Zoph et al. 2018, NASNet, arXiv:1707.07012",
    .attrs = stacked_sep_conv_attrs,
    .size = sizeof(struct stacked_sep_conv),
    .min_in = 1,
    .max_in = 1,
    .expand = "relu"
              " | conv2d out=in k=$k stride=$stride dil=$dil tf=$tf groups=in bias=0 "
              "name=depthwise_1"
              " | conv2d out=$out k=1 bias=0 name=pointwise_1"
              " | batchnorm eps=$eps name=bn_1"
              " | relu"
              " | conv2d out=in k=$k dil=$dil tf=$tf groups=in bias=0 name=depthwise_2"
              " | conv2d out=in k=1 bias=0 name=pointwise_2"
              " | batchnorm eps=$eps name=bn_2",
    .cases = stacked_sep_conv_cases,
};
