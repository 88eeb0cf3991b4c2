/*
 * dil_conv.c - dilated separable convolution as in DARTS [1]; parameter names are those
 * of the authors' code: op.1, op.2, op.3.
 *
 * [1] Liu, Simonyan, Yang 2019, DARTS, arXiv:1806.09055.
 */
#include "chain.h"

struct dil_conv {
    int k[2], stride[2], dil[2], out, affine;
};

static const nw_attr dil_conv_attrs[] = {
    {"k", NW_PAIR, offsetof(struct dil_conv, k), "3", 1, 255, "kernel, pixels; odd",
     NULL},
    {"stride", NW_PAIR, offsetof(struct dil_conv, stride), "1", 1, 255, "steps, pixels",
     NULL},
    {"dil", NW_PAIR, offsetof(struct dil_conv, dil), "2", 1, 255,
     "distance of the kernel's taps, pixels", NULL},
    {"out", NW_INT, offsetof(struct dil_conv, out), "in", 1, 1 << 20, "channels", "in"},
    {"affine", NW_BOOL, offsetof(struct dil_conv, affine), "1", 0, 0,
     "give the batch norm scale and shift", NULL},
    {0},
};

static const nw_case dil_conv_cases[] = {
    {"dil_conv", 1, {{3, {4, 9, 7}}}},
    {"dil_conv k=5 stride=2 out=6 affine=0", 1, {{3, {4, 11, 12}}}},
    {0},
};

#ifndef NW_DOUBLE

static int is_square(const struct dil_conv *a)
{
    return a->k[0] == a->k[1] && a->stride[0] == a->stride[1] && a->dil[0] == a->dil[1];
}

static nw_chain chain_of(const struct dil_conv *a, int c)
{
    return (nw_chain){1,
                      {{&nw_stage_separable, NW_GATE_RELU, a->k[0], a->stride[0],
                        a->dil[0], -1, nw_chain_channels(a->out, c)}},
                      a->affine,
                      1e-5};
}

static int dil_conv_fits(const void *attr, const nw_shape *in)
{
    const nw_chain chain = chain_of(attr, in->dim[0]);

    return is_square(attr) && nw_chain_fits(&chain, in);
}

static nw_status dil_conv_prepare(nw_run *run)
{
    const nw_chain chain = chain_of(run->attr, run->in[0].dim[0]);

    return nw_chain_prepare(&chain, run);
}

#endif

const nw_op_type NW_R(nw_op_dil_conv) = {
    .name = "dil_conv",
    .doc = "relu, dilated depthwise and 1x1 convolution, batch norm",
    .paper = "Liu et al. 2019, DARTS, arXiv:1806.09055",
    .attrs = dil_conv_attrs,
    .size = sizeof(struct dil_conv),
    .min_in = 1,
    .max_in = 1,
    .expand = "relu"
              " | conv2d out=in k=$k stride=$stride dil=$dil pad=same groups=in bias=0"
              " name=op.1"
              " | conv2d out=$out k=1 bias=0 name=op.2"
              " | batchnorm affine=$affine name=op.3",
    .cases = dil_conv_cases,
#ifndef NW_DOUBLE
    .flags = NW_NEEDS_X | NW_ADDS | NW_CAN_DEFER,
    .fits = dil_conv_fits,
    .prepare = dil_conv_prepare,
    .release = nw_chain_release,
    .forward = nw_chain_forward,
    .backward = nw_chain_backward,
    .redo = nw_chain_redo,
#endif
};
