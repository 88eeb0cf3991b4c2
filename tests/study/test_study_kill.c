/*
 * test_study_kill.c - SIGKILL at random instants loses nothing that was committed, and
 * leaves nothing of what was not.
 *
 * A child commits transactions 1, 2, 3, ... and tells each number after its commit
 * through a pipe; the parent kills it and looks.
 */
#include "study_test.h"

#include <signal.h>

enum { ROUNDS = 20, VALUES = 3, WORDS = 5000, LONGEST_US = 60000, OPENING_US = 3000 };

static nw_status put_numbered(nw_study *study, int64_t stage, uint64_t id, nw_blob *blob)
{
    nw_stored_trial trial = sample_trial(id);
    nw_epoch epoch = {.epoch = 1, .lr = (double)id};

    NW_TRY(nw_study_begin(study));
    nw_study_put_trial(study, stage, &trial);
    nw_study_put_epoch(study, stage, id, &epoch);
    for (int i = 0; i < VALUES; i++)
        nw_study_put_value(study, stage, id, 1, (char[]){(char)('a' + i), 0}, (double)id);
    for (size_t i = 0; i < WORDS; i++)
        ((uint64_t *)(void *)blob->data)[i] = id;
    nw_study_put_checkpoint(study, stage, blob, (double)id);
    return nw_study_commit(study);
}

static void commit_forever(const char *dir, uint64_t first, int told)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study = nw_study_open(ctx, dir);
    nw_blob blob = {.ctx = ctx, .size = WORDS * sizeof(uint64_t)};
    int64_t stage;

    blob.data = nw_alloc(ctx, blob.size);
    if (nw_study_stage(study, "search", "{}", &stage) < 0)
        _exit(1);
    for (uint64_t id = first;; id++)
        if (put_numbered(study, stage, id, &blob) < 0 ||
            write(told, &id, sizeof(id)) != sizeof(id))
            _exit(2);
}

/* Trials that a reader sees right after the kill, before any writer has repaired what
 * there is to repair; -1 if the study had not come into being. */
static int64_t read_count(const char *dir)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study = nw_study_open_readonly(ctx, dir);
    int64_t n = -1;

    if (study)
        assert_int_equal(nw_db_number(study, "SELECT count(*) FROM trial", &n), NW_OK);
    else if (!strstr(nw_errmsg(ctx), "there is none"))
        assert_says(ctx, "nothing is in it yet");
    nw_close(ctx);
    return n;
}

/* Rows agree with each other and are 1..n; n comes back. */
static int64_t check(const char *dir)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study = nw_study_open(ctx, dir);
    nw_blob blob = {0};
    int64_t stage, n = -1, value = -1;
    double seconds = 0;
    nw_status status;

    if (!study)
        fail_msg("%s", nw_errmsg(ctx));
    assert_int_equal(nw_study_stage(study, "search", "{}", &stage), NW_OK);
    nw_db_number(study, "SELECT count(*) FROM trial", &n);
    nw_db_number(study, "SELECT ifnull(max(id), 0) FROM trial", &value);
    assert_int_equal(value, n);
    nw_db_number(study, "SELECT count(*) FROM epoch WHERE trial = lr", &value);
    assert_int_equal(value, n);
    nw_db_number(study, "SELECT count(*) FROM value WHERE trial = value", &value);
    assert_int_equal(value, n * VALUES);
    status = nw_study_get_checkpoint(study, stage, &blob, &seconds);
    assert_int_equal(status, n ? NW_OK : NW_DONE);
    assert_int_equal(seconds, n);
    for (size_t i = 0; i < blob.size / sizeof(uint64_t); i++)
        assert_int_equal(((uint64_t *)(void *)blob.data)[i], n);
    nw_close(ctx);
    return n;
}

static void test_study__killed_at_random_instants(void **state)
{
    char *dir = new_folder();
    int64_t n = 0;

    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        /* Every fourth is killed while it opens the study, or about then. */
        uint64_t longest = round % 4 ? LONGEST_US : OPENING_US;
        useconds_t wait_us = (useconds_t)nw_below(5, NW_FOR_TEST, round, longest);
        uint64_t told = (uint64_t)n, id;
        int64_t seen;
        int tells[2];
        pid_t child;

        assert_int_equal(pipe(tells), 0);
        child = fork();
        if (child == 0)
            commit_forever(dir, (uint64_t)n + 1, tells[1]);
        close(tells[1]);
        usleep(wait_us);
        kill(child, SIGKILL);
        assert_int_equal(wait_for(child), 128 + SIGKILL);
        while (read(tells[0], &id, sizeof(id)) == sizeof(id))
            told = id;
        close(tells[0]);
        seen = read_count(dir);
        n = check(dir);
        assert_true(seen == n || (seen < 0 && n == 0));
        assert_true(n == (int64_t)told || n == (int64_t)told + 1);
    }
    assert_true(n > 0);
    print_message("%lld transactions in %d rounds\n", (long long)n, ROUNDS);
    remove_folder(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_study__killed_at_random_instants)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
