/*
 * hardsigmoid.c - y = min(max(x / 6 + 1/2, 0), 1).
 *
 * The slope at -3 and at 3 is 0, as in PyTorch.
 */
#include "op.h"

static inline nw_real hardsigmoid_value(nw_real x)
{
    x = x / 6 + (nw_real).5;
    x = x < 0 ? 0 : x;
    return x > 1 ? 1 : x;
}

static inline nw_real hardsigmoid_slope(nw_real x, nw_real y)
{
    (void)x;
    return y > 0 && y < 1 ? (nw_real)1 / 6 : (nw_real)0;
}

NW_POINTWISE(hardsigmoid)

static const nw_case hardsigmoid_cases[] = {
    {"hardsigmoid", 1, {{1, {7}}}},
    {"hardsigmoid", 1, {{2, {3, 5}}}},
    {"hardsigmoid", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void hardsigmoid_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "HardSigmoid");
    out->input(out, 0);
    out->attr_float(out, "alpha", 1.f / 6);
    out->attr_float(out, "beta", .5f);
}

const nw_op_type NW_R(nw_op_hardsigmoid) = {
    .name = "hardsigmoid",
    .doc = "min(max(x / 6 + 1/2, 0), 1), element by element",
    .paper = "Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_Y,
    .infer = nw_infer_same,
    .forward = hardsigmoid_forward,
    .backward = hardsigmoid_backward,
    .cases = hardsigmoid_cases,
    .onnx = hardsigmoid_onnx,
};
