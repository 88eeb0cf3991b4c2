/*
 * cross_entropy.c - how far logits are from the label, example by example.
 *
 * in    x (N, K)   label (N), the index of the class, or (N, K), a distribution t
 * out   y (N): - sum of t'_k log softmax(x)_k, where t' = (1 - s) t + s / K
 * back  dx_k = dy (softmax(x)_k sum of t' - t'_k)
 *
 * An index outside 0..K-1 belongs to no class: t = 0. Data are checked where they are
 * read. s is PyTorch's label_smoothing [1].
 *
 * [1] Szegedy et al. 2016, Rethinking the Inception architecture, arXiv:1512.00567.
 */
#include "op.h"

struct cross_entropy {
    double smoothing;
};

static const nw_attr cross_entropy_attrs[] = {
    {"smoothing", NW_REAL, offsetof(struct cross_entropy, smoothing), "0", 0, 1,
     "share of the label that is spread evenly over the classes", NULL},
    {0},
};

static nw_status cross_entropy_infer(nw_node *node)
{
    const nw_shape *label = &node->in[1];

    if (node->in[0].rank != 1)
        return nw_refuse(node, "cross_entropy: logits must be a row of numbers");
    if (label->rank && !nw_same(label, &node->in[0]))
        return nw_refuse(node,
                         "cross_entropy: a label must be one number, or %d as the "
                         "logits",
                         node->in[0].dim[0]);
    node->out = (nw_shape){0};
    return NW_OK;
}

/* t'_k of example n. */
static double target(const nw_run *run, size_t n, size_t k, size_t classes)
{
    const struct cross_entropy *a = run->attr;
    double t;

    if (run->in[1].rank)
        t = (double)run->x[1][n * classes + k];
    else
        t = fabs((double)run->x[1][n] - (double)k) < .5;
    return (1 - a->smoothing) * t + a->smoothing / (double)classes;
}

static void cross_entropy_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t classes = (size_t)run->in[0].dim[0];

    for (size_t n = begin; n < end; n++) {
        const nw_real *x = run->x[0] + n * classes;
        const double all = (double)nw_log_sum_exp(x, classes);
        double loss = 0;

        for (size_t k = 0; k < classes; k++)
            loss += target(run, n, k, classes) * (all - (double)x[k]);
        run->y[n] = (nw_real)loss;
    }
}

static void cross_entropy_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const size_t classes = (size_t)run->in[0].dim[0];

    for (size_t n = begin; n < end; n++) {
        const nw_real *x = run->x[0] + n * classes;
        const nw_real all = nw_log_sum_exp(x, classes);
        nw_real *dx = run->dx[0] + n * classes;
        double sum = 0;

        for (size_t k = 0; k < classes; k++)
            sum += target(run, n, k, classes);
        for (size_t k = 0; k < classes; k++) {
            double g = sum * (double)NW_EXP(x[k] - all) - target(run, n, k, classes);

            dx[k] = (run->add[0] ? dx[k] : 0) + run->dy[n] * (nw_real)g;
        }
    }
}

static void cross_entropy_forward(const nw_run *run)
{
    nw_each_of(run, (size_t)run->batch, nw_count(&run->in[0]),
               cross_entropy_forward_part);
}

static void cross_entropy_backward(const nw_run *run)
{
    if (run->dx[0])
        nw_each_of(run, (size_t)run->batch, nw_count(&run->in[0]),
                   cross_entropy_backward_part);
}

static const nw_case cross_entropy_cases[] = {
    {"cross_entropy", 2, {{1, {7}}, {0}}},
    {"cross_entropy smoothing=0.1", 2, {{1, {7}}, {0}}},
    {"cross_entropy", 2, {{1, {7}}, {1, {7}}}},
    {"cross_entropy smoothing=0.2", 2, {{1, {5}}, {1, {5}}}},
    {0},
};

const nw_op_type NW_R(nw_op_cross_entropy) = {
    .name = "cross_entropy",
    .doc = "cross-entropy of logits (input 0) to a class or a distribution (input 1)",
    .attrs = cross_entropy_attrs,
    .size = sizeof(struct cross_entropy),
    .min_in = 2,
    .max_in = 2,
    .flags = NW_ADDS | NW_NEEDS_X | NW_NO_DATA_GRAD,
    .infer = cross_entropy_infer,
    .forward = cross_entropy_forward,
    .backward = cross_entropy_backward,
    .cases = cross_entropy_cases,
};
