/*
 * matmul.c - y = op(a) op(b), example by example; op transposes where ta, tb say so.
 *
 * in    a (N, M, K), b (N, K, L)
 * out   y (N, M, L)
 * back  da = dy b',  db = a' dy, transposed where a and b are
 * cost  M K L multiply-adds
 */
#include "gemm.h"
#include "op.h"

struct matmul {
    int ta, tb;
};

static const nw_attr matmul_attrs[] = {
    {"ta", NW_BOOL, offsetof(struct matmul, ta), "0", 0, 0, "transpose the first input",
     NULL},
    {"tb", NW_BOOL, offsetof(struct matmul, tb), "0", 0, 0, "transpose the second input",
     NULL},
    {0},
};

static nw_status matmul_infer(nw_node *node)
{
    const struct matmul *a = node->attr;
    const nw_shape *x = &node->in[0], *y = &node->in[1];

    if (x->rank != 2 || y->rank != 2)
        return nw_refuse(node, "matmul: the inputs have %d and %d axes: must be 2 and 2",
                         x->rank, y->rank);
    if (x->dim[!a->ta] != y->dim[a->tb])
        return nw_refuse(node,
                         "matmul: %dx%d ta=%d and %dx%d tb=%d: inner sizes %d and %d "
                         "must be equal",
                         x->dim[0], x->dim[1], a->ta, y->dim[0], y->dim[1], a->tb,
                         x->dim[!a->ta], y->dim[a->tb]);
    node->out = (nw_shape){2, {x->dim[a->ta], y->dim[!a->tb]}};
    node->macs = (double)nw_count(&node->out) * x->dim[!a->ta];
    return NW_OK;
}

static nw_gemm forward_product(const nw_run *run)
{
    const struct matmul *a = run->attr;

    return (nw_gemm){.m = (size_t)run->out.dim[0],
                     .n = (size_t)run->out.dim[1],
                     .k = (size_t)run->in[0].dim[!a->ta],
                     .count = (size_t)run->batch,
                     .ta = a->ta,
                     .tb = a->tb};
}

/* Gradient of input i: dy times the other, or the other times dy where it is transposed.
 */
static nw_gemm back_product(const nw_run *run, int i)
{
    const struct matmul *a = run->attr;
    nw_gemm g = {.m = (size_t)run->in[i].dim[0],
                 .n = (size_t)run->in[i].dim[1],
                 .count = (size_t)run->batch};

    if (i == 0) {
        g.k = (size_t)run->out.dim[1];
        g.ta = a->ta ? a->tb : 0;
        g.tb = a->ta ? 1 : !a->tb;
    } else {
        g.k = (size_t)run->out.dim[0];
        g.ta = a->tb ? 1 : !a->ta;
        g.tb = a->tb ? a->ta : 0;
    }
    return g;
}

static nw_status matmul_prepare(nw_run *run)
{
    nw_gemm g[] = {forward_product(run), back_product(run, 0), back_product(run, 1)};

    for (int i = 0; i < (run->backward ? 3 : 1); i++) {
        size_t bytes = NW_R(nw_gemm_scratch)(&g[i]);

        if (bytes > run->scratch_bytes)
            run->scratch_bytes = bytes;
    }
    return NW_OK;
}

static void matmul_forward(const nw_run *run)
{
    nw_gemm g = forward_product(run);

    NW_R(nw_gemm)(&g, run->x[0], run->x[1], run->y, run->scratch);
}

static void matmul_backward(const nw_run *run)
{
    const struct matmul *a = run->attr;

    for (int i = 0; i < 2; i++) {
        nw_gemm g = back_product(run, i);
        const nw_real *other = run->x[!i];
        /* da = dy b' and db' = dy' a have dy first */
        int dy_first = i == 0 ? !a->ta : a->tb;

        const nw_real *first = dy_first ? run->dy : other;
        const nw_real *second = dy_first ? other : run->dy;

        g.add = run->add[i];
        if (run->dx[i])
            NW_R(nw_gemm)(&g, first, second, run->dx[i], run->scratch);
    }
}

static const nw_case matmul_cases[] = {
    {"matmul", 2, {{2, {3, 5}}, {2, {5, 7}}}},
    {"matmul ta=1", 2, {{2, {5, 3}}, {2, {5, 17}}}},
    {"matmul tb=1", 2, {{2, {8, 6}}, {2, {9, 6}}}},
    {"matmul ta=1 tb=1", 2, {{2, {4, 7}}, {2, {2, 4}}}},
    {"matmul", 2, {{2, {1, 1}}, {2, {1, 1}}}},
    {0},
};

static void matmul_onnx(nw_onnx *out, const nw_node *node)
{
    const struct matmul *a = node->attr;
    int both = a->ta && a->tb; /* a' b' = (b a)' */

    if (a->ta != a->tb) {
        out->node(out, "Transpose");
        out->input(out, a->tb);
        out->attr_ints(out, "perm", 3, (const int64_t[]){0, 2, 1});
    }
    out->node(out, "MatMul");
    if (a->ta && !both)
        out->previous(out);
    else
        out->input(out, both);
    if (a->tb && !both)
        out->previous(out);
    else
        out->input(out, !both);
    if (both) {
        out->node(out, "Transpose");
        out->previous(out);
        out->attr_ints(out, "perm", 3, (const int64_t[]){0, 2, 1});
    }
}

const nw_op_type NW_R(nw_op_matmul) = {
    .name = "matmul",
    .doc = "product of two matrices, example by example",
    .attrs = matmul_attrs,
    .size = sizeof(struct matmul),
    .min_in = 2,
    .max_in = 2,
    .flags = NW_NEEDS_X | NW_ADDS,
    .infer = matmul_infer,
    .prepare = matmul_prepare,
    .forward = matmul_forward,
    .backward = matmul_backward,
    .cases = matmul_cases,
    .onnx = matmul_onnx,
};
