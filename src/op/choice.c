/*
 * choice.c - the mixture of a search space's options: y = sum of mix[i] * x[i].
 *
 * in    x[i]  (N, any shape), all the same; NULL for one that is known to be zero
 * back  dx[i] = mix[i] dy,  dmix[i] += <dy, x[i]>
 * how   mixture.h
 */
#include "mixture.h"

static nw_status choice_infer(nw_node *node)
{
    return NW_R(nw_mixture_infer)(node, "choice");
}

static void choice_forward(const nw_run *run)
{
    NW_R(nw_mixture_forward)(run, run->mix);
}

static void choice_backward(const nw_run *run)
{
    NW_R(nw_mixture_backward)(run, run->mix);
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
    .flags = NW_ADDS | NW_NEEDS_X | NW_SKIPS_ZERO | NW_TAKES_DEFERRED,
    .infer = choice_infer,
    .prepare = NW_R(nw_mixture_prepare),
    .forward = choice_forward,
    .backward = choice_backward,
    .redo = choice_forward,
    .cases = choice_cases,
    .onnx = choice_onnx,
};
