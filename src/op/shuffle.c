/*
 * shuffle.c - channel shuffle: channels as a table of `groups` rows, transposed.
 *
 * out  channel k * groups + g is channel g * (C / groups) + k of the input
 */
#include "op.h"

struct shuffle {
    int groups;
};

static const nw_attr shuffle_attrs[] = {
    {"groups", NW_INT, offsetof(struct shuffle, groups), "2", 1, 1 << 20,
     "groups of channels that are mixed", NULL},
    {0},
};

static nw_status shuffle_infer(nw_node *node)
{
    const struct shuffle *a = node->attr;
    const int c = (int)nw_width(&node->in[0]);

    if (c % a->groups)
        return nw_refuse(node, "shuffle: groups=%d does not divide %d channels",
                         a->groups, c);
    return nw_infer_same(node);
}

static void shuffle_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const struct shuffle *a = run->attr;
    const size_t c = nw_width(&run->out), groups = (size_t)a->groups, each = c / groups;

    for (size_t r = begin; r < end; r++) {
        const nw_real *x = run->x[0] + r * c;
        nw_real *y = run->y + r * c;

        for (size_t k = 0; k < each; k++)
            for (size_t g = 0; g < groups; g++)
                *y++ = x[g * each + k];
    }
}

static void shuffle_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const struct shuffle *a = run->attr;
    const size_t c = nw_width(&run->out), groups = (size_t)a->groups, each = c / groups;

    for (size_t r = begin; r < end; r++) {
        const nw_real *dy = run->dy + r * c;
        nw_real *dx = run->dx[0] + r * c;

        for (size_t k = 0; k < each; k++)
            for (size_t g = 0; g < groups; g++, dy++)
                dx[g * each + k] = (run->add[0] ? dx[g * each + k] : 0) + *dy;
    }
}

static void shuffle_forward(const nw_run *run)
{
    nw_each_row(run, shuffle_forward_part);
}

static void shuffle_backward(const nw_run *run)
{
    if (run->dx[0])
        nw_each_row(run, shuffle_backward_part);
}

static const nw_case shuffle_cases[] = {
    {"shuffle", 1, {{1, {6}}}},
    {"shuffle groups=3", 1, {{3, {6, 3, 5}}}},
    {0},
};

static void shuffle_onnx(nw_onnx *out, const nw_node *node)
{
    const struct shuffle *a = node->attr;
    const nw_shape *s = &node->in[0];
    const nw_picture p = nw_picture_of(s);
    const int64_t before = s->rank == 2 ? p.h : 1, after = s->rank == 3 ? p.h * p.w : 1;
    int64_t shape[4] = {0};

    for (int i = 0; i < s->rank; i++)
        shape[1 + i] = s->dim[i];
    out->node(out, "Reshape");
    out->input(out, 0);
    out->indices(out, 5, (const int64_t[]){0, before, a->groups, p.c / a->groups, after});
    out->node(out, "Transpose");
    out->previous(out);
    out->attr_ints(out, "perm", 5, (const int64_t[]){0, 1, 3, 2, 4});
    out->node(out, "Reshape");
    out->previous(out);
    out->indices(out, 1 + s->rank, shape);
}

const nw_op_type NW_R(nw_op_shuffle) = {
    .name = "shuffle",
    .doc = "channel shuffle: groups of channels are interleaved",
    .paper = "Zhang et al. 2018, ShuffleNet, arXiv:1707.01083",
    .attrs = shuffle_attrs,
    .size = sizeof(struct shuffle),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS,
    .infer = shuffle_infer,
    .forward = shuffle_forward,
    .backward = shuffle_backward,
    .cases = shuffle_cases,
    .onnx = shuffle_onnx,
};
