/* records.h - rows of a study, as the library prints them for machines. */
#ifndef TOOL_RECORDS_H
#define TOOL_RECORDS_H

#include "tool.h"

#include <jansson.h>

/* Rows as nw_study_print() gives them for `what`; json_decref() the array. NULL = a
 * failure that was told. */
json_t *records_read(struct tool *tool, nw_study *study, const char *what);

/* Number of a field; NaN when it is absent or null. */
double records_number(const json_t *row, const char *field);

#endif
