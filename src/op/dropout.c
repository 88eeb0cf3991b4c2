/*
 * dropout.c - in training each number is 0 with probability p, else x / (1 - p).
 *
 * The mask is drawn again in backward from (seed, place in memory) rather than kept:
 * Philox gives four numbers at once, which is cheaper than a tensor written and read.
 */
#include "op.h"
#include "random.h"

struct dropout {
    double p;
};

static const nw_attr dropout_attrs[] = {
    {"p", NW_REAL, offsetof(struct dropout, p), "0.5", 0, 0.999,
     "probability that a number is dropped", NULL},
    {0},
};

/* to = or += from under the mask; begin is a multiple of 4. */
static void drop(const nw_run *run, const nw_real *from, nw_real *to, int add,
                 size_t begin, size_t end)
{
    const struct dropout *a = run->attr;
    const uint32_t limit = (uint32_t)(a->p * 4294967296.0);
    const nw_real scale = (nw_real)(1 / (1 - a->p));
    uint32_t bits[4];

    for (size_t i = begin; i < end; i += 4) {
        nw_random_bits(run->seed, NW_FOR_DROPOUT, i / 4, bits);
        for (size_t k = i; k < end && k < i + 4; k++) {
            nw_real v = bits[k - i] >= limit ? from[k] * scale : 0;

            to[k] = add ? to[k] + v : v;
        }
    }
}

static void dropout_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    if (nw_is_training(run))
        drop(run, run->x[0], run->y, 0, begin, end);
    else
        nw_store(run->y + begin, run->x[0] + begin, end - begin, 0);
}

static void dropout_forward(const nw_run *run)
{
    nw_each(run, dropout_forward_part);
}

static void dropout_backward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    if (nw_is_training(run))
        drop(run, run->dy, run->dx[0], run->add[0], begin, end);
    else
        nw_store(run->dx[0] + begin, run->dy + begin, end - begin, run->add[0]);
}

static void dropout_backward(const nw_run *run)
{
    if (run->dx[0])
        nw_each(run, dropout_backward_part);
}

static const nw_case dropout_cases[] = {
    {"dropout", 1, {{1, {7}}}},
    {"dropout p=0.2", 1, {{3, {3, 5, 4}}}},
    {"dropout p=0", 1, {{1, {7}}}},
    {0},
};

static void dropout_onnx(nw_onnx *out, const nw_node *node)
{
    (void)node;
    out->node(out, "Identity");
    out->input(out, 0);
}

const nw_op_type NW_R(nw_op_dropout) = {
    .name = "dropout",
    .doc = "in training: zero with probability p, else x / (1 - p)",
    .paper = "Srivastava et al. 2014, Dropout, JMLR 15:1929-1958",
    .attrs = dropout_attrs,
    .size = sizeof(struct dropout),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS | NW_ONLY_TRAINS,
    .infer = nw_infer_same,
    .forward = dropout_forward,
    .backward = dropout_backward,
    .cases = dropout_cases,
    .onnx = dropout_onnx,
};
