/*
 * read_space.c - a space from a YAML file; docs/howto/write-a-space.md says how one
 * looks.
 *
 * The text becomes a tree with positions, and the tree drives the same builder that C
 * programs call, so that both give the same spaces.
 */
#include "read.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_TEXT = 4096 };

/* ---- For both parts of the reader --------------------------------------------- */

void nw_read_at(nw_reader *r, const nw_yaml *at)
{
    snprintf(r->space->where, sizeof(r->space->where), "%.200s:%d:%d", r->file, at->line,
             at->column);
}

nw_ref nw_read_fail(nw_reader *r, const nw_yaml *at, const char *format, ...)
{
    char words[500];
    va_list list;

    va_start(list, format);
    vsnprintf(words, sizeof(words), format, list);
    va_end(list);
    nw_read_at(r, at);
    return nw_space_fail(r->space, NW_EFORMAT, "%s", words);
}

int nw_read_keys(nw_reader *r, const nw_yaml *map, const char *what,
                 const char *const *keys)
{
    size_t n = 0;

    if (map->kind != NW_YAML_MAP) {
        nw_read_fail(r, map, "%s is a map of keys and values", what);
        return 0;
    }
    while (keys[n])
        n++;
    for (int i = 0; i < map->n; i++) {
        const char *key = map->key[i]->text, *near;
        size_t k = 0;

        while (k < n && strcmp(keys[k], key))
            k++;
        if (k < n)
            continue;
        near = nw_near(key, keys, n);
        nw_read_fail(r, map->key[i], "%s has no key \"%.60s\"%s%s%s", what, key,
                     near ? " (did you mean \"" : "", near ? near : "",
                     near ? "\"?)" : "");
        return 0;
    }
    return 1;
}

const char *nw_read_text(nw_reader *r, const nw_let *let, const nw_yaml *at)
{
    char why[256];
    const char *copy = NULL;
    nw_text text;

    if (at->kind != NW_YAML_TEXT) {
        nw_read_fail(r, at, "a text is wanted, not a list or a map");
        return NULL;
    }
    nw_text_init(&text, r->space->ctx);
    if (!nw_expand(let, at->text, &text, why))
        nw_read_fail(r, at, "%s", why);
    else if (text.length > LONGEST_TEXT)
        nw_read_fail(r, at, "a text is longer than %d", LONGEST_TEXT);
    else if (!text.failed)
        copy = nw_arena_dupn(&r->arena, text.data, text.length);
    if (!copy)
        nw_space_pass_on(r->space); /* unless it failed already */
    nw_text_free(&text);
    return copy;
}

int nw_read_int(nw_reader *r, const nw_let *let, const nw_yaml *at, int *value)
{
    const char *text = nw_read_text(r, let, at);
    char why[256];
    long wide = 0;

    if (!text)
        return 0;
    if (!nw_expr(NULL, text, &wide, why)) {
        nw_read_fail(r, at, "\"%.60s\" is not a whole number", text);
        return 0;
    }
    *value = (int)wide;
    return 1;
}

int nw_read_is_word(nw_reader *r, const nw_yaml *at)
{
    const char *c = at->text;

    if (isalpha((unsigned char)*c) || *c == '_')
        while (isalnum((unsigned char)*c) || *c == '_')
            c++;
    if (!*c && strlen(at->text) < 64)
        return 1;
    nw_read_fail(r, at, "\"%.60s\": a name has letters, digits and _, at most 63",
                 at->text);
    return 0;
}

static nw_let *add_let(nw_reader *r, const nw_let *outer, const char *name,
                       const char *text)
{
    nw_let *let = nw_arena_get(&r->arena, sizeof(*let));

    if (!let)
        nw_space_pass_on(r->space);
    else
        *let = (nw_let){.outer = outer, .name = name, .text = text};
    return let;
}

const nw_let *nw_read_let(nw_reader *r, const nw_let *outer, const nw_yaml *key,
                          const char *text)
{
    return nw_read_is_word(r, key) ? add_let(r, outer, key->text, text) : NULL;
}

const nw_let *nw_read_let_int(nw_reader *r, const nw_let *outer, const char *name,
                              int value)
{
    char number[24];
    const char *copy;

    snprintf(number, sizeof(number), "%d", value);
    copy = nw_arena_dup(&r->arena, number);
    if (!copy)
        nw_space_pass_on(r->space);
    return copy ? add_let(r, outer, name, copy) : NULL;
}

int nw_read_add_node(nw_reader *r, nw_scope *scope, const nw_yaml *key, nw_ref ref)
{
    nw_named *named;

    if (!nw_read_is_word(r, key))
        return 0;
    for (const nw_named *old = scope->nodes; old; old = old->older)
        if (!strcmp(old->name, key->text)) {
            nw_read_fail(r, key, "there is a node \"%.60s\" already", key->text);
            return 0;
        }
    named = nw_arena_get(&r->arena, sizeof(*named));
    if (!named) {
        nw_space_pass_on(r->space);
        return 0;
    }
    *named = (nw_named){scope->nodes, key->text, ref};
    scope->nodes = named;
    scope->last = ref;
    return 1;
}

nw_ref nw_read_node_named(nw_reader *r, const nw_scope *scope, const nw_yaml *at)
{
    const char *name = nw_read_text(r, scope->let, at), *names[256], *near;
    size_t n = 0;

    if (!name)
        return -1;
    for (const nw_named *node = scope->nodes; node; node = node->older) {
        if (!strcmp(node->name, name))
            return node->ref;
        if (n < 256)
            names[n++] = node->name;
    }
    near = nw_near(name, names, n);
    return nw_read_fail(r, at, "there is no node \"%.60s\" before this%s%.60s%s", name,
                        near ? " (did you mean \"" : "", near ? near : "",
                        near ? "\"?)" : "");
}

/* ---- The whole ------------------------------------------------------------------ */

static int three(nw_reader *r, const nw_yaml *list, int out[3])
{
    if (list->kind != NW_YAML_LIST || list->n != 3) {
        nw_read_fail(r, list,
                     "input is [channels, height, width], \"data\", or "
                     "{data: [channels, height, width]}");
        return 0;
    }
    for (int i = 0; i < 3; i++)
        if (!nw_read_int(r, NULL, list->item[i], &out[i]))
            return 0;
    return 1;
}

/* "data" = what the data has; {data: x} = the same, x without data; x = x. */
static const nw_yaml *of_data(const nw_yaml *node, int *may_be_data)
{
    *may_be_data = !node || (node->kind == NW_YAML_TEXT && !strcmp(node->text, "data"));
    if (*may_be_data)
        return NULL;
    if (node->kind == NW_YAML_MAP && nw_yaml_get(node, "data")) {
        *may_be_data = 1;
        return nw_yaml_get(node, "data");
    }
    return node;
}

static int read_input(nw_reader *r, const nw_yaml *root, const int data[3], int shape[3])
{
    const nw_yaml *node = nw_yaml_get(root, "input");
    int free = 0, has_data = data && data[0];
    const nw_yaml *given = of_data(node, &free);

    if (given && !three(r, given, shape))
        return 0;
    if (!given && !has_data) {
        nw_read_fail(r, node ? node : root,
                     "the input's shape is not known: write input: [3, 32, 32]");
        return 0;
    }
    if (has_data && given && !free && memcmp(data, shape, 3 * sizeof(int))) {
        nw_read_fail(r, node, "the input is %dx%dx%d but the data is %dx%dx%d", shape[0],
                     shape[1], shape[2], data[0], data[1], data[2]);
        return 0;
    }
    if (has_data)
        memcpy(shape, data, 3 * sizeof(int));
    return 1;
}

static int read_classes(nw_reader *r, const nw_yaml *root, int data, int *classes)
{
    const nw_yaml *node = nw_yaml_get(root, "classes");
    int free = 0;
    const nw_yaml *given = of_data(node, &free);

    *classes = 0;
    if (given && !nw_read_int(r, NULL, given, classes))
        return 0;
    if (data && given && !free && data != *classes) {
        nw_read_fail(r, node, "there are %d classes here but %d in the data", *classes,
                     data);
        return 0;
    }
    *classes = data ? data : *classes;
    return 1;
}

/* let: constants and, as {int_of: [8, 16]}, numbers that are searched for. */
static int read_number_choice(nw_reader *r, const nw_yaml *key, const nw_yaml *map,
                              nw_scope *scope)
{
    static const char *const keys[] = {"int_of", NULL};
    const nw_yaml *list = nw_yaml_get(map, "int_of");
    int value[NW_MOST_OPTIONS];
    nw_let *let;

    if (!nw_read_keys(r, map, "a number", keys))
        return 0;
    if (!list || list->kind != NW_YAML_LIST || list->n > NW_MOST_OPTIONS) {
        nw_read_fail(r, map, "int_of is a list of whole numbers");
        return 0;
    }
    for (int i = 0; i < list->n; i++)
        if (!nw_read_int(r, scope->let, list->item[i], &value[i]))
            return 0;
    nw_read_at(r, key);
    if (nw_int_of(r->space, key->text, (size_t)list->n, value) < 0)
        return 0;
    let = add_let(r, scope->let, key->text, ""); /* nw_int_of() checked the name */
    if (let)
        let->is_choice = 1;
    scope->let = let;
    return let != NULL;
}

static int read_let(nw_reader *r, const nw_yaml *map, nw_scope *scope)
{
    if (!map)
        return 1;
    if (map->kind != NW_YAML_MAP) {
        nw_read_fail(r, map, "let is a map of names and values");
        return 0;
    }
    for (int i = 0; i < map->n; i++) {
        const char *text;

        if (map->item[i]->kind == NW_YAML_MAP) {
            if (!read_number_choice(r, map->key[i], map->item[i], scope))
                return 0;
            continue;
        }
        text = nw_read_text(r, scope->let, map->item[i]);
        scope->let = text ? nw_read_let(r, scope->let, map->key[i], text) : NULL;
        if (!scope->let)
            return 0;
    }
    return 1;
}

/* none: an option's number or its name */
static int read_none(nw_reader *r, const nw_scope *scope, const nw_yaml *at,
                     const char *choice, int *none)
{
    const char *text = nw_read_text(r, scope->let, at);
    int c = nw_choice_find(r->space, choice);

    for (int i = 0; text && c >= 0 && i < r->space->choice[c].n; i++)
        if (!strcmp(r->space->choice[c].option_name[i], text)) {
            *none = i;
            return 1;
        }
    return text && nw_read_int(r, scope->let, at, none);
}

static int read_rule(nw_reader *r, const nw_scope *scope, const nw_yaml *map)
{
    static const char *const keys[] = {"k", "none", "of", NULL};
    const nw_yaml *k, *none, *of;
    const char *name[NW_MOST_KEPT];
    int k_value, none_value;

    if (!nw_read_keys(r, map, "a rule of keep", keys))
        return 0;
    k = nw_yaml_get(map, "k");
    none = nw_yaml_get(map, "none");
    of = nw_yaml_get(map, "of");
    if (!k || !none || !of || of->kind != NW_YAML_LIST || !of->n ||
        of->n > NW_MOST_KEPT) {
        nw_read_fail(r, map, "a rule of keep is {k: 2, none: 0, of: [labels]}");
        return 0;
    }
    for (int i = 0; i < of->n; i++)
        if (!(name[i] = nw_read_text(r, scope->let, of->item[i])))
            return 0;
    if (!nw_read_int(r, scope->let, k, &k_value) ||
        !read_none(r, scope, none, name[0], &none_value))
        return 0;
    nw_read_at(r, map);
    return nw_keep(r->space, k_value, none_value, (size_t)of->n, name) >= 0;
}

static int read_keep(nw_reader *r, const nw_scope *scope, const nw_yaml *list)
{
    if (list && list->kind != NW_YAML_LIST) {
        nw_read_fail(r, list, "keep is a list of rules");
        return 0;
    }
    for (int i = 0; list && i < list->n; i++)
        if (!read_rule(r, scope, list->item[i]))
            return 0;
    return 1;
}

static int read_aux(nw_reader *r, const nw_scope *scope, const nw_yaml *map)
{
    static const char *const keys[] = {"from", "weight", NULL};
    const nw_yaml *from, *weight;
    char *end = NULL;
    double value;
    nw_ref ref;

    if (!map)
        return 1;
    if (!nw_read_keys(r, map, "aux", keys))
        return 0;
    from = nw_yaml_get(map, "from");
    weight = nw_yaml_get(map, "weight");
    value = weight && weight->kind == NW_YAML_TEXT ? strtod(weight->text, &end) : 0;
    if (!from || !end || *end || !isfinite(value) || value <= 0) {
        nw_read_fail(r, map, "aux is {from: node, weight: 0.4}");
        return 0;
    }
    ref = nw_read_node_named(r, scope, from);
    nw_read_at(r, map);
    return ref >= 0 && nw_aux_output(r->space, ref, value) >= 0;
}

static void read_graph(nw_reader *r, const nw_yaml *root, const int input[3], int classes)
{
    static const nw_yaml input_key = {.text = "input"};
    const nw_yaml *nodes = nw_yaml_get(root, "nodes"),
                  *output = nw_yaml_get(root, "output");
    nw_scope scope = {0};
    int shape[3];
    nw_ref ref;

    if (!nodes) {
        nw_read_fail(r, root, "there are no nodes: and no space:");
        return;
    }
    if (!read_input(r, root, input, shape) || !read_classes(r, root, classes, &classes) ||
        (classes && !(scope.let = nw_read_let_int(r, NULL, "classes", classes))) ||
        !read_let(r, nw_yaml_get(root, "let"), &scope))
        return;
    r->blocks = nw_yaml_get(root, "blocks");
    nw_read_at(r, root);
    ref = nw_input(r->space, shape[0], shape[1], shape[2]);
    if (ref < 0 || !nw_read_add_node(r, &scope, &input_key, ref) ||
        !nw_read_nodes(r, &scope, nodes) ||
        !read_keep(r, &scope, nw_yaml_get(root, "keep")) ||
        !read_aux(r, &scope, nw_yaml_get(root, "aux")))
        return;
    ref = output ? nw_read_node_named(r, &scope, output) : scope.last;
    if (ref >= 0)
        nw_output(r->space, ref);
}

static void read_family(nw_reader *r, const nw_yaml *root, const int input[3],
                        int classes)
{
    static const char *const keys[] = {"space", "input", "classes", NULL};
    const nw_yaml *spec = nw_yaml_get(root, "space");
    int has_data = input && input[0], shape[3];
    const char *text;

    if (!nw_read_keys(r, root, "a file with space:", keys) ||
        !read_classes(r, root, classes, &classes) ||
        ((has_data || nw_yaml_get(root, "input")) && !read_input(r, root, input, shape)))
        return;
    has_data |= nw_yaml_get(root, "input") != NULL;
    text = nw_read_text(r, NULL, spec);
    if (!text)
        return;
    nw_read_at(r, spec);
    nw_family_build(r->space, text, has_data ? shape : NULL, classes, NULL);
}

static void read_root(nw_reader *r, const nw_yaml *root, const int input[3], int classes)
{
    static const char *const keys[] = {"input", "classes", "let",    "blocks", "nodes",
                                       "keep",  "aux",     "output", "space",  NULL};

    if (!nw_read_keys(r, root, "a space", keys))
        return;
    if (nw_yaml_get(root, "space"))
        read_family(r, root, input, classes);
    else
        read_graph(r, root, input, classes);
}

nw_space *nw_space_parse(nw_ctx *ctx, const char *text, size_t length, const char *where,
                         const int input[3], int classes)
{
    nw_space *space = nw_space_new(ctx);
    nw_reader r = {.space = space, .file = where};
    nw_yaml *root;

    if (!space)
        return NULL;
    nw_arena_init(&r.arena, ctx);
    root = nw_yaml_parse(&r.arena, text, length, where);
    if (root)
        read_root(&r, root, input, classes);
    else
        nw_space_pass_on(space);
    nw_arena_free(&r.arena);
    if (space->status >= 0)
        return space;
    nw_fail(ctx, space->status, "%s", space->words); /* a builder may have reported it */
    nw_space_free(space);
    return NULL;
}
