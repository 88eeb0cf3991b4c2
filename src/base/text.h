/* text.h - a text that grows. */
#ifndef NW_TEXT_H
#define NW_TEXT_H

#include "ctx.h"

typedef struct nw_text {
    nw_ctx *ctx;
    char *data; /* always ends in NUL once anything was added; NULL before */
    size_t length, room;
    int failed; /* memory ran out: what follows is dropped, the failure is pending */
} nw_text;

void nw_text_init(nw_text *text, nw_ctx *ctx);
void nw_text_free(nw_text *text);
void nw_text_add(nw_text *text, const void *bytes, size_t n);
void nw_text_printf(nw_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The name among `n` that is nearest to `word` in edits, or NULL if none is near:
 * for "did you mean". */
const char *nw_near(const char *word, const char *const *names, size_t n);

#endif
