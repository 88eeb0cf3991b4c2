#include "plan.h"

#include "clock.h"
#include "parallel.h"
#include "random.h"

#include <math.h>
#include <string.h>

/* Multiply-adds, and numbers that come out, of a turn of about 10 us on one thread. */
enum { SMALL_MACS = 400000, SMALL_NUMBERS = 30000 };

/* ---- Making ------------------------------------------------------------------- */

/* In whose arena a net's plans work. */
static nw_net *host_of(nw_net *net)
{
    return net->host ? net->host : net;
}

static void *address(const nw_plan *plan, int life)
{
    return life < 0 || !plan->life[life].bytes
               ? NULL
               : host_of(plan->net)->arena + plan->life[life].offset;
}

static void point_params(nw_plan *plan, nw_turn *t)
{
    nw_net *net = plan->net;

    for (int i = 0; i < t->n_param; i++) {
        const nw_gparam *p = &net->graph->param[t->first_param + i];

        t->w[i] = nw_net_param(net, t->first_param + i);
        if (!p->param->is_buffer && t->works_back && !plan->config.no_param_grad)
            t->dw[i] = (char *)net->grad + p->offset * net->real_size;
    }
}

/* Before prepare() the addresses of values are not known, only which there will be. */
static void point(nw_plan *plan, nw_turn *t, int placed)
{
    static char somewhere[64];

    for (int j = 0; j < t->info.n_in; j++) {
        const nw_turn *from = t->in[j] >= 0 ? &plan->turn[t->in[j]] : NULL;
        int dx = t->temp[j] >= 0 ? t->temp[j] : from ? from->dy : -1;

        if (from && !t->due[j]) {
            t->x[j] = placed ? address(plan, from->y) : somewhere;
            t->x_back[j] =
                placed && from->redo >= 0 ? address(plan, from->redo) : t->x[j];
        }
        if (nw_sends_gradient(plan, t, j) && !t->due[j])
            t->dx[j] = placed ? address(plan, dx) : somewhere;
        if (t->temp[j] >= 0)
            t->add[j] = 0; /* the executor adds */
    }
    t->run.y = placed ? address(plan, t->y) : t->reader < 0 ? (void *)somewhere : NULL;
    t->run.dy = t->works_back ? placed ? address(plan, t->dy) : (void *)somewhere : NULL;
    t->run.keep = address(plan, placed ? t->keep : -1);
    t->run.scratch = placed ? address(plan, plan->scratch) : NULL;
}

/* Of a shortcut, all the nodes that it stands for. */
static double macs_of(const nw_plan *plan, const nw_turn *t)
{
    const nw_graph *g = plan->net->graph;
    double macs = 0;

    if (!t->node || t->op == t->node->op)
        return t->info.macs;
    for (int i = 0; i < g->n; i++)
        if (g->node[i].group == t->node->group)
            macs += g->node[i].info.macs;
    return macs;
}

/* Going forward only, a small turn is over before a second thread has been woken. (Going
 * back, oneDNN's sums depend on the number of threads, which is then the same for all.)
 */
static int threads_of(const nw_plan *plan, const nw_turn *t)
{
    const double numbers = (double)nw_count(&t->info.out) * plan->config.batch;
    const double macs = macs_of(plan, t) * plan->config.batch;

    if (!plan->config.backward && macs < SMALL_MACS && numbers < SMALL_NUMBERS)
        return 1;
    return nw_threads(plan->net->ctx);
}

static nw_status prepare(nw_plan *plan, nw_turn *t)
{
    t->run.attr = t->info.attr;
    t->run.n_in = t->info.n_in;
    t->run.in = t->info.in;
    t->run.out = t->info.out;
    t->run.batch = plan->config.batch;
    t->run.backward = t->works_back;
    t->run.still = plan->net->is_folded;
    t->run.ctx = plan->net->ctx;
    t->run.x = (const nw_real *const *)t->x;
    t->run.dx = (nw_real *const *)t->dx;
    t->run.add = t->add;
    t->run.deferred = t->reader < 0 ? NULL : &t->deferred;
    for (int j = 0; j < t->info.n_in; j++)
        if (t->due[j])
            t->run.due = t->due;
    t->run.w = (nw_real *const *)t->w;
    t->run.dw = (nw_real *const *)t->dw;
    t->run.mix = t->mix;
    t->run.dmix = t->works_back && t->node && t->node->choice >= 0 ? t->dmix : NULL;
    point_params(plan, t);
    point(plan, t, 0);
    t->threads = threads_of(plan, t);
    nw_set_threads(t->threads);
    return t->op->prepare ? t->op->prepare(&t->run) : NW_OK;
}

/* A larger plan brings a larger arena, to which the others move. */
static nw_status make_room(nw_net *net, size_t bytes)
{
    if (bytes <= net->arena_bytes && net->arena)
        return NW_OK;
    nw_release(net->ctx, net->arena);
    net->arena_bytes = 0;
    net->arena = nw_map(net->ctx, bytes + 1);
    if (!net->arena)
        return NW_ENOMEM;
    net->arena_bytes = bytes;
    for (nw_plan *p = net->newest; p; p = p->older)
        for (int i = 0; i < p->n; i++)
            point(p, &p->turn[i], 1);
    return NW_OK;
}

static void join(nw_plan *plan)
{
    nw_net *host = host_of(plan->net);

    plan->older = host->newest;
    if (plan->older)
        plan->older->newer = plan;
    host->newest = plan;
}

static void part(nw_plan *plan)
{
    nw_net *host = host_of(plan->net);

    for (int i = 0; i < 4; i++)
        if (plan->net->plan[i] == plan)
            plan->net->plan[i] = NULL;
    if (plan->newer)
        plan->newer->older = plan->older;
    else if (host->newest == plan)
        host->newest = plan->older;
    if (plan->older)
        plan->older->newer = plan->newer;
}

static nw_status make(nw_plan *plan)
{
    nw_net *net = plan->net;

    if (plan->config.batch < 1)
        return nw_fail(net->ctx, NW_EINVAL, "batch=%d: must be at least 1",
                       plan->config.batch);
    if (plan->config.backward && net->is_folded)
        return nw_fail(net->ctx, NW_EINVAL, "a net that was folded cannot be trained");
    if (plan->config.backward)
        NW_TRY(nw_net_need_grad(net));
    NW_TRY(nw_plan_turns(plan));
    for (int i = 0; i < plan->n; i++)
        NW_TRY(prepare(plan, &plan->turn[i]));
    nw_set_threads(nw_threads(net->ctx));
    NW_TRY(nw_plan_lives(plan));
    NW_TRY(make_room(host_of(net), plan->bytes));
    for (int i = 0; i < plan->n; i++)
        point(plan, &plan->turn[i], 1);
    return NW_OK;
}

static void plan_destroy(void *object)
{
    nw_plan *plan = object;

    part(plan);
    for (int i = 0; i < plan->n; i++)
        if (plan->turn[i].op && plan->turn[i].op->release)
            plan->turn[i].op->release(&plan->turn[i].run);
    nw_arena_free(&plan->arena);
}

nw_plan *nw_plan_new(nw_net *net, const nw_plan_config *config)
{
    nw_plan *plan = net ? nw_new(net->ctx, sizeof(*plan), plan_destroy) : NULL;

    if (!plan)
        return NULL;
    nw_arena_init(&plan->arena, net->ctx);
    plan->net = net;
    plan->config = *config;
    plan->input = plan->label = plan->loss = plan->aux_loss = plan->logits = -1;
    if (make(plan) >= 0) {
        join(plan);
        return plan;
    }
    nw_plan_free(plan);
    return NULL;
}

void nw_plan_free(nw_plan *plan)
{
    if (plan)
        nw_release(plan->net->ctx, plan);
}

void nw_plans_free(nw_net *net)
{
    nw_plan *older;

    for (nw_plan *p = host_of(net)->newest; p; p = older) {
        older = p->older;
        if (p->net == net)
            nw_plan_free(p);
    }
}

size_t nw_plan_bytes(const nw_plan *plan)
{
    return plan->bytes;
}

const nw_plan_config *nw_plan_config_of(const nw_plan *plan)
{
    return &plan->config;
}

nw_plan *nw_plan_older(const nw_plan *plan)
{
    return plan->older;
}

void nw_plan_touch(nw_plan *plan, uint64_t now)
{
    plan->used = now;
}

uint64_t nw_plan_age(const nw_plan *plan)
{
    return plan->used;
}

const void *nw_plan_logits(const nw_plan *plan)
{
    return plan->turn[plan->logits].run.y;
}

const void *nw_plan_input_grad(const nw_plan *plan)
{
    return address(plan, plan->turn[plan->input].dy);
}

/* ---- Running ------------------------------------------------------------------ */

struct feed {
    const nw_net *net;
    const float *x;
    void *y;
    size_t channels, pixels;
};

/* NCHW float to NHWC real, one example a step. */
static void feed_part(void *arg, size_t begin, size_t end)
{
    const struct feed *f = arg;
    size_t size = f->channels * f->pixels;

    for (size_t n = begin; n < end; n++)
        for (size_t c = 0; c < f->channels; c++) {
            const float *x = f->x + n * size + c * f->pixels;
            size_t at = n * size + c;

            if (f->net->precision == NW_F64)
                for (size_t p = 0; p < f->pixels; p++)
                    ((double *)f->y)[at + p * f->channels] = x[p];
            else
                for (size_t p = 0; p < f->pixels; p++)
                    ((float *)f->y)[at + p * f->channels] = x[p];
        }
}

static void feed(nw_plan *plan, const nw_batch *batch)
{
    const nw_shape *in = &plan->turn[plan->input].info.out;
    struct feed f = {plan->net, batch->x, plan->turn[plan->input].run.y,
                     (size_t)in->dim[0], nw_count(in) / (size_t)in->dim[0]};
    void *label = plan->label < 0 ? NULL : plan->turn[plan->label].run.y;
    size_t n = (size_t)plan->config.batch;

    nw_parallel(n, 16, feed_part, &f);
    if (label && batch->soft)
        for (size_t i = 0; i < n * nw_count(&plan->turn[plan->label].info.out); i++)
            nw_real_set(plan->net, label, i, batch->soft[i]);
    else if (label)
        for (size_t i = 0; i < n; i++)
            nw_real_set(plan->net, label, i, batch->label ? batch->label[i] : 0);
}

static void set_mix(nw_plan *plan, nw_turn *t)
{
    for (int i = 0; t->node && t->node->choice >= 0 && i < t->info.n_in; i++)
        t->mix[i] = plan->net->mix[t->first_weight + t->node->option[i]];
}

static double mean(const nw_plan *plan, int turn)
{
    double sum = 0;

    for (int i = 0; i < plan->config.batch; i++)
        sum += nw_real_get(plan->net, plan->turn[turn].run.y, (size_t)i);
    return sum / plan->config.batch;
}

/* ---- Time ----------------------------------------------------------------------- */

const nw_turn_time *nw_plan_times(nw_plan *plan, int *n)
{
    *n = plan->n;
    if (plan->time)
        return plan->time;
    plan->time = nw_arena_get(&plan->arena, (size_t)plan->n * sizeof(*plan->time));
    for (int i = 0; plan->time && i < plan->n; i++) {
        const nw_turn *t = &plan->turn[i];

        plan->time[i].op = t->op->name;
        plan->time[i].spec = t->node ? t->node->spec : NULL;
        plan->time[i].name = t->node ? t->node->name : NULL;
        plan->time[i].how = &t->run.how;
        plan->time[i].macs = macs_of(plan, t);
    }
    return plan->time;
}

static void forward(nw_plan *plan, int i)
{
    const nw_turn *t = &plan->turn[i];
    const double start = plan->time ? nw_now() : 0;

    nw_set_threads(t->threads);
    plan->turn[i].run.x = (const nw_real *const *)t->x;
    t->op->forward(&t->run);
    if (plan->time) {
        plan->time[i].forward += nw_now() - start;
        plan->time[i].passes++;
    }
}

nw_status nw_plan_forward(nw_plan *plan, const nw_batch *batch, const nw_pass *pass,
                          double *loss)
{
    nw_set_threads(nw_threads(plan->net->ctx));
    feed(plan, batch);
    for (int i = 0; i < plan->n; i++) {
        nw_turn *t = &plan->turn[i];

        t->run.mode = pass->mode;
        t->run.progress = pass->progress;
        t->run.recalibrated = pass->recalibrated;
        t->run.seed = nw_subseed(pass->seed, NW_FOR_DROPOUT,
                                 t->node ? (uint64_t)t->node->place : UINT64_MAX);
        set_mix(plan, t);
        if (i != plan->input && i != plan->label)
            forward(plan, i);
    }
    nw_set_threads(nw_threads(plan->net->ctx));
    if (loss && plan->loss >= 0)
        *loss = mean(plan, plan->loss);
    if (loss && plan->aux_loss >= 0)
        *loss += plan->net->graph->space->aux_weight * mean(plan, plan->aux_loss);
    return NW_OK;
}

static void start(nw_plan *plan, int turn, double scale)
{
    nw_turn *t = turn < 0 ? NULL : &plan->turn[turn];

    for (int i = 0; t && t->works_back && i < plan->config.batch; i++)
        nw_real_set(plan->net, address(plan, t->dy), (size_t)i,
                    scale / plan->config.batch);
}

struct addition {
    const nw_net *net;
    const void *from;
    void *to;
};

static void add_part(void *arg, size_t begin, size_t end)
{
    const struct addition *a = arg;

    if (a->net->precision == NW_F64)
        for (size_t i = begin; i < end; i++)
            ((double *)a->to)[i] += ((const double *)a->from)[i];
    else
        for (size_t i = begin; i < end; i++)
            ((float *)a->to)[i] += ((const float *)a->from)[i];
}

/* What an op without NW_ADDS wrote beside the sum joins it. */
static void add_temps(nw_plan *plan, nw_turn *t)
{
    for (int j = 0; j < t->info.n_in; j++)
        if (t->temp[j] >= 0) {
            const nw_turn *from = &plan->turn[t->in[j]];
            struct addition a = {plan->net, t->dx[j], address(plan, from->dy)};

            nw_parallel(nw_count(&from->info.out) * (size_t)plan->config.batch, 1 << 14,
                        add_part, &a);
        }
}

/* The value again, to where the readers going back look for it. */
static void redo(const nw_plan *plan, const nw_turn *t)
{
    nw_run run = t->run;

    run.x = (const nw_real *const *)t->x;
    run.y = address(plan, t->redo);
    t->op->redo(&run);
}

static void backward(nw_plan *plan, int i)
{
    nw_turn *t = &plan->turn[i];
    const double start = plan->time ? nw_now() : 0;

    for (int r = t->wanted_redo; r >= 0; r = plan->turn[r].next_redo)
        redo(plan, &plan->turn[r]);
    t->run.x = (const nw_real *const *)t->x_back;
    t->op->backward(&t->run);
    add_temps(plan, t);
    if (plan->time)
        plan->time[i].backward += nw_now() - start;
}

static void go_back(nw_plan *plan)
{
    for (int i = plan->n - 1; i >= 0; i--) {
        nw_turn *t = &plan->turn[i];

        if (!t->works_back || i == plan->input)
            continue;
        if (t->run.dmix)
            memset(t->dmix, 0, (size_t)t->info.n_in * sizeof(double));
        backward(plan, i);
        for (int j = 0; t->run.dmix && j < t->info.n_in; j++)
            plan->net->dmix[t->first_weight + t->node->option[j]] += t->dmix[j];
    }
}

nw_status nw_plan_backward(nw_plan *plan, double scale)
{
    if (!plan->config.backward || plan->loss < 0)
        return nw_fail(plan->net->ctx, NW_EINVAL, "this plan has no backward pass");
    nw_set_threads(nw_threads(plan->net->ctx));
    start(plan, plan->loss, scale);
    start(plan, plan->aux_loss, scale * plan->net->graph->space->aux_weight);
    go_back(plan);
    return NW_OK;
}

nw_status nw_plan_backward_from(nw_plan *plan, const void *dout)
{
    const nw_turn *t = &plan->turn[plan->logits];

    if (!plan->config.backward || !plan->config.no_loss)
        return nw_fail(plan->net->ctx, NW_EINVAL,
                       "this plan has no backward pass that starts from its output");
    if (!t->works_back)
        return NW_OK; /* nothing learns */
    nw_set_threads(nw_threads(plan->net->ctx));
    memcpy(address(plan, t->dy), dout,
           nw_count(&t->info.out) * (size_t)plan->config.batch * plan->net->real_size);
    go_back(plan);
    return NW_OK;
}
