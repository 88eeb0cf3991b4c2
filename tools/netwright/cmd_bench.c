/* cmd_bench.c - `netwright bench NET|FILE [key=value]`. */
#include "archs.h"
#include "specs.h"

int run_bench(struct tool *tool)
{
    nw_bench_config config = {.batch = tool->opt.batch,
                              .passes = tool->opt.number,
                              .inference = tool->opt.inference,
                              .by = tool->opt.profile > 2 ? 2 : tool->opt.profile};
    const char *spec;
    nw_space *space;
    nw_arch *arch = NULL;
    nw_status status;
    int code = specs_join(tool, 0, &spec);

    if (!code)
        code = specs_open_net(tool, spec, !tool->opt.arch.n, &space);
    if (!code)
        code = archs_choose(tool, space, &arch);
    if (code)
        return code;
    status = nw_bench(space, arch, &config, tool->opt.format, stdout);
    return status < 0 ? failed(tool, status) : EXIT_OK;
}
