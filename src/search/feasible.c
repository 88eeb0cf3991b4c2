/*
 * feasible.c - what is known of an arch before it is estimated, and whether anything
 * fits.
 *
 * Before a search with limits begins it is made certain that some arch keeps them. Small
 * spaces are listed; large ones are drawn from and then descended in, from the draw that
 * exceeds the limits least, always to the first better neighbour. If nothing is found the
 * search does not begin, and the message names for each limit the smallest value that
 * was reached (the largest, of a limit from below).
 */
#include "graph.h"
#include "loop.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 200, DRAWS_BUILT = 50, MOST_SEEN = 20000, MOST_SEEN_BUILT = 1000 };
enum { MOST_LISTED = 20000 };

/* ---- Hooks of nw_env ----------------------------------------------------------- */

nw_status nw_loop_cost(void *loop, const nw_arch *arch, nw_score *out)
{
    struct loop *l = loop;

    *out = nw_no_score();
    return l->estimator->cost ? l->estimator->cost(l->worker, arch, out)
                              : nw_arch_cost(arch, out);
}

double nw_loop_excess(void *loop, const nw_arch *arch)
{
    struct loop *l = loop;
    nw_score score;

    if (nw_loop_cost(l, arch, &score) < 0) {
        nw_clear(l->ctx);
        return INFINITY;
    }
    return nw_goal_excess(&l->goal, &score);
}

int nw_loop_allows(void *loop, const nw_arch *arch)
{
    return nw_loop_excess(loop, arch) <= 0;
}

/* ---- Looking for one that fits ------------------------------------------------- */

struct hunt {
    struct loop *l;
    int limit; /* that is looked at alone; -1 = all together */
    long seen, most;
    double best;
    nw_arch *at, *next;
};

/* What is to become small: excess, or the value that a limit is about. */
static double value_of(struct hunt *h, const nw_arch *arch)
{
    const nw_limit *limit = &h->l->goal.limit[h->limit < 0 ? 0 : h->limit];
    nw_score score;
    double value;

    h->seen++;
    if (h->limit < 0)
        return nw_loop_excess(h->l, arch);
    if (nw_loop_cost(h->l, arch, &score) < 0) {
        nw_clear(h->l->ctx);
        return INFINITY;
    }
    value = nw_measure_of(limit->measure, &score);
    return isnan(value) ? INFINITY : limit->at_least ? -value : value;
}

static int is_found(const struct hunt *h)
{
    return h->limit < 0 && h->best <= 0;
}

/* h->best and h->at become those of `arch` if it is better. */
static nw_status judge(struct hunt *h, const nw_arch *arch, int *better)
{
    const double value = value_of(h, arch);

    *better = value < h->best || h->seen == 1;
    if (!*better)
        return NW_OK;
    h->best = value;
    return nw_arch_copy(h->at, arch);
}

static nw_status list_all(struct hunt *h)
{
    int better;

    for (int more = nw_arch_first(h->next); more && !is_found(h);
         more = nw_arch_next(h->next))
        NW_TRY(judge(h, h->next, &better));
    return NW_OK;
}

static nw_status sweep(struct hunt *h, int *any)
{
    for (size_t i = 0; i < nw_arch_moves(h->at) && h->seen < h->most && !is_found(h);
         i++) {
        int better = 0;

        if (nw_arch_move(h->next, h->at, i))
            NW_TRY(judge(h, h->next, &better));
        *any |= better;
    }
    return NW_OK;
}

static nw_status descend(struct hunt *h)
{
    const int draws = nw_is_coded(h->l->space) ? DRAWS_BUILT : DRAWS;
    int any = 1, better;

    h->most = nw_is_coded(h->l->space) ? MOST_SEEN_BUILT : MOST_SEEN;
    for (int i = 0; i < draws && !is_found(h); i++) {
        NW_TRY(nw_arch_random(h->next, nw_subseed(0, NW_FOR_ARCH, (uint64_t)i)));
        NW_TRY(judge(h, h->next, &better));
    }
    while (any && h->seen < h->most && !is_found(h)) {
        any = 0;
        NW_TRY(sweep(h, &any));
    }
    return NW_OK;
}

/* At most MOST_LISTED archs, which has as many digits. */
static int is_small(nw_space *space)
{
    const char *count = nw_space_count(space);

    return count && strlen(count) <= 5 && atol(count) <= MOST_LISTED;
}

static nw_status hunt(struct loop *l, int limit, double *best)
{
    struct hunt h = {.l = l, .limit = limit, .best = INFINITY};
    nw_status status;

    h.at = nw_arch_new(l->ctx, l->space);
    h.next = nw_arch_new(l->ctx, l->space);
    status = !h.at || !h.next     ? NW_ENOMEM
             : is_small(l->space) ? list_all(&h)
                                  : descend(&h);
    *best = h.best;
    nw_arch_free(h.next);
    nw_arch_free(h.at);
    return status;
}

/* ---- The answer ---------------------------------------------------------------- */

/* For each limit how far one can get. */
static nw_status say_why(struct loop *l)
{
    const char *how = is_small(l->space) ? "" : " that was found";
    nw_text words;
    nw_status status = NW_OK;

    nw_text_init(&words, l->ctx);
    for (int i = 0; i < l->goal.n_limit && status >= 0; i++) {
        const nw_limit *limit = &l->goal.limit[i];
        char text[80];
        double best;

        status = hunt(l, i, &best);
        nw_text_printf(&words, "%s%s (the %s%s is ", i ? ", " : "",
                       nw_limit_text(limit, text),
                       limit->at_least ? "largest" : "smallest", how);
        nw_text_printf(&words, isfinite(best) ? "%.10g)" : "not known)",
                       limit->at_least ? -best : best);
    }
    if (status >= 0)
        status = nw_fail(l->ctx, NW_EINFEASIBLE, "nothing fits the limit%s %s",
                         l->goal.n_limit > 1 ? "s together:" : "",
                         words.data ? words.data : "");
    nw_text_free(&words);
    return status;
}

nw_status nw_loop_feasible(struct loop *l)
{
    double best;

    if (!l->goal.n_limit)
        return NW_OK;
    NW_TRY(hunt(l, -1, &best));
    return best <= 0 ? NW_OK : say_why(l);
}
