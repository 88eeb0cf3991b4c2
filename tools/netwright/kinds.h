/* kinds.h - the kinds of things that specs name, as words. */
#ifndef TOOL_KINDS_H
#define TOOL_KINDS_H

#include "tool.h"

#define N_KINDS (NW_EXPORTERS + 1)

extern const char *const kind_names[N_KINDS]; /* "ops", "spaces" ... */

/* What nw_help() says. */
char *kind_help(struct tool *tool, nw_kind kind, const char *name);

#endif
