/*
 * sepconv.c - an image at a time, in buffers of the thread that stay in its caches:
 *
 *   act    the activation of the image with zeros around, channels padded to 8
 *   mid    some rows of the depthwise output, enough pixels for a matrix product
 *   spread backward: gradient of the depthwise output, `stride` apart and with zeros
 *          around, over which the transposed convolution is a plain one with the filter
 *          turned by half a turn
 *
 * The 1x1 convolution is a product of 6 pixels by 16 channels in registers; its weights
 * are packed once a call. Sums over the batch (gradients of the filters) are made in at
 * most PARTS parts, whatever the number of threads, and combined in order.
 *
 * Bytes: the plain sequence relu, depthwise, 1x1, batch norm moves 2 + 2 + 2 + 3 images
 * through memory going forward; this 2, and the moments and what reads the result 2 more.
 */
#include "sepconv.h"

#ifndef NW_DOUBLE

#include "parallel.h"
#include "simd.h"

#include <string.h>

enum { ROWS = 6, COLS = 16, PARTS = 16, MID_PIXELS = 48, MOST_K = 7, SLACK = 16 };

static int up(int n, int to)
{
    return (n + to - 1) / to * to;
}

static size_t align(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

/* Sizes that follow from a half. */
struct plan {
    const nw_half *h;
    int cp, op;          /* channels padded to 8: c, oc                         */
    int act_h, act_w;    /* pixels of act                                       */
    int spr_h, spr_w;    /* of spread                                           */
    int off;             /* of the first gradient in spread                     */
    int rows;            /* of mid                                              */
    int per_part, parts; /* images                                             */
    size_t act, mid, grad, spread, line, own; /* floats; own = all of a thread */
    size_t wd, wp, sums; /* packed filters; sums of a part                     */
};

static void lay_out(struct plan *p, const nw_half *h, int backward)
{
    const int reach = (h->k - 1) * h->dil;
    const int need_h = (h->oh - 1) * h->stride + reach + 1;
    const int need_w = (h->ow - 1) * h->stride + reach + 1;

    *p = (struct plan){.h = h,
                       .cp = up(h->c, 8),

                       .op = up(h->oc, NW_LANES),
                       .off = reach - h->pad};
    p->act_h = need_h > h->ih + h->pad ? need_h : h->ih + h->pad;
    p->act_w = need_w > h->iw + h->pad ? need_w : h->iw + h->pad;
    p->spr_h = h->ih + reach;
    p->spr_w = h->iw + reach;
    p->rows = (MID_PIXELS + h->ow - 1) / h->ow;
    p->rows = p->rows > h->oh ? h->oh : p->rows;
    p->per_part = (h->n + PARTS - 1) / PARTS;
    p->parts = (h->n + p->per_part - 1) / p->per_part;
    p->act = align((size_t)(p->act_h * p->act_w + SLACK) * (size_t)p->cp);
    p->mid = align((size_t)(p->rows * h->ow + SLACK) * (size_t)p->cp);
    p->grad = backward ? align((size_t)(p->rows * h->ow + SLACK) * (size_t)p->op) : 0;
    p->spread =
        backward ? align((size_t)(p->spr_h * p->spr_w + SLACK) * (size_t)p->cp) : 0;
    p->line = backward ? align((size_t)(h->iw + SLACK) * (size_t)p->cp) : 0;
    p->own = p->act + p->mid + p->grad + p->spread + p->line;
    p->wd = align((size_t)(h->k * h->k * p->cp));
    p->wp = align((size_t)(p->cp * p->op));
    p->sums = backward ? align((size_t)(p->cp * p->op)) + p->wd : 0;
}

int nw_half_fits(const nw_half *h)
{
    return nw_has_wide() && h->c >= 8 && h->oc >= 8 && h->k % 2 && h->k <= MOST_K &&
           h->stride <= 2 && h->pad <= (h->k - 1) * h->dil &&
           (size_t)h->ih * (size_t)h->iw * (size_t)h->c <= 1 << 20;
}

size_t nw_half_scratch(const nw_half *h, int backward)
{
    struct plan p;

    lay_out(&p, h, backward);
    return sizeof(float) *
           ((size_t)h->threads * p.own + 2 * p.wd + 2 * p.wp + (size_t)p.parts * p.sums);
}

/* A call: filters packed for the kernels, and where buffers stand. */
struct call {
    struct plan p;
    const nw_half_args *a;
    float *wd, *turned; /* (k, k, cp), and turned by half a turn      */
    float *wp, *wt;     /* panels of columns o, and c             */
    float *own, *sums;
};

static void begin(struct call *call, const nw_half *h, const nw_half_args *a,
                  int backward)
{
    float *at = a->scratch;

    lay_out(&call->p, h, backward);
    call->a = a;
    call->wd = at;
    call->turned = call->wd + call->p.wd;
    call->wp = call->turned + call->p.wd;
    call->wt = call->wp + call->p.wp;
    call->sums = call->wt + call->p.wp;
    call->own = call->sums + (size_t)call->p.parts * call->p.sums;
    /* every image writes the same places, so what lies around stays zero */
    memset(call->own, 0, (size_t)h->threads * call->p.own * sizeof(float));
}

/* ---- Filters -------------------------------------------------------------------- */

static void pack_depthwise(struct call *call)
{
    const nw_half *h = call->p.h;
    const int taps = h->k * h->k, cp = call->p.cp;

    memset(call->wd, 0, 2 * call->p.wd * sizeof(float));
    for (int c = 0; c < h->c; c++)
        for (int t = 0; t < taps; t++) {
            call->wd[t * cp + c] = call->a->wd[c * taps + t];
            call->turned[(taps - 1 - t) * cp + c] = call->a->wd[c * taps + t];
        }
}

/* Where column i, of n that are a multiple of 8, starts in panels of 16 columns and
 * perhaps a last one of 8, each k rows long; *width is that of its panel. */
static size_t panel_at(int i, int n, int k, int *width)
{
    const int first = i / COLS * COLS;

    *width = n - first < COLS ? n - first : COLS;
    return (size_t)first * (size_t)k + (size_t)(i - first);
}

/* Panels of o for y = x wp', and of c for dx = dy wp. */
static void pack_pointwise(struct call *call)
{
    const nw_half *h = call->p.h;
    int wo, wc;

    memset(call->wp, 0, 2 * call->p.wp * sizeof(float));
    for (int o = 0; o < h->oc; o++) {
        const size_t at_o = panel_at(o, call->p.op, h->c, &wo);

        for (int c = 0; c < h->c; c++) {
            const size_t at_c = panel_at(c, call->p.cp, h->oc, &wc);
            const float w = call->a->wp[o * h->c + c];

            call->wp[at_o + (size_t)(c * wo)] = w;
            call->wt[at_c + (size_t)(o * wc)] = w;
        }
    }
}

/* ---- Activation ------------------------------------------------------------------ */

/* Where the vector from channel k on starts: the last one reaches back over channels that
 * are done already, so that no lane is beyond the n >= 8 channels. */
NW_INLINE int lanes_at(int k, int n)
{
    return k + NW_LANES <= n ? k : n - NW_LANES;
}

NW_WIDE NW_INLINE nw_v load(const float *x)
{
    return *(const nw_vu *)x;
}

NW_WIDE NW_INLINE nw_v above_zero(nw_v v)
{
    typedef int mask __attribute__((vector_size(32)));

    return (nw_v)((mask)v & (v > 0));
}

/* Channels from c to cp stay as they are. */
NW_WIDE static void act_line(const nw_half_args *a, int n, int c, int cp,
                             const float *restrict x, float *restrict out)
{
    for (int from = 0; from < c; from += NW_LANES) {
        const int k = lanes_at(from, c);

        if (!a->mean) {
            for (int i = 0; i < n; i++)
                *(nw_vu *)(out + i * cp + k) = above_zero(load(x + i * c + k));
            continue;
        }
        const nw_v mean = load(a->mean + k), scale = load(a->scale + k),
                   shift = load(a->shift + k);

        for (int i = 0; i < n; i++)
            *(nw_vu *)(out + i * cp + k) =
                above_zero((load(x + i * c + k) - mean) * scale + shift);
    }
}

static void act_image(const struct call *call, const float *x, float *act)
{
    const struct plan *p = &call->p;
    const nw_half *h = p->h;
    const size_t pitch = (size_t)(p->act_w * p->cp);

    for (int r = 0; r < h->ih; r++)
        act_line(call->a, h->iw, h->c, p->cp, x + (size_t)r * (size_t)(h->iw * h->c),
                 act + (size_t)(r + h->pad) * pitch + (size_t)(h->pad * p->cp));
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
        const nw_v w0 = load(w), w1 = load(w + (wide - 1) * NW_LANES);

#pragma GCC unroll 6
        for (int t = 0; t < high; t++, from += step) {
            acc[t][0] += load(from) * w0;
            if (wide > 1)
                acc[t][1] += load(from + NW_LANES) * w1;
        }
    }
#pragma GCC unroll 6
    for (int t = 0; t < high; t++, out += s->cp) {
        if (t == some)
            return;
        *(nw_vu *)out = acc[t][0];
        if (wide > 1)
            *(nw_vu *)(out + NW_LANES) = acc[t][1];
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
    const nw_half *h = p->h;
    struct walk s = {.w = call->wd,
                     .pitch = (size_t)(p->act_w * p->cp),
                     .cp = p->cp,
                     .stride = h->stride,
                     .n = h->ow};

    lay_taps(&s, h->k, h->dil);
    for (int r = 0; r < n; r++) {
        s.in = act + (size_t)((row + r) * h->stride) * s.pitch;
        s.out = mid + (size_t)r * (size_t)(h->ow * p->cp);
        depth_row(&s);
    }
}

/* ---- Products -----------------------------------------------------------------------
 */

/* out[6][8 wide] = a[6][k] panel[k][8 wide]; rows of a are lda apart. */
NW_WIDE NW_INLINE void product_tile(const float *a, size_t lda, int k, const float *panel,
                                    nw_v acc[ROWS][2], int wide)
{
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
        acc[r][0] = acc[r][1] = (nw_v){0};
    for (int l = 0; l < k; l++, panel += wide * NW_LANES) {
        const nw_v b0 = load(panel), b1 = load(panel + (wide - 1) * NW_LANES);

#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            const float v = a[(size_t)r * lda + (size_t)l];

            acc[r][0] += v * b0;
            if (wide > 1)
                acc[r][1] += v * b1;
        }
    }
}

/* The first n of 8 lanes. */
NW_WIDE NW_INLINE void put_some(nw_v v, int n, float *out)
{
    const float *from = (const float *)&v;
    int i = 0;

    if (n >= NW_LANES) {
        *(nw_vu *)out = v;
        return;
    }
    for (; i + 4 <= n; i += 4)
        memcpy(out + i, from + i, 4 * sizeof(float));
    for (; i < n; i++)
        out[i] = from[i];
}

/* Columns of one panel: out[m][n] = a[m][k] panel. */
NW_WIDE NW_INLINE void product_panel(int m, int n, int k, const float *a, size_t lda,
                                     const float *panel, float *out, size_t ldo, int wide)
{
    for (int i = 0; i < m; i += ROWS, a += ROWS * lda) {
        const int rows = m - i < ROWS ? m - i : ROWS;
        nw_v acc[ROWS][2];

        product_tile(a, lda, k, panel, acc, wide);
#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++, out += ldo) {
            if (r == rows)
                return;
            put_some(acc[r][0], n, out);
            if (wide > 1)
                put_some(acc[r][1], n - NW_LANES, out + NW_LANES);
        }
    }
}

/* out[m][n] = a[m][k] b, b in panels; rows of out are ldo apart. */
NW_WIDE static void product(int m, int n, int k, const float *a, size_t lda,
                            const float *b, float *out, size_t ldo)
{
    int j = 0;

    for (; j + COLS <= n; j += COLS)
        product_panel(m, COLS, k, a, lda, b + (size_t)j * (size_t)k, out + j, ldo, 2);
    if (n - j > NW_LANES)
        product_panel(m, n - j, k, a, lda, b + (size_t)j * (size_t)k, out + j, ldo, 2);
    else if (n > j)
        product_panel(m, n - j, k, a, lda, b + (size_t)j * (size_t)k, out + j, ldo, 1);
}

/* out[6 c][8 wide o] += sum over pixels of mid[pixel][c] grad[pixel][o]. */
NW_WIDE NW_INLINE void outer_tile(const struct plan *p, int pixels, const float *mid,
                                  const float *grad, int rows, float *out, int wide)
{
    nw_v acc[ROWS][2];

#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++)
        acc[r][0] = acc[r][1] = (nw_v){0};
    for (int i = 0; i < pixels; i++, mid += p->cp, grad += p->op) {
        const nw_v b0 = load(grad), b1 = load(grad + (wide - 1) * NW_LANES);

#pragma GCC unroll 6
        for (int r = 0; r < ROWS; r++) {
            acc[r][0] += mid[r] * b0;
            if (wide > 1)
                acc[r][1] += mid[r] * b1;
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < ROWS; r++, out += p->op) {
        if (r == rows)
            return;
        *(nw_vu *)out += acc[r][0];
        if (wide > 1)
            *(nw_vu *)(out + NW_LANES) += acc[r][1];
    }
}

/* out (cp, op) += mid' grad over the pixels. */
NW_WIDE static void outer(const struct plan *p, int pixels, const float *mid,
                          const float *grad, float *out)
{
    for (int c = 0; c < p->cp; c += ROWS) {
        const int rows = p->cp - c < ROWS ? p->cp - c : ROWS;
        float *to = out + (size_t)(c * p->op);
        int o = 0;

        for (; o + COLS <= p->op; o += COLS)
            outer_tile(p, pixels, mid + c, grad + o, rows, to + o, 2);
        if (o < p->op)
            outer_tile(p, pixels, mid + c, grad + o, rows, to + o, 1);
    }
}

/* ---- Forward -------------------------------------------------------------------------
 */

static float *own_buffers(const struct call *call)
{
    return call->own + (size_t)nw_thread() * call->p.own;
}

static void forward_image(const struct call *call, size_t image)
{
    const struct plan *p = &call->p;
    const nw_half *h = p->h;
    const size_t out_line = (size_t)(h->ow * h->oc);
    float *act = own_buffers(call), *mid = act + p->act;
    float *y = call->a->y + image * (size_t)h->oh * out_line;

    act_image(call, call->a->x + image * (size_t)(h->ih * h->iw * h->c), act);
    for (int r = 0; r < h->oh; r += p->rows) {
        const int n = h->oh - r < p->rows ? h->oh - r : p->rows;

        mid_rows(call, act, r, n, mid);
        product(n * h->ow, h->oc, h->c, mid, (size_t)p->cp, call->wp,
                y + (size_t)r * out_line, (size_t)h->oc);
    }
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        forward_image(arg, i);
}

void nw_half_forward(const nw_half *h, const nw_half_args *a)
{
    struct call call;

    begin(&call, h, a, 0);
    pack_depthwise(&call);
    pack_pointwise(&call);
    nw_parallel((size_t)h->n, 1, forward_part, &call);
}

/* ---- Backward ------------------------------------------------------------------------
 */

/* The gradient before the batch norm, of n pixels; channels from oc to op stay. */
NW_WIDE static void before_norm(const nw_half_args *a, int n, int oc, int op,
                                const float *restrict y, const float *restrict dy,
                                float *restrict out)
{
    for (int from = 0; from < oc; from += NW_LANES) {
        const int k = lanes_at(from, oc);
        const nw_v on_dy = load(a->on_dy + k), on_y = load(a->on_y + k),
                   mean = load(a->y_mean + k), fixed = load(a->fixed + k);

        for (int i = 0; i < n; i++)
            *(nw_vu *)(out + i * op + k) = on_dy * load(dy + i * oc + k) +
                                           (on_y * (load(y + i * oc + k) - mean) + fixed);
    }
}

/* sum[tap][c] += sum over the image of act, moved by the tap, times the gradient. */
NW_WIDE NW_INLINE void filter_block(const struct plan *p, const float *act,
                                    const float *spread, int c, int k, float *sum)
{
    const nw_half *h = p->h;
    const ptrdiff_t step = (ptrdiff_t)h->stride * p->cp, tap = (ptrdiff_t)h->dil * p->cp;
    const size_t act_pitch = (size_t)(p->act_w * p->cp),
                 spr_pitch = (size_t)(p->spr_w * p->cp);

    for (int ky = 0; ky < k; ky++) {
        nw_v acc[MOST_K] = {{0}};

        for (int oy = 0; oy < h->oh; oy++) {
            const float *g = spread + (size_t)(oy * h->stride + p->off) * spr_pitch +
                             (size_t)(p->off * p->cp + c);
            const float *x =
                act + (size_t)(oy * h->stride + ky * h->dil) * act_pitch + (size_t)c;

            for (int ox = 0; ox < h->ow; ox++, g += step, x += step) {
                const nw_v grad = *(const nw_vu *)g;

#pragma GCC unroll 7
                for (int kx = 0; kx < k; kx++)
                    acc[kx] += grad * *(const nw_vu *)(x + kx * tap);
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
        if (p->h->k == 3)
            filter_block(p, act, spread, c, 3, sum);
        else if (p->h->k == 5)
            filter_block(p, act, spread, c, 5, sum);
        else
            filter_block(p, act, spread, c, p->h->k, sum);
}

/* dx = or += grad where the activation is above 0. */
NW_WIDE static void masked_line(int n, int c, int cp, const float *restrict act,
                                const float *restrict grad, int add, float *restrict dx)
{
    for (int i = 0; i < n; i++, act += cp, grad += cp, dx += c)
        for (int k = 0; k < c; k++) {
            const float g = act[k] > 0 ? grad[k] : 0;

            dx[k] = add ? dx[k] + g : g;
        }
}

/* Buffers of the thread at work. */
struct own {
    float *act, *mid, *grad, *spread, *line;
};

static void input_gradient(const struct call *call, const struct own *own, size_t image)
{
    const struct plan *p = &call->p;
    const nw_half *h = p->h;
    struct walk s = {.w = call->turned,
                     .pitch = (size_t)(p->spr_w * p->cp),
                     .cp = p->cp,
                     .stride = 1,
                     .n = h->iw,
                     .out = own->line};
    float *dx = call->a->dx + image * (size_t)(h->ih * h->iw * h->c);

    lay_taps(&s, h->k, h->dil);
    for (int r = 0; r < h->ih; r++) {
        s.in = own->spread + (size_t)r * s.pitch;
        depth_row(&s);
        masked_line(h->iw, h->c, p->cp,
                    own->act +
                        ((size_t)(r + h->pad) * (size_t)p->act_w + (size_t)h->pad) *
                            (size_t)p->cp,
                    own->line, call->a->add, dx + (size_t)r * (size_t)(h->iw * h->c));
    }
}

/* Rows [row, row + n): gradient of the 1x1 filter, and of the depthwise output. */
static void back_rows(const struct call *call, const struct own *own, size_t image,
                      int row, int n, float *sums)
{
    const struct plan *p = &call->p;
    const nw_half *h = p->h;
    const size_t at = (image * (size_t)h->oh + (size_t)row) * (size_t)(h->ow * h->oc);

    before_norm(call->a, n * h->ow, h->oc, p->op, call->a->y + at, call->a->dy + at,
                own->grad);
    if (call->a->dwp) {
        mid_rows(call, own->act, row, n, own->mid);
        outer(p, n * h->ow, own->mid, own->grad, sums);
    }
    for (int r = 0; r < n; r++)
        product(h->ow, p->cp, h->oc, own->grad + (size_t)r * (size_t)(h->ow * p->op),
                (size_t)p->op, call->wt,
                own->spread +
                    ((size_t)((row + r) * h->stride + p->off) * (size_t)p->spr_w +
                     (size_t)p->off) *
                        (size_t)p->cp,
                (size_t)(h->stride * p->cp));
}

static void back_image(const struct call *call, size_t image, float *sums)
{
    const struct plan *p = &call->p;
    const nw_half *h = p->h;
    struct own own = {.act = own_buffers(call)};

    own.mid = own.act + p->act;
    own.grad = own.mid + p->mid;
    own.spread = own.grad + p->grad;
    own.line = own.spread + p->spread;
    act_image(call, call->a->x + image * (size_t)(h->ih * h->iw * h->c), own.act);
    for (int r = 0; r < h->oh; r += p->rows)
        back_rows(call, &own, image, r, h->oh - r < p->rows ? h->oh - r : p->rows, sums);
    if (call->a->dwd)
        filter_sums(p, own.act, own.spread, sums + align((size_t)(p->cp * p->op)));
    if (call->a->dx)
        input_gradient(call, &own, image);
}

static void back_part(void *arg, size_t begin, size_t end)
{
    const struct call *call = arg;
    const struct plan *p = &call->p;

    for (size_t part = begin; part < end; part++) {
        float *sums = call->sums + part * p->sums;
        size_t first = part * (size_t)p->per_part, last = first + (size_t)p->per_part;

        last = last < (size_t)p->h->n ? last : (size_t)p->h->n;
        memset(sums, 0, p->sums * sizeof(float));
        for (size_t i = first; i < last; i++)
            back_image(call, i, sums);
    }
}

static void add_sums(const struct call *call)
{
    const struct plan *p = &call->p;
    const nw_half *h = p->h;
    const int taps = h->k * h->k;

    for (int part = 0; part < p->parts; part++) {
        const float *wp = call->sums + (size_t)part * p->sums;
        const float *wd = wp + align((size_t)(p->cp * p->op));

        for (int o = 0; call->a->dwp && o < h->oc; o++)
            for (int c = 0; c < h->c; c++)
                call->a->dwp[o * h->c + c] += wp[c * p->op + o];
        for (int c = 0; call->a->dwd && c < h->c; c++)
            for (int t = 0; t < taps; t++)
                call->a->dwd[c * taps + t] += wd[t * p->cp + c];
    }
}

void nw_half_backward(const nw_half *h, const nw_half_args *a)
{
    struct call call;

    begin(&call, h, a, 1);
    pack_depthwise(&call);
    pack_pointwise(&call);
    nw_parallel((size_t)call.p.parts, 1, back_part, &call);
    add_sums(&call);
}

#endif
