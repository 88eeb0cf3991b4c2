#include "feed.h"

#include "clock.h"
#include "parallel.h"
#include "random.h"

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

static void fill(nw_feed *feed, long step, float *x, int32_t *label)
{
    int64_t epoch = step / feed->per_epoch;
    size_t first = (size_t)(step % feed->per_epoch) * (size_t)feed->batch;

    if (epoch != feed->epoch)
        set_order(feed, (uint64_t)epoch);
    feed->epoch = epoch;
    nw_data_batch(feed->data, &feed->augment, feed->order + first, (size_t)feed->batch, 1,
                  feed->seed, (uint64_t)epoch, x, label);
}

static void prepare(void *object)
{
    nw_feed *feed = object;

    fill(feed, feed->next, feed->next_x, feed->next_label);
}

/* Two batches: one is learnt from while the other is made. */
static nw_status make_room(nw_feed *feed, size_t count)
{
    const size_t n = (size_t)feed->batch, example = nw_data_example_size(feed->data);
    nw_ctx *ctx = feed->ctx;

    feed->order = nw_alloc(ctx, count * sizeof(*feed->order));
    feed->x = nw_map(ctx, n * example * sizeof(float));
    feed->next_x = nw_map(ctx, n * example * sizeof(float));
    feed->label = nw_alloc(ctx, n * sizeof(*feed->label));
    feed->next_label = nw_alloc(ctx, n * sizeof(*feed->label));
    return feed->order && feed->x && feed->next_x && feed->label && feed->next_label
               ? NW_OK
               : NW_ENOMEM;
}

nw_status nw_feed_ahead(nw_feed *feed, int is_wanted)
{
    nw_ahead_free(feed->ahead);
    feed->ahead = is_wanted ? nw_ahead_new(feed->ctx, prepare, feed) : NULL;
    feed->next = -1;
    return is_wanted && !feed->ahead ? NW_ENOMEM : NW_OK;
}

nw_status nw_feed_init(nw_feed *feed, nw_ctx *ctx, nw_data *data,
                       const nw_augment *augment, int batch, int shuffle, uint64_t seed)
{
    size_t count = nw_data_count(data);

    *feed = (nw_feed){.ctx = ctx, .data = data, .augment = *augment};
    feed->epoch = feed->step = feed->next = -1;
    feed->seed = seed;
    feed->shuffle = shuffle;
    if (!count)
        return nw_fail(ctx, NW_EINVAL, "the data has no examples");
    feed->batch = (size_t)batch < count ? batch : (int)count;
    feed->per_epoch = (long)(count / (size_t)feed->batch);
    NW_TRY(make_room(feed, count));
    return nw_feed_ahead(feed, nw_cores() > nw_threads(ctx));
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
    nw_ahead_free(feed->ahead);
    nw_release(feed->ctx, feed->order);
    nw_release(feed->ctx, feed->x);
    nw_release(feed->ctx, feed->next_x);
    nw_release(feed->ctx, feed->label);
    nw_release(feed->ctx, feed->next_label);
    *feed = (nw_feed){0};
}

static void take_prepared(nw_feed *feed)
{
    float *x = feed->x;
    int32_t *label = feed->label;

    feed->x = feed->next_x;
    feed->label = feed->next_label;
    feed->next_x = x;
    feed->next_label = label;
}

/* A method that looks ahead asks for the same step several times. */
void nw_feed_load(nw_feed *feed, long step)
{
    const double start = nw_now();

    if (step == feed->step)
        return;
    if (feed->ahead && nw_ahead_wait(feed->ahead) && feed->next == step)
        take_prepared(feed);
    else
        fill(feed, step, feed->x, feed->label);
    feed->step = step;
    feed->next = step + 1;
    if (feed->ahead)
        nw_ahead_begin(feed->ahead);
    feed->waited += nw_now() - start;
}
