/*
 * child.h - a process of one thread, forked from this one, that answers over a pair of
 * sockets. The kernel ends it when its parent dies.
 */
#ifndef NW_CHILD_H
#define NW_CHILD_H

#include "link.h"
#include "study.h"

#include <sys/types.h>

struct child {
    pid_t pid;
    struct link link; /* fd < 0 = there is none */
};

/* Fork. In the child, which lets go of the study (may be NULL) and computes on one
 * thread, live() runs with its end of the link, and what it answers is the exit code. */
nw_status nw_child_start(nw_ctx *ctx, nw_study *study, struct child *child,
                         int (*live)(void *user, struct link *link), void *user);

/* Kill it, if it is not dead; answers how it ended, as waitpid() does. */
int nw_child_end(struct child *child);

#endif
