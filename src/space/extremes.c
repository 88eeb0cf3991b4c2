/*
 * extremes.c - exhaustive in small spaces; coordinate descent in large ones.
 *
 * The end of a descent need not be the extreme; callers say so. Every arch that is looked
 * at counts for all six extremes.
 */
#include "extremes.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A network of a coded space is built from nothing to be looked at. */
enum { SAMPLES = 50, MOST_LOOKED_AT = 6000, MOST_BUILT = 300 };

struct hunt {
    nw_ctx *ctx;
    nw_extremes *out;
    nw_arch *at; /* where the descent stands            */
    nw_arch *next;
    int measure, side;
    double best; /* of the descent                      */
    long most;   /* to look at                          */
};

static double measured(const nw_score *score, int measure)
{
    return measure == NW_PARAMS ? score->params
           : measure == NW_MACS ? score->macs
                                : score->peak_bytes;
}

/* Of two values, the one further to that side. */
static int beats(double a, double b, int side)
{
    return isnan(b) || (side ? a > b : a < b);
}

static nw_status look_at(nw_extremes *e, const nw_arch *arch, nw_score *score)
{
    NW_TRY(nw_arch_cost(arch, score));
    e->looked_at++;
    for (int m = 0; m < NW_MEASURES; m++)
        for (int side = 0; side < 2; side++)
            if (beats(measured(score, m), e->value[m][side], side)) {
                e->value[m][side] = measured(score, m);
                NW_TRY(nw_arch_copy(e->arch[m][side], arch));
            }
    return NW_OK;
}

static nw_status judge(struct hunt *h, const nw_arch *tried, int *improved)
{
    nw_score score;
    double value;

    NW_TRY(look_at(h->out, tried, &score));
    value = measured(&score, h->measure);
    *improved = beats(value, h->best, h->side);
    if (*improved)
        h->best = value;
    return NW_OK;
}

/* All neighbours, each better one at once the place to go on from. */
static nw_status sweep(struct hunt *h, nw_arch *next, int *any)
{
    const size_t n = nw_arch_moves(h->at);

    for (size_t i = 0; i < n && h->out->looked_at < h->most; i++) {
        int improved;

        if (i >= nw_arch_moves(h->at) || !nw_arch_move(next, h->at, i))
            continue;
        NW_TRY(judge(h, next, &improved));
        if (improved)
            NW_TRY(nw_arch_copy(h->at, next));
        *any |= improved;
    }
    return NW_OK;
}

/* From the best arch so far. */
static nw_status descend(struct hunt *h)
{
    int any = 1;

    NW_TRY(nw_arch_copy(h->at, h->out->arch[h->measure][h->side]));
    h->best = h->out->value[h->measure][h->side];
    while (any && h->out->looked_at < h->most) {
        any = 0;
        NW_TRY(sweep(h, h->next, &any));
    }
    return NW_OK;
}

static nw_status search(nw_ctx *ctx, nw_extremes *out, nw_arch *at, nw_arch *next)
{
    struct hunt h = {.ctx = ctx, .out = out, .at = at, .next = next};
    nw_score score;

    h.most = nw_is_coded(at->space) ? MOST_BUILT : MOST_LOOKED_AT;
    for (uint64_t seed = 0; seed < SAMPLES; seed++) {
        NW_TRY(nw_arch_random(at, nw_subseed(0, NW_FOR_ARCH, seed)));
        NW_TRY(look_at(out, at, &score));
    }
    for (h.measure = 0; h.measure < NW_MEASURES; h.measure++)
        for (h.side = 0; h.side < 2; h.side++)
            NW_TRY(descend(&h));
    return NW_OK;
}

static nw_status list(nw_extremes *out, nw_arch *at)
{
    nw_score score;

    for (int more = nw_arch_first(at); more; more = nw_arch_next(at))
        NW_TRY(look_at(out, at, &score));
    out->is_exact = 1;
    return NW_OK;
}

/* At most NW_MOST_LISTED archs, which has as many digits. */
static int is_small(const nw_space *space)
{
    return space->count && strlen(space->count) <= 5 &&
           atol(space->count) <= NW_MOST_LISTED;
}

nw_status nw_extremes_find(nw_ctx *ctx, nw_space *space, nw_extremes *out)
{
    nw_arch *at = nw_arch_new(ctx, space), *next = nw_arch_new(ctx, space);
    nw_status status = at && next ? NW_OK : nw_pending(ctx);

    *out = (nw_extremes){0};
    for (int i = 0; i < 2 * NW_MEASURES && status >= 0; i++) {
        out->value[i / 2][i % 2] = NAN;
        out->arch[i / 2][i % 2] = nw_arch_new(ctx, space);
        if (!out->arch[i / 2][i % 2])
            status = nw_pending(ctx);
    }
    if (status >= 0)
        status = is_small(space) ? list(out, at) : search(ctx, out, at, next);
    nw_arch_free(at);
    nw_arch_free(next);
    return status;
}

void nw_extremes_free(nw_extremes *extremes)
{
    for (int i = 0; i < 2 * NW_MEASURES; i++)
        nw_arch_free(extremes->arch[i / 2][i % 2]);
}
