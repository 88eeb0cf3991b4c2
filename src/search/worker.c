/* worker.c - the other side of crew.c: one trial after another, in a process of its own.
 */
#include "crew.h"

#include "clock.h"
#include "graph.h"

#include <math.h>
#include <string.h>

/* State goes to the search at most so often, and takes at most that share of the time. */
static const double STATE_S = 1, STATE_SHARE = .05, PROGRESS_S = .1;

struct shift {
    struct loop *l;
    struct nw_order order;
    double told, saved, saving; /* clock at the last progress and state */
};

static nw_status tell(struct loop *l, uint32_t type, const void *data, size_t n)
{
    return nw_link_send(l->to_parent, type, data, n, NULL, 0, NULL, 0);
}

/* The order, then the arch, then the state, if the trial was begun by another. */
static nw_status take_order(struct shift *s)
{
    struct loop *l = s->l;
    const struct link *link = l->to_parent;
    const size_t weights = (size_t)l->space->n_weight * sizeof(double);
    const size_t head = sizeof(s->order) + weights;
    struct flight *f = &l->flight[0];

    if (link->type != NW_MSG_TRIAL || link->size < head)
        return nw_fail(l->ctx, NW_EFORMAT, "worker: a message of type %u", link->type);
    memcpy(&s->order, link->data, sizeof(s->order));
    nw_queue_start(l, f, s->order.id);
    f->trial.seed = s->order.seed;
    f->trial.fidelity = s->order.fidelity;
    memcpy(f->trial.arch->w, link->data + sizeof(s->order), weights);
    s->told = s->saved = nw_now();
    s->saving = 0;
    if (link->size == head || !l->estimator->state)
        return NW_OK;
    return nw_loop_give_state(l, &(nw_blob){.ctx = l->ctx,
                                            .data = link->data + head,
                                            .size = link->size - head,
                                            .room = link->size - head});
}

static nw_status send_state(struct shift *s)
{
    struct loop *l = s->l;
    struct flight *f = &l->flight[0];
    const double start = nw_now();

    NW_TRY(nw_loop_take_state(l, &f->state));
    NW_TRY(tell(l, NW_MSG_STATE, f->state.data, f->state.size));
    s->saved = nw_now();
    s->saving = s->saved - start;
    return NW_OK;
}

static nw_status report(struct shift *s)
{
    struct loop *l = s->l;
    const double now = nw_now();
    nw_progress p = {.loss = NAN, .accuracy = NAN};

    if (now - s->told > PROGRESS_S && l->estimator->progress) {
        l->estimator->progress(l->worker, &p);
        NW_TRY(tell(l, NW_MSG_PROGRESS, &p, sizeof(p)));
        s->told = now;
    }
    if (l->estimator->state && now - s->saved > fmax(STATE_S, s->saving / STATE_SHARE))
        return send_state(s);
    return NW_OK;
}

static nw_status send_weights(struct shift *s)
{
    struct loop *l = s->l;
    struct flight *f = &l->flight[0];
    const double q = f->trial.score.quality;

    if (!l->estimator->net || isnan(q) || q <= s->order.best)
        return NW_OK;
    NW_TRY(nw_loop_take_weights(l, f->trial.arch, &f->weights));
    return tell(l, NW_MSG_WEIGHTS, f->weights.data, f->weights.size);
}

/* Until the trial is over, with whatever end. */
static nw_status work(struct shift *s)
{
    struct loop *l = s->l;
    nw_status status;

    while ((status = l->estimator->work(l->worker, &l->flight[0].trial)) == NW_MORE)
        NW_TRY(report(s));
    if (status < 0)
        return status;
    nw_loop_judge(l, &l->flight[0].trial);
    return send_weights(s);
}

static nw_status do_trial(struct shift *s)
{
    struct loop *l = s->l;
    struct nw_result result = {.status = NW_OK};

    nw_clear(l->ctx);
    result.status = take_order(s);
    if (result.status >= 0)
        result.status = work(s);
    if (result.status < 0)
        snprintf(result.reason, sizeof(result.reason), "%s", nw_errmsg(l->ctx));
    result.score = l->flight[0].trial.score;
    result.epoch = l->flight[0].trial.epoch;
    nw_clear(l->ctx);
    return tell(l, NW_MSG_RESULT, &result, sizeof(result));
}

void nw_worker_run(struct loop *l)
{
    struct shift shift = {.l = l};

    while (nw_link_receive(l->to_parent) == NW_OK)
        if (do_trial(&shift) < 0)
            return;
}
