/*
 * cmd_compare.c - `netwright compare`: strategies on equal budgets, many seeds each.
 *
 * The library runs, tests and draws; here options become its configuration and what it
 * found becomes a table and files.
 */
#include "paths.h"
#include "sheet.h"
#include "specs.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Options -------------------------------------------------------------------- */

/* End of the strategy that starts at s: commas inside quotes and brackets are its own. */
static const char *strategy_end(const char *s)
{
    char quote = 0;
    int depth = 0;

    for (; *s && (quote || depth || *s != ','); s++) {
        if (quote)
            quote = *s == quote ? 0 : quote;
        else if (*s == '"' || *s == '\'')
            quote = *s;
        else
            depth += (*s == '(') - (*s == ')' && depth);
    }
    return s;
}

static int read_strategies(struct tool *tool, nw_compare_config *config)
{
    const char *s = tool->opt.strategies;
    const char **list;

    if (!s)
        return usage(tool, "compare: --strategies is missing");
    list = pool_alloc(&tool->pool, (strlen(s) + 1) * sizeof(*list));
    for (const char *end;; s = end + 1) {
        const char *first = s + strspn(s, " \t\n");

        end = strategy_end(s);
        if (first >= end)
            return usage(tool, "--strategies: \"%s\": a name is missing",
                         tool->opt.strategies);
        list[config->n++] = pool_copy(&tool->pool, first, (size_t)(end - first));
        if (!*end)
            break;
    }
    config->strategy = list;
    return EXIT_OK;
}

/* One of "trials=300" and "seconds=12000". */
static int read_limit(struct tool *tool, const char *word, nw_compare_config *config)
{
    const char *equal = strchr(word, '=');
    double value;
    char *end;

    if (!equal)
        return 0;
    value = strtod(equal + 1, &end);
    if (end == equal + 1 || *end || !(value > 0) || value > 1e15)
        return 0;
    if (!strncmp(word, "trials=", 7) && value == floor(value))
        config->max_trials = (uint64_t)value;
    else if (!strncmp(word, "seconds=", 8))
        config->max_seconds = value;
    else
        return 0;
    (void)tool;
    return 1;
}

static int read_budget(struct tool *tool, nw_compare_config *config)
{
    const char *text = tool->opt.budget;

    if (!text)
        return usage(tool, "compare: --budget is missing: trials=N or seconds=S of every "
                           "run");
    while (*text) {
        const size_t n = strcspn(text, ", ");

        if (!read_limit(tool, pool_copy(&tool->pool, text, n), config))
            return usage(tool, "--budget: \"%s\" is not trials=N, seconds=S or both",
                         tool->opt.budget);
        text += n;
        text += strspn(text, ", ");
    }
    return EXIT_OK;
}

static int read_options(struct tool *tool, nw_compare_config *config)
{
    int code = specs_check(tool, "space|data|estimator");

    if (!code && !tool->opt.space)
        code = usage(tool, "compare: --space is missing");
    if (!code && tool->opt.seeds < 2)
        code = usage(tool, "--seeds: %d: a comparison takes 2 at least", tool->opt.seeds);
    if (!code)
        code = read_strategies(tool, config);
    if (!code)
        code = read_budget(tool, config);
    if (code)
        return code;
    config->estimator = specs_with(tool, "estimator",
                                   tool->opt.estimator ? tool->opt.estimator : "train");
    config->seed = tool->opt.seed;
    config->seeds = tool->opt.seeds;
    config->limits = specs_limits(tool);
    config->objective = tool->opt.objective;
    config->jobs = tool->opt.jobs ? tool->opt.jobs : (int)sysconf(_SC_NPROCESSORS_ONLN);
    config->on_progress = progress_step;
    config->user = &tool->progress;
    return EXIT_OK;
}

/* ---- Parts ------------------------------------------------------------------------- */

/* The test split of the data is not touched. */
static int open_data(struct tool *tool, nw_data **data, nw_compare_config *config)
{
    size_t n, n_valid;

    *data = NULL;
    if (!tool->opt.data)
        return EXIT_OK;
    *data = specs_open_data(tool, "data", tool->opt.data);
    if (!*data)
        return failed(tool, NW_EINVAL);
    n = nw_data_count(*data);
    if (tool->opt.examples && tool->opt.examples < n)
        n = (size_t)tool->opt.examples;
    n_valid = (size_t)(specs_valid(tool, config->estimator) * (double)n);
    config->train = nw_data_slice(*data, tool->opt.seed, 0, n - n_valid);
    config->valid = nw_data_slice(*data, tool->opt.seed, n - n_valid, n_valid);
    return EXIT_OK;
}

static int open_parts(struct tool *tool, nw_compare_config *config, nw_space **space)
{
    nw_data *data;
    int code = open_data(tool, &data, config);

    if (code)
        return code;
    *space = specs_open_space(tool, tool->opt.space, data);
    if (!*space)
        return failed(tool, NW_EINVAL);
    if (!tool->opt.out)
        return EXIT_OK;
    config->study = nw_study_open(tool->nw, tool->opt.out);
    return config->study ? EXIT_OK : failed(tool, NW_EIO);
}

/* ---- What is printed --------------------------------------------------------------- */

/* Fractions read as percent. */
static enum number_style style_of(const nw_comparison *found)
{
    for (int i = 0; i < found->n_run; i++)
        if (found->run[i].score < 0 || found->run[i].score > 1)
            return STYLE_REAL;
    return STYLE_PERCENT;
}

static void fill_row(struct sheet *sheet, const nw_standing *s, enum number_style style)
{
    sheet_text(sheet, s->strategy);
    sheet_number(sheet, s->runs, STYLE_WHOLE);
    sheet_number(sheet, s->failed, STYLE_WHOLE);
    sheet_number(sheet, s->valid, style);
    sheet_number(sheet, s->score, style);
    sheet_number(sheet, s->deviation, style);
    sheet_number(sheet, s->median, style);
    sheet_number(sheet, s->a12, STYLE_REAL);
    sheet_number(sheet, s->p, STYLE_REAL);
    sheet_number(sheet, s->rank, STYLE_REAL);
    sheet_number(sheet, s->trials, STYLE_REAL);
    sheet_number(sheet, s->cost_s, STYLE_SECONDS);
    sheet_number(sheet, s->early, style);
    sheet_number(sheet, s->late, style);
}

static void say_what(struct tool *tool, const nw_comparison *found, const char *estimator)
{
    int n = 0;
    const nw_outcome *first = NULL;

    for (int i = 0; i < found->n_run; i++)
        if (found->run[i].status < 0 && !n++)
            first = &found->run[i];
    if (n)
        note(tool,
             "%d of %d runs failed and count as the worst; the first, %s, seed %llu: %s",
             n, found->n_run, found->standing[first->strategy].strategy,
             (unsigned long long)first->seed, first->reason ? first->reason : "");
    if (!found->is_held_out)
        note(tool,
             "scores are those of validation, which the searches saw: estimator \"%s\" "
             "reports nothing held out",
             specs_name(tool, estimator));
}

static int print(struct tool *tool, const nw_comparison *found)
{
    const enum number_style style = style_of(found);
    struct sheet sheet;

    sheet_open(&sheet, tool,
               found->is_held_out
                   ? "strategy|runs|failed|validation|held-out|sd|median|A12|p|rank|"
                     "trials|cost|early|late"
                   : "strategy|runs|failed|validation|score|sd|median|A12|p|rank|"
                     "trials|cost|early|late");
    for (int i = 0; i < found->n; i++)
        fill_row(&sheet, &found->standing[i], style);
    return sheet_print(&sheet, stdout);
}

/* ---- What is written ----------------------------------------------------------------
 */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *standings_of(const nw_comparison *found)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_t *rows = NULL;

    if (!out)
        return NULL;
    nw_comparison_print(found, "standings", "json", out);
    fclose(out);
    rows = json_loadb(text, size, 0, NULL);
    free(text);
    return rows;
}

static json_t *summary_of(struct tool *tool, const nw_compare_config *config,
                          const nw_comparison *found)
{
    return json_pack(
        "{s:s s:s s:s s:o s:o s:{s:o s:o} s:I s:i s:s s:s s:b s:o}", "netwright",
        nw_version(), "space", specs_with(tool, "space", tool->opt.space), "estimator",
        config->estimator, "limits", text_or_null(config->limits), "objective",
        text_or_null(config->objective), "budget", "trials",
        config->max_trials ? json_integer((json_int_t)config->max_trials) : json_null(),
        "seconds", config->max_seconds > 0 ? json_real(config->max_seconds) : json_null(),
        "first_seed", (json_int_t)config->seed, "seeds", config->seeds, "test",
        "one-sided Mann-Whitney, greater than the yardstick; Holm", "yardstick",
        found->standing[found->yardstick].strategy, "held_out", found->is_held_out,
        "standings", standings_of(found));
}

static int write_summary(struct tool *tool, const nw_compare_config *config,
                         const nw_comparison *found)
{
    const char *path = paths_join(tool, tool->opt.out, "summary.json");
    json_t *root = summary_of(tool, config, found);
    int bad =
        !root || json_dump_file(root, path, JSON_INDENT(2) | JSON_REAL_PRECISION(9));

    json_decref(root);
    return bad ? fail(tool, "%s: cannot be written", path) : EXIT_OK;
}

/* what: of nw_comparison_print(), or NULL for the figure. */
static int write_file(struct tool *tool, const nw_comparison *found, const char *name,
                      const char *what)
{
    const char *path = paths_join(tool, tool->opt.out, name);
    FILE *out = fopen(path, "w");
    nw_status status;

    if (!out)
        return fail(tool, "%s: cannot be written", path);
    status = what ? nw_comparison_print(found, what, "csv", out)
                  : nw_comparison_draw(found, out);
    if (fclose(out) && status >= 0)
        return fail(tool, "%s: cannot be written", path);
    return status < 0 ? failed(tool, status) : EXIT_OK;
}

static int write_all(struct tool *tool, const nw_compare_config *config,
                     const nw_comparison *found)
{
    int code;

    if (!tool->opt.out)
        return EXIT_OK;
    code = write_file(tool, found, "runs.csv", "runs");
    if (!code)
        code = write_file(tool, found, "curves.csv", "curves");
    if (!code)
        code = write_file(tool, found, "figure.svg", NULL);
    if (!code)
        code = write_summary(tool, config, found);
    if (!code)
        note(tool, "%s: runs.csv curves.csv summary.json figure.svg", tool->opt.out);
    return code;
}

int run_compare(struct tool *tool)
{
    nw_compare_config config = {0};
    nw_comparison *found = NULL;
    nw_space *space = NULL;
    nw_status status;
    int code = read_options(tool, &config);

    if (!code)
        code = open_parts(tool, &config, &space);
    if (code)
        return code;
    interrupt_catch();
    note(tool, "space: %s architectures; %d seeds a strategy", nw_space_count(space),
         config.seeds);
    status = nw_compare(space, &config, &found);
    progress_clear(&tool->progress);
    if (status < 0)
        return failed(tool, status);
    say_what(tool, found, config.estimator);
    code = print(tool, found);
    return code ? code : write_all(tool, &config, found);
}
