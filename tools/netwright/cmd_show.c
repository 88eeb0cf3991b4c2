/* cmd_show.c - `netwright show NET|FILE`. */
#include "archs.h"
#include "paths.h"
#include "specs.h"

int run_show(struct tool *tool)
{
    nw_space *space;
    nw_arch *arch = NULL;
    nw_status status;
    int code = specs_open_net(tool, tool->arg[0], &space);

    if (!code && (tool->opt.to || tool->opt.arch.n))
        code = archs_choose(tool, space, &arch);
    if (code)
        return code;
    if (tool->opt.to)
        status = nw_export(arch, NULL, tool->opt.to, tool->opt.out ? tool->opt.out : "-");
    else
        status = nw_space_show(space, arch, stdout);
    return status < 0 ? failed(tool, status) : EXIT_OK;
}
