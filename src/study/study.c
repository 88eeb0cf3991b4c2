/* study.c - life of a study, its transactions, stages and facts; see study.h. */
#include "study.h"

#include "db.h"
#include "folder.h"
#include "text.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

/* ---- Life ----------------------------------------------------------------- */

/* Runs on nw_study_free() and on nw_close(), where the arena may be gone already. */
static void destroy(void *object)
{
    nw_study *study = object;

    nw_db_close(study);
    if (study->lock >= 0)
        close(study->lock);
}

void nw_study_free(nw_study *study)
{
    nw_ctx *ctx = study ? study->ctx : NULL;

    if (!study)
        return;
    destroy(study);
    study->lock = -1;
    memset(study->cache, 0, sizeof(study->cache));
    nw_arena_free(&study->arena);
    nw_release(ctx, study);
}

static const char *joined(nw_study *study, const char *name)
{
    /* SQLite would take a name that starts so for a URI. */
    const char *here = strncmp(study->dir, "file:", 5) == 0 ? "./" : "";
    size_t size = strlen(here) + strlen(study->dir) + strlen(name) + 2;
    char *path = nw_arena_get(&study->arena, size);

    if (path)
        snprintf(path, size, "%s%s/%s", here, study->dir, name);
    return path;
}

static nw_status open_study(nw_study *study, const char *dir)
{
    const char *lock;

    study->dir = nw_arena_dup(&study->arena, dir);
    if (!study->dir)
        return NW_ENOMEM;
    study->path = joined(study, "study.db");
    lock = joined(study, "study.lock");
    if (!study->path || !lock)
        return NW_ENOMEM;
    if (!study->is_readonly) {
        NW_TRY(nw_folder_make(&study->arena, dir));
        NW_TRY(nw_folder_lock(study->ctx, dir, lock, &study->lock));
    } else if (access(study->path, F_OK) != 0) {
        return nw_fail(study->ctx, NW_EIO, "study: %s: there is none (%s)", dir,
                       study->path);
    }
    return nw_db_open(study);
}

static nw_study *new_study(nw_ctx *ctx, const char *dir, int is_readonly)
{
    nw_study *study;

    if (!dir || !*dir) {
        nw_fail(ctx, NW_EINVAL, "study: a directory must be named");
        return NULL;
    }
    study = nw_new(ctx, sizeof(*study), destroy);
    if (!study)
        return NULL;
    study->ctx = ctx;
    study->lock = -1;
    study->is_readonly = is_readonly;
    nw_arena_init(&study->arena, ctx);
    if (open_study(study, dir) < 0) {
        nw_study_free(study);
        return NULL;
    }
    return study;
}

nw_study *nw_study_open(nw_ctx *ctx, const char *dir)
{
    return new_study(ctx, dir, 0);
}

nw_study *nw_study_open_readonly(nw_ctx *ctx, const char *dir)
{
    return new_study(ctx, dir, 1);
}

void nw_study_leave(nw_study *study)
{
    if (study && study->lock >= 0)
        close(study->lock);
}

const char *nw_study_dir(const nw_study *study)
{
    return study ? study->dir : NULL;
}

/* ---- Transactions --------------------------------------------------------- */

static nw_status run(nw_study *study, const char *sql)
{
    nw_row row = nw_row_open(study, sql);

    return nw_row_run(&row);
}

nw_status nw_study_begin(nw_study *study)
{
    NW_TRY(nw_db_ready(study, 1));
    if (study->in_transaction)
        return nw_fail(study->ctx, NW_EINVAL, "study: %s: a transaction is open already",
                       study->dir);
    NW_TRY(run(study, "BEGIN IMMEDIATE"));
    study->in_transaction = 1;
    return NW_OK;
}

/* After a failure SQLite may have rolled back already. */
void nw_study_rollback(nw_study *study)
{
    if (!study || !study->in_transaction)
        return;
    if (!sqlite3_get_autocommit(study->db))
        run(study, "ROLLBACK");
    study->in_transaction = 0;
    study->broken = NW_OK;
}

nw_status nw_study_commit(nw_study *study)
{
    nw_status status = nw_db_ready(study, 1);

    if (!study)
        return status;
    if (status >= 0 && !study->in_transaction)
        return nw_fail(study->ctx, NW_EINVAL, "study: %s: no transaction is open",
                       study->dir);
    if (status >= 0)
        status = run(study, "COMMIT");
    if (status < 0)
        nw_study_rollback(study);
    study->in_transaction = 0;
    return status;
}

/* ---- Stages --------------------------------------------------------------- */

static nw_status no_stage(nw_study *study, const char *stage)
{
    return nw_fail(study->ctx, NW_ENAME, "study: %s: no stage \"%s\"", study->dir, stage);
}

/* NW_DONE: there is no such stage. */
static nw_status find_stage(nw_study *study, const char *stage, const char *config,
                            int64_t *id)
{
    nw_row row = nw_row_open(study, "SELECT id, config FROM stage WHERE name = ?");
    nw_status status;

    nw_row_text(&row, stage);
    status = nw_row_next(&row);
    if (status != NW_MORE)
        return status < 0 ? status : NW_DONE;
    *id = sqlite3_column_int64(row.stmt, 0);
    status =
        config ? nw_config_same(study, stage, nw_row_text_at(&row, 1), config) : NW_OK;
    nw_row_close(&row);
    return status;
}

nw_status nw_study_stage(nw_study *study, const char *stage, const char *config,
                         int64_t *id)
{
    int64_t found = 0;
    nw_status status;
    nw_row row;

    NW_TRY(nw_db_ready(study, 0));
    status = find_stage(study, stage, config, &found);
    if (status == NW_DONE && !config)
        return no_stage(study, stage);
    if (status == NW_DONE) {
        NW_TRY(nw_db_ready(study, 1));
        NW_TRY(nw_config_check(study, stage, config));
        row = nw_row_open(study, "INSERT INTO stage(name, config) VALUES(?, ?)");
        nw_row_text(&row, stage);
        nw_row_text(&row, config);
        NW_TRY(nw_row_run(&row));
        found = sqlite3_last_insert_rowid(study->db);
    }
    NW_TRY(status);
    *id = found;
    return NW_OK;
}

static nw_status set_seconds(nw_study *study, int64_t stage, double seconds, int finished)
{
    nw_row row =
        nw_row_open(study, "UPDATE stage SET seconds = ?, finished = ? WHERE id = ?");

    nw_row_real(&row, isnan(seconds) ? 0 : seconds);
    nw_row_int(&row, finished);
    nw_row_int(&row, stage);
    return nw_row_run(&row);
}

/* One of the stage's numbers, or 0. */
static double stage_number(nw_study *study, const char *sql, int64_t stage)
{
    double value = 0;
    nw_row row;

    if (!study || study->broken < 0)
        return 0;
    row = nw_row_open(study, sql);
    nw_row_int(&row, stage);
    if (nw_row_next(&row) == NW_MORE) {
        value = sqlite3_column_double(row.stmt, 0);
        nw_row_close(&row);
    }
    return value;
}

int nw_study_is_finished(nw_study *study, int64_t stage)
{
    return stage_number(study, "SELECT finished FROM stage WHERE id = ?", stage) > 0;
}

double nw_study_seconds(nw_study *study, int64_t stage)
{
    return stage_number(study, "SELECT seconds FROM stage WHERE id = ?", stage);
}

/* ---- Two statements in one transaction -------------------------------------- */

/* Joins the transaction that is open, or makes one of its own. */
static nw_status join(nw_study *study, int *is_own)
{
    NW_TRY(nw_db_ready(study, 1));
    *is_own = !study->in_transaction;
    return *is_own ? nw_study_begin(study) : NW_OK;
}

static nw_status leave(nw_study *study, int is_own, nw_status status)
{
    if (!is_own)
        return status;
    if (status >= 0)
        return nw_study_commit(study);
    nw_study_rollback(study);
    return status;
}

static nw_status put_checkpoint(nw_study *study, int64_t stage, const nw_blob *blob)
{
    nw_row row = nw_row_open(study, "INSERT INTO checkpoint(stage, data) VALUES(?, ?)"
                                    " ON CONFLICT DO UPDATE SET data = excluded.data");

    nw_row_int(&row, stage);
    nw_row_blob(&row, blob->data, blob->size);
    return nw_row_run(&row);
}

nw_status nw_study_put_checkpoint(nw_study *study, int64_t stage, const nw_blob *blob,
                                  double seconds)
{
    nw_status status;
    int is_own;

    NW_TRY(join(study, &is_own));
    status = put_checkpoint(study, stage, blob);
    if (status >= 0)
        status = set_seconds(study, stage, seconds, 0);
    return leave(study, is_own, status);
}

nw_status nw_study_finish(nw_study *study, int64_t stage, double seconds)
{
    nw_status status;
    nw_row row;
    int is_own;

    NW_TRY(join(study, &is_own));
    row = nw_row_open(study, "DELETE FROM checkpoint WHERE stage = ?");
    nw_row_int(&row, stage);
    status = nw_row_run(&row);
    if (status >= 0)
        status = set_seconds(study, stage, seconds, 1);
    return leave(study, is_own, status);
}

/* ---- Facts ---------------------------------------------------------------- */

nw_status nw_study_put_fact(nw_study *study, const char *name, const char *value)
{
    nw_row row;

    NW_TRY(nw_db_ready(study, 1));
    row = nw_row_open(study, "INSERT INTO fact(name, value) VALUES(?, ?)"
                             " ON CONFLICT DO UPDATE SET value = excluded.value");
    nw_row_text(&row, name);
    nw_row_text(&row, value);
    return nw_row_run(&row);
}

const char *nw_study_fact(nw_study *study, const char *name)
{
    const char *value = NULL;
    nw_row row;

    if (!study || study->broken < 0)
        return NULL;
    row = nw_row_open(study, "SELECT value FROM fact WHERE name = ?");
    nw_row_text(&row, name);
    if (nw_row_next(&row) == NW_MORE) {
        if (nw_row_text_at(&row, 0))
            value = nw_arena_dup(&study->arena, nw_row_text_at(&row, 0));
        nw_row_close(&row);
    }
    return value;
}
