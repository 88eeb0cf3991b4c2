/*
 * history.c - a picture of searches: every trial as a dot, and the best so far as a line.
 *
 * Panel a counts trials, panel b the seconds that they cost, one after the other. Trials
 * that failed have no dot but their cost. Very bad trials would press all others
 * together, so the axis begins at the fifth percentile of what was tried, and lower dots
 * stand on it.
 */
#include "goal.h"
#include "panel.h"
#include "ranktest.h"
#include "study.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Width of a letter of a name, in the wider of the usual fonts. */
static const double LETTER = 7.2;

/* One search. */
struct story {
    nw_ctx *ctx;
    const char *label;
    int n, room;
    double *quality, *seconds; /* of trial i, and until it was over; NaN = failed */
};

struct history {
    nw_ctx *ctx;
    struct story *story;
    size_t n;
    nw_text out;
    double low, high, scale;
    double *x, *y; /* room for a line of steps */
};

static nw_status add(void *user, const nw_stored_trial *trial)
{
    struct story *s = user;
    int room = s->room;

    NW_TRY(nw_grow(s->ctx, &s->quality, s->n, &room, sizeof(double)));
    NW_TRY(nw_grow(s->ctx, &s->seconds, s->n, &s->room, sizeof(double)));
    s->quality[s->n] = trial->status < 0 ? NAN : trial->score.quality;
    s->seconds[s->n] = (s->n ? s->seconds[s->n - 1] : 0) + fmax(0, trial->score.cost_s);
    s->n++;
    return NW_OK;
}

/* Where the axis begins and ends, and whether scores are shares. */
static nw_status set_range(struct history *h)
{
    int n = 0, all = 0;
    double *value;

    for (size_t k = 0; k < h->n; k++)
        all += h->story[k].n;
    value = nw_alloc(h->ctx, (size_t)all * sizeof(double) + 1);
    h->x = nw_alloc(h->ctx, 2 * (size_t)all * sizeof(double) + 1);
    h->y = nw_alloc(h->ctx, 2 * (size_t)all * sizeof(double) + 1);
    if (!value || !h->x || !h->y)
        return NW_ENOMEM;
    for (size_t k = 0; k < h->n; k++)
        for (int i = 0; i < h->story[k].n; i++)
            if (!isnan(h->story[k].quality[i]))
                value[n++] = h->story[k].quality[i];
    nw_sort(value, n);
    if (n) {
        h->scale = value[0] >= 0 && value[n - 1] <= 1 ? 100 : 1;
        h->low = h->scale * value[n / 20];
        h->high = h->scale * value[n - 1];
    }
    nw_release(h->ctx, value);
    if (h->high <= h->low)
        h->low = h->high - 1;
    h->high += .05 * (h->high - h->low);
    return n ? NW_OK : nw_fail(h->ctx, NW_EINVAL, "no trial has a score to draw");
}

static double x_of(const struct story *s, int i, int by_cost)
{
    return by_cost ? s->seconds[i] : i + 1;
}

static void draw_dots(struct history *h, const struct story *s, const nw_axis *x,
                      const nw_axis *y, int by_cost, nw_pen pen)
{
    int n = 0;

    for (int i = 0; i < s->n; i++) {
        if (isnan(s->quality[i]))
            continue;
        h->x[n] = nw_axis_at(x, x_of(s, i, by_cost));
        h->y[n++] = nw_axis_at(y, fmax(y->low, h->scale * s->quality[i]));
    }
    nw_plot_dots(&h->out, n, h->x, h->y, pen);
}

/* Steps: what was best keeps until something better is over. */
static void draw_best(struct history *h, const struct story *s, const nw_axis *x,
                      const nw_axis *y, int by_cost, nw_pen pen)
{
    double best = -INFINITY;
    int n = 0;

    for (int i = 0; i < s->n; i++) {
        const double at = nw_axis_at(x, x_of(s, i, by_cost));

        if (n) {
            h->x[n] = at;
            h->y[n] = h->y[n - 1];
            n++;
        }
        if (!(s->quality[i] > best))
            continue;
        best = s->quality[i];
        h->x[n] = at;
        h->y[n++] = nw_axis_at(y, fmax(y->low, h->scale * best));
    }
    nw_plot_path(&h->out, n, h->x, h->y, pen);
}

static double x_end(const struct history *h, int by_cost)
{
    double end = 1;

    for (size_t k = 0; k < h->n; k++)
        if (h->story[k].n)
            end = fmax(end, x_of(&h->story[k], h->story[k].n - 1, by_cost));
    return end;
}

static void draw_panel(struct history *h, nw_panel p, int by_cost)
{
    const nw_axis x = {0, x_end(h, by_cost), p.left, p.right, 0};
    const nw_axis y = {h->low, h->high, p.bottom, p.top, 0};

    nw_panel_head(&h->out, &p, by_cost ? "b" : "a",
                  by_cost ? "" : "dots: trials; line: best so far");
    nw_panel_x(&h->out, &p, &x, 6, by_cost ? "Seconds of the trials so far" : "Trials");
    nw_panel_y(&h->out, &p, &y,
               by_cost        ? ""
               : h->scale > 1 ? "Validation accuracy, %"
                              : "Quality");
    for (size_t k = 0; k < h->n; k++)
        draw_dots(h, &h->story[k], &x, &y, by_cost,
                  (nw_pen){.color = nw_plot_color((int)k), .width = 4, .opacity = .35});
    for (size_t k = 0; k < h->n; k++)
        draw_best(h, &h->story[k], &x, &y, by_cost,
                  (nw_pen){.color = nw_plot_color((int)k), .width = 1.8});
}

/* Side by side above panel b, in their colours. */
static void draw_names(struct history *h, double x)
{
    for (size_t k = 0; k < h->n; k++) {
        nw_plot_text(&h->out, (nw_label){x, 18, NW_AT_START, 0, 0},
                     (nw_pen){.color = nw_plot_color((int)k), .width = 12},
                     h->story[k].label);
        x += 16 + LETTER * (double)strlen(h->story[k].label);
    }
}

static void draw(struct history *h)
{
    const nw_panel a = {58, 32, 368, 254};
    nw_panel b = a;

    b.left = a.right + 60;
    b.right = b.left + 310;
    nw_plot_begin(&h->out, b.right + 20, 300);
    draw_panel(h, a, 0);
    draw_panel(h, b, 1);
    draw_names(h, b.left + 15);
    nw_plot_end(&h->out);
}

static nw_status read_all(struct history *h, nw_study *const *study,
                          const char *const *label, const char *stage)
{
    for (size_t k = 0; k < h->n; k++) {
        struct story *s = &h->story[k];
        int64_t id;

        s->ctx = h->ctx;
        s->label = label[k];
        NW_TRY(nw_study_stage(study[k], stage ? stage : "search", NULL, &id));
        NW_TRY(nw_study_trials(study[k], id, add, s));
    }
    return set_range(h);
}

nw_status nw_history_draw(nw_ctx *ctx, size_t n, nw_study *const *study,
                          const char *const *label, const char *stage, FILE *out)
{
    struct history h = {.ctx = ctx, .n = n};
    nw_status status;

    h.story = nw_alloc(ctx, n * sizeof(*h.story) + 1);
    if (!h.story)
        return NW_ENOMEM;
    nw_text_init(&h.out, ctx);
    status = read_all(&h, study, label, stage);
    if (status >= 0) {
        draw(&h);
        if (h.out.failed)
            status = NW_ENOMEM;
        else if (fwrite(h.out.data, 1, h.out.length, out) != h.out.length)
            status = nw_fail(ctx, NW_EIO, "picture: %s", strerror(errno));
    }
    for (size_t k = 0; k < n; k++) {
        nw_release(ctx, h.story[k].quality);
        nw_release(ctx, h.story[k].seconds);
    }
    nw_text_free(&h.out);
    nw_release(ctx, h.x);
    nw_release(ctx, h.y);
    nw_release(ctx, h.story);
    return status;
}
