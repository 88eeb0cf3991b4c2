/* conv.c - the choice among ways, and the portable one: plain loops, no copies. */
#include "conv.h"

#include "columns.h"
#include "onednn.h"
#include "parallel.h"
#include "ways.h"

#include <string.h>

struct job {
    const nw_conv_dims *d;
    const nw_conv_args *a;
};

static size_t at(int n, int h, int w, int c, int height, int width, int channels)
{
    return (((size_t)n * (size_t)height + (size_t)h) * (size_t)width + (size_t)w) *
               (size_t)channels +
           (size_t)c;
}

static size_t weight_at(const nw_conv_dims *d, int o, int c, int a, int b)
{
    return at(o, c, a, b, d->ic / d->groups, d->kh, d->kw);
}

/* Sum of one output number. */
static nw_real out_sum(const nw_conv_dims *d, const nw_conv_args *q, int n, int i, int j,
                       int o)
{
    int ic = d->ic / d->groups, first = o / (d->oc / d->groups) * ic;
    nw_real sum = q->bias ? q->bias[o] : 0;

    for (int a = 0; a < d->kh; a++)
        for (int b = 0; b < d->kw; b++) {
            int h = i * d->sh - d->ph + a * d->dh, w = j * d->sw - d->pw + b * d->dw;

            if (h < 0 || h >= d->ih || w < 0 || w >= d->iw)
                continue;
            for (int c = 0; c < ic; c++)
                sum += q->x[at(n, h, w, first + c, d->ih, d->iw, d->ic)] *
                       q->w[weight_at(d, o, c, a, b)];
        }
    return sum;
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_conv_dims *d = job->d;

    for (size_t r = begin; r < end; r++) {
        int n = (int)(r / (size_t)d->oh), i = (int)(r % (size_t)d->oh);

        for (int j = 0; j < d->ow; j++)
            for (int o = 0; o < d->oc; o++)
                job->a->y[at(n, i, j, o, d->oh, d->ow, d->oc)] =
                    out_sum(d, job->a, n, i, j, o);
    }
}

/* Which output is at `step` of kernel position a; -1 = none. */
static int out_of(int in, int pad, int a, int dil, int stride, int size)
{
    int v = in + pad - a * dil;

    return v >= 0 && v % stride == 0 && v / stride < size ? v / stride : -1;
}

/* Gradient of one input number. */
static nw_real in_sum(const nw_conv_dims *d, const nw_conv_args *q, int n, int h, int w,
                      int c)
{
    int ic = d->ic / d->groups, oc = d->oc / d->groups, first = c / ic * oc;
    nw_real sum = 0;

    for (int a = 0; a < d->kh; a++)
        for (int b = 0; b < d->kw; b++) {
            int i = out_of(h, d->ph, a, d->dh, d->sh, d->oh);
            int j = out_of(w, d->pw, b, d->dw, d->sw, d->ow);

            for (int o = first; i >= 0 && j >= 0 && o < first + oc; o++)
                sum += q->dy[at(n, i, j, o, d->oh, d->ow, d->oc)] *
                       q->w[weight_at(d, o, c % ic, a, b)];
        }
    return sum;
}

static void data_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_conv_dims *d = job->d;

    for (size_t r = begin; r < end; r++) {
        int n = (int)(r / (size_t)d->ih), h = (int)(r % (size_t)d->ih);

        for (int w = 0; w < d->iw; w++)
            for (int c = 0; c < d->ic; c++) {
                nw_real *dx = job->a->dx + at(n, h, w, c, d->ih, d->iw, d->ic);
                nw_real sum = in_sum(d, job->a, n, h, w, c);

                *dx = job->a->add ? *dx + sum : sum;
            }
    }
}

/* Gradient of one weight. */
static nw_real weight_sum(const nw_conv_dims *d, const nw_conv_args *q, int o, int c,
                          int a, int b)
{
    int first = o / (d->oc / d->groups) * (d->ic / d->groups);
    nw_real sum = 0;

    for (int n = 0; n < d->n; n++)
        for (int i = 0; i < d->oh; i++) {
            int h = i * d->sh - d->ph + a * d->dh;

            for (int j = 0; h >= 0 && h < d->ih && j < d->ow; j++) {
                int w = j * d->sw - d->pw + b * d->dw;

                if (w >= 0 && w < d->iw)
                    sum += q->x[at(n, h, w, first + c, d->ih, d->iw, d->ic)] *
                           q->dy[at(n, i, j, o, d->oh, d->ow, d->oc)];
            }
        }
    return sum;
}

static void weight_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_conv_dims *d = job->d;

    for (size_t o = begin; o < end; o++)
        for (int c = 0; c < d->ic / d->groups; c++)
            for (int a = 0; a < d->kh; a++)
                for (int b = 0; b < d->kw; b++)
                    job->a->dw[weight_at(d, (int)o, c, a, b)] +=
                        weight_sum(d, job->a, (int)o, c, a, b);
}

static void portable_forward(const nw_conv_dims *d, void *self, const nw_conv_args *a)
{
    struct job job = {d, a};

    (void)self;
    nw_parallel((size_t)d->n * (size_t)d->oh, 4, forward_part, &job);
}

static void portable_back_data(const nw_conv_dims *d, void *self, const nw_conv_args *a)
{
    struct job job = {d, a};

    (void)self;
    nw_parallel((size_t)d->n * (size_t)d->ih, 4, data_part, &job);
}

static void portable_back_weights(const nw_conv_dims *d, void *self,
                                  const nw_conv_args *a)
{
    struct job job = {d, a};
    size_t rows = (size_t)d->n * (size_t)d->oh * (size_t)d->ow;

    (void)self;
    if (a->dw)
        nw_parallel((size_t)d->oc, 1, weight_part, &job);
    if (a->db)
        NW_R(nw_column_sum)(rows, (size_t)d->oc, a->dy, a->db, a->scratch);
}

void NW_R(nw_conv_portable)(const nw_conv_dims *d, nw_conv_pass pass, nw_conv_way *way)
{
    size_t rows = (size_t)d->n * (size_t)d->oh * (size_t)d->ow;

    *way = (nw_conv_way){.name = "portable"};
    way->run = pass == NW_CONV_FORWARD     ? portable_forward
               : pass == NW_CONV_BACK_DATA ? portable_back_data
                                           : portable_back_weights;
    if (pass == NW_CONV_BACK_WEIGHTS)
        way->scratch = NW_R(nw_column_scratch)(rows, (size_t)d->oc);
}

#ifdef NW_DOUBLE

nw_status NW_R(nw_conv_choose)(nw_ctx *ctx, const nw_conv_dims *d, nw_conv_pass pass,
                               int bias, nw_conv_way *way)
{
    (void)ctx, (void)bias;
    NW_R(nw_conv_portable)(d, pass, way);
    return NW_OK;
}

void NW_R(nw_conv_leave)(nw_ctx *ctx, nw_conv_way *way)
{
    (void)ctx;
    *way = (nw_conv_way){0};
}

nw_status NW_R(nw_conv_keep)(nw_ctx *ctx, nw_conv_way *way, const nw_real *w)
{
    (void)ctx, (void)way, (void)w;
    return NW_OK;
}

#else

nw_status NW_R(nw_conv_keep)(nw_ctx *ctx, nw_conv_way *way, const nw_real *w)
{
    return way->turned ? nw_onednn_keep(ctx, way, w) : NW_OK;
}

/* oneDNN 2.6 gathers the pixels of a strided 1x1 convolution into scratch by whole
 * vectors; with fewer channels than a vector has lanes it writes past the end of it, and
 * gradients of weights are wrong. */
static int onednn_overruns(const nw_conv_dims *d, nw_conv_pass pass)
{
    return pass == NW_CONV_BACK_WEIGHTS && d->kh == 1 && d->kw == 1 &&
           (d->sh > 1 || d->sw > 1) && d->ic / d->groups < 16;
}

/* Minimal filtering first, where it is faster than oneDNN (conv_winograd.c).
 *
 * Measured with 16 to 144 channels: oneDNN's depthwise kernels are up to twice as fast as
 * ours forward and, at stride 1 undilated, towards the data; what it has for dilated
 * gradients is 3 to 60 times slower. Its gradient of weights is cut by the number of
 * threads, ours is not. */
nw_status NW_R(nw_conv_choose)(nw_ctx *ctx, const nw_conv_dims *d, nw_conv_pass pass,
                               int bias, nw_conv_way *way)
{
    nw_conv_way own = {0};
    int has_own = NW_R(nw_conv_depthwise)(d, pass, &own);
    int strided = d->sh > 1 || d->sw > 1;

    NW_TRY(nw_winograd_conv(ctx, d, pass, bias, way));
    if (way->run)
        return NW_OK;
    *way = own;
    if (has_own &&
        (pass == NW_CONV_BACK_WEIGHTS || (pass == NW_CONV_BACK_DATA && strided)))
        return NW_OK;
    if (!onednn_overruns(d, pass))
        NW_TRY(nw_ways_find(ctx, d, pass, bias, way));
    if (has_own && !(way->run && strstr(way->name, "jit_dw"))) {
        NW_R(nw_conv_leave)(ctx, way);
        *way = own;
    }
    if (!way->run) {
        NW_R(nw_conv_leave)(ctx, way);
        NW_R(nw_conv_portable)(d, pass, way);
    }
    return NW_OK;
}

void NW_R(nw_conv_leave)(nw_ctx *ctx, nw_conv_way *way)
{
    nw_release(ctx, way->kept);
    nw_ways_leave(way->lent);
    *way = (nw_conv_way){0};
}

#endif
