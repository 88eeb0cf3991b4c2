/* onnx_weighty.c - nodes that have weights or windows, and become ops of ours. */
#include "onnx_read.h"
#include "same.h"

#include <math.h>
#include <string.h>

enum { SPEC = 200 };

static const nw_value *constant(const nw_reader *r, const Onnx__NodeProto *node, size_t i)
{
    return nw_value_find(r, node->input[i]);
}

/* Dims of constant input i, which must have that rank. */
static nw_status dims(nw_reader *r, const Onnx__NodeProto *node, size_t i, size_t rank,
                      int *out)
{
    const nw_value *value = nw_node_is_constant(r, node, i) ? constant(r, node, i) : NULL;

    if (!value || value->tensor->n_dims != rank)
        return nw_node_fail(r, NW_EMATCH, "input %zu must be a constant of rank %zu", i,
                            rank);
    for (size_t d = 0; d < rank; d++) {
        int64_t dim = value->tensor->dims[d];

        if (dim < 1 || dim > 1 << 24)
            return nw_node_fail(r, NW_EFORMAT, "constant \"%s\": dimension %lld",
                                value->name, (long long)dim);
        out[d] = (int)dim;
    }
    return NW_OK;
}

static nw_status bind_input(nw_reader *r, const Onnx__NodeProto *node, size_t i,
                            const char *suffix)
{
    const float *data;
    size_t n;

    NW_TRY(nw_node_floats(r, node, i, &data, &n));
    return nw_node_bind(r, suffix, data, n);
}

/* ---- Windows ---------------------------------------------------------------------- */

struct window {
    int k[2], stride[2], pad[2], dil[2];
    int tf; /* the border is that of TensorFlow's SAME */
};

/* 1 when these are the pads that tf=1 gives on this input. */
static int is_same(const nw_reader *r, const struct window *w, const int pads[4],
                   nw_ref x)
{
    const nw_shape *in = nw_ref_shape(r, x);

    for (int i = 0; i < 2; i++) {
        int span = w->dil[i] * (w->k[i] - 1) + 1;
        int border = in->rank == 3 && w->stride[i] > 0
                         ? nw_same_border(in->dim[1 + i], span, w->stride[i])
                         : -1;

        if (pads[i] != border / 2 || pads[2 + i] != border - border / 2)
            return 0;
    }
    return 1;
}

/* Reads the attributes; other uneven padding is placed before, and *x is then the result.
 */
static nw_status read_window(nw_reader *r, const int *kernel, int may_pad,
                             struct window *w, nw_ref *x)
{
    int pads[4];
    char spec[SPEC];

    w->tf = 0;
    if (!nw_attr_is(r->node, "auto_pad", "NOTSET") ||
        nw_attr_int(r->node, "ceil_mode", 0))
        return nw_node_fail(r, NW_EMATCH, "auto_pad and ceil_mode are not supported");
    NW_TRY(nw_attr_ints(r, "kernel_shape", 2, 0, w->k));
    NW_TRY(nw_attr_ints(r, "strides", 2, 1, w->stride));
    NW_TRY(nw_attr_ints(r, "pads", 4, 0, pads));
    NW_TRY(nw_attr_ints(r, "dilations", 2, 1, w->dil));
    for (int i = 0; i < 2; i++) {
        if (kernel && (w->k[i] = w->k[i] ? w->k[i] : kernel[i]) != kernel[i])
            return nw_node_fail(r, NW_ESHAPE, "kernel_shape is not that of the weights");
        w->pad[i] = pads[i];
    }
    NW_TRY(nw_node_ref(r, r->node, 0, x));
    if (pads[0] == pads[2] && pads[1] == pads[3])
        return NW_OK;
    if ((w->tf = is_same(r, w, pads, *x)))
        return NW_OK;
    if (!may_pad)
        return nw_node_fail(r, NW_EMATCH, "pads differ from side to side: not supported");
    snprintf(spec, sizeof(spec), "pad top=%d left=%d bottom=%d right=%d", pads[0],
             pads[1], pads[2], pads[3]);
    w->pad[0] = w->pad[1] = 0;
    return nw_node_place(r, spec, NULL, 1, (nw_ref[]){*x}, x);
}

static nw_status read_conv(nw_reader *r)
{
    int dim[4];
    int bias = nw_node_has(r->node, 2);
    int64_t groups = nw_attr_int(r->node, "group", 1);
    struct window w;
    char spec[SPEC];
    nw_ref x;

    NW_TRY(dims(r, r->node, 1, 4, dim));
    NW_TRY(read_window(r, dim + 2, 1, &w, &x));
    if (groups < 1 || groups > dim[0])
        return nw_node_fail(r, NW_EFORMAT, "group %lld", (long long)groups);
    snprintf(spec, sizeof(spec),
             "conv2d out=%d k=%dx%d stride=%dx%d pad=%dx%d dil=%dx%d groups=%d bias=%d%s",
             dim[0], w.k[0], w.k[1], w.stride[0], w.stride[1], w.pad[0], w.pad[1],
             w.dil[0], w.dil[1], (int)groups, bias, w.tf ? " tf=1" : "");
    NW_TRY(nw_node_place(r, spec, constant(r, r->node, 1), 1, (nw_ref[]){x}, &x));
    NW_TRY(bind_input(r, r->node, 1, "weight"));
    if (bias)
        NW_TRY(bind_input(r, r->node, 2, "bias"));
    nw_node_gave(r, r->node, x);
    return NW_OK;
}

static nw_status read_pool(nw_reader *r, const char *op, const char *more)
{
    struct window w;
    char spec[SPEC];
    nw_ref x;

    NW_TRY(read_window(r, NULL, 0, &w, &x));
    if (w.dil[0] != 1 || w.dil[1] != 1)
        return nw_node_fail(r, NW_EMATCH, "dilations are not supported");
    snprintf(spec, sizeof(spec), "%s k=%dx%d stride=%dx%d pad=%dx%d%s%s", op, w.k[0],
             w.k[1], w.stride[0], w.stride[1], w.pad[0], w.pad[1], w.tf ? " tf=1" : "",
             more);
    NW_TRY(nw_node_place(r, spec, NULL, 1, (nw_ref[]){x}, &x));
    nw_node_gave(r, r->node, x);
    return NW_OK;
}

static nw_status read_maxpool(nw_reader *r)
{
    return read_pool(r, "maxpool", "");
}

static nw_status read_avgpool(nw_reader *r)
{
    int count_pad = nw_attr_int(r->node, "count_include_pad", 0) != 0;

    return read_pool(r, "avgpool", count_pad ? " count_pad=1" : "");
}

/* Gathered rows or columns are those of windows of an adaptive pool, each as long as the
 * longest: index[o * k + i] runs through [o in / out, ceil((o + 1) in / out)). */
static nw_status check_gather(nw_reader *r, const Onnx__NodeProto *gather, int in, int k,
                              int *out)
{
    enum { MOST = 1 << 14 }; /* as many as our own op writes */
    int64_t index[MOST];
    int n;

    NW_TRY(nw_node_ints(r, gather, 1, MOST, index, &n));
    *out = k > 0 ? n / k : 0;
    for (int i = 0; i < n; i++) {
        int o = k > 0 ? i / k : 0;
        int begin = *out ? (int)((int64_t)o * in / *out) : 0;
        int end = *out ? (int)(((int64_t)(o + 1) * in + *out - 1) / *out) : 0;

        if (!*out || n % k || end <= begin || k % (end - begin) ||
            index[i] != begin + i % k / (k / (end - begin)))
            return nw_node_fail(r, NW_EMATCH, "its indices are not those of a pool");
    }
    return NW_OK;
}

static nw_status read_gather(nw_reader *r)
{
    const Onnx__NodeProto *second = nw_node_next(r, r->node, "Gather");
    const Onnx__NodeProto *pool = nw_node_next(r, second, "AveragePool");
    const nw_shape *s;
    char spec[SPEC];
    int to[2], k[2];
    nw_ref x;

    if (!pool || nw_attr_int(r->node, "axis", 0) != 2 ||
        nw_attr_int(second, "axis", 0) != 3)
        return nw_node_fail(r, NW_EMATCH, "is only read as part of an adaptive pool");
    for (int i = 0; i < 2; i++)
        k[i] = (int)nw_attr_at(pool, "kernel_shape", i);
    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    s = nw_ref_shape(r, x);
    if (s->rank != 3)
        return nw_node_fail(r, NW_ESHAPE, "its input must be (batch, C, H, W)");
    NW_TRY(check_gather(r, r->node, s->dim[1], k[0], &to[0]));
    NW_TRY(check_gather(r, second, s->dim[2], k[1], &to[1]));
    snprintf(spec, sizeof(spec), "avgpool to=%dx%d", to[0], to[1]);
    NW_TRY(nw_node_place(r, spec, NULL, 1, (nw_ref[]){x}, &x));
    nw_node_gave(r, pool, x);
    return NW_OK;
}

/* With the Flatten that takes off the axes of one pixel, or without. */
static nw_status read_globalpool(nw_reader *r)
{
    const Onnx__NodeProto *flatten = nw_node_next(r, r->node, "Flatten");
    char spec[SPEC];
    nw_ref x;

    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    NW_TRY(nw_node_place(r, "globalpool", NULL, 1, (nw_ref[]){x}, &x));
    if (!flatten || nw_attr_int(flatten, "axis", 1) != 1) {
        flatten = r->node;
        snprintf(spec, sizeof(spec), "reshape to=%dx1x1", nw_ref_shape(r, x)->dim[0]);
        NW_TRY(nw_node_place(r, spec, NULL, 1, (nw_ref[]){x}, &x));
    }
    nw_node_gave(r, flatten, x);
    return NW_OK;
}

/* Of sequences (batch, steps, channels), over the steps. */
static nw_status read_mean(nw_reader *r)
{
    nw_ref x;

    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    if (nw_ref_shape(r, x)->rank != 2 ||
        !nw_attr_equals(r->node, "axes", 1, (const int64_t[]){1}) ||
        nw_attr_int(r->node, "keepdims", 1))
        return nw_node_fail(r, NW_EMATCH,
                            "only the mean over the steps of a sequence is supported");
    NW_TRY(nw_node_place(r, "globalpool", NULL, 1, (nw_ref[]){x}, &x));
    nw_node_gave(r, r->node, x);
    return NW_OK;
}

/* ---- Norms ------------------------------------------------------------------------ */

static int all_are(const float *data, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        if (data[i] != value)
            return 0;
    return 1;
}

static int ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && !strcmp(text + n - m, end);
}

/* Scale and shift that are not parameters but stand for none. */
static nw_status is_plain(nw_reader *r, int *plain)
{
    const float *scale, *shift;
    size_t n, m;

    NW_TRY(nw_node_floats(r, r->node, 1, &scale, &n));
    NW_TRY(nw_node_floats(r, r->node, 2, &shift, &m));
    *plain = all_are(scale, n, 1) && all_are(shift, m, 0) &&
             !ends_in(constant(r, r->node, 1)->name, ".weight");
    return NW_OK;
}

static nw_status read_batchnorm(nw_reader *r)
{
    static const char *const suffix[] = {"weight", "bias", "running_mean", "running_var"};
    char spec[SPEC];
    int plain;
    nw_ref x;

    if (nw_attr_int(r->node, "training_mode", 0))
        return nw_node_fail(r, NW_EMATCH, "training_mode is not supported");
    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    NW_TRY(is_plain(r, &plain));
    snprintf(spec, sizeof(spec), "batchnorm eps=%.9g affine=%d",
             (double)nw_attr_float(r->node, "epsilon", 1e-5f), !plain);
    if (!nw_node_is_constant(r, r->node, 3))
        return nw_node_fail(r, NW_EMATCH, "the mean is not a constant");
    NW_TRY(nw_node_place(r, spec, constant(r, r->node, plain ? 3 : 1), 1, (nw_ref[]){x},
                         &x));
    for (size_t i = plain ? 2 : 0; i < 4; i++)
        NW_TRY(bind_input(r, r->node, 1 + i, suffix[i]));
    nw_node_gave(r, r->node, x);
    return NW_OK;
}

/* ---- Products --------------------------------------------------------------------- */

/* (in, out) -> (out, in) */
static const float *transposed(nw_reader *r, const float *from, const int *dim)
{
    size_t rows = (size_t)dim[0], columns = (size_t)dim[1];
    float *to = nw_arena_get(&r->arena, rows * columns * sizeof(*to));

    for (size_t i = 0; to && i < rows; i++)
        for (size_t k = 0; k < columns; k++)
            to[k * rows + i] = from[i * columns + k];
    return to;
}

struct product {
    const Onnx__NodeProto *weight, *bias; /* nodes that have them as a constant         */
    size_t bias_at;
    const Onnx__NodeProto *last;
    int is_out_in; /* the constant is (out, in), as ours                                */
};

static nw_status read_dense(nw_reader *r, nw_ref x, const struct product *p)
{
    const float *data;
    char spec[SPEC];
    int dim[2];
    size_t n;

    NW_TRY(dims(r, p->weight, p->weight->n_input > 1, 2, dim));
    NW_TRY(nw_node_floats(r, p->weight, p->weight->n_input > 1, &data, &n));
    if (!p->is_out_in)
        data = transposed(r, data, dim);
    if (!data)
        return NW_ENOMEM;
    snprintf(spec, sizeof(spec), "dense out=%d bias=%d", dim[!p->is_out_in],
             p->bias != NULL);
    NW_TRY(nw_node_place(r, spec, constant(r, p->weight, p->weight->n_input > 1), 1,
                         (nw_ref[]){x}, &x));
    NW_TRY(nw_node_bind(r, "weight", data, n));
    if (p->bias)
        NW_TRY(bind_input(r, p->bias, p->bias_at, "bias"));
    nw_node_gave(r, p->last, x);
    return NW_OK;
}

static nw_status read_gemm(nw_reader *r)
{
    struct product p = {.weight = r->node, .last = r->node, .bias_at = 2};
    nw_ref x;

    if (nw_attr_float(r->node, "alpha", 1) != 1 ||
        nw_attr_float(r->node, "beta", 1) != 1 || nw_attr_int(r->node, "transA", 0))
        return nw_node_fail(r, NW_EMATCH, "alpha, beta and transA are not supported");
    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    if (nw_ref_shape(r, x)->rank != 1)
        return nw_node_fail(r, NW_ESHAPE, "its input must be (batch, features)");
    p.is_out_in = nw_attr_int(r->node, "transB", 0) != 0;
    p.bias = nw_node_has(r->node, 2) ? r->node : NULL;
    return read_dense(r, x, &p);
}

/* A constant vector that is added to what `last` gave is the bias. */
static void find_bias(nw_reader *r, struct product *p)
{
    const Onnx__NodeProto *add = nw_node_next(r, p->last, "Add");

    if (!add || add->n_input != 2)
        return;
    for (size_t i = 0; i < 2; i++)
        if (nw_node_is_constant(r, add, i) && constant(r, add, i)->tensor->n_dims == 1) {
            p->bias = p->last = add;
            p->bias_at = i;
        }
}

/* Exchanges the last two of two axes, or of a batch of two. */
static int is_swap(const Onnx__NodeProto *transpose, int axes)
{
    static const int64_t two[] = {1, 0}, three[] = {0, 2, 1};

    return transpose && nw_attr_equals(transpose, "perm", axes, axes == 2 ? two : three);
}

/* x y; transposed afterwards it is y' x'. */
static nw_status read_matmul(nw_reader *r)
{
    struct product p = {.weight = r->node, .last = r->node};
    const Onnx__NodeProto *swap = nw_node_next(r, r->node, "Transpose");
    nw_ref in[2], out;

    NW_TRY(nw_node_ref(r, r->node, 0, &in[0]));
    if (nw_node_is_constant(r, r->node, 1)) {
        find_bias(r, &p);
        return read_dense(r, in[0], &p);
    }
    NW_TRY(nw_node_ref(r, r->node, 1, &in[1]));
    swap = is_swap(swap, 3) ? swap : NULL;
    if (swap)
        NW_TRY(nw_node_place(r, "matmul ta=1 tb=1", NULL, 2, (nw_ref[]){in[1], in[0]},
                             &out));
    else
        NW_TRY(nw_node_place(r, "matmul", NULL, 2, in, &out));
    nw_node_gave(r, swap ? swap : r->node, out);
    return NW_OK;
}

/* The transposition of a dense layer's weights, or of an operand of a product. */
static nw_status read_transpose(nw_reader *r)
{
    const Onnx__NodeProto *product = nw_node_next(r, r->node, "MatMul");
    int constant_in = nw_node_is_constant(r, r->node, 0), first;
    struct product p = {.weight = r->node, .last = product, .is_out_in = 1};
    nw_ref in[2], out;

    if (!product || product->n_input != 2 || !is_swap(r->node, constant_in ? 2 : 3))
        return nw_node_fail(r, NW_EMATCH,
                            "only the last two axes, before a MatMul, can be "
                            "exchanged");
    first = !strcmp(product->input[0], r->node->output[0]);
    if (constant_in) {
        find_bias(r, &p);
        NW_TRY(nw_node_ref(r, product, 0, &in[0]));
        return read_dense(r, in[0], &p);
    }
    NW_TRY(nw_node_ref(r, r->node, 0, &in[!first]));
    NW_TRY(nw_node_ref(r, product, (size_t)first, &in[first]));
    NW_TRY(nw_node_place(r, first ? "matmul ta=1" : "matmul tb=1", NULL, 2, in, &out));
    nw_node_gave(r, product, out);
    return NW_OK;
}

/* Rows of a table by number: Cast, then Gather. */
static nw_status read_cast(nw_reader *r)
{
    const Onnx__NodeProto *gather = nw_node_next(r, r->node, "Gather");
    char spec[SPEC];
    int dim[2];
    nw_ref x;

    if (!gather ||
        nw_attr_int(r->node, "to", 0) != ONNX__TENSOR_PROTO__DATA_TYPE__INT64 ||
        nw_attr_int(gather, "axis", 0) || gather->n_input != 2)
        return nw_node_fail(r, NW_EMATCH,
                            "only the numbers of a Gather's rows can be cast");
    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    NW_TRY(dims(r, gather, 0, 2, dim));
    snprintf(spec, sizeof(spec), "embedding num=%d dim=%d", dim[0], dim[1]);
    NW_TRY(nw_node_place(r, spec, constant(r, gather, 0), 1, (nw_ref[]){x}, &x));
    NW_TRY(bind_input(r, gather, 0, "weight"));
    nw_node_gave(r, gather, x);
    return NW_OK;
}

#define WINDOW "kernel_shape,strides,pads,dilations,auto_pad"

const nw_onnx_type nw_onnx_weighty[] = {
    {"Conv", 2, 3, WINDOW ",group", read_conv},
    {"MaxPool", 1, 1, WINDOW ",ceil_mode,storage_order", read_maxpool},
    {"AveragePool", 1, 1, WINDOW ",ceil_mode,count_include_pad", read_avgpool},
    {"GlobalAveragePool", 1, 1, "", read_globalpool},
    {"ReduceMean", 1, 1, "axes,keepdims", read_mean},
    {"Gather", 2, 2, "axis", read_gather},
    {"BatchNormalization", 5, 5, "epsilon,momentum,training_mode,spatial",
     read_batchnorm},
    {"Gemm", 2, 3, "alpha,beta,transA,transB", read_gemm},
    {"MatMul", 2, 2, "", read_matmul},
    {"Transpose", 1, 1, "perm", read_transpose},
    {"Cast", 1, 1, "to", read_cast},
    {0},
};
