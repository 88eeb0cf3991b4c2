/* test_compare.c - equal budgets, the right winner, and nothing but chance for chance. */
#include "check.h"
#include "failing.h"
#include "planted.h"
#include "ranktest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const two[] = {"random", "climb"};

static nw_compare_config config_of(size_t n, const char *const *strategy)
{
    return (nw_compare_config){.n = n,
                               .strategy = strategy,
                               .estimator = "planted",
                               .seed = 1,
                               .seeds = 40,
                               .max_trials = 60,
                               .jobs = 2};
}

static nw_comparison *compared(nw_ctx *ctx, const nw_compare_config *config)
{
    nw_comparison *found = NULL;

    check_ok(ctx, nw_compare(planted_space(ctx), config, &found));
    return found;
}

/* All that a comparison prints and draws, as one text; free() it. */
static char *told(nw_ctx *ctx, const nw_comparison *found)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    check_ok(ctx, nw_comparison_print(found, "standings", "csv", out));
    check_ok(ctx, nw_comparison_print(found, "runs", "csv", out));
    check_ok(ctx, nw_comparison_print(found, "curves", "json", out));
    check_ok(ctx, nw_comparison_draw(found, out));
    fclose(out);
    return text;
}

static void test_compare__better_is_told_from_chance(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    const nw_compare_config config = config_of(2, two);
    const nw_comparison *found = compared(ctx, &config);
    double score[2][40], wins = 0;

    (void)state;
    assert_int_equal(found->n, 2);
    assert_int_equal(found->yardstick, 0);
    assert_int_equal(found->n_run, 80);
    assert_true(found->is_held_out);
    for (int i = 0; i < 80; i++)
        score[i / 40][i % 40] = found->run[i].score;
    for (int i = 0; i < 1600; i++)
        wins += score[1][i / 40] > score[0][i % 40]   ? 1
                : score[1][i / 40] < score[0][i % 40] ? 0
                                                      : .5;
    check_near(found->standing[1].a12, wins / 1600, 1e-12);
    assert_true(found->standing[1].a12 > .8);
    assert_true(found->standing[1].p < 1e-6);
    assert_true(found->standing[1].rank < 1.5);
    check_near(found->standing[0].rank + found->standing[1].rank, 3, 1e-12);
    assert_true(isnan(found->standing[0].p) && isnan(found->standing[0].a12));
    nw_close(ctx);
}

/* The same strategy with other seeds is no better than itself. */
static void test_compare__random_does_not_beat_itself(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_compare_config config = config_of(1, two);
    const nw_comparison *a = compared(ctx, &config), *b;
    double x[40], y[40];
    nw_ranktest test;

    (void)state;
    config.seed = 1001;
    b = compared(ctx, &config);
    for (int i = 0; i < 40; i++)
        x[i] = a->run[i].score, y[i] = b->run[i].score;
    check_ok(ctx, nw_mann_whitney(ctx, x, 40, y, 40, &test));
    assert_true(test.p > .01 && test.p < .99);
    assert_true(fabs(test.a12 - .5) < .15);
    nw_close(ctx);
}

static void test_compare__random_is_added(void **state)
{
    static const char *const one[] = {" climb "}, *const last[] = {"climb", "random"};
    nw_ctx *ctx = nw_open(NULL);
    nw_compare_config config = config_of(1, one);
    const nw_comparison *found;

    (void)state;
    config.seeds = 3;
    found = compared(ctx, &config);
    assert_int_equal(found->n, 2);
    assert_string_equal(found->standing[0].strategy, "random");
    assert_string_equal(found->standing[1].strategy, "climb");
    config = config_of(2, last);
    config.seeds = 3;
    found = compared(ctx, &config);
    assert_int_equal(found->yardstick, 1);
    assert_true(isnan(found->standing[1].p) && !isnan(found->standing[0].p));
    nw_close(ctx);
}

static void test_compare__same_for_any_number_of_jobs(void **state)
{
    char *text[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        nw_ctx *ctx = nw_open(NULL);
        nw_compare_config config = config_of(2, two);

        config.seeds = 7;
        config.jobs = i ? 3 : 1;
        text[i] = told(ctx, compared(ctx, &config));
        nw_close(ctx);
    }
    assert_true(strlen(text[0]) > 1000);
    assert_string_equal(text[0], text[1]);
    free(text[0]);
    free(text[1]);
}

/* A trial costs 10 to 14 s: of 100 s no run may count more. */
static void test_compare__nothing_counts_after_the_budget(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_compare_config config = config_of(2, two);
    const nw_comparison *found;

    (void)state;
    config.max_trials = 0;
    config.max_seconds = 100;
    found = compared(ctx, &config);
    for (int i = 0; i < found->n_run; i++) {
        assert_true(found->run[i].cost_s <= 100 && found->run[i].cost_s > 100 - 14);
        assert_true(found->run[i].trials >= 7 && found->run[i].trials <= 10);
    }
    nw_close(ctx);
}

/* A run of one strategy does not depend on what it is compared with. */
static void test_compare__runs_are_those_of_a_search(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_compare_config config = config_of(2, two);
    nw_search_config search = {
        .strategy = "climb", .estimator = "planted", .seed = 5, .max_trials = 60};
    const nw_comparison *found;
    nw_score score;

    (void)state;
    config.seeds = 5;
    found = compared(ctx, &config);
    check_ok(ctx, nw_search(planted_space(ctx), &search, NULL, NULL, &score));
    assert_int_equal(found->run[9].seed, 5);
    check_near(found->run[9].valid, score.quality, 0);
    nw_close(ctx);
}

static void test_compare__without_report_validation_is_judged(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_compare_config config = config_of(2, two);
    const nw_comparison *found;

    (void)state;
    config.estimator = "silent";
    config.seeds = 4;
    found = compared(ctx, &config);
    assert_false(found->is_held_out);
    for (int i = 0; i < found->n_run; i++)
        check_near(found->run[i].score, found->run[i].valid, 0);
    nw_close(ctx);
}

static void test_compare__failures_are_results(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_compare_config config = config_of(2, two);
    const nw_comparison *found;

    (void)state;
    config.estimator = "planted crash=2 fail=3";
    config.seeds = 4;
    found = compared(ctx, &config);
    for (int i = 0; i < 2; i++) {
        const nw_outcome *run = &found->run[4 * i];

        assert_int_equal(run[0].status, NW_OK);
        assert_int_equal(run[1].status, NW_ECRASHED);
        assert_non_null(strstr(run[1].reason, "signal 9"));
        assert_int_equal(run[2].status, NW_EDIVERGED);
        assert_non_null(strstr(run[2].reason, "as asked for"));
        assert_true(isnan(run[1].score) && isnan(run[2].score));
        assert_int_equal(run[3].status, NW_OK);
        assert_int_equal(found->standing[i].runs, 2);
        assert_int_equal(found->standing[i].failed, 2);
    }
    nw_close(ctx);
}

static int stop_later(void *user, const nw_progress *progress)
{
    (void)user;
    return progress->done >= 5 && progress->done < progress->total;
}

/* Stopped and gone on with, then asked for more seeds and one more strategy. */
static void test_compare__study_goes_on(void **state)
{
    static const char *const three[] = {"random", "climb", "frozen"};
    char dir[] = "compare-study-XXXXXX", *whole, *resumed;
    nw_compare_config config = config_of(2, two);
    nw_comparison *found = NULL;
    nw_ctx *ctx = nw_open(NULL);

    (void)state;
    assert_non_null(mkdtemp(dir));
    config.study = nw_study_open(ctx, dir);
    config.seeds = 6;
    config.on_progress = stop_later;
    assert_int_equal(nw_compare(planted_space(ctx), &config, &found), NW_ESTOPPED);
    assert_null(found);
    config.n = 3;
    config.strategy = three;
    config.seeds = 8;
    config.on_progress = NULL;
    resumed = told(ctx, compared(ctx, &config));
    config.estimator = "planted crash=1"; /* another comparison */
    assert_int_equal(nw_compare(planted_space(ctx), &config, &found), NW_EMATCH);
    assert_non_null(strstr(nw_errmsg(ctx), "estimator"));
    config.estimator = "planted";
    config.study = NULL;
    whole = told(ctx, compared(ctx, &config));
    assert_string_equal(whole, resumed);
    free(whole);
    free(resumed);
    nw_close(ctx);
    assert_int_equal(system("rm -r compare-study-??????"), 0);
}

static void check_refused(nw_ctx *ctx, const nw_compare_config *config, nw_status status,
                          const char *words)
{
    nw_comparison *found = NULL;

    assert_int_equal(nw_compare(planted_space(ctx), config, &found), status);
    assert_non_null(strstr(nw_errmsg(ctx), words));
    assert_null(found);
}

static void test_compare__bad_questions(void **state)
{
    static const char *const twice[] = {"climb", "climb"}, *const typo[] = {"clim"};
    nw_ctx *ctx = nw_open(NULL);
    nw_compare_config config = config_of(2, twice);

    (void)state;
    check_refused(ctx, &config, NW_EINVAL, "twice");
    config = config_of(1, typo);
    check_refused(ctx, &config, NW_ENAME, "did you mean \"climb\"");
    config = config_of(2, two);
    config.max_trials = 0;
    check_refused(ctx, &config, NW_EINVAL, "budget");
    config = config_of(2, two);
    config.limits = "params<=1";
    check_refused(ctx, &config, NW_EINFEASIBLE, "params");
    config = config_of(2, two);
    config.estimator = "planted fail=1";
    config.seeds = 1;
    check_refused(ctx, &config, NW_EDIVERGED, "every run failed");
    nw_close(ctx);
}

/* The curve begins where all runs have something, rises, and ends at the mean score. */
static void test_compare__curves(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_compare_config config = config_of(2, two);
    const nw_comparison *found = compared(ctx, &config);
    char *text = NULL, *at, strategy[32];
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    double trials, runs, score, before = 0, end[2] = {0};
    int first = 1;

    (void)state;
    check_ok(ctx, nw_comparison_print(found, "curves", "csv", out));
    fclose(out);
    for (at = strchr(text, '\n') + 1; *at; at = strchr(at, '\n') + 1) {
        const int n = sscanf(at, "%31[^,],%lf,%lf,%lf", strategy, &trials, &runs, &score);
        const int is_climb = !strcmp(strategy, "climb");

        assert_int_equal(n, 4);
        assert_true(runs == 40);
        assert_true(!first || trials == 1);
        first = 0;
        before = trials == 1 ? 0 : before;
        assert_true(score > before - .05); /* chosen by noise, so it may fall a little */
        before = end[is_climb] = score;
    }
    assert_true(trials == 60);
    check_near(end[0], found->standing[0].score, 1e-12);
    check_near(end[1], found->standing[1].score, 1e-12);
    free(text);
    nw_close(ctx);
}

static int count(const char *text, const char *word)
{
    int n = 0;

    for (; (text = strstr(text, word)); text += strlen(word))
        n++;
    return n;
}

static char *drawn(nw_ctx *ctx, const nw_comparison *found)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    check_ok(ctx, nw_comparison_draw(found, out));
    fclose(out);
    return text;
}

/* Every strategy is named at its curve and at its box; every element is closed. */
static void test_compare__figure(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_compare_config config = config_of(2, two);
    char *text = drawn(ctx, compared(ctx, &config));

    (void)state;
    assert_int_equal(strncmp(text, "<svg ", 5), 0);
    assert_string_equal(text + strlen(text) - 7, "</svg>\n");
    assert_int_equal(count(text, ">climb</text>"), 2);
    assert_int_equal(count(text, ">random</text>"), 2);
    assert_int_equal(count(text, ">Trials</text>"), 1);
    assert_int_equal(count(text, "40 runs"), 1);
    assert_int_equal(count(text, "<text"), count(text, "</text>"));
    assert_int_equal(count(text, "<g"), count(text, "</g>"));
    assert_int_equal(count(text, "nan") + count(text, "inf"), 0);
    free(text);
    nw_close(ctx);
}

/* All scores equal, one trial, one strategy, one of two runs failed. */
static void test_compare__figure_of_little(void **state)
{
    static const char *const one[] = {"frozen", "random"};
    nw_ctx *ctx = nw_open(NULL);
    nw_compare_config config = config_of(2, one);
    char *text;

    (void)state;
    config.estimator = "planted noise=0 fail=2";
    config.seeds = 2;
    config.max_trials = 1;
    text = drawn(ctx, compared(ctx, &config));
    assert_int_equal(count(text, "nan") + count(text, "inf"), 0);
    free(text);
    nw_close(ctx);
}

static nw_status try_with(struct failing *memory)
{
    nw_config settings = {.realloc = failing_realloc, .user = memory, .threads = 1};
    nw_ctx *ctx = nw_open(&settings);
    nw_compare_config config = config_of(2, two);
    nw_comparison *found = NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    nw_status status;

    config.seeds = 2;
    config.max_trials = 4;
    status = nw_compare(planted_space(ctx), &config, &found);
    if (status >= 0)
        status = nw_comparison_print(found, "standings", "csv", out);
    if (status >= 0)
        status = nw_comparison_draw(found, out);
    fclose(out);
    free(text);
    nw_close(ctx);
    return status;
}

/* Memory runs out at one place after the other: words and no leak. */
static void test_compare__memory_runs_out(void **state)
{
    struct failing memory = {.left = -1};
    nw_status status;
    long all;

    (void)state;
    assert_int_equal(try_with(&memory), NW_OK);
    all = memory.asked;
    assert_int_equal(memory.blocks, 0);
    for (long k = 0; k < all; k++) {
        memory = (struct failing){.left = k};
        status = try_with(&memory);
        /* A process that dies of it is replaced, and then runs have failed. */
        assert_true(status == NW_ENOMEM || status == NW_OK);
        assert_int_equal(memory.blocks, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare__better_is_told_from_chance),
        cmocka_unit_test(test_compare__random_does_not_beat_itself),
        cmocka_unit_test(test_compare__random_is_added),
        cmocka_unit_test(test_compare__same_for_any_number_of_jobs),
        cmocka_unit_test(test_compare__nothing_counts_after_the_budget),
        cmocka_unit_test(test_compare__runs_are_those_of_a_search),
        cmocka_unit_test(test_compare__without_report_validation_is_judged),
        cmocka_unit_test(test_compare__failures_are_results),
        cmocka_unit_test(test_compare__study_goes_on),
        cmocka_unit_test(test_compare__bad_questions),
        cmocka_unit_test(test_compare__curves),
        cmocka_unit_test(test_compare__figure),
        cmocka_unit_test(test_compare__figure_of_little),
        cmocka_unit_test(test_compare__memory_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
