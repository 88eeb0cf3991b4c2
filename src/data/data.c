/* data.c - open a data set, look at parts of it. */
#include "data.h"

#include "parallel.h"
#include "random.h"
#include "source.h"
#include "spec.h"

#include <math.h>
#include <string.h>

enum { HASH_GRAIN = 256 };

size_t nw_data_example(const nw_data *data, size_t i)
{
    return data->index ? data->index[i] : i;
}

size_t nw_data_example_size(const nw_data *data)
{
    const int *s = data->info.shape;

    return (size_t)s[0] * (size_t)s[1] * (size_t)s[2];
}

/* ---- What every reader owes ------------------------------------------------- */

static nw_status check_floats(const nw_data *data)
{
    size_t size = nw_data_example_size(data);

    for (size_t i = 0; data->info.floats && i < data->count * size; i++)
        if (!isfinite(data->info.floats[i]))
            return nw_fail(data->ctx, NW_EFORMAT, "%s: example %zu: value %zu is %g",
                           data->type->name, i / size, i % size,
                           (double)data->info.floats[i]);
    return NW_OK;
}

static nw_status check(const nw_data *data)
{
    const nw_data_info *info = &data->info;
    const char *name = data->type->name;

    if (!info->count || info->count > UINT32_MAX)
        return nw_fail(data->ctx, NW_EFORMAT, "%s: there are %zu examples, not 1 to %u",
                       name, info->count, UINT32_MAX);
    for (int i = 0; i < 3; i++)
        if (info->shape[i] < 1)
            return nw_fail(data->ctx, NW_EFORMAT, "%s: shape %dx%dx%d is empty", name,
                           info->shape[0], info->shape[1], info->shape[2]);
    for (size_t i = 0; i < info->count; i++)
        if (info->labels[i] < 0 || info->labels[i] >= info->classes)
            return nw_fail(data->ctx, NW_EFORMAT,
                           "%s: example %zu: label %d is outside 0..%d", name, i,
                           info->labels[i], info->classes - 1);
    return check_floats(data);
}

static void hash_part(void *arg, size_t begin, size_t end)
{
    nw_data *data = arg;
    const nw_data_info *info = &data->info;
    size_t n = nw_data_example_size(data);

    for (size_t i = begin; i < end; i++) {
        uint64_t h = nw_hash(NW_HASH_START, &info->labels[i], sizeof(info->labels[i]));

        data->hashes[i] = info->bytes
                              ? nw_hash(h, info->bytes + i * n, n)
                              : nw_hash(h, info->floats + i * n, n * sizeof(float));
    }
}

/* ---- Open and free ---------------------------------------------------------- */

static int has_key(const nw_data_type *type, const char *key)
{
    for (const nw_attr *a = type->attrs; a && a->key; a++)
        if (!strcmp(a->key, key))
            return 1;
    return 0;
}

/* The key cache= is for all, so that a caller need not know who has files to get. */
static nw_status open_type(nw_data *data, const char *spec)
{
    const nw_data_type *type = data->type;
    char cache[NW_TEXT_SIZE], *rest = nw_strdup(data->ctx, spec);
    void *self = nw_alloc(data->ctx, type->size ? type->size : 1);
    nw_status status = NW_ENOMEM;

    if (self && rest) {
        if (!has_key(type, "cache"))
            nw_spec_cut(spec, "cache", cache, sizeof(cache), rest);
        status = nw_spec_parse(data->ctx, (const nw_head *)type, rest, NULL, self);
        if (status >= 0)
            status = type->open(self, data->ctx, &data->info);
    }
    nw_release(data->ctx, self);
    nw_release(data->ctx, rest);
    return status;
}

static nw_status fill(nw_data *data, const char *spec)
{
    nw_set_threads(nw_threads(data->ctx));
    data->spec = nw_strdup(data->ctx, spec);
    if (!data->spec)
        return NW_ENOMEM;
    NW_TRY(open_type(data, spec));
    data->count = data->info.count;
    NW_TRY(check(data));
    data->hashes = nw_alloc(data->ctx, data->count * sizeof(*data->hashes));
    if (!data->hashes)
        return NW_ENOMEM;
    nw_parallel(data->count, HASH_GRAIN, hash_part, data);
    return NW_OK;
}

nw_data *nw_data_open(nw_ctx *ctx, const char *spec)
{
    const nw_data_type *type;
    nw_data *data;

    if (!ctx || !spec) {
        nw_fail(ctx, NW_EINVAL, "data set: the spec is missing");
        return NULL;
    }
    type = nw_spec_find(ctx, "data set", (const void *const *)nw_data_types, spec);
    data = type ? nw_alloc(ctx, sizeof(*data)) : NULL;
    if (!data)
        return NULL;
    *data = (nw_data){.ctx = ctx, .type = type, .whole = data};
    if (fill(data, spec) >= 0)
        return data;
    nw_data_free(data);
    return NULL;
}

void nw_data_info_free(nw_ctx *ctx, nw_data_info *info)
{
    nw_release(ctx, (void *)info->bytes);
    nw_release(ctx, (void *)info->floats);
    nw_release(ctx, (void *)info->labels);
    nw_release(ctx, (void *)info->class_names);
    *info = (nw_data_info){0};
}

static void free_whole(nw_data *data)
{
    nw_data_info_free(data->ctx, &data->info);
    nw_release(data->ctx, data->hashes);
    nw_release(data->ctx, data->spec);
    nw_release(data->ctx, data);
}

void nw_data_free(nw_data *data)
{
    nw_data *whole = data ? data->whole : NULL;

    if (!data)
        return;
    if (data == whole) {
        data->is_freed = 1;
    } else {
        nw_release(data->ctx, (void *)data->index);
        nw_release(data->ctx, data);
        whole->views--;
    }
    if (whole->is_freed && !whole->views)
        free_whole(whole);
}

/* ---- Views ------------------------------------------------------------------ */

/* Positions of the view's examples among those of `data`. */
static uint32_t *choose(const nw_data *data, uint64_t seed, size_t first, size_t count)
{
    uint32_t *all = nw_alloc(data->ctx, data->count * sizeof(*all));
    uint32_t *index = all ? nw_alloc(data->ctx, count * sizeof(*index)) : NULL;

    if (index) {
        for (size_t i = 0; i < data->count; i++)
            all[i] = (uint32_t)i;
        if (seed)
            nw_permutation(seed, NW_FOR_SPLIT, all, data->count);
        for (size_t i = 0; i < count; i++)
            index[i] = (uint32_t)nw_data_example(data, all[first + i]);
    }
    nw_release(data->ctx, all);
    return index;
}

nw_data *nw_data_slice(nw_data *data, uint64_t seed, size_t first, size_t count)
{
    nw_data *view;

    if (!data)
        return NULL;
    if (!count || first > data->count || count > data->count - first) {
        nw_fail(data->ctx, NW_EINVAL,
                "data slice: %zu examples from %zu on: \"%s\" has %zu", count, first,
                data->spec, data->count);
        return NULL;
    }
    view = nw_alloc(data->ctx, sizeof(*view));
    if (!view)
        return NULL;
    *view = *data;
    view->count = count;
    view->index = choose(data, seed, first, count);
    if (!view->index) {
        nw_release(data->ctx, view);
        return NULL;
    }
    data->whole->views++;
    return view;
}

size_t nw_data_count(const nw_data *data)
{
    return data ? data->count : 0;
}

void nw_data_shape(const nw_data *data, int shape[3])
{
    for (int i = 0; i < 3; i++)
        shape[i] = data ? data->info.shape[i] : 0;
}

int nw_data_classes(const nw_data *data)
{
    return data ? data->info.classes : 0;
}

uint64_t nw_data_hash(const nw_data *data)
{
    uint64_t h = NW_HASH_START;

    if (!data)
        return 0;
    h = nw_hash(h, data->info.shape, sizeof(data->info.shape));
    h = nw_hash(h, &data->info.classes, sizeof(data->info.classes));
    h = nw_hash(h, &data->info.scale, sizeof(data->info.scale));
    for (size_t i = 0; i < data->count; i++)
        h = nw_hash(h, &data->hashes[nw_data_example(data, i)], sizeof(*data->hashes));
    return h;
}
