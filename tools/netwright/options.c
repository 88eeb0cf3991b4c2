#include "near.h"
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BIT(name) (1u << CMD_##name)
#define ALL       ((1u << N_COMMANDS) - 1)
#define JOBS      (BIT(search) | BIT(train) | BIT(table))
#define NETS      (BIT(show) | BIT(count) | BIT(bench) | BIT(space))
#define STUDIES   (BIT(trials) | BIT(best) | BIT(export))
#define RUNS      (BIT(search) | BIT(compare) | BIT(table))
#define TABLES                                                                           \
    (JOBS | BIT(compare) | BIT(eval) | BIT(count) | BIT(bench) | BIT(space) | BIT(data) | \
     BIT(trials) | BIT(best) | BIT(list))
#define FIELD(name) offsetof(struct settings, name)

/* clang-format off */
const struct option_row option_rows[] = {
    {"space", 0, OPT_TEXT, FIELD(space), "SPEC|FILE", NULL,
     "search space or network: a name with keys, or a YAML file", "spaces",
     JOBS | BIT(compare) | BIT(eval) | BIT(export)},
    {"data", 0, OPT_TEXT, FIELD(data), "SPEC", NULL,
     "training data; for eval the data to evaluate on; elsewhere gives input and classes",
     "datasets", JOBS | BIT(compare) | BIT(eval) | NETS},
    {"test", 0, OPT_TEXT, FIELD(test), "SPEC", NULL,
     "test data, read once at the very end; default: the training data with split=test",
     "datasets", JOBS},
    {"strategy", 0, OPT_TEXT, FIELD(strategy), "SPEC", "darts",
     "what proposes architectures", "strategies", BIT(search)},
    {"strategies", 0, OPT_TEXT, FIELD(strategies), "SPEC,SPEC...", NULL,
     "strategies with their keys, parted by commas; random is added", "strategies",
     BIT(compare)},
    {"estimator", 0, OPT_TEXT, FIELD(estimator), "SPEC", NULL,
     "what scores them; default: supernet for darts, train for any other strategy",
     "estimators", RUNS},
    {"final", 0, OPT_TEXT, FIELD(final), "SPEC", "train",
     "how a network is trained from scratch: an estimator with its keys; none: only search",
     "estimators", BIT(search) | BIT(train)},
    {"derive", 0, OPT_TEXT, FIELD(derive), "KEYS", NULL,
     "keys of the network that is trained at the end, \"c=36 layers=20\"", NULL, BIT(search)},
    {"baseline", 0, OPT_INT, FIELD(baseline), "N", "1",
     "architectures drawn at random and trained as the winner is, to compare with", NULL,
     BIT(search)},
    {"valid", 0, OPT_SHARE, FIELD(valid), "SHARE", NULL,
     "share of the training data that steers the search; default: 0.5 with shared weights, else 0.1",
     NULL, RUNS},
    {"examples", 0, OPT_COUNT, FIELD(examples), "N", "0",
     "so many examples of the training data serve the search, drawn with the seed; 0: all", NULL,
     RUNS},
    {"holdout", 0, OPT_SHARE, FIELD(holdout), "SHARE", "0.1",
     "share of the training data that watches over the final training", NULL, BIT(search) | BIT(train)},
    {"seeds", 0, OPT_INT, FIELD(seeds), "N", "30",
     "runs of each strategy, with the seeds from --seed on; for table runs of each network, "
     "default 1", NULL, BIT(compare) | BIT(table)},
    {"sample", 0, OPT_COUNT, FIELD(sample), "N", "0",
     "networks drawn at random, all different; 0: all of the space", NULL, BIT(table)},
    {"all", 0, OPT_FLAG, FIELD(all), NULL, NULL,
     "all networks of the space, however many", NULL, BIT(table)},
    {"latency", 0, OPT_INT, FIELD(latency), "N", "20",
     "forward passes of one example on one thread, whose median is the latency; 0: none is "
     "measured", NULL, BIT(table)},
    {"budget", 0, OPT_TEXT, FIELD(budget), "trials=N,seconds=S", NULL,
     "of every run: trials, seconds (of a table: those that it says), or both", NULL,
     BIT(compare)},
    {"trials", 0, OPT_COUNT, FIELD(trials), "N", "0",
     "end the search after so many trials; 0: when the strategy is done", NULL, BIT(search)},
    {"time-limit", 0, OPT_TIME, FIELD(time_limit), "TIME", "0",
     "end the search after this long: 90, 90s, 10m, 1h; 0: no limit", NULL, BIT(search)},
    {"trial-time-limit", 0, OPT_TIME, FIELD(trial_time_limit), "TIME", "0",
     "with --jobs: a trial that takes longer has failed; 0: no limit", NULL, BIT(search) | BIT(table)},
    {"limit", 0, OPT_LIST, FIELD(limit), "MEASURE<=N", NULL,
     "what no network may exceed, as in params<=1e6: params, macs, peak_bytes, layers, "
     "latency_ms; >= for the contrary", NULL, RUNS},
    {"objective", 0, OPT_TEXT, FIELD(objective), "MEASURES", NULL,
     "what is sought, the first steering most: accuracy, or \"accuracy,macs\" for a front; "
     "default: what the estimator says", NULL, BIT(search) | BIT(compare) | BIT(best)},
    {"arch", 0, OPT_LIST, FIELD(arch), "FILE", NULL,
     "architecture as JSON, as the search writes it to arch.json", NULL, BIT(train) | NETS},
    {"study", 0, OPT_TEXT, FIELD(study), "DIR", NULL,
     "directory that remembers all; default: runs/SPACE-DATA", NULL, JOBS},
    {"stage", 0, OPT_TEXT, FIELD(stage), "NAME", NULL,
     "part of the study: search, final, random", NULL, STUDIES},
    {"to", 0, OPT_TEXT, FIELD(to), "EXPORTER", NULL,
     "kind of file to write", "exporters", BIT(export) | BIT(show) | BIT(trials)},
    {"out", 'o', OPT_TEXT, FIELD(out), "FILE|DIR", NULL,
     "where to write it; compare fills a directory and remembers its runs there; table: default "
     "table.csv in the study", NULL, BIT(export) | BIT(show) | BIT(compare) | BIT(table) | BIT(trials)},
    {"input", 0, OPT_TEXT, FIELD(input), "CxHxW", NULL,
     "shape of one example, when neither the space nor --data says it", NULL, NETS},
    {"classes", 0, OPT_INT, FIELD(classes), "N", "0",
     "number of classes, when neither the space nor --data says it", NULL, NETS},
    {"batch", 'b', OPT_INT, FIELD(batch), "N", "100",
     "examples that go through the network at a time", NULL, BIT(eval) | BIT(bench)},
    {"number", 'n', OPT_INT, FIELD(number), "N", "1",
     "how many architectures to draw; for bench passes to time", NULL, BIT(space) | BIT(bench)},
    {"url", 0, OPT_TEXT, FIELD(url), "URL", NULL,
     "download from this mirror and not from the official address", NULL, BIT(data)},
    {"set", 0, OPT_LIST, FIELD(set), "KEY=VALUE", NULL,
     "change a key inside a spec: strategy.lr=0.01, final.epochs=20, space.c=8", NULL,
     JOBS | BIT(compare) | BIT(eval) | NETS | BIT(data)},
    {"seed", 's', OPT_COUNT, FIELD(seed), "N", "1",
     "random numbers follow from it alone", NULL, JOBS | BIT(compare) | BIT(count) | BIT(show) | BIT(bench) | BIT(space)},
    {"threads", 't', OPT_INT, FIELD(threads), "N", "0",
     "threads to compute with; 0: one a core", NULL, JOBS | BIT(eval) | BIT(bench) | BIT(export)},
    {"jobs", 'j', OPT_INT, FIELD(jobs), "N", "0",
     "worker processes of one thread each that estimate trials side by side; 0: one a core "
     "where each trial is trained by itself and no --threads is given, else none, work here. "
     "compare: runs side by side; 0: one a core", NULL, RUNS},
    {"ahead", 0, OPT_INT, FIELD(ahead), "N", "0",
     "trials proposed before the first of them is observed: the result depends on it, never "
     "on --jobs; 0: 8 with --jobs, else 1", NULL, BIT(search) | BIT(table)},
    {"format", 'f', OPT_WORD, FIELD(format), "table|json|csv", "table",
     "form of what is printed", NULL, TABLES},
    {"inference", 0, OPT_FLAG, FIELD(inference), NULL, NULL,
     "forward only, with running statistics", NULL, BIT(bench)},
    {"profile", 0, OPT_FLAG, FIELD(profile), NULL, NULL,
     "how the time is shared among ops; twice: among layers", NULL, BIT(bench)},
    {"man", 0, OPT_FLAG, FIELD(man), NULL, NULL,
     "print the manual page as roff", NULL, BIT(help)},
    {"markdown", 0, OPT_FLAG, FIELD(markdown), NULL, NULL,
     "print the reference page as Markdown", NULL, BIT(help)},
    {"no-progress", 0, OPT_FLAG, FIELD(no_progress), NULL, NULL,
     "no progress bar", NULL, JOBS | BIT(compare) | BIT(data)},
    {"quiet", 'q', OPT_FLAG, FIELD(quiet), NULL, NULL,
     "nothing on standard error but errors", NULL, ALL},
    {"verbose", 'v', OPT_FLAG, FIELD(verbose), NULL, NULL,
     "say more on standard error; without a terminal, a line an epoch", NULL, ALL},
    {"color", 0, OPT_WORD, FIELD(color), "auto|always|never", "auto",
     "colour; auto: on a terminal, unless NO_COLOR is set or TERM is dumb", NULL, ALL},
    {"help", 'h', OPT_FLAG, FIELD(help), NULL, NULL, "print help and end", NULL, ALL},
    {"version", 0, OPT_FLAG, FIELD(version), NULL, NULL, "print the version and end", NULL, ALL},
    {0},
};
/* clang-format on */

_Static_assert(sizeof(option_rows) / sizeof(*option_rows) <= MOST_OPTIONS,
               "room for rows");

int option_is_for(const struct option_row *row, int command)
{
    return command < 0 || (row->commands >> command & 1);
}

int options_find(const char *name, size_t length)
{
    for (int i = 0; option_rows[i].name; i++)
        if (strlen(option_rows[i].name) == length &&
            !memcmp(option_rows[i].name, name, length))
            return i;
    return -1;
}

const char *options_near(const char *name, int command)
{
    const char *names[MOST_OPTIONS];
    size_t n = 0;

    for (int i = 0; option_rows[i].name; i++)
        if (option_is_for(&option_rows[i], command))
            names[n++] = option_rows[i].name;
    return near_word(name, names, n);
}

static int is_word_of(const char *list, const char *text)
{
    const char *piece;
    size_t n;

    while ((n = next_choice(&list, &piece)))
        if (strlen(text) == n && !memcmp(piece, text, n))
            return 1;
    return 0;
}

static int read_time(const char *text, double *seconds)
{
    static const char units[] = "smhd";
    static const double size[] = {1, 60, 3600, 86400};
    char *end;
    const char *unit;
    double value = strtod(text, &end);

    if (end == text || !isfinite(value) || value < 0)
        return 0;
    unit = *end ? strchr(units, *end) : units;
    if (!unit || (*end && end[1]))
        return 0;
    *seconds = value * size[unit - units];
    return 1;
}

static int read_share(const char *text, double *share)
{
    char *end;

    *share = strtod(text, &end);
    return end != text && !*end && *share >= 0 && *share < 1;
}

/* A number without sign up to `most`. */
static int read_whole(const char *text, uint64_t most, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *out <= most;
}

static int read_list(const char *text, struct words *list)
{
    if (list->n == MOST_WORDS)
        return 0;
    list->item[list->n++] = text;
    return 1;
}

static int read_value(const struct option_row *row, const char *text, void *field)
{
    uint64_t number = 0;

    switch (row->type) {
    case OPT_FLAG:
        ++*(int *)field;
        return 1;
    case OPT_INT:
        if (!read_whole(text, INT_MAX, &number))
            return 0;
        *(int *)field = (int)number;
        return 1;
    case OPT_COUNT:
        return read_whole(text, UINT64_MAX, field);
    case OPT_SHARE:
        return read_share(text, field);
    case OPT_TIME:
        return read_time(text, field);
    case OPT_WORD:
        if (!is_word_of(row->arg, text))
            return 0;
        *(const char **)field = text;
        return 1;
    case OPT_TEXT:
        *(const char **)field = text;
        return 1;
    case OPT_LIST:
        return read_list(text, field);
    }
    return 0;
}

static const char *expected(const struct option_row *row)
{
    static const char *const words[] = {
        [OPT_INT] = "a whole number",
        [OPT_COUNT] = "a whole number",
        [OPT_SHARE] = "at least 0 and below 1",
        [OPT_TIME] = "a time such as 90, 10m or 1h",
        [OPT_LIST] = "one of so many",
        [OPT_TEXT] = "text",
        [OPT_FLAG] = "nothing",
    };

    return row->type == OPT_WORD ? row->arg : words[row->type];
}

int options_set(struct tool *tool, int i, const char *text, const char *where)
{
    const struct option_row *row = &option_rows[i];

    if (!read_value(row, text, (char *)&tool->opt + row->offset))
        return usage(tool, "%s--%s: \"%s\" is not %s", where, row->name, text,
                     expected(row));
    tool->opt.given[i] = 1;
    return EXIT_OK;
}

static void set_defaults(struct settings *opt)
{
    for (const struct option_row *row = option_rows; row->name; row++)
        if (row->initial)
            read_value(row, row->initial, (char *)opt + row->offset);
}

/* One command line as it is read. */
struct reader {
    int argc, at;
    char **argv;
};

static int take_value(struct tool *tool, struct reader *reader, int i, const char *value)
{
    const struct option_row *row = &option_rows[i];

    if (row->type == OPT_FLAG && value)
        return usage(tool, "--%s takes no value", row->name);
    if (row->type == OPT_FLAG)
        return options_set(tool, i, "", "");
    if (!value && reader->at + 1 < reader->argc)
        value = reader->argv[++reader->at];
    if (!value)
        return usage(tool, "--%s needs a value: %s", row->name, row->arg);
    return options_set(tool, i, value, "");
}

static int take_long(struct tool *tool, struct reader *reader, const char *name)
{
    size_t length = strcspn(name, "=");
    int i = options_find(name, length);
    const char *word, *near;

    if (i >= 0)
        return take_value(tool, reader, i, name[length] ? name + length + 1 : NULL);
    word = pool_copy(&tool->pool, name, length);
    near = options_near(word, tool->command ? (int)(tool->command - commands) : -1);
    return usage(tool, "there is no option --%s%s%s%s", word,
                 near ? " (did you mean --" : "", near ? near : "", near ? "?)" : "");
}

/* "-q", "-qv", "-j4", "-j 4" */
static int take_short(struct tool *tool, struct reader *reader, const char *letters)
{
    for (; *letters; letters++) {
        int i = 0, code;

        while (option_rows[i].name && option_rows[i].letter != *letters)
            i++;
        if (!option_rows[i].name)
            return usage(tool, "there is no option -%c", *letters);
        if (option_rows[i].type != OPT_FLAG)
            return take_value(tool, reader, i, letters[1] ? letters + 1 : NULL);
        code = options_set(tool, i, "", "");
        if (code)
            return code;
    }
    return EXIT_OK;
}

static int take_command(struct tool *tool, const char *word)
{
    const char *names[N_COMMANDS], *near;

    for (int i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i].name;
        if (!strcmp(word, names[i])) {
            tool->command = &commands[i];
            return EXIT_OK;
        }
    }
    near = near_word(word, names, N_COMMANDS);
    return usage(tool, "there is no command \"%s\"%s%s%s", word,
                 near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static int take_argument(struct tool *tool, const char *word)
{
    if (!tool->command)
        return take_command(tool, word);
    if (tool->n_arg == tool->command->max_args)
        return usage(tool, "%s: \"%s\" is one argument too many", tool->command->name,
                     word);
    tool->arg[tool->n_arg++] = word;
    return EXIT_OK;
}

static int check_verb(struct tool *tool)
{
    const char *names[MOST_ARGS], *list = tool->command->verbs, *piece, *near;
    size_t n = 0, length;

    if (!list || !tool->n_arg || is_word_of(list, tool->arg[0]))
        return EXIT_OK;
    while ((length = next_choice(&list, &piece)))
        names[n++] = pool_copy(&tool->pool, piece, length);
    near = near_word(tool->arg[0], names, n);
    if (near)
        return usage(tool, "%s: there is no \"%s\" (did you mean \"%s\"?)",
                     tool->command->name, tool->arg[0], near);
    return usage(tool, "%s: \"%s\" is not one of %s", tool->command->name, tool->arg[0],
                 tool->command->verbs);
}

/* What only the whole line shows: options of other commands, missing arguments. */
static int check(struct tool *tool)
{
    int command = tool->command ? (int)(tool->command - commands) : -1;

    for (int i = 0; option_rows[i].name; i++)
        if (tool->opt.given[i] && !option_is_for(&option_rows[i], command))
            return usage(tool, "%s has no option --%s", tool->command->name,
                         option_rows[i].name);
    if (tool->opt.help || tool->opt.version)
        return EXIT_OK;
    if (!tool->command)
        return usage(tool, "a command is missing");
    if (tool->n_arg < tool->command->min_args)
        return usage(tool, "%s: an argument is missing: %s", tool->command->name,
                     tool->command->synopsis);
    return check_verb(tool);
}

int options_parse(struct tool *tool, int argc, char **argv)
{
    struct reader reader = {argc, 1, argv};
    int code = EXIT_OK, only_arguments = 0;

    set_defaults(&tool->opt);
    for (; reader.at < argc && !code; reader.at++) {
        const char *word = argv[reader.at];

        if (only_arguments || word[0] != '-' || !word[1])
            code = take_argument(tool, word);
        else if (!strcmp(word, "--"))
            only_arguments = 1;
        else if (word[1] == '-')
            code = take_long(tool, &reader, word + 2);
        else
            code = take_short(tool, &reader, word + 1);
    }
    return code ? code : check(tool);
}
