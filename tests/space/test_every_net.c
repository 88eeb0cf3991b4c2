/* test_every_net.c - every published network runs, forward and backward, at batch 2. */
#include "table.h"

#include "net.h"
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

static void step(const count_row *row, nw_net *net)
{
    const nw_plan_config config = {.batch = BATCH, .backward = 1};
    const nw_pass pass = {.mode = NW_TRAIN, .seed = 1};
    const nw_graph *g = net->graph;
    const int32_t labels[BATCH] = {0, 1};
    const float *x = numbers(net->ctx, BATCH * nw_count(&g->node[g->input].info.out));
    const nw_batch batch = {x, labels, NULL};
    nw_plan *plan = nw_net_plan(net, &config);
    double loss, sum = 0;

    if (!plan || nw_plan_forward(plan, &batch, &pass, &loss) < 0 ||
        nw_plan_backward(plan, 1) < 0)
        fail_msg("%s: %s", row->spec, nw_errmsg(net->ctx));
    assert_true(isfinite(loss));
    all_finite(row, net, nw_plan_logits(plan),
               BATCH * nw_count(&g->node[g->output].info.out), "logits");
    all_finite(row, net, net->grad, g->n_trainable, "gradient");
    for (size_t i = 0; i < g->n_trainable; i++)
        sum += fabs(nw_real_get(net, net->grad, i));
    assert_true(sum > 0);
    nw_release(net->ctx, (void *)x);
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
    nw_net *net = space ? nw_net_new(runs->ctx, space, NULL, 1, NW_F32) : NULL;

    if (!net)
        fail_msg("%s:%d: %s: %s", row->file, row->line, row->spec, nw_errmsg(runs->ctx));
    step(row, net);
    mark(runs, row);
    nw_net_free(net);
    nw_space_free(space);
}

static void test_every_net__runs_forward_and_backward(void **state)
{
    struct runs runs = {.ctx = *state};

    assert_true(each_row("small", run, &runs) > 0);
    for (int i = 0; nw_nets[i]; i++)
        if (!runs.ran[i])
            fail_msg("no row \"small %s ...\" in tests/space/counts", nw_nets[i]->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_net__runs_forward_and_backward,
                                        open_context, close_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
