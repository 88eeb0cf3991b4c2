#include "recipe.h"

#include "cpu.h"

#include <math.h>
#include <string.h>

static nw_status one_of(nw_ctx *ctx, const char *key, const char *value,
                        const char *const *words)
{
    size_t n = 0;
    const char *near;

    for (; words[n]; n++)
        if (!strcmp(value, words[n]))
            return NW_OK;
    near = nw_near(value, words, n);
    return nw_fail(ctx, NW_ESPEC, "%s=%s: no such word%s%s%s", key, value,
                   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

/* What it would need is said first where the CPU lacks it: no other build helps then. */
static nw_status check_precision(nw_ctx *ctx, const char *precision)
{
    static const char *const precisions[] = {"f32", "f64", "bf16", NULL};

    NW_TRY(one_of(ctx, "precision", precision, precisions));
    if (strcmp(precision, "bf16"))
        return NW_OK;
    if (!nw_cpu_has_bf16())
        return nw_fail(
            ctx, NW_ESPEC,
            "precision=bf16: needs a CPU with avx512_bf16 or amx_bf16, and this "
            "one has neither; use f32");
    return nw_fail(ctx, NW_ESPEC,
                   "precision=bf16: this build has no kernels for it yet; use f32");
}

nw_status nw_recipe_check(nw_ctx *ctx, const nw_recipe *r)
{
    static const char *const optimizers[] = {"sgd", "adam", "adamw", NULL};
    static const char *const schedules[] = {"constant", "step", "linear", "cosine", NULL};
    static const char *const anneals[] = {"epoch", "step", NULL};
    static const char *const losses[] = {"cross_entropy", "mse", NULL};
    static const char *const metrics[] = {"accuracy", "topk", "loss", NULL};

    NW_TRY(one_of(ctx, "optimizer", r->optimizer, optimizers));
    NW_TRY(one_of(ctx, "schedule", r->schedule, schedules));
    NW_TRY(one_of(ctx, "anneal", r->anneal, anneals));
    NW_TRY(one_of(ctx, "loss", r->loss, losses));
    NW_TRY(one_of(ctx, "metric", r->metric, metrics));
    return check_precision(ctx, r->precision);
}

nw_precision nw_recipe_precision(const nw_recipe *recipe)
{
    return strcmp(recipe->precision, "f64") ? NW_F32 : NW_F64;
}

double nw_recipe_lr(const nw_recipe *r, double epoch, double epochs)
{
    const double pi = 3.14159265358979323846;
    double e = strcmp(r->anneal, "step") ? floor(epoch) : epoch, share;

    if (e < r->warmup)
        return r->lr * (strcmp(r->anneal, "step") ? e + 1 : e) / fmax(r->warmup, 1);
    e -= r->warmup;
    share = e / fmax(epochs - r->warmup, 1e-9);
    if (!strcmp(r->schedule, "cosine"))
        return r->lr_min + .5 * (r->lr - r->lr_min) * (1 + cos(pi * share));
    if (!strcmp(r->schedule, "linear"))
        return r->lr + (r->lr_min - r->lr) * share;
    if (!strcmp(r->schedule, "step"))
        return r->lr * pow(r->step_factor, floor(e / r->step_every));
    return r->lr;
}

nw_plan_config nw_recipe_plan(const nw_recipe *recipe, int batch)
{
    int mse = !strcmp(recipe->loss, "mse");

    return (nw_plan_config){
        .batch = batch, .backward = 1, .smoothing = recipe->smoothing, .squares = mse};
}

double nw_recipe_quality(const nw_recipe *recipe, const nw_score *score)
{
    if (!strcmp(recipe->metric, "loss"))
        return -score->loss;
    return strcmp(recipe->metric, "topk") ? score->accuracy : score->top5;
}
