/*
 * verify.c - read again what was written and compare: every number of the weights, and
 * what both networks answer to the same pseudo-random batch.
 */
#include "export.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { BATCH = 4 };
static const double tolerance = 1e-4;

static int find_param(const nw_graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_param; i++)
        if (!strcmp(graph->param[i].name, name))
            return i;
    return -1;
}

/* Parameters of `copy` must be those of the net; it may lack some (an auxiliary head). */
static nw_status compare_weights(nw_net *net, nw_net *copy, const char *path)
{
    nw_bytes room = {0};
    nw_status status = NW_OK;

    for (int i = 0; status >= 0 && i < copy->graph->n_param; i++) {
        const nw_gparam *p = &copy->graph->param[i];
        int k = find_param(net->graph, p->name);
        const float *data = k < 0 ? NULL : nw_param_floats(net, k, &room);

        if (k >= 0 && !data)
            status = NW_ENOMEM;
        else if (k < 0 || net->graph->param[k].count != p->count ||
                 memcmp(data, nw_net_param(copy, i), p->count * sizeof(float)))
            status = nw_fail(net->ctx, NW_EDIFFER,
                             "%s: \"%s\" is not what the network has", path, p->name);
    }
    nw_release(net->ctx, room.data);
    return status;
}

static nw_status compare_shapes(nw_net *net, nw_net *copy, const char *path)
{
    const nw_graph *a = net->graph, *b = copy->graph;

    if (nw_count(&a->node[a->input].info.out) == nw_count(&b->node[b->input].info.out) &&
        nw_count(&a->node[a->output].info.out) == nw_count(&b->node[b->output].info.out))
        return NW_OK;
    return nw_fail(net->ctx, NW_EDIFFER, "%s: input or output has another shape", path);
}

/* Largest difference of two rows of logits; NaN against a number counts as infinite. */
static double distance(const float *a, const float *b, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);

        if (isnan(a[i]) && isnan(b[i]))
            continue;
        most = isnan(d) ? INFINITY : d > most ? d : most;
    }
    return most;
}

static nw_status compare_logits(nw_net *net, nw_net *copy, double *difference)
{
    const nw_graph *g = net->graph;
    size_t in = BATCH * nw_count(&g->node[g->input].info.out);
    size_t out = BATCH * nw_count(&g->node[g->output].info.out);
    float *x = nw_alloc(net->ctx, (in + 2 * out) * sizeof(*x));
    nw_status status = x ? NW_OK : NW_ENOMEM;

    for (size_t i = 0; x && i < in; i++)
        x[i] = (float)nw_uniform(1, NW_FOR_NOISE, i);
    if (status >= 0)
        status = nw_net_run(net, BATCH, x, x + in);
    if (status >= 0)
        status = nw_net_run(copy, BATCH, x, x + in + out);
    if (status >= 0)
        *difference = distance(x + in, x + in + out, out);
    nw_release(net->ctx, x);
    return status;
}

static nw_status compare_nets(nw_net *net, nw_net *copy, const char *path)
{
    double difference = 0;

    NW_TRY(compare_shapes(net, copy, path));
    NW_TRY(compare_weights(net, copy, path));
    NW_TRY(compare_logits(net, copy, &difference));
    if (difference > tolerance)
        return nw_fail(net->ctx, NW_EDIFFER, "%s: logits differ by %.3g, more than %g",
                       path, difference, tolerance);
    return NW_OK;
}

static nw_status verify_net(const nw_export_type *type, nw_net *net, const char *path)
{
    nw_net *copy = NULL;
    nw_space *space;
    nw_status status = type->open(net, path, &copy);

    if (status >= 0)
        status = compare_nets(net, copy, path);
    space = copy && copy->graph ? copy->graph->space : net->graph->space;
    nw_net_free(copy);
    if (space != net->graph->space)
        nw_space_free(space);
    return status;
}

/* ---- Other files ------------------------------------------------------------------ */

static nw_status compare_bytes(nw_ctx *ctx, const nw_text *wanted, const char *path)
{
    nw_bytes file;
    size_t at = 0;

    NW_TRY(nw_file_read(ctx, path, &file));
    while (at < file.size && at < wanted->length &&
           file.data[at] == (unsigned char)wanted->data[at])
        at++;
    nw_release(ctx, file.data);
    if (at == wanted->length && at == file.size)
        return NW_OK;
    return nw_fail(ctx, NW_EDIFFER, "%s: differs from byte %zu on", path, at + 1);
}

static nw_status verify_bytes(const nw_export_job *job, const char *path)
{
    nw_text again;
    nw_status status;

    nw_text_init(&again, job->ctx);
    status = nw_export_text(job, &again);
    if (status >= 0)
        status = compare_bytes(job->ctx, &again, path);
    nw_text_free(&again);
    return status;
}

nw_status nw_export_verify(const nw_arch *arch, nw_net *net, const char *spec,
                           const char *path)
{
    nw_export_job job;
    nw_status status = nw_export_begin(&job, arch, net, spec, path);

    if (status >= 0 && !strcmp(path, "-"))
        status = nw_fail(job.ctx, NW_EINVAL, "standard output cannot be read again");
    else if (status >= 0)
        status =
            job.type->open ? verify_net(job.type, net, path) : verify_bytes(&job, path);
    return nw_export_end(&job, status);
}
