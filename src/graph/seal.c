/*
 * seal.c - check a space once and for all, and count it.
 *
 * The count is that of decision vectors: the product of the options of all choices; a
 * some_of contributes n over k, and a rule "keep k of these" the k-th elementary
 * symmetric polynomial of its choices' options without `none`.
 */
#include "big.h"
#include "graph.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

/* Of numbers, that are all checked; beyond it, some. */
enum { MOST_COMBINATIONS = 1024, DRAWN = 48 };

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
    nw_status status = g ? check_names(space, g) : NW_EINVAL;

    nw_graph_free(g);
    return status;
}

static void pick_number(nw_arch *arch, int c, int option)
{
    if (arch->space->choice[c].kind == NW_NUMBER)
        nw_arch_pick(arch, c, option);
}

static int most_values(const nw_space *space)
{
    int n = 0;

    for (int c = 0; c < space->n_choice; c++)
        if (space->choice[c].kind == NW_NUMBER && space->choice[c].n > n)
            n = space->choice[c].n;
    return n;
}

/* All numbers at their first value, at their second ..., so that each value is seen, then
 * combinations at random; an arch that none of these is like is checked when a net of it
 * is made. */
static nw_status check_some(nw_space *space, nw_arch *arch)
{
    const int n = most_values(space);

    for (int i = 0; i < n; i++) {
        for (int c = 0; c < space->n_choice; c++)
            pick_number(arch, c, i % space->choice[c].n);
        NW_TRY(check_at(space, arch));
    }
    for (uint64_t k = 0; k < DRAWN; k++) {
        for (int c = 0; c < space->n_choice; c++)
            pick_number(arch, c,
                        (int)nw_below(0, NW_FOR_ARCH, k << 20 | (uint64_t)c,
                                      (uint64_t)space->choice[c].n));
        NW_TRY(check_at(space, arch));
    }
    return NW_OK;
}

static nw_status check_numbers(nw_space *space, nw_arch *arch)
{
    long combinations = 1;

    for (int c = 0; c < space->n_choice; c++)
        if (space->choice[c].kind == NW_NUMBER && combinations <= MOST_COMBINATIONS)
            combinations *= space->choice[c].n;
    if (combinations > MOST_COMBINATIONS)
        return check_some(space, arch);
    for (long k = 0; k < combinations; k++) {
        long rest = k;

        for (int c = 0; c < space->n_choice; c++)
            if (space->choice[c].kind == NW_NUMBER) {
                pick_number(arch, c, (int)(rest % space->choice[c].n));
                rest /= space->choice[c].n;
            }
        NW_TRY(check_at(space, arch));
    }
    return NW_OK;
}

/* k-th elementary symmetric polynomial of x[0..n): ways to take k and an option each */
static nw_status ways(nw_space *space, const nw_keep_rule *rule, nw_big *out)
{
    const int k = rule->k;
    nw_big *e = nw_alloc(space->ctx, (size_t)(k + 1) * sizeof(*e)), part;

    if (!e)
        return NW_ENOMEM;
    nw_big_set(&e[0], 1);
    for (int i = 0; i < rule->n; i++)
        for (int j = k; j > 0; j--) {
            part = e[j - 1];
            nw_big_mul(&part, (uint32_t)space->choice[rule->choice[i]].n - 1);
            nw_big_add(&e[j], &part);
        }
    nw_big_mul_big(out, &e[k]);
    nw_release(space->ctx, e);
    return NW_OK;
}

/* times n over k: every quotient on the way is whole */
static void subsets(int n, int k, nw_big *total)
{
    nw_big ways_so_far;

    nw_big_set(&ways_so_far, 1);
    for (int i = 0; i < k; i++) {
        nw_big_mul(&ways_so_far, (uint32_t)(n - i));
        nw_big_div(&ways_so_far, (uint32_t)(i + 1));
    }
    nw_big_mul_big(total, &ways_so_far);
}

static nw_status product(nw_space *space, nw_big *total)
{
    nw_big_set(total, 1);
    for (int c = 0; c < space->n_choice; c++) {
        const nw_choice *choice = &space->choice[c];

        if (choice->kind == NW_SOME)
            subsets(choice->n, choice->k, total);
        else if (choice->keep < 0) /* else it is counted with its rule */
            nw_big_mul(total, (uint32_t)choice->n);
    }
    for (int r = 0; r < space->n_keep; r++)
        NW_TRY(ways(space, &space->keep[r], total));
    return NW_OK;
}

/* In decimal into the space, or nothing when it has too many digits. */
static nw_status count(nw_space *space)
{
    char text[NW_BIG_WORDS * 9 + 1];
    nw_big total;

    if (space->family && space->family->count && space->n_choice)
        NW_TRY(space->family->count(space, &total));
    else
        NW_TRY(product(space, &total));
    if (total.overflowed)
        return NW_OK;
    nw_big_text(&total, text);
    space->count = nw_arena_dup(&space->arena, text);
    return space->count ? NW_OK : NW_ENOMEM;
}

/* The networks of a coded space are checked when they are made; one is now. */
static nw_status check_one(nw_space *space, nw_arch *arch)
{
    NW_TRY(nw_arch_random(arch, 0));
    return check_at(space, arch);
}

static nw_status check(nw_space *space)
{
    nw_arch *arch = nw_arch_new(space->ctx, space);
    nw_status status = !arch                ? NW_ENOMEM
                       : nw_is_coded(space) ? check_one(space, arch)
                                            : check_numbers(space, arch);

    nw_arch_free(arch);
    return status < 0 ? status : count(space);
}

int nw_is_coded(const nw_space *space)
{
    return space->output < 0 && space->at && space->n_choice > 0;
}

nw_status nw_seal(nw_space *space)
{
    if (!space)
        return NW_ENOMEM;
    if (space->sealed)
        return NW_OK;
    if (space->output < 0 && !nw_is_coded(space))
        nw_space_fail(space, NW_EINVAL, "the space has no output");
    if (space->status < 0)
        return nw_fail(space->ctx, space->status, "%s", space->words);
    space->sealed = 1; /* so that an arch can be made */
    *space->where = 0; /* messages say places of their own from here on */
    if (check(space) >= 0)
        return NW_OK;
    space->sealed = 0;
    nw_space_pass_on(space);
    return space->status;
}

nw_status nw_space_seal(nw_space *space)
{
    nw_seal(space);
    return nw_space_report(space);
}

const char *nw_space_count(nw_space *space)
{
    if (nw_seal(space) < 0)
        return NULL;
    if (!space->count)
        nw_fail(space->ctx, NW_EINVAL, "more architectures than %d digits can say",
                NW_BIG_WORDS * 9);
    return space->count;
}
