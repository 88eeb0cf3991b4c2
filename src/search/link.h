/*
 * link.h - messages between a search and its workers, over a pair of sockets.
 *
 * Both ends are the same program on the same machine, so numbers go as they stand.
 */
#ifndef NW_LINK_H
#define NW_LINK_H

#include "ctx.h"

#include <stdint.h>

enum nw_message {
    NW_MSG_TRIAL = 1, /* to a worker: struct nw_order, arch, state of the estimator */
    NW_MSG_PROGRESS,  /* from it: nw_progress                                      */
    NW_MSG_EPOCH,     /* nw_epoch                                                  */
    NW_MSG_VALUE,     /* struct nw_named_value                                     */
    NW_MSG_NOTE,      /* words                                                     */
    NW_MSG_STATE,     /* of the estimator, in the midst of the trial               */
    NW_MSG_WEIGHTS,   /* of the trial's net                                        */
    NW_MSG_RESULT,    /* struct nw_result                                          */
};

struct link {
    nw_ctx *ctx;
    int fd;
    unsigned char *data; /* of the message received last, with a 0 behind */
    size_t size, room;
    uint32_t type;
};

void nw_link_close(struct link *link);

/* In up to three parts, NULL and 0 where there are fewer. NW_EIO = the other end is gone.
 */
nw_status nw_link_send(struct link *link, uint32_t type, const void *a, size_t na,
                       const void *b, size_t nb, const void *c, size_t nc);

/* Wait for one message. NW_DONE = the other end is gone. */
nw_status nw_link_receive(struct link *link);

#endif
