/*
 * options.h - the table of options and the reading of a command line.
 *
 * One row an option: parsing, --help, the manual page, completion, job files and "did
 * you mean" all come from it.
 */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include "commands.h"

#include <stdint.h>

enum { MOST_OPTIONS = 64, MOST_WORDS = 64 };

struct words {
    const char *item[MOST_WORDS];
    int n;
};

/* What the options say, defaults included. Fractions are 0..1, times in seconds. */
struct settings {
    int help, version, man, markdown, quiet, verbose, no_progress, inference, profile;
    uint64_t examples, seed, trials, sample;
    int threads, jobs, ahead, seeds, latency, all, baseline, batch, classes, number;
    double time_limit, trial_time_limit, valid, holdout;
    struct words set, arch, limit;
    const char *format, *color, *space, *data, *test, *strategy, *estimator, *final;
    const char *derive, *strategies, *budget, *objective, *study, *out, *stage, *to, *input, *url;
    unsigned char
        given[MOST_OPTIONS]; /* by row: stands on the command line or in the job */
};

enum option_type {
    OPT_FLAG,  /* int, counts how often                     */
    OPT_INT,   /* int                                       */
    OPT_COUNT, /* uint64_t                                  */
    OPT_SHARE, /* double, 0..1                              */
    OPT_TIME,  /* double seconds: "90", "90s", "10m", "1h"  */
    OPT_TEXT,  /* const char *                              */
    OPT_WORD,  /* const char *, one of those in `arg`       */
    OPT_LIST,  /* struct words: may be given again          */
};

struct option_row {
    const char *name; /* without the dashes                       */
    char letter;      /* or 0                                     */
    enum option_type type;
    size_t offset;        /* in struct settings                       */
    const char *arg;      /* name of its value, "table|json|csv"      */
    const char *initial;  /* default, or NULL                         */
    const char *doc;      /* what it does, without the default        */
    const char *complete; /* `netwright list` kind of its values      */
    uint32_t commands;    /* bits, 1 << CMD_search ...                */
};

extern const struct option_row option_rows[]; /* ends at name NULL */

int option_is_for(const struct option_row *row, int command); /* < 0 = any command */

/* Read argv into tool->opt, tool->command and tool->arg. Answers EXIT_OK, or
 * EXIT_USAGE after a message. */
int options_parse(struct tool *tool, int argc, char **argv);

/* Set row `i` from text, unless it is given already; where is "file:line:column: " or
 * "", for the message. */
int options_set(struct tool *tool, int i, const char *text, const char *where);

int options_find(const char *name, size_t length); /* row of a long name, or -1 */
const char *options_near(const char *name, int command);

#endif
