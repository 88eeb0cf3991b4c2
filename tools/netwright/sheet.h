/*
 * sheet.h - what commands print: rows of named columns, as an aligned table, JSON or
 * CSV.
 *
 * sheet_open(); for every row one sheet_text() or sheet_number() a column, in
 * order; sheet_print().
 */
#ifndef TOOL_SHEET_H
#define TOOL_SHEET_H

#include "tool.h"

enum { MOST_COLUMNS = 16 };

/* How a number reads in a table; JSON and CSV give all digits. */
enum number_style {
    STYLE_WHOLE,   /* 1,234,567              */
    STYLE_REAL,    /* 0.512                  */
    STYLE_PERCENT, /* 0.912 as 91.20 %       */
    STYLE_SECONDS, /* 83.4 s                 */
};

struct cell {
    const char *text; /* NULL: a number */
    double number;    /* NaN: nothing   */
    enum number_style style;
};

struct sheet {
    struct tool *tool;
    int one; /* a single row, whose JSON is an object and whose table stands upright */
    int n_column, n_cell, room;
    const char *column[MOST_COLUMNS];
    struct cell *cell; /* row after row */
};

/* names: "id|accuracy|params" */
void sheet_open(struct sheet *sheet, struct tool *tool, const char *names);
void sheet_text(struct sheet *sheet, const char *text); /* copied; NULL = nothing */
void sheet_number(struct sheet *sheet, double number, enum number_style style);

/* In the form of --format, on out. Answers an exit code. */
int sheet_print(const struct sheet *sheet, FILE *out);

/* As JSON, whatever --format says. */
int sheet_print_json(const struct sheet *sheet, FILE *out);

#endif
