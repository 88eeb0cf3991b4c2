/*
 * factorized_reduce.c - half the height and width without losing every other pixel, as
 * in DARTS [1]: two 1x1 convolutions of stride 2, the second of the input without its
 * first row and column. Height, width and `out` must be even, as in the authors' code,
 * whose parameter names these are: conv_1, conv_2, bn.
 *
 * [1] Liu, Simonyan, Yang 2019, DARTS, arXiv:1806.09055.
 */
#include "netwright_ext.h"

struct factorized_reduce {
    int out, affine;
};

static const nw_attr factorized_reduce_attrs[] = {
    {"out", NW_INT, offsetof(struct factorized_reduce, out), NULL, 2, 1 << 20,
     "channels; even", NULL},
    {"affine", NW_BOOL, offsetof(struct factorized_reduce, affine), "1", 0, 0,
     "give the batch norm scale and shift", NULL},
    {0},
};

static const nw_case factorized_reduce_cases[] = {
    {"factorized_reduce out=6", 1, {{3, {4, 6, 8}}}},
    {"factorized_reduce out=4 affine=0", 1, {{3, {3, 2, 4}}}},
    {0},
};

const nw_op_type NW_R(nw_op_factorized_reduce) = {
    .name = "factorized_reduce",
    .doc = "relu, two 1x1 convolutions of stride 2 a pixel apart, batch norm",
    .paper = "Liu et al. 2019, DARTS, arXiv:1806.09055",
    .attrs = factorized_reduce_attrs,
    .size = sizeof(struct factorized_reduce),
    .min_in = 1,
    .max_in = 1,
    .expand =
        "relu"
        " | (conv2d out=$out/2 k=1 stride=2 pad=0 bias=0 name=conv_1,"
        " slice h=1: w=1: | conv2d out=$out/2 k=1 stride=2 pad=0 bias=0 name=conv_2)"
        " | concat"
        " | batchnorm affine=$affine name=bn",
    .cases = factorized_reduce_cases,
};
