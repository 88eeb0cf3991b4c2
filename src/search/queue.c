/* queue.c - trials that are proposed and not yet observed, in the order of their ids. */
#include "graph.h"
#include "loop.h"
#include "random.h"

#include <string.h>

nw_status nw_queue_open(struct loop *l)
{
    l->ahead = l->config->ahead > 1 ? l->config->ahead : 1;
    l->flight = nw_alloc(l->ctx, (size_t)l->ahead * sizeof(*l->flight));
    if (!l->flight)
        return NW_ENOMEM;
    for (int i = 0; i < l->ahead; i++) {
        struct flight *f = &l->flight[i];

        f->state.ctx = f->weights.ctx = l->ctx;
        f->began = -1;
        f->trial.arch = nw_arch_new(l->ctx, l->space);
        if (!f->trial.arch)
            return nw_pending(l->ctx);
    }
    return NW_OK;
}

void nw_queue_close(struct loop *l)
{
    for (int i = 0; l->flight && i < l->ahead; i++) {
        nw_blob_free(&l->flight[i].state);
        nw_blob_free(&l->flight[i].weights);
        nw_arch_free(l->flight[i].trial.arch);
    }
    nw_release(l->ctx, l->flight);
    l->flight = NULL;
}

void nw_queue_start(struct loop *l, struct flight *f, uint64_t id)
{
    nw_arch *arch = f->trial.arch;

    f->trial = (nw_trial){.id = id,
                          .seed = nw_subseed(l->config->seed, NW_FOR_TRIAL, id),
                          .arch = arch,
                          .want = NW_WANT_SCORE,
                          .fidelity = 1,
                          .score = nw_no_score(),
                          .status = NW_OK};
    f->state.size = f->weights.size = 0;
    f->began = -1;
    f->is_done = 0;
}

/* The first leaves; its arch and blobs serve the one that comes next. */
void nw_queue_pop(struct loop *l)
{
    struct flight first = l->flight[0];

    l->n_flight--;
    if (!l->n_flight)
        return;
    memmove(l->flight, l->flight + 1, (size_t)l->n_flight * sizeof(*l->flight));
    l->flight[l->n_flight] = first;
    for (int i = 0; i < l->n_flight; i++) /* words may have moved with it */
        if (l->flight[i].trial.reason)
            l->flight[i].trial.reason = l->flight[i].reason;
}

/* ---- State ---------------------------------------------------------------------- */

static nw_status blob_state(nw_blob *blob, nw_state *s)
{
    uint64_t size = blob->size;

    NW_TRY(s->bytes(s, &size, sizeof(size)));
    if (s->reading && size > blob->room) {
        void *data = nw_resize(blob->ctx, blob->data, blob->room, size);

        if (!data)
            return NW_ENOMEM;
        blob->data = data;
        blob->room = size;
    }
    blob->size = size;
    return s->bytes(s, blob->data, size);
}

static nw_status flight_state(struct loop *l, struct flight *f, nw_state *s)
{
    nw_trial *t = &f->trial;
    int failed = t->reason != NULL;

    NW_TRY(s->bytes(s, &t->id, sizeof(t->id)));
    NW_TRY(s->bytes(s, &t->seed, sizeof(t->seed)));
    NW_TRY(s->bytes(s, &t->want, sizeof(t->want)));
    NW_TRY(s->bytes(s, &t->fidelity, sizeof(t->fidelity)));
    NW_TRY(s->bytes(s, &t->epoch, sizeof(t->epoch)));
    NW_TRY(s->bytes(s, &t->score, sizeof(t->score)));
    NW_TRY(s->bytes(s, &t->status, sizeof(t->status)));
    NW_TRY(s->bytes(s, t->arch->w, (size_t)l->space->n_weight * sizeof(double)));
    NW_TRY(s->bytes(s, &f->began, sizeof(f->began)));
    NW_TRY(s->bytes(s, &f->is_done, sizeof(f->is_done)));
    NW_TRY(s->bytes(s, &failed, sizeof(failed)));
    NW_TRY(s->bytes(s, f->reason, sizeof(f->reason)));
    t->reason = failed ? f->reason : NULL;
    NW_TRY(blob_state(&f->state, s));
    return blob_state(&f->weights, s);
}

nw_status nw_queue_state(struct loop *l, nw_state *s)
{
    int n = l->n_flight;

    NW_TRY(s->bytes(s, &n, sizeof(n)));
    if (n < 0 || n > l->ahead)
        return nw_fail(l->ctx, NW_EFORMAT, "stored state: %d trials under way, of %d", n,
                       l->ahead);
    l->n_flight = n;
    for (int i = 0; i < n; i++)
        NW_TRY(flight_state(l, &l->flight[i], s));
    return NW_OK;
}
