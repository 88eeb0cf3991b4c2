#include "fields.h"

#include <stdlib.h>
#include <string.h>

size_t nw_fields_column(const nw_fields *f, size_t i)
{
    return (size_t)(f->field[i] - f->record) + 1;
}

nw_status nw_fields_bad(const nw_fields *f, size_t i, const char *words)
{
    return nw_fail(f->src->ctx, NW_EFORMAT, "%s: %s:%zu:%zu: \"%.40s\" %s",
                   f->src->format, f->src->path, f->line, nw_fields_column(f, i),
                   f->field[i], words);
}

void nw_fields_free(nw_fields *f)
{
    if (f->field)
        nw_release(f->src->ctx, f->field);
    f->field = NULL;
}

int nw_parse_number(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    while (*end == ' ' || *end == '\t')
        end++;
    return end != text && !*end;
}

/* ---- Records ------------------------------------------------------------------ */

static int has_odd_quotes(const char *p, const char *end)
{
    int odd = 0;

    for (; (p = memchr(p, '"', (size_t)(end - p))); p++)
        odd = !odd;
    return odd;
}

/* End of the record at p: that of its line, or of a later one if a quote is open there.
 */
static char *record_end(char *p, char *end, size_t *lines)
{
    int open = 0;

    for (;;) {
        char *stop = memchr(p, '\n', (size_t)(end - p));

        stop = stop ? stop : end;
        open ^= has_odd_quotes(p, stop);
        ++*lines;
        if (!open || stop == end)
            return stop;
        p = stop + 1;
    }
}

/* Cut off the next record that is not empty. 0 = there is none. */
static int next_record(nw_fields *f)
{
    char *end = (char *)f->src->data + f->src->size, *stop;

    do {
        if (f->next >= end)
            return 0;
        f->record = f->next;
        f->line = f->lines + 1;
        stop = record_end(f->record, end, &f->lines);
        f->next = stop + 1;
        if (stop > f->record && stop[-1] == '\r')
            stop--;
        *stop = 0;
    } while (!f->record[0]);
    return 1;
}

/* ---- Fields ------------------------------------------------------------------- */

static size_t count_fields(const nw_fields *f)
{
    size_t n = 1;
    int quoted = 0;

    for (const char *p = f->record; *p; p++) {
        if (*p == '"')
            quoted = !quoted;
        n += *p == f->separator && !quoted;
    }
    return n;
}

/* Undo the quotes of a field; the answer is where it ends, NULL = the quote is open. */
static char *unquote(char *s)
{
    char *to = s;

    for (s++; *s; s++) {
        if (*s == '"' && s[1] != '"') {
            *to = 0;
            return s + 1;
        }
        if (*s == '"')
            s++;
        *to++ = *s;
    }
    return NULL;
}

static char *plain_end(const nw_fields *f, char *p)
{
    while (*p && *p != f->separator)
        p++;
    return p;
}

/* Cut the record into exactly f->n fields. */
static nw_status cut(nw_fields *f)
{
    size_t n = count_fields(f);
    char *p = f->record;

    if (n != f->n)
        return nw_fail(f->src->ctx, NW_EFORMAT,
                       "%s: %s:%zu:1: %zu fields, but the first line has %zu",
                       f->src->format, f->src->path, f->line, n, f->n);
    for (size_t i = 0; i < n; i++) {
        char *end;

        f->field[i] = p;
        end = *p == '"' ? unquote(p) : plain_end(f, p);
        if (!end || (*end && *end != f->separator))
            return nw_fail(f->src->ctx, NW_EFORMAT,
                           "%s: %s:%zu:%zu: a quote that does not end with its field",
                           f->src->format, f->src->path, f->line,
                           (size_t)(p - f->record) + 1);
        p = *end ? end + 1 : end;
        *end = 0;
    }
    return NW_OK;
}

nw_status nw_fields_first(nw_fields *f, const nw_source *src, char separator)
{
    *f = (nw_fields){.src = src, .separator = separator, .next = (char *)src->data};
    if (src->size && memchr(src->data, 0, src->size))
        return nw_source_bad(src, "a zero byte: this is not text");
    if (src->size >= 3 && !memcmp(src->data, "\xef\xbb\xbf", 3))
        f->next += 3; /* the mark of UTF-8 that spreadsheets put there */
    if (!next_record(f))
        return NW_DONE;
    f->n = count_fields(f);
    f->field = nw_alloc(src->ctx, f->n * sizeof(*f->field));
    return f->field ? cut(f) : NW_ENOMEM;
}

nw_status nw_fields_next(nw_fields *f)
{
    return next_record(f) ? cut(f) : NW_DONE;
}
