#include "table_file.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Header --------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A name that stands twice, or NULL. */
static nw_status find_double(nw_sheet *s, const char **twice)
{
    const size_t size = (size_t)s->n * sizeof(*s->name);
    const char **sorted = nw_alloc(s->ctx, size);

    *twice = NULL;
    if (!sorted)
        return NW_ENOMEM;
    memcpy(sorted, s->name, size);
    qsort(sorted, (size_t)s->n, sizeof(*sorted), by_text);
    for (int i = 1; i < s->n && !*twice; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            *twice = sorted[i];
    nw_release(s->ctx, sorted);
    return NW_OK;
}

/* Place of the last column of that name, as long as the header is the row at hand. */
static nw_status check_names(nw_sheet *s)
{
    const char *twice;
    char place[NW_PATH_SIZE];
    int last;

    NW_TRY(find_double(s, &twice));
    if (!twice)
        return NW_OK;
    for (last = s->n - 1; strcmp(s->name[last], twice);)
        last--;
    return nw_fail(s->ctx, NW_EFORMAT, "%s: column \"%s\" occurs twice",
                   nw_sheet_where(s, last, place, sizeof(place)), twice);
}

static nw_status make_columns(nw_sheet *s, size_t n)
{
    if (n > 1 << 20)
        return nw_source_bad(&s->src, "%zu columns are too many", n);
    s->n = (int)n;
    s->name = nw_arena_get(&s->arena, n * sizeof(*s->name) + 1);
    s->cell = nw_arena_get(&s->arena, n * sizeof(*s->cell) + 1);
    return s->name && s->cell ? NW_OK : NW_ENOMEM;
}

static nw_status csv_header(nw_sheet *s)
{
    nw_status status = nw_fields_first(&s->fields, &s->src, ',');

    NW_TRY(status);
    if (status == NW_DONE)
        return nw_source_bad(&s->src, "is empty");
    NW_TRY(make_columns(s, s->fields.n));
    for (int i = 0; i < s->n; i++) {
        s->name[i] = s->cell[i] = nw_arena_dup(&s->arena, s->fields.field[i]);
        if (!s->name[i])
            return NW_ENOMEM;
    }
    return check_names(s);
}

/* ---- JSON ------------------------------------------------------------------------- */

static size_t width_of(const json_t *value)
{
    return json_is_array(value) ? json_array_size(value) : 1;
}

static nw_status name_member(nw_sheet *s, const char *key, const json_t *value, int *at)
{
    const size_t n = width_of(value), size = strlen(key) + 24;

    for (size_t i = 0; i < n; i++) {
        char *name = json_is_array(value) ? nw_arena_get(&s->arena, size)
                                          : nw_arena_dup(&s->arena, key);

        if (!name)
            return NW_ENOMEM;
        if (json_is_array(value))
            snprintf(name, size, "%s_%zu", key, i);
        s->name[(*at)++] = name;
    }
    return NW_OK;
}

static nw_status json_header(nw_sheet *s)
{
    json_t *first, *value;
    const char *key;
    size_t n = 1;
    int at = 1;

    s->at = json_object_iter(s->json);
    first = s->at ? json_object_iter_value(s->at) : NULL;
    if (!json_is_object(first))
        return nw_source_bad(&s->src, "is not an object of architectures, each with an "
                                      "object of numbers");
    for (void *i = json_object_iter(first); i; i = json_object_iter_next(first, i))
        n += width_of(json_object_iter_value(i));
    NW_TRY(make_columns(s, n));
    s->digits = nw_arena_get(&s->arena, n * sizeof(*s->digits));
    if (!s->digits)
        return NW_ENOMEM;
    s->name[0] = "arch";
    s->cell[0] = json_object_iter_key(s->at);
    json_object_foreach(first, key, value) NW_TRY(name_member(s, key, value, &at));
    return check_names(s);
}

static nw_status bad_member(const nw_sheet *s, const char *name, const char *words)
{
    char place[NW_PATH_SIZE];

    return nw_fail(s->ctx, NW_EFORMAT, "%s: \"%.40s\" %s",
                   nw_sheet_where(s, 0, place, sizeof(place)), name, words);
}

/* One number or word of a member to its column, which is likely *at. */
static nw_status set_cell(nw_sheet *s, const char *name, const json_t *value, int *at)
{
    int i = *at < s->n && !strcmp(s->name[*at], name) ? *at : nw_sheet_find(s, name);

    if (i <= 0)
        return bad_member(s, name, "is not in the first row");
    *at = i + 1;
    s->cell[i] = "";
    if (json_is_string(value))
        s->cell[i] = json_string_value(value);
    else if (json_is_number(value))
        s->cell[i] = s->digits[i];
    else if (!json_is_null(value))
        return bad_member(s, name, "is not a number, a text or a list of them");
    if (json_is_number(value))
        snprintf(s->digits[i], sizeof(s->digits[i]), "%.17g", json_number_value(value));
    return NW_OK;
}

static nw_status set_member(nw_sheet *s, const char *key, const json_t *value, int *at)
{
    char name[NW_TEXT_SIZE];

    if (!json_is_array(value))
        return set_cell(s, key, value, at);
    for (size_t i = 0; i < json_array_size(value); i++) {
        snprintf(name, sizeof(name), "%s_%zu", key, i);
        NW_TRY(set_cell(s, name, json_array_get(value, i), at));
    }
    return NW_OK;
}

static nw_status json_row(nw_sheet *s)
{
    json_t *row, *value;
    const char *key;
    int at = 1;

    if (!s->at)
        return NW_DONE;
    row = json_object_iter_value(s->at);
    s->cell[0] = json_object_iter_key(s->at);
    for (int i = 1; i < s->n; i++)
        s->cell[i] = "";
    if (!json_is_object(row))
        return bad_member(s, s->cell[0], "is not an object of numbers");
    json_object_foreach(row, key, value) NW_TRY(set_member(s, key, value, &at));
    s->at = json_object_iter_next(s->json, s->at);
    return NW_OK;
}

static nw_status json_open(nw_sheet *s)
{
    json_error_t error;

    s->json = json_loadb((const char *)s->src.data, s->src.size, JSON_REJECT_DUPLICATES,
                         &error);
    if (!s->json)
        return nw_fail(s->ctx, NW_EFORMAT, "table: %s:%d:%d: %s", s->src.path, error.line,
                       error.column, error.text);
    return json_header(s);
}

/* ---- Both ------------------------------------------------------------------------- */

static int is_json(const nw_source *src)
{
    return src->data[strspn((const char *)src->data, " \t\r\n")] == '{';
}

nw_status nw_sheet_parse(nw_sheet *sheet)
{
    sheet->ctx = sheet->src.ctx;
    nw_arena_init(&sheet->arena, sheet->ctx);
    return is_json(&sheet->src) ? json_open(sheet) : csv_header(sheet);
}

nw_status nw_sheet_open(nw_sheet *sheet, nw_ctx *ctx, const char *path)
{
    *sheet = (nw_sheet){.ctx = ctx};
    NW_TRY(nw_source_read(&sheet->src, ctx, "table", path));
    return nw_sheet_parse(sheet);
}

void nw_sheet_close(nw_sheet *sheet)
{
    if (!sheet->ctx)
        return;
    json_decref(sheet->json);
    nw_fields_free(&sheet->fields);
    if (sheet->arena.ctx)
        nw_arena_free(&sheet->arena);
    nw_source_free(&sheet->src);
    *sheet = (nw_sheet){0};
}

nw_status nw_sheet_next(nw_sheet *sheet)
{
    nw_status status;

    if (sheet->json)
        return json_row(sheet);
    status = nw_fields_next(&sheet->fields);
    for (int i = 0; status == NW_OK && i < sheet->n; i++)
        sheet->cell[i] = sheet->fields.field[i];
    return status;
}

int nw_sheet_find(const nw_sheet *sheet, const char *name)
{
    for (int i = 0; i < sheet->n; i++)
        if (!strcmp(sheet->name[i], name))
            return i;
    return -1;
}

nw_status nw_sheet_column(const nw_sheet *sheet, const char *key, const char *name,
                          int *column)
{
    const char *near;

    *column = nw_sheet_find(sheet, name);
    if (*column >= 0)
        return NW_OK;
    near = nw_near(name, sheet->name, (size_t)sheet->n);
    return nw_fail(sheet->ctx, NW_ENAME, "table: %s: no column \"%s\" for %s=%s%s%s%s",
                   sheet->src.path, name, key, name, near ? " (did you mean \"" : "",
                   near ? near : "", near ? "\"?)" : "");
}

nw_status nw_sheet_number(const nw_sheet *sheet, int column, double *out)
{
    const char *text = sheet->cell[column];
    char place[NW_PATH_SIZE];

    *out = NAN;
    if (!*text)
        return NW_OK;
    if (nw_parse_number(text, out) && !isinf(*out))
        return NW_OK;
    return nw_fail(sheet->ctx, NW_EFORMAT,
                   "%s: \"%.40s\" in column \"%.40s\" is not a %s",
                   nw_sheet_where(sheet, column, place, sizeof(place)), text,
                   sheet->name[column], isinf(*out) ? "finite number" : "number");
}

const char *nw_sheet_where(const nw_sheet *sheet, int column, char *out, size_t size)
{
    const nw_fields *f = &sheet->fields;

    if (sheet->json)
        snprintf(out, size, "table: %s: \"%.80s\"", sheet->src.path, sheet->cell[0]);
    else
        snprintf(out, size, "table: %s:%zu:%zu", sheet->src.path, f->line,
                 nw_fields_column(f, (size_t)column));
    return out;
}
