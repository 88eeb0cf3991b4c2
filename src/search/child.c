/* child.c - fork, and bury. */
#include "child.h"

#include "parallel.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nothing of the parent's is touched, and nothing runs at the exit. */
static void begin(nw_ctx *ctx, nw_study *study, pid_t parent)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    for (size_t i = 0; i < sizeof(deadly) / sizeof(*deadly); i++)
        signal(deadly[i], SIG_DFL); /* what the program does with them is not for here */
    signal(SIGINT,
           SIG_IGN); /* of a terminal: the parent stops, and its children with it */
    nw_study_leave(study);
    nw_unbind(); /* they would all be where the parent is */
    nw_threads_change(ctx, 1);
    nw_set_threads(1);
}

nw_status nw_child_start(nw_ctx *ctx, nw_study *study, struct child *child,
                         int (*live)(void *user, struct link *link), void *user)
{
    const pid_t parent = getpid();
    int end[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, end) < 0)
        return nw_fail(ctx, NW_EIO, "worker: no sockets: %s", strerror(errno));
    child->link.fd = end[0];
    child->pid = fork();
    if (child->pid == 0) {
        begin(ctx, study, parent);
        _exit(live(user, &(struct link){.ctx = ctx, .fd = end[1]}));
    }
    close(end[1]);
    if (child->pid > 0)
        return NW_OK;
    nw_link_close(&child->link);
    return nw_fail(ctx, NW_EIO, "worker: no process: %s", strerror(errno));
}

int nw_child_end(struct child *child)
{
    int how = 0;

    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &how, 0) < 0 && errno == EINTR)
        ;
    nw_link_close(&child->link);
    return how;
}
