#include "work.h"

#include "job.h"
#include "netwright_ext.h"
#include "paths.h"
#include "records.h"
#include "specs.h"

#include <math.h>
#include <string.h>

/* Share of the data that is the test when it has no split of its own. */
static const double test_share = 0.2;

static int read_job(struct work *work, const char **space_text)
{
    struct tool *tool = work->tool;
    int code = EXIT_OK;

    *space_text = NULL;
    if (tool->n_arg)
        code = job_read(tool, tool->arg[0], space_text);
    if (code)
        return code;
    tool_open(tool);
    if (!tool->opt.space && !*space_text)
        return usage(tool, "%s: --space is missing", tool->command->name);
    if (!tool->opt.data && !work_only_searches(work))
        return usage(tool, "%s: --data is missing", tool->command->name);
    return specs_check(tool, "space|data|test|strategy|estimator|final|derive");
}

/* The split of a data set that has one is a key of its spec. */
static int open_data(struct work *work)
{
    struct tool *tool = work->tool;
    const char *spec = tool->opt.data, *test = tool->opt.test;
    int splits = spec && specs_takes(tool, spec, "split");

    if (!spec)
        return EXIT_OK;
    work->data = specs_open_data(tool, "data", spec);
    if (!work->data)
        return failed(tool, NW_EINVAL);
    if (test || splits) {
        test = test ? test : specs_put(tool, spec, "split", "test");
        work->test = specs_open_data(tool, "test", test);
    } else {
        work->first = (size_t)(test_share * (double)nw_data_count(work->data));
        work->test = nw_data_slice(work->data, tool->opt.seed, 0, work->first);
        note(tool, "test: %zu of %zu examples are set apart for the end", work->first,
             nw_data_count(work->data));
    }
    return work->test ? EXIT_OK : failed(tool, NW_EINVAL);
}

/* Is there anything in the study? Answers an exit code. */
static int has_stages(struct work *work, int *out)
{
    json_t *rows;

    *out = 0;
    if (!paths_exists(paths_join(work->tool, work->dir, "study.db")))
        return EXIT_OK;
    work->study = nw_study_open(work->tool->nw, work->dir);
    if (!work->study)
        return failed(work->tool, NW_EIO);
    rows = records_read(work->tool, work->study, "stages");
    *out = json_array_size(rows) > 0;
    json_decref(rows);
    return rows ? EXIT_OK : EXIT_FAILED;
}

/* All of it or nothing, whenever the program is killed. */
static int write_text(struct work *work, const char *path, const char *text)
{
    const char *part = pool_printf(&work->tool->pool, "%s.part", path);
    int code = paths_make(work->tool, work->dir);
    FILE *out = code ? NULL : fopen(part, "w");

    if (code)
        return code;
    if (!out || fputs(text, out) < 0 || fclose(out) || rename(part, path))
        return fail(work->tool, "%s: cannot be written", path);
    return EXIT_OK;
}

/* A space that is written out in the job becomes a file of the study, which a study that
 * was begun keeps. Its text is that of the parsed job: comments and blanks are gone. */
static int write_space(struct work *work, const char *text)
{
    struct tool *tool = work->tool;
    const char *path = paths_join(tool, work->dir, "space.yaml");
    const char *old = paths_exists(path) ? paths_read(tool, path) : "";
    int code = old ? EXIT_OK : EXIT_FAILED, begun;

    tool->opt.space = path;
    if (code || !strcmp(old, text))
        return code;
    code = has_stages(work, &begun);
    if (code)
        return code;
    if (begun)
        return fail(tool,
                    "%s: the study was begun with another space than that of %s; use "
                    "another directory or the same configuration",
                    work->dir, tool->arg[0]);
    return write_text(work, path, text);
}

static const char *default_dir(struct tool *tool)
{
    const char *space =
        tool->opt.space ? specs_name(tool, tool->opt.space) : tool->arg[0];

    const char *from = tool->opt.data ? tool->opt.data : tool->opt.estimator;

    return pool_printf(&tool->pool, "runs/%s-%s", paths_stem(tool, space),
                       specs_name(tool, from));
}

int work_open(struct work *work, struct tool *tool)
{
    const char *space_text;
    int code;

    *work = (struct work){.tool = tool, .search_s = NAN};
    code = read_job(work, &space_text);
    if (!code)
        code = open_data(work);
    if (code)
        return code;
    work->dir = tool->opt.study ? tool->opt.study : default_dir(tool);
    if (space_text)
        code = write_space(work, space_text);
    if (code)
        return code;
    work->space = specs_open_space(tool, tool->opt.space, work->data);
    if (!work->space)
        return failed(tool, NW_EINVAL);
    if (!work->study)
        work->study = nw_study_open(tool->nw, work->dir);
    return work->study ? EXIT_OK : failed(tool, NW_EIO);
}

int work_only_searches(const struct work *work)
{
    const struct tool *tool = work->tool;

    return tool->command == &commands[CMD_search] &&
           (!strcmp(tool->opt.final, "none") || (!tool->opt.data && tool->opt.estimator));
}

static void split(struct work *work, double share, size_t most, nw_data **train,
                  nw_data **valid)
{
    size_t n = work->data ? nw_data_count(work->data) - work->first : 0;
    size_t n_valid, n_train;
    uint64_t seed = work->tool->opt.seed;

    n = most && most < n ? most : n;
    n_valid = (size_t)(share * (double)n);
    n_train = n - n_valid;
    *train = *valid = NULL;
    if (!work->data)
        return;
    *train = nw_data_slice(work->data, seed, work->first, n_train);
    *valid = nw_data_slice(work->data, seed, work->first + n_train, n_valid);
}

void work_split(struct work *work, double share, nw_data **train, nw_data **valid)
{
    split(work, share, 0, train, valid);
}

void work_split_search(struct work *work, const char *estimator, nw_data **train,
                       nw_data **valid)
{
    struct tool *tool = work->tool;

    split(work, specs_valid(tool, estimator), (size_t)tool->opt.examples, train, valid);
}

/* Warnings that strategies and estimators left in the study. */
static void say_notes(struct work *work, const char *stage)
{
    json_t *rows = records_read(work->tool, work->study,
                                pool_printf(&work->tool->pool, "notes stage=%s", stage));
    const json_t *row;
    size_t i;

    json_array_foreach(rows, i, row) note(
        work->tool, "%s: %s", stage, json_string_value(json_object_get(row, "words")));
    json_decref(rows);
}

int work_run(struct work *work, nw_space *space, nw_search_config *config, nw_arch **best,
             nw_net **net, nw_score *score)
{
    struct tool *tool = work->tool;
    nw_status status;

    config->study = work->study;
    config->seed = tool->opt.seed;
    config->on_progress = progress_step;
    config->user = &tool->progress;
    detail(tool, "%s: strategy %s, estimator %s", config->stage, config->strategy,
           config->estimator);
    status = nw_search(space, config, best, net, score);
    progress_clear(&tool->progress);
    if (status < 0)
        return failed(tool, status);
    say_notes(work, config->stage);
    return interrupt_seen() ? failed(tool, NW_ESTOPPED) : EXIT_OK;
}

int work_train(struct work *work, const char *stage, const nw_arch *arch)
{
    struct tool *tool = work->tool;
    struct candidate *candidate = &work->candidate[work->n_candidate];
    const char *derive = tool->opt.derive ? tool->opt.derive : "";
    nw_space *space = work->space;
    nw_search_config config = {
        .stage = stage,
        .strategy = "fixed",
        .estimator = specs_with(tool, "final", tool->opt.final),
    };
    int code;

    if (arch)
        space = nw_space_derive(space, arch, specs_with(tool, "derive", derive));
    work_split(work, tool->opt.holdout, &config.train, &config.valid);
    *candidate = (struct candidate){.stage = stage, .arch = arch};
    code = work_run(work, space, &config, &candidate->own, &candidate->net,
                    &candidate->valid);
    if (code)
        return code;
    if (!candidate->net)
        return fail(tool, "%s: estimator \"%s\" gives no trained network", stage,
                    config.estimator);
    candidate->seconds = candidate->valid.cost_s;
    work->n_candidate++;
    return EXIT_OK;
}
