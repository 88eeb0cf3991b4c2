/*
 * mobile.h - what the spaces of mobile networks share.
 *
 * Such a network is a stem, stages of layers, and a head; a stage has a width, and its
 * first layer a stride. One decision a layer says which block stands there.
 */
#ifndef NW_MOBILE_H
#define NW_MOBILE_H

#include "family.h"

struct json_t; /* jansson.h */

enum { NW_MOST_STAGES = 16, NW_MOST_LAYERS = 64 };

typedef struct nw_layer {
    int stage, in, out, stride;
} nw_layer;

typedef struct nw_stages {
    int n, n_stage, out; /* layers, stages, channels of the last */
    nw_layer layer[NW_MOST_LAYERS];
} nw_stages;

/* Three lists of one length, "24,40,80": widths, layers and strides of the stages that
 * follow `in` channels. Every width is multiplied by `scale`, to a multiple of 8. */
nw_status nw_stages_read(nw_space *space, const char *widths, const char *layers,
                         const char *strides, int in, double scale, nw_stages *out);

/* What a family was asked for: the input's shape, else 3 x size x size; the classes of
 * the key, else of the data, else `usual`. NW_EMATCH when key and data differ. */
nw_status nw_picture_and_classes(nw_space *space, const int input[3], int size,
                                 int key_classes, int usual, int shape[3], int *classes);

/* An inverted residual without the sum around it: 1x1 to `mid` channels, depthwise k,
 * 1x1 to `out`, with relu between. Modules are conv.0, .1, .3, .4, .6 and .7. */
nw_ref nw_inverted(nw_space *space, nw_ref x, int k, int mid, int stride, int out);

/* A choice among n nodes with names. */
nw_ref nw_choice_of(nw_space *space, const char *choice, size_t n, const nw_ref *option,
                    const char *const *name);

/* Which of n names "b,c,a" says: their indices to `out`, their number to *n_out. */
nw_status nw_names_pick(nw_space *space, const char *text, const char *const *name, int n,
                        int *out, int *n_out);

/* Decisions of `arch`: "layer_0" ... of n layers, when `format` is "layer_%d". */
nw_status nw_taken(const nw_arch *arch, const char *format, int n, int *taken);

/* Any JSON value, to be freed with json_decref(); NULL after nw_fail(). */
struct json_t *nw_json_parse(nw_ctx *ctx, const char *text, const char *where);

/* A genotype that is a list of the names of options, one for each decision. */
nw_status nw_names_write(const nw_arch *arch, FILE *out);
nw_status nw_names_read(nw_arch *arch, const char *text, const char *where);

#endif
