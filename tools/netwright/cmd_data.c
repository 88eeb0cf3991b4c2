/* cmd_data.c - `netwright data info SPEC`, `netwright data get NAME`. */
#include "paths.h"
#include "specs.h"

#include <math.h>
#include <string.h>

static int info(struct tool *tool)
{
    nw_data *data = specs_open_data(tool, "data", tool->arg[1]);
    nw_status status = nw_data_info_print(data, tool->opt.format, stdout);

    return status < 0 ? failed(tool, status) : EXIT_OK;
}

/* The bar counts bytes as it counts steps. */
static int on_bytes(void *user, double done, double total)
{
    struct tool *tool = user;
    nw_progress now = {.stage = tool->arg[1],
                       .done = done,
                       .total = total,
                       .loss = NAN,
                       .accuracy = NAN};

    return progress_step(&tool->progress, &now);
}

static int get(struct tool *tool)
{
    const char *cache = paths_cache(tool);
    nw_status status;
    int code = paths_make(tool, cache);

    if (code)
        return code;
    interrupt_catch();
    status = nw_data_get(tool->nw, tool->arg[1], tool->opt.url, cache, on_bytes, tool);
    progress_clear(&tool->progress);
    if (status < 0)
        return failed(tool, status);
    note(tool, "%s: complete in %s/%s", tool->arg[1], cache, tool->arg[1]);
    return EXIT_OK;
}

int run_data(struct tool *tool)
{
    int code = specs_check(tool, "data");

    if (code)
        return code;
    return strcmp(tool->arg[0], "get") ? info(tool) : get(tool);
}
