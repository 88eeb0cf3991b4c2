/*
 * table_rows.h - numbers of many archs, found by the arch.
 *
 * An arch is known by its vector of decisions (nw_code), which is hashed; so a look-up
 * costs the same in a table of any size and allocates nothing. Rows of one arch are
 * chained from the first of them on.
 */
#ifndef NW_TABLE_ROWS_H
#define NW_TABLE_ROWS_H

#include "table_file.h"

typedef struct nw_rows {
    nw_ctx *ctx;
    nw_space *space;
    nw_code *code;
    nw_arch *arch; /* that was read last                                  */
    int *x;        /* scratch: one vector                                 */
    int width;     /* numbers of a row                                    */
    int n, room;
    double *value; /* n rows of numbers                                   */
    int *vector;   /* n rows of code->n decisions                         */
    int *next;     /* row of the same arch, or -1                         */
    int *slot;     /* n_slot: first row of an arch + 1, or 0              */
    size_t n_slot; /* a power of two, over twice the rows                 */
} nw_rows;

/* nw_rows_clear() also after a failure. */
nw_status nw_rows_init(nw_rows *rows, nw_ctx *ctx, nw_space *space, int width);
void nw_rows_clear(nw_rows *rows);

/* How a sheet names archs: by a column, in the family's own words or as arch JSON, or,
 * where there is no such column, by one column a decision that holds option names. */
typedef struct nw_arch_columns {
    int text;    /* column, or -1              */
    int *choice; /* column of each, if text is -1; one block of the context */
} nw_arch_columns;

/* name: of the column with texts. */
nw_status nw_rows_columns(const nw_rows *rows, const nw_sheet *sheet, const char *name,
                          nw_arch_columns *out);

/* Read the arch of the sheet's row into rows->arch. */
nw_status nw_rows_read(nw_rows *rows, const nw_sheet *sheet, const nw_arch_columns *from);

/* Add a row for rows->arch. Its numbers are NaN; NULL when memory runs out. */
double *nw_rows_add(nw_rows *rows);

/* First row of the arch, or -1; *hash (may be NULL) is a number of the arch. */
int nw_rows_find(nw_rows *rows, const nw_arch *arch, uint64_t *hash);

static inline double *nw_rows_at(const nw_rows *rows, int row)
{
    return rows->value + (size_t)row * (size_t)rows->width;
}

#endif
