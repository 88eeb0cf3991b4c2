/* file.c - whole files in, facts about their origin, floats of a net of any precision. */
#include "export.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static ssize_t add_bytes(void *cookie, const char *bytes, size_t n)
{
    nw_text *text = cookie;

    nw_text_add(text, bytes, n);
    return text->failed ? -1 : (ssize_t)n;
}

FILE *nw_text_stream(nw_text *out)
{
    FILE *file = fopencookie(out, "w", (cookie_io_functions_t){.write = add_bytes});

    if (!file)
        nw_fail(out->ctx, NW_ENOMEM, "out of memory: no stream could be opened");
    return file;
}

nw_status nw_arch_text(const nw_arch *arch, nw_text *out)
{
    FILE *file = nw_text_stream(out);
    nw_status status;

    if (!file)
        return NW_ENOMEM;
    status = nw_arch_write(arch, file);
    if (fclose(file) || out->failed)
        return status < 0 ? status : NW_ENOMEM;
    return status;
}

static void fact(nw_facts *facts, const char *name, const char *value)
{
    if (!value)
        return;
    facts->name[facts->n] = name;
    facts->value[facts->n++] = value;
}

static void put_numbers(nw_text *out, const double *value, int n)
{
    for (int i = 0; i < n; i++)
        nw_text_printf(out, "%s%.9g", i ? " " : "", value[i]);
}

nw_status nw_facts_get(nw_ctx *ctx, const nw_arch *arch, const nw_net *net, nw_facts *out)
{
    const char *origin = arch->space->origin;

    *out = (nw_facts){0};
    nw_text_init(&out->arch, ctx);
    nw_text_init(&out->mean, ctx);
    nw_text_init(&out->sd, ctx);
    NW_TRY(nw_arch_text(arch, &out->arch));
    if (!origin && net)
        origin = net->graph->space->origin;
    fact(out, "netwright.version", NW_VERSION);
    fact(out, "netwright.space", origin);
    fact(out, "netwright.arch", out->arch.data);
    if (net) {
        put_numbers(&out->mean, net->mean, net->n_channel);
        put_numbers(&out->sd, net->sd, net->n_channel);
        fact(out, "netwright.mean", out->mean.data);
        fact(out, "netwright.sd", out->sd.data);
    }
    return out->mean.failed || out->sd.failed ? NW_ENOMEM : NW_OK;
}

void nw_facts_free(nw_facts *facts)
{
    nw_text_free(&facts->arch);
    nw_text_free(&facts->mean);
    nw_text_free(&facts->sd);
}

static nw_status cannot_read(nw_ctx *ctx, const char *path)
{
    return nw_fail(ctx, NW_EIO, "%s: cannot be read: %s", path, strerror(errno));
}

static nw_status read_open(nw_ctx *ctx, FILE *in, const char *path, nw_bytes *out)
{
    struct stat info;

    if (fstat(fileno(in), &info))
        return cannot_read(ctx, path);
    if (!S_ISREG(info.st_mode))
        return nw_fail(ctx, NW_EIO, "%s: is not a regular file", path);
    out->size = (size_t)info.st_size;
    out->data = nw_map(ctx, out->size + 1);
    if (!out->data)
        return NW_ENOMEM;
    if (fread(out->data, 1, out->size, in) == out->size)
        return NW_OK;
    nw_release(ctx, out->data);
    out->data = NULL;
    return ferror(in)
               ? cannot_read(ctx, path)
               : nw_fail(ctx, NW_EIO, "%s: became shorter while it was read", path);
}

nw_status nw_file_read(nw_ctx *ctx, const char *path, nw_bytes *out)
{
    FILE *in = fopen(path, "rbe");
    nw_status status;

    *out = (nw_bytes){0};
    if (!in)
        return cannot_read(ctx, path);
    status = read_open(ctx, in, path, out);
    fclose(in);
    return status;
}

nw_status nw_file_put(nw_ctx *ctx, FILE *out, const void *bytes, size_t size)
{
    if (!size || fwrite(bytes, 1, size, out) == size)
        return NW_OK;
    return nw_fail(ctx, NW_EIO, "could not be written: %s", strerror(errno));
}

const float *nw_param_floats(nw_net *net, int i, nw_bytes *room)
{
    const nw_gparam *p = &net->graph->param[i];
    const void *block = p->param->is_buffer ? net->buffer : net->param;
    size_t size = p->count * sizeof(float);
    float *out;

    if (net->precision == NW_F32)
        return nw_net_param(net, i);
    if (room->size < size) {
        nw_release(net->ctx, room->data);
        room->data = nw_alloc(net->ctx, size);
        room->size = room->data ? size : 0;
    }
    out = (float *)(void *)room->data;
    for (size_t k = 0; out && k < p->count; k++)
        out[k] = (float)nw_real_get(net, block, p->offset + k);
    return out;
}

void nw_param_set(nw_net *net, int i, const void *floats)
{
    const nw_gparam *p = &net->graph->param[i];
    void *block = p->param->is_buffer ? net->buffer : net->param;

    for (size_t k = 0; k < p->count; k++) {
        float value;

        memcpy(&value, (const char *)floats + k * sizeof(value), sizeof(value));
        nw_real_set(net, block, p->offset + k, (double)value);
    }
}
