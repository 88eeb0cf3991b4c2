/*
 * inverted_residual.c - the block of MobileNetV2 [1] and of the networks searched after
 * it, without the sum around it: 1x1 to `mid` channels, depthwise, 1x1 to `out`; with any
 * activation. Parameter names are those of ProxylessNAS [2].
 *
 * mbconv is the same in torchvision's names, with a factor in place of channels.
 *
 * [1] Sandler et al. 2018, MobileNetV2, arXiv:1801.04381.
 * [2] Cai et al. 2019, ProxylessNAS, arXiv:1812.00332.
 */
#include "chain.h"

struct inverted_residual {
    int k[2], mid, stride[2], out;
    char act[NW_TEXT_SIZE];
    double eps;
};

static const nw_attr inverted_residual_attrs[] = {
    {"k", NW_PAIR, offsetof(struct inverted_residual, k), "3", 1, 255,
     "kernel, pixels; odd", NULL},
    {"mid", NW_INT, offsetof(struct inverted_residual, mid), "in*6", 1, 1 << 20,
     "channels between; in*6 = six times the input's", "in"},
    {"stride", NW_PAIR, offsetof(struct inverted_residual, stride), "1", 1, 255,
     "steps, pixels", NULL},
    {"out", NW_INT, offsetof(struct inverted_residual, out), NULL, 1, 1 << 20, "channels",
     NULL},
    {"act", NW_TEXT, offsetof(struct inverted_residual, act), "relu6", 0, 0,
     "op after the first two norms", NULL},
    {"eps", NW_REAL, offsetof(struct inverted_residual, eps), "1e-5", 1e-12, 1,
     "of the norms", NULL},
    {0},
};

static const nw_case inverted_residual_cases[] = {
    {"inverted_residual out=4", 1, {{3, {3, 5, 6}}}},
    {"inverted_residual k=5 mid=9 stride=2 out=4 act=swish eps=1e-3",
     1,
     {{3, {4, 7, 8}}}},
    {0},
};

#ifndef NW_DOUBLE

static nw_chain chain_of(const struct inverted_residual *a, int c)
{
    return nw_chain_inverted(a->k[0], a->stride[0], nw_chain_channels(a->mid, c), a->out,
                             (nw_gate)nw_chain_gate(a->act), a->eps);
}

static int inverted_residual_fits(const void *attr, const nw_shape *in)
{
    const struct inverted_residual *a = attr;
    const nw_chain chain = chain_of(a, in->dim[0]);

    return a->k[0] == a->k[1] && a->stride[0] == a->stride[1] &&
           nw_chain_gate(a->act) >= 0 && nw_chain_fits(&chain, in);
}

static nw_status inverted_residual_prepare(nw_run *run)
{
    const nw_chain chain = chain_of(run->attr, run->in[0].dim[0]);

    return nw_chain_prepare(&chain, run);
}

#endif

const nw_op_type NW_R(nw_op_inverted_residual) = {
    .name = "inverted_residual",
    .doc = "1x1, depthwise and 1x1 convolution with norms, without the sum around it",
    .paper = "Sandler et al. 2018, MobileNetV2, arXiv:1801.04381",
    .attrs = inverted_residual_attrs,
    .size = sizeof(struct inverted_residual),
    .min_in = 1,
    .max_in = 1,
    .expand = "conv2d out=$mid k=1 bias=0 name=inverted_bottleneck.conv"
              " | batchnorm eps=$eps name=inverted_bottleneck.bn | $act"
              " | conv2d k=$k stride=$stride pad=same groups=in bias=0"
              " name=depth_conv.conv"
              " | batchnorm eps=$eps name=depth_conv.bn | $act"
              " | conv2d out=$out k=1 bias=0 name=point_linear.conv"
              " | batchnorm eps=$eps name=point_linear.bn",
    .cases = inverted_residual_cases,
#ifndef NW_DOUBLE
    .flags = NW_NEEDS_X | NW_ADDS | NW_CAN_DEFER,
    .fits = inverted_residual_fits,
    .prepare = inverted_residual_prepare,
    .release = nw_chain_release,
    .forward = nw_chain_forward,
    .backward = nw_chain_backward,
    .redo = nw_chain_redo,
#endif
};
