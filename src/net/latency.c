#include "latency.h"

#include "clock.h"
#include "plan.h"
#include "random.h"

#include <stdlib.h>

enum { WARM_UP = 3 };

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static nw_status measure(nw_plan *plan, const float *x, int passes, double *ms)
{
    const nw_pass pass = {.mode = NW_EVAL, .progress = 1};
    const nw_batch batch = {.x = x};

    for (int i = -WARM_UP; i < passes; i++) {
        const double start = nw_now();

        NW_TRY(nw_plan_forward(plan, &batch, &pass, NULL));
        if (i >= 0)
            ms[i] = 1e3 * (nw_now() - start);
    }
    return NW_OK;
}

nw_status nw_net_latency(nw_net *net, int passes, double *ms)
{
    const nw_plan_config config = {.batch = 1, .no_loss = 1};
    nw_plan *plan = nw_plan_new(net, &config);
    size_t n = plan ? nw_count(&net->graph->node[net->graph->input].info.out) : 0;
    float *x = plan ? nw_alloc(net->ctx, n * sizeof(*x) + 1) : NULL;
    double *each = x ? nw_alloc(net->ctx, (size_t)passes * sizeof(*each) + 1) : NULL;
    nw_status status = each ? NW_OK : nw_pending(net->ctx);

    for (size_t i = 0; each && i < n; i++)
        x[i] = (float)nw_uniform(0, NW_FOR_NOISE, i);
    if (each)
        status = measure(plan, x, passes, each);
    if (status >= 0) {
        qsort(each, (size_t)passes, sizeof(*each), compare);
        *ms = each[passes / 2];
    }
    nw_release(net->ctx, each);
    nw_release(net->ctx, x);
    nw_plan_free(plan);
    return status;
}
