/*
 * test_dropout.c - what is random: shares, scales, seeds and modes of dropout, droppath
 * and noise. Their gradients are checked with all others, in test_ops.c.
 */
#include "../check.h"
#include "op_run.h"
#include "random.h"
#include "space.h"

#include <string.h>

static const nw_op_type *find(const char *name)
{
    for (int i = 0; nw_ops_f32[i]; i++)
        if (!strcmp(nw_ops_f32[i]->name, name))
            return nw_ops_f32[i];
    fail_msg("no op \"%s\"", name);
    return NULL;
}

struct trial {
    nw_ctx *ctx;
    struct op_run r;
};

static void begin(struct trial *t, const char *op, const char *spec, int batch)
{
    nw_case c = {spec, 1, {{3, {4, 5, 5}}}};

    t->ctx = nw_open(NULL);
    check_ok(t->ctx, op_open(&t->r, t->ctx, find(op), 0, &c, batch, 0));
    op_fill(&t->r, &t->r.x[0], 1);
    op_fill(&t->r, &t->r.dy, 1);
}

static void end(struct trial *t)
{
    op_close(&t->r);
    nw_close(t->ctx);
}

/* Share of zeros in y; all else must be `kept`. */
static double share_of_zeros(struct trial *t, double kept)
{
    size_t zeros = 0;

    op_forward(&t->r);
    for (size_t i = 0; i < t->r.y.n; i++) {
        double v = op_get(&t->r, &t->r.y, i);

        if (v != 0)
            check_near(v, kept, 1e-6);
        zeros += v == 0;
    }
    return (double)zeros / (double)t->r.y.n;
}

static void test_dropout__drops_the_share_asked(void **state)
{
    struct trial t;

    (void)state;
    begin(&t, "dropout", "dropout p=0.2", 1000);
    check_near(share_of_zeros(&t, 1.25), .2, .006); /* 5 standard deviations */
    t.r.run.mode = NW_TRAIN;
    check_near(share_of_zeros(&t, 1.25), .2, .006);
    end(&t);
}

static void test_dropout__backward_draws_the_same_mask(void **state)
{
    struct trial t;

    (void)state;
    begin(&t, "dropout", "dropout p=0.4", 10);
    op_begin_gradients(&t.r, 0);
    op_forward(&t.r);
    op_backward(&t.r);
    assert_true(op_distance(&t.r, &t.r.y, &t.r, &t.r.dx[0]) == 0);
    end(&t);
}

static void test_dropout__does_nothing_outside_training(void **state)
{
    struct trial t;

    (void)state;
    begin(&t, "dropout", "dropout p=0.4", 10);
    t.r.run.mode = NW_EVAL;
    assert_true(share_of_zeros(&t, 1) == 0);
    t.r.run.mode = NW_RECALIBRATE;
    assert_true(share_of_zeros(&t, 1) == 0);
    end(&t);
}

static void test_dropout__follows_the_seed(void **state)
{
    struct trial a, b;

    (void)state;
    begin(&a, "dropout", "dropout", 10);
    begin(&b, "dropout", "dropout", 10);
    op_forward(&a.r);
    op_forward(&b.r);
    assert_true(op_distance(&a.r, &a.r.y, &b.r, &b.r.y) == 0);
    b.r.run.seed++;
    op_forward(&b.r);
    assert_true(op_distance(&a.r, &a.r.y, &b.r, &b.r.y) > .1);
    end(&a);
    end(&b);
}

static void test_droppath__drops_whole_examples(void **state)
{
    struct trial t;

    (void)state;
    begin(&t, "droppath", "droppath p=0.25 linear=0", 4000);
    check_near(share_of_zeros(&t, 1 / .75), .25, .035);
    for (size_t i = 0; i < t.r.y.n; i++)
        assert_true(op_get(&t.r, &t.r.y, i) == op_get(&t.r, &t.r.y, i - i % 100));
    end(&t);
}

static void test_droppath__grows_with_progress(void **state)
{
    struct trial t;

    (void)state;
    begin(&t, "droppath", "droppath p=0.4", 4000);
    t.r.run.progress = 0;
    assert_true(share_of_zeros(&t, 1) == 0);
    t.r.run.progress = .5;
    check_near(share_of_zeros(&t, 1 / .8), .2, .035);
    t.r.run.mode = NW_EVAL;
    assert_true(share_of_zeros(&t, 1) == 0);
    end(&t);
}

static void test_noise__is_normal(void **state)
{
    struct trial t;
    double sum = 0, squares = 0, n;

    (void)state;
    begin(&t, "noise", "noise", 1000);
    op_forward(&t.r);
    n = (double)t.r.y.n;
    for (size_t i = 0; i < t.r.y.n; i++) {
        double v = op_get(&t.r, &t.r.y, i);

        sum += v;
        squares += v * v;
    }
    check_near(sum / n, 0, 5 / sqrt(n));
    check_near(squares / n, 1, 5 * sqrt(2 / n));
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dropout__drops_the_share_asked),
        cmocka_unit_test(test_dropout__backward_draws_the_same_mask),
        cmocka_unit_test(test_dropout__does_nothing_outside_training),
        cmocka_unit_test(test_dropout__follows_the_seed),
        cmocka_unit_test(test_droppath__drops_whole_examples),
        cmocka_unit_test(test_droppath__grows_with_progress),
        cmocka_unit_test(test_noise__is_normal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
