/*
 * layernorm.c - every example, or every step of a sequence, to mean 0 and variance 1.
 *
 * in    x (N, C), (N, T, C): over C;   (N, C, H, W): over all three
 * par   weight, bias: (C), or (C, H, W), if affine
 * out   y = (x - mean) / sqrt(var + eps) * weight + bias
 * back  through mean and variance
 * how   pictures stand as (H, W, C), so their weights are turned round at every call
 *
 * [1] J. Ba, J. Kiros, G. Hinton 2016, Layer normalization, arXiv:1607.06450.
 */
#include "columns.h"
#include "norm.h"
#include "op.h"

struct layernorm {
    double eps;
    int affine;
};

static const nw_attr layernorm_attrs[] = {
    {"eps", NW_REAL, offsetof(struct layernorm, eps), "1e-5", 1e-12, 1,
     "added to the variance", NULL},
    {"affine", NW_BOOL, offsetof(struct layernorm, affine), "1", 0, 0,
     "learn a scale and a shift", NULL},
    {0},
};

static nw_status layernorm_infer(nw_node *node)
{
    const struct layernorm *a = node->attr;
    const nw_shape *in = &node->in[0];
    nw_param p = {.rank = in->rank == 3 ? 3 : 1, .never_decays = 1};

    if (in->rank < 1)
        return nw_refuse(node, "layernorm: the input is one number");
    node->out = *in;
    for (int i = 0; i < p.rank; i++)
        p.dim[i] = in->rank == 2 ? in->dim[1] : in->dim[i];
    p.suffix = "weight", p.initial = 1;
    node->param[0] = p;
    p.suffix = "bias", p.initial = 0;
    node->param[1] = p;
    node->n_param = a->affine ? 2 : 0;
    return NW_OK;
}

static nw_norm matrix(const nw_run *run)
{
    size_t c = run->out.rank == 3 ? nw_count(&run->out) : nw_width(&run->out);

    return (nw_norm){nw_total(run) / c, c};
}

/* keep: two numbers a row.   scratch: four vectors (weights as data stand), then sums. */
static nw_status layernorm_prepare(nw_run *run)
{
    nw_norm n = matrix(run);

    run->keep_bytes = 2 * n.rows * sizeof(nw_real);
    run->scratch_bytes = 4 * n.c * sizeof(nw_real);
    if (run->backward)
        run->scratch_bytes += nw_parts(n.rows, n.c) * 2 * n.c * sizeof(double);
    return NW_OK;
}

/* (C, H, W) to (H, W, C), or back and added. */
static void turn(const nw_shape *s, const nw_real *from, nw_real *to, int back)
{
    size_t c = (size_t)s->dim[0], hw = (size_t)s->dim[1] * (size_t)s->dim[2];

    for (size_t i = 0; i < c; i++)
        for (size_t k = 0; k < hw; k++) {
            if (back)
                to[i * hw + k] += from[k * c + i];
            else
                to[k * c + i] = from[i * hw + k];
        }
}

/* Parameter i as the data stand: itself, or turned round into scratch. */
static const nw_real *laid_out(const nw_run *run, int i, size_t size)
{
    const struct layernorm *a = run->attr;
    nw_real *room = (nw_real *)run->scratch + (size_t)i * size;

    if (!a->affine)
        return NULL;
    if (run->out.rank != 3)
        return run->w[i];
    turn(&run->out, run->w[i], room, 0);
    return room;
}

static void layernorm_forward(const nw_run *run)
{
    const struct layernorm *a = run->attr;
    nw_norm n = matrix(run);
    const nw_real *weight = laid_out(run, 0, n.c), *bias = laid_out(run, 1, n.c);

    NW_R(nw_row_norm)(&n, run->x[0], weight, bias, a->eps, run->y, run->keep);
}

static void layernorm_backward(const nw_run *run)
{
    const struct layernorm *a = run->attr;
    nw_norm n = matrix(run);
    const nw_real *weight = laid_out(run, 0, n.c);
    nw_real *turned = (nw_real *)run->scratch + 2 * n.c, *d[2] = {NULL, NULL};
    void *sums = turned + 2 * n.c;

    memset(turned, 0, 2 * n.c * sizeof(*turned));
    for (int i = 0; a->affine && i < 2; i++)
        if (run->dw[i])
            d[i] = run->out.rank == 3 ? turned + (size_t)i * n.c : run->dw[i];
    NW_R(nw_row_norm_back)
    (&n, run->x[0], run->dy, weight, run->keep, run->dx[0], run->dx[0] && run->add[0],
     d[0], d[1], sums);
    for (int i = 0; i < 2; i++)
        if (d[i] && run->out.rank == 3)
            turn(&run->out, d[i], run->dw[i], 1);
}

static const nw_case layernorm_cases[] = {
    {"layernorm", 1, {{1, {11}}}},
    {"layernorm eps=1e-3", 1, {{2, {5, 17}}}},
    {"layernorm", 1, {{3, {5, 4, 3}}}},
    {"layernorm affine=0", 1, {{3, {8, 3, 3}}}},
    {0},
};

/* Opset 13 has no layer norm; an instance norm of one channel is the same. */
static void layernorm_onnx(nw_onnx *out, const nw_node *node)
{
    const struct layernorm *a = node->attr;
    const nw_shape *s = &node->out;
    int64_t shape[4] = {-1, s->dim[0], s->dim[1], s->dim[2]};
    float one[1] = {1}, zero[1] = {0};

    out->node(out, "Reshape");
    out->input(out, 0);
    /* steps of a sequence become examples, so that each has its own moments */
    out->indices(
        out, 3,
        (const int64_t[]){-1, 1, s->rank == 2 ? s->dim[1] : (int64_t)nw_count(s)});
    out->node(out, "InstanceNormalization");
    out->previous(out);
    out->values(out, 1, one);
    out->values(out, 1, zero);
    out->attr_float(out, "epsilon", (float)a->eps);
    out->node(out, "Reshape");
    out->previous(out);
    out->indices(out, 1 + s->rank, shape);
    for (int i = 0; a->affine && i < 2; i++) {
        out->node(out, i ? "Add" : "Mul");
        out->previous(out);
        out->param(out, i);
    }
}

const nw_op_type NW_R(nw_op_layernorm) = {
    .name = "layernorm",
    .doc = "every example to mean 0 and variance 1",
    .paper = "Ba et al. 2016, Layer normalization, arXiv:1607.06450",
    .attrs = layernorm_attrs,
    .size = sizeof(struct layernorm),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_NEEDS_X | NW_ADDS,
    .infer = layernorm_infer,
    .prepare = layernorm_prepare,
    .forward = layernorm_forward,
    .backward = layernorm_backward,
    .cases = layernorm_cases,
    .onnx = layernorm_onnx,
};
