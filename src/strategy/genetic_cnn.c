/*
 * genetic_cnn.c - the genetic algorithm of Genetic CNN.
 *
 * Generations of N strings of genes [1]; each is estimated before the next is bred:
 *
 *   selection   N strings by Russian roulette, with replacement, with weight
 *               r_n - min r: the worst is never taken, and the scale of r does not count;
 *               where all are equal, uniformly
 *   crossover   of each adjacent pair with probability p_C = 0.2: every stage changes
 *               sides with probability q_C = 0.2
 *   mutation    of each string of a pair that did not cross with probability p_M = 0.8:
 *               every bit flips with probability q_M = 0.05
 *
 * r_n is the mean of all estimates that a string ever had: one that comes back is
 * estimated again. The first generation is random (bits are fair coins); then T more are
 * bred, so a search takes (T + 1) N trials.
 *
 * A *stage* is what decisions have in common whose names begin with the same "stage_1_",
 * as those of the space genetic-cnn do; every other decision is a stage of its own. A
 * gene that is no bit is drawn anew among its other values. The paper does not have what
 * no bit string breaks: rules and limits. A family mends a string, one beyond the limits
 * is made again, and after many failures its parents live on. A failed trial does not
 * count in the mean; a string without a success is never selected while there are others.
 * Of an odd N the last string has no partner and is mutated.
 *
 * x, bred     vectors of decisions (see src/graph/code.c), N x n: this generation and
 *             room for the next
 * record      sum and number of successes, of each string that was ever met
 *
 * The trials of a generation can run side by side; between generations propose() waits.
 * observe() alone breeds, from the search's seed and the generation's number, so there is
 * no state: a resumed search hears its trials again.
 *
 * The numbers are those of the paper as our specification gives them (not verified).
 *
 * [1] L. Xie, A. Yuille, Genetic CNN, ICCV 2017, arXiv:1703.01513.
 */
#include "ctx.h"
#include "random.h"
#include "seen.h"
#include "space.h"

#include <math.h>
#include <string.h>

enum { MOST_POPULATION = 1 << 20, MOST_TRIES = 100 };

/* What a generation's seed is used for, by index of the string or of the pair. */
enum { ROULETTE, PAIR = MOST_POPULATION, CHILD = 2 * MOST_POPULATION };

/* What a child's seed is used for, beside decision after decision from 0 on. */
enum { MUTATES = 1 << 30, AGAIN };

struct record {
    double sum;
    int successes;
};

struct genetic {
    int population, generations;
    double crossover, exchange, mutation, flip;
    nw_env env;
    nw_code *code;
    nw_arch *arch; /* room to see whether a child is legal */
    uint64_t observed;
    int *block;     /* that holds the four below            */
    int *stage;     /* of each decision                     */
    int *x, *bred;  /* population x code->n                 */
    int *child;     /* two vectors                          */
    double *weight; /* of each string in the roulette       */
    nw_seen seen;
    struct record *record; /* by place in seen */
    int room;
};

#define AT(field) offsetof(struct genetic, field)

static const nw_attr genetic_attrs[] = {
    {"population", NW_INT, AT(population), "20", 2, MOST_POPULATION,
     "strings of a generation", NULL},
    {"generations", NW_INT, AT(generations), "50", 0, 1e9,
     "that are bred after the first, which is random", NULL},
    {"crossover", NW_REAL, AT(crossover), "0.2", 0, 1, "probability that a pair crosses",
     NULL},
    {"exchange", NW_REAL, AT(exchange), "0.2", 0, 1,
     "probability that a stage of a crossing pair changes sides", NULL},
    {"mutation", NW_REAL, AT(mutation), "0.8", 0, 1,
     "probability that a string that did not cross mutates", NULL},
    {"flip", NW_REAL, AT(flip), "0.05", 0, 1,
     "probability that a bit of a mutating string flips", NULL},
    {0},
};

/* ---- Opening ------------------------------------------------------------------- */

/* Length of "stage_1_" at the start of the name; 0 = it does not begin so. */
static size_t stage_prefix(const char *name)
{
    static const char word[] = "stage_";
    const size_t n = sizeof(word) - 1;
    size_t digits;

    if (strncmp(name, word, n))
        return 0;
    digits = strspn(name + n, "0123456789");
    return digits && name[n + digits] == '_' ? n + digits + 1 : 0;
}

static void find_stages(struct genetic *g)
{
    for (int i = 0; i < g->code->n; i++) {
        const char *name = g->code->name[i];
        const size_t length = stage_prefix(name);

        g->stage[i] = i;
        for (int j = 0; length && j < i; j++)
            if (!strncmp(name, g->code->name[j], length)) {
                g->stage[i] = g->stage[j];
                break;
            }
    }
}

static nw_status make_room(struct genetic *g)
{
    const size_t n = (size_t)g->code->n, all = (size_t)g->population * n;

    g->arch = nw_arch_new(g->env.ctx, g->env.space);
    g->x = g->block = nw_alloc(g->env.ctx, (2 * all + 3 * n) * sizeof(int));
    g->weight = nw_alloc(g->env.ctx, (size_t)g->population * sizeof(double));
    if (!g->arch || !g->x || !g->weight)
        return NW_ENOMEM;
    g->bred = g->x + all;
    g->child = g->bred + all;
    g->stage = g->child + 2 * n;
    return NW_OK;
}

static nw_status genetic_open(void *self, const nw_env *env)
{
    struct genetic *g = self;

    g->env = *env;
    if (!nw_space_choices(env->space))
        return nw_fail(env->ctx, NW_EMATCH, "genetic-cnn: the space has no choices");
    g->code = nw_code_new(env->ctx, env->space);
    if (!g->code)
        return nw_pending(env->ctx);
    nw_seen_init(&g->seen, env->ctx, g->code);
    NW_TRY(make_room(g));
    find_stages(g);
    return NW_OK;
}

/* ---- Selection ----------------------------------------------------------------- */

static int *row(const struct genetic *g, int *x, int i)
{
    return x + (size_t)i * (size_t)g->code->n;
}

static size_t row_bytes(const struct genetic *g)
{
    return (size_t)g->code->n * sizeof(int);
}

/* Mean of the string's estimates; NaN = all failed. */
static double worth(const struct genetic *g, int i)
{
    const struct record *r = &g->record[nw_seen_find(&g->seen, row(g, g->x, i))];

    return r->successes ? r->sum / r->successes : NAN;
}

/* Weights of the roulette and their sum. */
static double weigh(struct genetic *g)
{
    double least = INFINITY, sum = 0;

    for (int i = 0; i < g->population; i++) {
        g->weight[i] = worth(g, i);
        least = fmin(least, g->weight[i]); /* which leaves NaN out */
    }
    for (int i = 0; i < g->population; i++) {
        g->weight[i] = isnan(g->weight[i]) ? 0 : g->weight[i] - least;
        sum += g->weight[i];
    }
    return sum;
}

/* Where a ball stops that has `share` of the wheel to roll; never at a weight of 0. */
static int stop_of(const struct genetic *g, double share, double sum)
{
    double left = share * sum;
    int last = 0;

    for (int i = 0; i < g->population; i++) {
        if (g->weight[i] <= 0)
            continue;
        if (left < g->weight[i])
            return i;
        left -= g->weight[i];
        last = i;
    }
    return last;
}

static void select_all(struct genetic *g, uint64_t seed)
{
    const double sum = weigh(g);

    for (int i = 0; i < g->population; i++) {
        const double u = nw_uniform(seed, NW_FOR_STRATEGY, ROULETTE + (uint64_t)i);
        const int from = sum > 0 ? stop_of(g, u, sum) : (int)(u * g->population);

        memcpy(row(g, g->bred, i), row(g, g->x, from), row_bytes(g));
    }
}

/* ---- Crossover and mutation ---------------------------------------------------- */

/* 1 = the string is legal, or was mended, and within the limits. */
static int can_live(struct genetic *g, int *x)
{
    nw_code_write(g->code, x, g->arch);
    if (!nw_arch_mend(g->arch) || !nw_env_allows(&g->env, g->arch))
        return 0;
    nw_code_read(g->code, g->arch, x);
    return 1;
}

static uint64_t seed_of_try(uint64_t seed, uint64_t i)
{
    return i ? nw_subseed(seed, NW_FOR_STRATEGY, AGAIN + i) : seed;
}

static void cross(struct genetic *g, int *a, int *b, uint64_t seed)
{
    int *child[2] = {g->child, g->child + g->code->n};

    for (uint64_t t = 0; t < MOST_TRIES; t++) {
        const uint64_t s = seed_of_try(seed, t);

        for (int i = 0; i < g->code->n; i++) {
            const int swaps =
                nw_uniform(s, NW_FOR_STRATEGY, (uint64_t)g->stage[i]) < g->exchange;

            child[swaps][i] = a[i];
            child[!swaps][i] = b[i];
        }
        if (can_live(g, child[0]) && can_live(g, child[1])) {
            memcpy(a, child[0], row_bytes(g));
            memcpy(b, child[1], row_bytes(g));
            return;
        }
    }
}

/* Another of n values, each equally likely. */
static int another(int value, int n, uint64_t seed, uint64_t index)
{
    const int step = 1 + (int)nw_below(seed, NW_FOR_STRATEGY, index, (uint64_t)n - 1);

    return (value + step) % n;
}

static void mutate(struct genetic *g, int *x, uint64_t seed)
{
    if (nw_uniform(seed, NW_FOR_STRATEGY, MUTATES) >= g->mutation)
        return;
    for (uint64_t t = 0; t < MOST_TRIES; t++) {
        const uint64_t s = seed_of_try(seed, t);

        memcpy(g->child, x, row_bytes(g));
        for (int i = 0; i < g->code->n; i++)
            if (g->code->options[i] > 1 &&
                nw_uniform(s, NW_FOR_STRATEGY, 2 * (uint64_t)i) < g->flip)
                g->child[i] = another(x[i], g->code->options[i], s, 2 * (uint64_t)i + 1);
        if (can_live(g, g->child)) {
            memcpy(x, g->child, row_bytes(g));
            return;
        }
    }
}

static void breed(struct genetic *g)
{
    const uint64_t generation = g->observed / (uint64_t)g->population;
    const uint64_t seed = nw_subseed(g->env.seed, NW_FOR_STRATEGY, generation);
    int *old = g->x;

    select_all(g, seed);
    for (int i = 0; i < g->population; i += 2) {
        const uint64_t child = nw_subseed(seed, NW_FOR_STRATEGY, CHILD + (uint64_t)i);
        const int pair = i + 1 < g->population;

        if (pair &&
            nw_uniform(seed, NW_FOR_STRATEGY, PAIR + (uint64_t)i) < g->crossover) {
            cross(g, row(g, g->bred, i), row(g, g->bred, i + 1), child);
            continue;
        }
        mutate(g, row(g, g->bred, i), child);
        if (pair)
            mutate(g, row(g, g->bred, i + 1),
                   nw_subseed(seed, NW_FOR_STRATEGY, CHILD + (uint64_t)i + 1));
    }
    g->x = g->bred;
    g->bred = old;
}

/* ---- Strategy ------------------------------------------------------------------ */

static nw_status genetic_propose(void *self, nw_trial *trial)
{
    struct genetic *g = self;
    const uint64_t population = (uint64_t)g->population, i = trial->id - 1;

    if (i / population > (uint64_t)g->generations)
        return NW_DONE;
    if (i < population)
        return nw_env_draw(&g->env, trial->arch, trial->seed);
    if (i / population > g->observed / population)
        return NW_MORE;
    nw_code_write(g->code, row(g, g->x, (int)(i % population)), trial->arch);
    return NW_OK;
}

static nw_status note(struct genetic *g, const int *x, const nw_trial *trial)
{
    const int count = g->seen.count, place = nw_seen_add(&g->seen, x);

    if (place < 0)
        return (nw_status)place;
    if (place == count) {
        NW_TRY(nw_grow(g->env.ctx, &g->record, count, &g->room, sizeof(*g->record)));
        g->record[place] = (struct record){0};
    }
    if (trial->status >= 0 && !isnan(trial->score.quality)) {
        g->record[place].sum += trial->score.quality;
        g->record[place].successes++;
    }
    return NW_OK;
}

static nw_status genetic_observe(void *self, const nw_trial *trial)
{
    struct genetic *g = self;
    int *x = row(g, g->x, (int)(g->observed % (uint64_t)g->population));

    nw_code_read(g->code, trial->arch, x);
    NW_TRY(note(g, x, trial));
    if (++g->observed % (uint64_t)g->population == 0)
        breed(g);
    return NW_OK;
}

static void genetic_close(void *self)
{
    struct genetic *g = self;

    nw_seen_free(&g->seen);
    nw_release(g->env.ctx, g->record);
    nw_release(g->env.ctx, g->weight);
    nw_release(g->env.ctx, g->block);
    nw_arch_free(g->arch);
    nw_code_free(g->code);
}

const nw_strategy_type nw_strategy_genetic_cnn = {
    .name = "genetic-cnn",
    .doc = "a genetic algorithm on strings, crossing whole stages",
    .paper = "Xie & Yuille 2017, arXiv:1703.01513",
    .attrs = genetic_attrs,
    .size = sizeof(struct genetic),
    .open = genetic_open,
    .propose = genetic_propose,
    .observe = genetic_observe,
    .close = genetic_close,
};
