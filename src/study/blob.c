/* blob.c - the fields of an extension as bytes: size, then content, field by field. */
#include "study.h"

#include <string.h>

enum { PREFIX = sizeof(uint64_t) };

void nw_blob_free(nw_blob *blob)
{
    nw_release(blob->ctx, blob->data);
    *blob = (nw_blob){.ctx = blob->ctx};
}

static nw_status reserve(nw_blob *blob, size_t n)
{
    size_t room = blob->room ? blob->room : 256;
    void *data;

    if (n > SIZE_MAX / 2 - blob->size)
        return nw_fail(blob->ctx, NW_ENOMEM, "out of memory: %zu bytes of state", n);
    while (room < blob->size + n)
        room *= 2;
    if (room == blob->room)
        return NW_OK;
    data = nw_resize(blob->ctx, blob->data, blob->size, room);
    if (!data)
        return NW_ENOMEM;
    blob->data = data;
    blob->room = room;
    return NW_OK;
}

static nw_status write_bytes(nw_state *state, void *data, size_t size)
{
    nw_blob *blob = state->self;
    uint64_t prefix = size;

    if (size > SIZE_MAX / 2 - PREFIX)
        return nw_fail(blob->ctx, NW_ENOMEM, "out of memory: %zu bytes of state", size);
    NW_TRY(reserve(blob, PREFIX + size));
    memcpy(blob->data + blob->size, &prefix, PREFIX);
    if (size)
        memcpy(blob->data + blob->size + PREFIX, data, size);
    blob->size += PREFIX + size;
    return NW_OK;
}

static nw_status read_bytes(nw_state *state, void *data, size_t size)
{
    nw_blob *blob = state->self;
    uint64_t prefix;

    if (blob->size - blob->at < PREFIX)
        return nw_fail(blob->ctx, NW_EFORMAT,
                       "stored state: ends at byte %zu, where %zu more are wanted",
                       blob->size, size);
    memcpy(&prefix, blob->data + blob->at, PREFIX);
    if (prefix != size || blob->size - blob->at - PREFIX < size)
        return nw_fail(blob->ctx, NW_EFORMAT,
                       "stored state: a field of %llu bytes, where one of %zu is wanted "
                       "(byte %zu)",
                       (unsigned long long)prefix, size, blob->at);
    if (size)
        memcpy(data, blob->data + blob->at + PREFIX, size);
    blob->at += PREFIX + size;
    return NW_OK;
}

nw_state nw_blob_writer(nw_blob *blob)
{
    return (nw_state){.self = blob, .reading = 0, .bytes = write_bytes};
}

nw_state nw_blob_reader(nw_blob *blob)
{
    blob->at = 0;
    return (nw_state){.self = blob, .reading = 1, .bytes = read_bytes};
}
