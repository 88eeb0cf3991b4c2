#include "yaml.h"

#include <libfyaml.h>
#include <stdio.h>
#include <string.h>

enum { DEEPEST = 40 };

struct reading {
    nw_arena *arena;
    const char *file;
};

static void *fail_at(const struct reading *r, const nw_yaml *at, const char *why)
{
    nw_fail(r->arena->ctx, NW_EFORMAT, "%s:%d:%d: %s", r->file, at->line, at->column,
            why);
    return NULL;
}

/* Where a node starts; lists and maps stand where their first part does. */
static void place(struct fy_node *node, nw_yaml *out)
{
    for (int depth = 0; node && depth < DEEPEST; depth++) {
        void *at = NULL;

        if (fy_node_is_scalar(node)) {
            struct fy_token *token = fy_node_get_scalar_token(node);
            const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

            if (mark) {
                out->line = mark->line + 1;
                out->column = mark->column + 1;
            }
            return;
        }
        if (fy_node_is_mapping(node))
            node = fy_node_pair_key(fy_node_mapping_iterate(node, &at));
        else
            node = fy_node_sequence_iterate(node, &at);
    }
}

static nw_yaml *convert(const struct reading *r, struct fy_node *node,
                        const nw_yaml *above, int depth);

static nw_yaml *convert_text(const struct reading *r, struct fy_node *node, nw_yaml *out)
{
    size_t length = 0;
    const char *text = fy_node_get_scalar(node, &length);

    if (fy_node_is_alias(node))
        return fail_at(r, out,
                       "aliases (*name) are not used here; a block can be shared");
    if (text && memchr(text, 0, length))
        return fail_at(r, out, "a NUL in a text");
    out->text = nw_arena_dupn(r->arena, text ? text : "", length);
    return out->text ? out : NULL;
}

static int make_room(const struct reading *r, nw_yaml *out, int n)
{
    out->n = n < 0 ? 0 : n;
    out->item = nw_arena_get(r->arena, ((size_t)out->n + 1) * sizeof(*out->item));
    out->key = nw_arena_get(r->arena, ((size_t)out->n + 1) * sizeof(*out->key));
    return out->item && out->key;
}

static nw_yaml *convert_list(const struct reading *r, struct fy_node *node, nw_yaml *out,
                             int depth)
{
    void *at = NULL;

    if (!make_room(r, out, fy_node_sequence_item_count(node)))
        return NULL;
    for (int i = 0; i < out->n; i++) {
        out->item[i] = convert(r, fy_node_sequence_iterate(node, &at), out, depth + 1);
        if (!out->item[i])
            return NULL;
    }
    return out;
}

static nw_yaml *convert_map(const struct reading *r, struct fy_node *node, nw_yaml *out,
                            int depth)
{
    void *at = NULL;

    if (!make_room(r, out, fy_node_mapping_item_count(node)))
        return NULL;
    for (int i = 0; i < out->n; i++) {
        struct fy_node_pair *pair = fy_node_mapping_iterate(node, &at);

        out->key[i] = convert(r, fy_node_pair_key(pair), out, depth + 1);
        if (!out->key[i])
            return NULL;
        if (out->key[i]->kind != NW_YAML_TEXT || !*out->key[i]->text)
            return fail_at(r, out->key[i], "a key must be a word");
        out->item[i] = convert(r, fy_node_pair_value(pair), out->key[i], depth + 1);
        if (!out->item[i])
            return NULL;
    }
    return out;
}

static nw_yaml *convert(const struct reading *r, struct fy_node *node,
                        const nw_yaml *above, int depth)
{
    nw_yaml *out = nw_arena_get(r->arena, sizeof(*out));

    if (!out)
        return NULL;
    *out = (nw_yaml){.line = above->line, .column = above->column, .text = ""};
    if (!node)
        return out;
    place(node, out);
    if (depth > DEEPEST)
        return fail_at(r, out, "nested too deeply");
    if (fy_node_is_scalar(node))
        return convert_text(r, node, out);
    out->kind = fy_node_is_mapping(node) ? NW_YAML_MAP : NW_YAML_LIST;
    return out->kind == NW_YAML_MAP ? convert_map(r, node, out, depth)
                                    : convert_list(r, node, out, depth);
}

/* The first thing that the parser had to say. */
static void fail_parse(const struct reading *r, struct fy_diag *diag)
{
    void *at = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);

    if (e)
        nw_fail(r->arena->ctx, NW_EFORMAT, "%s:%d:%d: %s", r->file, e->line, e->column,
                e->msg);
    else
        nw_fail(r->arena->ctx, NW_EFORMAT, "%s:1:1: nothing is in it", r->file);
}

/* Bytes of the UTF-8 character at s, or 0 if none is there; control characters are none.
 */
static size_t character(const unsigned char *s, size_t left)
{
    size_t n = *s < 0x80 ? 1 : *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;

    if (n == 1)
        return (*s >= ' ' && *s != 127) || *s == '\n' || *s == '\t' || *s == '\r';
    if (n > left || *s < 0xc2 || *s > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* libfyaml 0.7 does not return from some texts that are not UTF-8, or that have
 * directives: nothing of either sort reaches it. 0 after a failure. */
static int is_plain(const struct reading *r, const char *text, size_t length)
{
    nw_yaml at = {.line = 1, .column = 1};

    for (size_t i = 0, n; i < length; i += n) {
        n = character((const unsigned char *)text + i, length - i);
        if (!n)
            return fail_at(r, &at, "this is not UTF-8 text") != NULL;
        if (text[i] == '%' && at.column == 1)
            return fail_at(r, &at, "directives (%) are not used here") != NULL;
        at.line += text[i] == '\n';
        at.column = text[i] == '\n' ? 1 : at.column + 1;
    }
    return 1;
}

nw_yaml *nw_yaml_parse(nw_arena *arena, const char *text, size_t length, const char *file)
{
    struct reading r = {arena, file};
    struct fy_diag_cfg diag_cfg;
    struct fy_diag *diag;
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG};
    struct fy_document *doc;
    nw_yaml *root = NULL, top = {.line = 1, .column = 1};

    if (!is_plain(&r, text, length))
        return NULL;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag = fy_diag_create(&diag_cfg);
    if (!diag) {
        nw_fail(arena->ctx, NW_ENOMEM, "out of memory");
        return NULL;
    }
    fy_diag_set_collect_errors(diag, true);
    cfg.diag = diag;
    doc = fy_document_build_from_string(&cfg, text, length);
    if (doc && fy_document_root(doc))
        root = convert(&r, fy_document_root(doc), &top, 0);
    else
        fail_parse(&r, diag);
    fy_document_destroy(doc);
    fy_diag_destroy(diag);
    return root;
}

nw_yaml *nw_yaml_get(const nw_yaml *map, const char *key)
{
    for (int i = 0; map->kind == NW_YAML_MAP && i < map->n; i++)
        if (!strcmp(map->key[i]->text, key))
            return map->item[i];
    return NULL;
}
