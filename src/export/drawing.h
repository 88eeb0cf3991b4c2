/* drawing.h - what the two kinds of picture share. */
#ifndef NW_DRAWING_H
#define NW_DRAWING_H

#include "export.h"

/* Line, fill and text of one kind of op, "#rrggbb". */
typedef struct nw_ink {
    const char *op; /* start of its name */
    const char *line, *fill, *text;
} nw_ink;

/* For an op or an option by its name; there always is one. */
const nw_ink *nw_ink_of(const char *name);

/* Text inside an HTML-like label: the signs that mean something there are escaped. */
void nw_draw_text(nw_text *out, const char *text);

/* Head of the picture up to its first node, and the caption that stands below it. */
void nw_draw_begin(nw_text *out, const char *direction);
nw_status nw_draw_end(nw_text *out, nw_ctx *ctx, const nw_arch *arch, nw_net *net);

/* 1 when the space knows its cells, or all its choices are edges of cells. */
int nw_has_cells(const nw_space *space);

/* Those cells; network: the arch's space, or what it is built as. */
nw_status nw_draw_cells(nw_text *out, const nw_arch *arch, const nw_space *network);

/* Any space: ops in order, choices with what they take. */
nw_status nw_draw_flow(nw_text *out, nw_ctx *ctx, const nw_arch *arch);

#endif
