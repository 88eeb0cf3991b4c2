/*
 * depthwise.c - convolution with one filter a channel, any kernel, stride and dilation.
 *
 * Forward and backward-data are one loop: an output column is a sum over *taps*, pairs of
 * an input column and a filter column, and neighbouring outputs read neighbouring
 * inputs. Forward has one list of taps. Backward-data has one for every phase of the
 * stride, as only some filter columns meet a given input column. The same holds for rows.
 *
 * A tile is 8 vectors of output in registers: 8 columns of 8 channels, or 4 of 16. Tiles
 * whose taps leave the image read a copy of their few columns with zeros around.
 */
#include "conv.h"

#include "parallel.h"
#include "simd.h"

#ifdef NW_DOUBLE

int NW_R(nw_conv_depthwise)(const nw_conv_dims *d, nw_conv_pass pass, nw_conv_way *way)
{
    (void)d, (void)pass, (void)way;
    return 0; /* the portable loops are the reference */
}

#else

enum {
    TILE = 8,       /* vectors of output in registers              */
    MOST_TAPS = 15, /* of a side of the kernel                     */
    MOST_STRIDE = 8,
    MOST_SPAN = 64, /* columns that a tile at the border may read  */
};

/* What one axis reads: tap t of output o is input o * step + off[t], filter row at[t]. */
struct taps {
    int n, step;
    int off[MOST_TAPS], at[MOST_TAPS];
};

static const float zero[2 * NW_LANES];

/* One pass, seen as a sum over taps. */
struct job {
    const nw_conv_dims *d;
    int c;
    int in_h, in_w, out_h, out_w; /* of the tensor that is read, and written */
    int row_phases, col_phases;
    struct taps rows[MOST_STRIDE], cols[MOST_STRIDE]; /* of a phase */
    const float *in, *bias;
    float *weights; /* (kh, kw, c) */
    float *out;
    int add;
};

/* ---- Lists of taps ----------------------------------------------------------- */

static void forward_taps(struct taps *t, int k, int stride, int pad, int dil)
{
    *t = (struct taps){.n = k, .step = stride};
    for (int i = 0; i < k; i++)
        t->off[i] = i * dil - pad, t->at[i] = i;
}

/* Inputs phase, phase + stride, ...: filter row i meets output (x + pad - i dil) / stride
 * where that is whole. */
static void back_taps(struct taps *t, int k, int stride, int pad, int dil, int phase)
{
    *t = (struct taps){.step = 1};
    for (int i = 0; i < k; i++) {
        int v = phase + pad - i * dil;

        if ((v % stride + stride) % stride == 0)
            t->off[t->n] = v >= 0 ? v / stride : -(-v / stride), t->at[t->n++] = i;
    }
}

/* ---- Tiles --------------------------------------------------------------------- */

/* acc[t][v] += sum over taps of in[(t step + off) ld + 8 v] filter[at][8 v] */
NW_WIDE NW_INLINE void tile_row(const struct taps *taps, const float *in, size_t ld,
                                const float *filter, size_t c, nw_v *restrict sum,
                                int wide, int high)
{
    nw_v acc[TILE];
    size_t step = (size_t)taps->step * ld;

#pragma GCC unroll 8
    for (int i = 0; i < TILE; i++)
        acc[i] = sum[i];
    for (int tap = 0; tap < taps->n; tap++) {
        const float *from = in + (ptrdiff_t)ld * taps->off[tap];
        const float *w = filter + c * (size_t)taps->at[tap];

#pragma GCC unroll 2
        for (int v = 0; v < wide; v++) {
            nw_v f = *(const nw_vu *)(w + v * NW_LANES);

#pragma GCC unroll 8
            for (int t = 0; t < high; t++)
                acc[v * high + t] +=
                    *(const nw_vu *)(from + (size_t)t * step + v * NW_LANES) * f;
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < TILE; i++)
        sum[i] = acc[i];
}

/* Columns [first, first + n) of a row, of 8 * wide channels; zeros outside. */
NW_WIDE NW_INLINE void copy_columns(const float *row, size_t c, int width, int first,
                                    int n, float *out, int wide)
{
    for (int i = 0; i < n; i++)
        for (int v = 0; v < wide; v++) {
            int x = first + i;
            nw_v value = {0};

            if (x >= 0 && x < width)
                value = *(const nw_vu *)(row + (size_t)x * c + v * NW_LANES);
            *(nw_vu *)(out + (i * wide + v) * NW_LANES) = value;
        }
}

/* Put lanes [skip, 8) of `n` columns. */
NW_WIDE NW_INLINE void put(const nw_v *sum, float *out, size_t ld, int n, int wide,
                           int high, int skip, int add)
{
    for (int t = 0; t < n; t++)
        for (int v = 0; v < wide; v++) {
            float *to = out + (size_t)t * ld + v * NW_LANES;
            const float *from = (const float *)&sum[v * high + t];

            for (int i = skip; skip && i < NW_LANES; i++)
                to[i] = add ? to[i] + from[i] : from[i];
            if (!skip && add)
                *(nw_vu *)to += sum[v * high + t];
            else if (!skip)
                *(nw_vu *)to = sum[v * high + t];
        }
}

/* What a run of tiles along one output row needs. */
struct strip {
    const struct job *j;
    const struct taps *cols;
    const float *in; /* row 0 of the image, at the first channel of the block */
    float *out;      /* output 0 of the phase, at the same channel            */
    size_t out_ld;   /* between outputs                                       */
    int n;           /* outputs                                               */
    int channel, skip;
    int n_row, row[MOST_TAPS], row_at[MOST_TAPS]; /* input rows within the image */
};

NW_WIDE NW_INLINE void tile(const struct strip *s, int first, int wide, int high)
{
    const struct job *j = s->j;
    size_t c = (size_t)j->c, line = (size_t)j->in_w * c;
    const struct taps *cols = s->cols;
    int left = s->n - first, n = left < high ? left : high;
    int lo = first * cols->step + (cols->n ? cols->off[0] : 0), hi = lo;
    nw_v sum[TILE];
    float edge[MOST_SPAN * 16] __attribute__((aligned(32)));

    for (int t = 0; t < cols->n; t++) {
        int from = first * cols->step + cols->off[t];

        lo = from < lo ? from : lo, hi = from > hi ? from : hi;
    }
    hi += (high - 1) * cols->step;
    for (int v = 0; v < wide; v++)
        for (int t = 0; t < high; t++)
            sum[v * high + t] =
                *(const nw_vu *)(j->bias ? j->bias + s->channel + v * NW_LANES : zero);
    for (int r = 0; r < s->n_row && cols->n; r++) {
        const float *row = s->in + (size_t)s->row[r] * line;
        const float *filter =
            j->weights + (size_t)(s->row_at[r] * j->d->kw) * c + s->channel;

        if (lo >= 0 && hi < j->in_w) {
            tile_row(cols, row + (ptrdiff_t)c * first * cols->step, c, filter, c, sum,
                     wide, high);
        } else {
            copy_columns(row, c, j->in_w, lo, hi - lo + 1, edge, wide);
            tile_row(cols, edge + (first * cols->step - lo) * wide * NW_LANES,
                     (size_t)(wide * NW_LANES), filter, c, sum, wide, high);
        }
    }
    put(sum, s->out + (size_t)first * s->out_ld, s->out_ld, n, wide, high, s->skip,
        j->add);
}

NW_WIDE static void strip_16(const struct strip *s)
{
    for (int i = 0; i < s->n; i += 4)
        tile(s, i, 2, 4);
}

NW_WIDE static void strip_8(const struct strip *s)
{
    for (int i = 0; i < s->n; i += 8)
        tile(s, i, 1, 8);
}

/* All channels: blocks of 16, one of 8, and one that ends at the last channel and puts
 * only what the others left. */
static void run_strip(struct strip *s, const float *in, float *out)
{
    int c = s->j->c, i = 0;

    for (; i + 16 <= c; i += 16) {
        s->channel = i, s->in = in + i, s->out = out + i;
        strip_16(s);
    }
    for (; i < c; i += 8) {
        s->skip = i + 8 > c ? i + 8 - c : 0;
        s->channel = i - s->skip, s->in = in + s->channel, s->out = out + s->channel;
        strip_8(s);
    }
    s->skip = 0;
}

/* Rows [begin, end) of all images' output rows. */
static void sum_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    size_t c = (size_t)j->c, line = (size_t)j->out_w * c;

    for (size_t r = begin; r < end; r++) {
        int h = (int)(r % (size_t)j->out_h), phase = h % j->row_phases;
        const struct taps *rows = &j->rows[phase];
        const float *image =
            j->in + r / (size_t)j->out_h * (size_t)j->in_h * (size_t)j->in_w * c;
        struct strip s = {.j = j, .out_ld = (size_t)j->col_phases * c};

        for (int t = 0; t < rows->n; t++) {
            int y = h / j->row_phases * rows->step + rows->off[t];

            if (y >= 0 && y < j->in_h)
                s.row[s.n_row] = y, s.row_at[s.n_row++] = rows->at[t];
        }
        for (int p = 0; p < j->col_phases; p++) {
            s.cols = &j->cols[p];
            s.n = (j->out_w - p + j->col_phases - 1) / j->col_phases;
            if (s.n > 0)
                run_strip(&s, image, j->out + r * line + (size_t)p * c);
        }
    }
}

/* (c, 1, kh, kw) to (kh, kw, c) */
static void turn_weights(const nw_conv_dims *d, const float *w, float *out)
{
    int k = d->kh * d->kw;

    for (int c = 0; c < d->ic; c++)
        for (int i = 0; i < k; i++)
            out[i * d->ic + c] = w[c * k + i];
}

static void run_sum(struct job *j, size_t rows)
{
    size_t work = (size_t)j->out_w * (size_t)j->c;

    nw_parallel(rows, work < 16384 ? 16384 / work + 1 : 1, sum_part, j);
}

static void depthwise_forward(const nw_conv_dims *d, void *self, const nw_conv_args *a)
{
    struct job j = {.d = d,
                    .c = d->ic,
                    .in_h = d->ih,
                    .in_w = d->iw,
                    .out_h = d->oh,
                    .out_w = d->ow,
                    .row_phases = 1,
                    .col_phases = 1,
                    .in = a->x,
                    .bias = a->bias,
                    .weights = a->scratch,
                    .out = a->y};

    (void)self;
    forward_taps(&j.rows[0], d->kh, d->sh, d->ph, d->dh);
    forward_taps(&j.cols[0], d->kw, d->sw, d->pw, d->dw);
    turn_weights(d, a->w, j.weights);
    run_sum(&j, (size_t)d->n * (size_t)d->oh);
}

static void depthwise_back_data(const nw_conv_dims *d, void *self, const nw_conv_args *a)
{
    struct job j = {.d = d,
                    .c = d->ic,
                    .in_h = d->oh,
                    .in_w = d->ow,
                    .out_h = d->ih,
                    .out_w = d->iw,
                    .row_phases = d->sh,
                    .col_phases = d->sw,
                    .in = a->dy,
                    .weights = a->scratch,
                    .out = a->dx,
                    .add = a->add};

    (void)self;
    for (int p = 0; p < d->sh; p++)
        back_taps(&j.rows[p], d->kh, d->sh, d->ph, d->dh, p);
    for (int p = 0; p < d->sw; p++)
        back_taps(&j.cols[p], d->kw, d->sw, d->pw, d->dw, p);
    turn_weights(d, a->w, j.weights);
    run_sum(&j, (size_t)d->n * (size_t)d->ih);
}

/* ---- Which shapes ------------------------------------------------------------------ */

int NW_R(nw_conv_depthwise)(const nw_conv_dims *d, nw_conv_pass pass, nw_conv_way *way)
{
    size_t filter = (size_t)(d->kh * d->kw * d->ic) * sizeof(float);

    if (d->groups != d->ic || d->oc != d->ic || d->ic < NW_LANES || !nw_has_wide() ||
        d->kh > MOST_TAPS || d->kw > MOST_TAPS || d->sh > MOST_STRIDE ||
        d->sw > MOST_STRIDE || (TILE - 1) * d->sw + (d->kw - 1) * d->dw + 1 > MOST_SPAN)
        return 0;
    *way = (nw_conv_way){.name = "depthwise", .scratch = filter};
    if (pass == NW_CONV_FORWARD) {
        way->run = depthwise_forward;
    } else if (pass == NW_CONV_BACK_DATA) {
        way->run = depthwise_back_data;
    } else {
        way->run = NW_R(nw_depthwise_weights);
        way->scratch = NW_R(nw_depthwise_weights_scratch)(d);
    }
    return 1;
}

#endif
