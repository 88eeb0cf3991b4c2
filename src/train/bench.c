/*
 * bench.c - how long a network takes, and where the time goes.
 *
 * Passes over random numbers: only time and memory are looked at. Times of a pass are
 * medians; those of an op are means, since they are to add up.
 */
#include "clock.h"
#include "net.h"
#include "random.h"
#include "ranktest.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 2, RUNS_ON = 100 };

struct bench {
    nw_ctx *ctx;
    const nw_bench_config *config;
    nw_net *net;
    nw_plan *plan;
    nw_batch batch;
    float *x;
    int32_t *label;
    double *ms; /* of every pass */
    int n_time;
    const nw_turn_time *time;
};

/* What is printed of an op, a layer, or all. */
struct line {
    const char *op, *name;
    const nw_how *how;
    int layers;
    double forward, backward, macs; /* seconds of one pass */
};

static nw_status make_batch(struct bench *b)
{
    const nw_graph *g = b->net->graph;
    const int n = b->config->batch;
    const size_t width = nw_count(&g->node[g->input].info.out);
    const int classes = g->node[g->output].info.out.dim[0];

    b->x = nw_alloc(b->ctx, (size_t)n * width * sizeof(float));
    b->label = nw_alloc(b->ctx, (size_t)n * sizeof(int32_t));
    b->ms = nw_alloc(b->ctx, (size_t)b->config->passes * sizeof(double));
    if (!b->x || !b->label || !b->ms)
        return NW_ENOMEM;
    for (size_t i = 0; i < (size_t)n * width; i++)
        b->x[i] = (float)nw_normal(1, NW_FOR_TEST, i);
    for (int i = 0; i < n; i++)
        b->label[i] = (int32_t)nw_below(2, NW_FOR_TEST, (uint64_t)i, (uint64_t)classes);
    b->batch = (nw_batch){b->x, b->label, NULL};
    return NW_OK;
}

static nw_status pass(struct bench *b, int i)
{
    const nw_pass how = {.mode = b->config->inference ? NW_EVAL : NW_TRAIN,
                         .seed = (uint64_t)i};

    NW_TRY(nw_plan_forward(b->plan, &b->batch, &how, NULL));
    if (b->config->inference)
        return NW_OK;
    memset(b->net->grad, 0, b->net->graph->n_trainable * b->net->real_size);
    return nw_plan_backward(b->plan, 1);
}

static nw_status run(struct bench *b)
{
    for (int i = 0; i < WARM_UP; i++)
        NW_TRY(pass(b, i));
    b->time = nw_plan_times(b->plan, &b->n_time);
    if (!b->time)
        return NW_ENOMEM;
    for (int i = 0; i < b->config->passes; i++) {
        const double start = nw_now();

        NW_TRY(pass(b, WARM_UP + i));
        b->ms[i] = 1e3 * (nw_now() - start);
    }
    nw_sort(b->ms, b->config->passes);
    return NW_OK;
}

/* ---- Printing ------------------------------------------------------------------ */

static struct line line_of(const struct bench *b, int i)
{
    const nw_turn_time *t = &b->time[i];
    const double passes = (double)b->config->passes;

    return (struct line){.op = b->config->by == NW_BY_LAYER && t->spec ? t->spec : t->op,
                         .name = t->name,
                         .how = t->how,
                         .layers = 1,
                         .forward = t->forward / passes,
                         .backward = t->backward / passes,
                         .macs = t->macs * b->config->batch};
}

static void join(struct line *to, const struct line *from)
{
    to->layers += from->layers;
    to->forward += from->forward;
    to->backward += from->backward;
    to->macs += from->macs;
}

/* One line an op, or one a layer; their number. */
static int gather(const struct bench *b, struct line *line)
{
    int n = 0;

    for (int i = 0; i < b->n_time; i++) {
        const struct line l = line_of(b, i);
        int at = b->config->by == NW_BY_LAYER ? n : 0;

        while (at < n && strcmp(line[at].op, l.op))
            at++;
        if (at < n)
            join(&line[at], &l);
        else
            line[n++] = l;
    }
    return n;
}

static int by_time(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    const double s = x->forward + x->backward, t = y->forward + y->backward;

    return (s < t) - (s > t);
}

/* "jit:avx2", or what the passes run on: "jit:avx2, jit:avx2, depthwise"; NULL where
 * there is no choice. */
static const char *runs_on(const nw_how *how, char text[RUNS_ON])
{
    const char *pass[] = {how->forward, how->data, how->weights};
    size_t at = 0;
    int all_same = 1;

    for (int i = 1; i < 3; i++)
        all_same &= !pass[i] || !pass[0] || !strcmp(pass[i], pass[0]);
    for (int i = 0; i < (all_same ? 1 : 3); i++)
        if (pass[i] && at < RUNS_ON)
            at += (size_t)snprintf(text + at, RUNS_ON - at, "%s%s", at ? ", " : "",
                                   pass[i]);
    return at ? text : NULL;
}

static void add_line(nw_table *table, const struct bench *b, const struct line *l,
                     double whole)
{
    const double s = l->forward + l->backward;
    /* A backward pass multiplies twice as much as a forward one. */
    const double flops = 2 * l->macs * (b->config->inference ? 1 : 3);
    char text[RUNS_ON];

    nw_table_text(table, l->op);
    if (b->config->by == NW_BY_LAYER)
        nw_table_text(table, l->name);
    else
        nw_table_integer(table, l->layers);
    nw_table_real(table, 1e3 * l->forward);
    nw_table_real(table, b->config->inference ? NAN : 1e3 * l->backward);
    nw_table_real(table, 100 * s / whole);
    nw_table_real(table, l->macs / b->config->batch);
    nw_table_real(table, l->macs > 0 && s > 0 ? flops / s / 1e9 : NAN);
    if (b->config->by == NW_BY_LAYER)
        nw_table_text(table, runs_on(l->how, text));
}

static nw_status print_lines(const struct bench *b, struct line *line, const char *format,
                             FILE *out)
{
    nw_column column[] = {
        {"op", NW_LEFT, 0, 0},
        {"layers", NW_RIGHT, 0, 0},
        {"forward_ms", NW_RIGHT, 3, 0},
        {"backward_ms", NW_RIGHT, 3, 0},
        {"percent", NW_RIGHT, 1, 0},
        {"macs", NW_RIGHT, 0, 0},
        {"gflops_a_second", NW_RIGHT, 1, 0},
        {"runs_on", NW_LEFT, 0, 0},
    };
    const int n_columns = b->config->by == NW_BY_LAYER ? 8 : 7;
    const int n = gather(b, line);
    double whole = 0;
    nw_table table;
    nw_status status;

    for (int i = 0; i < n; i++)
        whole += line[i].forward + line[i].backward;
    if (b->config->by == NW_BY_LAYER)
        column[1] = (nw_column){"layer", NW_LEFT, 0, 0};
    else
        qsort(line, (size_t)n, sizeof(*line), by_time);
    nw_table_init(&table, b->ctx, column, n_columns);
    for (int i = 0; i < n; i++)
        add_line(&table, b, &line[i], whole);
    status = nw_table_write(&table, format, out);
    nw_table_free(&table);
    return status;
}

static nw_status print_whole(const struct bench *b, const char *format, FILE *out)
{
    static const nw_column column[] = {
        {"batch", NW_RIGHT, 0, 0},
        {"threads", NW_RIGHT, 0, 0},
        {"ms", NW_RIGHT, 3, 0},
        {"least_ms", NW_RIGHT, 3, 0},
        {"examples_a_second", NW_RIGHT, 1, 0},
        {"gflops_a_second", NW_RIGHT, 1, 0},
        {"arena_bytes", NW_RIGHT, 0, 0},
    };
    const nw_bench_config *c = b->config;
    const double ms = b->ms[c->passes / 2];
    const double flops = 2 * b->net->graph->macs * c->batch * (c->inference ? 1 : 3);
    nw_table table;
    nw_status status;

    nw_table_init(&table, b->ctx, column, 7);
    nw_table_integer(&table, c->batch);
    nw_table_integer(&table, nw_threads(b->ctx));
    nw_table_real(&table, ms);
    nw_table_real(&table, b->ms[0]);
    nw_table_real(&table, 1e3 * c->batch / ms);
    nw_table_real(&table, flops / ms / 1e6);
    nw_table_unsigned(&table, nw_plan_bytes(b->plan));
    status = nw_table_write(&table, format, out);
    nw_table_free(&table);
    return status;
}

static nw_status print(const struct bench *b, const char *format, FILE *out)
{
    struct line *line;
    nw_status status;

    if (b->config->by == NW_BY_NOTHING)
        return print_whole(b, format, out);
    line = nw_alloc(b->ctx, (size_t)b->n_time * sizeof(*line) + 1);
    if (!line)
        return NW_ENOMEM;
    status = print_lines(b, line, format, out);
    nw_release(b->ctx, line);
    return status;
}

/* ---- The whole ------------------------------------------------------------------ */

static nw_status bench(struct bench *b)
{
    const nw_plan_config config = {.batch = b->config->batch,
                                   .backward = !b->config->inference,
                                   .no_loss = b->config->inference};

    NW_TRY(make_batch(b));
    b->plan = nw_plan_new(b->net, &config);
    return b->plan ? run(b) : nw_pending(b->ctx);
}

nw_status nw_bench(nw_space *space, const nw_arch *arch, const nw_bench_config *config,
                   const char *format, FILE *out)
{
    struct bench b = {.config = config};
    nw_status status;

    if (!space)
        return NW_ENOMEM;
    NW_TRY(nw_space_seal(space));
    b.ctx = space->ctx;
    if (config->batch < 1 || config->passes < 1)
        return nw_fail(b.ctx, NW_EINVAL, "bench: batch and passes must be at least 1");
    b.net =
        nw_net_make(b.ctx, space, arch, 1, NW_F32, config->inference ? 0 : NW_GRAPH_AUX);
    status = b.net ? bench(&b) : nw_pending(b.ctx);
    if (status >= 0)
        status = print(&b, format, out);
    nw_plan_free(b.plan);
    nw_net_free(b.net);
    nw_release(b.ctx, b.x);
    nw_release(b.ctx, b.label);
    nw_release(b.ctx, b.ms);
    return status;
}
