/*
 * idx.c - LeCun's idx files: images in one, labels in the other.
 *
 * 0 0 type rank, then `rank` sizes of 32 bits with the high byte first, then the numbers.
 * Only type 8, unsigned bytes, is in use.
 */
#include "source.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

enum { UNSIGNED_BYTE = 8 };

static uint32_t read_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static nw_status parse_magic(const nw_source *src, int min_rank, int max_rank)
{
    const uint8_t *p = src->data;

    if (src->size < 4)
        return nw_source_bad(src, "%zu bytes are too short for an idx file", src->size);
    if (p[0] || p[1] || p[2] != UNSIGNED_BYTE)
        return nw_source_bad(
            src, "offset 0: %02x %02x %02x is not 00 00 08, idx with unsigned bytes",
            p[0], p[1], p[2]);
    if (p[3] < min_rank || p[3] > max_rank)
        return nw_source_bad(src, "offset 3: %d axes, not %d to %d", p[3], min_rank,
                             max_rank);
    return NW_OK;
}

nw_status nw_idx_parse(const nw_source *src, int min_rank, int max_rank, nw_idx *out)
{
    uint64_t count = 1;

    NW_TRY(parse_magic(src, min_rank, max_rank));
    out->rank = src->data[3];
    out->start = 4 + 4 * (size_t)out->rank;
    if (src->size < out->start)
        return nw_source_bad(src, "cut short in its header at offset %zu", src->size);
    for (int i = 0; i < out->rank; i++) {
        uint32_t dim = read_be32(src->data + 4 + 4 * i);

        if (!dim)
            return nw_source_bad(src, "offset %d: an axis of 0: no examples", 4 + 4 * i);
        if (dim > INT_MAX || count > (uint64_t)INT64_MAX / dim)
            return nw_source_bad(src, "offset %d: size %u is too large", 4 + 4 * i, dim);
        count *= dim;
        out->dim[i] = (int)dim;
    }
    if (count != src->size - out->start)
        return nw_source_bad(src, "%s at offset %zu: its header promises %llu bytes",
                             count > src->size - out->start ? "cut short"
                                                            : "goes on after its end",
                             src->size, (unsigned long long)(count + out->start));
    return NW_OK;
}

static nw_status read_labels(const nw_source *src, const nw_idx *idx, int classes,
                             nw_data_info *info)
{
    const uint8_t *from = src->data + idx->start;
    int32_t *labels = nw_alloc(src->ctx, info->count * sizeof(*labels));

    if (!labels)
        return NW_ENOMEM;
    info->labels = labels;
    info->classes = classes;
    for (size_t i = 0; i < info->count; i++) {
        labels[i] = from[i];
        if (classes && from[i] >= classes)
            return nw_source_bad(src, "offset %zu: label %d is outside 0..%d",
                                 idx->start + i, from[i], classes - 1);
        if (!classes && labels[i] >= info->classes)
            info->classes = labels[i] + 1;
    }
    return NW_OK;
}

nw_status nw_idx_read(nw_source *images, nw_source *labels, int classes,
                      nw_data_info *info)
{
    nw_idx x, y;

    NW_TRY(nw_idx_parse(images, 3, 4, &x));
    NW_TRY(nw_idx_parse(labels, 1, 1, &y));
    if (x.dim[0] != y.dim[0])
        return nw_source_bad(images, "%d images, but %d labels in %s", x.dim[0], y.dim[0],
                             labels->path);
    info->count = (size_t)x.dim[0];
    info->shape[0] = x.rank == 4 ? x.dim[1] : 1;
    info->shape[1] = x.dim[x.rank - 2];
    info->shape[2] = x.dim[x.rank - 1];
    info->scale = 1 / 255.;
    NW_TRY(read_labels(labels, &y, classes, info));
    memmove(images->data, images->data + x.start, images->size - x.start);
    info->bytes = images->data;
    images->data = NULL;
    return NW_OK;
}

/* ---- The type --------------------------------------------------------------- */

struct idx {
    char images[NW_TEXT_SIZE], labels[NW_TEXT_SIZE];
    int classes;
};

static const nw_attr attrs[] = {
    {"images", NW_TEXT, offsetof(struct idx, images), NULL, 0, 0,
     "file of (N, H, W) or (N, C, H, W) bytes, .gz or plain", NULL},
    {"labels", NW_TEXT, offsetof(struct idx, labels), NULL, 0, 0,
     "file of N bytes, .gz or plain", NULL},
    {"classes", NW_INT, offsetof(struct idx, classes), "0", 0, 256,
     "number of classes; 0 = largest label + 1", NULL},
    {0},
};

static nw_status idx_open(void *self, nw_ctx *ctx, nw_data_info *info)
{
    const struct idx *o = self;
    nw_source images = {.ctx = ctx}, labels = {.ctx = ctx};
    nw_status status = nw_source_read(&images, ctx, "idx", o->images);

    if (status >= 0)
        status = nw_source_read(&labels, ctx, "idx", o->labels);
    if (status >= 0)
        status = nw_idx_read(&images, &labels, o->classes, info);
    nw_source_free(&images);
    nw_source_free(&labels);
    return status;
}

const nw_data_type nw_data_idx = {
    .name = "idx",
    .doc = "images and labels in two idx files (the format of MNIST)",
    .attrs = attrs,
    .size = sizeof(struct idx),
    .open = idx_open,
};
