#include "setting.h"

#include <jansson.h>
#include <string.h>

nw_status nw_classes_of(nw_ctx *ctx, const char *family, int key, int usual, int *classes)
{
    if (key && *classes && key != *classes)
        return nw_fail(ctx, NW_EMATCH, "%s%sclasses=%d but the data has %d",
                       family ? family : "", family ? ": " : "", key, *classes);
    *classes = key ? key : *classes ? *classes : usual;
    return NW_OK;
}

void nw_input_or(const int input[3], int pixels, int shape[3])
{
    for (int i = 0; i < 3; i++)
        shape[i] = input && input[0] ? input[i] : i ? pixels : 3;
}

nw_status nw_setting_of(nw_ctx *ctx, const char *family, const int input[3], int classes,
                        const int shape[3], int key_classes, nw_setting *out)
{
    out->classes = classes;
    NW_TRY(nw_classes_of(ctx, family, key_classes, 10, &out->classes));
    for (int i = 0; i < 3; i++)
        out->shape[i] = input && input[0] ? input[i] : shape[i];
    return NW_OK;
}

nw_status nw_setting_word(nw_ctx *ctx, const char *text, const char *where, char *out,
                          size_t size)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    const char *word = json_string_value(json);
    nw_status status = NW_OK;

    if (!json)
        status = nw_fail(ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line, error.column,
                         error.text);
    else if (!word)
        status = nw_fail(ctx, NW_EFORMAT,
                         "%s: the genotype is a string; this is not a string", where);
    else if (strlen(word) >= size)
        status = nw_fail(ctx, NW_EFORMAT, "%s: the genotype is too long", where);
    else
        snprintf(out, size, "%s", word);
    json_decref(json);
    return status;
}

nw_status nw_setting_written(nw_ctx *ctx, FILE *out)
{
    return ferror(out) ? nw_fail(ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}
