/*
 * seal.c - check a space once and for all, and count it.
 *
 * The count is that of decision vectors: the product of the options of all choices; a
 * some_of contributes n over k, and a rule "keep k of these" the k-th elementary
 * symmetric polynomial of its choices' options without `none`.
 */
#include "big.h"
#include "graph.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_COMBINATIONS = 4096 };

static int by_name(const void *a, const void *b)
{
    const nw_gparam *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static nw_status check_names(nw_space *space, nw_graph *g)
{
    const nw_gparam **sorted =
        nw_arena_get(&g->arena, (size_t)g->n_param * sizeof(*sorted) + 1);

    if (!sorted)
        return NW_ENOMEM;
    for (int i = 0; i < g->n_param; i++)
        sorted[i] = &g->param[i];
    qsort(sorted, (size_t)g->n_param, sizeof(*sorted), by_name);
    for (int i = 1; i < g->n_param; i++)
        if (!strcmp(sorted[i - 1]->name, sorted[i]->name))
            return nw_fail(space->ctx, NW_ENAME, "two parameters are named \"%s\"",
                           sorted[i]->name);
    return NW_OK;
}

static nw_status check_at(nw_space *space, const nw_arch *arch)
{
    nw_graph *g =
        nw_graph_new(space->ctx, space, arch, NW_F32, NW_GRAPH_AUX | NW_GRAPH_ALL);
    nw_status status = g ? check_names(space, g) : nw_pending(space->ctx);

    nw_graph_free(g);
    return status;
}

/* Every combination of numbers, or, where there are too many, each number by itself. */
static nw_status check_numbers(nw_space *space, nw_arch *arch)
{
    long combinations = 1;

    for (int c = 0; c < space->n_choice; c++)
        if (space->choice[c].kind == NW_NUMBER && combinations <= MOST_COMBINATIONS)
            combinations *= space->choice[c].n;
    if (combinations > MOST_COMBINATIONS) {
        for (int c = 0; c < space->n_choice; c++)
            for (int i = 0; space->choice[c].kind == NW_NUMBER && i < space->choice[c].n;
                 i++) {
                nw_arch_pick(arch, c, i);
                NW_TRY(check_at(space, arch));
            }
        return NW_OK;
    }
    for (long k = 0; k < combinations; k++) {
        long rest = k;

        for (int c = 0; c < space->n_choice; c++)
            if (space->choice[c].kind == NW_NUMBER) {
                nw_arch_pick(arch, c, (int)(rest % space->choice[c].n));
                rest /= space->choice[c].n;
            }
        NW_TRY(check_at(space, arch));
    }
    return NW_OK;
}

nw_status nw_space_seal(nw_space *space)
{
    nw_arch *arch;
    nw_status status;

    if (!space)
        return NW_ENOMEM;
    if (space->sealed)
        return NW_OK;
    if (space->status >= 0 && space->output < 0)
        nw_space_fail(space, NW_EINVAL, "the space has no output");
    if (space->status < 0)
        return nw_pending(space->ctx) < 0 ? space->status : space->status;
    space->sealed = 1;
    arch = nw_arch_new(space->ctx, space);
    status = arch ? check_numbers(space, arch) : nw_pending(space->ctx);
    nw_arch_free(arch);
    if (status < 0) {
        space->status = status;
        space->sealed = 0;
        nw_clear(space->ctx);
    }
    return status;
}

/* k-th elementary symmetric polynomial of x[0..n): ways to take k and an option each */
static nw_status ways(nw_space *space, const int *x, int n, int k, nw_big *out)
{
    nw_big *e = nw_alloc(space->ctx, (size_t)(k + 1) * sizeof(*e)), part;

    if (!e)
        return NW_ENOMEM;
    nw_big_set(&e[0], 1);
    for (int i = 0; i < n; i++)
        for (int j = k; j > 0; j--) {
            part = e[j - 1];
            nw_big_mul(&part, (uint32_t)x[i]);
            nw_big_add(&e[j], &part);
        }
    nw_big_mul_big(out, &e[k]);
    nw_release(space->ctx, e);
    return NW_OK;
}

static nw_status count_choice(nw_space *space, const nw_choice *c, nw_big *total)
{
    nw_status status;
    int *ones;

    if (c->keep >= 0)
        return NW_OK; /* counted with its rule */
    if (c->kind != NW_SOME) {
        nw_big_mul(total, (uint32_t)c->n);
        return NW_OK;
    }
    ones = nw_alloc(space->ctx, (size_t)c->n * sizeof(int));
    if (!ones)
        return NW_ENOMEM;
    for (int i = 0; i < c->n; i++)
        ones[i] = 1;
    status = ways(space, ones, c->n, c->k, total);
    nw_release(space->ctx, ones);
    return status;
}

static nw_status count_rule(nw_space *space, const nw_keep_rule *rule, nw_big *total)
{
    int *x = nw_alloc(space->ctx, (size_t)rule->n * sizeof(int));
    nw_status status;

    if (!x)
        return NW_ENOMEM;
    for (int i = 0; i < rule->n; i++)
        x[i] = space->choice[rule->choice[i]].n - 1;
    status = ways(space, x, rule->n, rule->k, total);
    nw_release(space->ctx, x);
    return status;
}

static nw_status count(nw_space *space, nw_big *total)
{
    nw_big_set(total, 1);
    for (int c = 0; c < space->n_choice; c++)
        NW_TRY(count_choice(space, &space->choice[c], total));
    for (int r = 0; r < space->n_keep; r++)
        NW_TRY(count_rule(space, &space->keep[r], total));
    if (total->overflowed)
        return nw_fail(space->ctx, NW_EINVAL, "more architectures than %d digits can say",
                       NW_BIG_WORDS * 9);
    return NW_OK;
}

const char *nw_space_count(nw_space *space)
{
    char text[NW_BIG_WORDS * 9 + 1];
    nw_big total;

    if (nw_space_seal(space) < 0)
        return NULL;
    if (space->count)
        return space->count;
    if (count(space, &total) < 0)
        return NULL;
    nw_big_text(&total, text);
    return space->count = nw_strdup(space->ctx, text);
}
