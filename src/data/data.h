/*
 * data.h - data sets in memory, views of them, and batches.
 *
 * A data set is read once and then never changes. A view (nw_data_slice) is a list of
 * indices into it, so that train, validation and test never copy an image.
 */
#ifndef NW_DATA_H
#define NW_DATA_H

#include "ctx.h"
#include "netwright_ext.h"

struct nw_data {
    nw_ctx *ctx;
    nw_data_info info;     /* of the whole set, shared by its views                */
    const uint32_t *index; /* of the view's examples in the set; NULL = as stored  */
    size_t count;          /* examples of the view                                 */
    nw_data *whole;        /* the set that a view looks at; itself, if it is one   */
    uint64_t *hashes;      /* of each example with its label                       */
    int views;             /* of a set: how many still look at it                  */
    int is_freed;          /* of a set: goes with its last view                    */
    char *spec;            /* as it was opened                                     */
    const nw_data_type *type;
};

/* All kinds of data sets. NULL ends the list. */
extern const nw_data_type *const nw_data_types[];

/* nw_data_get() of any type, listed or not. */
nw_status nw_get_files(nw_ctx *ctx, const nw_data_type *type, const char *url,
                       const char *cache,
                       int (*on_progress)(void *user, double done, double total),
                       void *user);

/* Example i of the view, as an index into the whole set. */
size_t nw_data_example(const nw_data *data, size_t i);

size_t nw_data_example_size(const nw_data *data); /* numbers */

/* "crop=4 flip cutout=16 mean=0.49,0.48,0.45 std=0.25,0.24,0.26": what happens to an
 * example on its way into a batch. Random parts only in training. */
typedef struct nw_augment {
    int crop;      /* zero padding of a random crop, pixels                     */
    int flip;      /* mirror left-right with probability 1/2                    */
    int cutout;    /* side of a square set to zero, pixels                      */
    int n_channel; /* of mean and sd; 0 = leave the values                      */
    const double *mean, *sd; /* of the values after scale: x = (v - mean) / sd;
                                one block of the context                           */
} nw_augment;

/* Keys: crop flip cutout normalise=auto|none mean= std=. spec NULL or "": mean and sd of
 * `data`, a training set, over all its examples ("normalise=auto"). A channel that never
 * varies keeps sd 1. */
nw_status nw_augment_parse(nw_ctx *ctx, const char *spec, const nw_data *data,
                           nw_augment *out);
void nw_augment_free(nw_ctx *ctx, nw_augment *augment);

/* Mean and standard deviation of each channel over the view. ctx: for scratch. */
nw_status nw_data_moments(nw_ctx *ctx, const nw_data *data, double *mean, double *sd);

/*
 * Gather examples order[0..n) of the view into x (n, C, H, W) and label (n).
 *
 * training: apply the random parts; they are a function of (seed, example, epoch) alone.
 * Runs on the threads of nw_parallel().
 */
void nw_data_batch(const nw_data *data, const nw_augment *augment, const uint32_t *order,
                   size_t n, int training, uint64_t seed, uint64_t epoch, float *x,
                   int32_t *label);

#endif
