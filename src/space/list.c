/* list.c - all families and all published networks, from list.def and nets.def. */
#include "family.h"

#define X(name) extern const nw_space_type nw_space_##name;
#include "list.def"
#include "nets.def"
#undef X

const nw_space_type *const nw_spaces[] = {
#define X(name) &nw_space_##name,
#include "list.def"
#undef X
    NULL,
};

const nw_space_type *const nw_nets[] = {
#define X(name) &nw_space_##name,
#include "nets.def"
#undef X
    NULL,
};
