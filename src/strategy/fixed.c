/*
 * fixed.c - no search: one trial of the architecture that the caller names.
 *
 * Training a found network is a search over one architecture, so it is stored, resumed
 * and reported like any other.
 */
#include "netwright_ext.h"

struct fixed {
    const nw_arch *arch;
    nw_ctx *ctx;
};

static nw_status fixed_open(void *self, const nw_env *env)
{
    struct fixed *f = self;

    f->arch = env->arch;
    f->ctx = env->ctx;
    if (!f->arch && nw_space_choices(env->space))
        return nw_fail(env->ctx, NW_EINVAL,
                       "fixed: the space has choices, so an architecture must be given");
    return NW_OK;
}

static nw_status fixed_propose(void *self, nw_trial *trial)
{
    const struct fixed *f = self;

    if (trial->id > 1)
        return NW_DONE;
    return f->arch ? nw_arch_copy(trial->arch, f->arch) : NW_OK;
}

const nw_strategy_type nw_strategy_fixed = {
    .name = "fixed",
    .doc = "one trial of a given architecture",
    .size = sizeof(struct fixed),
    .open = fixed_open,
    .propose = fixed_propose,
};
