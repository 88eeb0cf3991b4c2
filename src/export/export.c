/*
 * export.c - nw_export(): find the exporter, write beside the target, then rename.
 *
 * A file appears under its name only when all of it is on disk, so that a killed export
 * leaves the old file or none.
 */
#include "export.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

nw_arch *nw_net_arch(nw_net *net)
{
    nw_arch *arch = nw_arch_new(net->ctx, net->graph->space);

    if (arch)
        memcpy(arch->w, net->mix, (size_t)arch->space->n_weight * sizeof(double));
    return arch;
}

static nw_status write_to(const nw_export_job *job, FILE *out, const char *path)
{
    NW_TRY(job->type->write(job->self, job->ctx, job->arch, job->net, out));
    if (fflush(out) || ferror(out))
        return nw_fail(job->ctx, NW_EIO, "%s: could not be written: %s", path,
                       strerror(errno));
    return NW_OK;
}

static nw_status write_part(const nw_export_job *job, const char *part)
{
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "wb");
    nw_status status;

    if (!out) {
        status =
            nw_fail(job->ctx, NW_EIO, "%s: cannot be made: %s", part, strerror(errno));
        if (fd >= 0)
            close(fd);
        return status;
    }
    status = write_to(job, out, part);
    if (status >= 0 && fsync(fd) && errno != EINVAL)
        status = nw_fail(job->ctx, NW_EIO, "%s: could not be written: %s", part,
                         strerror(errno));
    if (fclose(out) && status >= 0)
        status = nw_fail(job->ctx, NW_EIO, "%s: could not be written: %s", part,
                         strerror(errno));
    return status;
}

static nw_status write_file(const nw_export_job *job, const char *path)
{
    size_t size = strlen(path) + sizeof(".part");
    char *part;
    nw_status status;

    if (!strcmp(path, "-"))
        return write_to(job, stdout, "standard output");
    part = nw_alloc(job->ctx, size);
    if (!part)
        return NW_ENOMEM;
    snprintf(part, size, "%s.part", path);
    status = write_part(job, part);
    if (status >= 0 && rename(part, path))
        status = nw_fail(job->ctx, NW_EIO, "%s: cannot be replaced: %s", path,
                         strerror(errno));
    if (status < 0)
        unlink(part);
    nw_release(job->ctx, part);
    return status;
}

static nw_status open_type(nw_export_job *job, const char *spec)
{
    job->type =
        nw_spec_find(job->ctx, "exporter", (const void *const *)nw_exporters, spec);
    if (!job->type)
        return NW_ENAME;
    if (job->type->wants_net && !job->net)
        return nw_fail(job->ctx, NW_EINVAL,
                       "%s: needs a network with weights, got only an architecture",
                       job->type->name);
    job->self = nw_alloc(job->ctx, job->type->size + 1);
    if (!job->self)
        return NW_ENOMEM;
    return nw_spec_parse(job->ctx, (const nw_head *)job->type, spec, NULL, job->self);
}

nw_status nw_export_begin(nw_export_job *job, const nw_arch *arch, nw_net *net,
                          const char *spec, const char *path)
{
    *job = (nw_export_job){.arch = arch, .net = net};
    if (!arch && !net)
        return NW_ENOMEM;
    job->ctx = net ? net->ctx : arch->ctx;
    nw_clear(job->ctx);
    if (!spec || !path)
        return nw_fail(job->ctx, NW_EINVAL, "export: the %s is missing",
                       spec ? "path" : "format");
    if (net && net->is_folded)
        return nw_fail(job->ctx, NW_EINVAL,
                       "export: the network was folded: export the one it was made of");
    if (!arch)
        job->arch = job->made = nw_net_arch(net);
    return job->arch ? open_type(job, spec) : NW_ENOMEM;
}

nw_status nw_export_text(const nw_export_job *job, nw_text *out)
{
    FILE *file = nw_text_stream(out);
    nw_status status;

    if (!file)
        return NW_ENOMEM;
    status = job->type->write(job->self, job->ctx, job->arch, job->net, file);
    if (fclose(file) || out->failed)
        return status < 0 ? status : NW_ENOMEM;
    return status;
}

nw_status nw_export_end(nw_export_job *job, nw_status status)
{
    if (job->ctx) {
        nw_release(job->ctx, job->self);
        nw_arch_free(job->made);
        nw_clear(job->ctx); /* reported by this status */
    }
    return status;
}

nw_status nw_export(const nw_arch *arch, nw_net *net, const char *spec, const char *path)
{
    nw_export_job job;
    nw_status status = nw_export_begin(&job, arch, net, spec, path);

    return nw_export_end(&job, status < 0 ? status : write_file(&job, path));
}
