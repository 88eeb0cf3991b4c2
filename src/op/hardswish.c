/*
 * hardswish.c - y = x min(max(x / 6 + 1/2, 0), 1).
 *
 * The slope is 0 below -3, 1 above 3 and x / 3 + 1/2 between.
 */
#include "op.h"

static inline nw_real hardswish_value(nw_real x)
{
    nw_real s = x / 6 + (nw_real).5;

    s = s < 0 ? 0 : s;
    return x * (s > 1 ? 1 : s);
}

static inline nw_real hardswish_slope(nw_real x, nw_real y)
{
    (void)y;
    if (x < -3)
        return 0;
    return x > 3 ? 1 : x / 3 + (nw_real).5;
}

NW_POINTWISE(hardswish)

static const nw_case hardswish_cases[] = {
    {"hardswish", 1, {{1, {7}}}},
    {"hardswish", 1, {{2, {3, 5}}}},
    {"hardswish", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void hardswish_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "HardSigmoid");
    out->input(out, 0);
    out->attr_float(out, "alpha", 1.f / 6);
    out->attr_float(out, "beta", .5f);
    out->node(out, "Mul");
    out->input(out, 0);
    out->previous(out);
}

const nw_op_type NW_R(nw_op_hardswish) = {
    .name = "hardswish",
    .doc = "x min(max(x / 6 + 1/2, 0), 1), element by element",
    .paper = "Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_X,
    .infer = nw_infer_same,
    .forward = hardswish_forward,
    .backward = hardswish_backward,
    .cases = hardswish_cases,
    .onnx = hardswish_onnx,
};
