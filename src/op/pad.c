/* pad.c - zeros around a picture. */
#include "op.h"

struct pad {
    int top, bottom, left, right;
};

static const nw_attr pad_attrs[] = {
    {"top", NW_INT, offsetof(struct pad, top), "0", 0, 1 << 15, "rows above", NULL},
    {"bottom", NW_INT, offsetof(struct pad, bottom), "0", 0, 1 << 15, "rows below", NULL},
    {"left", NW_INT, offsetof(struct pad, left), "0", 0, 1 << 15, "columns before", NULL},
    {"right", NW_INT, offsetof(struct pad, right), "0", 0, 1 << 15, "columns behind",
     NULL},
    {0},
};

static nw_status pad_infer(nw_node *node)
{
    const struct pad *a = node->attr;

    if (node->in[0].rank != 3)
        return nw_refuse(node, "pad: the input must have height and width");
    node->out = node->in[0];
    node->out.dim[1] += a->top + a->bottom;
    node->out.dim[2] += a->left + a->right;
    return NW_OK;
}

/* One row of pixels of the input, row r of the batch: where it starts in the output. */
static size_t row_in_y(const nw_run *run, size_t r)
{
    const struct pad *a = run->attr;
    const size_t h = (size_t)run->in[0].dim[1], n = r / h;
    const size_t y = n * (size_t)run->out.dim[1] + r % h + (size_t)a->top;

    return (y * (size_t)run->out.dim[2] + (size_t)a->left) * (size_t)run->out.dim[0];
}

static size_t row_size(const nw_run *run)
{
    return (size_t)run->in[0].dim[2] * (size_t)run->in[0].dim[0];
}

static void pad_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t size = row_size(run);

    for (size_t r = begin; r < end; r++)
        memcpy(run->y + row_in_y(run, r), run->x[0] + r * size, size * sizeof(nw_real));
}

static void pad_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t size = row_size(run);

    for (size_t r = begin; r < end; r++)
        nw_store(run->dx[0] + r * size, run->dy + row_in_y(run, r), size, run->add[0]);
}

static void pad_forward(const nw_run *run)
{
    const size_t rows = (size_t)run->batch * (size_t)run->in[0].dim[1];

    memset(run->y, 0, nw_total(run) * sizeof(nw_real));
    nw_each_of(run, rows, row_size(run), pad_forward_part);
}

static void pad_backward(const nw_run *run)
{
    const size_t rows = (size_t)run->batch * (size_t)run->in[0].dim[1];

    if (run->dx[0])
        nw_each_of(run, rows, row_size(run), pad_backward_part);
}

static const nw_case pad_cases[] = {
    {"pad top=1 left=2", 1, {{3, {3, 5, 4}}}},
    {"pad bottom=1 right=1", 1, {{3, {2, 3, 7}}}},
    {0},
};

static void pad_onnx(nw_onnx *out, const nw_node *node)
{
    const struct pad *a = node->attr;

    out->node(out, "Pad");
    out->input(out, 0);
    out->indices(out, 8,
                 (const int64_t[]){0, 0, a->top, a->left, 0, 0, a->bottom, a->right});
}

const nw_op_type NW_R(nw_op_pad) = {
    .name = "pad",
    .doc = "zeros around a picture",
    .attrs = pad_attrs,
    .size = sizeof(struct pad),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS,
    .infer = pad_infer,
    .forward = pad_forward,
    .backward = pad_backward,
    .cases = pad_cases,
    .onnx = pad_onnx,
};
