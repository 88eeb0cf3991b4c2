/*
 * test_controllers.c - the controllers of NAS-RL and NASNet: their gradients are true,
 * what they draw has the probability they say, and they find a vector that pays.
 */
#include "../check.h"
#include "../failing.h"
#include "agent.h"
#include "ctx.h"
#include "random.h"
#include "space.h"
#include "spec.h"
#include "strategy.h"

#include <stdlib.h>
#include <string.h>

/* Nets this small gain nothing from a second thread. */
static nw_ctx *open_one(void)
{
    return nw_open(&(nw_config){.threads = 1});
}

/* ---- Policies -----------------------------------------------------------------------
 */

static const nw_decision few[] = {{2, 4, 0}, {0, 2, 1}, {6, 3, 0}, {1, 2, 1}, {9, 1, 0}};
enum { FEW = 5, LOGITS = 10 };

static void check_policy(const nw_policy *p)
{
    const int x[FEW] = {3, 1, 0, 0, 0};
    double y[LOGITS], by_log[LOGITS] = {0}, by_entropy[LOGITS] = {0};
    const double step = 1e-6;

    for (int i = 0; i < LOGITS; i++)
        y[i] = 3 * nw_normal(4, NW_FOR_TEST, (uint64_t)i);
    nw_policy_slope(p, y, x, 1, 0, by_log);
    nw_policy_slope(p, y, x, 0, 1, by_entropy);
    for (int i = 0; i < LOGITS; i++) {
        const double at = y[i];
        double up, down, h_up, h_down;

        y[i] = at + step;
        up = nw_policy_log(p, y, x, &h_up);
        y[i] = at - step;
        down = nw_policy_log(p, y, x, &h_down);
        y[i] = at;
        check_near(by_log[i], (up - down) / (2 * step), 1e-7);
        check_near(by_entropy[i], (h_up - h_down) / (2 * step), 1e-7);
    }
}

static void test_policy__slopes_are_those_of_differences(void **state)
{
    (void)state;
    check_policy(&(nw_policy){FEW, few, 0, 0});
    check_policy(&(nw_policy){FEW, few, 5, 0});
    check_policy(&(nw_policy){FEW, few, 5, 2.5}); /* ENAS */
    check_policy(&(nw_policy){FEW, few, 0, 1.1});
}

static void test_policy__picks_by_shares(void **state)
{
    const nw_decision d[] = {{0, 3, 0}, {3, 2, 1}};
    const nw_policy p = {2, d, 0, 0};
    const double y[] = {log(.5), log(.2), log(.3), log(.25 / .75)};

    (void)state;
    assert_int_equal(nw_policy_pick(&p, 0, y, .499), 0);
    assert_int_equal(nw_policy_pick(&p, 0, y, .501), 1);
    assert_int_equal(nw_policy_pick(&p, 0, y, .699), 1);
    assert_int_equal(nw_policy_pick(&p, 0, y, .701), 2);
    assert_int_equal(nw_policy_pick(&p, 0, y, 1 - 1e-17), 2);
    assert_int_equal(nw_policy_pick(&p, 1, y, .249), 1);
    assert_int_equal(nw_policy_pick(&p, 1, y, .251), 0);
}

static void test_policy__is_finite_at_extremes(void **state)
{
    const double y[LOGITS] = {900, -900, 800, -800, 0, 1, -1e4, 1e4, 0, 5};
    const int x[FEW] = {1, 0, 0, 1, 0};
    const nw_policy p = {FEW, few, 0, 0};
    double dy[LOGITS] = {0}, entropy;

    (void)state;
    check_near(nw_policy_log(&p, y, x, &entropy), -1600 - 900 - 2e4 - 900, 1e-9);
    check_near(entropy, 0, 1e-12);
    nw_policy_slope(&p, y, x, 1, 1, dy);
    for (int i = 0; i < LOGITS; i++)
        assert_true(isfinite(dy[i]));
}

static void test_policy__baseline_starts_at_the_first_reward(void **state)
{
    nw_baseline b = {.decay = .95};

    (void)state;
    check_near(nw_baseline_advantage(&b, .6), 0, 0);
    check_near(nw_baseline_advantage(&b, .8), .2, 1e-15);
    check_near(b.value, .95 * .6 + .05 * .8, 1e-15);
    check_near(nw_baseline_advantage(&b, .5), .5 - .61, 1e-15);
}

/* By hand, with r = 1.5 and r = .5. */
static void test_policy__clips_where_more_would_pay(void **state)
{
    double slope;

    (void)state;
    check_near(nw_policy_loss(.2, 2, log(1.5), 0, &slope), -2.4, 1e-12);
    check_near(slope, 0, 0);
    check_near(nw_policy_loss(.2, -2, log(1.5), 0, &slope), 3, 1e-12);
    check_near(slope, 3, 1e-12);
    check_near(nw_policy_loss(.2, -2, log(.5), 0, &slope), 1.6, 1e-12);
    check_near(slope, 0, 0);
    check_near(nw_policy_loss(.2, 2, log(.5), 0, &slope), -1, 1e-12);
    check_near(slope, -1, 1e-12);
    check_near(nw_policy_loss(.2, 2, 3, 3, &slope), -2, 1e-12);
    check_near(slope, -2, 1e-12);
    check_near(nw_policy_loss(0, 2, -3, 7, &slope), 6, 1e-12);
    check_near(slope, -2, 1e-12);
}

/* ---- Controllers ----------------------------------------------------------------------
 */

/* Three layers of two tokens with their anchors, as space nas-rl has them. */
static const int options[] = {3, 4, 3, 4, 2, 3, 4, 2, 2};
static const int head[] = {0, 1, 0, 1, -1, 0, 1, -1, -1};
static const int layer[] = {0, 0, 1, 1, 1, 2, 2, 2, 2};
static const int from[] = {-1, -1, -1, -1, 0, -1, -1, 0, 1};
enum { N = 9, M = 3 };

static const nw_controller_config chain = {
    .n = N,
    .options = options,
    .head = head,
    .layers = 3,
    .layer = layer,
    .from = from,
    .units = 5,
    .stack = 2,
    .learner = {.precision = NW_F64, .init = .7, .seed = 3}};

static nw_controller *open_or_fail(nw_ctx *ctx, const nw_controller_config *config)
{
    nw_controller *c = nw_controller_open(ctx, config);

    if (!c)
        fail_msg("%s", nw_errmsg(ctx));
    return c;
}

static double loss_of(nw_ctx *ctx, nw_controller *c, const nw_lesson *lesson)
{
    double loss;

    check_ok(ctx, nw_controller_study(c, lesson, &loss));
    return loss;
}

/* Every weight's gradient; answers the largest of them. */
static double check_gradient(nw_ctx *ctx, nw_controller *c, const nw_lesson *lesson)
{
    nw_learner *l = nw_controller_learner(c);
    const size_t n = nw_learner_count(l);
    double *gradient = calloc(n, sizeof(double)), most = 0;
    const double step = 1e-5;

    nw_learner_clear(l);
    loss_of(ctx, c, lesson);
    for (size_t i = 0; i < n; i++) {
        gradient[i] = nw_learner_grad(l, i);
        most = fmax(most, fabs(gradient[i]));
    }
    for (size_t i = 0; i < n; i++) {
        const double at = nw_learner_weight(l, i);
        double up, down;

        nw_learner_set_weight(l, i, at + step);
        up = loss_of(ctx, c, lesson);
        nw_learner_set_weight(l, i, at - step);
        down = loss_of(ctx, c, lesson);
        nw_learner_set_weight(l, i, at);
        check_near(gradient[i], (up - down) / (2 * step), 1e-4 * fmax(most, 1e-3));
    }
    free(gradient);
    return most;
}

/* M vectors and what they were worth. */
static void draw_lesson(nw_ctx *ctx, nw_controller *c, int *x, double *log_old)
{
    for (int k = 0; k < M; k++) {
        check_ok(ctx, nw_controller_draw(c, (uint64_t)k + 1, x + k * N));
        check_ok(ctx, nw_controller_log(c, x + k * N, &log_old[k], NULL));
    }
}

static void test_controller__gradients_are_those_of_differences(void **state)
{
    nw_ctx *ctx = open_one();
    nw_controller *c = open_or_fail(ctx, &chain);
    const double advantage[M] = {.7, -.4, .2};
    double log_old[M];
    int x[M * N];

    (void)state;
    draw_lesson(ctx, c, x, log_old);
    /* log pi */
    assert_true(
        check_gradient(ctx, c, &(nw_lesson){.m = 1, .x = x, .advantage = &(double){-1}}) >
        .1);
    /* REINFORCE, with entropy and without */
    check_gradient(ctx, c, &(nw_lesson){.m = M, .x = x, .advantage = advantage});
    check_gradient(ctx, c,
                   &(nw_lesson){.m = M, .x = x, .advantage = advantage, .entropy = .3});
    /* PPO, as long as nothing is clipped */
    for (int k = 0; k < M; k++)
        log_old[k] += .05 * k;
    assert_true(check_gradient(ctx, c,
                               &(nw_lesson){.m = M,
                                            .x = x,
                                            .advantage = advantage,
                                            .log_old = log_old,
                                            .clip = .2}) > .01);
    nw_close(ctx);
}

static void test_controller__gradients_of_what_is_clipped(void **state)
{
    nw_ctx *ctx = open_one();
    nw_controller *c = open_or_fail(ctx, &chain);
    const double advantage[M] = {.7, -.4, .2};
    double log_old[M];
    int x[M * N];
    nw_lesson lesson = {
        .m = M, .x = x, .advantage = advantage, .log_old = log_old, .clip = .2};

    (void)state;
    draw_lesson(ctx, c, x, log_old);
    log_old[0] -= 1; /* has become likelier, and paid */
    log_old[1] += 1; /* has become rarer, and cost    */
    log_old[2] -= 1;
    check_near(check_gradient(ctx, c, &lesson), 0, 0);
    lesson.entropy = .5; /* the entropy still counts */
    assert_true(check_gradient(ctx, c, &lesson) > .01);
    lesson.entropy = 0;
    log_old[0] += 2; /* rarer although it paid: not clipped */
    assert_true(check_gradient(ctx, c, &lesson) > .01);
    nw_close(ctx);
}

static int next_vector(int *x, const int *most, int n)
{
    for (int i = 0; i < n; i++) {
        if (++x[i] < most[i])
            return 1;
        x[i] = 0;
    }
    return 0;
}

/* Probabilities sum to 1, and drawing has them. */
static void test_controller__draws_as_it_says(void **state)
{
    enum { DRAWS = 4000 };
    nw_ctx *ctx = open_one();
    nw_controller_config config = chain;
    nw_controller *c;
    int x[5] = {0}, drawn[5], seen[3 * 4 * 3 * 4 * 2] = {0}, v = 0;
    double sum = 0, far = 0;

    (void)state;
    config.n = 5;
    config.layers = 2;
    config.learner.precision = NW_F32;
    c = open_or_fail(ctx, &config);
    for (uint64_t i = 0; i < DRAWS; i++) {
        int place = 0;

        check_ok(ctx, nw_controller_draw(c, i, drawn));
        for (int k = 4; k >= 0; k--)
            place = place * options[k] + drawn[k];
        seen[place]++;
    }
    do {
        double log_pi, expected;

        check_ok(ctx, nw_controller_log(c, x, &log_pi, NULL));
        expected = DRAWS * exp(log_pi);
        sum += exp(log_pi);
        far += (seen[v] - expected) * (seen[v] - expected) / expected;
        v++;
    } while (next_vector(x, options, 5));
    check_near(sum, 1, 1e-5);
    assert_int_equal(v, 288);
    /* chi square of 287 degrees: mean 287, deviation 24 */
    check_near(far, 287, 4 * 24);
    nw_close(ctx);
}

static void test_controller__entropy_is_the_mean_surprise_of_one_decision(void **state)
{
    nw_ctx *ctx = open_one();
    nw_controller *c = open_or_fail(
        ctx, &(nw_controller_config){.n = 1,
                                     .options = options + 1,
                                     .units = 4,
                                     .stack = 1,
                                     .learner = {.init = 2, .precision = NW_F64}});
    double log_pi, entropy, sum = 0;

    (void)state;
    for (int x = 0; x < 4; x++) {
        check_ok(ctx, nw_controller_log(c, &x, &log_pi, &entropy));
        sum -= exp(log_pi) * log_pi;
    }
    check_near(sum, entropy, 1e-12);
    nw_close(ctx);
}

/* One coin for each two layers, and its logit is all that it adds. */
static void test_controller__has_one_coin_for_each_pair_of_layers(void **state)
{
    nw_ctx *ctx = open_one();
    nw_controller *c = open_or_fail(ctx, &chain);
    const nw_policy *p = nw_controller_policy(c);
    int x[N] = {0}, coins = 0;
    size_t at[N];

    (void)state;
    for (int i = 0; i < N; i++) {
        double yes, no;

        if (!p->decision[i].is_coin)
            continue;
        assert_true(from[i] >= 0 && from[i] < layer[i]);
        for (int k = 0; k < coins; k++)
            assert_true(at[k] != p->decision[i].at);
        at[coins++] = p->decision[i].at;
        check_ok(ctx, nw_controller_log(c, x, &no, NULL));
        x[i] = 1;
        check_ok(ctx, nw_controller_log(c, x, &yes, NULL));
        x[i] = 0;
        assert_true(fabs(yes - no) > 1e-6);
        /* P(yes) + P(no) is the rest of the vector, which has no other part in it. */
        for (int k = i + 1; k < N; k++)
            if (p->decision[k].is_coin) {
                double also, none;

                x[k] = 1;
                check_ok(ctx, nw_controller_log(c, x, &none, NULL));
                x[i] = 1;
                check_ok(ctx, nw_controller_log(c, x, &also, NULL));
                x[i] = x[k] = 0;
                check_near(also - none, yes - no, 1e-9);
            }
    }
    assert_int_equal(coins, 3);
    nw_close(ctx);
}

/* By hand; E = H = units. */
static void test_controller__has_the_parameters_counted_by_hand(void **state)
{
    nw_ctx *ctx = open_one();
    nw_controller *c = open_or_fail(ctx, &chain);
    const int H = 5, V = 3 + 4;
    const int lstm = 4 * H * (H + H) + 2 * 4 * H;

    (void)state;
    assert_int_equal(nw_learner_count(nw_controller_learner(c)),
                     (2 + V) * H + 2 * lstm + V * H + V + 2 * H * H + H);
    c = open_or_fail(ctx, &(nw_controller_config){
                              .n = N, .options = options, .units = 100, .stack = 1});
    /* a head each: 27 options */
    assert_int_equal(nw_learner_count(nw_controller_learner(c)),
                     (2 + 27) * 100 + 4 * 100 * 200 + 800 + 27 * 100 + 27);
    nw_close(ctx);
}

/* ---- Chains that grow -----------------------------------------------------------------
 */

/* The chain above, with its depth before it. */
static const int deep_options[] = {3, 3, 4, 3, 4, 2, 3, 4, 2, 2};
static const int deep_head[] = {0, 1, 2, 1, 2, -1, 1, 2, -1, -1};
static const int deep_layer[] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 2};
static const int deep_from[] = {-1, -1, -1, -1, -1, 0, -1, -1, 0, 1};
static const int deep_n[] = {3, 6, 10}; /* decisions of a depth, itself among them */
enum { DEEP = 10 };

static nw_controller *open_deep(nw_ctx *ctx, nw_precision precision)
{
    nw_controller_config config = chain;

    config.n = DEEP;
    config.options = deep_options;
    config.head = deep_head;
    config.layer = deep_layer;
    config.from = deep_from;
    config.grows = 1;
    config.learner.precision = precision;
    return open_or_fail(ctx, &config);
}

/* At its whole depth it is the chain that does not grow: weights, draws, log pi. */
static void test_controller__grown_up_is_the_chain_itself(void **state)
{
    nw_ctx *ctx = open_one();
    nw_controller *c = open_or_fail(ctx, &chain), *deep = open_deep(ctx, NW_F64);
    int x[N], y[DEEP] = {2};
    double a, b, h, g;

    (void)state;
    assert_int_equal(nw_learner_count(nw_controller_learner(c)),
                     nw_learner_count(nw_controller_learner(deep)));
    for (uint64_t seed = 0; seed < 50; seed++) {
        check_ok(ctx, nw_controller_draw(c, seed, x));
        check_ok(ctx, nw_controller_draw(deep, seed, y));
        assert_int_equal(y[0], 2);
        assert_memory_equal(x, y + 1, sizeof(x));
        check_ok(ctx, nw_controller_log(c, x, &a, &h));
        check_ok(ctx, nw_controller_log(deep, y, &b, &g));
        assert_true(a == b && h == g);
    }
    nw_close(ctx);
}

/* What is absent stays 0; what is there has the probabilities that sum to 1, and none of
 * the depth is among them. */
static void test_controller__absent_layers_have_no_part_in_pi(void **state)
{
    nw_ctx *ctx = open_one();
    nw_controller *deep = open_deep(ctx, NW_F64);

    (void)state;
    for (int depth = 0; depth < 2; depth++) {
        int x[DEEP] = {depth}, drawn[DEEP] = {depth};
        double log_pi, same, h, h_same, sum = 0;

        do {
            check_ok(ctx, nw_controller_log(deep, x, &log_pi, &h));
            sum += exp(log_pi);
        } while (next_vector(x + 1, deep_options + 1, deep_n[depth] - 1));
        check_near(sum, 1, 1e-9);
        for (uint64_t seed = 0; seed < 50; seed++) {
            check_ok(ctx, nw_controller_draw(deep, seed, drawn));
            assert_int_equal(drawn[0], depth);
            for (int i = deep_n[depth]; i < DEEP; i++)
                assert_int_equal(drawn[i], 0);
        }
        check_ok(ctx, nw_controller_log(deep, drawn, &log_pi, &h));
        for (int i = deep_n[depth]; i < DEEP; i++)
            drawn[i] = 1; /* even so */
        check_ok(ctx, nw_controller_log(deep, drawn, &same, &h_same));
        assert_true(log_pi == same && h == h_same);
    }
    nw_close(ctx);
}

/* Of all weights by differences; and those that only the second layer has pull at
 * nothing while there is one: coins, and the token of the first layer's anchor. */
static void test_controller__absent_layers_have_no_gradient(void **state)
{
    nw_ctx *ctx = open_one();
    nw_controller *deep = open_deep(ctx, NW_F64);
    nw_learner *l = nw_controller_learner(deep);
    const size_t n = nw_learner_count(l), coins = 2 * 5 * 5 + 5;
    const double advantage[M] = {.7, -.4, .2};
    int x[M * DEEP] = {0}, still[3] = {0};

    (void)state;
    for (int depth = 0; depth < 3; depth++) {
        for (int k = 0; k < M; k++) {
            x[k * DEEP] = depth;
            check_ok(ctx, nw_controller_draw(deep, (uint64_t)k + 9, x + k * DEEP));
        }
        assert_true(
            check_gradient(
                ctx, deep,
                &(nw_lesson){.m = M, .x = x, .advantage = advantage, .entropy = .3}) >
            .01);
        nw_learner_clear(l);
        loss_of(ctx, deep, &(nw_lesson){.m = M, .x = x, .advantage = advantage});
        for (size_t i = 0; i < n; i++)
            still[depth] += nw_learner_grad(l, i) == 0;
    }
    assert_true(still[0] >= (int)coins + 5);
    assert_true(still[1] < (int)coins);
    /* of three depths in one lesson, each has its own part */
    for (int k = 0; k < M; k++) {
        x[k * DEEP] = k;
        check_ok(ctx, nw_controller_draw(deep, (uint64_t)k + 9, x + k * DEEP));
    }
    check_gradient(ctx, deep, &(nw_lesson){.m = M, .x = x, .advantage = advantage});
    nw_close(ctx);
}

static void test_controller__refuses_a_head_of_two_widths(void **state)
{
    nw_ctx *ctx = open_one();
    const int same[N] = {0};

    (void)state;
    assert_null(nw_controller_open(
        ctx, &(nw_controller_config){
                 .n = N, .options = options, .head = same, .units = 4, .stack = 1}));
    assert_int_equal(nw_errstatus(ctx), NW_EINVAL);
    nw_close(ctx);
}

/* ---- Strategies
 * ------------------------------------------------------------------------- */

/* A strategy by its table, without a loop. */
struct player {
    nw_ctx *ctx;
    nw_space *space;
    nw_code *code;
    const nw_strategy_type *type;
    void *self;
    nw_arch *arch;
    int x[400];
    uint64_t id;
    int (*allows)(void *loop, const nw_arch *arch);
    int notes;
};

static nw_status count_note(void *loop, const char *words)
{
    struct player *p = loop;

    p->notes++;
    return strstr(words, "random") ? NW_OK : NW_EINVAL;
}

static nw_status begin(struct player *p, const char *space, const char *spec)
{
    nw_env env = {
        .ctx = p->ctx, .seed = 11, .allows = p->allows, .on_note = count_note, .loop = p};

    p->space = nw_space_open(p->ctx, space, (const int[3]){3, 32, 32}, 10);
    p->arch = nw_arch_new(p->ctx, p->space);
    p->code = nw_code_new(p->ctx, p->space);
    p->type = nw_spec_find(p->ctx, "strategy", (const void *const *)nw_strategies, spec);
    if (!p->arch || !p->code || !p->type)
        return nw_pending(p->ctx);
    p->self = nw_alloc(p->ctx, p->type->size);
    if (!p->self)
        return NW_ENOMEM;
    env.space = p->space;
    NW_TRY(nw_spec_parse(p->ctx, (const nw_head *)p->type, spec, NULL, p->self));
    return p->type->open(p->self, &env);
}

static nw_status ask(struct player *p, nw_trial *trial)
{
    *trial = (nw_trial){.id = ++p->id, .arch = p->arch, .fidelity = 1};
    trial->seed = nw_subseed(5, NW_FOR_TRIAL, trial->id);
    NW_TRY(p->type->propose(p->self, trial));
    nw_code_read(p->code, p->arch, p->x);
    return NW_OK;
}

/* Share of decisions that are those of a hidden vector. */
static double share(const struct player *p)
{
    int right = 0;

    for (int i = 0; i < p->code->n; i++)
        right += p->x[i] == (int)nw_below(77, NW_FOR_TEST, (uint64_t)i,
                                          (uint64_t)p->code->options[i]);
    return (double)right / p->code->n;
}

static nw_status play(struct player *p, double *paid)
{
    nw_trial trial;

    NW_TRY(ask(p, &trial));
    *paid = share(p);
    trial.score.quality = *paid;
    return p->type->observe(p->self, &trial);
}

static void finish(struct player *p)
{
    p->type->close(p->self);
    nw_release(p->ctx, p->self);
    nw_code_free(p->code);
    nw_arch_free(p->arch);
    nw_space_free(p->space);
}

/* The mean of the last 50 of 2000. */
static void check_bandit(const char *space, const char *spec)
{
    struct player p = {.ctx = open_one()};
    double paid = 0, first = 0, last = 0;

    check_ok(p.ctx, begin(&p, space, spec));
    for (int i = 0; i < 2000; i++) {
        check_ok(p.ctx, play(&p, &paid));
        first += i < 50 ? paid / 50 : 0;
        last += i >= 1950 ? paid / 50 : 0;
    }
    print_message("%s on %s: %d decisions, %.3f -> %.3f\n", spec, space, p.code->n, first,
                  last);
    assert_true(first < .7);
    assert_true(last >= .95);
    finish(&p);
    assert_int_equal(nw_errstatus(p.ctx), NW_OK);
    nw_close(p.ctx);
}

static void test_nas_rl__finds_a_hidden_vector(void **state)
{
    (void)state;
    check_bandit("nas-rl layers=3", "nas-rl lr=0.02 entropy=0.03");
    check_bandit("nasbench-macro", "nas-rl lr=0.02 entropy=0.03");
}

/* Shallow, then deeper: what it has learned of few layers serves it among many. (The
 * hidden vector happens to have all three of them.) */
static void test_nas_rl__learns_as_its_chains_grow(void **state)
{
    (void)state;
    check_bandit("nas-rl layers=3 progressive=1",
                 "nas-rl lr=0.02 entropy=0.03 start=1 grow=1 every=300");
}

/* Trials 1 to 5 have two layers, 6 to 10 three, and then all four of them. */
static void test_nas_rl__depth_follows_from_the_id(void **state)
{
    static const int expected[] = {2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4};
    static const int decisions[] = {4, 8, 13, 19}; /* of a depth, itself among them */
    struct player p = {.ctx = open_one()};
    nw_trial trial;
    int others = 0;

    (void)state;
    check_ok(p.ctx, begin(&p, "nas-rl layers=4 progressive=1",
                          "nas-rl start=2 grow=1 every=5 batch=3"));
    for (int t = 0; t < 17; t++) {
        check_ok(p.ctx, ask(&p, &trial));
        assert_int_equal(nw_arch_get(p.arch, "depth") + 1, expected[t]);
        assert_int_equal(nw_arch_check(p.arch), NW_OK);
        for (int i = decisions[expected[t] - 1]; i < p.code->n; i++)
            assert_int_equal(p.x[i], 0);
        for (int i = 1; i < decisions[expected[t] - 1]; i++)
            others += p.x[i] > 0;
        trial.score.quality = share(&p);
        check_ok(p.ctx, p.type->observe(p.self, &trial));
    }
    assert_true(others > 50); /* of 190, half of which are coins */
    finish(&p);
    nw_close(p.ctx);
}

static int depth_of(const char *spec, uint64_t id)
{
    struct player p = {.ctx = open_one(), .id = id - 1};
    nw_trial trial;
    int depth;

    check_ok(p.ctx, begin(&p, "nas-rl progressive=1", spec));
    check_ok(p.ctx, ask(&p, &trial));
    depth = nw_arch_get(p.arch, "depth") + 1;
    finish(&p);
    nw_close(p.ctx);
    return depth;
}

/* The paper's: 6 layers, and 2 more every 1,600 networks. */
static void test_nas_rl__starts_with_six_layers(void **state)
{
    (void)state;
    assert_int_equal(depth_of("nas-rl", 1), 6);
    assert_int_equal(depth_of("nas-rl", 1600), 6);
    assert_int_equal(depth_of("nas-rl", 1601), 8);
    assert_int_equal(depth_of("nas-rl", 8000), 14);
    assert_int_equal(depth_of("nas-rl", 8001), 15);
    assert_int_equal(depth_of("nas-rl", 12800), 15);
    assert_int_equal(depth_of("nas-rl", UINT64_MAX), 15);
    assert_int_equal(depth_of("nas-rl every=0", 1), 15);
    assert_int_equal(depth_of("nas-rl start=40", 1), 15);
    assert_int_equal(depth_of("nas-rl grow=0", 12800), 6);
}

/* All layers at once, it makes the trials of the space that does not grow, which has no
 * use for the keys. */
static void test_nas_rl__grown_up_it_is_as_on_a_fixed_depth(void **state)
{
    struct player p = {.ctx = open_one()}, q = {.ctx = open_one()};

    (void)state;
    check_ok(p.ctx, begin(&p, "nas-rl layers=4", "nas-rl lr=0.02 batch=4 start=1"));
    check_ok(q.ctx, begin(&q, "nas-rl layers=4 progressive=1",
                          "nas-rl lr=0.02 batch=4 every=0"));
    for (int t = 0; t < 40; t++) {
        nw_trial a, b;

        check_ok(p.ctx, ask(&p, &a));
        check_ok(q.ctx, ask(&q, &b));
        assert_memory_equal(p.x, q.x + 1, (size_t)p.code->n * sizeof(int));
        a.score.quality = b.score.quality = share(&p);
        check_ok(p.ctx, p.type->observe(p.self, &a));
        check_ok(q.ctx, q.type->observe(q.self, &b));
    }
    nw_close(p.ctx);
    nw_close(q.ctx);
}

static void test_nasnet__finds_a_hidden_vector(void **state)
{
    (void)state;
    check_bandit("nasbench201", "nasnet lr=0.005");
    check_bandit("nasbench-macro", "nasnet lr=0.005");
}

/* The last one grows while the state is kept, and in the middle of a batch. */
static const char *const each[][2] = {
    {"nas-rl layers=4", "nas-rl lr=0.02 batch=4"},
    {"nasbench201", "nasnet lr=0.02 batch=6 units=20"},
    {"nas-rl layers=4 progressive=1", "nas-rl lr=0.02 batch=4 start=2 grow=1 every=10"}};
enum { EACH = 3 };

/* Several trials under way at a time, some of which fail; then all vectors drawn. */
static nw_status run_ahead(struct player *p, int trials, int ahead, int *drawn)
{
    nw_trial trial[8];
    nw_arch *arch[8];
    double paid[8];

    for (int i = 0; i < ahead; i++)
        arch[i] = nw_arch_new(p->ctx, p->space);
    for (int i = 0; i < trials + ahead - 1; i++) {
        const int now = i % ahead, old = (i + 1) % ahead;

        if (i < trials) {
            NW_TRY(ask(p, &trial[now]));
            memcpy(drawn + i * p->code->n, p->x, (size_t)p->code->n * sizeof(int));
            NW_TRY(nw_arch_copy(arch[now], p->arch));
            trial[now].arch = arch[now];
            paid[now] = share(p);
        }
        if (i + 1 < ahead)
            continue;
        trial[old].status = trial[old].id % 5 ? NW_OK : NW_EDIVERGED;
        trial[old].score.quality = trial[old].id % 5 ? paid[old] : (double)NAN;
        NW_TRY(p->type->observe(p->self, &trial[old]));
    }
    for (int i = 0; i < ahead; i++)
        nw_arch_free(arch[i]);
    return NW_OK;
}

static void test_strategies__same_seed_same_trials(void **state)
{
    static int a[40 * 40], b[40 * 40];

    (void)state;
    for (int s = 0; s < EACH; s++)
        for (int ahead = 1; ahead <= 4; ahead += 3) {
            struct player p = {.ctx = open_one()}, q = {.ctx = open_one()};

            check_ok(p.ctx, begin(&p, each[s][0], each[s][1]));
            check_ok(q.ctx, begin(&q, each[s][0], each[s][1]));
            check_ok(p.ctx, run_ahead(&p, 40, ahead, a));
            check_ok(q.ctx, run_ahead(&q, 40, ahead, b));
            assert_memory_equal(a, b, 40 * (size_t)p.code->n * sizeof(int));
            nw_close(p.ctx);
            nw_close(q.ctx);
        }
}

struct memory {
    unsigned char bytes[1 << 20];
    size_t at;
};

static nw_status move(nw_state *state, void *data, size_t size)
{
    struct memory *m = state->self;

    assert_true(m->at + size <= sizeof(m->bytes));
    if (state->reading)
        memcpy(data, m->bytes + m->at, size);
    else if (size)
        memcpy(m->bytes + m->at, data, size);
    m->at += size;
    return NW_OK;
}

/* Two trials are under way when the state is kept; another process goes on with it. */
static void test_strategies__go_on_from_their_state(void **state)
{
    static struct memory memory;
    nw_state put = {.self = &memory, .bytes = move}, get = {&memory, 1, move};

    (void)state;
    for (int s = 0; s < EACH; s++) {
        struct player p = {.ctx = open_one()}, q = {.ctx = open_one()};
        nw_trial trial[2];
        double a, b;

        memory.at = 0;
        check_ok(p.ctx, begin(&p, each[s][0], each[s][1]));
        for (int i = 0; i < 9; i++)
            check_ok(p.ctx, play(&p, &a));
        check_ok(p.ctx, ask(&p, &trial[0]));
        check_ok(p.ctx, ask(&p, &trial[1]));
        check_ok(p.ctx, p.type->state(p.self, &put));
        memory.at = 0;
        check_ok(q.ctx, begin(&q, each[s][0], each[s][1]));
        check_ok(q.ctx, q.type->state(q.self, &get));
        q.id = p.id;
        check_ok(q.ctx, nw_arch_copy(q.arch, p.arch));
        for (int i = 0; i < 2; i++) {
            trial[i].arch = p.arch;
            check_ok(p.ctx, p.type->observe(p.self, &trial[i]));
            trial[i].arch = q.arch;
            check_ok(q.ctx, q.type->observe(q.self, &trial[i]));
        }
        for (int i = 0; i < 20; i++) {
            check_ok(p.ctx, play(&p, &a));
            check_ok(q.ctx, play(&q, &b));
            assert_true(a == b);
            assert_memory_equal(p.x, q.x, (size_t)p.code->n * sizeof(int));
        }
        nw_close(p.ctx);
        nw_close(q.ctx);
    }
}

/* The first decision may not take option 0, nor may anything be allowed. (Of a chain that
 * grows that is a depth of one layer, which no trial has.) */
static int not_first(void *loop, const nw_arch *arch)
{
    (void)loop;
    return nw_arch_option(arch, 0) != 0;
}

static void test_strategies__keep_within_the_limits(void **state)
{
    (void)state;
    for (int s = 0; s < EACH; s++) {
        struct player p = {.ctx = open_one(), .allows = not_first};
        double paid;

        check_ok(p.ctx, begin(&p, each[s][0], each[s][1]));
        for (int i = 0; i < 30; i++) {
            check_ok(p.ctx, play(&p, &paid));
            assert_true(nw_arch_option(p.arch, 0) != 0);
        }
        finish(&p);
        nw_close(p.ctx);
    }
}

/* metaqnn's rules refuse nearly every vector: random archs take their place. */
static void test_strategies__learn_from_what_takes_the_place_of_a_draw(void **state)
{
    struct player p = {.ctx = open_one()};
    double paid;
    char why[256];

    (void)state;
    check_ok(p.ctx, begin(&p, "metaqnn", "nas-rl units=4 lstms=1 batch=2"));
    for (int i = 0; i < 6; i++) {
        check_ok(p.ctx, play(&p, &paid));
        assert_true(nw_arch_is_legal(p.arch, why));
    }
    assert_int_equal(p.notes, 1);
    finish(&p);
    nw_close(p.ctx);
}

static int one_layer(void *loop, const nw_arch *arch)
{
    (void)loop;
    return nw_arch_get(arch, "depth") == 0;
}

/* Of two layers none is allowed: the random arch has one, which here is a pool about
 * which nothing is decided, so that there is nothing to learn from it either. */
static void test_nas_rl__what_takes_the_place_has_its_own_depth(void **state)
{
    struct player p = {.ctx = open_one(), .allows = one_layer};
    double paid;

    (void)state;
    check_ok(p.ctx, begin(&p, "nas-rl layers=2 progressive=1 pools=1",
                          "nas-rl start=2 units=4 lstms=1 batch=2"));
    for (int i = 0; i < 5; i++) {
        check_ok(p.ctx, play(&p, &paid));
        assert_int_equal(nw_arch_get(p.arch, "depth"), 0);
        assert_int_equal(nw_arch_check(p.arch), NW_OK);
    }
    assert_int_equal(p.notes, 1);
    finish(&p);
    nw_close(p.ctx);
}

static nw_agent agent_of(nw_ctx *ctx, int batch)
{
    nw_agent a;
    nw_env env = {.ctx = ctx, .seed = 1};

    env.space = nw_space_open(ctx, "nasbench201", (const int[3]){3, 32, 32}, 10);
    check_ok(
        ctx,
        nw_agent_init(
            &a, &env,
            &(nw_agent_config){
                .name = "test", .batch = batch, .epochs = 1, .decay = .5, .power = 3}));
    check_ok(ctx, nw_agent_start(&a, &(nw_controller_config){.units = 3, .stack = 1}));
    return a;
}

static void observe(nw_agent *a, nw_trial *trial, nw_status status, double quality)
{
    trial->status = status;
    trial->score.quality = quality;
    check_ok(a->env.ctx, nw_agent_propose(a, trial));
    check_ok(a->env.ctx, nw_agent_observe(a, trial));
}

static void test_agent__pays_nothing_for_a_failure(void **state)
{
    nw_ctx *ctx = open_one();
    nw_agent a = agent_of(ctx, 10);
    nw_trial trial = {.arch = nw_arch_new(ctx, a.env.space)};

    (void)state;
    observe(&a, &trial, NW_OK, .5);
    check_near(a.baseline.value, .125, 1e-15); /* the cube */
    observe(&a, &trial, NW_EDIVERGED, (double)NAN);
    check_near(a.advantage[1], -.125, 1e-15);
    observe(&a, &trial, NW_OK, (double)NAN);
    check_near(a.advantage[2], -.0625, 1e-15);
    observe(&a, &trial, NW_OK, -2); /* minus a cost */
    check_near(a.advantage[3], -8 - .03125, 1e-15);
    observe(&a, &trial, NW_EDIVERGED, (double)NAN); /* no better than the worst */
    check_near(a.advantage[4], -8 - a.baseline.value * 2 - 8, 1e-12);
    nw_agent_clear(&a);
    nw_close(ctx);
}

static void test_agent__tells_kinds_by_words(void **state)
{
    const char *const name[] = {"layer_1_height",
                                "layer_12_height",
                                "layer_1_width",
                                "layer_2_height",
                                "op",
                                "op3"};
    const int most[] = {4, 4, 4, 3, 5, 5}, expected[] = {0, 0, 1, 2, 3, 3};
    const nw_code code = {.n = 6, .options = most, .name = name};
    int kind[6];

    (void)state;
    nw_agent_kinds(&code, kind);
    assert_memory_equal(kind, expected, sizeof(kind));
}

static nw_status few_trials(struct player *p, int s)
{
    double paid;

    NW_TRY(begin(p, each[s][0], each[s][1]));
    for (int i = 0; i < 6; i++)
        NW_TRY(play(p, &paid));
    return NW_OK;
}

static void test_strategies__run_out_of_memory_cleanly(void **state)
{
    (void)state;
    for (int s = 0; s < EACH; s++) {
        nw_status status = NW_ENOMEM;

        for (long k = 0; status < 0; k += 7) {
            struct failing f = {.left = k};
            struct player p = {
                .ctx = nw_open(
                    &(nw_config){.realloc = failing_realloc, .user = &f, .threads = 1})};

            status = p.ctx ? few_trials(&p, s) : NW_ENOMEM;
            if (status < 0 && status != NW_ENOMEM)
                fail_msg("allocation %ld: %s", k, nw_strstatus(status));
            if (p.self)
                p.type->close(p.self);
            nw_close(p.ctx);
            assert_int_equal(f.blocks, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy__slopes_are_those_of_differences),
        cmocka_unit_test(test_policy__picks_by_shares),
        cmocka_unit_test(test_policy__is_finite_at_extremes),
        cmocka_unit_test(test_policy__baseline_starts_at_the_first_reward),
        cmocka_unit_test(test_policy__clips_where_more_would_pay),
        cmocka_unit_test(test_controller__gradients_are_those_of_differences),
        cmocka_unit_test(test_controller__gradients_of_what_is_clipped),
        cmocka_unit_test(test_controller__draws_as_it_says),
        cmocka_unit_test(test_controller__entropy_is_the_mean_surprise_of_one_decision),
        cmocka_unit_test(test_controller__has_one_coin_for_each_pair_of_layers),
        cmocka_unit_test(test_controller__has_the_parameters_counted_by_hand),
        cmocka_unit_test(test_controller__grown_up_is_the_chain_itself),
        cmocka_unit_test(test_controller__absent_layers_have_no_part_in_pi),
        cmocka_unit_test(test_controller__absent_layers_have_no_gradient),
        cmocka_unit_test(test_controller__refuses_a_head_of_two_widths),
        cmocka_unit_test(test_nas_rl__finds_a_hidden_vector),
        cmocka_unit_test(test_nas_rl__learns_as_its_chains_grow),
        cmocka_unit_test(test_nas_rl__depth_follows_from_the_id),
        cmocka_unit_test(test_nas_rl__starts_with_six_layers),
        cmocka_unit_test(test_nas_rl__grown_up_it_is_as_on_a_fixed_depth),
        cmocka_unit_test(test_nasnet__finds_a_hidden_vector),
        cmocka_unit_test(test_strategies__same_seed_same_trials),
        cmocka_unit_test(test_strategies__go_on_from_their_state),
        cmocka_unit_test(test_strategies__keep_within_the_limits),
        cmocka_unit_test(test_strategies__learn_from_what_takes_the_place_of_a_draw),
        cmocka_unit_test(test_nas_rl__what_takes_the_place_has_its_own_depth),
        cmocka_unit_test(test_agent__pays_nothing_for_a_failure),
        cmocka_unit_test(test_agent__tells_kinds_by_words),
        cmocka_unit_test(test_strategies__run_out_of_memory_cleanly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
