/*
 * feed.h - batches of a data set, epoch after epoch.
 *
 * The order of epoch e is a permutation by (seed, e), so where a feed stands is two
 * numbers and a resumed run sees the same batches. A last batch that is not full is left
 * out, as everyone does in training. Without shuffle the order is that of the data.
 *
 * Where a core is left over, a thread prepares the next batch while a step works; else
 * all threads make it before the step. What a batch is depends on the seed and its number
 * alone, so it is the same whoever makes it, and when.
 */
#ifndef NW_FEED_H
#define NW_FEED_H

#include "ahead.h"
#include "data.h"

typedef struct nw_feed {
    nw_ctx *ctx;
    nw_data *data;
    nw_augment augment;
    uint64_t seed;
    int shuffle;
    int batch;
    long per_epoch; /* batches of an epoch                 */
    float *x;       /* (batch, C, H, W)                    */
    int32_t *label;
    long step;       /* whose batch stands there, -1 = none */
    double waited;   /* seconds spent in nw_feed_load()     */
    nw_ahead *ahead; /* from here on the thread's, while it works; NULL = no thread */
    long next;       /* step that is prepared               */
    float *next_x;
    int32_t *next_label;
    int64_t epoch; /* that `order` is of, -1 = none yet   */
    uint32_t *order;
} nw_feed;

/* A batch larger than the data becomes the data. NW_EINVAL for data without examples. */
nw_status nw_feed_init(nw_feed *feed, nw_ctx *ctx, nw_data *data,
                       const nw_augment *augment, int batch, int shuffle, uint64_t seed);
/* End every epoch after so many batches: a short epoch of a new order; 0 = all. */
void nw_feed_shorten(nw_feed *feed, long batches);
void nw_feed_clear(nw_feed *feed);

/* Put the batch of step k into x and label, which may move; k counts from the very first,
 * its epoch is k / per_epoch. Then step k + 1 is prepared. */
void nw_feed_load(nw_feed *feed, long step);

/* Whether a thread makes batches ahead, from the next one on, instead of what
 * nw_feed_init() found best. */
nw_status nw_feed_ahead(nw_feed *feed, int is_wanted);

#endif
