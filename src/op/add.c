/* add.c - the sum of the inputs; one that is known to be zero is NULL and costs nothing.
 */
#include "op.h"

enum { BLOCK = 2048 };

static nw_status add_infer(nw_node *node)
{
    for (int i = 1; i < node->n_in; i++)
        if (!nw_same(&node->in[0], &node->in[i]))
            return nw_refuse(node, "add: input %d has another shape than the first", i);
    return nw_infer_same(node);
}

/* Block after block, so that y stays in the first-level cache until it is complete. */
static void add_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    for (size_t at = begin; at < end; at += BLOCK) {
        size_t n = end - at < BLOCK ? end - at : BLOCK;
        int any = 0;

        for (int i = 0; i < run->n_in; i++)
            if (run->x[i])
                nw_store(run->y + at, run->x[i] + at, n, any++);
        if (!any)
            memset(run->y + at, 0, n * sizeof(*run->y));
    }
}

static void add_forward(const nw_run *run)
{
    nw_each(run, add_forward_part);
}

static void add_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    for (int i = 0; i < run->n_in; i++)
        if (run->dx[i])
            nw_store(run->dx[i] + begin, run->dy + begin, end - begin, run->add[i]);
}

static void add_backward(const nw_run *run)
{
    nw_each(run, add_backward_part);
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
    .flags = NW_ADDS | NW_SKIPS_ZERO,
    .infer = add_infer,
    .forward = add_forward,
    .backward = add_backward,
    .cases = add_cases,
    .onnx = add_onnx,
};
