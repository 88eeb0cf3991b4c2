/*
 * relu.c - rectified linear unit, y = max(x, 0).
 *
 * The slope at 0 is 0. A NaN passes, so that divergence is seen.
 */
#include "op.h"

static inline nw_real relu_value(nw_real x)
{
    return x < 0 ? 0 : x;
}

static inline nw_real relu_slope(nw_real x, nw_real y)
{
    (void)x;
    return y > 0 ? (nw_real)1 : (nw_real)0;
}

NW_POINTWISE(relu)

static const nw_case relu_cases[] = {
    {"relu", 1, {{1, {7}}}},
    {"relu", 1, {{2, {3, 5}}}},
    {"relu", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void relu_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "Relu");
    out->input(out, 0);
}

const nw_op_type NW_R(nw_op_relu) = {
    .name = "relu",
    .doc = "max(x, 0), element by element",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_Y,
    .infer = nw_infer_same,
    .forward = relu_forward,
    .backward = relu_backward,
    .cases = relu_cases,
    .onnx = relu_onnx,
};
