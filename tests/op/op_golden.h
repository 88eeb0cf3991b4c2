/* op_golden.h - tests/golden/ops.bin, row by row; make_ops.py beside it says its form. */
#ifndef OP_GOLDEN_H
#define OP_GOLDEN_H

#include "op_run.h"

enum { GOLDEN_MOST_ARRAYS = 128, GOLDEN_NAME = 64 };

struct golden_array {
    char name[GOLDEN_NAME];
    int bytes; /* of a number */
    size_t n;
    const unsigned char *data;
};

struct golden_row {
    char spec[NW_TEXT_SIZE];
    nw_case c; /* spec and shapes */
    int batch;
    nw_mode mode;
    long recalibrated;
    int n;
    struct golden_array array[GOLDEN_MOST_ARRAYS];
};

struct golden {
    unsigned char *bytes;
    size_t size, at;
    int broken; /* the file ended within a row */
};

int golden_open(struct golden *g); /* 0 = there is no such file, or it is another's */
void golden_close(struct golden *g);
int golden_next(struct golden *g, struct golden_row *row); /* 0 = end */

const struct golden_array *golden_find(const struct golden_row *row, const char *kind,
                                       const char *name);
double golden_get(const struct golden_array *a, size_t i);

/* Put an array in its place in memory; shape NULL = a parameter, as written. */
void golden_load(const struct op_run *r, const struct op_array *to, const nw_shape *shape,
                 const struct golden_array *from);

/* |mine - golden| / |golden|, by the Euclidean norm. */
double golden_distance(const struct op_run *r, const struct op_array *mine,
                       const nw_shape *shape, const struct golden_array *golden);

#endif
