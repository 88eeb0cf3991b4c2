/* rows.c - trials, epochs, values, notes, checkpoints and files go in and come out. */
#include "db.h"
#include "study.h"

#include <math.h>
#include <string.h>

/* ---- In ------------------------------------------------------------------- */

nw_status nw_study_put_trial(nw_study *study, int64_t stage, const nw_stored_trial *trial)
{
    const nw_score *score = &trial->score;
    nw_row row;

    NW_TRY(nw_db_ready(study, 1));
    row =
        nw_row_open(study, "INSERT OR REPLACE INTO trial(stage, id, seed, fidelity, arch,"
                           " status, reason, quality, loss, accuracy, top5, params, macs,"
                           " peak_bytes, latency_ms, cost_s)"
                           " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    nw_row_int(&row, stage);
    nw_row_int(&row, (int64_t)trial->id); /* the bit pattern: SQLite has no unsigned */
    nw_row_int(&row, (int64_t)trial->seed);
    nw_row_real(&row, trial->fidelity);
    nw_row_text(&row, trial->arch);
    nw_row_int(&row, trial->status);
    nw_row_text(&row, trial->reason);
    nw_row_real(&row, score->quality);
    nw_row_real(&row, score->loss);
    nw_row_real(&row, score->accuracy);
    nw_row_real(&row, score->top5);
    nw_row_real(&row, score->params);
    nw_row_real(&row, score->macs);
    nw_row_real(&row, score->peak_bytes);
    nw_row_real(&row, score->latency_ms);
    nw_row_real(&row, score->cost_s);
    return nw_row_run(&row);
}

nw_status nw_study_put_epoch(nw_study *study, int64_t stage, uint64_t trial,
                             const nw_epoch *epoch)
{
    nw_row row;

    NW_TRY(nw_db_ready(study, 1));
    row = nw_row_open(study, "INSERT OR REPLACE INTO epoch(stage, trial, epoch, lr,"
                             " train_loss, train_accuracy, valid_loss, valid_accuracy,"
                             " seconds) VALUES(?,?,?,?,?,?,?,?,?)");
    nw_row_int(&row, stage);
    nw_row_int(&row, (int64_t)trial);
    nw_row_int(&row, epoch->epoch);
    nw_row_real(&row, epoch->lr);
    nw_row_real(&row, epoch->train_loss);
    nw_row_real(&row, epoch->train_accuracy);
    nw_row_real(&row, epoch->valid_loss);
    nw_row_real(&row, epoch->valid_accuracy);
    nw_row_real(&row, epoch->seconds);
    return nw_row_run(&row);
}

nw_status nw_study_put_value(nw_study *study, int64_t stage, uint64_t trial, int epoch,
                             const char *name, double value)
{
    nw_row row;

    NW_TRY(nw_db_ready(study, 1));
    row = nw_row_open(study, "INSERT OR REPLACE INTO value(stage, trial, epoch, name,"
                             " value) VALUES(?,?,?,?,?)");
    nw_row_int(&row, stage);
    nw_row_int(&row, (int64_t)trial);
    nw_row_int(&row, epoch);
    nw_row_text(&row, name);
    nw_row_real(&row, value);
    return nw_row_run(&row);
}

nw_status nw_study_put_note(nw_study *study, int64_t stage, uint64_t trial,
                            const char *words)
{
    nw_row row;

    NW_TRY(nw_db_ready(study, 1));
    row = nw_row_open(study, "INSERT INTO note(stage, trial, words) VALUES(?,?,?)"
                             " ON CONFLICT DO NOTHING");
    nw_row_int(&row, stage);
    nw_row_int(&row, (int64_t)trial);
    nw_row_text(&row, words);
    return nw_row_run(&row);
}

nw_status nw_study_put_file(nw_study *study, int64_t stage, const char *name,
                            const nw_blob *blob)
{
    nw_row row;

    NW_TRY(nw_db_ready(study, 1));
    row = nw_row_open(study, "INSERT INTO file(stage, name, data) VALUES(?, ?, ?)"
                             " ON CONFLICT DO UPDATE SET data = excluded.data");
    nw_row_int(&row, stage);
    nw_row_text(&row, name);
    nw_row_blob(&row, blob->data, blob->size);
    return nw_row_run(&row);
}

/* ---- Out ------------------------------------------------------------------ */

/* Column 0 of the row at hand. out is replaced, or left as it was. */
static nw_status take_blob(nw_study *study, nw_row *row, nw_blob *out)
{
    const void *data = sqlite3_column_blob(row->stmt, 0);
    size_t size = (size_t)sqlite3_column_bytes(row->stmt, 0);
    void *copy;

    if (size && !data)
        return nw_fail(study->ctx, NW_ENOMEM, "study: %s: out of memory", study->path);
    copy = nw_alloc(study->ctx, size);
    if (!copy)
        return NW_ENOMEM;
    if (size)
        memcpy(copy, data, size);
    if (out->ctx)
        nw_blob_free(out);
    *out = (nw_blob){.ctx = study->ctx, .data = copy, .size = size, .room = size};
    return NW_OK;
}

nw_status nw_study_get_checkpoint(nw_study *study, int64_t stage, nw_blob *out,
                                  double *seconds)
{
    nw_status status;
    nw_row row;

    NW_TRY(nw_db_ready(study, 0));
    row = nw_row_open(study, "SELECT c.data, s.seconds FROM checkpoint c JOIN stage s"
                             " ON s.id = c.stage WHERE c.stage = ?");
    nw_row_int(&row, stage);
    status = nw_row_next(&row);
    if (status != NW_MORE)
        return status < 0 ? status : NW_DONE;
    status = take_blob(study, &row, out);
    if (status >= 0 && seconds)
        *seconds = sqlite3_column_double(row.stmt, 1);
    nw_row_close(&row);
    return status;
}

nw_status nw_study_get_file(nw_study *study, int64_t stage, const char *name,
                            nw_blob *out)
{
    nw_status status;
    nw_row row;

    NW_TRY(nw_db_ready(study, 0));
    row = nw_row_open(study, "SELECT data FROM file WHERE stage = ? AND name = ?");
    nw_row_int(&row, stage);
    nw_row_text(&row, name);
    status = nw_row_next(&row);
    if (status != NW_MORE)
        return status < 0 ? status : NW_DONE;
    status = take_blob(study, &row, out);
    nw_row_close(&row);
    return status;
}

static nw_stored_trial trial_at(const nw_row *row)
{
    return (nw_stored_trial){
        .id = (uint64_t)sqlite3_column_int64(row->stmt, 0),
        .seed = (uint64_t)sqlite3_column_int64(row->stmt, 1),
        .fidelity = nw_row_real_at(row, 2),
        .arch = nw_row_text_at(row, 3),
        .status = (nw_status)sqlite3_column_int(row->stmt, 4),
        .reason = nw_row_text_at(row, 5),
        .score = {.quality = nw_row_real_at(row, 6),
                  .loss = nw_row_real_at(row, 7),
                  .accuracy = nw_row_real_at(row, 8),
                  .top5 = nw_row_real_at(row, 9),
                  .params = nw_row_real_at(row, 10),
                  .macs = nw_row_real_at(row, 11),
                  .peak_bytes = nw_row_real_at(row, 12),
                  .latency_ms = nw_row_real_at(row, 13),
                  .cost_s = nw_row_real_at(row, 14)},
    };
}

/* Not a cached statement: visit may call this again. */
nw_status nw_study_trials(nw_study *study, int64_t stage,
                          nw_status (*visit)(void *user, const nw_stored_trial *trial),
                          void *user)
{
    static const char sql[] =
        "SELECT id, seed, fidelity, arch, status, reason, quality, loss, accuracy, top5,"
        " params, macs, peak_bytes, latency_ms, cost_s FROM trial WHERE stage = ? ORDER "
        "BY id";
    nw_row row = {.study = study};
    nw_status status;

    NW_TRY(nw_db_ready(study, 0));
    row.rc = sqlite3_prepare_v2(study->db, sql, -1, &row.stmt, NULL);
    nw_row_int(&row, stage);
    while ((status = nw_row_next(&row)) == NW_MORE) {
        nw_stored_trial trial = trial_at(&row);

        status = visit(user, &trial);
        if (status < 0)
            break;
    }
    sqlite3_finalize(row.stmt);
    return status;
}

static nw_epoch epoch_at(const nw_row *row)
{
    return (nw_epoch){
        .epoch = sqlite3_column_int(row->stmt, 0),
        .lr = nw_row_real_at(row, 1),
        .train_loss = nw_row_real_at(row, 2),
        .train_accuracy = nw_row_real_at(row, 3),
        .valid_loss = nw_row_real_at(row, 4),
        .valid_accuracy = nw_row_real_at(row, 5),
        .seconds = nw_row_real_at(row, 6),
    };
}

nw_status nw_study_epochs(nw_study *study, int64_t stage, uint64_t trial,
                          nw_status (*visit)(void *user, const nw_epoch *epoch),
                          void *user)
{
    nw_status status;
    nw_row row;

    NW_TRY(nw_db_ready(study, 0));
    row = nw_row_open(study, "SELECT epoch, lr, train_loss, train_accuracy, valid_loss,"
                             " valid_accuracy, seconds FROM epoch"
                             " WHERE stage = ? AND trial = ? ORDER BY epoch");
    nw_row_int(&row, stage);
    nw_row_int(&row, (int64_t)trial);
    while ((status = nw_row_next(&row)) == NW_MORE) {
        nw_epoch epoch = epoch_at(&row);

        status = visit(user, &epoch);
        if (status < 0) {
            nw_row_close(&row);
            break;
        }
    }
    return status;
}

nw_status nw_study_get_value(nw_study *study, int64_t stage, uint64_t trial,
                             const char *name, double *out)
{
    nw_status status;
    nw_row row;

    *out = NAN;
    NW_TRY(nw_db_ready(study, 0));
    row = nw_row_open(study, "SELECT value FROM value WHERE stage = ? AND trial = ?"
                             " AND name = ? ORDER BY epoch DESC LIMIT 1");
    nw_row_int(&row, stage);
    nw_row_int(&row, (int64_t)trial);
    nw_row_text(&row, name);
    status = nw_row_next(&row);
    if (status != NW_MORE)
        return status;
    *out = nw_row_real_at(&row, 0);
    nw_row_close(&row);
    return NW_OK;
}
