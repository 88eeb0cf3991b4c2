/* table_latency.h - latencies from a second file, joined with the rows of a table. */
#ifndef NW_TABLE_LATENCY_H
#define NW_TABLE_LATENCY_H

#include "table_rows.h"

typedef struct nw_latency_file {
    const char *path, *device; /* and its column                                */
    const char *arch;          /* column of architectures                       */
    int index;                 /* number of a row that is its index; -1 = none  */
    int latency;               /* number of a row that becomes the latency, ms  */
} nw_latency_file;

/* The files are joined by the column "index" if both have it, else by architecture. */
nw_status nw_rows_join(nw_rows *rows, const nw_latency_file *file);

#endif
