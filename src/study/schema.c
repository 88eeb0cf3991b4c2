/*
 * schema.c - connect to study.db; know a study from any other file; make a new one.
 *
 * What is not ours is left as it was: nothing is written before the file is known to be
 * a study of this version, or empty. docs/explain/study.md describes the tables.
 */
#include "db.h"
#include "text.h"

#include <string.h>
#include <sys/stat.h>

/* "nwst" in the header of the file says whose it is, user_version which schema. */
#define APPLICATION 0x6e777374
#define VERSION     2
#define STRING_(x)  #x
#define STRING(x)   STRING_(x)

static const char settings[] =
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA journal_size_limit = 67108864;"; /* of the log, bytes */

/* Measured numbers are ANY: a REAL column would store -0.0 as 0. */
static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE fact(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
    "CREATE TABLE stage(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " config TEXT NOT NULL, seconds REAL NOT NULL DEFAULT 0,"
    " finished INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE trial(stage INTEGER NOT NULL REFERENCES stage(id),"
    " id INTEGER NOT NULL, seed INTEGER NOT NULL, fidelity ANY, arch TEXT,"
    " status INTEGER NOT NULL, reason TEXT, quality ANY, loss ANY, accuracy ANY,"
    " top5 ANY, params ANY, macs ANY, peak_bytes ANY, latency_ms ANY, cost_s ANY,"
    ""
    " PRIMARY KEY(stage, id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE epoch(stage INTEGER NOT NULL REFERENCES stage(id),"
    " trial INTEGER NOT NULL, epoch INTEGER NOT NULL, lr ANY, train_loss ANY,"
    " train_accuracy ANY, valid_loss ANY, valid_accuracy ANY, seconds ANY,"
    " PRIMARY KEY(stage, trial, epoch)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE value(stage INTEGER NOT NULL REFERENCES stage(id),"
    " trial INTEGER NOT NULL, epoch INTEGER NOT NULL, name TEXT NOT NULL, value ANY,"
    " PRIMARY KEY(stage, trial, epoch, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE note(id INTEGER PRIMARY KEY,"
    " stage INTEGER NOT NULL REFERENCES stage(id), trial INTEGER NOT NULL,"
    " words TEXT NOT NULL, UNIQUE(stage, trial, words)) STRICT;"
    "CREATE TABLE checkpoint(stage INTEGER PRIMARY KEY REFERENCES stage(id),"
    " data BLOB NOT NULL) STRICT;"
    "CREATE TABLE file(stage INTEGER NOT NULL REFERENCES stage(id), name TEXT NOT NULL,"
    " data BLOB NOT NULL, PRIMARY KEY(stage, name)) STRICT;"
    "PRAGMA application_id = " STRING(APPLICATION) ";"
                                                   "PRAGMA user_version = " STRING(
                                                       VERSION) ";"
                                                                "COMMIT;";

/* *is_new: the file holds nothing at all. */
static nw_status check_kind(nw_study *study, int *is_new)
{
    int64_t application, version, tables;

    NW_TRY(nw_db_number(study, "PRAGMA application_id", &application));
    NW_TRY(nw_db_number(study, "PRAGMA user_version", &version));
    NW_TRY(nw_db_number(study, "SELECT count(*) FROM sqlite_schema", &tables));
    *is_new = !application && !version && !tables;
    if (*is_new && study->is_readonly)
        return nw_fail(study->ctx, NW_EFORMAT, "study: %s: nothing is in it yet",
                       study->path);
    if (!*is_new && application != APPLICATION)
        return nw_fail(study->ctx, NW_EFORMAT,
                       "study: %s: not a study but a database of another program",
                       study->path);
    if (version > VERSION)
        return nw_fail(study->ctx, NW_EFORMAT,
                       "study: %s: written by a newer netwright (schema %lld, this one "
                       "reads up to %d)",
                       study->path, (long long)version, VERSION);
    if (!*is_new && version < VERSION)
        return nw_fail(study->ctx, NW_EFORMAT,
                       "study: %s: written before the first release (schema %lld, this "
                       "one reads %d); begin it anew",
                       study->path, (long long)version, VERSION);
    return NW_OK;
}

static nw_status connect_to(nw_study *study, const char *name, int flags)
{
    sqlite3_close(study->db);
    study->db = NULL;
    flags |= SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(name, &study->db, flags, NULL) == SQLITE_OK)
        sqlite3_busy_timeout(study->db, NW_DB_PATIENCE_MS);
    else if (!study->db)
        return nw_fail(study->ctx, NW_ENOMEM, "study: %s: out of memory", study->path);
    else
        return nw_db_fail(study);
    return NW_OK;
}

static nw_status open_for_writing(nw_study *study)
{
    int is_new;

    NW_TRY(connect_to(study, study->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    if (sqlite3_db_readonly(study->db, "main") == 1)
        return nw_fail(study->ctx, NW_EIO, "study: %s: may not be written", study->path);
    NW_TRY(check_kind(study, &is_new));
    NW_TRY(nw_db_exec(study, settings));
    NW_TRY(nw_db_exec(study, "PRAGMA journal_mode = WAL"));
    return is_new ? nw_db_exec(study, schema) : NW_OK;
}

/* A file: URI which promises that nobody writes: readers of a folder in which they may
 * not create the shared index of the log have no other way. */
static nw_status open_immutable(nw_study *study)
{
    nw_text uri;
    nw_status status;

    nw_text_init(&uri, study->ctx);
    nw_text_printf(&uri, "file:");
    for (const char *c = study->path; *c; c++)
        nw_text_printf(&uri, strchr("%?#", *c) ? "%%%02x" : "%c", (unsigned)*c);
    nw_text_printf(&uri, "?immutable=1");
    status = uri.failed
                 ? NW_ENOMEM
                 : connect_to(study, uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    nw_text_free(&uri);
    return status;
}

/* Without a log beside it, all there is stands in the file itself. */
static int has_log(nw_study *study)
{
    const char *log = sqlite3_filename_wal(sqlite3_db_filename(study->db, "main"));
    struct stat st;

    return stat(log, &st) == 0 && st.st_size > 0;
}

static nw_status open_for_reading(nw_study *study)
{
    int64_t tables;
    int is_new, code;

    NW_TRY(connect_to(study, study->path, SQLITE_OPEN_READONLY));
    code =
        sqlite3_exec(study->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    code &= 0xff;
    if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !has_log(study))
        NW_TRY(open_immutable(study));
    NW_TRY(nw_db_number(study, "SELECT count(*) FROM sqlite_schema", &tables));
    NW_TRY(check_kind(study, &is_new));
    return nw_db_exec(study, settings);
}

nw_status nw_db_open(nw_study *study)
{
    return study->is_readonly ? open_for_reading(study) : open_for_writing(study);
}

void nw_db_close(nw_study *study)
{
    for (size_t i = 0; i < NW_DB_STATEMENTS; i++)
        sqlite3_finalize(study->cache[i].stmt);
    sqlite3_close_v2(study->db);
    study->db = NULL;
}
