/*
 * test_every_strategy.c - what every strategy that proposes trials must do, over the
 * list: the same seed gives the same trials; stopped after each trial and resumed it goes
 * on as if nothing had happened; trials that fail do not end it; a small space is no
 * trap; limits hold; proposals may run ahead.
 */
#include "../study/study_test.h"

#include "check.h"
#include "random.h"
#include "strategy.h"

enum { CHOICES = 4, OPTIONS = 3, ARCHS = 81, MOST = 400 };

/* Keys under which a strategy shows all its phases in a few dozen trials. */
static const struct {
    const char *name, *spec;
} small[] = {
    {"amoebanet", "amoebanet population=8 sample=3"},
    {"genetic-cnn", "genetic-cnn population=6"},
    {"metaqnn", "metaqnn models=40 replay=10"},
    {"pnas", "pnas k=5 epochs=20"},
    {"dpp-net", "dpp-net k=5 epochs=20"},
    {"nao", "nao pool=12 new=6 epochs=10"},
    {"bananas", "bananas startup=8 batch=4 epochs=10"},
};

static const char *spec_of(const char *name)
{
    for (size_t i = 0; i < sizeof(small) / sizeof(*small); i++)
        if (!strcmp(small[i].name, name))
            return small[i].spec;
    return name;
}

/* ---- A space of 81 networks and a table of them ----------------------------------- */

static nw_space *space_of(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_op(s, "conv2d out=4 name=stem", nw_input(s, 1, 8, 8));

    for (int c = 0; c < CHOICES; c++) {
        const char name[2] = {(char)('a' + c), 0};

        x = nw_one_of(s, name, nw_op(s, "conv2d k=3 pad=1", x),
                      nw_op(s, "conv2d k=5 pad=2", x), nw_op(s, "identity", x));
    }
    nw_output(s, nw_op(s, "globalpool | dense out=4", x));
    return s;
}

/* holes: every so many rows one is left out; 0 = none. */
static void write_table(const char *path, int holes)
{
    FILE *out = fopen(path, "w");
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = space_of(ctx);

    assert_non_null(out);
    assert_int_equal(nw_space_seal(s), NW_OK);
    fprintf(out, "a,b,c,d,score,params\n");
    for (int i = 0; i < ARCHS; i++) {
        const int digit[CHOICES] = {i % 3, i / 3 % 3, i / 9 % 3, i / 27};
        double score = nw_uniform(3, NW_FOR_TEST, (uint64_t)i) / 5, params = 1;

        if (holes && i % holes == 1)
            continue;
        for (int c = 0; c < CHOICES; c++) {
            score += digit[c] == c % OPTIONS ? .2 : 0;
            params += digit[c] == 2 ? 0 : digit[c] + 1;
            fprintf(out, "%s,", nw_space_option_name(s, c, digit[c]));
        }
        fprintf(out, "%.6f,%g\n", score, params);
    }
    fclose(out);
    nw_close(ctx);
}

/* ---- One search -------------------------------------------------------------------- */

struct run {
    const char *strategy, *dir;
    int holes, trials, ahead, stop;
    const char *limits;
};

struct seen {
    int n, failed;
    uint64_t arch[MOST];
    double quality[MOST], params[MOST];
    nw_status status;
    char words[512];
    int stop;
};

static int note(void *user, const nw_trial *trial)
{
    struct seen *s = user;

    assert_true(s->n < MOST);
    s->arch[s->n] = nw_arch_hash(trial->arch);
    s->quality[s->n] = trial->score.quality;
    s->params[s->n] = trial->score.params;
    s->failed += trial->status < 0;
    s->n++;
    return s->stop;
}

static void search(const struct run *run, const char *table, struct seen *out)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    char estimator[600];
    nw_search_config config = {.strategy = run->strategy,
                               .estimator = estimator,
                               .study = run->dir ? nw_study_open(ctx, run->dir) : NULL,
                               .seed = 7,
                               .max_trials = (uint64_t)run->trials,
                               .limits = run->limits,
                               .ahead = run->ahead,
                               .on_trial = note,
                               .user = out};

    snprintf(estimator, sizeof(estimator), "table file=%s score=score params=params",
             table);
    out->stop = run->stop;
    out->status = nw_search(space_of(ctx), &config, NULL, NULL, NULL);
    snprintf(out->words, sizeof(out->words), "%s", nw_errmsg(ctx));
    nw_close(ctx);
}

static void must(const struct seen *seen, const char *name)
{
    if (seen->status < 0)
        fail_msg("%s: %s", name, seen->words);
}

/* Every multi-trial strategy in turn; table and folder are those of the test. */
static void each(void (*check)(const char *name, const char *spec, const char *dir,
                               const char *table),
                 int holes)
{
    for (int i = 0; nw_strategies[i]; i++) {
        const char *name = nw_strategies[i]->name;
        char *dir, table[300];

        if (!strcmp(name, "fixed") || nw_strategies[i]->needs & NW_GRADIENT)
            continue;
        dir = new_folder();
        snprintf(table, sizeof(table), "%s/table.csv", dir);
        write_table(table, holes);
        check(name, spec_of(name), dir, table);
        remove_folder(dir);
    }
}

/* ---- The checks ----------------------------------------------------------------------
 */

static void assert_same(const struct seen *a, const struct seen *b, const char *name)
{
    if (a->n != b->n)
        fail_msg("%s: %d trials, and %d", name, a->n, b->n);
    for (int i = 0; i < a->n; i++)
        if (a->arch[i] != b->arch[i])
            fail_msg("%s: trial %d differs", name, i + 1);
}

static void check_repeats(const char *name, const char *spec, const char *dir,
                          const char *table)
{
    static struct seen a, b;
    const struct run run = {.strategy = spec, .trials = 60};

    (void)dir;
    a = b = (struct seen){0};
    search(&run, table, &a);
    search(&run, table, &b);
    must(&a, name);
    assert_true(a.n > 0);
    assert_same(&a, &b, name);
}

static void test_every_strategy__same_seed_same_trials(void **state)
{
    (void)state;
    each(check_repeats, 0);
}

static void resume_with(const char *name, const char *spec, const char *dir,
                        const char *table, int ahead)
{
    static struct seen whole, parts;
    const struct run once = {.strategy = spec, .trials = 45, .ahead = ahead};
    struct run stopped = {
        .strategy = spec, .trials = 45, .ahead = ahead, .dir = dir, .stop = 1};

    whole = parts = (struct seen){0};
    search(&once, table, &whole);
    must(&whole, name);
    do
        search(&stopped, table, &parts);
    while (parts.status == NW_ESTOPPED && parts.n <= whole.n);
    must(&parts, name);
    assert_same(&whole, &parts, name);
}

static void check_resumes(const char *name, const char *spec, const char *dir,
                          const char *table)
{
    resume_with(name, spec, dir, table, 1);
}

static void test_every_strategy__stopped_after_every_trial(void **state)
{
    (void)state;
    each(check_resumes, 9);
}

static void check_ahead(const char *name, const char *spec, const char *dir,
                        const char *table)
{
    resume_with(name, spec, dir, table, 4);
}

static void test_every_strategy__proposals_run_ahead(void **state)
{
    (void)state;
    each(check_ahead, 0);
}

static void check_failures(const char *name, const char *spec, const char *dir,
                           const char *table)
{
    static struct seen seen;
    const struct run run = {.strategy = spec, .trials = 60};

    (void)dir;
    seen = (struct seen){0};
    search(&run, table, &seen);
    must(&seen, name);
    if (!seen.failed)
        print_message("%s: met none of the archs that fail\n", name);
    assert_true(seen.n > seen.failed);
}

static void test_every_strategy__failures_do_not_end_it(void **state)
{
    (void)state;
    each(check_failures, 3);
}

static void check_small_space(const char *name, const char *spec, const char *dir,
                              const char *table)
{
    static struct seen seen;
    const struct run run = {.strategy = spec, .trials = MOST - 1};

    (void)dir;
    seen = (struct seen){0};
    search(&run, table, &seen);
    must(&seen, name);
    assert_true(seen.n > 0);
}

static void test_every_strategy__more_trials_than_networks(void **state)
{
    (void)state;
    each(check_small_space, 0);
}

static void check_limits(const char *name, const char *spec, const char *dir,
                         const char *table)
{
    static struct seen seen;
    struct run run = {.strategy = spec, .trials = 60, .limits = "params<=4"};

    (void)dir;
    seen = (struct seen){0};
    search(&run, table, &seen);
    must(&seen, name);
    for (int i = 0; i < seen.n; i++)
        if (!(seen.params[i] <= 4))
            fail_msg("%s: trial %d has %g params", name, i + 1, seen.params[i]);
    run.limits = "params<=0.5";
    seen = (struct seen){0};
    search(&run, table, &seen);
    assert_int_equal(seen.status, NW_EINFEASIBLE);
    assert_int_equal(seen.n, 0);
    assert_non_null(strstr(seen.words, "the smallest is 1"));
}

static void test_every_strategy__limits_hold(void **state)
{
    (void)state;
    each(check_limits, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_strategy__same_seed_same_trials),
        cmocka_unit_test(test_every_strategy__stopped_after_every_trial),
        cmocka_unit_test(test_every_strategy__proposals_run_ahead),
        cmocka_unit_test(test_every_strategy__failures_do_not_end_it),
        cmocka_unit_test(test_every_strategy__more_trials_than_networks),
        cmocka_unit_test(test_every_strategy__limits_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
