/*
 * additive_score.c - how well each step of one sequence suits each step of another [1].
 *
 * in    a (N, S, H), b (N, T, H)
 * par   weight (H)
 * out   y (N, T, S)    y_ij = sum over k of weight_k tanh(a_jk + b_ik)
 * back  da_j, db_i, dweight; the tanh is computed again
 * cost  T * S * H multiply-adds
 *
 * With a = W_prev h and b = W_curr h of the states h of one controller these are the
 * logits of NAS-RL's anchor points [2]: y_ij that layer j is an input of layer i.
 *
 * [1] Bahdanau et al. 2015, Neural machine translation by jointly learning to align and
 *     translate, arXiv:1409.0473.
 * [2] Zoph & Le 2017, Neural architecture search with reinforcement learning,
 *     arXiv:1611.01578.
 */
#include "op.h"

static nw_status additive_score_infer(nw_node *node)
{
    const nw_shape *a = &node->in[0], *b = &node->in[1];

    if (a->rank != 2 || b->rank != 2 || a->dim[1] != b->dim[1])
        return nw_refuse(node, "additive_score: both inputs must be sequences of rows of "
                               "one width");
    node->out = (nw_shape){2, {b->dim[0], a->dim[0]}};
    node->param[0] = (nw_param){
        .suffix = "weight", .rank = 1, .dim = {a->dim[1]}, .fan_in = a->dim[1]};
    node->n_param = 1;
    node->macs = (double)nw_count(&node->out) * a->dim[1];
    return NW_OK;
}

struct room {
    size_t n, s, t, h;
    double *dw; /* (N, H): one sum an example */
};

static struct room room_of(const nw_run *run)
{
    return (struct room){.n = (size_t)run->batch,
                         .s = (size_t)run->in[0].dim[0],
                         .t = (size_t)run->in[1].dim[0],
                         .h = (size_t)run->in[0].dim[1],
                         .dw = run->scratch};
}

static nw_status additive_score_prepare(nw_run *run)
{
    const struct room r = room_of(run);

    run->scratch_bytes = run->backward ? r.n * r.h * sizeof(double) : 0;
    return NW_OK;
}

static void forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const struct room r = room_of(run);

    for (size_t row = begin; row < end; row++) {
        const size_t n = row / (r.t * r.s), i = row / r.s % r.t, j = row % r.s;
        const nw_real *a = run->x[0] + (n * r.s + j) * r.h;
        const nw_real *b = run->x[1] + (n * r.t + i) * r.h;
        double sum = 0;

        for (size_t k = 0; k < r.h; k++)
            sum += (double)(run->w[0][k] * NW_TANH(a[k] + b[k]));
        run->y[row] = (nw_real)sum;
    }
}

static void additive_score_forward(const nw_run *run)
{
    const struct room r = room_of(run);

    nw_each_of(run, r.n * r.t * r.s, 8 * r.h, forward_part);
}

static void add_slopes(const nw_run *run, const struct room *r, size_t n, size_t i,
                       size_t j)
{
    const size_t at_a = (n * r->s + j) * r->h, at_b = (n * r->t + i) * r->h;
    const nw_real dy = run->dy[(n * r->t + i) * r->s + j];

    for (size_t k = 0; k < r->h; k++) {
        const nw_real v = NW_TANH(run->x[0][at_a + k] + run->x[1][at_b + k]);
        const nw_real slope = dy * run->w[0][k] * (1 - v * v);

        r->dw[n * r->h + k] += (double)(dy * v);
        if (run->dx[0])
            run->dx[0][at_a + k] += slope;
        if (run->dx[1])
            run->dx[1][at_b + k] += slope;
    }
}

/* Examples [begin, end). */
static void backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;
    const struct room r = room_of(run);

    memset(r.dw + begin * r.h, 0, (end - begin) * r.h * sizeof(*r.dw));
    for (size_t n = begin; n < end; n++)
        for (size_t i = 0; i < r.t; i++)
            for (size_t j = 0; j < r.s; j++)
                add_slopes(run, &r, n, i, j);
}

static void additive_score_backward(const nw_run *run)
{
    const struct room r = room_of(run);

    nw_store_zero(run, 0);
    nw_store_zero(run, 1);
    nw_each_of(run, r.n, 8 * r.t * r.s * r.h, backward_part);
    for (size_t k = 0; run->dw[0] && k < r.h; k++) {
        double sum = 0;

        for (size_t n = 0; n < r.n; n++)
            sum += r.dw[n * r.h + k];
        run->dw[0][k] += (nw_real)sum;
    }
}

static const nw_case additive_score_cases[] = {
    {"additive_score", 2, {{2, {3, 4}}, {2, {3, 4}}}},
    {"additive_score", 2, {{2, {5, 7}}, {2, {2, 7}}}},
    {"additive_score", 2, {{2, {1, 1}}, {2, {1, 1}}}},
    {0},
};

const nw_op_type NW_R(nw_op_additive_score) = {
    .name = "additive_score",
    .doc = "how well each step of one sequence suits each of another: v . tanh(a + b)",
    .paper = "Bahdanau et al. 2015, Neural machine translation by jointly learning to "
             "align and translate, arXiv:1409.0473",
    .min_in = 2,
    .max_in = 2,
    .flags = NW_NEEDS_X | NW_ADDS,
    .infer = additive_score_infer,
    .prepare = additive_score_prepare,
    .forward = additive_score_forward,
    .backward = additive_score_backward,
    .cases = additive_score_cases,
};
