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

/* Random weights under which signals stay of size 1, and the running statistics that a
 * batch of random examples has: deep networks keep logits worth comparing. */
void export_enliven(nw_net *net, uint64_t seed, int whole);

/* The op of a case behind an input (N, 1, 1) that is cut and reshaped into the case's
 * inputs, and a Flatten; NULL for an op that has no ONNX form. */
nw_net *export_case(nw_ctx *ctx, const nw_op_type *op, const nw_case *c);

/* A published space at a random hard architecture, on 3x16x16 and 10 classes. */
nw_net *export_published(nw_ctx *ctx, const char *spec, uint64_t seed, nw_arch **arch);

/* Inputs of `batch` examples; whole numbers for nets that begin with a table of rows. */
float *export_inputs(nw_net *net, int batch, int whole);

size_t export_in_size(const nw_net *net);
size_t export_out_size(const nw_net *net);

/* Largest difference of the logits of two nets for the same batch, as a share of the
 * largest logit where that is above 1. */
double export_distance(nw_net *a, nw_net *b, int whole);

/* NAME.onnx, NAME.in.npy and NAME.out.npy: what the script compares. */
void export_files(nw_net *net, const nw_arch *arch, const char *name, int whole);

/* What was written is read again: the same logits, the same weights. */
void export_check_round_trip(nw_net *net, const char *name, int whole);

/* ONNX Runtime gives the same logits for all files of the folder; skips the test where
 * $NW_TEST_PYTHON names no interpreter that has it. */
void export_check_onnx_runtime(void);

/* Text of a file of the folder; NULL when it cannot be read. */
char *export_text(nw_ctx *ctx, const char *name);

#endif
