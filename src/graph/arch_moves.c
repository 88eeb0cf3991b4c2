/*
 * arch_moves.c - from one hard arch to another: neighbours, mutation, crossover.
 *
 * What moves by itself is a *wheel*: a choice under no rule, or a rule with all its
 * choices. A move sets one wheel anew: another option; another subset that differs in one
 * element; under a rule another option of a choice that is kept, or another choice kept
 * in its stead. A family may then repair what the move broke, and has the last word on
 * what is legal.
 */
#include "random.h"
#include "space.h"

#include <string.h>

enum { MOST_TRIES = 1000 };

/* Weights of an arch that are kept on the stack while it moves; larger ones allocate. */
enum { SMALL = 1024 };

int nw_space_wheels(const nw_space *space)
{
    int n = space->n_keep;

    if (!n)
        return space->n_choice;
    for (int c = 0; c < space->n_choice; c++)
        n += space->choice[c].keep < 0;
    return n;
}

/* Choice that the wheel is; -1 - r = it is rule r. */
static int wheel_choice(const nw_space *space, int wheel)
{
    if (!space->n_keep)
        return wheel;
    for (int c = 0; c < space->n_choice; c++)
        if (space->choice[c].keep < 0 && wheel-- == 0)
            return c;
    return -1 - wheel;
}

static int is_kept(const nw_arch *arch, const nw_keep_rule *rule, int i)
{
    return nw_arch_option(arch, rule->choice[i]) != rule->none;
}

static size_t rule_moves(const nw_arch *arch, const nw_keep_rule *rule)
{
    size_t n = 0;

    for (int i = 0; i < rule->n; i++) {
        const size_t options = (size_t)arch->space->choice[rule->choice[i]].n - 1;

        n += is_kept(arch, rule, i) ? options - 1 : (size_t)rule->k * options;
    }
    return n;
}

static size_t wheel_moves(const nw_arch *arch, int wheel)
{
    const int c = wheel_choice(arch->space, wheel);
    const nw_choice *choice = &arch->space->choice[c < 0 ? 0 : c];

    if (c < 0)
        return rule_moves(arch, &arch->space->keep[-1 - c]);
    return choice->kind == NW_SOME ? (size_t)(choice->k * (choice->n - choice->k))
                                   : (size_t)choice->n - 1;
}

size_t nw_arch_moves(const nw_arch *arch)
{
    size_t n = 0;

    for (int w = 0; arch && w < nw_space_wheels(arch->space); w++)
        n += wheel_moves(arch, w);
    return n;
}

/* Index of the i-th of w[n] that is `taken`. */
static int find_taken(const double *w, int n, int taken, int i)
{
    for (int j = 0; j < n; j++)
        if ((w[j] != 0) == taken && i-- == 0)
            return j;
    return 0;
}

static void move_subset(nw_arch *arch, int c, size_t i)
{
    const nw_choice *choice = &arch->space->choice[c];
    double *w = arch->w + choice->first;
    const int others = choice->n - choice->k;
    const int out = find_taken(w, choice->n, 1, (int)i / others),
              in = find_taken(w, choice->n, 0, (int)i % others);

    w[out] = 0;
    w[in] = 1;
}

/* i-th option of a kept choice beside `none` and the one that it takes. */
static void move_kept(nw_arch *arch, int c, int none, size_t i)
{
    const int now = nw_arch_option(arch, c);
    const int low = now < none ? now : none, high = now < none ? none : now;
    int o = (int)i;

    o += o >= low;
    o += o >= high;
    nw_arch_pick(arch, c, o);
}

/* The i-th kept choice of the rule falls back to none. */
static void drop_kept(nw_arch *arch, const nw_keep_rule *rule, size_t i)
{
    for (int j = 0; j < rule->n; j++)
        if (is_kept(arch, rule, j) && i-- == 0) {
            nw_arch_pick(arch, rule->choice[j], rule->none);
            return;
        }
}

static void move_rule(nw_arch *arch, const nw_keep_rule *rule, size_t i)
{
    for (int j = 0; j < rule->n; j++) {
        const int c = rule->choice[j], kept = is_kept(arch, rule, j);
        const size_t options = (size_t)arch->space->choice[c].n - 1;
        const size_t here = kept ? options - 1 : (size_t)rule->k * options;

        if (i >= here) {
            i -= here;
            continue;
        }
        if (kept) {
            move_kept(arch, c, rule->none, i);
            return;
        }
        drop_kept(arch, rule, i / options);
        nw_arch_pick(arch, c, (int)(i % options) + ((int)(i % options) >= rule->none));
        return;
    }
}

static void move_wheel(nw_arch *arch, int wheel, size_t i)
{
    const int c = wheel_choice(arch->space, wheel);

    if (c < 0)
        move_rule(arch, &arch->space->keep[-1 - c], i);
    else if (arch->space->choice[c].kind == NW_SOME)
        move_subset(arch, c, i);
    else
        nw_arch_pick(arch, c, (int)i + ((int)i >= nw_arch_option(arch, c)));
}

static void copy(nw_arch *to, const nw_arch *from)
{
    memcpy(to->w, from->w, (size_t)from->space->n_weight * sizeof(double));
}

static int same(const nw_arch *a, const nw_arch *b)
{
    return !memcmp(a->w, b->w, (size_t)a->space->n_weight * sizeof(double));
}

int nw_arch_mend(nw_arch *arch)
{
    const nw_space_type *family = arch->space->family;
    char why[256];

    if (family && family->repair)
        family->repair(arch);
    return nw_arch_is_legal(arch, why);
}

/* Mend what a change broke; 0 = it cannot be, or nothing is left of the change. */
static int settle(nw_arch *arch, const nw_arch *before)
{
    return nw_arch_mend(arch) && !same(arch, before);
}

int nw_arch_move(nw_arch *to, const nw_arch *from, size_t i)
{
    copy(to, from);
    for (int w = 0; w < nw_space_wheels(from->space); w++) {
        const size_t here = wheel_moves(from, w);

        if (i < here) {
            move_wheel(to, w, i);
            return settle(to, from);
        }
        i -= here;
    }
    return 0;
}

/* The first legal move from a random one on, cyclically. */
static nw_status mutate_somehow(nw_arch *arch, nw_arch *to, uint64_t seed)
{
    const size_t n = nw_arch_moves(arch);
    const size_t start = n ? nw_below(seed, NW_FOR_ARCH, 2 * MOST_TRIES, n) : 0;

    for (size_t i = 0; i < n; i++)
        if (nw_arch_move(to, arch, (start + i) % n)) {
            copy(arch, to);
            return NW_OK;
        }
    return NW_DONE;
}

static nw_status mutate(nw_arch *arch, nw_arch *to, uint64_t seed)
{
    const int wheels = nw_space_wheels(arch->space);

    for (uint64_t i = 0; wheels && i < MOST_TRIES; i++) {
        const int w = (int)nw_below(seed, NW_FOR_ARCH, 2 * i, (uint64_t)wheels);
        const size_t n = wheel_moves(arch, w);

        if (!n)
            continue;
        copy(to, arch);
        move_wheel(to, w, nw_below(seed, NW_FOR_ARCH, 2 * i + 1, n));
        if (settle(to, arch)) {
            copy(arch, to);
            return NW_OK;
        }
    }
    return mutate_somehow(arch, to, seed);
}

nw_status nw_arch_mutate(nw_arch *arch, uint64_t seed)
{
    double room[SMALL];
    nw_arch to;
    nw_status status;

    NW_TRY(nw_arch_check(arch));
    to = (nw_arch){arch->ctx, arch->space, room};
    if (arch->space->n_weight > SMALL)
        to.w = nw_alloc(arch->ctx, (size_t)arch->space->n_weight * sizeof(double));
    status = to.w ? mutate(arch, &to, seed) : NW_ENOMEM;
    if (to.w != room)
        nw_release(arch->ctx, to.w);
    return status;
}

/* The wheel of `child`, all its choices, as in `from`. */
static void take_wheel(nw_arch *child, const nw_arch *from, int wheel)
{
    const nw_space *space = from->space;
    const int c = wheel_choice(space, wheel);
    const nw_keep_rule *rule = c < 0 ? &space->keep[-1 - c] : NULL;

    for (int i = 0; i < (rule ? rule->n : 1); i++) {
        const nw_choice *choice = &space->choice[rule ? rule->choice[i] : c];

        memcpy(child->w + choice->first, from->w + choice->first,
               (size_t)choice->n * sizeof(double));
    }
}

nw_status nw_arch_cross(nw_arch *child, const nw_arch *a, const nw_arch *b, uint64_t seed)
{
    const int wheels = a ? nw_space_wheels(a->space) : 0;

    NW_TRY(nw_arch_check(a));
    NW_TRY(nw_arch_check(b));
    if (a->space != b->space || child->space != a->space)
        return nw_fail(a->ctx, NW_EMATCH, "parents and child are not of one space");
    for (uint64_t i = 0; i < MOST_TRIES; i++) {
        for (int w = 0; w < wheels; w++)
            take_wheel(child,
                       nw_below(seed, NW_FOR_ARCH, i << 20 | (uint64_t)w, 2) ? b : a, w);
        if (nw_arch_mend(child))
            return NW_OK;
    }
    copy(child, a); /* no mixture of the two is legal, or hardly any */
    return NW_OK;
}
