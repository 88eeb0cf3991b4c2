/*
 * feed.h - batches of a data set, epoch after epoch.
 *
 * The order of epoch e is a permutation by (seed, e), so where a feed stands is two
 * numbers and a resumed run sees the same batches. A last batch that is not full is left
 * out, as everyone does in training. Without shuffle the order is that of the data.
 */
#ifndef NW_FEED_H
#define NW_FEED_H

#include "data.h"

typedef struct nw_feed {
    nw_ctx *ctx;
    nw_data *data;
    nw_augment augment;
    uint64_t seed;
    int shuffle;
    int batch;
    long per_epoch; /* batches of an epoch                 */
    int64_t epoch;  /* that `order` is of, -1 = none yet   */
    uint32_t *order;
    float *x; /* (batch, C, H, W)                    */
    int32_t *label;
} nw_feed;

/* A batch larger than the data becomes the data. NW_EINVAL for data without examples. */
nw_status nw_feed_init(nw_feed *feed, nw_ctx *ctx, nw_data *data,
                       const nw_augment *augment, int batch, int shuffle, uint64_t seed);
/* End every epoch after so many batches: a short epoch of a new order; 0 = all. */
void nw_feed_shorten(nw_feed *feed, long batches);
void nw_feed_clear(nw_feed *feed);

/* Load the batch of step k, counted from the very first; its epoch is k / per_epoch. */
void nw_feed_load(nw_feed *feed, long step);

#endif
