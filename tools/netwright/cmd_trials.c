/* cmd_trials.c - `netwright trials STUDY`. */
#include "tool.h"

int run_trials(struct tool *tool)
{
    const char *stage = tool->opt.stage ? tool->opt.stage : "search";
    nw_study *study = nw_study_open_readonly(tool->nw, tool->arg[0]);
    nw_status status =
        nw_study_print(study, pool_printf(&tool->pool, "trials stage=%s", stage),
                       tool->opt.format, stdout);

    return status < 0 ? failed(tool, status) : EXIT_OK;
}
