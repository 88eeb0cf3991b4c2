/*
 * db.h - the SQLite file behind a study: one connection, its statements and what its
 * failures mean in words. Values are always bound, never pasted into SQL.
 */
#ifndef NW_DB_H
#define NW_DB_H

#include "arena.h"

#include <sqlite3.h>

enum { NW_DB_STATEMENTS = 32, NW_DB_PATIENCE_MS = 3000 };

struct nw_study {
    nw_ctx *ctx;
    nw_arena arena;         /* the names below and the facts handed out            */
    const char *dir, *path; /* path: of study.db                                   */
    sqlite3 *db;
    int lock; /* descriptor of study.lock, < 0 = none                              */
    int is_readonly;
    int in_transaction;
    nw_status broken; /* < 0: why the open transaction can only be rolled back     */
    struct {
        const char *sql; /* known by its address: every statement is one literal   */
        sqlite3_stmt *stmt;
    } cache[NW_DB_STATEMENTS];
};

/* Words for the latest failure of the connection. */
nw_status nw_db_fail(nw_study *study);

/* Text without values: schema and settings. */
nw_status nw_db_exec(nw_study *study, const char *sql);

/* First column of the first row of a statement without values. */
nw_status nw_db_number(nw_study *study, const char *sql, int64_t *out);

/* May this call go on? Fails for a missing study, in a broken transaction, and for
 * writing to what was opened for reading only. */
nw_status nw_db_ready(nw_study *study, int is_writing);

/* Connect, check that it is a study of ours, make it one if it is new. */
nw_status nw_db_open(nw_study *study);
void nw_db_close(nw_study *study);

/*
 * One use of a statement: open, bind the values in order, then either run it, or step
 * through its rows and close it. What fails on the way is told by nw_row_next().
 */
typedef struct nw_row {
    nw_study *study;
    sqlite3_stmt *stmt;
    int n;  /* values bound  */
    int rc; /* first failure */
} nw_row;

nw_row nw_row_open(nw_study *study, const char *sql);
void nw_row_int(nw_row *row, int64_t value);
void nw_row_real(nw_row *row, double value);      /* NaN becomes NULL              */
void nw_row_text(nw_row *row, const char *value); /* NULL stays NULL; not copied   */
void nw_row_blob(nw_row *row, const void *data, size_t size);
nw_status nw_row_next(nw_row *row); /* NW_MORE: a row is at hand; NW_OK: no more      */
nw_status nw_row_run(nw_row *row);
void nw_row_close(nw_row *row);

double nw_row_real_at(const nw_row *row, int column); /* NULL becomes NaN */
const char *nw_row_text_at(const nw_row *row, int column);

#endif
