#include "plan.h"

#include "random.h"

#include <math.h>
#include <string.h>

static void release_blocks(nw_net *net)
{
    if (!net->owner) {
        nw_release(net->ctx, net->param);
        nw_release(net->ctx, net->grad);
        nw_release(net->ctx, net->buffer);
    }
    net->param = net->grad = net->buffer = NULL;
}

static void net_destroy(void *object)
{
    nw_net *net = object;

    nw_plans_free(net);
    nw_graph_free(net->graph);
    nw_release(net->ctx, net->arena);
    release_blocks(net);
    nw_release(net->ctx, net->mix);
    nw_release(net->ctx, net->dmix);
    nw_release(net->ctx, net->mean);
}

double nw_real_get(const nw_net *net, const void *block, size_t i)
{
    return net->precision == NW_F64 ? ((const double *)block)[i]
                                    : ((const float *)block)[i];
}

void nw_real_set(const nw_net *net, void *block, size_t i, double value)
{
    if (net->precision == NW_F64)
        ((double *)block)[i] = value;
    else
        ((float *)block)[i] = (float)value;
}

void *nw_net_param(const nw_net *net, int i)
{
    const nw_gparam *p = &net->graph->param[i];
    char *block = p->param->is_buffer ? net->buffer : net->param;

    return block + p->offset * net->real_size;
}

/* Every parameter has a seed of its name: the same module starts alike in any arch. */
static void start_param(nw_net *net, int i, uint64_t seed)
{
    const nw_gparam *p = &net->graph->param[i];
    uint64_t own = nw_subseed(seed, NW_FOR_WEIGHTS,
                              nw_hash(NW_HASH_START, p->name, strlen(p->name)));
    double bound = p->param->fan_in ? 1 / sqrt((double)p->param->fan_in) : 0;

    for (size_t k = 0; k < p->count; k++) {
        double v = p->param->initial;

        if (bound > 0)
            v = bound * (2 * nw_uniform(own, NW_FOR_WEIGHTS, k) - 1);
        nw_real_set(net, nw_net_param(net, i), k, v);
    }
}

static nw_status make_mix(nw_net *net)
{
    size_t weights = net->graph->space ? (size_t)net->graph->space->n_weight : 0;

    net->mix = nw_alloc(net->ctx, (weights + 1) * sizeof(double));
    net->dmix = nw_alloc(net->ctx, (weights + 1) * sizeof(double));
    return net->mix && net->dmix ? NW_OK : NW_ENOMEM;
}

static nw_status make_blocks(nw_net *net)
{
    net->param = nw_map(net->ctx, net->graph->n_trainable * net->real_size + 1);
    net->buffer = nw_map(net->ctx, net->graph->n_buffer * net->real_size + 1);
    return net->param && net->buffer ? make_mix(net) : NW_ENOMEM;
}

nw_status nw_net_need_grad(nw_net *net)
{
    if (!net->grad)
        net->grad = nw_map(net->ctx, net->graph->n_trainable * net->real_size + 1);
    return net->grad ? NW_OK : NW_ENOMEM;
}

nw_status nw_net_start(nw_net *net, uint64_t seed)
{
    NW_TRY(make_blocks(net));
    for (int i = 0; i < net->graph->n_param; i++)
        start_param(net, i, seed);
    return NW_OK;
}

static nw_status make_graph(nw_net *net, nw_space *space, const nw_arch *arch,
                            unsigned flags)
{
    NW_TRY(nw_seal(space));
    net->graph = nw_graph_new(net->ctx, space, arch, net->precision, flags);
    return net->graph ? NW_OK : NW_ENOMEM; /* or whatever is pending */
}

static void start_mix(nw_net *net, const nw_arch *arch)
{
    const nw_space *space = net->graph->space; /* not the arch's if that is coded */

    for (int c = 0; c < space->n_choice; c++)
        for (int i = 0; i < space->choice[c].n; i++) {
            int k = space->choice[c].first + i;

            net->mix[k] = arch ? arch->w[k] : nw_equal_weight(&space->choice[c], i);
        }
}

static nw_status make(nw_net *net, nw_space *space, const nw_arch *arch, uint64_t seed,
                      unsigned flags)
{
    NW_TRY(make_graph(net, space, arch, flags));
    NW_TRY(nw_net_start(net, seed));
    start_mix(net, arch);
    return NW_OK;
}

nw_net *nw_net_empty(nw_ctx *ctx, nw_precision precision)
{
    nw_net *net = nw_new(ctx, sizeof(*net), net_destroy);

    if (!net)
        return NULL;
    net->ctx = ctx;
    net->precision = precision;
    net->real_size = precision == NW_F64 ? sizeof(double) : sizeof(float);
    return net;
}

nw_net *nw_net_make(nw_ctx *ctx, nw_space *space, const nw_arch *arch, uint64_t seed,
                    nw_precision precision, unsigned flags)
{
    nw_net *net = space ? nw_net_empty(ctx, precision) : NULL;

    if (!net)
        return NULL;
    if (make(net, space, arch, seed, flags) >= 0)
        return net;
    nw_net_free(net);
    return NULL;
}

nw_net *nw_net_new(nw_ctx *ctx, nw_space *space, const nw_arch *arch, uint64_t seed,
                   nw_precision precision)
{
    return nw_net_make(ctx, space, arch, seed, precision, NW_GRAPH_AUX);
}

void nw_net_free(nw_net *net)
{
    if (net)
        nw_release(net->ctx, net);
}

static int same_param(const nw_param *a, const nw_param *b)
{
    return a->rank == b->rank && a->is_buffer == b->is_buffer &&
           !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(*a->dim));
}

/* The parameter of the owner that has that name, from `*next` on; -1 = none. Nets have
 * their parameters in nearly the same order. */
static int find_param(const nw_net *owner, const char *name, int *next)
{
    const int n = owner->graph->n_param;

    for (int i = 0; i < n; i++) {
        const int k = (*next + i) % n;

        if (!strcmp(owner->graph->param[k].name, name)) {
            *next = k + 1;
            return k;
        }
    }
    return -1;
}

static nw_status share_param(nw_gparam *p, const nw_net *owner, int *next)
{
    const int k = find_param(owner, p->name, next);

    if (k < 0)
        return nw_fail(owner->ctx, NW_EMATCH,
                       "\"%s\" is not in the net that owns the weights", p->name);
    if (!same_param(p->param, owner->graph->param[k].param))
        return nw_fail(owner->ctx, NW_EMATCH,
                       "\"%s\" has another shape in the net that owns it", p->name);
    p->offset = owner->graph->param[k].offset;
    return NW_OK;
}

static void live_off(nw_net *net, nw_net *owner)
{
    release_blocks(net);
    net->owner = owner;
    net->param = owner->param;
    net->grad = owner->grad;
    net->buffer = owner->buffer;
}

nw_status nw_net_share(nw_net *net, nw_net *owner)
{
    int next = 0;

    if (!net || !owner)
        return NW_ENOMEM;
    if (net->precision != owner->precision)
        return nw_fail(net->ctx, NW_EMATCH, "nets of two precisions share no weights");
    for (int i = 0; i < net->graph->n_param; i++)
        NW_TRY(share_param(&net->graph->param[i], owner, &next));
    NW_TRY(nw_net_need_grad(owner));
    live_off(net, owner);
    return NW_OK;
}

int nw_net_can_share(const nw_net *net, const nw_net *owner)
{
    int next = 0;

    for (int i = 0; i < net->graph->n_param; i++) {
        const int k = find_param(owner, net->graph->param[i].name, &next);

        if (k < 0 ||
            !same_param(net->graph->param[i].param, owner->graph->param[k].param))
            return 0;
    }
    return net->precision == owner->precision;
}

static nw_status move_in(nw_net *net, nw_net *room, nw_space *space, const nw_arch *arch,
                         unsigned flags)
{
    NW_TRY(make_graph(net, space, arch, flags));
    NW_TRY(make_mix(net));
    start_mix(net, arch);
    live_off(net, room);
    return NW_OK;
}

nw_net *nw_net_in(nw_net *room, nw_space *space, const nw_arch *arch, unsigned flags)
{
    nw_net *net = nw_net_empty(room->ctx, room->precision);

    if (!net)
        return NULL;
    net->host = room;
    if (move_in(net, room, space, arch, flags) >= 0)
        return net;
    nw_net_free(net);
    return NULL;
}

nw_status nw_net_set_arch(nw_net *net, const nw_arch *arch)
{
    if (!net || !arch)
        return NW_ENOMEM;
    if (arch->space != net->graph->space)
        return nw_fail(net->ctx, NW_EMATCH, "the architecture is of another space");
    memcpy(net->mix, arch->w, (size_t)arch->space->n_weight * sizeof(double));
    return NW_OK;
}

static int same_config(const nw_plan_config *a, const nw_plan_config *b)
{
    return a->batch == b->batch && a->backward == b->backward &&
           a->no_param_grad == b->no_param_grad && a->input_grad == b->input_grad &&
           a->smoothing == b->smoothing && a->soft_labels == b->soft_labels &&
           a->squares == b->squares && a->no_loss == b->no_loss &&
           a->no_shortcuts == b->no_shortcuts;
}

nw_plan *nw_net_plan(nw_net *net, const nw_plan_config *config)
{
    int oldest = 0;
    nw_plan *plan;

    for (int i = 0; i < 4; i++) {
        if (net->plan[i] && same_config(nw_plan_config_of(net->plan[i]), config)) {
            nw_plan_touch(net->plan[i], ++net->clock);
            return net->plan[i];
        }
        if (!net->plan[oldest])
            continue;
        if (!net->plan[i] || nw_plan_age(net->plan[i]) < nw_plan_age(net->plan[oldest]))
            oldest = i;
    }
    plan = nw_plan_new(net, config);
    if (!plan)
        return NULL;
    nw_plan_free(net->plan[oldest]);
    net->plan[oldest] = plan;
    nw_plan_touch(plan, ++net->clock);
    return plan;
}

nw_status nw_net_normalise(nw_net *net, int n_channel, const double *mean,
                           const double *sd)
{
    nw_release(net->ctx, net->mean);
    net->n_channel = 0;
    net->mean = nw_alloc(net->ctx, (2 * (size_t)n_channel + 1) * sizeof(double));
    if (!net->mean)
        return NW_ENOMEM;
    net->n_channel = n_channel;
    net->sd = net->mean + n_channel;
    for (int c = 0; c < n_channel; c++) {
        net->mean[c] = mean[c];
        net->sd[c] = sd[c];
    }
    return NW_OK;
}
