/*
 * policy.c - see policy.h.
 *
 * [1] R. Williams 1992, Simple statistical gradient-following algorithms for
 *     connectionist reinforcement learning (REINFORCE).
 * [2] Schulman et al. 2017, Proximal policy optimization algorithms, arXiv:1707.06347,
 *     eq. 7.
 */
#include "policy.h"

#include <math.h>

static double scaled(const nw_policy *p, double y)
{
    const double z = p->temperature > 0 ? y / p->temperature : y;

    return p->squash > 0 ? p->squash * tanh(z) : z;
}

/* d z / d y where z is known. */
static double steepness(const nw_policy *p, double z)
{
    const double s = p->squash > 0 ? z / p->squash : 0;
    const double slope = p->squash > 0 ? p->squash * (1 - s * s) : 1;

    return p->temperature > 0 ? slope / p->temperature : slope;
}

/* log(1 + exp(x)) */
static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

/* log of the sum of exp(z) over the options of a decision. */
static double log_total(const nw_policy *p, const nw_decision *d, const double *y)
{
    double most = -(double)INFINITY, sum = 0;

    for (int k = 0; k < d->options; k++)
        most = fmax(most, scaled(p, y[d->at + (size_t)k]));
    for (int k = 0; k < d->options; k++)
        sum += exp(scaled(p, y[d->at + (size_t)k]) - most);
    return most + log(sum);
}

int nw_policy_pick(const nw_policy *p, int i, const double *y, double u)
{
    const nw_decision *d = &p->decision[i];
    double total;

    if (d->is_coin)
        return u < exp(-softplus(-scaled(p, y[d->at])));
    total = log_total(p, d, y);
    for (int k = 0; k < d->options - 1; k++) {
        u -= exp(scaled(p, y[d->at + (size_t)k]) - total);
        if (u < 0)
            return k;
    }
    return d->options - 1;
}

/* ---- Probability and entropy of one decision -----------------------------------------
 */

static double log_of(const nw_policy *p, const nw_decision *d, const double *y, int x,
                     double *entropy)
{
    const double total = log_total(p, d, y);

    for (int k = 0; k < d->options; k++) {
        const double l = scaled(p, y[d->at + (size_t)k]) - total;

        *entropy -= exp(l) * l;
    }
    return scaled(p, y[d->at + (size_t)x]) - total;
}

static double log_of_coin(const nw_policy *p, const nw_decision *d, const double *y,
                          int x, double *entropy)
{
    const double z = scaled(p, y[d->at]);
    const double yes = -softplus(-z), no = -softplus(z);

    *entropy -= exp(yes) * yes + exp(no) * no;
    return x ? yes : no;
}

double nw_policy_log(const nw_policy *p, const double *y, const int *x, double *entropy)
{
    double log_pi = 0, sum = 0;

    for (int i = 0; i < p->n; i++) {
        const nw_decision *d = &p->decision[i];

        log_pi +=
            d->is_coin ? log_of_coin(p, d, y, x[i], &sum) : log_of(p, d, y, x[i], &sum);
    }
    if (entropy)
        *entropy = sum;
    return log_pi;
}

/* ---- Their slopes --------------------------------------------------------------------
 */

static void add_slope(const nw_policy *p, const nw_decision *d, const double *y, int x,
                      double by_log, double by_entropy, double *dy)
{
    const double total = log_total(p, d, y);
    double entropy = 0;

    log_of(p, d, y, x, &entropy);
    for (int k = 0; k < d->options; k++) {
        const double z = scaled(p, y[d->at + (size_t)k]), l = z - total, share = exp(l);
        const double slope =
            by_log * ((k == x) - share) - by_entropy * share * (l + entropy);

        dy[d->at + (size_t)k] += slope * steepness(p, z);
    }
}

/* d H / d z = -z p (1 - p), as log(1 - p) - log p = -z. */
static void add_slope_of_coin(const nw_policy *p, const nw_decision *d, const double *y,
                              int x, double by_log, double by_entropy, double *dy)
{
    const double z = scaled(p, y[d->at]);
    const double yes = exp(-softplus(-z)), no = exp(-softplus(z));
    const double slope = by_log * (x ? no : -yes) - by_entropy * z * yes * no;

    dy[d->at] += slope * steepness(p, z);
}

void nw_policy_slope(const nw_policy *p, const double *y, const int *x, double by_log,
                     double by_entropy, double *dy)
{
    for (int i = 0; i < p->n; i++) {
        const nw_decision *d = &p->decision[i];

        if (d->is_coin)
            add_slope_of_coin(p, d, y, x[i], by_log, by_entropy, dy);
        else
            add_slope(p, d, y, x[i], by_log, by_entropy, dy);
    }
}

/* ---- Rewards
 * --------------------------------------------------------------------------- */

double nw_baseline_advantage(nw_baseline *b, double reward)
{
    double advantage;

    if (!b->seen++)
        b->value = reward;
    advantage = reward - b->value;
    b->value = b->decay * b->value + (1 - b->decay) * reward;
    return advantage;
}

double nw_policy_loss(double clip, double advantage, double log_new, double log_old,
                      double *slope)
{
    const double ratio = exp(log_new - log_old);
    const double held = fmin(fmax(ratio, 1 - clip), 1 + clip);

    if (clip <= 0) {
        *slope = -advantage;
        return -advantage * log_new;
    }
    /* The smaller of the two: beyond the clip, on the side that is worth more, it is
     * flat. */
    if (held * advantage < ratio * advantage) {
        *slope = 0;
        return -held * advantage;
    }
    *slope = -advantage * ratio;
    return -ratio * advantage;
}
