/*
 * sep_conv.c - separable convolution, twice, as in DARTS [1]: the first half has the
 * stride, the second changes the number of channels. Parameter names are those of the
 * authors' code: op.1, op.2, op.3, op.5, op.6, op.7.
 *
 * [1] Liu, Simonyan, Yang 2019, DARTS, arXiv:1806.09055.
 */
#include "chain.h"

struct sep_conv {
    int k[2], stride[2], out, affine;
};

static const nw_attr sep_conv_attrs[] = {
    {"k", NW_PAIR, offsetof(struct sep_conv, k), "3", 1, 255, "kernel, pixels; odd",
     NULL},
    {"stride", NW_PAIR, offsetof(struct sep_conv, stride), "1", 1, 255,
     "steps of the first half, pixels", NULL},
    {"out", NW_INT, offsetof(struct sep_conv, out), "in", 1, 1 << 20, "channels", "in"},
    {"affine", NW_BOOL, offsetof(struct sep_conv, affine), "1", 0, 0,
     "give the batch norms scale and shift", NULL},
    {0},
};

static const nw_case sep_conv_cases[] = {
    {"sep_conv", 1, {{3, {4, 6, 5}}}},
    {"sep_conv k=5 stride=2 out=6 affine=0", 1, {{3, {4, 7, 8}}}},
    {0},
};

#ifndef NW_DOUBLE

static int is_square(const struct sep_conv *a)
{
    return a->k[0] == a->k[1] && a->stride[0] == a->stride[1];
}

static nw_chain chain_of(const struct sep_conv *a, int c)
{
    nw_link half = {&nw_stage_separable, NW_GATE_RELU, a->k[0], a->stride[0], 1, -1, c};
    nw_chain chain = {2, {half, half}, a->affine, 1e-5};

    chain.link[1].stride = 1;
    chain.link[1].out = nw_chain_channels(a->out, c);
    return chain;
}

static int sep_conv_fits(const void *attr, const nw_shape *in)
{
    const nw_chain chain = chain_of(attr, in->dim[0]);

    return is_square(attr) && nw_chain_fits(&chain, in);
}

static nw_status sep_conv_prepare(nw_run *run)
{
    const nw_chain chain = chain_of(run->attr, run->in[0].dim[0]);

    return nw_chain_prepare(&chain, run);
}

#endif

const nw_op_type NW_R(nw_op_sep_conv) = {
    .name = "sep_conv",
    .doc = "relu, depthwise and 1x1 convolution, batch norm; twice",
    .paper = "Liu et al. 2019, DARTS, arXiv:1806.09055",
    .attrs = sep_conv_attrs,
    .size = sizeof(struct sep_conv),
    .min_in = 1,
    .max_in = 1,
    .expand = "relu"
              " | conv2d out=in k=$k stride=$stride pad=same groups=in bias=0 name=op.1"
              " | conv2d out=in k=1 bias=0 name=op.2"
              " | batchnorm affine=$affine name=op.3"
              " | relu"
              " | conv2d out=in k=$k pad=same groups=in bias=0 name=op.5"
              " | conv2d out=$out k=1 bias=0 name=op.6"
              " | batchnorm affine=$affine name=op.7",
    .cases = sep_conv_cases,
#ifndef NW_DOUBLE
    .flags = NW_NEEDS_X | NW_ADDS | NW_CAN_DEFER,
    .fits = sep_conv_fits,
    .prepare = sep_conv_prepare,
    .release = nw_chain_release,
    .forward = nw_chain_forward,
    .backward = nw_chain_backward,
    .redo = nw_chain_redo,
#endif
};
