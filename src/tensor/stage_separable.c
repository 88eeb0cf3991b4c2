/*
 * stage_separable.c - depthwise and 1x1 convolution, an image at a time, in buffers of
 * the thread that stay in its caches:
 *
 *   act    the gated input with zeros around, channels padded to 8
 *   mid    some rows of the depthwise output, enough pixels for a matrix product
 *   spread backward: gradient of the depthwise output, `stride` apart and with zeros
 *          around, over which the transposed convolution is a plain one with the filter
 *          turned by half a turn
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

#include "image.h"
#include "lanes.h"
#include "parallel.h"
#include "tiles.h"

#include <string.h>

enum { MID_PIXELS = 48, MOST_K = 7, SLACK = 16 };

static int up(int n, int to)
{
    return (n + to - 1) / to * to;
}

static size_t align(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

/* Sizes that follow from a stage. */
struct plan {
    const nw_stage *s;
    nw_stage_cut cut;
    int cp, op;       /* channels padded to 8: c, oc                         */
    int act_h, act_w; /* pixels of act                                       */
    int spr_h, spr_w; /* of spread                                           */
    int off;          /* of the first gradient in spread                     */
    int rows;         /* of mid                                              */
    size_t act, mid, grad, spread, line, own; /* floats; own = all of a thread */
    size_t wd, wp;                            /* packed filters */
    size_t part, totals; /* what a part gathers, and where its doubles start */
};

static void lay_out(struct plan *p, const nw_stage *s, int backward)
{
    const int reach = (s->k - 1) * s->dil;
    const int need_h = (s->oh - 1) * s->stride + reach + 1;
    const int need_w = (s->ow - 1) * s->stride + reach + 1;

    *p = (struct plan){.s = s,
                       .cut = nw_stage_cut_of(s->n),
                       .cp = up(s->c, NW_LANES),
                       .op = up(s->oc, NW_LANES),
                       .off = reach - s->pad};
    p->act_h = need_h > s->ih + s->pad ? need_h : s->ih + s->pad;
    p->act_w = need_w > s->iw + s->pad ? need_w : s->iw + s->pad;
    p->spr_h = s->ih + reach;
    p->spr_w = s->iw + reach;
    p->rows = (MID_PIXELS + s->ow - 1) / s->ow;
    p->rows = p->rows > s->oh ? s->oh : p->rows;
    p->act = align((size_t)(p->act_h * p->act_w + SLACK) * (size_t)p->cp);
    p->mid = align((size_t)(p->rows * s->ow + SLACK) * (size_t)p->cp);
    p->wd = align((size_t)(s->k * s->k * p->cp));
    p->wp = align((size_t)(p->cp * p->op));
    p->own = p->act + p->mid;
    p->part = nw_gather_bytes(s->oc) / sizeof(float);
    if (!backward)
        return;
    p->grad = align((size_t)(p->rows * s->ow + SLACK) * (size_t)p->op);
    p->spread = align((size_t)(p->spr_h * p->spr_w + SLACK) * (size_t)p->cp);
    p->line = align((size_t)(s->iw + SLACK) * (size_t)p->cp);
    p->own += p->grad + p->spread + p->line + align(2 * (size_t)p->cp);
    p->totals = p->wp + p->wd;
    p->part = p->totals + align(2 * (size_t)s->c * sizeof(double) / sizeof(float));
}

static int separable_fits(const nw_stage *s)
{
    return nw_has_wide() && s->c >= 8 && s->oc >= 8 && s->k % 2 && s->k <= MOST_K &&
           s->stride <= 2 && s->pad <= (s->k - 1) * s->dil &&
           (size_t)s->ih * (size_t)s->iw * (size_t)s->c <= 1 << 20;
}

static size_t separable_scratch(const nw_stage *s, int backward)
{
    struct plan p;

    lay_out(&p, s, backward);
    return sizeof(float) * ((size_t)s->threads * p.own + 2 * p.wd + 2 * p.wp +
                            (size_t)p.cut.parts * p.part);
}

/* A call: filters packed for the kernels, and where buffers stand. */
struct call {
    struct plan p;
    const nw_stage_args *a;
    float *wd, *turned; /* (k, k, cp), and turned by half a turn      */
    float *wp, *wt;     /* panels of columns o, and c             */
    float *own, *parts;
};

static void begin(struct call *call, const nw_stage *s, const nw_stage_args *a,
                  int backward)
{
    float *at = a->scratch;

    lay_out(&call->p, s, backward);
    call->a = a;
    call->wd = at;
    call->turned = call->wd + call->p.wd;
    call->wp = call->turned + call->p.wd;
    call->wt = call->wp + call->p.wp;
    call->parts = call->wt + call->p.wp;
    call->own = call->parts + (size_t)call->p.cut.parts * call->p.part;
    /* every image writes the same places, so what lies around stays zero */
    memset(call->own, 0, (size_t)s->threads * call->p.own * sizeof(float));
}

/* ---- Filters -------------------------------------------------------------------- */

static void pack_depthwise(struct call *call)
{
    const nw_stage *s = call->p.s;
    const int taps = s->k * s->k, cp = call->p.cp;

    memset(call->wd, 0, 2 * call->p.wd * sizeof(float));
    for (int c = 0; c < s->c; c++)
        for (int t = 0; t < taps; t++) {
            call->wd[t * cp + c] = call->a->w[0][c * taps + t];
            call->turned[(taps - 1 - t) * cp + c] = call->a->w[0][c * taps + t];
        }
}

/* Panels of o for y = x wp', and of c for dx = dy wp. */
static void pack_pointwise(struct call *call)
{
    const nw_stage *s = call->p.s;
    int wo, wc;

    memset(call->wp, 0, 2 * call->p.wp * sizeof(float));
    for (int o = 0; o < s->oc; o++) {
        const size_t at_o = nw_panel_at(o, s->oc, s->c, &wo);

        for (int c = 0; c < s->c; c++) {
            const size_t at_c = nw_panel_at(c, s->c, s->oc, &wc);
            const float w = call->a->w[1][o * s->c + c];

            call->wp[at_o + (size_t)(c * wo)] = w;
            call->wt[at_c + (size_t)(o * wc)] = w;
        }
    }
}

/* ---- Depthwise --------------------------------------------------------------------- */

/* A walk over a padded image. */
struct walk {
    const float *in, *w;
    size_t pitch;      /* floats from row to row */
    int cp, stride, n; /* n = outputs of a row */
    int taps;
    ptrdiff_t tap[MOST_K * MOST_K]; /* from the first */
    float *out;
};

NW_WIDE NW_INLINE void depth_tile(const struct walk *s, const float *in, const float *w,
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

NW_WIDE NW_INLINE void depth_block(const struct walk *s, int c, int wide, int high)
{
    for (int o = 0; o < s->n; o += high)
        depth_tile(s, s->in + (ptrdiff_t)o * s->stride * s->cp + c, s->w + c,
                   s->out + (ptrdiff_t)o * s->cp + c, s->n - o, wide, high);
}

/* One row of outputs. */
NW_WIDE static void depth_row(const struct walk *s)
{
    int c = 0;

    for (; c + 2 * NW_LANES <= s->cp; c += 2 * NW_LANES)
        depth_block(s, c, 2, 4);
    if (c < s->cp)
        depth_block(s, c, 1, 4);
}

static void lay_taps(struct walk *s, int k, int dil)
{
    s->taps = k * k;
    for (int i = 0; i < s->taps; i++)
        s->tap[i] = (ptrdiff_t)(i / k * dil) * (ptrdiff_t)s->pitch +
                    (ptrdiff_t)(i % k * dil) * s->cp;
}

/* Rows [row, row + n) of the depthwise output to mid. */
static void mid_rows(const struct call *call, const float *act, int row, int n,
                     float *mid)
{
    const struct plan *p = &call->p;
    const nw_stage *s = p->s;
    struct walk walk = {.w = call->wd,
                        .pitch = (size_t)(p->act_w * p->cp),
                        .cp = p->cp,
                        .stride = s->stride,
                        .n = s->ow};

    lay_taps(&walk, s->k, s->dil);
    for (int r = 0; r < n; r++) {
        walk.in = act + (size_t)((row + r) * s->stride) * walk.pitch;
        walk.out = mid + (size_t)r * (size_t)(s->ow * p->cp);
        depth_row(&walk);
    }
}

/* ---- Forward -------------------------------------------------------------------------
 */

static float *own_buffers(const struct call *call)
{
    return call->own + (size_t)nw_thread() * call->p.own;
}

/* Where row r, column 0, of the image stands in act. */
static size_t act_at(const struct plan *p, int r)
{
    return ((size_t)(r + p->s->pad) * (size_t)p->act_w + (size_t)p->s->pad) *
           (size_t)p->cp;
}

static void act_image(const struct call *call, size_t image, float *act)
{
    const struct plan *p = &call->p;
    const nw_stage *s = p->s;
    const size_t line = (size_t)(s->iw * s->c);
    const float *x = call->a->x + image * (size_t)s->ih * line;

    for (int r = 0; r < s->ih; r++)
        nw_gate_in(s, call->a, s->iw, x + (size_t)r * line, p->cp, act + act_at(p, r));
}

static void forward_image(const struct call *call, size_t image, void *part)
{
    const struct plan *p = &call->p;
    const nw_stage *s = p->s;
    const size_t line = (size_t)(s->ow * s->oc);
    float *act = own_buffers(call), *mid = act + p->act;
    float *y = call->a->y + image * (size_t)s->oh * line;

    act_image(call, image, act);
    for (int r = 0; r < s->oh; r += p->rows, y += (size_t)p->rows * line) {
        const int n = s->oh - r < p->rows ? s->oh - r : p->rows;

        mid_rows(call, act, r, n, mid);
        nw_product(n * s->ow, s->oc, s->c, mid, (size_t)p->cp, call->wp, y,
                   (size_t)s->oc);
        if (call->a->moment)
            nw_gather_rows(part, s->oc, n * s->ow, y);
    }
}

/* Images of a part: [*first, return). */
static size_t images(const struct plan *p, size_t part, size_t *first)
{
    const size_t last = (part + 1) * (size_t)p->cut.per_part;

    *first = part * (size_t)p->cut.per_part;
    return last < (size_t)p->s->n ? last : (size_t)p->s->n;
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;
    size_t i;

    for (size_t part = begin; part < end; part++) {
        const size_t last = images(&call->p, part, &i);
        float *gather = call->parts + part * call->p.part;

        nw_gather_clear(gather, call->p.s->oc);
        for (; i < last; i++)
            forward_image(call, i, gather);
    }
}

static void separable_forward(const nw_stage *s, const nw_stage_args *a)
{
    struct call call;

    begin(&call, s, a, 0);
    pack_depthwise(&call);
    pack_pointwise(&call);
    nw_parallel((size_t)call.p.cut.parts, 1, forward_part, &call);
    if (a->moment)
        nw_gather_end(call.parts, call.p.cut.parts, s->oc, a->moment, a->variance);
}

/* ---- Backward ------------------------------------------------------------------------
 */

/* sum[tap][c] += sum over the image of act, moved by the tap, times the gradient. */
NW_WIDE NW_INLINE void filter_block(const struct plan *p, const float *act,
                                    const float *spread, int c, int k, float *sum)
{
    const nw_stage *s = p->s;
    const ptrdiff_t step = (ptrdiff_t)s->stride * p->cp, tap = (ptrdiff_t)s->dil * p->cp;
    const size_t act_pitch = (size_t)(p->act_w * p->cp),
                 spr_pitch = (size_t)(p->spr_w * p->cp);

    for (int ky = 0; ky < k; ky++) {
        nw_v acc[MOST_K] = {{0}};

        for (int oy = 0; oy < s->oh; oy++) {
            const float *g = spread + (size_t)(oy * s->stride + p->off) * spr_pitch +
                             (size_t)(p->off * p->cp + c);
            const float *x =
                act + (size_t)(oy * s->stride + ky * s->dil) * act_pitch + (size_t)c;

            for (int ox = 0; ox < s->ow; ox++, g += step, x += step) {
                const nw_v grad = nw_get(g);

#pragma GCC unroll 7
                for (int kx = 0; kx < k; kx++)
                    acc[kx] += grad * nw_get(x + kx * tap);
            }
        }
        for (int kx = 0; kx < k; kx++)
            *(nw_vu *)(sum + (ky * k + kx) * p->cp + c) += acc[kx];
    }
}

NW_WIDE static void filter_sums(const struct plan *p, const float *act,
                                const float *spread, float *sum)
{
    for (int c = 0; c < p->cp; c += NW_LANES)
        if (p->s->k == 3)
            filter_block(p, act, spread, c, 3, sum);
        else if (p->s->k == 5)
            filter_block(p, act, spread, c, 5, sum);
        else
            filter_block(p, act, spread, c, p->s->k, sum);
}

/* Buffers of the thread at work. */
struct own {
    float *act, *mid, *grad, *spread, *line, *sums;
};

static void input_gradient(const struct call *call, const struct own *own, size_t image)
{
    const struct plan *p = &call->p;
    const nw_stage *s = p->s;
    struct walk walk = {.w = call->turned,
                        .pitch = (size_t)(p->spr_w * p->cp),
                        .cp = p->cp,
                        .stride = 1,
                        .n = s->iw,
                        .out = own->line};
    size_t at = image * (size_t)(s->ih * s->iw * s->c);

    lay_taps(&walk, s->k, s->dil);
    for (int r = 0; r < s->ih; r++, at += (size_t)(s->iw * s->c)) {
        walk.in = own->spread + (size_t)r * walk.pitch;
        depth_row(&walk);
        nw_gate_back(s, call->a, s->iw, own->act + act_at(p, r), own->line, p->cp,
                     call->a->x + at, call->a->dx + at,
                     call->a->dx_sum ? own->sums : NULL);
    }
}

/* Rows [row, row + n): gradient of the 1x1 filter, and of the depthwise output. */
static void back_rows(const struct call *call, const struct own *own, size_t image,
                      int row, int n, float *sums)
{
    const struct plan *p = &call->p;
    const nw_stage *s = p->s;
    const size_t at = (image * (size_t)s->oh + (size_t)row) * (size_t)(s->ow * s->oc);

    nw_norm_in(s, call->a, n * s->ow, call->a->y + at, call->a->dy + at, p->op,
               own->grad);
    if (call->a->dw[1]) {
        mid_rows(call, own->act, row, n, own->mid);
        nw_outer(n * s->ow, p->cp, p->op, own->mid, own->grad, sums);
    }
    for (int r = 0; r < n; r++)
        nw_product(s->ow, p->cp, s->oc, own->grad + (size_t)r * (size_t)(s->ow * p->op),
                   (size_t)p->op, call->wt,
                   own->spread +
                       ((size_t)((row + r) * s->stride + p->off) * (size_t)p->spr_w +
                        (size_t)p->off) *
                           (size_t)p->cp,
                   (size_t)(s->stride * p->cp));
}

static struct own own_places(const struct call *call)
{
    const struct plan *p = &call->p;
    struct own own = {.act = own_buffers(call)};

    own.mid = own.act + p->act;
    own.grad = own.mid + p->mid;
    own.spread = own.grad + p->grad;
    own.line = own.spread + p->spread;
    own.sums = own.line + p->line;
    return own;
}

static void back_image(const struct call *call, size_t image, float *part)
{
    const struct plan *p = &call->p;
    const nw_stage *s = p->s;
    const struct own own = own_places(call);

    act_image(call, image, own.act);
    for (int r = 0; r < s->oh; r += p->rows)
        back_rows(call, &own, image, r, s->oh - r < p->rows ? s->oh - r : p->rows, part);
    if (call->a->dw[0])
        filter_sums(p, own.act, own.spread, part + p->wp);
    if (call->a->dx)
        input_gradient(call, &own, image);
    if (call->a->dx_sum)
        nw_sums_to(s->c, p->cp, own.sums, (double *)(part + p->totals));
}

static void back_part(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;
    const struct plan *p = &call->p;
    size_t i;

    for (size_t part = begin; part < end; part++) {
        const size_t last = images(p, part, &i);
        float *sums = call->parts + part * p->part;

        memset(sums, 0, p->part * sizeof(float));
        for (; i < last; i++)
            back_image(call, i, sums);
    }
}

static void add_filters(const struct call *call, const float *part)
{
    const struct plan *p = &call->p;
    const nw_stage *s = p->s;
    const int taps = s->k * s->k;
    const float *wd = part + p->wp;
    float *const *dw = call->a->dw;

    for (int o = 0; dw[1] && o < s->oc; o++)
        for (int c = 0; c < s->c; c++)
            dw[1][o * s->c + c] += part[c * p->op + o];
    for (int c = 0; dw[0] && c < s->c; c++)
        for (int t = 0; t < taps; t++)
            dw[0][c * taps + t] += wd[t * p->cp + c];
}

static void separable_backward(const nw_stage *s, const nw_stage_args *a)
{
    struct call call;

    begin(&call, s, a, 1);
    pack_depthwise(&call);
    pack_pointwise(&call);
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
    .fits = separable_fits,
    .scratch = separable_scratch,
    .forward = separable_forward,
    .backward = separable_backward,
};

#endif
