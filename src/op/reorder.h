/*
 * reorder.h - the numbers of an example in the order in which users count them.
 *
 * Users count (C, H, W) channel by channel; in memory the channels are last. Changing
 * the shape keeps the users' order, and so moves numbers in memory.
 */
#ifndef NW_REORDER_H
#define NW_REORDER_H

#include "op.h"

/* Where number `i`, as users count, stands in the memory of an example. */
static inline size_t nw_place_of(const nw_shape *s, size_t i)
{
    size_t pixels;

    if (s->rank < 3)
        return i;
    pixels = (size_t)s->dim[1] * (size_t)s->dim[2];
    return i % pixels * (size_t)s->dim[0] + i / pixels;
}

static inline int nw_is_in_order(const nw_shape *s)
{
    return s->rank < 3 || s->dim[0] == 1 || s->dim[1] * s->dim[2] == 1;
}

/* Examples [begin, end): `to` in shape `out` is, or grows by, `from` in shape `in`. */
static inline void nw_reorder(const nw_real *from, const nw_shape *in, nw_real *to,
                              const nw_shape *out, int add, size_t begin, size_t end)
{
    const size_t size = nw_count(in);

    if (nw_is_in_order(in) && nw_is_in_order(out)) {
        nw_store(to + begin * size, from + begin * size, (end - begin) * size, add);
        return;
    }
    for (size_t n = begin; n < end; n++)
        for (size_t i = 0; i < size; i++) {
            nw_real *t = to + n * size + nw_place_of(out, i);

            *t = (add ? *t : 0) + from[n * size + nw_place_of(in, i)];
        }
}

static nw_status reorder_prepare(nw_run *run)
{
    const int moves = !nw_is_in_order(&run->in[0]) || !nw_is_in_order(&run->out);

    run->how.reordered = moves ? 1 + (run->backward && run->dx[0]) : 0;
    return NW_OK;
}

static void reorder_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    nw_reorder(run->x[0], &run->in[0], run->y, &run->out, 0, begin, end);
}

static void reorder_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    nw_reorder(run->dy, &run->out, run->dx[0], &run->in[0], run->add[0], begin, end);
}

static void reorder_forward(const nw_run *run)
{
    nw_each_of(run, (size_t)run->batch, nw_count(&run->out), reorder_forward_part);
}

static void reorder_backward(const nw_run *run)
{
    if (run->dx[0])
        nw_each_of(run, (size_t)run->batch, nw_count(&run->out), reorder_backward_part);
}

#endif
