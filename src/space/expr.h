/*
 * expr.h - names and sums in the texts of a space file.
 *
 *   $name     the text of that name; the name of a number choice stays "$name"
 *   ${sum}    a whole number: + - * / % < <= > >= == != ? : ( ) over numbers and names
 */
#ifndef NW_EXPR_H
#define NW_EXPR_H

#include "text.h"

/* A chain of names with their texts, innermost first. */
typedef struct nw_let {
    const struct nw_let *outer;
    const char *name, *text;
    int is_choice; /* text is unused */
} nw_let;

const nw_let *nw_let_find(const nw_let *let, const char *name, size_t length);

/* Add `text` to out with all names replaced; 0 = why[] says why not. */
int nw_expand(const nw_let *let, const char *text, nw_text *out, char why[256]);

/* A whole sum, without "${" and "}". */
int nw_expr(const nw_let *let, const char *text, long *value, char why[256]);

#endif
