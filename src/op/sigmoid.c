/*
 * sigmoid.c - y = 1 / (1 + exp(-x)).
 *
 * dx = dy y (1 - y)
 */
#include "op.h"

static inline nw_real sigmoid_value(nw_real x)
{
    return 1 / (1 + NW_EXP(-x));
}

static inline nw_real sigmoid_slope(nw_real x, nw_real y)
{
    (void)x;
    return y * (1 - y);
}

NW_POINTWISE(sigmoid)

static const nw_case sigmoid_cases[] = {
    {"sigmoid", 1, {{1, {7}}}},
    {"sigmoid", 1, {{2, {3, 5}}}},
    {"sigmoid", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void sigmoid_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "Sigmoid");
    out->input(out, 0);
}

const nw_op_type NW_R(nw_op_sigmoid) = {
    .name = "sigmoid",
    .doc = "1 / (1 + exp(-x)), element by element",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_Y,
    .infer = nw_infer_same,
    .forward = sigmoid_forward,
    .backward = sigmoid_backward,
    .cases = sigmoid_cases,
    .onnx = sigmoid_onnx,
};
