/* cmd_list.c - `netwright list`: what specs can name. */
#include "kinds.h"
#include "sheet.h"

#include <stdlib.h>
#include <string.h>

const char *const kind_names[N_KINDS] = {
    [NW_OPS] = "ops",
    [NW_SPACES] = "spaces",
    [NW_STRATEGIES] = "strategies",
    [NW_ESTIMATORS] = "estimators",
    [NW_DATASETS] = "datasets",
    [NW_EXPORTERS] = "exporters",
};

/* The line of a name is the first of its help, after "name - ". */
static const char *doc_of(struct tool *tool, nw_kind kind, const char *name)
{
    const char *help = kind_help(tool, kind, name), *doc = strstr(help, " - ");

    doc = doc ? doc + 3 : help;
    return pool_copy(&tool->pool, doc, strcspn(doc, "\n"));
}

char *kind_help(struct tool *tool, nw_kind kind, const char *name)
{
    char *text = NULL, *copy;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return pool_printf(&tool->pool, "%s", name);
    if (nw_help(tool->nw, kind, name, out) < 0)
        fputs(name, out);
    fclose(out);
    copy = pool_copy(&tool->pool, text, size);
    free(text);
    return copy;
}

int run_list(struct tool *tool)
{
    struct sheet sheet;
    const char *name;

    sheet_open(&sheet, tool, tool->n_arg ? "name|doc" : "kind|name|doc");
    for (nw_kind kind = 0; kind < N_KINDS; kind++) {
        if (tool->n_arg && strcmp(tool->arg[0], kind_names[kind]))
            continue;
        for (size_t i = 0; (name = nw_list(tool->nw, kind, i)); i++) {
            if (!tool->n_arg)
                sheet_text(&sheet, kind_names[kind]);
            sheet_text(&sheet, name);
            sheet_text(&sheet, doc_of(tool, kind, name));
        }
    }
    return sheet_print(&sheet, stdout);
}
