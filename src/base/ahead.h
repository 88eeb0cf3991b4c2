/*
 * ahead.h - one piece of work that a thread of its own does while the caller goes on.
 *
 * The thread starts with the first piece of work and sleeps between two. It runs
 * nw_parallel() on itself alone, takes no signals, and must not touch the context, which
 * belongs to the caller's thread. After fork() the child has no such thread: what was
 * begun is lost there, and another thread starts with the next piece.
 */
#ifndef NW_AHEAD_H
#define NW_AHEAD_H

#include "ctx.h"

typedef struct nw_ahead nw_ahead;

/* work(arg) is what each piece does. NULL after nw_fail(). */
nw_ahead *nw_ahead_new(nw_ctx *ctx, void (*work)(void *arg), void *arg);
void nw_ahead_free(nw_ahead *ahead); /* once it is done; NULL is fine */

/* Begin a piece. 0 = there is no thread to be had, and nothing was begun. Between begin
 * and wait what work() touches belongs to it. */
int nw_ahead_begin(nw_ahead *ahead);

/* Until it is done. 0 = nothing had been begun, or it is lost. */
int nw_ahead_wait(nw_ahead *ahead);

#endif
