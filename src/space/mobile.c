/* mobile.c - stages, shapes, blocks and genotypes that spaces of mobile networks share.
 */
#include "mobile.h"

#include "divisible.h"
#include "int_list.h"
#include "setting.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { WIDEST = 1 << 16 };

static nw_status not_stages(nw_space *space, const char *key, const char *value)
{
    return nw_fail(
        space->ctx, NW_ESPEC,
        "%s=%s: widths, layers and strides are lists of one length, of 1 to %d "
        "whole numbers with commas between",
        key, value, NW_MOST_STAGES);
}

nw_status nw_stages_read(nw_space *space, const char *widths, const char *layers,
                         const char *strides, int in, double scale, nw_stages *out)
{
    int width[NW_MOST_STAGES], layer[NW_MOST_STAGES], stride[NW_MOST_STAGES];
    const int n = nw_ints_parse(widths, ',', 1, WIDEST, NW_MOST_STAGES, width);

    if (n < 1)
        return not_stages(space, "widths", widths);
    if (nw_ints_parse(layers, ',', 1, NW_MOST_LAYERS, NW_MOST_STAGES, layer) != n)
        return not_stages(space, "layers", layers);
    if (nw_ints_parse(strides, ',', 1, 4, NW_MOST_STAGES, stride) != n)
        return not_stages(space, "strides", strides);
    *out = (nw_stages){.n_stage = n};
    for (int s = 0; s < n; s++) {
        const int wide = scale == 1 ? width[s] : nw_multiple_of(width[s] * scale, 8);

        if (out->n + layer[s] > NW_MOST_LAYERS)
            return nw_fail(space->ctx, NW_ESPEC, "layers=%s: more than %d in all", layers,
                           NW_MOST_LAYERS);
        for (int i = 0; i < layer[s]; i++, in = wide)
            out->layer[out->n++] = (nw_layer){s, in, wide, i ? 1 : stride[s]};
    }
    out->out = in;
    return NW_OK;
}

nw_status nw_picture_and_classes(nw_space *space, const int input[3], int size,
                                 int key_classes, int usual, int shape[3], int *classes)
{
    nw_input_or(input, size, shape);
    return nw_classes_of(space->ctx, NULL, key_classes, usual, classes);
}

nw_ref nw_inverted(nw_space *space, nw_ref x, int k, int mid, int stride, int out)
{
    return nw_opf(space, x,
                  "conv2d out=%d k=1 bias=0 name=conv.0 | batchnorm name=conv.1 | relu | "
                  "conv2d k=%d stride=%d pad=same groups=in bias=0 name=conv.3 | "
                  "batchnorm name=conv.4 | relu | "
                  "conv2d out=%d k=1 bias=0 name=conv.6 | batchnorm name=conv.7",
                  mid, k, stride, out);
}

nw_ref nw_choice_of(nw_space *space, const char *choice, size_t n, const nw_ref *option,
                    const char *const *name)
{
    const nw_ref y = nw_one_of_n(space, choice, n, option);

    for (size_t i = 0; y >= 0 && i < n; i++)
        nw_option_name(space, choice, (int)i, name[i]);
    return y;
}

nw_status nw_names_pick(nw_space *space, const char *text, const char *const *name, int n,
                        int *out, int *n_out)
{
    unsigned seen = 0;

    for (*n_out = 0;; text++) {
        const size_t length = strcspn(text, ",");
        int i = 0;

        while (i < n && (strlen(name[i]) != length || memcmp(name[i], text, length)))
            i++;
        if (i == n || seen & 1U << i)
            return nw_fail(space->ctx, NW_ESPEC, "ops=: \"%.*s\" is %s", (int)length,
                           text, i == n ? "no op of this space" : "there twice");
        seen |= 1U << i;
        out[(*n_out)++] = i;
        text += length;
        if (!*text)
            return NW_OK;
    }
}

nw_status nw_taken(const nw_arch *arch, const char *format, int n, int *taken)
{
    for (int i = 0; i < n; i++) {
        char name[32];

        snprintf(name, sizeof(name), format, i);
        taken[i] = nw_arch_get(arch, name);
        if (taken[i] < 0)
            return nw_fail(arch->ctx, NW_EMATCH, "the architecture has no choice %s",
                           name);
    }
    return NW_OK;
}

/* ---- Genotypes ------------------------------------------------------------------- */

nw_status nw_names_write(const nw_arch *arch, FILE *out)
{
    for (int c = 0; c < arch->space->n_choice; c++)
        fprintf(out, "%s\"%s\"", c ? "," : "[",
                nw_space_option_name(arch->space, c, nw_arch_option(arch, c)));
    fputc(']', out);
    return ferror(out) ? nw_fail(arch->ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

static nw_status pick_named(nw_arch *arch, int c, const json_t *name, const char *where)
{
    const char *word = json_string_value(name);

    for (int o = 0; word && o < nw_space_options(arch->space, c); o++)
        if (!strcmp(word, nw_space_option_name(arch->space, c, o)))
            return nw_arch_pick(arch, c, o);
    return nw_fail(arch->ctx, NW_EFORMAT, "%s: place %d: \"%s\" is no option of %s",
                   where, c, word ? word : "", nw_space_choice_name(arch->space, c));
}

static nw_status read_names(nw_arch *arch, const json_t *list, const char *where)
{
    const int n = nw_space_choices(arch->space);

    if (!json_is_array(list) || (int)json_array_size(list) != n)
        return nw_fail(arch->ctx, NW_EFORMAT, "%s: the genotype is a list of %d names",
                       where, n);
    for (int c = 0; c < n; c++)
        NW_TRY(pick_named(arch, c, json_array_get(list, (size_t)c), where));
    return NW_OK;
}

json_t *nw_json_parse(nw_ctx *ctx, const char *text, const char *where)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

    if (!root)
        nw_fail(ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line, error.column,
                error.text);
    return root;
}

nw_status nw_names_read(nw_arch *arch, const char *text, const char *where)
{
    json_t *root = nw_json_parse(arch->ctx, text, where);
    const nw_status status = root ? read_names(arch, root, where) : NW_EFORMAT;

    json_decref(root);
    return status;
}
