/* family.h - what the published spaces share. */
#ifndef NW_FAMILY_H
#define NW_FAMILY_H

#include "space.h"

/* All families, and all published networks; NULL ends each list. */
extern const nw_space_type *const nw_spaces[];
extern const nw_space_type *const nw_nets[];

/* A reader of spaces from YAML text. `where` is the file, for messages. The space is
 * unsealed; NULL after a failure, which stays pending. */
nw_space *nw_space_parse(nw_ctx *ctx, const char *text, size_t length, const char *where,
                         const int input[3], int classes);

/* Build what `spec` says into a fresh space: a family of the list at `arch` (may be
 * NULL). For nw_space_open() and "space:" in a file. */
nw_status nw_family_build(nw_space *space, const char *spec, const int input[3],
                          int classes, const nw_arch *arch);

/* Apply a chain whose text is made as by printf. */
nw_ref nw_opf(nw_space *space, nw_ref x, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The whole file, NUL-ended, for nw_release(). */
nw_status nw_read_file(nw_ctx *ctx, const char *path, char **text, size_t *length);

#endif
