/*
 * cmd_search.c - `netwright search`: the main job.
 *
 * Stages of the study: "search" finds an architecture, "final" trains it from scratch,
 * "random", "random-2" ... train what was drawn at random, in the same way.
 */
#include "records.h"
#include "specs.h"
#include "threads.h"
#include "work.h"

#include <math.h>
#include <string.h>

/* Trials ahead of the first that is observed, when there are workers: enough for a few,
 * and the same for one as for eight, so that the result is too. */
enum { AHEAD = 8, MOST_DRAWS = 1000 };

/* When -j is not given. Networks that are trained one by one get a worker a core: on two
 * cores that is more trials a minute than one worker with two threads, and the result is
 * the same on any number (bench/results/jobs.csv). Who says -t wants that many here. */
static int jobs_of(struct tool *tool, const char *estimator)
{
    const struct settings *o = &tool->opt;
    const int cores = threads_cores(), most = o->ahead ? o->ahead : AHEAD;

    if (o->jobs || o->threads || strcmp(specs_name(tool, estimator), "train"))
        return o->jobs;
    return cores < most ? cores : most;
}

static const char *estimator(struct tool *tool)
{
    const char *given = tool->opt.estimator;

    if (!given)
        given =
            strcmp(specs_name(tool, tool->opt.strategy), "darts") ? "train" : "supernet";
    return specs_with(tool, "estimator", given);
}

/* What the study says, over all runs that it took. */
static double seconds_of(struct work *work, const char *stage)
{
    json_t *rows = records_read(work->tool, work->study, "stages");
    const json_t *row;
    double seconds = NAN;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "stage"));

        if (name && !strcmp(name, stage))
            seconds = records_number(row, "seconds");
    }
    json_decref(rows);
    return seconds;
}

static int search(struct work *work, nw_arch **best, nw_score *score)
{
    struct tool *tool = work->tool;
    nw_search_config config = {
        .stage = "search",
        .strategy = specs_with(tool, "strategy", tool->opt.strategy),
        .estimator = estimator(tool),
        .max_trials = tool->opt.trials,
        .max_seconds = tool->opt.time_limit,
        .max_trial_seconds = tool->opt.trial_time_limit,
        .limits = specs_limits(tool),
        .objective = tool->opt.objective,
    };
    int code;

    config.jobs = jobs_of(tool, config.estimator);
    config.ahead = tool->opt.ahead ? tool->opt.ahead : config.jobs ? AHEAD : 1;
    work_split_search(work, config.estimator, &config.train, &config.valid);
    code = work_run(work, work->space, &config, best, NULL, score);
    if (!code)
        work->search_s = seconds_of(work, "search");
    return code;
}

/* Any seeds but that of the search, whose first draw it would otherwise be. What the
 * search may not exceed, this may not either. */
static nw_status draw(struct tool *tool, nw_arch *arch, int i)
{
    const uint64_t first = tool->opt.seed + 1000003 * (uint64_t)(i + 1);
    int is_within = 0;
    nw_status status = NW_OK;

    for (uint64_t k = 0; k < MOST_DRAWS && !is_within && status >= 0; k++) {
        status = nw_arch_random(arch, first + 7919 * k);
        if (status >= 0)
            status = nw_arch_within(arch, specs_limits(tool), &is_within);
    }
    if (status >= 0 && !is_within)
        note(tool, "random: no draw of %d keeps the limits; this one does not",
             MOST_DRAWS);
    return status;
}

static int train_random(struct work *work, int i)
{
    struct tool *tool = work->tool;
    nw_arch *arch = nw_arch_new(tool->nw, work->space);
    const char *stage = i ? pool_printf(&tool->pool, "random-%d", i + 1) : "random";
    nw_status status = draw(tool, arch, i);

    return status < 0 ? failed(tool, status) : work_train(work, stage, arch);
}

int run_search(struct tool *tool)
{
    struct work work;
    nw_arch *best = NULL;
    nw_score score;
    int code = work_open(&work, tool);

    if (code)
        return code;
    if (tool->opt.baseline >= MOST_CANDIDATES)
        return usage(tool, "--baseline: %d is more than %d", tool->opt.baseline,
                     MOST_CANDIDATES - 1);
    interrupt_catch();
    note(tool, "space: %s architectures; study: %s", nw_space_count(work.space),
         work.dir);
    code = search(&work, &best, &score);
    if (!code && work_only_searches(&work))
        return work_found(&work, best, &score);
    if (!code)
        code = work_train(&work, "final", best);
    for (int i = 0; i < tool->opt.baseline && !code; i++)
        code = train_random(&work, i);
    return code ? code : work_finish(&work);
}
