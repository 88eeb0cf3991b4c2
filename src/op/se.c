/*
 * se.c - squeeze and excitation [1]: every channel times a number from 0 to 1, which a
 * network of two layers finds from the means of all channels.
 *
 * x (N, C, H, W) -> means (N, C) -> C / reduction, rounded as MobileNetV3 [2] rounds to
 * multiples of `divisor` -> act -> C -> gate -> times x
 *
 * [2] takes reduction=4 divisor=8 act=relu gate=hardsigmoid, and so do the elastic spaces
 * that build on it; [1] has reduction=16 divisor=1 gate=sigmoid. Parameter names are
 * those of Once-for-all's code: fc.reduce, fc.expand. There they are convolutions of one
 * pixel: the same numbers, with two axes of size 1 at the end.
 *
 * [1] Hu et al. 2018, Squeeze-and-excitation networks, arXiv:1709.01507.
 * [2] Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244.
 */
#include "netwright_ext.h"

struct se {
    int reduction, divisor;
    char act[NW_TEXT_SIZE], gate[NW_TEXT_SIZE];
};

static const nw_attr se_attrs[] = {
    {"reduction", NW_INT, offsetof(struct se, reduction), "4", 1, 1 << 20,
     "channels for one of the middle layer", NULL},
    {"divisor", NW_INT, offsetof(struct se, divisor), "8", 1, 1 << 20,
     "the middle layer has a multiple of it", NULL},
    {"act", NW_TEXT, offsetof(struct se, act), "relu", 0, 0, "op behind the middle layer",
     NULL},
    {"gate", NW_TEXT, offsetof(struct se, gate), "hardsigmoid", 0, 0,
     "op that makes the factors", NULL},
    {0},
};

static const nw_case se_cases[] = {
    {"se", 1, {{3, {5, 4, 3}}}},
    {"se reduction=2 divisor=1 act=swish gate=sigmoid", 1, {{3, {7, 3, 5}}}},
    {"se reduction=3 divisor=4", 1, {{3, {20, 2, 2}}}},
    {0},
};

const nw_op_type NW_R(nw_op_se) = {
    .name = "se",
    .doc = "squeeze and excitation: channels weighed by a network that sees their means",
    .paper = "Hu et al. 2018, Squeeze-and-excitation networks, arXiv:1709.01507",
    .attrs = se_attrs,
    .size = sizeof(struct se),
    .min_in = 1,
    .max_in = 1,
    .expand = "(identity, (globalpool"
              " | dense out=in reduction=$reduction divisor=$divisor name=fc.reduce"
              " | $act, identity)"
              " | dense out=in name=fc.expand | $gate)"
              " | mul",
    .cases = se_cases,
};
