/*
 * attention.c - every pixel becomes a mixture of all pixels, by how alike they are [1].
 *
 * in    x (N, 3 C, H, W)   queries, keys and values of all heads, C channels each; head h
 *       has the d = C / heads channels from h d on of each of the three
 * out   y (N, C, H, W)     y_i = sum_j a_ij v_j,  a_i = softmax_j(q_i . k_j / sqrt(d))
 * back  with s = q k' / sqrt(d): dv = a' dy, da = dy v',
 *       ds_ij = a_ij (da_ij - sum_j a_ij da_ij), dq = ds k / sqrt(d), dk = ds' q /
 * sqrt(d) cost  2 C (H W)^2 multiply-adds, those of the two products how   heads are cut
 * out into matrices of their own, so that a product is one call
 *
 * The two 1x1 convolutions around it (to queries, keys and values, and out of the heads)
 * are nodes of their own.
 *
 * [1] Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762; over pixels and
 *     in this order of channels: Srinivas et al. 2021, BoTNet, arXiv:2101.11605.
 */
#include "gemm.h"
#include "op.h"

struct attention {
    int heads;
};

static const nw_attr attention_attrs[] = {
    {"heads", NW_INT, offsetof(struct attention, heads), "1", 1, 4096,
     "parts of the channels that look each for themselves", NULL},
    {0},
};

enum { Q, K, V, PARTS };

/* Sizes, and what stands where in the scratch; `a` is kept for the way back. */
struct room {
    size_t n, heads, pixels, d; /* n: matrices, one a head of an example */
    size_t one, square;         /* numbers of all n (pixels, d), (pixels, pixels) */
    nw_real *part[PARTS], *out, *dv, *a, *da;
    void *gemm;
};

static nw_status attention_infer(nw_node *node)
{
    const struct attention *a = node->attr;
    const nw_shape *x = &node->in[0];
    double pixels;

    if (x->rank != 3 || x->dim[0] % (PARTS * a->heads))
        return nw_refuse(node,
                         "attention: needs (3 C, H, W) with C in %d equal heads, not "
                         "%d axes of which the first is %d",
                         a->heads, x->rank, x->rank ? x->dim[0] : 1);
    node->out = (nw_shape){3, {x->dim[0] / PARTS, x->dim[1], x->dim[2]}};
    pixels = (double)x->dim[1] * x->dim[2];
    node->macs = 2 * pixels * pixels * node->out.dim[0];
    return NW_OK;
}

static size_t rounded(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/* y = a v and its like: (pixels, d) = (pixels, pixels) (pixels, d). */
static nw_gemm mixing(const struct room *r, int transposed)
{
    return (nw_gemm){
        .m = r->pixels, .n = r->d, .k = r->pixels, .count = r->n, .ta = transposed};
}

/* s = q k' and its like: (pixels, pixels) = (pixels, d) (pixels, d)'. */
static nw_gemm comparing(const struct room *r)
{
    return (nw_gemm){.m = r->pixels, .n = r->pixels, .k = r->d, .count = r->n, .tb = 1};
}

static size_t gemm_bytes(const struct room *r)
{
    const nw_gemm all[] = {comparing(r), mixing(r, 0), mixing(r, 1)};
    size_t most = 0;

    for (int i = 0; i < 3; i++) {
        size_t bytes = NW_R(nw_gemm_scratch)(&all[i]);

        most = bytes > most ? bytes : most;
    }
    return rounded(most);
}

static struct room room_of(const nw_run *run)
{
    const struct attention *a = run->attr;
    struct room r = {.heads = (size_t)a->heads};

    r.n = (size_t)run->batch * r.heads;
    r.pixels = (size_t)run->out.dim[1] * (size_t)run->out.dim[2];
    r.d = (size_t)run->out.dim[0] / r.heads;
    r.one = r.n * r.pixels * r.d;
    r.square = r.n * r.pixels * r.pixels;
    return r;
}

/* The next `count` numbers of the scratch, which is NULL while it is only measured. */
static nw_real *take(const nw_run *run, size_t *at, size_t count)
{
    const size_t here = *at;

    *at += rounded(count * sizeof(nw_real));
    return run->scratch ? (nw_real *)((char *)run->scratch + here) : NULL;
}

/* Both ways use the same places; those of the way back only where there is one. */
static size_t place(const nw_run *run, struct room *r)
{
    size_t at = gemm_bytes(r);

    r->gemm = run->scratch;
    for (int p = 0; p < PARTS; p++)
        r->part[p] = take(run, &at, r->one);
    r->out = take(run, &at, r->one);
    r->a = run->backward ? run->keep : take(run, &at, r->square);
    if (run->backward) {
        r->dv = take(run, &at, r->one);
        r->da = take(run, &at, r->square);
    }
    return at;
}

static nw_status attention_prepare(nw_run *run)
{
    struct room r = room_of(run);

    run->scratch_bytes = place(run, &r);
    run->keep_bytes = run->backward ? r.square * sizeof(nw_real) : 0;
    return NW_OK;
}

/* ---- Heads in and out ------------------------------------------------------------- */

struct cut {
    const struct room *room;
    const nw_real *from;
    nw_real *to;
    size_t width, first; /* channels of a pixel, and where the part begins */
    int add;
};

/* Rows [begin, end) of the matrices: pixels of head after head. */
static void cut_in_part(void *arg, size_t begin, size_t end)
{
    const struct cut *c = arg;
    const struct room *r = c->room;

    for (size_t i = begin; i < end; i++) {
        size_t matrix = i / r->pixels, pixel = i % r->pixels;
        size_t example = matrix / r->heads, head = matrix % r->heads;

        memcpy(c->to + i * r->d,
               c->from + (example * r->pixels + pixel) * c->width + c->first +
                   head * r->d,
               r->d * sizeof(nw_real));
    }
}

static void put_out_part(void *arg, size_t begin, size_t end)
{
    const struct cut *c = arg;
    const struct room *r = c->room;

    for (size_t i = begin; i < end; i++) {
        size_t matrix = i / r->pixels, pixel = i % r->pixels;
        size_t example = matrix / r->heads, head = matrix % r->heads;

        nw_store(c->to + (example * r->pixels + pixel) * c->width + c->first +
                     head * r->d,
                 c->from + i * r->d, r->d, c->add);
    }
}

/* Channels [first, first + C) of (N, pixels, width) to matrices, and back. */
static void cut_in(const struct room *r, const nw_real *from, size_t width, size_t first,
                   nw_real *to)
{
    struct cut c = {r, from, to, width, first, 0};

    nw_parallel(r->n * r->pixels, nw_grain_of(r->d), cut_in_part, &c);
}

static void put_out(const struct room *r, const nw_real *from, size_t width, size_t first,
                    nw_real *to, int add)
{
    struct cut c = {r, from, to, width, first, add};

    nw_parallel(r->n * r->pixels, nw_grain_of(r->d), put_out_part, &c);
}

/* ---- Rows of the square matrices ----------------------------------------------------
 */

static nw_real scale(const struct room *r)
{
    return (nw_real)(1 / sqrt((double)r->d));
}

/* s -> softmax(s / sqrt(d)) */
static void soften_part(void *arg, size_t begin, size_t end)
{
    const struct room *r = arg;

    for (size_t i = begin; i < end; i++) {
        nw_real *a = r->a + i * r->pixels, most = nw_most(a, r->pixels);
        double sum = 0;

        for (size_t j = 0; j < r->pixels; j++)
            sum += (double)(a[j] = NW_EXP(scale(r) * (a[j] - most)));
        for (size_t j = 0; j < r->pixels; j++)
            a[j] = (nw_real)((double)a[j] / sum);
    }
}

/* da -> ds / sqrt(d) */
static void slope_part(void *arg, size_t begin, size_t end)
{
    const struct room *r = arg;

    for (size_t i = begin; i < end; i++) {
        const nw_real *a = r->a + i * r->pixels;
        nw_real *da = r->da + i * r->pixels;
        double sum = 0;

        for (size_t j = 0; j < r->pixels; j++)
            sum += (double)a[j] * (double)da[j];
        for (size_t j = 0; j < r->pixels; j++)
            da[j] = a[j] * (da[j] - (nw_real)sum) * scale(r);
    }
}

static void each_row(struct room *r, nw_body body)
{
    nw_parallel(r->n * r->pixels, nw_grain_of(r->pixels), body, r);
}

static void product(const struct room *r, nw_gemm g, const nw_real *a, const nw_real *b,
                    nw_real *c)
{
    NW_R(nw_gemm)(&g, a, b, c, r->gemm);
}

/* ---- Both ways -------------------------------------------------------------------- */

static void cut_parts(const nw_run *run, struct room *r)
{
    const size_t c = r->heads * r->d;

    for (int p = 0; p < PARTS; p++)
        cut_in(r, run->x[0], PARTS * c, (size_t)p * c, r->part[p]);
}

static void attention_forward(const nw_run *run)
{
    struct room r = room_of(run);

    place(run, &r);
    cut_parts(run, &r);
    product(&r, comparing(&r), r.part[Q], r.part[K], r.a);
    each_row(&r, soften_part);
    product(&r, mixing(&r, 0), r.a, r.part[V], r.out);
    put_out(&r, r.out, r.heads * r.d, 0, run->y, 0);
}

/* dq and dk take the places of dy and v, which are not needed any more by then. */
static void attention_backward(const nw_run *run)
{
    struct room r = room_of(run);
    const size_t c = r.heads * r.d;

    if (!run->dx[0])
        return;
    place(run, &r);
    cut_parts(run, &r);
    cut_in(&r, run->dy, c, 0, r.out);
    product(&r, mixing(&r, 1), r.a, r.out, r.dv);
    product(&r, comparing(&r), r.out, r.part[V], r.da);
    each_row(&r, slope_part);
    product(&r, mixing(&r, 0), r.da, r.part[K], r.out);
    product(&r, mixing(&r, 1), r.da, r.part[Q], r.part[V]);
    put_out(&r, r.out, PARTS * c, Q * c, run->dx[0], run->add[0]);
    put_out(&r, r.part[V], PARTS * c, K * c, run->dx[0], run->add[0]);
    put_out(&r, r.dv, PARTS * c, V * c, run->dx[0], run->add[0]);
}

static const nw_case attention_cases[] = {
    {"attention", 1, {{3, {6, 2, 3}}}},
    {"attention heads=2", 1, {{3, {12, 3, 2}}}},
    {"attention heads=3", 1, {{3, {9, 4, 4}}}},
    {"attention heads=2", 1, {{3, {30, 1, 1}}}},
    {0},
};

/* ---- ONNX ------------------------------------------------------------------------- */

static void transpose_last_two(nw_onnx *out, int part)
{
    out->node(out, "Transpose");
    out->part(out, part);
    out->attr_ints(out, "perm", 4, (const int64_t[]){0, 1, 3, 2});
}

/* (batch, 3 heads, d, pixels), of which q, k and v are a third each. */
static void attention_onnx(nw_onnx *out, const nw_node *node)
{
    const struct attention *a = node->attr;
    const int64_t heads = a->heads, c = node->out.dim[0];
    const int64_t h = node->out.dim[1], w = node->out.dim[2];
    const float root = (float)(1 / sqrt((double)(c / heads)));

    out->node(out, "Reshape"); /* 1 */
    out->input(out, 0);
    out->indices(out, 4, (const int64_t[]){0, PARTS * heads, c / heads, h * w});
    for (int64_t p = 0; p < PARTS; p++) {
        out->node(out, "Slice"); /* 2, 3, 4 */
        out->part(out, 1);
        out->indices(out, 1, (const int64_t[]){p * heads});
        out->indices(out, 1, (const int64_t[]){(p + 1) * heads});
        out->indices(out, 1, (const int64_t[]){1});
    }
    transpose_last_two(out, 2); /* 5 */
    out->node(out, "MatMul");   /* 6 */
    out->part(out, 5);
    out->part(out, 3);
    out->node(out, "Mul"); /* 7 */
    out->part(out, 6);
    out->values(out, 1, &root);
    out->node(out, "Softmax"); /* 8 */
    out->part(out, 7);
    out->attr_int(out, "axis", 3);
    transpose_last_two(out, 8); /* 9 */
    out->node(out, "MatMul");   /* 10 */
    out->part(out, 4);
    out->part(out, 9);
    out->node(out, "Reshape"); /* 11 */
    out->part(out, 10);
    out->indices(out, 4, (const int64_t[]){0, c, h, w});
}

const nw_op_type NW_R(nw_op_attention) = {
    .name = "attention",
    .doc = "every pixel a mixture of all, by queries, keys and values",
    .paper = "Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762",
    .attrs = attention_attrs,
    .size = sizeof(struct attention),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_NEEDS_X | NW_ADDS,
    .infer = attention_infer,
    .prepare = attention_prepare,
    .forward = attention_forward,
    .backward = attention_backward,
    .cases = attention_cases,
    .onnx = attention_onnx,
};
