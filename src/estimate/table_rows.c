#include "table_rows.h"

#include "random.h"
#include "space.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1024, MOST_ROWS = 1 << 28 };

nw_status nw_rows_init(nw_rows *rows, nw_ctx *ctx, nw_space *space, int width)
{
    *rows = (nw_rows){.ctx = ctx, .space = space, .width = width};
    rows->code = nw_code_new(ctx, space);
    rows->arch = nw_arch_new(ctx, space);
    if (!rows->code || !rows->arch)
        return nw_pending(ctx);
    rows->x = nw_alloc(ctx, (size_t)rows->code->n * sizeof(*rows->x) + 1);
    return rows->x ? NW_OK : NW_ENOMEM;
}

void nw_rows_clear(nw_rows *rows)
{
    if (!rows->ctx)
        return;
    nw_release(rows->ctx, rows->slot);
    nw_release(rows->ctx, rows->next);
    nw_release(rows->ctx, rows->vector);
    nw_release(rows->ctx, rows->value);
    nw_release(rows->ctx, rows->x);
    nw_arch_free(rows->arch);
    nw_code_free(rows->code);
    *rows = (nw_rows){0};
}

/* ---- Archs in words ------------------------------------------------------------- */

static nw_status no_arch_column(const nw_sheet *sheet, const char *name,
                                const char *choice)
{
    return nw_fail(sheet->ctx, NW_ENAME,
                   "table: %s: no column \"%s\" that names architectures, and none for "
                   "the decision \"%s\"; say arch=COLUMN",
                   sheet->src.path, name, choice);
}

nw_status nw_rows_columns(const nw_rows *rows, const nw_sheet *sheet, const char *name,
                          nw_arch_columns *out)
{
    const nw_space *space = rows->space;

    *out = (nw_arch_columns){.text = nw_sheet_find(sheet, name)};
    if (out->text >= 0)
        return NW_OK;
    out->choice = nw_alloc(sheet->ctx, (size_t)space->n_choice * sizeof(int) + 1);
    if (!out->choice)
        return NW_ENOMEM;
    for (int c = 0; c < space->n_choice; c++) {
        out->choice[c] = nw_sheet_find(sheet, space->choice[c].name);
        if (out->choice[c] < 0 || space->choice[c].kind == NW_SOME)
            return no_arch_column(sheet, name, space->choice[c].name);
    }
    return space->n_choice ? NW_OK : no_arch_column(sheet, name, "");
}

/* The family's words are a JSON value; a table has them bare, as "|none~0|+...". */
static nw_status read_words(nw_arch *arch, const char *text, const char *where)
{
    json_t *word;
    char *quoted;
    nw_status status;

    if (strchr("{[\"", *text))
        return nw_arch_read_genotype(arch, text, where);
    word = json_string(text);
    quoted = word ? json_dumps(word, JSON_ENCODE_ANY) : NULL;
    json_decref(word);
    if (!quoted)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: not a text in UTF-8", where);
    status = nw_arch_read_genotype(arch, quoted, where);
    free(quoted);
    return status;
}

static nw_status read_text(nw_arch *arch, const char *text, const char *where)
{
    const nw_space_type *family = arch->space->family;
    const int has_words = family && family->read;
    nw_status status = NW_EFORMAT;

    if (*text == '{' || !has_words)
        status = nw_arch_read(arch, text, where);
    if (status >= 0 || !has_words || (*text == '{' && status != NW_ENAME))
        return status; /* NW_ENAME: an object of other keys than the choices' */
    nw_clear(arch->ctx);
    return read_words(arch, text, where);
}

static nw_status read_choice(nw_rows *rows, const nw_sheet *sheet, int c, int column)
{
    const nw_choice *choice = &rows->space->choice[c];
    char place[NW_PATH_SIZE];

    for (int i = 0; i < choice->n; i++)
        if (!strcmp(choice->option_name[i], sheet->cell[column]))
            return nw_arch_pick(rows->arch, c, i);
    return nw_fail(rows->ctx, NW_EFORMAT, "%s: \"%.40s\" is no option of \"%s\"",
                   nw_sheet_where(sheet, column, place, sizeof(place)),
                   sheet->cell[column], choice->name);
}

static nw_status check_legal(const nw_rows *rows, const nw_sheet *sheet)
{
    char place[NW_PATH_SIZE], why[256] = "a rule of the space keeps another number";

    if (nw_arch_is_hard(rows->arch) && nw_arch_is_legal(rows->arch, why))
        return NW_OK;
    return nw_fail(rows->ctx, NW_EFORMAT, "%s: not an architecture of the space: %s",
                   nw_sheet_where(sheet, 0, place, sizeof(place)), why);
}

nw_status nw_rows_read(nw_rows *rows, const nw_sheet *sheet, const nw_arch_columns *from)
{
    char place[NW_PATH_SIZE];

    if (from->text >= 0)
        return read_text(rows->arch, sheet->cell[from->text],
                         nw_sheet_where(sheet, from->text, place, sizeof(place)));
    for (int c = 0; c < rows->space->n_choice; c++)
        NW_TRY(read_choice(rows, sheet, c, from->choice[c]));
    return check_legal(rows, sheet);
}

/* ---- Finding ---------------------------------------------------------------------- */

static size_t vector_bytes(const nw_rows *rows)
{
    return (size_t)rows->code->n * sizeof(int);
}

static int *vector_at(const nw_rows *rows, int row)
{
    return rows->vector + (size_t)row * (size_t)rows->code->n;
}

static uint64_t hash_of(const nw_rows *rows, const int *x)
{
    const uint64_t h = nw_hash(NW_HASH_START, x, vector_bytes(rows));

    return h ^ h >> 32;
}

/* Where the vector is, or where it belongs. There is always a free slot. */
static int *slot_of(const nw_rows *rows, const int *x, uint64_t hash)
{
    size_t i = hash & (rows->n_slot - 1);

    while (rows->slot[i] &&
           memcmp(vector_at(rows, rows->slot[i] - 1), x, vector_bytes(rows)) != 0)
        i = (i + 1) & (rows->n_slot - 1);
    return &rows->slot[i];
}

int nw_rows_find(nw_rows *rows, const nw_arch *arch, uint64_t *hash)
{
    uint64_t h;

    nw_code_read(rows->code, arch, rows->x);
    h = hash_of(rows, rows->x);
    if (hash)
        *hash = h;
    return rows->n_slot ? *slot_of(rows, rows->x, h) - 1 : -1;
}

/* ---- Adding ----------------------------------------------------------------------- */

static nw_status grow_block(nw_rows *rows, void *array, size_t n, size_t size)
{
    void **block = array;
    void *more = nw_resize(rows->ctx, *block, (size_t)rows->n * n * size,
                           (size_t)rows->room * n * size + 1);

    if (more)
        *block = more;
    return more ? NW_OK : NW_ENOMEM;
}

static nw_status grow(nw_rows *rows)
{
    if (rows->n < rows->room)
        return NW_OK;
    if (rows->n >= MOST_ROWS)
        return nw_fail(rows->ctx, NW_EFORMAT, "table: more than %d rows", MOST_ROWS);
    rows->room = rows->room ? 2 * rows->room : FIRST_ROOM;
    NW_TRY(grow_block(rows, &rows->value, (size_t)rows->width, sizeof(double)));
    NW_TRY(grow_block(rows, &rows->vector, (size_t)rows->code->n, sizeof(int)));
    NW_TRY(grow_block(rows, &rows->next, 1, sizeof(int)));
    nw_release(rows->ctx, rows->slot);
    rows->n_slot = 4 * (size_t)rows->room;
    rows->slot = nw_alloc(rows->ctx, rows->n_slot * sizeof(*rows->slot));
    if (!rows->slot)
        return NW_ENOMEM;
    for (int i = rows->n - 1; i >= 0; i--) /* the first row of an arch comes last */
        *slot_of(rows, vector_at(rows, i), hash_of(rows, vector_at(rows, i))) = i + 1;
    return NW_OK;
}

double *nw_rows_add(nw_rows *rows)
{
    const int row = rows->n;
    int *slot, *x;

    if (grow(rows) < 0)
        return NULL;
    x = vector_at(rows, row);
    nw_code_read(rows->code, rows->arch, x);
    slot = slot_of(rows, x, hash_of(rows, x));
    rows->next[row] = -1;
    if (*slot) {
        rows->next[row] = rows->next[*slot - 1];
        rows->next[*slot - 1] = row;
    } else {
        *slot = row + 1;
    }
    rows->n++;
    for (int i = 0; i < rows->width; i++)
        nw_rows_at(rows, row)[i] = NAN;
    return nw_rows_at(rows, row);
}
