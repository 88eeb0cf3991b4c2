#include "vec.h"

#include "netwright_ext.h"
#include "parallel.h"

#include <math.h>

enum { GRAIN = 1 << 14 };

/* All that any of the loops below may need. */
struct job {
    size_t n;
    double a;
    const nw_real *x, *x2, *x3;
    nw_real *y, *y2, *y3;
    const nw_sgd *sgd;
    const nw_adam *adam;
};

static double dot(size_t n, const void *a, const void *b)
{
    const nw_real *x = a, *y = b;
    double total = 0;

    for (size_t i = 0; i < n;) {
        size_t end = i + 1024 < n ? i + 1024 : n;
        double lane[4] = {0};

        for (; i + 4 <= end; i += 4)
            for (int k = 0; k < 4; k++)
                lane[k] += (double)x[i + (size_t)k] * (double)y[i + (size_t)k];
        for (; i < end; i++)
            lane[0] += (double)x[i] * (double)y[i];
        total += lane[0] + lane[1] + (lane[2] + lane[3]);
    }
    return total;
}

static void axpy_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    nw_real a = (nw_real)j->a;

    for (size_t i = begin; i < end; i++)
        j->y[i] += a * j->x[i];
}

static void axpy(size_t n, double a, const void *x, void *y)
{
    struct job j = {.a = a, .x = x, .y = y};

    nw_parallel(n, GRAIN, axpy_part, &j);
}

static void sum_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    nw_real a = (nw_real)j->a;

    for (size_t i = begin; i < end; i++)
        j->y[i] = j->x[i] + a * j->x2[i];
}

static void sum(size_t n, const void *a, const void *b, double scale, void *out)
{
    struct job j = {.a = scale, .x = a, .x2 = b, .y = out};

    nw_parallel(n, GRAIN, sum_part, &j);
}

static void clamp(size_t n, double limit, void *x)
{
    nw_real *v = x, most = (nw_real)limit;

    for (size_t i = 0; i < n; i++)
        v[i] = v[i] > most ? most : v[i] < -most ? -most : v[i];
}

static void sgd_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    nw_real lr = (nw_real)j->sgd->lr, momentum = (nw_real)j->sgd->momentum;
    nw_real decay = (nw_real)j->sgd->decay, scale = (nw_real)j->sgd->scale;

    for (size_t i = begin; i < end; i++) {
        nw_real g = scale * j->x[i] + decay * j->y[i], step = g;

        if (j->y2) {
            j->y2[i] = momentum * j->y2[i] + g;
            step = j->sgd->nesterov ? g + momentum * j->y2[i] : j->y2[i];
        }
        j->y[i] -= lr * step;
    }
}

static void sgd(size_t n, const nw_sgd *c, const void *grad, void *buf, void *p)
{
    struct job j = {.sgd = c, .x = grad, .y = p, .y2 = buf};

    nw_parallel(n, GRAIN, sgd_part, &j);
}

static void adam_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    const nw_adam *c = j->adam;
    nw_real b1 = (nw_real)c->beta1, b2 = (nw_real)c->beta2, decay = (nw_real)c->decay;
    nw_real step = (nw_real)(c->lr / c->fix1), root = (nw_real)sqrt(c->fix2);
    nw_real eps = (nw_real)c->eps, scale = (nw_real)c->scale;
    nw_real shrink = c->decoupled ? (nw_real)(1 - c->lr * c->decay) : 1;

    for (size_t i = begin; i < end; i++) {
        nw_real g = scale * j->x[i] + (c->decoupled ? 0 : decay * j->y[i]);

        j->y2[i] = b1 * j->y2[i] + (1 - b1) * g;
        j->y3[i] = b2 * j->y3[i] + (1 - b2) * g * g;
        j->y[i] = shrink * j->y[i] -
                  step * j->y2[i] / ((nw_real)sqrt((double)j->y3[i]) / root + eps);
    }
}

static void adam(size_t n, const nw_adam *c, const void *grad, void *mean, void *var,
                 void *p)
{
    struct job j = {.adam = c, .x = grad, .y = p, .y2 = mean, .y3 = var};

    nw_parallel(n, GRAIN, adam_part, &j);
}

static void look_ahead_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    nw_real lr = (nw_real)j->sgd->lr, momentum = (nw_real)j->sgd->momentum;
    nw_real decay = (nw_real)j->sgd->decay;

    for (size_t i = begin; i < end; i++) {
        nw_real v = j->x2 ? momentum * j->x2[i] : 0;

        j->y[i] = j->x3[i] - lr * (v + j->x[i] + decay * j->x3[i]);
    }
}

static void look_ahead(size_t n, const nw_sgd *c, const void *grad, const void *buf,
                       const void *p, void *out)
{
    struct job j = {.sgd = c, .x = grad, .x2 = buf, .x3 = p, .y = out};

    nw_parallel(n, GRAIN, look_ahead_part, &j);
}

const nw_vec NW_R(nw_vec) = {
    .dot = dot,
    .axpy = axpy,
    .sum = sum,
    .clamp = clamp,
    .sgd = sgd,
    .adam = adam,
    .look_ahead = look_ahead,
};
