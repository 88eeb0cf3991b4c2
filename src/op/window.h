/* window.h - keys, shape and tables of pooling with a kernel, a stride and padding. */
#ifndef NW_WINDOW_H
#define NW_WINDOW_H

#include "op.h"
#include "pool.h"
#include "same.h"

struct window {
    int k[2], stride[2], pad[2], tf;
};

#define NW_WINDOW_ATTRS(type)                                                            \
    {"k", NW_PAIR, offsetof(type, window.k), "2", 1, 1024, "window, pixels", NULL},      \
        {"stride",                                                                       \
         NW_PAIR,                                                                        \
         offsetof(type, window.stride),                                                  \
         "k",                                                                            \
         1,                                                                              \
         1024,                                                                           \
         "step of the window, pixels; k = the window",                                   \
         "k"},                                                                           \
        {"pad",                                                                          \
         NW_PAIR,                                                                        \
         offsetof(type, window.pad),                                                     \
         "0",                                                                            \
         0,                                                                              \
         512,                                                                            \
         "border on each side, pixels; same = (k - 1) / 2",                              \
         "same"},                                                                        \
    {                                                                                    \
        "tf", NW_BOOL, offsetof(type, window.tf), "0", 0, 0,                             \
            "TensorFlow's SAME instead of pad: ceil(size / stride) pixels come out, "    \
            "the "                                                                       \
            "border is larger at the bottom and right",                                  \
            NULL                                                                         \
    }

static inline int window_stride(const struct window *a, int axis)
{
    return a->stride[axis] < 0 ? a->k[axis] : a->stride[axis];
}

/* Border at the top or left, and at the bottom or right, of an axis of `in` pixels. */
static inline int window_pad(const struct window *a, int axis, int in)
{
    if (a->tf)
        return nw_same_border(in, a->k[axis], window_stride(a, axis)) / 2;
    return a->pad[axis] < 0 ? (a->k[axis] - 1) / 2 : a->pad[axis];
}

static inline int window_pad_behind(const struct window *a, int axis, int in)
{
    int pad = window_pad(a, axis, in);

    return a->tf ? nw_same_border(in, a->k[axis], window_stride(a, axis)) - pad : pad;
}

/* out  (C, floor((H + 2 pad - k) / stride) + 1, ...), or with tf=1 (C, ceil(H / stride),
 * ...); name: of the op, for messages */
static inline nw_status window_infer(nw_node *node, const char *name,
                                     const struct window *a)
{
    if (node->in[0].rank != 3)
        return nw_refuse(node, "%s: the input must have channels, height and width",
                         name);
    node->out = node->in[0];
    for (int i = 0; i < 2; i++) {
        int in = node->in[0].dim[1 + i], pad = window_pad(a, i, in);
        int room = in + pad + window_pad_behind(a, i, in) - a->k[i];

        if (2 * pad > a->k[i])
            return nw_refuse(node, "%s: pad=%d: must be at most half of k=%d", name, pad,
                             a->k[i]);
        if (room < 0)
            return nw_refuse(node, "%s: k=%dx%d is larger than the padded input %dx%d",
                             name, a->k[0], a->k[1],
                             node->in[0].dim[1] + 2 * window_pad(a, 0, 0),
                             node->in[0].dim[2] + 2 * window_pad(a, 1, 0));
        node->out.dim[1 + i] = room / window_stride(a, i) + 1;
    }
    return NW_OK;
}

/* State of a pooling op: the tables, one block. NULL after nw_fail(). */
static inline nw_pool *window_new(nw_run *run)
{
    const nw_shape *in = &run->in[0], *out = &run->out;
    size_t h = nw_axis_ints(in->dim[1], out->dim[1]);
    size_t w = nw_axis_ints(in->dim[2], out->dim[2]);
    nw_pool *p = nw_alloc(run->ctx, sizeof(*p) + (h + w) * sizeof(int));

    if (p)
        *p = (nw_pool){.n = run->batch, .c = in->dim[0]};
    run->state = p;
    return p;
}

/* Room for the tables of an axis, 0 = rows, 1 = columns. */
static inline int *window_room(const nw_run *run, nw_pool *p, int axis)
{
    int *room = (int *)(p + 1);

    return axis ? room + nw_axis_ints(run->in[0].dim[1], run->out.dim[1]) : room;
}

static inline void window_fill(const nw_run *run, const struct window *a, nw_pool *p)
{
    nw_axis *axis[] = {&p->h, &p->w};

    for (int i = 0; i < 2; i++)
        nw_axis_fixed(axis[i], run->in[0].dim[1 + i], run->out.dim[1 + i], a->k[i],
                      window_stride(a, i), window_pad(a, i, run->in[0].dim[1 + i]),
                      window_room(run, p, i));
}

static inline void window_release(nw_run *run)
{
    nw_release(run->ctx, run->state);
    run->state = NULL;
}

/* in: the shape that comes in */
static inline void window_onnx(nw_onnx *out, const struct window *a, const nw_shape *in)
{
    int64_t pad[4];

    for (int i = 0; i < 2; i++) {
        pad[i] = window_pad(a, i, in->dim[1 + i]);
        pad[2 + i] = window_pad_behind(a, i, in->dim[1 + i]);
    }
    out->attr_ints(out, "kernel_shape", 2, (const int64_t[]){a->k[0], a->k[1]});
    out->attr_ints(out, "strides", 2,
                   (const int64_t[]){window_stride(a, 0), window_stride(a, 1)});
    out->attr_ints(out, "pads", 4, pad);
}

#endif
