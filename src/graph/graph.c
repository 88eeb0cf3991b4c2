#include "graph.h"

#include <stdio.h>
#include <string.h>

struct build {
    nw_graph *g;
    nw_space *space;
    const nw_arch *arch;
    unsigned flags;
    int f64;
    int *stands_for;       /* place -> place that gives its value: itself or an option */
    int *index;            /* place -> node, -1 = not yet, -2 = not wanted             */
    unsigned char *wanted; /* by place                                                */
};

nw_status nw_refuse(nw_node *node, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(node->why, sizeof(node->why), format, list);
    va_end(list);
    return NW_ESHAPE;
}

size_t nw_count(const nw_shape *shape)
{
    size_t n = 1;

    for (int i = 0; i < shape->rank; i++)
        n *= (size_t)shape->dim[i];
    return n;
}

const char *nw_shape_text(const nw_shape *shape, char out[48])
{
    int n = 0;

    snprintf(out, 48, "scalar");
    for (int i = 0; i < shape->rank; i++)
        n += snprintf(out + n, 48 - (size_t)n, "%s%d", i ? "x" : "", shape->dim[i]);
    return out;
}

static int same_shape(const nw_shape *a, const nw_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(int));
}

static double weight(const struct build *b, int choice, int option)
{
    const nw_choice *c = &b->space->choice[choice];

    return b->arch ? b->arch->w[c->first + option] : nw_equal_weight(c, option);
}

static int takes(const struct build *b, int choice, int option)
{
    return b->flags & NW_GRAPH_ALL || weight(b, choice, option) != 0;
}

/* A choice of which one option is taken with weight 1 stands for that option. */
static int resolve(struct build *b, int place)
{
    const nw_place *p = &b->space->place[place];
    int only = -1, n = 0;

    if (p->choice < 0)
        return place;
    for (int i = 0; i < p->n_in; i++)
        if (takes(b, p->choice, i)) {
            only = i;
            n++;
        }
    if (n != 1 || (weight(b, p->choice, only) != 1 && p->n_in > 1))
        return place;
    return b->stands_for[p->in[only]];
}

static void mark(struct build *b)
{
    nw_space *s = b->space;

    for (int i = 0; i < s->n_place; i++)
        b->stands_for[i] = resolve(b, i);
    b->wanted[b->stands_for[s->output]] = 1;
    if (s->aux >= 0 && b->flags & NW_GRAPH_AUX)
        b->wanted[b->stands_for[s->aux]] = 1;
    for (int i = s->n_place - 1; i >= 0; i--) {
        const nw_place *p = &s->place[i];

        for (int j = 0; b->wanted[i] && j < p->n_in; j++)
            if (p->choice < 0 || takes(b, p->choice, j))
                b->wanted[b->stands_for[p->in[j]]] = 1;
    }
}

static const nw_op_type *twin(const nw_op_type *op, int f64)
{
    for (int i = 0; nw_ops_f32[i]; i++)
        if (nw_ops_f32[i] == op)
            return f64 ? nw_ops_f64[i] : op;
    return op;
}

static int look_up(void *user, const char *name, int *value)
{
    const nw_arch_view *view = user;
    int c = nw_choice_find(view->space, name), best = 0;
    const nw_choice *choice;

    if (c < 0 || view->space->choice[c].kind != NW_NUMBER)
        return 0;
    choice = &view->space->choice[c];
    for (int i = 1; view->arch && i < choice->n; i++)
        if (view->arch->w[choice->first + i] > view->arch->w[choice->first + best])
            best = i;
    *value = choice->value[best];
    return 1;
}

nw_lookup nw_arch_lookup(nw_arch_view *view)
{
    return (nw_lookup){view, look_up};
}

static nw_status fail_at(struct build *b, const nw_place *p, const char *why)
{
    return nw_fail(b->g->ctx, NW_ESHAPE, "%s%s%s (%s)", p->where, *p->where ? ": " : "",
                   why, p->name);
}

/* A spec may fail at one value of a $number only: say where it stands. */
static nw_status fail_again(struct build *b, const nw_place *p)
{
    char words[600];

    snprintf(words, sizeof(words), "%s%s%s (%s)", p->where, *p->where ? ": " : "",
             nw_errmsg(b->g->ctx), p->name);
    nw_clear(b->g->ctx);
    return nw_fail(b->g->ctx, NW_ESPEC, "%s", words);
}

static nw_status connect(struct build *b, nw_gnode *node, const nw_place *p)
{
    nw_graph *g = b->g;
    nw_shape *shape = nw_arena_get(&g->arena, (size_t)(p->n_in + 1) * sizeof(*shape));

    node->in = nw_arena_get(&g->arena, (size_t)(p->n_in + 1) * sizeof(int));
    node->option = nw_arena_get(&g->arena, (size_t)(p->n_in + 1) * sizeof(int));
    if (!shape || !node->in || !node->option)
        return NW_ENOMEM;
    node->info.in = shape;
    for (int i = 0; i < p->n_in; i++) {
        int from;

        if (p->choice >= 0 && !takes(b, p->choice, i))
            continue;
        from = b->index[b->stands_for[p->in[i]]];
        node->option[node->info.n_in] = i;
        shape[node->info.n_in] = g->node[from].info.out;
        node->in[node->info.n_in++] = from;
    }
    return NW_OK;
}

static nw_status check_options(struct build *b, const nw_gnode *node, const nw_place *p)
{
    char first[48], other[48], words[256];

    if (!node->info.n_in)
        return fail_at(b, p, "every option of the choice has weight 0");
    for (int i = 1; i < node->info.n_in; i++)
        if (!same_shape(&node->info.in[0], &node->info.in[i])) {
            const nw_choice *c = &b->space->choice[p->choice];

            snprintf(
                words, sizeof(words),
                "choice \"%s\": option %s gives %s but option %s gives %s", c->name,
                c->option_name[node->option[0]], nw_shape_text(&node->info.in[0], first),
                c->option_name[node->option[i]], nw_shape_text(&node->info.in[i], other));
            return fail_at(b, p, words);
        }
    return NW_OK;
}

static nw_status infer(struct build *b, nw_gnode *node, const nw_place *p)
{
    nw_arch_view view = {b->space, b->arch};
    nw_lookup lookup = nw_arch_lookup(&view);
    void *attr = nw_arena_get(&b->g->arena, node->op->size + 1);
    nw_status status;

    if (!attr)
        return NW_ENOMEM;
    if (nw_spec_parse(b->g->ctx, (const nw_head *)node->op, p->spec, &lookup, attr) < 0)
        return fail_again(b, p);
    node->info.attr = attr;
    if (p->choice >= 0)
        NW_TRY(check_options(b, node, p));
    status = node->op->infer(&node->info);
    if (status < 0)
        return fail_at(b, p, node->info.why);
    for (int i = 0; i < node->info.out.rank; i++)
        if (node->info.out.dim[i] < 1)
            return fail_at(b, p, "the output would be empty");
    return NW_OK;
}

/* Zero spreads through choices, sums and whatever only passes its input on. */
static int finds_zero(const nw_graph *g, const nw_gnode *node)
{
    int n = 0;

    if (node->op->flags & NW_IS_ZERO)
        return 1;
    if (node->choice < 0 && !(node->op->flags & NW_IS_ALIAS) &&
        strcmp(node->op->name, "add"))
        return 0;
    for (int i = 0; i < node->info.n_in; i++)
        n += g->node[node->in[i]].is_zero;
    return node->info.n_in && n == node->info.n_in;
}

/* Behind those that are there; node -1 = none has it. */
static nw_status place_param(nw_graph *g, const nw_param *p, const char *name, int node)
{
    nw_gparam *out = &g->param[g->n_param++];
    size_t *total = p->is_buffer ? &g->n_buffer : &g->n_trainable;

    *out = (nw_gparam){.param = p, .node = node, .count = 1, .offset = *total};
    for (int d = 0; d < p->rank; d++)
        out->count *= (size_t)p->dim[d];
    /* 64-byte steps keep every parameter aligned for vector loads */
    *total += (out->count + 15) / 16 * 16;
    out->name = nw_arena_dup(&g->arena, name);
    return out->name ? NW_OK : NW_ENOMEM;
}

static nw_status add_params(nw_graph *g, int index)
{
    nw_gnode *node = &g->node[index];
    char name[2 * NW_TEXT_SIZE];

    node->first_param = g->n_param;
    for (int i = 0; i < node->info.n_param; i++) {
        const nw_param *p = &node->info.param[i];

        snprintf(name, sizeof(name), "%s.%s", node->name, p->suffix);
        NW_TRY(place_param(g, p, name, index));
    }
    g->macs += node->info.macs;
    return NW_OK;
}

static nw_status add_node(struct build *b, int place)
{
    nw_graph *g = b->g;
    const nw_place *p = &b->space->place[place];
    nw_gnode *node = &g->node[g->n];

    node->op = twin(p->op, b->f64);
    node->spec = p->spec;
    node->name = p->name;
    node->place = place;
    node->choice = p->choice;
    node->group = p->group;
    NW_TRY(connect(b, node, p));
    NW_TRY(infer(b, node, p));
    node->is_zero = finds_zero(g, node);
    if (!strcmp(node->op->name, "input") && g->input >= 0)
        return fail_at(b, p, "there is an input already");
    if (!strcmp(node->op->name, "input"))
        g->input = g->n;
    b->index[place] = g->n;
    return add_params(g, g->n++);
}

/* Which places are wanted, and room for their nodes: a path is a small part of its space.
 */
static nw_status make_room(struct build *b)
{
    nw_graph *g = b->g;
    size_t n = (size_t)b->space->n_place, n_wanted = 0;

    b->stands_for = nw_arena_get(&g->arena, n * sizeof(int));
    b->index = nw_arena_get(&g->arena, n * sizeof(int));
    b->wanted = nw_arena_get(&g->arena, n);
    if (!b->stands_for || !b->index || !b->wanted)
        return NW_ENOMEM;
    mark(b);
    for (size_t i = 0; i < n; i++)
        n_wanted += b->wanted[i] != 0;
    g->node = nw_arena_get(&g->arena, n_wanted * sizeof(*g->node));
    g->param = nw_arena_get(&g->arena, n_wanted * NW_MAX_PARAM * sizeof(*g->param));
    return g->node && g->param ? NW_OK : NW_ENOMEM;
}

static nw_status build(struct build *b)
{
    nw_space *s = b->space;
    nw_graph *g = b->g;

    NW_TRY(make_room(b));
    for (int i = 0; i < s->n_place; i++)
        if (b->wanted[i])
            NW_TRY(add_node(b, i));
    g->output = b->index[b->stands_for[s->output]];
    if (s->aux >= 0 && b->flags & NW_GRAPH_AUX)
        g->aux = b->index[b->stands_for[s->aux]];
    if (g->input < 0)
        return nw_fail(g->ctx, NW_EINVAL, "the output does not depend on the input");
    return NW_OK;
}

static void graph_destroy(void *object)
{
    nw_graph *g = object;

    nw_arena_free(&g->arena);
    nw_space_free(g->own);
}

/* The network of a coded space, which then belongs to the graph. */
static nw_status enter_network(struct build *b)
{
    nw_space *coded = b->space;

    if (!b->arch || !nw_arch_is_hard(b->arch))
        return nw_fail(b->g->ctx, NW_EINVAL,
                       "%s has networks at a hard architecture only, no mixture of them",
                       coded->origin ? coded->origin : "the space");
    b->g->own = coded->at(coded, b->arch);
    b->g->space = b->space = b->g->own;
    b->arch = NULL;
    return b->space ? NW_OK : NW_ENOMEM; /* or whatever is pending */
}

nw_graph *nw_graph_new(nw_ctx *ctx, nw_space *space, const nw_arch *arch,
                       nw_precision precision, unsigned flags)
{
    nw_graph *g = nw_new(ctx, sizeof(*g), graph_destroy);
    struct build b = {g, space, arch, flags, precision == NW_F64, NULL, NULL, NULL};

    if (!g)
        return NULL;
    nw_arena_init(&g->arena, ctx);
    g->ctx = ctx;
    g->space = space;
    g->input = g->output = g->aux = -1;
    if ((!nw_is_coded(space) || enter_network(&b) >= 0) && build(&b) >= 0)
        return g;
    nw_graph_free(g);
    return NULL;
}

nw_graph *nw_graph_of_params(nw_ctx *ctx, int room)
{
    nw_graph *g = nw_new(ctx, sizeof(*g), graph_destroy);

    if (!g)
        return NULL;
    nw_arena_init(&g->arena, ctx);
    g->ctx = ctx;
    g->input = g->output = g->aux = -1;
    g->param = nw_arena_get(&g->arena, (size_t)(room + 1) * sizeof(*g->param));
    if (g->param)
        return g;
    nw_graph_free(g);
    return NULL;
}

nw_status nw_graph_add_param(nw_graph *g, const nw_param *param, const char *name)
{
    nw_param *copy = nw_arena_get(&g->arena, sizeof(*copy));

    if (!copy)
        return NW_ENOMEM;
    *copy = *param;
    return place_param(g, copy, name, -1);
}

void nw_graph_free(nw_graph *graph)
{
    if (graph)
        nw_release(graph->ctx, graph);
}
