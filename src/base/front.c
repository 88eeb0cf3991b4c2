/*
 * front.c - non-dominated sorting, crowding distance, hypervolume.
 *
 * Sorting [1]: in lexicographic order nothing dominates what came before it, so a point
 * only has to be compared with the fronts so far, and the first front without a dominator
 * is its own. A dominator in a front has one of its own in every front before, so that
 * front is found by bisection. With two losses the newest point of a front has its least
 * second loss: one comparison a front.
 *
 * Crowding distance: [2], section III-B.
 *
 * Volume [3]: points in order of their first loss, the worst first. What a point adds to
 * those after it is its box without what they cover of it; as their first losses are not
 * larger, that is a problem of one loss less. Two losses are a sweep.
 *
 * [1] X. Zhang et al. 2015, An efficient approach to nondominated sorting for
 *     evolutionary multiobjective optimization, IEEE TEC 19 (ENS-BS).
 * [2] K. Deb et al. 2002, A fast and elitist multiobjective genetic algorithm: NSGA-II.
 * [3] L. While, L. Bradstreet, L. Barone 2012, A fast way of calculating exact
 *     hypervolumes, IEEE TEC 16 (WFG).
 */
#include "front.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A point in some order. */
struct place {
    const double *loss;
    double key; /* of an order by one number */
    size_t i;
    int m, rank;
};

static int has_nan(const double *loss, int m)
{
    for (int k = 0; k < m; k++)
        if (isnan(loss[k]))
            return 1;
    return 0;
}

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_reals(double a, double b)
{
    return (a > b) - (a < b);
}

/* Lexicographic; points with NaN last. */
static int by_losses(const void *left, const void *right)
{
    const struct place *a = left, *b = right;

    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    for (int k = 0; !a->rank && k < a->m; k++)
        if (a->loss[k] != b->loss[k])
            return a->loss[k] < b->loss[k] ? -1 : 1;
    return compare_sizes(a->i, b->i);
}

/* All points in order of their losses. place->rank is 1 where there is a NaN. */
static struct place *sorted(nw_ctx *ctx, const nw_points *points)
{
    struct place *place = nw_alloc(ctx, (points->n + 1) * sizeof(*place));

    for (size_t i = 0; place && i < points->n; i++) {
        const double *loss = points->loss + i * (size_t)points->m;

        place[i] = (struct place){loss, 0, i, points->m, has_nan(loss, points->m)};
    }
    if (place)
        qsort(place, points->n, sizeof(*place), by_losses);
    return place;
}

/* Of the point before it, which has no NaN either. */
static int is_copy(const struct place *place, size_t i)
{
    for (int k = 0; i && k < place[i].m; k++)
        if (place[i].loss[k] != place[i - 1].loss[k])
            return 0;
    return i > 0;
}

/* ---- Fronts --------------------------------------------------------------------- */

enum { NOBODY = -1 };

/* The fronts so far, each a list of its points from the newest on. */
struct fronts {
    const struct place *place;
    ptrdiff_t *newest, *older; /* of a front; of a point, by its place */
    int n;
};

/* The point before b in lexicographic order that is not it: nowhere worse is enough. */
static int dominates(const struct place *a, const struct place *b)
{
    for (int k = 1; k < a->m; k++)
        if (a->loss[k] > b->loss[k])
            return 0;
    return 1;
}

static int front_dominates(const struct fronts *f, int front, const struct place *p)
{
    for (ptrdiff_t i = f->newest[front]; i != NOBODY; i = f->older[i]) {
        if (dominates(&f->place[i], p))
            return 1;
        if (p->m <= 2)
            return 0;
    }
    return 0;
}

static int front_of(const struct fronts *f, const struct place *p)
{
    int least = 0, end = f->n;

    while (least < end) {
        const int middle = least + (end - least) / 2;

        if (front_dominates(f, middle, p))
            least = middle + 1;
        else
            end = middle;
    }
    return least;
}

static void join(struct fronts *f, int front, ptrdiff_t i)
{
    if (front == f->n)
        f->newest[f->n++] = NOBODY;
    f->older[i] = f->newest[front];
    f->newest[front] = i;
}

static void rank_all(struct fronts *f, size_t n, int *rank)
{
    for (size_t i = 0; i < n; i++) {
        const struct place *p = &f->place[i];

        if (p->rank) {
            rank[p->i] = f->n;
        } else if (is_copy(f->place, i)) {
            rank[p->i] = rank[p[-1].i];
        } else {
            rank[p->i] = front_of(f, p);
            join(f, rank[p->i], (ptrdiff_t)i);
        }
    }
}

static nw_status check(nw_ctx *ctx, const nw_points *points)
{
    if (points->m < 1 || points->n > INT_MAX)
        return nw_fail(ctx, NW_EINVAL, "fronts: %zu points of %d losses", points->n,
                       points->m);
    return NW_OK;
}

nw_status nw_front_rank(nw_ctx *ctx, const nw_points *points, int *rank)
{
    struct fronts f = {0};
    struct place *place;
    nw_status status = check(ctx, points);

    if (status < 0)
        return status;
    place = sorted(ctx, points);
    f.newest = nw_alloc(ctx, (points->n + 1) * 2 * sizeof(*f.newest));
    if (place && f.newest) {
        f.place = place;
        f.older = f.newest + points->n + 1;
        rank_all(&f, points->n, rank);
    } else {
        status = NW_ENOMEM;
    }
    nw_release(ctx, place);
    nw_release(ctx, f.newest);
    return status;
}

/* ---- Crowding ------------------------------------------------------------------- */

static int by_rank_and_key(const void *left, const void *right)
{
    const struct place *a = left, *b = right;

    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->key != b->key)
        return compare_reals(a->key, b->key);
    return compare_sizes(a->i, b->i);
}

/* One front of n points in order of one loss. */
static void add_gaps(const struct place *p, size_t n, double *distance)
{
    const double range = p[n - 1].key - p[0].key;

    distance[p[0].i] = distance[p[n - 1].i] = INFINITY;
    for (size_t i = 1; i + 1 < n && range > 0 && isfinite(range); i++)
        distance[p[i].i] += (p[i + 1].key - p[i - 1].key) / range;
}

static void add_loss(struct place *place, size_t n, int k, double *distance)
{
    for (size_t i = 0; i < n; i++)
        place[i].key = place[i].loss[k];
    qsort(place, n, sizeof(*place), by_rank_and_key);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && place[end].rank == place[first].rank; end++)
            continue;
        add_gaps(place + first, end - first, distance);
    }
}

/* Leaves the points that are neither copies nor NaN, with their ranks. */
static size_t drop_copies(struct place *place, size_t n, const int *rank)
{
    size_t left = 0;

    for (size_t i = 0; i < n && !place[i].rank; i++)
        place[i].key = is_copy(place, i);
    for (size_t i = 0; i < n && !place[i].rank; i++)
        if (!place[i].key)
            place[left++] = place[i];
    for (size_t i = 0; i < left; i++)
        place[i].rank = rank[place[i].i];
    return left;
}

nw_status nw_front_crowding(nw_ctx *ctx, const nw_points *points, const int *rank,
                            double *distance)
{
    struct place *place;
    size_t n;

    NW_TRY(check(ctx, points));
    place = sorted(ctx, points);
    if (!place)
        return NW_ENOMEM;
    for (size_t i = 0; i < points->n; i++)
        distance[i] = 0;
    n = drop_copies(place, points->n, rank);
    for (int k = 0; k < points->m; k++)
        add_loss(place, n, k, distance);
    nw_release(ctx, place);
    return NW_OK;
}

static void keep_best(const struct place *place, size_t n, size_t k, size_t *kept)
{
    for (size_t i = 0; i < k && i < n; i++)
        kept[i] = place[i].i;
}

nw_status nw_front_select(nw_ctx *ctx, const nw_points *points, size_t k, size_t *kept)
{
    const size_t n = points->n;
    struct place *place = nw_alloc(ctx, (n + 1) * sizeof(*place));
    double *distance = nw_alloc(ctx, (n + 1) * sizeof(*distance));
    int *rank = nw_alloc(ctx, (n + 1) * sizeof(*rank));
    nw_status status = place && distance && rank ? NW_OK : NW_ENOMEM;

    if (status >= 0)
        status = nw_front_rank(ctx, points, rank);
    if (status >= 0)
        status = nw_front_crowding(ctx, points, rank, distance);
    for (size_t i = 0; status >= 0 && i < n; i++)
        place[i] = (struct place){NULL, -distance[i], i, 0, rank[i]};
    if (status >= 0) {
        qsort(place, n, sizeof(*place), by_rank_and_key);
        keep_best(place, n, k, kept);
    }
    nw_release(ctx, place);
    nw_release(ctx, distance);
    nw_release(ctx, rank);
    return status;
}

/* ---- Volume --------------------------------------------------------------------- */

/* Rows of m losses each, one after the other. `rest` is room for n rows of every smaller
 * number of losses. */
struct box {
    const double *reference;
    size_t n;
    int m;
    double *row, *rest;
};

static int by_first(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return a[0] != b[0] ? compare_reals(a[0], b[0]) : compare_reals(a[1], b[1]);
}

/* Strips between one first loss and the next, as high as the best second loss so far. */
static double sweep(const struct box *box)
{
    double volume = 0, low = box->reference[1];

    qsort(box->row, box->n, 2 * sizeof(double), by_first);
    for (size_t i = 0; i < box->n; i++) {
        const double *p = box->row + 2 * i;

        if (p[1] < low) {
            volume += (box->reference[0] - p[0]) * (low - p[1]);
            low = p[1];
        }
    }
    return volume;
}

static double least_of_one(const struct box *box)
{
    double least = box->reference[0];

    for (size_t i = 0; i < box->n; i++)
        least = fmin(least, box->row[i]);
    return box->reference[0] - least;
}

static int worst_first(const void *left, const void *right)
{
    return -compare_reals(*(const double *)left, *(const double *)right);
}

enum { MOST_LOSSES = 8 };

static int covers(const double *a, const double *b, int m)
{
    for (int k = 0; k < m; k++)
        if (a[k] > b[k])
            return 0;
    return 1;
}

/* Row n, unless one of the rows covers it; those that it covers leave. */
static size_t add_row(double *row, size_t n, int m)
{
    double fresh[MOST_LOSSES];
    size_t left = 0;

    memcpy(fresh, row + n * (size_t)m, (size_t)m * sizeof(*row));
    for (size_t i = 0; i < n; i++) {
        const double *p = row + i * (size_t)m;

        if (covers(p, fresh, m))
            return n;
        if (!covers(fresh, p, m))
            memmove(row + left++ * (size_t)m, p, (size_t)m * sizeof(*row));
    }
    memcpy(row + left * (size_t)m, fresh, (size_t)m * sizeof(*row));
    return left + 1;
}

static double volume_of(const struct box *box);

/* What the points after p cover of p's box, without its first side. */
static double covered(const struct box *box, size_t p)
{
    const int m = box->m - 1;
    const double *mine = box->row + p * (size_t)box->m;
    struct box part = {box->reference + 1, 0, m, box->rest,
                       box->rest + box->n * (size_t)m};

    for (size_t i = p + 1; i < box->n; i++) {
        const double *other = box->row + i * (size_t)box->m;
        double *row = part.row + part.n * (size_t)m;

        for (int k = 0; k < m; k++)
            row[k] = fmax(mine[k + 1], other[k + 1]);
        part.n = add_row(part.row, part.n, m);
    }
    return volume_of(&part);
}

static double slices(const struct box *box)
{
    const size_t m = (size_t)box->m;
    double volume = 0;

    qsort(box->row, box->n, m * sizeof(double), worst_first);
    for (size_t i = 0; i < box->n; i++) {
        const double *p = box->row + i * m;
        double side = 1;

        for (size_t k = 1; k < m; k++)
            side *= box->reference[k] - p[k];
        volume += (side - covered(box, i)) * (box->reference[0] - p[0]);
    }
    return volume;
}

static double volume_of(const struct box *box)
{
    if (!box->n)
        return 0;
    return box->m == 1 ? least_of_one(box) : box->m == 2 ? sweep(box) : slices(box);
}

/* Rows of the points that are better than the reference in every loss. */
static void take_rows(struct box *box, const nw_points *points)
{
    const size_t m = (size_t)points->m;

    for (size_t i = 0; i < points->n; i++) {
        const double *loss = points->loss + i * m;
        int inside = 1;

        for (size_t k = 0; k < m; k++)
            inside &= loss[k] < box->reference[k];
        if (!inside)
            continue;
        memcpy(box->row + box->n * m, loss, m * sizeof(double));
        box->n = m < 3 ? box->n + 1 : add_row(box->row, box->n, points->m);
    }
}

nw_status nw_front_volume(nw_ctx *ctx, const nw_points *points, const double *reference,
                          double *volume)
{
    const size_t m = (size_t)points->m;
    struct box box = {.reference = reference, .m = points->m};

    NW_TRY(check(ctx, points));
    if (m > MOST_LOSSES)
        return nw_fail(ctx, NW_EINVAL, "volume of a front: %d losses, at most %d",
                       points->m, MOST_LOSSES);
    box.row = nw_alloc(ctx, (points->n + 1) * m * (m + 1) / 2 * sizeof(double));
    if (!box.row)
        return NW_ENOMEM;
    take_rows(&box, points);
    box.rest = box.row + box.n * m;
    *volume = volume_of(&box);
    nw_release(ctx, box.row);
    return NW_OK;
}
