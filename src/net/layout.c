#include "layout.h"

#include <stdlib.h>
#include <string.h>

static size_t rounded(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static int by_birth(const void *a, const void *b)
{
    const nw_life *x = *(const nw_life *const *)a, *y = *(const nw_life *const *)b;

    if (x->birth != y->birth)
        return x->birth < y->birth ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Drop from the n buffers in `live`, which are in order of offset, those dead by `now`.
 */
static size_t bury(nw_life **live, size_t n, int now)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (live[i]->death >= now)
            live[kept++] = live[i];
    return kept;
}

/* Give `b` the first gap among the live that holds it, and its place in their order. */
static void settle(nw_life **live, size_t n, nw_life *b)
{
    size_t end = 0, i = 0;

    while (i < n && live[i]->offset < end + rounded(b->bytes)) {
        size_t after = live[i]->offset + rounded(live[i]->bytes);

        end = after > end ? after : end;
        i++;
    }
    memmove(live + i + 1, live + i, (n - i) * sizeof(*live));
    live[i] = b;
    b->offset = end;
}

nw_status nw_layout(nw_ctx *ctx, nw_life *life, size_t n, size_t *bytes)
{
    nw_life **order = nw_alloc(ctx, (2 * n + 1) * sizeof(*order)), **live = order + n;
    size_t n_order = 0, n_live = 0;

    if (!order)
        return NW_ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (life[i].bytes)
            order[n_order++] = &life[i];
    qsort(order, n_order, sizeof(*order), by_birth);
    *bytes = 0;
    for (size_t i = 0; i < n_order; i++) {
        nw_life *b = order[i];

        n_live = bury(live, n_live, b->birth);
        settle(live, n_live++, b);
        if (b->offset + rounded(b->bytes) > *bytes)
            *bytes = b->offset + rounded(b->bytes);
    }
    nw_release(ctx, order);
    return NW_OK;
}
