/* add.c - the sum of the inputs; one that is known to be zero is NULL and costs nothing.
 */
#include "mixture.h"

static nw_status add_infer(nw_node *node)
{
    return NW_R(nw_mixture_infer)(node, "add");
}

static void add_forward(const nw_run *run)
{
    NW_R(nw_mixture_forward)(run, NULL);
}

static void add_backward(const nw_run *run)
{
    NW_R(nw_mixture_backward)(run, NULL);
}

static const nw_case add_cases[] = {
    {"add", 2, {{1, {7}}, {1, {7}}}},
    {"add", 2, {{2, {3, 5}}, {2, {3, 5}}}},
    {"add", 3, {{3, {3, 5, 4}}, {3, {3, 5, 4}}, {3, {3, 5, 4}}}},
    {0},
};

static void add_onnx(nw_onnx *out, const nw_node *node)
{
    out->node(out, node->n_in == 2 ? "Add" : "Sum");
    for (int i = 0; i < node->n_in; i++)
        out->input(out, i);
}

const nw_op_type NW_R(nw_op_add) = {
    .name = "add",
    .doc = "the sum of the inputs",
    .min_in = 1,
    .max_in = -1,
    .flags = NW_ADDS | NW_SKIPS_ZERO | NW_TAKES_DEFERRED,
    .infer = add_infer,
    .prepare = NW_R(nw_mixture_prepare),
    .forward = add_forward,
    .backward = add_backward,
    .redo = add_forward,
    .cases = add_cases,
    .onnx = add_onnx,
};
