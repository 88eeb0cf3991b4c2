/*
 * log_softmax.c - y_i = x_i - log(sum of exp(x_j)), over the channels.
 *
 * back  dx_i = dy_i - exp(y_i) sum of dy_j
 */
#include "op.h"

static void log_softmax_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t c = nw_width(&run->out);

    for (size_t r = begin; r < end; r++) {
        const nw_real *x = run->x[0] + r * c;
        const nw_real all = nw_log_sum_exp(x, c);
        nw_real *y = run->y + r * c;

        for (size_t i = 0; i < c; i++)
            y[i] = x[i] - all;
    }
}

static void log_softmax_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t c = nw_width(&run->out);

    for (size_t r = begin; r < end; r++) {
        const nw_real *y = run->y + r * c, *dy = run->dy + r * c;
        nw_real *dx = run->dx[0] + r * c;
        double sum = 0;

        for (size_t i = 0; i < c; i++)
            sum += (double)dy[i];
        for (size_t i = 0; i < c; i++)
            dx[i] = (run->add[0] ? dx[i] : 0) + dy[i] - NW_EXP(y[i]) * (nw_real)sum;
    }
}

static void log_softmax_forward(const nw_run *run)
{
    nw_each_row(run, log_softmax_forward_part);
}

static void log_softmax_backward(const nw_run *run)
{
    if (run->dx[0])
        nw_each_row(run, log_softmax_backward_part);
}

static const nw_case log_softmax_cases[] = {
    {"log_softmax", 1, {{1, {7}}}},
    {"log_softmax", 1, {{2, {3, 5}}}},
    {"log_softmax", 1, {{3, {5, 3, 4}}}},
    {0},
};

static void log_softmax_onnx(nw_onnx *out, const nw_node *node)
{
    out->node(out, "LogSoftmax");
    out->input(out, 0);
    out->attr_int(out, "axis", 1 + nw_channel_axis(&node->in[0]));
}

const nw_op_type NW_R(nw_op_log_softmax) = {
    .name = "log_softmax",
    .doc = "the logarithm of softmax",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_Y,
    .infer = nw_infer_same,
    .forward = log_softmax_forward,
    .backward = log_softmax_backward,
    .cases = log_softmax_cases,
    .onnx = log_softmax_onnx,
};
