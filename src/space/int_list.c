#include "int_list.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n"

nw_status nw_ints_write(nw_ctx *ctx, int n, const int *value, FILE *out)
{
    for (int i = 0; i < n; i++)
        fprintf(out, "%s%d", i ? "," : "[", value[i]);
    fputs("]", out);
    return ferror(out) ? nw_fail(ctx, NW_EIO, "the genotype could not be written")
                       : NW_OK;
}

/* Signs between two numbers, of which the first ended; 0 = it may not end like that. */
static size_t gap(const char *end, char between)
{
    if (between == ',')
        return *end == ',' && end[1];
    return strspn(end, BLANKS);
}

int nw_ints_parse(const char *text, char between, int min, int max, int most, int *value)
{
    int n = 0;

    text += between == ',' ? 0 : strspn(text, BLANKS);
    while (*text) {
        char *end;
        const long v = strtol(text, &end, 10);
        const size_t skip = gap(end, between);

        if (*text < '0' || *text > '9' || v < min || v > max || n == most ||
            (*end && !skip))
            return -1;
        value[n++] = (int)v;
        text = end + skip;
    }
    return n;
}

static int from_list(const json_t *list, int n, int *value)
{
    if (json_array_size(list) != (size_t)n)
        return 0;
    for (int i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, (size_t)i);
        const json_int_t v = json_integer_value(item);

        if (!json_is_integer(item) || v < 0 || v > NW_INTS_LARGEST)
            return 0;
        value[i] = (int)v;
    }
    return 1;
}

nw_status nw_ints_read(nw_ctx *ctx, const char *json, const char *where, int n,
                       int *value)
{
    json_error_t error;
    json_t *root;
    int good;

    nw_clear(ctx);
    root = json_loads(json, JSON_DECODE_ANY, &error);
    if (!root)
        return nw_fail(ctx, NW_EFORMAT, "%s:%d:%d: %s", where, error.line, error.column,
                       error.text);
    good = json_is_string(root) ? nw_ints_parse(json_string_value(root), ' ', 0,
                                                NW_INTS_LARGEST, n, value) == n
                                : from_list(root, n, value);
    json_decref(root);
    return good ? NW_OK
                : nw_fail(ctx, NW_EFORMAT, "%s: the genotype is a list of %d numbers",
                          where, n);
}
