/*
 * table_file.h - a file of results, row by row.
 *
 * CSV with a header (RFC 4180), plain or gzip; or JSON, an object keyed by architecture:
 *
 *   {"02012100": {"test_acc": [89.47, 88.95], "params": 890666}, ...}
 *
 * whose columns are "arch", "test_acc_0", "test_acc_1", "params". Every cell is a text;
 * an empty one is not known. Whatever is wrong is said with its place.
 */
#ifndef NW_TABLE_FILE_H
#define NW_TABLE_FILE_H

#include "arena.h"
#include "fields.h"
#include "text.h"

typedef struct nw_sheet {
    nw_ctx *ctx;
    nw_source src;
    nw_arena arena;    /* names, and what belongs to JSON   */
    int n;             /* columns                           */
    const char **name; /* of each; all different            */
    const char **cell; /* of the row that was read last     */
    nw_fields fields;  /* of CSV                            */
    void *json;        /* the object; NULL = CSV            */
    void *at;          /* of its next member                */
    char (*digits)[32];
} nw_sheet;

/* Read the file and its header. nw_sheet_close() also after a failure. */
nw_status nw_sheet_open(nw_sheet *sheet, nw_ctx *ctx, const char *path);

/* The same of a text that is in sheet->src, as nw_source_read() leaves it. */
nw_status nw_sheet_parse(nw_sheet *sheet);
void nw_sheet_close(nw_sheet *sheet);

/* The next row: NW_OK, or NW_DONE when there is none. */
nw_status nw_sheet_next(nw_sheet *sheet);

/* Index of the column of that name, or -1. */
int nw_sheet_find(const nw_sheet *sheet, const char *name);

/* The same, but it must be there: NW_ENAME says what `key` asked for. */
nw_status nw_sheet_column(const nw_sheet *sheet, const char *key, const char *name,
                          int *column);

/* NaN = the cell is empty or says nan. */
nw_status nw_sheet_number(const nw_sheet *sheet, int column, double *out);

/* "table: PATH:LINE:COLUMN" or "table: PATH: "KEY"", of a cell of the row. */
const char *nw_sheet_where(const nw_sheet *sheet, int column, char *out, size_t size);

#endif
