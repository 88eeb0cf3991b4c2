/*
 * gemm.c - both matrices are packed into panels that the tile kernel reads in order:
 * a in panels of 6 rows, b in panels of 16 columns, zero padded. A part of the parallel
 * loop is one block of c, worked through k in stretches that keep a panel of b in the
 * first-level cache. Stacked matrices are packed a few at a time. With so few rows that
 * packing b would cost more than the product, b is read once as it stands.
 *
 * [1] F. Van Zee, R. van de Geijn, BLIS: A Framework for Rapidly Instantiating BLAS
 *     Functionality, ACM TOMS 41(3), 2015: the loop order and the panels.
 */
#include "gemm.h"

#include "parallel.h"
#include "simd.h"

#include <string.h>

struct job {
    const nw_gemm *g;
    const nw_real *a, *b;
    nw_real *c;
    nw_real *pa, *pb;      /* packed */
    size_t a_size, b_size; /* of one packed matrix */
    size_t row_blocks, col_blocks;
};

/* ---- Portable ------------------------------------------------------------- */

/* One row of c. */
static void plain_row(const nw_gemm *g, const nw_real *a, const nw_real *b, nw_real *c,
                      size_t i)
{
    for (size_t j = 0; j < g->n && !g->add; j++)
        c[j] = 0;
    for (size_t j = 0; j < g->n && g->tb; j++) {
        nw_real sum = 0;

        for (size_t l = 0; l < g->k; l++)
            sum += (g->ta ? a[l * g->m + i] : a[i * g->k + l]) * b[j * g->k + l];
        c[j] += sum;
    }
    for (size_t l = 0; l < g->k && !g->tb; l++) {
        nw_real v = g->ta ? a[l * g->m + i] : a[i * g->k + l];

        for (size_t j = 0; j < g->n; j++)
            c[j] += v * b[l * g->n + j];
    }
}

static void plain_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    const nw_gemm *g = j->g;

    for (size_t r = begin; r < end; r++) {
        size_t which = r / g->m, i = r % g->m;

        plain_row(g, j->a + which * g->m * g->k, j->b + which * g->k * g->n,
                  j->c + r * g->n, i);
    }
}

static void plain(struct job *j)
{
    const nw_gemm *g = j->g;
    size_t row = g->n * g->k + 1;

    nw_parallel(g->count * g->m, row < 65536 ? 65536 / row + 1 : 1, plain_part, j);
}

#ifdef NW_DOUBLE

size_t NW_R(nw_gemm_scratch)(const nw_gemm *g)
{
    (void)g;
    return 0;
}

void NW_R(nw_gemm)(const nw_gemm *g, const nw_real *a, const nw_real *b, nw_real *c,
                   void *scratch)
{
    (void)scratch;
    plain(&(struct job){.g = g, .a = a, .b = b, .c = c});
}

#else

/* ---- Tiled ---------------------------------------------------------------- */

enum {
    MR = 6, /* tile of c: 6 x 16 floats, 12 vector registers     */
    NR = 16,
    KC = 256,       /* of a stretch: a panel of b is then 16 KiB         */
    ROW_PANELS = 8, /* of a block of c                                   */
    COL_PANELS = 8,
    AT_ONCE = 16,    /* stacked matrices that are packed together         */
    PACK_GRAIN = 16, /* panels                                            */
};

static size_t panels(size_t n, size_t width)
{
    return (n + width - 1) / width;
}

/* Panel p of a matrix of `rows` x k, whose element (i, l) is at src[i * si + l * sl]. */
NW_INLINE void pack_panel(const float *restrict src, size_t si, size_t sl, size_t rows,
                          size_t k, size_t p, size_t width, float *restrict out)
{
    size_t first = p * width, some = rows - first < width ? rows - first : width;

    if (some == width && si == 1) {
        for (size_t l = 0; l < k; l++)
            memcpy(out + l * width, src + first + l * sl, width * sizeof(float));
        return;
    }
    for (size_t i = 0; i < width; i++)
        for (size_t l = 0; l < k; l++)
            out[l * width + i] = i < some ? src[(first + i) * si + l * sl] : 0;
}

static void pack_a_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    const nw_gemm *g = j->g;
    size_t n = panels(g->m, MR), si = g->ta ? 1 : g->k, sl = g->ta ? g->m : 1;

    for (size_t p = begin; p < end; p++)
        pack_panel(j->a + p / n * g->m * g->k, si, sl, g->m, g->k, p % n, MR,
                   j->pa + p / n * j->a_size + p % n * MR * g->k);
}

static void pack_b_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;
    const nw_gemm *g = j->g;
    size_t n = panels(g->n, NR), si = g->tb ? g->k : 1, sl = g->tb ? 1 : g->n;

    for (size_t p = begin; p < end; p++)
        pack_panel(j->b + p / n * g->k * g->n, si, sl, g->n, g->k, p % n, NR,
                   j->pb + p / n * j->b_size + p % n * NR * g->k);
}

/* out (MR, NR) = a' b over k. */
NW_WIDE static void tile(size_t k, const float *restrict a, const float *restrict b,
                         nw_v out[MR * 2])
{
    nw_v acc[MR][2] = {{{0}}};

    for (size_t l = 0; l < k; l++) {
        nw_v b0 = *(const nw_vu *)(b + l * NR), b1 = *(const nw_vu *)(b + l * NR + 8);
#pragma GCC unroll 6
        for (size_t i = 0; i < MR; i++) {
            float v = a[l * MR + i];

            acc[i][0] += v * b0;
            acc[i][1] += v * b1;
        }
    }
#pragma GCC unroll 6
    for (size_t i = 0; i < MR; i++)
        out[i * 2] = acc[i][0], out[i * 2 + 1] = acc[i][1];
}

/* The tile's part that lies within c. */
NW_WIDE static void put_tile(const nw_v t[MR * 2], float *c, size_t ld, size_t rows,
                             size_t cols, int add)
{
    const float *from = (const float *)t;

    for (size_t i = 0; i < rows; i++, from += NR, c += ld)
        for (size_t j = 0; j < cols; j++)
            c[j] = add ? c[j] + from[j] : from[j];
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

NW_WIDE static void block(const struct job *j, const float *pa, const float *pb, float *c,
                          size_t row_block, size_t col_block)
{
    const nw_gemm *g = j->g;
    size_t p_end = least((row_block + 1) * ROW_PANELS, panels(g->m, MR));
    size_t q_end = least((col_block + 1) * COL_PANELS, panels(g->n, NR));

    for (size_t l = 0; l < g->k; l += KC)
        for (size_t q = col_block * COL_PANELS; q < q_end; q++)
            for (size_t p = row_block * ROW_PANELS; p < p_end; p++) {
                nw_v t[MR * 2];

                tile(least(KC, g->k - l), pa + p * MR * g->k + l * MR,
                     pb + q * NR * g->k + l * NR, t);
                put_tile(t, c + p * MR * g->n + q * NR, g->n, least(MR, g->m - p * MR),
                         least(NR, g->n - q * NR), g->add || l);
            }
}

static void block_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;

    for (size_t t = begin; t < end; t++) {
        size_t which = t / (j->row_blocks * j->col_blocks);
        size_t rest = t % (j->row_blocks * j->col_blocks);

        block(j, j->pa + which * j->a_size, j->pb + which * j->b_size,
              j->c + which * j->g->m * j->g->n, rest / j->col_blocks,
              rest % j->col_blocks);
    }
}

static size_t a_size(const nw_gemm *g)
{
    return panels(g->m, MR) * MR * g->k;
}

static size_t b_size(const nw_gemm *g)
{
    return panels(g->n, NR) * NR * g->k;
}

/* ---- Few rows ------------------------------------------------------------- */

enum { FEW = 4, STRIP = 32 }; /* rows; columns that are worked on together */

static int is_thin(const nw_gemm *g)
{
    return g->m <= FEW && (!g->ta || g->m == 1);
}

static void put(const nw_gemm *g, float *c, float v)
{
    *c = g->add ? *c + v : v;
}

NW_WIDE static float dot(const float *a, const float *b, size_t k)
{
    nw_v acc[4] = {{0}};
    float sum = 0;
    size_t l = 0;

    for (; l + 4 * NW_LANES <= k; l += 4 * NW_LANES)
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++)
            acc[i] += *(const nw_vu *)(a + l + i * NW_LANES) *
                      *(const nw_vu *)(b + l + i * NW_LANES);
    for (; l + NW_LANES <= k; l += NW_LANES)
        acc[0] += *(const nw_vu *)(a + l) * *(const nw_vu *)(b + l);
    acc[0] += acc[1] + (acc[2] + acc[3]);
    for (size_t i = 0; i < NW_LANES; i++)
        sum += acc[0][i];
    for (; l < k; l++)
        sum += a[l] * b[l];
    return sum;
}

/* Columns [j, j + STRIP) of one row, where b stands as (k, n). */
NW_WIDE static void strip(const nw_gemm *g, const float *a, const float *b, float *c,
                          size_t j)
{
    nw_v acc[STRIP / NW_LANES] = {{0}};
    const float *sum = (const float *)acc;

    for (size_t l = 0; l < g->k; l++)
#pragma GCC unroll 4
        for (size_t i = 0; i < STRIP / NW_LANES; i++)
            acc[i] += a[l] * *(const nw_vu *)(b + l * g->n + j + i * NW_LANES);
    for (size_t i = 0; i < STRIP; i++)
        put(g, c + j + i, sum[i]);
}

static void last_strip(const nw_gemm *g, const float *a, const float *b, float *c,
                       size_t j)
{
    for (; j < g->n; j++) {
        float sum = 0;

        for (size_t l = 0; l < g->k; l++)
            sum += a[l] * b[l * g->n + j];
        put(g, c + j, sum);
    }
}

static void thin_part(void *arg, size_t begin, size_t end)
{
    const struct job *job = arg;
    const nw_gemm *g = job->g;
    const size_t strips = panels(g->n, STRIP), rows = strips * g->m;

    for (size_t t = begin; t < end; t++) {
        const size_t which = t / rows, i = t / strips % g->m, j = t % strips * STRIP;
        const float *a = job->a + (which * g->m + i) * g->k;
        const float *b = job->b + which * g->k * g->n;
        float *c = job->c + (which * g->m + i) * g->n;

        if (g->tb)
            for (size_t q = j; q < least(j + STRIP, g->n); q++)
                put(g, c + q, dot(a, b + q * g->k, g->k));
        else if (j + STRIP <= g->n)
            strip(g, a, b, c, j);
        else
            last_strip(g, a, b, c, j);
    }
}

static void thin(struct job *j)
{
    const nw_gemm *g = j->g;

    nw_parallel(g->count * g->m * panels(g->n, STRIP), 100000 / (STRIP * g->k + 1) + 1,
                thin_part, j);
}

/* ---- Both ------------------------------------------------------------------ */

size_t NW_R(nw_gemm_scratch)(const nw_gemm *g)
{
    return least(g->count, AT_ONCE) * (a_size(g) + b_size(g)) * sizeof(float);
}

static void tiled(struct job *j)
{
    const nw_gemm *g = j->g;
    size_t tiles = j->row_blocks * j->col_blocks;
    /* about 100,000 multiply-adds are worth a thread */
    size_t work = ROW_PANELS * MR * COL_PANELS * NR * g->k;
    size_t grain = work < 100000 ? 100000 / work + 1 : 1;

    for (size_t done = 0; done < g->count; done += AT_ONCE) {
        size_t n = least(AT_ONCE, g->count - done);

        nw_parallel(n * panels(g->m, MR), PACK_GRAIN, pack_a_part, j);
        nw_parallel(n * panels(g->n, NR), PACK_GRAIN, pack_b_part, j);
        nw_parallel(n * tiles, grain, block_part, j);
        j->a += n * g->m * g->k;
        j->b += n * g->k * g->n;
        j->c += n * g->m * g->n;
    }
}

void NW_R(nw_gemm)(const nw_gemm *g, const nw_real *a, const nw_real *b, nw_real *c,
                   void *scratch)
{
    struct job j = {
        .g = g,
        .a = a,
        .b = b,
        .c = c,
        .pa = scratch,
        .pb = (float *)scratch + least(g->count, AT_ONCE) * a_size(g),
        .a_size = a_size(g),
        .b_size = b_size(g),
        .row_blocks = panels(panels(g->m, MR), ROW_PANELS),
        .col_blocks = panels(panels(g->n, NR), COL_PANELS),
    };

    if (!nw_has_wide() || g->m * g->n * g->k <= 64)
        plain(&j);
    else if (is_thin(g))
        thin(&j);
    else
        tiled(&j);
}

#endif
