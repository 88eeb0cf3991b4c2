/* normed.c - see normed.h. Vectors stand still while pixels pass, as channels are few.
 */
#include "normed.h"

#include "lanes.h"

#include <string.h>

static void plain_normed(size_t rows, size_t c, nw_real f, const nw_real *x,
                         const nw_real *mean, const nw_real *scale, const nw_real *shift,
                         nw_real *y, int add)
{
    for (size_t r = 0; r < rows; r++, x += c, y += c)
        for (size_t i = 0; i < c; i++)
            y[i] = (add ? y[i] : 0) + (x[i] - mean[i]) * (f * scale[i]) + f * shift[i];
}

static void plain_product(size_t rows, size_t c, const nw_real *x, const nw_real *dy,
                          const nw_real *mean, nw_real *prod)
{
    memset(prod, 0, c * sizeof(*prod));
    for (size_t r = 0; r < rows; r++, x += c, dy += c)
        for (size_t i = 0; i < c; i++)
            prod[i] += dy[i] * (x[i] - mean[i]);
}

#ifdef NW_DOUBLE

void NW_R(nw_normed_rows)(size_t rows, size_t c, nw_real factor, const nw_real *x,
                          const nw_real *mean, const nw_real *scale, const nw_real *shift,
                          nw_real *y, int add)
{
    plain_normed(rows, c, factor, x, mean, scale, shift, y, add);
}

void NW_R(nw_product_rows)(size_t rows, size_t c, const nw_real *x, const nw_real *dy,
                           const nw_real *mean, nw_real *prod)
{
    plain_product(rows, c, x, dy, mean, prod);
}

#else

/* The last vector reaches back: what it adds leaves out the channels that are done. */
NW_WIDE static void normed(size_t rows, int c, float factor, const float *x,
                           const float *mean, const float *scale, const float *shift,
                           float *y, int add)
{
    for (int from = 0; from < c; from += NW_LANES) {
        const int k = nw_lanes_at(from, c);
        const nw_v m = nw_get(mean + k), all = (nw_v){0} + factor,
                   share = add ? all * nw_fresh(from, k) : all,
                   a = nw_get(scale + k) * share, b = nw_get(shift + k) * share;
        const float *from_x = x + k;
        float *to = y + k;

        if (add)
            for (size_t r = 0; r < rows; r++, from_x += c, to += c)
                nw_put(to, nw_get(to) + ((nw_get(from_x) - m) * a + b));
        else
            for (size_t r = 0; r < rows; r++, from_x += c, to += c)
                nw_put(to, (nw_get(from_x) - m) * a + b);
    }
}

NW_WIDE static void product(size_t rows, int c, const float *x, const float *dy,
                            const float *mean, float *prod)
{
    for (int from = 0; from < c; from += NW_LANES) {
        const int k = nw_lanes_at(from, c);
        const nw_v m = nw_get(mean + k);
        const float *p = x + k, *g = dy + k;
        nw_v sum[2] = {{0}};
        size_t r = 0;

        for (; r + 2 <= rows; r += 2, p += 2 * c, g += 2 * c) {
            sum[0] += nw_get(g) * (nw_get(p) - m);
            sum[1] += nw_get(g + c) * (nw_get(p + c) - m);
        }
        if (r < rows)
            sum[0] += nw_get(g) * (nw_get(p) - m);
        nw_put(prod + k, sum[0] + sum[1]);
    }
}

static int is_wide(size_t c)
{
    return nw_has_wide() && c >= NW_LANES && c <= 1 << 20;
}

void NW_R(nw_normed_rows)(size_t rows, size_t c, nw_real factor, const nw_real *x,
                          const nw_real *mean, const nw_real *scale, const nw_real *shift,
                          nw_real *y, int add)
{
    if (is_wide(c))
        normed(rows, (int)c, factor, x, mean, scale, shift, y, add);
    else
        plain_normed(rows, c, factor, x, mean, scale, shift, y, add);
}

void NW_R(nw_product_rows)(size_t rows, size_t c, const nw_real *x, const nw_real *dy,
                           const nw_real *mean, nw_real *prod)
{
    if (is_wide(c))
        product(rows, (int)c, x, dy, mean, prod);
    else
        plain_product(rows, c, x, dy, mean, prod);
}

#endif
