#include "op_chain.h"

#include <stdio.h>
#include <string.h>

static nw_status expand(struct op_chain *chain, nw_ctx *ctx, const nw_case *c)
{
    char spec[2 * NW_TEXT_SIZE];
    const int *dim = c->in[0].dim;
    nw_ref x, y;

    chain->space = nw_space_new(ctx);
    x = nw_input(chain->space, dim[0], dim[1], dim[2]);
    snprintf(spec, sizeof(spec), "%s name=it", c->spec);
    y = nw_op_n(chain->space, spec, 1, &x);
    NW_TRY(nw_output(chain->space, y));
    return nw_space_seal(chain->space);
}

static const nw_op_type *twin(const nw_op_type *op, int f64)
{
    for (int i = 0; nw_ops_f32[i]; i++)
        if (nw_ops_f32[i] == op && f64)
            return nw_ops_f64[i];
    return op;
}

static nw_status open_step(struct op_chain *chain, nw_ctx *ctx, int i, int batch, int f64)
{
    const nw_place *place = &chain->space->place[i];
    nw_case c = {.spec = place->spec, .n_in = place->n_in};

    for (int j = 0; j < place->n_in; j++)
        c.in[j] = chain->step[place->in[j]].run.out;
    return op_open(&chain->step[i], ctx, twin(place->op, f64), f64, &c, batch, 0);
}

nw_status chain_open(struct op_chain *chain, nw_ctx *ctx, const nw_case *c, int batch,
                     int f64)
{
    chain->n = 0;
    NW_TRY(expand(chain, ctx, c));
    if (chain->space->n_place > CHAIN_MOST)
        return nw_fail(ctx, NW_EINVAL, "%s: more than %d ops", c->spec, CHAIN_MOST);
    for (int i = 0; i < chain->space->n_place; i++) {
        NW_TRY(open_step(chain, ctx, i, batch, f64));
        chain->n++;
    }
    return NW_OK;
}

void chain_close(struct op_chain *chain)
{
    for (int i = 0; i < chain->n; i++)
        op_close(&chain->step[i]);
    nw_space_free(chain->space);
}

void chain_forward(struct op_chain *chain)
{
    for (int i = 1; i < chain->n; i++) {
        struct op_run *r = &chain->step[i];

        for (int j = 0; j < r->run.n_in; j++)
            memcpy(r->x[j].data, chain->step[chain->space->place[i].in[j]].y.data,
                   r->x[j].n * r->real);
        op_forward(r);
    }
}

static void send_back(struct op_chain *chain, int i)
{
    struct op_run *r = &chain->step[i];

    op_begin_gradients(r, 0);
    op_backward(r);
    for (int j = 0; j < r->run.n_in; j++) {
        struct op_run *from = &chain->step[chain->space->place[i].in[j]];

        for (size_t k = 0; r->dx_at[j] && k < r->dx[j].n; k++)
            op_set(from, &from->dy, k,
                   op_get(from, &from->dy, k) + op_get(r, &r->dx[j], k));
    }
}

void chain_backward(struct op_chain *chain)
{
    for (int i = 0; i + 1 < chain->n; i++)
        op_fill(&chain->step[i], &chain->step[i].dy, 0);
    for (int i = chain->n - 1; i > 0; i--)
        send_back(chain, i);
}
