/* crew.c - start workers, give them trials, hear them, bury them. */
#include "crew.h"

#include "child.h"
#include "clock.h"
#include "graph.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 100 };

struct hand {
    struct child child;
    uint64_t trial; /* id; 0 = idle */
    double since;   /* clock when it was given */
    nw_progress progress;
};

struct crew {
    int n;
    struct hand *hand;
    struct pollfd *poll;
};

/* ---- Life ----------------------------------------------------------------------- */

static int live(void *user, struct link *link)
{
    struct loop *l = user;

    for (int i = 0; i < l->crew->n; i++)
        if (l->crew->hand[i].child.link.fd >= 0)
            close(l->crew->hand[i].child.link.fd);
    l->study = NULL;
    l->crew = NULL;
    l->to_parent = link;
    nw_worker_run(l);
    return 0;
}

static nw_status hire(struct loop *l, struct hand *hand)
{
    hand->trial = 0;
    return nw_child_start(l->ctx, l->study, &hand->child, live, l);
}

nw_status nw_crew_open(struct loop *l)
{
    const int n = l->config->jobs;
    struct crew *crew = nw_alloc(l->ctx, sizeof(*crew));

    l->crew = crew;
    if (!crew)
        return NW_ENOMEM;
    crew->hand = nw_alloc(l->ctx, (size_t)n * sizeof(*crew->hand));
    crew->poll = nw_alloc(l->ctx, (size_t)n * sizeof(*crew->poll));
    if (!crew->hand || !crew->poll)
        return NW_ENOMEM;
    for (int i = 0; i < n; i++)
        crew->hand[i].child.link = (struct link){.ctx = l->ctx, .fd = -1};
    for (crew->n = 0; crew->n < n; crew->n++)
        NW_TRY(hire(l, &crew->hand[crew->n]));
    return NW_OK;
}

void nw_crew_close(struct loop *l)
{
    struct crew *crew = l->crew;

    if (!crew)
        return;
    for (int i = 0; i < crew->n; i++)
        if (crew->hand[i].child.link.fd >= 0)
            nw_child_end(&crew->hand[i].child);
    nw_release(l->ctx, crew->poll);
    nw_release(l->ctx, crew->hand);
    nw_release(l->ctx, crew);
    l->crew = NULL;
}

/* ---- Giving --------------------------------------------------------------------- */

static struct flight *flight_of(struct loop *l, uint64_t trial)
{
    for (int i = 0; i < l->n_flight; i++)
        if (l->flight[i].trial.id == trial)
            return &l->flight[i];
    return NULL;
}

static int is_taken(const struct crew *crew, uint64_t trial)
{
    for (int i = 0; i < crew->n; i++)
        if (crew->hand[i].trial == trial)
            return 1;
    return 0;
}

static struct flight *next_to_give(struct loop *l)
{
    for (int i = 0; i < l->n_flight; i++)
        if (!l->flight[i].is_done && !is_taken(l->crew, l->flight[i].trial.id))
            return &l->flight[i];
    return NULL;
}

/* Beyond which quality a trial of that fidelity may become the best; NaN = any. */
static double best_for(const struct loop *l, double fidelity)
{
    if (fidelity != l->best_fidelity)
        return fidelity > l->best_fidelity ? NAN : INFINITY;
    return l->best_score.quality;
}

static nw_status give(struct loop *l, struct hand *hand, struct flight *f)
{
    const nw_trial *t = &f->trial;
    struct nw_order order = {.id = t->id,
                             .seed = t->seed,
                             .fidelity = t->fidelity,
                             .best = best_for(l, t->fidelity)};

    hand->trial = t->id;
    hand->since = nw_now();
    hand->progress = (nw_progress){.loss = NAN, .accuracy = NAN};
    if (f->began < 0)
        f->began = nw_loop_spent(l);
    return nw_link_send(&hand->child.link, NW_MSG_TRIAL, &order, sizeof(order),
                        t->arch->w, (size_t)l->space->n_weight * sizeof(double),
                        f->state.data, f->state.size);
}

static void give_all(struct loop *l)
{
    for (int i = 0; i < l->crew->n; i++) {
        struct hand *hand = &l->crew->hand[i];
        struct flight *f = hand->trial ? NULL : next_to_give(l);

        if (f && give(l, hand, f) < 0)
            nw_clear(l->ctx); /* it is dead: poll() will say so */
    }
}

/* ---- Hearing -------------------------------------------------------------------- */

static nw_status copy_to(nw_blob *blob, const struct link *link)
{
    if (link->size > blob->room) {
        void *data = nw_resize(blob->ctx, blob->data, 0, link->size);

        if (!data)
            return NW_ENOMEM;
        blob->data = data;
        blob->room = link->size;
    }
    memcpy(blob->data, link->data, link->size);
    blob->size = link->size;
    return NW_OK;
}

static nw_status take_value(struct loop *l, const struct hand *hand)
{
    struct nw_named_value v;

    memcpy(&v, hand->child.link.data, sizeof(v));
    return l->study ? nw_study_put_value(l->study, l->stage, hand->trial, v.epoch, v.name,
                                         v.value)
                    : NW_OK;
}

static nw_status take_epoch(struct loop *l, const struct hand *hand)
{
    nw_epoch e;

    memcpy(&e, hand->child.link.data, sizeof(e));
    return l->study ? nw_study_put_epoch(l->study, l->stage, hand->trial, &e) : NW_OK;
}

/* The end of a trial, by the worker's word or by its death. */
static void end_trial(struct hand *hand, struct flight *f, nw_status status,
                      const char *reason)
{
    hand->trial = 0;
    f->is_done = 1;
    f->state.size = 0;
    f->trial.status = status < 0 ? status : NW_OK;
    if (status < 0) {
        f->weights.size = 0;
        snprintf(f->reason, sizeof(f->reason), "%s", reason);
        f->trial.reason = f->reason;
    }
}

/* What ends a search in one process ends it here too; only memory is the worker's own. */
static nw_status take_result(struct loop *l, struct hand *hand, struct flight *f)
{
    struct nw_result r;

    memcpy(&r, hand->child.link.data, sizeof(r));
    if (r.status == NW_EIO || r.status == NW_EMATCH || r.status == NW_EBUSY)
        return nw_fail(l->ctx, r.status, "%s", r.reason);
    f->trial.score = r.score;
    f->trial.epoch = r.epoch;
    end_trial(hand, f, r.status, r.reason);
    return NW_OK;
}

static nw_status take(struct loop *l, struct hand *hand)
{
    struct flight *f = flight_of(l, hand->trial);

    if (!f)
        return NW_OK;
    switch (hand->child.link.type) {
    case NW_MSG_PROGRESS:
        memcpy(&hand->progress, hand->child.link.data, sizeof(hand->progress));
        return NW_OK;
    case NW_MSG_EPOCH:
        return take_epoch(l, hand);
    case NW_MSG_VALUE:
        return take_value(l, hand);
    case NW_MSG_NOTE:
        return l->study ? nw_study_put_note(l->study, l->stage, hand->trial,
                                            (const char *)hand->child.link.data)
                        : NW_OK;
    case NW_MSG_STATE:
        return copy_to(&f->state, &hand->child.link);
    case NW_MSG_WEIGHTS:
        return copy_to(&f->weights, &hand->child.link);
    case NW_MSG_RESULT:
        return take_result(l, hand, f);
    default:
        return nw_fail(l->ctx, NW_EFORMAT, "worker: a message of type %u",
                       hand->child.link.type);
    }
}

/* ---- Death ---------------------------------------------------------------------- */

static nw_status replace(struct loop *l, struct hand *hand, const char *because)
{
    struct flight *f = flight_of(l, hand->trial);
    const int how = nw_child_end(&hand->child);
    char words[256];

    if (because)
        snprintf(words, sizeof(words), "%s", because);
    else if (WIFSIGNALED(how))
        snprintf(words, sizeof(words), "the worker was killed by signal %d (%s)%s",
                 WTERMSIG(how), strsignal(WTERMSIG(how)),
                 WTERMSIG(how) == SIGKILL ? ": out of memory?" : "");
    else
        snprintf(words, sizeof(words), "the worker ended with code %d", WEXITSTATUS(how));
    if (f)
        end_trial(hand, f, NW_ECRASHED, words);
    return hire(l, hand);
}

/* A process that answers nothing any more cannot be told from one that computes. */
static nw_status replace_slow(struct loop *l)
{
    const double most = l->config->max_trial_seconds;
    char words[96];

    snprintf(words, sizeof(words), "not over after %g seconds", most);
    for (int i = 0; i < l->crew->n && most > 0; i++) {
        struct hand *hand = &l->crew->hand[i];

        if (hand->trial && nw_now() - hand->since > most)
            NW_TRY(replace(l, hand, words));
    }
    return NW_OK;
}

/* ---- All of it ------------------------------------------------------------------ */

static nw_status hear(struct loop *l, struct hand *hand)
{
    const nw_status status = nw_link_receive(&hand->child.link);

    if (status < 0)
        return status;
    return status == NW_DONE ? replace(l, hand, NULL) : take(l, hand);
}

nw_status nw_crew_work(struct loop *l)
{
    struct crew *crew = l->crew;

    give_all(l);
    for (int i = 0; i < crew->n; i++)
        crew->poll[i] =
            (struct pollfd){.fd = crew->hand[i].child.link.fd, .events = POLLIN};
    if (poll(crew->poll, (nfds_t)crew->n, WAIT_MS) < 0 && errno != EINTR)
        return nw_fail(l->ctx, NW_EIO, "worker: %s", strerror(errno));
    for (int i = 0; i < crew->n; i++)
        if (crew->poll[i].revents)
            NW_TRY(hear(l, &crew->hand[i]));
    return replace_slow(l);
}

void nw_crew_progress(const struct loop *l, nw_progress *out)
{
    for (int i = 0; i < l->crew->n; i++) {
        const struct hand *hand = &l->crew->hand[i];

        if (!l->n_flight || hand->trial != nw_loop_trial(l)->id)
            continue;
        out->done = hand->progress.done;
        out->total = hand->progress.total;
        out->epoch = hand->progress.epoch;
        out->epochs = hand->progress.epochs;
        out->loss = hand->progress.loss;
        out->accuracy = hand->progress.accuracy;
    }
}
