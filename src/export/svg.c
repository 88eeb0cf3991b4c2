/*
 * svg.c - the picture of dot.c, laid out by Graphviz.
 *
 * Graphviz keeps state of its own that is not made for threads, so one thread at a time
 * may draw; and it prints, which is caught and becomes the message of a failure.
 */
#include "drawing.h"

#include <graphviz/gvc.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char words[200];

static int hear(char *said)
{
    size_t n = strcspn(said, "\n");

    if (n && !*words)
        snprintf(words, sizeof(words), "%.*s", (int)n, said);
    return 0;
}

static nw_status render(nw_ctx *ctx, GVC_t *gvc, Agraph_t *graph, FILE *out)
{
    char *data = NULL;
    unsigned size = 0;
    nw_status status;

    if (gvLayout(gvc, graph, "dot"))
        return nw_fail(ctx, NW_EINVAL, "svg: Graphviz could not lay it out: %s", words);
    if (gvRenderData(gvc, graph, "svg", &data, &size) || !data)
        status = nw_fail(ctx, NW_EINVAL, "svg: Graphviz could not draw it: %s", words);
    else
        status = nw_file_put(ctx, out, data, size);
    gvFreeRenderData(data);
    gvFreeLayout(gvc, graph);
    return status;
}

static nw_status draw(nw_ctx *ctx, const char *dot, FILE *out)
{
    GVC_t *gvc = gvContext();
    Agraph_t *graph;
    nw_status status;

    if (!gvc)
        return nw_fail(ctx, NW_ENOMEM, "svg: Graphviz could not be started");
    words[0] = 0;
    agseterr(AGMAX);
    agseterrf(hear);
    graph = agmemread(dot);
    status = graph ? render(ctx, gvc, graph, out)
                   : nw_fail(ctx, NW_EINVAL, "svg: Graphviz could not read it: %s", words);
    if (graph)
        agclose(graph);
    gvFreeContext(gvc);
    return status;
}

static nw_status svg_write(void *self, nw_ctx *ctx, const nw_arch *arch, nw_net *net,
                           FILE *out)
{
    nw_text text;
    nw_status status;

    (void)self;
    nw_text_init(&text, ctx);
    status = nw_draw(ctx, arch, net, &text);
    if (status >= 0) {
        pthread_mutex_lock(&one_at_a_time);
        status = draw(ctx, text.data, out);
        pthread_mutex_unlock(&one_at_a_time);
    }
    nw_text_free(&text);
    return status;
}

const nw_export_type nw_export_svg = {
    .name = "svg",
    .doc = "a picture of the cells or of the whole network",
    .suffix = ".svg",
    .write = svg_write,
};
