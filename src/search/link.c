/* link.c - a header with type and length, then bytes. */
#include "link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct header {
    uint32_t type, unused;
    uint64_t size;
};

void nw_link_close(struct link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    nw_release(link->ctx, link->data);
    link->data = NULL;
    link->room = link->size = 0;
}

static nw_status send_all(struct link *link, const void *data, size_t n)
{
    const char *at = data;

    while (n > 0) {
        /* A worker that is gone must not raise a signal here. */
        const ssize_t sent = send(link->fd, at, n, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return nw_fail(link->ctx, NW_EIO, "worker: %s", strerror(errno));
        at += sent;
        n -= (size_t)sent;
    }
    return NW_OK;
}

nw_status nw_link_send(struct link *link, uint32_t type, const void *a, size_t na,
                       const void *b, size_t nb, const void *c, size_t nc)
{
    const struct header head = {.type = type, .size = na + nb + nc};

    NW_TRY(send_all(link, &head, sizeof(head)));
    NW_TRY(send_all(link, a, na));
    NW_TRY(send_all(link, b, nb));
    return send_all(link, c, nc);
}

/* NW_DONE when the other end closes before n bytes have come. */
static nw_status receive_all(struct link *link, void *data, size_t n)
{
    char *at = data;

    while (n > 0) {
        const ssize_t got = recv(link->fd, at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return NW_DONE;
        at += got;
        n -= (size_t)got;
    }
    return NW_OK;
}

nw_status nw_link_receive(struct link *link)
{
    struct header head;
    nw_status status = receive_all(link, &head, sizeof(head));

    if (status != NW_OK)
        return status;
    if (head.size + 1 > link->room) {
        nw_release(link->ctx, link->data);
        link->room = 0;
        link->data = nw_alloc(link->ctx, head.size + 1);
        if (!link->data)
            return NW_ENOMEM;
        link->room = head.size + 1;
    }
    link->type = head.type;
    link->size = head.size;
    link->data[head.size] = 0;
    return receive_all(link, link->data, head.size);
}
