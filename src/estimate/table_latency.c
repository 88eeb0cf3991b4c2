#include "table_latency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct join {
    nw_rows *rows;
    const nw_latency_file *file;
    nw_sheet sheet;
    nw_arch_columns from;
    int index, device; /* columns of the sheet; index -1 = by architecture */
    struct pair {
        double index;
        int row;
    } * pair; /* of the rows, sorted */
};

static int by_index(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    return (x->index > y->index) - (x->index < y->index);
}

static nw_status sort_rows(struct join *j)
{
    nw_rows *rows = j->rows;

    j->pair = nw_alloc(rows->ctx, (size_t)rows->n * sizeof(*j->pair) + 1);
    if (!j->pair)
        return NW_ENOMEM;
    for (int i = 0; i < rows->n; i++) {
        const double index = nw_rows_at(rows, i)[j->file->index];

        j->pair[i] = (struct pair){isnan(index) ? INFINITY : index, i};
    }
    qsort(j->pair, (size_t)rows->n, sizeof(*j->pair), by_index);
    return NW_OK;
}

static nw_status open_join(struct join *j)
{
    nw_ctx *ctx = j->rows->ctx;

    if (!*j->file->device)
        return nw_fail(ctx, NW_ESPEC, "table: latency=%s: say device=COLUMN of it",
                       j->file->path);
    NW_TRY(nw_sheet_open(&j->sheet, ctx, j->file->path));
    NW_TRY(nw_sheet_column(&j->sheet, "device", j->file->device, &j->device));
    j->index = j->file->index < 0 ? -1 : nw_sheet_find(&j->sheet, "index");
    if (j->index >= 0)
        return sort_rows(j);
    return nw_rows_columns(j->rows, &j->sheet, j->file->arch, &j->from);
}

static nw_status put(struct join *j, int row, double ms)
{
    double *place = nw_rows_at(j->rows, row) + j->file->latency;
    char where[NW_PATH_SIZE];

    if (!isnan(*place))
        return nw_fail(j->rows->ctx, NW_EFORMAT, "%s: a second row of the same network",
                       nw_sheet_where(&j->sheet, 0, where, sizeof(where)));
    *place = ms;
    return NW_OK;
}

static nw_status put_by_index(struct join *j, double ms)
{
    struct pair key = {0, 0}, *at;
    nw_rows *rows = j->rows;

    NW_TRY(nw_sheet_number(&j->sheet, j->index, &key.index));
    at = bsearch(&key, j->pair, (size_t)rows->n, sizeof(*j->pair), by_index);
    return at ? put(j, at->row, ms) : NW_OK;
}

static nw_status put_by_arch(struct join *j, double ms)
{
    int row;

    NW_TRY(nw_rows_read(j->rows, &j->sheet, &j->from));
    row = nw_rows_find(j->rows, j->rows->arch, NULL);
    if (row >= 0)
        NW_TRY(put(j, row, ms));
    for (; row >= 0; row = j->rows->next[row])
        nw_rows_at(j->rows, row)[j->file->latency] = ms;
    return NW_OK;
}

static nw_status join_all(struct join *j)
{
    nw_status status;
    double ms;

    NW_TRY(open_join(j));
    while ((status = nw_sheet_next(&j->sheet)) == NW_OK) {
        NW_TRY(nw_sheet_number(&j->sheet, j->device, &ms));
        if (isnan(ms))
            continue;
        NW_TRY(j->index >= 0 ? put_by_index(j, ms) : put_by_arch(j, ms));
    }
    return status < 0 ? status : NW_OK;
}

nw_status nw_rows_join(nw_rows *rows, const nw_latency_file *file)
{
    struct join j = {.rows = rows, .file = file};
    nw_status status = join_all(&j);

    nw_sheet_close(&j.sheet);
    nw_release(rows->ctx, j.from.choice);
    nw_release(rows->ctx, j.pair);
    return status;
}
