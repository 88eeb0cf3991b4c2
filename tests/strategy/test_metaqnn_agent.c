/* test_metaqnn_agent.c - what the agent of MetaQNN proposes, learns and remembers. */
#include "driven.h"

#include "failing.h"
#include "metaqnn.h"

enum { DECISIONS = 8, FIELD_VALUES = 4 };

#define MACRO  "nasbench-macro"
#define CHAINS "metaqnn limit=6 size=14 widths=8,16 fc=32"

/* The last decision alone counts. */
static double last_is_two(const struct driven *d, const int *x)
{
    return x[d->code->n - 1] == 2;
}

static double one(const struct driven *d, const int *x)
{
    (void)d;
    (void)x;
    return 1;
}

static double failing(const struct driven *d, const int *x)
{
    (void)d;
    (void)x;
    return NAN;
}

/* Layers before SM, as a share of the limit. */
static double depth(const struct driven *d, const int *x)
{
    int n = 0;

    while (n < d->code->n && x[n])
        n++;
    return (double)n / d->code->n;
}

static double brittle(const struct driven *d, const int *x)
{
    return d->done % 3 == 2 ? NAN : depth(d, x);
}

/* The state's field with the values, in the order in which states were met. */
struct sink {
    double *out;
    int field;
};

static nw_status take_values(nw_state *state, void *data, size_t size)
{
    struct sink *s = state->self;

    if (s->field++ == FIELD_VALUES)
        memcpy(s->out, data, size);
    return NW_OK;
}

/* After the first trial: row i belongs to the i-th step. */
static void values_of(const struct driven *d, double out[3 * DECISIONS])
{
    struct sink sink = {.out = out};
    nw_state state = {.self = &sink, .bytes = take_values};

    check_ok(d->ctx, d->type->state(d->self, &state));
}

/* Rounds of learning one walk that earned `reward`, rate .1, written out. */
static void check_rounds(int rounds, driven_score score, double reward)
{
    double q[DECISIONS], value[3 * DECISIONS], quality;
    char spec[64];
    struct driven d;

    snprintf(spec, sizeof(spec), "metaqnn alpha=.1 replay=%d", rounds);
    driven_open(&d, spec, MACRO, 1);
    driven_step(&d, 1, score, &quality);
    for (int i = 0; i < DECISIONS; i++)
        q[i] = .5;
    for (int round = 0; round < rounds; round++)
        for (int i = DECISIONS - 1; i >= 0; i--) {
            const double goal = i == DECISIONS - 1 ? reward : fmax(q[i + 1], .5);

            q[i] = .9 * q[i] + .1 * goal;
        }
    values_of(&d, value);
    for (int i = 0; i < DECISIONS; i++)
        for (int o = 0; o < 3; o++)
            check_near(value[3 * i + o], o == d.x[i] ? q[i] : .5, 1e-14);
    driven_close(&d);
}

static void test_metaqnn_agent__learns_as_many_walks_as_replay_says(void **state)
{
    (void)state;
    check_rounds(1, one, 1);
    check_rounds(3, one, 1);
    check_rounds(100, one, 1);
}

static void test_metaqnn_agent__a_failed_trial_earns_nothing(void **state)
{
    (void)state;
    check_rounds(1, failing, 0);
    check_rounds(5, failing, 0);
}

static int number_of(const int *x)
{
    int code = 0;

    for (int i = 0; i < DECISIONS; i++)
        code = 3 * code + x[i];
    return code;
}

/* At chance 1 a third ends with 2, at chance .05 nearly all; the change comes with the
 * 201st architecture, and nothing is proposed twice. */
static void test_metaqnn_agent__explores_as_the_schedule_says(void **state)
{
    static unsigned char met[6561];
    double q = 0, share[2] = {0};
    struct driven d;

    (void)state;
    memset(met, 0, sizeof(met));
    driven_open(&d, "metaqnn epsilon=1:200,.05:200", MACRO, 1);
    for (int i = 0; i < 400; i++) {
        assert_int_equal(driven_step(&d, 1, last_is_two, &q), NW_OK);
        share[i >= 200] += q / 200;
        assert_int_equal(met[number_of(d.x)]++, 0);
    }
    assert_int_equal(driven_step(&d, 1, last_is_two, &q), NW_DONE);
    check_near(share[0], 1. / 3, .1); /* three deviations */
    assert_true(share[1] > .9);
    driven_close(&d);
}

static void test_metaqnn_agent__schedule_is_scaled_to_models(void **state)
{
    double q = 0, share = 0;
    struct driven d;

    (void)state;
    driven_open(&d, "metaqnn epsilon=1:2,.05:2 models=400", MACRO, 1);
    for (int i = 0; i < 400; i++) {
        assert_int_equal(driven_step(&d, 1, last_is_two, &q), NW_OK);
        share += i < 200 ? q / 200 : 0;
        assert_true(i < 210 || d.done == (uint64_t)i + 1);
    }
    assert_int_equal(driven_step(&d, 1, last_is_two, &q), NW_DONE);
    check_near(share, 1. / 3, .1);
    driven_close(&d);
}

/* What was seen is no trial, whether its score is known or still under way: a small space
 * is gone through, each chain once, and then the search is over. */
static void check_all_once(const char *spec, int ahead)
{
    uint64_t met[64];
    struct driven d;
    double q;
    long n;

    driven_open(&d, spec, "metaqnn limit=2 size=6 widths=8 fc=16", 1);
    n = atol(nw_space_count(d.space));
    assert_in_range(n, 10, 64);
    while (driven_step(&d, ahead, brittle, &q) == NW_OK) {
        uint64_t hash = nw_hash(NW_HASH_START, d.x, 2 * sizeof(int));

        for (uint64_t i = 0; i + 1 < d.done; i++)
            assert_int_not_equal(met[i], hash);
        met[d.done - 1] = hash;
        assert_true(d.done <= (uint64_t)n);
    }
    assert_int_equal(d.done, n);
    driven_close(&d);
}

static void test_metaqnn_agent__proposes_each_once(void **state)
{
    (void)state;
    check_all_once("metaqnn replay=10", 1);
    check_all_once("metaqnn replay=10 state=prefix", DRIVEN_AHEAD);
}

/* And learns, where the state tells what is good, as depth does. */
static void test_metaqnn_agent__walks_chains_layer_by_layer(void **state)
{
    double q = 0, mean[2] = {0};
    int n[2] = {0};
    struct driven d;

    (void)state;
    driven_open(&d, "metaqnn models=400", CHAINS, 1);
    while (driven_propose(&d) == NW_OK) {
        check_ok(d.ctx, nw_arch_check(d.flight[0].arch));
        q = driven_observe(&d, depth);
        if (d.done <= 222 || d.done > 355) { /* chances 1; .2 and .1 */
            mean[d.done > 355] += q;
            n[d.done > 355]++;
        }
    }
    assert_int_equal(n[0] + n[1], 222 + 45);
    mean[0] /= n[0];
    mean[1] /= n[1];

    assert_true(mean[1] > mean[0] + .15);
    driven_close(&d);
}

static nw_status take_count(nw_state *state, void *data, size_t size)
{
    int64_t *n = state->self;

    if (*n < 0) {
        assert_int_equal(size, sizeof(*n));
        memcpy(n, data, size);
    }
    return NW_OK;
}

/* Rows of the table. */
static int64_t states_of(const struct driven *d)
{
    int64_t n = -1;
    nw_state state = {.self = &n, .bytes = take_count};

    check_ok(d->ctx, d->type->state(d->self, &state));
    return n;
}

static void test_metaqnn_agent__last_decision_and_its_number_are_a_state(void **state)
{
    double q = 0;
    struct driven d;

    (void)state;
    driven_open(&d, "metaqnn", MACRO, 1);
    for (int i = 0; i < 200; i++)
        driven_step(&d, 1, last_is_two, &q);
    assert_int_equal(states_of(&d), 1 + 7 * 3);
    driven_close(&d);
}

static void test_metaqnn_agent__every_prefix_is_a_state(void **state)
{
    static unsigned char met[8 * 6561]; /* by length and number */
    double q = 0;
    int64_t n = 0;
    struct driven d;

    (void)state;
    memset(met, 0, sizeof(met));
    driven_open(&d, "metaqnn state=prefix", MACRO, 1);
    for (int i = 0; i < 200; i++) {
        driven_step(&d, 1, last_is_two, &q);
        for (int length = 0, code = 0; length < DECISIONS; length++) {
            n += !met[length * 6561 + code];
            met[length * 6561 + code] = 1;
            code = 3 * code + d.x[length];
        }
        assert_int_equal(states_of(&d), n);
    }
    assert_true(n > 500);
    driven_close(&d);
}

static void test_metaqnn_agent__goes_on_where_it_was(void **state)
{
    (void)state;
    check_revival("metaqnn models=80", MACRO, 1, 100, last_is_two);
    check_revival("metaqnn models=80 state=prefix", MACRO, DRIVEN_AHEAD, 100, brittle);
    check_revival("metaqnn models=80", CHAINS, DRIVEN_AHEAD, 100, brittle);
    check_revival("metaqnn", "metaqnn limit=2 size=6 widths=8 fc=16", DRIVEN_AHEAD, 100,
                  brittle);
}

static int first_is_one(void *loop, const nw_arch *arch)
{
    (void)loop;
    return nw_arch_option(arch, 0) == 1;
}

static void test_metaqnn_agent__proposes_what_is_within_limits(void **state)
{
    double q = 0;
    struct driven d;

    (void)state;
    driven_open(&d, "metaqnn", MACRO, 1);
    d.env.allows = first_is_one;
    driven_revive(&d, "metaqnn");
    for (int i = 0; i < 200; i++) {
        assert_int_equal(driven_step(&d, 1, last_is_two, &q), NW_OK);
        assert_int_equal(d.x[0], 1);
    }
    driven_close(&d);
}

static void test_metaqnn_agent__wrong_keys_are_refused(void **state)
{
    static const char *const bad[] = {"epsilon=1",      "epsilon=1:0",   "epsilon=2:5",
                                      "epsilon=1:5,",   "epsilon=1:5;3", "epsilon=x:5",
                                      "epsilon=nan:10", "epsilon=",      "state=first"};
    nw_ctx *ctx = nw_open(NULL);
    nw_data *data = nw_data_open(ctx, "planted n=32 size=8");

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        nw_search_config config = {.estimator = "train", .train = data, .valid = data};
        char spec[64];

        snprintf(spec, sizeof(spec), "metaqnn %s", bad[i]);
        config.strategy = spec;
        assert_int_equal(nw_search(nw_space_open(ctx, MACRO, (const int[3]){3, 8, 8}, 4),
                                   &config, NULL, NULL, NULL),
                         NW_ESPEC);
    }
    nw_close(ctx);
}

/* Propose and observe until an allocation fails or enough is done. */
static nw_status go_on_scarcely(struct driven *d)
{
    nw_trial t = {.arch = d->flight[0].arch, .score = {.quality = .7}};
    nw_status status = d->type->open(d->self, &d->env);

    for (t.id = 1; t.id <= 150 && status == NW_OK; t.id++) {
        t.seed = nw_subseed(1, NW_FOR_TRIAL, t.id);
        status = d->type->propose(d->self, &t);
        if (status == NW_OK)
            status = d->type->observe(d->self, &t);
    }
    d->type->close(d->self);
    return status;
}

static nw_status run_scarcely(struct failing *f, long left, const char *spec,
                              const char *space)
{
    struct driven d = {0};
    nw_status status;

    *f = (struct failing){.left = -1};
    d.ctx = nw_open(&(nw_config){.realloc = failing_realloc, .user = f, .threads = 1});
    d.space = nw_space_open(d.ctx, space, (const int[3]){0}, 0);
    d.env = (nw_env){.ctx = d.ctx, .space = d.space, .seed = 1};
    d.flight[0].arch = nw_arch_new(d.ctx, d.space);
    d.type = nw_spec_find(d.ctx, "strategy", (const void *const *)nw_strategies, spec);
    d.self = nw_alloc(d.ctx, d.type->size);
    check_ok(d.ctx, nw_spec_parse(d.ctx, (const nw_head *)d.type, spec, NULL, d.self));
    f->left = left;
    status = go_on_scarcely(&d);
    f->left = -1;
    nw_close(d.ctx);
    return status;
}

/* Whichever allocation fails, the search ends with those words and nothing is lost. */
static void check_scarcity(const char *spec, const char *space)
{
    nw_status status = NW_ENOMEM;
    struct failing f;
    long k;

    for (k = 0; status != NW_OK; k++) {
        status = run_scarcely(&f, k, spec, space);
        assert_int_equal(f.blocks, 0);
        assert_true(status == NW_OK || status == NW_ENOMEM);
        assert_true(k < 500);
    }
    assert_true(k > 15);
}

static void test_metaqnn_agent__memory_may_run_out(void **state)
{
    (void)state;
    check_scarcity("metaqnn replay=2", MACRO);
    check_scarcity("metaqnn replay=2 state=prefix", CHAINS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metaqnn_agent__learns_as_many_walks_as_replay_says),
        cmocka_unit_test(test_metaqnn_agent__a_failed_trial_earns_nothing),
        cmocka_unit_test(test_metaqnn_agent__explores_as_the_schedule_says),
        cmocka_unit_test(test_metaqnn_agent__schedule_is_scaled_to_models),
        cmocka_unit_test(test_metaqnn_agent__proposes_each_once),
        cmocka_unit_test(test_metaqnn_agent__walks_chains_layer_by_layer),
        cmocka_unit_test(test_metaqnn_agent__last_decision_and_its_number_are_a_state),
        cmocka_unit_test(test_metaqnn_agent__every_prefix_is_a_state),
        cmocka_unit_test(test_metaqnn_agent__goes_on_where_it_was),
        cmocka_unit_test(test_metaqnn_agent__proposes_what_is_within_limits),
        cmocka_unit_test(test_metaqnn_agent__wrong_keys_are_refused),
        cmocka_unit_test(test_metaqnn_agent__memory_may_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
