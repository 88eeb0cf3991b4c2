/* genotype_file.c - reading and writing cells as JSON; the form is in genotype_file.h. */
#include "genotype_file.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Reading ------------------------------------------------------------------------
 */

struct reader {
    nw_ctx *ctx;
    const char *where; /* of the text                         */
    char place[80];    /* within it: "cells.normal.blocks[2]" */
    const nw_skeleton *skeleton;
    int oldest_first;
    const char *none; /* name of the op that none is, or NULL */
};

static nw_status fail(const struct reader *r, const char *format, ...)
{
    char words[300];
    va_list list;

    va_start(list, format);
    vsnprintf(words, sizeof(words), format, list);
    va_end(list);
    return nw_fail(r->ctx, NW_EFORMAT, "%s: %s%s%s", r->where, r->place,
                   *r->place ? ": " : "", words);
}

/* No key but those of the list, which ends at NULL. */
static nw_status check_keys(const struct reader *r, json_t *object,
                            const char *const *known)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return fail(r, "must be an object {\"%s\": ...}", known[0]);
    json_object_foreach(object, key, value)
    {
        int i = 0;

        while (known[i] && strcmp(known[i], key))
            i++;
        if (!known[i])
            return fail(r, "there is no key \"%.40s\"", key);
    }
    return NW_OK;
}

/* Which of two words the key says: 0, 1, or -1 when it is not there. */
static nw_status either(const struct reader *r, const json_t *root, const char *key,
                        const char *first, const char *second, int *out)
{
    const json_t *value = json_object_get(root, key);
    const char *word = json_string_value(value);

    *out = -1;
    if (!value)
        return NW_OK;
    if (!word || (strcmp(word, first) && strcmp(word, second)))
        return fail(r, "\"%s\" must be \"%s\" or \"%s\"", key, first, second);
    *out = strcmp(word, first) != 0;
    return NW_OK;
}

static nw_status find_skeleton(struct reader *r, const char *name)
{
    char all[200] = "";

    for (r->skeleton = nw_skeletons; r->skeleton->name; r->skeleton++) {
        if (name && !strcmp(r->skeleton->name, name))
            return NW_OK;
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", *all ? ", " : "",
                 r->skeleton->name);
    }
    return name ? fail(r, "\"network\" is %.40s, not one of %s", name, all)
                : fail(r, "\"network\" must be one of %s", all);
}

static nw_status read_head(struct reader *r, const json_t *root)
{
    int zero;

    NW_TRY(find_skeleton(r, json_string_value(json_object_get(root, "network"))));
    NW_TRY(either(r, root, "order", "newest first", "oldest first", &r->oldest_first));
    if (r->oldest_first < 0)
        return fail(r, "\"order\" must say \"newest first\" or \"oldest first\": which "
                       "input of a cell is 0");
    NW_TRY(either(r, root, "none", "identity", "zero", &zero));
    if (zero >= 0)
        r->none = zero ? r->skeleton->zero : r->skeleton->identity;
    return zero >= 0 && !r->none
               ? fail(r, "cells of %s have no op that is zero", r->skeleton->name)
               : NW_OK;
}

static nw_status read_op(const struct reader *r, const json_t *item, const char **out)
{
    const char *word = json_string_value(item);

    if (!word)
        return fail(r, "a block is [op, input, op, input]");
    if (!strcmp(word, "none")) {
        *out = r->none;
        return *out ? NW_OK
                    : fail(r, "an op is none: \"none\" must say at the top whether that "
                              "is \"identity\" or \"zero\"");
    }
    *out = r->skeleton->op_named(word);
    return *out ? NW_OK
                : fail(r, "cells of %s have no op \"%.40s\"", r->skeleton->name, word);
}

/* A state below `n`, as it is written: newest first or oldest first. */
static nw_status read_state(const struct reader *r, const json_t *item, int n, int *out)
{
    const json_int_t value = json_integer_value(item);

    if (!json_is_integer(item))
        return fail(r, "a state must be a number from 0 to %d", n - 1);
    if (value < 0 || value >= n)
        return fail(r, "state %lld: must be from 0 to %d", (long long)value, n - 1);
    *out = (int)(value < 2 && r->oldest_first ? 1 - value : value);
    return NW_OK;
}

static nw_status read_combiner(const struct reader *r, const json_t *item, int *concat)
{
    const char *word = json_string_value(item);

    *concat = word && !strcmp(word, "concat");
    if (item && (!word || (!*concat && strcmp(word, "add"))))
        return fail(r, "the fifth of a block is \"add\" or \"concat\"");
    return *concat && r->skeleton->only_adds
               ? fail(r, "blocks of %s only add", r->skeleton->name)
               : NW_OK;
}

static nw_status read_block(const struct reader *r, const json_t *item, int states,
                            nw_slim_block *out)
{
    const size_t size = json_array_size(item);

    if (size != 4 && size != 5)
        return fail(r, "a block is [op, input, op, input]");
    for (size_t side = 0; side < 2; side++) {
        NW_TRY(read_op(r, json_array_get(item, 2 * side), &out->op[side]));
        NW_TRY(read_state(r, json_array_get(item, 2 * side + 1), states, &out->in[side]));
    }
    return read_combiner(r, json_array_get(item, 4), &out->concat);
}

/* Inputs that no block reads, the older first, then blocks. */
static void put_out_unused(const struct reader *r, nw_slim_cell *out)
{
    int read[NW_SLIM_STATES] = {0}, n = 0, state[NW_SLIM_STATES];

    nw_slim_derive_out(out);
    for (int b = 0; b < out->n; b++)
        for (int side = 0; side < 2; side++)
            read[out->block[b].in[side]] = 1;
    for (int input = 1; input >= 0; input--)
        if (r->skeleton->puts_out_inputs && !read[input])
            state[n++] = input;
    for (int i = 0; i < out->n_out; i++)
        state[n++] = out->out[i];
    memcpy(out->out, state, (size_t)n * sizeof(*state));
    out->n_out = n;
}

static nw_status read_concat(const struct reader *r, const json_t *list,
                             nw_slim_cell *out)
{
    const char *word = json_string_value(list);
    int seen[NW_SLIM_STATES] = {0};

    if (word && !strcmp(word, "unused")) {
        put_out_unused(r, out);
        return NW_OK;
    }
    if (!json_array_size(list) || json_array_size(list) > NW_SLIM_STATES)
        return fail(r, "must be a list of states, or \"unused\"");
    for (size_t i = 0; i < json_array_size(list); i++) {
        NW_TRY(read_state(r, json_array_get(list, i), out->n + 2, &out->out[i]));
        if (seen[out->out[i]]++)
            return fail(r, "names a state twice");
    }
    out->n_out = (int)json_array_size(list);
    return NW_OK;
}

static nw_status read_cell(struct reader *r, const json_t *cells, const char *name,
                           nw_slim_cell *out)
{
    static const char *const known[] = {"blocks", "concat", NULL};
    json_t *cell = json_object_get(cells, name), *blocks;

    snprintf(r->place, sizeof(r->place), "cells.%s", name);
    if (!cell)
        return fail(r, "is missing");
    NW_TRY(check_keys(r, cell, known));
    blocks = json_object_get(cell, "blocks");
    if (!json_array_size(blocks) || json_array_size(blocks) > NW_SLIM_BLOCKS)
        return fail(r, "\"blocks\" must be a list of 1 to %d blocks", NW_SLIM_BLOCKS);
    out->n = (int)json_array_size(blocks);
    for (int b = 0; b < out->n; b++) {
        snprintf(r->place, sizeof(r->place), "cells.%s.blocks[%d]", name, b);
        NW_TRY(read_block(r, json_array_get(blocks, (size_t)b), b + 2, &out->block[b]));
    }
    snprintf(r->place, sizeof(r->place), "cells.%s.concat", name);
    return read_concat(r, json_object_get(cell, "concat"), out);
}

static nw_status read_cells(struct reader *r, json_t *cells, nw_slim_genotype *out)
{
    static const char *const two[] = {"normal", "reduce", NULL};
    static const char *const one[] = {"cell", NULL};

    snprintf(r->place, sizeof(r->place), "cells");
    NW_TRY(check_keys(r, cells, r->skeleton->one_cell ? one : two));
    if (r->skeleton->one_cell)
        return read_cell(r, cells, "cell", &out->normal);
    NW_TRY(read_cell(r, cells, "normal", &out->normal));
    return read_cell(r, cells, "reduce", &out->reduce);
}

static nw_status read_root(struct reader *r, json_t *root, nw_gene_file *out)
{
    static const char *const known[] = {"network", "order",  "none", "cells",
                                        "name",    "source", NULL};

    NW_TRY(check_keys(r, root, known));
    NW_TRY(read_head(r, root));
    out->skeleton = r->skeleton;
    return read_cells(r, json_object_get(root, "cells"), &out->genotype);
}

nw_status nw_gene_read(nw_ctx *ctx, nw_gene_file *out, const char *json,
                       const char *where)
{
    struct reader r = {.ctx = ctx, .where = where};
    nw_gene_file got = {0};
    json_error_t error;
    nw_status status;
    json_t *root;

    nw_clear(ctx);
    root = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return nw_fail(ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line, error.column,
                       error.text);
    status = read_root(&r, root, &got);
    json_decref(root);
    if (status >= 0)
        *out = got;
    return status;
}

/* ---- Writing ------------------------------------------------------------------------
 */

static json_t *cell_json(const nw_slim_cell *cell)
{
    json_t *blocks = json_array(), *concat = json_array();

    for (int b = 0; b < cell->n; b++) {
        const nw_slim_block *block = &cell->block[b];
        json_t *item = json_pack("[s, i, s, i]", block->op[0], block->in[0], block->op[1],
                                 block->in[1]);

        if (block->concat)
            json_array_append_new(item, json_string("concat"));
        json_array_append_new(blocks, item);
    }
    for (int i = 0; i < cell->n_out; i++)
        json_array_append_new(concat, json_integer(cell->out[i]));
    return json_pack("{s:o, s:o}", "blocks", blocks, "concat", concat);
}

nw_status nw_gene_write(nw_ctx *ctx, const char *network, const nw_slim_genotype *g,
                        FILE *out)
{
    json_t *root =
        g->reduce.n ? json_pack("{s:s, s:s, s:{s:o, s:o}}", "network", network, "order",
                                "newest first", "cells", "normal", cell_json(&g->normal),
                                "reduce", cell_json(&g->reduce))
                    : json_pack("{s:s, s:s, s:{s:o}}", "network", network, "order",
                                "newest first", "cells", "cell", cell_json(&g->normal));
    int failed = !root || json_dumpf(root, out, JSON_COMPACT | JSON_PRESERVE_ORDER);

    json_decref(root);
    return failed ? nw_fail(ctx, NW_EIO, "the genotype could not be written") : NW_OK;
}
