/* Surrogates: true gradients, ranks of a planted function, one result for one seed. */
#include "../check.h"
#include "../failing.h"
#include "ctx.h"
#include "random.h"
#include "surrogate.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 6, BLOCK = 2 };

static nw_surrogate_config config_of(nw_surrogate_kind kind)
{
    return (nw_surrogate_config){.kind = kind,
                                 .width = 8,
                                 .words = WORDS,
                                 .block = BLOCK,
                                 .embedding = 8,
                                 .hidden = 16,
                                 .members = 3,
                                 .share = .8,
                                 .is_scaled = 1,
                                 .seed = 5};
}

/* ---- A planted function --------------------------------------------------------------
 */

/* Words of a row have values, and two that follow each other in a block an extra one. */
static double planted(const float *x, int width)
{
    static const double value[WORDS] = {.1, -.3, .5, 0, .2, -.6};
    double y = 0;

    for (int i = 0; i < width; i++)
        y += value[(int)x[i]] / width;
    for (int i = 0; i + 1 < width; i += BLOCK)
        y += .4 * (x[i] == x[i + 1]) / width;
    return y;
}

static void draw(float *x, size_t n, int width, uint64_t seed)
{
    for (size_t i = 0; i < n * (size_t)width; i++)
        x[i] = (float)nw_below(seed, NW_FOR_TEST, i, WORDS);
}

static double planted_of_numbers(const float *x)
{
    return x[0] * .3f - x[1] * x[2] * .1f + (x[3] > 2 ? .5 : 0);
}

/* Spearman's without ties. */
static double rank_correlation(const double *a, const double *b, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++) {
        int ra = 0, rb = 0;

        for (int j = 0; j < n; j++) {
            ra += a[j] < a[i];
            rb += b[j] < b[i];
        }
        sum += (ra - rb) * (ra - rb);
    }
    return 1 - 6 * sum / n / ((double)n * n - 1);
}

enum { LESSONS = 200, ASKED = 150 };

/* Learns on rows of 4 and 6 words, is asked about rows of 8. */
static double correlation(nw_ctx *ctx, nw_surrogate_kind kind, nw_surrogate *s)
{
    const nw_surrogate_fit_config how = {.epochs = 60, .lr = .01, .is_annealed = 1};
    static float x[LESSONS * 8], ask[ASKED * 8];
    nw_lesson lesson[LESSONS];
    double want[ASKED], mean[ASKED], sd[ASKED];

    draw(x, LESSONS, 8, 1);
    draw(ask, ASKED, 8, 2);
    for (int i = 0; i < LESSONS; i++) {
        const int width = kind == NW_SURROGATE_DENSE ? 8 : i % 2 ? 4 : 6;
        const float *row = x + i * 8;

        lesson[i] = (nw_lesson){row, width,
                                kind == NW_SURROGATE_DENSE ? planted_of_numbers(row)
                                                           : planted(row, width)};
    }
    lesson[7].y = NAN;
    for (int i = 0; i < ASKED; i++)
        want[i] = kind == NW_SURROGATE_DENSE ? planted_of_numbers(ask + i * 8)
                                             : planted(ask + i * 8, 8);
    check_ok(ctx, nw_surrogate_fit(s, LESSONS, lesson, &how));
    check_ok(ctx, nw_surrogate_predict(s, ASKED, 8, ask, mean, sd));
    for (int i = 0; i < ASKED; i++)
        assert_true(sd[i] > 0 && sd[i] < 1);
    return rank_correlation(mean, want, ASKED);
}

static void test_surrogate__learns_ranks(void **state)
{
    static const double least[] = {.9, .85, .8};

    (void)state;
    for (int kind = NW_SURROGATE_DENSE; kind <= NW_SURROGATE_LSTM; kind++) {
        nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
        const nw_surrogate_config config = config_of((nw_surrogate_kind)kind);
        nw_surrogate *s = nw_surrogate_open(ctx, &config);
        double r;

        assert_non_null(s);
        r = correlation(ctx, (nw_surrogate_kind)kind, s);
        print_message("kind %d: rank correlation %.3f\n", kind, r);
        assert_true(r > least[kind]);
        nw_close(ctx);
    }
}

/* ---- Gradients -----------------------------------------------------------------------
 */

static double sum_of_squares(nw_ctx *ctx, nw_learner *l, int n, const float *x,
                             nw_mode mode, double *dy)
{
    const double *y;
    double sum = 0;

    check_ok(ctx, nw_learner_forward(l, n, x, mode, &y));
    for (int i = 0; i < n; i++) {
        sum += y[i] * y[i];
        if (dy)
            dy[i] = 2 * y[i];
    }
    return sum;
}

static void check_gradient(nw_ctx *ctx, nw_learner *l, int n, const float *x)
{
    const double h = 1e-5;
    double dy[8];

    sum_of_squares(ctx, l, n, x, NW_TRAIN, dy);
    check_ok(ctx, nw_learner_backward(l, dy));
    for (size_t i = 0; i < nw_learner_count(l); i += 3) {
        const double w = nw_learner_weight(l, i), g = nw_learner_grad(l, i);
        double up, down;

        nw_learner_set_weight(l, i, w + h);
        up = sum_of_squares(ctx, l, n, x, NW_EVAL, NULL);
        nw_learner_set_weight(l, i, w - h);
        down = sum_of_squares(ctx, l, n, x, NW_EVAL, NULL);
        nw_learner_set_weight(l, i, w);
        check_near(g, (up - down) / 2 / h, 1e-7 + 1e-5 * fabs(g));
    }
    nw_learner_clear(l);
}

static void test_surrogate__gradient(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    float x[4 * 8];

    (void)state;
    draw(x, 4, 8, 3);
    for (int kind = NW_SURROGATE_DENSE; kind <= NW_SURROGATE_LSTM; kind++) {
        nw_surrogate_config config = config_of((nw_surrogate_kind)kind);
        nw_surrogate *s;

        config.precision = NW_F64;
        config.is_sigmoid = 1;
        s = nw_surrogate_open(ctx, &config);
        assert_non_null(s);
        check_gradient(ctx, nw_surrogate_net(s, 0, 8), 4, x);
        if (kind != NW_SURROGATE_DENSE)
            check_gradient(ctx, nw_surrogate_net(s, 0, 4), 4, x);
    }
    nw_close(ctx);
}

/* ---- Starts, seeds, states ------------------------------------------------------------
 */

/* A sigmoid of 1.8 is 0.858, and small embeddings change little of it. */
static void test_surrogate__starts_as_asked(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_surrogate_config config = config_of(NW_SURROGATE_BLOCKS);
    nw_surrogate *s;
    float x[8 * 8];
    double mean[8];

    (void)state;
    config.is_sigmoid = 1;
    config.is_scaled = 0;
    config.bias = 1.8;
    s = nw_surrogate_open(ctx, &config);
    draw(x, 8, 8, 1);
    check_ok(ctx, nw_surrogate_predict(s, 8, 8, x, mean, NULL));
    for (int i = 0; i < 8; i++)
        check_near(mean[i], .858, .05);
    for (size_t i = 0; i < WORDS * 8; i++)
        assert_true(fabs(nw_learner_weight(nw_surrogate_net(s, 2, 8), i)) <= .1);
    nw_close(ctx);
}

static uint64_t digest(nw_ctx *ctx, nw_surrogate *s)
{
    float x[4 * 8];
    double mean[8];

    draw(x, 4, 8, 9);
    check_ok(ctx, nw_surrogate_predict(s, 4, 8, x, mean, mean + 4));
    return nw_hash(NW_HASH_START, mean, sizeof(mean));
}

static void test_surrogate__same_seed_same_bits(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_surrogate_config config = config_of(NW_SURROGATE_LSTM);
    nw_surrogate *a = nw_surrogate_open(ctx, &config), *b;
    uint64_t fresh, first;

    (void)state;
    fresh = digest(ctx, a);
    correlation(ctx, config.kind, a);
    first = digest(ctx, a);
    assert_true(first != fresh);
    check_ok(ctx, nw_surrogate_restart(a, config.seed));
    assert_true(digest(ctx, a) == fresh);
    correlation(ctx, config.kind, a);
    assert_true(digest(ctx, a) == first);
    config.seed++;
    b = nw_surrogate_open(ctx, &config);
    correlation(ctx, config.kind, b);
    assert_true(digest(ctx, b) != first);
    nw_close(ctx);
}

/* A state in memory. */
struct block {
    nw_state head;
    unsigned char bytes[1 << 20];
    size_t n;
};

static nw_status copy(nw_state *state, void *data, size_t size)
{
    struct block *b = (struct block *)state;

    assert_true(b->n + size <= sizeof(b->bytes));
    if (state->reading)
        memcpy(data, b->bytes + b->n, size);
    else
        memcpy(b->bytes + b->n, data, size);
    b->n += size;
    return NW_OK;
}

static void test_surrogate__goes_on_from_a_state(void **state)
{
    static struct block block;
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_surrogate_config config = config_of(NW_SURROGATE_BLOCKS);
    nw_surrogate *a = nw_surrogate_open(ctx, &config), *b;

    (void)state;
    correlation(ctx, config.kind, a);
    block = (struct block){.head.bytes = copy};
    check_ok(ctx, nw_surrogate_state(a, &block.head));
    config.seed = 77;
    b = nw_surrogate_open(ctx, &config);
    block.head.reading = 1;
    block.n = 0;
    check_ok(ctx, nw_surrogate_state(b, &block.head));
    assert_true(digest(ctx, a) == digest(ctx, b));
    correlation(ctx, config.kind, a);
    correlation(ctx, config.kind, b);
    assert_true(digest(ctx, a) == digest(ctx, b));
    nw_close(ctx);
}

static void test_surrogate__nothing_to_learn(void **state)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    const nw_surrogate_config config = config_of(NW_SURROGATE_BLOCKS);
    const nw_surrogate_fit_config how = {.epochs = 3, .lr = .01};
    nw_surrogate *s = nw_surrogate_open(ctx, &config);
    const float x[4] = {0};
    const nw_lesson lesson[] = {{x, 4, NAN}, {x, 2, 1}, {x, 3, 1}};
    double mean;

    (void)state;
    check_ok(ctx, nw_surrogate_fit(s, 0, NULL, &how));
    check_ok(ctx, nw_surrogate_fit(s, 1, lesson, &how));
    check_ok(ctx, nw_surrogate_fit(s, 2, lesson, &how));
    assert_int_equal(nw_surrogate_fit(s, 3, lesson, &how), NW_EINVAL);
    assert_int_equal(nw_surrogate_predict(s, 1, 3, x, &mean, NULL), NW_EINVAL);
    nw_close(ctx);
}

/* ---- Memory
 * ---------------------------------------------------------------------------- */

static nw_status fit_something(nw_ctx *ctx)
{
    const nw_surrogate_config config = config_of(NW_SURROGATE_LSTM);
    const nw_surrogate_fit_config how = {.epochs = 2, .lr = .01};
    const float x[6] = {0, 1, 2, 3, 4, 5};
    const nw_lesson lesson[] = {{x, 4, 1}, {x, 6, 2}};
    nw_surrogate *s = nw_surrogate_open(ctx, &config);
    nw_status status = s ? nw_surrogate_fit(s, 2, lesson, &how) : nw_pending(ctx);
    double mean;

    if (status >= 0)
        status = nw_surrogate_predict(s, 1, 6, x, &mean, NULL);
    nw_surrogate_close(s);
    return status;
}

static void test_surrogate__every_allocation_may_fail(void **state)
{
    nw_status status = NW_ENOMEM;

    (void)state;
    for (long k = 1; status < 0; k += 1 + k / 8) {
        struct failing failing = {.left = k};
        nw_ctx *ctx = nw_open(
            &(nw_config){.realloc = failing_realloc, .user = &failing, .threads = 1});

        status = ctx ? fit_something(ctx) : NW_ENOMEM;
        assert_true(status >= 0 || status == NW_ENOMEM);
        nw_close(ctx);
        assert_int_equal(failing.blocks, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_surrogate__learns_ranks),
        cmocka_unit_test(test_surrogate__gradient),
        cmocka_unit_test(test_surrogate__starts_as_asked),
        cmocka_unit_test(test_surrogate__same_seed_same_bits),
        cmocka_unit_test(test_surrogate__goes_on_from_a_state),
        cmocka_unit_test(test_surrogate__nothing_to_learn),
        cmocka_unit_test(test_surrogate__every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
