/* setting.h - what families read from their keys: input, classes, genotypes in a string.
 */
#ifndef NW_SETTING_H
#define NW_SETTING_H

#include "space.h"

/* For what a network is built. */
typedef struct nw_setting {
    int shape[3], classes;
} nw_setting;

/* How many classes: what the key says, else what the data has, else `usual`; 0 = does not
 * say. NW_EMATCH when key and data differ; family may be NULL. */
nw_status nw_classes_of(nw_ctx *ctx, const char *family, int key, int usual,
                        int *classes);

/* The input, or else a colour picture of that many pixels a side. */
void nw_input_or(const int input[3], int pixels, int shape[3]);

/* What the caller gives, else what the keys say (classes 0 = they do not), else `shape`
 * and 10 classes. NW_EMATCH when both say it differently. */
nw_status nw_setting_of(nw_ctx *ctx, const char *family, const int input[3], int classes,
                        const int shape[3], int key_classes, nw_setting *out);

/* The JSON string in `text`, such as "C(64,3) SM" with its quotes. NW_EFORMAT with the
 * place when it is not one, or too long. */
nw_status nw_setting_word(nw_ctx *ctx, const char *text, const char *where, char *out,
                          size_t size);

/* NW_OK, or NW_EIO when something went wrong with `out`. */
nw_status nw_setting_written(nw_ctx *ctx, FILE *out);

#endif
