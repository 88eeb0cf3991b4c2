#include "slice.h"

#include "netwright_ext.h"

#include <string.h>

/* Axis 2 and all of axis 3 as one, so that rows are longer. */
static void fold(nw_slice *s)
{
    s->dim[3] *= s->dim[2];
    s->at[3] = s->at[2] * s->of[3];
    s->of[3] *= s->of[2];
    for (int i = 2; i > 0; i--) {
        s->dim[i] = s->dim[i - 1];
        s->of[i] = s->of[i - 1];
        s->at[i] = s->at[i - 1];
    }
    s->dim[0] = s->of[0] = 1;
    s->at[0] = 0;
}

/* The same slice with four axes, the last as long as it can be. */
static nw_slice four(const nw_slice *slice)
{
    nw_slice out = {4, {1, 1, 1, 1}, {1, 1, 1, 1}, {0}};
    const int skip = 4 - slice->rank;

    for (int i = 0; i < slice->rank; i++) {
        out.dim[skip + i] = slice->dim[i];
        out.of[skip + i] = slice->of[i];
        out.at[skip + i] = slice->at[i];
    }
    for (int i = 0; i < 3 && out.dim[3] == out.of[3]; i++)
        fold(&out);
    return out;
}

/* Where row (a, b, c) of a slice of four axes starts in the whole. */
static size_t row(const nw_slice *s, int a, int b, int c)
{
    size_t i = (size_t)(s->at[0] + a);

    i = i * (size_t)s->of[1] + (size_t)(s->at[1] + b);
    i = i * (size_t)s->of[2] + (size_t)(s->at[2] + c);
    return i * (size_t)s->of[3] + (size_t)s->at[3];
}

static void take(const nw_slice *slice, const void *whole, void *part)
{
    const nw_slice s = four(slice);
    const size_t n = (size_t)s.dim[3];
    const nw_real *from = whole;
    nw_real *to = part;

    for (int a = 0; a < s.dim[0]; a++)
        for (int b = 0; b < s.dim[1]; b++)
            for (int c = 0; c < s.dim[2]; c++, to += n)
                memcpy(to, from + row(&s, a, b, c), n * sizeof(*to));
}

static void add(const nw_slice *slice, const void *part, void *whole)
{
    const nw_slice s = four(slice);
    const int n = s.dim[3];
    const nw_real *from = part;

    for (int a = 0; a < s.dim[0]; a++)
        for (int b = 0; b < s.dim[1]; b++)
            for (int c = 0; c < s.dim[2]; c++, from += n) {
                nw_real *to = (nw_real *)whole + row(&s, a, b, c);

                for (int i = 0; i < n; i++)
                    to[i] += from[i];
            }
}

/* Where number i of the centre of a k x k kernel stands in it. */
static int centre(int k, int i)
{
    return (i / (k - 2) + 1) * k + i % (k - 2) + 1;
}

static void shrink(size_t n, int k, const void *matrix, const void *from, void *to)
{
    const int m = (k - 2) * (k - 2);
    const nw_real *w = matrix, *x = from;
    nw_real *y = to;

    for (size_t f = 0; f < n; f++, x += k * k)
        for (int r = 0; r < m; r++) {
            double sum = 0;

            for (int c = 0; c < m; c++)
                sum += (double)w[r * m + c] * (double)x[centre(k, c)];
            *y++ = (nw_real)sum;
        }
}

/* dfrom of one kernel: the transposed matrix times dy, with zeros around it */
static void grow_kernel(int k, const nw_real *w, const nw_real *dy, nw_real *dx)
{
    const int m = (k - 2) * (k - 2);

    memset(dx, 0, (size_t)(k * k) * sizeof(*dx));
    for (int c = 0; c < m; c++) {
        double sum = 0;

        for (int r = 0; r < m; r++)
            sum += (double)w[r * m + c] * (double)dy[r];
        dx[centre(k, c)] = (nw_real)sum;
    }
}

static void grow(size_t n, int k, const void *matrix, const void *from, const void *dto,
                 void *dfrom, void *dmatrix)
{
    const int m = (k - 2) * (k - 2);
    const nw_real *x = from, *dy = dto;
    nw_real *dx = dfrom, *dw = dmatrix;

    for (size_t f = 0; f < n; f++)
        grow_kernel(k, matrix, dy + f * (size_t)m, dx + f * (size_t)(k * k));
    for (int r = 0; r < m; r++)
        for (int c = 0; c < m; c++) {
            double sum = 0;

            for (size_t f = 0; f < n; f++)
                sum += (double)dy[f * (size_t)m + (size_t)r] *
                       (double)x[f * (size_t)(k * k) + (size_t)centre(k, c)];
            dw[r * m + c] += (nw_real)sum;
        }
}

const nw_slicer NW_R(nw_slicer) = {
    .take = take,
    .add = add,
    .shrink = shrink,
    .grow = grow,
};
