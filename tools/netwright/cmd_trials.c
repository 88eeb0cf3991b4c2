/* cmd_trials.c - `netwright trials STUDY...`: a list, or a picture. */
#include "paths.h"
#include "tool.h"

#include <errno.h>
#include <string.h>

static const char *stage(const struct tool *tool)
{
    return tool->opt.stage ? tool->opt.stage : "search";
}

static int draw(struct tool *tool, nw_study *const *study)
{
    const char *label[MOST_ARGS];
    FILE *out = stdout;
    nw_status status;
    int bad;

    if (strcmp(tool->opt.to, "svg"))
        return usage(tool, "trials: --to \"%s\" is not svg", tool->opt.to);
    for (int i = 0; i < tool->n_arg; i++)
        label[i] = paths_stem(tool, tool->arg[i]);
    if (tool->opt.out)
        out = fopen(tool->opt.out, "w");
    if (!out)
        return fail(tool, "%s: %s", tool->opt.out, strerror(errno));
    status =
        nw_history_draw(tool->nw, (size_t)tool->n_arg, study, label, stage(tool), out);
    bad = tool->opt.out ? fclose(out) : fflush(out);
    if (status < 0)
        return failed(tool, status);
    return bad ? fail(tool, "%s: cannot be written", tool->opt.out) : EXIT_OK;
}

int run_trials(struct tool *tool)
{
    nw_study *study[MOST_ARGS];
    nw_status status = NW_OK;

    for (int i = 0; i < tool->n_arg; i++) {
        study[i] = nw_study_open_readonly(tool->nw, tool->arg[i]);
        if (!study[i])
            return failed(tool, NW_EIO);
    }
    if (tool->opt.to)
        return draw(tool, study);
    for (int i = 0; i < tool->n_arg && status >= 0; i++)
        status = nw_study_print(study[i],
                                pool_printf(&tool->pool, "trials stage=%s", stage(tool)),
                                tool->opt.format, stdout);
    return status < 0 ? failed(tool, status) : EXIT_OK;
}
