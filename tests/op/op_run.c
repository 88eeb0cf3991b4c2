#include "op_run.h"

#include "random.h"
#include "spec.h"

#include <math.h>
#include <string.h>

enum { GUARD = 64, GUARD_BYTE = 0xa5 };

double op_get(const struct op_run *r, const struct op_array *a, size_t i)
{
    return r->real == sizeof(float) ? (double)((float *)a->data)[i]
                                    : ((double *)a->data)[i];
}

void op_set(const struct op_run *r, const struct op_array *a, size_t i, double value)
{
    if (r->real == sizeof(float))
        ((float *)a->data)[i] = (float)value;
    else
        ((double *)a->data)[i] = value;
}

void op_fill(const struct op_run *r, const struct op_array *a, double value)
{
    for (size_t i = 0; i < a->n; i++)
        op_set(r, a, i, value);
}

static nw_status make(struct op_run *r, struct op_array *a, size_t n)
{
    a->n = n;
    a->data = nw_alloc(r->ctx, n * r->real + GUARD);
    if (!a->data)
        return NW_ENOMEM;
    memset((char *)a->data + n * r->real, GUARD_BYTE, GUARD);
    op_fill(r, a, (double)NAN);
    return NW_OK;
}

static int guards(const void *block, size_t bytes)
{
    const unsigned char *end = (const unsigned char *)block + bytes;

    for (int i = 0; block && i < GUARD; i++)
        if (end[i] != GUARD_BYTE)
            return 0;
    return 1;
}

static int guarded(const struct op_run *r, const struct op_array *a)
{
    return guards(a->data, a->n * r->real);
}

int op_is_guarded(const struct op_run *r)
{
    int good = guarded(r, &r->y) && guarded(r, &r->dy) &&
               guards(r->run.keep, r->run.keep_bytes) &&
               guards(r->run.scratch, r->run.scratch_bytes);

    for (int i = 0; i < OP_MOST_IN; i++)
        good = good && guarded(r, &r->x[i]) && guarded(r, &r->dx[i]);
    for (int i = 0; i < NW_MAX_PARAM; i++)
        good = good && guarded(r, &r->w[i]) && guarded(r, &r->dw[i]);
    return good;
}

/* Within +-7, no two alike nearby, never near a whole number: clear of the kinks of
 * every op, and of ties of a maximum. Exact in float. */
static double draw(uint64_t stream, size_t i)
{
    double coarse = (double)nw_below(stream, NW_FOR_TEST, i, 56) - 28;

    return coarse / 4 + .0625 + (double)(i * 37 % 127) / 1024;
}

static void draw_input(struct op_run *r, int input)
{
    const int is_label = r->op->flags & NW_NO_DATA_GRAD && input == 1;
    const size_t classes = nw_count(&r->in[0]);

    for (size_t i = 0; i < r->x[input].n; i++) {
        double v = draw(1 + (uint64_t)input, i);

        if (is_label && !r->in[1].rank)
            v = (double)nw_below(7, NW_FOR_TEST, i, classes);
        else if (is_label)
            v = floor(fabs(v) * 8) / 64;
        else if (!strcmp(r->op->name, "embedding"))
            v = (double)nw_below(7, NW_FOR_TEST, i, (uint64_t)r->node.param[0].dim[0]);
        op_set(r, &r->x[input], i, v);
    }
}

static nw_status make_inputs(struct op_run *r, unsigned options)
{
    for (int i = 0; i < r->run.n_in; i++) {
        size_t n = (size_t)r->run.batch * nw_count(&r->in[i]);

        NW_TRY(make(r, &r->x[i], n));
        NW_TRY(make(r, &r->dx[i], n));
        draw_input(r, i);
        r->x_at[i] = r->x[i].data;
        if (!(r->op->flags & NW_NO_DATA_GRAD && i == 1) && !(options & OP_NO_DX0 << i))
            r->dx_at[i] = r->dx[i].data;
        r->add[i] = (options & OP_ADD) != 0;
        r->mix[i] = .75 - .5 * i;
    }
    return NW_OK;
}

static nw_status make_params(struct op_run *r, unsigned options)
{
    for (int i = 0; i < r->node.n_param; i++) {
        const nw_param *p = &r->node.param[i];
        size_t n = 1;

        for (int d = 0; d < p->rank; d++)
            n *= (size_t)p->dim[d];
        NW_TRY(make(r, &r->w[i], n));
        NW_TRY(make(r, &r->dw[i], n));
        for (size_t k = 0; k < n; k++)
            op_set(r, &r->w[i], k, p->initial + draw(10 + (uint64_t)i, k) / 8);
        r->w_at[i] = r->w[i].data;
        r->dw_at[i] = p->is_buffer || options & OP_NO_DW ? NULL : r->dw[i].data;
    }
    return NW_OK;
}

static nw_status make_output(struct op_run *r)
{
    size_t n = (size_t)r->run.batch * nw_count(&r->run.out);

    NW_TRY(make(r, &r->y, n));
    NW_TRY(make(r, &r->dy, n));
    for (size_t i = 0; i < n; i++)
        op_set(r, &r->dy, i, draw(20, i) / 2);
    return NW_OK;
}

static void point(struct op_run *r, int batch)
{
    r->run = (nw_run){
        .attr = r->attr,
        .n_in = r->node.n_in,
        .in = r->in,
        .out = r->node.out,
        .batch = batch,
        .backward = 1,
        .ctx = r->ctx,
        .x = (const nw_real *const *)r->x_at,
        .dx = (nw_real *const *)r->dx_at,
        .add = r->add,
        .w = (nw_real *const *)r->w_at,
        .dw = (nw_real *const *)r->dw_at,
        .mode = NW_TRAIN_STILL,
        .mix = r->mix,
        .dmix = r->dmix,
        .seed = 12345,
        .progress = .5,
    };
}

/* Memory of which every number is NaN, with a guard behind it. */
static void *spoilt(struct op_run *r, size_t bytes)
{
    char *block = nw_alloc(r->ctx, bytes + GUARD);

    if (block) {
        memset(block, 0xff, bytes);
        memset(block + bytes, GUARD_BYTE, GUARD);
    }
    return block;
}

static nw_status prepare(struct op_run *r)
{
    r->run.y = r->y.data;
    r->run.dy = r->dy.data;
    if (r->op->prepare)
        NW_TRY(r->op->prepare(&r->run));
    r->run.keep = spoilt(r, r->run.keep_bytes);
    r->run.scratch = spoilt(r, r->run.scratch_bytes);
    return r->run.keep && r->run.scratch ? NW_OK : NW_ENOMEM;
}

nw_status op_open(struct op_run *r, nw_ctx *ctx, const nw_op_type *op, int f64,
                  const nw_case *c, int batch, unsigned options)
{
    *r = (struct op_run){.ctx = ctx, .op = op};
    r->real = f64 ? sizeof(double) : sizeof(float);
    r->attr = nw_alloc(ctx, op->size + 1);
    if (!r->attr)
        return NW_ENOMEM;
    nw_clear(ctx);
    NW_TRY(nw_spec_parse(ctx, (const nw_head *)op, c->spec, NULL, r->attr));
    memcpy(r->in, c->in, sizeof(r->in));
    r->node = (nw_node){.attr = r->attr, .n_in = c->n_in, .in = r->in};
    if (op->infer(&r->node) < 0)
        return nw_fail(ctx, NW_ESHAPE, "%s", r->node.why);
    point(r, batch);
    NW_TRY(make_inputs(r, options));
    NW_TRY(make_params(r, options));
    NW_TRY(make_output(r));
    return prepare(r);
}

void op_close(struct op_run *r)
{
    if (r->op->release)
        r->op->release(&r->run);
    nw_release(r->ctx, r->run.keep);
    nw_release(r->ctx, r->run.scratch);
    nw_release(r->ctx, r->attr);
    nw_release(r->ctx, r->y.data);
    nw_release(r->ctx, r->dy.data);
    for (int i = 0; i < OP_MOST_IN; i++) {
        nw_release(r->ctx, r->x[i].data);
        nw_release(r->ctx, r->dx[i].data);
    }
    for (int i = 0; i < NW_MAX_PARAM; i++) {
        nw_release(r->ctx, r->w[i].data);
        nw_release(r->ctx, r->dw[i].data);
    }
}

void op_forward(struct op_run *r)
{
    r->op->forward(&r->run);
}

void op_spoil(struct op_run *r)
{
    memset(r->run.scratch, 0xff, r->run.scratch_bytes);
    for (int i = 0; i < r->run.n_in && !(r->op->flags & NW_NEEDS_X); i++)
        op_fill(r, &r->x[i], (double)NAN);
    if (!(r->op->flags & NW_NEEDS_Y))
        op_fill(r, &r->y, (double)NAN);
}

void op_begin_gradients(struct op_run *r, double start)
{
    for (int i = 0; i < r->run.n_in; i++) {
        op_fill(r, &r->dx[i], r->add[i] ? start : (double)NAN);
        r->dmix[i] = start;
    }
    for (int i = 0; i < r->node.n_param; i++)
        op_fill(r, &r->dw[i], start);
}

void op_backward(struct op_run *r)
{
    r->op->backward(&r->run);
}

size_t op_place(const nw_shape *shape, size_t i)
{
    const size_t size = nw_count(shape), n = i / size, k = i % size;
    size_t pixels;

    if (shape->rank < 3)
        return i;
    pixels = (size_t)shape->dim[1] * (size_t)shape->dim[2];
    return n * size + k % pixels * (size_t)shape->dim[0] + k / pixels;
}

double op_distance(const struct op_run *ra, const struct op_array *a,
                   const struct op_run *rb, const struct op_array *b)
{
    double apart = 0, norm_a = 0, norm_b = 0, most;

    for (size_t i = 0; i < a->n; i++) {
        double va = op_get(ra, a, i), vb = op_get(rb, b, i);

        apart += (va - vb) * (va - vb);
        norm_a += va * va;
        norm_b += vb * vb;
    }
    most = fmax(norm_a, norm_b);
    if (!isfinite(apart))
        return (double)INFINITY;
    return sqrt(apart) / fmax(sqrt(most), 1e-12);
}
