/* cmd_count.c - `netwright count NET|FILE [key=value]`. */
#include "archs.h"
#include "sheet.h"
#include "specs.h"

#include <string.h>

/* A published network that has choices left is counted with all their options. */
static int is_published(struct tool *tool, const char *spec)
{
    const char *name = specs_name(tool, spec), *listed;

    for (size_t i = 0; (listed = nw_list(tool->nw, NW_NETS, i)); i++)
        if (!strcmp(listed, name))
            return 1;
    return 0;
}

int run_count(struct tool *tool)
{
    const char *spec;
    nw_space *space;
    nw_arch *arch = NULL;
    nw_score score = {0};
    struct sheet sheet;
    nw_status status;
    int code = specs_join(tool, 0, &spec);

    if (!code)
        code = specs_open_net(tool, spec, !tool->opt.arch.n, &space);
    if (!code && is_published(tool, spec) && !tool->opt.arch.n)
        arch = nw_arch_new(tool->nw, space);
    else if (!code)
        code = archs_choose(tool, space, &arch);
    if (code)
        return code;
    status = nw_arch_cost(arch, &score);
    if (status < 0)
        return failed(tool, status);
    sheet_open(&sheet, tool, "net|params|macs|peak_bytes|layers");
    sheet.one = 1;
    sheet_text(&sheet, spec);
    sheet_number(&sheet, score.params + score.aux_params, STYLE_WHOLE);
    sheet_number(&sheet, score.macs + score.aux_macs, STYLE_WHOLE);
    sheet_number(&sheet, score.peak_bytes, STYLE_WHOLE);
    sheet_number(&sheet, score.layers, STYLE_WHOLE);
    return sheet_print(&sheet, stdout);
}
