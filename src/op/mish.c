/*
 * mish.c - y = x t with t = tanh(log(1 + exp(x))).
 *
 * With e = exp(x) and n = e (e + 2), t = n / (n + 2): no logarithm, and exact for small
 * e. Beyond 20, t is 1 to the last digit of a double.
 *
 * dx = dy (t + x (1 - t^2) e / (1 + e)), where 1 - t = 2 / (n + 2)
 */
#include "op.h"

enum { FLAT = 20 };

static inline nw_real mish_value(nw_real x)
{
    nw_real e, n;

    if (x > FLAT)
        return x;
    e = NW_EXP(x);
    n = e * (e + 2);
    return x * (n / (n + 2));
}

static inline nw_real mish_slope(nw_real x, nw_real y)
{
    nw_real e, n, t;

    (void)y;
    if (x > FLAT)
        return 1;
    e = NW_EXP(x);
    n = e * (e + 2);
    t = n / (n + 2);
    return t + x * (2 / (n + 2)) * (1 + t) * (e / (1 + e));
}

NW_POINTWISE(mish)

static const nw_case mish_cases[] = {
    {"mish", 1, {{1, {7}}}},
    {"mish", 1, {{2, {3, 5}}}},
    {"mish", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void mish_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "Softplus");
    out->input(out, 0);
    out->node(out, "Tanh");
    out->previous(out);
    out->node(out, "Mul");
    out->input(out, 0);
    out->previous(out);
}

const nw_op_type NW_R(nw_op_mish) = {
    .name = "mish",
    .doc = "x tanh(log(1 + exp(x))), element by element",
    .paper = "Misra 2020, Mish: A self regularized non-monotonic activation function, "
             "arXiv:1908.08681",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_X,
    .infer = nw_infer_same,
    .forward = mish_forward,
    .backward = mish_backward,
    .cases = mish_cases,
    .onnx = mish_onnx,
};
