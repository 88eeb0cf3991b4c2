/*
 * relu6.c - y = min(max(x, 0), 6).
 *
 * The slope at 0 and at 6 is 0. A NaN passes, so that divergence is seen.
 */
#include "op.h"

static inline nw_real relu6_value(nw_real x)
{
    x = x < 0 ? 0 : x;
    return x > 6 ? 6 : x;
}

static inline nw_real relu6_slope(nw_real x, nw_real y)
{
    (void)x;
    return y > 0 && y < 6 ? (nw_real)1 : (nw_real)0;
}

NW_POINTWISE(relu6)

static const nw_case relu6_cases[] = {
    {"relu6", 1, {{1, {7}}}},
    {"relu6", 1, {{2, {3, 5}}}},
    {"relu6", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void relu6_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "Relu");
    out->input(out, 0);
    out->node(out, "Min");
    out->previous(out);
    out->values(out, 1, (const float[]){6});
}

const nw_op_type NW_R(nw_op_relu6) = {
    .name = "relu6",
    .doc = "min(max(x, 0), 6), element by element",
    .paper = "Howard et al. 2017, MobileNets, arXiv:1704.04861",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_Y,
    .infer = nw_infer_same,
    .forward = relu6_forward,
    .backward = relu6_backward,
    .cases = relu6_cases,
    .onnx = relu6_onnx,
};
