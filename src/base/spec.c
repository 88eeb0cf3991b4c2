#include "spec.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_KEYS = 32, LONGEST_KEY = 32 };

struct pair {
    char key[LONGEST_KEY];
    char value[NW_TEXT_SIZE];
};

static const char *skip_blanks(const char *s)
{
    while (*s && isspace((unsigned char)*s))
        s++;
    return s;
}

size_t nw_spec_name(const char *spec, const char **name, const char **keys)
{
    const char *s = skip_blanks(spec), *end = s;

    while (*end && !isspace((unsigned char)*end))
        end++;
    *name = s;
    *keys = skip_blanks(end);
    return (size_t)(end - s);
}

const void *nw_spec_find(nw_ctx *ctx, const char *kind, const void *const *list,
                         const char *spec)
{
    const char *names[256], *name, *keys, *near;
    size_t length = nw_spec_name(spec, &name, &keys), n = 0;
    char word[LONGEST_KEY * 2];

    for (; list[n] && n < 256; n++) {
        names[n] = ((const nw_head *)list[n])->name;
        if (strlen(names[n]) == length && !memcmp(names[n], name, length))
            return list[n];
    }
    snprintf(word, sizeof(word), "%.*s", (int)(length < 60 ? length : 60), name);
    near = nw_near(word, names, n);
    nw_fail(ctx, NW_ENAME, "there is no %s \"%s\"%s%s%s", kind, word,
            near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    return NULL;
}

/* Take one "key=value" from *s. 1 = taken, 0 = end, < 0 = malformed. */
static int take(const char **s, struct pair *pair)
{
    const char *p = skip_blanks(*s), *start = p;
    size_t n = 0;
    char quote = 0;

    if (!*p)
        return 0;
    while (isalnum((unsigned char)*p) || *p == '_' || *p == '-')
        p++;
    if (p == start || *p != '=' || p - start >= LONGEST_KEY)
        return -1;
    memcpy(pair->key, start, (size_t)(p - start));
    pair->key[p - start] = 0;
    p++;
    if (*p == '"' || *p == '\'')
        quote = *p++;
    while (*p && (quote ? *p != quote : !isspace((unsigned char)*p))) {
        if (n + 1 >= sizeof(pair->value))
            return -1;
        pair->value[n++] = *p++;
    }
    pair->value[n] = 0;
    if (quote && *p++ != quote)
        return -1;
    *s = p;
    return 1;
}

int nw_spec_cut(const char *spec, const char *key, char *value, size_t size, char *rest)
{
    const char *s = spec, *name, *before;
    struct pair pair;
    int found = 0;

    nw_spec_name(spec, &name, &s);
    for (before = s; take(&s, &pair) > 0; before = s) {
        if (strcmp(pair.key, key))
            continue;
        found = 1;
        snprintf(value, size, "%s", pair.value);
        if (rest) {
            memmove(rest, spec, (size_t)(before - spec));
            memmove(rest + (before - spec), s, strlen(s) + 1);
        }
        break;
    }
    if (!found && rest)
        memmove(rest, spec, strlen(spec) + 1);
    return found;
}

static int parse_number(const char *text, const nw_lookup *lookup, int *out,
                        const char **end)
{
    char name[LONGEST_KEY * 2];
    size_t n = 0;
    long v;

    if (*text == '$') {
        for (text++; (isalnum((unsigned char)*text) || *text == '_' || *text == '.') &&
                     n + 1 < sizeof(name);)
            name[n++] = *text++;
        name[n] = 0;
        *end = text;
        return n && lookup && lookup->find(lookup->user, name, out);
    }
    errno = 0;
    v = strtol(text, (char **)end, 10);
    *out = (int)v;
    return *end != text && !errno && v >= INT_MIN && v <= INT_MAX;
}

/* "12", "$width", "$width/2", "4*16"; and "in", "in*6", where the word is -1 */
static int parse_int(const char *text, const nw_attr *attr, const nw_lookup *lookup,
                     int *out, const char **end)
{
    int b;
    char sign;

    if (attr->word && !strncmp(text, attr->word, strlen(attr->word))) {
        *out = -1;
        *end = text + strlen(attr->word);
    } else if (!parse_number(text, lookup, out, end) || (attr->word && *out < 0)) {
        return 0; /* only the word may give a number below 0 */
    }
    while (**end == '*' || **end == '/') {
        long long wide = *out;

        sign = *(*end)++;
        if (!parse_number(*end, lookup, &b, end) || (sign == '/' && (!b || wide % b)))
            return 0;
        wide = sign == '*' ? wide * b : wide / b;
        if (wide < INT_MIN || wide > INT_MAX)
            return 0;
        *out = (int)wide;
    }
    return 1;
}

static int parse_bool(const char *text, int *out)
{
    static const char *const words[] = {"0",   "1",  "no",    "yes",
                                        "off", "on", "false", "true"};

    for (int i = 0; i < 8; i++)
        if (!strcmp(text, words[i])) {
            *out = i & 1;
            return 1;
        }
    return 0;
}

static int parse_pair(const char *text, const nw_attr *attr, const nw_lookup *lookup,
                      int out[2])
{
    const char *end;

    if (!parse_int(text, attr, lookup, &out[0], &end))
        return 0;
    out[1] = out[0];
    if (*end == 'x' && out[0] >= 0 && !parse_int(end + 1, attr, lookup, &out[1], &end))
        return 0;
    return !*end;
}

static int parse_value(const char *text, const nw_attr *attr, const nw_lookup *lookup,
                       void *field)
{
    const char *end = text;

    switch (attr->type) {
    case NW_INT:
        return parse_int(text, attr, lookup, field, &end) && !*end;
    case NW_PAIR:
        return parse_pair(text, attr, lookup, field);
    case NW_BOOL:
        return parse_bool(text, field);
    case NW_REAL:
        *(double *)field = strtod(text, (char **)&end);
        return *text && !*end && isfinite(*(double *)field);
    case NW_TEXT:
        snprintf(field, NW_TEXT_SIZE, "%s", text);
        return 1;
    }
    return 0;
}

static const char *expected(const nw_attr *attr)
{
    static const char *const words[] = {"a whole number", "a number", "yes or no", "text",
                                        "a whole number or HxW"};

    return words[attr->type];
}

static int in_range(const nw_attr *attr, const void *field, double *value)
{
    const int *pair = field;
    int n = attr->type == NW_PAIR ? 2 : 1;

    if ((attr->min == 0 && attr->max == 0) || attr->type == NW_TEXT)
        return 1;
    for (int i = 0; i < n; i++) {
        *value = attr->type == NW_REAL ? *(const double *)field : pair[i];
        if (attr->word && (*value == -1 || (*value < 0 && attr->type == NW_INT)))
            continue;
        if (*value < attr->min || *value > attr->max)
            return 0;
    }
    return 1;
}

static nw_status set(nw_ctx *ctx, const nw_head *type, const nw_attr *attr,
                     const char *text, const nw_lookup *lookup, void *out)
{
    void *field = (char *)out + attr->offset;
    double value = 0;

    if (!parse_value(text, attr, lookup, field))
        return nw_fail(ctx, NW_ESPEC, "%s: %s=%s is not %s", type->name, attr->key, text,
                       expected(attr));
    if (!in_range(attr, field, &value))
        return nw_fail(ctx, NW_ESPEC, "%s: %s=%s is outside %g..%g", type->name,
                       attr->key, text, attr->min, attr->max);
    return NW_OK;
}

static nw_status no_such_key(nw_ctx *ctx, const nw_head *type, const char *key)
{
    const char *names[MOST_KEYS * 2], *near;
    size_t n = 0;

    for (const nw_attr *a = type->attrs; a && a->key && n < MOST_KEYS * 2; a++)
        names[n++] = a->key;
    near = nw_near(key, names, n);
    return nw_fail(ctx, NW_ESPEC, "%s: no key \"%s\"%s%s%s", type->name, key,
                   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static int find_key(const nw_head *type, const char *key)
{
    for (int i = 0; type->attrs && type->attrs[i].key; i++)
        if (!strcmp(type->attrs[i].key, key))
            return i;
    return -1;
}

static nw_status fill_defaults(nw_ctx *ctx, const nw_head *type, const char *given,
                               void *out)
{
    for (int i = 0; type->attrs && type->attrs[i].key; i++) {
        const nw_attr *a = &type->attrs[i];

        if (given[i])
            continue;
        if (!a->initial)
            return nw_fail(ctx, NW_ESPEC, "%s: key \"%s\" must be given (%s)", type->name,
                           a->key, a->doc);
        NW_TRY(set(ctx, type, a, a->initial, NULL, out));
    }
    return NW_OK;
}

nw_status nw_spec_parse(nw_ctx *ctx, const nw_head *type, const char *spec,
                        const nw_lookup *lookup, void *out)
{
    char given[MOST_KEYS * 2] = {0};
    const char *s, *name;
    struct pair pair;
    int taken;

    nw_spec_name(spec, &name, &s);
    while ((taken = take(&s, &pair)) > 0) {
        int i = find_key(type, pair.key);

        if (i < 0)
            return no_such_key(ctx, type, pair.key);
        if (given[i]++)
            return nw_fail(ctx, NW_ESPEC, "%s: key \"%s\" is given twice", type->name,
                           pair.key);
        NW_TRY(set(ctx, type, &type->attrs[i], pair.value, lookup, out));
    }
    if (taken < 0)
        return nw_fail(ctx, NW_ESPEC, "%s: \"%s\" is not key=value", type->name,
                       skip_blanks(s));
    return fill_defaults(ctx, type, given, out);
}

void nw_spec_help(nw_text *out, const nw_head *type)
{
    nw_text_printf(out, "%s - %s\n", type->name, type->doc);
    if (type->paper)
        nw_text_printf(out, "source: %s\n", type->paper);
    for (const nw_attr *a = type->attrs; a && a->key; a++)
        nw_text_printf(out, "  %-14s %-10s %s\n", a->key,
                       a->initial ? a->initial : "(given)", a->doc);
}
