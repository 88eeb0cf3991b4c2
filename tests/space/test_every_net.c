/*
 * test_every_net.c - every published network runs, forward and backward, at batch 2, in
 * the memory that was planned for it: all of that, and no more.
 */
#include "table.h"

#include "plan.h"
#include "random.h"

#include <math.h>

enum { BATCH = 2 };

struct runs {
    nw_ctx *ctx;
    unsigned char ran[512]; /* by index in nw_nets */
};

static float *numbers(nw_ctx *ctx, size_t n)
{
    float *x = nw_alloc(ctx, n * sizeof(*x));

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)nw_normal(7, NW_FOR_TEST, i);
    return x;
}

static void all_finite(const count_row *row, const nw_net *net, const void *block,
                       size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(nw_real_get(net, block, i)))
            fail_msg("%s: %s: number %zu is not finite", row->spec, what, i);
}

/* ---- Memory ------------------------------------------------------------------------ */

/* A plan at work on an arena that held something else before: twice, with two fills. */
struct poisoned {
    const count_row *row;
    nw_net *net;
    nw_plan *plan;
    unsigned char *touched; /* by byte of the arena: written in one of the runs */
    double loss;
};

static struct poisoned poison(const count_row *row, nw_net *net,
                              const nw_plan_config *config)
{
    struct poisoned p = {row, net, nw_net_plan(net, config), NULL, 0};

    if (!p.plan)
        fail_msg("%s: %s", row->spec, nw_errmsg(net->ctx));
    p.touched = nw_alloc(net->ctx, net->arena_bytes + 1);
    assert_non_null(p.touched);
    return p;
}

/* Every byte is `fill`, then the plan runs; 0xff... is NaN as a number. */
static void run_poisoned(struct poisoned *p, const float *x, int fill)
{
    const nw_plan_config *config = nw_plan_config_of(p->plan);
    const nw_pass pass = {.mode = config->backward ? NW_TRAIN : NW_EVAL, .seed = 1};
    const int32_t labels[BATCH] = {0, 1};
    const nw_batch batch = {x, labels, NULL};
    nw_net *net = p->net;

    memset(net->arena, fill, net->arena_bytes);
    if (config->backward)
        memset(net->grad, 0, net->graph->n_trainable * net->real_size);
    if (nw_plan_forward(p->plan, &batch, &pass, config->backward ? &p->loss : NULL) < 0 ||
        (config->backward && nw_plan_backward(p->plan, 1) < 0))
        fail_msg("%s: %s", p->row->spec, nw_errmsg(net->ctx));
    for (size_t i = 0; i < net->arena_bytes; i++)
        p->touched[i] |= (unsigned char)net->arena[i] != fill;
}

/* The plan is as large as what the runs wrote, to the 64 bytes in which it counts. */
static void check_touched(struct poisoned *p)
{
    const size_t planned = nw_plan_bytes(p->plan);
    size_t end = p->net->arena_bytes;

    while (end && !p->touched[end - 1])
        end--;
    if (end > planned || end + 64 <= planned)
        fail_msg("%s: %zu bytes are planned, but what is written ends at %zu",
                 p->row->spec, planned, end);
    nw_release(p->net->ctx, p->touched);
}

/* ---- One step, and one forward pass ------------------------------------------------ */

static void check_numbers(const struct poisoned *p)
{
    const nw_graph *g = p->net->graph;
    double sum = 0;

    assert_true(isfinite(p->loss));
    all_finite(p->row, p->net, nw_plan_logits(p->plan),
               BATCH * nw_count(&g->node[g->output].info.out), "logits");
    all_finite(p->row, p->net, p->net->grad, g->n_trainable, "gradient");
    for (size_t i = 0; i < g->n_trainable; i++)
        sum += fabs(nw_real_get(p->net, p->net->grad, i));
    assert_true(sum > 0);
}

/* Gradients do not depend on what was in memory before. */
static void step(const count_row *row, nw_net *net, const float *x)
{
    const nw_plan_config config = {.batch = BATCH, .backward = 1};
    const size_t bytes = net->graph->n_trainable * net->real_size;
    struct poisoned p = poison(row, net, &config);
    void *first = nw_alloc(net->ctx, bytes);

    assert_non_null(first);
    run_poisoned(&p, x, 0);
    memcpy(first, net->grad, bytes);
    check_numbers(&p);
    run_poisoned(&p, x, 0xff);
    if (memcmp(first, net->grad, bytes))
        fail_msg("%s: the gradient depends on stale memory", row->spec);
    nw_release(net->ctx, first);
    check_touched(&p);
}

static size_t rounded(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/* What is counted as the peak is what a forward pass plans for its values: the rest is
 * the scratch that all ops share, and what one op keeps for itself while it works. */
static void check_peak(const struct poisoned *p)
{
    const size_t rest = nw_plan_bytes(p->plan) - rounded(p->plan->scratch_bytes);
    size_t kept = 0;
    nw_score score;

    for (int i = 0; i < p->plan->n; i++)
        if (p->plan->turn[i].run.keep_bytes > kept)
            kept = p->plan->turn[i].run.keep_bytes;
    if (nw_net_cost(p->net, &score) < 0)
        fail_msg("%s: %s", p->row->spec, nw_errmsg(p->net->ctx));
    if ((double)rest < score.peak_bytes ||
        (double)rest > score.peak_bytes + (double)rounded(kept))
        fail_msg("%s: a peak of %.0f bytes is counted, but %zu are planned", p->row->spec,
                 score.peak_bytes, rest);
}

/* The arena is larger by then: what lies behind the plan must stay as it is. */
static void forward(const count_row *row, nw_net *net, const float *x)
{
    const nw_plan_config config = {.batch = 1, .no_loss = 1};
    struct poisoned p = poison(row, net, &config);

    assert_true(nw_plan_bytes(p.plan) < net->arena_bytes);
    run_poisoned(&p, x, 0);
    run_poisoned(&p, x, 0xff);
    check_peak(&p);
    check_touched(&p);
}

static void work(const count_row *row, nw_net *net)
{
    const nw_graph *g = net->graph;
    float *x = numbers(net->ctx, BATCH * nw_count(&g->node[g->input].info.out));

    step(row, net, x);
    forward(row, net, x);
    nw_release(net->ctx, x);
}

static void mark(struct runs *runs, const count_row *row)
{
    const size_t n = strcspn(row->spec, " ");

    for (int i = 0; nw_nets[i]; i++)
        if (strlen(nw_nets[i]->name) == n && !memcmp(nw_nets[i]->name, row->spec, n))
            runs->ran[i] = 1;
}

static void run(void *user, const count_row *row)
{
    struct runs *runs = user;
    nw_space *space = nw_space_open_net(runs->ctx, row->spec, row->input, 0);
    nw_net *net;

    if (is_too_large(row, space)) {
        nw_space_free(space);
        return;
    }
    net = space ? nw_net_new(runs->ctx, space, NULL, 1, NW_F32) : NULL;

    if (!net)
        fail_msg("%s:%d: %s: %s", row->file, row->line, row->spec, nw_errmsg(runs->ctx));
    work(row, net);
    mark(runs, row);
    nw_net_free(net);
    nw_space_free(space);
}

static void test_every_net__runs_forward_and_backward(void **state)
{
    struct runs runs = {.ctx = *state};

    assert_true(each_row(rows_to_run(), run, &runs) > 0);
    for (int i = 0; nw_nets[i] && !strcmp(rows_to_run(), "small"); i++)
        if (!runs.ran[i])
            fail_msg("no row \"small %s ...\" in tests/space/counts", nw_nets[i]->name);
}

/* Networks this small are quicker without a second thread, which waits by turning. */
static int open_single(void **state)
{
    *state = nw_open(&(nw_config){.threads = 1});
    return !*state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_net__runs_forward_and_backward,
                                        open_single, close_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
