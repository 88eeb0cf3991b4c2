/*
 * label.c - where the labels of a batch come in; the executor writes its output.
 *
 * out  the index of the class as a number (N), or with classes > 0 a distribution over
 *      them (N, classes)
 */
#include "op.h"

struct label {
    int classes;
};

static const nw_attr label_attrs[] = {
    {"classes", NW_INT, offsetof(struct label, classes), "0", 0, 1 << 24,
     "length of a soft label; 0 = the label is the index of a class", NULL},
    {0},
};

static nw_status label_infer(nw_node *node)
{
    const struct label *a = node->attr;

    node->out = (nw_shape){a->classes > 0, {a->classes}};
    return NW_OK;
}

static void label_forward(const nw_run *run)
{
    (void)run;
}

static const nw_case label_cases[] = {
    {"label", 0, {{0}}},
    {"label classes=7", 0, {{0}}},
    {0},
};

const nw_op_type NW_R(nw_op_label) = {
    .name = "label",
    .doc = "what an example should give: a class, or a vector",
    .attrs = label_attrs,
    .size = sizeof(struct label),
    .infer = label_infer,
    .forward = label_forward,
    .backward = label_forward,
    .cases = label_cases,
};
