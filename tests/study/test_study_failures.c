/* test_study_failures.c - one clear error each, and the study as it was before. */
#include "study_test.h"

#include <fcntl.h>
#include <signal.h>

static const char config[] = "{\"seed\": 1}";

/* A study with `n` trials in dir, closed again. */
static void make_study(const char *dir, int n)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study = nw_study_open(ctx, dir);
    int64_t stage;

    assert_int_equal(nw_study_stage(study, "search", config, &stage), NW_OK);
    for (int i = 1; i <= n; i++) {
        nw_stored_trial trial = sample_trial((uint64_t)i);

        assert_int_equal(nw_study_put_trial(study, stage, &trial), NW_OK);
    }
    nw_close(ctx);
}

static void expect_refused(const char *dir, nw_study *(*open_it)(nw_ctx *, const char *),
                           nw_status status, const char *words, const char *more)
{
    nw_ctx *ctx = nw_open(NULL);

    assert_null(open_it(ctx, dir));
    assert_says(ctx, words);
    assert_says(ctx, more);
    assert_int_equal(nw_pending(ctx), status);
    assert_int_equal(nw_held_bytes(ctx), 0);
    nw_close(ctx);
}

/* ---- Directories ---------------------------------------------------------- */

static void test_study__makes_folders_on_the_way(void **state)
{
    char *base = new_folder(), *deep = path_in(base, "a/b//c/");

    (void)state;
    make_study(deep, 1);
    expect_trials(deep, 1);
    free(deep);
    remove_folder(base);
}

static void test_study__path_that_is_a_file(void **state)
{
    char *base = new_folder(), *file = path_in(base, "file"),
         *below = path_in(base, "file/x");

    (void)state;
    fclose(fopen(file, "w"));
    expect_refused(file, nw_study_open, NW_EIO, file, "is a file, not a directory");
    expect_refused(below, nw_study_open, NW_EIO, file, "is a file, not a directory");
    expect_refused("", nw_study_open, NW_EINVAL, "study", "a directory must be named");
    expect_refused(base, nw_study_open_readonly, NW_EIO, base, "there is none");
    free(file);
    free(below);
    remove_folder(base);
}

static void test_study__names_that_sqlite_would_read_as_uris(void **state)
{
    char *base = new_folder(), *here = getcwd(NULL, 0);

    (void)state;
    assert_int_equal(chdir(base), 0);
    make_study("file:a?mode=memory", 2);
    expect_trials("file:a?mode=memory", 2);
    assert_int_equal(access("file:a?mode=memory/study.db", F_OK), 0);
    assert_int_equal(chdir(here), 0);
    free(here);
    remove_folder(base);
}

/* Runs `body` as a user whom permissions bind, even when the tests run as root. */
static int as_nobody(int (*body)(const char *dir), const char *dir)
{
    pid_t child = fork();

    if (child == 0) {
        if (geteuid() == 0 && (setegid(65534) < 0 || seteuid(65534) < 0))
            _exit(77);
        _exit(body(dir));
    }
    return wait_for(child);
}

static int refused_to_write(const char *dir)
{
    nw_ctx *ctx = nw_open(NULL);
    int is_refused = !nw_study_open(ctx, dir) && nw_pending(ctx) == NW_EIO &&
                     strstr(nw_errmsg(ctx), dir) &&
                     strstr(nw_errmsg(ctx), "may not be written");

    if (!is_refused)
        print_message("%s\n", nw_errmsg(ctx));
    nw_close(ctx);
    return is_refused ? 0 : 1;
}

static int can_read(const char *dir)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study = nw_study_open_readonly(ctx, dir);
    int64_t n = 0;
    int is_read =
        study && nw_db_number(study, "SELECT count(*) FROM trial", &n) == NW_OK && n == 3;

    if (!is_read)
        print_message("%s\n", nw_errmsg(ctx));
    nw_close(ctx);
    return is_read ? 0 : 1;
}

static void test_study__folder_that_is_read_only(void **state)
{
    char *base = new_folder(), *dir = path_in(base, "50%?#"),
         *lock = path_in(dir, "study.lock");
    int status;

    (void)state;
    make_study(dir, 3);
    chmod(base, 0755);
    chmod(dir, 0555);
    status = as_nobody(refused_to_write, dir);
    if (status == 77) {
        print_message("skipped: cannot become another user here\n");
    } else {
        assert_int_equal(status, 0);
        assert_int_equal(as_nobody(can_read, dir), 0);
        unlink(lock); /* as root: the folder is then without one */
        assert_int_equal(as_nobody(refused_to_write, dir), 0);
    }
    chmod(dir, 0755);
    expect_trials(dir, 3);
    free(lock);
    free(dir);
    remove_folder(base);
}

static void test_study__file_that_is_read_only(void **state)
{
    char *dir = new_folder(), *db = path_in(dir, "study.db"),
         *lock = path_in(dir, "study.lock");
    int status;

    (void)state;
    make_study(dir, 3);
    chmod(dir, 0777);
    chmod(db, 0444);
    chmod(lock, 0666);
    status = as_nobody(refused_to_write, dir);
    if (status == 77)
        print_message("skipped: cannot become another user here\n");
    else
        assert_int_equal(status, 0);
    chmod(dir, 0755);
    chmod(db, 0644);
    expect_trials(dir, 3);
    free(db);
    free(lock);
    remove_folder(dir);
}

/* ---- Files that are no study ---------------------------------------------- */

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(out);
}

static void expect_unchanged(const char *dir, const char *name, const char *sql,
                             nw_status status, const char *words)
{
    char *path = path_in(dir, name), before[4096] = {0}, after[4096] = {0};
    sqlite3 *db;
    FILE *in;

    if (sql) {
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
    }
    in = fopen(path, "rb");
    assert_true(fread(before, 1, sizeof(before), in) > 0);
    fclose(in);
    expect_refused(dir, nw_study_open, status, path, words);
    expect_refused(dir, nw_study_open_readonly, status, path, words);
    in = fopen(path, "rb");
    assert_true(fread(after, 1, sizeof(after), in) > 0);
    fclose(in);
    assert_memory_equal(before, after, sizeof(before));
    free(path);
}

static void test_study__file_that_is_no_study(void **state)
{
    char *dir = new_folder(), *db = path_in(dir, "study.db"), noise[2000];

    (void)state;
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)nw_below(1, NW_FOR_TEST, i, 256);
    write_file(db, noise, sizeof(noise));
    expect_unchanged(dir, "study.db", NULL, NW_EFORMAT, "file is not a database");
    unlink(db);
    expect_unchanged(dir, "study.db", "CREATE TABLE mine(x)", NW_EFORMAT,
                     "a database of another program");
    unlink(db);
    make_study(dir, 1);
    expect_unchanged(dir, "study.db", "PRAGMA user_version = 9", NW_EFORMAT,
                     "written by a newer netwright (schema 9, this one reads up to 2)");
    unlink(db);
    write_file(db, "", 0); /* what a power cut may leave: as good as none */
    expect_refused(dir, nw_study_open_readonly, NW_EFORMAT, db, "nothing is in it yet");
    make_study(dir, 2);
    expect_trials(dir, 2);
    free(db);
    remove_folder(dir);
}

static void test_study__file_that_is_damaged(void **state)
{
    char *dir = new_folder(), *db = path_in(dir, "study.db"), noise[4096];
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study;
    nw_status status = NW_OK;
    int64_t stage;
    int fd;

    (void)state;
    make_study(dir, 200);
    memset(noise, 0xa5, sizeof(noise));
    fd = open(db, O_WRONLY);
    for (off_t page = 1; page < 30; page++) /* all but the first, which says what it is */
        assert_int_equal(pwrite(fd, noise, sizeof(noise), page * 4096), sizeof(noise));
    close(fd);
    study = nw_study_open(ctx, dir);
    if (study)
        status = nw_study_stage(study, "search", config, &stage);
    assert_int_equal(study ? status : nw_pending(ctx), NW_EFORMAT);
    assert_says(ctx, db);
    assert_says(ctx, "damaged");
    nw_close(ctx);
    free(db);
    remove_folder(dir);
}

/* ---- Other processes ------------------------------------------------------ */

static void test_study__second_process_is_told_the_first(void **state)
{
    char *dir = new_folder(), pid[64];
    int ready[2], done[2];
    pid_t child;
    char byte;

    (void)state;
    assert_int_equal(pipe(ready) | pipe(done), 0);
    child = fork();
    if (child == 0) {
        make_study(dir, 3);
        if (!nw_study_open(nw_open(NULL), dir) || write(ready[1], "x", 1) != 1)
            _exit(1);
        _exit(read(done[0], &byte, 1) == 1 ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    snprintf(pid, sizeof(pid), "in use by process %ld", (long)child);
    expect_refused(dir, nw_study_open, NW_EBUSY, dir, pid);
    assert_int_equal(can_read(dir), 0); /* readers are welcome meanwhile */
    kill(child, SIGKILL);
    assert_int_equal(wait_for(child), 128 + SIGKILL);
    expect_trials(dir, 3); /* the lock went with the process */
    close(ready[0]), close(ready[1]), close(done[0]), close(done[1]);
    remove_folder(dir);
}

static void test_study__second_handle_in_one_process(void **state)
{
    char *dir = new_folder();
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study = nw_study_open(ctx, dir);

    (void)state;
    assert_non_null(study);
    expect_refused(dir, nw_study_open, NW_EBUSY, dir, "in use by process");
    nw_study_free(study);
    expect_trials(dir, 0);
    nw_close(ctx);
    remove_folder(dir);
}

static void test_study__database_locked_by_another_program(void **state)
{
    char *dir = new_folder(), *db = path_in(dir, "study.db");
    nw_stored_trial trial = sample_trial(1);
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study = nw_study_open(ctx, dir);
    sqlite3 *other;
    int64_t stage;

    (void)state;
    assert_int_equal(nw_study_stage(study, "search", config, &stage), NW_OK);
    assert_int_equal(sqlite3_open(db, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_busy_timeout(study->db, 20);
    assert_int_equal(nw_study_put_trial(study, stage, &trial), NW_EBUSY);
    assert_says(ctx, db);
    assert_says(ctx, "locked by another program");
    assert_int_equal(nw_study_begin(study), NW_EBUSY);
    assert_int_equal(count_trials(study), 0); /* reading goes on */
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    assert_int_equal(nw_study_begin(study), NW_OK); /* and so does writing, afterwards */
    assert_int_equal(nw_study_put_trial(study, stage, &trial), NW_OK);
    assert_int_equal(nw_study_commit(study), NW_OK);
    nw_close(ctx);
    expect_trials(dir, 1);
    free(db);
    remove_folder(dir);
}

static void test_study__opening_waits_for_another_program(void **state)
{
    char *dir = new_folder(), *db = path_in(dir, "study.db");
    sqlite3 *other;

    (void)state;
    assert_int_equal(sqlite3_open(db, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    expect_refused(dir, nw_study_open, NW_EBUSY, db, "locked by another program");
    sqlite3_close(other);
    expect_trials(dir, 0);
    free(db);
    remove_folder(dir);
}

static void test_study__readers_may_not_write(void **state)
{
    char *dir = new_folder();
    nw_stored_trial trial = sample_trial(9);
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study;
    int64_t stage;

    (void)state;
    make_study(dir, 1);
    study = nw_study_open_readonly(ctx, dir);
    assert_int_equal(nw_study_stage(study, "search", config, &stage), NW_OK);
    assert_int_equal(nw_study_put_trial(study, stage, &trial), NW_EINVAL);
    assert_says(ctx, "opened for reading only");
    assert_int_equal(nw_study_stage(study, "final", config, &stage), NW_EINVAL);
    assert_int_equal(nw_study_begin(study), NW_EINVAL);
    nw_close(ctx);
    remove_folder(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_study__makes_folders_on_the_way),
        cmocka_unit_test(test_study__path_that_is_a_file),
        cmocka_unit_test(test_study__names_that_sqlite_would_read_as_uris),
        cmocka_unit_test(test_study__folder_that_is_read_only),
        cmocka_unit_test(test_study__file_that_is_read_only),
        cmocka_unit_test(test_study__file_that_is_no_study),
        cmocka_unit_test(test_study__file_that_is_damaged),
        cmocka_unit_test(test_study__second_process_is_told_the_first),
        cmocka_unit_test(test_study__second_handle_in_one_process),
        cmocka_unit_test(test_study__database_locked_by_another_program),
        cmocka_unit_test(test_study__opening_waits_for_another_program),
        cmocka_unit_test(test_study__readers_may_not_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
