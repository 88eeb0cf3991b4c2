#include "onnx_model.h"

#include "netwright_ext.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum { IR_VERSION = 7, OPSET = 13 };

static void *get(nw_model *model, size_t size)
{
    void *block = model->failed ? NULL : nw_arena_get(&model->arena, size);

    model->failed |= !block;
    return block;
}

static char *copy(nw_model *model, const char *text)
{
    char *out = get(model, strlen(text) + 1);

    return out ? memcpy(out, text, strlen(text) + 1) : NULL;
}

/* Append to a list of pointers; it is moved whenever its length is a power of 2. */
static void push(nw_model *model, void *list, size_t *n, void *item)
{
    void ***slot = list, **moved;

    if (!item)
        return;
    if (!(*n & (*n - 1))) {
        moved = get(model, (*n ? 2 * *n : 1) * sizeof(void *));
        if (!moved)
            return;
        if (*n)
            memcpy(moved, *slot, *n * sizeof(void *));
        *slot = moved;
    }
    (*slot)[(*n)++] = item;
}

void nw_model_init(nw_model *model, nw_ctx *ctx)
{
    *model = (nw_model){.ctx = ctx};
    nw_arena_init(&model->arena, ctx);
    model->proto = (Onnx__ModelProto)ONNX__MODEL_PROTO__INIT;
    model->graph = (Onnx__GraphProto)ONNX__GRAPH_PROTO__INIT;
    model->opset = (Onnx__OperatorSetIdProto)ONNX__OPERATOR_SET_ID_PROTO__INIT;
    model->opset.domain = "";
    model->opset.has_version = 1;
    model->opset.version = OPSET;
    model->proto.has_ir_version = 1;
    model->proto.ir_version = IR_VERSION;
    model->proto.producer_name = "netwright";
    model->proto.producer_version = NW_VERSION;
    model->proto.graph = &model->graph;
    model->graph.name = "netwright";
    push(model, &model->proto.opset_import, &model->proto.n_opset_import, &model->opset);
}

void nw_model_free(nw_model *model)
{
    nw_arena_free(&model->arena);
}

char *nw_model_name(nw_model *model, const char *format, ...)
{
    char text[3 * NW_TEXT_SIZE];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    return copy(model, text);
}

void *nw_model_keep(nw_model *model, const void *bytes, size_t size)
{
    void *kept = get(model, size + 1);

    return kept ? memcpy(kept, bytes, size) : NULL;
}

void nw_model_fact(nw_model *model, const char *name, const char *value)
{
    Onnx__StringStringEntryProto *entry = get(model, sizeof(*entry));

    if (!entry)
        return;
    *entry = (Onnx__StringStringEntryProto)ONNX__STRING_STRING_ENTRY_PROTO__INIT;
    entry->key = copy(model, name);
    entry->value = copy(model, value);
    push(model, &model->proto.metadata_props, &model->proto.n_metadata_props, entry);
}

Onnx__NodeProto *nw_model_node(nw_model *model, const char *type)
{
    Onnx__NodeProto *node = get(model, sizeof(*node));

    if (!node)
        return NULL;
    *node = (Onnx__NodeProto)ONNX__NODE_PROTO__INIT;
    node->op_type = (char *)type;
    push(model, &model->graph.node, &model->graph.n_node, node);
    return node;
}

void nw_node_input(nw_model *model, Onnx__NodeProto *node, const char *name)
{
    if (node)
        push(model, &node->input, &node->n_input, (char *)name);
}

void nw_node_output(nw_model *model, Onnx__NodeProto *node, const char *name)
{
    if (node)
        push(model, &node->output, &node->n_output, (char *)name);
}

Onnx__AttributeProto *nw_node_attr(nw_model *model, Onnx__NodeProto *node,
                                   const char *name)
{
    Onnx__AttributeProto *attr = node ? get(model, sizeof(*attr)) : NULL;

    if (!attr)
        return NULL;
    *attr = (Onnx__AttributeProto)ONNX__ATTRIBUTE_PROTO__INIT;
    attr->name = copy(model, name);
    attr->has_type = 1;
    push(model, &node->attribute, &node->n_attribute, attr);
    return attr;
}

void nw_model_tensor(nw_model *model, const char *name, int type, int rank,
                     const int64_t *dim, const void *data, size_t size)
{
    Onnx__TensorProto *t = get(model, sizeof(*t));
    int64_t *dims = get(model, (size_t)(rank + 1) * sizeof(*dims));

    if (!t || !dims)
        return;
    *t = (Onnx__TensorProto)ONNX__TENSOR_PROTO__INIT;
    memcpy(dims, dim, (size_t)rank * sizeof(*dims));
    t->n_dims = (size_t)rank;
    t->dims = dims;
    t->name = (char *)name;
    t->has_data_type = 1;
    t->data_type = type;
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){size, (uint8_t *)data};
    push(model, &model->graph.initializer, &model->graph.n_initializer, t);
}

static void add_dim(nw_model *model, Onnx__TensorShapeProto *shape, int64_t value)
{
    Onnx__TensorShapeProto__Dimension *d = get(model, sizeof(*d));

    if (!d)
        return;
    *d = (Onnx__TensorShapeProto__Dimension)ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT;
    if (value < 0) {
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        d->dim_param = "batch";
    } else {
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        d->dim_value = value;
    }
    push(model, &shape->dim, &shape->n_dim, d);
}

Onnx__ValueInfoProto *nw_model_value(nw_model *model, const char *name, int rank,
                                     const int *dim)
{
    Onnx__ValueInfoProto *value = get(model, sizeof(*value));
    Onnx__TypeProto *type = get(model, sizeof(*type));
    Onnx__TypeProto__Tensor *tensor = get(model, sizeof(*tensor));
    Onnx__TensorShapeProto *shape = get(model, sizeof(*shape));

    if (model->failed)
        return NULL;
    *value = (Onnx__ValueInfoProto)ONNX__VALUE_INFO_PROTO__INIT;
    *type = (Onnx__TypeProto)ONNX__TYPE_PROTO__INIT;
    *tensor = (Onnx__TypeProto__Tensor)ONNX__TYPE_PROTO__TENSOR__INIT;
    *shape = (Onnx__TensorShapeProto)ONNX__TENSOR_SHAPE_PROTO__INIT;
    value->name = (char *)name;
    value->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = shape;
    add_dim(model, shape, -1);
    for (int i = 0; i < rank; i++)
        add_dim(model, shape, dim[i]);
    return value;
}

/* ---- Writing ------------------------------------------------------------------- */

struct stream {
    ProtobufCBuffer base;
    FILE *out;
    int failed;
};

static void append(ProtobufCBuffer *buffer, size_t size, const uint8_t *bytes)
{
    struct stream *stream = (struct stream *)buffer;

    if (size && fwrite(bytes, 1, size, stream->out) != size)
        stream->failed = errno ? errno : EIO;
}

nw_status nw_model_write(nw_model *model, FILE *out)
{
    struct stream stream = {.base = {append}, .out = out};

    if (model->failed)
        return NW_ENOMEM;
    protobuf_c_message_pack_to_buffer(&model->proto.base, &stream.base);
    if (stream.failed)
        return nw_fail(model->ctx, NW_EIO, "onnx: could not be written: %s",
                       strerror(stream.failed));
    return NW_OK;
}
