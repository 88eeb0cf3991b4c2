/* npz.h - NumPy archives in tests: every array by its name. */
#ifndef NPZ_H
#define NPZ_H

#include <stddef.h>

struct array {
    char *name; /* "w0/stem.0.weight"                     */
    int rank, dim[6];
    size_t count;
    double *number; /* any numeric dtype, widened             */
    char *text;     /* of a string array's first element      */
};

struct npz {
    struct array *array;
    int n;
};

/* Reads all; prints why and exits with 1 when it cannot. */
struct npz *npz_open(const char *path);
void npz_close(struct npz *npz);
const struct array *npz_find(const struct npz *npz, const char *name);       /* or NULL */
const struct array *npz_get(const struct npz *npz, const char *format, ...); /* or exit */

#endif
