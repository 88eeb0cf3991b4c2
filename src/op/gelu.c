/*
 * gelu.c - y = x P(x), where P is the distribution function of N(0, 1), by erf.
 *
 * dx = dy (P(x) + x p(x)), where p is its density
 */
#include "op.h"

static inline nw_real normal_below(nw_real x)
{
    return (nw_real).5 * (1 + NW_ERF(x * (nw_real)0.70710678118654752440));
}

static inline nw_real gelu_value(nw_real x)
{
    return x * normal_below(x);
}

static inline nw_real gelu_slope(nw_real x, nw_real y)
{
    nw_real density = (nw_real)0.39894228040143267794 * NW_EXP(x * x / -2);

    (void)y;
    return normal_below(x) + x * density;
}

NW_POINTWISE(gelu)

static const nw_case gelu_cases[] = {
    {"gelu", 1, {{1, {7}}}},
    {"gelu", 1, {{2, {3, 5}}}},
    {"gelu", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void gelu_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "Mul");
    out->input(out, 0);
    out->values(out, 1, (const float[]){0.70710678f});
    out->node(out, "Erf");
    out->previous(out);
    out->node(out, "Add");
    out->previous(out);
    out->values(out, 1, (const float[]){1});
    out->node(out, "Mul");
    out->previous(out);
    out->input(out, 0);
    out->node(out, "Mul");
    out->previous(out);
    out->values(out, 1, (const float[]){.5f});
}

const nw_op_type NW_R(nw_op_gelu) = {
    .name = "gelu",
    .doc = "x times the normal distribution function of x (by erf)",
    .paper = "Hendrycks, Gimpel 2016, Gaussian error linear units, arXiv:1606.08415",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_X,
    .infer = nw_infer_same,
    .forward = gelu_forward,
    .backward = gelu_backward,
    .cases = gelu_cases,
    .onnx = gelu_onnx,
};
