/*
 * code.c - an arch as a vector of decisions, for what counts, tabulates and learns.
 *
 * Weights of options are how an arch is computed with; most strategies of the literature
 * think in sequences of decisions. A choice of one is one decision. A choice of k among n
 * is one decision among its C(n, k) subsets, in lexicographic order. A keep rule is a
 * decision on which of its choices are kept, at the place of the first of them, followed
 * by one on the option of each that is kept: so every vector is a hard arch, where an
 * option for every edge would hit the rule once in many millions.
 */
#include "space.h"

enum { MOST_RANKS = 100000 };

struct nw_slot {
    int choice, rule; /* one of them, else -1                                      */
    int part;         /* of a rule: 0 = the subset, then 1 .. k                    */
};

/* ---- Subsets ------------------------------------------------------------------- */

/* C(n, k), no more than MOST_RANKS + 1. */
static int binomial(int n, int k)
{
    double value = 1;

    for (int i = 1; i <= k; i++) {
        value = value * (n - k + i) / i;
        if (value > MOST_RANKS)
            return MOST_RANKS + 1;
    }
    return k < 0 || k > n ? 0 : (int)(value + .5);
}

/* Rank of the k-subset `in` of n in lexicographic order of its members. */
static int rank_of(const unsigned char *in, int n, int k)
{
    int rank = 0;

    for (int i = 0; i < n && k > 0; i++) {
        if (in[i])
            k--;
        else
            rank += binomial(n - i - 1, k - 1);
    }
    return rank;
}

static void subset_at(int rank, int n, int k, unsigned char *in)
{
    for (int i = 0; i < n; i++) {
        const int here = k > 0 ? binomial(n - i - 1, k - 1) : 0;

        in[i] = rank < here;
        if (in[i])
            k--;
        else
            rank -= here;
    }
}

/* ---- Making -------------------------------------------------------------------- */

struct code {
    nw_code head;
    nw_ctx *ctx;
    int *options;
    const char **name;
    struct nw_slot *slot;
};

static void add(struct code *code, int options, const char *name, struct nw_slot slot)
{
    const int i = code->head.n++;

    code->options[i] = options;
    code->name[i] = name;
    code->slot[i] = slot;
}

static void add_rule(struct code *code, const nw_space *space, int r)
{
    const nw_keep_rule *rule = &space->keep[r];
    const nw_choice *first = &space->choice[rule->choice[0]];

    add(code, binomial(rule->n, rule->k), first->name, (struct nw_slot){-1, r, 0});
    for (int i = 1; i <= rule->k; i++)
        add(code, first->n - 1, first->name, (struct nw_slot){-1, r, i});
}

static void add_all(struct code *code, const nw_space *space)
{
    for (int c = 0; c < space->n_choice; c++) {
        const nw_choice *choice = &space->choice[c];
        const int r = choice->keep;

        if (r < 0)
            add(code,
                choice->kind == NW_SOME ? binomial(choice->n, choice->k) : choice->n,
                choice->name, (struct nw_slot){c, -1, 0});
        else if (space->keep[r].choice[0] == c)
            add_rule(code, space, r);
    }
}

/* Decisions of the space, and what cannot be coded. */
static int length_of(nw_ctx *ctx, const nw_space *space)
{
    int n = space->n_choice;

    for (int c = 0; c < space->n_choice; c++)
        if (space->choice[c].keep < 0 && space->choice[c].kind == NW_SOME &&
            binomial(space->choice[c].n, space->choice[c].k) > MOST_RANKS)
            return nw_fail(ctx, NW_EINVAL,
                           "choice \"%s\" has more than %d subsets, too many for a "
                           "strategy that decides among them",
                           space->choice[c].name, MOST_RANKS);
    for (int r = 0; r < space->n_keep; r++) {
        const nw_keep_rule *rule = &space->keep[r];

        n += rule->k + 1;
        if (binomial(rule->n, rule->k) > MOST_RANKS)
            return nw_fail(ctx, NW_EINVAL,
                           "a rule that keeps %d of %d has too many subsets", rule->k,
                           rule->n);
        for (int i = 1; i < rule->n; i++)
            if (space->choice[rule->choice[i]].n != space->choice[rule->choice[0]].n)
                return nw_fail(ctx, NW_EINVAL,
                               "choices \"%s\" and \"%s\" are under one rule but have %d "
                               "and %d options",
                               space->choice[rule->choice[0]].name,
                               space->choice[rule->choice[i]].name,
                               space->choice[rule->choice[0]].n,
                               space->choice[rule->choice[i]].n);
    }
    return n;
}

/* One block: the code, then names, slots and numbers of options. */
nw_code *nw_code_new(nw_ctx *ctx, nw_space *space)
{
    struct code *code;
    size_t most;
    int n;

    if (!space || nw_seal(space) < 0)
        return NULL;
    n = length_of(ctx, space);
    most = n < 0 ? 0 : (size_t)n + 1;
    code = n < 0 ? NULL
                 : nw_alloc(ctx, sizeof(*code) +
                                     most * (sizeof(*code->name) + sizeof(*code->slot) +
                                             sizeof(*code->options)));
    if (!code)
        return NULL;
    code->ctx = ctx;
    code->name = (const char **)(void *)(code + 1);
    code->slot = (struct nw_slot *)(void *)(code->name + most);
    code->options = (int *)(void *)(code->slot + most);
    code->head.space = space;
    code->head.name = code->name;
    code->head.slot = code->slot;
    code->head.options = code->options;
    add_all(code, space);
    return &code->head;
}

void nw_code_free(nw_code *code)
{
    if (code) /* the space may be gone already when a context closes */
        nw_release(((struct code *)code)->ctx, code);
}

/* ---- Reading ------------------------------------------------------------------- */

/* The one that has a weight, which is quicker found than the strongest. */
static int taken(const double *w, int n)
{
    int i = 0;

    while (i < n - 1 && w[i] == 0)
        i++;
    return i;
}

static int read_choice(const nw_arch *arch, int c)
{
    const nw_choice *choice = &arch->space->choice[c];
    unsigned char in[NW_MOST_OPTIONS];

    if (choice->kind != NW_SOME)
        return taken(arch->w + choice->first, choice->n);
    for (int i = 0; i < choice->n; i++)
        in[i] = arch->w[choice->first + i] != 0;
    return rank_of(in, choice->n, choice->k);
}

/* Decisions of the rule go to x[0 .. k]. */
static void read_rule(const nw_arch *arch, const nw_keep_rule *rule, int *x)
{
    unsigned char in[NW_MOST_KEPT];
    int part = 0;

    for (int i = 0; i < rule->n; i++) {
        const int o = nw_arch_option(arch, rule->choice[i]);

        in[i] = o != rule->none;
        if (in[i] && part < rule->k)
            x[++part] = o - (o > rule->none);
    }
    x[0] = rank_of(in, rule->n, rule->k);
}

void nw_code_read(const nw_code *code, const nw_arch *hard, int *x)
{
    for (int i = 0; i < code->n; i++) {
        const struct nw_slot *slot = &code->slot[i];

        if (slot->rule < 0)
            x[i] = read_choice(hard, slot->choice);
        else if (slot->part == 0)
            read_rule(hard, &code->space->keep[slot->rule], x + i);
    }
}

/* ---- Writing ------------------------------------------------------------------- */

static void write_choice(nw_arch *arch, int c, int x)
{
    const nw_choice *choice = &arch->space->choice[c];
    unsigned char in[NW_MOST_OPTIONS];

    if (choice->kind != NW_SOME) {
        nw_arch_pick(arch, c, x);
        return;
    }
    subset_at(x, choice->n, choice->k, in);
    for (int i = 0; i < choice->n; i++)
        arch->w[choice->first + i] = in[i];
}

static void write_rule(nw_arch *arch, const nw_keep_rule *rule, const int *x)
{
    unsigned char in[NW_MOST_KEPT];
    int part = 0;

    subset_at(x[0], rule->n, rule->k, in);
    for (int i = 0; i < rule->n; i++) {
        const int o = in[i] ? x[++part] : 0;

        nw_arch_pick(arch, rule->choice[i], in[i] ? o + (o >= rule->none) : rule->none);
    }
}

int nw_code_write(const nw_code *code, const int *x, nw_arch *arch)
{
    char why[256];

    for (int i = 0; i < code->n; i++) {
        const struct nw_slot *slot = &code->slot[i];

        if (slot->rule < 0)
            write_choice(arch, slot->choice, x[i]);
        else if (slot->part == 0)
            write_rule(arch, &code->space->keep[slot->rule], x + i);
    }
    return nw_arch_is_legal(arch, why);
}
