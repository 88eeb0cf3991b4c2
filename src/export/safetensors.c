/*
 * safetensors.c - weights under PyTorch names in PyTorch layouts, and back.
 *
 *   8 bytes   length of the header, little-endian
 *   header    JSON: {"__metadata__": {...}, "conv.weight": {"dtype": "F32",
 *             "shape": [out, in, kh, kw], "data_offsets": [begin, end]}, ...},
 *             blanks after it up to a multiple of 8
 *   data      the tensors, in the order of the header, without gaps
 *
 * Source: the format's description in the safetensors project, version 0.4.
 */
#include "export.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, LONGEST_HEADER = 100000000 };

static json_t *tensor_json(const nw_gparam *p, size_t begin)
{
    json_t *shape = json_array();

    for (int d = 0; d < p->param->rank; d++)
        json_array_append_new(shape, json_integer(p->param->dim[d]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape,
                     "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + p->count * sizeof(float)));
}

static json_t *header_json(const nw_graph *graph, const nw_facts *facts)
{
    json_t *header = json_object(), *meta = json_object();
    size_t at = 0;

    for (int i = 0; i < facts->n; i++)
        json_object_set_new(meta, facts->name[i], json_string(facts->value[i]));
    json_object_set_new(header, "__metadata__", meta);
    for (int i = 0; i < graph->n_param; i++) {
        json_object_set_new(header, graph->param[i].name,
                            tensor_json(&graph->param[i], at));
        at += graph->param[i].count * sizeof(float);
    }
    return header;
}

static int add_json(const char *bytes, size_t n, void *text)
{
    nw_text_add(text, bytes, n);
    return ((nw_text *)text)->failed ? -1 : 0;
}

static nw_status put_header(nw_ctx *ctx, const char *json, size_t length, FILE *out)
{
    size_t padded = (length + 7) / 8 * 8;
    unsigned char size[LENGTH_BYTES];

    for (int i = 0; i < LENGTH_BYTES; i++)
        size[i] = (unsigned char)((uint64_t)padded >> 8 * i);
    NW_TRY(nw_file_put(ctx, out, size, sizeof(size)));
    NW_TRY(nw_file_put(ctx, out, json, length));
    return nw_file_put(ctx, out, "        ", padded - length);
}

static nw_status write_header(nw_ctx *ctx, const nw_graph *graph, const nw_facts *facts,
                              FILE *out)
{
    json_t *header = header_json(graph, facts);
    nw_text text;
    nw_status status;

    nw_text_init(&text, ctx);
    if (json_dump_callback(header, add_json, &text, JSON_COMPACT | JSON_PRESERVE_ORDER))
        status = text.failed
                     ? NW_ENOMEM
                     : nw_fail(ctx, NW_EINVAL, "safetensors: a name is not UTF-8 text");
    else
        status = put_header(ctx, text.data, text.length, out);
    nw_text_free(&text);
    json_decref(header);
    return status;
}

static nw_status write_data(nw_ctx *ctx, nw_net *net, FILE *out)
{
    nw_bytes room = {0};
    nw_status status = NW_OK;

    for (int i = 0; status >= 0 && i < net->graph->n_param; i++) {
        const float *data = nw_param_floats(net, i, &room);

        status = !data ? NW_ENOMEM
                       : nw_file_put(ctx, out, data,
                                     net->graph->param[i].count * sizeof(*data));
    }
    nw_release(net->ctx, room.data);
    return status;
}

static nw_status safetensors_write(void *self, nw_ctx *ctx, const nw_arch *arch,
                                   nw_net *net, FILE *out)
{
    nw_facts facts;
    nw_status status;

    (void)self;
    status = nw_facts_get(ctx, arch, net, &facts);
    if (status >= 0)
        status = write_header(ctx, net->graph, &facts, out);
    nw_facts_free(&facts);
    return status < 0 ? status : write_data(ctx, net, out);
}

/* ---- Reading ------------------------------------------------------------------ */

struct reader {
    nw_net *net;
    const char *where;
    json_t *header;
    const unsigned char *data;
    size_t size;
};

static nw_status check_shape(const struct reader *r, const nw_gparam *p, json_t *shape)
{
    int same = json_is_array(shape) && json_array_size(shape) == (size_t)p->param->rank;
    char wanted[80] = "", *at = wanted;

    for (int d = 0; d < p->param->rank; d++) {
        json_t *dim = json_array_get(shape, (size_t)d);

        same =
            same && json_is_integer(dim) && json_integer_value(dim) == p->param->dim[d];
        at += snprintf(at, 16, "%s%d", d ? ", " : "", p->param->dim[d]);
    }
    if (same)
        return NW_OK;
    return nw_fail(r->net->ctx, NW_EMATCH,
                   "%s: \"%s\": its shape is not [%s], which the "
                   "network needs",
                   r->where, p->name, wanted);
}

/* Begin and end of a tensor, or a failure when they are not inside the file. */
static nw_status find_data(const struct reader *r, const nw_gparam *p, json_t *tensor,
                           const unsigned char **data)
{
    json_int_t begin, end;

    if (json_unpack(tensor, "{s:[I, I]}", "data_offsets", &begin, &end) || begin < 0 ||
        end < begin || (uint64_t)end > r->size)
        return nw_fail(r->net->ctx, NW_EFORMAT,
                       "%s: \"%s\": data_offsets are not two "
                       "places in the %zu bytes of data",
                       r->where, p->name, r->size);
    if ((size_t)(end - begin) != p->count * sizeof(float))
        return nw_fail(r->net->ctx, NW_EFORMAT,
                       "%s: \"%s\": has %lld bytes, its shape "
                       "needs %zu",
                       r->where, p->name, (long long)(end - begin),
                       p->count * sizeof(float));
    *data = r->data + begin;
    return NW_OK;
}

static nw_status locate(const struct reader *r, int i, const unsigned char **data)
{
    nw_net *net = r->net;
    const nw_gparam *p = &net->graph->param[i];
    json_t *tensor = json_object_get(r->header, p->name);
    const char *type = json_string_value(json_object_get(tensor, "dtype"));

    if (!tensor)
        return nw_fail(net->ctx, NW_EMATCH, "%s: has no tensor \"%s\"", r->where,
                       p->name);
    if (!type || strcmp(type, "F32"))
        return nw_fail(net->ctx, NW_EFORMAT, "%s: \"%s\": dtype is %s, not F32", r->where,
                       p->name, type ? type : "missing");
    NW_TRY(check_shape(r, p, json_object_get(tensor, "shape")));
    return find_data(r, p, tensor, data);
}

/* The n numbers of a fact, "0.49 0.48 0.45"; 0 = they are not there as they should. */
static int read_numbers(json_t *meta, const char *key, int n, double *out)
{
    const char *text = json_string_value(json_object_get(meta, key));
    char *end;

    for (int i = 0; text && i < n; i++, text = end) {
        out[i] = strtod(text, &end);
        if (end == text || !isfinite(out[i]))
            return 0;
        end += *end == ' ';
    }
    return text && !*text;
}

static nw_status load_normalisation(const struct reader *r)
{
    json_t *meta = json_object_get(r->header, "__metadata__");
    int n = r->net->graph->node[r->net->graph->input].info.out.dim[0];
    nw_status status;
    double *moment;
    int ok;

    if (!json_object_get(meta, "netwright.mean"))
        return NW_OK;
    moment = nw_alloc(r->net->ctx, 2 * (size_t)n * sizeof(double));
    if (!moment)
        return NW_ENOMEM;
    ok = read_numbers(meta, "netwright.mean", n, moment) &&
         read_numbers(meta, "netwright.sd", n, moment + n);
    for (int i = n; ok && i < 2 * n; i++)
        ok = moment[i] != 0;
    status = ok ? nw_net_normalise(r->net, n, moment, moment + n)
                : nw_fail(r->net->ctx, NW_EFORMAT,
                          "%s: netwright.mean and netwright.sd are not a "
                          "number for each of %d channels, and sd above 0",
                          r->where, n);
    nw_release(r->net->ctx, moment);
    return status;
}

static nw_status open_header(struct reader *r, const unsigned char *bytes, size_t size)
{
    uint64_t length = 0;
    json_error_t error;

    for (int i = 0; size >= LENGTH_BYTES && i < LENGTH_BYTES; i++)
        length |= (uint64_t)bytes[i] << 8 * i;
    if (size < LENGTH_BYTES || length > size - LENGTH_BYTES || length > LONGEST_HEADER)
        return nw_fail(r->net->ctx, NW_EFORMAT,
                       "%s: is not a safetensors file, or cut off", r->where);
    r->data = bytes + LENGTH_BYTES + length;
    r->size = size - LENGTH_BYTES - (size_t)length;
    r->header = json_loadb((const char *)bytes + LENGTH_BYTES, (size_t)length,
                           JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(r->header))
        return NW_OK;
    return nw_fail(r->net->ctx, NW_EFORMAT, "%s: the header is not a JSON object: %s",
                   r->where, r->header ? "another value stands there" : error.text);
}

nw_status nw_safetensors_load(nw_net *net, const unsigned char *bytes, size_t size,
                              const char *where)
{
    struct reader r = {.net = net, .where = where};
    nw_status status = open_header(&r, bytes, size);
    const unsigned char *data;

    /* twice, so that a bad file leaves the net as it was */
    for (int i = 0; status >= 0 && i < net->graph->n_param; i++)
        status = locate(&r, i, &data);
    if (status >= 0)
        status = load_normalisation(&r);
    for (int i = 0; status >= 0 && i < net->graph->n_param; i++)
        if (locate(&r, i, &data) >= 0)
            nw_param_set(net, i, data);
    json_decref(r.header);
    return status;
}

nw_status nw_safetensors_read(nw_net *net, const char *path)
{
    nw_bytes file;
    nw_status status;

    if (!net)
        return NW_ENOMEM;
    nw_clear(net->ctx);
    status = nw_file_read(net->ctx, path, &file);
    if (status >= 0)
        status = nw_safetensors_load(net, file.data, file.size, path);
    nw_release(net->ctx, file.data);
    nw_clear(net->ctx);
    return status;
}

/* A net of the same space at the same architecture, with the weights of the file. */
static nw_status safetensors_open(nw_net *net, const char *path, nw_net **out)
{
    nw_arch *arch = nw_net_arch(net);

    *out = arch ? nw_net_new(net->ctx, net->graph->space, arch, 0, NW_F32) : NULL;
    nw_arch_free(arch);
    return *out ? nw_safetensors_read(*out, path) : nw_pending(net->ctx);
}

const nw_export_type nw_export_safetensors = {
    .name = "safetensors",
    .doc = "the weights, under PyTorch names and in PyTorch layouts",
    .suffix = ".safetensors",
    .wants_net = 1,
    .write = safetensors_write,
    .open = safetensors_open,
};
