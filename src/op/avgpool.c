/*
 * avgpool.c - mean of every window, or of as many windows as the output shall have.
 *
 * in    x (N, C, H, W)
 * out   y (N, C, H', W')   H' = floor((H + 2 pad - k) / stride) + 1, or to[0]
 *       the divisor counts the pixels of the image that the window covers; with
 *       count_pad=1, the padding too. With to=, window o covers rows floor(o H / H') to
 *       ceil((o + 1) H / H'), as PyTorch's adaptive pooling.
 * back  dy, divided likewise, to every pixel of the window
 */
#include "window.h"

struct avgpool {
    struct window window;
    int count_pad, to[2];
};

static const nw_attr avgpool_attrs[] = {
    NW_WINDOW_ATTRS(struct avgpool),
    {"count_pad", NW_BOOL, offsetof(struct avgpool, count_pad), "0", 0, 0,
     "divide by k * k at the border too", NULL},
    {"to", NW_PAIR, offsetof(struct avgpool, to), "0", 0, 1 << 15,
     "size of the output, pixels, instead of k, stride and pad; 0 = by these", NULL},
    {0},
};

static int is_adaptive(const struct avgpool *a)
{
    return a->to[0] > 0 && a->to[1] > 0;
}

/* ONNX's AveragePool has windows of one size. So every pixel of a window is repeated
 * until all windows of the axis are equally long, and lie side by side. */
enum { MOST_GATHERED = 1 << 14 };

static int window_begin(int o, int in, int out)
{
    return (int)((long)o * in / out);
}

static int window_end(int o, int in, int out)
{
    return (int)(((long)(o + 1) * in + out - 1) / out);
}

/* 0 = more than MOST_GATHERED pixels would lie side by side. */
static int common_length(int in, int out)
{
    long length = 1;

    for (int o = 0; o < out; o++) {
        long n = window_end(o, in, out) - window_begin(o, in, out), m = length;

        while (m % n && m * out <= MOST_GATHERED)
            m += length;
        length = m;
    }
    return length * out <= MOST_GATHERED ? (int)length : 0;
}

static int is_regular(const struct avgpool *a, const nw_shape *in)
{
    return in->dim[1] % a->to[0] == 0 && in->dim[2] % a->to[1] == 0;
}

static nw_status avgpool_infer(nw_node *node)
{
    const struct avgpool *a = node->attr;

    if ((a->to[0] > 0) != (a->to[1] > 0))
        return nw_refuse(node, "avgpool: to=%dx%d: both must be above 0, or neither",
                         a->to[0], a->to[1]);
    if (!is_adaptive(a))
        return window_infer(node, "avgpool", &a->window);
    if (node->in[0].rank != 3)
        return nw_refuse(node, "avgpool: the input must have channels, height and width");
    for (int i = 0; i < 2 && !is_regular(a, &node->in[0]); i++)
        if (!common_length(node->in[0].dim[1 + i], a->to[i]))
            return nw_refuse(node, "avgpool: to=%d from %d pixels: windows too unequal",
                             a->to[i], node->in[0].dim[1 + i]);
    node->out = (nw_shape){3, {node->in[0].dim[0], a->to[0], a->to[1]}};
    return NW_OK;
}

static nw_status avgpool_prepare(nw_run *run)
{
    const struct avgpool *a = run->attr;
    nw_pool *p = window_new(run);

    if (!p)
        return NW_ENOMEM;
    if (!is_adaptive(a)) {
        window_fill(run, &a->window, p);
        p->divisor = a->count_pad ? a->window.k[0] * a->window.k[1] : 0;
        return NW_OK;
    }
    nw_axis_adaptive(&p->h, run->in[0].dim[1], a->to[0], window_room(run, p, 0));
    nw_axis_adaptive(&p->w, run->in[0].dim[2], a->to[1], window_room(run, p, 1));
    return NW_OK;
}

static void avgpool_forward(const nw_run *run)
{
    NW_R(nw_avg_forward)(run->state, run->x[0], run->y);
}

static void avgpool_backward(const nw_run *run)
{
    if (run->dx[0])
        NW_R(nw_avg_backward)(run->state, run->dy, run->dx[0], run->add[0]);
}

static const nw_case avgpool_cases[] = {
    {"avgpool", 1, {{3, {3, 6, 5}}}},
    {"avgpool k=3 stride=1 pad=same", 1, {{3, {9, 5, 7}}}},
    {"avgpool k=3 stride=2 tf=1", 1, {{3, {5, 6, 7}}}},
    {"avgpool k=3 stride=2 pad=1 count_pad=1", 1, {{3, {16, 7, 8}}}},
    {"avgpool k=5x2 stride=3x1 pad=2x1", 1, {{3, {1, 9, 4}}}},
    {"avgpool to=4", 1, {{3, {5, 8, 8}}}},
    {"avgpool to=3x2", 1, {{3, {4, 7, 5}}}},
    {"avgpool to=4", 1, {{3, {2, 3, 1}}}},
    {0},
};

static void gather(nw_onnx *out, int axis, int in, int windows, int length)
{
    int64_t index[MOST_GATHERED];
    int n = 0;

    for (int o = 0; o < windows; o++) {
        int begin = window_begin(o, in, windows), end = window_end(o, in, windows);

        for (int i = 0; i < length; i++)
            index[n++] = begin + i / (length / (end - begin));
    }
    out->node(out, "Gather");
    if (axis == 2)
        out->input(out, 0);
    else
        out->previous(out);
    out->indices(out, n, index);
    out->attr_int(out, "axis", axis);
}

static void avgpool_onnx(nw_onnx *out, const nw_node *node)
{
    const struct avgpool *a = node->attr;
    const int *in = node->in[0].dim, *to = a->to;
    int k[2];

    if (!is_adaptive(a)) {
        out->node(out, "AveragePool");
        out->input(out, 0);
        window_onnx(out, &a->window, &node->in[0]);
        out->attr_int(out, "count_include_pad", a->count_pad);
        return;
    }
    for (int i = 0; i < 2; i++)
        k[i] = is_regular(a, &node->in[0]) ? in[1 + i] / to[i]
                                           : common_length(in[1 + i], to[i]);
    if (!is_regular(a, &node->in[0])) {
        gather(out, 2, in[1], to[0], k[0]);
        gather(out, 3, in[2], to[1], k[1]);
    }
    out->node(out, "AveragePool");
    if (is_regular(a, &node->in[0]))
        out->input(out, 0);
    else
        out->previous(out);
    out->attr_ints(out, "kernel_shape", 2, (const int64_t[]){k[0], k[1]});
    out->attr_ints(out, "strides", 2, (const int64_t[]){k[0], k[1]});
}

const nw_op_type NW_R(nw_op_avgpool) = {
    .name = "avgpool",
    .doc = "mean of every window",
    .attrs = avgpool_attrs,
    .size = sizeof(struct avgpool),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS,
    .infer = avgpool_infer,
    .prepare = avgpool_prepare,
    .release = window_release,
    .forward = avgpool_forward,
    .backward = avgpool_backward,
    .cases = avgpool_cases,
    .onnx = avgpool_onnx,
};
