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

/* A pass. Scratch: of every part in doubles <dy, x[i]> of all inputs, the sum of dy, and
 * of every input its own sum, if its examples have factors, and prod; then sums of a
 * block. */
struct job {
    const nw_run *run;
    const double *weight;
    size_t c, rows, parts, block; /* rows of a block          */
    size_t example;               /* rows of an example       */
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
    j->example = j->rows / (size_t)run->batch;
    j->block = j->c < BLOCK ? BLOCK / j->c : 1;
    j->n_total = count(j) + (run->due ? (1 + 2 * count(j)) * j->c : 0);
    j->total = run->scratch;
    j->some = (nw_real *)(j->total + j->parts * j->n_total);
}

nw_status NW_R(nw_mixture_prepare)(nw_run *run)
{
    struct job j;

    lay_out(&j, run, NULL);
    run->scratch_bytes = j.parts * (j.n_total * sizeof(double) + j.c * sizeof(nw_real));
    return NW_OK;
}

static double weight_of(const struct job *j, int i)
{
    return j->weight ? j->weight[i] : 1;
}

/* Rows of the next block: never of two examples where one of them has a factor. */
static size_t next_rows(const struct job *j, size_t row, size_t stop)
{
    size_t n = stop - row < j->block ? stop - row : j->block;

    if (j->run->due && j->example - row % j->example < n)
        n = j->example - row % j->example;
    return n;
}

/* Of the example that a row is in. */
static nw_real factor_of(const struct job *j, const nw_deferred *d, size_t row)
{
    return d->each ? d->each[row / j->example] : 1;
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

/* Returns whether input i says anything of these rows. */
static int mix_input(const struct job *j, int i, size_t row, size_t rows, int add)
{
    const nw_run *run = j->run;
    const nw_deferred *d = due(run, i);
    const nw_real w = (nw_real)weight_of(j, i), f = d ? w * factor_of(j, d, row) : w;
    const size_t at = row * j->c;

    if ((!d && !run->x[i]) || f == 0)
        return 0;
    if (d)
        NW_R(nw_normed_rows)
    (rows, j->c, f, d->x + at, d->mean, d->scale, d->shift, run->y + at, add);
    else mix_in(run->y + at, run->x[i] + at, w, rows * j->c, add);
    return 1;
}

static void forward_block(const struct job *j, size_t row, size_t rows)
{
    const nw_run *run = j->run;
    int any = 0;

    for (int i = 0; i < run->n_in; i++)
        any |= mix_input(j, i, row, rows, any);
    if (!any)
        memset(run->y + row * j->c, 0, rows * j->c * sizeof(*run->y));
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    const struct job *j = arg;

    for (size_t p = begin; p < end; p++) {
        const size_t stop = nw_part_start(j->rows, j->parts, p + 1);
        size_t rows;

        for (size_t r = nw_part_start(j->rows, j->parts, p); r < stop; r += rows) {
            rows = next_rows(j, r, stop);
            forward_block(j, r, rows);
        }
    }
}

void NW_R(nw_mixture_forward)(const nw_run *run, const double *weight)
{
    struct job j;

    lay_out(&j, run, weight);
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

static void join(size_t c, double factor, const nw_real *some, double *total)
{
    for (size_t i = 0; i < c; i++)
        total[i] += factor * (double)some[i];
}

/* In the totals of a part: the sum of dy, or that of input i, and behind it prod. */
static double *sum_of(const struct job *j, double *total)
{
    return total + count(j);
}

static double *own_sum(const struct job *j, double *total, int i)
{
    return sum_of(j, total) + (1 + 2 * (size_t)i) * j->c;
}

static void back_due(const struct job *j, size_t row, size_t rows, double *total,
                     nw_real *some)
{
    const nw_real *dy = j->run->dy + row * j->c;

    NW_R(nw_rows_sum)(rows, j->c, dy, some);
    join(j->c, 1, some, sum_of(j, total));
    for (int i = 0; i < j->run->n_in; i++) {
        const nw_deferred *d = due(j->run, i);

        if (d && d->each)
            join(j->c, (double)factor_of(j, d, row), some, own_sum(j, total, i));
    }
    for (int i = 0; i < j->run->n_in; i++) {
        const nw_deferred *d = due(j->run, i);
        const nw_real factor = d ? factor_of(j, d, row) : 0;

        if (factor == 0)
            continue;
        NW_R(nw_product_rows)(rows, j->c, d->x + row * j->c, dy, d->mean, some);
        join(j->c, (double)factor, some, own_sum(j, total, i) + j->c);
    }
}

static void back_block(const struct job *j, size_t row, size_t rows, double *total,
                       nw_real *some)
{
    const nw_run *run = j->run;
    const size_t at = row * j->c, n = rows * j->c;

    if (run->due)
        back_due(j, row, rows, total, some);
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
        size_t rows;

        memset(total, 0, j->n_total * sizeof(*total));
        for (size_t r = nw_part_start(j->rows, j->parts, p); r < stop; r += rows) {
            rows = next_rows(j, r, stop);
            back_block(j, r, rows, total, j->some + p * j->c);
        }
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
    const double *own = own_sum(j, j->total, i), *prod = own + j->c,
                 *sum = d->each ? own : sum_of(j, j->total);
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
