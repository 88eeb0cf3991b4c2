/*
 * fields.h - a text of separated values (CSV, RFC 4180), cut into records and fields.
 *
 * The text is cut up in place: fields point into it. A field may stand in "quotes", and
 * then go over the end of a line. Empty lines are skipped.
 */
#ifndef NW_FIELDS_H
#define NW_FIELDS_H

#include "source.h"

typedef struct nw_fields {
    const nw_source *src;
    char separator;
    char *next;   /* where the next record starts             */
    char *record; /* the one that was cut last                */
    size_t line;  /* on which it starts, from 1               */
    size_t lines; /* that were read so far                    */
    char **field; /* n pointers into the record               */
    size_t n;     /* fields of every record                   */
} nw_fields;

/* Cut the first record, which says how many fields all have. src->data[src->size] must be
 * 0. NW_DONE when there is none; nw_fields_free() also after a failure. */
nw_status nw_fields_first(nw_fields *f, const nw_source *src, char separator);

/* NW_OK, or NW_DONE when there are no more. */
nw_status nw_fields_next(nw_fields *f);
void nw_fields_free(nw_fields *f);

/* Column of field i in its line, from 1. */
size_t nw_fields_column(const nw_fields *f, size_t i);

/* NW_EFORMAT: format: path:line:column: "the field" words. */
nw_status nw_fields_bad(const nw_fields *f, size_t i, const char *words);

/* 1 = the text is one number, with blanks around it perhaps. */
int nw_parse_number(const char *text, double *out);

#endif
