/*
 * runners.c - runs in processes of their own, side by side.
 *
 * A runner is a fork made after the estimator was opened once, so that a table which was
 * read is shared and not read again for each of 500 runs. It is told the number of a run
 * and answers with what the run found. Because a run is a function of its strategy and
 * seed, and every runner computes with one thread, the result is the same for any number
 * of them. A runner that dies fails its run and is replaced; when this process dies the
 * kernel ends its runners.
 */
#include "child.h"
#include "compare.h"
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 100, MOST_RUNNERS = 256 };

enum { MSG_RUN = 1, MSG_FOUND };

struct runner {
    struct child child;
    int run; /* its number; < 0 = idle */
};

struct team {
    nw_compare_state *c;
    int n, next, done; /* runners; run that is looked at next; runs that are known */
    struct runner runner[MOST_RUNNERS];
    struct pollfd poll[MOST_RUNNERS];
};

/* ---- In the child ----------------------------------------------------------------- */

static nw_status answer(nw_compare_state *c, struct link *link)
{
    nw_blob blob = {.ctx = c->ctx};
    nw_state writer = nw_blob_writer(&blob);
    nw_status status;
    int i;

    memcpy(&i, link->data, sizeof(i));
    nw_compare_run(c, i);
    status = nw_compare_pack(c, i, &writer);
    if (status >= 0)
        status = nw_link_send(link, MSG_FOUND, blob.data, blob.size, NULL, 0, NULL, 0);
    nw_blob_free(&blob);
    return status;
}

static int live(void *user, struct link *link)
{
    struct team *team = user;
    nw_status status = NW_OK;

    for (int i = 0; i < team->n; i++)
        if (team->runner[i].child.link.fd >= 0)
            close(team->runner[i].child.link.fd);
    while (status == NW_OK && (status = nw_link_receive(link)) == NW_OK)
        status = answer(team->c, link);
    return status < 0 ? -status : 0; /* its own failure, not that of a run */
}

/* ---- Life ---------------------------------------------------------------------------
 */

static nw_status hire(struct team *team, struct runner *r)
{
    r->run = -1;
    return nw_child_start(team->c->ctx, team->c->config->study, &r->child, live, team);
}

static void dismiss(struct team *team)
{
    for (int i = 0; i < team->n; i++)
        if (team->runner[i].child.link.fd >= 0)
            nw_child_end(&team->runner[i].child);
}

/* ---- Work -----------------------------------------------------------------------------
 */

static void give(struct team *team, struct runner *r)
{
    nw_compare_state *c = team->c;

    while (team->next < c->found.n_run && c->track[team->next].is_known)
        team->next++;
    if (team->next == c->found.n_run)
        return;
    r->run = team->next++;
    if (nw_link_send(&r->child.link, MSG_RUN, &r->run, sizeof(r->run), NULL, 0, NULL, 0) <
        0)
        nw_clear(c->ctx); /* it is dead: poll() will say so */
}

/* Failures that every run would have end the comparison. */
static nw_status take(struct team *team, int i)
{
    nw_compare_state *c = team->c;
    const nw_outcome *run = &c->run[i];

    team->done++;
    if (run->status == NW_EMATCH || run->status == NW_EINFEASIBLE)
        return nw_fail(c->ctx, run->status, "%s: %s", c->standing[run->strategy].strategy,
                       run->reason);
    return nw_compare_remember(c, i);
}

static nw_status take_found(struct team *team, struct runner *r)
{
    nw_blob blob = {.ctx = team->c->ctx,
                    .data = r->child.link.data,
                    .size = r->child.link.size,
                    .room = r->child.link.size};
    nw_state reader = nw_blob_reader(&blob);
    const int i = r->run;

    r->run = -1;
    NW_TRY(nw_compare_pack(team->c, i, &reader));
    return take(team, i);
}

static void fail_run(nw_compare_state *c, int i, nw_status status, const char *words)
{
    c->run[i].status = status;
    c->run[i].reason = nw_arena_dup(&c->arena, words);
    c->run[i].valid = c->run[i].score = NAN;
    c->track[i].is_known = 1;
}

static nw_status take_death(struct team *team, struct runner *r)
{
    const int how = nw_child_end(&r->child), i = r->run;
    nw_status status = NW_ECRASHED;
    char words[128];

    if (WIFEXITED(how) && WEXITSTATUS(how) == -NW_ENOMEM)
        status = NW_ENOMEM;
    if (WIFSIGNALED(how))
        snprintf(words, sizeof(words), "the run was killed by signal %d (%s)%s",
                 WTERMSIG(how), strsignal(WTERMSIG(how)),
                 WTERMSIG(how) == SIGKILL ? ": out of memory?" : "");
    else
        snprintf(words, sizeof(words), "the run's process ended with code %d",
                 WEXITSTATUS(how));
    NW_TRY(hire(team, r));
    if (i < 0)
        return NW_OK;
    fail_run(team->c, i, status, words);
    return take(team, i);
}

static nw_status hear(struct team *team, struct runner *r)
{
    const nw_status status = nw_link_receive(&r->child.link);

    if (status < 0)
        return status;
    return status == NW_DONE ? take_death(team, r) : take_found(team, r);
}

static nw_status stopped(const struct team *team)
{
    const nw_compare_config *config = team->c->config;
    const nw_progress p = {.stage = "compare",
                           .done = team->done,
                           .total = team->c->found.n_run,
                           .loss = NAN,
                           .accuracy = NAN};

    if (!config->on_progress || !config->on_progress(config->user, &p))
        return NW_OK;
    return nw_fail(team->c->ctx, NW_ESTOPPED, "compare: stopped after %d of %d runs%s",
                   team->done, team->c->found.n_run,
                   config->study ? "; the same command goes on from here" : "");
}

static nw_status step(struct team *team)
{
    for (int i = 0; i < team->n; i++) {
        if (team->runner[i].run < 0)
            give(team, &team->runner[i]);
        team->poll[i] =
            (struct pollfd){.fd = team->runner[i].child.link.fd, .events = POLLIN};
    }
    if (poll(team->poll, (nfds_t)team->n, WAIT_MS) < 0 && errno != EINTR)
        return nw_fail(team->c->ctx, NW_EIO, "compare: %s", strerror(errno));
    for (int i = 0; i < team->n; i++)
        if (team->poll[i].revents)
            NW_TRY(hear(team, &team->runner[i]));
    return stopped(team);
}

static nw_status work(struct team *team, int runners)
{
    for (int i = 0; i < runners; i++) {
        team->runner[i].child.link = (struct link){.ctx = team->c->ctx, .fd = -1};
        NW_TRY(hire(team, &team->runner[i]));
        team->n++;
    }
    while (team->done < team->c->found.n_run)
        NW_TRY(step(team));
    return NW_OK;
}

nw_status nw_compare_runs(nw_compare_state *c)
{
    struct team *team = nw_alloc(c->ctx, sizeof(*team));
    int left, jobs = c->config->jobs > 1 ? c->config->jobs : 1;
    nw_status status;

    if (!team)
        return NW_ENOMEM;
    team->c = c;
    for (int i = 0; i < c->found.n_run; i++)
        team->done += c->track[i].is_known;
    left = c->found.n_run - team->done;
    jobs = jobs < left ? jobs : left;
    status = work(team, jobs < MOST_RUNNERS ? jobs : MOST_RUNNERS);
    dismiss(team);
    nw_release(c->ctx, team);
    return status;
}
