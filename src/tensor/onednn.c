/*
 * onednn.c - convolution by oneDNN 2.x, data in NHWC on both sides.
 *
 * Weights stand in PyTorch's OIHW and are turned into what the primitive likes at every
 * call: they are small, and change with every step. Their gradient is turned back by a
 * reorder that adds. Scratch is the caller's; all that oneDNN still allocates at run
 * time is its table of arguments, some hundred bytes a call, and the packing buffers of
 * its matrix product where the implementation is a "gemm" (dilated gradients).
 */
#include "onednn.h"

#ifdef NW_DOUBLE

typedef int nw_onednn_is_float_only; /* an empty file is not C */

#else

#include "columns.h"

#include <oneapi/dnnl/dnnl.h>
#include <string.h>

enum { ALIGN = 64 };

struct conv {
    nw_ctx *ctx;
    nw_conv_pass pass;
    int bias;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t conv, reorder; /* reorder NULL: weights are used as they stand */
    dnnl_memory_t x, y, w, plain, b, pad, reorder_pad;
    size_t pad_bytes, weight_bytes, bias_bytes, data_bytes; /* sections of scratch */
};

/* Half-made things while a conv is set up. */
struct setup {
    const nw_conv_dims *d;
    dnnl_memory_desc_t x, y, w, plain, b;
    dnnl_primitive_attr_t attr, add_attr;
    dnnl_primitive_desc_t hint, made;
    dnnl_post_ops_t add;
};

static void conv_destroy(void *object)
{
    struct conv *c = object;
    dnnl_memory_t memory[] = {c->x, c->y, c->w, c->plain, c->b, c->pad, c->reorder_pad};

    for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); i++)
        if (memory[i])
            dnnl_memory_destroy(memory[i]);
    if (c->reorder)
        dnnl_primitive_destroy(c->reorder);
    if (c->conv)
        dnnl_primitive_destroy(c->conv);
    if (c->stream)
        dnnl_stream_destroy(c->stream);
    if (c->engine)
        dnnl_engine_destroy(c->engine);
}

static void setup_clear(struct setup *s)
{
    if (s->attr)
        dnnl_primitive_attr_destroy(s->attr);
    if (s->add_attr)
        dnnl_primitive_attr_destroy(s->add_attr);
    if (s->add)
        dnnl_post_ops_destroy(s->add);
    if (s->hint)
        dnnl_primitive_desc_destroy(s->hint);
    if (s->made)
        dnnl_primitive_desc_destroy(s->made);
}

static unsigned describe(struct setup *s, int bias)
{
    const nw_conv_dims *d = s->d;
    int g = d->groups;
    unsigned fail = 0;
    dnnl_dims_t x = {d->n, d->ic, d->ih, d->iw}, y = {d->n, d->oc, d->oh, d->ow};
    dnnl_dims_t w = {d->oc, d->ic, d->kh, d->kw}, b = {d->oc};
    dnnl_dims_t wg = {g, d->oc / g, d->ic / g, d->kh, d->kw};
    int rank = g > 1 ? 5 : 4;

    fail |= dnnl_memory_desc_init_by_tag(&s->x, 4, x, dnnl_f32, dnnl_nhwc);
    fail |= dnnl_memory_desc_init_by_tag(&s->y, 4, y, dnnl_f32, dnnl_nhwc);
    fail |= dnnl_memory_desc_init_by_tag(&s->w, rank, g > 1 ? wg : w, dnnl_f32,
                                         dnnl_format_tag_any);
    fail |= dnnl_memory_desc_init_by_tag(&s->plain, rank, g > 1 ? wg : w, dnnl_f32,
                                         g > 1 ? dnnl_goihw : dnnl_oihw);
    if (bias)
        fail |= dnnl_memory_desc_init_by_tag(&s->b, 1, b, dnnl_f32, dnnl_a);
    fail |= dnnl_primitive_attr_create(&s->attr);
    fail |= dnnl_primitive_attr_set_scratchpad_mode(s->attr, dnnl_scratchpad_mode_user);
    return fail;
}

/* Zeros behind: as many as before, or else as the size of the output needs. */
static int pad_behind(int in, int out, int span, int stride, int pad)
{
    int room = in + 2 * pad - span;

    if (room >= 0 && room / stride + 1 == out)
        return pad;
    return (out - 1) * stride + span - in - pad;
}

/* The best implementation that is not the reference; NULL if there is none. */
static dnnl_primitive_desc_t find(struct setup *s, dnnl_engine_t engine,
                                  nw_conv_pass pass, int bias)
{
    const nw_conv_dims *d = s->d;
    dnnl_dims_t stride = {d->sh, d->sw}, pad = {d->ph, d->pw};
    dnnl_dims_t behind = {
        pad_behind(d->ih, d->oh, d->dh * (d->kh - 1) + 1, d->sh, d->ph),
        pad_behind(d->iw, d->ow, d->dw * (d->kw - 1) + 1, d->sw, d->pw)};
    dnnl_dims_t dil = {d->dh - 1, d->dw - 1};
    dnnl_memory_desc_t *b = bias ? &s->b : NULL;
    dnnl_alg_kind_t direct = dnnl_convolution_direct;
    dnnl_convolution_desc_t c;
    dnnl_primitive_desc_t out = NULL;
    const char *name = NULL;
    unsigned fail;

    if (pass == NW_CONV_FORWARD)
        fail = dnnl_dilated_convolution_forward_desc_init(&c, dnnl_forward_training,
                                                          direct, &s->x, &s->w, b, &s->y,
                                                          stride, dil, pad, behind);
    else if (pass == NW_CONV_BACK_DATA)
        fail = dnnl_dilated_convolution_backward_data_desc_init(
            &c, direct, &s->x, &s->w, &s->y, stride, dil, pad, behind);
    else
        fail = dnnl_dilated_convolution_backward_weights_desc_init(
            &c, direct, &s->x, &s->w, b, &s->y, stride, dil, pad, behind);
    if (fail || dnnl_primitive_desc_create(&out, &c, s->attr, engine, s->hint))
        return NULL;
    dnnl_primitive_desc_query(out, dnnl_query_impl_info_str, 0, &name);
    if (name && !strncmp(name, "ref", 3)) {
        dnnl_primitive_desc_destroy(out);
        return NULL;
    }
    return out;
}

/* Room in scratch, in whole cache lines. */
static size_t room(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* Weights to the primitive's layout, or their gradient from there, added. */
static unsigned make_reorder(struct conv *c, struct setup *s, const dnnl_memory_desc_t *w)
{
    int back = c->pass == NW_CONV_BACK_WEIGHTS;
    unsigned fail;
    dnnl_primitive_desc_t made = NULL;
    const dnnl_memory_desc_t *pad;

    if (!back && dnnl_memory_desc_equal(w, &s->plain))
        return 0;
    fail = dnnl_primitive_attr_create(&s->add_attr);
    fail |=
        dnnl_primitive_attr_set_scratchpad_mode(s->add_attr, dnnl_scratchpad_mode_user);
    if (back) {
        fail |= dnnl_post_ops_create(&s->add);
        fail |= dnnl_post_ops_append_sum(s->add, 1);
        fail |= dnnl_primitive_attr_set_post_ops(s->add_attr, s->add);
    }
    if (fail ||
        dnnl_reorder_primitive_desc_create(&made, back ? w : &s->plain, c->engine,
                                           back ? &s->plain : w, c->engine, s->add_attr))
        return 1;
    pad = dnnl_primitive_desc_query_md(made, dnnl_query_scratchpad_md, 0);
    if (room(dnnl_memory_desc_get_size(pad)) > c->pad_bytes)
        c->pad_bytes = room(dnnl_memory_desc_get_size(pad));
    fail = dnnl_primitive_create(&c->reorder, made);
    fail |= dnnl_memory_create(&c->reorder_pad, pad, c->engine, DNNL_MEMORY_NONE);
    dnnl_primitive_desc_destroy(made);
    c->weight_bytes = room(dnnl_memory_desc_get_size(w));
    return fail;
}

static unsigned make(struct conv *c, struct setup *s, int data_wanted)
{
    const dnnl_memory_desc_t *w, *pad;
    int back = c->pass == NW_CONV_BACK_WEIGHTS;
    unsigned fail;

    w = dnnl_primitive_desc_query_md(
        s->made, back ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
    pad = dnnl_primitive_desc_query_md(s->made, dnnl_query_scratchpad_md, 0);
    c->pad_bytes = room(dnnl_memory_desc_get_size(pad));
    c->data_bytes = data_wanted ? room(dnnl_memory_desc_get_size(&s->x)) : 0;
    fail = dnnl_primitive_create(&c->conv, s->made);
    fail |= make_reorder(c, s, w);
    fail |= dnnl_memory_create(&c->x, &s->x, c->engine, DNNL_MEMORY_NONE);
    fail |= dnnl_memory_create(&c->y, &s->y, c->engine, DNNL_MEMORY_NONE);
    fail |= dnnl_memory_create(&c->w, w, c->engine, DNNL_MEMORY_NONE);
    fail |= dnnl_memory_create(&c->plain, &s->plain, c->engine, DNNL_MEMORY_NONE);
    fail |= dnnl_memory_create(&c->pad, pad, c->engine, DNNL_MEMORY_NONE);
    if (c->bias) {
        fail |= dnnl_memory_create(&c->b, &s->b, c->engine, DNNL_MEMORY_NONE);
        c->bias_bytes = back ? room(dnnl_memory_desc_get_size(&s->b)) : 0;
    }
    return fail;
}

static void point(dnnl_memory_t memory, const void *at)
{
    union {
        const void *from;
        void *to;
    } p = {at}; /* oneDNN has one type for what it reads and what it writes */

    dnnl_memory_set_data_handle(memory, p.to);
}

static void turn(const struct conv *c, dnnl_memory_t from, dnnl_memory_t to, char *pad)
{
    dnnl_exec_arg_t args[] = {
        {DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {DNNL_ARG_SCRATCHPAD, c->reorder_pad}};

    point(c->reorder_pad, pad);
    dnnl_primitive_execute(c->reorder, c->stream, 3, args);
}

/* Scratch: oneDNN's own | weights | bias gradient | data gradient. */
static char *place_weights(const struct conv *c, const nw_conv_args *a)
{
    char *weights = (char *)a->scratch + c->pad_bytes;

    point(c->pad, a->scratch);
    if (a->kept) {
        point(c->w, a->kept);
    } else if (c->reorder && a->w) {
        point(c->plain, a->w);
        point(c->w, weights);
        turn(c, c->plain, c->w, a->scratch);
    } else if (c->reorder) {
        point(c->w, weights);
    } else {
        point(c->w, a->w);
    }
    return weights + c->weight_bytes;
}

static void forward(const nw_conv_dims *d, void *self, const nw_conv_args *a)
{
    const struct conv *c = self;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, c->x},
                              {DNNL_ARG_WEIGHTS, c->w},
                              {DNNL_ARG_DST, c->y},
                              {DNNL_ARG_SCRATCHPAD, c->pad},
                              {DNNL_ARG_BIAS, c->b}};

    (void)d;
    place_weights(c, a);
    point(c->x, a->x);
    point(c->y, a->y);
    if (c->bias)
        point(c->b, a->bias);
    dnnl_primitive_execute(c->conv, c->stream, c->bias ? 5 : 4, args);
    dnnl_stream_wait(c->stream);
}

static void back_data(const nw_conv_dims *d, void *self, const nw_conv_args *a)
{
    const struct conv *c = self;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_DIFF_SRC, c->x},
                              {DNNL_ARG_WEIGHTS, c->w},
                              {DNNL_ARG_DIFF_DST, c->y},
                              {DNNL_ARG_SCRATCHPAD, c->pad}};
    size_t count = (size_t)d->n * (size_t)d->ih * (size_t)d->iw * (size_t)d->ic;
    char *sum = place_weights(c, a);

    point(c->x, a->add ? (void *)sum : a->dx);
    point(c->y, a->dy);
    dnnl_primitive_execute(c->conv, c->stream, 4, args);
    dnnl_stream_wait(c->stream);
    if (a->add)
        NW_R(nw_add_into)(count, (const float *)sum, a->dx);
}

static void back_weights(const nw_conv_dims *d, void *self, const nw_conv_args *a)
{
    const struct conv *c = self;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, c->x},
                              {DNNL_ARG_DIFF_WEIGHTS, c->w},
                              {DNNL_ARG_DIFF_DST, c->y},
                              {DNNL_ARG_SCRATCHPAD, c->pad},
                              {DNNL_ARG_DIFF_BIAS, c->b}};
    nw_conv_args no_weights = {.scratch = a->scratch};
    char *sum = place_weights(c, &no_weights);

    point(c->x, a->x);
    point(c->y, a->dy);
    if (c->bias)
        point(c->b, sum);
    dnnl_primitive_execute(c->conv, c->stream, c->bias ? 5 : 4, args);
    if (a->dw) {
        point(c->plain, a->dw);
        turn(c, c->w, c->plain, a->scratch);
    }
    dnnl_stream_wait(c->stream);
    for (int o = 0; o < d->oc && a->db; o++)
        a->db[o] += ((const float *)sum)[o];
}

nw_status nw_onednn_keep(nw_ctx *ctx, nw_conv_way *way, const float *w)
{
    struct conv *c = way->self;
    char *pad = nw_alloc(ctx, c->pad_bytes + 1);

    way->kept = pad ? nw_alloc(ctx, c->weight_bytes) : NULL;
    if (way->kept) {
        point(c->plain, w);
        point(c->w, way->kept);
        turn(c, c->plain, c->w, pad);
        dnnl_stream_wait(c->stream);
        way->turned = 0;
    }
    nw_release(ctx, pad);
    return way->kept ? NW_OK : NW_ENOMEM;
}

nw_status nw_onednn_conv(nw_ctx *ctx, const nw_conv_dims *d, nw_conv_pass pass, int bias,
                         nw_conv_way *way)
{
    struct conv *c = nw_new(ctx, sizeof(*c), conv_destroy);
    struct setup s = {.d = d};
    int has_bias = bias && pass != NW_CONV_BACK_DATA;
    unsigned fail;

    *way = (nw_conv_way){0};
    if (!c)
        return NW_ENOMEM;
    c->ctx = ctx, c->pass = pass, c->bias = has_bias;
    fail = dnnl_engine_create(&c->engine, dnnl_cpu, 0);
    fail = fail || dnnl_stream_create(&c->stream, c->engine, dnnl_stream_default_flags);
    fail = fail || describe(&s, has_bias);
    if (!fail && pass != NW_CONV_FORWARD)
        s.hint = find(&s, c->engine, NW_CONV_FORWARD, has_bias);
    if (!fail)
        s.made = find(&s, c->engine, pass, has_bias);
    if (s.made && !make(c, &s, pass == NW_CONV_BACK_DATA)) {
        way->run = pass == NW_CONV_FORWARD     ? forward
                   : pass == NW_CONV_BACK_DATA ? back_data
                                               : back_weights;
        way->self = c;
        way->turned = c->reorder != NULL;
        way->scratch = c->pad_bytes + c->weight_bytes + c->bias_bytes + c->data_bytes;
        dnnl_primitive_desc_query(s.made, dnnl_query_impl_info_str, 0, &way->name);
    }
    setup_clear(&s);
    if (!way->run)
        nw_release(ctx, c);
    return NW_OK;
}

#endif
