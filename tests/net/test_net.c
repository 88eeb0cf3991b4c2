/* The plan and the executor: frozen equals one-hot, the peak is true, steps allocate
 * nothing. */
#include "graph.h"
#include "net.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The showcase of NNI's article on 16x16 images. */
static nw_space *showcase(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 3, 16, 16), x0, x1;

    x = nw_one_of(s, "conv1", nw_op(s, "conv2d out=6 k=3", x),
                  nw_op(s, "conv2d out=6 k=5", x));
    x = nw_op(s, "relu | maxpool k=2", x);
    x0 = nw_one_of(s, "conv2", nw_op(s, "conv2d out=16 k=3", x),
                   nw_op(s, "conv2d out=16 k=5", x));
    x0 = nw_op(s, "relu", x0);
    x1 = nw_op(s, "conv2d out=16 k=1 | relu", x0);
    x = nw_some_of(s, "skip", 1, x1, nw_op(s, "add", x1, x0));
    x = nw_op(s, "batchnorm | avgpool to=4 | flatten", x);
    nw_output(s,
              nw_op(s, "dense out=120 | relu | dense out=84 | relu | dense out=10", x));
    return s;
}

static float *noise(size_t n)
{
    float *x = calloc(n, sizeof(float));

    for (size_t i = 0; i < n; i++)
        x[i] = (float)nw_normal(11, NW_FOR_TEST, i);
    return x;
}

static void run(nw_net *net, nw_mode mode, int batch, const float *x, double *logits)
{
    nw_plan_config config = {.batch = batch, .no_loss = 1};
    nw_plan *plan = nw_net_plan(net, &config);
    nw_batch b = {.x = x};
    nw_pass pass = {.mode = mode};

    assert_non_null(plan);
    assert_int_equal(nw_plan_forward(plan, &b, &pass, NULL), NW_OK);
    for (size_t i = 0; i < (size_t)batch * 10; i++)
        logits[i] = nw_real_get(net, nw_plan_logits(plan), i);
}

static void test_net__frozen_equals_one_hot(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = showcase(ctx);
    float *x = noise(5 * 3 * 256);

    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        nw_arch *arch = nw_arch_new(ctx, s);
        nw_net *frozen, *super;
        double a[50], b[50];

        assert_int_equal(nw_arch_random(arch, seed), NW_OK);
        frozen = nw_net_new(ctx, s, arch, 1, NW_F32);
        super = nw_net_make(ctx, s, NULL, 1, NW_F32, NW_GRAPH_ALL);
        assert_true(frozen->graph->n < super->graph->n);
        assert_int_equal(nw_net_set_arch(super, arch), NW_OK);
        run(frozen, NW_TRAIN_STILL, 5, x, a);
        run(super, NW_TRAIN_STILL, 5, x, b);
        for (int i = 0; i < 50; i++)
            assert_true(fabs(a[i] - b[i]) < 1e-5);
        nw_net_free(frozen);
        nw_net_free(super);
    }
    free(x);
    nw_close(ctx);
}

/* Every byte of the planned peak is used, and none beyond it: the arena is poisoned, a
 * step runs, and what lies behind the plan is untouched. */
static void test_net__step_allocates_nothing(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = showcase(ctx);
    nw_net *net = nw_net_make(ctx, s, NULL, 1, NW_F32, NW_GRAPH_ALL);
    nw_plan_config config = {.batch = 8, .backward = 1};
    nw_plan *plan = nw_plan_new(net, &config);
    float *x = noise(8 * 3 * 256);
    int32_t label[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    nw_batch b = {.x = x, .label = label};
    nw_pass pass = {.mode = NW_TRAIN};
    uint64_t before;
    double loss;

    (void)state;
    assert_non_null(plan);
    assert_int_equal(nw_plan_bytes(plan), net->arena_bytes);
    before = nw_allocations(ctx);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(nw_plan_forward(plan, &b, &pass, &loss), NW_OK);
        assert_int_equal(nw_plan_backward(plan, 1), NW_OK);
    }
    assert_true(isfinite(loss));
    assert_int_equal(nw_allocations(ctx), before);
    free(x);
    nw_close(ctx);
}

/* What a gradient is must not depend on where the plan put things: poison and compare. */
static void test_net__does_not_read_stale_bytes(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = showcase(ctx);
    nw_net *net = nw_net_make(ctx, s, NULL, 1, NW_F32, NW_GRAPH_ALL);
    nw_plan_config config = {.batch = 8, .backward = 1};
    nw_plan *plan = nw_plan_new(net, &config);
    size_t bytes = net->graph->n_trainable * sizeof(float);
    float *x = noise(8 * 3 * 256), *first = calloc(1, bytes);
    int32_t label[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    nw_batch b = {.x = x, .label = label};
    nw_pass pass = {.mode = NW_TRAIN_STILL};
    double loss;

    (void)state;
    for (int fill = 0; fill < 2; fill++) {
        memset(net->arena, fill ? 0xff : 0, net->arena_bytes); /* 0xff...: NaN */
        memset(net->grad, 0, bytes);
        assert_int_equal(nw_plan_forward(plan, &b, &pass, &loss), NW_OK);
        assert_int_equal(nw_plan_backward(plan, 1), NW_OK);
        if (!fill)
            memcpy(first, net->grad, bytes);
    }
    assert_memory_equal(first, net->grad, bytes);
    free(x);
    free(first);
    nw_close(ctx);
}

static void test_net__plans_share_an_arena(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = showcase(ctx);
    nw_net *net = nw_net_new(ctx, s, NULL, 1, NW_F32);
    nw_plan_config small = {.batch = 1, .no_loss = 1},
                   large = {.batch = 64, .backward = 1};
    float *x = noise(3 * 256);
    double a[10], b[10];

    (void)state;
    assert_non_null(nw_net_plan(net, &small));
    run(net, NW_TRAIN_STILL, 1, x, a);
    assert_non_null(nw_net_plan(net, &large)); /* the small plan moves */
    run(net, NW_TRAIN_STILL, 1, x, b);
    assert_memory_equal(a, b, sizeof(a));
    free(x);
    nw_close(ctx);
}

static void test_net__cost_is_that_of_the_paper_counts(void **state)
{
    static const int input[3] = {3, 32, 32};
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = nw_space_open(ctx, "darts-v2 c=36 layers=20 aux=1", input, 10);
    nw_net *net = nw_net_new(ctx, s, NULL, 1, NW_F32);
    nw_score cost = {0};

    (void)state;
    assert_non_null(net);
    assert_int_equal(nw_net_cost(net, &cost), NW_OK);
    assert_true(cost.params == 3349342); /* without the auxiliary head */
    assert_true(cost.macs == 528359040);
    nw_close(ctx);
}

/* The turn whose op has this name. */
static const nw_turn_time *turn_of(nw_plan *plan, const char *op)
{
    int n;
    const nw_turn_time *t = nw_plan_times(plan, &n);

    assert_non_null(t);
    for (int i = 0; i < n; i++)
        if (!strcmp(t[i].op, op))
            return &t[i];
    fail_msg("no %s", op);
    return NULL;
}

static void test_net__plans_tell_what_they_run_on(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    const nw_plan_config both = {.batch = 2, .backward = 1},
                         forward = {.batch = 2, .no_loss = 1};

    (void)state;
    for (int side = 1; side <= 4; side += 3) {
        nw_space *s = nw_space_new(ctx);
        nw_ref x = nw_op(s, "conv2d out=16 k=3", nw_input(s, 3, side, side));
        nw_plan *plan;
        nw_net *net;

        x = nw_op(s, "conv2d out=16 k=3 groups=in | flatten | dense out=3", x);
        assert_true(nw_output(s, x) >= 0);
        net = nw_net_new(ctx, s, NULL, 1, NW_F32);
        plan = nw_plan_new(net, &both);
        assert_non_null(turn_of(plan, "conv2d")->how->forward);
        assert_null(turn_of(plan, "conv2d")->how->data); /* of the input */
        assert_non_null(turn_of(plan, "conv2d")->how->weights);
        assert_null(turn_of(plan, "dense")->how->forward);
        /* Users count channel by channel, memory pixel by pixel. */
        assert_int_equal(turn_of(plan, "flatten")->how->reordered, side == 1 ? 0 : 2);
        plan = nw_plan_new(net, &forward);
        assert_null(turn_of(plan, "conv2d")->how->weights);
        assert_int_equal(turn_of(plan, "flatten")->how->reordered, side == 1 ? 0 : 1);
    }
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net__frozen_equals_one_hot),
        cmocka_unit_test(test_net__step_allocates_nothing),
        cmocka_unit_test(test_net__does_not_read_stale_bytes),
        cmocka_unit_test(test_net__plans_share_an_arena),
        cmocka_unit_test(test_net__plans_tell_what_they_run_on),
        cmocka_unit_test(test_net__cost_is_that_of_the_paper_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
