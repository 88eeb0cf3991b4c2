/*
 * l2norm.c - y = x / |x|, where |x| is the root of the sum of squares over the channels:
 * every row becomes a vector of length 1, as by PyTorch's functional.normalize.
 *
 * back  dx = (dy - y sum of dy_i y_i) / |x|
 * how   sums are double; the way back finds |x| anew, which is cheaper than to keep it.
 *       A row shorter than 1e-12 is divided by that and takes no gradient (PyTorch: 1e12
 *       times dy)
 */
#include "op.h"

static const double SHORTEST = 1e-12;

static double length_of(const nw_real *x, size_t c)
{
    double sum = 0;

    for (size_t i = 0; i < c; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static void l2norm_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t c = nw_width(&run->out);

    for (size_t r = begin; r < end; r++) {
        const nw_real *x = run->x[0] + r * c;
        const double by = 1 / fmax(length_of(x, c), SHORTEST);
        nw_real *y = run->y + r * c;

        for (size_t i = 0; i < c; i++)
            y[i] = (nw_real)((double)x[i] * by);
    }
}

static void l2norm_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t c = nw_width(&run->out);

    for (size_t r = begin; r < end; r++) {
        const nw_real *y = run->y + r * c, *dy = run->dy + r * c;
        const double length = length_of(run->x[0] + r * c, c);
        const double by = length < SHORTEST ? 0 : 1 / length;
        nw_real *dx = run->dx[0] + r * c;
        double along = 0;

        for (size_t i = 0; i < c; i++)
            along += (double)y[i] * (double)dy[i];
        for (size_t i = 0; i < c; i++)
            dx[i] = (run->add[0] ? dx[i] : 0) +
                    (nw_real)(((double)dy[i] - along * (double)y[i]) * by);
    }
}

static void l2norm_forward(const nw_run *run)
{
    nw_each_row(run, l2norm_forward_part);
}

static void l2norm_backward(const nw_run *run)
{
    if (run->dx[0])
        nw_each_row(run, l2norm_backward_part);
}

static const nw_case l2norm_cases[] = {
    {"l2norm", 1, {{1, {7}}}},
    {"l2norm", 1, {{2, {3, 5}}}},
    {"l2norm", 1, {{3, {5, 3, 4}}}},
    {0},
};

static void l2norm_onnx(nw_onnx *out, const nw_node *node)
{
    out->node(out, "LpNormalization");
    out->input(out, 0);
    out->attr_int(out, "axis", 1 + nw_channel_axis(&node->in[0]));
    out->attr_int(out, "p", 2);
}

const nw_op_type NW_R(nw_op_l2norm) = {
    .name = "l2norm",
    .doc = "every vector of channels at length 1",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_X | NW_NEEDS_Y,
    .infer = nw_infer_same,
    .forward = l2norm_forward,
    .backward = l2norm_backward,
    .cases = l2norm_cases,
    .onnx = l2norm_onnx,
};
