/* cmd_list.c - `netwright list`: what specs can name. */
#include "kinds.h"
#include "sheet.h"

#include <stdlib.h>
#include <string.h>

const char *const kind_names[N_KINDS] = {
    [NW_OPS] = "ops",
    [NW_SPACES] = "spaces",
    [NW_NETS] = "nets",
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

/* The rest of the line of help that starts with `label`; "" when there is none. */
static const char *line_of(struct tool *tool, const char *name, const char *label)
{
    const char *line = strstr(kind_help(tool, NW_NETS, name), label);

    if (!line)
        return "";
    line += strlen(label);
    return pool_copy(&tool->pool, line, strcspn(line, "\n"));
}

static int list_nets(struct tool *tool)
{
    struct sheet sheet;
    const char *name;

    sheet_open(&sheet, tool, "name|published|paper");
    for (size_t i = 0; (name = nw_list(tool->nw, NW_NETS, i)); i++) {
        sheet_text(&sheet, name);
        sheet_text(&sheet, line_of(tool, name, "\npublished: "));
        sheet_text(&sheet, line_of(tool, name, "\nsource: "));
    }
    return sheet_print(&sheet, stdout);
}

int run_list(struct tool *tool)
{
    struct sheet sheet;
    const char *name;

    if (tool->n_arg && !strcmp(tool->arg[0], kind_names[NW_NETS]))
        return list_nets(tool);

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
