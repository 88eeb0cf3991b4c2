/*
 * json.c - the architecture as JSON.
 *
 *   plain   {"conv1":0,"skip":[1]}: option numbers, what nw_arch_write() says
 *   full    {"space": "darts c=16", "arch": {"normal_0_1": "sep_conv_3x3", ...},
 *            "genotype": {...}}: option names, as people and other programs read them
 *
 * nw_arch_read() takes both.
 */
#include "export.h"

#include <jansson.h>

struct json {
    int full; /* -1 = for published spaces */
};

static json_t *choice_names(const nw_arch *arch, const nw_choice *c)
{
    const double *w = arch->w + c->first;
    json_t *list = json_array();
    int best = 0;

    for (int i = 0; i < c->n; i++) {
        if (w[i] > w[best])
            best = i;
        if (w[i] > 0)
            json_array_append_new(list, json_string(c->option_name[i]));
    }
    if (c->kind == NW_SOME)
        return list;
    json_decref(list);
    return json_string(c->option_name[best]);
}

static json_t *arch_names(const nw_arch *arch)
{
    json_t *object = json_object();

    for (int i = 0; i < arch->space->n_choice; i++)
        json_object_set_new(object, arch->space->choice[i].name,
                            choice_names(arch, &arch->space->choice[i]));
    return object;
}

/* What the family says, as a value; NULL when it says nothing. */
static nw_status read_genotype(const nw_arch *arch, json_t **out)
{
    const nw_space_type *family = arch->space->family;
    nw_text text;
    nw_status status;
    FILE *file;

    *out = NULL;
    if (!family || !family->genotype)
        return NW_OK;
    nw_text_init(&text, arch->ctx);
    file = nw_text_stream(&text);
    status = file ? family->genotype(arch, file) : NW_ENOMEM;
    if (file && fclose(file) && status >= 0)
        status = NW_ENOMEM;
    if (status >= 0)
        *out = json_loadb(text.data, text.length, JSON_DECODE_ANY, NULL);
    nw_text_free(&text);
    return status;
}

static nw_status write_full(nw_ctx *ctx, const nw_arch *arch, FILE *out)
{
    json_t *object, *genotype;
    int failed;

    NW_TRY(read_genotype(arch, &genotype));
    object = json_object();
    if (arch->space->origin)
        json_object_set_new(object, "space", json_string(arch->space->origin));
    json_object_set_new(object, "arch", arch_names(arch));
    if (genotype)
        json_object_set_new(object, "genotype", genotype);
    failed = json_dumpf(object, out, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    json_decref(object);
    return failed ? nw_fail(ctx, NW_EIO, "json: could not be written") : NW_OK;
}

static nw_status json_write(void *self, nw_ctx *ctx, const nw_arch *arch, nw_net *net,
                            FILE *out)
{
    const struct json *json = self;
    int full = json->full < 0 ? arch->space->family != NULL : json->full;

    (void)net;
    NW_TRY(full ? write_full(ctx, arch, out) : nw_arch_write(arch, out));
    return nw_file_put(ctx, out, "\n", 1);
}

static const nw_attr json_attrs[] = {
    {"full", NW_INT, offsetof(struct json, full), "auto", 0, 1,
     "names of options, space and genotype; auto = for published spaces", "auto"},
    {0},
};

const nw_export_type nw_export_json = {
    .name = "json",
    .doc = "the architecture: one option for every choice",
    .attrs = json_attrs,
    .size = sizeof(struct json),
    .suffix = ".json",
    .write = json_write,
};
