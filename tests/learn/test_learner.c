/* Learners: they learn, their gradients are true, they go on bit for bit, views see. */
#include "../check.h"
#include "../failing.h"
#include "ctx.h"
#include "learner.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

/* ---- XOR ----------------------------------------------------------------------------
 */

static const float xor_x[] = {0, 0, 0, 1, 1, 0, 1, 1};
static const double xor_y[] = {0, 1, 1, 0};

static nw_space *two_layers(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_op(s, "flatten", nw_input(s, 2, 1, 1));

    x = nw_op(s, "dense out=8 name=hidden | tanh", x);
    nw_output(s, nw_op(s, "dense out=1 name=out", x));
    return s;
}

/* Mean squared error of the four, and one step. */
static double xor_step(nw_ctx *ctx, nw_learner *l)
{
    const double *y;
    double dy[4], loss = 0;

    check_ok(ctx, nw_learner_forward(l, 4, xor_x, NW_TRAIN, &y));
    for (int i = 0; i < 4; i++) {
        dy[i] = (y[i] - xor_y[i]) / 2;
        loss += (y[i] - xor_y[i]) * (y[i] - xor_y[i]) / 4;
    }
    check_ok(ctx, nw_learner_backward(l, dy));
    check_ok(ctx, nw_learner_step(l, NULL));
    return loss;
}

static void test_learner__learns_xor(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_learner *l =
        nw_learner_open(ctx, two_layers(ctx), &(nw_learner_config){.lr = .05, .seed = 3});
    double first, last = 0;

    (void)state;
    assert_non_null(l);
    assert_int_equal(nw_learner_count(l), 8 * 2 + 8 + 8 + 1);
    first = xor_step(ctx, l);
    for (int i = 0; i < 150; i++) /* far beyond, Adam divides rounding by rounding */
        last = xor_step(ctx, l);
    assert_true(first > .1);
    assert_true(last < 1e-3);
    nw_close(ctx);
}

/* ---- A sequence -----------------------------------------------------------------------
 */

enum { STEPS = 6, WORDS = 5, DIM = 4, UNITS = 7, BATCH = 3 };

/* What was said two steps ago: nothing but memory can tell. */
static nw_space *recall(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_op(s, "flatten", nw_input(s, STEPS, 1, 1));

    x = nw_op(s, "embedding num=5 dim=4 name=words", x);
    x = nw_op(s, "lstm hidden=7 name=memory", x);
    nw_output(s, nw_op(s, "dense out=5 name=head | flatten", x));
    return s;
}

/* The same weights, one word at a time: x = word, h, c; y = logits, h, c. */
static nw_space *recall_one(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref all = nw_op(s, "flatten", nw_input(s, 1 + 2 * UNITS, 1, 1)), x, h;

    x = nw_op(s, "slice c=0:1 | embedding num=5 dim=4 name=words", all);
    x = nw_op(s, "lstm hidden=7 cell=1 name=memory", x, nw_op(s, "slice c=1:8", all),
              nw_op(s, "slice c=8:15", all));
    h = nw_op(s, "slice c=0:7 | dense out=5 name=head | flatten", x);
    nw_output(s, nw_op(s, "concat", h, nw_op(s, "flatten", x)));
    return s;
}

static void draw_words(uint64_t seed, int batch, float *x)
{
    for (int i = 0; i < batch * STEPS; i++)
        x[i] = (float)nw_below(seed, NW_FOR_TEST, (uint64_t)i, WORDS);
}

static double log_sum(const double *y, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += exp(y[i]);
    return log(sum);
}

/* Cross-entropy of all steps that have a word two before; its gradient if dy. */
static double recall_loss(const float *x, int batch, const double *y, double *dy)
{
    const int n = batch * (STEPS - 2);
    double loss = 0;

    for (int b = 0; b < batch; b++)
        for (int t = 0; t < STEPS; t++) {
            const double *row = y + (b * STEPS + t) * WORDS;
            const double all = log_sum(row, WORDS);

            for (int k = 0; k < WORDS && dy; k++)
                dy[(b * STEPS + t) * WORDS + k] = t < 2 ? 0 : exp(row[k] - all) / n;
            if (t < 2)
                continue;
            loss += (all - row[(int)x[b * STEPS + t - 2]]) / n;
            if (dy)
                dy[(b * STEPS + t) * WORDS + (int)x[b * STEPS + t - 2]] -= 1. / n;
        }
    return loss;
}

static double recall_step(nw_ctx *ctx, nw_learner *l, uint64_t seed)
{
    float x[32 * STEPS];
    double dy[32 * STEPS * WORDS], loss;
    const double *y;

    draw_words(seed, 32, x);
    check_ok(ctx, nw_learner_forward(l, 32, x, NW_TRAIN, &y));
    loss = recall_loss(x, 32, y, dy);
    check_ok(ctx, nw_learner_backward(l, dy));
    check_ok(ctx, nw_learner_step(l, NULL));
    return loss;
}

static void test_learner__learns_to_recall(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_learner *l = nw_learner_open(
        ctx, recall(ctx), &(nw_learner_config){.lr = .02, .clip_norm = 5, .seed = 1});
    double last = 9;

    (void)state;
    assert_non_null(l);
    for (uint64_t i = 1; i <= 800; i++)
        last = recall_step(ctx, l, i);
    assert_true(last < .1); /* log(5) = 1.6 without memory */
    nw_close(ctx);
}

/* ---- Gradients --------------------------------------------------------------------- */

static double loss_now(nw_ctx *ctx, nw_learner *l, const float *x)
{
    const double *y;

    check_ok(ctx, nw_learner_forward(l, BATCH, x, NW_TRAIN_STILL, &y));
    return recall_loss(x, BATCH, y, NULL);
}

static double slope(nw_ctx *ctx, nw_learner *l, const float *x, size_t i)
{
    const double at = nw_learner_weight(l, i), step = 1e-5;
    double up, down;

    nw_learner_set_weight(l, i, at + step);
    up = loss_now(ctx, l, x);
    nw_learner_set_weight(l, i, at - step);
    down = loss_now(ctx, l, x);
    nw_learner_set_weight(l, i, at);
    return (up - down) / (2 * step);
}

static void test_learner__gradient_is_that_of_differences(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_learner *l =
        nw_learner_open(ctx, recall(ctx),
                        &(nw_learner_config){.precision = NW_F64, .init = .8, .seed = 2});
    float x[BATCH * STEPS];
    double dy[BATCH * STEPS * WORDS];
    const double *y;

    (void)state;
    assert_non_null(l);
    draw_words(5, BATCH, x);
    check_ok(ctx, nw_learner_forward(l, BATCH, x, NW_TRAIN_STILL, &y));
    recall_loss(x, BATCH, y, dy);
    check_ok(ctx, nw_learner_backward(l, dy));
    assert_int_equal(nw_learner_count(l),
                     WORDS * DIM + 4 * UNITS * (DIM + UNITS + 2) + WORDS * (UNITS + 1));
    for (size_t i = 0; i < nw_learner_count(l); i++) {
        const double g = nw_learner_grad(l, i), d = slope(ctx, l, x, i);

        check_near(g, d, 1e-4 * fmax(fabs(d), 1e-3));
    }
    nw_close(ctx);
}

static void test_learner__gradient_of_the_input_is_that_of_differences(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_learner *l = nw_learner_open(ctx, two_layers(ctx),
                                    &(nw_learner_config){.precision = NW_F64, .seed = 4});
    nw_learner *view =
        nw_learner_view(l, two_layers(ctx), NW_LEARNER_INPUT_GRAD | NW_LEARNER_FROZEN);
    const double *y;
    float x[] = {.25f, -.5f};

    (void)state;
    assert_non_null(view);
    check_ok(ctx, nw_learner_forward(view, 1, x, NW_TRAIN_STILL, &y));
    check_ok(ctx, nw_learner_backward(view, &(double){1}));
    for (size_t i = 0; i < 2; i++) {
        const double g = nw_learner_input_grad(view, i);
        const float at = x[i], step = 0x1p-10f;
        double up, down;

        x[i] = at + step;
        check_ok(ctx, nw_learner_forward(view, 1, x, NW_TRAIN_STILL, &y));
        up = *y;
        x[i] = at - step;
        check_ok(ctx, nw_learner_forward(view, 1, x, NW_TRAIN_STILL, &y));
        down = *y;
        x[i] = at;
        check_near(g, (up - down) / (2 * (double)step), 1e-5);
        check_ok(ctx, nw_learner_forward(view, 1, x, NW_TRAIN_STILL, &y));
        check_ok(ctx, nw_learner_backward(view, &(double){1}));
    }
    for (size_t i = 0; i < nw_learner_count(l); i++)
        assert_true(nw_learner_grad(l, i) == 0); /* frozen */
    nw_close(ctx);
}

/* ---- Views ------------------------------------------------------------------------- */

static void test_learner__view_walks_step_by_step(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_learner *l =
        nw_learner_open(ctx, recall(ctx), &(nw_learner_config){.precision = NW_F64});
    nw_learner *one = nw_learner_view(l, recall_one(ctx), 0);
    float x[STEPS], in[1 + 2 * UNITS] = {0};
    const double *whole, *y;

    (void)state;
    assert_non_null(one);
    for (int i = 0; i < 3; i++)
        nw_learner_set_weight(l, (size_t)i, 1.5); /* seen by both */
    draw_words(9, 1, x);
    check_ok(ctx, nw_learner_forward(l, 1, x, NW_EVAL, &whole));
    for (int t = 0; t < STEPS; t++) {
        in[0] = x[t];
        check_ok(ctx, nw_learner_forward(one, 1, in, NW_EVAL, &y));
        for (int k = 0; k < WORDS; k++)
            check_near(y[k], whole[t * WORDS + k], 1e-6); /* states go through float */
        for (int k = 0; k < 2 * UNITS; k++)
            in[1 + k] = (float)y[WORDS + k];
    }
    nw_close(ctx);
}

/* The gradient of a view is added to that of the learner. */
static void test_learner__view_adds_to_the_gradient(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_learner *l =
        nw_learner_open(ctx, two_layers(ctx), &(nw_learner_config){.precision = NW_F64});
    nw_learner *view = nw_learner_view(l, two_layers(ctx), 0);
    const double *y, dy[4] = {1, 2, -1, .5};
    double once[33];

    (void)state;
    check_ok(ctx, nw_learner_forward(l, 4, xor_x, NW_TRAIN, &y));
    check_ok(ctx, nw_learner_backward(l, dy));
    for (size_t i = 0; i < 33; i++)
        once[i] = nw_learner_grad(l, i);
    check_ok(ctx, nw_learner_forward(view, 4, xor_x, NW_TRAIN, &y));
    check_ok(ctx, nw_learner_backward(view, dy));
    for (size_t i = 0; i < 33; i++)
        check_near(nw_learner_grad(l, i), 2 * once[i], 1e-12);
    assert_true(once[32] != 0);
    nw_close(ctx);
}

static void test_learner__view_of_other_weights_is_refused(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_learner *l = nw_learner_open(ctx, two_layers(ctx), &(nw_learner_config){0});

    (void)state;
    assert_null(nw_learner_view(l, recall(ctx), 0));
    assert_int_equal(nw_errstatus(ctx), NW_EMATCH);
    nw_close(ctx);
}

/* ---- State ------------------------------------------------------------------------- */

struct memory {
    unsigned char bytes[1 << 16];
    size_t at;
};

static nw_status move(nw_state *state, void *data, size_t size)
{
    struct memory *m = state->self;

    assert_true(m->at + size <= sizeof(m->bytes));
    if (state->reading)
        memcpy(data, m->bytes + m->at, size);
    else
        memcpy(m->bytes + m->at, data, size);
    m->at += size;
    return NW_OK;
}

static void test_learner__state_goes_on_bit_for_bit(void **state)
{
    static struct memory memory;
    nw_ctx *ctx = nw_open(NULL);
    const nw_learner_config config = {.lr = .01, .clip_norm = .1, .seed = 7};
    nw_learner *a = nw_learner_open(ctx, recall(ctx), &config), *b;
    nw_state put = {.self = &memory, .bytes = move}, get = {&memory, 1, move};

    (void)state;
    for (uint64_t i = 0; i < 5; i++)
        recall_step(ctx, a, i);
    nw_learner_set_lr(a, .004);
    check_ok(ctx, nw_learner_state(a, &put));
    b = nw_learner_open(ctx, recall(ctx),
                        &(nw_learner_config){.clip_norm = .1, .seed = 8});
    memory.at = 0;
    check_ok(ctx, nw_learner_state(b, &get));
    for (uint64_t i = 5; i < 10; i++)
        assert_true(recall_step(ctx, a, i) == recall_step(ctx, b, i));
    for (size_t i = 0; i < nw_learner_count(a); i++)
        assert_true(nw_learner_weight(a, i) == nw_learner_weight(b, i));
    nw_close(ctx);
}

/* ---- Limits ------------------------------------------------------------------------ */

static void test_learner__clips_and_refuses_what_is_not_finite(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_learner *l = nw_learner_open(ctx, two_layers(ctx), &(nw_learner_config){0});
    const double *y, huge[4] = {(double)INFINITY, 0, 0, 0};
    double before = nw_learner_weight(l, 0), norm;

    (void)state;
    check_ok(ctx, nw_learner_forward(l, 4, xor_x, NW_TRAIN, &y));
    check_ok(ctx, nw_learner_backward(l, huge));
    assert_int_equal(nw_learner_step(l, &norm), NW_EDIVERGED);
    assert_true(!isfinite(norm));
    assert_true(nw_learner_weight(l, 0) == before);
    assert_true(nw_learner_grad(l, 0) == 0);
    check_ok(ctx, nw_learner_forward(l, 4, xor_x, NW_EVAL, &y));
    assert_int_equal(nw_learner_backward(l, huge), NW_EINVAL);
    nw_close(ctx);
}

static void test_learner__steps_allocate_nothing(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_learner *l = nw_learner_open(ctx, recall(ctx), &(nw_learner_config){0});
    float x[STEPS];
    const double *y;
    uint64_t before;

    (void)state;
    draw_words(1, 1, x);
    recall_step(ctx, l, 1);
    check_ok(ctx, nw_learner_forward(l, 1, x, NW_EVAL, &y));
    before = nw_allocations(ctx);
    for (uint64_t i = 0; i < 4; i++) {
        recall_step(ctx, l, i);
        check_ok(ctx, nw_learner_forward(l, 1, x, NW_EVAL, &y));
    }
    assert_true(nw_allocations(ctx) == before);
    nw_close(ctx);
}

/* Open, view, one step: with every allocation that may fail. */
static nw_status all_of_it(nw_ctx *ctx)
{
    nw_learner *l = nw_learner_open(ctx, two_layers(ctx), &(nw_learner_config){0});
    nw_learner *view = nw_learner_view(l, two_layers(ctx), NW_LEARNER_INPUT_GRAD);
    const double *y, dy[4] = {1, 1, 1, 1};

    if (!view)
        return ctx ? nw_pending(ctx) : NW_ENOMEM;
    NW_TRY(nw_learner_forward(view, 4, xor_x, NW_TRAIN, &y));
    NW_TRY(nw_learner_backward(view, dy));
    return nw_learner_step(view, NULL);
}

static void test_learner__runs_out_of_memory_cleanly(void **state)
{
    struct failing f = {0};
    nw_status status = NW_ENOMEM;

    (void)state;
    for (long k = 0; status < 0; k++) {
        nw_ctx *ctx;

        f = (struct failing){.left = k};
        ctx = nw_open(&(nw_config){.realloc = failing_realloc, .user = &f});
        status = all_of_it(ctx);
        assert_true(status == NW_ENOMEM || status == NW_OK);
        nw_close(ctx);
        assert_int_equal(f.blocks, 0);
    }
    assert_true(f.asked > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learner__learns_xor),
        cmocka_unit_test(test_learner__learns_to_recall),
        cmocka_unit_test(test_learner__gradient_is_that_of_differences),
        cmocka_unit_test(test_learner__gradient_of_the_input_is_that_of_differences),
        cmocka_unit_test(test_learner__view_walks_step_by_step),
        cmocka_unit_test(test_learner__view_adds_to_the_gradient),
        cmocka_unit_test(test_learner__view_of_other_weights_is_refused),
        cmocka_unit_test(test_learner__state_goes_on_bit_for_bit),
        cmocka_unit_test(test_learner__clips_and_refuses_what_is_not_finite),
        cmocka_unit_test(test_learner__steps_allocate_nothing),
        cmocka_unit_test(test_learner__runs_out_of_memory_cleanly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
