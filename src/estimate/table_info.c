/* table_info.c - what a table of results offers: nw_table_print(). */
#include "table.h"
#include "table_keys.h"

#include <math.h>
#include <string.h>

struct column {
    size_t known, texts;
    double least, most, sum;
    const char *use; /* key that names it, or NULL */
};

struct info {
    nw_sheet sheet;
    nw_terms terms;
    struct column *column;
    size_t rows;
    const char *kind; /* or NULL */
};

static const nw_column columns[] = {
    {"column", NW_LEFT, 0, 0}, {"use", NW_LEFT, 0, 0},   {"known", NW_RIGHT, 0, 0},
    {"min", NW_RIGHT, 0, 0},   {"mean", NW_RIGHT, 0, 0}, {"max", NW_RIGHT, 0, 0},
};

/* What the columns of a known table are taken for. */
static nw_status find_uses(struct info *t)
{
    nw_table_keys keys = {.as = "auto", .arch = "arch"};
    const int arch = nw_sheet_find(&t->sheet, keys.arch);

    if (arch >= 0)
        t->column[arch].use = "arch";
    t->kind = nw_table_kind(&t->sheet);
    if (!t->kind)
        return NW_OK;
    NW_TRY(nw_table_complete(&keys, &t->sheet));
    NW_TRY(nw_table_terms(&keys, &t->sheet, &t->terms));
    for (int part = 0; part < NW_PARTS; part++)
        for (int i = 0; i < t->terms.count[part]; i++) {
            struct column *c = &t->column[t->terms.term[t->terms.first[part] + i].column];

            c->use = c->use ? c->use : nw_part_names[part];
        }
    return NW_OK;
}

static void count_cell(struct column *c, const char *text)
{
    double value;

    if (!*text)
        return;
    c->known++;
    if (!nw_parse_number(text, &value) || !isfinite(value)) {
        c->texts++;
        return;
    }
    c->least = fmin(c->least, value);
    c->most = fmax(c->most, value);
    c->sum += value;
}

static nw_status count_all(struct info *t)
{
    nw_status status;

    for (int i = 0; i < t->sheet.n; i++) {
        t->column[i].least = INFINITY;
        t->column[i].most = -INFINITY;
    }
    while ((status = nw_sheet_next(&t->sheet)) == NW_OK) {
        for (int i = 0; i < t->sheet.n; i++)
            count_cell(&t->column[i], t->sheet.cell[i]);
        t->rows++;
    }
    return status < 0 ? status : NW_OK;
}

static nw_status print(const struct info *t, const char *format, FILE *out)
{
    nw_table table;
    nw_status status;

    nw_table_init(&table, t->sheet.ctx, columns, sizeof(columns) / sizeof(*columns));
    for (int i = 0; i < t->sheet.n; i++) {
        const struct column *c = &t->column[i];
        const int is_arch = c->use && !strcmp(c->use, "arch");
        const int is_number = c->known && !c->texts && !is_arch;

        nw_table_text(&table, t->sheet.name[i]);
        nw_table_text(&table, c->use);
        nw_table_unsigned(&table, c->known);
        nw_table_real(&table, is_number ? c->least : NAN);
        nw_table_real(&table, is_number ? c->sum / (double)c->known : NAN);
        nw_table_real(&table, is_number ? c->most : NAN);
    }
    status = nw_table_write(&table, format, out);
    nw_table_free(&table);
    if (status >= 0 && (!format || !strcmp(format, "table")))
        fprintf(out, "\n%zu rows; %s%s\n", t->rows,
                t->kind ? "known as " : "not a known table: say score=COLUMN",
                t->kind ? t->kind : "");
    return status;
}

static nw_status look(struct info *t, nw_ctx *ctx, const char *path)
{
    NW_TRY(nw_sheet_open(&t->sheet, ctx, path));
    t->column = nw_alloc(ctx, (size_t)t->sheet.n * sizeof(*t->column));
    if (!t->column)
        return NW_ENOMEM;
    NW_TRY(find_uses(t));
    return count_all(t);
}

nw_status nw_table_print(nw_ctx *ctx, const char *path, const char *format, FILE *out)
{
    struct info t = {.rows = 0};
    nw_status status;

    if (!ctx)
        return NW_ENOMEM;
    nw_clear(ctx);
    if (!path || !out)
        return nw_fail(ctx, NW_EINVAL, "table: a path is missing");
    status = look(&t, ctx, path);
    if (status >= 0)
        status = print(&t, format, out);
    nw_release(ctx, t.terms.term);
    nw_release(ctx, t.column);
    nw_sheet_close(&t.sheet);
    return status;
}
