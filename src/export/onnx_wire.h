/* onnx_wire.h - bytes of an ONNX file as messages. */
#ifndef NW_ONNX_WIRE_H
#define NW_ONNX_WIRE_H

#include "ctx.h"

#include "onnx/onnx.pb-c.h"

/* A model with a graph, or NULL after nw_fail(). Messages stand in the context. */
Onnx__ModelProto *nw_wire_read(nw_ctx *ctx, const unsigned char *bytes, size_t size,
                               const char *where);
void nw_wire_free(nw_ctx *ctx, Onnx__ModelProto *model);

#endif
