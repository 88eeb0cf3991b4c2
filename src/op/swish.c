/*
 * swish.c - y = x s with s = 1 / (1 + exp(-x)); also known as SiLU.
 *
 * dx = dy s (1 + x (1 - s))
 */
#include "op.h"

static inline nw_real swish_value(nw_real x)
{
    return x / (1 + NW_EXP(-x));
}

static inline nw_real swish_slope(nw_real x, nw_real y)
{
    nw_real s = 1 / (1 + NW_EXP(-x));

    (void)y;
    return s * (1 + x * (1 - s));
}

NW_POINTWISE(swish)

static const nw_case swish_cases[] = {
    {"swish", 1, {{1, {7}}}},
    {"swish", 1, {{2, {3, 5}}}},
    {"swish", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void swish_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "Sigmoid");
    out->input(out, 0);
    out->node(out, "Mul");
    out->input(out, 0);
    out->previous(out);
}

const nw_op_type NW_R(nw_op_swish) = {
    .name = "swish",
    .doc = "x / (1 + exp(-x)), element by element (SiLU)",
    .paper =
        "Ramachandran et al. 2017, Searching for activation functions, arXiv:1710.05941",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_X,
    .infer = nw_infer_same,
    .forward = swish_forward,
    .backward = swish_backward,
    .cases = swish_cases,
    .onnx = swish_onnx,
};
