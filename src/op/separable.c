/*
 * separable.c - [relu, depthwise, 1x1, batch norm], once or twice, as one turn.
 *
 * keep  of every half its output before the batch norm, mean and 1 / sqrt(var + eps):
 *       all else is computed again on the way back (tensor/sepconv.h)
 * par   of every half: depthwise (C,1,k,k), 1x1 (O,C,1,1), weight (O) and bias (O) if
 *       affine, running_mean (O), running_var (O)
 *
 * The first batch norm is applied while the second half reads its input, and the second
 * one's gradient while the backward pass reads it.
 */
#include "separable.h"

#ifndef NW_DOUBLE

#include "ctx.h"
#include "norm.h"
#include "sepconv.h"

/* Defaults of the op batchnorm, which the expansions take. */
static const double eps = 1e-5, momentum = 0.1;

struct stage {
    nw_half half;
    nw_norm norm;
    int first; /* parameter */
    size_t y;  /* in keep, floats; mean and root follow it */
};

struct state {
    int halves, affine;
    struct stage stage[2];
    size_t widest; /* channels                                  */
    size_t half_bytes, norm_bytes;
};

static int pixels(int n, const nw_half *h)
{
    return (n + 2 * h->pad - (h->k - 1) * h->dil - 1) / h->stride + 1;
}

static void set_half(const nw_separable *s, int i, int c, int ih, int iw, nw_half *h)
{
    *h = (nw_half){.c = c, .ih = ih, .iw = iw, .k = s->k[0], .dil = s->dil};
    h->oc = i == s->halves - 1 && s->out > 0 ? s->out : c;
    h->stride = i == 0 ? s->stride[0] : 1;
    h->pad = (h->k - 1) * h->dil / 2;
    h->oh = pixels(ih, h);
    h->ow = pixels(iw, h);
}

int nw_separable_fits(const nw_separable *s, const nw_shape *in)
{
    int c = in->dim[0], h = in->dim[1], w = in->dim[2];

    if (in->rank != 3 || s->k[0] != s->k[1] || s->stride[0] != s->stride[1])
        return 0;
    for (int i = 0; i < s->halves; i++) {
        nw_half half;

        set_half(s, i, c, h, w, &half);
        if (half.oh < 1 || half.ow < 1 || !nw_half_fits(&half))
            return 0;
        c = half.oc, h = half.oh, w = half.ow;
    }
    return 1;
}

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t floats(size_t n)
{
    return (n + 15) / 16 * 16;
}

nw_status nw_separable_prepare(const nw_separable *s, nw_run *run)
{
    struct state *st = nw_alloc(run->ctx, sizeof(*st));
    int c = run->in[0].dim[0], h = run->in[0].dim[1], w = run->in[0].dim[2];
    size_t keep = 0, between = 0;

    run->state = st;
    if (!st)
        return NW_ENOMEM;
    st->halves = s->halves;
    st->affine = s->affine;
    for (int i = 0; i < s->halves; i++) {
        struct stage *g = &st->stage[i];

        set_half(s, i, c, h, w, &g->half);
        g->half.n = run->batch;
        g->half.threads = nw_threads(run->ctx);
        c = g->half.oc, h = g->half.oh, w = g->half.ow;
        g->norm = (nw_norm){(size_t)run->batch * (size_t)(h * w), (size_t)c};
        g->first = i * (s->affine ? 6 : 4);
        g->y = keep;
        keep += floats(g->norm.rows * g->norm.c) + 2 * floats(g->norm.c);
        st->widest = largest(st->widest, floats(g->norm.c));
        st->half_bytes =
            largest(st->half_bytes, nw_half_scratch(&g->half, run->backward));
        st->norm_bytes = largest(st->norm_bytes, nw_norm_scratch_f32(&g->norm));
        if (i + 1 < s->halves && run->backward)
            between = floats(g->norm.rows * g->norm.c);
    }
    run->keep_bytes = keep * sizeof(float);
    run->scratch_bytes = (10 * st->widest + between) * sizeof(float) + 64 +
                         largest(st->half_bytes, st->norm_bytes);
    return NW_OK;
}

void nw_separable_release(nw_run *run)
{
    nw_release(run->ctx, run->state);
}

/* Vectors by channel, then a tensor between the halves, then what kernels work with. */
static float *vector(const nw_run *run, int i)
{
    const struct state *st = run->state;

    return (float *)run->scratch + (size_t)i * st->widest;
}

static float *between(const nw_run *run)
{
    return vector(run, 10);
}

static void *working(const nw_run *run)
{
    const struct state *st = run->state;
    size_t n = st->halves > 1 && run->backward
                   ? floats(st->stage[0].norm.rows * st->stage[0].norm.c)
                   : 0;

    return between(run) + n;
}

static float *kept(const nw_run *run, const struct stage *g)
{
    return (float *)run->keep + g->y;
}

static float *mean_of(const nw_run *run, const struct stage *g)
{
    return kept(run, g) + floats(g->norm.rows * g->norm.c);
}

static float *root_of(const nw_run *run, const struct stage *g)
{
    return mean_of(run, g) + floats(g->norm.c);
}

/* Scale and shift of the batch norm of a stage, given its mean and root. */
static void affine_of(const nw_run *run, const struct stage *g, float *scale,
                      float *shift)
{
    const struct state *st = run->state;
    const float *root = root_of(run, g);

    for (size_t i = 0; i < g->norm.c; i++) {
        scale[i] = st->affine ? run->w[g->first + 2][i] * root[i] : root[i];
        shift[i] = st->affine ? run->w[g->first + 3][i] : 0;
    }
}

/* Input of stage i, with the batch norm of the stage before, which is put to vectors
 * 0 and 1. */
static void take_input(const nw_run *run, int i, nw_half_args *a)
{
    const struct state *st = run->state;
    const struct stage *before = &st->stage[i - (i > 0)];

    a->x = i ? kept(run, before) : run->x[0];
    if (!i)
        return;
    affine_of(run, before, vector(run, 0), vector(run, 1));
    a->mean = mean_of(run, before);
    a->scale = vector(run, 0);
    a->shift = vector(run, 1);
}

static void moments(const nw_run *run, const struct stage *g)
{
    const struct state *st = run->state;
    float *mean = mean_of(run, g), *root = root_of(run, g), *var = vector(run, 2);
    float *running = run->w[g->first + (st->affine ? 4 : 2)],
          *running_var = run->w[g->first + (st->affine ? 5 : 3)];

    if (run->mode == NW_EVAL) {
        memcpy(mean, running, g->norm.c * sizeof(float));
        memcpy(var, running_var, g->norm.c * sizeof(float));
    } else {
        nw_norm_moments_f32(&g->norm, kept(run, g), mean, var, working(run));
        if (run->mode != NW_TRAIN_STILL)
            nw_follow_f32(run, momentum, g->norm.rows, g->norm.c, mean, var, running,
                          running_var);
    }
    for (size_t i = 0; i < g->norm.c; i++)
        root[i] = (float)(1 / sqrt((double)var[i] + eps));
}

void nw_separable_forward(const nw_run *run)
{
    const struct state *st = run->state;
    const struct stage *last = &st->stage[st->halves - 1];

    for (int i = 0; i < st->halves; i++) {
        const struct stage *g = &st->stage[i];
        nw_half_args a = {.wd = run->w[g->first],
                          .wp = run->w[g->first + 1],
                          .y = kept(run, g),
                          .scratch = working(run)};

        take_input(run, i, &a);
        nw_half_forward(&g->half, &a);
        moments(run, g);
    }
    affine_of(run, last, vector(run, 0), vector(run, 1));
    nw_norm_apply_f32(&last->norm, kept(run, last), mean_of(run, last), vector(run, 0),
                      vector(run, 1), run->y);
}

/* How a gradient passes the batch norm of a stage: vectors 2 to 4, and its own gradients.
 */
static void norm_backward(const nw_run *run, const struct stage *g, const float *dy)
{
    const struct state *st = run->state;
    const float *root = root_of(run, g);
    const float share = run->mode == NW_EVAL ? 0 : (float)(1 / (double)g->norm.rows);
    float *on_dy = vector(run, 2), *on_y = vector(run, 3), *fixed = vector(run, 4);
    float *sum = vector(run, 5), *product = vector(run, 6);

    nw_norm_sums_f32(&g->norm, kept(run, g), dy, mean_of(run, g), sum, product,
                     working(run));
    for (size_t i = 0; i < g->norm.c; i++) {
        on_dy[i] = st->affine ? run->w[g->first + 2][i] * root[i] : root[i];
        on_y[i] = -share * on_dy[i] * root[i] * root[i] * product[i];
        fixed[i] = -share * on_dy[i] * sum[i];
    }
    for (size_t i = 0; st->affine && run->dw[g->first + 2] && i < g->norm.c; i++)
        run->dw[g->first + 2][i] += product[i] * root[i];
    for (size_t i = 0; st->affine && run->dw[g->first + 3] && i < g->norm.c; i++)
        run->dw[g->first + 3][i] += sum[i];
}

void nw_separable_backward(const nw_run *run)
{
    const struct state *st = run->state;
    const float *dy = run->dy;

    for (int i = st->halves - 1; i >= 0; i--) {
        const struct stage *g = &st->stage[i];
        nw_half_args a = {.wd = run->w[g->first],
                          .wp = run->w[g->first + 1],
                          .y = kept(run, g),
                          .dy = dy,
                          .y_mean = mean_of(run, g),
                          .on_dy = vector(run, 2),
                          .on_y = vector(run, 3),
                          .fixed = vector(run, 4),
                          .dx = i ? between(run) : run->dx[0],
                          .add = i ? 0 : run->add[0],
                          .dwd = run->dw[g->first],
                          .dwp = run->dw[g->first + 1],
                          .scratch = working(run)};

        norm_backward(run, g, dy);
        take_input(run, i, &a);
        nw_half_backward(&g->half, &a);
        dy = between(run);
    }
}

#endif
