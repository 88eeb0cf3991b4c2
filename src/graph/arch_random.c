/*
 * arch_random.c - hard archs, each with the same probability.
 *
 * A some_of takes a k-subset. A keep rule takes a k-subset of its choices, each in
 * proportion to the product of the numbers of their options, and then an option of each:
 * draw choice after choice with what elementary symmetric polynomials say is left. What a
 * family forbids is drawn again.
 */
#include "random.h"
#include "space.h"

enum { MOST_DRAWS = 100000 };

/* Every choice and every rule has a stretch of random numbers of its own. */
static uint64_t stretch(int index)
{
    return (uint64_t)index << 16;
}

/* e[j] = sum over j-subsets of x[i..n) of the product of x */
static void polynomial(const int *x, int i, int n, long double *e, int k)
{
    for (int j = 0; j <= k; j++)
        e[j] = j == 0;
    for (; i < n; i++)
        for (int j = k; j > 0; j--)
            e[j] += e[j - 1] * x[i];
}

/* Draw a k-subset of n, each with probability in proportion to the product of x. A rule
 * has at most NW_MOST_KEPT choices, so long double holds the polynomials. */
static void draw_subset(const int *x, int n, int k, uint64_t seed, uint64_t stream,
                        unsigned char *in)
{
    long double e[NW_MOST_KEPT + 1], all;

    for (int i = 0; i < n; i++) {
        polynomial(x, i, n, e, k);
        all = e[k];
        polynomial(x, i + 1, n, e, k);
        in[i] =
            k > 0 && nw_uniform(seed, NW_FOR_ARCH, stream + (uint64_t)i) * all >= e[k];
        k -= in[i];
    }
}

/* A uniform k-subset: one after the other, with what is left to take among what is left.
 */
static void random_some(nw_arch *arch, int c, uint64_t seed)
{
    const nw_choice *choice = &arch->space->choice[c];
    double *w = nw_arch_weights(arch, c);
    int k = choice->k;

    for (int i = 0; i < choice->n; i++) {
        uint64_t left = (uint64_t)(choice->n - i);

        w[i] = nw_below(seed, NW_FOR_ARCH, stretch(c) + (uint64_t)i, left) < (uint64_t)k;
        k -= w[i] == 1;
    }
}

static nw_status random_rule(nw_arch *arch, int r, uint64_t seed)
{
    const nw_keep_rule *rule = &arch->space->keep[r];
    unsigned char in[NW_MOST_KEPT];
    int x[NW_MOST_KEPT];

    for (int i = 0; i < rule->n; i++)
        x[i] = arch->space->choice[rule->choice[i]].n - 1;
    draw_subset(x, rule->n, rule->k, seed, stretch(arch->space->n_choice + r), in);
    for (int i = 0; i < rule->n; i++) {
        int c = rule->choice[i];
        int o = (int)nw_below(seed, NW_FOR_ARCH, stretch(c), (uint64_t)x[i]);

        NW_TRY(nw_arch_pick(arch, c, in[i] ? o + (o >= rule->none) : rule->none));
    }
    return NW_OK;
}

nw_status nw_arch_draw(nw_arch *arch, uint64_t seed)
{
    for (int c = 0; c < arch->space->n_choice; c++) {
        const nw_choice *choice = &arch->space->choice[c];

        if (choice->kind == NW_SOME)
            random_some(arch, c, seed);
        else if (choice->keep < 0)
            NW_TRY(nw_arch_pick(
                arch, c,
                (int)nw_below(seed, NW_FOR_ARCH, stretch(c), (uint64_t)choice->n)));
    }
    for (int r = 0; r < arch->space->n_keep; r++)
        NW_TRY(random_rule(arch, r, seed));
    return NW_OK;
}

nw_status nw_arch_random(nw_arch *arch, uint64_t seed)
{
    const nw_space_type *family = arch ? arch->space->family : NULL;
    char why[256];

    if (!arch)
        return NW_ENOMEM;
    if (family && family->draw && arch->space->n_choice)
        return family->draw(arch, seed);
    for (uint64_t i = 0; i < MOST_DRAWS; i++) {
        NW_TRY(nw_arch_draw(arch, i ? nw_subseed(seed, NW_FOR_ARCH, i) : seed));
        if (nw_arch_is_legal(arch, why))
            return NW_OK;
    }
    return nw_fail(arch->ctx, NW_EINVAL, "none of %d drawn architectures is legal: %s",
                   MOST_DRAWS, why);
}
