/*
 * concat.c - inputs one after the other along the channels: of (C, H, W), of the last
 * axis of (T, C), of (C).
 *
 * In memory channels are last, so that every row of the output is a row of each input.
 */
#include "op.h"

static nw_status concat_infer(nw_node *node)
{
    const int axis = nw_channel_axis(&node->in[0]);
    nw_shape out = node->in[0];

    if (!out.rank)
        return nw_refuse(node, "concat: a single number has no channels");
    for (int i = 1; i < node->n_in; i++) {
        nw_shape other = node->in[i];
        int c = other.dim[axis];

        other.dim[axis] = out.dim[axis];
        if (!nw_same(&other, &out))
            return nw_refuse(node, "concat: input %d differs in more than its channels",
                             i);
        out.dim[axis] += c;
    }
    node->out = out;
    return NW_OK;
}

static void concat_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t width = nw_width(&run->out);

    for (size_t r = begin; r < end; r++) {
        nw_real *y = run->y + r * width;

        for (int i = 0; i < run->n_in; i++) {
            size_t c = nw_width(&run->in[i]);

            memcpy(y, run->x[i] + r * c, c * sizeof(*y));
            y += c;
        }
    }
}

static void concat_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t width = nw_width(&run->out);

    for (size_t r = begin; r < end; r++) {
        const nw_real *dy = run->dy + r * width;

        for (int i = 0; i < run->n_in; i++) {
            size_t c = nw_width(&run->in[i]);

            if (run->dx[i])
                nw_store(run->dx[i] + r * c, dy, c, run->add[i]);
            dy += c;
        }
    }
}

static void concat_forward(const nw_run *run)
{
    nw_each_row(run, concat_forward_part);
}

static void concat_backward(const nw_run *run)
{
    nw_each_row(run, concat_backward_part);
}

static const nw_case concat_cases[] = {
    {"concat", 2, {{1, {7}}, {1, {2}}}},
    {"concat", 2, {{2, {3, 5}}, {2, {3, 1}}}},
    {"concat", 3, {{3, {3, 5, 4}}, {3, {1, 5, 4}}, {3, {7, 5, 4}}}},
    {0},
};

static void concat_onnx(nw_onnx *out, const nw_node *node)
{
    out->node(out, "Concat");
    for (int i = 0; i < node->n_in; i++)
        out->input(out, i);
    out->attr_int(out, "axis", 1 + nw_channel_axis(&node->in[0]));
}

const nw_op_type NW_R(nw_op_concat) = {
    .name = "concat",
    .doc = "the inputs one after the other, channel by channel",
    .min_in = 1,
    .max_in = -1,
    .flags = NW_ADDS,
    .infer = concat_infer,
    .forward = concat_forward,
    .backward = concat_backward,
    .cases = concat_cases,
    .onnx = concat_onnx,
};
