/* dense_walk.c - see dense_walk.h */
#include "dense_walk.h"

#include "lanes.h"

#ifndef NW_DOUBLE

#include "parallel.h"

#include <string.h>

enum { IN = NW_WINO_IN, OUT = NW_WINO_OUT, POINTS = NW_WINO_POINTS };

/* Tiles of a block: a multiple of what a product takes at once, few enough for the second
 * cache. Tiles of a part, at least: each has sums to clear and to transform. */
enum { BLOCK_TILES = 24, PART_TILES = 64 };

static int up(int n, int to)
{
    return (n + to - 1) / to * to;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

int nw_dense_panels(int channels)
{
    return (channels + NW_DENSE_PANEL - 1) / NW_DENSE_PANEL;
}

int nw_dense_width(int c, int channels)
{
    return least(up(channels, NW_LANES) - c, NW_DENSE_PANEL);
}

static nw_stage_cut cut_of(int n, int tiles)
{
    nw_stage_cut cut = nw_stage_cut_of(n);
    const int images = (PART_TILES + tiles - 1) / tiles;

    if (cut.per_part < images)
        cut.per_part = images;
    cut.parts = (n + cut.per_part - 1) / cut.per_part;
    return cut;
}

static void lay_out_tiles(nw_dense_plan *p, const nw_stage *s)
{
    p->cp = up(s->c, NW_LANES);
    p->op = up(s->oc, NW_LANES);
    p->depth = p->filter.back ? p->op : p->cp;
    p->th = up(s->oh, OUT) / OUT;
    p->tw = up(s->ow, OUT) / OUT;
    p->cut = cut_of(s->n, p->th * p->tw);
    p->strips = (BLOCK_TILES + p->tw - 1) / p->tw;
    p->pixels = OUT * p->tw + 2;
}

static void lay_out(nw_dense_plan *p, const nw_stage *s, int backward)
{
    *p = (nw_dense_plan){.s = s, .filter = {s->oc, s->c, backward}};
    lay_out_tiles(p, s);
    const size_t tiles = (size_t)(p->strips * p->tw), depth = (size_t)p->depth,
                 cp = (size_t)p->cp, op = (size_t)p->op, pixels = (size_t)p->pixels;

    p->u = nw_wino_pitch(
        nw_panel_floats(nw_wino_columns(&p->filter), nw_wino_rows(&p->filter)));
    p->v = nw_wino_pitch(tiles * depth);
    p->m = nw_wino_pitch(tiles * NW_DENSE_PANEL);
    p->zero = nw_whole_lines(pixels * (cp > op ? cp : op));
    p->ring = nw_whole_lines(IN * pixels * depth);
    p->line = nw_whole_lines(pixels * IN * NW_LANES);
    p->taken = POINTS * p->v + nw_whole_lines(NW_TILE_ROWS * depth);
    p->mid = POINTS * p->m;
    p->part = nw_gather_bytes(s->oc) / sizeof(float);
    if (backward) {
        p->sum = nw_wino_pitch(op * NW_DENSE_PANEL);
        p->act = tiles * OUT * OUT * cp;
        p->sums = nw_whole_lines(2 * cp);
        p->spread = POINTS * p->m;
        p->grad = p->act;
        p->acc = POINTS * p->sum * (size_t)nw_dense_panels(s->c);
        p->totals = nw_whole_lines(NW_DENSE_TAPS * op * cp);
        p->part =
            p->totals + nw_whole_lines(2 * (size_t)s->c * sizeof(double) / sizeof(float));
    }
    p->cleared = p->zero + p->ring + p->act + p->sums;
    p->own = p->cleared + p->line + p->taken + p->mid + p->spread + p->grad + p->acc;
}

size_t nw_dense_scratch(const nw_stage *s, int backward)
{
    nw_dense_plan p;

    lay_out(&p, s, backward);
    return sizeof(float) *
           (POINTS * p.u + (size_t)p.cut.parts * p.part + (size_t)s->threads * p.own);
}

/* ---- A call --------------------------------------------------------------------- */

nw_dense_own nw_dense_places(const nw_dense_call *call)
{
    const nw_dense_plan *p = &call->p;
    nw_dense_own o = {.zero = call->own + (size_t)nw_thread() * p->own};

    o.ring = o.zero + p->zero;
    o.act = o.ring + p->ring;
    o.sums = o.act + p->act;
    o.line = o.sums + p->sums;
    o.taken = o.line + p->line;
    o.mid = o.taken + p->taken;
    o.spread = o.mid + p->mid;
    o.grad = o.spread + p->spread;
    o.acc = o.grad + p->grad;
    return o;
}

static void pack_columns(void *arg, size_t begin, size_t end)
{
    const nw_dense_call *call = arg;

    for (size_t i = begin; i < end; i++)
        nw_wino_pack(&call->p.filter, call->a->w[0], (int)i * NW_LANES, call->u,
                     call->p.u);
}

void nw_dense_begin(nw_dense_call *call, const nw_stage *s, const nw_stage_args *a,
                    int backward)
{
    const nw_dense_plan *p = &call->p;

    lay_out(&call->p, s, backward);
    call->a = a;
    call->u = a->scratch;
    call->parts = call->u + POINTS * p->u;
    call->own = call->parts + (size_t)p->cut.parts * p->part;
    /* every row writes the same places, so what lies around stays zero */
    for (int t = 0; t < s->threads; t++)
        memset(call->own + (size_t)t * p->own, 0, p->cleared * sizeof(float));
    if (a->w[0])
        nw_parallel((size_t)up(nw_wino_columns(&p->filter), NW_LANES) / NW_LANES, 1,
                    pack_columns, call);
}

/* ---- Blocks --------------------------------------------------------------------- */

/* Tile row of strip i of a block in its image. */
static int tile_row(const nw_dense_plan *p, const nw_dense_block *b, int i)
{
    return (b->first + i) % p->th;
}

size_t nw_dense_row(const nw_dense_plan *p, const nw_dense_block *b, int i)
{
    const int strip = b->first + i;

    return (b->image + (size_t)(strip / p->th)) * (size_t)p->s->ih +
           (size_t)(OUT * (strip % p->th));
}

int nw_dense_rows(const nw_dense_plan *p, const nw_dense_block *b, int i)
{
    return least(OUT, p->s->ih - OUT * tile_row(p, b, i));
}

size_t nw_dense_next(const nw_dense_plan *p, const nw_dense_block *b)
{
    return nw_dense_row(p, b, least(b->n + p->strips, b->strips - b->first));
}

nw_dense_block nw_dense_first(const nw_dense_plan *p, size_t part)
{
    nw_dense_block b = {.image = part * (size_t)p->cut.per_part};

    b.strips = least(p->cut.per_part, p->s->n - (int)b.image) * p->th;
    b.n = least(p->strips, b.strips);
    return b;
}

void nw_dense_go_on(const nw_dense_plan *p, nw_dense_block *b)
{
    b->first += b->n;
    b->n = least(p->strips, b->strips - b->first);
}

/* A row of the gradient behind. */
static void take_gradient(const nw_dense_call *call, size_t row, float *to)
{
    const nw_dense_plan *p = &call->p;
    const nw_stage *s = p->s;
    const nw_stage plain = {.c = s->oc, .gate = NW_GATE_NONE};
    const nw_stage_args *a = call->a, none = {0};
    const size_t at = row * nw_dense_y_line(p);

    if (a->on_dy)
        nw_norm_in(s, a, s->ow, a->y + at, a->dy + at, p->depth, to);
    else
        nw_gate_in(&plain, &none, s->ow, a->dy + at, p->depth, to);
}

/* Row r of pixels of the image whose first is `row`: to its place in the ring. */
static void take_row(const nw_dense_call *call, const nw_dense_own *o, size_t row, int r)
{
    const nw_dense_plan *p = &call->p;
    float *to = o->ring + (size_t)((r % IN * p->pixels + 1) * p->depth);

    row += (size_t)r;
    if (p->filter.back)
        take_gradient(call, row, to);
    else
        nw_gate_in(p->s, call->a, p->s->iw, call->a->x + row * nw_dense_x_line(p),
                   p->depth, to);
}

/* What the strip before has taken is in the ring. */
void nw_dense_take(const nw_dense_call *call, const nw_dense_own *o,
                   const nw_dense_block *b, int i)
{
    const nw_dense_plan *p = &call->p;
    const int t = tile_row(p, b, i), top = OUT * t - 1, rows = p->s->ih;
    const size_t first = nw_dense_row(p, b, i) - (size_t)(OUT * t);
    const nw_wino_strip strip = {p->tw, p->depth, o->line};
    const float *row[IN];

    for (int r = t ? top + 2 : 0; r < top + IN && r < rows; r++)
        take_row(call, o, first, r);
    for (int k = 0; k < IN; k++) {
        const int r = top + k;

        row[k] = r < 0 || r >= rows ? o->zero
                                    : o->ring + (size_t)(r % IN * p->pixels * p->depth);
    }
    nw_wino_in(&strip, row, o->taken + (size_t)(i * p->tw * p->depth), p->v);
}

/* ---- Products ------------------------------------------------------------------- */

void nw_dense_want(nw_dense_soon *f, const float *base, size_t from, size_t floats,
                   int written)
{
    if (!base)
        return;
    f->range[f->n].at = base + from;
    f->range[f->n].floats = floats;
    f->range[f->n++].written = written;
}

NW_INLINE void fetch(nw_dense_soon *f)
{
    enum { LINE = 16 };

    for (int k = 0; k < f->n; k++) {
        const size_t lines = (f->range[k].floats + LINE - 1) / LINE,
                     last = lines * (size_t)(f->step + 1) / (size_t)f->steps;
        size_t i = lines * (size_t)f->step / (size_t)f->steps;

        if (f->range[k].written)
            for (; i < last; i++)
                __builtin_prefetch(f->range[k].at + i * LINE, 1, 2);
        else
            for (; i < last; i++)
                __builtin_prefetch(f->range[k].at + i * LINE, 0, 2);
    }
    f->step++;
}

NW_FETCHES void nw_dense_multiply(const nw_dense_call *call, const nw_dense_own *o,
                                  const nw_dense_block *b, int from, nw_dense_soon *soon)
{
    const nw_dense_plan *p = &call->p;
    const int k = nw_wino_rows(&p->filter),
              n = nw_dense_width(from, nw_wino_columns(&p->filter));
    const float *u = call->u + (size_t)(from * k);

    for (size_t i = 0; i < POINTS; i++) {
        fetch(soon);
        nw_product(b->n * p->tw, n, k, o->taken + i * p->v, (size_t)p->depth,
                   u + i * p->u, o->mid + i * p->m, (size_t)n);
    }
}

NW_FETCHES void nw_dense_accumulate(const nw_dense_call *call, const nw_dense_own *o,
                                    const nw_dense_block *b, int from,
                                    nw_dense_soon *soon)
{
    const nw_dense_plan *p = &call->p;
    float *acc = o->acc + (size_t)(from / NW_DENSE_PANEL * POINTS) * p->sum;

    for (size_t i = 0; i < POINTS; i++) {
        fetch(soon);
        nw_outer(b->n * p->tw, p->op, nw_dense_width(from, p->s->c), o->taken + i * p->v,
                 o->spread + i * p->m, acc + i * p->sum);
    }
}

#endif
