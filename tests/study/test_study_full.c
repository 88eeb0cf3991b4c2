/* test_study_full.c - a full disk: one clear error, and it goes on when there is room. */
#include "study_test.h"

#include <signal.h>
#include <sys/resource.h>

static const char config[] = "{\"seed\": 1}";

/* One transaction of a trial and a checkpoint of half a megabyte. */
static nw_status put_large(nw_study *study, int64_t stage, uint64_t id)
{
    nw_stored_trial trial = sample_trial(id);
    nw_blob blob = {.ctx = study->ctx, .size = 1 << 19};
    nw_status status;

    blob.data = nw_alloc(study->ctx, blob.size);
    memset(blob.data, (int)id, blob.size);
    status = nw_study_begin(study);
    if (status >= 0) {
        nw_study_put_trial(study, stage, &trial);
        nw_study_put_checkpoint(study, stage, &blob, (double)id);
        status = nw_study_commit(study);
    }
    nw_blob_free(&blob);
    return status;
}

static void expect_large(const char *dir, uint64_t id)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study = nw_study_open(ctx, dir);
    nw_blob blob = {0};
    double seconds;
    int64_t stage;

    assert_int_equal(nw_study_stage(study, "search", config, &stage), NW_OK);
    assert_int_equal(count_trials(study), id);
    assert_int_equal(nw_study_get_checkpoint(study, stage, &blob, &seconds), NW_OK);
    assert_true(seconds == (double)id);
    assert_int_equal(blob.size, 1 << 19);
    for (size_t i = 0; i < blob.size; i++)
        assert_int_equal(blob.data[i], id);
    nw_close(ctx);
}

static void test_study__disk_full(void **state)
{
    char *dir = new_folder(), *db = path_in(dir, "study.db");
    struct rlimit unlimited, small;
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study = nw_study_open(ctx, dir);
    int64_t stage;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(nw_study_stage(study, "search", config, &stage), NW_OK);
    assert_int_equal(put_large(study, stage, 1), NW_OK);
    getrlimit(RLIMIT_FSIZE, &unlimited);
    small = unlimited;
    small.rlim_cur = 900 << 10;
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(put_large(study, stage, 2), NW_EIO);
    assert_says(ctx, db);
    assert_says(ctx, "no room left on the disk");
    assert_int_equal(count_trials(study), 1);
    setrlimit(RLIMIT_FSIZE, &unlimited);
    assert_int_equal(put_large(study, stage, 2), NW_OK); /* there is room again */
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(put_large(study, stage, 3), NW_EIO);
    nw_close(ctx); /* with the disk still full */
    setrlimit(RLIMIT_FSIZE, &unlimited);
    expect_large(dir, 2);
    free(db);
    remove_folder(dir);
}

static void test_study__disk_full_at_the_first_byte(void **state)
{
    char *dir = new_folder();
    struct rlimit unlimited, none;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &unlimited);
    none = unlimited;
    for (rlim_t bytes = 0; bytes <= 32 << 10; bytes += 2 << 10) {
        nw_ctx *ctx = nw_open(NULL);
        nw_study *study;

        none.rlim_cur = bytes;
        setrlimit(RLIMIT_FSIZE, &none);
        study = nw_study_open(ctx, dir);
        setrlimit(RLIMIT_FSIZE, &unlimited);
        if (!study) {
            assert_says(ctx, dir);
            assert_int_equal(nw_pending(ctx), NW_EIO);
        }
        nw_close(ctx);
    }
    expect_trials(dir, 0);
    remove_folder(dir);
}

static void test_study__database_full(void **state)
{
    char *dir = new_folder();
    nw_ctx *ctx = nw_open(NULL);
    nw_study *study = nw_study_open(ctx, dir);
    int64_t stage;

    (void)state;
    assert_int_equal(nw_study_stage(study, "search", config, &stage), NW_OK);
    assert_int_equal(nw_db_exec(study, "PRAGMA max_page_count = 100"), NW_OK);
    assert_int_equal(put_large(study, stage, 2), NW_EIO);
    assert_says(ctx, "no room left");
    assert_int_equal(count_trials(study), 0);
    nw_close(ctx);
    expect_trials(dir, 0);
    remove_folder(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_study__disk_full),
        cmocka_unit_test(test_study__disk_full_at_the_first_byte),
        cmocka_unit_test(test_study__database_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
