/*
 * planted.c - images of noise with one of four 3x3 patterns planted somewhere.
 *
 * The class is the pattern: a bar across, a bar down, or one of the two diagonals, each
 * of sum zero, so that neither the mean nor the place gives it away. A network learns it
 * only through a 3x3 convolution; a search on it must prefer those to noise.
 */
#include "random.h"
#include "source.h"

#include <stddef.h>

struct planted {
    int n, size, classes, seed;
    double signal, noise;
};

static const nw_attr attrs[] = {
    {"n", NW_INT, offsetof(struct planted, n), "1000", 1, 1e7, "examples", NULL},
    {"size", NW_INT, offsetof(struct planted, size), "16", 3, 1024,
     "height and width, pixels", NULL},
    {"classes", NW_INT, offsetof(struct planted, classes), "4", 2, 4, "patterns in use",
     NULL},
    {"signal", NW_REAL, offsetof(struct planted, signal), "2", 0, 1e6,
     "height of the pattern", NULL},
    {"noise", NW_REAL, offsetof(struct planted, noise), "1", 0, 1e6,
     "standard deviation of every pixel", NULL},
    {"seed", NW_INT, offsetof(struct planted, seed), "1", 0, 0,
     "of noise, places and labels", NULL},
    {0},
};

static const float patterns[4][3][3] = {
    {{-.5f, -.5f, -.5f}, {1, 1, 1}, {-.5f, -.5f, -.5f}},
    {{-.5f, 1, -.5f}, {-.5f, 1, -.5f}, {-.5f, 1, -.5f}},
    {{1, -.5f, -.5f}, {-.5f, 1, -.5f}, {-.5f, -.5f, 1}},
    {{-.5f, -.5f, 1}, {-.5f, 1, -.5f}, {1, -.5f, -.5f}},
};

static void plant(const struct planted *o, uint64_t example, float *image, int32_t *label)
{
    uint64_t seed = nw_subseed((uint64_t)o->seed, NW_FOR_TEST, example);
    size_t side = (size_t)o->size, room = side - 2;
    size_t top = nw_below(seed, NW_FOR_TEST, 0, room);
    size_t left = nw_below(seed, NW_FOR_TEST, 1, room);

    *label = (int32_t)(example % (uint64_t)o->classes);
    for (size_t i = 0; i < side * side; i++)
        image[i] = (float)(o->noise * nw_normal(seed, NW_FOR_NOISE, i));
    for (size_t y = 0; y < 3; y++)
        for (size_t x = 0; x < 3; x++)
            image[(top + y) * side + left + x] +=
                (float)o->signal * patterns[*label][y][x];
}

static nw_status planted_open(void *self, nw_ctx *ctx, nw_data_info *info)
{
    const struct planted *o = self;
    size_t size = (size_t)o->size * (size_t)o->size;
    float *floats = nw_map(ctx, (size_t)o->n * size * sizeof(*floats));
    int32_t *labels = nw_alloc(ctx, (size_t)o->n * sizeof(*labels));

    *info = (nw_data_info){.shape = {1, o->size, o->size},
                           .classes = o->classes,
                           .count = (size_t)o->n,
                           .floats = floats,
                           .scale = 1,
                           .labels = labels};
    if (!floats || !labels)
        return NW_ENOMEM;
    for (size_t i = 0; i < info->count; i++)
        plant(o, i, floats + i * size, &labels[i]);
    return NW_OK;
}

const nw_data_type nw_data_planted = {
    .name = "planted",
    .doc = "noise with a 3x3 pattern that is the class: a task to test searches on",
    .attrs = attrs,
    .size = sizeof(struct planted),
    .open = planted_open,
};
