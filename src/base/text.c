#include "text.h"

#include <stdio.h>
#include <string.h>

void nw_text_init(nw_text *text, nw_ctx *ctx)
{
    *text = (nw_text){.ctx = ctx};
}

void nw_text_free(nw_text *text)
{
    nw_release(text->ctx, text->data);
    nw_text_init(text, text->ctx);
}

static int reserve(nw_text *text, size_t n)
{
    size_t room = text->room ? text->room : 128;
    char *data;

    if (text->failed)
        return 0;
    while (room < text->length + n + 1)
        room *= 2;
    if (room == text->room)
        return 1;
    data = nw_resize(text->ctx, text->data, text->length, room);
    if (!data) {
        text->failed = 1;
        return 0;
    }
    text->data = data;
    text->room = room;
    return 1;
}

void nw_text_add(nw_text *text, const void *bytes, size_t n)
{
    if (!reserve(text, n))
        return;
    memcpy(text->data + text->length, bytes, n);
    text->length += n;
    text->data[text->length] = 0;
}

void nw_text_printf(nw_text *text, const char *format, ...)
{
    va_list list;
    int n;

    va_start(list, format);
    n = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (n < 0 || !reserve(text, (size_t)n))
        return;
    va_start(list, format);
    vsnprintf(text->data + text->length, (size_t)n + 1, format, list);
    va_end(list);
    text->length += (size_t)n;
}

enum { LONGEST = 40 };

static int edits(const char *a, const char *b)
{
    int row[LONGEST + 1], m = (int)strlen(a), n = (int)strlen(b);

    if (m > LONGEST || n > LONGEST)
        return LONGEST;
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; i <= m; i++) {
        int diagonal = row[0];

        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = row[j] + 1 < best ? row[j] + 1 : best;
        }
    }
    return row[n];
}

const char *nw_near(const char *word, const char *const *names, size_t n)
{
    int limit = 1 + (int)strlen(word) / 3;
    const char *best = NULL;

    for (size_t i = 0; i < n; i++) {
        int d = edits(word, names[i]);

        if (d <= limit) {
            limit = d - 1;
            best = names[i];
        }
    }
    return best;
}
