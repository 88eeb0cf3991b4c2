/* cmd_best.c - `netwright best STUDY`: the trial of the highest quality, among those of
 * the highest fidelity. */
#include "paths.h"
#include "records.h"
#include "sheet.h"

#include <math.h>
#include <stdlib.h>

static const json_t *best_of(const json_t *rows)
{
    const json_t *best = NULL, *row;
    double fullest = 0, most = -INFINITY, fidelity, quality;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        fidelity = records_number(row, "fidelity");
        quality = records_number(row, "quality");
        if (isnan(quality) || fidelity < fullest) /* NaN: failed */
            continue;
        if (fidelity > fullest || quality > most) {
            fullest = fidelity;
            most = quality;
            best = row;
        }
    }
    return best;
}

/* The row's own architecture, or that of arch.json: shared weights have no trials with
 * scores, and the final network has no choices left. */
static char *arch_of(struct tool *tool, const json_t *row, int from_file)
{
    json_t *file = NULL;
    const json_t *arch = json_object_get(row, "arch");
    char *text;

    if (from_file) {
        file = json_load_file(paths_join(tool, tool->arg[0], "arch.json"), 0, NULL);
        arch = json_object_get(file, "arch");
    }
    text = json_dumps(arch, JSON_ENCODE_ANY);
    json_decref(file);
    return text;
}

static int print(struct tool *tool, const json_t *row, int from_file)
{
    static const struct {
        const char *name;
        enum number_style style;
    } fields[] = {
        {"quality", STYLE_REAL},   {"loss", STYLE_REAL},  {"accuracy", STYLE_PERCENT},
        {"params", STYLE_WHOLE},   {"macs", STYLE_WHOLE}, {"peak_bytes", STYLE_WHOLE},
        {"cost_s", STYLE_SECONDS},
    };
    char *arch = arch_of(tool, row, from_file);
    struct sheet sheet;

    sheet_open(&sheet, tool,
               "stage|trial|quality|loss|accuracy|params|macs|peak_bytes|cost_s|arch");
    sheet.one = 1;
    sheet_text(&sheet, json_string_value(json_object_get(row, "stage")));
    sheet_number(&sheet, records_number(row, "trial"), STYLE_WHOLE);
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        sheet_number(&sheet, records_number(row, fields[i].name), fields[i].style);
    sheet_text(&sheet, arch);
    free(arch);
    return sheet_print(&sheet, stdout);
}

/* Print the best trial of the stage, if it has one. Answers an exit code. */
static int try_stage(struct tool *tool, nw_study *study, const char *stage, int from_file,
                     int *found)
{
    json_t *rows =
        records_read(tool, study, pool_printf(&tool->pool, "trials stage=%s", stage));
    const json_t *best = rows ? best_of(rows) : NULL;
    int code = rows ? EXIT_OK : EXIT_FAILED;

    *found = best != NULL;
    if (best)
        code = print(tool, best, from_file);
    json_decref(rows);
    return code;
}

/* With an objective: all trials that no other beats in everything. */
static int print_front(struct tool *tool, nw_study *study)
{
    double volume = NAN;
    nw_status status = nw_study_front(study, tool->opt.stage, tool->opt.objective,
                                      tool->opt.format, stdout, &volume);

    if (status < 0)
        return failed(tool, status);
    note(
        tool,
        "hypervolume: %.4f of the box between the best and the worst value of all trials",
        volume);
    return EXIT_OK;
}

int run_best(struct tool *tool)
{
    const char *stage = tool->opt.stage ? tool->opt.stage : "search";
    nw_study *study = nw_study_open_readonly(tool->nw, tool->arg[0]);
    int found = 0, code;

    if (!study)
        return failed(tool, NW_EIO);
    if (tool->opt.objective)
        return print_front(tool, study);
    code = try_stage(tool, study, stage, 0, &found);
    if (!code && !found && !tool->opt.stage)
        code = try_stage(tool, study, "final", 1, &found);
    if (!code && !found)
        code = fail(tool, "%s: no trial of stage %s has a score", tool->arg[0], stage);
    return code;
}
