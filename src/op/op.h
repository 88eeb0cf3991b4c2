/*
 * op.h - what many ops share: sizes, loops, the layout in memory.
 *
 * Rows: memory of a batch is `rows` rows of `width` numbers, where a row is the last
 * axis in memory: the channels of one pixel (N, H, W, C), of one step (N, T, C) or of
 * one example (N, C).
 */
#ifndef NW_OP_H
#define NW_OP_H

#include "netwright_ext.h"
#include "parallel.h"

#include <math.h>
#include <string.h>

/* Functions of the precision at hand. */
#ifdef NW_DOUBLE
#define NW_EXP  exp
#define NW_TANH tanh
#define NW_ERF  erf
#else
#define NW_EXP  expf
#define NW_TANH tanhf
#define NW_ERF  erff
#endif

/* Numbers that one part of a parallel loop handles: small enough for the caches, large
 * enough to be worth a thread. A multiple of 4: dropout draws that many at once. */
enum { NW_GRAIN = 16384 };

/* A shape as a picture: (C, H, W) as it is, (T, C) as T x 1 pixels, (C) as 1 x 1. */
typedef struct nw_picture {
    int h, w, c;
} nw_picture;

static inline nw_picture nw_picture_of(const nw_shape *s)
{
    if (s->rank == 3)
        return (nw_picture){s->dim[1], s->dim[2], s->dim[0]};
    if (s->rank == 2)
        return (nw_picture){s->dim[0], 1, s->dim[1]};
    return (nw_picture){1, 1, s->rank ? s->dim[0] : 1};
}

/* The axis of channels as users count them, without the batch axis. */
static inline int nw_channel_axis(const nw_shape *s)
{
    return s->rank == 2 ? 1 : 0;
}

static inline size_t nw_width(const nw_shape *s)
{
    return (size_t)nw_picture_of(s).c;
}

/* Numbers of the whole batch. */
static inline size_t nw_total(const nw_run *run)
{
    return (size_t)run->batch * nw_count(&run->out);
}

/* Parts of about NW_GRAIN numbers, when one item has `width` of them. */
static inline size_t nw_grain_of(size_t width)
{
    return width >= NW_GRAIN ? 1 : NW_GRAIN / (width ? width : 1);
}

/* body(run, begin, end) over the numbers of the output, and over `n` items of `width`. */
static inline void nw_each(const nw_run *run, nw_body body)
{
    nw_parallel(nw_total(run), NW_GRAIN, body, (void *)run);
}

static inline void nw_each_of(const nw_run *run, size_t n, size_t width, nw_body body)
{
    nw_parallel(n, nw_grain_of(width), body, (void *)run);
}

/* body(run, begin, end) over rows: the channels of one pixel of the output. */
static inline void nw_each_row(const nw_run *run, nw_body body)
{
    const size_t width = nw_width(&run->out);

    nw_each_of(run, nw_total(run) / width, width, body);
}

static inline int nw_same(const nw_shape *a, const nw_shape *b)
{
    if (a->rank != b->rank)
        return 0;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return 0;
    return 1;
}

/* infer() of ops whose output has the shape of the first input. */
static inline nw_status nw_infer_same(nw_node *node)
{
    node->out = node->in[0];
    return NW_OK;
}

/* to = from, or to += from. */
static inline void nw_store(nw_real *to, const nw_real *from, size_t n, int add)
{
    if (!add) {
        memcpy(to, from, n * sizeof(*to));
        return;
    }
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

/* The gradient is zero: write it where no sum stands yet. */
static inline void nw_store_zero(const nw_run *run, int i)
{
    if (run->dx[i] && !run->add[i])
        memset(run->dx[i], 0,
               (size_t)run->batch * nw_count(&run->in[i]) * sizeof(nw_real));
}

/* The largest of n >= 1 numbers. */
static inline nw_real nw_most(const nw_real *x, size_t n)
{
    nw_real most = x[0];

    for (size_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

/* log(sum of exp(x)), without overflow. */
static inline nw_real nw_log_sum_exp(const nw_real *x, size_t n)
{
    const nw_real most = nw_most(x, n);
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)NW_EXP(x[i] - most);
    return most + (nw_real)log(sum);
}

static inline int nw_is_training(const nw_run *run)
{
    return run->mode == NW_TRAIN || run->mode == NW_TRAIN_STILL;
}

/*
 * forward() and backward() of an op that works element by element, from
 *   name_value(x)     -> y
 *   name_slope(x, y)  -> dy/dx; it may use only what the op's flags ask for
 */
#define NW_POINTWISE(name)                                                               \
    static void name##_forward_part(void *arg, size_t begin, size_t end)                 \
    {                                                                                    \
        const nw_run *run = arg;                                                         \
        const nw_real *x = run->x[0];                                                    \
        nw_real *y = run->y;                                                             \
                                                                                         \
        for (size_t i = begin; i < end; i++)                                             \
            y[i] = name##_value(x[i]);                                                   \
    }                                                                                    \
                                                                                         \
    static void name##_forward(const nw_run *run)                                        \
    {                                                                                    \
        nw_each(run, name##_forward_part);                                               \
    }                                                                                    \
                                                                                         \
    NW_POINTWISE_BACK(name)

/* backward() alone. */
#define NW_POINTWISE_BACK(name)                                                          \
    static void name##_backward_part(void *arg, size_t begin, size_t end)                \
    {                                                                                    \
        const nw_run *run = arg;                                                         \
        const nw_real *x = run->x[0], *y = run->y, *dy = run->dy;                        \
        nw_real *dx = run->dx[0];                                                        \
                                                                                         \
        if (run->add[0])                                                                 \
            for (size_t i = begin; i < end; i++)                                         \
                dx[i] += dy[i] * name##_slope(x[i], y[i]);                               \
        else                                                                             \
            for (size_t i = begin; i < end; i++)                                         \
                dx[i] = dy[i] * name##_slope(x[i], y[i]);                                \
    }                                                                                    \
                                                                                         \
    static void name##_backward(const nw_run *run)                                       \
    {                                                                                    \
        if (run->dx[0])                                                                  \
            nw_each(run, name##_backward_part);                                          \
    }

/* Running moments of a batch norm follow those of the batch, as the mode says. */
void NW_R(nw_follow)(const nw_run *run, double momentum, size_t rows, size_t c,
                     const nw_real *mean, const nw_real *var, nw_real *running_mean,
                     nw_real *running_var);

#endif
