/*
 * bananas.c - Bayesian optimisation with a neural predictor.
 *
 * The idea [1]: let an ensemble of small nets learn what trials score, from the trials
 * made so far. Change the best archs a little in many ways, ask the ensemble what each of
 * these candidates would score and how much its members disagree, and try those with the
 * most promise.
 *
 * row      encoder.h: one number a path of ops where the choices make a small cell, one
 *          an option elsewhere
 * net      `layers` dense layers of `hidden` units with ReLU -> 1; `ensemble` of them,
 *          each started anew before every batch and trained on all trials, mean absolute
 *          error of standardised qualities, Adam, `epochs` of batches of 32
 * mean, sd of the ensemble's answers for a candidate
 * its      acquisition: a number of N(mean, sd), drawn for every candidate on its own
 *          (independent Thompson sampling, [1] sec. 5)
 * ucb      acquisition: mean + sd / 2
 * batch    the `batch` candidates with the largest acquisition; the next one is chosen
 *          when all of them are observed
 *
 * Candidates are mutations of the best `parents` archs, in turn, one decision each; none
 * is a network that was tried (by its canonical form) or another candidate's. If they are
 * fewer than the batch, fewer are tried; if there is none, an arch that was never tried
 * is drawn. A finite space ends when it is exhausted.
 *
 * The sizes are those of the authors' code (10 first trials, batches of 10, 100
 * candidates, 5 members of 10 layers of 20 units, Adam .01, 150 epochs). Different from
 * it:
 *
 *   - The loss of [1] is relative to a bound below the validation error of the data set;
 *     the authors' later code has the absolute error, as here.
 *   - The authors' versions mutate the best arch alone, or the best ones until there are
 *     100 candidates; here the best `parents` take turns, as scores are noisy. Theirs
 *     change each decision with some probability, here exactly one changes.
 *   - A failed trial teaches the worst quality seen, so that its likes are left alone.
 *
 * The predictor is a function of the trials and of the seed, so it is no state.
 *
 * [1] C. White, W. Neiswanger, Y. Savani, BANANAS: Bayesian Optimization with Neural
 *     Architectures for Neural Architecture Search, AAAI 2021, arXiv:1910.11858.
 */
#include "ctx.h"
#include "encoder.h"
#include "netwright_ext.h"
#include "random.h"
#include "seen.h"
#include "surrogate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Mutations before a candidate is given up, for each that is wanted. */
enum { PATIENCE = 5 };

struct bananas {
    int startup, batch, candidates, parents, paths;
    int members, layers, hidden, epochs;
    double lr;
    char acquisition[NW_TEXT_SIZE];
    nw_env env;
    nw_code *code;
    nw_encoder *encoder;
    nw_surrogate *surrogate;
    nw_seen seen;    /* every arch proposed, in the order of the trials */
    uint64_t *class; /* of each of them                                 */
    double *quality; /* of each observed one; NaN = failed              */
    int n, room_class, room_quality;
    int *queue; /* vectors of the batch at hand                         */
    int n_queue, at;
    nw_arch *arch; /* room for one                                      */
    int *x;        /* room for its vector                               */
};

static const nw_attr bananas_attrs[] = {
    {"startup", NW_INT, offsetof(struct bananas, startup), "10", 1, 1e9,
     "first trials, which are drawn uniformly", NULL},
    {"batch", NW_INT, offsetof(struct bananas, batch), "10", 1, 10000,
     "trials between two trainings of the predictor", NULL},
    {"candidates", NW_INT, offsetof(struct bananas, candidates), "100", 1, 1e6,
     "mutations among which a batch is chosen", NULL},
    {"parents", NW_INT, offsetof(struct bananas, parents), "10", 1, 10000,
     "best trials that are mutated", NULL},
    {"acquisition", NW_TEXT, offsetof(struct bananas, acquisition), "its", 0, 0,
     "its (independent Thompson sampling) or ucb", NULL},
    {"paths", NW_BOOL, offsetof(struct bananas, paths), "1", 0, 1,
     "encode paths where the choices make a cell; 0 = options", NULL},
    {"ensemble", NW_INT, offsetof(struct bananas, members), "5", 2, NW_SURROGATE_MEMBERS,
     "nets of the predictor", NULL},
    {"layers", NW_INT, offsetof(struct bananas, layers), "10", 1, 100,
     "dense layers of a net before its output", NULL},
    {"hidden", NW_INT, offsetof(struct bananas, hidden), "20", 1, 10000,
     "units of a layer", NULL},
    {"epochs", NW_INT, offsetof(struct bananas, epochs), "150", 1, 100000,
     "epochs of a training", NULL},
    {"lr", NW_REAL, offsetof(struct bananas, lr), "0.01", 0, 10, "Adam's step", NULL},
    {0},
};

/* ---- Trials ---------------------------------------------------------------------- */

static size_t length(const struct bananas *b)
{
    return (size_t)b->seen.n;
}

static void restore(const struct bananas *b, int place, nw_arch *arch)
{
    nw_code_write(b->code, b->seen.x + (size_t)place * length(b), arch);
}

static nw_status remember(struct bananas *b, const nw_arch *arch)
{
    int place;

    NW_TRY(
        nw_grow(b->env.ctx, &b->class, b->seen.count, &b->room_class, sizeof(*b->class)));
    nw_code_read(b->code, arch, b->x);
    place = nw_seen_add(&b->seen, b->x);
    if (place < 0)
        return place;
    b->class[place] = nw_arch_class(arch);
    return NW_OK;
}

static nw_status bananas_observe(void *self, const nw_trial *trial)
{
    struct bananas *b = self;

    NW_TRY(nw_grow(b->env.ctx, &b->quality, b->n, &b->room_quality, sizeof(double)));
    b->quality[b->n++] = trial->status < 0 ? NAN : trial->score.quality;
    return NW_OK;
}

/* ---- Candidates ------------------------------------------------------------------ */

struct offer {
    double value;
    int place;
};

static int larger_first(const void *p, const void *q)
{
    const struct offer *a = p, *b = q;

    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return a->place - b->place;
}

/* Of one batch. */
struct round {
    struct bananas *b;
    uint64_t seed;
    struct offer *best; /* successful trials, the best first   */
    int n_best;
    float *known, *x; /* rows of trials and of candidates      */
    nw_lesson *lesson;
    int *vector; /* of the candidates                          */
    uint64_t *class;
    double *mean, *sd;
    int n; /* candidates                                       */
};

static int is_among(const uint64_t *class, int n, uint64_t one)
{
    for (int i = 0; i < n; i++)
        if (class[i] == one)
            return 1;
    return 0;
}

static void add_candidate(struct round *r, uint64_t class)
{
    struct bananas *b = r->b;
    const size_t width = (size_t)nw_encoder_width(b->encoder);

    nw_encode(b->encoder, b->arch, r->x + (size_t)r->n * width);
    nw_code_read(b->code, b->arch, r->vector + (size_t)r->n * length(b));
    r->class[r->n++] = class;
}

static nw_status find_candidates(struct round *r)
{
    struct bananas *b = r->b;
    const int parents = b->parents < r->n_best ? b->parents : r->n_best;

    for (int i = 0; i < PATIENCE * b->candidates && r->n < b->candidates; i++) {
        uint64_t class;

        restore(b, r->best[i % parents].place, b->arch);
        if (nw_arch_mutate(b->arch, nw_subseed(r->seed, NW_FOR_ARCH, (uint64_t)i)) !=
                NW_OK ||
            !nw_env_allows(&b->env, b->arch))
            continue;
        class = nw_arch_class(b->arch);
        if (!is_among(b->class, b->seen.count, class) && !is_among(r->class, r->n, class))
            add_candidate(r, class);
    }
    return NW_OK;
}

/* ---- The predictor --------------------------------------------------------------- */

/* All trials; failed ones with the worst quality there is. */
static void make_lessons(struct round *r)
{
    const struct bananas *b = r->b;
    const int width = nw_encoder_width(b->encoder);
    const double worst = r->best[r->n_best - 1].value;

    for (int i = 0; i < b->n; i++) {
        float *row = r->known + (size_t)i * (size_t)width;

        restore(b, i, b->arch);
        nw_encode(b->encoder, b->arch, row);
        r->lesson[i] =
            (nw_lesson){row, width, isnan(b->quality[i]) ? worst : b->quality[i]};
    }
}

static nw_status predict(struct round *r)
{
    struct bananas *b = r->b;
    const nw_surrogate_fit_config how = {
        .epochs = b->epochs, .lr = b->lr, .seed = r->seed};

    make_lessons(r);
    NW_TRY(nw_surrogate_restart(b->surrogate, r->seed));
    NW_TRY(nw_surrogate_fit(b->surrogate, (size_t)b->n, r->lesson, &how));
    return nw_surrogate_predict(b->surrogate, (size_t)r->n, nw_encoder_width(b->encoder),
                                r->x, r->mean, r->sd);
}

static double acquire(const struct round *r, int i)
{
    const int is_ucb = !strcmp(r->b->acquisition, "ucb");
    const double z = is_ucb ? .5 : nw_normal(r->seed, NW_FOR_NOISE, (uint64_t)i);

    return r->mean[i] + z * r->sd[i];
}

static void choose(struct round *r)
{
    struct bananas *b = r->b;

    for (int i = 0; i < r->n; i++) /* best[] has done its duty and is large enough */
        r->best[i] = (struct offer){acquire(r, i), i};
    qsort(r->best, (size_t)r->n, sizeof(*r->best), larger_first);
    b->n_queue = r->n < b->batch ? r->n : b->batch;
    for (int i = 0; i < b->n_queue; i++)
        memcpy(b->queue + (size_t)i * length(b),
               r->vector + (size_t)r->best[i].place * length(b),
               length(b) * sizeof(*b->queue));
}

/* ---- A batch --------------------------------------------------------------------- */

static void free_round(struct round *r)
{
    nw_ctx *ctx = r->b->env.ctx;

    nw_release(ctx, r->best);
    nw_release(ctx, r->known);
    nw_release(ctx, r->x);
    nw_release(ctx, r->lesson);
    nw_release(ctx, r->vector);
    nw_release(ctx, r->class);
    nw_release(ctx, r->mean);
}

static nw_status open_round(struct round *r)
{
    nw_ctx *ctx = r->b->env.ctx;
    const size_t width = (size_t)nw_encoder_width(r->b->encoder);
    const size_t n = (size_t)r->b->n, most = (size_t)r->b->candidates;

    r->best = nw_alloc(ctx, (n > most ? n : most) * sizeof(*r->best));
    r->known = nw_alloc(ctx, n * width * sizeof(*r->known));
    r->x = nw_alloc(ctx, most * width * sizeof(*r->x));
    r->lesson = nw_alloc(ctx, n * sizeof(*r->lesson));
    r->vector = nw_alloc(ctx, most * length(r->b) * sizeof(*r->vector));
    r->class = nw_alloc(ctx, most * sizeof(*r->class));
    r->mean = nw_alloc(ctx, 2 * most * sizeof(*r->mean));
    if (!r->best || !r->known || !r->x || !r->lesson || !r->vector || !r->class ||
        !r->mean)
        return NW_ENOMEM;
    r->sd = r->mean + most;
    for (int i = 0; i < r->b->n; i++)
        if (!isnan(r->b->quality[i]))
            r->best[r->n_best++] = (struct offer){r->b->quality[i], i};
    qsort(r->best, (size_t)r->n_best, sizeof(*r->best), larger_first);
    return NW_OK;
}

/* Fill the queue; it stays empty when nothing can be mutated, or learned. */
static nw_status next_batch(struct bananas *b)
{
    struct round r = {.b = b};
    nw_status status;

    b->n_queue = b->at = 0;
    r.seed = nw_subseed(b->env.seed, NW_FOR_STRATEGY, (uint64_t)b->n);
    status = open_round(&r);
    if (status >= 0 && r.n_best)
        status = find_candidates(&r);
    if (status >= 0 && r.n) {
        status = predict(&r);
        if (status >= 0)
            choose(&r);
    }
    free_round(&r);
    if (status != NW_EDIVERGED)
        return status;
    nw_clear(b->env.ctx);
    return NW_OK;
}

static nw_status bananas_propose(void *self, nw_trial *trial)
{
    struct bananas *b = self;
    const int is_startup = b->seen.count < b->startup;

    if (!is_startup && b->at == b->n_queue) {
        if (b->n < b->seen.count)
            return NW_MORE;
        NW_TRY(next_batch(b));
    }
    if (!is_startup && b->at < b->n_queue) {
        nw_code_write(b->code, b->queue + (size_t)b->at++ * length(b), trial->arch);
    } else {
        const nw_status status =
            nw_seen_draw(&b->seen, &b->env, b->code, trial->seed, trial->arch, b->x);

        if (status != NW_OK)
            return status;
    }
    return remember(b, trial->arch);
}

/* ---- The strategy ---------------------------------------------------------------- */

static void bananas_close(void *self)
{
    struct bananas *b = self;
    nw_ctx *ctx = b->env.ctx;

    nw_surrogate_close(b->surrogate);
    nw_encoder_free(b->encoder);
    nw_seen_free(&b->seen);
    nw_release(ctx, b->class);
    nw_release(ctx, b->quality);
    nw_release(ctx, b->queue);
    nw_arch_free(b->arch);
    nw_code_free(b->code);
}

static nw_status open_predictor(struct bananas *b)
{
    nw_surrogate_config config = {.kind = NW_SURROGATE_DENSE,
                                  .hidden = b->hidden,
                                  .layers = b->layers,
                                  .members = b->members,
                                  .is_scaled = 1};

    b->encoder = nw_encoder_new(b->env.ctx, b->env.space, b->paths);
    if (!b->encoder)
        return nw_pending(b->env.ctx);
    config.width = nw_encoder_width(b->encoder);
    b->surrogate = nw_surrogate_open(b->env.ctx, &config);
    return b->surrogate ? NW_OK : nw_pending(b->env.ctx);
}

static nw_status bananas_open(void *self, const nw_env *env)
{
    struct bananas *b = self;

    b->env = *env;
    if (strcmp(b->acquisition, "its") && strcmp(b->acquisition, "ucb"))
        return nw_fail(env->ctx, NW_ESPEC, "bananas: acquisition=%s is not its or ucb",
                       b->acquisition);
    b->code = nw_code_new(env->ctx, env->space);
    b->arch = b->code ? nw_arch_new(env->ctx, env->space) : NULL;
    if (!b->arch)
        return nw_pending(env->ctx);
    nw_seen_init(&b->seen, env->ctx, b->code);
    b->queue = nw_alloc(env->ctx, ((size_t)b->batch + 1) * length(b) * sizeof(int));
    if (!b->queue)
        return NW_ENOMEM;
    b->x = b->queue + (size_t)b->batch * length(b);
    return open_predictor(b);
}

/* Numbers of which there is one for each of n trials. */
static nw_status numbers_state(struct bananas *b, nw_state *state, void *array, int n,
                               int *room)
{
    void **slot = array;

    if (state->reading) {
        nw_release(b->env.ctx, *slot);
        *slot = nw_alloc(b->env.ctx, ((size_t)n + 1) * sizeof(double));
        *room = *slot ? n + 1 : 0;
        if (!*slot)
            return NW_ENOMEM;
    }
    return n ? state->bytes(state, *slot, (size_t)n * sizeof(double)) : NW_OK;
}

static nw_status bananas_state(void *self, nw_state *state)
{
    struct bananas *b = self;

    NW_TRY(nw_seen_state(&b->seen, state));
    NW_TRY(state->bytes(state, &b->n, sizeof(b->n)));
    NW_TRY(numbers_state(b, state, &b->class, b->seen.count, &b->room_class));
    NW_TRY(numbers_state(b, state, &b->quality, b->n, &b->room_quality));
    NW_TRY(state->bytes(state, &b->n_queue, sizeof(b->n_queue)));
    NW_TRY(state->bytes(state, &b->at, sizeof(b->at)));
    return state->bytes(state, b->queue,
                        (size_t)b->n_queue * length(b) * sizeof(*b->queue));
}

const nw_strategy_type nw_strategy_bananas = {
    .name = "bananas",
    .doc = "mutate the best and try what an ensemble of small nets finds promising",
    .paper = "White, Neiswanger & Savani 2021, arXiv:1910.11858",
    .attrs = bananas_attrs,
    .size = sizeof(struct bananas),
    .needs = NW_BUDGET,
    .open = bananas_open,
    .propose = bananas_propose,
    .observe = bananas_observe,
    .state = bananas_state,
    .close = bananas_close,
};
