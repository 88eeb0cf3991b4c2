/*
 * grouped_residual.c - FBNet's [1] inverted residual with groups, without the sum around
 * it: grouped 1x1 to `mid` channels, shuffle of the groups, depthwise, grouped 1x1 to
 * `out`. Parameter names are those of mobile_cv, without the blocks of a group.
 *
 * [1] Wu et al. 2019, FBNet, arXiv:1812.03443.
 */
#include "netwright_ext.h"

struct grouped_residual {
    int k[2], mid, groups, stride[2], out;
};

static const nw_attr grouped_residual_attrs[] = {
    {"k", NW_PAIR, offsetof(struct grouped_residual, k), "3", 1, 255,
     "kernel, pixels; odd", NULL},
    {"mid", NW_INT, offsetof(struct grouped_residual, mid), "in", 1, 1 << 20,
     "channels between; in*6 = six times the input's", "in"},
    {"groups", NW_INT, offsetof(struct grouped_residual, groups), "2", 1, 1 << 20,
     "groups of the 1x1 convolutions", NULL},
    {"stride", NW_PAIR, offsetof(struct grouped_residual, stride), "1", 1, 255,
     "steps, pixels", NULL},
    {"out", NW_INT, offsetof(struct grouped_residual, out), NULL, 1, 1 << 20, "channels",
     NULL},
    {0},
};

static const nw_case grouped_residual_cases[] = {
    {"grouped_residual out=6", 1, {{3, {4, 5, 6}}}},
    {"grouped_residual k=5 mid=in*3 groups=3 stride=2 out=9", 1, {{3, {6, 7, 8}}}},
    {0},
};

const nw_op_type NW_R(nw_op_grouped_residual) = {
    .name = "grouped_residual",
    .doc = "inverted residual with grouped 1x1 convolutions and a shuffle",
    .paper = "Wu et al. 2019, FBNet, arXiv:1812.03443",
    .attrs = grouped_residual_attrs,
    .size = sizeof(struct grouped_residual),
    .min_in = 1,
    .max_in = 1,
    .expand = "conv2d out=$mid k=1 groups=$groups bias=0 name=pw.conv"
              " | batchnorm name=pw.bn | relu | shuffle groups=$groups"
              " | conv2d k=$k stride=$stride pad=same groups=in bias=0 name=dw.conv"
              " | batchnorm name=dw.bn | relu"
              " | conv2d out=$out k=1 groups=$groups bias=0 name=pwl.conv"
              " | batchnorm name=pwl.bn",
    .cases = grouped_residual_cases,
};
