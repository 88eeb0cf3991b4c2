/* cmd_train.c - `netwright train`: one network from scratch. */
#include "archs.h"
#include "netwright_ext.h"
#include "work.h"

int run_train(struct tool *tool)
{
    struct work work;
    nw_arch *arch = NULL;
    int code = work_open(&work, tool);

    if (code)
        return code;
    if (tool->opt.arch.n > 1)
        return usage(tool, "train: --arch is given %d times", tool->opt.arch.n);
    if (tool->opt.arch.n)
        code = archs_read(tool, work.space, tool->opt.arch.item[0], &arch);
    else if (nw_space_choices(work.space) > 0)
        code = usage(tool, "train: the space has choices: --arch FILE must close them");
    if (code)
        return code;
    interrupt_catch();
    code = work_train(&work, "final", arch);
    return code ? code : work_finish(&work);
}
