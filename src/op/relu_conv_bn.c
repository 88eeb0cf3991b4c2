/*
 * relu_conv_bn.c - the cell preprocessing of DARTS and the convolution of NAS-Bench-201;
 * parameter names are those of both authors' code: op.1, op.2.
 */
#include "chain.h"

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

#ifndef NW_DOUBLE

static int is_square(const struct relu_conv_bn *a)
{
    return a->k[0] == a->k[1] && a->stride[0] == a->stride[1] && a->pad[0] == a->pad[1];
}

static nw_chain chain_of(const struct relu_conv_bn *a, int c)
{
    const nw_stage_type *type = nw_chain_conv(a->k[0], a->stride[0]);

    return (nw_chain){1,
                      {{type, NW_GATE_RELU, a->k[0], a->stride[0], 1, a->pad[0],
                        nw_chain_channels(a->out, c)}},
                      a->affine,
                      1e-5};
}

/* One turn of k=1 takes 0.5 to 1.2 times as long as the parts, longer where all fits the
 * caches, and plans 0.57 to 0.77 times the bytes: it is taken for these. */
static int relu_conv_bn_fits(const void *attr, const nw_shape *in)
{
    const nw_chain chain = chain_of(attr, in->dim[0]);

    return is_square(attr) && nw_chain_fits(&chain, in);
}

static nw_status relu_conv_bn_prepare(nw_run *run)
{
    const nw_chain chain = chain_of(run->attr, run->in[0].dim[0]);

    return nw_chain_prepare(&chain, run);
}

#endif

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
#ifndef NW_DOUBLE
    .flags = NW_NEEDS_X | NW_ADDS | NW_CAN_DEFER,
    .fits = relu_conv_bn_fits,
    .prepare = relu_conv_bn_prepare,
    .release = nw_chain_release,
    .forward = nw_chain_forward,
    .backward = nw_chain_backward,
    .redo = nw_chain_redo,
#endif
};
