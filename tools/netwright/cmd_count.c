/* cmd_count.c - `netwright count NET|FILE`. */
#include "archs.h"
#include "sheet.h"
#include "specs.h"

int run_count(struct tool *tool)
{
    nw_space *space;
    nw_arch *arch = NULL;
    nw_score score = {0};
    struct sheet sheet;
    nw_status status;
    int code = specs_open_net(tool, tool->arg[0], &space);

    if (!code)
        code = archs_choose(tool, space, &arch);
    if (code)
        return code;
    status = nw_arch_cost(arch, &score);
    if (status < 0)
        return failed(tool, status);
    sheet_open(&sheet, tool, "net|params|macs|peak_bytes");
    sheet.one = 1;
    sheet_text(&sheet, tool->arg[0]);
    sheet_number(&sheet, score.params, STYLE_WHOLE);
    sheet_number(&sheet, score.macs, STYLE_WHOLE);
    sheet_number(&sheet, score.peak_bytes, STYLE_WHOLE);
    return sheet_print(&sheet, stdout);
}
