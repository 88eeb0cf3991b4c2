/*
 * spec.h - "name key=value key=value": how ops, spaces, strategies, estimators, data
 * sets and exporters are named. One parser, driven by the nw_attr rows of each type.
 */
#ifndef NW_SPEC_H
#define NW_SPEC_H

#include "ctx.h"
#include "netwright_ext.h"
#include "text.h"

/* A value "$name" is looked up here; NULL = there are no such names. */
typedef struct nw_lookup {
    void *user;
    int (*find)(void *user, const char *name, int *value); /* 0 = no such name */
} nw_lookup;

/* Length of the name that starts `spec`, and where its keys start. Blanks are skipped. */
size_t nw_spec_name(const char *spec, const char **name, const char **keys);

/* Entry of the NULL-ended list that `spec` names; kind is "op", "strategy" ... for
 * the message. NULL after nw_fail(NW_ENAME), which says what is nearest. */
const void *nw_spec_find(nw_ctx *ctx, const char *kind, const void *const *list,
                         const char *spec);

/* Fill the struct `out` of `type` (type->size bytes at least hold its keys) from the
 * keys of `spec`, defaults included. Unknown, doubled, malformed and out-of-range keys
 * fail with NW_ESPEC and words that start with the name. */
nw_status nw_spec_parse(nw_ctx *ctx, const nw_head *type, const char *spec,
                        const nw_lookup *lookup, void *out);

/* Cut the value of `key` out of `spec` into value; 0 = it is not there. What is left
 * of the spec goes to rest (may be NULL; at least strlen(spec) + 1 bytes). */
int nw_spec_cut(const char *spec, const char *key, char *value, size_t size, char *rest);

/* The table of keys that a user reads. */
void nw_spec_help(nw_text *out, const nw_head *type);

#endif
