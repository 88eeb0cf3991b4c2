/*
 * onnx_read.h - a file's nodes become places of a space.
 *
 * Nothing in the file is trusted: sizes are compared with what is there, shapes are
 * worked out by our own ops after every node, and a reader of a node that fails leaves
 * one message with the node's name and type.
 */
#ifndef NW_ONNX_READ_H
#define NW_ONNX_READ_H

#include "export.h"

#include "onnx/onnx.pb-c.h"

/* Whatever has a name: the input, a constant, the output of a node. */
typedef struct nw_value {
    const char *name;
    Onnx__TensorProto *tensor; /* of a constant, else NULL                             */
    int maker;                 /* node, or -1                                          */
    int readers, reader;       /* number of them, and one                              */
    nw_ref ref;                /* -1 = its maker was not read yet, or it is a constant */
    int used;                  /* a module is named after the constant                 */
} nw_value;

/* A constant that is a parameter of a place. */
typedef struct nw_binding {
    nw_ref ref;
    const char *suffix;
    const float *data;
} nw_binding;

typedef struct nw_reader {
    nw_ctx *ctx;
    const char *where;
    nw_arena arena;
    Onnx__GraphProto *graph;
    nw_space *space;
    nw_shape *shape; /* by place                                                     */
    int room_shape;
    nw_value *value; /* sorted by name                                               */
    int n_value;
    unsigned char *done; /* by node: read, or part of one that was                   */
    const Onnx__NodeProto *node;
    int at; /* its number                                                            */
    nw_ref placed; /* last, and what its op said about it                           */
    nw_node info;
    nw_binding *binding;
    int n_binding, room_binding;
    int n_channel; /* normalisation of the input                                     */
    double *mean, *sd;
} nw_reader;

/* What reads nodes of one ONNX type; attributes: those it knows, by comma. */
typedef struct nw_onnx_type {
    const char *type;
    int min_in, max_in;
    const char *attributes;
    nw_status (*read)(nw_reader *r);
} nw_onnx_type;

/* Ops with weights and windows; of elements and shapes. Each ends at type NULL. */
extern const nw_onnx_type nw_onnx_weighty[], nw_onnx_plain[];

/* "" when it has none. */
const char *nw_node_name(const Onnx__NodeProto *node);

/* "model.onnx: node "stem.0" (Conv): ..."; returns status. */
nw_status nw_node_fail(nw_reader *r, nw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- Values and constants ------------------------------------------------------- */

nw_value *nw_value_find(const nw_reader *r, const char *name);

/* Input i of the node as a value that was computed: its place and shape. */
nw_status nw_node_ref(nw_reader *r, const Onnx__NodeProto *node, size_t i, nw_ref *ref);
const nw_shape *nw_ref_shape(const nw_reader *r, nw_ref ref);

/* Input i is there. */
int nw_node_has(const Onnx__NodeProto *node, size_t i);
/* Input i is a constant. */
int nw_node_is_constant(const nw_reader *r, const Onnx__NodeProto *node, size_t i);

/* Input i as constant numbers. */
nw_status nw_node_floats(nw_reader *r, const Onnx__NodeProto *node, size_t i,
                         const float **data, size_t *n);
nw_status nw_node_ints(nw_reader *r, const Onnx__NodeProto *node, size_t i, int most,
                       int64_t *data, int *n);
/* Input i is a constant of one number near `value`. */
int nw_node_is_number(nw_reader *r, const Onnx__NodeProto *node, size_t i, float value);

/* ---- Attributes ------------------------------------------------------------------ */

int64_t nw_attr_int(const Onnx__NodeProto *node, const char *name, int64_t missing);
float nw_attr_float(const Onnx__NodeProto *node, const char *name, float missing);
/* The text equals, or the attribute is missing. */
int nw_attr_is(const Onnx__NodeProto *node, const char *name, const char *text);
/* Its number i within 0..32767, or 0. */
int64_t nw_attr_at(const Onnx__NodeProto *node, const char *name, int i);
/* It has exactly these numbers. */
int nw_attr_equals(const Onnx__NodeProto *node, const char *name, int n,
                   const int64_t *value);
/* n numbers within 0..32767, or `missing` for all. */
nw_status nw_attr_ints(nw_reader *r, const char *name, int n, int missing, int *out);

/* ---- Results --------------------------------------------------------------------- */

/* The node that alone reads the output of `node`, if it is of that type, else NULL. */
const Onnx__NodeProto *nw_node_next(const nw_reader *r, const Onnx__NodeProto *node,
                                    const char *type);

/* Attention that begins with this Reshape to (batch, 3 heads, d, pixels); NW_DONE when
 * what follows is something else. */
nw_status nw_read_attention(nw_reader *r, const int64_t shape[4]);

/* Place an op; its name is that of the constant that `named` says, or of the node. */
nw_status nw_node_place(nw_reader *r, const char *spec, const nw_value *named, int n_in,
                        const nw_ref *in, nw_ref *ref);

/* The same for what another call has placed: its shape is worked out. */
nw_status nw_ref_placed(nw_reader *r, nw_ref ref);

/* The n numbers are that parameter of the op that was placed last. */
nw_status nw_node_bind(nw_reader *r, const char *suffix, const float *data, size_t n);

/* The node, and all up to `last`, gave `ref`. */
void nw_node_gave(nw_reader *r, const Onnx__NodeProto *last, nw_ref ref);

#endif
