/*
 * onnx_model.h - an ONNX file in memory while it is made: messages in one arena.
 *
 * Memory that runs out is remembered in `failed`; what follows then does nothing, so
 * that the makers of nodes need no checks. Names and numbers that are handed in are
 * borrowed unless they are said to be copied.
 */
#ifndef NW_ONNX_MODEL_H
#define NW_ONNX_MODEL_H

#include "arena.h"

#include "onnx/onnx.pb-c.h"

typedef struct nw_model {
    nw_ctx *ctx;
    nw_arena arena;
    int failed;
    Onnx__ModelProto proto;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset;
} nw_model;

void nw_model_init(nw_model *model, nw_ctx *ctx);
void nw_model_free(nw_model *model);

/* Text in the model's memory. */
char *nw_model_name(nw_model *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A copy of bytes in the model's memory. */
void *nw_model_keep(nw_model *model, const void *bytes, size_t size);

/* Names are copied. */
void nw_model_fact(nw_model *model, const char *name, const char *value);

/* A node without inputs; its one output is set when it is known. NULL after a failure. */
Onnx__NodeProto *nw_model_node(nw_model *model, const char *type);
void nw_node_input(nw_model *model, Onnx__NodeProto *node, const char *name);
void nw_node_output(nw_model *model, Onnx__NodeProto *node, const char *name);
Onnx__AttributeProto *nw_node_attr(nw_model *model, Onnx__NodeProto *node,
                                   const char *name);

/* A constant tensor of data_type FLOAT or INT64. */
void nw_model_tensor(nw_model *model, const char *name, int type, int rank,
                     const int64_t *dim, const void *data, size_t size);

/* The graph's input or output: a batch of float tensors. */
Onnx__ValueInfoProto *nw_model_value(nw_model *model, const char *name, int rank,
                                     const int *dim);

nw_status nw_model_write(nw_model *model, FILE *out);

#endif
