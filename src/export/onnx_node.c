/* onnx_node.c - what the readers of single nodes ask and do; see onnx_read.h. */
#include "onnx_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 28, LONGEST = 32767 };

const char *nw_node_name(const Onnx__NodeProto *node)
{
    return node->name ? node->name : "";
}

nw_status nw_node_fail(nw_reader *r, nw_status status, const char *format, ...)
{
    char words[500];
    va_list list;

    va_start(list, format);
    vsnprintf(words, sizeof(words), format, list);
    va_end(list);
    return nw_fail(r->ctx, status, "%s: node \"%s\" (%s): %s", r->where,
                   nw_node_name(r->node), r->node->op_type, words);
}

/* ---- Values and constants ------------------------------------------------------- */

static int by_name(const void *name, const void *value)
{
    return strcmp(name, ((const nw_value *)value)->name);
}

nw_value *nw_value_find(const nw_reader *r, const char *name)
{
    return bsearch(name, r->value, (size_t)r->n_value, sizeof(*r->value), by_name);
}

int nw_node_has(const Onnx__NodeProto *node, size_t i)
{
    return i < node->n_input && *node->input[i];
}

static nw_value *input(const nw_reader *r, const Onnx__NodeProto *node, size_t i)
{
    return nw_node_has(node, i) ? nw_value_find(r, node->input[i]) : NULL;
}

int nw_node_is_constant(const nw_reader *r, const Onnx__NodeProto *node, size_t i)
{
    nw_value *value = input(r, node, i);

    return value && value->tensor;
}

nw_status nw_node_ref(nw_reader *r, const Onnx__NodeProto *node, size_t i, nw_ref *ref)
{
    nw_value *value = input(r, node, i);

    if (!nw_node_has(node, i))
        return nw_node_fail(r, NW_EFORMAT, "input %zu is missing", i);
    if (!value)
        return nw_node_fail(r, NW_EFORMAT, "reads \"%s\", which nothing gives",
                            node->input[i]);
    if (value->tensor)
        return nw_node_fail(r, NW_EMATCH,
                            "input %zu is a constant (\"%s\"): not supported", i,
                            value->name);
    if (value->ref < 0)
        return nw_node_fail(r, NW_EFORMAT, "reads \"%s\" before it is computed",
                            value->name);
    *ref = value->ref;
    return NW_OK;
}

const nw_shape *nw_ref_shape(const nw_reader *r, nw_ref ref)
{
    return &r->shape[ref];
}

/* Numbers that the dims of t say; 0 when that is not possible. */
static size_t tensor_count(const Onnx__TensorProto *t)
{
    size_t n = 1;

    for (size_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 1 || t->dims[i] > LARGEST || n > LARGEST / (size_t)t->dims[i])
            return 0;
        n *= (size_t)t->dims[i];
    }
    return n;
}

/* Constant input i, of that type, in n numbers of `size` bytes each, in our memory. */
static void *numbers(nw_reader *r, const Onnx__NodeProto *node, size_t i, int type,
                     size_t size, size_t *n)
{
    nw_value *value = input(r, node, i);
    Onnx__TensorProto *t = value ? value->tensor : NULL;
    int is_float = type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    const void *from;
    void *copy;

    *n = t ? tensor_count(t) : 0;
    if (!t || t->data_type != type || t->n_external_data) {
        nw_node_fail(r, NW_EMATCH, "input %zu must be a constant of %s in this file", i,
                     is_float ? "floats" : "64-bit integers");
        return NULL;
    }
    if (t->has_raw_data ? t->raw_data.len != *n * size
                        : *n != (is_float ? t->n_float_data : t->n_int64_data))
        *n = 0;
    if (!*n) {
        nw_node_fail(r, NW_EFORMAT, "constant \"%s\": its dims do not fit its data",
                     value->name);
        return NULL;
    }
    from = t->has_raw_data ? (const void *)t->raw_data.data
           : is_float      ? (const void *)t->float_data
                           : (const void *)t->int64_data;
    copy = nw_arena_get(&r->arena, *n * size);
    return copy ? memcpy(copy, from, *n * size) : NULL;
}

nw_status nw_node_floats(nw_reader *r, const Onnx__NodeProto *node, size_t i,
                         const float **data, size_t *n)
{
    *data = numbers(r, node, i, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, sizeof(float), n);
    return *data ? NW_OK : NW_EFORMAT;
}

nw_status nw_node_ints(nw_reader *r, const Onnx__NodeProto *node, size_t i, int most,
                       int64_t *data, int *n)
{
    size_t count;
    const int64_t *from =
        numbers(r, node, i, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, sizeof(*from), &count);

    if (!from)
        return NW_EFORMAT;
    if (count > (size_t)most)
        return nw_node_fail(r, NW_EMATCH, "input %zu has more than %d numbers", i, most);
    memcpy(data, from, count * sizeof(*data));
    *n = (int)count;
    return NW_OK;
}

int nw_node_is_number(nw_reader *r, const Onnx__NodeProto *node, size_t i, float value)
{
    nw_value *v = input(r, node, i);
    const float *data;
    size_t n;

    return v && v->tensor && tensor_count(v->tensor) == 1 &&
           v->tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT &&
           nw_node_floats(r, node, i, &data, &n) >= 0 &&
           fabsf(*data - value) <= 1e-6f * (1 + fabsf(value));
}

/* ---- Attributes ------------------------------------------------------------------ */

static const Onnx__AttributeProto *attribute(const Onnx__NodeProto *node,
                                             const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (!strcmp(node->attribute[i]->name, name))
            return node->attribute[i];
    return NULL;
}

int64_t nw_attr_int(const Onnx__NodeProto *node, const char *name, int64_t missing)
{
    const Onnx__AttributeProto *a = attribute(node, name);

    return a && a->has_i ? a->i : missing;
}

float nw_attr_float(const Onnx__NodeProto *node, const char *name, float missing)
{
    const Onnx__AttributeProto *a = attribute(node, name);

    return a && a->has_f ? a->f : missing;
}

int nw_attr_is(const Onnx__NodeProto *node, const char *name, const char *text)
{
    const Onnx__AttributeProto *a = attribute(node, name);

    return !a ||
           (a->has_s && a->s.len == strlen(text) && !memcmp(a->s.data, text, a->s.len));
}

int64_t nw_attr_at(const Onnx__NodeProto *node, const char *name, int i)
{
    const Onnx__AttributeProto *a = attribute(node, name);
    int64_t value = a && (size_t)i < a->n_ints ? a->ints[i] : 0;

    return value < 0 || value > LONGEST ? 0 : value;
}

int nw_attr_equals(const Onnx__NodeProto *node, const char *name, int n,
                   const int64_t *value)
{
    const Onnx__AttributeProto *a = attribute(node, name);

    return a && a->n_ints == (size_t)n &&
           !memcmp(a->ints, value, (size_t)n * sizeof(*value));
}

nw_status nw_attr_ints(nw_reader *r, const char *name, int n, int missing, int *out)
{
    const Onnx__AttributeProto *a = attribute(r->node, name);

    if (a && a->n_ints != (size_t)n)
        return nw_node_fail(r, NW_EMATCH, "%s has %zu numbers, not %d", name, a->n_ints,
                            n);
    for (int i = 0; i < n; i++) {
        int64_t value = a ? a->ints[i] : missing;

        if (value < 0 || value > LONGEST)
            return nw_node_fail(r, NW_EMATCH, "%s: %lld is not within 0 to %d", name,
                                (long long)value, LONGEST);
        out[i] = (int)value;
    }
    return NW_OK;
}

/* ---- Results --------------------------------------------------------------------- */

const Onnx__NodeProto *nw_node_next(const nw_reader *r, const Onnx__NodeProto *node,
                                    const char *type)
{
    const nw_value *value =
        node && node->n_output ? nw_value_find(r, node->output[0]) : NULL;
    const Onnx__NodeProto *next;

    if (!value || value->readers != 1)
        return NULL;
    next = r->graph->node[value->reader];
    return value->reader > value->maker && !strcmp(next->op_type, type) ? next : NULL;
}

/* The module that a constant "stem.0.weight" belongs to, once; else the node's name. */
static const char *module_name(nw_reader *r, const nw_value *named,
                               char out[NW_TEXT_SIZE])
{
    const char *dot = named ? strrchr(named->name, '.') : NULL;
    size_t n = dot ? (size_t)(dot - named->name) : 0;

    snprintf(out, NW_TEXT_SIZE, "%s", nw_node_name(r->node));
    if (n && n < NW_TEXT_SIZE && !named->used && !strchr(dot, '/')) {
        memcpy(out, named->name, n);
        out[n] = 0;
    }
    return *out ? out : NULL;
}

static nw_status infer(nw_reader *r, nw_ref ref)
{
    const nw_place *p = &r->space->place[ref];
    nw_shape *in = nw_arena_get(&r->arena, (size_t)(p->n_in + 1) * sizeof(*in));
    void *attr = nw_arena_get(&r->arena, p->op->size + 1);
    size_t n = 1;

    if (!in || !attr)
        return NW_ENOMEM;
    NW_TRY(nw_spec_parse(r->ctx, (const nw_head *)p->op, p->spec, NULL, attr));
    for (int i = 0; i < p->n_in; i++)
        in[i] = r->shape[p->in[i]];
    r->info = (nw_node){.attr = attr, .n_in = p->n_in, .in = in};
    if (p->op->infer(&r->info) < 0)
        return nw_node_fail(r, NW_ESHAPE, "%s", r->info.why);
    for (int i = 0; i < r->info.out.rank; i++) {
        if (r->info.out.dim[i] < 1 || n > LARGEST / (size_t)r->info.out.dim[i])
            return nw_node_fail(r, NW_ESHAPE, "its output would be empty or too large");
        n *= (size_t)r->info.out.dim[i];
    }
    NW_TRY(nw_grow(r->ctx, &r->shape, ref, &r->room_shape, sizeof(*r->shape)));
    r->shape[ref] = r->info.out;
    return NW_OK;
}

nw_status nw_node_place(nw_reader *r, const char *spec, const nw_value *named, int n_in,
                        const nw_ref *in, nw_ref *ref)
{
    char name[NW_TEXT_SIZE];

    snprintf(r->space->where, sizeof(r->space->where), "%s: node \"%s\" (%s)", r->where,
             nw_node_name(r->node), r->node->op_type);
    *ref = nw_place_op(r->space, spec, module_name(r, named, name), n_in, in);
    if (*ref < 0)
        return r->space->status;
    if (named)
        ((nw_value *)named)->used = 1;
    return nw_ref_placed(r, *ref);
}

nw_status nw_ref_placed(nw_reader *r, nw_ref ref)
{
    r->placed = ref;
    return infer(r, ref);
}

nw_status nw_node_bind(nw_reader *r, const char *suffix, const float *data, size_t n)
{
    size_t count = 1;
    int i = 0;

    while (i < r->info.n_param && strcmp(r->info.param[i].suffix, suffix))
        i++;
    for (int d = 0; i < r->info.n_param && d < r->info.param[i].rank; d++)
        count *= (size_t)r->info.param[i].dim[d];
    if (i == r->info.n_param || count != n)
        return nw_node_fail(r, NW_ESHAPE, "%s has %zu numbers, the op has %zu", suffix, n,
                            i < r->info.n_param ? count : 0);
    NW_TRY(nw_grow(r->ctx, &r->binding, r->n_binding, &r->room_binding,
                   sizeof(*r->binding)));
    r->binding[r->n_binding++] = (nw_binding){r->placed, r->info.param[i].suffix, data};
    return NW_OK;
}

void nw_node_gave(nw_reader *r, const Onnx__NodeProto *last, nw_ref ref)
{
    const Onnx__NodeProto *node = r->node;

    r->done[r->at] = 1;
    while (node != last) {
        nw_value *value = nw_value_find(r, node->output[0]);

        node = r->graph->node[value->reader];
        r->done[value->reader] = 1;
    }
    nw_value_find(r, last->output[0])->ref = ref;
}
