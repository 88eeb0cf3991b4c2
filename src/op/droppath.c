/*
 * droppath.c - in training a whole example is 0 with probability q, else x / (1 - q).
 *
 * q = p * (share of training that is done), as the authors of DARTS schedule it; with
 * linear=0 it is p throughout. One draw an example.
 */
#include "op.h"
#include "random.h"

struct droppath {
    double p;
    int linear;
};

static const nw_attr droppath_attrs[] = {
    {"p", NW_REAL, offsetof(struct droppath, p), "0.2", 0, 0.999,
     "probability that an example is dropped, at the end of training", NULL},
    {"linear", NW_BOOL, offsetof(struct droppath, linear), "1", 0, 0,
     "let the probability grow from 0 as training proceeds", NULL},
    {0},
};

/* What example n is multiplied with. */
static nw_real scale_of(const nw_run *run, size_t n)
{
    const struct droppath *a = run->attr;
    double q = a->linear ? a->p * run->progress : a->p;

    if (!nw_is_training(run) || q <= 0)
        return 1;
    return nw_uniform(run->seed, NW_FOR_DROPOUT, n) < q ? 0 : (nw_real)(1 / (1 - q));
}

/* keep: the scale of every example, where the input is deferred. */
static nw_status droppath_prepare(nw_run *run)
{
    if (run->due)
        run->keep_bytes = (size_t)run->batch * sizeof(nw_real);
    return NW_OK;
}

/* What is deferred goes on to the reader, with the scales. */
static void pass_on(const nw_run *run)
{
    nw_real *each = run->keep;

    for (size_t n = 0; n < (size_t)run->batch; n++)
        each[n] = scale_of(run, n);
    *run->deferred = *run->due[0];
    run->deferred->each = each;
}

static void droppath_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t size = nw_count(&run->out);

    for (size_t n = begin; n < end; n++) {
        const nw_real scale = scale_of(run, n), *x = run->x[0] + n * size;
        nw_real *y = run->y + n * size;

        for (size_t i = 0; i < size; i++)
            y[i] = scale != 0 ? x[i] * scale : 0;
    }
}

static void droppath_forward(const nw_run *run)
{
    if (run->due)
        pass_on(run);
    else
        nw_each_of(run, (size_t)run->batch, nw_count(&run->out), droppath_forward_part);
}

static void droppath_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t size = nw_count(&run->out);

    for (size_t n = begin; n < end; n++) {
        const nw_real scale = scale_of(run, n), *dy = run->dy + n * size;
        nw_real *dx = run->dx[0] + n * size;

        for (size_t i = 0; i < size; i++)
            dx[i] = (run->add[0] ? dx[i] : 0) + dy[i] * scale;
    }
}

static void droppath_backward(const nw_run *run)
{
    if (run->due) { /* the sums went where the input said */
        run->due[0]->weight = run->deferred->weight;
        run->due[0]->each = run->keep;
    } else if (run->dx[0])
        nw_each_of(run, (size_t)run->batch, nw_count(&run->out), droppath_backward_part);
}

static const nw_case droppath_cases[] = {
    {"droppath p=0.3", 1, {{1, {7}}}},
    {"droppath p=0.6 linear=0", 1, {{3, {3, 5, 4}}}},
    {0},
};

static void droppath_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "Identity");
    out->input(out, 0);
}

const nw_op_type NW_R(nw_op_droppath) = {
    .name = "droppath",
    .doc = "in training: whole examples are zero with probability p, else x / (1 - p)",
    .paper = "Larsson et al. 2017, FractalNet, arXiv:1605.07648",
    .attrs = droppath_attrs,
    .size = sizeof(struct droppath),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_ONLY_TRAINS | NW_CAN_DEFER | NW_PASSES_DEFERRED,
    .infer = nw_infer_same,
    .prepare = droppath_prepare,
    .forward = droppath_forward,
    .backward = droppath_backward,
    .cases = droppath_cases,
    .onnx = droppath_onnx,
};
