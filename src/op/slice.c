/*
 * slice.c - a part of the input, by ranges "a:b" or "a:b:s" as Python writes them: from
 * a to before b in steps of s; either end may be left out or count from the back.
 *
 * Of (C, H, W) all three keys count, of (T, C) h is the step T, of (C) only c.
 */
#include "op.h"

#include <stdlib.h>

struct slice {
    char c[NW_TEXT_SIZE], h[NW_TEXT_SIZE], w[NW_TEXT_SIZE];
};

static const nw_attr slice_attrs[] = {
    {"c", NW_TEXT, offsetof(struct slice, c), ":", 0, 0, "channels, as a:b or a:b:s",
     NULL},
    {"h", NW_TEXT, offsetof(struct slice, h), ":", 0, 0, "rows, as a:b or a:b:s", NULL},
    {"w", NW_TEXT, offsetof(struct slice, w), ":", 0, 0, "columns, as a:b or a:b:s",
     NULL},
    {0},
};

struct range {
    int first, n, step;
};

/* An end of a range: counted from the back when below 0, then held within 0..size. */
static int bound(const char **text, int size, int missing)
{
    char *end;
    long v = strtol(*text, &end, 10);

    if (end == *text)
        return missing;
    *text = end;
    if (v < 0)
        v += size;
    return v < 0 ? 0 : v > size ? size : (int)v;
}

static int parse_range(const char *text, int size, struct range *out)
{
    int first = bound(&text, size, 0), last;
    long step = 1;

    if (*text++ != ':')
        return 0;
    last = bound(&text, size, size);
    if (*text == ':' && text[1])
        step = strtol(text + 1, (char **)&text, 10);
    if (*text || step < 1 || step > size)
        return 0;
    *out = (struct range){first, 0, (int)step};
    if (last > first)
        out->n = (last - first - 1) / out->step + 1;
    return 1;
}

struct part {
    struct range h, w, c;
};

/* NULL, or the key whose range is none. */
static const char *part_of(const struct slice *a, const nw_shape *in, struct part *out)
{
    nw_picture p = nw_picture_of(in);

    if (!parse_range(a->c, p.c, &out->c))
        return a->c;
    if (!parse_range(a->h, p.h, &out->h))
        return a->h;
    return parse_range(a->w, p.w, &out->w) ? NULL : a->w;
}

static nw_status slice_infer(nw_node *node)
{
    const struct slice *a = node->attr;
    struct part part;
    const char *bad = part_of(a, &node->in[0], &part);

    if (bad)
        return nw_refuse(node,
                         "slice: \"%s\" is not a range a:b or a:b:s with s from 1 to "
                         "the size of the axis",
                         bad);
    if (!part.c.n || !part.h.n || !part.w.n)
        return nw_refuse(node, "slice: nothing is left of the input");
    node->out = node->in[0];
    if (node->out.rank == 3) {
        node->out = (nw_shape){3, {part.c.n, part.h.n, part.w.n}};
    } else if (node->out.rank == 2) {
        node->out = (nw_shape){2, {part.h.n, part.c.n}};
    } else if (node->out.rank == 1) {
        node->out.dim[0] = part.c.n;
    }
    return NW_OK;
}

/* Row r of the output in memory: where its channels start in the input. */
static size_t row_in_x(const nw_run *run, const struct part *part, size_t r)
{
    const nw_picture in = nw_picture_of(&run->in[0]);
    const size_t w = r % (size_t)part->w.n, r2 = r / (size_t)part->w.n;
    const size_t h = r2 % (size_t)part->h.n, n = r2 / (size_t)part->h.n;
    const size_t y = (size_t)part->h.first + h * (size_t)part->h.step;
    const size_t x = (size_t)part->w.first + w * (size_t)part->w.step;

    return ((n * (size_t)in.h + y) * (size_t)in.w + x) * (size_t)in.c +
           (size_t)part->c.first;
}

static void slice_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    struct part part;

    part_of(run->attr, &run->in[0], &part);
    for (size_t r = begin; r < end; r++) {
        const nw_real *x = run->x[0] + row_in_x(run, &part, r);
        nw_real *y = run->y + r * (size_t)part.c.n;

        for (int i = 0; i < part.c.n; i++)
            y[i] = x[i * part.c.step];
    }
}

static void slice_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    struct part part;

    part_of(run->attr, &run->in[0], &part);
    for (size_t r = begin; r < end; r++) {
        nw_real *dx = run->dx[0] + row_in_x(run, &part, r);
        const nw_real *dy = run->dy + r * (size_t)part.c.n;

        for (int i = 0; i < part.c.n; i++)
            dx[i * part.c.step] += dy[i];
    }
}

static void slice_forward(const nw_run *run)
{
    nw_each_row(run, slice_forward_part);
}

static void slice_backward(const nw_run *run)
{
    nw_store_zero(run, 0);
    if (run->dx[0])
        nw_each_row(run, slice_backward_part);
}

static const nw_case slice_cases[] = {
    {"slice c=1:-1", 1, {{1, {7}}}},
    {"slice h=1: w=1:", 1, {{3, {3, 6, 4}}}},
    {"slice c=::2 h=-3: w=:-1:3", 1, {{3, {5, 7, 6}}}},
    {"slice h=1:3 c=2:", 1, {{2, {4, 5}}}},
    {0},
};

static void slice_onnx(nw_onnx *out, const nw_node *node)
{
    static const int order3[] = {2, 0, 1}, order2[] = {0, 2}, order1[] = {2};
    const int *order = node->in[0].rank == 3   ? order3
                       : node->in[0].rank == 2 ? order2
                                               : order1;
    int64_t first[3], end[3], axis[3], step[3];
    struct part part;
    struct range range[3];

    part_of(node->attr, &node->in[0], &part);
    range[0] = part.h;
    range[1] = part.w;
    range[2] = part.c;
    for (int i = 0; i < node->in[0].rank; i++) {
        const struct range *r = &range[order[i]];

        first[i] = r->first;
        end[i] = r->first + (r->n - 1) * r->step + 1;
        axis[i] = 1 + i;
        step[i] = r->step;
    }
    out->node(out, "Slice");
    out->input(out, 0);
    out->indices(out, node->in[0].rank, first);
    out->indices(out, node->in[0].rank, end);
    out->indices(out, node->in[0].rank, axis);
    out->indices(out, node->in[0].rank, step);
}

const nw_op_type NW_R(nw_op_slice) = {
    .name = "slice",
    .doc = "a part of the input, by ranges of channels, rows and columns",
    .attrs = slice_attrs,
    .size = sizeof(struct slice),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS,
    .infer = slice_infer,
    .forward = slice_forward,
    .backward = slice_backward,
    .cases = slice_cases,
    .onnx = slice_onnx,
};
