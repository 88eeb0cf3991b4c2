/*
 * grid.c - every architecture once.
 *
 * Archs come as an odometer turns, the first decision fastest: vectors of decisions (see
 * src/graph/code.c) in the order of their numbers in the mixed radix of their options.
 * Those that the family forbids and those beyond the limits are passed over, and the end
 * of the space is the end of the search. It is how small spaces are tabulated, and how
 * the best that any search could find becomes known.
 *
 * order=shuffled visits the same in a random order and needs no memory for it: a Feistel
 * network [1] of four rounds is a permutation of the numbers of 2h bits whatever its
 * round function is, here Philox of the search's seed; numbers beyond the space's are
 * permuted again until one falls inside ("cycle walking" [2]), which keeps it a
 * permutation and takes fewer than four steps on average. The order is uniform for
 * practical purposes, not exactly so among all orders.
 *
 * A trial's score changes nothing; failed ones are not tried again.
 *
 * [1] M. Luby, C. Rackoff, How to construct pseudorandom permutations from pseudorandom
 *     functions, SIAM J. Comput. 17 (1988).
 * [2] J. Black, P. Rogaway, Ciphers with arbitrary finite domains, CT-RSA 2002.
 */
#include "ctx.h"
#include "netwright_ext.h"
#include "random.h"

#include <string.h>

enum { ROUNDS = 4, MOST_HALF = 31 };

struct grid {
    char order[NW_TEXT_SIZE];
    nw_env env;
    nw_code *code;
    int shuffled;
    int half;      /* bits of half a number, if shuffled */
    uint64_t size; /* vectors, if shuffled               */
    uint64_t next; /* number of the next vector          */
    int *x;        /* that vector, if not shuffled       */
    int over;
};

static const nw_attr grid_attrs[] = {
    {"order", NW_TEXT, offsetof(struct grid, order), "first", 0, 0,
     "first: as an odometer turns; shuffled: at random", NULL},
    {0},
};

/* Number of all vectors, and bits that hold it. */
static nw_status measure(struct grid *g)
{
    g->size = 1;
    for (int i = 0; i < g->code->n; i++) {
        const uint64_t n = (uint64_t)g->code->options[i];

        if (g->size > (UINT64_C(1) << 2 * MOST_HALF) / n)
            return nw_fail(g->env.ctx, NW_EMATCH,
                           "grid: order=shuffled takes spaces of up to 2^%d vectors",
                           2 * MOST_HALF);
        g->size *= n;
    }
    g->half = 1;
    while (UINT64_C(1) << 2 * g->half < g->size)
        g->half++;
    return NW_OK;
}

static nw_status grid_open(void *self, const nw_env *env)
{
    struct grid *g = self;

    g->env = *env;
    g->shuffled = !strcmp(g->order, "shuffled");
    if (!g->shuffled && strcmp(g->order, "first"))
        return nw_fail(env->ctx, NW_ESPEC, "grid: order=%s is neither first nor shuffled",
                       g->order);
    g->code = nw_code_new(env->ctx, env->space);
    if (!g->code)
        return nw_pending(env->ctx);
    g->x = nw_alloc(env->ctx, ((size_t)g->code->n + 1) * sizeof(int));
    if (!g->x)
        return NW_ENOMEM;
    return g->shuffled ? measure(g) : NW_OK;
}

/* ---- Order --------------------------------------------------------------------- */

static uint64_t permute_once(const struct grid *g, uint64_t number)
{
    const uint64_t mask = (UINT64_C(1) << g->half) - 1;
    uint64_t left = number >> g->half, right = number & mask;

    for (uint64_t round = 0; round < ROUNDS; round++) {
        const uint64_t f =
            nw_random_u64(g->env.seed, NW_FOR_SHUFFLE, round << MOST_HALF | right);
        const uint64_t mixed = left ^ (f & mask);

        left = right;
        right = mixed;
    }
    return left << g->half | right;
}

static void take_shuffled(struct grid *g)
{
    uint64_t number = g->next;

    do
        number = permute_once(g, number);
    while (number >= g->size);
    for (int i = 0; i < g->code->n; i++) {
        g->x[i] = (int)(number % (uint64_t)g->code->options[i]);
        number /= (uint64_t)g->code->options[i];
    }
    g->over = ++g->next == g->size;
}

/* The odometer moves on after what is written. */
static void turn(struct grid *g)
{
    for (int i = 0; i < g->code->n; i++) {
        if (++g->x[i] < g->code->options[i])
            return;
        g->x[i] = 0;
    }
    g->over = 1;
}

static int take(struct grid *g, nw_arch *arch)
{
    int legal;

    if (g->shuffled) {
        take_shuffled(g);
        return nw_code_write(g->code, g->x, arch);
    }
    legal = nw_code_write(g->code, g->x, arch);
    turn(g);
    return legal;
}

/* ---- Strategy ------------------------------------------------------------------ */

static nw_status grid_propose(void *self, nw_trial *trial)
{
    struct grid *g = self;

    while (!g->over)
        if (take(g, trial->arch) && nw_env_allows(&g->env, trial->arch))
            return NW_OK;
    return NW_DONE;
}

static nw_status grid_state(void *self, nw_state *state)
{
    struct grid *g = self;

    NW_TRY(state->bytes(state, &g->over, sizeof(g->over)));
    NW_TRY(state->bytes(state, &g->next, sizeof(g->next)));
    return state->bytes(state, g->x, ((size_t)g->code->n + 1) * sizeof(int));
}

static void grid_close(void *self)
{
    struct grid *g = self;

    nw_code_free(g->code);
    nw_release(g->env.ctx, g->x);
}

const nw_strategy_type nw_strategy_grid = {
    .name = "grid",
    .doc = "every architecture once, in order",
    .attrs = grid_attrs,
    .size = sizeof(struct grid),
    .open = grid_open,
    .propose = grid_propose,
    .state = grid_state,
    .close = grid_close,
};
