#include "optimizer.h"

#include <math.h>
#include <string.h>

static double decay_of(const nw_optimizer *opt, const nw_param *param)
{
    return param->never_decays && !opt->recipe->decay_norm ? 0 : opt->recipe->wd;
}

/* Neighbours of equal decay are one stretch: mostly there is a single one. */
static void add_stretch(nw_optimizer *opt, const nw_gparam *p)
{
    double decay = decay_of(opt, p->param);
    nw_stretch *last = opt->n_stretch ? &opt->stretch[opt->n_stretch - 1] : NULL;

    if (last && last->decay == decay)
        last->count = p->offset + p->count - last->offset;
    else
        opt->stretch[opt->n_stretch++] = (nw_stretch){p->offset, p->count, decay};
}

nw_status nw_optimizer_init(nw_optimizer *opt, nw_net *net, const nw_recipe *recipe)
{
    size_t bytes = net->graph->n_trainable * net->real_size + 1;

    *opt = (nw_optimizer){.net = net, .recipe = recipe};
    opt->vec = net->precision == NW_F64 ? &nw_vec_f64 : &nw_vec_f32;
    opt->is_decoupled = !strcmp(recipe->optimizer, "adamw");
    opt->is_adam = opt->is_decoupled || !strcmp(recipe->optimizer, "adam");
    opt->stretch =
        nw_alloc(net->ctx, (size_t)(net->graph->n_param + 1) * sizeof(nw_stretch));
    if (!opt->stretch)
        return NW_ENOMEM;
    for (int i = 0; i < net->graph->n_param; i++)
        if (!net->graph->param[i].param->is_buffer)
            add_stretch(opt, &net->graph->param[i]);
    if (opt->is_adam || recipe->momentum > 0) {
        opt->first = nw_map(net->ctx, bytes);
        if (!opt->first)
            return NW_ENOMEM;
    }
    if (opt->is_adam) {
        opt->second = nw_map(net->ctx, bytes);
        if (!opt->second)
            return NW_ENOMEM;
    }
    return NW_OK;
}

void nw_optimizer_clear(nw_optimizer *opt)
{
    if (!opt->net)
        return;
    nw_release(opt->net->ctx, opt->stretch);
    nw_release(opt->net->ctx, opt->first);
    nw_release(opt->net->ctx, opt->second);
    *opt = (nw_optimizer){0};
}

void nw_optimizer_zero(nw_optimizer *opt)
{
    memset(opt->net->grad, 0, opt->net->graph->n_trainable * opt->net->real_size);
}

static void *at(const nw_optimizer *opt, void *block, size_t offset)
{
    return block ? (char *)block + offset * opt->net->real_size : NULL;
}

/* What the gradient is multiplied by so that its norm stays within the limit; the 1e-6
 * is PyTorch's. */
static double clip(nw_optimizer *opt, double *norm)
{
    size_t n = opt->net->graph->n_trainable;
    double length, scale = 1;

    if (opt->recipe->clip_value > 0)
        opt->vec->clamp(n, opt->recipe->clip_value, opt->net->grad);
    if (opt->recipe->clip <= 0 && !norm)
        return 1;
    length = sqrt(opt->vec->dot(n, opt->net->grad, opt->net->grad));
    if (norm)
        *norm = length;
    if (opt->recipe->clip > 0)
        scale = opt->recipe->clip / (length + 1e-6);
    return scale < 1 ? scale : 1;
}

void nw_optimizer_step(nw_optimizer *opt, double lr, double *norm)
{
    const nw_recipe *r = opt->recipe;
    double scale = clip(opt, norm);
    nw_sgd sgd = {lr, r->momentum, 0, scale, r->nesterov};
    nw_adam adam = {lr, r->beta1, r->beta2, r->eps, 0, scale, opt->is_decoupled, 0, 0};

    opt->step++;
    adam.fix1 = 1 - pow(r->beta1, (double)opt->step);
    adam.fix2 = 1 - pow(r->beta2, (double)opt->step);
    for (int i = 0; i < opt->n_stretch; i++) {
        const nw_stretch *s = &opt->stretch[i];
        void *grad = at(opt, opt->net->grad, s->offset),
             *p = at(opt, opt->net->param, s->offset);

        sgd.decay = adam.decay = s->decay;
        if (opt->is_adam)
            opt->vec->adam(s->count, &adam, grad, at(opt, opt->first, s->offset),
                           at(opt, opt->second, s->offset), p);
        else
            opt->vec->sgd(s->count, &sgd, grad, at(opt, opt->first, s->offset), p);
    }
}

nw_status nw_optimizer_state(nw_optimizer *opt, nw_state *state)
{
    size_t bytes = opt->net->graph->n_trainable * opt->net->real_size;

    NW_TRY(state->bytes(state, &opt->step, sizeof(opt->step)));
    if (opt->first)
        NW_TRY(state->bytes(state, opt->first, bytes));
    if (opt->second)
        NW_TRY(state->bytes(state, opt->second, bytes));
    return NW_OK;
}
