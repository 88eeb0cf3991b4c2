/* int_list.h - keys and genotypes that are lists of whole numbers. */
#ifndef NW_INT_LIST_H
#define NW_INT_LIST_H

#include "ctx.h"

#include <stdio.h>

enum { NW_INTS_LARGEST = 1 << 20 }; /* number of a genotype */

/* "[0,2,0]" */
nw_status nw_ints_write(nw_ctx *ctx, int n, const int *value, FILE *out);

/* Exactly `n` numbers from a JSON list, or from a JSON text that has them with blanks
 * between, as the authors' scripts do. */
nw_status nw_ints_read(nw_ctx *ctx, const char *json, const char *where, int n,
                       int *value);

/* Numbers of min .. max, with one ',' or any blanks between them as `between` says; how
 * many there are, none in an empty text. -1 = something else stands there or there are
 * more than `most`. */
int nw_ints_parse(const char *text, char between, int min, int max, int most, int *value);

#endif
