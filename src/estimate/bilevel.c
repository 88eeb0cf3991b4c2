#include "bilevel.h"

#include <math.h>
#include <string.h>

nw_status nw_unroll_init(nw_unroll *u, nw_ctx *ctx, const nw_oracle *oracle)
{
    size_t n = (size_t)oracle->n_arch * sizeof(double) + 1;

    *u = (nw_unroll){.ctx = ctx};
    u->copy = nw_map(ctx, oracle->bytes);
    u->v = nw_map(ctx, oracle->bytes);
    u->plus = nw_alloc(ctx, n);
    u->minus = nw_alloc(ctx, n);
    return u->copy && u->v && u->plus && u->minus ? NW_OK : NW_ENOMEM;
}

void nw_unroll_clear(nw_unroll *u)
{
    if (!u->ctx)
        return;
    nw_release(u->ctx, u->copy);
    nw_release(u->ctx, u->v);
    nw_release(u->ctx, u->plus);
    nw_release(u->ctx, u->minus);
    *u = (nw_unroll){0};
}

/* grad_a L_train at w +- R v into plus and minus. */
static nw_status differences(nw_unroll *u, const nw_oracle *o, double radius)
{
    o->vec->sum(o->n, u->copy, u->v, radius, o->w);
    NW_TRY(o->train(o->self, u->plus));
    o->vec->sum(o->n, u->copy, u->v, -radius, o->w);
    return o->train(o->self, u->minus);
}

static nw_status unrolled(nw_unroll *u, const nw_oracle *o, double *darch)
{
    double length, radius;

    NW_TRY(o->train(o->self, NULL));
    o->look_ahead(o->self, u->v);
    memcpy(o->w, u->v, o->bytes);
    NW_TRY(o->valid(o->self, darch));
    memcpy(u->v, o->dw, o->bytes);
    length = sqrt(o->vec->dot(o->n, u->v, u->v));
    if (!(length > 0))
        return NW_OK; /* the validation loss does not depend on w: no second term */
    radius = .01 / length;
    NW_TRY(differences(u, o, radius));
    for (int i = 0; i < o->n_arch; i++)
        darch[i] -= o->xi * (u->plus[i] - u->minus[i]) / (2 * radius);
    return NW_OK;
}

nw_status nw_unrolled(nw_unroll *u, const nw_oracle *oracle, double *darch)
{
    nw_status status;

    memcpy(u->copy, oracle->w, oracle->bytes);
    status = unrolled(u, oracle, darch);
    memcpy(oracle->w, u->copy, oracle->bytes);
    return status;
}
