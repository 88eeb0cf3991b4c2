/* expr.c - see expr.h. Recursive descent, one function a level of precedence. */
#include "expr.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 32 };

static const long LARGEST = 1000000000;

struct parser {
    const nw_let *let;
    const char *s;
    char *why;
    int depth, failed;
};

const nw_let *nw_let_find(const nw_let *let, const char *name, size_t length)
{
    for (; let; let = let->outer)
        if (strlen(let->name) == length && !memcmp(let->name, name, length))
            return let;
    return NULL;
}

static size_t word_length(const char *s)
{
    size_t n = 0;

    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    return n;
}

static void explain_name(const nw_let *let, const char *name, size_t length,
                         char why[256])
{
    const char *names[64], *near;
    char word[64];
    size_t n = 0;

    for (; let && n < 64; let = let->outer)
        names[n++] = let->name;
    snprintf(word, sizeof(word), "%.*s", (int)(length < 63 ? length : 63), name);
    near = nw_near(word, names, n);
    snprintf(why, 256, "nothing is named \"%s\" here%s%.60s%s", word,
             near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static long stop(struct parser *p, const char *why)
{
    if (!p->failed)
        snprintf(p->why, 256, "%s", why);
    p->failed = 1;
    return 0;
}

static int take(struct parser *p, const char *sign)
{
    p->s += strspn(p->s, " ");
    if (strncmp(p->s, sign, strlen(sign)))
        return 0;
    p->s += strlen(sign);
    return 1;
}

static long ternary(struct parser *p);

static long name(struct parser *p)
{
    size_t n = word_length(p->s);
    const nw_let *let = nw_let_find(p->let, p->s, n);
    char *end;
    long value;

    if (!let) {
        if (!p->failed)
            explain_name(p->let, p->s, n, p->why);
        p->failed = 1;
        return 0;
    }
    p->s += n;
    if (let->is_choice)
        return stop(p,
                    "a number that is searched for cannot be in ${...}; write $name*2");
    errno = 0;
    value = strtol(let->text, &end, 10);
    if (end == let->text || *end || errno || labs(value) > LARGEST)
        return stop(p, "a name in ${...} is not a whole number");
    return value;
}

static long primary(struct parser *p)
{
    long value;

    if (++p->depth > DEEPEST || p->failed)
        return stop(p, "${...} nests too deeply");
    p->s += strspn(p->s, " ");
    if (take(p, "(")) {
        value = ternary(p);
        if (!take(p, ")"))
            stop(p, "\"(\" without \")\" in ${...}");
    } else if (take(p, "-")) {
        value = -primary(p);
    } else if (isdigit((unsigned char)*p->s)) {
        char *end;

        value = strtol(p->s, &end, 10);
        p->s = end;
        if (value > LARGEST)
            value = stop(p, "a number in ${...} is too large");
    } else if (word_length(p->s)) {
        value = name(p);
    } else {
        value = stop(p, "${...} is not a sum of names and numbers");
    }
    p->depth--;
    return value;
}

static long bounded(struct parser *p, long value)
{
    return labs(value) > LARGEST ? stop(p, "${...} is too large") : value;
}

static long product(struct parser *p)
{
    long a = primary(p);

    while (!p->failed) {
        int is_times = take(p, "*"), is_over = !is_times && take(p, "/");
        long b;

        if (!is_times && !is_over && !take(p, "%"))
            break;
        b = primary(p);
        if (is_times)
            a = bounded(p, a * b);
        else if (!b)
            a = stop(p, "${...} divides by zero");
        else
            a = is_over ? a / b : a % b;
    }
    return a;
}

static long sum(struct parser *p)
{
    long a = product(p);

    while (!p->failed) {
        if (take(p, "+"))
            a = bounded(p, a + product(p));
        else if (take(p, "-"))
            a = bounded(p, a - product(p));
        else
            break;
    }
    return a;
}

static long comparison(struct parser *p)
{
    long a = sum(p);

    if (take(p, "=="))
        return a == sum(p);
    if (take(p, "!="))
        return a != sum(p);
    if (take(p, "<="))
        return a <= sum(p);
    if (take(p, ">="))
        return a >= sum(p);
    if (take(p, "<"))
        return a < sum(p);
    if (take(p, ">"))
        return a > sum(p);
    return a;
}

static long ternary(struct parser *p)
{
    long a, b, c;

    if (++p->depth > DEEPEST)
        return stop(p, "${...} nests too deeply");
    a = comparison(p);
    if (!p->failed && take(p, "?")) {
        b = ternary(p);
        if (!take(p, ":"))
            stop(p, "\"?\" without \":\" in ${...}");
        c = ternary(p);
        a = a ? b : c;
    }
    p->depth--;
    return a;
}

static int evaluate(const nw_let *let, const char **s, long *value, char why[256])
{
    struct parser p = {.let = let, .s = *s, .why = why};

    *value = ternary(&p);
    p.s += strspn(p.s, " ");
    *s = p.s;
    return !p.failed;
}

int nw_expr(const nw_let *let, const char *text, long *value, char why[256])
{
    if (!evaluate(let, &text, value, why))
        return 0;
    if (*text)
        snprintf(why, 256, "unexpected \"%.40s\"", text);
    return !*text;
}

static int expand_sum(const nw_let *let, const char **s, nw_text *out, char why[256])
{
    const char *p = *s + 2;
    size_t n = word_length(p);
    const nw_let *alone = n && p[n] == '}' ? nw_let_find(let, p, n) : NULL;
    long value;

    if (alone) { /* any text may stand by itself: ${name} */
        nw_text_printf(out, "%s%s", alone->is_choice ? "$" : "",
                       alone->is_choice ? alone->name : alone->text);
        *s = p + n + 1;
        return 1;
    }
    if (!evaluate(let, &p, &value, why))
        return 0;
    if (*p != '}') {
        snprintf(why, 256, "\"${\" without \"}\"");
        return 0;
    }
    nw_text_printf(out, "%ld", value);
    *s = p + 1;
    return 1;
}

int nw_expand(const nw_let *let, const char *text, nw_text *out, char why[256])
{
    nw_text_add(out, "", 0);
    while (*text) {
        size_t plain = strcspn(text, "$"), n;
        const nw_let *found;

        nw_text_add(out, text, plain);
        text += plain;
        if (!*text)
            break;
        if (text[1] == '{') {
            if (!expand_sum(let, &text, out, why))
                return 0;
            continue;
        }
        n = word_length(text + 1);
        found = nw_let_find(let, text + 1, n);
        if (!found) {
            explain_name(let, text + 1, n, why);
            return 0;
        }
        nw_text_printf(out, "%s%s", found->is_choice ? "$" : "",
                       found->is_choice ? found->name : found->text);
        text += n + 1;
    }
    return 1;
}
