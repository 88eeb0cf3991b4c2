/* test_evolution_study.c - whole searches of the strategies that need no training, on a
 * table of 58 of 60 networks: stopped after every third trial they go on as if nothing had
 * happened, and when memory runs out they end cleanly. */
#include "../study/study_test.h"

#include "check.h"
#include "failing.h"

enum { MOST = 64, TRIALS = 33 };

static const char *const strategies[] = {
    "random",
    "random unique=1",
    "grid",
    "grid order=shuffled",
    "amoebanet population=8 sample=3",
    "amoebanet population=8 sample=3 kill=worst",
    "genetic-cnn population=6 generations=9",
    "local",
    "local best=all",
};

enum { STRATEGIES = sizeof(strategies) / sizeof(*strategies) };

static nw_space *small(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 1, 4, 4);

    nw_int_of(s, "a", 3, (const int[]){1, 2, 3});
    nw_int_of(s, "b", 4, (const int[]){1, 2, 3, 4});
    nw_int_of(s, "c", 5, (const int[]){1, 2, 3, 4, 5});
    x = nw_op(s, "conv2d out=$a | conv2d out=$b | conv2d out=$c", x);
    nw_output(s, nw_op(s, "globalpool | dense out=2", x));
    return s;
}

/* Two rows are missing: trials of these fail. */
static char *write_table(const char *dir)
{
    char *path = path_in(dir, "table.csv");
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    fputs("a,b,c,acc\n", out);
    for (int i = 0; i < 60; i++)
        if (i % 30 != 7)
            fprintf(out, "%d,%d,%d,%.6f\n", 1 + i % 3, 1 + i / 3 % 4, 1 + i / 12,
                    nw_uniform(1, NW_FOR_TEST, (uint64_t)i));
    fclose(out);
    return path;
}

/* What a search proposed. */
struct found {
    uint64_t arch[MOST];
    int n, stops;
    nw_score score;
};

static int note(void *user, const nw_trial *trial)
{
    struct found *f = user;

    assert_true(trial->id < MOST);
    f->arch[trial->id] = nw_arch_hash(trial->arch);
    f->n = (int)trial->id;
    return 0;
}

static int stop(void *user, const nw_progress *progress)
{
    const struct found *f = user;

    (void)progress;
    return f->stops && f->n % 3 == 0;
}

/* With `study`, if it is not NULL, in which a search goes on. */
static nw_status search(nw_ctx *ctx, const char *strategy, const char *table,
                        const char *study, struct found *found)
{
    char estimator[512];
    nw_study *s = study ? nw_study_open(ctx, study) : NULL;
    nw_space *space = small(ctx);
    nw_search_config config = {.strategy = strategy,
                               .estimator = estimator,
                               .study = s,
                               .seed = 3,
                               .max_trials = TRIALS,
                               .on_trial = note,
                               .on_progress = stop,
                               .user = found};
    nw_arch *best = NULL;
    nw_status status;

    snprintf(estimator, sizeof(estimator), "table file=%s score=acc", table);
    status = nw_search(space, &config, &best, NULL, &found->score);
    nw_arch_free(best);
    nw_space_free(space);
    nw_study_free(s);
    return status;
}

static void check_resume(const char *strategy, const char *table)
{
    struct found whole = {.stops = 0}, pieces = {.stops = 1};
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_status status = NW_ESTOPPED;
    char *dir = new_folder();
    int runs = 0;

    check_ok(ctx, search(ctx, strategy, table, NULL, &whole));
    nw_close(ctx);
    while (status == NW_ESTOPPED) {
        ctx = nw_open(&(nw_config){.threads = 1});
        status = search(ctx, strategy, table, dir, &pieces);
        if (status < 0 && status != NW_ESTOPPED)
            fail_msg("%s: %s", strategy, nw_errmsg(ctx));
        nw_close(ctx);
        runs++;
    }
    assert_true(whole.n == TRIALS && runs > TRIALS / 3);
    assert_int_equal(pieces.n, whole.n);
    assert_memory_equal(pieces.arch, whole.arch, sizeof(whole.arch));
    assert_true(pieces.score.quality == whole.score.quality);
    remove_folder(dir);
}

static void test_evolution_study__stopped_again_and_again(void **state)
{
    char *dir = new_folder(), *table = write_table(dir);

    (void)state;
    for (int i = 0; i < STRATEGIES; i++)
        check_resume(strategies[i], table);
    free(table);
    remove_folder(dir);
}

/* Answers whether memory ran out. */
static int try(const char *strategy, const char *table, long left)
{
    struct failing f = {.left = left};
    nw_config config = {.realloc = failing_realloc, .user = &f, .threads = 1};
    struct found found = {.stops = 0};
    nw_ctx *ctx = nw_open(&config);
    nw_status status = search(ctx, strategy, table, NULL, &found);

    if (status < 0)
        assert_int_equal(status, NW_ENOMEM);
    if (ctx)
        assert_int_equal(nw_held_bytes(ctx), 0);
    nw_close(ctx);
    assert_int_equal(f.blocks, 0);
    return status < 0;
}

static void test_evolution_study__memory_runs_out(void **state)
{
    char *dir = new_folder(), *table = write_table(dir);

    (void)state;
    for (int i = 0; i < STRATEGIES; i++) {
        long left = 0;

        while (try(strategies[i], table, left))
            left++;
        assert_true(left > 10);
    }
    free(table);
    remove_folder(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evolution_study__stopped_again_and_again),
        cmocka_unit_test(test_evolution_study__memory_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
