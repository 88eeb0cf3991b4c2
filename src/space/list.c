/* list.c - all families, from list.def. */
#include "family.h"

#define X(name) extern const nw_space_type nw_space_##name;
#include "list.def"
#undef X

const nw_space_type *const nw_spaces[] = {
#define X(name) &nw_space_##name,
#include "list.def"
#undef X
    NULL,
};
