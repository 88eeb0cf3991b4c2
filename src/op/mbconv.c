/*
 * mbconv.c - inverted residual of MobileNetV2 [1], without the sum around it: 1x1 to e
 * times the channels, depthwise, 1x1 to `out`. Parameter names are those of torchvision:
 * conv.0.0, conv.0.1, conv.1.0, conv.1.1, conv.2, conv.3.
 *
 * [1] Sandler et al. 2018, MobileNetV2, arXiv:1801.04381.
 */
#include "chain.h"

struct mbconv {
    int k[2], e, stride[2], out;
};

static const nw_attr mbconv_attrs[] = {
    {"k", NW_PAIR, offsetof(struct mbconv, k), "3", 1, 255, "kernel, pixels; odd", NULL},
    {"e", NW_INT, offsetof(struct mbconv, e), "6", 1, 64, "expansion of the channels",
     NULL},
    {"stride", NW_PAIR, offsetof(struct mbconv, stride), "1", 1, 255, "steps, pixels",
     NULL},
    {"out", NW_INT, offsetof(struct mbconv, out), NULL, 1, 1 << 20, "channels", NULL},
    {0},
};

static const nw_case mbconv_cases[] = {
    {"mbconv e=3 out=5", 1, {{3, {4, 5, 6}}}},
    {"mbconv k=5 e=2 stride=2 out=4", 1, {{3, {4, 7, 8}}}},
    {0},
};

#ifndef NW_DOUBLE

static nw_chain chain_of(const struct mbconv *a, int c)
{
    return nw_chain_inverted(a->k[0], a->stride[0], c * a->e, a->out, NW_GATE_RELU6,
                             1e-5);
}

static int mbconv_fits(const void *attr, const nw_shape *in)
{
    const struct mbconv *a = attr;
    const nw_chain chain = chain_of(a, in->dim[0]);

    return a->k[0] == a->k[1] && a->stride[0] == a->stride[1] &&
           nw_chain_fits(&chain, in);
}

static nw_status mbconv_prepare(nw_run *run)
{
    const nw_chain chain = chain_of(run->attr, run->in[0].dim[0]);

    return nw_chain_prepare(&chain, run);
}

#endif

const nw_op_type NW_R(nw_op_mbconv) = {
    .name = "mbconv",
    .doc = "inverted residual block without the sum around it",
    .paper = "Sandler et al. 2018, MobileNetV2, arXiv:1801.04381",
    .attrs = mbconv_attrs,
    .size = sizeof(struct mbconv),
    .min_in = 1,
    .max_in = 1,
    .expand =
        "conv2d out=in*$e k=1 bias=0 name=conv.0.0 | batchnorm name=conv.0.1 | relu6"
        " | conv2d out=in k=$k stride=$stride pad=same groups=in bias=0 name=conv.1.0"
        " | batchnorm name=conv.1.1 | relu6"
        " | conv2d out=$out k=1 bias=0 name=conv.2 | batchnorm name=conv.3",
    .cases = mbconv_cases,
#ifndef NW_DOUBLE
    .flags = NW_NEEDS_X | NW_ADDS | NW_CAN_DEFER,
    .fits = mbconv_fits,
    .prepare = mbconv_prepare,
    .release = nw_chain_release,
    .forward = nw_chain_forward,
    .backward = nw_chain_backward,
    .redo = nw_chain_redo,
#endif
};
