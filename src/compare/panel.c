/* panel.c - the frame of a picture's part: axes with titles, grid, heading. */
#include "panel.h"

static const char *const gray = NW_GRAY, *const pale = "#e4e4e4", *const ink = NW_INK;

const char *nw_plot_color(int i)
{
    static const char *const colors[NW_COLORS] = {
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c510a"};

    return colors[i % NW_COLORS];
}

void nw_panel_x(nw_text *out, const nw_panel *p, const nw_axis *x, int most,
                const char *title)
{
    double tick[NW_MOST_TICKS];
    char text[40];
    int decimals, n = nw_axis_minor(x, tick);

    for (int i = 0; i < n; i++) {
        const double at = nw_axis_at(x, tick[i]);

        nw_plot_line(out, at, p->bottom, at, p->bottom + 2.5, (nw_pen){.color = gray});
    }
    n = nw_axis_ticks(x, most, tick, &decimals);
    for (int i = 0; i < n; i++) {
        const double at = nw_axis_at(x, tick[i]);

        nw_plot_line(out, at, p->top, at, p->bottom, (nw_pen){.color = pale});
        nw_plot_line(out, at, p->bottom, at, p->bottom + 5, (nw_pen){.color = gray});
        nw_plot_text(out, (nw_label){at, p->bottom + 17, NW_AT_MIDDLE, 0, 0},
                     (nw_pen){.color = ink}, nw_tick_text(tick[i], decimals, text));
    }
    nw_plot_line(out, p->left, p->bottom, p->right, p->bottom, (nw_pen){.color = gray});
    nw_plot_text(out,
                 (nw_label){(p->left + p->right) / 2, p->bottom + 34, NW_AT_MIDDLE, 0, 0},
                 (nw_pen){.color = ink, .width = 12}, title);
}

void nw_panel_y(nw_text *out, const nw_panel *p, const nw_axis *y, const char *title)
{
    double tick[NW_MOST_TICKS];
    char text[40];
    int decimals, n = nw_axis_ticks(y, 8, tick, &decimals);

    for (int i = 0; i < n; i++) {
        const double at = nw_axis_at(y, tick[i]);

        nw_plot_line(out, p->left, at, p->right, at, (nw_pen){.color = pale});
        nw_plot_line(out, p->left - 4, at, p->left, at, (nw_pen){.color = gray});
        nw_plot_text(out, (nw_label){p->left - 7, at + 4, NW_AT_END, 0, 0},
                     (nw_pen){.color = ink}, nw_tick_text(tick[i], decimals, text));
    }
    nw_plot_line(out, p->left, p->top, p->left, p->bottom, (nw_pen){.color = gray});
    nw_plot_text(out, (nw_label){15, (p->top + p->bottom) / 2, NW_AT_MIDDLE, 0, 1},
                 (nw_pen){.color = ink, .width = 12}, title);
}

void nw_panel_head(nw_text *out, const nw_panel *p, const char *letter, const char *words)
{
    nw_plot_text(out, (nw_label){p->left, 18, NW_AT_START, 1, 0},
                 (nw_pen){.color = ink, .width = 13}, letter);
    nw_plot_text(out, (nw_label){p->left + 15, 18, NW_AT_START, 0, 0},
                 (nw_pen){.color = gray}, words);
}
