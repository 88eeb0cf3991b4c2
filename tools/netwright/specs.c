#include "specs.h"

#include "kinds.h"
#include "near.h"
#include "paths.h"

#include <ctype.h>
#include <string.h>

int specs_check(struct tool *tool, const char *parts)
{
    const struct words *set = &tool->opt.set;

    for (int i = 0; i < set->n; i++) {
        const char *item = set->item[i], *dot = strchr(item, '.'),
                   *equal = strchr(item, '=');
        const char *list = parts, *piece;
        size_t n;

        if (!dot || !equal || dot > equal || dot == item || equal == dot + 1)
            return usage(tool, "--set: \"%s\" is not part.key=value", item);
        while ((n = next_choice(&list, &piece)))
            if (n == (size_t)(dot - item) && !memcmp(item, piece, n))
                break;
        if (!n)
            return usage(tool, "--set: \"%s\": part \"%.*s\" is not one of %s", item,
                         (int)(dot - item), item, parts);
    }
    return EXIT_OK;
}

const char *specs_with(struct tool *tool, const char *part, const char *spec)
{
    const struct words *set = &tool->opt.set;
    size_t n = strlen(part);

    for (int i = 0; i < set->n; i++) {
        const char *item = set->item[i], *equal = strchr(item, '=');
        const char *key = item + n + 1;

        if (strncmp(item, part, n) || item[n] != '.')
            continue;
        key = pool_copy(&tool->pool, key, (size_t)(equal - key));
        spec = specs_put(tool, spec, key, equal + 1);
    }
    return spec;
}

/* End of the word that starts at s: blanks inside quotes belong to it. */
static const char *word_end(const char *s)
{
    char quote = 0;

    for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
        if (quote && *s == quote)
            quote = 0;
        else if (!quote && (*s == '"' || *s == '\'') && s[-1] == '=')
            quote = *s;
    }
    return s;
}

static const char *skip_blanks(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

static const char *find_key(const char *spec, const char *key)
{
    size_t n = strlen(key);

    for (const char *s = skip_blanks(spec); *s; s = skip_blanks(word_end(s)))
        if (!strncmp(s, key, n) && s[n] == '=')
            return s;
    return NULL;
}

int specs_has(const char *spec, const char *key)
{
    return find_key(spec, key) != NULL;
}

const char *specs_put(struct tool *tool, const char *spec, const char *key,
                      const char *value)
{
    const char *old = find_key(spec, key), *rest = old ? word_end(old) : "";
    int n = (int)(old ? old - spec : (long)strlen(spec));
    const char *quote = strpbrk(value, " \t") ? "\"" : "";
    const char *gap = n && !isspace((unsigned char)spec[n - 1]) ? " " : "";

    return pool_printf(&tool->pool, "%.*s%s%s=%s%s%s%s", n, spec, gap, key, quote, value,
                       quote, rest);
}

const char *specs_name(struct tool *tool, const char *spec)
{
    const char *s = skip_blanks(spec);

    return pool_copy(&tool->pool, s, (size_t)(word_end(s) - s));
}

int specs_takes(struct tool *tool, const char *spec, const char *key)
{
    const char *name = specs_name(tool, spec), *listed;
    const char *row = pool_printf(&tool->pool, "\n  %s ", key);

    for (size_t i = 0; (listed = nw_list(tool->nw, NW_DATASETS, i)); i++)
        if (!strcmp(listed, name))
            return strstr(kind_help(tool, NW_DATASETS, name), row) != NULL;
    return 0;
}

nw_data *specs_open_data(struct tool *tool, const char *part, const char *spec)
{
    const char *full = specs_with(tool, part, spec);

    if (!specs_has(full, "cache") && specs_takes(tool, full, "cache"))
        full = specs_put(tool, full, "cache", paths_cache(tool));
    detail(tool, "%s: %s", part, full);
    return nw_data_open(tool->nw, full);
}

const char *specs_limits(struct tool *tool)
{
    const char *all = NULL;

    for (int i = 0; i < tool->opt.limit.n; i++)
        all = pool_printf(&tool->pool, "%s%s%s", all ? all : "", all ? ", " : "",
                          tool->opt.limit.item[i]);
    return all;
}

/* With shared weights the validation data is a training set too: of the architecture. */
double specs_valid(struct tool *tool, const char *estimator)
{
    if (tool->opt.given[options_find("valid", strlen("valid"))])
        return tool->opt.valid;
    return strcmp(specs_name(tool, estimator), "supernet") ? 0.1 : 0.5;
}

int specs_join(struct tool *tool, int first, const char **out)
{
    *out = tool->arg[first];
    for (int i = first + 1; i < tool->n_arg; i++) {
        const char *word = tool->arg[i], *equal = strchr(word, '=');

        if (!equal && !strcmp(*out, "genotype"))
            *out = specs_put(tool, *out, "file", word);
        else if (!equal || equal == word)
            return usage(tool, "%s: \"%s\" is not key=value", tool->arg[first], word);
        else
            *out = specs_put(tool, *out,
                             pool_copy(&tool->pool, word, (size_t)(equal - word)),
                             equal + 1);
    }
    return EXIT_OK;
}

static nw_space *open_space(struct tool *tool, const char *spec, const int input[3],
                            int classes, int is_net)
{
    const char *full = specs_with(tool, "space", spec);
    nw_space *space;

    detail(tool, "space: %s", full);
    space = is_net ? nw_space_open_net(tool->nw, full, input, classes)
                   : nw_space_open(tool->nw, full, input, classes);
    return nw_space_seal(space) < 0 ? NULL : space;
}

nw_space *specs_open_space(struct tool *tool, const char *spec, const nw_data *data)
{
    int input[3];

    nw_data_shape(data, input);
    return open_space(tool, spec, input, nw_data_classes(data), 0);
}

static int read_input(struct tool *tool, int input[3])
{
    const char *text = tool->opt.input;
    char more;

    if (text &&
        (sscanf(text, "%dx%dx%d%c", &input[0], &input[1], &input[2], &more) != 3 ||
         input[0] < 1 || input[1] < 1 || input[2] < 1))
        return usage(tool, "--input: \"%s\" is not CxHxW", text);
    return EXIT_OK;
}

/* Words on the command line that make no network are wrong usage. */
static int refused(struct tool *tool)
{
    nw_status status = nw_errstatus(tool->nw);
    int code = failed(tool, status);

    return status == NW_ENOMEM || status == NW_EIO ? code : EXIT_USAGE;
}

int specs_open_net(struct tool *tool, const char *spec, int is_net, nw_space **out)
{
    int input[3] = {0}, code = specs_check(tool, "space|data"), classes;
    nw_data *data;

    if (!code)
        code = read_input(tool, input);
    if (code)
        return code;
    classes = tool->opt.classes;
    if (tool->opt.data) {
        data = specs_open_data(tool, "data", tool->opt.data);
        if (!data)
            return failed(tool, NW_EINVAL);
        nw_data_shape(data, input);
        classes = nw_data_classes(data);
    }
    *out = open_space(tool, spec, input, classes, is_net);
    return *out ? EXIT_OK : refused(tool);
}
