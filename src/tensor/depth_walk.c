/* depth_walk.c - tiles of 4 pixels by 16 channels in registers, row by row. */
#include "depth_walk.h"

#ifndef NW_DOUBLE

#include "image.h"
#include "lanes.h"

#include <string.h>

enum { MOST_K = NW_DEPTH_MOST_K, SLACK = 16, LINES = 8 };

static size_t align(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

int nw_depth_fits(const nw_stage *s)
{
    return nw_has_wide() && s->c >= 8 && s->k % 2 && s->k <= MOST_K && s->stride <= 2 &&
           s->pad <= (s->k - 1) * s->dil && (size_t)s->iw * (size_t)s->c <= 1 << 18;
}

/* A ring holds what a band needs, and behind it what the next one still does. */
void nw_depth_lay_out(nw_depth *d, const nw_stage *s, int rows)
{
    const int bands = (s->oh + rows - 1) / rows;
    int band;

    *d = (nw_depth){.s = s, .cp = (s->c + NW_LANES - 1) / NW_LANES * NW_LANES};
    d->reach = (s->k - 1) * s->dil;
    d->off = d->reach - s->pad;
    d->rows = (s->oh + bands - 1) / bands;
    band = d->rows * s->stride + d->reach;
    d->act_h = most((s->oh - 1) * s->stride + d->reach + 1, s->ih + s->pad);
    d->act_whole = d->act_h <= band;
    d->act_h = least(d->act_h, band);
    d->act_w = most((s->ow - 1) * s->stride + d->reach + 1, s->iw + s->pad);
    d->spread_whole = s->ih + d->reach <= band;
    d->spread_h = least(s->ih + d->reach, band);
    d->spread_w = s->iw + d->reach;
    d->act = align((size_t)(d->act_h * d->act_w + SLACK) * (size_t)d->cp);
    d->spread = align((size_t)(d->spread_h * d->spread_w + SLACK) * (size_t)d->cp);
    d->line = align((size_t)(s->iw + SLACK) * (size_t)d->cp);
    d->filter = align((size_t)(s->k * s->k * d->cp));
}

/* ---- Filters ------------------------------------------------------------------------
 */

void nw_depth_pack(const nw_depth *d, const float *w, int turned, float *packed)
{
    const int taps = d->s->k * d->s->k;

    memset(packed, 0, d->filter * sizeof(float));
    for (int c = 0; c < d->s->c; c++)
        for (int t = 0; t < taps; t++)
            packed[(turned ? taps - 1 - t : t) * d->cp + c] = w[c * taps + t];
}

void nw_depth_add(const nw_depth *d, const float *sum, float *dw)
{
    const int taps = d->s->k * d->s->k;

    for (int c = 0; c < d->s->c; c++)
        for (int t = 0; t < taps; t++)
            dw[c * taps + t] += sum[t * d->cp + c];
}

/* ---- A row --------------------------------------------------------------------------
 */

struct row {
    const float *in, *w;
    int cp, stride, n; /* n = outputs */
    int taps;
    ptrdiff_t tap[MOST_K * MOST_K]; /* from in */
    float *out;
};

NW_WIDE NW_INLINE void row_tile(const struct row *s, const float *in, const float *w,
                                float *out, int some, int wide, int high)
{
    const ptrdiff_t step = (ptrdiff_t)s->stride * s->cp;
    nw_v acc[6][2];

#pragma GCC unroll 6
    for (int t = 0; t < high; t++)
        acc[t][0] = acc[t][1] = (nw_v){0};
    for (int i = 0; i < s->taps; i++, w += s->cp) {
        const float *from = in + s->tap[i];
        const nw_v w0 = nw_get(w), w1 = nw_get(w + (wide - 1) * NW_LANES);

#pragma GCC unroll 6
        for (int t = 0; t < high; t++, from += step) {
            acc[t][0] += nw_get(from) * w0;
            if (wide > 1)
                acc[t][1] += nw_get(from + NW_LANES) * w1;
        }
    }
#pragma GCC unroll 6
    for (int t = 0; t < high; t++, out += s->cp) {
        if (t == some)
            return;
        nw_put(out, acc[t][0]);
        if (wide > 1)
            nw_put(out + NW_LANES, acc[t][1]);
    }
}

NW_WIDE NW_INLINE void row_block(const struct row *s, int c, int wide, int high)
{
    for (int o = 0; o < s->n; o += high)
        row_tile(s, s->in + (ptrdiff_t)o * s->stride * s->cp + c, s->w + c,
                 s->out + (ptrdiff_t)o * s->cp + c, s->n - o, wide, high);
}

NW_WIDE static void take_row(const struct row *s)
{
    int c = 0;

    for (; c + 2 * NW_LANES <= s->cp; c += 2 * NW_LANES)
        row_block(s, c, 2, 4);
    if (c < s->cp)
        row_block(s, c, 1, 4);
}

/* Taps of the output whose first row in the ring is `first`. */
static void lay_taps(const nw_depth *d, struct row *s, int first, int ring, int width)
{
    const nw_stage *g = d->s;

    s->taps = g->k * g->k;
    for (int i = 0; i < s->taps; i++)
        s->tap[i] = ((ptrdiff_t)((first + i / g->k * g->dil) % ring) * width +
                     i % g->k * g->dil) *
                    d->cp;
}

/* ---- Forward ------------------------------------------------------------------------
 */

void nw_depth_start(nw_depth_walk *walk, size_t image)
{
    const nw_stage *s = walk->d->s;
    const size_t at = image * (size_t)(s->ih * s->iw) * (size_t)s->c;

    walk->x = walk->a->x + at;
    walk->dx = walk->a->dx ? walk->a->dx + at : NULL;
    walk->act_end = walk->spread_end = walk->dx_end = 0;
}

static float *act_row(const nw_depth_walk *walk, int row)
{
    const nw_depth *d = walk->d;

    return walk->act + (size_t)(row % d->act_h * d->act_w) * (size_t)d->cp;
}

static void read_to(nw_depth_walk *walk, int end)
{
    const nw_depth *d = walk->d;
    const nw_stage *s = d->s;

    for (int row = walk->act_end; row < end; row++) {
        const int from = row - s->pad;

        if (from >= 0 && from < s->ih)
            nw_gate_in(s, walk->a, s->iw, walk->x + (size_t)(from * s->iw * s->c), d->cp,
                       act_row(walk, row) + s->pad * d->cp);
        else if (!d->act_whole)
            memset(act_row(walk, row), 0, (size_t)(d->act_w * d->cp) * sizeof(float));
    }
    walk->act_end = most(end, walk->act_end);
}

void nw_depth_read(nw_depth_walk *walk, int row, int n)
{
    const nw_depth *d = walk->d;

    read_to(walk, (row + n - 1) * d->s->stride + d->reach + 1);
}

void nw_depth_rows(const nw_depth_walk *walk, const float *w, int row, int n, float *out)
{
    const nw_depth *d = walk->d;
    struct row s = {
        .in = walk->act, .w = w, .cp = d->cp, .stride = d->s->stride, .n = d->s->ow};

    for (int r = 0; r < n; r++) {
        lay_taps(d, &s, (row + r) * d->s->stride, d->act_h, d->act_w);
        s.out = out + (size_t)(r * d->s->ow * d->cp);
        take_row(&s);
    }
}

/* ---- Backward -----------------------------------------------------------------------
 */

static float *spread_row(const nw_depth_walk *walk, int row)
{
    const nw_depth *d = walk->d;

    return walk->spread + (size_t)(row % d->spread_h * d->spread_w) * (size_t)d->cp;
}

/* Rows without gradients up to `end`. */
static void clear_to(nw_depth_walk *walk, int end)
{
    const nw_depth *d = walk->d;

    for (; !d->spread_whole && walk->spread_end < end; walk->spread_end++)
        memset(spread_row(walk, walk->spread_end), 0,
               (size_t)(d->spread_w * d->cp) * sizeof(float));
    walk->spread_end = end;
}

float *nw_depth_spread(nw_depth_walk *walk, int row)
{
    const nw_depth *d = walk->d;
    const int at = row * d->s->stride + d->off;

    clear_to(walk, at);
    walk->spread_end = at + 1;
    return spread_row(walk, at) + d->off * d->cp;
}

/* Some output rows: where their gradients start, and the inputs of one filter row. */
struct lines {
    int n;
    const float *g[LINES], *x[LINES];
};

static void lay_lines(const nw_depth_walk *walk, int row, int ky, struct lines *l)
{
    const nw_depth *d = walk->d;
    const nw_stage *s = d->s;

    for (int i = 0; i < l->n; i++) {
        const int at = (row + i) * s->stride;

        l->g[i] = spread_row(walk, at + d->off) + d->off * d->cp;
        l->x[i] = act_row(walk, at + ky * s->dil);
    }
}

/* sum[kx] += over these rows, for a vector of channels. */
NW_WIDE NW_INLINE void filter_block(const nw_depth *d, const struct lines *l, int c,
                                    int k, float *sum)
{
    const ptrdiff_t step = (ptrdiff_t)d->s->stride * d->cp,
                    tap = (ptrdiff_t)d->s->dil * d->cp;
    nw_v acc[MOST_K] = {{0}};

    for (int i = 0; i < l->n; i++) {
        const float *g = l->g[i] + c, *x = l->x[i] + c;

        for (int ox = 0; ox < d->s->ow; ox++, g += step, x += step) {
            const nw_v grad = nw_get(g);

#pragma GCC unroll 7
            for (int kx = 0; kx < k; kx++)
                acc[kx] += grad * nw_get(x + kx * tap);
        }
    }
    for (int kx = 0; kx < k; kx++)
        *(nw_vu *)(sum + kx * d->cp + c) += acc[kx];
}

NW_WIDE static void filter_lines(const nw_depth *d, const struct lines *l, float *sum)
{
    const int k = d->s->k;

    for (int c = 0; c < d->cp; c += NW_LANES)
        if (k == 3)
            filter_block(d, l, c, 3, sum);
        else if (k == 5)
            filter_block(d, l, c, 5, sum);
        else
            filter_block(d, l, c, k, sum);
}

void nw_depth_filter(const nw_depth_walk *walk, int row, int n, float *sum)
{
    const nw_depth *d = walk->d;
    struct lines l;

    for (int r = 0; r < n; r += LINES)
        for (int ky = 0; ky < d->s->k; ky++) {
            l.n = least(n - r, LINES);
            lay_lines(walk, row + r, ky, &l);
            filter_lines(d, &l, sum + ky * d->s->k * d->cp);
        }
}

/* Rows of dx up to `end`, all of whose gradients are spread. */
static void back_to(nw_depth_walk *walk, const float *w, int end)
{
    const nw_depth *d = walk->d;
    const nw_stage *s = d->s;
    struct row row = {.in = walk->spread,
                      .w = w,
                      .cp = d->cp,
                      .stride = 1,
                      .n = s->iw,
                      .out = walk->line};

    for (; walk->dx_end < end; walk->dx_end++) {
        const int i = walk->dx_end;
        const size_t at = (size_t)(i * s->iw * s->c);

        lay_taps(d, &row, i, d->spread_h, d->spread_w);
        take_row(&row);
        nw_gate_back(s, walk->a, s->iw, act_row(walk, i + s->pad) + s->pad * d->cp,
                     walk->line, d->cp, walk->x + at, walk->dx + at,
                     walk->a->dx_sum ? walk->sums : NULL);
    }
}

void nw_depth_back(nw_depth_walk *walk, const float *w)
{
    back_to(walk, w, least(walk->spread_end - walk->d->reach, walk->d->s->ih));
}

void nw_depth_finish(nw_depth_walk *walk, const float *w)
{
    const nw_depth *d = walk->d;
    const int ih = d->s->ih;

    read_to(walk, ih + d->s->pad);
    while (walk->dx_end < ih) {
        clear_to(walk, least(ih + d->reach, walk->dx_end + d->spread_h));
        nw_depth_back(walk, w);
    }
}

#endif
