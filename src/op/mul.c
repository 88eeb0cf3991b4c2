/*
 * mul.c - the product of two inputs.
 *
 * in    a (N, any shape)   b the same shape, or (N, C): one number a channel of a, as
 *       squeeze-and-excitation gives
 * back  da = dy b,  db = dy a, summed over the pixels
 */
#include "op.h"

static int is_scale(const nw_shape *a, const nw_shape *b)
{
    return a->rank > 1 && b->rank == 1 && (size_t)b->dim[0] == nw_width(a);
}

static nw_status mul_infer(nw_node *node)
{
    if (!nw_same(&node->in[0], &node->in[1]) && !is_scale(&node->in[0], &node->in[1]))
        return nw_refuse(node,
                         "mul: the second input must have the shape of the first, or "
                         "one number for each of its %zu channels",
                         nw_width(&node->in[0]));
    return nw_infer_same(node);
}

static nw_status mul_prepare(nw_run *run)
{
    if (run->backward && !nw_same(&run->in[0], &run->in[1]))
        run->scratch_bytes = (size_t)run->batch * nw_width(&run->in[0]) * sizeof(double);
    return NW_OK;
}

/* to = or += a b */
static void product(nw_real *to, const nw_real *a, const nw_real *b, size_t n, int add)
{
    if (add)
        for (size_t i = 0; i < n; i++)
            to[i] += a[i] * b[i];
    else
        for (size_t i = 0; i < n; i++)
            to[i] = a[i] * b[i];
}

static void same_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    product(run->y + begin, run->x[0] + begin, run->x[1] + begin, end - begin, 0);
}

static void same_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    for (int i = 0; i < 2; i++)
        if (run->dx[i])
            product(run->dx[i] + begin, run->dy + begin, run->x[1 - i] + begin,
                    end - begin, run->add[i]);
}

static void scale_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t c = nw_width(&run->out), rows = nw_count(&run->out) / c;

    for (size_t n = begin; n < end; n++)
        for (size_t r = n * rows; r < (n + 1) * rows; r++)
            product(run->y + r * c, run->x[0] + r * c, run->x[1] + n * c, c, 0);
}

/* db of one example: the rows' products added up in double. */
static void sum_rows(const nw_run *run, size_t n, size_t rows, size_t c)
{
    double *sum = (double *)run->scratch + n * c;
    nw_real *db = run->dx[1] + n * c;

    memset(sum, 0, c * sizeof(*sum));
    for (size_t r = n * rows; r < (n + 1) * rows; r++)
        for (size_t i = 0; i < c; i++)
            sum[i] += (double)run->dy[r * c + i] * (double)run->x[0][r * c + i];
    for (size_t i = 0; i < c; i++)
        db[i] = (run->add[1] ? db[i] : 0) + (nw_real)sum[i];
}

static void scale_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t c = nw_width(&run->out), rows = nw_count(&run->out) / c;

    for (size_t n = begin; n < end; n++) {
        for (size_t r = n * rows; run->dx[0] && r < (n + 1) * rows; r++)
            product(run->dx[0] + r * c, run->dy + r * c, run->x[1] + n * c, c,
                    run->add[0]);
        if (run->dx[1])
            sum_rows(run, n, rows, c);
    }
}

static void mul_forward(const nw_run *run)
{
    if (nw_same(&run->in[0], &run->in[1]))
        nw_each(run, same_forward_part);
    else
        nw_each_of(run, (size_t)run->batch, nw_count(&run->out), scale_forward_part);
}

static void mul_backward(const nw_run *run)
{
    if (nw_same(&run->in[0], &run->in[1]))
        nw_each(run, same_backward_part);
    else
        nw_each_of(run, (size_t)run->batch, nw_count(&run->out), scale_backward_part);
}

static const nw_case mul_cases[] = {
    {"mul", 2, {{1, {7}}, {1, {7}}}},
    {"mul", 2, {{2, {3, 5}}, {2, {3, 5}}}},
    {"mul", 2, {{3, {3, 5, 4}}, {3, {3, 5, 4}}}},
    {"mul", 2, {{3, {5, 3, 4}}, {1, {5}}}},
    {"mul", 2, {{2, {3, 5}}, {1, {5}}}},
    {0},
};

static void mul_onnx(nw_onnx *out, const nw_node *node)
{
    const int64_t pixels[] = {0, -1, 1, 1}, steps[] = {0, 1, -1};

    if (nw_same(&node->in[0], &node->in[1])) {
        out->node(out, "Mul");
        out->input(out, 0);
        out->input(out, 1);
        return;
    }
    out->node(out, "Reshape");
    out->input(out, 1);
    if (node->in[0].rank == 3)
        out->indices(out, 4, pixels);
    else
        out->indices(out, 3, steps);
    out->node(out, "Mul");
    out->input(out, 0);
    out->previous(out);
}

const nw_op_type NW_R(nw_op_mul) = {
    .name = "mul",
    .doc = "the product of two inputs, or of the channels of one with the numbers of the "
           "other",
    .min_in = 2,
    .max_in = 2,
    .flags = NW_ADDS | NW_NEEDS_X,
    .infer = mul_infer,
    .prepare = mul_prepare,
    .forward = mul_forward,
    .backward = mul_backward,
    .cases = mul_cases,
    .onnx = mul_onnx,
};
