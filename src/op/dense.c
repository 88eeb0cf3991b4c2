/*
 * dense.c - y = x weight' + bias, on the last axis.
 *
 * in    x (N, in) or (N, T, in)   and, where it shall say how many outputs there are
 *       (out=in), a second one of any shape: as many as it has channels
 * par   weight (out, in)   bias (out)
 * out   y (N, out) or (N, T, out)
 * back  dx = dy weight,  d weight = dy' x,  d bias = sum of dy
 * cost  in * out multiply-adds a row
 */
#include "columns.h"
#include "divisible.h"
#include "gemm.h"
#include "op.h"

struct dense {
    int out, bias, reduction, divisor;
};

static const nw_attr dense_attrs[] = {
    {"out", NW_INT, offsetof(struct dense, out), NULL, 1, 1 << 24,
     "output features; in = the channels of the last input", "in"},
    {"bias", NW_BOOL, offsetof(struct dense, bias), "1", 0, 0, "add a learnt constant",
     NULL},
    {"reduction", NW_INT, offsetof(struct dense, reduction), "1", 1, 1 << 24,
     "divides out, rounding down", NULL},
    {"divisor", NW_INT, offsetof(struct dense, divisor), "1", 1, 1 << 24,
     "then out becomes a multiple of it, as MobileNet rounds: near, not below 9/10",
     NULL},
    {0},
};

static int features(const nw_shape *in)
{
    return in->dim[in->rank - 1];
}

/* The word "in" is -1, and "in*6" is -6. */
static int outputs(const struct dense *a, const nw_node *node)
{
    const int channels = (int)nw_width(&node->in[node->n_in - 1]);
    const int out = a->out < 0 ? -a->out * channels : a->out;

    return nw_multiple_of(out / a->reduction, a->divisor);
}

static nw_status dense_infer(nw_node *node)
{
    const struct dense *a = node->attr;
    int rank = node->in[0].rank, in, out;

    if (rank != 1 && rank != 2)
        return nw_refuse(
            node, "dense: the input has %d axes: must be 1 or 2 (flatten it)", rank);
    in = features(&node->in[0]);
    out = outputs(a, node);
    node->out = node->in[0];
    node->out.dim[rank - 1] = out;
    node->param[0] =
        (nw_param){.suffix = "weight", .rank = 2, .dim = {out, in}, .fan_in = in};
    node->param[1] = (nw_param){
        .suffix = "bias", .rank = 1, .dim = {out}, .fan_in = in, .never_decays = 1};
    node->n_param = a->bias ? 2 : 1;
    node->macs = (double)nw_count(&node->in[0]) * out;
    return NW_OK;
}

static size_t rows_of(const nw_run *run)
{
    return nw_total(run) / nw_width(&run->out);
}

static nw_gemm forward_product(const nw_run *run)
{
    const struct dense *a = run->attr;

    return (nw_gemm){.m = rows_of(run),
                     .n = nw_width(&run->out),
                     .k = (size_t)features(&run->in[0]),
                     .count = 1,
                     .tb = 1,
                     .add = a->bias};
}

static nw_gemm data_product(const nw_run *run)
{
    return (nw_gemm){.m = rows_of(run),
                     .n = (size_t)features(&run->in[0]),
                     .k = nw_width(&run->out),
                     .count = 1};
}

static nw_gemm weight_product(const nw_run *run)
{
    return (nw_gemm){.m = nw_width(&run->out),
                     .n = (size_t)features(&run->in[0]),
                     .k = rows_of(run),
                     .count = 1,
                     .ta = 1,
                     .add = 1};
}

static nw_status dense_prepare(nw_run *run)
{
    nw_gemm product[] = {forward_product(run), data_product(run), weight_product(run)};

    for (int i = 0; i < (run->backward ? 3 : 1); i++) {
        size_t bytes = NW_R(nw_gemm_scratch)(&product[i]);

        if (bytes > run->scratch_bytes)
            run->scratch_bytes = bytes;
    }
    if (run->backward) {
        size_t bytes = NW_R(nw_column_scratch)(product[0].m, product[0].n);

        if (bytes > run->scratch_bytes)
            run->scratch_bytes = bytes;
    }
    return NW_OK;
}

static void dense_forward(const nw_run *run)
{
    nw_gemm g = forward_product(run);

    if (g.add)
        NW_R(nw_column_spread)(g.m, g.n, run->w[1], run->y);
    NW_R(nw_gemm)(&g, run->x[0], run->w[0], run->y, run->scratch);
}

static void dense_backward(const nw_run *run)
{
    const struct dense *a = run->attr;
    nw_gemm data = data_product(run), weight = weight_product(run);

    if (run->dw[0])
        NW_R(nw_gemm)(&weight, run->dy, run->x[0], run->dw[0], run->scratch);
    if (a->bias && run->dw[1])
        NW_R(nw_column_sum)(data.m, data.k, run->dy, run->dw[1], run->scratch);
    data.add = run->add[0];
    if (run->dx[0])
        NW_R(nw_gemm)(&data, run->dy, run->w[0], run->dx[0], run->scratch);
}

static const nw_case dense_cases[] = {
    {"dense out=5", 1, {{1, {7}}}},
    {"dense out=33 bias=0", 1, {{1, {20}}}},
    {"dense out=1", 1, {{1, {1}}}},
    {"dense out=6", 1, {{2, {4, 9}}}},
    {"dense out=3 bias=0", 1, {{2, {1, 5}}}},
    {"dense out=in reduction=4 divisor=8", 1, {{1, {50}}}},
    {"dense out=in*2 bias=0", 2, {{1, {9}}, {3, {4, 2, 3}}}},
    {0},
};

static void dense_onnx(nw_onnx *out, const nw_node *node)
{
    const struct dense *a = node->attr;

    if (node->in[0].rank == 1) {
        out->node(out, "Gemm");
        out->input(out, 0);
        out->param(out, 0);
        if (a->bias)
            out->param(out, 1);
        out->attr_int(out, "transB", 1);
        return;
    }
    out->node(out, "Transpose");
    out->param(out, 0);
    out->attr_ints(out, "perm", 2, (const int64_t[]){1, 0});
    out->node(out, "MatMul");
    out->input(out, 0);
    out->previous(out);
    if (a->bias) {
        out->node(out, "Add");
        out->previous(out);
        out->param(out, 1);
    }
}

const nw_op_type NW_R(nw_op_dense) = {
    .name = "dense",
    .doc = "fully connected layer, on the last axis",
    .attrs = dense_attrs,
    .size = sizeof(struct dense),
    .min_in = 1,
    .max_in = 2,
    .flags = NW_NEEDS_X | NW_ADDS | NW_NO_DATA_GRAD,
    .infer = dense_infer,
    .prepare = dense_prepare,
    .forward = dense_forward,
    .backward = dense_backward,
    .cases = dense_cases,
    .onnx = dense_onnx,
};
