#include "records.h"

#include <math.h>
#include <stdlib.h>

json_t *records_read(struct tool *tool, nw_study *study, const char *what)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_t *rows = NULL;
    nw_status status;

    if (!out) {
        fail(tool, "out of memory");
        return NULL;
    }
    status = nw_study_print(study, what, "json", out);
    fclose(out);
    if (status < 0)
        failed(tool, status);
    else
        rows = json_loadb(text, size, 0, NULL);
    free(text);
    if (status >= 0 && !json_is_array(rows))
        fail(tool, "study: its %s cannot be read", what);
    return rows;
}

double records_number(const json_t *row, const char *field)
{
    const json_t *value = json_object_get(row, field);

    return json_is_number(value) ? json_number_value(value) : NAN;
}
