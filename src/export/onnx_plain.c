/* onnx_plain.c - nodes of elements, sums and shapes, which become ops of ours. */
#include "onnx_read.h"

#include <math.h>
#include <string.h>

enum { SPEC = 300 };

/* Nodes up to `last` are that op on input i of the first. */
static nw_status simple(nw_reader *r, const char *spec, size_t i,
                        const Onnx__NodeProto *last)
{
    nw_ref x;

    NW_TRY(nw_node_ref(r, r->node, i, &x));
    NW_TRY(nw_node_place(r, spec, NULL, 1, (nw_ref[]){x}, &x));
    nw_node_gave(r, last, x);
    return NW_OK;
}

static nw_status passes_on(nw_reader *r)
{
    nw_ref x;

    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    nw_node_gave(r, r->node, x);
    return NW_OK;
}

/* ---- Elements ---------------------------------------------------------------------- */

static nw_status read_relu(nw_reader *r)
{
    const Onnx__NodeProto *min = nw_node_next(r, r->node, "Min");

    if (min && min->n_input == 2 && nw_node_is_number(r, min, 1, 6))
        return simple(r, "relu6", 0, min);
    return simple(r, "relu", 0, r->node);
}

static nw_status read_clip(nw_reader *r)
{
    if (nw_node_is_number(r, r->node, 1, 0) && nw_node_is_number(r, r->node, 2, 6))
        return simple(r, "relu6", 0, r->node);
    return nw_node_fail(r, NW_EMATCH, "only limits of 0 and 6 are supported");
}

static nw_status read_sigmoid(nw_reader *r)
{
    return simple(r, "sigmoid", 0, r->node);
}

static nw_status read_tanh(nw_reader *r)
{
    return simple(r, "tanh", 0, r->node);
}

/* x tanh(softplus(x)) as one op; alone, a softplus is none of ours. */
static nw_status read_softplus(nw_reader *r)
{
    const Onnx__NodeProto *tanh = nw_node_next(r, r->node, "Tanh");
    const Onnx__NodeProto *mul = nw_node_next(r, tanh, "Mul");

    if (!mul || mul->n_input != 2 || strcmp(mul->input[0], r->node->input[0]))
        return nw_node_fail(r, NW_EMATCH, "only x tanh(softplus(x)), mish, is supported");
    return simple(r, "mish", 0, mul);
}

static nw_status read_hardsigmoid(nw_reader *r)
{
    if (fabsf(nw_attr_float(r->node, "alpha", .2f) - 1.f / 6) > 1e-6f ||
        nw_attr_float(r->node, "beta", .5f) != .5f)
        return nw_node_fail(r, NW_EMATCH,
                            "only alpha = 1/6 and beta = 1/2 are supported");
    return simple(r, "hardsigmoid", 0, r->node);
}

static nw_status read_hardswish(nw_reader *r)
{
    return simple(r, "hardswish", 0, r->node);
}

/* x / sqrt 2 -> Erf -> + 1 -> times x -> / 2; NULL when it is something else. */
static const Onnx__NodeProto *end_of_gelu(nw_reader *r)
{
    const Onnx__NodeProto *erf = nw_node_next(r, r->node, "Erf");
    const Onnx__NodeProto *add = nw_node_next(r, erf, "Add");
    const Onnx__NodeProto *mul = nw_node_next(r, add, "Mul");
    const Onnx__NodeProto *half = nw_node_next(r, mul, "Mul");

    if (!half || add->n_input != 2 || mul->n_input != 2 || half->n_input != 2 ||
        !nw_node_is_number(r, r->node, 1, .70710678f) ||
        !nw_node_is_number(r, add, 1, 1) || !nw_node_is_number(r, half, 1, .5f) ||
        strcmp(mul->input[1], r->node->input[0]))
        return NULL;
    return half;
}

/* The one number that input 1 of a node is; 0 = it is something else. */
static int number_of(nw_reader *r, const Onnx__NodeProto *node, double *out)
{
    const float *value;
    size_t n;

    if (!node || node->n_input != 2 || !nw_node_is_constant(r, node, 1) ||
        nw_node_floats(r, node, 1, &value, &n) < 0 || n != 1)
        return 0;
    *out = (double)*value;
    return 1;
}

/* Times a number and, when that follows, plus another. */
static nw_status read_times(nw_reader *r, double by)
{
    const Onnx__NodeProto *add = nw_node_next(r, r->node, "Add");
    double plus = 0;
    char spec[80];

    if (!number_of(r, add, &plus))
        add = r->node;
    snprintf(spec, sizeof(spec), "scale by=%.9g plus=%.9g", by, plus);
    return simple(r, spec, 0, add);
}

static nw_status read_mul(nw_reader *r)
{
    const Onnx__NodeProto *gelu = end_of_gelu(r);
    nw_ref in[2], out;
    double by;

    if (gelu)
        return simple(r, "gelu", 0, gelu);
    if (nw_node_is_number(r, r->node, 1, 0))
        return simple(r, "none", 0, r->node);
    if (number_of(r, r->node, &by))
        return read_times(r, by);
    NW_TRY(nw_node_ref(r, r->node, 0, &in[0]));
    NW_TRY(nw_node_ref(r, r->node, 1, &in[1]));
    NW_TRY(nw_node_place(r, "mul", NULL, 2, in, &out));
    nw_node_gave(r, r->node, out);
    return NW_OK;
}

/* (x - mean) / sd, channel by channel, as the first thing that happens to the input. */
static nw_status read_normalisation(nw_reader *r)
{
    const Onnx__NodeProto *div = nw_node_next(r, r->node, "Div");
    const float *mean, *sd;
    size_t n, m;
    nw_ref x;

    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    if (strcmp(r->space->place[x].op->name, "input") || !div || div->n_input != 2 ||
        nw_value_find(r, r->node->input[0])->readers != 1)
        return nw_node_fail(r, NW_EMATCH,
                            "is only read as the normalisation of the input");
    NW_TRY(nw_node_floats(r, r->node, 1, &mean, &n));
    NW_TRY(nw_node_floats(r, div, 1, &sd, &m));
    if (n != m || n != (size_t)nw_ref_shape(r, x)->dim[0])
        return nw_node_fail(r, NW_ESHAPE, "%zu means and %zu deviations for %d channels",
                            n, m, nw_ref_shape(r, x)->dim[0]);
    r->mean = nw_arena_get(&r->arena, n * sizeof(double));
    r->sd = nw_arena_get(&r->arena, n * sizeof(double));
    if (!r->mean || !r->sd)
        return NW_ENOMEM;
    r->n_channel = (int)n;
    for (size_t c = 0; c < n; c++) {
        r->mean[c] = (double)mean[c];
        r->sd[c] = (double)sd[c];
        if (!isfinite(mean[c]) || !isfinite(sd[c]) || sd[c] == 0)
            return nw_node_fail(r, NW_EFORMAT, "a mean or deviation is no proper number");
    }
    nw_node_gave(r, div, x);
    return NW_OK;
}

/* ---- Several inputs ------------------------------------------------------------------
 */

static nw_status read_many(nw_reader *r, const char *spec)
{
    nw_ref *in = nw_arena_get(&r->arena, r->node->n_input * sizeof(*in)), out;

    if (!in)
        return NW_ENOMEM;
    for (size_t i = 0; i < r->node->n_input; i++)
        NW_TRY(nw_node_ref(r, r->node, i, &in[i]));
    if (r->node->n_input == 1)
        out = in[0];
    else
        NW_TRY(nw_node_place(r, spec, NULL, (int)r->node->n_input, in, &out));
    nw_node_gave(r, r->node, out);
    return NW_OK;
}

static nw_status read_sum(nw_reader *r)
{
    return read_many(r, "add");
}

/* The axis must be that of the channels, the only one our ops work along. */
static nw_status check_axis(nw_reader *r, int64_t missing)
{
    int64_t axis = nw_attr_int(r->node, "axis", missing);
    int rank;
    nw_ref x;

    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    rank = nw_ref_shape(r, x)->rank;
    axis += axis < 0 ? rank + 1 : 0;
    if (axis != (rank == 2 ? 2 : 1))
        return nw_node_fail(r, NW_EMATCH, "axis %lld is not that of the channels",
                            (long long)axis);
    return NW_OK;
}

static nw_status read_concat(nw_reader *r)
{
    NW_TRY(check_axis(r, 0));
    return read_many(r, "concat");
}

static nw_status read_softmax(nw_reader *r)
{
    NW_TRY(check_axis(r, -1));
    return simple(r, strcmp(r->node->op_type, "Softmax") ? "log_softmax" : "softmax", 0,
                  r->node);
}

static nw_status read_l2norm(nw_reader *r)
{
    if (nw_attr_int(r->node, "p", 2) != 2)
        return nw_node_fail(r, NW_EMATCH, "only p = 2 is supported");
    NW_TRY(check_axis(r, -1));
    return simple(r, "l2norm", 0, r->node);
}

/* ---- Shape and place ------------------------------------------------------------------
 */

static nw_status read_flatten(nw_reader *r)
{
    if (nw_attr_int(r->node, "axis", 1) != 1)
        return nw_node_fail(r, NW_EMATCH, "only axis=1 is supported");
    return simple(r, "flatten", 0, r->node);
}

static nw_status read_pad(nw_reader *r)
{
    int64_t p[8];
    char spec[SPEC];
    int n;

    NW_TRY(nw_node_ints(r, r->node, 1, 8, p, &n));
    if (n != 8 || p[0] || p[1] || p[4] || p[5] ||
        !nw_attr_is(r->node, "mode", "constant") ||
        (nw_node_has(r->node, 2) && !nw_node_is_number(r, r->node, 2, 0)))
        return nw_node_fail(r, NW_EMATCH,
                            "only zeros around height and width are supported");
    snprintf(spec, sizeof(spec), "pad top=%lld left=%lld bottom=%lld right=%lld",
             (long long)p[2], (long long)p[3], (long long)p[6], (long long)p[7]);
    return simple(r, spec, 0, r->node);
}

/* Ranges of a Slice by axis of ours, "c=1:5:2 h=..."; axes that it omits stay whole. */
static nw_status slice_spec(nw_reader *r, int rank, char *spec, size_t size)
{
    static const char *const key[][3] = {{"c"}, {"h", "c"}, {"c", "h", "w"}};
    int64_t from[4], to[4], axis[4] = {0, 1, 2, 3}, step[4] = {1, 1, 1, 1};
    int n, m, a, s;
    size_t at = (size_t)snprintf(spec, size, "slice");

    NW_TRY(nw_node_ints(r, r->node, 1, 4, from, &n));
    NW_TRY(nw_node_ints(r, r->node, 2, 4, to, &m));
    a = s = n;
    if (nw_node_has(r->node, 3))
        NW_TRY(nw_node_ints(r, r->node, 3, 4, axis, &a));
    if (nw_node_has(r->node, 4))
        NW_TRY(nw_node_ints(r, r->node, 4, 4, step, &s));
    if (m != n || a != n || s != n)
        return nw_node_fail(r, NW_EFORMAT,
                            "starts, ends, axes and steps differ in number");
    for (int i = 0; i < n; i++) {
        axis[i] += axis[i] < 0 ? rank + 1 : 0;
        if (axis[i] < 1 || axis[i] > rank || step[i] < 1)
            return nw_node_fail(r, NW_EMATCH, "axis %lld with step %lld is not supported",
                                (long long)axis[i], (long long)step[i]);
        at += (size_t)snprintf(spec + at, size - at, " %s=%lld:%lld:%lld",
                               key[rank - 1][axis[i] - 1], (long long)from[i],
                               (long long)to[i], (long long)step[i]);
    }
    return NW_OK;
}

static nw_status read_slice(nw_reader *r)
{
    char spec[SPEC];
    nw_ref x;

    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    if (nw_ref_shape(r, x)->rank < 1)
        return nw_node_fail(r, NW_ESHAPE, "its input is one number");
    NW_TRY(slice_spec(r, nw_ref_shape(r, x)->rank, spec, sizeof(spec)));
    return simple(r, spec, 0, r->node);
}

/* (batch, groups, C / groups, ...) with the two exchanged. */
static nw_status read_shuffle(nw_reader *r, const int64_t *shape)
{
    static const int64_t perm[] = {0, 1, 3, 2, 4};
    const Onnx__NodeProto *swap = nw_node_next(r, r->node, "Transpose");
    const Onnx__NodeProto *back = nw_node_next(r, swap, "Reshape");
    const nw_shape *s;
    int64_t before, after, channels;
    char spec[SPEC];
    nw_ref x;

    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    s = nw_ref_shape(r, x);
    before = s->rank == 2 ? s->dim[0] : 1;
    after = s->rank == 3 ? (int64_t)s->dim[1] * s->dim[2] : 1;
    channels = s->rank ? s->dim[s->rank == 2] : 1;
    if (!back || !nw_attr_equals(swap, "perm", 5, perm) || shape[1] != before ||
        shape[2] < 1 || channels % shape[2] || shape[3] != channels / shape[2] ||
        shape[4] != after)
        return nw_node_fail(r, NW_EMATCH,
                            "is not the shuffle of channels that it looks like");
    snprintf(spec, sizeof(spec), "shuffle groups=%lld", (long long)shape[2]);
    return simple(r, spec, 0, back);
}

/* One number a channel, spread over the pixels of what it is multiplied with. */
static nw_status read_scale(nw_reader *r, const Onnx__NodeProto *mul)
{
    int first = !strcmp(mul->input[0], r->node->output[0]);
    nw_ref in[2], out;

    NW_TRY(nw_node_ref(r, mul, (size_t)first, &in[0]));
    NW_TRY(nw_node_ref(r, r->node, 0, &in[1]));
    NW_TRY(nw_node_place(r, "mul", NULL, 2, in, &out));
    nw_node_gave(r, mul, out);
    return NW_OK;
}

/* Reshape -> InstanceNormalization -> Reshape [-> Mul -> Add]: layer norm before
 * opset 17. */
static nw_status read_layernorm(nw_reader *r, const Onnx__NodeProto *norm)
{
    const Onnx__NodeProto *last = nw_node_next(r, norm, "Reshape");
    const Onnx__NodeProto *scale = nw_node_next(r, last, "Mul");
    const Onnx__NodeProto *shift = nw_node_next(r, scale, "Add");
    const float *data[2];
    size_t n[2];
    int affine;
    char spec[SPEC];
    nw_ref x;

    if (!last || norm->n_input != 3 || !nw_node_is_number(r, norm, 1, 1) ||
        !nw_node_is_number(r, norm, 2, 0))
        return nw_node_fail(r, NW_EMATCH, "is not the layer norm that it looks like");
    affine = shift && scale->n_input == 2 && shift->n_input == 2 &&
             nw_node_is_constant(r, scale, 1) && nw_node_is_constant(r, shift, 1);
    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    snprintf(spec, sizeof(spec), "layernorm eps=%.9g affine=%d",
             (double)nw_attr_float(norm, "epsilon", 1e-5f), affine);
    NW_TRY(nw_node_place(r, spec, affine ? nw_value_find(r, scale->input[1]) : NULL, 1,
                         (nw_ref[]){x}, &x));
    if (affine) {
        NW_TRY(nw_node_floats(r, scale, 1, &data[0], &n[0]));
        NW_TRY(nw_node_floats(r, shift, 1, &data[1], &n[1]));
        NW_TRY(nw_node_bind(r, "weight", data[0], n[0]));
        NW_TRY(nw_node_bind(r, "bias", data[1], n[1]));
    }
    nw_node_gave(r, affine ? shift : last, x);
    return NW_OK;
}

/* The shape with 0 (as before) and -1 (what is left) filled in; 0 = it does not fit. */
static int fill_shape(const nw_shape *in, int64_t *shape, int n)
{
    int64_t known = 1, count = (int64_t)nw_count(in);
    int open = -1;

    if (n < 2 || n > 1 + NW_MAX_RANK || shape[0] > 0)
        return 0;
    for (int i = 1; i < n; i++) {
        if (shape[i] == 0)
            shape[i] = i <= in->rank ? in->dim[i - 1] : 0;
        if (shape[i] == -1 && open < 0 && shape[0] == 0)
            open = i;
        else if (shape[i] < 1 || shape[i] > count)
            return 0;
        else
            known *= shape[i];
    }
    if (open >= 0)
        shape[open] = count / known;
    return open < 0 ? known == count : count % known == 0;
}

static nw_status read_plain_reshape(nw_reader *r, int64_t *shape, int n)
{
    char spec[SPEC];
    int at;
    nw_ref x;

    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    if (!fill_shape(nw_ref_shape(r, x), shape, n))
        return nw_node_fail(r, NW_EMATCH,
                            "the new shape must leave the batch axis alone and "
                            "have up to three more");
    if (n == 2)
        return simple(r, "flatten", 0, r->node);
    at = snprintf(spec, sizeof(spec), "reshape to=%lld", (long long)shape[1]);
    for (int i = 2; i < n; i++)
        at +=
            snprintf(spec + at, sizeof(spec) - (size_t)at, "x%lld", (long long)shape[i]);
    return simple(r, spec, 0, r->node);
}

static nw_status read_reshape(nw_reader *r)
{
    const Onnx__NodeProto *norm = nw_node_next(r, r->node, "InstanceNormalization");
    const Onnx__NodeProto *mul = nw_node_next(r, r->node, "Mul");
    int64_t shape[5];
    int n;
    nw_ref x;

    NW_TRY(nw_node_ref(r, r->node, 0, &x));
    NW_TRY(nw_node_ints(r, r->node, 1, 5, shape, &n));
    if (norm)
        return read_layernorm(r, norm);
    if (n == 5)
        return read_shuffle(r, shape);
    if (n == 4) {
        nw_status status = nw_read_attention(r, shape);

        if (status != NW_DONE)
            return status;
    }
    if (mul && mul->n_input == 2 && nw_ref_shape(r, x)->rank == 1 && n > 2 && !shape[0] &&
        (n == 4 ? shape[1] == -1 && shape[2] == 1 && shape[3] == 1
                : shape[1] == 1 && shape[2] == -1))
        return read_scale(r, mul);
    return read_plain_reshape(r, shape, n);
}

const nw_onnx_type nw_onnx_plain[] = {
    {"Relu", 1, 1, "", read_relu},
    {"Clip", 3, 3, "", read_clip},
    {"Sigmoid", 1, 1, "", read_sigmoid},
    {"Tanh", 1, 1, "", read_tanh},
    {"Softplus", 1, 1, "", read_softplus},
    {"HardSigmoid", 1, 1, "alpha,beta", read_hardsigmoid},
    {"HardSwish", 1, 1, "", read_hardswish},
    {"Identity", 1, 1, "", passes_on},
    {"Dropout", 1, 3, "seed", passes_on},
    {"Mul", 2, 2, "", read_mul},
    {"Sub", 2, 2, "", read_normalisation},
    {"Add", 2, 2, "", read_sum},
    {"Sum", 1, 64, "", read_sum},
    {"Concat", 1, 64, "axis", read_concat},
    {"Softmax", 1, 1, "axis", read_softmax},
    {"LogSoftmax", 1, 1, "axis", read_softmax},
    {"LpNormalization", 1, 1, "axis,p", read_l2norm},
    {"Flatten", 1, 1, "axis", read_flatten},
    {"Pad", 2, 3, "mode", read_pad},
    {"Slice", 3, 5, "", read_slice},
    {"Reshape", 2, 2, "allowzero", read_reshape},
    {0},
};
