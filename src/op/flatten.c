/* flatten.c - all numbers of an example in a row, channel by channel; see reorder.h. */
#include "reorder.h"

static nw_status flatten_infer(nw_node *node)
{
    const size_t n = nw_count(&node->in[0]);

    if (n > 1 << 30)
        return nw_refuse(node, "flatten: %zu numbers are too many", n);
    node->out = (nw_shape){1, {(int)n}};
    return NW_OK;
}

static const nw_case flatten_cases[] = {
    {"flatten", 1, {{1, {7}}}},
    {"flatten", 1, {{3, {3, 5, 4}}}},
    {"flatten", 1, {{3, {9, 1, 1}}}},
    {"flatten", 1, {{2, {3, 5}}}},
    {0},
};

static void flatten_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "Flatten");
    out->input(out, 0);
    out->attr_int(out, "axis", 1);
}

const nw_op_type NW_R(nw_op_flatten) = {
    .name = "flatten",
    .doc = "all numbers of an example in a row, channel by channel",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS,
    .infer = flatten_infer,
    .prepare = reorder_prepare,
    .forward = reorder_forward,
    .backward = reorder_backward,
    .cases = flatten_cases,
    .onnx = flatten_onnx,
};
