/*
 * panel.h - one part of a picture: a box with axes, in the manner of papers.
 *
 * Colours are those of Okabe and Ito, which colour-blind people tell apart.
 */
#ifndef NW_PANEL_H
#define NW_PANEL_H

#include "plot.h"

#define NW_GRAY "#5a5a5a"
#define NW_INK  "#222222"

enum { NW_COLORS = 7 };

const char *nw_plot_color(int i); /* of line i, again from the first after NW_COLORS */

typedef struct nw_panel {
    double left, top, right, bottom;
} nw_panel;

/* Grid, ticks (at most so many along x) and title of an axis. */
void nw_panel_x(nw_text *out, const nw_panel *panel, const nw_axis *x, int most,
                const char *title);
void nw_panel_y(nw_text *out, const nw_panel *panel, const nw_axis *y, const char *title);

/* A letter and a few words above it. */
void nw_panel_head(nw_text *out, const nw_panel *panel, const char *letter,
                   const char *words);

#endif
