/*
 * depthwise_separable.c - depthwise and 1x1 convolution, each with a norm: an inverted
 * residual of expansion 1. Parameter names are those of ProxylessNAS [1].
 *
 * [1] Cai et al. 2019, ProxylessNAS, arXiv:1812.00332.
 */
#include "chain.h"

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

#ifndef NW_DOUBLE

static nw_chain chain_of(const struct depthwise_separable *a, int c)
{
    return (nw_chain){2,
                      {{&nw_stage_depth, NW_GATE_NONE, a->k[0], a->stride[0], 1, -1, c},
                       {&nw_stage_point, (nw_gate)nw_chain_gate(a->act), 1, 1, 1, 0,
                        nw_chain_channels(a->out, c)}},
                      1,
                      a->eps};
}

/* Stride 1 only: over a gradient that is three quarters zeros, and with a small output,
 * one turn took 1.04 to 1.27 times as long as the parts, and as many bytes. */
static int depthwise_separable_fits(const void *attr, const nw_shape *in)
{
    const struct depthwise_separable *a = attr;
    const nw_chain chain = chain_of(a, in->dim[0]);

    return a->k[0] == a->k[1] && a->stride[0] == 1 && a->stride[1] == 1 &&
           nw_chain_gate(a->act) >= 0 && nw_chain_fits(&chain, in);
}

static nw_status depthwise_separable_prepare(nw_run *run)
{
    const nw_chain chain = chain_of(run->attr, run->in[0].dim[0]);

    return nw_chain_prepare(&chain, run);
}

#endif

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
#ifndef NW_DOUBLE
    .flags = NW_NEEDS_X | NW_ADDS | NW_CAN_DEFER,
    .fits = depthwise_separable_fits,
    .prepare = depthwise_separable_prepare,
    .release = nw_chain_release,
    .forward = nw_chain_forward,
    .backward = nw_chain_backward,
    .redo = nw_chain_redo,
#endif
};
