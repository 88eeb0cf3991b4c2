#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void check_norm(struct checks *c, const char *what, const double *have,
                const double *want, size_t n, double tolerance)
{
    double diff = 0, size = 0, error;

    for (size_t i = 0; i < n; i++) {
        diff += (have[i] - want[i]) * (have[i] - want[i]);
        size += want[i] * want[i];
    }
    error = sqrt(diff) / fmax(sqrt(size), 1e-300);
    if (error <= tolerance)
        c->passed++;
    else
        c->failed++;
    printf("%-4s %-34s relative error %.2e (limit %.0e)\n",
           error <= tolerance ? "ok" : "FAIL", what, error, tolerance);
}

void check_text(struct checks *c, const char *what, const char *have, const char *want)
{
    int same = !strcmp(have, want);

    if (same)
        c->passed++;
    else
        c->failed++;
    printf("%-4s %s\n", same ? "ok" : "FAIL", what);
    if (!same)
        printf("     have %s\n     want %s\n", have, want);
}

void load_weights(nw_net *net, const struct npz *npz, const char *prefix)
{
    for (int i = 0; i < net->graph->n_param; i++) {
        const nw_gparam *p = &net->graph->param[i];
        const struct array *a;

        if (p->param->is_buffer)
            continue;
        a = npz_get(npz, "%s/%s", prefix, p->name);
        if (a->count != p->count) {
            fprintf(stderr, "golden: %s has %zu numbers, not %zu\n", p->name, p->count,
                    a->count);
            exit(1);
        }
        for (size_t k = 0; k < p->count; k++)
            nw_real_set(net, nw_net_param(net, i), k, a->number[k]);
    }
}

void check_weights(struct checks *c, const nw_net *net, const void *grad,
                   const struct npz *npz, const char *prefix, double tolerance)
{
    size_t n = 0, at = 0, length = strlen(prefix);
    int ours = 0, theirs = 0;
    double *have, *want;
    char words[80];

    for (int i = 0; i < npz->n; i++)
        theirs += !strncmp(npz->array[i].name, prefix, length) &&
                  npz->array[i].name[length] == '/';
    for (int i = 0; i < net->graph->n_param; i++)
        if (!net->graph->param[i].param->is_buffer) {
            n += net->graph->param[i].count;
            ours++;
        }
    have = calloc(n, sizeof(double));
    want = calloc(n, sizeof(double));
    for (int i = 0; i < net->graph->n_param; i++) {
        const nw_gparam *p = &net->graph->param[i];
        const struct array *a;

        if (p->param->is_buffer)
            continue;
        a = npz_get(npz, "%s/%s", prefix, p->name);
        for (size_t k = 0; k < p->count; k++, at++) {
            have[at] = nw_real_get(net, grad ? grad : net->param, p->offset + k);
            want[at] = a->number[k];
        }
    }
    snprintf(words, sizeof(words), "%s: %d arrays of %d", prefix, ours, theirs);
    check_norm(c, words, have, want, n, ours == theirs ? tolerance : -1);
    free(have);
    free(want);
}

nw_data *batches(nw_ctx *ctx, const struct npz *npz, const int *batch, int n, int classes)
{
    const struct array *x0 = npz_get(npz, "in/x%d", batch[0]);
    size_t per = (size_t)x0->dim[0], size = x0->count;
    nw_data *data = nw_alloc(ctx, sizeof(*data));
    float *x = nw_alloc(ctx, (size_t)n * size * sizeof(float));
    int32_t *label = nw_alloc(ctx, (size_t)n * per * sizeof(int32_t));

    if (!data || !x || !label)
        exit(1);
    for (int b = 0; b < n; b++) {
        const struct array *in = npz_get(npz, "in/x%d", batch[b]);
        const struct array *y = npz_get(npz, "in/y%d", batch[b]);

        for (size_t i = 0; i < size; i++)
            x[(size_t)b * size + i] = (float)in->number[i];
        for (size_t i = 0; i < per; i++)
            label[(size_t)b * per + i] = (int32_t)y->number[i];
    }
    data->ctx = ctx;
    data->whole = data;
    data->info = (nw_data_info){.shape = {x0->dim[1], x0->dim[2], x0->dim[3]},
                                .classes = classes,
                                .count = (size_t)n * per,
                                .floats = x,
                                .scale = 1,
                                .labels = label};
    data->count = data->info.count;
    return data;
}

void check_logits(struct checks *c, const char *what, const nw_plan *plan,
                  const nw_net *net, const struct array *want, double tolerance)
{
    double *have = calloc(want->count, sizeof(double));

    for (size_t i = 0; i < want->count; i++)
        have[i] = nw_real_get(net, nw_plan_logits(plan), i);
    check_norm(c, what, have, want->number, want->count, tolerance);
    free(have);
}
