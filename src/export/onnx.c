/*
 * onnx.c - the network in the form that other programs run.
 *
 *   input   "input" (batch, C, H, W), as the data set gave it: the normalisation of the
 *           training data is part of the file
 *   output  "logits" (batch, classes)
 *   names   a node is named as its module, its constants as PyTorch names them
 *
 * Batch norm stays a node of its own, so that weights can be compared. What is known to
 * be zero is left out of sums. A soft choice is a mixture of networks: refused.
 */
#include "export.h"
#include "onnx_model.h"

#include <string.h>

struct writer {
    nw_onnx api;
    nw_net *net;
    nw_graph *graph;
    nw_model model;
    unsigned char *zero, *wanted; /* by node of the graph                          */
    unsigned char *written;       /* by parameter: its tensor is in the file       */
    char **value;                 /* names of the tensors that nodes give          */
    int at;                       /* node that is written now                      */
    int parts, constants;         /* ONNX nodes and constants it has so far        */
    Onnx__NodeProto *part;        /* the last of them                              */
    const char *previous;         /* output of the one before                      */
    Onnx__ValueInfoProto *input, *output;
};

/* ---- What an op calls ---------------------------------------------------------- */

static const nw_gnode *now(const struct writer *w)
{
    return &w->graph->node[w->at];
}

static char *part_name(struct writer *w, int n)
{
    return nw_model_name(&w->model, "%s/%d", now(w)->name, n);
}

/* The node that was last turns out not to be the op's last: it gets a name of its own. */
static void close_part(struct writer *w)
{
    char *name;

    if (!w->part)
        return;
    name = part_name(w, w->parts);
    w->part->name = name;
    nw_node_output(&w->model, w->part, name);
    w->previous = name;
}

static void api_node(nw_onnx *out, const char *type)
{
    struct writer *w = out->self;

    close_part(w);
    w->part = nw_model_node(&w->model, type);
    w->parts++;
}

static void api_input(nw_onnx *out, int i)
{
    struct writer *w = out->self;

    nw_node_input(&w->model, w->part, w->value[now(w)->in[i]]);
}

static void api_previous(nw_onnx *out)
{
    struct writer *w = out->self;

    nw_node_input(&w->model, w->part, w->previous);
}

static void api_part(nw_onnx *out, int n)
{
    struct writer *w = out->self;

    nw_node_input(&w->model, w->part, part_name(w, n));
}

static void put_param(struct writer *w, int i)
{
    const nw_gparam *p = &w->graph->param[i];
    size_t size = p->count * sizeof(float);
    nw_bytes room = {0};
    const float *data = nw_param_floats(w->net, i, &room);
    int64_t dim[4];

    for (int d = 0; d < p->param->rank; d++)
        dim[d] = p->param->dim[d];
    if (room.data) /* a double net's numbers as floats, gone when the next ones come */
        data = nw_model_keep(&w->model, data, size);
    nw_release(w->net->ctx, room.data);
    w->model.failed |= !data;
    nw_model_tensor(&w->model, p->name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                    p->param->rank, dim, data, size);
}

static void api_param(nw_onnx *out, int i)
{
    struct writer *w = out->self;
    int p = now(w)->first_param + i;

    if (!w->written[p])
        put_param(w, p);
    w->written[p] = 1;
    nw_node_input(&w->model, w->part, w->graph->param[p].name);
}

static void constant(struct writer *w, int type, int n, const void *value, size_t size)
{
    char *name = nw_model_name(&w->model, "%s/constant_%d", now(w)->name, ++w->constants);
    int64_t dim = n;

    nw_model_tensor(&w->model, name, type, 1, &dim, nw_model_keep(&w->model, value, size),
                    size);
    nw_node_input(&w->model, w->part, name);
}

static void api_values(nw_onnx *out, int n, const float *value)
{
    constant(out->self, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, n, value,
             (size_t)n * sizeof(*value));
}

static void api_indices(nw_onnx *out, int n, const int64_t *value)
{
    constant(out->self, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, n, value,
             (size_t)n * sizeof(*value));
}

static void api_attr_int(nw_onnx *out, const char *name, int64_t value)
{
    struct writer *w = out->self;
    Onnx__AttributeProto *a = nw_node_attr(&w->model, w->part, name);

    if (!a)
        return;
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    a->has_i = 1;
    a->i = value;
}

static void api_attr_ints(nw_onnx *out, const char *name, int n, const int64_t *value)
{
    struct writer *w = out->self;
    Onnx__AttributeProto *a = nw_node_attr(&w->model, w->part, name);

    if (!a)
        return;
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    a->ints = nw_model_keep(&w->model, value, (size_t)n * sizeof(*value));
    a->n_ints = a->ints ? (size_t)n : 0;
}

static void api_attr_float(nw_onnx *out, const char *name, float value)
{
    struct writer *w = out->self;
    Onnx__AttributeProto *a = nw_node_attr(&w->model, w->part, name);

    if (!a)
        return;
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    a->has_f = 1;
    a->f = value;
}

static const nw_onnx api = {
    .node = api_node,
    .input = api_input,
    .param = api_param,
    .previous = api_previous,
    .part = api_part,
    .values = api_values,
    .indices = api_indices,
    .attr_int = api_attr_int,
    .attr_ints = api_attr_ints,
    .attr_float = api_attr_float,
};

/* ---- What is written ------------------------------------------------------------ */

/* Choices and sums only add, so a term that is zero can be left out. */
static int is_sum(const nw_gnode *node)
{
    return node->choice >= 0 || !strcmp(node->op->name, "add");
}

static double weight(const struct writer *w, const nw_gnode *node, int i)
{
    const nw_choice *choice;

    if (node->choice < 0)
        return 1;
    choice = &w->graph->space->choice[node->choice];
    return w->net->mix[choice->first + node->option[i]];
}

static int is_term(const struct writer *w, const nw_gnode *node, int i)
{
    return weight(w, node, i) != 0 && !w->zero[node->in[i]];
}

static void find_zeros(struct writer *w)
{
    for (int i = 0; i < w->graph->n; i++) {
        const nw_gnode *node = &w->graph->node[i];
        int terms = 0;

        for (int j = 0; j < node->info.n_in; j++)
            terms += is_term(w, node, j);
        w->zero[i] = node->is_zero || (is_sum(node) && !terms);
    }
}

/* What the output reads; of a sum that is zero, its first input stands for it. */
static void find_wanted(struct writer *w)
{
    w->wanted[w->graph->output] = 1;
    for (int i = w->graph->n - 1; i >= 0; i--) {
        const nw_gnode *node = &w->graph->node[i];

        for (int j = 0; w->wanted[i] && j < node->info.n_in; j++)
            if (!is_sum(node) || (w->zero[i] ? !j : is_term(w, node, j)))
                w->wanted[node->in[j]] = 1;
    }
}

/* The module's name, or that with a number where another module has it too. */
static char *value_name(struct writer *w, int i)
{
    const char *name = w->graph->node[i].name;
    int taken = !strcmp(name, "input") || !strcmp(name, "logits");

    if (i == w->graph->input)
        return "input";
    if (i == w->graph->output)
        return "logits";
    for (int j = 0; j < i && !taken; j++)
        taken = w->wanted[j] && !strcmp(name, w->graph->node[j].name);
    return taken ? nw_model_name(&w->model, "%s:%d", name, i) : (char *)name;
}

static nw_status write_sum(struct writer *w, const nw_gnode *node)
{
    int terms = 0;

    for (int i = 0; i < node->info.n_in; i++) {
        if (weight(w, node, i) != 0 && weight(w, node, i) != 1)
            return nw_fail(w->net->ctx, NW_EINVAL,
                           "onnx: choice \"%s\" mixes its options: "
                           "export needs a hard architecture",
                           w->graph->space->choice[node->choice].name);
        terms += is_term(w, node, i);
    }
    if (terms > 1)
        api_node(&w->api, terms == 2 ? "Add" : "Sum");
    for (int i = 0; terms > 1 && i < node->info.n_in; i++)
        if (is_term(w, node, i))
            api_input(&w->api, i);
    return NW_OK;
}

/* The input whose value the node passes on when it wrote no ONNX node. */
static int passed_on(const struct writer *w, const nw_gnode *node)
{
    for (int i = 0; is_sum(node) && !w->zero[w->at] && i < node->info.n_in; i++)
        if (is_term(w, node, i))
            return node->in[i];
    return node->in[0];
}

static nw_status write_node(struct writer *w, int i)
{
    const nw_gnode *node = &w->graph->node[i];

    w->at = i;
    w->parts = w->constants = 0;
    w->part = NULL;
    w->value[i] = value_name(w, i);
    if (i == w->graph->input)
        return NW_OK;
    if (is_sum(node))
        NW_TRY(write_sum(w, node));
    else if (node->op->onnx)
        node->op->onnx(&w->api, &node->info);
    else
        return nw_fail(w->net->ctx, NW_EINVAL, "onnx: \"%s\": op %s has no ONNX form",
                       node->name, node->op->name);
    if (!w->part) {
        w->value[i] = w->value[passed_on(w, node)];
        return NW_OK;
    }
    w->part->name = (char *)node->name;
    nw_node_output(&w->model, w->part, w->value[i]);
    return NW_OK;
}

/* value, then "input/centred" or "input/normalised": one number a channel is taken off or
 * divided by. */
static void put_moment(struct writer *w, const char *type, const char *name, char *out,
                       const double *moment)
{
    int n = w->net->n_channel;
    const int64_t dim[] = {1, n, 1, 1};
    size_t size = (size_t)n * sizeof(float);
    float *value = nw_arena_get(&w->model.arena, size);
    Onnx__NodeProto *node = nw_model_node(&w->model, type);

    w->model.failed |= !value;
    for (int c = 0; value && c < n; c++)
        value[c] = (float)moment[c];
    nw_model_tensor(&w->model, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 4, dim, value,
                    size);
    nw_node_input(&w->model, node, w->value[w->graph->input]);
    nw_node_input(&w->model, node, name);
    nw_node_output(&w->model, node, out);
    if (node)
        node->name = out;
    w->value[w->graph->input] = out;
}

/* (x - mean) / sd, channel by channel; later nodes read the result as the input. */
static void write_normalisation(struct writer *w)
{
    if (!w->net->n_channel)
        return;
    put_moment(w, "Sub", "input/mean", "input/centred", w->net->mean);
    put_moment(w, "Div", "input/sd", "input/normalised", w->net->sd);
}

/* The last node passed something on whose tensor has another name. */
static void name_output(struct writer *w)
{
    Onnx__NodeProto *node;

    if (!strcmp(w->value[w->graph->output], "logits"))
        return;
    node = nw_model_node(&w->model, "Identity");
    nw_node_input(&w->model, node, w->value[w->graph->output]);
    nw_node_output(&w->model, node, "logits");
    if (node)
        node->name = "logits";
}

static void put_ends(struct writer *w)
{
    const nw_shape *in = &w->graph->node[w->graph->input].info.out;
    const nw_shape *out = &w->graph->node[w->graph->output].info.out;

    w->input = nw_model_value(&w->model, "input", in->rank, in->dim);
    w->output = nw_model_value(&w->model, "logits", out->rank, out->dim);
    w->model.graph.n_input = w->model.graph.n_output = 1;
    w->model.graph.input = &w->input;
    w->model.graph.output = &w->output;
}

static nw_status write_graph(struct writer *w, const nw_arch *arch)
{
    nw_facts facts;
    nw_status status;

    find_zeros(w);
    find_wanted(w);
    for (int i = 0; i < w->graph->n; i++) {
        if (w->wanted[i] && i != w->graph->input)
            NW_TRY(write_node(w, i));
        else if (i == w->graph->input) {
            NW_TRY(write_node(w, i));
            write_normalisation(w);
        }
    }
    name_output(w);
    put_ends(w);
    status = nw_facts_get(w->net->ctx, arch, w->net, &facts);
    for (int i = 0; status >= 0 && i < facts.n; i++)
        nw_model_fact(&w->model, facts.name[i], facts.value[i]);
    nw_facts_free(&facts);
    return status;
}

static nw_status make_writer(struct writer *w, nw_ctx *ctx, nw_net *net)
{
    size_t n = (size_t)net->graph->n;

    w->net = net;
    w->graph = net->graph;
    w->api = api;
    w->api.self = w;
    nw_model_init(&w->model, ctx);
    w->zero = nw_arena_get(&w->model.arena, n);
    w->wanted = nw_arena_get(&w->model.arena, n);
    w->written = nw_arena_get(&w->model.arena, (size_t)net->graph->n_param + 1);
    w->value = nw_arena_get(&w->model.arena, n * sizeof(*w->value));
    return w->zero && w->wanted && w->written && w->value ? NW_OK : NW_ENOMEM;
}

static nw_status onnx_write(void *self, nw_ctx *ctx, const nw_arch *arch, nw_net *net,
                            FILE *out)
{
    struct writer w = {0};
    nw_status status = make_writer(&w, ctx, net);

    (void)self;
    if (status >= 0)
        status = write_graph(&w, arch);
    if (status >= 0)
        status = nw_model_write(&w.model, out);
    nw_model_free(&w.model);
    return status;
}

static nw_status onnx_open(nw_net *net, const char *path, nw_net **out)
{
    return nw_onnx_space(net->ctx, path, out) ? NW_OK : nw_pending(net->ctx);
}

const nw_export_type nw_export_onnx = {
    .name = "onnx",
    .doc = "the network with its weights, opset 13, for ONNX Runtime and others",
    .suffix = ".onnx",
    .wants_net = 1,
    .write = onnx_write,
    .open = onnx_open,
};
