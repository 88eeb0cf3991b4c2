/*
 * noise.c - N(0, 1), whatever the input: an option that no search should prefer.
 *
 * The numbers differ from node to node and from step to step, and do not depend on the
 * number of threads. No gradient flows back.
 */
#include "random.h"
#include "stride.h"

static void noise_forward_part(void *arg, size_t begin, size_t end)
{
    const nw_run *run = arg;

    for (size_t i = begin; i < end; i++)
        run->y[i] = (nw_real)nw_normal(run->seed, NW_FOR_NOISE, i);
}

static void noise_forward(const nw_run *run)
{
    nw_each(run, noise_forward_part);
}

static void noise_backward(const nw_run *run)
{
    nw_store_zero(run, 0);
}

static const nw_case noise_cases[] = {
    {"noise", 1, {{1, {7}}}},
    {"noise stride=2", 1, {{3, {3, 5, 4}}}},
    {0},
};

const nw_op_type NW_R(nw_op_noise) = {
    .name = "noise",
    .doc = "normal noise in the shape of every s-th pixel of the input",
    .attrs = stride_attrs,
    .size = sizeof(struct stride),
    .min_in = 1,
    .max_in = 1,
    .flags = NW_ADDS,
    .infer = stride_infer,
    .forward = noise_forward,
    .backward = noise_backward,
    .cases = noise_cases,
};
