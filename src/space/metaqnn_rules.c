/*
 * metaqnn_rules.c - what may follow what in MetaQNN's chains, and what its agent sees.
 *
 * A state is the last layer, the depth and the size of the map. From it the agent takes
 *
 *   C(d,f)  d of widths=, f in 1, 3, 5, smaller than the map
 *   P(k,s)  (5,3), (3,2) or (2,2), window smaller than the map; behind a convolution only
 *   FC(n)   n of fc=; on maps of at most 7 pixels, or behind one FC that is no narrower
 *   GAP     anywhere but behind FC; only SM follows
 *   SM      the end, anywhere; the only way on at depth limit=
 *
 * The agent sees sizes in buckets (8 and more, 4 to 7, 3 and less). The rules go by true
 * sizes, which are kept beside: a pool from one bucket may lead to two. Where the paper
 * and the authors' code differ (P never first, windows strictly smaller) this follows the
 * code; but that code asks the bucket (8, 4 or 1), so that on maps of 4 to 7 pixels it
 * takes f and k of at most 3, and on smaller ones none.
 *
 * [1] B. Baker, O. Gupta, N. Naik, R. Raskar 2016, arXiv:1611.02167, table 1.
 */
#include "metaqnn.h"

const int nw_mq_kernels[NW_MQ_KERNELS] = {1, 3, 5};
const int nw_mq_pools[NW_MQ_POOLS][2] = {{5, 3}, {3, 2}, {2, 2}};

int nw_mq_options(const nw_mq_rules *r)
{
    return 1 + r->n_width * NW_MQ_KERNELS + NW_MQ_POOLS + r->n_fc + 1;
}

nw_mq_layer nw_mq_layer_of(const nw_mq_rules *r, int o)
{
    if (o-- == 0)
        return (nw_mq_layer){NW_MQ_SM, 0, 0};
    if (o < r->n_width * NW_MQ_KERNELS)
        return (nw_mq_layer){NW_MQ_C, r->width[o / NW_MQ_KERNELS],
                             nw_mq_kernels[o % NW_MQ_KERNELS]};
    o -= r->n_width * NW_MQ_KERNELS;
    if (o < NW_MQ_POOLS)
        return (nw_mq_layer){NW_MQ_P, nw_mq_pools[o][0], nw_mq_pools[o][1]};
    o -= NW_MQ_POOLS;
    if (o < r->n_fc)
        return (nw_mq_layer){NW_MQ_FC, r->fc[o], 0};
    return (nw_mq_layer){NW_MQ_GAP, 0, 0};
}

int nw_mq_option_of(const nw_mq_rules *r, const nw_mq_layer *l)
{
    for (int o = 0; o < nw_mq_options(r); o++) {
        const nw_mq_layer other = nw_mq_layer_of(r, o);

        if (other.kind == l->kind && other.a == l->a && other.b == l->b)
            return o;
    }
    return -1;
}

static const char *fc_forbidden(const nw_mq_state *s, const nw_mq_layer *l)
{
    if (s->last.kind != NW_MQ_FC)
        return s->size > NW_MQ_LARGEST_FC_MAP ? "FC stands on maps of at most 7 pixels"
                                              : NULL;
    if (s->n_fc == 2)
        return "at most two FC";
    return l->a > s->last.a ? "an FC is no wider than the one before" : NULL;
}

const char *nw_mq_forbidden(const nw_mq_rules *r, const nw_mq_state *s,
                            const nw_mq_layer *l)
{
    const int before = s->last.kind;

    if (l->kind == NW_MQ_SM)
        return NULL;
    if (s->depth == r->limit)
        return "at the depth limit only SM follows";
    if (before == NW_MQ_GAP)
        return "only SM follows GAP";
    if (l->kind == NW_MQ_FC)
        return fc_forbidden(s, l);
    if (before == NW_MQ_FC)
        return "only FC and SM follow FC";
    if (l->kind == NW_MQ_C && l->b >= s->size)
        return "the kernel must be smaller than the map";
    if (l->kind == NW_MQ_P && before != NW_MQ_C)
        return "a pool follows a convolution only";
    if (l->kind == NW_MQ_P && l->a >= s->size)
        return "the window must be smaller than the map";
    return NULL;
}

void nw_mq_go_on(const nw_mq_rules *r, nw_mq_state *s, const nw_mq_layer *l)
{
    s->depth++;
    s->last = *l;
    s->n_fc += l->kind == NW_MQ_FC;
    if (l->kind == NW_MQ_P)
        s->size = nw_mq_pooled(s->size, l->a, l->b, r->is_floor);
}

nw_mq_state nw_mq_start(const nw_mq_rules *r)
{
    return (nw_mq_state){.size = r->size};
}

enum { BUCKETS = 3, MOST_FC = 3 };

/* Behind FC and GAP there is no map. */
static int bucket_of(const nw_mq_state *s)
{
    if (s->last.kind == NW_MQ_FC || s->last.kind == NW_MQ_GAP)
        return 0;
    return s->size >= 8 ? 2 : s->size >= 4;
}

/* Mixed radix; the largest is far below 2^64. */
uint64_t nw_mq_seen(const nw_mq_state *s)
{
    uint64_t code = (uint64_t)s->depth;

    code = code * BUCKETS + (uint64_t)bucket_of(s);
    code = code * MOST_FC + (uint64_t)s->n_fc;
    code = code * (NW_MQ_GAP + 1) + (uint64_t)s->last.kind;
    code = code << 8 | (uint64_t)s->last.b;
    return code << 20 | (uint64_t)s->last.a;
}
