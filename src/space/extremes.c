/*
 * extremes.c - exhaustive in small spaces; coordinate descent in large ones.
 *
 * A move sets one decision anew. Under a keep rule it sets one that is kept, or drops one
 * and keeps another in its stead, so that every arch on the way is legal. The end of a
 * descent need not be the extreme; callers say so. Every arch that is looked at counts
 * for all six extremes.
 */
#include "extremes.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 50, MOST_LOOKED_AT = 6000 };

struct hunt {
    nw_ctx *ctx;
    nw_extremes *out;
    nw_arch *at; /* where the descent stands            */
    int measure, side;
    double best; /* of the descent                      */
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

/* Keep what was tried if it is better, else set the choice back to `before`. */
static nw_status judge(struct hunt *h, int *improved)
{
    nw_score score;
    double value;

    NW_TRY(look_at(h->out, h->at, &score));
    value = measured(&score, h->measure);
    *improved = beats(value, h->best, h->side);
    if (*improved)
        h->best = value;
    return NW_OK;
}

static nw_status try_options(struct hunt *h, int c, int none, int *any)
{
    int now = nw_strongest(nw_arch_weights(h->at, c), h->at->space->choice[c].n, -1);

    for (int o = 0; o < h->at->space->choice[c].n; o++) {
        int improved;

        if (o == now || o == none)
            continue;
        nw_arch_pick(h->at, c, o);
        NW_TRY(judge(h, &improved));
        if (improved)
            now = o;
        *any |= improved;
        nw_arch_pick(h->at, c, now);
    }
    return NW_OK;
}

/* Swap one that is taken with one that is not. */
static nw_status try_subsets(struct hunt *h, int c, int *any)
{
    double *w = nw_arch_weights(h->at, c);
    const int n = h->at->space->choice[c].n;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            int improved;

            if (w[i] == 0 || w[j] != 0)
                continue;
            w[i] = 0;
            w[j] = 1;
            NW_TRY(judge(h, &improved));
            *any |= improved;
            if (!improved) {
                w[i] = 1;
                w[j] = 0;
            }
        }
    return NW_OK;
}

/* Drop choice a of a rule and keep b instead, at each of its options. */
static nw_status try_swap(struct hunt *h, const nw_keep_rule *rule, int a, int b,
                          int *any)
{
    const int n = h->at->space->choice[b].n;
    const int before =
        nw_strongest(nw_arch_weights(h->at, a), h->at->space->choice[a].n, -1);
    int found = -1;

    nw_arch_pick(h->at, a, rule->none);
    for (int o = 0; o < n; o++) {
        int improved;

        if (o == rule->none)
            continue;
        nw_arch_pick(h->at, b, o);
        NW_TRY(judge(h, &improved));
        if (improved)
            found = o;
    }
    nw_arch_pick(h->at, b, found < 0 ? rule->none : found);
    if (found < 0)
        nw_arch_pick(h->at, a, before);
    *any |= found >= 0;
    return NW_OK;
}

static int is_kept(const nw_arch *arch, const nw_keep_rule *rule, int i)
{
    return arch->w[arch->space->choice[rule->choice[i]].first + rule->none] == 0;
}

static nw_status try_rule(struct hunt *h, const nw_keep_rule *rule, int *any)
{
    for (int i = 0; i < rule->n; i++)
        if (is_kept(h->at, rule, i))
            NW_TRY(try_options(h, rule->choice[i], rule->none, any));
    for (int i = 0; i < rule->n; i++)
        for (int j = 0; j < rule->n; j++)
            if (is_kept(h->at, rule, i) && !is_kept(h->at, rule, j))
                NW_TRY(try_swap(h, rule, rule->choice[i], rule->choice[j], any));
    return NW_OK;
}

static nw_status sweep(struct hunt *h, int *any)
{
    const nw_space *s = h->at->space;

    for (int c = 0; c < s->n_choice && h->out->looked_at < MOST_LOOKED_AT; c++) {
        if (s->choice[c].keep >= 0)
            continue;
        if (s->choice[c].kind == NW_SOME)
            NW_TRY(try_subsets(h, c, any));
        else
            NW_TRY(try_options(h, c, -1, any));
    }
    for (int r = 0; r < s->n_keep && h->out->looked_at < MOST_LOOKED_AT; r++)
        NW_TRY(try_rule(h, &s->keep[r], any));
    return NW_OK;
}

/* From the best arch so far. */
static nw_status descend(struct hunt *h)
{
    int any = 1;

    NW_TRY(nw_arch_copy(h->at, h->out->arch[h->measure][h->side]));
    h->best = h->out->value[h->measure][h->side];
    while (any && h->out->looked_at < MOST_LOOKED_AT) {
        any = 0;
        NW_TRY(sweep(h, &any));
    }
    return NW_OK;
}

static nw_status search(nw_ctx *ctx, nw_extremes *out, nw_arch *at)
{
    struct hunt h = {.ctx = ctx, .out = out, .at = at};
    nw_score score;

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

    nw_arch_first(at);
    do
        NW_TRY(look_at(out, at, &score));
    while (nw_arch_next(at));
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
    nw_arch *at = nw_arch_new(ctx, space);
    nw_status status;

    *out = (nw_extremes){0};
    if (!at)
        return nw_pending(ctx);
    for (int i = 0; i < 2 * NW_MEASURES; i++) {
        out->value[i / 2][i % 2] = NAN;
        out->arch[i / 2][i % 2] = nw_arch_new(ctx, space);
        if (!out->arch[i / 2][i % 2]) {
            nw_arch_free(at);
            return nw_pending(ctx);
        }
    }
    status = is_small(space) ? list(out, at) : search(ctx, out, at);
    nw_arch_free(at);
    return status;
}

void nw_extremes_free(nw_extremes *extremes)
{
    for (int i = 0; i < 2 * NW_MEASURES; i++)
        nw_arch_free(extremes->arch[i / 2][i % 2]);
}
