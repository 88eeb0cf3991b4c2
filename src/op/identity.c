/* identity.c - y = x; the executor may give the output the memory of the input. */
#include "op.h"

static void identity_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    nw_store(run->y + begin, run->x[0] + begin, end - begin, 0);
}

static void identity_forward(const nw_run *run)
{
    if (run->y != run->x[0])
        nw_each(run, identity_forward_part);
}

static void identity_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    nw_store(run->dx[0] + begin, run->dy + begin, end - begin, run->add[0]);
}

static void identity_backward(const nw_run *run)
{
    if (run->dx[0] && run->dx[0] != run->dy)
        nw_each(run, identity_backward_part);
}

static const nw_case identity_cases[] = {
    {"identity", 1, {{1, {7}}}},
    {"identity", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void identity_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "Identity");
    out->input(out, 0);
}

const nw_op_type NW_R(nw_op_identity) = {
    .name = "identity",
    .doc = "the input, unchanged",
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_IS_ALIAS,
    .infer = nw_infer_same,
    .forward = identity_forward,
    .backward = identity_backward,
    .cases = identity_cases,
    .onnx = identity_onnx,
};
