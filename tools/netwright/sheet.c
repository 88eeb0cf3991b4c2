#include "sheet.h"

#include "near.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { CELL_SIZE = 48, GAP = 2 };

void sheet_open(struct sheet *sheet, struct tool *tool, const char *names)
{
    const char *piece;
    size_t n;

    *sheet = (struct sheet){.tool = tool};
    while ((n = next_choice(&names, &piece)))
        sheet->column[sheet->n_column++] = pool_copy(&tool->pool, piece, n);
}

static void add(struct sheet *sheet, struct cell cell)
{
    if (sheet->n_cell == sheet->room) {
        int room = sheet->room ? 2 * sheet->room : 64;
        struct cell *more = pool_alloc(&sheet->tool->pool, (size_t)room * sizeof(*more));

        if (sheet->n_cell)
            memcpy(more, sheet->cell, (size_t)sheet->n_cell * sizeof(*more));
        sheet->cell = more;
        sheet->room = room;
    }
    sheet->cell[sheet->n_cell++] = cell;
}

void sheet_text(struct sheet *sheet, const char *text)
{
    if (text)
        text = pool_copy(&sheet->tool->pool, text, strlen(text));
    add(sheet, (struct cell){.text = text, .number = NAN});
}

void sheet_number(struct sheet *sheet, double number, enum number_style style)
{
    add(sheet, (struct cell){.number = number, .style = style});
}

/* 1234567 as 1,234,567 */
static void print_whole(char *out, double number)
{
    char plain[CELL_SIZE];
    int n = snprintf(plain, sizeof(plain), "%.0f", number), at = 0;

    if (n > 30) {
        snprintf(out, CELL_SIZE, "%.6g", number);
        return;
    }
    for (int i = 0; i < n; i++) {
        out[at++] = plain[i];
        if (plain[i] != '-' && i + 1 < n && (n - i - 1) % 3 == 0)
            out[at++] = ',';
    }
    out[at] = 0;
}

static const char *people(const struct cell *cell, char *buffer)
{
    if (cell->text)
        return cell->text;
    if (isnan(cell->number))
        return "-";
    switch (cell->style) {
    case STYLE_WHOLE:
        print_whole(buffer, cell->number);
        break;
    case STYLE_REAL:
        snprintf(buffer, CELL_SIZE, "%.4g", cell->number);
        break;
    case STYLE_PERCENT:
        snprintf(buffer, CELL_SIZE, "%.2f %%", 100 * cell->number);
        break;
    case STYLE_SECONDS:
        snprintf(buffer, CELL_SIZE, "%.1f s", cell->number);
        break;
    }
    return buffer;
}

/* Characters, not bytes: of UTF-8 the continuation bytes do not count. */
static int columns_of(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += (*text & 0xC0) != 0x80;
    return n;
}

static int is_number(const struct cell *cell)
{
    return !cell->text;
}

static void print_cell(const char *text, int width, int right, int last, FILE *out)
{
    int pad = width - columns_of(text);

    fprintf(out, "%*s%s", right ? pad : 0, "", text);
    if (!last)
        fprintf(out, "%*s", (right ? 0 : pad) + GAP, "");
}

static void print_upright(const struct sheet *sheet, FILE *out)
{
    char buffer[CELL_SIZE];
    int width = 0;

    for (int c = 0; c < sheet->n_column; c++)
        if (columns_of(sheet->column[c]) > width)
            width = columns_of(sheet->column[c]);
    for (int c = 0; c < sheet->n_column; c++) {
        print_cell(sheet->column[c], width, 0, 0, out);
        fprintf(out, "%s\n", people(&sheet->cell[c], buffer));
    }
}

static void measure(const struct sheet *sheet, int *width, int *right)
{
    char buffer[CELL_SIZE];

    for (int c = 0; c < sheet->n_column; c++) {
        width[c] = columns_of(sheet->column[c]);
        right[c] = sheet->n_cell > 0;
    }
    for (int i = 0; i < sheet->n_cell; i++) {
        int c = i % sheet->n_column, n = columns_of(people(&sheet->cell[i], buffer));

        if (n > width[c])
            width[c] = n;
        right[c] &= is_number(&sheet->cell[i]);
    }
}

static void print_aligned(const struct sheet *sheet, FILE *out)
{
    int width[MOST_COLUMNS], right[MOST_COLUMNS], n = sheet->n_column;
    char buffer[CELL_SIZE];

    measure(sheet, width, right);
    if (sheet->tool->color_out && out == stdout)
        fputs("\033[1m", out);
    for (int c = 0; c < n; c++)
        print_cell(sheet->column[c], width[c], right[c], c + 1 == n, out);
    fputs(sheet->tool->color_out && out == stdout ? "\033[0m\n" : "\n", out);
    for (int i = 0; i < sheet->n_cell; i++) {
        int c = i % n;

        print_cell(people(&sheet->cell[i], buffer), width[c], right[c], c + 1 == n, out);
        if (c + 1 == n)
            fputc('\n', out);
    }
}

static json_t *json_of(const struct cell *cell)
{
    if (cell->text)
        return json_string(cell->text);
    if (!isfinite(cell->number))
        return json_null();
    if (cell->number == floor(cell->number) && fabs(cell->number) < 9e15)
        return json_integer((json_int_t)cell->number);
    return json_real(cell->number);
}

static json_t *json_row(const struct sheet *sheet, int row)
{
    json_t *object = json_object();

    for (int c = 0; c < sheet->n_column; c++)
        json_object_set_new(object, sheet->column[c],
                            json_of(&sheet->cell[row * sheet->n_column + c]));
    return object;
}

int sheet_print_json(const struct sheet *sheet, FILE *out)
{
    json_t *root = sheet->one ? json_row(sheet, 0) : json_array();
    int bad;

    for (int row = 0; !sheet->one && row < sheet->n_cell / sheet->n_column; row++)
        json_array_append_new(root, json_row(sheet, row));
    bad = json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
    json_decref(root);
    fputc('\n', out);
    return bad ? fail(sheet->tool, "JSON: cannot be written") : EXIT_OK;
}

static void print_csv_text(const char *text, FILE *out)
{
    if (!strpbrk(text, ",\"\n\r")) {
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

static void print_csv(const struct sheet *sheet, FILE *out)
{
    int n = sheet->n_column;

    for (int c = 0; c < n; c++)
        fprintf(out, "%s%s", sheet->column[c], c + 1 == n ? "\n" : ",");
    for (int i = 0; i < sheet->n_cell; i++) {
        const struct cell *cell = &sheet->cell[i];

        if (cell->text)
            print_csv_text(cell->text, out);
        else if (isfinite(cell->number))
            fprintf(out, cell->style == STYLE_WHOLE ? "%.0f" : "%.10g", cell->number);
        fputc(i % n + 1 == n ? '\n' : ',', out);
    }
}

int sheet_print(const struct sheet *sheet, FILE *out)
{
    const char *format = sheet->tool->opt.format;

    if (!strcmp(format, "json"))
        return sheet_print_json(sheet, out);
    if (!strcmp(format, "csv"))
        print_csv(sheet, out);
    else if (sheet->one)
        print_upright(sheet, out);
    else
        print_aligned(sheet, out);
    return EXIT_OK;
}
