/* input.c - where a batch comes in; the executor writes its output. */
#include "op.h"

struct input {
    int c, h, w;
};

static const nw_attr input_attrs[] = {
    {"c", NW_INT, offsetof(struct input, c), NULL, 1, 1 << 20, "channels", NULL},
    {"h", NW_INT, offsetof(struct input, h), NULL, 1, 1 << 20, "height, pixels", NULL},
    {"w", NW_INT, offsetof(struct input, w), NULL, 1, 1 << 20, "width, pixels", NULL},
    {0},
};

static nw_status input_infer(nw_node *node)
{
    const struct input *a = node->attr;

    node->out = (nw_shape){3, {a->c, a->h, a->w}};
    return NW_OK;
}

static void input_forward(const nw_run *run)
{
    (void)run;
}

static const nw_case input_cases[] = {
    {"input c=3 h=5 w=4", 0, {{0}}},
    {0},
};

const nw_op_type NW_R(nw_op_input) = {
    .name = "input",
    .doc = "one example of the data: channels, height, width",
    .attrs = input_attrs,
    .size = sizeof(struct input),
    .infer = input_infer,
    .forward = input_forward,
    .backward = input_forward,
    .cases = input_cases,
};
