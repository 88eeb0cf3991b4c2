#include "score.h"

#include <math.h>
#include <string.h>

static int rank_of(const nw_net *net, const void *logits, size_t first, size_t n,
                   size_t label)
{
    double own = nw_real_get(net, logits, first + label);
    int before = 0;

    for (size_t i = 0; i < n; i++) {
        double v = nw_real_get(net, logits, first + i);

        before += v > own || (v == own && i < label);
    }
    return before;
}

int nw_count_right(const nw_net *net, const void *logits, const int32_t *label, int batch,
                   int k)
{
    size_t n = nw_count(&net->graph->node[net->graph->output].info.out);
    int right = 0;

    for (size_t i = 0; i < (size_t)batch; i++)
        right += rank_of(net, logits, i * n, n, (size_t)label[i]) < k;
    return right;
}

struct scoring {
    nw_net *net;
    nw_data *data;
    const nw_augment *augment;
    nw_plan *plan;
    nw_mode mode;
    size_t batch;
    uint32_t *order;
    float *x;
    int32_t *label;
};

static nw_status begin(struct scoring *s)
{
    nw_ctx *ctx = s->net->ctx;
    nw_plan_config config = {.batch = (int)s->batch, .no_loss = 1};
    size_t count = nw_data_count(s->data), example;
    int shape[3];

    nw_data_shape(s->data, shape);
    example = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2];
    s->plan = nw_net_plan(s->net, &config);
    s->order = nw_alloc(ctx, (count + 1) * sizeof(*s->order));
    s->x = nw_map(ctx, s->batch * example * sizeof(float) + 1);
    s->label = nw_alloc(ctx, (s->batch + 1) * sizeof(*s->label));
    if (!s->plan || !s->order || !s->x || !s->label)
        return nw_pending(ctx);
    for (size_t i = 0; i < count; i++)
        s->order[i] = (uint32_t)i;
    return NW_OK;
}

static void end(struct scoring *s)
{
    nw_release(s->net->ctx, s->order);
    nw_release(s->net->ctx, s->x);
    nw_release(s->net->ctx, s->label);
}

static nw_status check_fit(const nw_net *net, const nw_data *data)
{
    const nw_shape *in = &net->graph->node[net->graph->input].info.out;
    const nw_shape *out = &net->graph->node[net->graph->output].info.out;
    nw_shape have = {.rank = 3};
    char a[48], b[48];

    nw_data_shape(data, have.dim);
    if (in->rank != 3 || memcmp(in->dim, have.dim, sizeof(have.dim)))
        return nw_fail(net->ctx, NW_ESHAPE, "the net takes %s but the data has %s",
                       nw_shape_text(in, a), nw_shape_text(&have, b));
    if (out->rank != 1 || out->dim[0] < nw_data_classes(data))
        return nw_fail(net->ctx, NW_ESHAPE,
                       "the net gives %s but the data has %d classes",
                       nw_shape_text(out, a), nw_data_classes(data));
    return NW_OK;
}

/* -log softmax(logits)[label] of one example. */
static double cross_entropy(const nw_net *net, const void *logits, size_t first, size_t n,
                            size_t label)
{
    double top = -INFINITY, sum = 0;

    for (size_t i = 0; i < n; i++)
        top = fmax(top, nw_real_get(net, logits, first + i));
    for (size_t i = 0; i < n; i++)
        sum += exp(nw_real_get(net, logits, first + i) - top);
    return log(sum) + top - nw_real_get(net, logits, first + label);
}

/* A batch that is not full is filled with zeros, whose answers nobody reads. */
static nw_status run(struct scoring *s, size_t first, size_t n, const nw_pass *pass)
{
    nw_batch batch = {.x = s->x, .label = s->label};

    nw_data_batch(s->data, s->augment, s->order + first, n, 0, 0, 0, s->x, s->label);
    return nw_plan_forward(s->plan, &batch, pass, NULL);
}

static nw_status over(struct scoring *s, int k, nw_score *out)
{
    size_t count = nw_data_count(s->data);
    size_t classes = nw_count(&s->net->graph->node[s->net->graph->output].info.out);
    nw_pass pass = {.mode = s->mode, .progress = 1};
    double loss = 0, right = 0, near = 0;

    for (size_t first = 0; first < count; first += s->batch) {
        size_t n = count - first < s->batch ? count - first : s->batch;
        const void *y = nw_plan_logits(s->plan);

        NW_TRY(run(s, first, n, &pass));
        right += nw_count_right(s->net, y, s->label, (int)n, 1);
        near += nw_count_right(s->net, y, s->label, (int)n, k);
        for (size_t i = 0; i < n; i++)
            loss += cross_entropy(s->net, y, i * classes, classes, (size_t)s->label[i]);
    }
    out->loss = loss / (double)count;
    out->accuracy = right / (double)count;
    out->top5 = near / (double)count;
    return NW_OK;
}

nw_status nw_score_over(nw_net *net, nw_data *data, const nw_augment *augment, int batch,
                        nw_mode mode, int k, nw_score *out)
{
    size_t count = nw_data_count(data);
    struct scoring s = {.net = net, .data = data, .augment = augment, .mode = mode};
    nw_status status;

    NW_TRY(check_fit(net, data));
    s.batch = (size_t)batch < count ? (size_t)batch : count;
    status = begin(&s);
    if (status >= 0)
        status = over(&s, k, out);
    end(&s);
    return status;
}

nw_status nw_recalibrate(nw_net *net, nw_data *data, const nw_augment *augment, int batch,
                         int batches)
{
    size_t count = nw_data_count(data);
    struct scoring s = {.net = net, .data = data, .augment = augment};
    nw_pass pass = {.mode = NW_RECALIBRATE, .progress = 1};
    nw_status status;

    NW_TRY(check_fit(net, data));
    s.batch = (size_t)batch < count ? (size_t)batch : count;
    status = begin(&s);
    for (int i = 0; status >= 0 && i < batches; i++) {
        size_t first = (size_t)i * s.batch % (count - s.batch + 1);

        pass.recalibrated = i;
        status = run(&s, first, s.batch, &pass);
    }
    end(&s);
    return status;
}

nw_status nw_net_score(nw_net *net, nw_data *data, int batch, nw_score *out)
{
    nw_augment augment;

    if (!net)
        return NW_ENOMEM;
    if (!data)
        return nw_pending(net->ctx);
    nw_clear(net->ctx);
    augment = (nw_augment){.n_channel = net->n_channel, .mean = net->mean, .sd = net->sd};
    return nw_score_over(net, data, &augment, batch, NW_EVAL, 5, out);
}
