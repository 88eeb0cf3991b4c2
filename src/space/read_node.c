/*
 * read_node.c - the nodes of a space file.
 *
 *   node   = spec                                     of the node before
 *          | {op: spec, from: nodes, repeat: n}
 *          | {one_of: options, label: name, from: nodes}
 *          | {some_of: options, k: n, label: name, from: nodes}
 *          | {block: name, from: nodes, with: {name: value}, repeat: n}
 *          | {from: node}                             that node
 *   option = node | name of a node
 */
#include "read.h"

#include <stdio.h>
#include <string.h>

enum { MOST_INPUTS = 64, DEEPEST = 16 };

/* What a node or an option takes. */
struct inputs {
    int n;
    nw_ref ref[MOST_INPUTS];
};

static nw_ref node_at(nw_reader *r, nw_scope *scope, const nw_yaml *at, const char *name,
                      const struct inputs *in);

static int read_from(nw_reader *r, const nw_scope *scope, const nw_yaml *map,
                     const struct inputs *before, struct inputs *out)
{
    const nw_yaml *from = nw_yaml_get(map, "from");

    if (!from) {
        *out = *before;
        return 1;
    }
    if (from->kind != NW_YAML_LIST) {
        out->n = 1;
        out->ref[0] = nw_read_node_named(r, scope, from);
        return out->ref[0] >= 0;
    }
    if (!from->n || from->n > MOST_INPUTS) {
        nw_read_fail(r, from, "from names 1 to %d nodes", MOST_INPUTS);
        return 0;
    }
    out->n = from->n;
    for (int i = 0; i < from->n; i++) {
        out->ref[i] = nw_read_node_named(r, scope, from->item[i]);
        if (out->ref[i] < 0)
            return 0;
    }
    return 1;
}

static int read_rounds(nw_reader *r, const nw_scope *scope, const nw_yaml *map,
                       int *rounds)
{
    const nw_yaml *repeat = nw_yaml_get(map, "repeat");

    *rounds = 1;
    if (repeat && !nw_read_int(r, scope->let, repeat, rounds))
        return 0;
    if (*rounds < 1 || *rounds > NW_MOST_ROUNDS) {
        nw_read_fail(r, repeat, "repeat is 1 to %d", NW_MOST_ROUNDS);
        return 0;
    }
    return 1;
}

/* ---- Ops ------------------------------------------------------------------------ */

/* A single op has the node's name as its module; ops of a chain are numbered in it. */
static nw_ref apply_spec(nw_reader *r, const nw_yaml *at, const char *spec,
                         const char *name, const struct inputs *in)
{
    char named[2 * NW_TEXT_SIZE], has[NW_TEXT_SIZE];
    nw_ref ref;

    nw_read_at(r, at);
    if (r->space->n_place > NW_MOST_PLACES)
        return nw_read_fail(r, at, "more than %d ops", NW_MOST_PLACES);
    if (!strpbrk(spec, "|(,") && strlen(spec) + strlen(name) + 10 < sizeof(named) &&
        !nw_spec_cut(spec, "name", has, sizeof(has), NULL)) {
        snprintf(named, sizeof(named), "%s name=%s", spec, name);
        return nw_op_n(r->space, named, (size_t)in->n, in->ref);
    }
    nw_enter(r->space, "%s", name);
    ref = nw_op_n(r->space, spec, (size_t)in->n, in->ref);
    nw_leave(r->space);
    return ref;
}

/* One round of a repeated node: $i is its number, and the module's name says it too. */
static int begin_round(nw_reader *r, const nw_scope *scope, int i, nw_scope *inner)
{
    *inner = *scope;
    inner->let = nw_read_let_int(r, scope->let, "i", i);
    return inner->let != NULL;
}

static nw_ref read_op(nw_reader *r, nw_scope *scope, const nw_yaml *map, const char *name,
                      struct inputs *in)
{
    static const char *const keys[] = {"op", "from", "repeat", NULL};
    const nw_yaml *op = nw_yaml_get(map, "op");
    int rounds;

    if (!nw_read_keys(r, map, "a node with op:", keys) ||
        !read_rounds(r, scope, map, &rounds))
        return -1;
    for (int i = 0; i < rounds; i++) {
        nw_scope inner = *scope;
        const char *spec;
        char number[16];

        if (rounds > 1 && !begin_round(r, scope, i, &inner))
            return -1;
        spec = nw_read_text(r, inner.let, op);
        if (!spec)
            return -1;
        snprintf(number, sizeof(number), "%d", i);
        if (rounds > 1)
            nw_enter(r->space, "%s", name);
        in->ref[0] = apply_spec(r, op, spec, rounds > 1 ? number : name, in);
        if (rounds > 1)
            nw_leave(r->space);
        in->n = 1;
        if (in->ref[0] < 0)
            return -1;
    }
    return in->ref[0];
}

/* ---- Choices -------------------------------------------------------------------- */

static int is_op(const char *word)
{
    for (int i = 0; nw_ops_f32[i]; i++)
        if (!strcmp(nw_ops_f32[i]->name, word))
            return 1;
    return 0;
}

/* An option that is only a word is a node, if there is one of that name. */
static nw_ref read_option(nw_reader *r, nw_scope *scope, const nw_yaml *at,
                          const char *name, const struct inputs *in)
{
    const char *text = at->kind == NW_YAML_TEXT ? nw_read_text(r, scope->let, at) : NULL;

    if (r->space->status < 0)
        return -1;
    for (const nw_named *node = scope->nodes; text && node; node = node->older) {
        if (strcmp(node->name, text))
            continue;
        if (is_op(text))
            return nw_read_fail(
                r, at, "\"%s\" is both a node and an op: write {from: %s} or {op: %s}",
                text, text, text);
        return node->ref;
    }
    if (text && !is_op(text) && !strpbrk(text, " |(=")) {
        nw_yaml word = {
            .kind = NW_YAML_TEXT, .text = text, .line = at->line, .column = at->column};

        return nw_read_node_named(r, scope, &word); /* fails, and says what is near */
    }
    return node_at(r, scope, at, name, in);
}

/* Names of options are for people: the keys, or the words of the options. */
static void name_options(nw_reader *r, const nw_scope *scope, const char *label,
                         const nw_yaml *options)
{
    for (int i = 0; i < options->n && r->space->status >= 0; i++) {
        const nw_yaml *at =
            options->kind == NW_YAML_MAP ? options->key[i] : options->item[i];
        const char *text =
            at->kind == NW_YAML_TEXT ? nw_read_text(r, scope->let, at) : NULL;

        if (text)
            nw_option_name(r->space, label, i, text);
    }
}

static int read_options(nw_reader *r, nw_scope *scope, const nw_yaml *options,
                        const char *name, const struct inputs *in, nw_ref *option)
{
    int ok = 1;

    if (options->kind == NW_YAML_TEXT || !options->n || options->n > NW_MOST_OPTIONS) {
        nw_read_fail(r, options, "options are a list, or a map of names and options");
        return 0;
    }
    nw_enter(r->space, "%s", name);
    for (int i = 0; ok && i < options->n; i++) {
        char number[16];
        const nw_yaml *key = options->kind == NW_YAML_MAP ? options->key[i] : NULL;

        snprintf(number, sizeof(number), "%d", i);
        ok = !key || nw_read_is_word(r, key);
        option[i] =
            ok ? read_option(r, scope, options->item[i], key ? key->text : number, in)
               : -1;
        ok = option[i] >= 0;
    }
    nw_leave(r->space);
    return ok;
}

static nw_ref place_choice(nw_reader *r, const nw_scope *scope, const nw_yaml *map,
                           const nw_yaml *options, const nw_ref *option)
{
    const nw_yaml *label_at = nw_yaml_get(map, "label"), *k_at = nw_yaml_get(map, "k");
    const char *label = label_at ? nw_read_text(r, scope->let, label_at) : NULL;
    size_t n = (size_t)options->n;
    int k = 1;
    nw_ref ref;

    if ((label_at && !label) || (k_at && !nw_read_int(r, scope->let, k_at, &k)))
        return -1;
    nw_read_at(r, label_at ? label_at : map);
    ref = nw_yaml_get(map, "one_of") ? nw_one_of_n(r->space, label, n, option)
                                     : nw_some_of_n(r->space, label, k, n, option);
    if (ref >= 0)
        name_options(r, scope, r->space->choice[r->space->place[ref].choice].name,
                     options);
    return r->space->status < 0 ? -1 : ref;
}

static nw_ref read_choice(nw_reader *r, nw_scope *scope, const nw_yaml *map,
                          const char *name, const struct inputs *in)
{
    static const char *const one[] = {"one_of", "label", "from", NULL};
    static const char *const some[] = {"some_of", "k", "label", "from", NULL};
    const nw_yaml *options = nw_yaml_get(map, "one_of");
    nw_ref *option, ref;

    if (!nw_read_keys(r, map, options ? "one_of" : "some_of", options ? one : some))
        return -1;
    options = options ? options : nw_yaml_get(map, "some_of");
    option = nw_alloc(r->space->ctx, ((size_t)options->n + 1) * sizeof(*option));
    if (!option)
        return nw_space_pass_on(r->space);
    ref = read_options(r, scope, options, name, in, option)
              ? place_choice(r, scope, map, options, option)
              : -1;
    nw_release(r->space->ctx, option);
    return ref;
}

/* ---- Blocks --------------------------------------------------------------------- */

static const nw_yaml *find_block(nw_reader *r, const nw_scope *scope, const nw_yaml *at)
{
    static const char *const keys[] = {"in", "let", "nodes", "output", NULL};
    const char *name = nw_read_text(r, scope->let, at), *names[256], *near;
    const nw_yaml *block = r->blocks && name ? nw_yaml_get(r->blocks, name) : NULL;
    size_t n = 0;

    if (block)
        return nw_read_keys(r, block, "a block", keys) ? block : NULL;
    for (int i = 0; r->blocks && i < r->blocks->n && n < 256; i++)
        names[n++] = r->blocks->kind == NW_YAML_MAP ? r->blocks->key[i]->text : "";
    near = name ? nw_near(name, names, n) : NULL;
    nw_read_fail(r, at, "there is no block \"%.60s\"%s%.60s%s", name ? name : "",
                 near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    return NULL;
}

/* The block's inputs under the names that it gives them. */
static int bind_inputs(nw_reader *r, const nw_yaml *map, const nw_yaml *block,
                       const struct inputs *in, nw_scope *inner)
{
    static const nw_yaml plain = {.text = "x"};
    const nw_yaml *names = nw_yaml_get(block, "in");
    int n = names && names->kind == NW_YAML_LIST ? names->n : 1;

    if (in->n != n) {
        nw_read_fail(r, map, "the block takes %d input%s, not %d", n, n == 1 ? "" : "s",
                     in->n);
        return 0;
    }
    for (int i = n - 1; i >= 0; i--) { /* the first is then the node before */
        const nw_yaml *key = !names                        ? &plain
                             : names->kind == NW_YAML_LIST ? names->item[i]
                                                           : names;

        if (key->kind != NW_YAML_TEXT) {
            nw_read_fail(r, key, "in is a list of names");
            return 0;
        }
        if (!nw_read_add_node(r, inner, key, in->ref[i]))
            return 0;
    }
    return 1;
}

/* Names of the block's let; those in with: have the value that they are given there, in
 * words of the place where the block is used. */
static int bind_lets(nw_reader *r, const nw_scope *outer, const nw_yaml *map,
                     const nw_yaml *block, nw_scope *inner)
{
    static const nw_yaml nothing = {.kind = NW_YAML_MAP};
    const nw_yaml *let = nw_yaml_get(block, "let"), *with = nw_yaml_get(map, "with");
    const char *keys[65] = {NULL};

    let = let ? let : &nothing;
    with = with ? with : &nothing;
    for (int i = 0; let->kind == NW_YAML_MAP && i < let->n && i < 64; i++)
        keys[i] = let->key[i]->text;
    if (!nw_read_keys(r, with, "with", keys))
        return 0;
    if (let->kind != NW_YAML_MAP || let->n > 64) {
        nw_read_fail(r, let, "let is a map of at most 64 names and values");
        return 0;
    }
    for (int i = 0; i < let->n; i++) {
        const nw_yaml *given = nw_yaml_get(with, let->key[i]->text);
        const char *text = given ? nw_read_text(r, outer->let, given)
                                 : nw_read_text(r, inner->let, let->item[i]);

        inner->let = text ? nw_read_let(r, inner->let, let->key[i], text) : NULL;
        if (!inner->let)
            return 0;
    }
    return 1;
}

static nw_ref run_block(nw_reader *r, const nw_scope *outer, const nw_yaml *map,
                        const nw_yaml *block, const struct inputs *in)
{
    nw_scope inner = {.let = outer->let, .depth = outer->depth + 1};
    const nw_yaml *nodes = nw_yaml_get(block, "nodes"),
                  *output = nw_yaml_get(block, "output");

    if (inner.depth > DEEPEST)
        return nw_read_fail(r, map, "blocks nest deeper than %d", DEEPEST);
    if (!nodes)
        return nw_read_fail(r, block, "the block has no nodes");
    if (!bind_inputs(r, map, block, in, &inner) ||
        !bind_lets(r, outer, map, block, &inner) || !nw_read_nodes(r, &inner, nodes))
        return -1;
    return output ? nw_read_node_named(r, &inner, output) : inner.last;
}

/* A repeated block takes what the one before took without the first, and its output. */
static void shift(struct inputs *in, nw_ref out)
{
    memmove(in->ref, in->ref + 1, (size_t)(in->n - 1) * sizeof(*in->ref));
    in->ref[in->n - 1] = out;
}

static nw_ref read_block(nw_reader *r, nw_scope *scope, const nw_yaml *map,
                         const char *name, struct inputs *in)
{
    static const char *const keys[] = {"block", "from", "with", "repeat", NULL};
    const nw_yaml *block;
    nw_ref out = -1;
    int rounds;

    if (!nw_read_keys(r, map, "a node with block:", keys) ||
        !(block = find_block(r, scope, nw_yaml_get(map, "block"))) ||
        !read_rounds(r, scope, map, &rounds))
        return -1;
    for (int i = 0; i < rounds; i++) {
        nw_scope round = *scope;

        if (nw_yaml_get(map, "repeat") && !begin_round(r, scope, i, &round))
            return -1;
        if (nw_yaml_get(map, "repeat"))
            nw_enter(r->space, "%s.%d", name, i);
        else
            nw_enter(r->space, "%s", name);
        out = run_block(r, &round, map, block, in);
        nw_leave(r->space);
        if (out < 0)
            return -1;
        shift(in, out);
    }
    return out;
}

/* ---- Nodes ---------------------------------------------------------------------- */

static nw_ref node_at(nw_reader *r, nw_scope *scope, const nw_yaml *at, const char *name,
                      const struct inputs *before)
{
    static const char *const keys[] = {"op",    "one_of", "some_of", "block",  "from",
                                       "label", "k",      "with",    "repeat", NULL};
    struct inputs in;

    if (at->kind == NW_YAML_TEXT) {
        const char *spec = nw_read_text(r, scope->let, at);

        return spec ? apply_spec(r, at, spec, name, before) : -1;
    }
    if (!nw_read_keys(r, at, "a node", keys) || !read_from(r, scope, at, before, &in))
        return -1;
    if (nw_yaml_get(at, "op"))
        return read_op(r, scope, at, name, &in);
    if (nw_yaml_get(at, "one_of") || nw_yaml_get(at, "some_of"))
        return read_choice(r, scope, at, name, &in);
    if (nw_yaml_get(at, "block"))
        return read_block(r, scope, at, name, &in);
    if (at->n == 1 && in.n == 1 && nw_yaml_get(at, "from"))
        return in.ref[0];
    return nw_read_fail(r, at, "a node has op:, one_of:, some_of: or block:");
}

int nw_read_nodes(nw_reader *r, nw_scope *scope, const nw_yaml *map)
{
    if (map->kind != NW_YAML_MAP) {
        nw_read_fail(r, map, "nodes is a map of names and nodes");
        return 0;
    }
    for (int i = 0; i < map->n; i++) {
        struct inputs before = {.n = 1, .ref = {scope->last}};
        nw_ref ref;

        if (!nw_read_is_word(r, map->key[i]))
            return 0;
        ref = node_at(r, scope, map->item[i], map->key[i]->text, &before);
        if (ref < 0 || !nw_read_add_node(r, scope, map->key[i], ref))
            return 0;
    }
    return 1;
}
