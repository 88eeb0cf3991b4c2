/*
 * cifar.c - CIFAR-10 and CIFAR-100 in their binary layout.
 *
 * A file is records of one label byte (CIFAR-100: coarse, then fine) and 3072 bytes: red,
 * green and blue planes of 32x32. The published archive is read as it is.
 *
 * [1] Krizhevsky 2009, Learning multiple layers of features from tiny images.
 */
#include "source.h"

#include <stddef.h>
#include <string.h>

enum { PIXELS = 3 * 32 * 32, MOST_PARTS = 5 };

struct cifar {
    char dir[NW_TEXT_SIZE], file[NW_TEXT_SIZE], cache[NW_TEXT_SIZE], split[NW_TEXT_SIZE];
    int fine;
};

/* What differs between the two. */
struct variety {
    const char *name, *folder, *archive, *how;
    const char *const *names;
    int n_train;
    const char *train[MOST_PARTS], *test[1];
};

nw_status nw_cifar_parse(const nw_source *src, const nw_cifar_layout *layout,
                         size_t *count)
{
    size_t record = (size_t)layout->n_label + PIXELS;

    if (!src->size)
        return nw_source_bad(src, "holds no examples");
    if (src->size % record)
        return nw_source_bad(src,
                             "cut short at offset %zu: it is no whole number of records "
                             "of %zu bytes",
                             src->size, record);
    for (size_t at = 0; at < src->size; at += record)
        for (int i = 0; i < layout->n_label; i++)
            if (src->data[at + (size_t)i] >= layout->classes[i])
                return nw_source_bad(src, "offset %zu: label %d is outside 0..%d",
                                     at + (size_t)i, src->data[at + (size_t)i],
                                     layout->classes[i] - 1);
    *count = src->size / record;
    return NW_OK;
}

/* ---- From parts to one set -------------------------------------------------- */

static void copy_part(const nw_source *src, const nw_cifar_layout *layout, size_t count,
                      uint8_t *bytes, int32_t *labels)
{
    size_t record = (size_t)layout->n_label + PIXELS;

    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = src->data + i * record;

        labels[i] = from[layout->label];
        memcpy(bytes + i * PIXELS, from + layout->n_label, PIXELS);
    }
}

static nw_status join(int n, nw_source *part, const nw_cifar_layout *layout,
                      nw_data_info *info)
{
    size_t count[MOST_PARTS], at = 0;
    uint8_t *bytes;
    int32_t *labels;

    for (int i = 0; i < n; i++) {
        NW_TRY(nw_cifar_parse(&part[i], layout, &count[i]));
        info->count += count[i];
    }
    info->bytes = bytes = nw_map(part->ctx, info->count * PIXELS);
    info->labels = labels = nw_alloc(part->ctx, info->count * sizeof(*labels));
    if (!bytes || !labels)
        return NW_ENOMEM;
    for (int i = 0; i < n; at += count[i++])
        copy_part(&part[i], layout, count[i], bytes + at * PIXELS, labels + at);
    info->shape[0] = 3;
    info->shape[1] = info->shape[2] = 32;
    info->classes = layout->classes[layout->label];
    info->scale = 1 / 255.;
    return NW_OK;
}

/* ---- Where the parts are ---------------------------------------------------- */

static nw_status read_archive(nw_ctx *ctx, const struct variety *v, const char *archive,
                              int n, const char *const *name, nw_source *part,
                              char paths[MOST_PARTS][NW_PATH_SIZE])
{
    NW_TRY(nw_archive_read(ctx, v->name, archive, n, name, part));
    for (int i = 0; i < n; i++) {
        if (!part[i].data)
            return nw_fail(ctx, NW_EFORMAT, "%s: %s: no %s in it", v->name, archive,
                           name[i]);
        snprintf(paths[i], NW_PATH_SIZE, "%.*s:%s", NW_PATH_SIZE - 64, archive, name[i]);
        part[i].path = paths[i];
    }
    return NW_OK;
}

/* paths must outlive the parts: messages name them. */
static nw_status find_parts(const struct variety *v, const struct cifar *o, nw_ctx *ctx,
                            int n, const char *const *name, nw_source *part,
                            char paths[MOST_PARTS][NW_PATH_SIZE])
{
    nw_places places, inside;
    char archive[NW_PATH_SIZE];

    nw_places_set(&places, o->dir, o->cache, v->name, NULL);
    inside = places;
    for (int i = 0; i < places.n; i++)
        snprintf(inside.dir[i], NW_PATH_SIZE, "%.*s/%s", NW_PATH_SIZE / 2, places.dir[i],
                 v->folder);
    for (int i = 0; i < n; i++) {
        if (nw_find_file(paths[i], &places, name[i]) ||
            nw_find_file(paths[i], &inside, name[i])) {
            NW_TRY(nw_source_read(&part[i], ctx, v->name, paths[i]));
            continue;
        }
        if (i)
            return nw_fail_absent(ctx, v->name, &places, name[i], v->how);
        if (!nw_find_file(archive, &places, v->archive))
            return nw_fail_absent(ctx, v->name, &places, v->archive, v->how);
        return read_archive(ctx, v, archive, n, name, part, paths);
    }
    return NW_OK;
}

static nw_status open_variety(const struct variety *v, const struct cifar *o, nw_ctx *ctx,
                              const nw_cifar_layout *layout, nw_data_info *info)
{
    char paths[MOST_PARTS][NW_PATH_SIZE];
    nw_source part[MOST_PARTS] = {{.ctx = ctx}};
    int test = !strcmp(o->split, "test"), n = o->file[0] || test ? 1 : v->n_train;
    nw_status status;

    if (!test && strcmp(o->split, "train"))
        return nw_fail(ctx, NW_ESPEC, "%s: split=%s is not train or test", v->name,
                       o->split);
    if (o->file[0])
        status = nw_source_read(&part[0], ctx, v->name, o->file);
    else
        status = find_parts(v, o, ctx, n, test ? v->test : v->train, part, paths);
    if (status >= 0)
        status = join(n, part, layout, info);
    if (status >= 0 && v->names)
        status = nw_class_names(ctx, info->classes, v->names, info);
    for (int i = 0; i < n; i++)
        if (part[i].ctx)
            nw_source_free(&part[i]);
    return status;
}

/* ---- CIFAR-10 --------------------------------------------------------------- */

#define PLACES                                                                           \
    {"dir",                                                                              \
     NW_TEXT,                                                                            \
     offsetof(struct cifar, dir),                                                        \
     "",                                                                                 \
     0,                                                                                  \
     0,                                                                                  \
     "directory of the .bin files or of the .tar.gz; without it the cache",              \
     NULL},                                                                              \
        {"file",                                                                         \
         NW_TEXT,                                                                        \
         offsetof(struct cifar, file),                                                   \
         "",                                                                             \
         0,                                                                              \
         0,                                                                              \
         "one file of records instead, whatever the split",                              \
         NULL},                                                                          \
        {"split",                                                                        \
         NW_TEXT,                                                                        \
         offsetof(struct cifar, split),                                                  \
         "train",                                                                        \
         0,                                                                              \
         0,                                                                              \
         "train (50,000 examples) or test (10,000)",                                     \
         NULL},                                                                          \
    {                                                                                    \
        "cache", NW_TEXT, offsetof(struct cifar, cache), "", 0, 0,                       \
            "directory that `netwright data get` fills", NULL                            \
    }

static const nw_attr cifar10_attrs[] = {PLACES, {0}};

static nw_status cifar10_open(void *self, nw_ctx *ctx, nw_data_info *info)
{
    static const char *const names[] = {"airplane", "automobile", "bird", "cat",
                                        "deer",     "dog",        "frog", "horse",
                                        "ship",     "truck"};
    static const struct variety cifar10 = {"cifar10",
                                           "cifar-10-batches-bin",
                                           "cifar-10-binary.tar.gz",
                                           "`netwright data get cifar10` brings it",
                                           names,
                                           5,
                                           {"data_batch_1.bin", "data_batch_2.bin",
                                            "data_batch_3.bin", "data_batch_4.bin",
                                            "data_batch_5.bin"},
                                           {"test_batch.bin"}};
    static const nw_cifar_layout layout = {1, 0, {10, 0}};

    return open_variety(&cifar10, self, ctx, &layout, info);
}

static const nw_data_file cifar10_files[] = {
    {"cifar-10-binary.tar.gz",
     "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", 170052171},
    {0},
};

const nw_data_type nw_data_cifar10 = {
    .name = "cifar10",
    .doc = "small photos, 3x32x32, 10 classes",
    .paper = "Krizhevsky 2009, Learning multiple layers of features from tiny images",
    .attrs = cifar10_attrs,
    .size = sizeof(struct cifar),
    .open = cifar10_open,
    .url = "https://www.cs.toronto.edu/~kriz/",
    .files = cifar10_files,
};

/* ---- CIFAR-100 -------------------------------------------------------------- */

static const nw_attr cifar100_attrs[] = {
    PLACES,
    {"fine", NW_BOOL, offsetof(struct cifar, fine), "yes", 0, 0,
     "100 fine classes; no = 20 coarse ones", NULL},
    {0},
};

static nw_status cifar100_open(void *self, nw_ctx *ctx, nw_data_info *info)
{
    static const struct variety cifar100 = {"cifar100",
                                            "cifar-100-binary",
                                            "cifar-100-binary.tar.gz",
                                            "`netwright data get cifar100` brings it",
                                            NULL,
                                            1,
                                            {"train.bin"},
                                            {"test.bin"}};
    nw_cifar_layout layout = {2, ((struct cifar *)self)->fine, {20, 100}};

    return open_variety(&cifar100, self, ctx, &layout, info);
}

static const nw_data_file cifar100_files[] = {
    {"cifar-100-binary.tar.gz",
     "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec", 168513733},
    {0},
};

const nw_data_type nw_data_cifar100 = {
    .name = "cifar100",
    .doc = "small photos, 3x32x32, 100 classes in 20 groups",
    .paper = "Krizhevsky 2009, Learning multiple layers of features from tiny images",
    .attrs = cifar100_attrs,
    .size = sizeof(struct cifar),
    .open = cifar100_open,
    .url = "https://www.cs.toronto.edu/~kriz/",
    .files = cifar100_files,
};
