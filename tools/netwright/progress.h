/*
 * progress.h - a bar with the time that is left, and Ctrl-C.
 *
 * The bar stands on stderr when that is a terminal, is drawn at most ten times a second
 * and is wiped before anything else is written. Elsewhere -v gives a line an epoch.
 */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include "netwright.h"

struct tool;

struct progress {
    struct tool *tool;
    const char *stage;    /* of the last call                                     */
    int bar;              /* draw it                                              */
    double drawn_s;       /* when it was last drawn                               */
    double seen_s, seen;  /* time and steps when the rate was last taken          */
    double rate;          /* steps a second, smoothed; 0 = not known yet          */
    double epoch;         /* of the last line                                     */
    uint64_t first_trial; /* of the stage                                         */
    int many_trials;      /* trials have epochs of their own                      */
};

void progress_open(struct progress *progress, struct tool *tool);

/* For nw_search_config; user is the struct progress. Nonzero once Ctrl-C was pressed. */
int progress_step(void *user, const nw_progress *now);
void progress_clear(struct progress *progress);

/* From here on the first Ctrl-C (or SIGTERM) only asks to stop, the second stops. */
void interrupt_catch(void);
int interrupt_seen(void);

#endif
