#include "feed.h"

#include "random.h"

nw_status nw_feed_init(nw_feed *feed, nw_ctx *ctx, nw_data *data,
                       const nw_augment *augment, int batch, int shuffle, uint64_t seed)
{
    size_t count = nw_data_count(data), example;
    int shape[3];

    nw_data_shape(data, shape);
    example = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2];
    *feed = (nw_feed){.ctx = ctx, .data = data, .augment = *augment, .epoch = -1};
    feed->seed = seed;
    feed->shuffle = shuffle;
    if (!count)
        return nw_fail(ctx, NW_EINVAL, "the data has no examples");
    feed->batch = (size_t)batch < count ? batch : (int)count;
    feed->per_epoch = (long)(count / (size_t)feed->batch);
    feed->order = nw_alloc(ctx, count * sizeof(*feed->order));
    feed->x = nw_map(ctx, (size_t)feed->batch * example * sizeof(float));
    feed->label = nw_alloc(ctx, (size_t)feed->batch * sizeof(*feed->label));
    return feed->order && feed->x && feed->label ? NW_OK : NW_ENOMEM;
}

void nw_feed_shorten(nw_feed *feed, long batches)
{
    if (batches > 0 && batches < feed->per_epoch)
        feed->per_epoch = batches;
}

void nw_feed_clear(nw_feed *feed)
{
    if (!feed->ctx)
        return;
    nw_release(feed->ctx, feed->order);
    nw_release(feed->ctx, feed->x);
    nw_release(feed->ctx, feed->label);
    *feed = (nw_feed){0};
}

static void set_order(nw_feed *feed, uint64_t epoch)
{
    size_t count = nw_data_count(feed->data);

    if (feed->shuffle)
        nw_permutation(nw_subseed(feed->seed, NW_FOR_SHUFFLE, epoch), NW_FOR_SHUFFLE,
                       feed->order, count);
    else
        for (size_t i = 0; i < count; i++)
            feed->order[i] = (uint32_t)i;
}

void nw_feed_load(nw_feed *feed, long step)
{
    int64_t epoch = step / feed->per_epoch;
    size_t first = (size_t)(step % feed->per_epoch) * (size_t)feed->batch;

    if (epoch != feed->epoch)
        set_order(feed, (uint64_t)epoch);
    feed->epoch = epoch;
    nw_data_batch(feed->data, &feed->augment, feed->order + first, (size_t)feed->batch, 1,
                  feed->seed, (uint64_t)epoch, feed->x, feed->label);
}
