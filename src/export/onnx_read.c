/*
 * onnx_read.c - a network back from an ONNX file.
 *
 * One pass over the nodes, which stand in an order in which inputs come first. Several
 * nodes that together are one op of ours (relu6, gelu, a dense layer on a sequence) are
 * recognised at the first of them.
 */
#include "onnx_read.h"
#include "onnx_wire.h"

#include <stdlib.h>
#include <string.h>

enum { OPSET_FIRST = 13, OPSET_LAST = 17 };

/* ---- Values ------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const nw_value *)a)->name, ((const nw_value *)b)->name);
}

static nw_status bad(nw_reader *r, const char *words, const char *name)
{
    return nw_fail(r->ctx, NW_EFORMAT, "%s: %s: \"%s\"", r->where, words, name);
}

static Onnx__TensorProto *constant_of(const Onnx__NodeProto *node)
{
    for (size_t i = 0; !strcmp(node->op_type, "Constant") && i < node->n_attribute; i++)
        if (!strcmp(node->attribute[i]->name, "value"))
            return node->attribute[i]->t;
    return NULL;
}

/* Old files list constants among the inputs too. */
static int is_initialiser(const nw_reader *r, const char *name)
{
    for (size_t i = 0; i < r->graph->n_initializer; i++)
        if (!strcmp(r->graph->initializer[i]->name, name))
            return 1;
    return 0;
}

static nw_status check_nodes(nw_reader *r, size_t *values)
{
    *values = r->graph->n_initializer + r->graph->n_input;
    for (size_t i = 0; i < r->graph->n_initializer; i++)
        if (!r->graph->initializer[i]->name)
            return bad(r, "a constant has no name", "");
    for (size_t i = 0; i < r->graph->n_input; i++)
        if (!r->graph->input[i]->name)
            return bad(r, "an input has no name", "");
    for (size_t i = 0; i < r->graph->n_node; i++) {
        const Onnx__NodeProto *node = r->graph->node[i];

        if (!node->op_type || !node->n_output)
            return bad(r, "a node has no type or no output", nw_node_name(node));
        for (size_t a = 0; a < node->n_attribute; a++)
            if (!node->attribute[a]->name)
                return bad(r, "an attribute has no name", nw_node_name(node));
        *values += node->n_output;
    }
    return NW_OK;
}

static nw_status list_values(nw_reader *r)
{
    size_t n;

    NW_TRY(check_nodes(r, &n));
    r->value = nw_arena_get(&r->arena, (n + 1) * sizeof(*r->value));
    r->done = nw_arena_get(&r->arena, r->graph->n_node + 1);
    if (!r->value || !r->done)
        return NW_ENOMEM;
    for (size_t i = 0; i < r->graph->n_initializer; i++)
        r->value[r->n_value++] = (nw_value){.name = r->graph->initializer[i]->name,
                                            .tensor = r->graph->initializer[i],
                                            .maker = -1,
                                            .ref = -1};
    for (size_t i = 0; i < r->graph->n_input; i++)
        if (!is_initialiser(r, r->graph->input[i]->name))
            r->value[r->n_value++] =
                (nw_value){.name = r->graph->input[i]->name, .maker = -1, .ref = -1};
    for (size_t i = 0; i < r->graph->n_node; i++) {
        Onnx__NodeProto *node = r->graph->node[i];

        r->done[i] = constant_of(node) != NULL;
        for (size_t k = 0; k < node->n_output; k++)
            r->value[r->n_value++] = (nw_value){.name = node->output[k],
                                                .tensor = constant_of(node),
                                                .maker = (int)i,
                                                .ref = -1};
    }
    qsort(r->value, (size_t)r->n_value, sizeof(*r->value), by_name);
    for (int i = 1; i < r->n_value; i++)
        if (*r->value[i].name && !strcmp(r->value[i - 1].name, r->value[i].name))
            return bad(r, "is defined twice", r->value[i].name);
    return NW_OK;
}

static void count_readers(nw_reader *r)
{
    nw_value *value;

    for (size_t i = 0; i < r->graph->n_node; i++)
        for (size_t k = 0; k < r->graph->node[i]->n_input; k++) {
            value = nw_value_find(r, r->graph->node[i]->input[k]);
            if (value) {
                value->readers++;
                value->reader = (int)i;
            }
        }
    for (size_t i = 0; i < r->graph->n_output; i++) {
        value =
            nw_value_find(r, r->graph->output[i]->name ? r->graph->output[i]->name : "");
        if (value)
            value->readers += 2; /* a reader that is no node: never part of a pattern */
    }
}

/* ---- The network ----------------------------------------------------------------------
 */

static nw_status check_opset(nw_reader *r, const Onnx__ModelProto *model)
{
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = model->opset_import[i];

        if (o->domain && *o->domain)
            continue;
        if (o->version < OPSET_FIRST || o->version > OPSET_LAST)
            return nw_fail(r->ctx, NW_EMATCH, "%s: opset %lld: must be %d to %d",
                           r->where, (long long)o->version, OPSET_FIRST, OPSET_LAST);
        return NW_OK;
    }
    return nw_fail(r->ctx, NW_EFORMAT, "%s: does not say which opset it needs", r->where);
}

static const Onnx__TensorShapeProto *shape_of(const Onnx__ValueInfoProto *value)
{
    const Onnx__TypeProto *type = value->type;

    if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        type->tensor_type->elem_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        return NULL;
    return type->tensor_type->shape;
}

static nw_status place_input(nw_reader *r, const Onnx__ValueInfoProto *input)
{
    const Onnx__TensorShapeProto *shape = shape_of(input);
    Onnx__NodeProto node = ONNX__NODE_PROTO__INIT;
    int dim[4] = {0};
    nw_ref ref;

    for (size_t i = 1; shape && shape->n_dim == 4 && i < 4; i++)
        if (shape->dim[i]->value_case ==
                ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
            shape->dim[i]->dim_value > 0 && shape->dim[i]->dim_value <= 1 << 20)
            dim[i] = (int)shape->dim[i]->dim_value;
    if (!dim[1] || !dim[2] || !dim[3])
        return bad(r, "the input must be floats (batch, C, H, W) with C, H and W given",
                   input->name);
    node.name = input->name;
    node.op_type = "input";
    r->node = &node;
    ref = nw_input(r->space, dim[1], dim[2], dim[3]);
    if (ref < 0)
        return r->space->status;
    NW_TRY(nw_ref_placed(r, ref));
    nw_value_find(r, input->name)->ref = ref;
    return NW_OK;
}

static nw_status place_inputs(nw_reader *r)
{
    const Onnx__ValueInfoProto *input = NULL;

    for (size_t i = 0; i < r->graph->n_input; i++) {
        if (is_initialiser(r, r->graph->input[i]->name))
            continue;
        if (input)
            return bad(r, "has more than one input", r->graph->input[i]->name);
        input = r->graph->input[i];
    }
    return input ? place_input(r, input) : bad(r, "has no input", "");
}

static const nw_onnx_type *find_type(const char *name)
{
    const nw_onnx_type *lists[] = {nw_onnx_weighty, nw_onnx_plain};

    for (int k = 0; k < 2; k++)
        for (const nw_onnx_type *t = lists[k]; t->type; t++)
            if (!strcmp(t->type, name))
                return t;
    return NULL;
}

static int is_listed(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = strstr(list, word); n && at; at = strstr(at + 1, word))
        if ((at == list || at[-1] == ',') && (!at[n] || at[n] == ','))
            return 1;
    return 0;
}

static nw_status read_node(nw_reader *r)
{
    const nw_onnx_type *type = find_type(r->node->op_type);

    if (!type || (r->node->domain && *r->node->domain))
        return nw_node_fail(r, NW_EMATCH, "nodes of this type cannot be read");
    if (r->node->n_input < (size_t)type->min_in ||
        r->node->n_input > (size_t)type->max_in)
        return nw_node_fail(r, NW_EFORMAT, "has %zu inputs", r->node->n_input);
    for (size_t i = 0; i < r->node->n_attribute; i++)
        if (!is_listed(type->attributes, r->node->attribute[i]->name))
            return nw_node_fail(r, NW_EMATCH, "attribute \"%s\" is not supported",
                                r->node->attribute[i]->name);
    return type->read(r);
}

static nw_status read_graph(nw_reader *r)
{
    const nw_value *out;

    for (size_t i = 0; i < r->graph->n_node; i++) {
        r->node = r->graph->node[i];
        r->at = (int)i;
        if (!r->done[i])
            NW_TRY(read_node(r));
    }
    if (r->graph->n_output != 1 || !r->graph->output[0]->name)
        return bad(r, "must have one output", "");
    out = nw_value_find(r, r->graph->output[0]->name);
    if (!out || out->ref < 0)
        return bad(r, "the output is not computed", r->graph->output[0]->name);
    snprintf(r->space->where, sizeof(r->space->where), "%s", r->where);
    nw_output(r->space, out->ref);
    return nw_seal(r->space);
}

/* ---- Weights -------------------------------------------------------------------------
 */

static const float *weights_of(const nw_reader *r, nw_ref place, const char *suffix)
{
    for (int i = 0; i < r->n_binding; i++)
        if (r->binding[i].ref == place && !strcmp(r->binding[i].suffix, suffix))
            return r->binding[i].data;
    return NULL;
}

static nw_status load(nw_reader *r, nw_net *net)
{
    for (int i = 0; i < net->graph->n_param; i++) {
        const nw_gparam *p = &net->graph->param[i];
        const float *data =
            weights_of(r, net->graph->node[p->node].place, p->param->suffix);

        if (!data)
            return bad(r, "a parameter has no numbers", p->name);
        nw_param_set(net, i, data);
    }
    return r->n_channel ? nw_net_normalise(net, r->n_channel, r->mean, r->sd) : NW_OK;
}

static nw_status read_model(nw_reader *r, const Onnx__ModelProto *model, nw_net **net)
{
    r->graph = model->graph;
    r->space = nw_space_new(r->ctx);
    if (!r->space)
        return NW_ENOMEM;
    NW_TRY(check_opset(r, model));
    if (r->graph->n_sparse_initializer || model->n_functions)
        return bad(r, "sparse constants and functions are not supported", "");
    NW_TRY(list_values(r));
    count_readers(r);
    NW_TRY(place_inputs(r));
    NW_TRY(read_graph(r));
    if (!net)
        return NW_OK;
    *net = nw_net_new(r->ctx, r->space, NULL, 0, NW_F32);
    return *net ? load(r, *net) : NW_ENOMEM;
}

nw_space *nw_onnx_parse(nw_ctx *ctx, const unsigned char *bytes, size_t size,
                        const char *where, nw_net **net)
{
    Onnx__ModelProto *model = nw_wire_read(ctx, bytes, size, where);
    nw_reader r = {.ctx = ctx, .where = where};
    nw_status status;

    if (!model)
        return NULL;
    if (net)
        *net = NULL;
    nw_arena_init(&r.arena, ctx);
    status = read_model(&r, model, net);
    if (status < 0) {
        if (net) {
            nw_net_free(*net);
            *net = NULL;
        }
        nw_space_free(r.space);
    }
    nw_release(ctx, r.shape);
    nw_release(ctx, r.binding);
    nw_arena_free(&r.arena);
    nw_wire_free(ctx, model);
    return status < 0 ? NULL : r.space;
}

nw_space *nw_onnx_space(nw_ctx *ctx, const char *path, nw_net **net)
{
    nw_bytes file;
    nw_space *space = NULL;

    if (nw_file_read(ctx, path, &file) >= 0)
        space = nw_onnx_parse(ctx, file.data, file.size, path, net);
    nw_release(ctx, file.data);
    return space;
}

nw_net *nw_net_open(nw_ctx *ctx, const char *path)
{
    nw_net *net = NULL;

    if (!ctx)
        return NULL;
    nw_clear(ctx);
    return nw_onnx_space(ctx, path, &net) ? net : NULL;
}
