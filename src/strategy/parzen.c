/*
 * parzen.c - mixtures of categorical kernels.
 *
 * With n observations, prior weight c and m options, a = c / (n + 1), the kernel of an
 * observation o gives option k the probability
 *
 *     K_o(k) = ([k = o] + a) / (1 + m a)
 *
 * and the mixture is the mean of the n kernels and the uniform one, weighted by
 * nw_parzen_weight() and by c. The more is observed, the sharper every kernel.
 *
 * Source: Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization, NIPS, for
 * the idea; Watanabe 2023, arXiv:2304.11127, for the forms in use today.
 */
#include "parzen.h"

#include "random.h"

#include <math.h>

enum { NEWEST = 25 };

double nw_parzen_weight(int i, int n)
{
    const int ramp = n - NEWEST;

    if (i >= ramp)
        return 1;
    return ramp == 1 ? 1. / n : 1. / n + (1 - 1. / n) * i / (ramp - 1);
}

static const int *vector(const nw_parzen *p, int i)
{
    return p->x + (size_t)p->row[i] * (size_t)p->code->n;
}

static double smoothing(const nw_parzen *p)
{
    return p->prior / (p->n + 1);
}

/* Of all kernels, the prior too, which is all there is without observations. */
static double total_weight(const nw_parzen *p)
{
    double sum = p->n ? p->prior : 1;

    for (int i = 0; i < p->n; i++)
        sum += nw_parzen_weight(i, p->n);
    return sum;
}

void nw_parzen_marginal(const nw_parzen *p, int d, double *probability)
{
    const int m = p->code->options[d];
    const double a = smoothing(p), total = total_weight(p);
    const double prior = p->n ? p->prior : 1, observed = total - prior;

    for (int k = 0; k < m; k++)
        probability[k] = 0;
    for (int i = 0; i < p->n; i++)
        probability[vector(p, i)[d]] += nw_parzen_weight(i, p->n);
    for (int k = 0; k < m; k++)
        probability[k] =
            ((probability[k] + observed * a) / (1 + m * a) + prior / m) / total;
}

/* Log of the kernel at `o` (NULL = the prior) for x. */
static double log_kernel(const nw_parzen *p, const int *o, const int *x)
{
    const double a = smoothing(p);
    double sum = 0;

    for (int d = 0; d < p->code->n; d++) {
        const int m = p->code->options[d];

        sum += o ? log(((x[d] == o[d]) + a) / (1 + m * a)) : -log(m);
    }
    return sum;
}

double nw_parzen_log(const nw_parzen *p, const int *x)
{
    double top = log_kernel(p, NULL, x), sum = p->n ? p->prior : 1;

    if (!(sum > 0))
        top = -INFINITY;
    for (int i = 0; i < p->n; i++) {
        const double v = log_kernel(p, vector(p, i), x);
        const double w = nw_parzen_weight(i, p->n);

        if (v > top) {
            sum = w + (sum > 0 ? sum * exp(top - v) : 0);
            top = v;
        } else if (v > -INFINITY) {
            sum += w * exp(v - top);
        }
    }
    return top + log(sum) - log(total_weight(p));
}

/* The observation whose kernel is drawn; NULL = the prior. */
static const int *draw_kernel(const nw_parzen *p, uint64_t seed)
{
    double left = total_weight(p) * nw_uniform(seed, NW_FOR_STRATEGY, 0);

    for (int i = 0; i < p->n; i++) {
        left -= nw_parzen_weight(i, p->n);
        if (left < 0)
            return vector(p, i);
    }
    return NULL;
}

void nw_parzen_draw(const nw_parzen *p, uint64_t seed, int *x)
{
    const int *o = draw_kernel(p, seed);
    const double a = smoothing(p);

    for (int d = 0; d < p->code->n; d++) {
        const int m = p->code->options[d];
        const double u = nw_uniform(seed, NW_FOR_STRATEGY, 2 * (uint64_t)d + 1);

        x[d] = o && u * (1 + m * a) < 1 ? o[d]
                                        : (int)nw_below(seed, NW_FOR_STRATEGY,
                                                        2 * (uint64_t)d + 2, (uint64_t)m);
    }
}
