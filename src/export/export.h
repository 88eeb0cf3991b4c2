/*
 * export.h - a net or an architecture becomes a file, and files of ours become nets.
 *
 * Exporters see the graph (what is left when the choices are made) and nothing else;
 * how an op looks in ONNX is said by the op itself.
 */
#ifndef NW_EXPORT_H
#define NW_EXPORT_H

#include "net.h"

/* All exporters; NULL ends the list. */
extern const nw_export_type *const nw_exporters[];

/* The architecture that a net is at, in its space. */
nw_arch *nw_net_arch(nw_net *net);

/* A stream that appends to a text; NULL after nw_fail(). Close it before the text is
 * read. */
FILE *nw_text_stream(nw_text *out);

/* nw_arch_write() into a text. */
nw_status nw_arch_text(const nw_arch *arch, nw_text *out);

/* ---- One call of nw_export() or nw_export_verify() ------------------------------- */

typedef struct nw_export_job {
    nw_ctx *ctx;
    const nw_export_type *type;
    void *self;
    const nw_arch *arch;
    nw_arch *made; /* arch, when the caller gave none */
    nw_net *net;
} nw_export_job;

/* Check the arguments and parse the spec; nw_export_end() must follow in any case. */
nw_status nw_export_begin(nw_export_job *job, const nw_arch *arch, nw_net *net,
                          const char *spec, const char *path);

/* What the exporter writes, in memory. */
nw_status nw_export_text(const nw_export_job *job, nw_text *out);

/* Gives back what the job holds and answers with status. */
nw_status nw_export_end(nw_export_job *job, nw_status status);

/* What describes the origin of a file: pairs of name and value. */
enum { NW_FACTS = 5 };
typedef struct nw_facts {
    const char *name[NW_FACTS], *value[NW_FACTS];
    int n;
    nw_text arch, mean, sd; /* the normalisation of the input, "0.49 0.48 0.45" */
} nw_facts;

nw_status nw_facts_get(nw_ctx *ctx, const nw_arch *arch, const nw_net *net,
                       nw_facts *out);
void nw_facts_free(nw_facts *facts);

/* ---- Files ------------------------------------------------------------------- */

typedef struct nw_bytes {
    unsigned char *data; /* NUL after the last byte; give back with nw_release() */
    size_t size;
} nw_bytes;

nw_status nw_file_read(nw_ctx *ctx, const char *path, nw_bytes *out);

/* Bytes that are not wholly written are a recorded NW_EIO. */
nw_status nw_file_put(nw_ctx *ctx, FILE *out, const void *bytes, size_t size);

/* ---- Weights ----------------------------------------------------------------- */

/* Parameter i as float; `room` (of the caller, may grow) is used for a double net. */
const float *nw_param_floats(nw_net *net, int i, nw_bytes *room);

/* The other way; the floats may stand at any address. */
void nw_param_set(nw_net *net, int i, const void *floats);

/* Fill the parameters and buffers of the net by name. Every one of them must be in the
 * file; what the net does not have (an auxiliary head, counters of PyTorch) is left. */
nw_status nw_safetensors_read(nw_net *net, const char *path);
nw_status nw_safetensors_load(nw_net *net, const unsigned char *bytes, size_t size,
                              const char *where);

/* ---- ONNX -------------------------------------------------------------------- */

/* The space of the network that is in the file, made op by op from its nodes, without
 * any choice. net (may be NULL): the same with the file's weights. */
nw_space *nw_onnx_space(nw_ctx *ctx, const char *path, nw_net **net);
nw_space *nw_onnx_parse(nw_ctx *ctx, const unsigned char *bytes, size_t size,
                        const char *where, nw_net **net);

/* ---- Drawings ---------------------------------------------------------------- */

/* The picture as DOT text. */
nw_status nw_draw(nw_ctx *ctx, const nw_arch *arch, nw_net *net, nw_text *out);

#endif
