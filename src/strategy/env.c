/* env.c - what every strategy may ask about an arch before it proposes it. */
#include "ctx.h"
#include "netwright_ext.h"
#include "random.h"

#include <math.h>

enum { MOST_DRAWS = 2000, MOST_STEPS = 20000 };

int nw_env_allows(const nw_env *env, const nw_arch *arch)
{
    return !env->allows || env->allows(env->loop, arch);
}

nw_status nw_env_cost(const nw_env *env, const nw_arch *arch, nw_score *out)
{
    return env->cost ? env->cost(env->loop, arch, out) : nw_arch_cost(arch, out);
}

/* Mutations that do not lead further away, until the limits hold. */
static nw_status walk(const nw_env *env, nw_arch *arch, nw_arch *to, uint64_t seed)
{
    double excess = env->excess(env->loop, arch);

    for (uint64_t i = 0; i < MOST_STEPS && excess > 0; i++) {
        double next;

        NW_TRY(nw_arch_copy(to, arch));
        if (nw_arch_mutate(to, nw_subseed(seed, NW_FOR_STRATEGY, i)) != NW_OK)
            break;
        next = env->excess(env->loop, to);
        if (next > excess)
            continue;
        excess = next;
        NW_TRY(nw_arch_copy(arch, to));
    }
    return excess > 0 ? nw_fail(env->ctx, NW_EINFEASIBLE,
                                "no architecture within the limits was found by %d draws "
                                "and %d steps towards them",
                                MOST_DRAWS, MOST_STEPS)
                      : NW_OK;
}

nw_status nw_env_draw(const nw_env *env, nw_arch *arch, uint64_t seed)
{
    nw_arch *to;
    nw_status status;

    for (uint64_t i = 0; i < MOST_DRAWS; i++) {
        NW_TRY(nw_arch_random(arch, i ? nw_subseed(seed, NW_FOR_ARCH, i) : seed));
        if (nw_env_allows(env, arch))
            return NW_OK;
    }
    to = nw_arch_new(env->ctx, env->space);
    status = to ? walk(env, arch, to, seed) : NW_ENOMEM;
    nw_arch_free(to);
    return status;
}
