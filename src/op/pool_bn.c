/*
 * pool_bn.c - a pool and a batch norm, as the cells that DARTS [1] searches have them;
 * the norm's parameter name is that of the authors' code: 1.
 *
 * [1] Liu, Simonyan, Yang 2019, DARTS, arXiv:1806.09055.
 */
#include "chain.h"

struct pool_bn {
    char pool[NW_TEXT_SIZE];
    int k[2], stride[2], pad[2], affine;
};

static const nw_attr pool_bn_attrs[] = {
    {"pool", NW_TEXT, offsetof(struct pool_bn, pool), "maxpool", 0, 0,
     "maxpool or avgpool", NULL},
    {"k", NW_PAIR, offsetof(struct pool_bn, k), "3", 1, 255, "window, pixels", NULL},
    {"stride", NW_PAIR, offsetof(struct pool_bn, stride), "1", 1, 255,
     "step of the window, pixels", NULL},
    {"pad", NW_PAIR, offsetof(struct pool_bn, pad), "same", 0, 127,
     "border on each side, pixels; same = (k - 1) / 2", "same"},
    {"affine", NW_BOOL, offsetof(struct pool_bn, affine), "1", 0, 0,
     "give the batch norm scale and shift", NULL},
    {0},
};

static const nw_case pool_bn_cases[] = {
    {"pool_bn", 1, {{3, {4, 5, 6}}}},
    {"pool_bn k=2x3 stride=2 pad=0x1", 1, {{3, {3, 6, 5}}}},
    {"pool_bn pool=avgpool stride=2 affine=0", 1, {{3, {4, 7, 8}}}},
    {0},
};

#ifndef NW_DOUBLE

static int is_square(const struct pool_bn *a)
{
    return a->k[0] == a->k[1] && a->stride[0] == a->stride[1] && a->pad[0] == a->pad[1];
}

/* NULL = any other op, which runs as one of the parts. */
static const nw_stage_type *stage_of(const char *pool)
{
    return !strcmp(pool, "maxpool")   ? &nw_stage_maxpool
           : !strcmp(pool, "avgpool") ? &nw_stage_avgpool
                                      : NULL;
}

static nw_chain chain_of(const struct pool_bn *a, int c)
{
    return (nw_chain){
        1,
        {{stage_of(a->pool), NW_GATE_NONE, a->k[0], a->stride[0], 1, a->pad[0], c}},
        a->affine,
        1e-5};
}

static int pool_bn_fits(const void *attr, const nw_shape *in)
{
    const nw_chain chain = chain_of(attr, in->dim[0]);

    return is_square(attr) && nw_chain_fits(&chain, in);
}

static nw_status pool_bn_prepare(nw_run *run)
{
    const nw_chain chain = chain_of(run->attr, run->in[0].dim[0]);

    return nw_chain_prepare(&chain, run);
}

#endif

const nw_op_type NW_R(nw_op_pool_bn) = {
    .name = "pool_bn",
    .doc = "pool, batch norm",
    .paper = "Liu et al. 2019, DARTS, arXiv:1806.09055",
    .attrs = pool_bn_attrs,
    .size = sizeof(struct pool_bn),
    .min_in = 1,
    .max_in = 1,
    .expand = "$pool k=$k stride=$stride pad=$pad | batchnorm affine=$affine name=1",
    .cases = pool_bn_cases,
#ifndef NW_DOUBLE
    .flags = NW_NEEDS_X | NW_ADDS | NW_CAN_DEFER,
    .fits = pool_bn_fits,
    .prepare = pool_bn_prepare,
    .release = nw_chain_release,
    .forward = nw_chain_forward,
    .backward = nw_chain_backward,
    .redo = nw_chain_redo,
#endif
};
