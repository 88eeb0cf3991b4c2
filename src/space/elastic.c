/*
 * elastic.c - blocks of elastic networks. Module names are those of Once-for-all's code
 * [1], in the order in which it makes them: conv, bn, act, se.
 *
 * [1] Cai et al. 2020, Once-for-all, arXiv:1908.09791.
 */
#include "elastic.h"
#include "setting.h"

#include <stdio.h>

nw_ref nw_elastic_conv(nw_space *space, nw_ref x, const char *name, int out, int k,
                       int stride, const char *act)
{
    nw_enter(space, "%s", name);
    x = nw_opf(space, x,
               "conv2d out=%d k=%d stride=%d bias=0 name=conv | batchnorm name=bn", out,
               k, stride);
    if (act)
        x = nw_opf(space, x, "%s", act);
    nw_leave(space);
    return x;
}

nw_ref nw_elastic_inverted(nw_space *space, nw_ref x, const nw_inverted *block)
{
    nw_enter(space, "mobile_inverted_conv");
    if (block->mid != block->in)
        x = nw_elastic_conv(space, x, "inverted_bottleneck", block->mid, 1, 1,
                            block->act);
    nw_enter(space, "depth_conv");
    x = nw_opf(space, x,
               "conv2d out=in k=%d stride=%d groups=in bias=0 name=conv | "
               "batchnorm name=bn | %s",
               block->k, block->stride, block->act);
    if (block->has_se)
        x = nw_opf(space, x, "se name=se");
    nw_leave(space);
    x = nw_elastic_conv(space, x, "point_linear", block->out, 1, 1, NULL);
    nw_leave(space);
    return x;
}

nw_status nw_elastic_head(nw_space *space, nw_ref x, int wide, int out, const char *act,
                          double dropout, int classes)
{
    x = nw_elastic_conv(space, x, "final_expand_layer", wide, 1, 1, act);
    x = nw_opf(space, x,
               "globalpool | dense out=%d bias=0 name=feature_mix_layer.conv | %s", out,
               act);
    if (dropout > 0)
        x = nw_opf(space, x, "dropout p=%.9g", dropout);
    return nw_output(space,
                     nw_opf(space, x, "dense out=%d name=classifier.linear", classes));
}

nw_status nw_elastic_input(nw_space *space, const char *family, const int input[3],
                           int pixels, int key, int *classes, int shape[3])
{
    nw_input_or(input, pixels, shape);
    return nw_classes_of(space->ctx, family, key, 1000, classes);
}

enum { MOST_NUMBERS = 32 };

nw_status nw_decide_number(nw_space *space, const char *name, int n, const int *value)
{
    const char *option[MOST_NUMBERS];
    char text[MOST_NUMBERS][16];

    for (int i = 0; i < n; i++) {
        snprintf(text[i], sizeof(text[i]), "%d", value[i]);
        option[i] = text[i];
    }
    return nw_decide(space, name, (size_t)n, option);
}

int nw_decided_number(const nw_arch *arch, const char *name, const int *value)
{
    const int c = nw_choice_find(arch->space, name);

    return c < 0 ? -1 : value[nw_arch_option(arch, c)];
}

nw_status nw_take_number(nw_arch *arch, const char *name, int n, const int *value,
                         int wanted, const char *where)
{
    const int c = nw_choice_find(arch->space, name);

    if (c < 0)
        return NW_OK;
    for (int i = 0; i < n; i++)
        if (value[i] == wanted)
            return nw_arch_pick(arch, c, i);
    return nw_fail(arch->ctx, NW_EFORMAT, "%s: %s is none of the space's: %d", where,
                   name, wanted);
}
