/* reshape.c - the same numbers in another shape; see reorder.h. */
#include "reorder.h"

#include <stdlib.h>

struct reshape {
    char to[NW_TEXT_SIZE];
};

static const nw_attr reshape_attrs[] = {
    {"to", NW_TEXT, offsetof(struct reshape, to), NULL, 0, 0,
     "the new shape, as C, TxC or CxHxW", NULL},
    {0},
};

/* "16x4x4"; 0 when the text is no shape. */
static int parse_shape(const char *text, nw_shape *out)
{
    char *end;

    *out = (nw_shape){0};
    for (;; text++) {
        long v = strtol(text, &end, 10);

        if (end == text || v < 1 || v > 1 << 24 || out->rank == NW_MAX_RANK)
            return 0;
        out->dim[out->rank++] = (int)v;
        text = end;
        if (*text != 'x')
            return !*text;
    }
}

static nw_status reshape_infer(nw_node *node)
{
    const struct reshape *a = node->attr;

    if (!parse_shape(a->to, &node->out))
        return nw_refuse(node, "reshape: to=%s is not a shape C, TxC or CxHxW", a->to);
    if (nw_count(&node->out) != nw_count(&node->in[0]))
        return nw_refuse(node, "reshape: to=%s has %zu numbers, the input has %zu", a->to,
                         nw_count(&node->out), nw_count(&node->in[0]));
    return NW_OK;
}

static const nw_case reshape_cases[] = {
    {"reshape to=2x3", 1, {{1, {6}}}},
    {"reshape to=6x5x2", 1, {{3, {3, 5, 4}}}},
    {"reshape to=4x15", 1, {{3, {3, 5, 4}}}},
    {"reshape to=3x5x4", 1, {{1, {60}}}},
    {"reshape to=15", 1, {{2, {3, 5}}}},
    {"reshape to=2x6", 1, {{2, {4, 3}}}},
    {0},
};

static void reshape_onnx(nw_onnx *out, const nw_node *node)
{
    int64_t shape[1 + NW_MAX_RANK] = {0}; /* the first 0 keeps the batch */

    for (int i = 0; i < node->out.rank; i++)
        shape[1 + i] = node->out.dim[i];
    out->node(out, "Reshape");
    out->input(out, 0);
    out->indices(out, 1 + node->out.rank, shape);
}

const nw_op_type NW_R(nw_op_reshape) = {
    .name = "reshape",
    .doc = "the same numbers, in the same order, in another shape",
    .attrs = reshape_attrs,
    .size = sizeof(struct reshape),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS,
    .infer = reshape_infer,
    .prepare = reorder_prepare,
    .forward = reorder_forward,
    .backward = reorder_backward,
    .cases = reshape_cases,
    .onnx = reshape_onnx,
};
