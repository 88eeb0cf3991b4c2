/* progressive.c - from stage to stage; see progressive.h. */
#include "progressive.h"

#include "ctx.h"
#include "random.h"
#include "ranktest.h"

#include <math.h>
#include <string.h>

/* PNAS's sigmoid begins at 0.86 [unverified]. */
static const double PLAIN_BIAS = 1.8;

/* ---- Entries -------------------------------------------------------------------------
 */

const int32_t *nw_entry_code(const nw_progressive *p, int entry)
{
    return p->code + (size_t)entry * (size_t)p->blocks.code->n;
}

static nw_status make_room(nw_progressive *p, int32_t entries)
{
    const size_t old = (size_t)p->room, n = (size_t)p->blocks.code->n;
    const size_t room = (size_t)entries < 2 * old ? 2 * old : (size_t)entries + 64;
    void *grown;

    if (entries <= p->room)
        return NW_OK;
    if (!(grown = nw_resize(p->env.ctx, p->entry, old * sizeof(*p->entry),
                            room * sizeof(*p->entry))))
        return NW_ENOMEM;
    p->entry = grown;
    if (!(grown = nw_resize(p->env.ctx, p->code, old * n * sizeof(*p->code),
                            room * n * sizeof(*p->code))))
        return NW_ENOMEM;
    p->code = grown;
    if (!(grown = nw_resize(p->env.ctx, p->asked, old * sizeof(*p->asked),
                            room * sizeof(*p->asked))))
        return NW_ENOMEM;
    p->asked = grown;
    p->room = (int32_t)room;
    return NW_OK;
}

/* A cell of the stage that begins; its decisions are p->x. */
static nw_status add_entry(nw_progressive *p, nw_entry entry)
{
    const size_t n = (size_t)p->blocks.code->n;

    NW_TRY(make_room(p, p->n_entry + 1));
    entry.stage = p->stage + 1;
    p->entry[p->n_entry] = entry;
    for (size_t i = 0; i < n; i++)
        p->code[(size_t)p->n_entry * n + i] = p->x[i];
    p->n_entry++;
    return NW_OK;
}

/* ---- Choosing ------------------------------------------------------------------------
 */

/* Of trials before the stage: chosen again in it. */
struct again {
    int32_t n_old;
    unsigned char *taken;
};

static nw_status ask(nw_progressive *p, const nw_candidates *c, size_t i, uint64_t class)
{
    const int level = nw_candidate(p, c, i, p->x);

    NW_TRY(add_entry(p, (nw_entry){NAN, c->guess[i], level, 0}));
    if (nw_index_add(&p->known, class) == NW_INDEX_NONE)
        return NW_ENOMEM;
    p->asked[p->n_asked++] = p->n_entry - 1;
    return NW_OK;
}

/* It is trial `id` - 1 of an earlier stage. */
static nw_status keep(nw_progressive *p, const nw_candidates *c, size_t i, int64_t trial,
                      struct again *again)
{
    double quality;

    if (!c->grows || trial >= again->n_old || again->taken[trial])
        return NW_OK;
    quality = p->entry[p->asked[trial]].quality;
    if (!isfinite(quality))
        return NW_OK;
    again->taken[trial] = 1;
    return add_entry(p, (nw_entry){quality, c->guess[i], nw_candidate(p, c, i, p->x), 0});
}

/* In their order, until k are new; the first stage takes all. */
static nw_status choose(nw_progressive *p, const nw_candidates *c, const size_t *order,
                        size_t n, struct again *again)
{
    for (size_t at = 0, fresh = 0; at < n; at++) {
        uint64_t class;
        int64_t trial;

        if (p->stage && fresh == (size_t)p->key.k)
            break;
        if (!nw_candidate_arch(p, c, order[at], &class))
            continue;
        trial = nw_index_find(&p->known, class);
        if (trial == NW_INDEX_NONE) {
            NW_TRY(ask(p, c, order[at], class));
            fresh++;
        } else {
            NW_TRY(keep(p, c, order[at], trial, again));
        }
    }
    return NW_OK;
}

static nw_status order_and_choose(nw_progressive *p, const nw_candidates *c)
{
    struct again again = {p->n_asked, NULL};
    size_t *order = nw_alloc(p->env.ctx, (c->n + 1) * sizeof(*order)), n = 0;
    nw_status status = NW_ENOMEM;

    again.taken = nw_alloc(p->env.ctx, (size_t)p->n_asked + 1);
    if (order && again.taken)
        status = p->order(p, c, order, &n);
    if (status >= 0)
        status = choose(p, c, order, n, &again);
    nw_release(p->env.ctx, order);
    nw_release(p->env.ctx, again.taken);
    return status;
}

/* ---- Learning ------------------------------------------------------------------------
 */

static int is_lesson(const nw_progressive *p, const nw_entry *e)
{
    return isfinite(e->quality) &&
           (!strcmp(p->key.lessons, "all") || e->level == p->level);
}

static size_t write_lessons(const nw_progressive *p, nw_lesson *lesson, float *words)
{
    size_t n = 0;

    for (int e = 0; e < p->n_entry; e++) {
        const nw_entry *entry = &p->entry[e];
        const int width = nw_blocks_width(&p->blocks, entry->level);

        if (!is_lesson(p, entry))
            continue;
        nw_blocks_write(&p->blocks, nw_entry_code(p, e), entry->level, words);
        lesson[n++] = (nw_lesson){words, width, entry->quality};
        words += width;
    }
    return n;
}

static nw_status learn(nw_progressive *p, size_t n, const nw_lesson *lesson)
{
    const nw_surrogate_fit_config how = {
        .epochs = p->key.epochs,
        .lr = p->fits ? p->key.lr_later : p->key.lr,
        .is_annealed = 1,
        .rescales = 1,
        .seed = nw_subseed(p->env.seed, NW_FOR_STRATEGY, (uint64_t)p->fits)};
    const nw_status status = nw_surrogate_fit(p->surrogate, n, lesson, &how);

    p->fits++;
    if (status != NW_EDIVERGED)
        return status;
    nw_clear(p->env.ctx);
    return nw_surrogate_restart(p->surrogate, how.seed);
}

static nw_status fit(nw_progressive *p)
{
    const size_t n = (size_t)p->n_entry + 1;
    const size_t widest = (size_t)nw_blocks_width(&p->blocks, p->blocks.n);
    nw_lesson *lesson = nw_alloc(p->env.ctx, n * sizeof(*lesson));
    float *words = nw_alloc(p->env.ctx, n * widest * sizeof(*words));
    const nw_status status =
        lesson && words ? learn(p, write_lessons(p, lesson, words), lesson) : NW_ENOMEM;

    nw_release(p->env.ctx, lesson);
    nw_release(p->env.ctx, words);
    return status;
}

/* ---- Stages --------------------------------------------------------------------------
 */

/* Correlation of two samples that are centred around the mean of 1 .. n. */
static double correlation(const double *a, const double *b, int n)
{
    const double mean = (n + 1) / 2.;
    double ab = 0, aa = 0, bb = 0;

    for (int i = 0; i < n; i++) {
        ab += (a[i] - mean) * (b[i] - mean);
        aa += (a[i] - mean) * (a[i] - mean);
        bb += (b[i] - mean) * (b[i] - mean);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

nw_status nw_rank_correlation(nw_ctx *ctx, const double *a, const double *b, int n,
                              double *r)
{
    double *rank = nw_alloc(ctx, 2 * ((size_t)n + 1) * sizeof(*rank));
    nw_status status = rank ? nw_midranks(ctx, a, n, rank) : NW_ENOMEM;

    if (status >= 0)
        status = nw_midranks(ctx, b, n, rank + n);
    if (status >= 0)
        *r = correlation(rank, rank + n, n);
    nw_release(ctx, rank);
    return status;
}

/* Guesses and scores of the trials of the stage that is over. */
static int pairs(const nw_progressive *p, double *guess, double *found)
{
    int n = 0;

    for (int e = 0; e < p->n_entry; e++) {
        const nw_entry *entry = &p->entry[e];

        if (entry->stage != p->stage || !isfinite(entry->quality) || isnan(entry->guess))
            continue;
        guess[n] = entry->guess;
        found[n++] = entry->quality;
    }
    return n;
}

/* How well the guesses put in order what then was trained. */
static nw_status report(nw_progressive *p)
{
    double *guess = nw_alloc(p->env.ctx, 2 * ((size_t)p->n_entry + 1) * sizeof(*guess));
    double *found = guess ? guess + p->n_entry + 1 : NULL, r = NAN;
    nw_status status = NW_ENOMEM;

    if (guess)
        status =
            nw_rank_correlation(p->env.ctx, guess, found, pairs(p, guess, found), &r);
    nw_release(p->env.ctx, guess);
    if (status < 0 || isnan(r) || !p->env.on_value)
        return status;
    return p->env.on_value(p->env.loop, p->stage, "rank_correlation", r);
}

/* NW_DONE = there are no candidates; NW_MORE = nothing new around the parents, of which
 * there may be more. */
static nw_status run_stage(nw_progressive *p, nw_candidates *c)
{
    const int32_t before = p->n_asked;

    NW_TRY(nw_candidates_make(p, c));
    if (!c->n)
        return NW_DONE;
    NW_TRY(nw_candidates_guess(p, c));
    if (p->watch)
        p->watch(p->user, p, c);
    NW_TRY(order_and_choose(p, c));
    if (!c->grows && p->n_asked == before && c->n_parent == p->reach)
        return NW_MORE;
    if (c->grows)
        p->level = c->level;
    else
        p->rounds++;
    p->stage++;
    return NW_OK;
}

static nw_status next_stage(nw_progressive *p)
{
    nw_candidates c = {0};
    nw_status status;

    if (p->stage) {
        NW_TRY(report(p));
        NW_TRY(fit(p));
    }
    p->reach = p->key.k;
    do {
        status = run_stage(p, &c);
        nw_candidates_free(p, &c);
        p->reach *= 2;
    } while (status == NW_MORE);
    return status;
}

nw_status nw_progressive_propose(void *self, nw_trial *trial)
{
    nw_progressive *p = self;
    const size_t n = (size_t)p->blocks.code->n;

    while (p->proposed == p->n_asked) {
        nw_status status;

        if (p->observed < p->n_asked)
            return NW_MORE;
        status = next_stage(p);
        if (status != NW_OK)
            return status;
    }
    for (size_t i = 0; i < n; i++)
        p->x[i] = nw_entry_code(p, p->asked[p->proposed])[i];
    p->proposed++;
    if (!nw_code_write(p->blocks.code, p->x, trial->arch))
        return nw_fail(p->env.ctx, NW_EMATCH, "a cell that was legal is not any more");
    return NW_OK;
}

nw_status nw_progressive_observe(void *self, const nw_trial *trial)
{
    nw_progressive *p = self;
    nw_entry *entry = &p->entry[p->asked[p->observed++]];

    entry->quality = trial->status < 0 ? NAN : trial->score.quality;
    return NW_OK;
}

/* ---- Life ----------------------------------------------------------------------------
 */

static nw_status open_surrogate(nw_progressive *p)
{
    const struct nw_progressive_keys *key = &p->key;
    const int is_plain = !strcmp(key->target, "plain");
    const nw_surrogate_config config = {
        .kind = strcmp(key->surrogate, "lstm") ? NW_SURROGATE_BLOCKS : NW_SURROGATE_LSTM,
        .words = p->blocks.n_words,
        .block = p->blocks.per * p->blocks.per_place,
        .embedding = key->embedding,
        .hidden = key->hidden,
        .members = key->members,
        .share = key->share,
        .batch = key->batch,
        .is_sigmoid = is_plain,
        .bias = is_plain ? PLAIN_BIAS : 0,
        .is_scaled = !is_plain,
        .seed = p->env.seed};

    p->surrogate = nw_surrogate_open(p->env.ctx, &config);
    return p->surrogate ? NW_OK : nw_errstatus(p->env.ctx);
}

static nw_status one_of(nw_ctx *ctx, const char *key, const char *value, const char *a,
                        const char *b)
{
    return !strcmp(value, a) || !strcmp(value, b)
               ? NW_OK
               : nw_fail(ctx, NW_ESPEC, "%s=%s is neither %s nor %s", key, value, a, b);
}

nw_status nw_progressive_open(nw_progressive *p, const nw_env *env)
{
    const struct nw_progressive_keys *key = &p->key;

    p->env = *env;
    p->known.ctx = env->ctx;
    NW_TRY(one_of(env->ctx, "surrogate", key->surrogate, "mlp", "lstm"));
    NW_TRY(one_of(env->ctx, "lessons", key->lessons, "level", "all"));
    NW_TRY(one_of(env->ctx, "distinct", key->distinct, "network", "arch"));
    NW_TRY(one_of(env->ctx, "target", key->target, "scaled", "plain"));
    NW_TRY(nw_blocks_open(&p->blocks, env->ctx, env->space, &key->blocks));
    p->arch = nw_arch_new(env->ctx, env->space);
    p->x = nw_alloc(env->ctx, (size_t)p->blocks.code->n * sizeof(*p->x));
    if (!p->arch || !p->x)
        return NW_ENOMEM;
    return open_surrogate(p);
}

void nw_progressive_close(void *self)
{
    nw_progressive *p = self;
    nw_ctx *ctx = p->env.ctx;

    nw_surrogate_close(p->surrogate);
    nw_arch_free(p->arch);
    nw_release(ctx, p->x);
    nw_release(ctx, p->entry);
    nw_release(ctx, p->code);
    nw_release(ctx, p->asked);
    nw_index_free(&p->known);
    nw_blocks_close(&p->blocks);
}

static nw_status counters(nw_progressive *p, nw_state *state)
{
    int32_t *const counter[] = {&p->stage,   &p->level,   &p->rounds,   &p->fits,
                                &p->n_entry, &p->n_asked, &p->proposed, &p->observed};

    for (size_t i = 0; i < sizeof(counter) / sizeof(*counter); i++)
        NW_TRY(state->bytes(state, counter[i], sizeof(*counter[i])));
    if (p->n_entry < 0 || p->n_asked < 0 || p->n_asked > p->n_entry ||
        p->proposed > p->n_asked || p->observed > p->proposed)
        return nw_fail(p->env.ctx, NW_EFORMAT, "stored state: %d cells, %d trials",
                       p->n_entry, p->n_asked);
    return NW_OK;
}

nw_status nw_progressive_state(void *self, nw_state *state)
{
    nw_progressive *p = self;
    size_t n;

    NW_TRY(counters(p, state));
    n = (size_t)p->n_entry;
    NW_TRY(make_room(p, p->n_entry));
    if (n) {
        NW_TRY(state->bytes(state, p->entry, n * sizeof(*p->entry)));
        NW_TRY(state->bytes(state, p->code,
                            n * (size_t)p->blocks.code->n * sizeof(*p->code)));
        NW_TRY(state->bytes(state, p->asked, (size_t)p->n_asked * sizeof(*p->asked)));
    }
    NW_TRY(nw_index_state(&p->known, state));
    return nw_surrogate_state(p->surrogate, state);
}
