/* counting.h - what tests of spaces share: a context, and parameters and MACs of a net.
 */
#ifndef COUNTING_H
#define COUNTING_H

#include "family.h"
#include "graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One thread: these nets are too small for more. */
static inline int open_context(void **state)
{
    const nw_config config = {.threads = 1};

    *state = nw_open(&config);
    return !*state;
}

static inline int close_context(void **state)
{
    nw_close(*state);
    return 0;
}

/* A graph or a message that fails the test. */
static inline nw_graph *graph_of(nw_space *space, const nw_arch *arch, unsigned flags)
{
    nw_graph *g = nw_graph_new(space->ctx, space, arch, NW_F32, flags);

    if (!g)
        fail_msg("%s", nw_errmsg(space->ctx));
    return g;
}

static inline double trainable(const nw_graph *g)
{
    double n = 0;

    for (int i = 0; i < g->n_param; i++)
        n += g->param[i].param->is_buffer ? 0 : (double)g->param[i].count;
    return n;
}

static inline nw_space *opened(nw_ctx *ctx, const char *spec, const int input[3])
{
    nw_space *space = nw_space_open(ctx, spec, input, 0);

    if (!space)
        fail_msg("%s: %s", spec, nw_errmsg(ctx));
    return space;
}

/* The context's message holds `part`. */
static inline void says(const nw_ctx *ctx, const char *part)
{
    if (!strstr(nw_errmsg(ctx), part))
        fail_msg("\"%s\" does not say \"%s\"", nw_errmsg(ctx), part);
}

#endif
