/* infer.c - a trained net at work: logits for examples in memory. */
#include "net.h"

#include <string.h>

static void give(const nw_net *net, const nw_plan *plan, int batch, float *out)
{
    const nw_shape *s = &net->graph->node[net->graph->output].info.out;
    size_t channels = s->rank == 3 ? (size_t)s->dim[0] : 1, size = nw_count(s);
    size_t pixels = size / channels;
    const void *y = nw_plan_logits(plan);

    for (size_t n = 0; n < (size_t)batch; n++)
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < pixels; p++)
                out[n * size + c * pixels + p] =
                    (float)nw_real_get(net, y, n * size + p * channels + c);
}

/* in, normalised as the net's training data was, in memory of its own. */
static float *normalised(const nw_net *net, int batch, const float *in)
{
    const nw_shape *s = &net->graph->node[net->graph->input].info.out;
    size_t size = nw_count(s), pixels = size / (size_t)s->dim[0];
    float *x = nw_alloc(net->ctx, (size_t)batch * size * sizeof(float));

    for (size_t i = 0; x && i < (size_t)batch * size; i++) {
        size_t c = i / pixels % (size_t)s->dim[0];

        x[i] = net->n_channel ? (float)((in[i] - net->mean[c]) / net->sd[c]) : in[i];
    }
    return x;
}

nw_status nw_net_run(nw_net *net, int batch, const float *in, float *out)
{
    nw_plan_config config = {.batch = batch, .no_loss = 1};
    nw_pass pass = {.mode = NW_EVAL, .progress = 1};
    nw_batch b = {0};
    nw_status status;
    nw_plan *plan;
    float *x;

    if (!net)
        return NW_ENOMEM;
    nw_clear(net->ctx);
    plan = nw_net_plan(net, &config);
    if (!plan)
        return nw_pending(net->ctx);
    x = normalised(net, batch, in);
    if (!x)
        return NW_ENOMEM;
    b.x = x;
    status = nw_plan_forward(plan, &b, &pass, NULL);
    if (status >= 0)
        give(net, plan, batch, out);
    nw_release(net->ctx, x);
    return status;
}
