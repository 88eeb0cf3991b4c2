/*
 * layout.h - where in one arena every buffer stands.
 *
 * A buffer lives through [birth, death] of a timeline whose instants are the nodes'
 * forward and backward turns. Two buffers may share bytes when their lives do not meet.
 * First fit in order of birth: a training step is nearly a stack, for which that is close
 * to the lower bound.
 */
#ifndef NW_LAYOUT_H
#define NW_LAYOUT_H

#include "ctx.h"

typedef struct nw_life {
    int birth, death; /* instants, both included          */
    size_t bytes;     /* 0 = no buffer                    */
    size_t offset;    /* answer, a multiple of 64         */
} nw_life;

/* Set the offsets and the size of the arena. */
nw_status nw_layout(nw_ctx *ctx, nw_life *life, size_t n, size_t *bytes);

#endif
