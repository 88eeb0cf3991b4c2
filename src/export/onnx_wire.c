/*
 * onnx_wire.c - bytes to protobuf messages, in memory of the context.
 *
 * The generated parser recurses as deep as messages nest, and ONNX lets graphs nest in
 * attributes of nodes: a few megabytes could exhaust the stack. So the bytes are walked
 * first, no deeper than any network needs.
 */
#include "onnx_wire.h"

enum { DEEPEST = 12 };

struct bytes {
    const uint8_t *at, *end;
};

static int varint(struct bytes *b, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; b->at < b->end && shift < 64; shift += 7) {
        uint8_t byte = *b->at++;

        *out |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return 1;
    }
    return 0;
}

static int skip(struct bytes *b, uint64_t n)
{
    if (n > (uint64_t)(b->end - b->at))
        return 0;
    b->at += n;
    return 1;
}

static int is_shallow(const ProtobufCMessageDescriptor *type, struct bytes b, int depth);

static int walk_field(const ProtobufCMessageDescriptor *type, struct bytes *b, int depth)
{
    const ProtobufCFieldDescriptor *field;
    struct bytes inner;
    uint64_t tag, n;

    if (!varint(b, &tag))
        return 0;
    switch (tag & 7) {
    case 0:
        return varint(b, &n);
    case 1:
        return skip(b, 8);
    case 5:
        return skip(b, 4);
    case 2:
        if (!varint(b, &n) || n > (uint64_t)(b->end - b->at))
            return 0;
        inner = (struct bytes){b->at, b->at + n};
        b->at += n;
        field = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        return !field || field->type != PROTOBUF_C_TYPE_MESSAGE ||
               is_shallow(field->descriptor, inner, depth + 1);
    default:
        return 0;
    }
}

static int is_shallow(const ProtobufCMessageDescriptor *type, struct bytes b, int depth)
{
    if (depth > DEEPEST)
        return 0;
    while (b.at < b.end)
        if (!walk_field(type, &b, depth))
            return 0;
    return 1;
}

static void *wire_alloc(void *ctx, size_t size)
{
    return nw_alloc(ctx, size);
}

static void wire_free(void *ctx, void *block)
{
    nw_release(ctx, block);
}

static ProtobufCAllocator allocator(nw_ctx *ctx)
{
    return (ProtobufCAllocator){wire_alloc, wire_free, ctx};
}

Onnx__ModelProto *nw_wire_read(nw_ctx *ctx, const unsigned char *bytes, size_t size,
                               const char *where)
{
    ProtobufCAllocator memory = allocator(ctx);
    struct bytes all = {bytes, bytes + size};
    Onnx__ModelProto *model = NULL;

    if (is_shallow(&onnx__model_proto__descriptor, all, 0))
        model = onnx__model_proto__unpack(&memory, size, bytes);
    if (model && model->graph)
        return model;
    nw_wire_free(ctx, model);
    nw_fail(ctx, NW_EFORMAT, "%s: is not an ONNX model, or damaged", where);
    return NULL;
}

void nw_wire_free(nw_ctx *ctx, Onnx__ModelProto *model)
{
    ProtobufCAllocator memory = allocator(ctx);

    if (model)
        onnx__model_proto__free_unpacked(model, &memory);
}
