/*
 * amoebanet.c - aging evolution.
 *
 * A population of P architectures lives in a queue. The first P trials are random. From
 * then on every trial draws S of the population with replacement, takes the best of them
 * as its parent, changes it a little, and its result is appended; then the *oldest* dies,
 * however good it was ("regularized" or aging evolution [1]). An architecture survives
 * only by children that do well when they are estimated themselves, so one lucky estimate
 * does not rule the population.
 *
 * Mutation. On cells of blocks (nasnet, amoebanet, pnas, enas-micro, nao: decisions whose
 * names speak of "_in" and of "_op") the paper's: with probability `identity` the child
 * is the parent, estimated again; else, half and half, the input ("hidden state") or the
 * op of one side of one block of one cell, each equally likely, is drawn anew from all
 * that are allowed there, the present one included. What else a block decides (its
 * combiner, if that is open) counts among its ops. On every other space one decision,
 * each equally likely, takes another of its values (nw_arch_mutate()): an op of an edge
 * of NAS-Bench-201, a layer of a chain, one element of a subset, one edge that a rule
 * keeps. A family then mends what the change broke; a child that is not legal or beyond
 * the limits is made again, and after many such failures drawn at random.
 *
 * population  vectors of decisions (see src/graph/code.c), P x n, one block
 * fitness     P; the quality, -infinity of a failed trial: it never becomes a parent
 *             unless all of a sample failed, and ages like any other
 * born        P; order of observation, which is the age: with several trials under way it
 *             is the order in which results are heard, and that is the order of ids
 *
 * The best architecture ever seen is what is reported, as it may be dead in the end.
 * observe() alone makes the population, and a proposal is a function of it and of the
 * trial's seed, so there is no state: a resumed search hears its trials again.
 *
 * kill=worst is the paper's ablation, "non-aging" evolution: of the population and the
 * newcomer the worst dies, of equals the oldest. P and S are the paper's for its own
 * space (20,000 trials); of a budget of some hundreds use smaller ones. The identity rate
 * of 0.05 is not verified.
 *
 * [1] E. Real, A. Aggarwal, Y. Huang, Q. V. Le, Regularized Evolution for Image
 * Classifier Architecture Search, AAAI 2019, arXiv:1802.01548.
 */
#include "ctx.h"
#include "netwright_ext.h"
#include "random.h"
#include "space.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum { MOST_TRIES = 100 };

/* Of what a trial's seed is used for, beside the sample from 0 on. */
enum { IDENTITY = 1 << 30, KIND, PLACE, VALUE, AGAIN };

struct amoebanet {
    int population, sample;
    double identity;
    char kill[NW_TEXT_SIZE];
    nw_env env;
    nw_code *code;
    int kills_worst;
    int alive;
    uint64_t observed;
    int *x;               /* alive x code->n            */
    double *fitness;      /* alive                      */
    uint64_t *born;       /* alive                      */
    int *child;           /* room for one vector        */
    int *place;           /* inputs first, then the rest */
    int n_input, n_other; /* both 0: one decision moves */
};

static const nw_attr amoebanet_attrs[] = {
    {"population", NW_INT, offsetof(struct amoebanet, population), "100", 1, 1e6,
     "architectures that live at a time", NULL},
    {"sample", NW_INT, offsetof(struct amoebanet, sample), "25", 1, 1e6,
     "of them that compete to be a parent, drawn with replacement", NULL},
    {"identity", NW_REAL, offsetof(struct amoebanet, identity), "0.05", 0, 1,
     "probability of a child that is its parent", NULL},
    {"kill", NW_TEXT, offsetof(struct amoebanet, kill), "oldest", 0, 0,
     "who dies: oldest or worst", NULL},
    {0},
};

/* ---- Opening ------------------------------------------------------------------- */

/* The name has the part "_in" or "_op", followed by a side. */
static int speaks_of(const char *name, const char *part)
{
    const char *at = strstr(name, part);

    return at && (at[3] == '_' || isdigit((unsigned char)at[3]));
}

/* Sorts decisions into inputs and others; not cells of blocks: none of either. */
static void find_kinds(struct amoebanet *a)
{
    const nw_code *code = a->code;
    int ops = 0;

    for (int i = 0; i < code->n; i++)
        if (speaks_of(code->name[i], "_in"))
            a->place[a->n_input++] = i;
        else
            ops += speaks_of(code->name[i], "_op");
    if (!a->n_input || !ops) {
        a->n_input = 0;
        return;
    }
    for (int i = 0; i < code->n; i++)
        if (!speaks_of(code->name[i], "_in"))
            a->place[a->n_input + a->n_other++] = i;
}

static nw_status make_room(struct amoebanet *a)
{
    const size_t p = (size_t)a->population, n = (size_t)a->code->n;

    a->fitness = nw_alloc(a->env.ctx, p * sizeof(*a->fitness));
    a->born = nw_alloc(a->env.ctx, p * sizeof(*a->born));
    a->x = nw_alloc(a->env.ctx, p * n * sizeof(*a->x));
    a->child = nw_alloc(a->env.ctx, 2 * n * sizeof(*a->child));
    if (!a->fitness || !a->born || !a->x || !a->child)
        return NW_ENOMEM;
    a->place = a->child + n;
    return NW_OK;
}

static nw_status amoebanet_open(void *self, const nw_env *env)
{
    struct amoebanet *a = self;

    a->env = *env;
    a->kills_worst = !strcmp(a->kill, "worst");
    if (!a->kills_worst && strcmp(a->kill, "oldest"))
        return nw_fail(env->ctx, NW_ESPEC,
                       "amoebanet: kill=%s is neither oldest nor worst", a->kill);
    if (!nw_space_choices(env->space))
        return nw_fail(env->ctx, NW_EMATCH, "amoebanet: the space has no choices");
    a->code = nw_code_new(env->ctx, env->space);
    if (!a->code)
        return nw_pending(env->ctx);
    NW_TRY(make_room(a));
    find_kinds(a);
    return NW_OK;
}

/* ---- Proposing ----------------------------------------------------------------- */

static int *member(const struct amoebanet *a, int i)
{
    return a->x + (size_t)i * (size_t)a->code->n;
}

/* The best of the sample, the first drawn among equals. Four draws from each block of
 * random bits: 32 bits are biased by less than population / 2^32. */
static int tournament(const struct amoebanet *a, uint64_t seed)
{
    uint32_t bits[4];
    int best = -1;

    for (int i = 0; i < a->sample; i++) {
        int one;

        if (i % 4 == 0)
            nw_random_bits(seed, NW_FOR_STRATEGY, (uint64_t)i / 4, bits);
        one = (int)((uint64_t)bits[i % 4] * (uint64_t)a->alive >> 32);
        if (best < 0 || a->fitness[one] > a->fitness[best])
            best = one;
    }
    return best;
}

/* The paper's two mutations; 0 = not legal. */
static int mutate_block(const struct amoebanet *a, const int *parent, uint64_t seed,
                        nw_arch *arch)
{
    const int other = nw_below(seed, NW_FOR_STRATEGY, KIND, 2) == 1;
    const int first = other ? a->n_input : 0, n = other ? a->n_other : a->n_input;
    const int i =
        a->place[first + (int)nw_below(seed, NW_FOR_STRATEGY, PLACE, (uint64_t)n)];

    memcpy(a->child, parent, (size_t)a->code->n * sizeof(int));
    a->child[i] =
        (int)nw_below(seed, NW_FOR_STRATEGY, VALUE, (uint64_t)a->code->options[i]);
    nw_code_write(a->code, a->child, arch);
    return nw_arch_mend(arch);
}

static int mutate(const struct amoebanet *a, const int *parent, uint64_t seed,
                  nw_arch *arch)
{
    if (a->n_input)
        return mutate_block(a, parent, seed, arch);
    nw_code_write(a->code, parent, arch);
    return nw_arch_mutate(arch, seed) == NW_OK;
}

static nw_status amoebanet_propose(void *self, nw_trial *trial)
{
    const struct amoebanet *a = self;
    const uint64_t seed = trial->seed;
    const int *parent;

    if (trial->id <= (uint64_t)a->population)
        return nw_env_draw(&a->env, trial->arch, seed);
    if (!a->alive)
        return NW_MORE;
    parent = member(a, tournament(a, seed));
    if (nw_uniform(seed, NW_FOR_STRATEGY, IDENTITY) < a->identity) {
        nw_code_write(a->code, parent, trial->arch);
        return NW_OK;
    }
    for (uint64_t i = 0; i < MOST_TRIES; i++)
        if (mutate(a, parent, i ? nw_subseed(seed, NW_FOR_STRATEGY, AGAIN + i) : seed,
                   trial->arch) &&
            nw_env_allows(&a->env, trial->arch))
            return NW_OK;
    return nw_env_draw(&a->env, trial->arch, seed);
}

/* ---- Observing ----------------------------------------------------------------- */

/* Who makes room for a newcomer of that fitness; -1 = the newcomer itself. */
static int worst(const struct amoebanet *a, double fitness)
{
    int w = 0;

    for (int i = 1; i < a->alive; i++)
        if (a->fitness[i] < a->fitness[w] ||
            (a->fitness[i] == a->fitness[w] && a->born[i] < a->born[w]))
            w = i;
    return fitness < a->fitness[w] ? -1 : w;
}

static nw_status amoebanet_observe(void *self, const nw_trial *trial)
{
    struct amoebanet *a = self;
    const int failed = trial->status < 0 || isnan(trial->score.quality);
    const double fitness = failed ? -INFINITY : trial->score.quality;
    int i = (int)(a->observed % (uint64_t)a->population); /* the oldest */

    if (a->alive < a->population)
        i = a->alive++;
    else if (a->kills_worst)
        i = worst(a, fitness);
    a->observed++;
    if (i < 0)
        return NW_OK;
    a->fitness[i] = fitness;
    a->born[i] = a->observed;
    nw_code_read(a->code, trial->arch, member(a, i));
    return NW_OK;
}

static void amoebanet_close(void *self)
{
    struct amoebanet *a = self;

    nw_release(a->env.ctx, a->child);
    nw_release(a->env.ctx, a->x);
    nw_release(a->env.ctx, a->born);
    nw_release(a->env.ctx, a->fitness);
    nw_code_free(a->code);
}

const nw_strategy_type nw_strategy_amoebanet = {
    .name = "amoebanet",
    .doc = "evolution in which the oldest dies",
    .paper = "Real et al. 2019, arXiv:1802.01548",
    .attrs = amoebanet_attrs,
    .size = sizeof(struct amoebanet),
    .needs = NW_BUDGET,
    .open = amoebanet_open,
    .propose = amoebanet_propose,
    .observe = amoebanet_observe,
    .close = amoebanet_close,
};
