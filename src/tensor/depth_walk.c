/* depth_walk.c - rows of the rings, one by one, by depth_row.h. */
#include "depth_walk.h"

#ifndef NW_DOUBLE

#include "image.h"
#include "lanes.h"

#include <string.h>

/* Pixels behind a buffer that tiles may look at. */
enum { MOST_K = NW_DEPTH_MOST_K, SLACK = 16 };

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
    d->act = nw_whole_lines((size_t)(d->act_h * d->act_w + SLACK) * (size_t)d->cp);
    d->spread =
        nw_whole_lines((size_t)(d->spread_h * d->spread_w + SLACK) * (size_t)d->cp);
    d->line = nw_whole_lines((size_t)(s->iw + SLACK) * (size_t)d->cp);
    d->filter = nw_whole_lines((size_t)(s->k * s->k * d->cp));
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

/* The rows of a ring that output row r of a filter looks at, `stride` apart. */
static void look(const nw_depth *d, const float *ring, int height, int width, int first,
                 const float *row[MOST_K])
{
    for (int ky = 0; ky < d->s->k; ky++)
        row[ky] = ring + (ptrdiff_t)((first + ky * d->s->dil) % height) * width *
                             (ptrdiff_t)d->cp;
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
    const nw_depth_row shape = {d->s->k, d->s->dil, d->s->stride, d->s->ow, d->cp};
    const float *in[MOST_K];

    for (int r = 0; r < n; r++, out += d->s->ow * d->cp) {
        look(d, walk->act, d->act_h, d->act_w, (row + r) * d->s->stride, in);
        nw_depth_row_take(&shape, in, w, out);
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

/* Rows that are summed before the sums go to memory. */
enum { SOME_ROWS = 16 };

static void filter_rows(const nw_depth_walk *walk, int row, int n, int ky, float *sum)
{
    const nw_depth *d = walk->d;
    const nw_stage *s = d->s;
    const nw_depth_row shape = {s->k, s->dil, s->stride, s->ow, d->cp};
    const float *grad[SOME_ROWS], *in[SOME_ROWS];

    for (int r = 0; r < n; r++) {
        const int at = (row + r) * s->stride;

        grad[r] = spread_row(walk, at + d->off) + d->off * d->cp;
        in[r] = act_row(walk, at + ky * s->dil);
    }
    nw_depth_row_filter(&shape, n, grad, in, sum);
}

void nw_depth_filter(const nw_depth_walk *walk, int row, int n, float *sum)
{
    const nw_depth *d = walk->d;

    for (int ky = 0; ky < d->s->k; ky++)
        for (int r = 0; r < n; r += SOME_ROWS)
            filter_rows(walk, row + r, least(n - r, SOME_ROWS), ky,
                        sum + ky * d->s->k * d->cp);
}

/* Rows of dx up to `end`, all of whose gradients are spread. */
static void back_to(nw_depth_walk *walk, const float *w, int end)
{
    const nw_depth *d = walk->d;
    const nw_stage *s = d->s;
    const nw_depth_row shape = {s->k, s->dil, 1, s->iw, d->cp};
    const float *in[MOST_K];

    for (; walk->dx_end < end; walk->dx_end++) {
        const int i = walk->dx_end;
        const size_t at = (size_t)(i * s->iw * s->c);

        look(d, walk->spread, d->spread_h, d->spread_w, i, in);
        nw_depth_row_take(&shape, in, w, walk->line);
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
