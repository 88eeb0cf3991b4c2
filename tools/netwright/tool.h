/* tool.h - the state of one run of the command, and words for its user. */
#ifndef TOOL_H
#define TOOL_H

#include "commands.h"
#include "netwright.h"
#include "options.h"
#include "pool.h"
#include "progress.h"

#include <stdio.h>

enum { MOST_ARGS = 32 };

struct tool {
    struct pool pool;
    struct settings opt;
    const struct command *command; /* NULL until it is read              */
    const char *arg[MOST_ARGS];    /* arguments that are not options     */
    int n_arg;
    nw_ctx *nw;
    struct progress progress;
    int color_out, color_err; /* colour on stdout, on stderr        */
};

/* Open the library and the progress display as the options say; again when a job has
 * said more and nothing is made yet. */
void tool_open(struct tool *tool);

/* Words on stderr. note() is silent with -q, detail() speaks with -v only. */
void note(struct tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void detail(struct tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "netwright: words"; answers EXIT_FAILED. */
int fail(struct tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with a hint to help; answers EXIT_USAGE. */
int usage(struct tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Report what the library has just refused; answers the exit code of `status`. */
int failed(struct tool *tool, nw_status status);

#endif
