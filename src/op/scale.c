/*
 * scale.c - y = by x + plus: a number that does not learn, and another.
 *
 * With by=-1 plus=1 what a gate leaves, with by=1/n after a sum a mean.
 */
#include "op.h"

struct scale {
    double by, plus;
};

static const nw_attr scale_attrs[] = {
    {"by", NW_REAL, offsetof(struct scale, by), "1", 0, 0, "factor", NULL},
    {"plus", NW_REAL, offsetof(struct scale, plus), "0", 0, 0, "what is added", NULL},
    {0},
};

static void scale_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const struct scale *a = run->attr;
    const nw_real by = (nw_real)a->by, plus = (nw_real)a->plus, *x = run->x[0];

    for (size_t i = begin; i < end; i++)
        run->y[i] = by * x[i] + plus;
}

static void scale_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const nw_real by = (nw_real)((const struct scale *)run->attr)->by;
    nw_real *dx = run->dx[0];

    if (run->add[0])
        for (size_t i = begin; i < end; i++)
            dx[i] += by * run->dy[i];
    else
        for (size_t i = begin; i < end; i++)
            dx[i] = by * run->dy[i];
}

static void scale_forward(const nw_run *run)
{
    nw_each(run, scale_forward_part);
}

static void scale_backward(const nw_run *run)
{
    if (run->dx[0])
        nw_each(run, scale_backward_part);
}

static const nw_case scale_cases[] = {
    {"scale by=-1 plus=1", 1, {{1, {7}}}},
    {"scale by=0.125", 1, {{2, {3, 5}}}},
    {"scale by=-2.5 plus=-0.75", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void scale_onnx(nw_onnx *out, const nw_node *node)
{
    const struct scale *a = node->attr;

    out->node(out, "Mul");
    out->input(out, 0);
    out->values(out, 1, (const float[]){(float)a->by});
    out->node(out, "Add");
    out->previous(out);
    out->values(out, 1, (const float[]){(float)a->plus});
}

const nw_op_type NW_R(nw_op_scale) = {
    .name = "scale",
    .doc = "times one fixed number, plus another, element by element",
    .attrs = scale_attrs,
    .size = sizeof(struct scale),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS,
    .infer = nw_infer_same,
    .forward = scale_forward,
    .backward = scale_backward,
    .cases = scale_cases,
    .onnx = scale_onnx,
};
