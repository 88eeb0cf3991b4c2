/*
 * choice.c - the mixture of a search space's options: y = sum of mix[i] * x[i].
 *
 * in    x[i]  (N, any shape), all the same; NULL for one that is known to be zero
 * back  dx[i] = mix[i] dy,  dmix[i] += <dy, x[i]>
 * how   blocks that stay in the first-level cache, all inputs for one block after the
 *       other, so that y is written once. A product <dy, x> is one double a part, and
 *       parts are added in their order: the sum does not depend on the threads.
 */
#include "op.h"

enum { BLOCK = 2048, LANES = 8 };

static nw_status choice_infer(nw_node *node)
{
    for (int i = 1; i < node->n_in; i++)
        if (!nw_same(&node->in[0], &node->in[i]))
            return nw_refuse(node, "choice: option %d has another shape than the first",
                             i);
    return nw_infer_same(node);
}

static size_t parts_of(const nw_run *run)
{
    return (nw_total(run) + NW_GRAIN - 1) / NW_GRAIN;
}

static nw_status choice_prepare(nw_run *run)
{
    if (run->backward)
        run->scratch_bytes = parts_of(run) * (size_t)run->n_in * sizeof(double);
    return NW_OK;
}

/* y = or += mix * x */
static void mix_in(nw_real *y, const nw_real *x, nw_real mix, size_t n, int add)
{
    if (add)
        for (size_t i = 0; i < n; i++)
            y[i] += mix * x[i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] = mix * x[i];
}

static void choice_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    for (size_t at = begin; at < end; at += BLOCK) {
        size_t n = end - at < BLOCK ? end - at : BLOCK;
        int any = 0;

        for (int i = 0; i < run->n_in; i++)
            if (run->x[i] && run->mix[i] != 0)
                mix_in(run->y + at, run->x[i] + at, (nw_real)run->mix[i], n, any++);
        if (!any)
            memset(run->y + at, 0, n * sizeof(*run->y));
    }
}

static void choice_forward(const nw_run *run)
{
    nw_each(run, choice_forward_part);
}

static double dot(const nw_real *a, const nw_real *b, size_t n)
{
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += (double)a[i + k] * (double)b[i + k];
    for (; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    for (int k = 0; k < LANES; k++)
        sum += lane[k];
    return sum;
}

static void choice_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    double *product = (double *)run->scratch + begin / NW_GRAIN * (size_t)run->n_in;

    for (int i = 0; i < run->n_in; i++)
        product[i] = 0;
    for (size_t at = begin; at < end; at += BLOCK) {
        size_t n = end - at < BLOCK ? end - at : BLOCK;

        for (int i = 0; i < run->n_in; i++) {
            if (run->dmix && run->x[i])
                product[i] += dot(run->dy + at, run->x[i] + at, n);
            if (run->dx[i])
                mix_in(run->dx[i] + at, run->dy + at, (nw_real)run->mix[i], n,
                       run->add[i]);
        }
    }
}

static void choice_backward(const nw_run *run)
{
    const double *product = run->scratch;
    const size_t parts = parts_of(run);

    nw_each(run, choice_backward_part);
    for (size_t p = 0; run->dmix && p < parts; p++)
        for (int i = 0; i < run->n_in; i++)
            run->dmix[i] += product[p * (size_t)run->n_in + (size_t)i];
}

static const nw_case choice_cases[] = {
    {"choice", 1, {{1, {7}}}},
    {"choice", 3, {{3, {3, 5, 4}}, {3, {3, 5, 4}}, {3, {3, 5, 4}}}},
    {"choice", 2, {{2, {3, 5}}, {2, {3, 5}}}},
    {0},
};

/* In a file there are no weights: what is left of a choice there is a plain sum. */
static void choice_onnx(nw_onnx *out, const nw_node *node)
{
    out->node(out, "Sum");
    for (int i = 0; i < node->n_in; i++)
        out->input(out, i);
}

const nw_op_type NW_R(nw_op_choice) = {
    .name = "choice",
    .doc = "the inputs, each times its weight in the arch, added up",
    .paper = "Liu et al. 2019, DARTS, arXiv:1806.09055",
    .min_in = 1,
    .max_in = -1,
    .flags = NW_ADDS | NW_NEEDS_X | NW_SKIPS_ZERO,
    .infer = choice_infer,
    .prepare = choice_prepare,
    .forward = choice_forward,
    .backward = choice_backward,
    .cases = choice_cases,
    .onnx = choice_onnx,
};
