/* A table of results: the first byte chooses its keys, the rest is the file. */
#include "table_keys.h"
#include "table_rows.h"

#include "space.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static nw_space *sample(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 2, 4, 4);

    nw_int_of(s, "w", 2, (const int[]){4, 8});
    x = nw_one_of(s, "a", nw_op(s, "relu", x), nw_op(s, "tanh", x));
    nw_option_name(s, "a", 0, "relu");
    nw_option_name(s, "a", 1, "tanh");
    nw_output(s, nw_op(s, "conv2d out=$w", x));
    return s;
}

static nw_status read_rows(nw_rows *rows, nw_sheet *sheet, const nw_terms *terms,
                           const nw_arch_columns *from)
{
    nw_status status;

    while ((status = nw_sheet_next(sheet)) == NW_OK) {
        double *value;

        NW_TRY(nw_rows_read(rows, sheet, from));
        value = nw_rows_add(rows);
        if (!value)
            return NW_ENOMEM;
        for (int i = 0; i < terms->n; i++)
            NW_TRY(nw_sheet_number(sheet, terms->term[i].column, &value[i]));
        if (nw_rows_find(rows, rows->arch, NULL) < 0)
            __builtin_trap();
    }
    return status;
}

static nw_status read_table(nw_ctx *ctx, nw_sheet *sheet, nw_table_keys *keys)
{
    nw_space *space = sample(ctx);
    nw_arch_columns from;
    nw_terms terms;
    nw_rows rows;

    NW_TRY(nw_sheet_parse(sheet));
    NW_TRY(nw_table_complete(keys, sheet));
    NW_TRY(nw_table_terms(keys, sheet, &terms));
    NW_TRY(nw_rows_init(&rows, ctx, space, terms.n));
    NW_TRY(nw_rows_columns(&rows, sheet, keys->arch, &from));
    return read_rows(&rows, sheet, &terms, &from);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const scores[] = {"", "s", "s+t*2-1+3", "s-1*2"};
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_sheet sheet = {.src = {.ctx = ctx, .format = "table", .path = "input"}};
    nw_table_keys keys = {.as = "auto", .arch = "arch"};

    if (n) {
        snprintf(keys.part[NW_PART_SCORE], NW_TEXT_SIZE, "%s", scores[bytes[0] % 4]);
        snprintf(keys.part[NW_PART_CURVE], NW_TEXT_SIZE, "%s", bytes[0] & 4 ? "e" : "");
        sheet.src.size = n - 1;
        sheet.src.data = nw_alloc(ctx, n);
        if (sheet.src.data) {
            memcpy(sheet.src.data, bytes + 1, n - 1);
            read_table(ctx, &sheet, &keys);
        }
    }
    nw_sheet_close(&sheet);
    nw_close(ctx);
    return 0;
}
