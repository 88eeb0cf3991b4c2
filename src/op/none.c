/* none.c - zeros: an edge that is not there. */
#include "stride.h"

static void none_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    memset(run->y + begin, 0, (end - begin) * sizeof(*run->y));
}

static void none_forward(const nw_run *run)
{
    nw_each(run, none_forward_part);
}

static void none_backward(const nw_run *run)
{
    nw_store_zero(run, 0);
}

static const nw_case none_cases[] = {
    {"none", 1, {{1, {7}}}},
    {"none stride=2", 1, {{3, {3, 5, 4}}}},
    {"none stride=1x3", 1, {{3, {2, 4, 7}}}},
    {0},
};

static void none_onnx(nw_onnx *out, const nw_node *node)
{
    const struct stride *a = node->attr;
    const int64_t from[] = {0, 0}, axes[] = {2, 3};

    if (node->in[0].rank == 3) {
        out->node(out, "Slice");
        out->input(out, 0);
        out->indices(out, 2, from);
        out->indices(out, 2, (const int64_t[]){node->in[0].dim[1], node->in[0].dim[2]});
        out->indices(out, 2, axes);
        out->indices(out, 2, (const int64_t[]){a->stride[0], a->stride[1]});
    } else {
        out->node(out, "Identity");
        out->input(out, 0);
    }
    out->node(out, "Mul");
    out->previous(out);
    out->values(out, 1, (const float[]){0});
}

const nw_op_type NW_R(nw_op_none) = {
    .name = "none",
    .doc = "zeros, in the shape of every s-th pixel of the input",
    .attrs = stride_attrs,
    .size = sizeof(struct stride),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_IS_ZERO,
    .infer = stride_infer,
    .forward = none_forward,
    .backward = none_backward,
    .cases = none_cases,
    .onnx = none_onnx,
};
