/* test_tabular.c - scores from tables: small ones written here, and the published ones.
 */
#include "../data/files.h"
#include "check.h"
#include "ctx.h"
#include "estimate.h"
#include "failing.h"
#include "space.h"
#include "spec.h"

#define NB201   "../shared/data/nasbench201/nasbench201.csv.gz"
#define DEVICES "../shared/data/nasbench201/latency_ms_27devices.csv.gz"
#define ACCEL   "../shared/data/accel-nasbench/accel_nasbench.csv.gz"
#define MACRO   "../shared/data/nasbench-macro/nas-bench-macro_cifar10.json"

/* Best by validation and by test accuracy of 200 epochs; best of 12 epochs. */
#define BEST                                                                             \
    "\"|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|"                \
    "nor_conv_3x3~1|nor_conv_1x1~2|\""
#define BEST_12                                                                          \
    "\"|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|"                \
    "nor_conv_1x1~1|nor_conv_3x3~2|\""

enum { LONGEST_SPEC = 1200 };

/* ---- Help ------------------------------------------------------------------------- */

static int open_context(void **state)
{
    *state = nw_open(&(nw_config){.threads = 1});
    return !*state;
}

static int close_context(void **state)
{
    nw_close(*state);
    return 0;
}

static void needs(const char *path)
{
    if (access(path, R_OK) == 0)
        return;
    print_message("skipped: no %s\n", path);
    skip();
}

static const char *file(const char *name, const char *text)
{
    return write_file(name, text, strlen(text));
}

/* Two choices, "a" of three ops and "w" of two numbers. */
static nw_space *small(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 2, 4, 4);

    nw_int_of(s, "w", 2, (const int[]){4, 8});
    x = nw_one_of(s, "a", nw_op(s, "relu", x), nw_op(s, "tanh", x),
                  nw_op(s, "sigmoid", x));
    for (int i = 0; i < 3 && s && s->status >= 0; i++)
        nw_option_name(s, "a", i, (const char *[]){"relu", "tanh", "sigmoid"}[i]);
    nw_output(s, nw_op(s, "conv2d out=$w | globalpool | dense out=3", x));
    return s;
}

/* One way to hold an estimator outside of a search. */
struct held {
    nw_ctx *ctx;
    nw_space *space;
    nw_env env;
    const nw_estimator_type *type;
    void *self;
    nw_arch *arch;
};

static const nw_measure *const no_objective[] = {NULL};

static nw_status hold(struct held *h, nw_ctx *ctx, nw_space *space, const char *spec,
                      uint64_t seed)
{
    *h = (struct held){.ctx = ctx, .space = space};
    h->env =
        (nw_env){.ctx = ctx, .space = space, .seed = seed, .objective = no_objective};
    h->type = nw_spec_find(ctx, "estimator", (const void *const *)nw_estimators, "table");
    h->self = nw_alloc(ctx, h->type->size);
    h->arch = nw_arch_new(ctx, space);
    if (!h->self || !h->arch)
        return nw_pending(ctx);
    NW_TRY(nw_spec_parse(ctx, (const nw_head *)h->type, spec, NULL, h->self));
    return h->type->open(h->self, &h->env);
}

static void let_go(struct held *h)
{
    if (h->self)
        h->type->close(h->self);
    nw_release(h->ctx, h->self);
    nw_arch_free(h->arch);
}

static const nw_score no_score = {NAN, NAN, NAN, NAN, NAN, NAN,
                                  NAN, NAN, NAN, NAN, NAN, NAN};

/* The score of a trial with h->arch. */
static nw_status ask(struct held *h, double fidelity, uint64_t id, nw_score *out)
{
    nw_trial trial = {.id = id,
                      .seed = id * 77,
                      .arch = h->arch,
                      .fidelity = fidelity,
                      .score = no_score};
    nw_status status;

    nw_clear(h->ctx);
    status = h->type->work(h->self, &trial);
    *out = trial.score;
    return status;
}

static nw_score score_of(struct held *h, double fidelity)
{
    nw_score score;

    check_ok(h->ctx, ask(h, fidelity, 1, &score));
    return score;
}

static void take(struct held *h, const char *genotype)
{
    check_ok(h->ctx, nw_arch_read_genotype(h->arch, genotype, "test"));
}

static void pick(struct held *h, int w, int a)
{
    check_ok(h->ctx, nw_arch_set(h->arch, "w", w));
    check_ok(h->ctx, nw_arch_set(h->arch, "a", a));
}

static void hold_small(struct held *h, nw_ctx *ctx, const char *name, const char *text,
                       const char *keys)
{
    char spec[LONGEST_SPEC];

    snprintf(spec, sizeof(spec), "table file=%s %s", file(name, text), keys);
    check_ok(ctx, hold(h, ctx, small(ctx), spec, 1));
}

/* Opening fails with these words; DIR in them is the folder. */
static void refuses(nw_ctx *ctx, nw_space *space, const char *name, const char *text,
                    const char *keys, const char *words)
{
    char spec[LONGEST_SPEC], want[LONGEST_SPEC];
    const char *mark = strstr(words, "DIR");
    struct held h;

    snprintf(spec, sizeof(spec), "table file=%s %s", file(name, text), keys);
    snprintf(want, sizeof(want), "%.*s%s%s", mark ? (int)(mark - words) : 0, words,
             mark ? test_dir : "", mark ? mark + 3 : words);
    nw_clear(ctx);
    assert_true(hold(&h, ctx, space, spec, 1) < 0);
    if (!strstr(nw_errmsg(ctx), want))
        fail_msg("\"%s\" does not say \"%s\"", nw_errmsg(ctx), want);
    let_go(&h);
    nw_clear(ctx);
}

/* ---- Small tables ------------------------------------------------------------------ */

static const char *const plain = "a,w,acc,test,secs,size,ms\n"
                                 "relu,4,0.5,0.45,10,1.5,7\n"
                                 "tanh,4,0.75,0.70,20,2.5,\n"
                                 "\"relu\",8,0.25,0.20,,3.5,9\r\n"
                                 "\n"
                                 "tanh,8,,0.1,40,4.5,11\n";

static void test_tabular__looks_up_by_decisions(void **state)
{
    struct held h;
    nw_score s;

    hold_small(&h, *state, "plain.csv", plain,
               "score=acc cost=secs cost_scale=2 params=size*1000 macs=size*10-5 "
               "device=ms");
    pick(&h, 0, 1);
    s = score_of(&h, 1);
    assert_true(s.quality == .75 && s.accuracy == .75 && s.cost_s == 40);
    assert_true(s.params == 2500 && isnan(s.latency_ms));
    pick(&h, 0, 0);
    s = score_of(&h, 1);
    assert_true(s.quality == .5 && s.latency_ms == 7 && s.cost_s == 20);
    /* a cost that is not known is the mean of the others */
    pick(&h, 1, 0);
    s = score_of(&h, 1);
    assert_true(s.quality == .25);
    check_near(s.cost_s, 2 * (10 + 20 + 40) / 3., 1e-12);
    let_go(&h);
}

static void test_tabular__missing_rows_fail_and_cost(void **state)
{
    struct held h;
    nw_score s;

    hold_small(&h, *state, "plain.csv", plain, "score=acc cost=secs");
    pick(&h, 0, 2);
    assert_int_equal(ask(&h, 1, 1, &s), NW_EINVAL);
    assert_non_null(strstr(nw_errmsg(*state), "plain.csv has no row of this arch"));
    assert_true(isnan(s.quality));
    check_near(s.cost_s, 70 / 3., 1e-12);
    pick(&h, 1, 1);
    assert_int_equal(ask(&h, 1, 1, &s), NW_EINVAL);
    assert_non_null(strstr(nw_errmsg(*state), "no score of this arch"));
    assert_true(s.cost_s == 40);
    let_go(&h);
}

static void test_tabular__searches_go_on_after_missing_rows(void **state)
{
    char spec[LONGEST_SPEC];
    nw_search_config config = {
        .strategy = "random trials=40", .estimator = spec, .seed = 3};
    nw_score score;

    snprintf(spec, sizeof(spec), "table file=%s score=acc", file("plain.csv", plain));
    check_ok(*state, nw_search(small(*state), &config, NULL, NULL, &score));
    assert_true(score.quality == .75 && score.cost_s == 1);
}

static void test_tabular__report_is_hidden_from_the_search(void **state)
{
    struct held h;
    nw_score s = no_score;

    hold_small(&h, *state, "plain.csv", plain, "score=acc report=test scale=2");
    pick(&h, 0, 1);
    check_ok(*state, h.type->report(h.self, h.arch, &s));
    assert_true(s.quality == 1.4 && s.accuracy == 1.4 && isnan(s.cost_s));
    s = score_of(&h, 1);
    for (size_t i = 0; i < sizeof(s) / sizeof(double); i++) {
        double value;

        memcpy(&value, (char *)&s + i * sizeof(value), sizeof(value));
        assert_true(value != 1.4 && value != .7);
    }
    pick(&h, 0, 2);
    assert_int_equal(h.type->report(h.self, h.arch, &s), NW_EINVAL);
    let_go(&h);
    nw_clear(*state);
    hold_small(&h, *state, "plain.csv", plain, "score=acc");
    assert_int_equal(h.type->report(h.self, h.arch, &s), NW_EMATCH);
    let_go(&h);
}

static void test_tabular__loss_alone_is_a_quality(void **state)
{
    struct held h;
    nw_score s;

    hold_small(&h, *state, "plain.csv", plain, "loss=size");
    pick(&h, 0, 1);
    s = score_of(&h, 1);
    assert_true(s.quality == -2.5 && s.loss == 2.5 && isnan(s.accuracy));
    let_go(&h);
}

static const char *const runs = "arch,acc,b,test\n"
                                "\"{\"\"w\"\":0,\"\"a\"\":0}\",1,2,10\n"
                                "\"{\"\"w\"\":0,\"\"a\"\":\"\"relu\"\"}\",3,4,20\n"
                                "\"{\"\"w\"\":0,\n\"\"a\"\":0}\",5,6,60\n"
                                "\"{\"\"w\"\":1,\"\"a\"\":0}\",7,,70\n";

static void test_tabular__same_seed_same_run(void **state)
{
    int seen[8] = {0}, different = 0;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        char spec[LONGEST_SPEC];
        struct held h;
        double first;

        snprintf(spec, sizeof(spec), "table file=%s score=acc+b", file("runs.csv", runs));
        check_ok(*state, hold(&h, *state, small(*state), spec, seed));
        pick(&h, 0, 0);
        first = score_of(&h, 1).quality;
        seen[(int)first]++;
        for (uint64_t id = 2; id < 9; id++) {
            nw_score s;

            check_ok(*state, ask(&h, 1, id, &s));
            assert_true(s.quality == first);
        }
        pick(&h, 1, 0);
        assert_true(score_of(&h, 1).quality == 7);
        let_go(&h);
    }
    for (int i = 1; i <= 6; i++)
        different += seen[i] > 0;
    assert_int_equal(different, 6);
}

static void test_tabular__a_run_a_trial_on_request(void **state)
{
    struct held h;
    int seen[8] = {0};
    nw_score s = no_score;

    hold_small(&h, *state, "runs.csv", runs, "score=acc+b draw=trial report=test");
    pick(&h, 0, 0);
    for (uint64_t id = 1; id <= 200; id++) {
        check_ok(*state, ask(&h, 1, id, &s));
        seen[(int)s.quality]++;
    }
    for (int i = 1; i <= 6; i++)
        assert_true(seen[i] > 10);
    check_ok(*state, h.type->report(h.self, h.arch, &s));
    assert_true(s.quality == 30);
    let_go(&h);
}

static void test_tabular__curves_are_fidelities(void **state)
{
    static const char *const text = "a,w,e1,e2,e3,e4,full,secs\n"
                                    "relu,4,.1,.2,.3,.4,.5,100\n";
    static const double asked[] = {.01, .25, .26, .5, .75, .8, 1};
    static const double quality[] = {.1, .1, .2, .2, .3, .4, .4};
    static const double cost[] = {25, 25, 50, 50, 75, 100, 100};
    struct held h;

    hold_small(&h, *state, "curve.csv", text, "curve=e cost=secs");
    pick(&h, 0, 0);
    for (int i = 0; i < 7; i++) {
        nw_score s = score_of(&h, asked[i]);

        assert_true(s.quality == quality[i] && s.cost_s == cost[i]);
    }
    let_go(&h);
    hold_small(&h, *state, "curve.csv", text, "curve=e score=full cost=secs");
    pick(&h, 0, 0);
    assert_true(score_of(&h, 1).quality == .5);
    assert_true(score_of(&h, .5).quality == .2);
    let_go(&h);
    hold_small(&h, *state, "curve.csv", text, "score=full low=e2 low_at=0.25 cost=secs");
    pick(&h, 0, 0);
    assert_true(score_of(&h, .25).quality == .2 && score_of(&h, .25).cost_s == 25);
    assert_true(score_of(&h, .26).quality == .5 && score_of(&h, .26).cost_s == 100);
    let_go(&h);
}

static void test_tabular__json_is_keyed_by_arch(void **state)
{
    static const char *const text =
        " {\"22\": {\"acc\": [90, 80.5, null], \"n\": 5, \"note\": \"x\"},\n"
        "  \"01\": {\"n\": 6, \"acc\": [10, 20, 30], \"note\": null}}";
    nw_space *space =
        nw_space_open(*state, "nasbench-macro layers=2", (const int[3]){3, 8, 8}, 10);
    char spec[LONGEST_SPEC];
    struct held h;
    nw_score s;

    snprintf(spec, sizeof(spec), "table file=%s score=acc_2 low=acc_1 low_at=.5 params=n",
             file("macro.json", text));
    check_ok(*state, hold(&h, *state, space, spec, 1));
    take(&h, "\"01\"");
    s = score_of(&h, 1);
    assert_true(s.quality == 30 && s.params == 6);
    take(&h, "\"22\"");
    assert_int_equal(ask(&h, 1, 1, &s), NW_EINVAL);
    assert_true(score_of(&h, .5).quality == 80.5);
    let_go(&h);
}

static void test_tabular__costs_come_from_the_table_or_the_network(void **state)
{
    struct held h;
    nw_score s = no_score, own = no_score;

    hold_small(&h, *state, "plain.csv", plain, "score=acc params=size device=ms");
    pick(&h, 0, 0);
    check_ok(*state, nw_arch_cost(h.arch, &own));
    for (int i = 0; i < 2; i++) {
        s = no_score;
        check_ok(*state, h.type->cost(h.self, h.arch, &s));
        assert_true(s.params == 1.5 && s.latency_ms == 7);
        assert_true(s.macs == own.macs && s.macs > 0);
        assert_true(s.peak_bytes == own.peak_bytes && s.layers == own.layers);
    }
    pick(&h, 0, 2); /* has no row */
    s = no_score;
    check_ok(*state, h.type->cost(h.self, h.arch, &s));
    assert_true(s.macs > 0 && isnan(s.latency_ms));
    let_go(&h);
}

static void test_tabular__limits_and_objectives_use_it(void **state)
{
    char spec[LONGEST_SPEC];
    nw_search_config config = {.strategy = "random trials=20",
                               .estimator = spec,
                               .seed = 2,
                               .limits = "latency_ms<=8"};
    nw_score score;

    snprintf(spec, sizeof(spec), "table file=%s score=acc device=ms params=size",
             file("plain.csv", plain));
    check_ok(*state, nw_search(small(*state), &config, NULL, NULL, &score));
    assert_true(score.latency_ms == 7 && score.quality == .5);
    config.limits = "latency_ms<=6";
    assert_int_equal(nw_search(small(*state), &config, NULL, NULL, &score),
                     NW_EINFEASIBLE);
    assert_non_null(strstr(nw_errmsg(*state), "the smallest is 7"));
    nw_clear(*state);
    config.limits = NULL;
    config.objective = "macs"; /* which the table does not have */
    check_ok(*state, nw_search(small(*state), &config, NULL, NULL, &score));
    assert_true(score.macs > 0 && score.quality == -score.macs && score.params < 5);
}

static void test_tabular__joins_latencies(void **state)
{
    static const char *const main_file = "index,a,w,acc\n"
                                         "3,relu,4,.1\n5,relu,8,.2\n3.5,tanh,4,.3\n";
    const char *by_index = file("lat.csv", "index,d1,d2\n5,50,51\n99,1,2\n3,30,\n");
    const char *by_arch = file("lat2.csv", "w,a,d1\n8,relu,50\n4,relu,30\n8,sigmoid,1\n");
    const char *twice = file("lat3.csv", "index,d1\n5,50\n5,51\n");
    char keys[LONGEST_SPEC];
    struct held h;

    for (int i = 0; i < 2; i++) {
        snprintf(keys, sizeof(keys), "score=acc latency=%s device=d1",
                 i ? by_arch : by_index);
        hold_small(&h, *state, "main.csv", main_file, keys);
        pick(&h, 0, 0);
        assert_true(score_of(&h, 1).latency_ms == 30);
        pick(&h, 1, 0);
        assert_true(score_of(&h, 1).latency_ms == 50);
        pick(&h, 0, 1);
        assert_true(isnan(score_of(&h, 1).latency_ms));
        let_go(&h);
    }
    snprintf(keys, sizeof(keys), "score=acc latency=%s device=d1", twice);
    refuses(*state, small(*state), "main.csv", main_file, keys,
            "lat3.csv:3:1: a second row of the same network");
    snprintf(keys, sizeof(keys), "score=acc latency=%s", twice);
    refuses(*state, small(*state), "main.csv", main_file, keys, "say device=COLUMN");
    snprintf(keys, sizeof(keys), "score=acc latency=%s device=d3", twice);
    refuses(*state, small(*state), "main.csv", main_file, keys,
            "no column \"d3\" for device=d3 (did you mean \"d1\"?)");
}

/* ---- What is refused -----------------------------------------------------------------
 */

struct refusal {
    const char *name, *text, *keys, *words;
};

static const struct refusal refusals[] = {
    {"x.csv", "", "", "table: DIR/x.csv: is empty"},
    {"x.csv", "a,w,acc\n", "score=acc", "table: DIR/x.csv: has no rows"},
    {"x.csv", "a,w,acc\nrelu,4\n", "score=acc",
     "table: DIR/x.csv:2:1: 2 fields, but the first line has 3"},
    {"x.csv", "a,w,acc\nrelu,4,x\n", "score=acc",
     "table: DIR/x.csv:2:8: \"x\" in column \"acc\" is not a number"},
    {"x.csv", "a,w,acc\nrelu,4,1e999\n", "score=acc",
     "table: DIR/x.csv:2:8: \"1e999\" in column \"acc\" is not a finite number"},
    {"x.csv", "a,w,acc,w\nrelu,4,1,4\n", "score=acc",
     "table: DIR/x.csv:1:9: column \"w\" occurs twice"},
    {"x.csv", "a,w,acc\nrelu,4,1\n", "score=acd",
     "table: DIR/x.csv: no column \"acd\" for score=acd (did you mean \"acc\"?)"},
    {"x.csv", "a,w,acc\nrelu,4,1\n", "score=acc+b*2", "no column \"b\" for score=b"},
    {"x.csv", "a,w,acc\nrelu,4,1\n", "score=acc params=w+acc",
     "table: params=w+acc: one column is taken, not 2"},
    {"x.csv", "a,w,acc\nrelu,4,1\n", "",
     "table: DIR/x.csv: which column is the score? say score=COLUMN (there are a, w, "
     "acc)"},
    {"x.csv", "a,w,acc\nrelu,4,1\n", "curve=acc", "no column \"acc1\" for curve=acc1"},
    {"x.csv", "a,w,acc\nrelu,4,1\nsilu,8,1\n", "score=acc",
     "table: DIR/x.csv:3:1: \"silu\" is no option of \"a\""},
    {"x.csv", "a,acc\nrelu,1\n", "score=acc",
     "table: DIR/x.csv: no column \"arch\" that names architectures, and none for the "
     "decision \"w\"; say arch=COLUMN"},
    {"x.csv", "arch,acc\n\"{\"\"w\"\":0,\"\"a\"\":9}\",1\n", "score=acc",
     "table: DIR/x.csv:2:1: \"a\" needs option numbers 0 to 2"},
    {"x.csv", "arch,acc\n\n\nrelu,1\n", "score=acc", "table: DIR/x.csv:4:1"},
    {"x.csv", "a,w,acc\n\"relu,4,1\n", "score=acc", "table: DIR/x.csv:2:1"},
    {"x.csv", "a,w,acc\nrelu,4,1\n", "score=acc draw=run",
     "draw=run is not arch or trial"},
    {"x.csv", "a,w,acc\nrelu,4,1\n", "score=acc as=nb", "as=nb is not auto, none, nasb"},
    {"x.csv", "a,w,acc\nrelu,4,1\n", "score=acc data=cifar10",
     "data= and epochs= are keys of nasbench201"},
    {"x.csv", "a,w,acc\nrelu,4,1\n", "as=nasbench201 epochs=13",
     "nasbench201 has no data=(any) epochs=13"},
    {"x.csv", "a,w,acc\nrelu,4,1\n", "as=nasbench201",
     "no column \"c10valid_val_12ep\" for score=c10valid_val_12ep"},
    {"x.json", "{\"a\": 1}", "score=acc", "is not an object of architectures"},
    {"x.json", "{}", "score=acc", "is not an object of architectures"},
    {"x.json", "{\"a\": {\"b\": 1}, \"a\": {}}", "score=b",
     "table: DIR/x.json:1:19: dup"},
    {"x.json", "{\"a\": {\"b\": [1], \"b_0\": 2}}", "score=b_0",
     "table: DIR/x.json: \"a\": column \"b_0\" occurs twice"},
    {"x.json", "{\"{\\\"w\\\":0,\\\"a\\\":0}\": {\"b\": 1}, \"x\": {\"c\": 1}}",
     "score=b", "table: DIR/x.json: \"x\": \"c\" is not in the first row"},
    {"x.json", "{\"{\\\"w\\\":0,\\\"a\\\":0}\": {\"b\": {}}}", "score=b",
     "\"b\" is not a number, a text or a list of them"},
};

static void test_tabular__wrong_files_are_refused(void **state)
{
    nw_space *space = small(*state);

    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
        refuses(*state, space, refusals[i].name, refusals[i].text, refusals[i].keys,
                refusals[i].words);
}

static void test_tabular__absent_file_is_refused(void **state)
{
    struct held h;

    assert_int_equal(hold(&h, *state, small(*state), "table file=no-such.csv", 1),
                     NW_EIO);
    assert_non_null(strstr(nw_errmsg(*state), "table: no-such.csv: No such file"));
    let_go(&h);
}

static void test_tabular__gradients_are_not_its_business(void **state)
{
    char spec[LONGEST_SPEC];
    nw_search_config config = {.strategy = "darts", .estimator = spec};

    snprintf(spec, sizeof(spec), "table file=%s score=acc", file("plain.csv", plain));
    assert_int_equal(nw_search(small(*state), &config, NULL, NULL, NULL), NW_EMATCH);
}

static void test_tabular__every_allocation_may_fail(void **state)
{
    char spec[LONGEST_SPEC];
    nw_status status = NW_ENOMEM;
    int n = 0;

    (void)state;
    snprintf(spec, sizeof(spec), "table file=%s score=acc latency=%s device=d",
             file("plain.csv", plain), file("l.csv", "a,w,d\nrelu,4,5\n"));
    for (; status < 0; n++) {
        struct failing f = {.left = n};
        nw_config config = {.realloc = failing_realloc, .user = &f, .threads = 1};
        nw_ctx *ctx = nw_open(&config);
        nw_space *space = ctx ? small(ctx) : NULL;
        struct held h = {0};

        if (space && nw_space_seal(space) >= 0) {
            status = hold(&h, ctx, space, spec, 1);
            assert_true(status >= 0 || nw_errstatus(ctx) == NW_ENOMEM);
            let_go(&h);
        }
        nw_close(ctx);
        assert_int_equal(f.blocks, 0);
    }
    assert_true(n > 20);
}

/* ---- Published tables
 * ------------------------------------------------------------------ */

static const int cifar[3] = {3, 32, 32};

static void hold_nb201(struct held *h, nw_ctx *ctx, const char *keys)
{
    char spec[LONGEST_SPEC];

    needs(NB201);
    snprintf(spec, sizeof(spec), "table file=" NB201 " %s", keys);
    check_ok(ctx, hold(h, ctx, nw_space_open(ctx, "nasbench201", cifar, 0), spec, 1));
}

static void test_tabular__nasbench201_twelve_epochs(void **state)
{
    struct held h;
    nw_score s;

    hold_nb201(&h, *state, "");
    take(&h, BEST_12);
    s = score_of(&h, 1);
    check_near(s.quality, .8489199999023438, 1e-15);
    check_near(s.cost_s, 2806.0142477353374 * .06, 1e-9);
    assert_true(s.params == 1073466 && s.macs == 153272960);
    assert_true(score_of(&h, .5).cost_s == s.cost_s);
    s = no_score;
    check_ok(*state, h.type->report(h.self, h.arch, &s));
    check_near(s.accuracy, .9437333333333332, 1e-15);
    let_go(&h);
}

static void test_tabular__nasbench201_costs_are_those_of_the_network(void **state)
{
    struct held h[2];

    hold_nb201(&h[0], *state, "");
    hold_nb201(&h[1], *state, "data=cifar100");
    for (int i = 0; i < 2; i++) {
        nw_space *space = nw_space_open(*state, "nasbench201", cifar, i ? 100 : 10);
        nw_arch *arch = nw_arch_new(*state, space);

        for (uint64_t seed = 1; seed <= 20; seed++) {
            nw_score s = no_score, own = no_score;

            check_ok(*state, nw_arch_random(arch, seed));
            check_ok(*state, nw_arch_cost(arch, &own));
            check_ok(*state, h[i].type->cost(h[i].self, arch, &s));
            assert_true(s.params == own.params && s.macs == own.macs);
            check_ok(*state, nw_arch_copy(h[i].arch, arch));
            s = score_of(&h[i], 1);
            assert_true(s.params == own.params && s.macs == own.macs);
        }
        nw_arch_free(arch);
        let_go(&h[i]);
    }
}

static void test_tabular__nasbench201_two_hundred_epochs(void **state)
{
    struct held h;
    nw_score s;

    hold_nb201(&h, *state, "epochs=200 draw=trial");
    take(&h, BEST_12);
    for (uint64_t id = 1; id < 20; id++) {
        check_ok(*state, ask(&h, 1, id, &s));
        assert_true(fabs(s.quality - .9130799998291016) < 1e-12 ||
                    fabs(s.quality - .9152799998291016) < 1e-12 ||
                    fabs(s.quality - .9165199997070313) < 1e-12);
        check_near(s.cost_s, 2806.0142477353374, 1e-9);
    }
    s = score_of(&h, .06);
    check_near(s.quality, .8489199999023438, 1e-15);
    check_near(s.cost_s, 2806.0142477353374 * .06, 1e-9);
    let_go(&h);
    hold_nb201(&h, *state, "epochs=200 data=cifar100");
    take(&h, BEST_12);
    check_near(score_of(&h, 1).quality, .7330666678466797, 1e-9);
    check_near(score_of(&h, .01).quality, .6131999992675781, 1e-12);
    let_go(&h);
}

/* Over all 15,625: the best validation and test accuracy that the table's README says. */
static void test_tabular__nasbench201_best_rows(void **state)
{
    struct held h;
    nw_score s;
    double valid = 0, test = 0;
    int n = 0;

    hold_nb201(&h, *state, "score=c10valid_val_200ep_mean");
    for (int more = nw_arch_first(h.arch); more; more = nw_arch_next(h.arch), n++) {
        valid = fmax(valid, score_of(&h, 1).quality);
        s = no_score;
        check_ok(*state, h.type->report(h.self, h.arch, &s));
        test = fmax(test, s.quality);
    }
    assert_int_equal(n, 15625);
    check_near(valid, .91607, 5e-6);
    check_near(test, .94373, 5e-6);
    take(&h, BEST);
    assert_true(score_of(&h, 1).quality == valid);
    let_go(&h);
    hold_nb201(&h, *state, "data=cifar100");
    test = 0;
    for (int more = nw_arch_first(h.arch); more; more = nw_arch_next(h.arch)) {
        s = no_score;
        check_ok(*state, h.type->report(h.self, h.arch, &s));
        test = fmax(test, s.quality);
    }
    check_near(test, .73513, 5e-6);
    let_go(&h);
}

static void test_tabular__nasbench201_latency(void **state)
{
    struct held h;
    nw_score s;

    needs(DEVICES);
    hold_nb201(&h, *state, "latency=" DEVICES " device=raspi4");
    take(&h, "\"|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|"
             "skip_connect~1|skip_connect~2|\""); /* row 0 */
    s = score_of(&h, 1);
    assert_true(s.latency_ms == 10.482);
    take(&h, "\"|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|"
             "nor_conv_3x3~1|skip_connect~2|\""); /* row 1 */
    s = score_of(&h, 1);
    assert_true(s.latency_ms == 54.777);
    let_go(&h);
}

struct sum {
    int trials;
    double seconds;
};

static int add_cost(void *user, const nw_trial *trial)
{
    struct sum *sum = user;

    sum->trials++;
    sum->seconds += trial->score.cost_s;
    return 0;
}

static void test_tabular__nasbench201_budget_is_simulated(void **state)
{
    struct sum sum = {0};
    nw_search_config config = {.strategy = "random trials=100000",
                               .estimator = "table file=" NB201,
                               .seed = 1,
                               .max_seconds = 12000,
                               .on_trial = add_cost,
                               .user = &sum};
    nw_score best;

    needs(NB201);
    check_ok(*state, nw_search(nw_space_open(*state, "nasbench201", cifar, 0), &config,
                               NULL, NULL, &best));
    assert_true(sum.seconds >= 12000 && sum.seconds < 12000 + 400);
    assert_true(sum.trials > 60 && sum.trials < 200);
    assert_true(best.quality > .8);
}

static void test_tabular__macro_draws_one_of_three_runs(void **state)
{
    static const double run[] = {93.27999877929688, 93.32999420166016, 92.7699966430664};
    int seen[3] = {0};
    struct held h;
    nw_score s = no_score;

    needs(MACRO);
    check_ok(*state, hold(&h, *state, nw_space_open(*state, "nasbench-macro", cifar, 0),
                          "table file=" MACRO " draw=trial", 1));
    take(&h, "\"22212220\"");
    check_ok(*state, h.type->report(h.self, h.arch, &s));
    check_near(s.accuracy, .93127, 5e-6);
    for (uint64_t id = 1; id < 30; id++) {
        check_ok(*state, ask(&h, 1, id, &s));
        for (int i = 0; i < 3; i++)
            seen[i] += fabs(s.quality - run[i] * .01) < 1e-12;
    }
    assert_true(seen[0] && seen[1] && seen[2] && seen[0] + seen[1] + seen[2] == 29);
    s = no_score;
    check_ok(*state, nw_arch_cost(h.arch, &s));
    assert_true(s.params == score_of(&h, 1).params && s.macs == score_of(&h, 1).macs);
    let_go(&h);
}

static void test_tabular__accel_nasbench(void **state)
{
    static const char *const words = /* result_4079.json */
        "[[4,5,2,0],[4,3,2,1],[4,3,3,1],[1,3,2,0],[6,5,2,1],[4,5,4,1],[1,5,3,0]]";
    nw_space *space = nw_space_open(*state, "accel-nasbench", NULL, 0);
    struct held h;
    nw_score s;

    needs(ACCEL);
    check_ok(*state, hold(&h, *state, space,
                          "table file=" ACCEL " device=latency_zcu102_mean", 1));
    take(&h, words);
    s = score_of(&h, 1);
    check_near(s.accuracy, 61.708 / 100, 1e-12);
    check_near(s.top5, 84.159996 / 100, 1e-12);
    check_near(s.params, 3.752384 * 1e6, 1e-3);
    check_near(s.macs, 434.430368 * 1e6, 1e-3);
    check_near(s.latency_ms, 8.229158469796511, 1e-12);
    check_near(s.cost_s, 2478.2868814468384, 1e-9);
    let_go(&h);
}

static void test_tabular__rows_of_other_spaces_are_skipped_on_request(void **state)
{
    static const char *const text = "a,w,acc\nrelu,4,1\nsilu,4,2\n";
    struct held h;

    hold_small(&h, *state, "o.csv", text, "score=acc skip=1");
    pick(&h, 0, 0);
    assert_true(score_of(&h, 1).quality == 1);
    let_go(&h);
    refuses(*state, small(*state), "o.csv", "a,w,acc\nsilu,4,2\n", "score=acc skip=1",
            "table: DIR/o.csv: has no row of this space (1 others)");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tabular__looks_up_by_decisions),
        TEST(test_tabular__missing_rows_fail_and_cost),
        TEST(test_tabular__searches_go_on_after_missing_rows),
        TEST(test_tabular__report_is_hidden_from_the_search),
        TEST(test_tabular__loss_alone_is_a_quality),
        TEST(test_tabular__same_seed_same_run),
        TEST(test_tabular__a_run_a_trial_on_request),
        TEST(test_tabular__curves_are_fidelities),
        TEST(test_tabular__json_is_keyed_by_arch),
        TEST(test_tabular__costs_come_from_the_table_or_the_network),
        TEST(test_tabular__limits_and_objectives_use_it),
        TEST(test_tabular__joins_latencies),
        TEST(test_tabular__wrong_files_are_refused),
        TEST(test_tabular__absent_file_is_refused),
        TEST(test_tabular__gradients_are_not_its_business),
        TEST(test_tabular__every_allocation_may_fail),
        TEST(test_tabular__nasbench201_twelve_epochs),
        TEST(test_tabular__nasbench201_costs_are_those_of_the_network),
        TEST(test_tabular__nasbench201_two_hundred_epochs),
        TEST(test_tabular__nasbench201_best_rows),
        TEST(test_tabular__nasbench201_latency),
        TEST(test_tabular__nasbench201_budget_is_simulated),
        TEST(test_tabular__macro_draws_one_of_three_runs),
        TEST(test_tabular__accel_nasbench),
        TEST(test_tabular__rows_of_other_spaces_are_skipped_on_request),
    };

    return cmocka_run_group_tests(tests, make_test_dir, remove_test_dir);
}
