/* list.c - all ops, from list.def; NULL ends the list. */
#include "netwright_ext.h"

#define X(name) extern const nw_op_type NW_R(nw_op_##name);
#include "list.def"
#undef X

extern const nw_op_type *const NW_R(nw_ops)[];

const nw_op_type *const NW_R(nw_ops)[] = {
#define X(name) &NW_R(nw_op_##name),
#include "list.def"
#undef X
    NULL,
};
