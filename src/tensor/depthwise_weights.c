/*
 * depthwise_weights.c - gradient of the filters of a depthwise convolution.
 *
 * A row of dy meets, for each row of the filter, one row of x. The sums of a filter row
 * stay in registers along the row: k vectors of 8 channels, or 2 k of 16. Every part of
 * the batch has sums of its own, which are combined in order.
 */
#include "conv.h"

#include "columns.h"
#include "parallel.h"
#include "simd.h"

#include <string.h>

#ifndef NW_DOUBLE

static const float zero[2 * NW_LANES];

struct sums {
    const nw_conv_dims *d;
    int c;
    const float *x, *dy;
    float *part; /* (parts, kh, kw, c) */
    size_t parts;
};

/* A channel block of one row of dy and one of x, and where its sums are. */
struct pair {
    const struct sums *j;
    const float *dy, *x;
    float *sum; /* of filter column 0 */
    int lo, hi; /* columns of dy whose taps are all inside the image */
    int skip;   /* lanes that another block has done */
};

NW_WIDE NW_INLINE void pair_columns(const struct pair *p, nw_v *restrict acc, int first,
                                    int k, int wide, int begin, int end, int inside)
{
    const nw_conv_dims *d = p->j->d;
    ptrdiff_t c = p->j->c;

    for (int o = begin; o < end; o++) {
        int at = o * d->sw - d->pw + first * d->dw;
        const float *g = p->dy + c * o;

#pragma GCC unroll 7
        for (int i = 0; i < k; i++, at += d->dw) {
            const float *x = inside || (at >= 0 && at < d->iw) ? p->x + c * at : zero;

#pragma GCC unroll 2
            for (int v = 0; v < wide; v++)
                acc[i * wide + v] += *(const nw_vu *)(x + v * NW_LANES) *
                                     *(const nw_vu *)(g + v * NW_LANES);
        }
    }
}

/* Filter columns [first, first + k), summed in registers along the row. */
NW_WIDE NW_INLINE void pair_sum(const struct pair *p, int first, int k, int wide)
{
    ptrdiff_t c = p->j->c;
    float *sum = p->sum + c * first;
    nw_v acc[14];

#pragma GCC unroll 14
    for (int i = 0; i < k * wide; i++)
        acc[i] = *(nw_vu *)(sum + c * (i / wide) + i % wide * NW_LANES);
    pair_columns(p, acc, first, k, wide, 0, p->lo, 0);
    pair_columns(p, acc, first, k, wide, p->lo, p->hi, 1);
    pair_columns(p, acc, first, k, wide, p->hi, p->j->d->ow, 0);
#pragma GCC unroll 14
    for (int i = 0; i < k * wide; i++) {
        float *to = sum + c * (i / wide) + i % wide * NW_LANES;
        const float *from = (const float *)&acc[i];

        if (!p->skip)
            *(nw_vu *)to = acc[i];
        for (int l = p->skip; p->skip && l < NW_LANES; l++)
            to[l] = from[l];
    }
}

NW_WIDE static void pair_16(const struct pair *p)
{
    int k = p->j->d->kw;

    if (k == 3)
        pair_sum(p, 0, 3, 2);
    else if (k == 5)
        pair_sum(p, 0, 5, 2);
    else if (k == 7)
        pair_sum(p, 0, 7, 2);
    else
        for (int i = 0; i < k; i++)
            pair_sum(p, i, 1, 2);
}

NW_WIDE static void pair_8(const struct pair *p)
{
    int k = p->j->d->kw;

    if (k == 3)
        pair_sum(p, 0, 3, 1);
    else if (k == 5)
        pair_sum(p, 0, 5, 1);
    else if (k == 7)
        pair_sum(p, 0, 7, 1);
    else
        for (int i = 0; i < k; i++)
            pair_sum(p, i, 1, 1);
}

static int clamp(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* All channels of a row of dy and a row of x. */
static void pair_rows(const struct sums *j, const float *dy, const float *x, float *sum)
{
    const nw_conv_dims *d = j->d;
    int first_out = d->iw + d->pw - (d->kw - 1) * d->dw; /* o * sw below this is inside */
    struct pair p = {.j = j};
    int i = 0;

    p.lo = clamp((d->pw + d->sw - 1) / d->sw, 0, d->ow);
    p.hi = clamp(first_out > 0 ? (first_out - 1) / d->sw + 1 : 0, p.lo, d->ow);
    for (; i + 16 <= j->c; i += 16) {
        p.dy = dy + i, p.x = x + i, p.sum = sum + i;
        pair_16(&p);
    }
    for (; i < j->c; i += 8) {
        p.skip = i + 8 > j->c ? i + 8 - j->c : 0;
        p.dy = dy + i - p.skip, p.x = x + i - p.skip, p.sum = sum + i - p.skip;
        pair_8(&p);
    }
}

static void weight_part(void *arg, size_t begin, size_t end)
{
    const struct sums *j = arg;
    const nw_conv_dims *d = j->d;
    size_t c = (size_t)j->c, oh = (size_t)d->oh, rows = (size_t)d->n * oh;
    size_t filter = (size_t)(d->kh * d->kw) * c;

    for (size_t p = begin; p < end; p++) {
        float *sum = j->part + p * filter;

        memset(sum, 0, filter * sizeof(float));
        for (size_t r = nw_part_start(rows, j->parts, p);
             r < nw_part_start(rows, j->parts, p + 1); r++)
            for (int a = 0; a < d->kh; a++) {
                int h = (int)(r % oh) * d->sh - d->ph + a * d->dh;
                size_t row = r / oh * (size_t)d->ih + (size_t)(h > 0 ? h : 0);

                if (h >= 0 && h < d->ih)
                    pair_rows(j, j->dy + r * (size_t)d->ow * c,
                              j->x + row * (size_t)d->iw * c,
                              sum + (size_t)(a * d->kw) * c);
            }
    }
}

static size_t weight_parts(const nw_conv_dims *d)
{
    return nw_parts((size_t)d->n * (size_t)d->oh, (size_t)(d->ow * d->ic));
}

size_t NW_R(nw_depthwise_weights_scratch)(const nw_conv_dims *d)
{
    size_t rows = (size_t)d->n * (size_t)d->oh * (size_t)d->ow;
    size_t filter = (size_t)(d->kh * d->kw * d->ic) * sizeof(float);
    size_t bias = NW_R(nw_column_scratch)(rows, (size_t)d->oc);

    return weight_parts(d) * filter > bias ? weight_parts(d) * filter : bias;
}

void NW_R(nw_depthwise_weights)(const nw_conv_dims *d, void *self, const nw_conv_args *a)
{
    struct sums j = {.d = d, .c = d->ic, .x = a->x, .dy = a->dy, .part = a->scratch};
    int k = d->kh * d->kw;
    size_t rows = (size_t)d->n * (size_t)d->oh * (size_t)d->ow;

    (void)self;
    j.parts = weight_parts(d);
    if (a->dw)
        nw_parallel(j.parts, 1, weight_part, &j);
    for (int c = 0; c < d->ic && a->dw; c++)
        for (int i = 0; i < k; i++) {
            double sum = 0;

            for (size_t p = 0; p < j.parts; p++)
                sum +=
                    (double)j.part[(p * (size_t)k + (size_t)i) * (size_t)j.c + (size_t)c];
            a->dw[c * k + i] += (float)sum;
        }
    if (a->db)
        NW_R(nw_column_sum)(rows, (size_t)d->oc, a->dy, a->db, a->scratch);
}

#endif
