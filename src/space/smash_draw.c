/*
 * smash_draw.c - random descriptions of SMASH by the authors' prior, and how many there
 * are.
 *
 * Drawing follows the end of the authors' annealing (budgets to the full, kernels to 7):
 * per block a share of the budget in (0.3, 1) and a bank size, equally likely; then ops
 * until the budget is spent or ops= are there. An op reads a number of banks, equally
 * likely, as far as the budget goes; takes g units with probability in proportion to 1 /
 * (0.01 + 10 |g - units read|); writes v banks, v from g / bs to half of what is written,
 * in proportion to exp(-v); which banks, and all of its convolutions, are equally likely.
 * So archs are not: uniform draws led to worse searches, the authors say.
 *
 * Counting. How an op can go on depends on the banks written, the slices left and the ops
 * left alone. With r banks, m reads and e new banks there are C(r, m) times sum over
 * q = max(1, e) .. 8 / bs of sum over w >= q - e of C(r, w) ways to read, take q bs units
 * and write, and as many convolutions for each. Numbers too long to write down end it
 * early. Slices beyond what the ops left can read
 * make no difference, which keeps the table small.
 */
#include "smash.h"

#include "big.h"
#include "random.h"

#include <math.h>
#include <string.h>

/* ---- Drawing ------------------------------------------------------------------------
 */

struct dice {
    uint64_t seed, next;
};

static double chance(struct dice *d)
{
    return nw_uniform(d->seed, NW_FOR_ARCH, d->next++);
}

static int below(struct dice *d, int n)
{
    return (int)nw_below(d->seed, NW_FOR_ARCH, d->next++, (uint64_t)n);
}

static int weighted(struct dice *d, const double *weight, int n)
{
    double sum = 0, u;
    int i;

    for (i = 0; i < n; i++)
        sum += weight[i];
    u = chance(d) * sum;
    for (i = 0; i + 1 < n && u >= weight[i]; i++)
        u -= weight[i];
    return i;
}

/* k of the banks 0 .. n - 1 */
static uint64_t some_banks(struct dice *d, int n, int k)
{
    uint64_t out = 0;

    for (int i = 0; i < n; i++)
        if (below(d, n - i) < k) {
            out |= (uint64_t)1 << i;
            k--;
        }
    return out;
}

struct block {
    int size, banks, most, slices;
};

static int draw_reads(struct dice *d, const struct block *b)
{
    const int step = nw_smash_step(b->size);
    const int wanted = step * (1 + below(d, b->banks / step));
    const int dear = b->slices * NW_SMASH_SLICE / b->size / step * step;

    return wanted < dear ? wanted : dear;
}

/* Units over bank size. */
static int draw_cuts(struct dice *d, const struct block *b, int reads)
{
    double weight[NW_SMASH_UNITS];
    const int n = NW_SMASH_UNITS / b->size;

    for (int i = 0; i < n; i++)
        weight[i] = 1 / (0.01 + 10 * fabs((double)((i + 1 - reads) * b->size)));
    return 1 + weighted(d, weight, n);
}

static uint64_t draw_writes(struct dice *d, const struct block *b, int cuts)
{
    const int least = cuts, half = b->banks / 2, n = half > least ? half - least + 1 : 1;
    const int free_banks = b->most - b->banks < cuts ? b->most - b->banks : cuts;
    double weight[NW_SMASH_BANKS];
    uint64_t set;

    for (int i = 0; i < n; i++)
        weight[i] = exp(-i);
    set = some_banks(d, b->banks + free_banks, least + weighted(d, weight, n));
    return (set & nw_smash_low(b->banks)) | nw_smash_low(nw_smash_bits(set >> b->banks))
                                                << b->banks;
}

static int draw_pattern(struct dice *d)
{
    static const double weight[NW_SMASH_PATTERNS] = {0.05, 0.10, 0.15, 0.25, 0.45};

    return weighted(d, weight, NW_SMASH_PATTERNS);
}

static void draw_conv(struct dice *d, const nw_smash_rules *r, nw_smash_conv *out)
{
    for (int i = 0; i < 2; i++) {
        out->k[i] = below(d, 3);
        out->dil[i] = below(d, 3 - out->k[i]);
    }
    out->groups = below(d, r->groups);
}

static void draw_op(struct dice *d, const nw_smash_rules *r, struct block *b,
                    nw_smash_op *out)
{
    const int reads = draw_reads(d, b), cuts = draw_cuts(d, b, reads);

    out->read = some_banks(d, b->banks, reads);
    out->units = cuts * b->size - 1;
    out->write = draw_writes(d, b, cuts);
    out->pattern = r->patterns > 1 ? draw_pattern(d) : 0;
    for (int c = 0; c < r->convs; c++)
        if (nw_smash_active[out->pattern][c])
            draw_conv(d, r, &out->conv[c]);
    b->slices -= nw_smash_cost(reads, b->size);
    b->banks += nw_smash_bits(out->write >> b->banks);
}

static void draw_block(struct dice *d, const nw_smash_rules *r, int index,
                       nw_smash_block *out)
{
    const double share = 0.3 + 0.7 * chance(d);
    struct block b;
    int least, fresh;

    out->size = below(d, r->sizes[index]);
    b.size = r->size[index][out->size];
    b.banks = nw_smash_inputs(r, index, b.size);
    b.most = nw_smash_banks(r, index, b.size);
    fresh = (int)ceil(share * r->depth * NW_SMASH_UNITS) / b.size;
    b.most = b.banks + fresh < b.most ? b.banks + fresh : b.most;
    b.slices = (int)(share * r->budget[index]) / (NW_SMASH_SLICE * r->n);
    least = nw_smash_cost(nw_smash_step(b.size), b.size);
    b.slices = b.slices < least ? least : b.slices;
    for (int o = 0; o < r->ops && b.slices >= least; o++)
        draw_op(d, r, &b, &out->op[o]);
}

nw_status nw_smash_draw(nw_arch *arch, uint64_t seed)
{
    struct dice d = {.seed = seed};
    nw_smash_rules r;
    nw_smash_arch a;

    nw_smash_rules_of(arch->space, &r);
    memset(&a, 0, sizeof(a));
    for (int b = 0; b < NW_SMASH_BLOCKS; b++)
        draw_block(&d, &r, b, &a.block[b]);
    nw_smash_put(&r, arch, &a);
    return NW_OK;
}

/* ---- Counting -----------------------------------------------------------------------
 */

/* The blocks' table at some number of ops left, by banks written and slices left. */
struct table {
    const nw_smash_rules *rules;
    int size, inputs, most, slices;
    int cap;      /* slices beyond make no difference      */
    nw_big convs; /* ways to take the convolutions of an op */
    nw_big *ways; /* to go on, ending at once included     */
    nw_big *sums; /* of ways over what an op writes        */
};

static nw_big *at(const struct table *t, nw_big *of, int banks, int slices)
{
    return &of[(banks - t->inputs) * (t->slices + 1) + slices];
}

static uint64_t choose(int n, int k)
{
    uint64_t c = 1; /* n is at most 56, so that no product overflows */

    for (int i = 0; i < k; i++)
        c = c * (uint64_t)(n - i) / (uint64_t)(i + 1);
    return c;
}

/* Times a number that may be longer than a word. */
static void times(nw_big *a, uint64_t factor)
{
    nw_big low = *a;

    nw_big_mul(&low, (uint32_t)factor);
    nw_big_mul(a, (uint32_t)(factor >> 32));
    if (a->n) {
        nw_big_mul(a, 1u << 16);
        nw_big_mul(a, 1u << 16);
    }
    nw_big_add(a, &low);
}

/* Ways to take units and to write, when e of r + e banks are new. */
static uint64_t writings(int r, int e, int size)
{
    uint64_t ways = 0;

    for (int q = e > 1 ? e : 1; q <= NW_SMASH_UNITS / size; q++)
        for (int w = q > e ? q - e : 0; w <= r; w++)
            ways += choose(r, w);
    return ways;
}

/* sums(r, s) = sum over e of writings(r, e) ways(r + e, s) */
static void add_writings(struct table *t)
{
    for (int r = t->inputs; r <= t->most; r++)
        for (int s = 0; s <= t->cap; s++)
            nw_big_set(at(t, t->sums, r, s), 0);
    for (int r = t->inputs; r <= t->most; r++)
        for (int e = 0; e <= NW_SMASH_UNITS / t->size && r + e <= t->most; e++) {
            const uint64_t w = writings(r, e, t->size);

            for (int s = 0; s <= t->cap; s++) {
                nw_big part = *at(t, t->ways, r + e, s);

                times(&part, w);
                nw_big_add(at(t, t->sums, r, s), &part);
            }
        }
}

/* convs times sum over m of C(r, m) sums(r, s - cost(m)): ways with one op at least */
static void with_an_op(const struct table *t, int r, int s, nw_big *out)
{
    const int step = nw_smash_step(t->size);

    nw_big_set(out, 0);
    for (int m = step; m <= r && nw_smash_cost(m, t->size) <= s; m += step) {
        const int left = s - nw_smash_cost(m, t->size);
        nw_big part = *at(t, t->sums, r, left < t->cap ? left : t->cap);

        times(&part, choose(r, m));
        nw_big_add(out, &part);
    }
    nw_big_mul_big(out, &t->convs);
}

/* Ways of one more op: from sums at the old cap to ways at the new one. */
static void one_more(struct table *t)
{
    const int dearest = nw_smash_cost(t->most, t->size);
    const int cap = t->cap + dearest < t->slices ? t->cap + dearest : t->slices;
    nw_big one;

    nw_big_set(&one, 1);
    for (int r = t->inputs; r <= t->most; r++)
        for (int s = 0; s <= cap; s++) {
            with_an_op(t, r, s, at(t, t->ways, r, s));
            nw_big_add(at(t, t->ways, r, s), &one);
        }
    t->cap = cap;
}

static void convolutions(const nw_smash_rules *r, nw_big *out)
{
    nw_big_set(out, 0);
    for (int p = 0; p < r->patterns; p++) {
        nw_big ways;

        nw_big_set(&ways, 1);
        for (int c = 0; c < NW_SMASH_CONVS; c++)
            if (nw_smash_active[p][c]) /* (3 + 2 + 1) kernels with dilation each way */
                nw_big_mul(&ways, (uint32_t)(36 * r->groups));
        nw_big_add(out, &ways);
    }
}

/* Adds the blocks that have banks of that size. */
static nw_status add_size(nw_ctx *ctx, const nw_smash_rules *r, int b, int size,
                          nw_big *total)
{
    struct table t = {.rules = r,
                      .size = size,
                      .inputs = nw_smash_inputs(r, b, size),
                      .most = nw_smash_banks(r, b, size),
                      .slices = nw_smash_slices(r, b)};
    const size_t cells = (size_t)(t.most - t.inputs + 1) * (size_t)(t.slices + 1);
    nw_big ways;

    convolutions(r, &t.convs);
    t.ways = nw_alloc(ctx, 2 * cells * sizeof(nw_big));
    if (!t.ways)
        return NW_ENOMEM;
    t.sums = t.ways + cells;
    for (int banks = t.inputs; banks <= t.most; banks++)
        nw_big_set(at(&t, t.ways, banks, 0), 1);
    for (int ops = 1; ops < r->ops && !at(&t, t.ways, t.inputs, t.cap)->overflowed;
         ops++) {
        add_writings(&t);
        one_more(&t);
    }
    add_writings(&t);
    with_an_op(&t, t.inputs, t.slices, &ways);
    nw_big_add(total, &ways);
    nw_release(ctx, t.ways);
    return NW_OK;
}

nw_status nw_smash_count(const nw_space *space, nw_big *total)
{
    nw_smash_rules r;

    nw_smash_rules_of(space, &r);
    nw_big_set(total, 1);
    for (int b = 0; b < NW_SMASH_BLOCKS; b++) {
        nw_big sum;

        nw_big_set(&sum, 0);
        for (int i = 0; i < r.sizes[b]; i++)
            NW_TRY(add_size(space->ctx, &r, b, r.size[b][i], &sum));
        nw_big_mul_big(total, &sum);
    }
    return NW_OK;
}
