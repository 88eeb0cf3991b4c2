/* columns.c - see columns.h. Four rows at a time, so that sums stay in registers. */
#include "columns.h"

#include "parallel.h"
#include "simd.h"

#include <string.h>

enum { PART_NUMBERS = 1 << 14, CHUNK = 128 };

struct job {
    size_t rows, c, parts;
    const nw_real *x;
    nw_real *y;
    double *part; /* (parts, c) */
};

#ifndef NW_DOUBLE
size_t nw_parts(size_t rows, size_t c)
{
    size_t n = rows * c / PART_NUMBERS;

    n = n < rows ? n : rows;
    return n < 1 ? 1 : n > NW_MOST_PARTS ? NW_MOST_PARTS : n;
}
#endif

NW_CLONES void NW_R(nw_rows_sum)(size_t rows, size_t c, const nw_real *restrict x,
                                 nw_real *restrict sum)
{
    size_t r = 0;

    memset(sum, 0, c * sizeof(nw_real));
    for (; r + 4 <= rows; r += 4, x += 4 * c)
        for (size_t i = 0; i < c; i++)
            sum[i] += (x[i] + x[c + i]) + (x[2 * c + i] + x[3 * c + i]);
    for (; r < rows; r++, x += c)
        for (size_t i = 0; i < c; i++)
            sum[i] += x[i];
}

/* Sums of CHUNK rows in nw_real, the rest in double. */
static void sum_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;

    for (size_t p = begin; p < end; p++) {
        size_t r = nw_part_start(j->rows, j->parts, p);
        size_t stop = nw_part_start(j->rows, j->parts, p + 1);
        double *total = j->part + p * j->c;
        nw_real *some = j->y + p * j->c;

        memset(total, 0, j->c * sizeof(double));
        for (; r < stop; r += CHUNK) {
            NW_R(nw_rows_sum)
            (stop - r < CHUNK ? stop - r : CHUNK, j->c, j->x + r * j->c, some);
            for (size_t i = 0; i < j->c; i++)
                total[i] += (double)some[i];
        }
    }
}

size_t NW_R(nw_column_scratch)(size_t rows, size_t c)
{
    return nw_parts(rows, c) * c * (sizeof(double) + sizeof(nw_real));
}

void NW_R(nw_column_sum)(size_t rows, size_t c, const nw_real *x, nw_real *sum,
                         void *scratch)
{
    struct job j = {rows, c, nw_parts(rows, c), x, NULL, scratch};

    j.y = (nw_real *)(j.part + j.parts * c);
    nw_parallel(j.parts, 1, sum_part, &j);
    for (size_t i = 0; i < c; i++) {
        double total = 0;

        for (size_t p = 0; p < j.parts; p++)
            total += j.part[p * c + i];
        sum[i] += (nw_real)total;
    }
}

static void spread_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;

    for (size_t r = begin; r < end; r++)
        memcpy(j->y + r * j->c, j->x, j->c * sizeof(nw_real));
}

void NW_R(nw_column_spread)(size_t rows, size_t c, const nw_real *row, nw_real *y)
{
    struct job j = {.c = c, .x = row, .y = y};

    nw_parallel(rows, PART_NUMBERS / c + 1, spread_part, &j);
}

NW_CLONES static void add_range(const nw_real *restrict x, nw_real *restrict y, size_t i,
                                size_t end)
{
    for (; i < end; i++)
        y[i] += x[i];
}

static void add_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;

    add_range(j->x, j->y, begin, end);
}

void NW_R(nw_add_into)(size_t n, const nw_real *x, nw_real *y)
{
    struct job j = {.x = x, .y = y};

    nw_parallel(n, PART_NUMBERS, add_part, &j);
}
