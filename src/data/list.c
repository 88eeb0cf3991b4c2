/* list.c - all kinds of data sets, from list.def. */
#include "data.h"

#define X(name) extern const nw_data_type nw_data_##name;
#include "list.def"
#undef X

const nw_data_type *const nw_data_types[] = {
#define X(name) &nw_data_##name,
#include "list.def"
#undef X
    NULL,
};
