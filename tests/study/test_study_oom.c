/* test_study_oom.c - every allocation may fail: a clean status, and the next try works.
 */
#include "study_test.h"

#include "failing.h"

static nw_status visit(void *user, const nw_stored_trial *trial)
{
    *(uint64_t *)user = trial->id;
    return NW_OK;
}

static nw_status put_and_get(nw_study *study, int64_t stage, nw_blob *blob, nw_blob *back)
{
    nw_stored_trial trial = sample_trial(1);
    nw_epoch epoch = {.epoch = 1};
    nw_state io = nw_blob_writer(blob);
    char state[1000] = {1};
    uint64_t seen = 0;
    double seconds;

    NW_TRY(io.bytes(&io, state, sizeof(state)));
    NW_TRY(nw_study_begin(study));
    nw_study_put_trial(study, stage, &trial);
    nw_study_put_epoch(study, stage, 1, &epoch);
    nw_study_put_value(study, stage, 1, 1, "entropy", 0.5);
    nw_study_put_note(study, stage, 1, "words");
    nw_study_put_checkpoint(study, stage, blob, 1);
    nw_study_put_file(study, stage, "net", blob);
    NW_TRY(nw_study_commit(study));
    NW_TRY(nw_study_get_checkpoint(study, stage, back, &seconds));
    NW_TRY(nw_study_get_file(study, stage, "net", back));
    io = nw_blob_reader(back);
    NW_TRY(io.bytes(&io, state, sizeof(state)));
    NW_TRY(nw_study_trials(study, stage, visit, &seen));
    assert_true(seen == 1);
    return NW_OK;
}

static nw_status print_all(nw_study *study)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    nw_status status = nw_study_print(study, "trials", "table", out);

    if (status >= 0)
        status = nw_study_print(study, "trials stage=search", "json", out);
    fclose(out);
    free(text);
    return status;
}

static nw_status use(nw_ctx *ctx, nw_study *study, nw_blob *blob, nw_blob *back)
{
    int64_t stage;

    if (!study)
        return nw_pending(ctx);
    NW_TRY(nw_study_stage(study, "search", "{\"seed\": 1}", &stage));
    NW_TRY(put_and_get(study, stage, blob, back));
    if (nw_study_stage(study, "search", "{\"seed\": 2}", &stage) != NW_EMATCH)
        return NW_ENOMEM;
    NW_TRY(nw_study_put_fact(study, "hash", "1"));
    if (!nw_study_fact(study, "hash"))
        return nw_pending(ctx);
    NW_TRY(print_all(study));
    return nw_study_finish(study, stage, 2);
}

static nw_status scenario(struct failing *f, const char *dir)
{
    nw_ctx *ctx = nw_open(&(nw_config){.realloc = failing_realloc, .user = f});
    nw_blob blob = {.ctx = ctx}, back = {0};
    nw_study *study = nw_study_open(ctx, dir);
    nw_status status = use(ctx, study, &blob, &back);

    if (ctx) {
        if (status < 0)
            assert_says(ctx, "out of memory");
        nw_blob_free(&blob);
        if (back.ctx)
            nw_blob_free(&back);
        nw_study_free(study);
        assert_int_equal(nw_held_bytes(ctx), 0);
    }
    nw_close(ctx);
    assert_int_equal(f->blocks, 0);
    return status;
}

/* Each time in a folder that is not there yet. */
static void test_study__any_allocation_may_fail(void **state)
{
    nw_status status = NW_ENOMEM;
    long k = 0;

    (void)state;
    for (; status < 0; k++) {
        char *base = new_folder(), *dir = path_in(base, "a/b");
        struct failing f = {.left = k};

        assert_true(k < 1000);
        status = scenario(&f, dir);
        assert_true(status >= 0 || status == NW_ENOMEM);
        f.left = -1; /* what the failure left is a good study */
        assert_true(status >= 0 || scenario(&f, dir) >= 0);
        free(dir);
        remove_folder(base);
    }
    print_message("%ld allocations, each failed once\n", k - 1);
}

/* SQLite's own memory has a limit of its own. */
static void test_study__sqlite_may_run_out_of_memory(void **state)
{
    char *dir = new_folder();
    int failed = 0;

    (void)state;
    for (int64_t bytes = 20000; bytes < 600000; bytes += 7000) {
        struct failing f = {.left = -1};
        nw_status status;

        sqlite3_hard_heap_limit64(bytes);
        status = scenario(&f, dir);
        sqlite3_hard_heap_limit64(0);
        assert_true(status >= 0 || status == NW_ENOMEM);
        failed += status < 0;
    }
    assert_true(failed > 0);
    print_message("%d of the limits were too low\n", failed);
    remove_folder(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_study__any_allocation_may_fail),
        cmocka_unit_test(test_study__sqlite_may_run_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
