/*
 * batch.c - from stored examples to a batch of floats.
 *
 * Order of work, as in the DARTS authors' code and torchvision: pad the raw image with
 * zeros and crop at random, mirror, normalise, cut out. So padding becomes (0 - mean) /
 * sd and the cut-out square 0. A value is one multiplication and one addition; crop and
 * mirror only change where it is read and written.
 */
#include "data.h"

#include "parallel.h"
#include "random.h"

#include <string.h>

enum { GRAIN = 8 };

struct job {
    const nw_data *data;
    const nw_augment *augment;
    const uint32_t *order;
    int training;
    uint64_t seed; /* of this epoch */
    float *x;
    int32_t *label;
};

/* The random part: how far an image moves, whether it is mirrored, where the hole is. */
struct moves {
    int down, right; /* of the crop's window, -crop..crop */
    int mirrored;
    int cut_y, cut_x;
};

static int below(uint32_t bits, int n)
{
    return (int)((uint64_t)bits * (uint64_t)n >> 32);
}

static struct moves draw(const struct job *job, uint64_t example)
{
    const nw_augment *a = job->augment;
    const int *shape = job->data->info.shape;
    uint32_t r[4];

    if (!job->training || !(a->crop || a->flip || a->cutout))
        return (struct moves){0};
    nw_random_bits(job->seed, NW_FOR_AUGMENT, example, r);
    return (struct moves){
        .down = below(r[0], 2 * a->crop + 1) - a->crop,
        .right = below(r[1], 2 * a->crop + 1) - a->crop,
        .mirrored = a->flip && (r[2] & 1),
        .cut_y = below(r[2], shape[1]), /* its high bits: the lowest is spent */
        .cut_x = below(r[3], shape[2]),
    };
}

/* ---- Rows ------------------------------------------------------------------- */

/* y[i] or, mirrored, y[-i] = scale * v[i] + shift, of bytes or of floats. */
struct affine {
    float scale, shift;
};

static void put_bytes(const uint8_t *restrict v, size_t n, struct affine a, int mirrored,
                      float *restrict y)
{
    if (mirrored)
        for (size_t i = 0; i < n; i++)
            y[-(ptrdiff_t)i] = a.scale * (float)v[i] + a.shift;
    else
        for (size_t i = 0; i < n; i++)
            y[i] = a.scale * (float)v[i] + a.shift;
}

static void put_floats(const float *restrict v, size_t n, struct affine a, int mirrored,
                       float *restrict y)
{
    if (mirrored)
        for (size_t i = 0; i < n; i++)
            y[-(ptrdiff_t)i] = a.scale * v[i] + a.shift;
    else
        for (size_t i = 0; i < n; i++)
            y[i] = a.scale * v[i] + a.shift;
}

static void put(const nw_data_info *info, size_t at, size_t n, struct affine a,
                int mirrored, float *y)
{
    if (info->bytes)
        put_bytes(info->bytes + at, n, a, mirrored, y);
    else
        put_floats(info->floats + at, n, a, mirrored, y);
}

/* A row of width w seen through a window that is `right` further right. */
static void put_row(const nw_data_info *info, size_t at, const struct moves *m,
                    struct affine a, float *y)
{
    int w = info->shape[2];
    int from = m->right < 0 ? -m->right : 0, to = m->right > 0 ? w - m->right : w;

    from = from < w ? from : w;
    to = to > from ? to : from;
    for (int x = 0; x < from; x++)
        y[m->mirrored ? w - 1 - x : x] = a.shift;
    for (int x = to; x < w; x++)
        y[m->mirrored ? w - 1 - x : x] = a.shift;
    if (from < to)
        put(info, at + (size_t)(from + m->right), (size_t)(to - from), a, m->mirrored,
            m->mirrored ? y + w - 1 - from : y + from);
}

static void put_plane(const nw_data_info *info, size_t at, const struct moves *m,
                      struct affine a, float *y)
{
    int h = info->shape[1], w = info->shape[2];

    if (!m->down && !m->right && !m->mirrored) {
        put(info, at, (size_t)h * (size_t)w, a, 0, y);
        return;
    }
    for (int i = 0; i < h; i++, y += w) {
        int row = i + m->down;

        if (row >= 0 && row < h)
            put_row(info, at + (size_t)row * (size_t)w, m, a, y);
        else
            for (int x = 0; x < w; x++)
                y[x] = a.shift;
    }
}

/* ---- Examples --------------------------------------------------------------- */

/* The square is cut at the border, as in the DARTS code. */
static void cut_out(const nw_data_info *info, int side, const struct moves *m, float *y)
{
    int h = info->shape[1], w = info->shape[2];
    int top = m->cut_y - side / 2, bottom = m->cut_y + side / 2;
    int left = m->cut_x - side / 2, right = m->cut_x + side / 2;

    top = top < 0 ? 0 : top;
    left = left < 0 ? 0 : left;
    bottom = bottom > h ? h : bottom;
    right = right > w ? w : right;
    for (int c = 0; c < info->shape[0]; c++, y += (size_t)h * (size_t)w)
        for (int i = top; i < bottom; i++)
            memset(y + i * w + left, 0, (size_t)(right - left) * sizeof(*y));
}

static struct affine affine_of(const struct job *job, int c)
{
    const nw_data_info *info = &job->data->info;
    double scale = info->bytes ? info->scale : 1;
    const nw_augment *a = job->augment;

    if (!a->n_channel)
        return (struct affine){(float)scale, 0};
    return (struct affine){(float)(scale / a->sd[c]), (float)(-a->mean[c] / a->sd[c])};
}

static void batch_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_data_info *info = &job->data->info;
    size_t size = nw_data_example_size(job->data), plane = size / (size_t)info->shape[0];

    for (size_t i = begin; i < end; i++) {
        size_t example = nw_data_example(job->data, job->order[i]);
        struct moves m = draw(job, example);
        float *y = job->x + i * size;

        for (int c = 0; c < info->shape[0]; c++)
            put_plane(info, example * size + (size_t)c * plane, &m, affine_of(job, c),
                      y + (size_t)c * plane);
        if (job->training && job->augment->cutout)
            cut_out(info, job->augment->cutout, &m, y);
        if (job->label)
            job->label[i] = info->labels[example];
    }
}

void nw_data_batch(const nw_data *data, const nw_augment *augment, const uint32_t *order,
                   size_t n, int training, uint64_t seed, uint64_t epoch, float *x,
                   int32_t *label)
{
    struct job job = {
        data, augment, order, training, nw_subseed(seed, NW_FOR_AUGMENT, epoch),
        x,    label};

    nw_parallel(n, GRAIN, batch_part, &job);
}
