/* cmd_best.c - `netwright best STUDY`: the trial of the highest quality. */
#include "records.h"
#include "sheet.h"

#include <math.h>
#include <string.h>

static const json_t *best_of(const json_t *rows)
{
    const json_t *best = NULL, *row;
    double most = -INFINITY, quality;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        quality = records_number(row, "quality");
        if (quality > most) { /* false for NaN: failed */
            most = quality;
            best = row;
        }
    }
    return best;
}

static void list(struct sheet *sheet, struct tool *tool, const json_t *row)
{
    char *arch = json_dumps(json_object_get(row, "arch"), JSON_COMPACT | JSON_ENCODE_ANY);

    sheet_open(sheet, tool, "trial|quality|loss|accuracy|params|macs|peak_bytes|arch");
    sheet->one = 1;
    sheet_number(sheet, records_number(row, "trial"), STYLE_WHOLE);
    sheet_number(sheet, records_number(row, "quality"), STYLE_REAL);
    sheet_number(sheet, records_number(row, "loss"), STYLE_REAL);
    sheet_number(sheet, records_number(row, "accuracy"), STYLE_PERCENT);
    sheet_number(sheet, records_number(row, "params"), STYLE_WHOLE);
    sheet_number(sheet, records_number(row, "macs"), STYLE_WHOLE);
    sheet_number(sheet, records_number(row, "peak_bytes"), STYLE_WHOLE);
    sheet_text(sheet, arch);
    free(arch);
}

int run_best(struct tool *tool)
{
    const char *stage = tool->opt.stage ? tool->opt.stage : "search";
    nw_study *study = nw_study_open_readonly(tool->nw, tool->arg[0]);
    json_t *rows;
    const json_t *best;
    struct sheet sheet;
    int code;

    if (!study)
        return failed(tool, NW_EIO);
    rows = records_read(tool, study, pool_printf(&tool->pool, "trials stage=%s", stage));
    if (!rows)
        return EXIT_FAILED;
    best = best_of(rows);
    if (best) {
        list(&sheet, tool, best);
        code = sheet_print(&sheet, stdout);
    } else {
        code = fail(tool, "%s: stage %s has no trial with a score", tool->arg[0], stage);
    }
    json_decref(rows);
    return code;
}
