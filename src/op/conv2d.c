/*
 * conv2d.c - two-dimensional convolution, zero padded, strided, dilated, grouped.
 *
 * in    x (N, C, H, W)
 * par   weight (out, C / groups, kh, kw)   bias (out)
 * out   y (N, out, H', W')   H' = floor((H + 2 pad - dil (kh - 1) - 1) / stride) + 1
 *       with tf=1, H' = ceil(H / stride) and padding as in same.h
 * back  dx, d weight, d bias by the transposed sums
 * cost  H' W' out (C / groups) kh kw multiply-adds an example
 * how   tensor/conv.h: own kernels where groups = C, else oneDNN
 *
 * [1] V. Dumoulin, F. Visin 2016, A guide to convolution arithmetic, arXiv:1603.07285.
 */
#include "conv.h"
#include "op.h"
#include "same.h"

struct conv2d {
    int out, k[2], stride[2], pad[2], dil[2], groups, bias, tf;
};

struct conv2d_state {
    nw_conv_dims dims;
    nw_conv_way way[NW_CONV_PASSES]; /* run NULL = not wanted */
};

static const nw_attr conv2d_attrs[] = {
    {"out", NW_INT, offsetof(struct conv2d, out), "in", 1, 1 << 20, "output channels",
     "in"},
    {"k", NW_PAIR, offsetof(struct conv2d, k), "3", 1, 1024, "kernel, pixels", NULL},
    {"stride", NW_PAIR, offsetof(struct conv2d, stride), "1", 1, 1024,
     "step of the kernel, pixels", NULL},
    {"pad", NW_PAIR, offsetof(struct conv2d, pad), "same", 0, 4096,
     "zeros on each side, pixels; same = dil * (k - 1) / 2", "same"},
    {"dil", NW_PAIR, offsetof(struct conv2d, dil), "1", 1, 1024,
     "distance of kernel points, pixels", NULL},
    {"groups", NW_INT, offsetof(struct conv2d, groups), "1", 1, 1 << 20,
     "groups of channels; in = one a channel (depthwise)", "in"},
    {"bias", NW_BOOL, offsetof(struct conv2d, bias), "1", 0, 0, "add a learnt constant",
     NULL},
    {"tf", NW_BOOL, offsetof(struct conv2d, tf), "0", 0, 0,
     "TensorFlow's SAME instead of pad: ceil(size / stride) pixels come out, the border "
     "is larger at the bottom and right",
     NULL},
    {0},
};

/* The word "in" is -1, and "in*6" is -6. */
static int of_input(int value, int channels)
{
    return value < 0 ? -value * channels : value;
}

/* Pixels that the kernel reaches over. */
static int span(const struct conv2d *a, int axis)
{
    return a->dil[axis] * (a->k[axis] - 1) + 1;
}

static int padding(const struct conv2d *a, int axis, int in)
{
    if (a->tf)
        return nw_same_border(in, span(a, axis), a->stride[axis]) / 2;
    return a->pad[axis] < 0 ? a->dil[axis] * (a->k[axis] - 1) / 2 : a->pad[axis];
}

/* Zeros behind: at the bottom or at the right. */
static int padding_behind(const struct conv2d *a, int axis, int in)
{
    int pad = padding(a, axis, in);

    return a->tf ? nw_same_border(in, span(a, axis), a->stride[axis]) - pad : pad;
}

/* Below 1: the kernel is larger than the padded input. */
static int out_size(const struct conv2d *a, int axis, int in)
{
    int room = in + padding(a, axis, in) + padding_behind(a, axis, in) - span(a, axis);

    return room < 0 ? 0 : room / a->stride[axis] + 1;
}

static nw_conv_dims dims_of(const struct conv2d *a, const nw_shape *in, int batch)
{
    return (nw_conv_dims){
        .n = batch,
        .groups = of_input(a->groups, in->dim[0]),
        .ic = in->dim[0],
        .ih = in->dim[1],
        .iw = in->dim[2],
        .oc = of_input(a->out, in->dim[0]),
        .oh = out_size(a, 0, in->dim[1]),
        .ow = out_size(a, 1, in->dim[2]),
        .kh = a->k[0],
        .kw = a->k[1],
        .sh = a->stride[0],
        .sw = a->stride[1],
        .ph = padding(a, 0, in->dim[1]),
        .pw = padding(a, 1, in->dim[2]),
        .dh = a->dil[0],
        .dw = a->dil[1],
    };
}

static nw_status check(nw_node *node, const nw_conv_dims *d)
{
    if (d->ic % d->groups)
        return nw_refuse(node, "conv2d: %d input channels: not a multiple of groups=%d",
                         d->ic, d->groups);
    if (d->oc % d->groups)
        return nw_refuse(node, "conv2d: out=%d: not a multiple of groups=%d", d->oc,
                         d->groups);
    if (d->oh < 1 || d->ow < 1)
        return nw_refuse(node,
                         "conv2d: k=%dx%d dil=%dx%d reaches over %dx%d, larger than the "
                         "padded input %dx%d",
                         d->kh, d->kw, d->dh, d->dw, d->dh * (d->kh - 1) + 1,
                         d->dw * (d->kw - 1) + 1, d->ih + 2 * d->ph, d->iw + 2 * d->pw);
    return NW_OK;
}

static nw_status conv2d_infer(nw_node *node)
{
    const struct conv2d *a = node->attr;
    nw_conv_dims d;
    int fan_in;

    if (node->in[0].rank != 3)
        return nw_refuse(node, "conv2d: the input must have channels, height and width");
    d = dims_of(a, &node->in[0], 1);
    if (check(node, &d) < 0)
        return NW_ESHAPE;
    fan_in = d.ic / d.groups * d.kh * d.kw;
    node->out = (nw_shape){3, {d.oc, d.oh, d.ow}};
    node->param[0] = (nw_param){.suffix = "weight",
                                .rank = 4,
                                .dim = {d.oc, d.ic / d.groups, d.kh, d.kw},
                                .fan_in = fan_in};
    node->param[1] = (nw_param){
        .suffix = "bias", .rank = 1, .dim = {d.oc}, .fan_in = fan_in, .never_decays = 1};
    node->n_param = a->bias ? 2 : 1;
    node->macs = (double)d.oh * d.ow * d.oc * fan_in;
    return NW_OK;
}

static int wants(const nw_run *run, nw_conv_pass pass)
{
    const struct conv2d *a = run->attr;

    if (pass == NW_CONV_FORWARD)
        return 1;
    if (!run->backward)
        return 0;
    if (pass == NW_CONV_BACK_DATA)
        return run->dx[0] != NULL;
    return run->dw[0] || (a->bias && run->dw[1]);
}

/* No way reorders activations: all take them channels last. */
static nw_how how(const nw_conv_way way[NW_CONV_PASSES])
{
    nw_how h = {.forward = way[NW_CONV_FORWARD].name,
                .data = way[NW_CONV_BACK_DATA].name,
                .weights = way[NW_CONV_BACK_WEIGHTS].name};

    for (int p = 0; p < NW_CONV_PASSES; p++)
        h.turned += way[p].turned;
    return h;
}

static nw_status conv2d_prepare(nw_run *run)
{
    const struct conv2d *a = run->attr;
    struct conv2d_state *s = nw_alloc(run->ctx, sizeof(*s));

    run->state = s;
    if (!s)
        return NW_ENOMEM;
    s->dims = dims_of(a, &run->in[0], run->batch);
    for (nw_conv_pass p = 0; p < NW_CONV_PASSES; p++) {
        nw_conv_way *way = &s->way[p];
        nw_status status = NW_OK;

        if (wants(run, p))
            status = NW_R(nw_conv_choose)(run->ctx, &s->dims, p, a->bias, way);
        if (status >= 0 && run->still && p == NW_CONV_FORWARD)
            status = NW_R(nw_conv_keep)(run->ctx, way, run->w[0]);
        if (status < 0)
            return status;
        if (way->scratch > run->scratch_bytes)
            run->scratch_bytes = way->scratch;
    }
    run->how = how(s->way);
    return NW_OK;
}

static void conv2d_release(nw_run *run)
{
    struct conv2d_state *s = run->state;

    for (int p = 0; s && p < NW_CONV_PASSES; p++)
        NW_R(nw_conv_leave)(run->ctx, &s->way[p]);
    nw_release(run->ctx, s);
    run->state = NULL;
}

static void conv2d_forward(const nw_run *run)
{
    const struct conv2d *a = run->attr;
    const struct conv2d_state *s = run->state;
    const nw_conv_way *way = &s->way[NW_CONV_FORWARD];
    nw_conv_args args = {.x = run->x[0],
                         .w = run->w[0],
                         .bias = a->bias ? run->w[1] : NULL,
                         .y = run->y,
                         .kept = way->kept,
                         .scratch = run->scratch};

    way->run(&s->dims, way->self, &args);
}

static void conv2d_backward(const nw_run *run)
{
    const struct conv2d *a = run->attr;
    const struct conv2d_state *s = run->state;
    const nw_conv_way *weights = &s->way[NW_CONV_BACK_WEIGHTS];
    const nw_conv_way *data = &s->way[NW_CONV_BACK_DATA];
    nw_conv_args args = {.dy = run->dy, .scratch = run->scratch};

    if (weights->run) {
        args.x = run->x[0];
        args.dw = run->dw[0];
        args.db = a->bias ? run->dw[1] : NULL;
        weights->run(&s->dims, weights->self, &args);
    }
    if (data->run) {
        args.w = run->w[0];
        args.dx = run->dx[0];
        args.add = run->add[0];
        data->run(&s->dims, data->self, &args);
    }
}

static const nw_case conv2d_cases[] = {
    {"conv2d out=6", 1, {{3, {3, 5, 7}}}},
    {"conv2d out=4 k=5 pad=0", 1, {{3, {1, 9, 8}}}},
    {"conv2d out=9 k=1 bias=0", 1, {{3, {5, 4, 3}}}},
    {"conv2d out=8 k=1 stride=2", 1, {{3, {16, 5, 5}}}},
    {"conv2d out=8 k=1 stride=2 bias=0", 1, {{3, {1, 8, 8}}}},
    {"conv2d out=10 k=1x7", 1, {{3, {4, 3, 9}}}},
    {"conv2d k=3x5 stride=2x1 pad=1x0", 1, {{3, {10, 7, 8}}}},
    {"conv2d out=7 dil=2", 1, {{3, {9, 8, 5}}}},
    {"conv2d out=6 groups=3", 1, {{3, {9, 5, 5}}}},
    {"conv2d out=in*2 groups=in", 1, {{3, {4, 5, 6}}}},
    {"conv2d groups=in bias=0", 1, {{3, {12, 6, 7}}}},
    {"conv2d groups=in k=5 dil=2 stride=2", 1, {{3, {19, 7, 9}}}},
    {"conv2d groups=in k=7 pad=2", 1, {{3, {36, 8, 10}}}},
    {"conv2d groups=in k=2x4 pad=1 stride=3", 1, {{3, {8, 9, 11}}}},
    {"conv2d out=6 stride=2 tf=1", 1, {{3, {9, 6, 7}}}},
    {"conv2d groups=in k=5 stride=2 tf=1 bias=0", 1, {{3, {20, 8, 9}}}},
    {"conv2d out=3", 1, {{3, {2, 1, 1}}}},
    {"conv2d groups=in", 1, {{3, {17, 1, 1}}}},
    {0},
};

static void conv2d_onnx(nw_onnx *out, const nw_node *node)
{
    const struct conv2d *a = node->attr;
    nw_conv_dims d = dims_of(a, &node->in[0], 1);

    out->node(out, "Conv");
    out->input(out, 0);
    out->param(out, 0);
    if (a->bias)
        out->param(out, 1);
    out->attr_ints(out, "kernel_shape", 2, (const int64_t[]){d.kh, d.kw});
    out->attr_ints(out, "strides", 2, (const int64_t[]){d.sh, d.sw});
    out->attr_ints(out, "pads", 4,
                   (const int64_t[]){d.ph, d.pw, padding_behind(a, 0, d.ih),
                                     padding_behind(a, 1, d.iw)});
    out->attr_ints(out, "dilations", 2, (const int64_t[]){d.dh, d.dw});
    out->attr_int(out, "group", d.groups);
}

const nw_op_type NW_R(nw_op_conv2d) = {
    .name = "conv2d",
    .doc = "two-dimensional convolution",
    .attrs = conv2d_attrs,
    .size = sizeof(struct conv2d),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_NEEDS_X | NW_ADDS,
    .infer = conv2d_infer,
    .prepare = conv2d_prepare,
    .release = conv2d_release,
    .forward = conv2d_forward,
    .backward = conv2d_backward,
    .cases = conv2d_cases,
    .onnx = conv2d_onnx,
};
