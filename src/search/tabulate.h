/* tabulate.h - a table of results while it is made: its stages, and its rows as CSV. */
#ifndef NW_TABULATE_H
#define NW_TABULATE_H

#include "netwright_ext.h"
#include "study.h"

struct tabulation {
    nw_ctx *ctx;
    nw_space *space;
    const nw_search_config *how;
    const nw_tabulate_config *what;
    nw_study *study;
    int runs;
};

/* "run-1" */
const char *nw_run_name(int run, char out[32]);

/* All stages are finished: write their rows, or nothing. */
nw_status nw_tabulate_write(const struct tabulation *t, const char *path);

#endif
