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
    MOST_EDGE = 8192, /* numbers that a tile at the border may read  */
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

/* What the outputs of one row and one phase of columns are sums of. */
struct strip {
    const struct job *j;
    const float *image; /* row 0 of the input, at the first channel of the block */
    float *out;         /* output 0 of the phase, at the same channel            */
    size_t out_ld;      /* between outputs                                       */
    int n;              /* outputs                                               */
    int step;           /* input columns between outputs                         */
    int lo, hi;         /* first and last column that output 0 reads             */
    int channel, skip;  /* of the block; lanes that another block has put        */
    int n_row, row[MOST_TAPS];
    int n_tap;
    int column[MOST_TAPS * MOST_TAPS]; /* of the tap, from lo                    */
    int from_row[MOST_TAPS * MOST_TAPS];
    ptrdiff_t in[MOST_TAPS * MOST_TAPS]; /* from the image, for output 0         */
    int filter[MOST_TAPS * MOST_TAPS];   /* in weights, without the channel      */
};

/* Put n columns, lanes [skip, 8) of them; the general case. */
NW_WIDE NW_INLINE void put_some(const struct strip *s, const nw_v *sum, float *out, int n,
                                int wide, int high)
{
    for (int t = 0; t < n; t++)
        for (int v = 0; v < wide; v++) {
            float *to = out + (size_t)t * s->out_ld + v * NW_LANES;
            const float *from = (const float *)&sum[v * high + t];

            for (int i = s->skip; i < NW_LANES; i++)
                to[i] = s->j->add ? to[i] + from[i] : from[i];
        }
}

/* out[t][8 v] = or += bias + the sum over taps of in[t * step + tap][8 v] * filter[tap]
 */
NW_WIDE NW_INLINE void tile_sum(const struct strip *s, const float *in, size_t step,
                                const ptrdiff_t *tap, float *out, int n, int wide,
                                int high)
{
    const float *weights = s->j->weights + s->channel;
    const float *bias = s->j->bias ? s->j->bias + s->channel : zero;
    nw_v acc[TILE];

#pragma GCC unroll 8
    for (int i = 0; i < TILE; i++)
        acc[i] = *(const nw_vu *)(bias + i / high * NW_LANES);
    for (int k = 0; k < s->n_tap; k++) {
        const float *from = in + tap[k], *w = weights + s->filter[k];
        nw_v filter[2] = {*(const nw_vu *)w, *(const nw_vu *)(w + (wide - 1) * NW_LANES)};

#pragma GCC unroll 8
        for (int t = 0; t < high; t++, from += step)
#pragma GCC unroll 2
            for (int v = 0; v < wide; v++)
                acc[v * high + t] += *(const nw_vu *)(from + v * NW_LANES) * filter[v];
    }
    if (n < high || s->skip) {
        nw_v sum[TILE];

#pragma GCC unroll 8
        for (int i = 0; i < TILE; i++)
            sum[i] = acc[i];
        put_some(s, sum, out, n, wide, high);
        return;
    }
#pragma GCC unroll 8
    for (int i = 0; i < TILE; i++) {
        nw_vu *to = (nw_vu *)(out + (size_t)(i % high) * s->out_ld + i / high * NW_LANES);

        if (s->j->add)
            acc[i] += *to;
        *to = acc[i];
    }
}

/* Columns [first, first + n) of a row, of 8 * wide channels; zeros outside. */
NW_WIDE NW_INLINE void copy_columns(const float *row, size_t c, int width, int first,
                                    int n, float *restrict out, int wide)
{
    int begin = first < 0 ? -first : 0, end = width - first < n ? width - first : n;

    begin = begin < n ? begin : n;
    end = end > begin ? end : begin;
    for (int i = 0; i < begin * wide; i++)
        *(nw_vu *)(out + i * NW_LANES) = (nw_v){0};
    for (int i = begin; i < end; i++)
        for (int v = 0; v < wide; v++)
            *(nw_vu *)(out + (i * wide + v) * NW_LANES) =
                *(const nw_vu *)(row + (size_t)(first + i) * c + v * NW_LANES);
    for (int i = end * wide; i < n * wide; i++)
        *(nw_vu *)(out + i * NW_LANES) = (nw_v){0};
}

/* A tile at the border: all that it reads is copied first. */
NW_WIDE NW_INLINE void edge_sum(const struct strip *s, int first, float *out, int n,
                                int wide, int high)
{
    size_t c = (size_t)s->j->c, line = (size_t)s->j->in_w * c;
    int span = s->hi - s->lo + 1 + (high - 1) * s->step;
    float edge[MOST_EDGE] __attribute__((aligned(32)));
    ptrdiff_t tap[MOST_TAPS * MOST_TAPS];

    for (int r = 0; r < s->n_row; r++)
        copy_columns(s->image + (size_t)s->row[r] * line, c, s->j->in_w,
                     first * s->step + s->lo, span, edge + r * span * wide * NW_LANES,
                     wide);
    for (int k = 0; k < s->n_tap; k++)
        tap[k] = (s->from_row[k] * span + s->column[k]) * wide * NW_LANES;
    tile_sum(s, edge, (size_t)(s->step * wide * NW_LANES), tap, out, n, wide, high);
}

NW_WIDE NW_INLINE void tile(const struct strip *s, int first, int wide, int high)
{
    size_t c = (size_t)s->j->c;
    int n = s->n - first < high ? s->n - first : high;
    int at = first * s->step;
    float *out = s->out + (size_t)first * s->out_ld;

    if (at + s->lo >= 0 && at + s->hi + (high - 1) * s->step < s->j->in_w)
        tile_sum(s, s->image + (size_t)at * c, (size_t)s->step * c, s->in, out, n, wide,
                 high);
    else
        edge_sum(s, first, out, n, wide, high);
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
static void run_strip(struct strip *s, const float *image, float *out)
{
    int c = s->j->c, i = 0;

    s->skip = 0;
    for (; i + 16 <= c; i += 16) {
        s->channel = i, s->image = image + i, s->out = out + i;
        strip_16(s);
    }
    for (; i < c; i += 8) {
        s->skip = i + 8 > c ? i + 8 - c : 0;
        s->channel = i - s->skip;
        s->image = image + s->channel, s->out = out + s->channel;
        strip_8(s);
    }
}

/* The taps of output row h and a phase of columns: all pairs of a row within the image
 * and a column. */
static void lay_strip(struct strip *s, const struct job *j, int h, int phase)
{
    const struct taps *rows = &j->rows[h % j->row_phases], *cols = &j->cols[phase];

    s->j = j, s->step = cols->step, s->out_ld = (size_t)(j->col_phases * j->c);
    s->n = (j->out_w - phase + j->col_phases - 1) / j->col_phases;
    s->lo = s->hi = cols->n ? cols->off[0] : 0;
    for (int k = 1; k < cols->n; k++) {
        s->lo = cols->off[k] < s->lo ? cols->off[k] : s->lo;
        s->hi = cols->off[k] > s->hi ? cols->off[k] : s->hi;
    }
    s->n_row = s->n_tap = 0;
    for (int r = 0; r < rows->n; r++) {
        int y = h / j->row_phases * rows->step + rows->off[r];

        if (y < 0 || y >= j->in_h)
            continue;
        for (int k = 0; k < cols->n; k++) {
            s->from_row[s->n_tap] = s->n_row;
            s->column[s->n_tap] = cols->off[k] - s->lo;
            s->in[s->n_tap] = ((ptrdiff_t)y * j->in_w + cols->off[k]) * j->c;
            s->filter[s->n_tap++] = (rows->at[r] * j->d->kw + cols->at[k]) * j->c;
        }
        s->row[s->n_row++] = y;
    }
}

/* Rows [begin, end) of all images' output rows. */
static void sum_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    size_t c = (size_t)j->c, line = (size_t)j->out_w * c;

    for (size_t r = begin; r < end; r++) {
        const float *image =
            j->in + r / (size_t)j->out_h * (size_t)j->in_h * (size_t)j->in_w * c;

        for (int p = 0; p < j->col_phases; p++) {
            struct strip s;

            lay_strip(&s, j, (int)(r % (size_t)j->out_h), p);
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
    int span = (TILE - 1) * d->sw + (d->kw - 1) * d->dw + 1;

    if (d->groups != d->ic || d->oc != d->ic || d->ic < NW_LANES || !nw_has_wide() ||
        d->kh > MOST_TAPS || d->kw > MOST_TAPS || d->sh > MOST_STRIDE ||
        d->sw > MOST_STRIDE || d->kh * span * 2 * NW_LANES > MOST_EDGE)
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
