/*
 * curves.c - what a run has to show when it is stopped early: its incumbent over trials,
 * or over cost where that is the budget.
 *
 * The first place is where every run has found something: before it a mean would be one
 * of the lucky runs alone. A run that ended early keeps what it has. Places are evenly
 * spaced in log x when the budget is fifty times the first place or more, since searches
 * improve that way: half of what is gained is gained in the first few trials.
 */
#include "compare.h"
#include "ranktest.h"

enum { MOST_PLACES = 200 };
static const double LOG_SPAN = 50;

static double place_of(const nw_curves *curves, const nw_step *step)
{
    return curves->by_cost ? step->cost_s : step->trials;
}

/* Where every run that found anything has something. */
static double first_place(const nw_compare_state *c)
{
    double first = 0;

    for (int i = 0; i < c->found.n_run; i++)
        if (c->track[i].n)
            first = fmax(first, place_of(&c->curves, &c->track[i].step[0]));
    return first;
}

static void set_places(nw_curves *curves, double first)
{
    const double end = curves->end,
                 span = curves->is_log ? log(end / first) : end - first;
    const int n = !curves->by_cost && !curves->is_log && span < MOST_PLACES
                      ? (int)span + 1
                      : MOST_PLACES;

    for (int i = 0; i < n; i++) {
        const double share = n > 1 ? (double)i / (n - 1) : 1;
        double x = curves->is_log ? first * exp(share * span) : first + share * span;

        if (!curves->by_cost)
            x = round(x);
        if (i == n - 1)
            x = end;
        if (!curves->n || x > curves->x[curves->n - 1])
            curves->x[curves->n++] = x;
    }
}

/* What the run has at x; the score of a run nobody can judge is its validation. */
static const nw_step *step_at(const nw_curves *curves, const nw_track *track, double x)
{
    const nw_step *step = NULL;

    for (int i = 0; i < track->n && place_of(curves, &track->step[i]) <= x; i++)
        step = &track->step[i];
    return step;
}

static nw_band band_of(double *value, int n)
{
    nw_band band = {.runs = nw_known(value, n), .mean = nw_mean(value, n)};

    band.error = nw_deviation(value, n) / sqrt(band.runs);
    nw_sort(value, n);
    band.low = nw_quantile(value, n, .25);
    band.median = nw_quantile(value, n, .5);
    band.high = nw_quantile(value, n, .75);
    return band;
}

static void set_bands(nw_compare_state *c, int strategy, int place, double *score,
                      double *valid)
{
    const nw_curves *curves = &c->curves;
    const int at = strategy * curves->n + place;

    for (int j = 0; j < c->n_seed; j++) {
        const nw_step *step =
            step_at(curves, nw_track_of(c, strategy, j), curves->x[place]);
        const int failed = c->run[strategy * c->n_seed + j].status < 0;

        valid[j] = step && !failed ? step->valid : NAN;
        score[j] = step && !failed && c->found.is_held_out ? step->score : valid[j];
    }
    curves->score[at] = band_of(score, c->n_seed);
    curves->valid[at] = band_of(valid, c->n_seed);
}

static nw_status get_room(nw_compare_state *c)
{
    const size_t most = MOST_PLACES * (size_t)c->found.n;
    nw_curves *curves = &c->curves;

    curves->x = nw_arena_get(&c->arena, MOST_PLACES * sizeof(double));
    curves->score = nw_arena_get(&c->arena, most * sizeof(nw_band));
    curves->valid = nw_arena_get(&c->arena, most * sizeof(nw_band));
    return curves->x && curves->score && curves->valid ? NW_OK : NW_ENOMEM;
}

nw_status nw_compare_curve(nw_compare_state *c)
{
    nw_curves *curves = &c->curves;
    double first, *value = nw_alloc(c->ctx, 2 * (size_t)c->n_seed * sizeof(double));
    nw_status status = value ? get_room(c) : NW_ENOMEM;

    *curves = (nw_curves){.x = curves->x,
                          .score = curves->score,
                          .valid = curves->valid,
                          .by_cost = c->by_cost,
                          .end = c->end};
    first = first_place(c);
    if (status >= 0 && first > 0) {
        curves->end = fmax(curves->end, first);
        curves->is_log = curves->end >= LOG_SPAN * first;
        set_places(curves, first);
        for (int i = 0; i < c->found.n; i++)
            for (int k = 0; k < curves->n; k++)
                set_bands(c, i, k, value, value + c->n_seed);
    }
    nw_release(c->ctx, value);
    return status;
}
