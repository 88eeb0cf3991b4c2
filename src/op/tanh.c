/*
 * tanh.c - hyperbolic tangent.
 *
 * dx = dy (1 - y y)
 */
#include "curve.h"
#include "op.h"

static inline nw_real tanh_slope(nw_real x, nw_real y)
{
    (void)x;
    return 1 - y * y;
}

NW_POINTWISE_BACK(tanh)

static void tanh_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    NW_R(nw_tanh)(end - begin, run->x[0] + begin, run->y + begin);
}

static void tanh_forward(const nw_run *run)
{
    nw_each(run, tanh_forward_part);
}

static const nw_case tanh_cases[] = {
    {"tanh", 1, {{1, {7}}}},
    {"tanh", 1, {{2, {3, 5}}}},
    {"tanh", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void tanh_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "Tanh");
    out->input(out, 0);
}

const nw_op_type NW_R(nw_op_tanh) = {
    .name = "tanh",
    .doc = "hyperbolic tangent, element by element",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_Y,
    .infer = nw_infer_same,
    .forward = tanh_forward,
    .backward = tanh_backward,
    .cases = tanh_cases,
    .onnx = tanh_onnx,
};
