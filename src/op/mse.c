/*
 * mse.c - mean squared difference, example by example.
 *
 * in    x (N, any shape)   label the same shape
 * out   y (N), the mean over the numbers of an example
 * back  dx = dy 2 (x - label) / count
 */
#include "op.h"

static nw_status mse_infer(nw_node *node)
{
    if (!nw_same(&node->in[0], &node->in[1]))
        return nw_refuse(node, "mse: the label must have the shape of the input");
    node->out = (nw_shape){0};
    return NW_OK;
}

static void mse_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t size = nw_count(&run->in[0]);

    for (size_t n = begin; n < end; n++) {
        double sum = 0;

        for (size_t i = n * size; i < (n + 1) * size; i++) {
            double d = (double)run->x[0][i] - (double)run->x[1][i];

            sum += d * d;
        }
        run->y[n] = (nw_real)(sum / (double)size);
    }
}

static void mse_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t size = nw_count(&run->in[0]);

    for (size_t n = begin; n < end; n++)
        for (size_t i = n * size; i < (n + 1) * size; i++) {
            nw_real *dx = run->dx[0] + i;
            nw_real g = run->dy[n] * 2 * (run->x[0][i] - run->x[1][i]) / (nw_real)size;

            *dx = (run->add[0] ? *dx : 0) + g;
        }
}

static void mse_forward(const nw_run *run)
{
    nw_each_of(run, (size_t)run->batch, nw_count(&run->in[0]), mse_forward_part);
}

static void mse_backward(const nw_run *run)
{
    if (run->dx[0])
        nw_each_of(run, (size_t)run->batch, nw_count(&run->in[0]), mse_backward_part);
}

static const nw_case mse_cases[] = {
    {"mse", 2, {{1, {7}}, {1, {7}}}},
    {"mse", 2, {{3, {3, 5, 4}}, {3, {3, 5, 4}}}},
    {0},
};

const nw_op_type NW_R(nw_op_mse) = {
    .name = "mse",
    .doc = "mean squared difference of input 0 to the label, input 1",
    .min_in = 2,
    .max_in = 2,
    .flags = NW_ADDS | NW_NEEDS_X | NW_NO_DATA_GRAD,
    .infer = mse_infer,
    .forward = mse_forward,
    .backward = mse_backward,
    .cases = mse_cases,
};
