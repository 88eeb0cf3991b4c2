/*
 * table.h - rows for people, for JSON readers and for spreadsheets: one way to print
 * every listing of the library and the command.
 *
 *     static const nw_column columns[] = {{.name = "net"},
 *                                         {.name = "params", .align = NW_RIGHT},
 *                                         {"accuracy", NW_RIGHT, 4, 0}};
 *     nw_table table;
 *
 *     nw_table_init(&table, ctx, columns, 3);
 *     nw_table_text(&table, "lenet");
 *     nw_table_integer(&table, 61706);
 *     nw_table_real(&table, NAN);
 *     status = nw_table_write(&table, "csv", out);
 *     nw_table_free(&table);
 *
 * Cells are added row by row, from left to right. The functions that add one answer
 * nothing: a failure is kept and nw_table_write() reports it.
 */
#ifndef NW_TABLE_H
#define NW_TABLE_H

#include "arena.h"

typedef enum nw_align { NW_LEFT, NW_RIGHT } nw_align;

typedef struct nw_column {
    const char *name;
    nw_align align;
    int decimals;  /* of reals in the table for people; 0 = six significant digits */
    int is_detail; /* left out of the table for people: too wide, or of little use */
} nw_column;

typedef struct nw_table {
    nw_ctx *ctx;
    nw_arena arena; /* text of the cells */
    const nw_column *column;
    int n_columns;
    struct nw_table_cell *cell;
    int n_cells, capacity;
    int failed;
} nw_table;

/* `column` (n rows) must live as long as the table. */
void nw_table_init(nw_table *table, nw_ctx *ctx, const nw_column *column, int n);
void nw_table_free(nw_table *table);

void nw_table_null(nw_table *table);
void nw_table_text(nw_table *table, const char *text); /* copied; NULL = null          */
void nw_table_real(nw_table *table, double value);     /* NaN = null                   */
void nw_table_integer(nw_table *table, int64_t value);
void nw_table_unsigned(nw_table *table, uint64_t value); /* text in JSON, whose readers
                                                            stop at 2^63                */
void nw_table_json(nw_table *table, const char *json); /* text that is a value in JSON */

/* format: "table" (aligned, with a header), "json" (an array of one object a row; null
 * for what is not known) or "csv" (RFC 4180; nothing between the commas); NULL = "table".
 * JSON and CSV hold the shortest decimal that reads back as the same double.
 * Returns NW_ENAME for another format, NW_EIO if out cannot be written. */
nw_status nw_table_write(nw_table *table, const char *format, FILE *out);

/* The shortest decimal that reads back as value, with '.' in every locale; text holds
 * at least 32 bytes. Borrowed: text. */
const char *nw_real_text(double value, char *text);

#endif
