/* augment.c - what a spec says of an example's way into a batch; means and deviations. */
#include "data.h"

#include "parallel.h"
#include "spec.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { GRAIN = 256 };

/* ---- Moments ---------------------------------------------------------------- */

/* Sums of one part of the examples, per channel: of v - centre and of its square. */
struct sums {
    const nw_data *data;
    const double *centre;
    double *sum, *square; /* (parts, channels) */
};

/* 64 bits hold the squares of 2^48 bytes exactly. */
static void add_bytes(const uint8_t *v, size_t n, double centre, double *sum,
                      double *square)
{
    uint64_t s = 0, q = 0;
    double ds, dn = (double)n;

    for (size_t i = 0; i < n; i++) {
        s += v[i];
        q += (uint64_t)v[i] * v[i];
    }
    ds = (double)s;
    *sum += ds - dn * centre;
    *square += (double)q - 2 * centre * ds + dn * centre * centre;
}

static void add_floats(const float *v, size_t n, double centre, double *sum,
                       double *square)
{
    for (size_t i = 0; i < n; i++) {
        double d = (double)v[i] - centre;

        *sum += d;
        *square += d * d;
    }
}

static void sum_part(void *arg, size_t begin, size_t end)
{
    const struct sums *s = arg;
    const nw_data_info *info = &s->data->info;
    size_t channels = (size_t)info->shape[0];
    size_t plane = (size_t)info->shape[1] * (size_t)info->shape[2];
    size_t row = begin / GRAIN * channels;

    for (size_t i = begin; i < end; i++)
        for (size_t c = 0; c < channels; c++) {
            size_t at = (nw_data_example(s->data, i) * channels + c) * plane;

            if (info->bytes)
                add_bytes(info->bytes + at, plane, s->centre[c], &s->sum[row + c],
                          &s->square[row + c]);
            else
                add_floats(info->floats + at, plane, s->centre[c], &s->sum[row + c],
                           &s->square[row + c]);
        }
}

/* One round over the view: moves `mean` to the mean and sets the deviation about it. */
static void measure(struct sums *s, size_t parts, double *mean, double *sd)
{
    const int *shape = s->data->info.shape;
    size_t channels = (size_t)shape[0];
    double n = (double)s->data->count * shape[1] * shape[2];

    memset(s->sum, 0, 2 * parts * channels * sizeof(*s->sum));
    s->centre = mean;
    nw_parallel(s->data->count, GRAIN, sum_part, s);
    for (size_t c = 0; c < channels; c++) {
        double sum = 0, square = 0, variance;

        for (size_t p = 0; p < parts; p++) {
            sum += s->sum[p * channels + c];
            square += s->square[p * channels + c];
        }
        variance = square / n - sum / n * (sum / n);
        mean[c] += sum / n;
        sd[c] = variance > 0 ? sqrt(variance) : 0;
    }
}

nw_status nw_data_moments(nw_ctx *ctx, const nw_data *data, double *mean, double *sd)
{
    size_t channels = (size_t)data->info.shape[0];
    size_t parts = (data->count + GRAIN - 1) / GRAIN;
    double scale = data->info.bytes ? data->info.scale : 1;
    struct sums s = {.data = data};

    s.sum = nw_alloc(ctx, 2 * parts * channels * sizeof(*s.sum));
    if (!s.sum)
        return NW_ENOMEM;
    s.square = s.sum + parts * channels;
    memset(mean, 0, channels * sizeof(*mean));
    measure(&s, parts, mean, sd);
    measure(&s, parts, mean, sd); /* about the mean now, where squares are small */
    for (size_t c = 0; c < channels; c++) {
        mean[c] *= scale;
        sd[c] *= fabs(scale);
    }
    nw_release(ctx, s.sum);
    return NW_OK;
}

/* ---- Spec ------------------------------------------------------------------- */

struct keys {
    int crop, flip, cutout;
    char normalise[NW_TEXT_SIZE], mean[NW_TEXT_SIZE], sd[NW_TEXT_SIZE];
};

static const nw_attr attrs[] = {
    {"crop", NW_INT, offsetof(struct keys, crop), "0", 0, 1024,
     "pixels of zero padding around a random crop", NULL},
    {"flip", NW_BOOL, offsetof(struct keys, flip), "no", 0, 0,
     "mirror left-right half of the time", NULL},
    {"cutout", NW_INT, offsetof(struct keys, cutout), "0", 0, 1024,
     "side of a square of zeros, pixels", NULL},
    {"normalise", NW_TEXT, offsetof(struct keys, normalise), "auto", 0, 0,
     "auto (mean 0, deviation 1 by the training set) or none", NULL},
    {"mean", NW_TEXT, offsetof(struct keys, mean), "", 0, 0,
     "of each channel, with commas; instead of auto", NULL},
    {"std", NW_TEXT, offsetof(struct keys, sd), "", 0, 0, "of each channel, with commas",
     NULL},
    {0},
};

static const nw_head augment_head = {.name = "augment",
                                     .doc = "what happens to an example",
                                     .attrs = attrs,
                                     .size = sizeof(struct keys)};

/* "flip" alone is "flip=1"; the parser wants a name in front. */
static void complete(nw_text *out, const char *spec)
{
    nw_text_printf(out, "augment");
    while (*(spec += strspn(spec, " \t\n"))) {
        size_t n = strcspn(spec, " \t\n");

        nw_text_printf(out, " %.*s%s", (int)n, spec, memchr(spec, '=', n) ? "" : "=1");
        spec += n;
    }
}

static nw_status parse_list(nw_ctx *ctx, const char *key, const char *text, int n,
                            double *out)
{
    const char *p = text;
    char *end;
    int i = 0;

    for (; i < n; i++, p = end + (*end == ',')) {
        out[i] = strtod(p, &end);
        if (end == p || (*end && *end != ',') || !isfinite(out[i]))
            break;
        if (!*end && i + 1 < n)
            return nw_fail(ctx, NW_ESPEC, "augment: %s=%s: %d numbers for %d channels",
                           key, text, i + 1, n);
    }
    if (i == n && !*p)
        return NW_OK;
    return nw_fail(ctx, NW_ESPEC, "augment: %s=%s is not %d number%s with commas", key,
                   text, n, n > 1 ? "s" : "");
}

static nw_status set_moments(nw_ctx *ctx, const struct keys *k, const nw_data *data,
                             double *mean, double *sd)
{
    int n = data->info.shape[0];

    if (k->mean[0] || k->sd[0]) {
        for (int c = 0; c < n; c++)
            sd[c] = 1;
        if (k->mean[0])
            NW_TRY(parse_list(ctx, "mean", k->mean, n, mean));
        if (k->sd[0])
            NW_TRY(parse_list(ctx, "std", k->sd, n, sd));
        for (int c = 0; c < n; c++)
            if (!(sd[c] > 0))
                return nw_fail(ctx, NW_ESPEC, "augment: std=%s: %g is not above 0", k->sd,
                               sd[c]);
        return NW_OK;
    }
    NW_TRY(nw_data_moments(ctx, data, mean, sd));
    for (int c = 0; c < n; c++)
        sd[c] = sd[c] > 0 ? sd[c] : 1;
    return NW_OK;
}

static nw_status fill(nw_ctx *ctx, const struct keys *k, const nw_data *data,
                      nw_augment *out)
{
    int n = data->info.shape[0];
    double *moment;

    *out = (nw_augment){.crop = k->crop, .flip = k->flip, .cutout = k->cutout};
    if (strcmp(k->normalise, "auto") && strcmp(k->normalise, "none"))
        return nw_fail(ctx, NW_ESPEC, "augment: normalise=%s is not auto or none",
                       k->normalise);
    if (!strcmp(k->normalise, "none") && !k->mean[0] && !k->sd[0])
        return NW_OK;
    moment = nw_alloc(ctx, 2 * (size_t)n * sizeof(*moment));
    if (!moment)
        return NW_ENOMEM;
    out->n_channel = n;
    out->mean = moment;
    out->sd = moment + n;
    return set_moments(ctx, k, data, moment, moment + n);
}

nw_status nw_augment_parse(nw_ctx *ctx, const char *spec, const nw_data *data,
                           nw_augment *out)
{
    struct keys keys = {0};
    nw_status status = NW_ENOMEM;
    nw_text text;

    *out = (nw_augment){0};
    if (!data)
        return nw_pending(ctx);
    nw_text_init(&text, ctx);
    complete(&text, spec ? spec : "");
    if (!text.failed)
        status = nw_spec_parse(ctx, &augment_head, text.data, NULL, &keys);
    nw_text_free(&text);
    if (status >= 0)
        status = fill(ctx, &keys, data, out);
    if (status < 0)
        nw_augment_free(ctx, out);
    return status;
}

void nw_augment_free(nw_ctx *ctx, nw_augment *augment)
{
    nw_release(ctx, (void *)augment->mean);
    *augment = (nw_augment){0};
}
