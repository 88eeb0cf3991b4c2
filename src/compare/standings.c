/*
 * standings.c - one row a strategy: means, and whether it is better than random.
 *
 * Tests and ranks are of the final scores. A run that failed has none: it is left out of
 * means and loses in ranks. Each strategy but the yardstick is tested once, one-sided,
 * and Holm's step-down keeps the chance of any false claim in the table below the level
 * that is read off it.
 */
#include "compare.h"
#include "ranktest.h"

#include <string.h>

/* Numbers of the runs of one strategy; sorted has room for the scores again. */
struct column {
    double *score, *valid, *trials, *cost, *sorted, *early, *late;
};

static void fill_column(const nw_compare_state *c, int strategy, struct column *out)
{
    for (int j = 0; j < c->n_seed; j++) {
        const nw_outcome *run = &c->run[strategy * c->n_seed + j];
        const int failed = run->status < 0;

        out->score[j] = failed ? NAN : run->score;
        out->valid[j] = failed ? NAN : run->valid;
        out->trials[j] = failed ? NAN : (double)run->trials;
        out->cost[j] = failed ? NAN : run->cost_s;
        out->early[j] = failed ? NAN : run->early;
        out->late[j] = failed ? NAN : run->late;
    }
}

static void describe(const nw_compare_state *c, int strategy, struct column *x)
{
    nw_standing *s = &c->standing[strategy];
    const int n = c->n_seed;

    s->runs = nw_known(x->score, n);
    s->failed = n - s->runs;
    s->valid = nw_mean(x->valid, n);
    s->score = nw_mean(x->score, n);
    s->deviation = nw_deviation(x->score, n);
    s->trials = nw_mean(x->trials, n);
    s->cost_s = nw_mean(x->cost, n);
    s->early = nw_mean(x->early, n);
    s->late = nw_mean(x->late, n);
    memcpy(x->sorted, x->score, (size_t)n * sizeof(double));
    nw_sort(x->sorted, n);
    s->median = nw_quantile(x->sorted, n, .5);
}

/* scores: of all strategies, n_seed each; p has room for two numbers a strategy. */
static nw_status test_all(nw_compare_state *c, const double *scores, double *p)
{
    const int n = c->n_seed, yardstick = c->found.yardstick;

    for (int i = 0; i < c->found.n; i++) {
        nw_ranktest test = {.a12 = NAN, .p = NAN};

        if (i != yardstick)
            NW_TRY(nw_mann_whitney(c->ctx, scores + i * n, n, scores + yardstick * n, n,
                                   &test));
        c->standing[i].a12 = test.a12;
        p[i] = test.p;
    }
    NW_TRY(nw_holm(c->ctx, p, c->found.n, p + c->found.n));
    for (int i = 0; i < c->found.n; i++)
        c->standing[i].p = p[c->found.n + i];
    NW_TRY(nw_average_ranks(c->ctx, scores, c->found.n, n, p));
    for (int i = 0; i < c->found.n; i++)
        c->standing[i].rank = p[i];
    return NW_OK;
}

nw_status nw_compare_stand(nw_compare_state *c)
{
    const size_t n = (size_t)c->n_seed, all = n * (size_t)c->found.n;
    double *room =
        nw_alloc(c->ctx, (all + 6 * n + 2 * (size_t)c->found.n) * sizeof(double));
    nw_status status;

    if (!room)
        return NW_ENOMEM;
    for (int i = 0; i < c->found.n; i++) {
        double *rest = room + all;
        struct column x = {room + n * (size_t)i, rest,         rest + n,    rest + 2 * n,
                           rest + 3 * n,         rest + 4 * n, rest + 5 * n};

        fill_column(c, i, &x);
        describe(c, i, &x);
    }
    status = test_all(c, room, room + all + 6 * n);
    nw_release(c->ctx, room);
    return status;
}
