/*
 * maxpool.c - the largest number of every window.
 *
 * in    x (N, C, H, W)
 * out   y (N, C, H', W')   H' = floor((H + 2 pad - k) / stride) + 1
 * back  dy goes to the number that was largest, the first in scan order among equals
 * keep  its place in the window, two bytes a number
 */
#include "window.h"

struct maxpool {
    struct window window;
};

static const nw_attr maxpool_attrs[] = {
    NW_WINDOW_ATTRS(struct maxpool),
    {0},
};

/* Places are kept in 16 bits. */
enum { MOST_PLACES = 65535 };

static nw_status maxpool_infer(nw_node *node)
{
    const struct maxpool *a = node->attr;

    if (a->window.k[0] * a->window.k[1] > MOST_PLACES)
        return nw_refuse(node, "maxpool: k=%dx%d: at most %d pixels", a->window.k[0],
                         a->window.k[1], MOST_PLACES);
    return window_infer(node, "maxpool", &a->window);
}

static nw_status maxpool_prepare(nw_run *run)
{
    const struct maxpool *a = run->attr;
    nw_pool *p = window_new(run);

    if (!p)
        return NW_ENOMEM;
    window_fill(run, &a->window, p);
    run->keep_bytes = nw_total(run) * sizeof(unsigned short);
    return NW_OK;
}

static void maxpool_forward(const nw_run *run)
{
    NW_R(nw_max_forward)(run->state, run->x[0], run->y, run->keep);
}

static void maxpool_backward(const nw_run *run)
{
    if (run->dx[0])
        NW_R(nw_max_backward)(run->state, run->keep, run->dy, run->dx[0], run->add[0]);
}

static const nw_case maxpool_cases[] = {
    {"maxpool", 1, {{3, {3, 6, 5}}}},
    {"maxpool k=3 stride=1 pad=same", 1, {{3, {9, 5, 7}}}},
    {"maxpool k=3 stride=2 tf=1", 1, {{3, {5, 6, 7}}}},
    {"maxpool k=3 stride=2 pad=1", 1, {{3, {16, 7, 8}}}},
    {"maxpool k=2x5 stride=1x3 pad=1x2", 1, {{3, {1, 4, 9}}}},
    {"maxpool k=3 stride=1 pad=1", 1, {{3, {10, 1, 1}}}},
    {0},
};

static void maxpool_onnx(nw_onnx *out, const nw_node *node)
{
    const struct maxpool *a = node->attr;

    out->node(out, "MaxPool");
    out->input(out, 0);
    window_onnx(out, &a->window, &node->in[0]);
}

const nw_op_type NW_R(nw_op_maxpool) = {
    .name = "maxpool",
    .doc = "largest number of every window",
    .attrs = maxpool_attrs,
    .size = sizeof(struct maxpool),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS,
    .infer = maxpool_infer,
    .prepare = maxpool_prepare,
    .release = window_release,
    .forward = maxpool_forward,
    .backward = maxpool_backward,
    .cases = maxpool_cases,
    .onnx = maxpool_onnx,
};
