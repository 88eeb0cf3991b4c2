/*
 * local.c - hill climbing with restarts.
 *
 * The climb stands at an architecture and estimates its neighbours, those that one change
 * of one decision makes (nw_arch_move()), in a random order. The first that is better
 * becomes the place to stand, and its neighbours are next (best=first); or all are
 * estimated and the best of them is taken (best=all, steepest ascent). Where no neighbour
 * is better a climb ends, and another begins at a random architecture that was never met.
 * On benchmarks of tabulated networks this simple method is a strong one [1], [2].
 *
 * No architecture is estimated twice: results are kept by its vector of decisions, so a
 * later climb that comes through known country goes on at once, and a finite space ends
 * the search when all of it is known. Of equal quality is not better, so a climb cannot
 * go round in a circle.
 *
 * With several trials under way a result may come when the climb has moved on; better
 * than where it stands is better, wherever it was found. A failed trial is worse than all
 * that did not fail, a climb that starts at one takes the first step that works.
 *
 * seen        all vectors proposed, in order
 * quality     of each; -infinity = it failed, NaN = it is under way
 * order       a random order of the moves from here, a function of the seed and of the
 *             number of steps taken so far
 *
 * What is ours: the order, what happens with several trials under way, and best=first as
 * the default ([1] looks at all neighbours).
 *
 * [1] C. White, S. Nolen, Y. Savani, Exploring the Loss Landscape in Neural Architecture
 *     Search, UAI 2021, arXiv:2005.02960.
 * [2] T. Den Ottelander et al., Local Search is a Remarkably Strong Baseline for Neural
 *     Architecture Search, EMO 2021, arXiv:2004.08996.
 */
#include "ctx.h"
#include "random.h"
#include "seen.h"

#include <math.h>
#include <string.h>

struct local {
    char best[NW_TEXT_SIZE];
    nw_env env;
    nw_code *code;
    int takes_all;
    nw_arch *here; /* where the climb stands                   */
    int *x;        /* room for a vector                        */
    nw_seen seen;
    double *quality; /* by place in seen                         */
    int room;
    uint32_t *order; /* of the moves from here                   */
    size_t moves, room_order;
    /* Below is what a state holds, beside seen and quality. */
    int at;         /* place of `here`; -1 = a climb is to begin */
    int better;     /* place of the best better neighbour, or -1 */
    int under_way;  /* trials                                   */
    uint64_t steps; /* places stood at so far                   */
    uint64_t next;  /* of order                                 */
};

static const nw_attr local_attrs[] = {
    {"best", NW_TEXT, offsetof(struct local, best), "first", 0, 0,
     "first: the first better neighbour; all: the best of all neighbours", NULL},
    {0},
};

static nw_status local_open(void *self, const nw_env *env)
{
    struct local *l = self;

    l->env = *env;
    l->at = l->better = -1;
    l->takes_all = !strcmp(l->best, "all");
    if (!l->takes_all && strcmp(l->best, "first"))
        return nw_fail(env->ctx, NW_ESPEC, "local: best=%s is neither first nor all",
                       l->best);
    l->code = nw_code_new(env->ctx, env->space);
    l->here = nw_arch_new(env->ctx, env->space);
    if (!l->code || !l->here)
        return nw_pending(env->ctx);
    nw_seen_init(&l->seen, env->ctx, l->code);
    l->x = nw_alloc(env->ctx, (size_t)l->seen.n * sizeof(int));
    return l->x ? NW_OK : NW_ENOMEM;
}

/* ---- Standing ------------------------------------------------------------------ */

/* The moves from `here`, in the order of this step. */
static nw_status look_around(struct local *l)
{
    nw_code_write(l->code, nw_seen_at(&l->seen, l->at), l->here);
    l->moves = nw_arch_moves(l->here);
    if (l->moves > l->room_order) {
        nw_release(l->env.ctx, l->order);
        l->room_order = 0;
        l->order = nw_alloc(l->env.ctx, l->moves * sizeof(*l->order));
        if (!l->order)
            return NW_ENOMEM;
        l->room_order = l->moves;
    }
    nw_permutation(nw_subseed(l->env.seed, NW_FOR_STRATEGY, l->steps), NW_FOR_SHUFFLE,
                   l->order, l->moves);
    return NW_OK;
}

static nw_status stand_at(struct local *l, int place)
{
    l->at = place;
    l->better = -1;
    l->steps++;
    l->next = 0;
    return look_around(l);
}

/* Something is known of a place: it may be a step up. */
static nw_status consider(struct local *l, int place)
{
    const double now = l->quality[l->at], there = l->quality[place];

    if (isnan(now) || !(there > now))
        return NW_OK;
    if (!l->takes_all)
        return stand_at(l, place);
    if (l->better < 0 || there > l->quality[l->better])
        l->better = place;
    return NW_OK;
}

/* ---- Proposing ----------------------------------------------------------------- */

/* Of the vector in l->x, which is new: its place, or below 0 a failure. */
static int remember(struct local *l)
{
    const int place = nw_seen_add(&l->seen, l->x);

    if (place < 0)
        return place;
    NW_TRY(nw_grow(l->env.ctx, &l->quality, place, &l->room, sizeof(*l->quality)));
    l->quality[place] = NAN;
    l->under_way++;
    return place;
}

static nw_status begin(struct local *l, nw_arch *arch)
{
    const uint64_t seed = nw_subseed(l->env.seed, NW_FOR_ARCH, l->steps);
    const nw_status status = nw_seen_draw(&l->seen, &l->env, l->code, seed, arch, l->x);
    int place;

    if (status != NW_OK)
        return status;
    place = remember(l);
    return place < 0 ? (nw_status)place : stand_at(l, place);
}

/* The next neighbour that was never met; NW_DONE = there is none. */
static nw_status next_neighbour(struct local *l, nw_arch *arch)
{
    while (l->next < l->moves) {
        const size_t move = l->order[l->next++];
        int place;

        if (!nw_arch_move(arch, l->here, move))
            continue;
        nw_code_read(l->code, arch, l->x);
        place = nw_seen_find(&l->seen, l->x);
        if (place >= 0) {
            NW_TRY(consider(l, place));
            continue;
        }
        if (!nw_env_allows(&l->env, arch))
            continue;
        place = remember(l);
        return place < 0 ? (nw_status)place : NW_OK;
    }
    return NW_DONE;
}

static nw_status local_propose(void *self, nw_trial *trial)
{
    struct local *l = self;

    while (l->at >= 0) {
        nw_status status;

        if (isnan(l->quality[l->at]))
            return NW_MORE;
        status = next_neighbour(l, trial->arch);
        if (status != NW_DONE)
            return status;
        if (l->under_way)
            return NW_MORE;
        if (l->better >= 0)
            NW_TRY(stand_at(l, l->better));
        else
            l->at = -1;
    }
    return begin(l, trial->arch);
}

static nw_status local_observe(void *self, const nw_trial *trial)
{
    struct local *l = self;
    const int failed = trial->status < 0 || isnan(trial->score.quality);
    int place;

    nw_code_read(l->code, trial->arch, l->x);
    place = nw_seen_find(&l->seen, l->x);
    if (place < 0)
        return nw_fail(l->env.ctx, NW_EINVAL,
                       "local: the result of an architecture that was not proposed");
    l->quality[place] = failed ? -INFINITY : trial->score.quality;
    l->under_way--;
    return l->at >= 0 ? consider(l, place) : NW_OK;
}

/* ---- Remembering --------------------------------------------------------------- */

static nw_status local_state(void *self, nw_state *state)
{
    struct local *l = self;

    NW_TRY(nw_seen_state(&l->seen, state));
    if (state->reading) {
        nw_release(l->env.ctx, l->quality);
        l->room = l->seen.count + 1;
        l->quality = nw_alloc(l->env.ctx, (size_t)l->room * sizeof(double));
        if (!l->quality)
            return NW_ENOMEM;
    }
    if (l->seen.count)
        NW_TRY(state->bytes(state, l->quality, (size_t)l->seen.count * sizeof(double)));
    NW_TRY(state->bytes(state, &l->at, sizeof(l->at)));
    NW_TRY(state->bytes(state, &l->better, sizeof(l->better)));
    NW_TRY(state->bytes(state, &l->under_way, sizeof(l->under_way)));
    NW_TRY(state->bytes(state, &l->steps, sizeof(l->steps)));
    NW_TRY(state->bytes(state, &l->next, sizeof(l->next)));
    return state->reading && l->at >= 0 ? look_around(l) : NW_OK;
}

static void local_close(void *self)
{
    struct local *l = self;

    nw_release(l->env.ctx, l->order);
    nw_release(l->env.ctx, l->quality);
    nw_seen_free(&l->seen);
    nw_release(l->env.ctx, l->x);
    nw_arch_free(l->here);
    nw_code_free(l->code);
}

const nw_strategy_type nw_strategy_local = {
    .name = "local",
    .doc = "hill climbing with restarts, no architecture twice",
    .paper = "White et al. 2021, arXiv:2005.02960",
    .attrs = local_attrs,
    .size = sizeof(struct local),
    .needs = NW_BUDGET,
    .open = local_open,
    .propose = local_propose,
    .observe = local_observe,
    .state = local_state,
    .close = local_close,
};
