#include "random.h"
#include "space.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void arch_destroy(void *object)
{
    nw_arch *a = object;

    nw_release(a->ctx, a->w);
}

nw_arch *nw_arch_new(nw_ctx *ctx, nw_space *space)
{
    nw_arch *a;

    if (!space || nw_seal(space) < 0)
        return NULL;
    a = nw_new(ctx, sizeof(*a), arch_destroy);
    if (!a)
        return NULL;
    a->ctx = ctx;
    a->space = space;
    a->w = nw_alloc(ctx, (size_t)space->n_weight * sizeof(double) + 1);
    if (!a->w) {
        nw_arch_free(a);
        return NULL;
    }
    for (int c = 0; c < space->n_choice; c++)
        for (int i = 0; i < space->choice[c].n; i++)
            a->w[space->choice[c].first + i] = nw_equal_weight(&space->choice[c], i);
    return a;
}

void nw_arch_free(nw_arch *arch)
{
    if (arch)
        nw_release(arch->ctx, arch);
}

double *nw_arch_weights(nw_arch *arch, int choice)
{
    return arch->w + arch->space->choice[choice].first;
}

nw_status nw_arch_pick(nw_arch *arch, int choice, int option)
{
    if (!arch)
        return NW_ENOMEM;
    if (choice < 0 || choice >= arch->space->n_choice || option < 0 ||
        option >= arch->space->choice[choice].n)
        return nw_fail(arch->ctx, NW_ENAME, "choice %d has no option %d", choice, option);
    memset(nw_arch_weights(arch, choice), 0,
           (size_t)arch->space->choice[choice].n * sizeof(double));
    nw_arch_weights(arch, choice)[option] = 1;
    return NW_OK;
}

int nw_arch_find(const nw_arch *arch, const char *name)
{
    const char *names[256], *near;
    int c = name ? nw_choice_find(arch->space, name) : -1, n = arch->space->n_choice;

    if (c >= 0)
        return c;
    n = n < 256 ? n : 256;
    for (int i = 0; i < n; i++)
        names[i] = arch->space->choice[i].name;
    name = name ? name : "";
    near = nw_near(name, names, (size_t)n);
    nw_fail(arch->ctx, NW_ENAME, "there is no choice \"%s\"%s%s%s", name,
            near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    return -1;
}

nw_status nw_arch_set(nw_arch *arch, const char *choice, int option)
{
    int c;

    if (!arch)
        return NW_ENOMEM;
    nw_clear(arch->ctx);
    c = nw_arch_find(arch, choice);
    if (c < 0)
        return NW_ENAME;
    if (option < 0 || option >= arch->space->choice[c].n)
        return nw_fail(arch->ctx, NW_EINVAL, "choice \"%s\" has options 0 to %d, not %d",
                       choice, arch->space->choice[c].n - 1, option);
    return nw_arch_pick(arch, c, option);
}

int nw_strongest(const double *w, int n, int skip)
{
    int best = -1;

    for (int i = 0; i < n; i++)
        if (i != skip && !isnan(w[i]) && (best < 0 || w[i] > w[best]))
            best = i;
    return best >= 0 ? best : skip == 0 ? 1 : 0;
}

int nw_arch_option(const nw_arch *arch, int choice)
{
    const nw_choice *c = &arch->space->choice[choice];

    return nw_strongest(arch->w + c->first, c->n, -1);
}

int nw_arch_get(const nw_arch *arch, const char *choice)
{
    int c = arch && choice ? nw_choice_find(arch->space, choice) : -1;

    return c < 0 ? -1 : nw_arch_option(arch, c);
}

void nw_take_strongest(double *w, int n, int k)
{
    for (int i = 0; i < n; i++)
        w[i] = isnan(w[i]) ? -INFINITY : fmax(w[i], -DBL_MAX);
    for (; k > 0; k--)
        w[nw_strongest(w, n, -1)] = NAN; /* marks what is taken */
    for (int i = 0; i < n; i++)
        w[i] = isnan(w[i]);
}

static nw_status harden_rule(nw_arch *arch, const nw_keep_rule *rule)
{
    double *strength = nw_alloc(arch->ctx, (size_t)rule->n * sizeof(double));

    if (!strength)
        return NW_ENOMEM;
    for (int i = 0; i < rule->n; i++) {
        double *w = nw_arch_weights(arch, rule->choice[i]);

        strength[i] =
            w[nw_strongest(w, arch->space->choice[rule->choice[i]].n, rule->none)];
    }
    nw_take_strongest(strength, rule->n, rule->k);
    for (int i = 0; i < rule->n; i++) {
        int c = rule->choice[i];
        double *w = nw_arch_weights(arch, c);

        nw_arch_pick(arch, c,
                     strength[i] != 0
                         ? nw_strongest(w, arch->space->choice[c].n, rule->none)
                         : rule->none);
    }
    nw_release(arch->ctx, strength);
    return NW_OK;
}

nw_status nw_arch_harden(nw_arch *arch)
{
    if (!arch)
        return NW_ENOMEM;
    for (int c = 0; c < arch->space->n_choice; c++)
        if (arch->space->choice[c].keep < 0)
            nw_take_strongest(nw_arch_weights(arch, c), arch->space->choice[c].n,
                              arch->space->choice[c].k);
    for (int r = 0; r < arch->space->n_keep; r++)
        NW_TRY(harden_rule(arch, &arch->space->keep[r]));
    return NW_OK;
}

int nw_arch_kept(const nw_arch *arch, int rule)
{
    const nw_keep_rule *r = &arch->space->keep[rule];
    int kept = 0;

    for (int i = 0; i < r->n; i++)
        kept += arch->w[arch->space->choice[r->choice[i]].first + r->none] == 0;
    return kept;
}

int nw_arch_is_hard(const nw_arch *arch)
{
    for (int c = 0; c < arch->space->n_choice; c++) {
        const nw_choice *choice = &arch->space->choice[c];
        int ones = 0;

        for (int i = 0; i < choice->n; i++) {
            double w = arch->w[choice->first + i];

            if (w != 0 && w != 1)
                return 0;
            ones += w == 1;
        }
        if (ones != choice->k)
            return 0;
    }
    for (int r = 0; r < arch->space->n_keep; r++)
        if (nw_arch_kept(arch, r) != arch->space->keep[r].k)
            return 0;
    return 1;
}

uint64_t nw_arch_hash(const nw_arch *arch)
{
    uint64_t hash = NW_HASH_START;

    for (int c = 0; arch && c < arch->space->n_choice; c++) {
        const nw_choice *choice = &arch->space->choice[c];

        hash = nw_hash(hash, choice->name, strlen(choice->name) + 1);
        hash = nw_hash(hash, arch->w + choice->first, (size_t)choice->n * sizeof(double));
    }
    return hash;
}

nw_status nw_arch_copy(nw_arch *to, const nw_arch *from)
{
    if (!to || !from)
        return NW_ENOMEM;
    for (int c = 0; c < to->space->n_choice; c++) {
        const nw_choice *a = &to->space->choice[c], *b;
        int other = from->space == to->space ? c : nw_choice_find(from->space, a->name);

        b = other < 0 ? NULL : &from->space->choice[other];
        if (!b || b->n != a->n || b->kind != a->kind)
            return nw_fail(to->ctx, NW_EMATCH,
                           "the architecture has no choice \"%s\" with %d options",
                           a->name, a->n);
        memcpy(to->w + a->first, from->w + b->first, (size_t)a->n * sizeof(double));
    }
    return NW_OK;
}
