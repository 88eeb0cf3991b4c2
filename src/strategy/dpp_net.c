/*
 * dpp_net.c - DPP-Net: progressive search for what is best on a device, too.
 *
 * As PNAS (pnas.c, progressive.h), with another choice of what to train [1]. A candidate
 * has several losses: minus the quality that the surrogate guesses, and costs that are
 * known before any training, as parameters, MACs, memory, or the latency of a device. The
 * k that are trained are the best by
 *
 *   rank      among all candidates of the stage, in fronts that dominate each other
 *   crowding  within a front, the most isolated first; its ends before all
 *
 * Costs are the search's objectives beyond the first ("accuracy, latency_ms"), and where
 * it has one only those of the key objectives=. A candidate that is an earlier trial
 * counts with its score, not with a guess.
 *
 * The paper stops when cells are full. rounds=r goes on from there: the best cells so
 * far, by the same order, each with one block replaced by every other. Then the fronts
 * are those of the candidates and of all trials, so that what a trial dominates waits.
 *
 * Everything is [unverified], since there is no public code: k = 128, the LSTM, that it
 * learns from all trials. The rule for ties within a front is ours, and so is the
 * ensemble: that of PNAS.
 *
 * [1] J.-D. Dong et al. 2018, DPP-Net: Device-aware Progressive Search for Pareto-optimal
 *     Neural Architectures, ECCV, arXiv:1806.08198.
 */
#include "progressive.h"

#include "ctx.h"
#include "front.h"

#include <math.h>
#include <string.h>

enum { MOST_LOSSES = 8 };

struct dpp_net {
    nw_progressive search; /* first: it is what its functions see */
    char objectives[NW_TEXT_SIZE];
    int m;                               /* losses                 */
    const nw_measure *cost[MOST_LOSSES]; /* of losses 1 to m - 1   */
};

static const nw_attr dpp_net_attrs[] = {
    NW_PROGRESSIVE_KEYS("128", "lstm", "all"),
    {"objectives", NW_TEXT, offsetof(struct dpp_net, objectives), "params,macs", 0, 0,
     "costs that count beside the quality, where the search has no objectives", NULL},
    {0},
};

/* ---- Objectives -----------------------------------------------------------------------
 */

static nw_status add_cost(struct dpp_net *s, const nw_measure *cost)
{
    nw_ctx *ctx = s->search.env.ctx;

    if (!cost->is_known_before)
        return nw_fail(ctx, NW_EMATCH,
                       "dpp-net: %s is not known before an architecture is trained",
                       cost->name);
    if (s->m == MOST_LOSSES)
        return nw_fail(ctx, NW_EMATCH, "dpp-net: more than %d objectives", MOST_LOSSES);
    s->cost[s->m++] = cost;
    return NW_OK;
}

static nw_status read_objectives(struct dpp_net *s)
{
    const char *text = s->objectives;

    while (*text) {
        const size_t n = strcspn(text, ", ");
        const nw_measure *cost = nw_measure_find(text, n);

        if (!cost)
            return nw_fail(s->search.env.ctx, NW_ESPEC,
                           "dpp-net: objectives: there is no \"%.*s\"", (int)n, text);
        NW_TRY(add_cost(s, cost));
        text += n + strspn(text + n, ", ");
    }
    return NW_OK;
}

static nw_status find_objectives(struct dpp_net *s)
{
    const nw_measure *const *objective = s->search.env.objective;

    s->m = 1;
    if (!objective || !objective[0] || !objective[1])
        return read_objectives(s);
    for (int i = 1; objective[i]; i++)
        NW_TRY(add_cost(s, objective[i]));
    return NW_OK;
}

/* Every cost is known of some architecture. */
static nw_status check_costs(struct dpp_net *s)
{
    const nw_env *env = &s->search.env;
    nw_score score;

    NW_TRY(nw_env_draw(env, s->search.arch, env->seed));
    NW_TRY(nw_env_cost(env, s->search.arch, &score));
    for (int k = 1; k < s->m; k++)
        if (isnan(nw_measure_of(s->cost[k], &score)))
            return nw_fail(env->ctx, NW_EMATCH,
                           "dpp-net: nothing says the %s of an architecture",
                           s->cost[k]->name);
    return NW_OK;
}

/* Losses of p->arch, of which the quality is guessed or known. */
static nw_status losses(struct dpp_net *s, double quality, double *loss)
{
    nw_score score;

    NW_TRY(nw_env_cost(&s->search.env, s->search.arch, &score));
    loss[0] = -quality;
    for (int k = 1; k < s->m; k++)
        loss[k] = nw_measure_loss(s->cost[k], &score);
    return NW_OK;
}

/* ---- Points ---------------------------------------------------------------------------
 */

/* What is to be put in order: candidates, and trials that they must be better than. */
struct points {
    struct dpp_net *s;
    size_t n;
    double *loss;
    size_t *of; /* number of the candidate or entry */
    size_t trials;
};

static nw_status points_open(struct points *points, struct dpp_net *s, size_t most)
{
    nw_ctx *ctx = s->search.env.ctx;

    *points = (struct points){.s = s};
    points->loss = nw_alloc(ctx, (most + 1) * (size_t)s->m * sizeof(double));
    points->of = nw_alloc(ctx, (most + 1) * sizeof(*points->of));
    return points->loss && points->of ? NW_OK : NW_ENOMEM;
}

static void points_close(struct points *points)
{
    nw_release(points->s->search.env.ctx, points->loss);
    nw_release(points->s->search.env.ctx, points->of);
}

/* p->arch is the candidate or the entry. */
static nw_status add_point(struct points *points, double quality, size_t of)
{
    NW_TRY(losses(points->s, quality, points->loss + points->n * (size_t)points->s->m));
    points->of[points->n++] = of;
    return NW_OK;
}

/* Trials that succeeded. */
static nw_status add_trials(struct points *points)
{
    nw_progressive *p = &points->s->search;

    for (int t = 0; t < p->n_asked; t++) {
        const int e = p->asked[t];

        if (!isfinite(p->entry[e].quality))
            continue;
        for (int i = 0; i < p->blocks.code->n; i++)
            p->x[i] = nw_entry_code(p, e)[i];
        nw_code_write(p->blocks.code, p->x, p->arch);
        NW_TRY(add_point(points, p->entry[e].quality, (size_t)e));
    }
    points->trials = points->n;
    return NW_OK;
}

/* Candidate i, unless it is none, one of `seen`, or to no use: a failed trial, or one
 * that would be changed to itself. */
static nw_status add_candidate(struct points *points, const nw_candidates *c, size_t i,
                               nw_index *seen)
{
    nw_progressive *p = &points->s->search;
    const size_t before = seen->n;
    double quality = c->guess[i];
    uint64_t class;
    int64_t trial;

    if (!nw_candidate_arch(p, c, i, &class))
        return NW_OK;
    if (nw_index_add(seen, class) == NW_INDEX_NONE)
        return NW_ENOMEM;
    trial = nw_index_find(&p->known, class);
    if (seen->n == before || (trial != NW_INDEX_NONE && !c->grows))
        return NW_OK;
    if (trial != NW_INDEX_NONE)
        quality = p->entry[p->asked[trial]].quality;
    return isnan(quality) && p->stage ? NW_OK : add_point(points, quality, i);
}

static nw_status add_candidates(struct points *points, const nw_candidates *c)
{
    nw_index seen = {.ctx = points->s->search.env.ctx};
    nw_status status = NW_OK;

    for (size_t i = 0; i < c->n && status >= 0; i++)
        status = add_candidate(points, c, i, &seen);
    nw_index_free(&seen);
    return status;
}

/* Numbers of what is wanted, best first: of the candidates, or of the trials. */
static nw_status sort_points(struct points *points, int trials, size_t *out, size_t *n)
{
    const nw_points all = {points->loss, points->n, points->s->m};
    nw_ctx *ctx = points->s->search.env.ctx;
    size_t *kept = nw_alloc(ctx, (points->n + 1) * sizeof(*kept));
    nw_status status = kept ? nw_front_select(ctx, &all, points->n, kept) : NW_ENOMEM;

    *n = 0;
    for (size_t i = 0; i < points->n && status >= 0; i++)
        if ((kept[i] < points->trials) == trials)
            out[(*n)++] = points->of[kept[i]];
    nw_release(ctx, kept);
    return status;
}

/* ---- Order and parents
 * ------------------------------------------------------------------ */

static nw_status dpp_net_order(nw_progressive *p, const nw_candidates *c, size_t *out,
                               size_t *n)
{
    struct points points;
    nw_status status =
        points_open(&points, (struct dpp_net *)p, c->n + (size_t)p->n_asked);

    if (status >= 0 && !c->grows)
        status = add_trials(&points);
    if (status >= 0)
        status = add_candidates(&points, c);
    if (status >= 0)
        status = sort_points(&points, 0, out, n);
    points_close(&points);
    return status;
}

static nw_status sorted_trials(struct points *points, int32_t *out, int *n)
{
    nw_ctx *ctx = points->s->search.env.ctx;
    size_t *entry = nw_alloc(ctx, (points->n + 1) * sizeof(*entry)), found = 0;
    nw_status status = entry ? sort_points(points, 1, entry, &found) : NW_ENOMEM;

    for (size_t i = 0; i < found && status >= 0; i++)
        out[i] = (int32_t)entry[i];
    *n = (int)found;
    nw_release(ctx, entry);
    return status;
}

static nw_status dpp_net_parents(nw_progressive *p, int32_t *out, int *n)
{
    struct points points;
    nw_status status = points_open(&points, (struct dpp_net *)p, (size_t)p->n_asked);

    if (status >= 0)
        status = add_trials(&points);
    if (status >= 0)
        status = sorted_trials(&points, out, n);
    points_close(&points);
    return status;
}

static nw_status dpp_net_open(void *self, const nw_env *env)
{
    struct dpp_net *s = self;

    s->search.order = dpp_net_order;
    s->search.parents = dpp_net_parents;
    NW_TRY(nw_progressive_open(&s->search, env));
    NW_TRY(find_objectives(s));
    return check_costs(s);
}

const nw_strategy_type nw_strategy_dpp_net = {
    .name = "dpp-net",
    .doc = "grow cells block by block where the front of quality and costs is expected",
    .paper = "Dong et al. 2018, DPP-Net: Device-aware Progressive Search for "
             "Pareto-optimal Neural Architectures, arXiv:1806.08198",
    .attrs = dpp_net_attrs,
    .size = sizeof(struct dpp_net),
    .open = dpp_net_open,
    .propose = nw_progressive_propose,
    .observe = nw_progressive_observe,
    .state = nw_progressive_state,
    .close = nw_progressive_close,
};
