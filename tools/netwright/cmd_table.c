/*
 * cmd_table.c - `netwright table`: build a table of results, or look at one.
 *
 * The library lists the space and trains; the study in the directory remembers what was
 * done, so the same command goes on with a table that was interrupted.
 */
#include "paths.h"
#include "specs.h"
#include "work.h"

#include <stdlib.h>
#include <string.h>

/* A space of so many architectures is small; every order gives the same table. */
enum { SMALL = 1000, AHEAD = 8 };

static int is_small(nw_space *space)
{
    const char *count = nw_space_count(space);

    return count && strlen(count) <= 4 && atoi(count) <= SMALL;
}

static int check_extent(struct tool *tool, nw_space *space)
{
    if (tool->opt.all && tool->opt.sample)
        return usage(tool, "table build: --all or --sample, not both");
    if (tool->opt.all || tool->opt.sample || is_small(space))
        return EXIT_OK;
    return usage(
        tool,
        "table build: the space has %s architectures: --sample N draws some, --all "
        "takes them all",
        nw_space_count(space));
}

static int build(struct work *work)
{
    struct tool *tool = work->tool;
    const struct settings *opt = &tool->opt;
    const int has_seeds = opt->given[options_find("seeds", strlen("seeds"))];
    nw_search_config how = {
        .estimator =
            specs_with(tool, "estimator", opt->estimator ? opt->estimator : "train"),
        .test = work->test,
        .study = work->study,
        .seed = opt->seed,
        .max_trial_seconds = opt->trial_time_limit,
        .limits = specs_limits(tool),
        .jobs = opt->jobs,
        .ahead = opt->ahead ? opt->ahead : AHEAD,
        .on_progress = progress_step,
        .user = &tool->progress,
    };
    const nw_tabulate_config what = {.sample = opt->sample,
                                     .runs = has_seeds ? opt->seeds : 1,
                                     .passes = opt->latency};
    const char *path = opt->out ? opt->out : paths_join(tool, work->dir, "table.csv");
    nw_status status;

    work_split_search(work, how.estimator, &how.train, &how.valid);
    status = nw_tabulate(work->space, &how, &what, path);
    progress_clear(&tool->progress);
    if (status < 0)
        return failed(tool, status);
    note(tool, "table: %s", path);
    return interrupt_seen() ? failed(tool, NW_ESTOPPED) : EXIT_OK;
}

static int run_build(struct tool *tool)
{
    struct work work;
    int code;

    /* A job file is the argument behind the verb. */
    tool->arg[0] = tool->arg[1];
    tool->n_arg--;
    code = work_open(&work, tool);
    if (!code)
        code = check_extent(tool, work.space);
    if (code)
        return code;
    interrupt_catch();
    note(tool, "space: %s architectures; study: %s", nw_space_count(work.space),
         work.dir);
    return build(&work);
}

static int run_info(struct tool *tool)
{
    nw_status status;

    if (tool->n_arg < 2)
        return usage(tool, "table info: FILE is missing");
    status = nw_table_print(tool->nw, tool->arg[1], tool->opt.format, stdout);
    return status < 0 ? failed(tool, status) : EXIT_OK;
}

int run_table(struct tool *tool)
{
    return strcmp(tool->arg[0], "info") ? run_build(tool) : run_info(tool);
}
