/*
 * stage_separable.c - depthwise and 1x1 convolution, a band of rows of an image at a
 * time, in buffers of the thread that stay in its caches: those of the depthwise walk
 * (depth_walk.h), and
 *
 *   mid    a band of the depthwise output, enough pixels for a matrix product
 *   grad   backward: as much of the gradient behind
 *
 * The 1x1 convolution is a product of 6 pixels by 16 channels in registers; its weights
 * are packed once a call. Sums over the batch are made in parts (image.h), whatever the
 * number of threads, and combined in order.
 *
 * Bytes: the plain sequence relu, depthwise, 1x1, batch norm moves 2 + 2 + 2 + 3 images
 * through memory going forward; this 2, and what applies the batch norm 2 more.
 */
#include "stage.h"

#ifndef NW_DOUBLE

#include "depth_walk.h"
#include "image.h"
#include "lanes.h"
#include "parallel.h"
#include "tiles.h"

#include <string.h>

enum { MID_PIXELS = 48 };

/* Sizes that follow from a stage. */
struct plan {
    nw_depth depth;
    nw_stage_cut cut;
    int op;                    /* channels padded to 8: oc */
    size_t mid, grad, own;     /* floats; own = all of a thread */
    size_t point;              /* packed 1x1 filter */
    size_t part, sums, totals; /* what a part gathers; in it, the sums for the depthwise
                                  filter, and doubles */
};

static void lay_out(struct plan *p, const nw_stage *s, int backward)
{
    nw_depth *d = &p->depth;

    *p = (struct plan){.cut = nw_stage_cut_of(s->n),
                       .op = (s->oc + NW_LANES - 1) / NW_LANES * NW_LANES};
    nw_depth_lay_out(d, s, (MID_PIXELS + s->ow - 1) / s->ow);
    p->mid = nw_whole_lines((size_t)(d->rows * s->ow * d->cp));
    p->point = nw_whole_lines((size_t)(d->cp * p->op));
    p->own = d->act + p->mid;
    p->part = nw_gather_bytes(s->oc) / sizeof(float);
    if (!backward)
        return;
    p->grad = nw_whole_lines((size_t)(d->rows * s->ow * p->op));
    p->own += p->grad + d->spread + d->line + nw_whole_lines(2 * (size_t)d->cp);
    p->sums = p->point;
    p->totals = p->sums + d->filter;
    p->part =
        p->totals + nw_whole_lines(2 * (size_t)s->c * sizeof(double) / sizeof(float));
}

static int separable_fits(const nw_stage *s)
{
    return nw_depth_fits(s) && s->oc >= 8;
}

static size_t separable_scratch(const nw_stage *s, int backward)
{
    struct plan p;

    lay_out(&p, s, backward);
    return sizeof(float) * ((size_t)s->threads * p.own + 2 * p.depth.filter + p.point +
                            (size_t)p.cut.parts * p.part);
}

/* A call: filters packed for the kernels, and where buffers stand. */
struct call {
    struct plan p;
    const nw_stage_args *a;
    float *filter, *turned; /* depthwise, and turned by half a turn        */
    float *point;           /* panels of columns o, or backward of c       */
    float *own, *parts;
};

static void begin(struct call *call, const nw_stage *s, const nw_stage_args *a,
                  int backward)
{
    struct plan *p = &call->p;

    lay_out(p, s, backward);
    call->a = a;
    call->filter = a->scratch;
    call->turned = call->filter + p->depth.filter;
    call->point = call->turned + p->depth.filter;
    call->parts = call->point + p->point;
    call->own = call->parts + (size_t)p->cut.parts * p->part;
    memset(call->own, 0, (size_t)s->threads * p->own * sizeof(float));
    nw_depth_pack(&p->depth, a->w[0], 0, call->filter);
    nw_depth_pack(&p->depth, a->w[0], 1, call->turned);
    if (backward)
        nw_pack_panels(s->c, s->oc, a->w[1], 1, (size_t)s->c, call->point);
    else
        nw_pack_panels(s->oc, s->c, a->w[1], (size_t)s->c, 1, call->point);
}

static float *own_buffers(const struct call *call)
{
    return call->own + (size_t)nw_thread() * call->p.own;
}

/* ---- Forward ------------------------------------------------------------------------
 */

static void forward_image(const struct call *call, size_t image, void *part)
{
    const nw_depth *d = &call->p.depth;
    const nw_stage *s = d->s;
    const size_t line = (size_t)(s->ow * s->oc);
    nw_depth_walk walk = {.d = d, .a = call->a, .act = own_buffers(call)};
    float *y = call->a->y + image * (size_t)s->oh * line, *mid = walk.act + d->act;

    nw_depth_start(&walk, image);
    for (int r = 0; r < s->oh; r += d->rows, y += (size_t)d->rows * line) {
        const int n = s->oh - r < d->rows ? s->oh - r : d->rows;

        nw_depth_read(&walk, r, n);
        nw_depth_rows(&walk, call->filter, r, n, mid);
        nw_product(n * s->ow, s->oc, s->c, mid, (size_t)d->cp, call->point, y,
                   (size_t)s->oc);
        if (call->a->moment)
            nw_gather_rows(part, s->oc, n * s->ow, y);
    }
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;

    for (size_t part = begin; part < end; part++) {
        float *gather = call->parts + part * call->p.part;
        size_t i;
        const size_t last = nw_stage_images(&call->p.cut, call->p.depth.s->n, part, &i);

        nw_gather_clear(gather, call->p.depth.s->oc);
        for (; i < last; i++)
            forward_image(call, i, gather);
    }
}

static void separable_forward(const nw_stage *s, const nw_stage_args *a)
{
    struct call call;

    begin(&call, s, a, 0);
    nw_parallel((size_t)call.p.cut.parts, 1, forward_part, &call);
    if (a->moment)
        nw_gather_end(call.parts, call.p.cut.parts, s->oc, a->moment, a->variance);
}

/* ---- Backward -----------------------------------------------------------------------
 */

/* Buffers of the thread at work. */
struct own {
    nw_depth_walk walk;
    float *mid, *grad;
};

static struct own own_places(const struct call *call)
{
    const nw_depth *d = &call->p.depth;
    struct own own = {.walk = {.d = d, .a = call->a, .act = own_buffers(call)}};

    own.walk.spread = own.walk.act + d->act;
    own.walk.line = own.walk.spread + d->spread;
    own.walk.sums = own.walk.line + d->line;
    own.mid = own.walk.sums + nw_whole_lines(2 * (size_t)d->cp);
    own.grad = own.mid + call->p.mid;
    return own;
}

/* Rows [row, row + n): gradients of both filters, and of the depthwise output. */
static void back_rows(const struct call *call, struct own *own, size_t image, int row,
                      int n, float *part)
{
    const struct plan *p = &call->p;
    const nw_depth *d = &p->depth;
    const nw_stage *s = d->s;
    const nw_stage_args *a = call->a;
    const size_t at = (image * (size_t)s->oh + (size_t)row) * (size_t)(s->ow * s->oc);

    nw_depth_read(&own->walk, row, n);
    nw_norm_in(s, a, n * s->ow, a->y + at, a->dy + at, p->op, own->grad);
    if (a->dw[1]) {
        nw_depth_rows(&own->walk, call->filter, row, n, own->mid);
        nw_outer(n * s->ow, p->op, d->cp, own->grad, own->mid, part);
    }
    for (int r = 0; r < n; r++)
        nw_product(s->ow, d->cp, s->oc, own->grad + (size_t)(r * s->ow * p->op),
                   (size_t)p->op, call->point, nw_depth_spread(&own->walk, row + r),
                   (size_t)(s->stride * d->cp));
    if (a->dw[0])
        nw_depth_filter(&own->walk, row, n, part + p->sums);
    if (a->dx)
        nw_depth_back(&own->walk, call->turned);
}

static void back_image(const struct call *call, size_t image, float *part)
{
    const nw_depth *d = &call->p.depth;
    const nw_stage *s = d->s;
    struct own own = own_places(call);

    nw_depth_start(&own.walk, image);
    for (int r = 0; r < s->oh; r += d->rows)
        back_rows(call, &own, image, r, s->oh - r < d->rows ? s->oh - r : d->rows, part);
    if (call->a->dx)
        nw_depth_finish(&own.walk, call->turned);
    if (call->a->dx_sum)
        nw_sums_to(s->c, d->cp, own.walk.sums, (double *)(part + call->p.totals));
}

static void back_part(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;

    for (size_t part = begin; part < end; part++) {
        float *sums = call->parts + part * call->p.part;
        size_t i;
        const size_t last = nw_stage_images(&call->p.cut, call->p.depth.s->n, part, &i);

        memset(sums, 0, call->p.part * sizeof(float));
        for (; i < last; i++)
            back_image(call, i, sums);
    }
}

static void add_filters(const struct call *call, const float *part)
{
    const struct plan *p = &call->p;
    const nw_stage *s = p->depth.s;
    float *const *dw = call->a->dw;

    if (dw[0])
        nw_depth_add(&p->depth, part + p->sums, dw[0]);
    for (int o = 0; dw[1] && o < s->oc; o++)
        for (int c = 0; c < s->c; c++)
            dw[1][o * s->c + c] += part[o * p->depth.cp + c];
}

static void separable_backward(const nw_stage *s, const nw_stage_args *a)
{
    struct call call;

    begin(&call, s, a, 1);
    nw_parallel((size_t)call.p.cut.parts, 1, back_part, &call);
    for (int part = 0; part < call.p.cut.parts; part++)
        add_filters(&call, call.parts + (size_t)part * call.p.part);
    if (a->dx_sum)
        nw_sums_end(call.parts + call.p.totals, call.p.part, call.p.cut.parts, s->c,
                    a->dx_sum, a->dx_prod);
}

const nw_stage_type nw_stage_separable = {
    .name = "separable",
    .n_filter = 2,
    .in_place = 1,
    .fits = separable_fits,
    .scratch = separable_scratch,
    .forward = separable_forward,
    .backward = separable_backward,
};

#endif
