/* axis.c - where a value stands, and which round numbers are written beside it. */
#include "plot.h"

#include <math.h>
#include <string.h>

double nw_axis_at(const nw_axis *a, double value)
{
    const double share = a->is_log ? log(value / a->low) / log(a->high / a->low)
                                   : (value - a->low) / (a->high - a->low);

    return a->from + share * (a->to - a->from);
}

static int is_on(const nw_axis *a, double value)
{
    const double slack = 1e-9 * (a->is_log ? a->high : a->high - a->low);

    return value >= a->low - slack && value <= a->high + slack;
}

/* The smallest of 1, 2, 5, 10, ... that leaves at most so many. */
static double step_of(double span, int most)
{
    static const double factors[] = {1, 2, 5};

    for (int k = (int)floor(log10(span)) - 2;; k++)
        for (int i = 0; i < 3; i++)
            if (span / (factors[i] * pow(10, k)) <= most - 1)
                return factors[i] * pow(10, k);
}

static int linear_ticks(const nw_axis *a, int most, double *tick, int *decimals)
{
    const double step = step_of(a->high - a->low, most);
    int n = 0;

    *decimals = (int)fmax(0, -floor(log10(step) + 1e-9));
    for (double k = ceil(a->low / step - 1e-9); n < most && is_on(a, k * step); k++)
        tick[n++] = k * step;
    return n;
}

/* Multiples of powers of ten by each of the factors. */
static int log_ticks(const nw_axis *a, const char *factors, int most, double *tick)
{
    int n = 0;

    for (int k = (int)floor(log10(a->low)); k <= (int)ceil(log10(a->high)); k++)
        for (const char *f = factors; *f; f++) {
            const double value = (*f - '0') * pow(10, k);

            if (n < most && is_on(a, value))
                tick[n++] = value;
        }
    return n;
}

int nw_axis_ticks(const nw_axis *a, int most, double *tick, int *decimals)
{
    int n;

    if (!(a->high > a->low))
        return 0;
    if (!a->is_log)
        return linear_ticks(a, most, tick, decimals);
    n = log_ticks(a, "1", most, tick);
    if (n < 3)
        n = log_ticks(a, "125", most, tick);
    *decimals = n && tick[0] < 1 ? (int)-floor(log10(tick[0]) + 1e-9) : 0;
    return n;
}

int nw_axis_minor(const nw_axis *a, double *tick)
{
    return a->is_log ? log_ticks(a, "23456789", NW_MOST_TICKS, tick) : 0;
}

/* Digits are put together here, since writing takes the point of the locale. */
const char *nw_tick_text(double value, int decimals, char out[40])
{
    const double scale = pow(10, decimals);
    const long long n = llround(fabs(value) * scale);
    const long long whole = n / (long long)scale, part = n % (long long)scale;
    char plain[24];
    int digits = snprintf(plain, sizeof(plain), "%lld", whole), at = 0;

    if (value < 0 && n)
        at += snprintf(out, 40, "\xe2\x88\x92"); /* minus */
    for (int i = 0; i < digits; i++) {
        out[at++] = plain[i];
        if (i + 1 < digits && (digits - i - 1) % 3 == 0 && digits > 3)
            out[at++] = ',';
    }
    out[at] = 0;
    if (decimals > 0)
        snprintf(out + at, 40 - (size_t)at, ".%0*lld", decimals < 9 ? decimals : 9, part);
    return out;
}
