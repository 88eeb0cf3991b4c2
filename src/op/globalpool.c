/*
 * globalpool.c - mean of every channel.
 *
 * in    x (N, C, H, W), or a sequence (N, T, C)
 * out   y (N, C)
 * back  dy / (H W) to every pixel, dy / T to every step
 */
#include "columns.h"
#include "op.h"

static nw_status globalpool_infer(nw_node *node)
{
    if (node->in[0].rank < 2)
        return nw_refuse(node, "globalpool: the input must have channels, height and "
                               "width, or steps and channels");
    node->out = (nw_shape){1, {(int)nw_width(&node->in[0])}};
    return NW_OK;
}

static size_t pixels(const nw_run *run)
{
    return nw_count(&run->in[0]) / nw_width(&run->in[0]);
}

static void globalpool_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    size_t c = nw_width(&run->out), n = pixels(run);

    for (size_t i = begin; i < end; i++) {
        nw_real *y = run->y + i * c;

        NW_R(nw_rows_sum)(n, c, run->x[0] + i * n * c, y);
        for (size_t k = 0; k < c; k++)
            y[k] /= (nw_real)n;
    }
}

static void globalpool_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    size_t c = nw_width(&run->out), n = pixels(run);

    for (size_t i = begin; i < end; i++)
        for (size_t p = 0; p < n; p++) {
            nw_real *dx = run->dx[0] + (i * n + p) * c;
            const nw_real *dy = run->dy + i * c;

            for (size_t k = 0; k < c; k++) {
                nw_real v = dy[k] / (nw_real)n;

                dx[k] = run->add[0] ? dx[k] + v : v;
            }
        }
}

static void globalpool_forward(const nw_run *run)
{
    nw_each_of(run, (size_t)run->batch, nw_count(&run->in[0]), globalpool_forward_part);
}

static void globalpool_backward(const nw_run *run)
{
    if (run->dx[0])
        nw_each_of(run, (size_t)run->batch, nw_count(&run->in[0]),
                   globalpool_backward_part);
}

static const nw_case globalpool_cases[] = {
    {"globalpool", 1, {{3, {5, 4, 3}}}},
    {"globalpool", 1, {{3, {16, 7, 7}}}},
    {"globalpool", 1, {{3, {3, 1, 1}}}},
    {"globalpool", 1, {{2, {6, 5}}}},
    {0},
};

static void globalpool_onnx(nw_onnx *out, const nw_node *node)
{
    if (node->in[0].rank == 2) {
        out->node(out, "ReduceMean");
        out->input(out, 0);
        out->attr_ints(out, "axes", 1, (const int64_t[]){1});
        out->attr_int(out, "keepdims", 0);
        return;
    }
    out->node(out, "GlobalAveragePool");
    out->input(out, 0);
    out->node(out, "Flatten");
    out->previous(out);
    out->attr_int(out, "axis", 1);
}

const nw_op_type NW_R(nw_op_globalpool) = {
    .name = "globalpool",
    .doc = "mean of every channel",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS,
    .infer = globalpool_infer,
    .forward = globalpool_forward,
    .backward = globalpool_backward,
    .cases = globalpool_cases,
    .onnx = globalpool_onnx,
};
