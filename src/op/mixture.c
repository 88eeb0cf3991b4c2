/*
 * mixture.c - see mixture.h.
 *
 * Blocks that stay in the first-level cache, all inputs for one block after the other, so
 * that y is written once and dy read once. Sums are made in parts of the rows
 * (columns.h), which are added in their order: they do not depend on the threads.
 */
#include "mixture.h"

#include "columns.h"
#include "normed.h"

enum { BLOCK = 2048, LANES = 8 };

nw_status NW_R(nw_mixture_infer)(nw_node *node, const char *name)
{
    for (int i = 1; i < node->n_in; i++)
        if (!nw_same(&node->in[0], &node->in[i]))
            return nw_refuse(node, "%s: input %d has another shape than the first", name,
                             i);
    return nw_infer_same(node);
}

static nw_deferred *due(const nw_run *run, int i)
{
    return run->due ? run->due[i] : NULL;
}

/* A pass. Scratch: of every input scale and shift times its weight; of every part in
 * doubles <dy, x[i]>, the sum of dy, and prod of every input; then its sums of a block.
 */
struct job {
    const nw_run *run;
    const double *weight;
    size_t c, rows, parts, block; /* rows of a block */
    nw_real *scaled;              /* (n_in, 2, c)             */
    double *total;                /* (parts, n_total)         */
    size_t n_total;
    nw_real *some; /* (parts, c) */
};

static size_t count(const struct job *j)
{
    return (size_t)j->run->n_in;
}

static void lay_out(struct job *j, const nw_run *run, const double *weight)
{
    *j = (struct job){.run = run, .weight = weight, .c = nw_width(&run->out)};
    j->rows = nw_total(run) / j->c;
    j->parts = nw_parts(j->rows, j->c);
    j->block = j->c < BLOCK ? BLOCK / j->c : 1;
    j->n_total = count(j) + (run->due ? (1 + count(j)) * j->c : 0);
    j->total = run->scratch;
    j->scaled = (nw_real *)(j->total + j->parts * j->n_total);
    j->some = j->scaled + (run->due ? 2 * count(j) * j->c : 0);
}

nw_status NW_R(nw_mixture_prepare)(nw_run *run)
{
    struct job j;

    lay_out(&j, run, NULL);
    run->scratch_bytes =
        j.parts * j.n_total * sizeof(double) +
        ((run->due ? 2 * count(&j) : 0) + j.parts) * j.c * sizeof(nw_real);
    return NW_OK;
}

static double weight_of(const struct job *j, int i)
{
    return j->weight ? j->weight[i] : 1;
}

/* ---- Forward ----------------------------------------------------------------------- */

/* y = or += w * x */
static void mix_in(nw_real *y, const nw_real *x, nw_real w, size_t n, int add)
{
    if (add && w == 1)
        for (size_t i = 0; i < n; i++)
            y[i] += x[i];
    else if (add)
        for (size_t i = 0; i < n; i++)
            y[i] += w * x[i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] = w * x[i];
}

static void scale_due(struct job *j)
{
    for (int i = 0; i < j->run->n_in; i++) {
        const nw_deferred *d = due(j->run, i);
        nw_real *to = j->scaled + 2 * (size_t)i * j->c;

        for (size_t k = 0; d && k < j->c; k++) {
            to[k] = (nw_real)weight_of(j, i) * d->scale[k];
            to[j->c + k] = (nw_real)weight_of(j, i) * d->shift[k];
        }
    }
}

static void forward_block(const struct job *j, size_t row, size_t rows)
{
    const nw_run *run = j->run;
    const size_t at = row * j->c, n = rows * j->c;
    int any = 0;

    for (int i = 0; i < run->n_in; i++) {
        const nw_deferred *d = due(run, i);
        const nw_real *scale = j->scaled + 2 * (size_t)i * j->c;

        if ((!d && !run->x[i]) || weight_of(j, i) == 0)
            continue;
        if (d)
            NW_R(nw_normed_rows)
        (rows, j->c, d->x + at, d->mean, scale, scale + j->c, run->y + at, any);
        else mix_in(run->y + at, run->x[i] + at, (nw_real)weight_of(j, i), n, any);
        any = 1;
    }
    if (!any)
        memset(run->y + at, 0, n * sizeof(*run->y));
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;

    for (size_t p = begin; p < end; p++) {
        const size_t stop = nw_part_start(j->rows, j->parts, p + 1);

        for (size_t r = nw_part_start(j->rows, j->parts, p); r < stop; r += j->block)
            forward_block(j, r, stop - r < j->block ? stop - r : j->block);
    }
}

void NW_R(nw_mixture_forward)(const nw_run *run, const double *weight)
{
    struct job j;

    lay_out(&j, run, weight);
    if (run->due)
        scale_due(&j);
    nw_parallel(j.parts, 1, forward_part, &j);
}

/* ---- Backward ---------------------------------------------------------------------- */

static double dot(const nw_real *a, const nw_real *b, size_t n)
{
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += (double)a[i + k] * (double)b[i + k];
    for (; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    for (int k = 0; k < LANES; k++)
        sum += lane[k];
    return sum;
}

static void join(size_t c, const nw_real *some, double *total)
{
    for (size_t i = 0; i < c; i++)
        total[i] += (double)some[i];
}

static void back_due(const struct job *j, size_t row, size_t rows, double *total,
                     nw_real *some)
{
    const nw_real *dy = j->run->dy + row * j->c;

    NW_R(nw_rows_sum)(rows, j->c, dy, some);
    join(j->c, some, total);
    for (int i = 0; i < j->run->n_in; i++) {
        const nw_deferred *d = due(j->run, i);

        if (!d)
            continue;
        NW_R(nw_product_rows)(rows, j->c, d->x + row * j->c, dy, d->mean, some);
        join(j->c, some, total + ((size_t)i + 1) * j->c);
    }
}

static void back_block(const struct job *j, size_t row, size_t rows, double *total,
                       nw_real *some)
{
    const nw_run *run = j->run;
    const size_t at = row * j->c, n = rows * j->c;

    if (run->due)
        back_due(j, row, rows, total + count(j), some);
    for (int i = 0; i < run->n_in; i++) {
        if (j->weight && run->dmix && run->x[i])
            total[i] += dot(run->dy + at, run->x[i] + at, n);
        if (run->dx[i])
            mix_in(run->dx[i] + at, run->dy + at, (nw_real)weight_of(j, i), n,
                   run->add[i]);
    }
}

static void back_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;

    for (size_t p = begin; p < end; p++) {
        const size_t stop = nw_part_start(j->rows, j->parts, p + 1);
        double *total = j->total + p * j->n_total;

        memset(total, 0, j->n_total * sizeof(*total));
        for (size_t r = nw_part_start(j->rows, j->parts, p); r < stop; r += j->block)
            back_block(j, r, stop - r < j->block ? stop - r : j->block, total,
                       j->some + p * j->c);
    }
}

/* All parts to the first, in order. */
static void add_parts(const struct job *j)
{
    for (size_t p = 1; p < j->parts; p++)
        for (size_t k = 0; k < j->n_total; k++)
            j->total[k] += j->total[p * j->n_total + k];
}

/* What input i, deferred, must know; returns <dy, its value>. */
static double tell(const struct job *j, int i)
{
    nw_deferred *d = due(j->run, i);
    const double *sum = j->total + count(j), *prod = sum + ((size_t)i + 1) * j->c;
    double all = 0;

    d->weight = weight_of(j, i);
    for (size_t k = 0; k < j->c; k++) {
        d->sum[k] = (nw_real)sum[k];
        d->prod[k] = (nw_real)prod[k];
        all += (double)d->scale[k] * prod[k] + (double)d->shift[k] * sum[k];
    }
    return all;
}

void NW_R(nw_mixture_backward)(const nw_run *run, const double *weight)
{
    struct job j;

    lay_out(&j, run, weight);
    nw_parallel(j.parts, 1, back_part, &j);
    add_parts(&j);
    for (int i = 0; i < run->n_in; i++) {
        const double product = due(run, i) ? tell(&j, i) : j.total[i];

        if (weight && run->dmix)
            run->dmix[i] += product;
    }
}
