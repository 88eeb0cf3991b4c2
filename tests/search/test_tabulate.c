/* test_tabulate.c - tables that are built: every arch, every run, and read back. */
#include "../data/files.h"
#include "check.h"
#include "netwright_ext.h"
#include "study.h"

enum { ARCHS = 6, MOST_LINE = 2000 };

/* Six networks: of two kernels and three widths. */
static nw_space *small(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 1, 8, 8);

    nw_int_of(s, "w", 3, (const int[]){2, 4, 8});
    x = nw_op(s, "conv2d out=$w | batchnorm | relu", x);
    x = nw_one_of(s, "k", nw_op(s, "conv2d k=3", x), nw_op(s, "conv2d k=5", x));
    nw_output(s, nw_op(s, "relu | globalpool | dense out=4", x));
    return s;
}

/* All that one table is made of. */
struct job {
    nw_ctx *ctx;
    nw_space *space;
    nw_data *data;
    nw_search_config how;
    int stop_after, trials; /* > 0: stop then */
};

static int count_trial(void *user, const nw_trial *trial)
{
    struct job *j = user;

    (void)trial;
    return ++j->trials == j->stop_after;
}

static void open_job(struct job *j, const char *study)
{
    *j = (struct job){.ctx = nw_open(&(nw_config){.threads = 1})};
    j->space = small(j->ctx);
    j->data = nw_data_open(j->ctx, "planted n=120 size=8");
    j->how = (nw_search_config){.estimator = "train epochs=3 batch=20 lr=0.1",
                                .train = nw_data_slice(j->data, 1, 0, 60),
                                .valid = nw_data_slice(j->data, 1, 60, 30),
                                .test = nw_data_slice(j->data, 1, 90, 30),
                                .study = nw_study_open(j->ctx, in_dir(study)),
                                .on_trial = count_trial,
                                .user = j,
                                .seed = 5};
}

/* ---- A CSV without quotes in what is asked of it ---------------------------------- */

struct lines {
    char text[64][MOST_LINE];
    int n;
};

static void read_lines(const char *path, struct lines *out)
{
    FILE *in = fopen(path, "r");

    assert_non_null(in);
    for (out->n = 0; out->n < 64 && fgets(out->text[out->n], MOST_LINE, in); out->n++)
        out->text[out->n][strcspn(out->text[out->n], "\r\n")] = 0;
    fclose(in);
}

static void copy_field(const char *line, int i, char *out)
{
    int quoted = 0;

    for (; i; line++) {
        assert_true(*line);
        quoted ^= *line == '"';
        i -= *line == ',' && !quoted;
    }
    for (quoted = 0; *line && (quoted || *line != ','); line++) {
        quoted ^= *line == '"';
        *out++ = *line;
    }
    *out = 0;
}

static int column(const struct lines *l, const char *name)
{
    char field[MOST_LINE];

    for (int i = 0;; i++) {
        copy_field(l->text[0], i, field);
        if (!strcmp(field, name))
            return i;
    }
}

static double cell(const struct lines *l, int row, const char *name)
{
    char field[MOST_LINE];

    copy_field(l->text[row], column(l, name), field);
    return *field ? atof(field) : NAN;
}

static void text_of(const struct lines *l, int row, const char *name, char *out)
{
    copy_field(l->text[row], column(l, name), out);
}

/* Two tables are the same but for the time that they took. */
static void assert_same(const struct lines *a, const struct lines *b)
{
    static const char *const all[] = {
        "arch",           "run",        "seed",     "params",        "macs",
        "peak_bytes",     "valid_e1",   "valid_e2", "valid_e3",      "status",
        "valid_accuracy", "valid_loss", "reason",   "test_accuracy", "test_loss"};

    assert_int_equal(a->n, b->n);
    assert_string_equal(a->text[0], b->text[0]);
    for (int row = 1; row < a->n; row++)
        for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
            char x[MOST_LINE], y[MOST_LINE];

            text_of(a, row, all[i], x);
            text_of(b, row, all[i], y);
            assert_string_equal(x, y);
        }
}

/* ---- Tests ------------------------------------------------------------------------- */

static void test_tabulate__every_arch_and_run_has_a_row(void **state)
{
    const nw_tabulate_config what = {.runs = 2, .passes = 3};
    const char *path = in_dir("all.csv");
    static struct lines l;
    struct job j;

    (void)state;
    open_job(&j, "all");
    check_ok(j.ctx, nw_tabulate(j.space, &j.how, &what, path));
    read_lines(path, &l);
    assert_int_equal(l.n, 1 + 2 * ARCHS);
    for (int a = 1; a <= ARCHS; a++) {
        char first[MOST_LINE], second[MOST_LINE];

        text_of(&l, a, "arch", first);
        text_of(&l, a + ARCHS, "arch", second);
        assert_string_equal(first, second);
        for (int b = 1; b < a; b++) {
            text_of(&l, b, "arch", second);
            assert_string_not_equal(first, second);
        }
        assert_true(cell(&l, a, "run") == 1 && cell(&l, a + ARCHS, "run") == 2);
        assert_true(cell(&l, a, "params") == cell(&l, a + ARCHS, "params"));
        assert_true(cell(&l, a, "latency_ms") > 0);
        assert_true(cell(&l, a, "latency_ms") == cell(&l, a + ARCHS, "latency_ms"));
        /* other weights, another result */
        assert_true(cell(&l, a, "valid_loss") != cell(&l, a + ARCHS, "valid_loss"));
        assert_true(cell(&l, a, "seconds") > 0);
        assert_true(cell(&l, a, "valid_e3") == cell(&l, a, "valid_accuracy"));
        assert_true(cell(&l, a, "test_accuracy") >= 0 && cell(&l, a, "test_loss") > 0);
        text_of(&l, a, "status", first);
        assert_string_equal(first, "ok");
    }
    nw_close(j.ctx);
}

/* The test accuracy is that of the trained network. */
static void test_tabulate__test_data_is_the_networks(void **state)
{
    const char *path = in_dir("one.csv");
    static struct lines l;
    struct job j;
    nw_net *net = NULL;
    nw_arch *arch;
    nw_score score;

    (void)state;
    open_job(&j, "one");
    check_ok(j.ctx, nw_tabulate(j.space, &j.how, NULL, path));
    read_lines(path, &l);
    j.how.study = NULL;
    j.how.strategy = "grid";
    check_ok(j.ctx, nw_search(j.space, &j.how, &arch, &net, &score));
    check_ok(j.ctx, nw_net_score(net, j.how.test, 10, &score));
    for (int a = 1; a <= ARCHS; a++)
        if (cell(&l, a, "test_loss") != 0 &&
            fabs(cell(&l, a, "test_loss") - score.loss) < 1e-5) {
            assert_true(cell(&l, a, "test_accuracy") == score.accuracy);
            nw_close(j.ctx);
            return;
        }
    fail_msg("no row has the test loss %g of the best network", score.loss);
}

static void test_tabulate__stopped_ends_as_undisturbed(void **state)
{
    const nw_tabulate_config what = {.sample = 4, .runs = 2};
    static struct lines a, b;
    struct job j;
    nw_status status = NW_ESTOPPED;
    int tries = 0;

    (void)state;
    open_job(&j, "undisturbed");
    check_ok(j.ctx, nw_tabulate(j.space, &j.how, &what, in_dir("a.csv")));
    nw_close(j.ctx);
    for (; status == NW_ESTOPPED; tries++) {
        open_job(&j, "stopped");
        j.stop_after = 3;
        status = nw_tabulate(j.space, &j.how, &what, in_dir("b.csv"));
        assert_true(status == NW_OK || status == NW_ESTOPPED);
        assert_true((status == NW_OK) == !access(in_dir("b.csv"), F_OK));
        nw_close(j.ctx);
    }
    assert_int_equal(tries, 3); /* of 8 trials, and two stops within them */
    read_lines(in_dir("a.csv"), &a);
    read_lines(in_dir("b.csv"), &b);
    assert_int_equal(a.n, 1 + 2 * 4);
    assert_same(&a, &b);
}

static void test_tabulate__workers_make_the_same_table(void **state)
{
    static struct lines a, b;
    struct job j;

    (void)state;
    for (int jobs = 0; jobs < 3; jobs += 2) {
        open_job(&j, jobs ? "two" : "none");
        j.how.jobs = jobs;
        j.how.ahead = 4;
        check_ok(j.ctx, nw_tabulate(j.space, &j.how, NULL,
                                    in_dir(jobs ? "two.csv" : "none.csv")));
        nw_close(j.ctx);
    }
    read_lines(in_dir("none.csv"), &a);
    read_lines(in_dir("two.csv"), &b);
    assert_same(&a, &b);
}

/* Of two networks one explodes under a long step, the other has nothing that could. */
static nw_space *fragile(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 1, 8, 8);

    x = nw_one_of(s, "a", nw_op(s, "conv2d out=4 | conv2d | conv2d | conv2d", x),
                  nw_op(s, "conv2d out=4 | none", x));
    nw_output(s, nw_op(s, "globalpool | dense out=4", x));
    return s;
}

static void test_tabulate__failed_trials_have_a_row(void **state)
{
    static struct lines l;
    struct job j;
    char text[MOST_LINE];

    (void)state;
    open_job(&j, "failed");
    j.space = fragile(j.ctx);
    j.how.estimator = "train epochs=20 batch=20 lr=1000 clip=0 schedule=constant";
    check_ok(j.ctx, nw_tabulate(j.space, &j.how, NULL, in_dir("failed.csv")));
    read_lines(in_dir("failed.csv"), &l);
    assert_int_equal(l.n, 3);
    for (int row = 1; row <= 2; row++) {
        text_of(&l, row, "arch", text);
        assert_non_null(strstr(text, row == 1 ? ":0}" : ":1}"));
        text_of(&l, row, "status", text);
        assert_string_equal(text, row == 1 ? "training diverged" : "ok");
        text_of(&l, row, "reason", text);
        assert_true(row == 1 ? !!strstr(text, "loss") : !*text);
        assert_true(isnan(cell(&l, row, "valid_accuracy")) == (row == 1));
    }
    nw_close(j.ctx);
}

struct seen {
    int n;
    double best;
};

static int see(void *user, const nw_trial *trial)
{
    struct seen *seen = user;

    assert_int_equal(trial->status, NW_OK);
    assert_true(trial->score.cost_s > 0 && trial->score.params > 0);
    seen->n++;
    seen->best = fmax(seen->best, trial->score.quality);
    return 0;
}

static void test_tabulate__the_estimator_reads_it(void **state)
{
    const nw_tabulate_config what = {.runs = 3, .passes = 1};
    const char *path = in_dir("read.csv");
    static struct lines l;
    char spec[600];
    struct job j;
    nw_search_config config = {.strategy = "grid", .estimator = spec, .seed = 1};
    struct seen seen = {0, 0};
    nw_score score;
    int found = 0;

    (void)state;
    open_job(&j, "read");
    check_ok(j.ctx, nw_tabulate(j.space, &j.how, &what, path));
    read_lines(path, &l);
    snprintf(spec, sizeof(spec), "table file=%s", path);
    config.on_trial = see;
    config.user = &seen;
    check_ok(j.ctx, nw_search(j.space, &config, NULL, NULL, &score));
    assert_int_equal(seen.n, ARCHS);
    assert_true(score.quality == seen.best);
    for (int row = 1; row < l.n; row++)
        found += cell(&l, row, "valid_accuracy") == score.quality &&
                 cell(&l, row, "valid_loss") == score.loss &&
                 cell(&l, row, "seconds") == score.cost_s &&
                 cell(&l, row, "latency_ms") == score.latency_ms;
    assert_int_equal(found, 1);
    nw_close(j.ctx);
}

/* Words of the family, not JSON, where there are any. */
static void test_tabulate__archs_are_in_the_familys_words(void **state)
{
    const nw_tabulate_config what = {.sample = 2};
    const char *path = in_dir("words.csv");
    static struct lines l;
    struct job j;
    char words[MOST_LINE];

    (void)state;
    open_job(&j, "words");
    j.space = nw_space_open(j.ctx, "nasbench201 c=2 n=1", (const int[3]){1, 8, 8}, 4);
    j.how.estimator = "train epochs=1 batch=20";
    check_ok(j.ctx, nw_tabulate(j.space, &j.how, &what, path));
    read_lines(path, &l);
    assert_int_equal(l.n, 3);
    text_of(&l, 1, "arch", words);
    assert_true(words[0] == '|' && strstr(words, "~0|+|"));
    nw_close(j.ctx);
}

static void test_tabulate__needs_a_study_and_a_place(void **state)
{
    const nw_tabulate_config three = {.runs = 2};
    struct job j;

    (void)state;
    open_job(&j, "needs");
    assert_int_equal(nw_tabulate(j.space, &j.how, NULL, ""), NW_EINVAL);
    j.how.estimator = "supernet";
    assert_true(nw_tabulate(j.space, &j.how, &three, in_dir("x.csv")) < 0);
    j.how.study = NULL;
    assert_int_equal(nw_tabulate(j.space, &j.how, NULL, in_dir("x.csv")), NW_EINVAL);
    assert_non_null(strstr(nw_errmsg(j.ctx), "a study is needed"));
    nw_close(j.ctx);
    open_job(&j, "nowhere");
    j.how.estimator = "train epochs=1 steps=1";
    assert_int_equal(nw_tabulate(j.space, &j.how, NULL, in_dir("no/such/x.csv")), NW_EIO);
    nw_close(j.ctx);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_test_dir, remove_test_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tabulate__every_arch_and_run_has_a_row),
        TEST(test_tabulate__test_data_is_the_networks),
        TEST(test_tabulate__stopped_ends_as_undisturbed),
        TEST(test_tabulate__workers_make_the_same_table),
        TEST(test_tabulate__failed_trials_have_a_row),
        TEST(test_tabulate__the_estimator_reads_it),
        TEST(test_tabulate__archs_are_in_the_familys_words),
        TEST(test_tabulate__needs_a_study_and_a_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
