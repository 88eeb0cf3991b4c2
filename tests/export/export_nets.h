/* export_nets.h - small networks to export, and files to compare them by. */
#ifndef EXPORT_NETS_H
#define EXPORT_NETS_H

#include "check.h"
#include "export.h"

/* A folder for this run; made once. */
const char *export_dir(void);
/* "<folder>/name", valid until the fourth call from now. */
const char *export_path(const char *name);
void export_clean(void);

/* Weights and running statistics far from their start, so that each of them matters. */
void export_disturb(nw_net *net, uint64_t seed);

/* The op of a case behind an input (N, 1, 1) that is cut and reshaped into the case's
 * inputs, and a Flatten; NULL for an op that has no ONNX form. */
nw_net *export_case(nw_ctx *ctx, const nw_op_type *op, const nw_case *c);

/* A published space at a random hard architecture, on 3x16x16 and 10 classes. */
nw_net *export_published(nw_ctx *ctx, const char *spec, uint64_t seed, nw_arch **arch);

/* Inputs of `batch` examples; whole numbers for nets that begin with a table of rows. */
float *export_inputs(nw_net *net, int batch, int whole);

size_t export_in_size(const nw_net *net);
size_t export_out_size(const nw_net *net);

/* Largest difference of the logits of two nets for the same batch. */
double export_distance(nw_net *a, nw_net *b, int whole);

/* Text of a file of the folder; NULL when it cannot be read. */
char *export_text(nw_ctx *ctx, const char *name);

#endif
