/* candidates.c - what a stage of a progressive search chooses from; see progressive.h. */
#include "progressive.h"

#include "ctx.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* So many a stage can look at: 589,824 is PNAS's last. */
static const size_t MOST_CANDIDATES = (size_t)1 << 28;

enum { ROWS = 256 };

static nw_status too_many(const nw_progressive *p)
{
    return nw_fail(p->env.ctx, NW_EMATCH,
                   "blocks of so many options make more than %zu candidates; smaller "
                   "ones (block=, first=) or fewer at a time (k=) are needed",
                   MOST_CANDIDATES);
}

/* ---- Making ---------------------------------------------------------------------------
 */

static nw_status make_first(nw_progressive *p, nw_candidates *c)
{
    c->grows = 1;
    c->level = p->key.first < p->blocks.n ? p->key.first : p->blocks.n;
    c->n = 1;
    for (int b = 0; b < c->level; b++) {
        const size_t ways = nw_blocks_ways(&p->blocks, b);

        if (!ways || c->n > MOST_CANDIDATES / ways)
            return too_many(p);
        c->n *= ways;
    }
    return NW_OK;
}

static nw_status make_room(nw_progressive *p, nw_candidates *c)
{
    const size_t n = (size_t)p->n_entry + 1;

    c->parent = nw_alloc(p->env.ctx, n * sizeof(*c->parent));
    c->end = nw_alloc(p->env.ctx, n * sizeof(*c->end));
    return c->parent && c->end ? NW_OK : NW_ENOMEM;
}

static nw_status add_parent(nw_progressive *p, nw_candidates *c, int entry, size_t ways)
{
    if (!ways || ways > MOST_CANDIDATES - c->n)
        return too_many(p);
    c->parent[c->n_parent] = entry;
    c->end[c->n_parent++] = c->n += ways;
    return NW_OK;
}

static nw_status make_grown(nw_progressive *p, nw_candidates *c)
{
    const size_t ways = nw_blocks_ways(&p->blocks, p->level);

    c->grows = 1;
    c->level = p->level + 1;
    NW_TRY(make_room(p, c));
    for (int e = 0; e < p->n_entry; e++)
        if (p->entry[e].stage == p->stage && isfinite(p->entry[e].quality))
            NW_TRY(add_parent(p, c, e, ways));
    return NW_OK;
}

/* Settings of all blocks of a cell, one block at a time. */
static size_t ways_to_change(const nw_progressive *p, int level)
{
    size_t sum = 0;

    for (int b = 0; b < level; b++) {
        const size_t ways = nw_blocks_ways(&p->blocks, b);

        if (!ways)
            return 0;
        sum += ways;
    }
    return sum;
}

static nw_status make_changed(nw_progressive *p, nw_candidates *c)
{
    int n = 0;

    NW_TRY(make_room(p, c));
    NW_TRY(p->parents(p, c->parent, &n));
    for (int i = 0; i < n && i < p->reach; i++) {
        const int e = c->parent[i];

        NW_TRY(add_parent(p, c, e, ways_to_change(p, p->entry[e].level)));
    }
    return NW_OK;
}

nw_status nw_candidates_make(nw_progressive *p, nw_candidates *c)
{
    *c = (nw_candidates){0};
    if (!p->stage)
        NW_TRY(make_first(p, c));
    else if (p->level < p->blocks.n)
        NW_TRY(make_grown(p, c));
    else if (p->rounds < p->key.rounds)
        NW_TRY(make_changed(p, c));
    c->guess = nw_alloc(p->env.ctx, (c->n + 1) * sizeof(*c->guess));
    return c->guess ? NW_OK : NW_ENOMEM;
}

void nw_candidates_free(nw_progressive *p, nw_candidates *c)
{
    nw_release(p->env.ctx, c->parent);
    nw_release(p->env.ctx, c->end);
    nw_release(p->env.ctx, c->guess);
    *c = (nw_candidates){0};
}

/* ---- One of them
 * ----------------------------------------------------------------------- */

/* Candidate i of the first stage: a digit a block. */
static void first_cell(const nw_progressive *p, const nw_candidates *c, size_t i, int *x)
{
    nw_blocks_clear(&p->blocks, x);
    for (int b = c->level - 1; b >= 0; b--) {
        const size_t ways = nw_blocks_ways(&p->blocks, b);

        nw_blocks_set(&p->blocks, x, b, i % ways);
        i /= ways;
    }
}

/* Whose candidate i is. */
static int parent_of(const nw_candidates *c, size_t i)
{
    int low = 0, high = c->n_parent - 1;

    while (low < high) {
        const int middle = low + (high - low) / 2;

        if (i < c->end[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void change(const nw_progressive *p, size_t way, int *x)
{
    for (int b = 0; b < p->blocks.n; b++) {
        const size_t ways = nw_blocks_ways(&p->blocks, b);

        if (way < ways) {
            nw_blocks_set(&p->blocks, x, b, way);
            return;
        }
        way -= ways;
    }
}

int nw_candidate(const nw_progressive *p, const nw_candidates *c, size_t i, int *x)
{
    const int parent = c->n_parent ? parent_of(c, i) : 0;
    const size_t way = i - (parent ? c->end[parent - 1] : 0);
    int level = c->level;

    if (!c->n_parent) {
        first_cell(p, c, i, x);
    } else {
        memcpy(x, nw_entry_code(p, c->parent[parent]),
               (size_t)p->blocks.code->n * sizeof(*x));
        if (c->grows)
            nw_blocks_set(&p->blocks, x, level - 1, way);
        else
            level = p->entry[c->parent[parent]].level;
    }
    if (c->n_parent && !c->grows)
        change(p, way, x);
    nw_blocks_set_level(&p->blocks, x, level);
    return level;
}

int nw_candidate_arch(nw_progressive *p, const nw_candidates *c, size_t i,
                      uint64_t *class)
{
    nw_candidate(p, c, i, p->x);
    if (!nw_code_write(p->blocks.code, p->x, p->arch) || !nw_env_allows(&p->env, p->arch))
        return 0;
    *class =
        strcmp(p->key.distinct, "arch") ? nw_arch_class(p->arch) : nw_arch_hash(p->arch);
    return 1;
}

/* ---- Guesses
 * ---------------------------------------------------------------------------- */

/* The candidates from i on that have as many blocks as it: their guesses, and how many.
 */
static nw_status guess_some(nw_progressive *p, nw_candidates *c, size_t i, float *words,
                            size_t *n)
{
    const int level = nw_candidate(p, c, i, p->x);
    const size_t width = (size_t)nw_blocks_width(&p->blocks, level);

    *n = 0;
    do {
        nw_blocks_write(&p->blocks, p->x, level, words + *n * width);
        ++*n;
    } while (*n < ROWS && i + *n < c->n && nw_candidate(p, c, i + *n, p->x) == level);
    return nw_surrogate_predict(p->surrogate, *n, (int)width, words, c->guess + i, NULL);
}

nw_status nw_candidates_guess(nw_progressive *p, nw_candidates *c)
{
    const size_t widest = (size_t)nw_blocks_width(&p->blocks, p->blocks.n);
    float *words;
    nw_status status = NW_OK;

    for (size_t i = 0; !p->stage && i < c->n; i++)
        c->guess[i] = NAN;
    if (!p->stage)
        return NW_OK;
    words = nw_alloc(p->env.ctx, ROWS * widest * sizeof(*words));
    if (!words)
        return NW_ENOMEM;
    for (size_t i = 0, n = 0; i < c->n && status >= 0; i += n)
        status = guess_some(p, c, i, words, &n);
    nw_release(p->env.ctx, words);
    return status;
}

/* ---- Order
 * ------------------------------------------------------------------------------- */

struct guess {
    double value;
    size_t i;
};

static int highest_first(const void *left, const void *right)
{
    const struct guess *a = left, *b = right;

    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return a->i < b->i ? -1 : a->i > b->i;
}

nw_status nw_order_by_guess(nw_progressive *p, const nw_candidates *c, size_t *out,
                            size_t *n)
{
    struct guess *guess = nw_alloc(p->env.ctx, (c->n + 1) * sizeof(*guess));

    if (!guess)
        return NW_ENOMEM;
    for (size_t i = 0; i < c->n; i++)
        guess[i] = (struct guess){isnan(c->guess[i]) ? -INFINITY : c->guess[i], i};
    qsort(guess, c->n, sizeof(*guess), highest_first);
    for (*n = 0; *n < c->n; ++*n)
        out[*n] = guess[*n].i;
    nw_release(p->env.ctx, guess);
    return NW_OK;
}

nw_status nw_best_entries(nw_progressive *p, int32_t *out, int *n)
{
    struct guess *best = nw_alloc(p->env.ctx, ((size_t)p->n_entry + 1) * sizeof(*best));
    size_t found = 0;

    if (!best)
        return NW_ENOMEM;
    for (int e = 0; e < p->n_entry; e++)
        if (isfinite(p->entry[e].quality))
            best[found++] = (struct guess){p->entry[e].quality, (size_t)e};
    qsort(best, found, sizeof(*best), highest_first);
    for (size_t i = 0; i < found; i++)
        out[i] = (int32_t)best[i].i;
    *n = (int)found;
    nw_release(p->env.ctx, best);
    return NW_OK;
}
