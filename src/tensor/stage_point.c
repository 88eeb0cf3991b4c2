/*
 * stage_point.c - 1x1 convolution, a block of pixels at a time.
 *
 * Forward the block is normed and gated into a buffer that stays in the caches, and a
 * product with the packed filter makes y, whose moments are taken before the next block.
 * Backward the gradient behind is formed into a second buffer; the outer product with the
 * gated input, computed again, is the filter's gradient, and a product with the
 * transposed filter the input's. Where there is neither norm nor gate before, x and dx
 * themselves take part in the products.
 *
 * Pixels are cut into parts by the shapes alone, so sums are always made in the same
 * order; large filters get fewer parts, as each part sums a gradient of its own.
 *
 * Bytes: the plain sequence batch norm, relu, 1x1, moments reads or writes 2 + 2 images
 * of c and one of c and two of oc going forward; this one of c and one of oc.
 */
#include "stage.h"

#ifndef NW_DOUBLE

#include "image.h"
#include "lanes.h"
#include "parallel.h"
#include "tiles.h"

#include <string.h>

/* Pixels of a block: a multiple of the rows of a tile. Fewer when there are more channels
 * than WIDE, so that a block stays in a second-level cache of 512 KB. */
enum { BLOCK = 96, BLOCK_WIDE = 48, WIDE = 512 };

/* Numbers of a filter from which on a part has FEW pixels at least, and from which on 8
 * and 4 parts do. */
enum { SMALL = 1 << 12, LARGE = 1 << 15, LARGEST = 1 << 17, FEW = 192 };

static int up(int n, int to)
{
    return (n + to - 1) / to * to;
}

/* Sizes that follow from a stage. */
struct plan {
    const nw_stage *s;
    size_t pixels, per_part;
    int parts, block;
    int cp, op;            /* channels padded to 8: c, oc */
    size_t act, grad, own; /* floats; own = all of a thread */
    size_t filter;         /* packed, or the sums for it */
    size_t part, totals;   /* what a part gathers, and where its doubles start */
};

static void cut_pixels(struct plan *p)
{
    const size_t filter = (size_t)p->s->c * (size_t)p->s->oc;
    const size_t most = filter < LARGE     ? NW_STAGE_PARTS
                        : filter < LARGEST ? NW_STAGE_PARTS / 2
                                           : NW_STAGE_PARTS / 4;

    p->pixels = (size_t)p->s->n * (size_t)(p->s->oh * p->s->ow);
    p->per_part = (p->pixels + most - 1) / most;
    if (filter >= SMALL && p->per_part < FEW)
        p->per_part = FEW;
    p->per_part =
        (p->per_part + (size_t)p->block - 1) / (size_t)p->block * (size_t)p->block;
    p->parts = (int)((p->pixels + p->per_part - 1) / p->per_part);
}

static void lay_out(struct plan *p, const nw_stage *s, int backward)
{
    *p = (struct plan){.s = s,
                       .block = s->c > WIDE || s->oc > WIDE ? BLOCK_WIDE : BLOCK,
                       .cp = up(s->c, NW_LANES),
                       .op = up(s->oc, NW_LANES)};
    cut_pixels(p);
    p->act = nw_whole_lines((size_t)(p->block * p->cp));
    p->filter = nw_whole_lines((size_t)p->cp * (size_t)p->op);
    p->own = p->act;
    p->part = nw_gather_bytes(s->oc) / sizeof(float);
    if (!backward)
        return;
    p->grad = nw_whole_lines((size_t)(p->block * p->op));
    p->own += p->grad + p->act + nw_whole_lines(2 * (size_t)p->cp);
    p->totals = p->filter;
    p->part =
        p->totals + nw_whole_lines(2 * (size_t)s->c * sizeof(double) / sizeof(float));
}

static int point_fits(const nw_stage *s)
{
    return nw_has_wide() && s->c >= 8 && s->oc >= 8 && s->k == 1 && s->stride == 1 &&
           s->pad == 0 && s->c <= 1 << 12 && s->oc <= 1 << 12;
}

static size_t point_scratch(const nw_stage *s, int backward)
{
    struct plan p;

    lay_out(&p, s, backward);
    return sizeof(float) *
           ((size_t)s->threads * p.own + p.filter + (size_t)p.parts * p.part);
}

/* A call: the filter packed for the product, and where buffers stand. */
struct call {
    struct plan p;
    const nw_stage_args *a;
    float *filter, *own, *parts;
};

static void begin(struct call *call, const nw_stage *s, const nw_stage_args *a,
                  int backward)
{
    lay_out(&call->p, s, backward);
    call->a = a;
    call->filter = a->scratch;
    call->parts = call->filter + call->p.filter;
    call->own = call->parts + (size_t)call->p.parts * call->p.part;
    /* channels beyond the last stay zero */
    memset(call->own, 0, (size_t)s->threads * call->p.own * sizeof(float));
    if (backward)
        nw_pack_panels(s->c, s->oc, a->w[0], 1, (size_t)s->c, call->filter);
    else
        nw_pack_panels(s->oc, s->c, a->w[0], (size_t)s->c, 1, call->filter);
}

/* The products read x and write dx themselves. */
static int is_bare(const struct call *call)
{
    return call->p.s->gate == NW_GATE_NONE && !call->a->mean;
}

/* Buffers of the thread at work. */
struct own {
    float *act, *grad, *back, *sums;
};

static struct own own_places(const struct call *call)
{
    const struct plan *p = &call->p;
    struct own own = {.act = call->own + (size_t)nw_thread() * p->own};

    own.grad = own.act + p->act;
    own.back = own.grad + p->grad;
    own.sums = own.back + p->act;
    return own;
}

/* Calls block(call, first pixel, pixels, part) for the blocks of parts [begin, end). */
typedef void (*block_body)(const struct call *call, size_t at, int n, float *part);

NW_INLINE void each_block(const struct call *call, size_t part, block_body block)
{
    const struct plan *p = &call->p;
    const size_t first = part * p->per_part, stop = first + p->per_part,
                 last = stop < p->pixels ? stop : p->pixels;
    float *gathered = call->parts + part * p->part;

    for (size_t at = first; at < last; at += (size_t)p->block)
        block(call, at,
              (int)(last - at < (size_t)p->block ? last - at : (size_t)p->block),
              gathered);
}

/* ---- Forward ------------------------------------------------------------------------
 */

static void forward_block(const struct call *call, size_t at, int n, float *part)
{
    const nw_stage *s = call->p.s;
    const float *x = call->a->x + at * (size_t)s->c;
    float *y = call->a->y + at * (size_t)s->oc;
    int pitch = s->c;

    if (!is_bare(call)) {
        float *act = own_places(call).act;

        pitch = call->p.cp;
        nw_gate_in(s, call->a, n, x, pitch, act);
        x = act;
    }
    nw_product(n, s->oc, s->c, x, (size_t)pitch, call->filter, y, (size_t)s->oc);
    if (call->a->moment)
        nw_gather_rows(part, s->oc, n, y);
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;

    for (size_t part = begin; part < end; part++) {
        nw_gather_clear(call->parts + part * call->p.part, call->p.s->oc);
        each_block(call, part, forward_block);
    }
}

static void point_forward(const nw_stage *s, const nw_stage_args *a)
{
    struct call call;

    begin(&call, s, a, 0);
    nw_parallel((size_t)call.p.parts, 1, forward_part, &call);
    if (a->moment)
        nw_gather_end(call.parts, call.p.parts, s->oc, a->moment, a->variance);
}

/* ---- Backward -----------------------------------------------------------------------
 */

static void input_gradient(const struct call *call, const struct own *own, size_t at,
                           int n, const float *act)
{
    const struct plan *p = &call->p;
    const nw_stage *s = p->s;
    const nw_stage_args *a = call->a;
    const size_t to = at * (size_t)s->c;

    if (is_bare(call) && !a->add && !a->dx_sum) {
        nw_product(n, s->c, s->oc, own->grad, (size_t)p->op, call->filter, a->dx + to,
                   (size_t)s->c);
        return;
    }
    nw_product(n, p->cp, s->oc, own->grad, (size_t)p->op, call->filter, own->back,
               (size_t)p->cp);
    nw_gate_back(s, a, n, act, own->back, p->cp, a->x + to, a->dx + to,
                 a->dx_sum ? own->sums : NULL);
}

static void back_block(const struct call *call, size_t at, int n, float *part)
{
    const struct plan *p = &call->p;
    const nw_stage *s = p->s;
    const nw_stage_args *a = call->a;
    const struct own own = own_places(call);
    const float *x = a->x + at * (size_t)s->c, *act = x;

    nw_norm_in(s, a, n, a->y + at * (size_t)s->oc, a->dy + at * (size_t)s->oc, p->op,
               own.grad);
    if (!is_bare(call) || s->c < p->cp) {
        nw_gate_in(s, a, n, x, p->cp, own.act);
        act = own.act;
    }
    if (a->dw[0])
        nw_outer(n, p->op, p->cp, own.grad, act, part);
    if (a->dx)
        input_gradient(call, &own, at, n, act);
    if (a->dx_sum)
        nw_sums_to(s->c, p->cp, own.sums, (double *)(part + p->totals));
}

static void back_part(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;

    for (size_t part = begin; part < end; part++) {
        memset(call->parts + part * call->p.part, 0, call->p.part * sizeof(float));
        each_block(call, part, back_block);
    }
}

static void add_filter(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;
    const struct plan *p = &call->p;
    const size_t c = (size_t)p->s->c;

    for (size_t o = begin; o < end; o++)
        for (int part = 0; part < p->parts; part++) {
            const float *sums = call->parts + (size_t)part * p->part + o * (size_t)p->cp;
            float *dw = call->a->dw[0] + o * c;

            for (size_t i = 0; i < c; i++)
                dw[i] += sums[i];
        }
}

static void point_backward(const nw_stage *s, const nw_stage_args *a)
{
    struct call call;

    begin(&call, s, a, 1);
    nw_parallel((size_t)call.p.parts, 1, back_part, &call);
    if (a->dw[0])
        nw_parallel((size_t)s->oc, (size_t)(LARGE / s->c + 1), add_filter, &call);
    if (a->dx_sum)
        nw_sums_end(call.parts + call.p.totals, call.p.part, call.p.parts, s->c,
                    a->dx_sum, a->dx_prod);
}

const nw_stage_type nw_stage_point = {
    .name = "point",
    .n_filter = 1,
    .in_place = 1,
    .fits = point_fits,
    .scratch = point_scratch,
    .forward = point_forward,
    .backward = point_backward,
};

#endif
