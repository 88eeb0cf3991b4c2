/* dot.c - the picture of an architecture as Graphviz reads it. */
#include "drawing.h"

static nw_status dot_write(void *self, nw_ctx *ctx, const nw_arch *arch, nw_net *net,
                           FILE *out)
{
    nw_text text;
    nw_status status;

    (void)self;
    nw_text_init(&text, ctx);
    status = nw_draw(ctx, arch, net, &text);
    if (status >= 0)
        status = nw_file_put(ctx, out, text.data, text.length);
    nw_text_free(&text);
    return status;
}

const nw_export_type nw_export_dot = {
    .name = "dot",
    .doc = "a picture of the cells or of the whole network, for Graphviz",
    .suffix = ".dot",
    .write = dot_write,
};
