/* test_study.c - what is put into a study comes out of it. */
#include "study_test.h"

struct fixture {
    nw_ctx *ctx;
    char *dir;
    nw_study *study;
    int64_t stage;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->ctx = nw_open(NULL);
    f->dir = new_folder();
    f->study = nw_study_open(f->ctx, f->dir);
    assert_non_null(f->study);
    assert_int_equal(nw_study_stage(f->study, "search", "{\"seed\": 1}", &f->stage),
                     NW_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    nw_close(f->ctx);
    remove_folder(f->dir);
    free(f);
    return 0;
}

static void reopen(struct fixture *f)
{
    nw_study_free(f->study);
    f->study = nw_study_open(f->ctx, f->dir);
    assert_non_null(f->study);
}

/* ---- Rows ----------------------------------------------------------------- */

struct seen {
    nw_stored_trial trial[4];
    int n, stop_at;
};

static nw_status see(void *user, const nw_stored_trial *trial)
{
    struct seen *seen = user;

    seen->trial[seen->n] = *trial;
    seen->trial[seen->n].arch = trial->arch ? strdup(trial->arch) : NULL;
    seen->trial[seen->n].reason = trial->reason ? strdup(trial->reason) : NULL;
    return ++seen->n == seen->stop_at ? NW_ESTOPPED : NW_OK;
}

static void forget(struct seen *seen)
{
    for (int i = 0; i < seen->n; i++) {
        free((char *)seen->trial[i].arch);
        free((char *)seen->trial[i].reason);
    }
}

static void assert_same_bits(double a, double b)
{
    if (isnan(a))
        assert_true(isnan(b));
    else
        assert_memory_equal(&a, &b, sizeof(a));
}

static void test_study__trials_come_back_bit_for_bit(void **state)
{
    struct fixture *f = *state;
    nw_stored_trial trial = sample_trial(UINT64_MAX - 1);
    struct seen seen = {0};

    trial.seed = UINT64_MAX;
    trial.status = NW_EDIVERGED;
    trial.reason = "loss is inf; \"drop\"'); DROP TABLE trial; --";
    trial.score.quality = -0.0;
    trial.score.accuracy = 1.0 / 3;
    trial.score.params = 5e-324;
    trial.score.macs = INFINITY;
    assert_int_equal(nw_study_put_trial(f->study, f->stage, &trial), NW_OK);
    reopen(f);
    assert_int_equal(nw_study_trials(f->study, f->stage, see, &seen), NW_OK);
    assert_int_equal(seen.n, 1);
    assert_true(seen.trial[0].id == trial.id && seen.trial[0].seed == trial.seed);
    assert_int_equal(seen.trial[0].status, NW_EDIVERGED);
    assert_string_equal(seen.trial[0].reason, trial.reason);
    assert_string_equal(seen.trial[0].arch, trial.arch);
    for (size_t i = 0; i < sizeof(nw_score) / sizeof(double); i++)
        assert_same_bits(((double *)&trial.score)[i],
                         ((double *)&seen.trial[0].score)[i]);
    forget(&seen);
}

static void test_study__rows_replace(void **state)
{
    struct fixture *f = *state;
    nw_epoch epoch = {.epoch = 1, .lr = 0.1, .train_loss = 2, .valid_loss = NAN};
    nw_stored_trial trial = sample_trial(1);
    struct seen seen = {0};
    int64_t n;

    for (int i = 0; i < 2; i++) {
        trial.score.quality = i;
        assert_int_equal(nw_study_put_trial(f->study, f->stage, &trial), NW_OK);
        assert_int_equal(nw_study_put_epoch(f->study, f->stage, 1, &epoch), NW_OK);
        assert_int_equal(nw_study_put_value(f->study, f->stage, 1, 1, "skips", i), NW_OK);
        assert_int_equal(nw_study_put_note(f->study, f->stage, 1, "many skips"), NW_OK);
    }
    assert_int_equal(nw_study_trials(f->study, f->stage, see, &seen), NW_OK);
    assert_int_equal(seen.n, 1);
    assert_true(seen.trial[0].score.quality == 1);
    forget(&seen);
    nw_db_number(
        f->study,
        "SELECT (SELECT count(*) FROM epoch) * 100 + (SELECT count(*) FROM value)"
        " * 10 + (SELECT count(*) FROM note)",
        &n);
    assert_int_equal(n, 111);
}

static void test_study__visiting_stops_and_nests(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {.stop_at = 2};

    for (uint64_t id = 1; id <= 3; id++) {
        nw_stored_trial trial = sample_trial(4 - id);

        assert_int_equal(nw_study_put_trial(f->study, f->stage, &trial), NW_OK);
    }
    assert_int_equal(nw_study_trials(f->study, f->stage, see, &seen), NW_ESTOPPED);
    assert_int_equal(seen.n, 2);
    assert_true(seen.trial[0].id == 1 && seen.trial[1].id == 2);
    forget(&seen);
}

static void test_study__unknown_stage_is_refused(void **state)
{
    struct fixture *f = *state;
    nw_stored_trial trial = sample_trial(1);

    assert_int_equal(nw_study_put_trial(f->study, 77, &trial), NW_EINVAL);
    assert_says(f->ctx, "FOREIGN KEY");
}

/* ---- Blobs ---------------------------------------------------------------- */

struct fields {
    int n;
    double x[100];
};

static nw_status fields_state(struct fields *fields, nw_state *state)
{
    NW_TRY(state->bytes(state, &fields->n, sizeof(fields->n)));
    NW_TRY(state->bytes(state, fields->x, sizeof(fields->x)));
    return state->bytes(state, NULL, 0);
}

static void test_study__checkpoint_replaces_and_goes(void **state)
{
    struct fixture *f = *state;
    struct fields in = {.n = 7}, out = {0};
    nw_blob blob = {.ctx = f->ctx}, back = {0};
    double seconds = 0;
    nw_state io;

    for (int i = 0; i < 100; i++)
        in.x[i] = nw_normal(1, NW_FOR_TEST, (uint64_t)i);
    io = nw_blob_writer(&blob);
    assert_int_equal(fields_state(&in, &io), NW_OK);
    assert_int_equal(nw_study_get_checkpoint(f->study, f->stage, &back, &seconds),
                     NW_DONE);
    assert_int_equal(nw_study_put_checkpoint(f->study, f->stage, &blob, 1), NW_OK);
    assert_int_equal(nw_study_put_checkpoint(f->study, f->stage, &blob, 2.5), NW_OK);
    reopen(f);
    assert_int_equal(nw_study_get_checkpoint(f->study, f->stage, &back, &seconds), NW_OK);
    assert_true(seconds == 2.5 && nw_study_seconds(f->study, f->stage) == 2.5);
    io = nw_blob_reader(&back);
    assert_int_equal(fields_state(&out, &io), NW_OK);
    assert_memory_equal(&in, &out, sizeof(in));
    assert_int_equal(nw_study_is_finished(f->study, f->stage), 0);
    assert_int_equal(nw_study_finish(f->study, f->stage, 3), NW_OK);
    assert_int_equal(nw_study_is_finished(f->study, f->stage), 1);
    assert_true(nw_study_seconds(f->study, f->stage) == 3);
    assert_int_equal(nw_study_get_checkpoint(f->study, f->stage, &back, &seconds),
                     NW_DONE);
    nw_blob_free(&blob);
    nw_blob_free(&back);
}

static void test_study__blob_of_another_layout_is_refused(void **state)
{
    struct fixture *f = *state;
    nw_blob blob = {.ctx = f->ctx};
    nw_state io = nw_blob_writer(&blob);
    int64_t wide = 1;
    int narrow = 1;

    assert_int_equal(io.bytes(&io, &narrow, sizeof(narrow)), NW_OK);
    io = nw_blob_reader(&blob);
    assert_int_equal(io.bytes(&io, &wide, sizeof(wide)), NW_EFORMAT);
    assert_says(f->ctx, "a field of 4 bytes, where one of 8 is wanted");
    io = nw_blob_reader(&blob);
    assert_int_equal(io.bytes(&io, &narrow, sizeof(narrow)), NW_OK);
    nw_clear(f->ctx);
    assert_int_equal(io.bytes(&io, &narrow, sizeof(narrow)), NW_EFORMAT);
    assert_says(f->ctx, "ends at byte 12");
    blob.size = 10; /* cut off */
    nw_clear(f->ctx);
    io = nw_blob_reader(&blob);
    assert_int_equal(io.bytes(&io, &narrow, sizeof(narrow)), NW_EFORMAT);
    nw_blob_free(&blob);
}

static void test_study__files_by_name(void **state)
{
    struct fixture *f = *state;
    nw_blob blob = {.ctx = f->ctx}, back = {0};
    nw_state io = nw_blob_writer(&blob);

    assert_int_equal(nw_study_get_file(f->study, f->stage, "net", &back), NW_DONE);
    assert_int_equal(nw_study_put_file(f->study, f->stage, "net", &blob), NW_OK);
    assert_int_equal(nw_study_get_file(f->study, f->stage, "net", &back), NW_OK);
    assert_int_equal(back.size, 0);
    assert_int_equal(io.bytes(&io, (char[]){"weights"}, 8), NW_OK);
    assert_int_equal(nw_study_put_file(f->study, f->stage, "net", &blob), NW_OK);
    assert_int_equal(nw_study_get_file(f->study, f->stage, "net", &back), NW_OK);
    assert_int_equal(back.size, 16);
    assert_memory_equal(back.data, blob.data, 16);
    nw_blob_free(&blob);
    nw_blob_free(&back);
}

static void test_study__facts(void **state)
{
    struct fixture *f = *state;
    const char *value;

    assert_null(nw_study_fact(f->study, "split_hash"));
    assert_int_equal(nw_study_put_fact(f->study, "split_hash", "1"), NW_OK);
    value = nw_study_fact(f->study, "split_hash");
    assert_int_equal(nw_study_put_fact(f->study, "split_hash", "'; --"), NW_OK);
    assert_string_equal(nw_study_fact(f->study, "split_hash"), "'; --");
    assert_string_equal(value, "1"); /* the older answer is still alive */
}

/* ---- Stages --------------------------------------------------------------- */

static void expect_match(struct fixture *f, const char *config, const char *words)
{
    int64_t id = 0;
    nw_status status = nw_study_stage(f->study, "final", config, &id);

    assert_int_equal(status, words ? NW_EMATCH : NW_OK);
    if (words)
        assert_says(f->ctx, words);
    else
        assert_true(id > f->stage);
}

static void test_study__stage_names_the_key_that_differs(void **state)
{
    struct fixture *f = *state;
    const char *config = "{\"seed\": 1, \"lr\": 0.025, \"train\": {\"epochs\": 5}}";

    expect_match(f, config, NULL);
    expect_match(f, config, NULL);
    expect_match(f, "{\"train\":{\"epochs\":5},\"lr\":0.025,\"seed\":1}", NULL);
    expect_match(f, "{\"seed\": 2, \"lr\": 0.025, \"train\": {\"epochs\": 5}}",
                 "stage \"final\" was begun with seed 1, not 2; use another directory or "
                 "the same configuration");
    expect_match(f, "{\"seed\": 1, \"lr\": 0.1, \"train\": {\"epochs\": 5}}",
                 "with lr 0.025, not 0.1;");
    expect_match(f, "{\"seed\": 1, \"lr\": 0.025, \"train\": {\"epochs\": 6}}",
                 "with train.epochs 5, not 6;");
    expect_match(f, "{\"seed\": 1, \"lr\": 0.025}",
                 "with train {\"epochs\":5}, not none;");
    expect_match(
        f, "{\"seed\": 1, \"aug\": \"flip\", \"lr\": 0.025, \"train\":{\"epochs\":5}}",
        "with aug none, not \"flip\";");
}

static void test_study__stage_lookup(void **state)
{
    struct fixture *f = *state;
    int64_t id = 0;

    assert_int_equal(nw_study_stage(f->study, "search", NULL, &id), NW_OK);
    assert_true(id == f->stage);
    assert_int_equal(nw_study_stage(f->study, "serch", NULL, &id), NW_ENAME);
    assert_says(f->ctx, "no stage \"serch\"");
    assert_int_equal(nw_study_stage(f->study, "final", "[1", &id), NW_EINVAL);
    assert_says(f->ctx, "not a JSON object");
}

/* ---- Transactions --------------------------------------------------------- */

static void test_study__transaction_is_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    nw_stored_trial trial = sample_trial(1);
    struct seen seen = {0};

    assert_int_equal(nw_study_begin(f->study), NW_OK);
    assert_int_equal(nw_study_begin(f->study), NW_EINVAL);
    assert_int_equal(nw_study_put_trial(f->study, f->stage, &trial), NW_OK);
    nw_study_rollback(f->study);
    assert_int_equal(nw_study_commit(f->study), NW_EINVAL);
    assert_int_equal(nw_study_trials(f->study, f->stage, see, &seen), NW_OK);
    assert_int_equal(seen.n, 0);

    /* A failure in the middle takes the rest along, and the words are of the cause. */
    assert_int_equal(nw_study_begin(f->study), NW_OK);
    assert_int_equal(nw_study_put_trial(f->study, f->stage, &trial), NW_OK);
    assert_int_equal(nw_study_put_value(f->study, 77, 1, 1, "x", 1), NW_EINVAL);
    assert_int_equal(nw_study_put_value(f->study, f->stage, 1, 1, "x", 1), NW_EINVAL);
    assert_int_equal(nw_study_commit(f->study), NW_EINVAL);
    assert_says(f->ctx, "FOREIGN KEY");
    assert_int_equal(nw_study_trials(f->study, f->stage, see, &seen), NW_OK);
    assert_int_equal(seen.n, 0);

    assert_int_equal(nw_study_begin(f->study), NW_OK);
    assert_int_equal(nw_study_put_trial(f->study, f->stage, &trial), NW_OK);
    assert_int_equal(nw_study_commit(f->study), NW_OK);
    assert_int_equal(nw_study_trials(f->study, f->stage, see, &seen), NW_OK);
    assert_int_equal(seen.n, 1);
    forget(&seen);
}

/* ---- Printing ------------------------------------------------------------- */

static char *printed(struct fixture *f, const char *what, const char *format)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_int_equal(nw_study_print(f->study, what, format, out), NW_OK);
    fclose(out);
    return text;
}

static void expect_print(struct fixture *f, const char *what, const char *format,
                         const char *wanted)
{
    char *text = printed(f, what, format);

    assert_string_equal(text, wanted);
    free(text);
}

static void fill(struct fixture *f)
{
    nw_epoch epoch = {.epoch = 1,
                      .lr = 0.025,
                      .train_loss = 2.3,
                      .train_accuracy = 0.1,
                      .valid_loss = NAN,
                      .valid_accuracy = NAN,
                      .seconds = 1.5};
    nw_stored_trial trial = sample_trial(1);

    nw_study_begin(f->study);
    nw_study_put_trial(f->study, f->stage, &trial);
    nw_study_put_epoch(f->study, f->stage, 1, &epoch);
    nw_study_put_value(f->study, f->stage, 1, 1, "skips", 3);
    nw_study_put_note(f->study, f->stage, 1, "many, many skips");
    nw_study_put_fact(f->study, "split_hash", "12");
    assert_int_equal(nw_study_commit(f->study), NW_OK);
}

static void test_study__prints_every_listing(void **state)
{
    struct fixture *f = *state;

    fill(f);
    expect_print(
        f, "epochs", "csv",
        "stage,trial,epoch,lr,train_loss,train_accuracy,valid_loss,valid_accuracy,"
        "seconds\r\nsearch,1,1,0.025,2.3,0.1,,,1.5\r\n");
    expect_print(f, "epochs trial=2", "json", "[]\n");
    expect_print(f, "stages", "json",
                 "[\n {\"stage\": \"search\", \"trials\": 1, \"finished\": false, "
                 "\"seconds\": 0, \"config\": {\"seed\": 1}}\n]\n");
    expect_print(f, "trials stage=search", NULL,
                 "stage   trial  status  quality  accuracy  loss  params    macs  "
                 "peak_bytes  cost_s  arch\n"
                 "search      1  ok       0.1000    0.1000     -   61706  416520  "
                 "    100000    0.25  {\"conv1\":0}\n");
    expect_print(
        f, "values", "table",
        "stage   trial  epoch  name   value\nsearch      1      1  skips      3\n");
    expect_print(f, "notes", "csv",
                 "stage,trial,words\r\nsearch,1,\"many, many skips\"\r\n");
    expect_print(f, "facts", "csv", "name,value\r\nsplit_hash,12\r\n");
}

static void test_study__print_refuses_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_int_equal(nw_study_print(f->study, "trails", "csv", out), NW_ENAME);
    assert_says(f->ctx, "did you mean \"trials\"");
    assert_int_equal(nw_study_print(f->study, "trials stage=final", "csv", out),
                     NW_ENAME);
    assert_says(f->ctx, "no stage \"final\"");
    assert_int_equal(nw_study_print(f->study, "trials stgae=final", "csv", out),
                     NW_ESPEC);
    assert_int_equal(nw_study_print(f->study, "trials", "xml", out), NW_ENAME);
    assert_int_equal(nw_study_print(f->study, "trials stage='x OR 1=1'", "csv", out),
                     NW_ENAME);
    fclose(out);
    assert_int_equal(size, 0);
    free(text);
}

static void test_study__null_is_passed_on(void **state)
{
    int64_t id;

    (void)state;
    assert_null(nw_study_open(NULL, "x"));
    assert_int_equal(nw_study_stage(NULL, "x", "{}", &id), NW_ENOMEM);
    assert_int_equal(nw_study_commit(NULL), NW_ENOMEM);
    assert_null(nw_study_fact(NULL, "x"));
    assert_int_equal(nw_study_is_finished(NULL, 1), 0);
    nw_study_rollback(NULL);
    nw_study_free(NULL);
}

#define WITH_STUDY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(test_study__trials_come_back_bit_for_bit),
        WITH_STUDY(test_study__rows_replace),
        WITH_STUDY(test_study__visiting_stops_and_nests),
        WITH_STUDY(test_study__unknown_stage_is_refused),
        WITH_STUDY(test_study__checkpoint_replaces_and_goes),
        WITH_STUDY(test_study__blob_of_another_layout_is_refused),
        WITH_STUDY(test_study__files_by_name),
        WITH_STUDY(test_study__facts),
        WITH_STUDY(test_study__stage_names_the_key_that_differs),
        WITH_STUDY(test_study__stage_lookup),
        WITH_STUDY(test_study__transaction_is_all_or_nothing),
        WITH_STUDY(test_study__prints_every_listing),
        WITH_STUDY(test_study__print_refuses_what_is_not_there),
        cmocka_unit_test(test_study__null_is_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
