/*
 * softmax.c - y_i = exp(x_i) / sum of exp(x_j), over the channels.
 *
 * back  dx_i = y_i (dy_i - sum of dy_j y_j)
 */
#include "op.h"

static void softmax_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t c = nw_width(&run->out);

    for (size_t r = begin; r < end; r++) {
        const nw_real *x = run->x[0] + r * c;
        nw_real *y = run->y + r * c, most = nw_most(x, c);
        double sum = 0;

        for (size_t i = 0; i < c; i++)
            sum += (double)(y[i] = NW_EXP(x[i] - most));
        for (size_t i = 0; i < c; i++)
            y[i] = (nw_real)((double)y[i] / sum);
    }
}

static void softmax_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t c = nw_width(&run->out);

    for (size_t r = begin; r < end; r++) {
        const nw_real *y = run->y + r * c, *dy = run->dy + r * c;
        nw_real *dx = run->dx[0] + r * c;
        double sum = 0;

        for (size_t i = 0; i < c; i++)
            sum += (double)y[i] * (double)dy[i];
        for (size_t i = 0; i < c; i++)
            dx[i] = (run->add[0] ? dx[i] : 0) + y[i] * (dy[i] - (nw_real)sum);
    }
}

static void softmax_forward(const nw_run *run)
{
    nw_each_row(run, softmax_forward_part);
}

static void softmax_backward(const nw_run *run)
{
    if (run->dx[0])
        nw_each_row(run, softmax_backward_part);
}

static const nw_case softmax_cases[] = {
    {"softmax", 1, {{1, {7}}}},
    {"softmax", 1, {{2, {3, 5}}}},
    {"softmax", 1, {{3, {5, 3, 4}}}},
    {0},
};

static void softmax_onnx(nw_onnx *out, const nw_node *node)
{
    out->node(out, "Softmax");
    out->input(out, 0);
    out->attr_int(out, "axis", 1 + nw_channel_axis(&node->in[0]));
}

const nw_op_type NW_R(nw_op_softmax) = {
    .name = "softmax",
    .doc = "exp(x) as shares of their sum over the channels",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_Y,
    .infer = nw_infer_same,
    .forward = softmax_forward,
    .backward = softmax_backward,
    .cases = softmax_cases,
    .onnx = softmax_onnx,
};
