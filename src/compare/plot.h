/*
 * plot.h - a drawing in SVG: lines, areas, dots and plain text, and axes with ticks at
 * round numbers.
 *
 * Lengths are in pixels from the top left. Numbers have two decimals and a point in every
 * locale. What is added answers nothing: nw_text keeps a failure.
 */
#ifndef NW_PLOT_H
#define NW_PLOT_H

#include "text.h"

/* How a line or a text looks; zero and NULL are what most of them want. */
typedef struct nw_pen {
    const char *color; /* "#rrggbb"; NULL = black              */
    double width;      /* of a line; size of a text; 0 = 1, 11 */
    double opacity;    /* 0 = 1                                */
    const char *dash;  /* "4 3"; NULL = solid                  */
} nw_pen;

typedef enum nw_anchor { NW_AT_START, NW_AT_MIDDLE, NW_AT_END } nw_anchor;

void nw_plot_begin(nw_text *out, double width, double height);
void nw_plot_end(nw_text *out);

/* What is drawn until nw_plot_leave() shows inside the box alone; id: of the box. */
void nw_plot_clip(nw_text *out, const char *id, double x, double y, double w, double h);
void nw_plot_leave(nw_text *out);

void nw_plot_line(nw_text *out, double x1, double y1, double x2, double y2, nw_pen pen);
void nw_plot_box(nw_text *out, double x, double y, double w, double h, nw_pen pen,
                 double fill_opacity);

/* Through n points; nw_plot_area() closes and fills it. */
void nw_plot_path(nw_text *out, int n, const double *x, const double *y, nw_pen pen);
void nw_plot_area(nw_text *out, int n, const double *x, const double *y, nw_pen pen);

/* n dots of diameter pen.width, as one path. */
void nw_plot_dots(nw_text *out, int n, const double *x, const double *y, nw_pen pen);

/* Baseline at y. bold: 1 or 0; turned: reads upwards. */
typedef struct nw_label {
    double x, y;
    nw_anchor anchor;
    int is_bold, is_turned;
} nw_label;

void nw_plot_text(nw_text *out, nw_label at, nw_pen pen, const char *text);

/* ---- Axes ------------------------------------------------------------------- */

enum { NW_MOST_TICKS = 64 };

typedef struct nw_axis {
    double low, high; /* values at its two ends              */
    double from, to;  /* their places                        */
    int is_log;
} nw_axis;

double nw_axis_at(const nw_axis *axis, double value);

/* Round numbers on the axis, at most `most` <= NW_MOST_TICKS of them. Those of a
 * logarithmic axis are powers of ten, or their 1-2-5 when that leaves fewer than three;
 * *decimals: what their texts need. */
int nw_axis_ticks(const nw_axis *axis, int most, double *tick, int *decimals);

/* Unlabelled 2..9 times every power of ten; none on a linear axis. */
int nw_axis_minor(const nw_axis *axis, double *tick);

/* "12,500" or "93.4". */
const char *nw_tick_text(double value, int decimals, char out[40]);

#endif
