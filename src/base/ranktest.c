/*
 * ranktest.c - ranks and what is tested with them.
 *
 * U counts the pairs (a_i, b_j) with a_i > b_j, equal ones half; in ranks of both samples
 * together U = R_a - n(n+1)/2 [1]. If both samples come from one distribution all orders
 * of the n + m numbers are equally likely. The greatest of i a's and j b's is an a with
 * probability i/(i+j) and then wins j pairs, so
 *
 *     P(i,j; u) = i/(i+j) P(i-1,j; u-j) + j/(i+j) P(i,j-1; u),
 *
 * which adds positive numbers only: the far tail is as exact as the middle. Beyond 20
 * numbers a sample, or with ties, U is taken for normal with mean nm/2 and variance
 * nm/12 (N + 1 - sum(t^3 - t) / (N (N-1))), N = n + m, t the sizes of the groups of equal
 * numbers, and half a pair is conceded (continuity).
 *
 * A12 = U / nm is the probability of superiority of Vargha and Delaney [2]: .5 is no
 * difference; they call .56 small, .64 medium, .71 large. Holm [3] sorts k p-values and
 * multiplies the i-th smallest by k - i + 1, never letting one fall below its
 * predecessor.
 *
 * [1] H. Mann, D. Whitney, On a test of whether one of two random variables is
 *     stochastically larger than the other, Ann. Math. Stat. 18, 1947.
 * [2] A. Vargha, H. Delaney, A critique and improvement of the CL common language effect
 *     size statistics, J. Educ. Behav. Stat. 25, 2000.
 * [3] S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Stat.
 * 6, 1979.
 */
#include "ranktest.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_EXACT = 20 };

/* ---- Order ------------------------------------------------------------------ */

struct place {
    double value;
    int index;
};

/* NaN first, here and in what follows. */
static int by_value(const void *a, const void *b)
{
    const double x = ((const struct place *)a)->value,
                 y = ((const struct place *)b)->value;

    if (isnan(x) || isnan(y))
        return isnan(y) - isnan(x);
    return (x > y) - (x < y);
}

static int is_same(double x, double y)
{
    return x == y || (isnan(x) && isnan(y));
}

/* Indices of x from the smallest number to the greatest; nw_release() it. */
static struct place *order_of(nw_ctx *ctx, const double *x, int n)
{
    struct place *order = nw_alloc(ctx, (size_t)n * sizeof(*order));

    if (!order)
        return NULL;
    for (int i = 0; i < n; i++)
        order[i] = (struct place){x[i], i};
    qsort(order, (size_t)n, sizeof(*order), by_value);
    return order;
}

/* One past the last number that equals that at `first`. */
static int group_end(const struct place *order, int n, int first)
{
    int end = first + 1;

    while (end < n && is_same(order[end].value, order[first].value))
        end++;
    return end;
}

/* Ranks, and sum(t^3 - t) over the groups of equal numbers. */
static nw_status rank_all(nw_ctx *ctx, const double *x, int n, double *rank, double *ties)
{
    struct place *order = order_of(ctx, x, n);
    int end;

    if (!order)
        return NW_ENOMEM;
    *ties = 0;
    for (int first = 0; first < n; first = end) {
        double t;

        end = group_end(order, n, first);
        t = end - first;
        *ties += t * t * t - t;
        for (int i = first; i < end; i++)
            rank[order[i].index] = .5 * (first + 1 + end);
    }
    nw_release(ctx, order);
    return NW_OK;
}

nw_status nw_midranks(nw_ctx *ctx, const double *x, int n, double *rank)
{
    double ties;

    return rank_all(ctx, x, n, rank, &ties);
}

static nw_status add_ranks(nw_ctx *ctx, const double *x, int n, int m, double *column,
                           double *rank)
{
    for (int j = 0; j < m; j++) {
        for (int i = 0; i < n; i++)
            column[i] = x[(size_t)i * (size_t)m + (size_t)j];
        NW_TRY(nw_midranks(ctx, column, n, column + n));
        for (int i = 0; i < n; i++)
            rank[i] += (n + 1 - column[n + i]) / m;
    }
    return NW_OK;
}

nw_status nw_average_ranks(nw_ctx *ctx, const double *x, int n, int m, double *rank)
{
    double *column = nw_alloc(ctx, 2 * (size_t)n * sizeof(double));
    nw_status status;

    if (!column)
        return NW_ENOMEM;
    for (int i = 0; i < n; i++)
        rank[i] = m ? 0 : NAN;
    status = add_ranks(ctx, x, n, m, column, rank);
    nw_release(ctx, column);
    return status;
}

/* ---- Mann-Whitney ------------------------------------------------------------- */

/* row[i][u] = P(i, j; u) for one j after the other. */
static void fill_exact(double *row, int n, int m)
{
    const int wide = n * m + 1;

    for (int i = 0; i <= n; i++)
        row[i * wide] = 1; /* without b's there is nothing to win */
    for (int j = 1; j <= m; j++)
        for (int i = 1; i <= n; i++) {
            const double share = (double)i / (i + j);
            double *here = row + i * wide, *less = here - wide;

            for (int u = i * j; u >= 0; u--)
                here[u] = (1 - share) * here[u] + (u >= j ? share * less[u - j] : 0);
        }
}

static nw_status exact_p(nw_ctx *ctx, int n, int m, double u, double *p)
{
    const int wide = n * m + 1;
    double *row = nw_alloc(ctx, (size_t)(n + 1) * (size_t)wide * sizeof(double));

    if (!row)
        return NW_ENOMEM;
    fill_exact(row, n, m);
    *p = 0;
    for (int k = wide - 1; k >= (int)u; k--)
        *p += row[n * wide + k];
    *p = fmin(*p, 1);
    nw_release(ctx, row);
    return NW_OK;
}

static double normal_p(double n, double m, double u, double ties)
{
    const double all = n + m;
    const double variance = n * m / 12 * (all + 1 - ties / (all * (all - 1)));

    if (!(variance > 0)) /* all are equal */
        return 1;
    return .5 * erfc((u - n * m / 2 - .5) / sqrt(2 * variance));
}

static nw_status test_ranks(nw_ctx *ctx, const double *rank, int n, int m, double ties,
                            nw_ranktest *out)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += rank[i];
    out->u = sum - .5 * n * (n + 1.);
    out->a12 = out->u / ((double)n * m);
    out->is_exact = ties == 0 && n <= MOST_EXACT && m <= MOST_EXACT;
    if (out->is_exact)
        return exact_p(ctx, n, m, out->u, &out->p);
    out->p = normal_p(n, m, out->u, ties);
    return NW_OK;
}

nw_status nw_mann_whitney(nw_ctx *ctx, const double *a, int n, const double *b, int m,
                          nw_ranktest *out)
{
    const size_t all = (size_t)n + (size_t)m;
    double *both, ties;
    nw_status status;

    *out = (nw_ranktest){NAN, NAN, NAN, 0};
    if (n < 1 || m < 1)
        return NW_OK;
    both = nw_alloc(ctx, 2 * all * sizeof(double));
    if (!both)
        return NW_ENOMEM;
    for (int i = 0; i < n; i++)
        both[i] = a[i];
    for (int j = 0; j < m; j++)
        both[n + j] = b[j];
    status = rank_all(ctx, both, n + m, both + all, &ties);
    if (status >= 0)
        status = test_ranks(ctx, both + all, n, m, ties, out);
    nw_release(ctx, both);
    return status;
}

/* ---- Holm --------------------------------------------------------------------- */

nw_status nw_holm(nw_ctx *ctx, const double *p, int n, double *adjusted)
{
    struct place *order = order_of(ctx, p, n);
    int left = nw_known(p, n);
    double least = 0;

    if (!order)
        return NW_ENOMEM;
    for (int i = 0; i < n; i++) {
        if (!isnan(order[i].value))
            least = fmin(1, fmax(least, left-- * order[i].value));
        adjusted[order[i].index] = isnan(order[i].value) ? NAN : least;
    }
    nw_release(ctx, order);
    return NW_OK;
}

/* ---- Moments and quantiles ------------------------------------------------------ */

int nw_known(const double *x, int n)
{
    int known = 0;

    for (int i = 0; i < n; i++)
        known += !isnan(x[i]);
    return known;
}

double nw_mean(const double *x, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += isnan(x[i]) ? 0 : x[i];
    return sum / nw_known(x, n);
}

double nw_deviation(const double *x, int n)
{
    const double mean = nw_mean(x, n);
    const int known = nw_known(x, n);
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += isnan(x[i]) ? 0 : (x[i] - mean) * (x[i] - mean);
    return known > 1 ? sqrt(sum / (known - 1)) : NAN;
}

static int upwards(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y);
    return (x > y) - (x < y);
}

void nw_sort(double *x, int n)
{
    if (n > 1)
        qsort(x, (size_t)n, sizeof(*x), upwards);
}

double nw_quantile(const double *sorted, int n, double q)
{
    const int known = nw_known(sorted, n);
    const double at = q * (known - 1);
    const int i = (int)at;

    if (!known)
        return NAN;
    return i + 1 < known ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i])
                         : sorted[known - 1];
}
