/*
 * arch_next.c - all hard archs, one after the other, as an odometer turns.
 *
 * Wheels are the choices under no rule, then the rules. A wheel moves on, or falls back
 * to its first position and hands on to the next. What a family forbids is passed over.
 */
#include "space.h"

#include <string.h>

/* Positions of n things of which k are taken, 1 = taken: the first is 1..1 0..0. */
static void first_subset(double *w, int n, int k)
{
    for (int i = 0; i < n; i++)
        w[i] = i < k;
}

/* The last taken that can go one further does, and all behind it follow closely. */
static int next_subset(double *w, int n, int k)
{
    int behind = 0, i = n - 1;

    while (i >= 0 && w[i] != 0) {
        behind++;
        i--;
    }
    while (i >= 0 && w[i] == 0)
        i--;
    if (i < 0) {
        first_subset(w, n, k);
        return 0;
    }
    memset(w + i, 0, (size_t)(n - i) * sizeof(*w));
    for (int j = 0; j <= behind; j++)
        w[i + 1 + j] = 1;
    return 1;
}

static int next_option(nw_arch *arch, int c)
{
    const nw_choice *choice = &arch->space->choice[c];
    double *w = arch->w + choice->first;
    int o = nw_strongest(w, choice->n, -1) + 1, more = o < choice->n;

    if (choice->kind == NW_SOME)
        return next_subset(w, choice->n, choice->k);
    nw_arch_pick(arch, c, more ? o : 0);
    return more;
}

/* First option but none of a choice that its rule keeps. */
static int first_kept(const nw_keep_rule *rule)
{
    return rule->none == 0;
}

/* Keep those of the rule that `in` says, each at its first option. */
static void keep(nw_arch *arch, const nw_keep_rule *rule, const double *in)
{
    for (int i = 0; i < rule->n; i++)
        nw_arch_pick(arch, rule->choice[i], in[i] != 0 ? first_kept(rule) : rule->none);
}

static int next_kept_option(nw_arch *arch, const nw_keep_rule *rule, int c)
{
    const nw_choice *choice = &arch->space->choice[c];
    int o = nw_strongest(arch->w + choice->first, choice->n, -1) + 1;

    o += o == rule->none;
    nw_arch_pick(arch, c, o < choice->n ? o : first_kept(rule));
    return o < choice->n;
}

static int next_of_rule(nw_arch *arch, const nw_keep_rule *rule)
{
    double in[NW_MOST_KEPT];
    int more;

    for (int i = 0; i < rule->n; i++) {
        int c = rule->choice[i];

        in[i] = arch->w[arch->space->choice[c].first + rule->none] == 0;
        if (in[i] != 0 && next_kept_option(arch, rule, c))
            return 1;
    }
    more = next_subset(in, rule->n, rule->k);
    keep(arch, rule, in);
    return more;
}

static void first(nw_arch *arch)
{
    double in[NW_MOST_KEPT];

    for (int c = 0; c < arch->space->n_choice; c++) {
        const nw_choice *choice = &arch->space->choice[c];

        first_subset(arch->w + choice->first, choice->n, choice->k);
    }
    for (int r = 0; r < arch->space->n_keep; r++) {
        first_subset(in, arch->space->keep[r].n, arch->space->keep[r].k);
        keep(arch, &arch->space->keep[r], in);
    }
}

static int next(nw_arch *arch)
{
    for (int c = 0; c < arch->space->n_choice; c++)
        if (arch->space->choice[c].keep < 0 && next_option(arch, c))
            return 1;
    for (int r = 0; r < arch->space->n_keep; r++)
        if (next_of_rule(arch, &arch->space->keep[r]))
            return 1;
    return 0;
}

static int find_legal(nw_arch *arch)
{
    char why[256];

    while (!nw_arch_is_legal(arch, why))
        if (!next(arch))
            return 0;
    return 1;
}

int nw_arch_first(nw_arch *arch)
{
    first(arch);
    return find_legal(arch);
}

int nw_arch_next(nw_arch *arch)
{
    return next(arch) && find_legal(arch);
}
