/* check.c - what a space holds, in tables: choices, extremes, nodes. */
#include "extremes.h"
#include "graph.h"
#include "table.h"

#include <string.h>

/* ---- Choices ------------------------------------------------------------------ */

static const nw_column choice_columns[] = {
    {.name = "choice"}, {.name = "take"},    {.name = "uses", .align = NW_RIGHT},
    {.name = "shapes"}, {.name = "options"},
};

/* Shapes that differ among a choice's uses, each once, in order. */
static int add_shapes(const nw_graph *g, int choice, nw_text *out)
{
    int uses = 0;

    nw_text_add(out, "", 0);
    for (int i = 0; i < g->n; i++) {
        char one[48];
        int seen = 0;

        if (g->node[i].choice != choice)
            continue;
        uses++;
        for (int j = 0; j < i && !seen; j++)
            seen = g->node[j].choice == choice &&
                   !memcmp(&g->node[j].info.out, &g->node[i].info.out, sizeof(nw_shape));
        if (!seen)
            nw_text_printf(out, "%s%s", out->length ? " " : "",
                           nw_shape_text(&g->node[i].info.out, one));
    }
    return uses;
}

/* g NULL = of a coded space. */
static void add_choice(nw_table *table, const nw_space *space, const nw_graph *g, int c)
{
    const nw_choice *choice = &space->choice[c];
    const nw_keep_rule *rule = choice->keep < 0 ? NULL : &space->keep[choice->keep];
    nw_text text;
    int uses;

    nw_table_text(table, choice->name);
    nw_text_init(&text, space->ctx);
    if (rule)
        nw_text_printf(&text, "1, if kept: %d of %d are", rule->k, rule->n);
    else
        nw_text_printf(&text, "%d of %d", choice->k, choice->n);
    nw_table_text(table, text.data);
    nw_text_free(&text);
    uses = g ? add_shapes(g, c, &text) : 0;
    if (choice->kind == NW_NUMBER || !g)
        nw_table_null(table);
    else
        nw_table_integer(table, uses);
    nw_table_text(table, text.data && *text.data ? text.data : NULL);
    nw_text_free(&text);
    for (int i = 0; i < choice->n; i++)
        nw_text_printf(&text, "%s%s", i ? ", " : "", choice->option_name[i]);
    nw_table_text(table, text.data);
    nw_text_free(&text);
}

static nw_status write_choices(const nw_space *space, const nw_graph *g,
                               const char *format, FILE *out)
{
    nw_table table;
    nw_status status;

    nw_table_init(&table, space->ctx, choice_columns, 5);
    for (int c = 0; c < space->n_choice; c++)
        add_choice(&table, space, g, c);
    status = nw_table_write(&table, format, out);
    nw_table_free(&table);
    return status;
}

/* ---- Extremes ------------------------------------------------------------------ */

static const nw_column extreme_columns[] = {
    {.name = "measure"},   {.name = "end"},  {.name = "value", .align = NW_RIGHT},
    {.name = "certainty"}, {.name = "arch"},
};

/* The arch as JSON; NULL when memory runs out. */
static char *arch_text(nw_ctx *ctx, const nw_arch *arch)
{
    size_t size = 64;
    char *text;
    FILE *file;

    for (int c = 0; c < arch->space->n_choice; c++)
        size += strlen(arch->space->choice[c].name) + 16 +
                8 * (size_t)arch->space->choice[c].k;
    text = nw_alloc(ctx, size);
    file = text ? fmemopen(text, size, "w") : NULL;
    if (!file || nw_arch_write(arch, file) < 0) {
        nw_release(ctx, text);
        text = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

static nw_status write_extremes(nw_ctx *ctx, const nw_extremes *e, const char *format,
                                FILE *out)
{
    static const char *const names[] = {"params", "macs", "peak_bytes"};
    nw_table table;
    nw_status status = NW_OK;

    nw_table_init(&table, ctx, extreme_columns, 5);
    for (int i = 0; i < 2 * NW_MEASURES && status >= 0; i++) {
        char *arch = arch_text(ctx, e->arch[i / 2][i % 2]);

        nw_table_text(&table, names[i / 2]);
        nw_table_text(&table, i % 2 ? "max" : "min");
        nw_table_integer(&table, (int64_t)e->value[i / 2][i % 2]);
        nw_table_text(&table, e->is_exact ? "exact" : "found");
        nw_table_json(&table, arch ? arch : "null");
        status = arch ? NW_OK : nw_fail(ctx, NW_ENOMEM, "out of memory: an arch's text");
        nw_release(ctx, arch);
    }
    if (status >= 0)
        status = nw_table_write(&table, format, out);
    nw_table_free(&table);
    return status;
}

/* What stands between the tables. */
static void write_between(const nw_space *space, const nw_extremes *e, const char *format,
                          FILE *out)
{
    const char *count = space->count ? space->count : "too many to write";

    if (!strcmp(format, "json"))
        fprintf(out, ",\n\"architectures\": \"%s\",\n\"looked_at\": %ld,\n\"extremes\": ",
                count, e->looked_at);
    else if (!strcmp(format, "csv"))
        fprintf(out, "\n");
    else
        fprintf(out,
                "\n%s architectures; %s %ld of them\n"
                "macs: convolutions and dense layers; peak_bytes: forward, batch 1\n\n",
                count,
                e->is_exact ? "extremes are exact, over all"
                            : "extremes found, looking at",
                e->looked_at);
}

static nw_status write_check(const nw_space *space, const nw_graph *g,
                             const nw_extremes *e, const char *format, FILE *out)
{
    int is_json = !strcmp(format, "json");

    if (is_json)
        fprintf(out, "{\"choices\": ");
    NW_TRY(write_choices(space, g, format, out));
    write_between(space, e, format, out);
    NW_TRY(write_extremes(space->ctx, e, format, out));
    if (is_json)
        fprintf(out, "}\n");
    return ferror(out) ? nw_fail(space->ctx, NW_EIO, "the output could not be written")
                       : NW_OK;
}

nw_status nw_space_check(nw_space *space, const char *format, FILE *out)
{
    nw_extremes extremes;
    nw_graph *g = NULL;
    nw_status status;

    if (nw_space_seal(space) < 0)
        return space ? space->status : NW_ENOMEM;
    if (!nw_is_coded(space) &&
        !(g = nw_graph_new(space->ctx, space, NULL, NW_F32, NW_GRAPH_ALL)))
        return nw_pending(space->ctx);
    status = nw_extremes_find(space->ctx, space, &extremes);
    if (status >= 0)
        status = write_check(space, g, &extremes, format ? format : "table", out);
    nw_extremes_free(&extremes);
    nw_graph_free(g);
    return status;
}

/* ---- Nodes ---------------------------------------------------------------------- */

static const nw_column node_columns[] = {
    {.name = "node", .align = NW_RIGHT},
    {.name = "op"},
    {.name = "of"},
    {.name = "shape"},
    {.name = "params", .align = NW_RIGHT},
    {.name = "macs", .align = NW_RIGHT},
    {.name = "name"},
};

static void add_node(nw_table *table, const nw_graph *g, int i)
{
    const nw_gnode *node = &g->node[i];
    int64_t params = 0;
    char shape[48];
    nw_text of;

    for (int p = 0; p < node->info.n_param; p++)
        if (!node->info.param[p].is_buffer)
            params += (int64_t)g->param[node->first_param + p].count;
    nw_text_init(&of, g->ctx);
    for (int k = 0; k < node->info.n_in; k++)
        nw_text_printf(&of, "%s%d", k ? " " : "", node->in[k]);
    nw_table_integer(table, i);
    nw_table_text(table, node->spec);
    nw_table_text(table, of.data ? of.data : "");
    nw_table_text(table, nw_shape_text(&node->info.out, shape));
    nw_table_integer(table, params);
    nw_table_integer(table, (int64_t)node->info.macs);
    nw_table_text(table, node->name);
    nw_text_free(&of);
}

nw_status nw_space_show(nw_space *space, const nw_arch *arch, FILE *out)
{
    nw_table table;
    nw_graph *g;
    nw_status status;

    if (nw_space_seal(space) < 0)
        return space ? space->status : NW_ENOMEM;
    if (!arch && nw_is_coded(space))
        return write_choices(space, NULL, "table", out);
    g = nw_graph_new(space->ctx, space, arch, NW_F32, arch ? 0 : NW_GRAPH_ALL);
    if (!g)
        return nw_pending(space->ctx);
    nw_table_init(&table, space->ctx, node_columns, 7);
    for (int i = 0; i < g->n; i++)
        add_node(&table, g, i);
    status = nw_table_write(&table, NULL, out);
    nw_table_free(&table);
    nw_graph_free(g);
    return status;
}
