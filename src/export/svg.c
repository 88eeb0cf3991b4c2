/*
 * svg.c - the picture of dot.c, laid out by Graphviz.
 *
 * Graphviz keeps state of its own that is not made for threads, so one thread at a time
 * may draw; and it prints, which is caught and becomes the message of a failure. By
 * itself it numbers names by their addresses and draws in the order of these numbers;
 * here they are counted, so that one architecture is one file.
 */
#include "drawing.h"

#include <graphviz/gvc.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char words[200];

/* Made once and kept: text layout remembers a font of a context, which must not go. */
static GVC_t *graphviz;

static int hear(char *said)
{
    size_t n = strcspn(said, "\n");

    if (n && !*words)
        snprintf(words, sizeof(words), "%.*s", (int)n, said);
    return 0;
}

/* What Graphviz calls to read the text and to number the names in it. */
struct source {
    Agdisc_t disc;
    const char *at; /* of the text that is left           */
    nw_arena names;
    char **name; /* number 2 (i + 1) is that of name[i] */
    int n, room;
    IDTYPE unnamed; /* odd numbers                        */
};

static int read_text(void *source, char *out, int size)
{
    struct source *s = source;
    size_t n = strnlen(s->at, (size_t)size);

    memcpy(out, s->at, n);
    s->at += n;
    return (int)n;
}

static void *open_ids(Agraph_t *graph, Agdisc_t *disc)
{
    (void)graph;
    return disc;
}

static IDTYPE add_name(struct source *s, const char *name)
{
    if (nw_grow(s->names.ctx, &s->name, s->n, &s->room, sizeof(*s->name)) < 0)
        return 0;
    s->name[s->n] = nw_arena_dup(&s->names, name);
    return s->name[s->n] ? (IDTYPE)(2 * ++s->n) : 0;
}

static long map_id(void *source, int kind, char *name, IDTYPE *id, int create)
{
    struct source *s = source;

    (void)kind;
    *id = 0;
    if (!name)
        *id = s->unnamed += 2;
    for (int i = 0; name && i < s->n && !*id; i++)
        if (!strcmp(s->name[i], name))
            *id = (IDTYPE)(2 * (i + 1));
    if (!*id && create)
        *id = add_name(s, name);
    return 1;
}

static char *name_of(void *source, int kind, IDTYPE id)
{
    const struct source *s = source;

    (void)kind;
    return id % 2 || !id ? NULL : s->name[id / 2 - 1];
}

static long alloc_id(void *source, int kind, IDTYPE id)
{
    (void)source;
    (void)kind;
    (void)id;
    return 0; /* names are mapped, never numbers */
}

static void free_id(void *source, int kind, IDTYPE id)
{
    (void)source;
    (void)kind;
    (void)id;
}

static void close_ids(void *source)
{
    (void)source;
}

static void register_id(void *source, int kind, void *object)
{
    (void)source;
    (void)kind;
    (void)object;
}

static Agiddisc_t ids = {open_ids, map_id,    alloc_id,   free_id,
                         name_of,  close_ids, register_id};

static nw_status render(nw_ctx *ctx, Agraph_t *graph, FILE *out)
{
    char *data = NULL;
    unsigned size = 0;
    nw_status status;

    if (gvLayout(graphviz, graph, "dot"))
        return nw_fail(ctx, NW_EINVAL, "svg: Graphviz could not lay it out: %s", words);
    if (gvRenderData(graphviz, graph, "svg", &data, &size) || !data)
        status = nw_fail(ctx, NW_EINVAL, "svg: Graphviz could not draw it: %s", words);
    else
        status = nw_file_put(ctx, out, data, size);
    gvFreeRenderData(data);
    gvFreeLayout(graphviz, graph);
    return status;
}

static nw_status draw_source(nw_ctx *ctx, struct source *source, FILE *out)
{
    Agraph_t *graph;
    nw_status status;

    graphviz = graphviz ? graphviz : gvContext();
    if (!graphviz)
        return nw_fail(ctx, NW_ENOMEM, "svg: Graphviz could not be started");
    words[0] = 0;
    agseterr(AGMAX);
    agseterrf(hear);
    graph = agread(source, &source->disc);
    status = graph
                 ? render(ctx, graph, out)
                 : nw_fail(ctx, NW_EINVAL, "svg: Graphviz could not read it: %s", words);
    if (graph)
        agclose(graph);
    return status;
}

static nw_status draw(nw_ctx *ctx, const char *dot, FILE *out)
{
    Agiodisc_t io = AgIoDisc;
    struct source source = {.at = dot, .unnamed = 1};
    nw_status status;

    io.afread = read_text;
    source.disc = (Agdisc_t){&AgMemDisc, &ids, &io};
    nw_arena_init(&source.names, ctx);
    status = draw_source(ctx, &source, out);
    nw_release(ctx, source.name);
    nw_arena_free(&source.names);
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
