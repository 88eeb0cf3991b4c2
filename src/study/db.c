/* db.c - connection, statements and failures; see db.h. */
#include "db.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* ---- Failures ------------------------------------------------------------- */

static int file_errno(sqlite3_file *file)
{
    int error = 0;

    if (file && file->pMethods)
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    return error;
}

/* errno of the operation that failed. sqlite3_system_errno() knows it only when nothing
 * came after it; the database and its log each remember their own. */
static int system_errno(nw_study *study)
{
    sqlite3_file *database = NULL, *log = NULL;
    int error = 0;

    sqlite3_file_control(study->db, "main", SQLITE_FCNTL_FILE_POINTER, &database);
    sqlite3_file_control(study->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    error = file_errno(log);
    if (!error)
        error = file_errno(database);
    return error ? error : sqlite3_system_errno(study->db);
}

static nw_status fail_io(nw_study *study, int code)
{
    int error =
        code == SQLITE_IOERR ? system_errno(study) : sqlite3_system_errno(study->db);

    if (code == SQLITE_FULL || error == ENOSPC || error == EDQUOT || error == EFBIG)
        return nw_fail(study->ctx, NW_EIO,
                       "study: %s: no room left on the disk (%s); what was stored before "
                       "is kept, free some space and run again",
                       study->path, error ? strerror(error) : "database is full");
    return nw_fail(study->ctx, NW_EIO, "study: %s: %s%s%s", study->path,
                   sqlite3_errmsg(study->db), error ? ": " : "",
                   error ? strerror(error) : "");
}

nw_status nw_db_fail(nw_study *study)
{
    const char *words = sqlite3_errmsg(study->db);
    int code = sqlite3_errcode(study->db) & 0xff;

    switch (code) {
    case SQLITE_NOMEM:
        return nw_fail(study->ctx, NW_ENOMEM, "study: %s: out of memory", study->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return nw_fail(study->ctx, NW_EBUSY,
                       "study: %s: locked by another program (%s); nothing was written, "
                       "try again when it is done",
                       study->path, words);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_ERROR:
        return nw_fail(study->ctx, NW_EFORMAT, "study: %s: not a study, or damaged: %s",
                       study->path, words);
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
        return nw_fail(study->ctx, NW_EINVAL, "study: %s: refused: %s", study->path,
                       words);
    default:
        return fail_io(study, code);
    }
}

/* SQLite may have rolled back by itself, so the rest of the transaction must not run. */
static nw_status fail_step(nw_study *study)
{
    nw_status status = nw_db_fail(study);

    if (study->in_transaction)
        study->broken = status;
    return status;
}

nw_status nw_db_ready(nw_study *study, int is_writing)
{
    if (!study)
        return nw_pending(NULL);
    if (study->broken < 0)
        return study->broken;
    nw_clear(study->ctx);
    if (is_writing && study->is_readonly)
        return nw_fail(study->ctx, NW_EINVAL, "study: %s: opened for reading only",
                       study->dir);
    return NW_OK;
}

/* ---- Statements ----------------------------------------------------------- */

nw_status nw_db_exec(nw_study *study, const char *sql)
{
    if (sqlite3_exec(study->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fail_step(study);
    return NW_OK;
}

static sqlite3_stmt *prepared(nw_study *study, const char *sql)
{
    size_t i = 0;

    while (i + 1 < NW_DB_STATEMENTS && study->cache[i].sql && study->cache[i].sql != sql)
        i++;
    if (study->cache[i].sql != sql) { /* the last place is shared by what is left over */
        sqlite3_finalize(study->cache[i].stmt);
        study->cache[i].sql = NULL;
        study->cache[i].stmt = NULL;
        if (sqlite3_prepare_v3(study->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                               &study->cache[i].stmt, NULL) != SQLITE_OK)
            return NULL;
        study->cache[i].sql = sql;
    }
    return study->cache[i].stmt;
}

nw_row nw_row_open(nw_study *study, const char *sql)
{
    nw_row row = {.study = study, .stmt = prepared(study, sql)};

    if (!row.stmt)
        row.rc = sqlite3_errcode(study->db);
    return row;
}

static void keep(nw_row *row, int rc)
{
    if (row->rc == SQLITE_OK)
        row->rc = rc;
}

void nw_row_int(nw_row *row, int64_t value)
{
    if (row->rc == SQLITE_OK)
        keep(row, sqlite3_bind_int64(row->stmt, ++row->n, value));
}

void nw_row_real(nw_row *row, double value)
{
    if (row->rc == SQLITE_OK)
        keep(row, sqlite3_bind_double(row->stmt, ++row->n, value));
}

void nw_row_text(nw_row *row, const char *value)
{
    if (row->rc == SQLITE_OK)
        keep(row, sqlite3_bind_text(row->stmt, ++row->n, value, -1, SQLITE_STATIC));
}

void nw_row_blob(nw_row *row, const void *data, size_t size)
{
    if (row->rc == SQLITE_OK) /* a null pointer would be NULL, not an empty blob */
        keep(row, sqlite3_bind_blob64(row->stmt, ++row->n, size ? data : "", size,
                                      SQLITE_STATIC));
}

nw_status nw_row_next(nw_row *row)
{
    nw_status status;
    int rc = row->rc == SQLITE_OK ? sqlite3_step(row->stmt) : row->rc;

    if (rc == SQLITE_ROW)
        return NW_MORE;
    status = rc == SQLITE_DONE ? NW_OK : fail_step(row->study);
    nw_row_close(row);
    return status;
}

nw_status nw_row_run(nw_row *row)
{
    nw_status status;

    do
        status = nw_row_next(row);
    while (status == NW_MORE);
    return status;
}

void nw_row_close(nw_row *row)
{
    if (!row->stmt)
        return;
    sqlite3_reset(row->stmt);
    sqlite3_clear_bindings(row->stmt);
}

double nw_row_real_at(const nw_row *row, int column)
{
    if (sqlite3_column_type(row->stmt, column) == SQLITE_NULL)
        return NAN;
    return sqlite3_column_double(row->stmt, column);
}

const char *nw_row_text_at(const nw_row *row, int column)
{
    return (const char *)sqlite3_column_text(row->stmt, column);
}

nw_status nw_db_number(nw_study *study, const char *sql, int64_t *out)
{
    nw_row row = nw_row_open(study, sql);
    nw_status status = nw_row_next(&row);

    if (status != NW_MORE)
        return status;
    *out = sqlite3_column_int64(row.stmt, 0);
    nw_row_close(&row);
    return NW_OK;
}
