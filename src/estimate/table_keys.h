/*
 * table_keys.h - which columns of a table are what: the keys of estimator "table".
 *
 * A key names columns: "a", or several with a plus, "a+b+c". Each may be scaled, "a*1e6",
 * and moved, "a-10"; a name that holds such a sign itself is taken as it stands.
 */
#ifndef NW_TABLE_KEYS_H
#define NW_TABLE_KEYS_H

#include "table_file.h"

/* What a number of a row is for. */
enum nw_part {
    NW_PART_SCORE,
    NW_PART_REPORT,
    NW_PART_LOW,
    NW_PART_CURVE,
    NW_PART_COST,
    NW_PART_PARAMS,
    NW_PART_MACS,
    NW_PART_PEAK,
    NW_PART_LATENCY,
    NW_PART_LOSS,
    NW_PART_TOP5,
    NW_PARTS,
};

typedef struct nw_table_keys {
    char file[NW_TEXT_SIZE], as[NW_TEXT_SIZE], data[NW_TEXT_SIZE], arch[NW_TEXT_SIZE];
    char part[NW_PARTS][NW_TEXT_SIZE];
    char latency[NW_TEXT_SIZE], draw[NW_TEXT_SIZE];
    int epochs, skip;
    double scale, cost_scale, low_at;
} nw_table_keys;

/* A number of a row: cell * scale + offset. */
typedef struct nw_term {
    int column; /* -1 = from the file of latencies */
    double scale, offset;
} nw_term;

/* Terms of all parts, one part after the other. */
typedef struct nw_terms {
    nw_ctx *ctx;
    nw_term *term;
    int n, room;
    int first[NW_PARTS], count[NW_PARTS];
} nw_terms;

/* Key of a part: "score", "report" ... */
extern const char *const nw_part_names[NW_PARTS];

/* Fill in what is not given: what the table is known to be says it. */
nw_status nw_table_complete(nw_table_keys *keys, const nw_sheet *sheet);

/* The name that as=auto finds for the table; NULL = it is not known. */
const char *nw_table_kind(const nw_sheet *sheet);

/* Look the columns up. nw_release(ctx, terms->term) also after a failure. */
nw_status nw_table_terms(const nw_table_keys *keys, const nw_sheet *sheet, nw_terms *out);

#endif
