/* learner.c - a net, its plans and Adam behind a few calls; see learner.h. */
#include "learner.h"

#include "random.h"
#include "trainer.h"

#include <math.h>
#include <string.h>

struct nw_learner {
    nw_ctx *ctx;
    nw_net *net;
    nw_learner *owner; /* of the weights: itself, or what it is a view of */
    unsigned flags;
    nw_plan *plan; /* of the last forward pass; NULL = none that can go back */
    double *y;     /* (batch, out) of it, with room for `room` numbers */
    void *dy;      /* nw_real */
    size_t room;
    /* Of the owner alone: */
    nw_recipe recipe;
    nw_optimizer opt;
    uint64_t seed, passes;
};

/* ---- Making one ------------------------------------------------------------------- */

static void learner_destroy(void *object)
{
    nw_learner *l = object;

    nw_optimizer_clear(&l->opt);
    nw_net_free(l->net);
    nw_release(l->ctx, l->y);
    nw_release(l->ctx, l->dy);
}

static double or_else(double value, double otherwise)
{
    return value != 0 ? value : otherwise;
}

static nw_recipe recipe_of(const nw_learner_config *c)
{
    return (nw_recipe){.optimizer = "adam",
                       .lr = or_else(c->lr, 1e-3),
                       .beta1 = or_else(c->beta1, .9),
                       .beta2 = or_else(c->beta2, .999),
                       .eps = or_else(c->eps, 1e-8),
                       .wd = c->weight_decay,
                       .decay_norm = 1,
                       .clip = c->clip_norm};
}

/* Every parameter draws by its name, as all nets do. */
static void start_weights(nw_net *net, const nw_learner_config *config)
{
    for (int i = 0; config->init > 0 && i < net->graph->n_param; i++) {
        const nw_gparam *p = &net->graph->param[i];
        const uint64_t own = nw_subseed(config->seed, NW_FOR_WEIGHTS,
                                        nw_hash(NW_HASH_START, p->name, strlen(p->name)));

        for (size_t k = 0; !p->param->is_buffer && k < p->count; k++)
            nw_real_set(net, nw_net_param(net, i), k,
                        config->init * (2 * nw_uniform(own, NW_FOR_WEIGHTS, k) - 1));
    }
}

static nw_learner *new_learner(nw_ctx *ctx, nw_learner *owner, unsigned flags)
{
    nw_learner *l = nw_new(ctx, sizeof(*l), learner_destroy);

    if (!l)
        return NULL;
    l->ctx = ctx;
    l->owner = owner ? owner : l;
    l->flags = flags;
    return l;
}

static nw_status make_net(nw_learner *l, nw_space *space, uint64_t seed,
                          nw_precision precision)
{
    NW_TRY(nw_seal(space));
    if (nw_space_choices(space))
        return nw_fail(l->ctx, NW_EINVAL, "learner: its space may have no choices");
    l->net = nw_net_new(l->ctx, space, NULL, seed, precision);
    return l->net ? NW_OK : NW_ENOMEM;
}

static nw_status make_owner(nw_learner *l, nw_space *space,
                            const nw_learner_config *config)
{
    NW_TRY(make_net(l, space, config->seed, config->precision));
    NW_TRY(nw_net_need_grad(l->net));
    l->recipe = recipe_of(config);
    l->seed = config->seed;
    start_weights(l->net, config);
    return nw_optimizer_init(&l->opt, l->net, &l->recipe);
}

static nw_status make_view(nw_learner *l, nw_space *space)
{
    NW_TRY(make_net(l, space, 0, l->owner->net->precision));
    return nw_net_share(l->net, l->owner->net);
}

static nw_learner *made(nw_learner *l, nw_status status)
{
    if (status >= 0)
        return l;
    nw_learner_close(l);
    return NULL;
}

nw_learner *nw_learner_open(nw_ctx *ctx, nw_space *space, const nw_learner_config *config)
{
    nw_learner *l = space ? new_learner(ctx, NULL, config->flags) : NULL;

    return l ? made(l, make_owner(l, space, config)) : NULL;
}

nw_learner *nw_learner_view(nw_learner *of, nw_space *space, unsigned flags)
{
    nw_learner *l = of && space ? new_learner(of->ctx, of->owner, flags) : NULL;

    return l ? made(l, make_view(l, space)) : NULL;
}

void nw_learner_close(nw_learner *l)
{
    if (l)
        nw_release(l->ctx, l);
}

/* ---- Passes -------------------------------------------------------------------------
 */

static const nw_shape *shape_of(const nw_learner *l, int node)
{
    return &l->net->graph->node[node].info.out;
}

size_t nw_learner_in(const nw_learner *l)
{
    return nw_count(shape_of(l, l->net->graph->input));
}

size_t nw_learner_out(const nw_learner *l)
{
    return nw_count(shape_of(l, l->net->graph->output));
}

static nw_status make_room(nw_learner *l, size_t n)
{
    if (n <= l->room)
        return NW_OK;
    nw_release(l->ctx, l->y);
    nw_release(l->ctx, l->dy);
    l->room = 0;
    l->y = nw_alloc(l->ctx, n * sizeof(*l->y));
    l->dy = nw_alloc(l->ctx, n * l->net->real_size);
    if (!l->y || !l->dy)
        return NW_ENOMEM;
    l->room = n;
    return NW_OK;
}

static nw_plan *plan_for(nw_learner *l, int batch, nw_mode mode)
{
    const int goes_back = mode != NW_EVAL;
    const nw_plan_config config = {
        .batch = batch,
        .no_loss = 1,
        .backward = goes_back,
        .no_param_grad = goes_back && l->flags & NW_LEARNER_FROZEN,
        .input_grad = goes_back && l->flags & NW_LEARNER_INPUT_GRAD};

    return nw_net_plan(l->net, &config);
}

nw_status nw_learner_forward(nw_learner *l, int batch, const float *x, nw_mode mode,
                             const double **y)
{
    const size_t n = (size_t)batch * nw_learner_out(l);
    nw_pass pass = {.mode = mode, .progress = 1};
    nw_plan *plan = plan_for(l, batch, mode);

    l->plan = NULL;
    if (!plan)
        return nw_pending(l->ctx);
    NW_TRY(make_room(l, n));
    pass.seed = nw_subseed(l->owner->seed, NW_FOR_DROPOUT, l->owner->passes++);
    NW_TRY(nw_plan_forward(plan, &(nw_batch){.x = x}, &pass, NULL));
    for (size_t i = 0; i < n; i++)
        l->y[i] = nw_real_get(l->net, nw_plan_logits(plan), i);
    *y = l->y;
    l->plan = mode == NW_EVAL ? NULL : plan;
    return NW_OK;
}

nw_status nw_learner_backward(nw_learner *l, const double *dy)
{
    size_t n;

    if (!l->plan)
        return nw_fail(l->ctx, NW_EINVAL,
                       "learner: no forward pass to go back through, or one in NW_EVAL");
    n = (size_t)nw_plan_config_of(l->plan)->batch * nw_learner_out(l);
    for (size_t i = 0; i < n; i++)
        nw_real_set(l->net, l->dy, i, dy[i]);
    return nw_plan_backward_from(l->plan, l->dy);
}

double nw_learner_input_grad(const nw_learner *l, size_t i)
{
    const void *dx = l->plan ? nw_plan_input_grad(l->plan) : NULL;

    return dx ? nw_real_get(l->net, dx, i) : 0;
}

/* ---- Learning ------------------------------------------------------------------------
 */

void nw_learner_clear(nw_learner *l)
{
    nw_optimizer_zero(&l->owner->opt);
}

void nw_learner_set_lr(nw_learner *l, double lr)
{
    l->owner->recipe.lr = lr;
}

nw_status nw_learner_step(nw_learner *l, double *norm)
{
    nw_learner *o = l->owner;
    const double length =
        sqrt(o->opt.vec->dot(o->net->graph->n_trainable, o->net->grad, o->net->grad));

    if (norm)
        *norm = length;
    if (isfinite(length))
        nw_optimizer_step(&o->opt, o->recipe.lr, NULL);
    nw_learner_clear(o);
    if (!isfinite(length))
        return nw_fail(l->ctx, NW_EDIVERGED, "learner: the gradient is not finite");
    return NW_OK;
}

nw_status nw_learner_state(nw_learner *l, nw_state *state)
{
    nw_learner *o = l->owner;

    NW_TRY(state->bytes(state, &o->passes, sizeof(o->passes)));
    NW_TRY(state->bytes(state, &o->recipe.lr, sizeof(o->recipe.lr)));
    NW_TRY(nw_net_state(o->net, state));
    return nw_optimizer_state(&o->opt, state);
}

size_t nw_learner_count(const nw_learner *l)
{
    const nw_graph *g = l->owner->net->graph;
    size_t n = 0;

    for (int i = 0; i < g->n_param; i++)
        n += g->param[i].param->is_buffer ? 0 : g->param[i].count;
    return n;
}

/* Where number i stands in the blocks, in which every parameter starts on a cache line.
 */
static size_t place(const nw_learner *l, size_t i)
{
    const nw_gparam *p = l->owner->net->graph->param;

    for (; p->param->is_buffer || i >= p->count; p++)
        i -= p->param->is_buffer ? 0 : p->count;
    return p->offset + i;
}

double nw_learner_weight(const nw_learner *l, size_t i)
{
    return nw_real_get(l->net, l->owner->net->param, place(l, i));
}

void nw_learner_set_weight(nw_learner *l, size_t i, double value)
{
    nw_real_set(l->net, l->owner->net->param, place(l, i), value);
}

double nw_learner_grad(const nw_learner *l, size_t i)
{
    return nw_real_get(l->net, l->owner->net->grad, place(l, i));
}
