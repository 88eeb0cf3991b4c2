/*
 * test_nao.c - what architectures look like as sentences; the nets: true gradients, and
 * that they rank, rebuild and climb; the strategy: no network twice, resumed anywhere.
 *
 * The nets here are small and so are the spaces; bench/bench_nao.c has the sizes of the
 * paper.
 */
#include "../failing.h"
#include "nao_round.h"
#include "steered.h"

#include <string.h>

/* Nets this small gain nothing from a second thread. */
static nw_ctx *open_one(void)
{
    return nw_open(&(nw_config){.threads = 1});
}

static nw_space *open_space(nw_ctx *ctx, const char *spec)
{
    nw_space *s = nw_space_open(ctx, spec, (const int[3]){3, 32, 32}, 10);

    if (!s)
        fail_msg("%s: %s", spec, nw_errmsg(ctx));
    check_ok(ctx, nw_space_seal(s));
    return s;
}

/* ---- Words ---------------------------------------------------------------------- */

static void test_words__of_nao_are_those_of_its_authors(void **state)
{
    nw_ctx *ctx = open_one();
    nw_space *space = open_space(ctx, "nao");
    const nw_code *code = nw_code_new(ctx, space);
    const nw_words *w = nw_words_new(ctx, code);

    (void)state;
    assert_non_null(w);
    assert_int_equal(w->n, 40);
    assert_int_equal(w->vocabulary, 12); /* start, 6 inputs, 5 ops */
    assert_int_equal(w->n_node, 10);
    assert_true(w->pairs);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(w->place[i], i);
        assert_int_equal(w->first[i], i % 2 ? 7 : 1);
        assert_int_equal(w->options[i], i % 2 ? 5 : 2 + i % 20 / 4);
    }
    nw_close(ctx);
}

/* NASNet tells both inputs before both ops; a sentence has an input and its op. */
static void test_words__put_an_op_after_its_input(void **state)
{
    nw_ctx *ctx = open_one();
    nw_space *space = open_space(ctx, "pnas");
    const nw_code *code = nw_code_new(ctx, space);
    const nw_words *w = nw_words_new(ctx, code);

    (void)state;
    assert_true(w->pairs);
    assert_int_equal(w->vocabulary, 1 + 6 + 8);
    for (int i = 0; i < w->n; i++) {
        const char *name = code->name[w->place[i]];

        assert_non_null(strstr(name, i % 2 ? "_op_" : "_in_"));
        assert_non_null(strstr(name, i % 4 < 2 ? "left" : "right"));
        assert_int_equal(w->first[i], i % 2 ? 7 : 1);
    }
    nw_close(ctx);
}

static void test_words__of_other_spaces_stand_as_they_are(void **state)
{
    static const struct {
        const char *space;
        int n, vocabulary;
    } row[] = {
        {"nasbench201", 6, 6}, {"nasbench-macro", 8, 4}, {"darts", 24, 1 + 20 + 7}};

    (void)state;
    for (int i = 0; i < 3; i++) {
        nw_ctx *ctx = open_one();
        const nw_code *code = nw_code_new(ctx, open_space(ctx, row[i].space));
        const nw_words *w = nw_words_new(ctx, code);

        assert_int_equal(w->n, row[i].n);
        assert_int_equal(w->vocabulary, row[i].vocabulary);
        assert_int_equal(w->n_node, 0);
        assert_false(w->pairs);
        nw_close(ctx);
    }
}

static void check_swaps(const char *spec)
{
    nw_ctx *ctx = open_one();
    nw_space *space = open_space(ctx, spec);
    nw_code *code = nw_code_new(ctx, space);
    nw_words *w = nw_words_new(ctx, code);
    nw_arch *arch = nw_arch_new(ctx, space);
    int x[100], s[100], t[100], changed = 0;

    for (uint64_t seed = 0; seed < 20; seed++) {
        uint64_t class;

        check_ok(ctx, nw_arch_random(arch, seed));
        class = nw_arch_class(arch);
        nw_code_read(code, arch, x);
        nw_words_of(w, x, s);
        memcpy(t, s, sizeof(s));
        nw_words_swap(w, seed, t);
        changed += memcmp(s, t, (size_t)w->n * sizeof(int)) != 0;
        nw_words_to(w, t, x);
        assert_true(nw_code_write(code, x, arch));
        assert_true(nw_arch_class(arch) == class);
    }
    assert_true(changed > 15);
    nw_close(ctx);
}

static void test_words__swapped_say_the_same_network(void **state)
{
    (void)state;
    check_swaps("nao");
    check_swaps("enas-micro");
    check_swaps("pnas");
    check_swaps("nasnet");
    check_swaps("amoebanet");
}

/* ---- A synthetic quality -------------------------------------------------------- */

struct nets {
    nw_ctx *ctx;
    nw_space *space;
    nw_code *code;
    nw_words *words;
    nw_nao *net;
    int n;
};

static void open_nets(struct nets *a, const char *space, const nw_nao_config *config)
{
    *a = (struct nets){.ctx = open_one()};
    a->space = open_space(a->ctx, space);
    a->code = nw_code_new(a->ctx, a->space);
    a->words = nw_words_new(a->ctx, a->code);
    a->net = nw_nao_open(a->ctx, a->words, config);
    if (!a->net)
        fail_msg("%s", nw_errmsg(a->ctx));
    a->n = a->words->n;
}

static void draw_sentences(const struct nets *a, uint64_t seed, int count, int *s)
{
    nw_arch *arch = nw_arch_new(a->ctx, a->space);
    int x[100];

    for (int i = 0; i < count; i++) {
        check_ok(a->ctx,
                 nw_arch_random(arch, nw_subseed(seed, NW_FOR_TEST, (uint64_t)i)));
        nw_code_read(a->code, arch, x);
        nw_words_of(a->words, x, s + i * a->n);
    }
    nw_arch_free(arch);
}

/* Every word has a worth, and so has every pair of neighbours. */
static double worth(const struct nets *a, const int *s)
{
    double sum = 0;
    int last = 0;

    for (int i = 0; i < a->n; i++) {
        const int word = a->words->first[i] + s[i];

        sum += nw_normal(1, NW_FOR_TEST, (uint64_t)word) +
               nw_normal(2, NW_FOR_TEST, (uint64_t)(last * 1000 + word)) / 2;
        last = word;
    }
    return sum / sqrt(a->n);
}

/* ---- Gradients ------------------------------------------------------------------ */

enum { BATCH = 3 };

static double loss_now(const struct nets *a, const int *s, const double *target)
{
    double loss;

    check_ok(a->ctx, nw_nao_loss(a->net, BATCH, s, target, NW_EVAL, &loss));
    return loss;
}

/* LSTMs, attention and rows of length 1, through the joint loss. */
static void check_gradient(const char *space)
{
    const nw_nao_config config = {.embedding = 3,
                                  .hidden = 4,
                                  .mlp_layers = 1,
                                  .mlp_hidden = 5,
                                  .share = .6,
                                  .seed = 3,
                                  .precision = NW_F64};
    const double target[BATCH] = {.1, .9, .4}, step = 1e-5;
    struct nets a;
    nw_learner *l;
    int s[BATCH * 100];
    double loss;

    open_nets(&a, space, &config);
    l = nw_nao_learner(a.net);
    draw_sentences(&a, 1, BATCH, s);
    check_ok(a.ctx, nw_nao_loss(a.net, BATCH, s, target, NW_TRAIN, &loss));
    check_near(loss, loss_now(&a, s, target), 1e-12);
    for (size_t i = 0; i < nw_learner_count(l); i++) {
        const double at = nw_learner_weight(l, i);
        double slope;

        nw_learner_set_weight(l, i, at + step);
        slope = loss_now(&a, s, target);
        nw_learner_set_weight(l, i, at - step);
        slope = (slope - loss_now(&a, s, target)) / (2 * step);
        nw_learner_set_weight(l, i, at);
        check_near(nw_learner_grad(l, i), slope, 1e-4 * fmax(fabs(slope), 1e-4));
    }
    nw_close(a.ctx);
}

static void test_nets__gradient_is_that_of_differences(void **state)
{
    (void)state;
    check_gradient("pnas");
    check_gradient("nasbench201");
}

/* By which archs climb. */
static void test_nets__slope_is_that_of_differences(void **state)
{
    const nw_nao_config config = {.embedding = 4,
                                  .hidden = 6,
                                  .mlp_layers = 2,
                                  .mlp_hidden = 20,
                                  .seed = 5,
                                  .precision = NW_F64};
    struct nets a;
    float x[BATCH * 60], slope[BATCH * 60];
    double f[BATCH], up[BATCH];
    int s[BATCH * 20];
    size_t size;

    (void)state;
    open_nets(&a, "pnas", &config);
    size = nw_nao_state_size(a.net);
    assert_int_equal(size, 60);
    draw_sentences(&a, 2, BATCH, s);
    check_ok(a.ctx, nw_nao_encode(a.net, BATCH, s, x));
    check_ok(a.ctx, nw_nao_predict(a.net, BATCH, x, f, slope));
    for (size_t i = 0; i < BATCH * size; i++) {
        const float at = x[i];
        const size_t b = i / size;
        double step;

        x[i] = at + 0x1p-10f;
        step = (double)x[i];
        check_ok(a.ctx, nw_nao_predict(a.net, BATCH, x, up, NULL));
        x[i] = at - 0x1p-10f;
        step -= (double)x[i];
        check_ok(a.ctx, nw_nao_predict(a.net, BATCH, x, f, NULL));
        x[i] = at;
        check_near((double)slope[i], (up[b] - f[b]) / step,
                   1e-4 * fabs((up[b] - f[b]) / step) + 1e-8);
    }
    nw_close(a.ctx);
}

static void test_nets__states_have_length_1_wherever_they_climb(void **state)
{
    const nw_nao_config config = {
        .embedding = 4, .hidden = 6, .mlp_layers = 1, .mlp_hidden = 8, .seed = 5};
    struct nets a;
    float x[60], slope[60], to[60];
    double f;
    int s[20];

    (void)state;
    open_nets(&a, "pnas", &config);
    draw_sentences(&a, 2, 1, s);
    check_ok(a.ctx, nw_nao_encode(a.net, 1, s, x));
    check_ok(a.ctx, nw_nao_predict(a.net, 1, x, &f, slope));
    nw_nao_climb(a.net, 1, x, slope, 0, to);
    for (int i = 0; i < 60; i++)
        check_near((double)to[i], (double)x[i], 1e-6);
    nw_nao_climb(a.net, 1, x, slope, 50, to);
    for (int t = 0; t < 10; t++) {
        double sum = 0;

        for (int i = 0; i < 6; i++)
            sum += (double)to[6 * t + i] * (double)to[6 * t + i];
        check_near(sum, 1, 1e-5);
    }
    nw_close(a.ctx);
}

/* ---- Learning ------------------------------------------------------------------- */

enum { TRAIN = 300, TEST = 200, WORDS = 20, SEEDS = 60, EPOCHS = 90, STEP = 20 };

static const nw_nao_config small = {.embedding = 16,
                                    .hidden = 32,
                                    .mlp_layers = 2,
                                    .mlp_hidden = 50,
                                    .dropout = .1,
                                    .lr = 4e-3,
                                    .wd = 1e-5,
                                    .clip = 5,
                                    .share = .8,
                                    .seed = 1};

static int sentence[(TRAIN + TEST) * WORDS];
static double truth[TRAIN + TEST], target[TRAIN];

/* The best of the first TRAIN in front; a tenth of the deviation is noise. */
static void make_truth(const struct nets *a)
{
    double least = 1e9, most = -1e9;

    draw_sentences(a, 7, TRAIN + TEST, sentence);
    for (int i = 0; i < TRAIN + TEST; i++)
        truth[i] = worth(a, sentence + i * WORDS);
    for (int i = 0; i < TRAIN; i++) {
        target[i] = truth[i] + .1 * nw_normal(8, NW_FOR_NOISE, (uint64_t)i);
        least = fmin(least, target[i]);
        most = fmax(most, target[i]);
    }
    for (int i = 0; i < TRAIN; i++)
        target[i] = (target[i] - least) / (most - least);
}

static void train(const struct nets *a)
{
    uint32_t order[TRAIN];
    int s[STEP * WORDS];
    double goal[STEP], loss;

    for (uint64_t e = 0; e < EPOCHS; e++) {
        nw_permutation(e, NW_FOR_SHUFFLE, order, TRAIN);
        for (int i = 0; i < TRAIN; i++) {
            const int k = i % STEP;

            memcpy(s + k * WORDS, sentence + order[i] * WORDS, WORDS * sizeof(int));
            nw_words_swap(a->words, e * TRAIN + (uint64_t)i, s + k * WORDS);
            goal[k] = target[order[i]];
            if (k < STEP - 1)
                continue;
            check_ok(a->ctx, nw_nao_loss(a->net, STEP, s, goal, NW_TRAIN, &loss));
            check_ok(a->ctx, nw_nao_step(a->net));
        }
    }
}

static int differs(const int *s, const int *t)
{
    return memcmp(s, t, WORDS * sizeof(int)) != 0;
}

static void check_ranking(const struct nets *a, float *x)
{
    double f[TEST];
    int right = 0;

    check_ok(a->ctx, nw_nao_encode(a->net, TEST, sentence + TRAIN * WORDS, x));
    check_ok(a->ctx, nw_nao_predict(a->net, TEST, x, f, NULL));
    for (int i = 0; i < TEST; i++)
        for (int k = 0; k < i; k++)
            right += (f[i] > f[k]) == (truth[TRAIN + i] > truth[TRAIN + k]);
    print_message("pairs in order: %.3f\n", right / (TEST * (TEST - 1) / 2.));
    assert_true(right >= .75 * (TEST * (TEST - 1) / 2));
}

static void check_rebuilding(const struct nets *a, float *x)
{
    static int t[TRAIN * WORDS];
    int same = 0;

    check_ok(a->ctx, nw_nao_encode(a->net, TRAIN, sentence, x));
    check_ok(a->ctx, nw_nao_decode(a->net, TRAIN, x, t));
    for (int i = 0; i < TRAIN; i++)
        same += !differs(sentence + i * WORDS, t + i * WORDS);
    print_message("rebuilt: %.3f\n", (double)same / TRAIN);
    assert_true(same >= .99 * TRAIN);
}

/* The archs that 100 decodes change are better than their seeds: in the eyes of the
 * predictor, and in truth. */
static void check_climbing(const struct nets *a, float *x, float *slope, float *to)
{
    double f[SEEDS], g[SEEDS], mean = 0, square = 0, sum = 0;
    int t[SEEDS * WORDS], changed = 0, up = 0;

    check_ok(a->ctx, nw_nao_encode(a->net, SEEDS, sentence, x));
    check_ok(a->ctx, nw_nao_predict(a->net, SEEDS, x, f, slope));
    for (int i = 0; i < SEEDS; i++) {
        mean += truth[i] / SEEDS;
        square += truth[i] * truth[i] / SEEDS;
    }
    for (int eta = 1; eta <= 50 && changed < 100; eta++) {
        nw_nao_climb(a->net, SEEDS, x, slope, eta, to);
        check_ok(a->ctx, nw_nao_decode(a->net, SEEDS, to, t));
        check_ok(a->ctx, nw_nao_encode(a->net, SEEDS, t, to));
        check_ok(a->ctx, nw_nao_predict(a->net, SEEDS, to, g, NULL));
        for (int i = 0; i < SEEDS && changed < 100; i++) {
            if (!differs(sentence + i * WORDS, t + i * WORDS))
                continue;
            changed++;
            up += g[i] >= f[i];
            sum += worth(a, t + i * WORDS);
        }
    }
    print_message("%d changed, %d up, by %.2f deviations\n", changed, up,
                  (sum / changed - mean) / sqrt(square - mean * mean));
    assert_int_equal(changed, 100);
    assert_true(up >= 70);
    assert_true(sum / changed - mean >= sqrt(square - mean * mean));
}

static void test_nets__rank_rebuild_and_climb(void **state)
{
    struct nets a;
    size_t size;
    float *x, *slope, *to;

    (void)state;
    open_nets(&a, "pnas", &small);
    assert_int_equal(a.n, WORDS);
    size = nw_nao_state_size(a.net);
    x = nw_alloc(a.ctx, TRAIN * size * sizeof(*x));
    slope = nw_alloc(a.ctx, TRAIN * size * sizeof(*x));
    to = nw_alloc(a.ctx, TRAIN * size * sizeof(*x));
    make_truth(&a);
    train(&a);
    check_ranking(&a, x);
    check_rebuilding(&a, x);
    check_climbing(&a, x, slope, to);
    nw_close(a.ctx);
}

/* ---- Memory ---------------------------------------------------------------------- */

static nw_status take_none(void *user, const int *s)
{
    (void)user;
    (void)s;
    return NW_OK;
}

/* A round, with every allocation that may fail. */
static nw_status one_round(nw_ctx *ctx)
{
    nw_space *space = nw_space_open(ctx, "nasbench201", (const int[3]){3, 32, 32}, 10);
    nw_code *code = nw_code_new(ctx, space);
    nw_words *words = nw_words_new(ctx, code);
    nw_nao_round r = {.ctx = ctx,
                      .words = words,
                      .net = {.embedding = 2, .hidden = 3, .share = .5},
                      .epochs = 1,
                      .batch = 2,
                      .seeds = 1,
                      .steps = 1,
                      .n = 2,
                      .sentence = (const int[12]){1, 2, 3, 4, 0, 1, 2},
                      .quality = (const double[2]){.5, .25},
                      .take = take_none};
    nw_status status;

    if (!words)
        return ctx ? nw_pending(ctx) : NW_ENOMEM;
    status = nw_nao_round_run(&r);
    nw_words_free(words);
    nw_code_free(code);
    return status;
}

static void test_nets__run_out_of_memory_cleanly(void **state)
{
    struct failing f = {0};
    nw_status status = NW_ENOMEM;

    (void)state;
    for (long k = 0; status < 0; k += 1 + k / 10) {
        nw_ctx *ctx;

        f = (struct failing){.left = k};
        ctx = nw_open(&(nw_config){.realloc = failing_realloc, .user = &f, .threads = 1});
        status = one_round(ctx);
        assert_true(status == NW_ENOMEM || status == NW_OK);
        nw_close(ctx);
        assert_int_equal(f.blocks, 0);
    }
    assert_true(f.asked > 100);
}

/* ---- The strategy --------------------------------------------------------------- */

#define SMALL "embedding=6 hidden=8 mlp_layers=1 mlp_hidden=8 lr=1e-2 "

static double additive(const int *x, int n, int id)
{
    double sum = 0;

    (void)id;
    for (int i = 0; i < n; i++)
        sum += nw_uniform(5, NW_FOR_TEST, (uint64_t)(100 * i + x[i]));
    return sum / n;
}

/* Every third trial fails. */
static double failing_often(const int *x, int n, int id)
{
    return id % 3 ? additive(x, n, id) : (double)NAN;
}

static double all_failing(const int *x, int n, int id)
{
    (void)x;
    (void)n;
    (void)id;
    return (double)NAN;
}

static nw_space *six_of_five(nw_ctx *ctx)
{
    return steered_space(ctx, 6, (const int[]){5, 5, 5, 5, 5, 5}, NULL);
}

static void test_nao__goes_on_from_any_trial(void **state)
{
    (void)state;
    steered_check_resume("nao pool=20 new=10 rounds=3 epochs=8 " SMALL, additive, 60, 1);
    steered_check_resume("nao pool=20 new=10 rounds=3 epochs=8 " SMALL, additive, 60, 4);
    steered_check_resume("nao pool=20 new=10 rounds=3 epochs=8 " SMALL, failing_often, 60,
                         2);
}

static struct steered *run(const char *spec, steered_worth *value, int most)
{
    struct steered *s = steered_open(six_of_five(open_one()), spec, 3);

    steered_run(s, value, most, 1, 0);
    return s;
}

static void end(struct steered *s)
{
    nw_ctx *ctx = s->ctx;

    steered_close(s);
    nw_close(ctx);
}

static void check_distinct(const struct steered *s)
{
    for (int i = 0; i < s->observed; i++)
        for (int k = 0; k < i; k++)
            assert_true(nw_arch_class(s->trial[i].arch) !=
                        nw_arch_class(s->trial[k].arch));
}

static void test_nao__ends_after_its_rounds_with_no_arch_twice(void **state)
{
    struct steered *s =
        run("nao pool=30 new=15 rounds=2 epochs=20 " SMALL, additive, 500);

    (void)state;
    assert_int_equal(s->observed, 60);
    check_distinct(s);
    end(s);
    s = run("nao pool=30 new=15 rounds=2 epochs=2 " SMALL, all_failing, 500);
    assert_int_equal(s->observed, 60);
    check_distinct(s);
    end(s);
}

static void test_nao__ends_when_a_small_space_is_exhausted(void **state)
{
    nw_ctx *ctx = open_one();
    struct steered *s = steered_open(steered_space(ctx, 3, (const int[]){3, 2, 4}, NULL),
                                     "nao pool=10 new=5 rounds=1000 epochs=2 " SMALL, 1);

    (void)state;
    steered_run(s, additive, 500, 3, 0);
    assert_int_equal(s->observed, 24);
    check_distinct(s);
    steered_close(s);
    nw_close(ctx);
}

static double mean_of(const struct steered *s, int from, int to)
{
    double sum = 0;

    for (int i = from; i < to; i++)
        sum += s->trial[i].score.quality;
    return sum / (to - from);
}

/* What was decoded is better than what was drawn, round by round. */
static void test_nao__finds_better_archs_round_by_round(void **state)
{
    struct steered *s = run("nao pool=100 new=40 rounds=2 embedding=12 hidden=24 "
                            "mlp_hidden=40 lr=4e-3 epochs=60",
                            additive, 180);
    double pool = mean_of(s, 0, 100), square = 0;

    (void)state;
    for (int i = 0; i < 100; i++)
        square += pow(s->trial[i].score.quality - pool, 2) / 100;
    print_message("pool %.3f (%.3f), rounds %.3f, %.3f\n", pool, sqrt(square),
                  mean_of(s, 100, 140), mean_of(s, 140, 180));
    assert_int_equal(s->observed, 180);
    assert_true(mean_of(s, 100, 140) > pool + sqrt(square) / 4);
    assert_true(mean_of(s, 140, 180) > pool + sqrt(square) / 2);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words__of_nao_are_those_of_its_authors),
        cmocka_unit_test(test_words__put_an_op_after_its_input),
        cmocka_unit_test(test_words__of_other_spaces_stand_as_they_are),
        cmocka_unit_test(test_words__swapped_say_the_same_network),
        cmocka_unit_test(test_nets__gradient_is_that_of_differences),
        cmocka_unit_test(test_nets__slope_is_that_of_differences),
        cmocka_unit_test(test_nets__states_have_length_1_wherever_they_climb),
        cmocka_unit_test(test_nets__rank_rebuild_and_climb),
        cmocka_unit_test(test_nets__run_out_of_memory_cleanly),
        cmocka_unit_test(test_nao__goes_on_from_any_trial),
        cmocka_unit_test(test_nao__ends_after_its_rounds_with_no_arch_twice),
        cmocka_unit_test(test_nao__ends_when_a_small_space_is_exhausted),
        cmocka_unit_test(test_nao__finds_better_archs_round_by_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
