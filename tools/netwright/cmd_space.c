/* cmd_space.c - `netwright space check|count|sample|show SPACE|FILE
 * [key=value]`. */
#include "archs.h"
#include "sheet.h"
#include "specs.h"

#include <string.h>

static int check(struct tool *tool, nw_space *space)
{
    nw_status status = nw_space_check(space, tool->opt.format, stdout);

    return status < 0 ? failed(tool, status) : EXIT_OK;
}

static int count(struct tool *tool, nw_space *space)
{
    const char *number = nw_space_count(space);

    if (!number)
        return failed(tool, NW_EINVAL);
    printf("%s\n", number);
    return EXIT_OK;
}

static int sample(struct tool *tool, nw_space *space)
{
    for (int i = 0; i < tool->opt.number; i++) {
        nw_arch *arch = nw_arch_new(tool->nw, space);
        nw_status status = nw_arch_random(arch, tool->opt.seed + (uint64_t)i);
        const char *text = status < 0 ? NULL : archs_text(tool, arch);

        if (!text)
            return failed(tool, status < 0 ? status : NW_EIO);
        printf("%s\n", text);
        nw_arch_free(arch);
    }
    return EXIT_OK;
}

static int show(struct tool *tool, nw_space *space)
{
    nw_arch *arch = NULL;
    nw_status status;
    int code = tool->opt.arch.n ? archs_choose(tool, space, &arch) : EXIT_OK;

    if (code)
        return code;
    status = nw_space_show(space, arch, stdout);
    return status < 0 ? failed(tool, status) : EXIT_OK;
}

int run_space(struct tool *tool)
{
    static const struct verb {
        const char *name;
        int (*run)(struct tool *tool, nw_space *space);
    } verbs[] = {{"check", check}, {"count", count}, {"sample", sample}, {"show", show}};
    const char *spec;
    nw_space *space;
    int code = specs_join(tool, 1, &spec), i = 0;

    if (!code)
        code = specs_open_net(tool, spec, 0, &space);
    if (code)
        return code;
    while (strcmp(verbs[i].name, tool->arg[0]))
        i++;
    return verbs[i].run(tool, space);
}
