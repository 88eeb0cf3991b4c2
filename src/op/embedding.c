/*
 * embedding.c - a row of a table for each index.
 *
 * in    x (N, T), indices as numbers, rounded to the nearest whole one
 * par   weight (num, dim), which starts uniform in +-1 (PyTorch: normal)
 * out   y (N, T, dim); an index outside 0..num-1 gives zeros and takes no gradient
 * back  the rows of dweight grow in the order of the batch; dx is zero
 */
#include "op.h"

struct embedding {
    int num, dim;
};

static const nw_attr embedding_attrs[] = {
    {"num", NW_INT, offsetof(struct embedding, num), NULL, 1, 1 << 24,
     "rows of the table", NULL},
    {"dim", NW_INT, offsetof(struct embedding, dim), NULL, 1, 1 << 20, "numbers in a row",
     NULL},
    {0},
};

static nw_status embedding_infer(nw_node *node)
{
    const struct embedding *a = node->attr;

    if (node->in[0].rank != 1)
        return nw_refuse(node, "embedding: the input must be a row of indices");
    node->out = (nw_shape){2, {node->in[0].dim[0], a->dim}};
    node->n_param = 1;
    node->param[0] =
        (nw_param){.suffix = "weight", .rank = 2, .dim = {a->num, a->dim}, .fan_in = 1};
    return NW_OK;
}

/* Row of the table for index i of the batch, or -1. */
static long row_of(const nw_run *run, size_t i)
{
    const struct embedding *a = run->attr;
    const double x = (double)run->x[0][i];

    return x > -.5 && x < a->num - .5 ? lround(x) : -1;
}

static void embedding_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const struct embedding *a = run->attr;
    const size_t dim = (size_t)a->dim;

    for (size_t i = begin; i < end; i++) {
        long row = row_of(run, i);

        if (row < 0)
            memset(run->y + i * dim, 0, dim * sizeof(nw_real));
        else
            memcpy(run->y + i * dim, run->w[0] + (size_t)row * dim,
                   dim * sizeof(nw_real));
    }
}

static void embedding_forward(const nw_run *run)
{
    nw_each_row(run, embedding_forward_part);
}

static void embedding_backward(const nw_run *run)
{
    const size_t dim = nw_width(&run->out), n = nw_total(run) / dim;

    nw_store_zero(run, 0);
    for (size_t i = 0; run->dw[0] && i < n; i++) {
        long row = row_of(run, i);

        if (row >= 0)
            nw_store(run->dw[0] + (size_t)row * dim, run->dy + i * dim, dim, 1);
    }
}

static const nw_case embedding_cases[] = {
    {"embedding num=5 dim=3", 1, {{1, {7}}}},
    {"embedding num=9 dim=16", 1, {{1, {4}}}},
    {"embedding num=3 dim=2", 1, {{1, {1}}}},
    {0},
};

static void embedding_onnx(nw_onnx *out, const nw_node *node)
{
    const int64_t type_int64 = 7; /* TensorProto.INT64 */

    (void)node;
    out->node(out, "Cast");
    out->input(out, 0);
    out->attr_int(out, "to", type_int64);
    out->node(out, "Gather");
    out->param(out, 0);
    out->previous(out);
    out->attr_int(out, "axis", 0);
}

const nw_op_type NW_R(nw_op_embedding) = {
    .name = "embedding",
    .doc = "a row of a learned table for each index",
    .attrs = embedding_attrs,
    .size = sizeof(struct embedding),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_NEEDS_X,
    .infer = embedding_infer,
    .forward = embedding_forward,
    .backward = embedding_backward,
    .cases = embedding_cases,
    .onnx = embedding_onnx,
};
