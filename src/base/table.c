/* table.c - cells are kept as text until the widths of all rows are known. */
#include "table.h"

#include "text.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { NOTHING, TEXT, NUMBER, REAL, JSON };

struct nw_table_cell {
    enum kind kind;
    const char *text; /* of a number: as JSON and CSV write it */
    double value;     /* of a REAL */
};

void nw_table_init(nw_table *table, nw_ctx *ctx, const nw_column *column, int n)
{
    *table = (nw_table){.ctx = ctx, .column = column, .n_columns = n};
    nw_arena_init(&table->arena, ctx);
}

void nw_table_free(nw_table *table)
{
    nw_arena_free(&table->arena);
    nw_release(table->ctx, table->cell);
    nw_table_init(table, table->ctx, table->column, table->n_columns);
}

static void add(nw_table *table, enum kind kind, const char *text, double value)
{
    const char *copy = NULL;

    if (table->failed)
        return;
    if (text)
        copy = nw_arena_dup(&table->arena, text);
    if ((text && !copy) || nw_grow(table->ctx, &table->cell, table->n_cells,
                                   &table->capacity, sizeof(*table->cell)) < 0) {
        table->failed = 1;
        return;
    }
    table->cell[table->n_cells++] =
        (struct nw_table_cell){.kind = kind, .text = copy, .value = value};
}

void nw_table_null(nw_table *table)
{
    add(table, NOTHING, NULL, 0);
}

void nw_table_text(nw_table *table, const char *text)
{
    add(table, text ? TEXT : NOTHING, text, 0);
}

void nw_table_json(nw_table *table, const char *json)
{
    add(table, json ? JSON : NOTHING, json, 0);
}

void nw_table_integer(nw_table *table, int64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    add(table, NUMBER, text, 0);
}

void nw_table_unsigned(nw_table *table, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    add(table, TEXT, text, 0);
}

/* The program that uses the library may have set a locale whose point is a comma. */
static void point(char *text)
{
    for (char *c = text; *c; c++)
        if (!strchr("0123456789+-.einfa", *c))
            *c = '.';
}

const char *nw_real_text(double value, char *text)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    point(text);
    return text;
}

void nw_table_real(nw_table *table, double value)
{
    char text[32];

    if (isnan(value))
        nw_table_null(table);
    else
        add(table, REAL, nw_real_text(value, text), value);
}

/* ---- For people ----------------------------------------------------------- */

/* Columns of a terminal, taking each code point of UTF-8 for one. */
static int width_of(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

/* What people see of a cell; buffer holds at least 64 bytes. */
static const char *shown(const nw_column *column, const struct nw_table_cell *cell,
                         char *buffer)
{
    if (cell->kind == NOTHING)
        return "-";
    if (cell->kind != REAL)
        return cell->text;
    if (column->decimals > 0 && fabs(cell->value) < 1e15)
        snprintf(buffer, 64, "%.*f", column->decimals > 30 ? 30 : column->decimals,
                 cell->value);
    else
        snprintf(buffer, 64, "%.6g", cell->value);
    point(buffer);
    return buffer;
}

static void put_padded(const nw_column *column, const char *text, int width, int is_last,
                       FILE *out)
{
    int pad = width - width_of(text);

    if (column->align == NW_RIGHT)
        fprintf(out, "%*s", pad, "");
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    if (column->align == NW_LEFT && !is_last)
        fprintf(out, "%*s", pad, "");
    fputs(is_last ? "\n" : "  ", out);
}

static void put_row(const nw_table *table, const struct nw_table_cell *cell,
                    const int *width, FILE *out)
{
    const nw_column *column = table->column;
    int last = table->n_columns - 1;
    char buffer[64];

    while (last > 0 && column[last].is_detail)
        last--;
    for (int j = 0; j <= last; j++)
        if (!column[j].is_detail)
            put_padded(&column[j],
                       cell ? shown(&column[j], &cell[j], buffer) : column[j].name,
                       width[j], j == last, out);
}

static nw_status write_table(nw_table *table, FILE *out)
{
    int n = table->n_columns;
    int *width = nw_arena_get(&table->arena, sizeof(int) * (size_t)n);
    char buffer[64];

    if (!width)
        return nw_pending(table->ctx);
    for (int j = 0; j < n; j++)
        width[j] = width_of(table->column[j].name);
    for (int i = 0; i < table->n_cells; i++) {
        int w = width_of(shown(&table->column[i % n], &table->cell[i], buffer));

        width[i % n] = w > width[i % n] ? w : width[i % n];
    }
    put_row(table, NULL, width, out);
    for (int i = 0; i + n <= table->n_cells; i += n)
        put_row(table, &table->cell[i], width, out);
    return NW_OK;
}

/* ---- CSV ------------------------------------------------------------------ */

static void put_csv(const char *text, FILE *out)
{
    if (!text)
        return;
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static nw_status write_csv(nw_table *table, FILE *out)
{
    int n = table->n_columns;

    for (int j = 0; j < n; j++) {
        put_csv(table->column[j].name, out);
        fputs(j == n - 1 ? "\r\n" : ",", out);
    }
    for (int i = 0; i < table->n_cells; i++) {
        put_csv(table->cell[i].text, out);
        fputs(i % n == n - 1 ? "\r\n" : ",", out);
    }
    return NW_OK;
}

/* ---- JSON ----------------------------------------------------------------- */

/* JSON is UTF-8; bytes of anything else become '?'. */
static json_t *string_of(nw_table *table, const char *text)
{
    json_t *value = json_string(text);
    char *plain;

    if (value || !(plain = nw_arena_dup(&table->arena, text)))
        return value;
    for (char *c = plain; *c; c++)
        *c = (*c & 0x80) ? '?' : *c;
    return json_string(plain);
}

static nw_status put_json(nw_table *table, json_t *value, FILE *out)
{
    int failed =
        !value || json_dumpf(value, out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) < 0;

    json_decref(value);
    if (failed && !ferror(out))
        return nw_fail(table->ctx, NW_ENOMEM, "out of memory while writing JSON");
    return NW_OK;
}

static nw_status put_json_cell(nw_table *table, const struct nw_table_cell *cell,
                               FILE *out)
{
    if (cell->kind == NOTHING || (cell->kind == REAL && isinf(cell->value))) {
        fputs("null", out);
        return NW_OK;
    }
    if (cell->kind == NUMBER || cell->kind == REAL) {
        fputs(cell->text, out);
        return NW_OK;
    }
    if (cell->kind == JSON) {
        json_t *value = json_loads(cell->text, JSON_DECODE_ANY, NULL);

        if (value)
            return put_json(table, value, out);
    }
    return put_json(table, string_of(table, cell->text), out);
}

static nw_status write_json(nw_table *table, FILE *out)
{
    int n = table->n_columns;

    fputs("[", out);
    for (int i = 0; i < table->n_cells; i++) {
        if (i % n == 0)
            fputs(i ? ",\n {" : "\n {", out);
        NW_TRY(put_json(table, string_of(table, table->column[i % n].name), out));
        fputs(": ", out);
        NW_TRY(put_json_cell(table, &table->cell[i], out));
        fputs(i % n == n - 1 ? "}" : ", ", out);
    }
    fputs(table->n_cells ? "\n]\n" : "]\n", out);
    return NW_OK;
}

/* ---- All ------------------------------------------------------------------ */

nw_status nw_table_write(nw_table *table, const char *format, FILE *out)
{
    static const char *const names[] = {"table", "json", "csv"};
    static nw_status (*const writers[])(nw_table *, FILE *) = {write_table, write_json,
                                                               write_csv};
    size_t which = 0;
    const char *near;

    if (table->failed)
        return nw_pending(table->ctx);
    nw_clear(table->ctx);
    while (format && which < 3 && strcmp(format, names[which]) != 0)
        which++;
    if (which == 3) {
        near = nw_near(format, names, 3);
        return nw_fail(table->ctx, NW_ENAME,
                       "format: \"%s\": there are table, json and csv%s%s%s", format,
                       near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    }
    NW_TRY(writers[which](table, out));
    if (fflush(out) != 0 || ferror(out))
        return nw_fail(table->ctx, NW_EIO, "%s: not written: %s", names[which],
                       strerror(errno));
    return NW_OK;
}
