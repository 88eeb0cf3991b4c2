/*
 * figure.c - the picture of a comparison, fit for a paper.
 *
 * Panel a: mean score of the incumbent over the budget, with a band of one standard
 * error. Panel b: the scores at the end, one dot a run, with quartiles, median, and
 * whiskers from the 5th to the 95th percentile. Strategies are named where their curves
 * end and above their boxes. Colours are those of Okabe and Ito, which colour-blind
 * people tell apart; random is grey and dashed.
 *
 * Early means are far below all that matters, so the axis of panel a may cut them off;
 * runs beyond the axis of panel b are counted at its edge.
 */
#include "compare.h"
#include "panel.h"
#include "ranktest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const dashes[] = {NULL, "7 2", "2 2", "8 2 2 2"};
static const char *const gray = NW_GRAY;

enum { MOST_LINE = 22, LINE = 13, LONGEST_LABEL = 512 };

/* Width of a letter at size 11, in the wider of the usual fonts. */
static const double LETTER = 6.8;

struct figure {
    const nw_compare_state *c;
    nw_text out;
    double *room; /* for points: twice as many as a curve or a column has */
    double width, height, gutter;
    nw_panel a, b;
    double scale; /* of scores: 100 for percent */
    int *order;   /* strategies, best first     */
};

/* ---- What things look like ----------------------------------------------------------
 */

static nw_pen pen_of(const struct figure *f, int strategy)
{
    const int yardstick = f->c->found.yardstick;
    const int i = strategy - (strategy > yardstick);

    if (strategy == yardstick)
        return (nw_pen){.color = gray, .width = 1.8, .dash = "5 3"};
    return (nw_pen){
        .color = nw_plot_color(i), .width = 1.8, .dash = dashes[i / NW_COLORS % 4]};
}

static const char *name_of(const struct figure *f, int strategy)
{
    return f->c->standing[strategy].strategy;
}

static int is_percent(const nw_compare_state *c)
{
    const char *name = c->goal.objective[0]->name;

    if (strcmp(name, "quality") && strcmp(name, "accuracy") && strcmp(name, "top5"))
        return 0;
    for (int i = 0; i < c->found.n_run; i++)
        if (c->run[i].score < 0 || c->run[i].score > 1)
            return 0;
    return 1;
}

static void score_title(const struct figure *f, char out[120])
{
    const nw_measure *measure = f->c->goal.objective[0];
    const char *what = f->c->found.is_held_out ? "Held-out" : "Validation";
    const char *name = strcmp(measure->name, "quality") ? measure->name
                       : f->scale > 1                   ? "accuracy"
                                                        : "score";

    snprintf(out, 120, "%s %s%s%s", what, measure->more_is_better ? "" : "minus ", name,
             f->scale > 1 ? ", %" : "");
}

static int spans_hours(const nw_curves *curves)
{
    return curves->by_cost && curves->end >= 200000;
}

static const char *budget_title(const nw_curves *curves)
{
    return !curves->by_cost      ? "Trials"
           : spans_hours(curves) ? "Search cost, hours"
                                 : "Search cost, seconds";
}

/* ---- Panel a ------------------------------------------------------------------------
 */

static const nw_band *band_at(const struct figure *f, int strategy, int place)
{
    return &f->c->curves.score[strategy * f->c->curves.n + place];
}

/* One whose runs all failed, or that names an arch without trying any, has none. */
static int has_curve(const struct figure *f, int strategy)
{
    return band_at(f, strategy, 0)->runs > 0;
}

static double error_of(const nw_band *band)
{
    return isnan(band->error) ? 0 : band->error;
}

/* Lowest of all curves from a place on, and the highest. */
static void reach(const struct figure *f, int first, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int i = 0; i < f->c->found.n; i++)
        for (int k = first; k < f->c->curves.n; k++) {
            const nw_band *band = band_at(f, i, k);

            *low = fmin(*low, band->mean - error_of(band));
            *high = fmax(*high, band->mean + error_of(band));
        }
}

static void widen(nw_axis *axis, double share)
{
    const double more = axis->high > axis->low ? share * (axis->high - axis->low)
                                               : fmax(1e-3, .01 * fabs(axis->low));

    axis->low -= more;
    axis->high += more;
}

static nw_axis curve_axis(const struct figure *f)
{
    static const double worth = 1.5; /* as high as without the first quarter */
    const int n = f->c->curves.n;
    nw_axis y = {.from = f->a.bottom, .to = f->a.top};
    double late, high;

    reach(f, 0, &y.low, &y.high);
    reach(f, n / 4, &late, &high);
    if (high - y.low > worth * (high - late))
        y.low = late;
    y.low *= f->scale;
    y.high *= f->scale;
    widen(&y, .05);
    return y;
}

static void draw_curve(struct figure *f, int strategy, const nw_axis *x, const nw_axis *y,
                       double per)
{
    const nw_curves *curves = &f->c->curves;
    double *px = f->room, *py = px + 2 * curves->n;
    nw_pen pen = pen_of(f, strategy), shade = {.color = pen.color, .opacity = .16};
    const int n = curves->n;

    if (!has_curve(f, strategy))
        return;
    for (int k = 0; k < n; k++) {
        const nw_band *band = band_at(f, strategy, k);

        px[k] = px[2 * n - 1 - k] = nw_axis_at(x, curves->x[k] / per);
        py[k] = nw_axis_at(y, f->scale * (band->mean + error_of(band)));
        py[2 * n - 1 - k] = nw_axis_at(y, f->scale * (band->mean - error_of(band)));
    }
    nw_plot_area(&f->out, 2 * n, px, py, shade);
    for (int k = 0; k < n; k++)
        py[k] = nw_axis_at(y, f->scale * band_at(f, strategy, k)->mean);
    nw_plot_path(&f->out, n, px, py, pen);
}

/* Bytes of the first line when text is broken at a blank; all of it if it is short. */
static size_t line_length(const char *text)
{
    size_t n = strlen(text), at = MOST_LINE;

    if (n <= MOST_LINE)
        return n;
    while (at && text[at] != ' ')
        at--;
    return at ? at : strcspn(text, " ");
}

static int count_lines(const char *text)
{
    int lines = 0;

    for (; *text; lines++) {
        text += line_length(text);
        text += strspn(text, " ");
    }
    return lines;
}

static void draw_lines(struct figure *f, double x, double y, const char *text,
                       const char *color)
{
    for (; *text; y += LINE) {
        char line[LONGEST_LABEL];

        snprintf(line, sizeof(line), "%.*s", (int)line_length(text), text);
        nw_plot_text(&f->out, (nw_label){x, y, NW_AT_START, 0, 0},
                     (nw_pen){.color = color}, line);
        text += line_length(text);
        text += strspn(text, " ");
    }
}

/* Labels at their curves' ends, from the highest down, moved as little as keeps them
 * apart; at[i] is where that of the i-th of order[] begins. */
static void place_labels(const struct figure *f, const double *end, double *at)
{
    const int n = f->c->found.n;
    double floor_y = f->a.bottom;

    for (int i = 0; i < n; i++) {
        const int lines = count_lines(name_of(f, f->order[i]));
        const double wish = end[f->order[i]] - .5 * LINE * lines;
        const double least =
            i ? at[i - 1] + LINE * count_lines(name_of(f, f->order[i - 1]))
              : f->a.top - 8;

        at[i] = fmax(wish, least);
    }
    for (int i = n - 1; i >= 0; i--) {
        at[i] = fmin(at[i], floor_y - LINE * count_lines(name_of(f, f->order[i])));
        floor_y = at[i];
    }
}

static void draw_labels(struct figure *f, const nw_axis *y)
{
    const int n = f->c->found.n, last = f->c->curves.n - 1;
    double *end = f->room, *at = end + n;

    for (int i = 0; i < n; i++)
        end[i] = has_curve(f, i) ? nw_axis_at(y, f->scale * band_at(f, i, last)->mean)
                                 : f->a.bottom;
    place_labels(f, end, at);
    for (int i = 0; i < n; i++) {
        const int s = f->order[i];
        const char *name = name_of(f, s);
        const double middle = at[i] + .5 * LINE * count_lines(name);
        nw_pen pen = {.color = pen_of(f, s).color};

        if (has_curve(f, s))
            nw_plot_line(&f->out, f->a.right + 2, end[s], f->a.right + 11, middle, pen);
        draw_lines(f, f->a.right + 15, at[i] + 10, name, pen.color);
    }
}

/* The first place at which a curve is on the axis: before it there is nothing to see. */
static int first_seen(const struct figure *f, const nw_axis *y)
{
    const int n = f->c->curves.n;
    int first = n - 1;

    for (int i = 0; i < f->c->found.n; i++)
        for (int k = 0; k < first; k++)
            if (f->scale * band_at(f, i, k)->mean >= y->low)
                first = k;
    return first < n - 1 ? first : 0;
}

static void draw_a(struct figure *f)
{
    const nw_curves *curves = &f->c->curves;
    const double per = spans_hours(curves) ? 3600 : 1;
    const nw_axis y = curve_axis(f);
    const nw_axis x = {.low = curves->x[first_seen(f, &y)] / per,
                       .high = curves->x[curves->n - 1] / per,
                       .from = f->a.left,
                       .to = f->a.right,
                       .is_log = curves->is_log};
    char title[120];

    snprintf(title, sizeof(title), "best so far: mean \xc2\xb1 standard error, %d runs",
             f->c->n_seed);
    nw_panel_head(&f->out, &f->a, "a", title);
    score_title(f, title);
    nw_panel_x(&f->out, &f->a, &x, 6, budget_title(curves));
    nw_panel_y(&f->out, &f->a, &y, title);
    nw_plot_clip(&f->out, "curves", f->a.left, f->a.top, f->a.right - f->a.left + 1,
                 f->a.bottom - f->a.top);
    for (int i = f->c->found.n - 1; i >= 0; i--)
        draw_curve(f, f->order[i], &x, &y, per);
    nw_plot_leave(&f->out);
    draw_labels(f, &y);
}

/* ---- Panel b ------------------------------------------------------------------------
 */

/* Scores of the runs that succeeded, sorted, on the scale of the figure. */
static int column_of(const struct figure *f, int strategy, double *out)
{
    const nw_outcome *run = f->c->run + strategy * f->c->n_seed;
    const int n = f->c->n_seed;

    for (int j = 0; j < n; j++)
        out[j] = run[j].status < 0 ? NAN : f->scale * run[j].score;
    nw_sort(out, n);
    return nw_known(out, n);
}

/* All of it, unless a few runs are so far off that the rest would be a line. */
static nw_axis final_axis(const struct figure *f)
{
    static const double worth = 3;
    nw_axis x = {INFINITY, -INFINITY, f->b.left, f->b.right, 0};
    double low = INFINITY, high = -INFINITY;

    for (int i = 0; i < f->c->found.n; i++) {
        const int n = column_of(f, i, f->room);

        if (!n)
            continue;
        x.low = fmin(x.low, f->room[0]);
        x.high = fmax(x.high, f->room[n - 1]);
        low = fmin(low, nw_quantile(f->room, n, .05));
        high = fmax(high, nw_quantile(f->room, n, .95));
    }
    if (high > low && x.high - x.low > worth * (high - low)) {
        x.low = fmax(x.low, low - .5 * (high - low));
        x.high = fmin(x.high, high + .5 * (high - low));
    }
    widen(&x, .04);
    return x;
}

/* Evenly spread over (-1, 1), the same in every picture: van der Corput's sequence. */
static double jitter(int i)
{
    double share = 0, digit = .5;

    for (i++; i; i >>= 1, digit /= 2)
        share += (i & 1) * digit;
    return 2 * share - 1;
}

static void draw_dots(struct figure *f, int strategy, int n, const nw_axis *x, double y,
                      double half)
{
    double *value = f->room, *px = value + f->c->n_seed, *py = px + f->c->n_seed;
    nw_pen pen = {.color = pen_of(f, strategy).color, .width = 3.4};
    int shown = 0, beyond = 0;

    pen.opacity = fmin(.55, fmax(.12, 20. / n));
    for (int j = 0; j < n; j++) {
        if (value[j] < x->low) {
            beyond++;
            continue;
        }
        px[shown] = nw_axis_at(x, value[j]);
        py[shown++] = y + half * jitter(j);
    }
    nw_plot_dots(&f->out, shown, px, py, pen);
    if (beyond) {
        char text[40];

        snprintf(text, sizeof(text), "\xe2\x97\x82 %d", beyond);
        nw_plot_text(&f->out, (nw_label){x->from + 3, y + 4, NW_AT_START, 0, 0},
                     (nw_pen){.color = pen.color, .width = 10}, text);
    }
}

/* Whiskers, box and median of f->room[0..n). */
static void draw_box(struct figure *f, int strategy, int n, const nw_axis *x, double y,
                     double half)
{
    static const double at[] = {.05, .25, .5, .75, .95};
    nw_pen pen = {.color = pen_of(f, strategy).color, .width = 1.2};
    double q[5];

    for (int i = 0; i < 5; i++)
        q[i] = nw_axis_at(x, fmax(x->low, nw_quantile(f->room, n, at[i])));
    nw_plot_line(&f->out, q[0], y, q[1], y, pen);
    nw_plot_line(&f->out, q[3], y, q[4], y, pen);
    for (int i = 0; i < 5; i += 4)
        nw_plot_line(&f->out, q[i], y - half / 2, q[i], y + half / 2, pen);
    nw_plot_box(&f->out, q[1], y - half, q[3] - q[1], 2 * half, pen, .15);
    pen.width = 2.4;
    nw_plot_line(&f->out, q[2], y - half, q[2], y + half, pen);
}

/* Beside the box: A12 and, below it, p. */
static void draw_verdict(struct figure *f, const nw_standing *s, double y)
{
    const nw_pen pen = {.color = gray, .width = 10};
    char number[40], text[80];

    if (isnan(s->a12))
        return;
    nw_tick_text(s->a12, 2, number);
    snprintf(text, sizeof(text), "A\xe2\x82\x81\xe2\x82\x82 %s", number);
    nw_plot_text(&f->out, (nw_label){f->b.right + 9, y - 2, NW_AT_START, 0, 0}, pen,
                 text);
    nw_tick_text(fmax(s->p, .001), s->p < .1 ? 3 : 2, number);
    snprintf(text, sizeof(text), "p %s %s", s->p < .001 ? "<" : "=", number);
    nw_plot_text(&f->out, (nw_label){f->b.right + 9, y + 11, NW_AT_START, 0, 0}, pen,
                 text);
}

/* As much of the name as has room: its first word and its end. */
static void draw_name(struct figure *f, int strategy, double top)
{
    const char *name = name_of(f, strategy);
    const size_t most = (size_t)((f->b.right - f->b.left) / LETTER);
    const size_t n = strlen(name), word = strcspn(name, " ");
    char text[LONGEST_LABEL];

    if (n <= most)
        snprintf(text, sizeof(text), "%s", name);
    else if (word + 2 < most)
        snprintf(text, sizeof(text), "%.*s \xe2\x80\xa6%s", (int)word, name,
                 name + n - (most - word - 2));
    else
        snprintf(text, sizeof(text), "%.*s\xe2\x80\xa6", (int)most - 1, name);
    nw_plot_text(&f->out, (nw_label){f->b.left + 4, top + 10, NW_AT_START, 0, 0},
                 (nw_pen){.color = pen_of(f, strategy).color}, text);
}

/* Where half of random's runs end, beside every box. */
static void draw_yardstick(struct figure *f, const nw_axis *x, double y, double half)
{
    const double at =
        nw_axis_at(x, f->scale * f->c->standing[f->c->found.yardstick].median);

    if (at >= x->from && at <= x->to)
        nw_plot_line(&f->out, at, y - half - 4, at, y + half + 4,
                     (nw_pen){.color = gray, .dash = "2 2"});
}

static void draw_row(struct figure *f, int strategy, const nw_axis *x, double top,
                     double high)
{
    const double half = fmin(12, (high - 18) / 2), y = top + 16 + half;
    const int n = column_of(f, strategy, f->room);

    draw_name(f, strategy, top);
    draw_verdict(f, &f->c->standing[strategy], y);
    draw_yardstick(f, x, y, half);
    if (!n)
        return;
    draw_dots(f, strategy, n, x, y, half - 1.5);
    draw_box(f, strategy, n, x, y, half);
}

static void draw_b(struct figure *f)
{
    const int n = f->c->found.n;
    const nw_axis x = final_axis(f);
    const double slot = (f->b.bottom - f->b.top - 6) / n, high = fmin(44, slot);
    char title[120];

    nw_panel_head(&f->out, &f->b, "b",
                  "final runs: quartiles, whiskers 5\xe2\x80\x93"
                  "95 %");
    score_title(f, title);
    nw_panel_x(&f->out, &f->b, &x, 6, title);
    for (int i = 0; i < n; i++)
        draw_row(f, f->order[i], &x, f->b.top + i * slot + (slot - high) / 2, high);
}

/* ---- The whole ----------------------------------------------------------------------
 */

/* By mean score, best first; one without a run is last. */
static void set_order(struct figure *f)
{
    for (int i = 0; i < f->c->found.n; i++) {
        const double score = f->c->standing[i].score;
        int k = i;

        for (; k > 0; k--) {
            const double other = f->c->standing[f->order[k - 1]].score;

            if (!(score > other) && !(isnan(other) && !isnan(score)))
                break;
            f->order[k] = f->order[k - 1];
        }
        f->order[k] = i;
    }
}

static void set_layout(struct figure *f)
{
    const int n = f->c->found.n;
    size_t longest = 0;
    int lines = 0;

    for (int i = 0; i < n; i++)
        lines += count_lines(name_of(f, i));
    for (int i = 0; i < n; i++)
        for (const char *name = name_of(f, i); *name;) {
            const size_t length = line_length(name);

            longest = length > longest ? length : longest;
            name += length;
            name += strspn(name, " ");
        }
    f->gutter = fmin(210, fmax(50, 24 + LETTER * (double)longest));
    f->height = fmax(fmax(320, 80 + 38. * n), 90. + LINE * lines);
    f->a = (nw_panel){58, 32, 58 + 310, f->height - 46};
    f->b = f->a;
    f->b.left = f->a.right + f->gutter;
    f->b.right = f->b.left + 275;
    f->width = f->b.right + 76;
}

static void draw(struct figure *f)
{
    set_order(f);
    f->scale = is_percent(f->c) ? 100 : 1;
    set_layout(f);
    nw_plot_begin(&f->out, f->width, f->height);
    draw_a(f);
    draw_b(f);
    nw_plot_end(&f->out);
}

nw_status nw_comparison_draw(const nw_comparison *comparison, FILE *out)
{
    struct figure f = {.c = (const nw_compare_state *)comparison};
    nw_status status = NW_ENOMEM;
    size_t points;

    if (!f.c || !out)
        return NW_EINVAL;
    nw_clear(f.c->ctx);
    if (!f.c->curves.n)
        return nw_fail(f.c->ctx, NW_EINVAL, "comparison: no run has a curve to draw");
    points = (size_t)(f.c->curves.n > f.c->n_seed ? f.c->curves.n : f.c->n_seed);
    f.room = nw_alloc(f.c->ctx, (4 * points + 2 * (size_t)f.c->found.n) * sizeof(double));
    f.order = nw_alloc(f.c->ctx, (size_t)f.c->found.n * sizeof(int));
    nw_text_init(&f.out, f.c->ctx);
    if (f.room && f.order)
        draw(&f);
    if (f.room && f.order && !f.out.failed)
        status = fwrite(f.out.data, 1, f.out.length, out) == f.out.length
                     ? NW_OK
                     : nw_fail(f.c->ctx, NW_EIO, "comparison: %s", strerror(errno));
    nw_text_free(&f.out);
    nw_release(f.c->ctx, f.order);
    nw_release(f.c->ctx, f.room);
    return status;
}
