/* nao_round.c - targets, epochs, steps along the gradient; see nao_round.h. */
#include "nao_round.h"

#include "arena.h"
#include "random.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 100 }; /* sentences decoded at once */

/* A round at work. */
struct work {
    nw_nao_round *is;
    nw_arena arena;
    nw_nao *net;
    double *target;            /* (n) qualities, brought to 0..1             */
    uint32_t *order;           /* (n) shuffled; then the seeds, best first   */
    int *sentence;             /* (CHUNK or batch, words)                    */
    double *share;             /* (CHUNK or batch) targets, or predictions   */
    float *state, *slope, *to; /* (seeds, size), the last (CHUNK, size)      */
    int n_seed;
};

static size_t length(const struct work *w)
{
    return (size_t)w->is->words->n;
}

/* ---- Targets -------------------------------------------------------------------- */

static double worst_of(const nw_nao_round *r)
{
    double least = (double)INFINITY;

    for (int i = 0; i < r->n; i++)
        least = isfinite(r->quality[i]) ? fmin(least, r->quality[i]) : least;
    return least;
}

/* Qualities between the worst, 0, and the best, 1; failed ones are as the worst. */
static void set_targets(struct work *w, double worst)
{
    const nw_nao_round *r = w->is;
    double most = worst;

    for (int i = 0; i < r->n; i++)
        most = isfinite(r->quality[i]) ? fmax(most, r->quality[i]) : most;
    for (int i = 0; i < r->n; i++) {
        const double q = isfinite(r->quality[i]) ? r->quality[i] : worst;

        w->target[i] = most > worst ? (q - worst) / (most - worst) : .5;
    }
}

/* ---- Learning ------------------------------------------------------------------- */

static nw_status learn_batch(struct work *w, uint64_t seed, const uint32_t *from, int n)
{
    nw_nao_round *r = w->is;

    for (int i = 0; i < n; i++) {
        int *s = w->sentence + (size_t)i * length(w);

        memcpy(s, r->sentence + from[i] * length(w), length(w) * sizeof(*s));
        if (r->swap)
            nw_words_swap(r->words, nw_subseed(seed, NW_FOR_AUGMENT, (uint64_t)i), s);
        w->share[i] = w->target[from[i]];
    }
    NW_TRY(nw_nao_loss(w->net, n, w->sentence, w->share, NW_TRAIN, &r->loss));
    return nw_nao_step(w->net);
}

static nw_status learn_epoch(struct work *w, uint64_t seed)
{
    const nw_nao_round *r = w->is;

    nw_permutation(seed, NW_FOR_SHUFFLE, w->order, (size_t)r->n);
    for (int at = 0; at < r->n; at += r->batch) {
        const int left = r->n - at;

        NW_TRY(learn_batch(w, nw_subseed(seed, NW_FOR_AUGMENT, (uint64_t)at),
                           w->order + at, left < r->batch ? left : r->batch));
    }
    return NW_OK;
}

static nw_status learn(struct work *w)
{
    const nw_nao_round *r = w->is;

    for (int i = 0; i < r->epochs; i++)
        NW_TRY(learn_epoch(w, nw_subseed(r->net.seed, NW_FOR_SHUFFLE, (uint64_t)i)));
    return NW_OK;
}

/* ---- Climbing ------------------------------------------------------------------- */

/* The seeds, best first; of equals the older. */
static void rank(struct work *w)
{
    int n = 0;

    for (int i = 0; i < w->is->n; i++) {
        int k = n < w->n_seed ? n++ : n;

        for (; k > 0 && w->target[w->order[k - 1]] < w->target[i]; k--)
            if (k < w->n_seed)
                w->order[k] = w->order[k - 1];
        if (k < w->n_seed)
            w->order[k] = (uint32_t)i;
    }
}

/* Seeds at .. at + n: their states and slopes. */
static nw_status encode(struct work *w, int at, int n)
{
    const size_t words = length(w), first = (size_t)at * nw_nao_state_size(w->net);

    for (int i = 0; i < n; i++)
        memcpy(w->sentence + (size_t)i * words,
               w->is->sentence + w->order[at + i] * words, words * sizeof(int));
    NW_TRY(nw_nao_encode(w->net, n, w->sentence, w->state + first));
    return nw_nao_predict(w->net, n, w->state + first, w->share, w->slope + first);
}

static nw_status climb(struct work *w, int at, int n, double eta)
{
    const size_t first = (size_t)at * nw_nao_state_size(w->net);
    nw_status status = NW_OK;

    nw_nao_climb(w->net, n, w->state + first, w->slope + first, eta, w->to);
    NW_TRY(nw_nao_decode(w->net, n, w->to, w->sentence));
    for (int i = 0; i < n && status == NW_OK; i++)
        status = w->is->take(w->is->user, w->sentence + (size_t)i * length(w));
    return status;
}

/* All seeds, CHUNK of them at once; eta 0 = encode them. NW_DONE = it is enough. */
static nw_status each_chunk(struct work *w, int eta)
{
    nw_status status = NW_OK;

    for (int at = 0; at < w->n_seed && status == NW_OK; at += CHUNK) {
        const int n = w->n_seed - at < CHUNK ? w->n_seed - at : CHUNK;

        status = eta ? climb(w, at, n, eta) : encode(w, at, n);
    }
    return status;
}

/* ---- The round ------------------------------------------------------------------ */

static nw_status get_memory(struct work *w)
{
    const nw_nao_round *r = w->is;
    const size_t n = (size_t)r->n, most = (size_t)(r->batch > CHUNK ? r->batch : CHUNK);
    const size_t size = nw_nao_state_size(w->net) * sizeof(float);

    w->target = nw_arena_get(&w->arena, n * sizeof(double));
    w->order = nw_arena_get(&w->arena, n * sizeof(uint32_t));
    w->sentence = nw_arena_get(&w->arena, most * length(w) * sizeof(int));
    w->share = nw_arena_get(&w->arena, most * sizeof(double));
    w->state = nw_arena_get(&w->arena, (size_t)w->n_seed * size);
    w->slope = nw_arena_get(&w->arena, (size_t)w->n_seed * size);
    w->to = nw_arena_get(&w->arena, CHUNK * size);
    return w->target && w->order && w->sentence && w->share && w->state && w->slope &&
                   w->to
               ? NW_OK
               : NW_ENOMEM;
}

static nw_status run(struct work *w, double worst)
{
    const nw_nao_round *r = w->is;
    nw_status status;

    w->net = nw_nao_open(r->ctx, r->words, &r->net);
    if (!w->net)
        return nw_pending(r->ctx);
    NW_TRY(get_memory(w));
    set_targets(w, worst);
    NW_TRY(learn(w));
    rank(w);
    status = each_chunk(w, 0);
    for (int eta = 1; eta <= r->steps && status == NW_OK; eta++)
        status = each_chunk(w, eta);
    return status;
}

nw_status nw_nao_round_run(nw_nao_round *round)
{
    const double worst = worst_of(round);
    struct work w = {.is = round,
                     .n_seed = round->seeds < round->n ? round->seeds : round->n};
    nw_status status;

    round->loss = (double)NAN;
    if (!isfinite(worst))
        return NW_OK;
    nw_arena_init(&w.arena, round->ctx);
    status = run(&w, worst);
    nw_nao_close(w.net);
    nw_arena_free(&w.arena);
    return status < 0 ? status : NW_OK;
}
