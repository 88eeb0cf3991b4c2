/* yaml.h - YAML text as a tree that knows where every part of it stood. */
#ifndef NW_YAML_H
#define NW_YAML_H

#include "arena.h"

typedef enum nw_yaml_kind { NW_YAML_TEXT, NW_YAML_LIST, NW_YAML_MAP } nw_yaml_kind;

typedef struct nw_yaml {
    nw_yaml_kind kind;
    int line, column;      /* from 1                                     */
    const char *text;      /* of NW_YAML_TEXT; "" for nothing            */
    int n;                 /* items of a list or a map                   */
    struct nw_yaml **item; /* values                                     */
    struct nw_yaml **key;  /* NW_YAML_MAP: as many, all NW_YAML_TEXT     */
} nw_yaml;

/* NULL after nw_fail(), "file:line:column: words". JSON is YAML too. One document;
 * aliases and tags are refused. The tree lives in the arena. */
nw_yaml *nw_yaml_parse(nw_arena *arena, const char *text, size_t length,
                       const char *file);

/* Value of a key of a map, or NULL. */
nw_yaml *nw_yaml_get(const nw_yaml *map, const char *key);

#endif
