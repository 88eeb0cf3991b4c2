/*
 * golden_darts FILE [f32|f64] - DARTS against what its authors' code computed.
 *
 * FILE is an npz of the form that tests/golden/README.md describes; sizes are read from
 * its arrays. Without a second word both precisions are run. Exit 0 = all agree.
 *
 * Everything goes through the parts that a search uses: the space "darts", the estimator
 * "supernet" (order 1 and 2) and the strategy "darts", whose alpha is set to the file's.
 */
#include "golden.h"
#include "netwright_ext.h"
#include "spec.h"
#include "supernet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const nw_estimator_type nw_estimator_supernet;
extern const nw_strategy_type nw_strategy_darts;

struct golden {
    const struct npz *npz;
    struct checks checks;
    nw_ctx *ctx;
    nw_space *space;
    const char *precision;
    int cells, batch, classes, edges, options;
    double near, far; /* tolerances: first gradients, and what follows from them */
};

static void must(struct golden *g, nw_status status)
{
    if (status >= 0)
        return;
    fprintf(stderr, "golden_darts: %s: %s\n", nw_strstatus(status), nw_errmsg(g->ctx));
    exit(1);
}

static nw_status ignore_epoch(void *loop, const nw_epoch *epoch)
{
    (void)loop, (void)epoch;
    return NW_OK;
}

static nw_status ignore_value(void *loop, int epoch, const char *name, double value)
{
    (void)loop, (void)epoch, (void)name, (void)value;
    return NW_OK;
}

static nw_status ignore_note(void *loop, const char *words)
{
    (void)loop, (void)words;
    return NW_OK;
}

static int count_cells(const struct npz *npz)
{
    int most = -1;

    for (int i = 0; i < npz->n; i++) {
        int cell;

        if (sscanf(npz->array[i].name, "w0/cells.%d.", &cell) == 1 && cell > most)
            most = cell;
    }
    return most + 1;
}

static void read_sizes(struct golden *g)
{
    const struct array *x = npz_get(g->npz, "in/x0"),
                       *alpha = npz_get(g->npz, "alpha0/normal");
    const struct array *stem = npz_get(g->npz, "w0/stem.0.weight");
    int input[3] = {x->dim[1], x->dim[2], x->dim[3]};
    char spec[80];

    g->cells = count_cells(g->npz);
    g->batch = x->dim[0];
    g->classes = npz_get(g->npz, "logits")->dim[1];
    g->edges = alpha->dim[0];
    g->options = alpha->dim[1];
    snprintf(spec, sizeof(spec), "darts c=%d layers=%d", stem->dim[0] / 3, g->cells);
    g->space = nw_space_open(g->ctx, spec, input, g->classes);
    must(g, g->space ? nw_space_seal(g->space) : NW_EINVAL);
}

static nw_env environment(struct golden *g, const int *train, const int *valid, int n)
{
    return (nw_env){.ctx = g->ctx,
                    .space = g->space,
                    .train = batches(g->ctx, g->npz, train, n, g->classes),
                    .valid = batches(g->ctx, g->npz, valid, n, g->classes),
                    .seed = 1,
                    .on_epoch = ignore_epoch,
                    .on_value = ignore_value,
                    .on_note = ignore_note};
}

static void *open_supernet(struct golden *g, const nw_env *env, int order)
{
    void *self = nw_alloc(g->ctx, nw_estimator_supernet.size);
    char spec[200];

    snprintf(spec, sizeof(spec),
             "supernet epochs=1000 batch=%d lr=0.025 momentum=0.9 wd=3e-4 clip=5 "
             "schedule=constant shuffle=0 valid=0 order=%d precision=%s "
             "augment=normalise=none",
             g->batch, order, g->precision);
    must(g, nw_spec_parse(g->ctx, (const nw_head *)&nw_estimator_supernet, spec, NULL,
                          self));
    must(g, nw_estimator_supernet.open(self, env));
    load_weights(nw_supernet_net(self), g->npz, "w0");
    return self;
}

/* Where the options of a kind of cell begin among the weights of an arch. */
static double *of_cell(struct golden *g, double *w, const char *cell)
{
    char name[40];
    int c;

    snprintf(name, sizeof(name), "%s_0", cell);
    c = nw_choice_find(g->space, name);
    if (c < 0)
        exit(1);
    return w + g->space->choice[c].first;
}

static void set_alpha(struct golden *g, double *alpha)
{
    static const char *const cells[] = {"normal", "reduce"};

    for (int k = 0; k < 2; k++) {
        const struct array *a = npz_get(g->npz, "alpha0/%s", cells[k]);

        memcpy(of_cell(g, alpha, cells[k]), a->number, a->count * sizeof(double));
    }
}

static void softmax_rows(struct golden *g, const double *alpha, double *p)
{
    for (int c = 0; c < g->space->n_choice; c++) {
        const double *a = alpha + g->space->choice[c].first;
        double *q = p + g->space->choice[c].first, sum = 0;

        for (int i = 0; i < g->options; i++)
            sum += q[i] = exp(a[i]);
        for (int i = 0; i < g->options; i++)
            q[i] /= sum;
    }
}

/* d loss / d alpha from d loss / d p. */
static void through_softmax(struct golden *g, const double *p, const double *dp,
                            double *da)
{
    for (int c = 0; c < g->space->n_choice; c++) {
        int first = g->space->choice[c].first;
        double mean = 0;

        for (int i = first; i < first + g->options; i++)
            mean += p[i] * dp[i];
        for (int i = first; i < first + g->options; i++)
            da[i] = p[i] * (dp[i] - mean);
    }
}

static void check_alpha(struct golden *g, double *have, const char *prefix,
                        const char *suffix, double tolerance)
{
    static const char *const cells[] = {"normal", "reduce"};
    char name[80];

    for (int k = 0; k < 2; k++) {
        const struct array *want;

        snprintf(name, sizeof(name), "%s%s%s", prefix, cells[k], suffix);
        want = npz_get(g->npz, "%s", name);
        check_norm(&g->checks, name, of_cell(g, have, cells[k]), want->number,
                   want->count, tolerance);
    }
}

static void check_loss(struct golden *g, const char *name, double have, double tolerance)
{
    check_norm(&g->checks, name, &have, npz_get(g->npz, "%s", name)->number, 1,
               tolerance);
}

/* The start: logits, loss, gradients of weights and alpha on batch 0. */
static void check_start(struct golden *g)
{
    int first[] = {0};
    nw_env env = environment(g, first, first, 1);
    void *self = open_supernet(g, &env, 1);
    nw_net *net = nw_supernet_net(self);
    nw_plan_config config = {.batch = g->batch, .backward = 1};
    nw_plan *plan = nw_plan_new(net, &config);
    nw_pass pass = {.mode = NW_TRAIN};
    nw_batch batch = {.x = env.train->info.floats, .label = env.train->info.labels};
    double *alpha = calloc((size_t)g->space->n_weight, sizeof(double));
    double *da = calloc((size_t)g->space->n_weight, sizeof(double)), loss;

    must(g, plan ? NW_OK : NW_EINVAL);
    set_alpha(g, alpha);
    softmax_rows(g, alpha, net->mix);
    must(g, nw_plan_forward(plan, &batch, &pass, &loss));
    check_logits(&g->checks, "logits", plan, net, npz_get(g->npz, "logits"), g->near);
    check_loss(g, "loss_train", loss, g->near);
    must(g, nw_plan_backward(plan, 1));
    check_weights(&g->checks, net, net->grad, g->npz, "grad", g->near);
    through_softmax(g, net->mix, net->dmix, da);
    check_alpha(g, da, "grad_alpha/", "", g->near);
    nw_plan_free(plan);
    nw_estimator_supernet.close(self);
    free(alpha);
    free(da);
}

static nw_status work(struct golden *g, void *self, nw_trial *trial, nw_want want)
{
    trial->want = want;
    trial->grad = NULL;
    must(g, nw_estimator_supernet.work(self, trial));
    return NW_OK;
}

static double last_loss(void *self)
{
    nw_progress p = {0};

    nw_estimator_supernet.progress(self, &p);
    return p.loss;
}

/* One weight step on batch 0, then the alpha gradient on batch 1 in either order. */
static void check_orders(struct golden *g)
{
    static const int train[] = {0, 0}, valid[] = {0, 1};
    double *alpha = calloc((size_t)g->space->n_weight, sizeof(double));
    double *da = calloc((size_t)g->space->n_weight, sizeof(double));

    set_alpha(g, alpha);
    for (int order = 1; order <= 2; order++) {
        nw_env env = environment(g, train, valid, 2);
        void *self = open_supernet(g, &env, order);
        nw_trial trial = {.id = 1, .arch = nw_arch_new(g->ctx, g->space)};

        softmax_rows(g, alpha, trial.arch->w);
        work(g, self, &trial, NW_WANT_UPDATE);
        check_loss(g, "step/loss", last_loss(self), g->near);
        check_weights(&g->checks, nw_supernet_net(self), NULL, g->npz, "w1", g->near);
        work(g, self, &trial, NW_WANT_GRAD);
        for (int i = 0; i < g->space->n_weight; i++)
            da[i] = -trial.grad[i];
        through_softmax(g, trial.arch->w, da, da);
        check_alpha(g, da, order == 1 ? "first/" : "unrolled/", "",
                    order == 1 ? g->near : g->far);
        nw_estimator_supernet.close(self);
    }
    free(alpha);
    free(da);
}

/* The strategy's state is set, and read, through its own state function. */
struct tape {
    double *alpha;
    size_t bytes; /* of alpha, mean and variance */
    int at;
};

static nw_status put_alpha(nw_state *state, void *data, size_t size)
{
    struct tape *t = state->self;

    if (t->at++ == 0) {
        t->bytes = size;
        memset(data, 0, size);
        memcpy(data, t->alpha, size / 3);
    } else {
        memset(data, 0, size);
    }
    return NW_OK;
}

static nw_status get_alpha(nw_state *state, void *data, size_t size)
{
    struct tape *t = state->self;

    if (t->at++ == 0)
        memcpy(t->alpha, data, size / 3);
    return NW_OK;
}

static void check_step(struct golden *g, void *self, void *darts, nw_trial *trial,
                       double *alpha, int i)
{
    struct tape tape = {alpha, 0, 0};
    nw_state state = {&tape, 0, get_alpha};
    char name[40], prefix[24];

    trial->id++;
    must(g, nw_strategy_darts.propose(darts, trial));
    work(g, self, trial, trial->want);
    must(g, nw_strategy_darts.observe(darts, trial));
    must(g, nw_strategy_darts.propose(darts, trial));
    must(g, nw_strategy_darts.state(darts, &state));
    work(g, self, trial, trial->want);
    must(g, nw_strategy_darts.observe(darts, trial));
    snprintf(name, sizeof(name), "traj/%d/loss", i);
    check_loss(g, name, last_loss(self), g->far);
    snprintf(prefix, sizeof(prefix), "traj/%d/", i);
    check_alpha(g, alpha, prefix, "", g->far);
}

static void print_cell(struct golden *g, nw_arch *arch, const double *alpha,
                       const char *cell, char **out)
{
    int first = nw_choice_find(g->space, cell[0] == 'n' ? "normal_0" : "reduce_0"),
        edge = 0;

    *out += sprintf(*out, "%s=[", cell);
    for (int node = 0; edge < g->edges; node++) {
        int kept[2], n = 0;
        double strength[2];

        for (int j = 0; j < node + 2; j++, edge++) {
            const nw_choice *c = &g->space->choice[first + edge];
            int o = nw_arch_get(arch, c->name);

            if (!strcmp(c->option_name[o], "none") || n == 2)
                continue;
            double sum = 0;

            for (int i = 0; i < c->n; i++)
                sum += exp(alpha[c->first + i]);
            strength[n] = exp(alpha[c->first + o]) / sum;
            kept[n++] = j;
        }
        for (int k = 0; k < 2; k++) { /* the authors list the stronger edge first */
            int j = n == 2 && strength[1] > strength[0] ? kept[1 - k] : kept[k];
            const nw_choice *c = &g->space->choice[first + edge - (node + 2) + j];

            *out += sprintf(*out, "%s('%s', %d)", node || k ? ", " : "",
                            c->option_name[nw_arch_get(arch, c->name)], j);
        }
    }
    *out += sprintf(*out, "], %s_concat=range(2, 6)", cell);
}

static void check_genotype(struct golden *g, void *darts, const double *alpha)
{
    nw_arch *arch = nw_arch_new(g->ctx, g->space);
    char text[2000], *out = text;

    must(g, nw_strategy_darts.best(darts, arch));
    out += sprintf(out, "Genotype(");
    print_cell(g, arch, alpha, "normal", &out);
    out += sprintf(out, ", ");
    print_cell(g, arch, alpha, "reduce", &out);
    sprintf(out, ")");
    check_text(&g->checks, "genotype", text, npz_get(g->npz, "genotype")->text);
}

static int steps_of(const struct npz *npz)
{
    char name[40];
    int n = 0;

    do
        snprintf(name, sizeof(name), "traj/%d/loss", n++);
    while (npz_find(npz, name));
    return n - 1;
}

/* Bilevel steps with the strategy: alpha by Adam on the unrolled gradient, then w. */
static void check_trajectory(struct golden *g)
{
    int steps = steps_of(g->npz), train[65] = {0}, valid[65] = {0};
    double *alpha = calloc((size_t)g->space->n_weight, sizeof(double));
    nw_trial trial = {.id = 1, .arch = nw_arch_new(g->ctx, g->space)};
    void *darts = nw_alloc(g->ctx, nw_strategy_darts.size), *self;
    struct tape tape = {alpha, 0, 0};
    nw_state state = {&tape, 1, put_alpha};
    nw_env env;
    char last[16];

    steps = steps < 64 ? steps : 64;
    for (int i = 0; i < steps; i++) {
        train[i + 1] = 2 + 2 * i;
        valid[i + 1] = 3 + 2 * i;
    }
    env = environment(g, train, valid, steps + 1);
    self = open_supernet(g, &env, 2);
    set_alpha(g, alpha);
    must(g, nw_spec_parse(g->ctx, (const nw_head *)&nw_strategy_darts, "darts", NULL,
                          darts));
    must(g, nw_strategy_darts.open(darts, &env));
    must(g, nw_strategy_darts.state(darts, &state));
    softmax_rows(g, alpha, trial.arch->w);
    work(g, self, &trial, NW_WANT_UPDATE); /* the step on batch 0, which moves w alone */
    for (int i = 0; i < steps; i++)
        check_step(g, self, darts, &trial, alpha, i);
    snprintf(last, sizeof(last), "w%d", steps + 1);
    check_weights(&g->checks, nw_supernet_net(self), NULL, g->npz, last, g->far);
    check_genotype(g, darts, alpha);
    nw_strategy_darts.close(darts);
    nw_estimator_supernet.close(self);
    free(alpha);
}

static void run(const struct npz *npz, const char *precision, struct checks *checks)
{
    int f64 = !strcmp(precision, "f64");
    struct golden g = {.npz = npz,
                       .checks = *checks,
                       .ctx = nw_open(NULL),
                       .precision = precision,
                       .near = f64 ? 1e-9 : 1e-4,
                       .far = f64 ? 1e-6 : 2e-3};

    printf("# %s\n", precision);
    read_sizes(&g);
    check_start(&g);
    check_orders(&g);
    check_trajectory(&g);
    *checks = g.checks;
    nw_close(g.ctx);
}

int main(int argc, char **argv)
{
    struct checks checks = {0, 0};
    struct npz *npz;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: golden_darts FILE.npz [f32|f64]\n");
        return 2;
    }
    npz = npz_open(argv[1]);
    if (argc == 2 || !strcmp(argv[2], "f32"))
        run(npz, "f32", &checks);
    if (argc == 2 || !strcmp(argv[2], "f64"))
        run(npz, "f64", &checks);
    npz_close(npz);
    printf("%d passed, %d failed\n", checks.passed, checks.failed);
    return checks.failed != 0;
}
