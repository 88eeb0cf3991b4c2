/*
 * chain.c - convolutions with their batch norms, as one turn.
 *
 * keep  of every link its output before the batch norm, mean and 1 / sqrt(var + eps);
 *       of the last also scale, shift and the sums that a reader of a deferred output
 *       gives back: all else is computed again on the way back (tensor/stage.h)
 * par   of every link: its filters, weight (O) and bias (O) if affine, running_mean (O),
 *       running_var (O)
 *
 * A batch norm inside is applied while the next link reads its input, and its gradient
 * formed while the backward pass reads it. The last one is applied at the end, or by the
 * reader (nw_deferred).
 */
#include "chain.h"

#ifndef NW_DOUBLE

#include "ctx.h"
#include "norm.h"

/* Of the op batchnorm, which the expansions take. */
static const double momentum = 0.1;

struct step {
    const nw_stage_type *type;
    nw_stage stage;
    nw_norm norm;
    int first; /* parameter */
    size_t y;  /* in keep, floats; mean and root follow it */
    size_t dx; /* between the links, floats: where the gradient of the input stands */
};

struct state {
    int n, affine;
    double eps;
    struct step step[NW_MOST_LINKS];
    size_t last;            /* in keep: scale, shift, sum, prod             */
    size_t widest, between; /* channels; floats of gradients between links  */
};

const nw_stage_type *nw_chain_conv(int k, int stride)
{
    if (stride != 1)
        return NULL;
    return k == 1 ? &nw_stage_point : k == 3 ? &nw_stage_dense : NULL;
}

int nw_chain_gate(const char *op)
{
    return !strcmp(op, "relu") ? NW_GATE_RELU : !strcmp(op, "relu6") ? NW_GATE_RELU6 : -1;
}

nw_chain nw_chain_inverted(int k, int stride, int mid, int out, nw_gate gate, double eps)
{
    return (nw_chain){3,
                      {{&nw_stage_point, NW_GATE_NONE, 1, 1, 1, 0, mid},
                       {&nw_stage_depth, gate, k, stride, 1, -1, mid},
                       {&nw_stage_point, gate, 1, 1, 1, 0, out}},
                      1,
                      eps};
}

static int pixels(int n, const nw_stage *s)
{
    return (n + 2 * s->pad - (s->k - 1) * s->dil - 1) / s->stride + 1;
}

static void set_stage(const nw_link *link, int c, int ih, int iw, nw_stage *s)
{
    *s = (nw_stage){.c = c,
                    .ih = ih,
                    .iw = iw,
                    .oc = link->out,
                    .k = link->k,
                    .stride = link->stride,
                    .dil = link->dil,
                    .gate = link->gate};
    s->pad = link->pad < 0 ? (s->k - 1) * s->dil / 2 : link->pad;
    s->oh = pixels(ih, s);
    s->ow = pixels(iw, s);
}

int nw_chain_fits(const nw_chain *chain, const nw_shape *in)
{
    int c = in->dim[0], h = in->dim[1], w = in->dim[2];

    if (in->rank != 3)
        return 0;
    for (int i = 0; i < chain->n; i++) {
        nw_stage s;

        if (!chain->link[i].type)
            return 0;
        set_stage(&chain->link[i], c, h, w, &s);
        if (s.oh < 1 || s.ow < 1 || !chain->link[i].type->fits(&s))
            return 0;
        c = s.oc, h = s.oh, w = s.ow;
    }
    return 1;
}

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

enum { VECTORS = 8 };

static int keeps_shape(const nw_stage *s)
{
    return s->c == s->oc && s->ih == s->oh && s->iw == s->ow;
}

/* A link writes the gradient of its input over that of its output, if it can. */
static void place_gradients(struct state *st)
{
    for (int i = st->n - 1; i > 0; i--) {
        struct step *g = &st->step[i];

        if (i + 1 < st->n && g->type->in_place && keeps_shape(&g->stage)) {
            g->dx = g[1].dx;
            continue;
        }
        g->dx = st->between;
        st->between += nw_whole_lines(g[-1].norm.rows * g[-1].norm.c);
    }
}

nw_status nw_chain_prepare(const nw_chain *chain, nw_run *run)
{
    struct state *st = nw_alloc(run->ctx, sizeof(*st));
    int c = run->in[0].dim[0], h = run->in[0].dim[1], w = run->in[0].dim[2];
    size_t keep = 0, work = 0;

    run->state = st;
    if (!st)
        return NW_ENOMEM;
    st->n = chain->n;
    st->affine = chain->affine;
    st->eps = chain->eps;
    for (int i = 0, first = 0; i < chain->n; i++) {
        struct step *g = &st->step[i];

        g->type = chain->link[i].type;
        set_stage(&chain->link[i], c, h, w, &g->stage);
        g->stage.n = run->batch;
        g->stage.threads = nw_threads(run->ctx);
        c = g->stage.oc, h = g->stage.oh, w = g->stage.ow;
        g->norm = (nw_norm){(size_t)run->batch * (size_t)(h * w), (size_t)c};
        g->first = first;
        first += g->type->n_filter + (chain->affine ? 4 : 2);
        g->y = keep;
        keep += nw_whole_lines(g->norm.rows * g->norm.c) + 2 * nw_whole_lines(g->norm.c);
        st->widest = largest(st->widest, nw_whole_lines(g->norm.c));
        work = largest(work, g->type->scratch(&g->stage, run->backward));
        work = largest(work, nw_norm_scratch_f32(&g->norm));
    }
    st->last = keep;
    if (run->backward)
        place_gradients(st);
    run->keep_bytes =
        (keep + (run->deferred ? 4 : 2) * nw_whole_lines((size_t)c)) * sizeof(float);
    run->scratch_bytes = (VECTORS * st->widest + st->between) * sizeof(float) + work;
    return NW_OK;
}

void nw_chain_release(nw_run *run)
{
    nw_release(run->ctx, run->state);
}

/* ---- Places ------------------------------------------------------------------------ */

/* Scratch: vectors by channel, tensors between the links, then what stages work with. */
static float *vector(const nw_run *run, int i)
{
    const struct state *st = run->state;

    return (float *)run->scratch + (size_t)i * st->widest;
}

static float *between(const nw_run *run, const struct step *g)
{
    return vector(run, VECTORS) + g->dx;
}

static void *working(const nw_run *run)
{
    const struct state *st = run->state;

    return vector(run, VECTORS) + st->between;
}

static float *kept(const nw_run *run, const struct step *g)
{
    return (float *)run->keep + g->y;
}

static float *mean_of(const nw_run *run, const struct step *g)
{
    return kept(run, g) + nw_whole_lines(g->norm.rows * g->norm.c);
}

static float *root_of(const nw_run *run, const struct step *g)
{
    return mean_of(run, g) + nw_whole_lines(g->norm.c);
}

static const struct step *last_of(const nw_run *run)
{
    const struct state *st = run->state;

    return &st->step[st->n - 1];
}

/* Of the last link: 0 = scale, 1 = shift, 2 = sum, 3 = product. */
static float *end_vector(const nw_run *run, int i)
{
    const struct state *st = run->state;

    return (float *)run->keep + st->last +
           (size_t)i * nw_whole_lines(last_of(run)->norm.c);
}

/* Scale; after it shift, running_mean, running_var. */
static int norm_param(const struct step *g)
{
    return g->first + g->type->n_filter;
}

/* ---- Forward ----------------------------------------------------------------------- */

/* Scale and shift of the batch norm of a step, given its mean and root. */
static void affine_of(const nw_run *run, const struct step *g, float *scale, float *shift)
{
    const struct state *st = run->state;
    const float *root = root_of(run, g);
    const int at = norm_param(g);

    for (size_t i = 0; i < g->norm.c; i++) {
        scale[i] = st->affine ? run->w[at][i] * root[i] : root[i];
        shift[i] = st->affine ? run->w[at + 1][i] : 0;
    }
}

/* Input of step i, with the batch norm of the one before, which is put to vectors 0
 * and 1. */
static void take_input(const nw_run *run, int i, nw_stage_args *a)
{
    const struct state *st = run->state;
    const struct step *g = &st->step[i], *before = g - (i > 0);

    for (int f = 0; f < g->type->n_filter; f++)
        a->w[f] = run->w[g->first + f];
    a->scratch = working(run);
    a->y = kept(run, g);
    a->x = i ? kept(run, before) : run->x[0];
    if (!i)
        return;
    affine_of(run, before, vector(run, 0), vector(run, 1));
    a->mean = mean_of(run, before);
    a->scale = vector(run, 0);
    a->shift = vector(run, 1);
}

static void follow(const nw_run *run, const struct step *g, const float *var)
{
    const struct state *st = run->state;
    const int at = norm_param(g) + (st->affine ? 2 : 0);
    float *mean = mean_of(run, g), *root = root_of(run, g);

    if (run->mode == NW_EVAL)
        memcpy(mean, run->w[at], g->norm.c * sizeof(float));
    else if (run->mode != NW_TRAIN_STILL)
        nw_follow_f32(run, momentum, g->norm.rows, g->norm.c, mean, var, run->w[at],
                      run->w[at + 1]);
    var = run->mode == NW_EVAL ? run->w[at + 1] : var;
    for (size_t i = 0; i < g->norm.c; i++)
        root[i] = (float)(1 / sqrt((double)var[i] + st->eps));
}

/* The last batch norm: here, or where the output is read. */
static void finish(const nw_run *run)
{
    const struct step *last = last_of(run);
    float *scale = end_vector(run, 0), *shift = end_vector(run, 1);

    affine_of(run, last, scale, shift);
    if (run->deferred)
        *run->deferred = (nw_deferred){.x = kept(run, last),
                                       .mean = mean_of(run, last),
                                       .scale = scale,
                                       .shift = shift,
                                       .sum = end_vector(run, 2),
                                       .prod = end_vector(run, 3)};
    else
        nw_norm_apply_f32(&last->norm, kept(run, last), mean_of(run, last), scale, shift,
                          run->y);
}

void nw_chain_forward(const nw_run *run)
{
    const struct state *st = run->state;

    for (int i = 0; i < st->n; i++) {
        const struct step *g = &st->step[i];
        nw_stage_args a = {0};

        take_input(run, i, &a);
        if (run->mode != NW_EVAL) {
            a.moment = mean_of(run, g);
            a.variance = vector(run, 2);
        }
        g->type->forward(&g->stage, &a);
        follow(run, g, a.variance);
    }
    finish(run);
}

/* The last batch norm once more. */
void nw_chain_redo(const nw_run *run)
{
    const struct step *last = last_of(run);

    nw_norm_apply_f32(&last->norm, kept(run, last), mean_of(run, last),
                      end_vector(run, 0), end_vector(run, 1), run->y);
}

/* ---- Backward ---------------------------------------------------------------------- */

/* How `weight` times a gradient passes the batch norm of a step, given the gradient's
 * sums: to vectors 2 to 4, and to the norm's own gradients. */
static void norm_backward(const nw_run *run, const struct step *g, double weight,
                          const float *sum, const float *prod)
{
    const struct state *st = run->state;
    const float *root = root_of(run, g), w = (float)weight;
    const float share = run->mode == NW_EVAL ? 0 : (float)(1 / (double)g->norm.rows);
    const int at = norm_param(g);
    float *on_dy = vector(run, 2), *on_y = vector(run, 3), *fixed = vector(run, 4);

    for (size_t i = 0; i < g->norm.c; i++) {
        on_dy[i] = w * (st->affine ? run->w[at][i] * root[i] : root[i]);
        on_y[i] = -share * on_dy[i] * root[i] * root[i] * prod[i];
        fixed[i] = -share * on_dy[i] * sum[i];
    }
    for (size_t i = 0; st->affine && run->dw[at] && i < g->norm.c; i++)
        run->dw[at][i] += w * prod[i] * root[i];
    for (size_t i = 0; st->affine && run->dw[at + 1] && i < g->norm.c; i++)
        run->dw[at + 1][i] += w * sum[i];
}

static void end_backward(const nw_run *run)
{
    const struct step *g = last_of(run);
    const nw_deferred *p = run->deferred;
    float *sum = vector(run, 5), *prod = vector(run, 6);

    if (p) {
        norm_backward(run, g, p->weight, p->sum, p->prod);
        return;
    }
    nw_norm_sums_f32(&g->norm, kept(run, g), run->dy, mean_of(run, g), sum, prod,
                     working(run));
    norm_backward(run, g, 1, sum, prod);
}

void nw_chain_backward(const nw_run *run)
{
    const struct state *st = run->state;
    const float *dy = run->dy;

    end_backward(run);
    for (int i = st->n - 1; i >= 0; i--) {
        const struct step *g = &st->step[i];
        nw_stage_args a = {.dy = dy,
                           .y_mean = mean_of(run, g),
                           .on_dy = vector(run, 2),
                           .on_y = vector(run, 3),
                           .fixed = vector(run, 4),
                           .each = i == st->n - 1 && run->deferred ? run->deferred->each
                                                                   : NULL,
                           .dx = i ? between(run, g) : run->dx[0],
                           .add = i ? 0 : run->add[0],
                           .dx_sum = i ? vector(run, 5) : NULL,
                           .dx_prod = i ? vector(run, 6) : NULL};

        take_input(run, i, &a);
        for (int f = 0; f < g->type->n_filter; f++)
            a.dw[f] = run->dw[g->first + f];
        g->type->backward(&g->stage, &a);
        if (i)
            norm_backward(run, g - 1, 1, a.dx_sum, a.dx_prod);
        dy = a.dx;
    }
}

#endif
