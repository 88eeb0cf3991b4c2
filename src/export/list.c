#include "export.h"

#define X(name) extern const nw_export_type nw_export_##name;
#include "list.def"
#undef X

const nw_export_type *const nw_exporters[] = {
#define X(name) &nw_export_##name,
#include "list.def"
#undef X
    NULL,
};
