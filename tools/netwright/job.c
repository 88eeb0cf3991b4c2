#include "job.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

struct job {
    struct tool *tool;
    const char *path;
    const char **space;
};

/* "file:line:column: " of a key or value. */
static const char *where(const struct job *job, struct fy_node *node)
{
    const struct fy_mark *mark = fy_token_start_mark(fy_node_get_scalar_token(node));

    if (!mark)
        return pool_printf(&job->tool->pool, "%s: ", job->path);
    return pool_printf(&job->tool->pool, "%s:%d:%d: ", job->path, mark->line + 1,
                       mark->column + 1);
}

static const char *scalar(const struct job *job, struct fy_node *node)
{
    size_t n = 0;
    const char *text = fy_node_get_scalar(node, &n);

    return text ? pool_copy(&job->tool->pool, text, n) : NULL;
}

static int read_flag(struct job *job, int i, struct fy_node *value)
{
    const char *text = scalar(job, value);

    if (text && (!strcmp(text, "true") || !strcmp(text, "yes")))
        return options_set(job->tool, i, "", "");
    if (text && (!strcmp(text, "false") || !strcmp(text, "no")))
        return EXIT_OK;
    return usage(job->tool, "%s%s: must be true or false", where(job, value),
                 option_rows[i].name);
}

static int read_list(struct job *job, int i, struct fy_node *value)
{
    struct fy_node *item;
    void *at = NULL;
    int code = EXIT_OK;

    while (!code && (item = fy_node_sequence_iterate(value, &at))) {
        const char *text = scalar(job, item);

        code = text ? options_set(job->tool, i, text, where(job, item))
                    : usage(job->tool, "%s%s: must be a list of words", where(job, item),
                            option_rows[i].name);
    }
    return code;
}

static int read_space(struct job *job, struct fy_node *value)
{
    char *text = fy_emit_node_to_string(value, FYECF_MODE_BLOCK);

    if (!text)
        return fail(job->tool, "%s: space: cannot be read", job->path);
    *job->space = pool_printf(&job->tool->pool, "%s\n", text);
    free(text);
    return EXIT_OK;
}

static int read_value(struct job *job, int i, struct fy_node *key, struct fy_node *value)
{
    const struct option_row *row = &option_rows[i];
    const char *text;

    if (row->type == OPT_FLAG)
        return read_flag(job, i, value);
    if (row->type == OPT_LIST && fy_node_is_sequence(value))
        return read_list(job, i, value);
    if (!strcmp(row->name, "space") && fy_node_is_mapping(value))
        return read_space(job, value);
    text = scalar(job, value);
    if (!text)
        return usage(job->tool, "%s%s: must be one value", where(job, key), row->name);
    return options_set(job->tool, i, text, where(job, value));
}

static int read_pair(struct job *job, struct fy_node *key, struct fy_node *value)
{
    struct tool *tool = job->tool;
    const char *name = scalar(job, key), *near;
    int command = (int)(tool->command - commands), i;

    if (!name)
        return usage(tool, "%s: a key is not a word", job->path);
    i = options_find(name, strlen(name));
    if (i >= 0 && option_is_for(&option_rows[i], command))
        return tool->opt.given[i] ? EXIT_OK : read_value(job, i, key, value);
    near = options_near(name, command);
    return usage(tool, "%sthere is no option \"%s\"%s%s%s", where(job, key), name,
                 near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static int read_document(struct job *job, struct fy_document *document)
{
    struct fy_node *root = fy_document_root(document);
    struct fy_node_pair *pair;
    void *at = NULL;
    int code = EXIT_OK;

    if (!root || !fy_node_is_mapping(root))
        return usage(job->tool, "%s: a job is a map of options and values", job->path);
    while (!code && (pair = fy_node_mapping_iterate(root, &at)))
        code = read_pair(job, fy_node_pair_key(pair), fy_node_pair_value(pair));
    return code;
}

static int say_why(struct tool *tool, const char *path, struct fy_diag *diag)
{
    void *at = NULL;
    struct fy_diag_error *error = fy_diag_errors_iterate(diag, &at);

    if (!error)
        return usage(tool, "%s: a job is a map of options and values", path);
    return usage(tool, "%s:%d:%d: %s", path, error->line, error->column, error->msg);
}

/* The library's own words go nowhere: its first error is told by say_why(). */
static void no_words(struct fy_diag *diag, void *user, const char *text, size_t n)
{
    (void)diag;
    (void)user;
    (void)text;
    (void)n;
}

int job_read(struct tool *tool, const char *path, const char **space)
{
    struct job job = {tool, path, space};
    struct fy_diag_cfg words = {.output_fn = no_words, .level = FYET_ERROR};
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET};
    struct fy_document *document;
    FILE *in = fopen(path, "r");
    struct fy_diag *diag;
    int code;

    *space = NULL;
    if (!in)
        return usage(tool, "%s: %s", path, strerror(errno));
    diag = config.diag = fy_diag_create(&words);
    fy_diag_set_collect_errors(diag, true);
    document = fy_document_build_from_fp(&config, in);
    code = document ? read_document(&job, document) : say_why(tool, path, diag);
    fy_document_destroy(document);
    fy_diag_destroy(diag);
    fclose(in);
    return code;
}
