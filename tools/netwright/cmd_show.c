/* cmd_show.c - `netwright show NET|FILE [key=value]`: a picture, or the list of layers.
 */
#include "archs.h"
#include "paths.h"
#include "specs.h"

#include <string.h>
#include <unistd.h>

/* Pictures go to a file rather than to a terminal: "darts-v2.svg". */
static const char *target(struct tool *tool, const char *spec)
{
    const char *base = specs_name(tool, spec), *slash = strrchr(base, '/');

    if (tool->opt.out)
        return tool->opt.out;
    if (!isatty(STDOUT_FILENO))
        return "-";
    return pool_printf(&tool->pool, "%s.%s", slash ? slash + 1 : base, tool->opt.to);
}

static int draw(struct tool *tool, const char *spec, const nw_arch *arch)
{
    const char *out = target(tool, spec);
    nw_status status = nw_export(arch, NULL, tool->opt.to, out);

    if (status < 0)
        return failed(tool, status);
    if (strcmp(out, "-"))
        note(tool, "written: %s", out);
    return EXIT_OK;
}

int run_show(struct tool *tool)
{
    const char *spec;
    nw_space *space;
    nw_arch *arch = NULL;
    nw_status status;
    int code = specs_join(tool, 0, &spec), table;

    if (!code)
        code = specs_open_net(tool, spec, !tool->opt.arch.n, &space);
    if (code)
        return code;
    tool->opt.to = tool->opt.to ? tool->opt.to : "svg";
    table = !strcmp(tool->opt.to, "table");
    if (!table || tool->opt.arch.n)
        code = archs_choose(tool, space, &arch);
    if (code || !table)
        return code ? code : draw(tool, spec, arch);
    status = nw_space_show(space, arch, stdout);
    return status < 0 ? failed(tool, status) : EXIT_OK;
}
