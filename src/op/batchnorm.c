/*
 * batchnorm.c - every channel to mean 0 and variance 1, then scaled and shifted.
 *
 * in    x (N, C, H, W) or (N, C)
 * par   weight (C), bias (C) if affine;   buffers running_mean (C), running_var (C)
 * out   y = (x - mean) / sqrt(var + eps) * weight + bias
 * mode  training: moments of the batch; the running ones follow by `momentum`, with the
 *       unbiased variance as in PyTorch. Recalibrating: they become the plain average
 *       over batches of mean and biased variance. Evaluation: they are what is used.
 * back  through the batch's moments in training; one batch of one pixel has variance 0
 *       and passes no gradient
 *
 * [1] S. Ioffe, C. Szegedy 2015, Batch normalization, arXiv:1502.03167.
 */
#include "norm.h"
#include "op.h"

struct batchnorm {
    double eps, momentum;
    int affine;
};

/* Constants of an ONNX node without scale and shift stand on the stack. */
enum { MOST_PLAIN = 1 << 14 };

static const nw_attr batchnorm_attrs[] = {
    {"eps", NW_REAL, offsetof(struct batchnorm, eps), "1e-5", 1e-12, 1,
     "added to the variance", NULL},
    {"momentum", NW_REAL, offsetof(struct batchnorm, momentum), "0.1", 0, 1,
     "share of the batch in the running moments", NULL},
    {"affine", NW_BOOL, offsetof(struct batchnorm, affine), "1", 0, 0,
     "learn a scale and a shift", NULL},
    {0},
};

static nw_status batchnorm_infer(nw_node *node)
{
    const struct batchnorm *a = node->attr;
    int c = node->in[0].dim[0], n = 0;

    if (node->in[0].rank != 3 && node->in[0].rank != 1)
        return nw_refuse(node, "batchnorm: the input has %d axes: must be 3 or 1",
                         node->in[0].rank);
    if (!a->affine && c > MOST_PLAIN)
        return nw_refuse(node, "batchnorm: %d channels: at most %d with affine=0", c,
                         MOST_PLAIN);
    node->out = node->in[0];
    if (a->affine) {
        node->param[n++] = (nw_param){
            .suffix = "weight", .rank = 1, .dim = {c}, .initial = 1, .never_decays = 1};
        node->param[n++] =
            (nw_param){.suffix = "bias", .rank = 1, .dim = {c}, .never_decays = 1};
    }
    node->param[n++] =
        (nw_param){.suffix = "running_mean", .rank = 1, .dim = {c}, .is_buffer = 1};
    node->param[n++] = (nw_param){
        .suffix = "running_var", .rank = 1, .dim = {c}, .initial = 1, .is_buffer = 1};
    node->n_param = n;
    return NW_OK;
}

static nw_norm matrix(const nw_run *run)
{
    size_t c = (size_t)run->out.dim[0];

    return (nw_norm){nw_total(run) / c, c};
}

/* keep: vectors (C): mean, 1 / sqrt(var + eps), scale, shift, and the sums that the
 * reader of a deferred output gives back.   scratch: six vectors (C), then sums. */
static nw_status batchnorm_prepare(nw_run *run)
{
    nw_norm n = matrix(run);

    run->keep_bytes = (run->deferred ? 6 : 4) * n.c * sizeof(nw_real);
    run->scratch_bytes = 8 * n.c * sizeof(nw_real) + NW_R(nw_norm_scratch)(&n);
    return NW_OK;
}

/* Sums are doubles: eight vectors keep them aligned. */
static void *sums(const nw_run *run, size_t c)
{
    return (nw_real *)run->scratch + 8 * c;
}

void NW_R(nw_follow)(const nw_run *run, double momentum, size_t rows, size_t c,
                     const nw_real *mean, const nw_real *var, nw_real *running_mean,
                     nw_real *running_var)
{
    double n = (double)rows, share = momentum, unbiased = 1;

    if (run->mode == NW_RECALIBRATE)
        share = 1 / (double)(run->recalibrated + 1);
    else
        unbiased = rows > 1 ? n / (n - 1) : 1;
    for (size_t i = 0; i < c; i++) {
        running_mean[i] += (nw_real)(share * ((double)mean[i] - (double)running_mean[i]));
        running_var[i] +=
            (nw_real)(share * (unbiased * (double)var[i] - (double)running_var[i]));
    }
}

static void batchnorm_forward(const nw_run *run)
{
    const struct batchnorm *a = run->attr;
    nw_norm n = matrix(run);
    nw_real *mean = run->keep, *root = mean + n.c;
    nw_real *scale = root + n.c, *shift = scale + n.c, *var = run->scratch;

    if (run->mode == NW_EVAL) {
        memcpy(mean, run->w[a->affine ? 2 : 0], n.c * sizeof(*mean));
        memcpy(var, run->w[a->affine ? 3 : 1], n.c * sizeof(*var));
    } else {
        NW_R(nw_norm_moments)(&n, run->x[0], mean, var, sums(run, n.c));
        if (run->mode != NW_TRAIN_STILL)
            NW_R(nw_follow)
        (run, a->momentum, n.rows, n.c, mean, var, run->w[a->affine ? 2 : 0],
         run->w[a->affine ? 3 : 1]);
    }
    for (size_t i = 0; i < n.c; i++) {
        root[i] = (nw_real)(1 / sqrt((double)var[i] + a->eps));
        scale[i] = a->affine ? run->w[0][i] * root[i] : root[i];
        shift[i] = a->affine ? run->w[1][i] : 0;
    }
    if (run->deferred)
        *run->deferred = (nw_deferred){.x = run->x[0],
                                       .mean = mean,
                                       .scale = scale,
                                       .shift = shift,
                                       .sum = shift + n.c,
                                       .prod = shift + 2 * n.c};
    else
        NW_R(nw_norm_apply)(&n, run->x[0], mean, scale, shift, run->y);
}

/* Sums of the gradient and of gradient (x - mean); *weight is a factor to both and to
 * run->dy. */
static void find_sums(const nw_run *run, const nw_norm *n, nw_real *weight, nw_real *sum,
                      nw_real *product)
{
    const nw_deferred *d = run->deferred;

    *weight = d ? (nw_real)d->weight : 1;
    if (!d) {
        NW_R(nw_norm_sums)
        (n, run->x[0], run->dy, run->keep, sum, product, sums(run, n->c));
        return;
    }
    memcpy(sum, d->sum, n->c * sizeof(*sum));
    memcpy(product, d->prod, n->c * sizeof(*product));
}

/* Example by example, each with its factor. */
static void back_each(const nw_run *run, const nw_norm *n, const nw_real *on_dy,
                      const nw_real *on_x, const nw_real *fixed)
{
    const nw_norm one = {n->rows / (size_t)run->batch, n->c};
    nw_real *scaled = (nw_real *)run->scratch + 5 * n->c;

    for (size_t e = 0; e < (size_t)run->batch; e++) {
        const size_t at = e * one.rows * n->c;

        for (size_t i = 0; i < n->c; i++)
            scaled[i] = on_dy[i] * run->deferred->each[e];
        NW_R(nw_norm_back)
        (&one, run->x[0] + at, run->dy + at, run->keep, scaled, on_x, fixed,
         run->dx[0] + at, run->add[0]);
    }
}

static void batchnorm_backward(const nw_run *run)
{
    const struct batchnorm *a = run->attr;
    nw_norm n = matrix(run);
    const nw_real *mean = run->keep, *root = mean + n.c;
    nw_real *sum = run->scratch, *product = sum + n.c;
    nw_real *on_dy = product + n.c, *on_x = on_dy + n.c, *fixed = on_x + n.c;
    nw_real share = run->mode == NW_EVAL ? 0 : (nw_real)(1 / (double)n.rows), w;

    find_sums(run, &n, &w, sum, product);
    for (size_t i = 0; i < n.c; i++) {
        on_dy[i] = w * (a->affine ? run->w[0][i] * root[i] : root[i]);
        on_x[i] = -share * on_dy[i] * root[i] * root[i] * product[i];
        fixed[i] = -share * on_dy[i] * sum[i];
    }
    for (size_t i = 0; a->affine && run->dw[0] && i < n.c; i++)
        run->dw[0][i] += w * product[i] * root[i];
    for (size_t i = 0; a->affine && run->dw[1] && i < n.c; i++)
        run->dw[1][i] += w * sum[i];
    if (!run->dx[0])
        return;
    if (run->deferred && run->deferred->each)
        back_each(run, &n, on_dy, on_x, fixed);
    else
        NW_R(nw_norm_back)
    (&n, run->x[0], run->dy, mean, on_dy, on_x, fixed, run->dx[0], run->add[0]);
}

static const nw_case batchnorm_cases[] = {
    {"batchnorm", 1, {{3, {5, 4, 3}}}},
    {"batchnorm affine=0", 1, {{3, {16, 7, 5}}}},
    {"batchnorm eps=1e-3 momentum=0.3", 1, {{1, {9}}}},
    {"batchnorm", 1, {{3, {1, 6, 6}}}},
    {"batchnorm", 1, {{3, {3, 1, 1}}}},
    {0},
};

static void batchnorm_onnx(nw_onnx *out, const nw_node *node)
{
    const struct batchnorm *a = node->attr;
    float value[MOST_PLAIN];
    int c = node->in[0].dim[0];

    out->node(out, "BatchNormalization");
    out->input(out, 0);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; !a->affine && k < c; k++)
            value[k] = i == 0 ? 1 : 0;
        if (a->affine)
            out->param(out, i);
        else
            out->values(out, c, value);
    }
    out->param(out, a->affine ? 2 : 0);
    out->param(out, a->affine ? 3 : 1);
    out->attr_float(out, "epsilon", (float)a->eps);
}

const nw_op_type NW_R(nw_op_batchnorm) = {
    .name = "batchnorm",
    .doc = "every channel to mean 0 and variance 1 over the batch",
    .paper = "Ioffe and Szegedy 2015, Batch normalization, arXiv:1502.03167",
    .attrs = batchnorm_attrs,
    .size = sizeof(struct batchnorm),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_NEEDS_X | NW_ADDS | NW_CAN_DEFER,
    .infer = batchnorm_infer,
    .prepare = batchnorm_prepare,
    .forward = batchnorm_forward,
    .backward = batchnorm_backward,
    .cases = batchnorm_cases,
    .onnx = batchnorm_onnx,
};
