/*
 * chain.c - "a | b | (c, d | e) | add": specs of ops in a row and side by side.
 *
 *   chain  = item { "|" item }
 *   item   = "(" chain { "," chain } ")" | spec
 *
 * An item takes what the one before gave; branches in brackets each take all of it and
 * give one value each. Quoted values may hold any of these signs.
 */
#include "space.h"

#include <string.h>

enum { MOST_VALUES = 64, DEEPEST = 16 };

struct values {
    int n;
    nw_ref ref[MOST_VALUES];
};

static const char *skip(const char *s)
{
    while (*s == ' ' || *s == '\t' || *s == '\n')
        s++;
    return s;
}

static int chain(nw_space *space, const char **s, int depth, struct values *v);

static int branches(nw_space *space, const char **s, int depth, struct values *v)
{
    struct values out = {0};

    do {
        struct values branch = *v;

        *s += 1; /* "(" or "," */
        if (!chain(space, s, depth + 1, &branch))
            return 0;
        if (branch.n != 1 || out.n == MOST_VALUES) {
            nw_space_fail(space, NW_ESPEC, "a branch must give one value, and at most %d",
                          MOST_VALUES);
            return 0;
        }
        out.ref[out.n++] = branch.ref[0];
    } while (**s == ',');
    if (**s != ')') {
        nw_space_fail(space, NW_ESPEC, "\"(\" without \")\"");
        return 0;
    }
    *s = skip(*s + 1);
    *v = out;
    return 1;
}

static const char *end_of_spec(const char *s)
{
    char quote = 0;

    for (; *s; s++) {
        if (quote)
            quote = *s == quote ? 0 : quote;
        else if (*s == '"' || *s == '\'')
            quote = *s;
        else if (strchr("|(),", *s))
            break;
    }
    return s;
}

static size_t trimmed(const char *s, size_t n)
{
    while (n && strchr(" \t\n", s[n - 1]))
        n--;
    return n;
}

static int single(nw_space *space, const char **s, struct values *v)
{
    const char *end = end_of_spec(*s);
    char name[NW_TEXT_SIZE], text[4 * NW_TEXT_SIZE];
    size_t n = trimmed(*s, (size_t)(end - *s));
    int named;

    if (!n || n >= sizeof(text)) {
        nw_space_fail(space, NW_ESPEC,
                      n ? "an op's spec is too long" : "an op is missing in a chain");
        return 0;
    }
    memcpy(text, *s, n);
    text[n] = 0;
    *s = end;
    named = nw_spec_cut(text, "name", name, sizeof(name), text);
    text[trimmed(text, strlen(text))] = 0;
    v->ref[0] = nw_place_op(space, text, named ? name : NULL, v->n, v->ref);
    v->n = 1;
    return v->ref[0] >= 0;
}

static int chain(nw_space *space, const char **s, int depth, struct values *v)
{
    if (depth > DEEPEST) {
        nw_space_fail(space, NW_ESPEC, "brackets nest deeper than %d", DEEPEST);
        return 0;
    }
    for (;;) {
        *s = skip(*s);
        if (**s == '(' ? !branches(space, s, depth, v) : !single(space, s, v))
            return 0;
        *s = skip(*s);
        if (**s != '|')
            return 1;
        *s += 1;
    }
}

nw_ref nw_op_n(nw_space *space, const char *spec, size_t n, const nw_ref *in)
{
    struct values v = {0};

    if (!space || space->status < 0)
        return -1;
    if (n > MOST_VALUES)
        return nw_space_fail(space, NW_EINVAL, "more than %d inputs", MOST_VALUES);
    v.n = (int)n;
    if (n)
        memcpy(v.ref, in, n * sizeof(*in));
    if (!chain(space, &spec, 0, &v))
        return -1;
    if (*spec || v.n != 1)
        return nw_space_fail(space, NW_ESPEC,
                             *spec ? "unexpected \"%s\" in a chain"
                                   : "a chain must end in one value%s",
                             spec);
    return v.ref[0];
}
