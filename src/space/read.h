/* read.h - inside of the reader of space files: read_space.c the whole, read_node.c
 * nodes. */
#ifndef NW_READ_H
#define NW_READ_H

#include "expr.h"
#include "family.h"
#include "yaml.h"

enum { NW_MOST_PLACES = 50000, NW_MOST_ROUNDS = 1000 };

typedef struct nw_reader {
    nw_space *space;
    nw_arena arena; /* of the tree and all names; gone when reading ends */
    const char *file;
    const nw_yaml *blocks; /* map, or NULL */
} nw_reader;

typedef struct nw_named {
    struct nw_named *older;
    const char *name;
    nw_ref ref;
} nw_named;

/* What names mean at some point of the file. */
typedef struct nw_scope {
    const nw_let *let;
    nw_named *nodes;
    nw_ref last; /* the node before: what a node takes unless told "from:" */
    int depth;   /* of blocks in blocks */
} nw_scope;

/* Fail with file:line:column. Returns -1. */
nw_ref nw_read_fail(nw_reader *r, const nw_yaml *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Messages of builders from here on say where `at` is. */
void nw_read_at(nw_reader *r, const nw_yaml *at);

/* A map whose keys are all among `keys`, which ends at NULL; 0 = failed. */
int nw_read_keys(nw_reader *r, const nw_yaml *map, const char *what,
                 const char *const *keys);

/* The text with all $names replaced, in the arena; NULL = failed. */
const char *nw_read_text(nw_reader *r, const nw_let *let, const nw_yaml *at);

/* A whole number, "3" or "${2*i}"; 0 = failed. */
int nw_read_int(nw_reader *r, const nw_let *let, const nw_yaml *at, int *value);

/* Letters, digits and _; 0 = failed. */
int nw_read_is_word(nw_reader *r, const nw_yaml *at);

/* One more name, whose text is already expanded; NULL = failed. */
const nw_let *nw_read_let(nw_reader *r, const nw_let *outer, const nw_yaml *key,
                          const char *text);
const nw_let *nw_read_let_int(nw_reader *r, const nw_let *outer, const char *name,
                              int value);

int nw_read_add_node(nw_reader *r, nw_scope *scope, const nw_yaml *key, nw_ref ref);
nw_ref nw_read_node_named(nw_reader *r, const nw_scope *scope, const nw_yaml *at);

/* All nodes of a map, in order, into the scope; 0 = failed. */
int nw_read_nodes(nw_reader *r, nw_scope *scope, const nw_yaml *map);

#endif
