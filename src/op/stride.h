/* stride.h - key and shape of ops that take every s-th pixel: none, noise. */
#ifndef NW_STRIDE_H
#define NW_STRIDE_H

#include "op.h"

struct stride {
    int stride[2];
};

static const nw_attr stride_attrs[] = {
    {"stride", NW_PAIR, offsetof(struct stride, stride), "1", 1, 1 << 15,
     "steps between the pixels taken, pixels", NULL},
    {0},
};

/* out  (C, ceil(H / s), ceil(W / s)): that of x[:, ::s, ::s] */
static inline nw_status stride_infer(nw_node *node)
{
    const struct stride *a = node->attr;

    node->out = node->in[0];
    if (node->in[0].rank != 3 && (a->stride[0] > 1 || a->stride[1] > 1))
        return nw_refuse(node, "stride=%dx%d needs an input with height and width",
                         a->stride[0], a->stride[1]);
    for (int i = 0; node->out.rank == 3 && i < 2; i++)
        node->out.dim[1 + i] = (node->out.dim[1 + i] - 1) / a->stride[i] + 1;
    return NW_OK;
}

#endif
