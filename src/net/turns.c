/* turns.c - from a graph to turns: who runs, who needs a gradient, who is skipped. */
#include "plan.h"

#include <stdio.h>
#include <string.h>

struct making {
    nw_plan *plan;
    nw_graph *g;
    int *turn_of;          /* node -> turn, -1 = known zero     */
    unsigned char *needed; /* a zero that some reader must see  */
};

static int is_alias(const nw_gnode *node)
{
    return node->op->flags & NW_IS_ALIAS;
}

static void mark_needed(struct making *m)
{
    m->needed[m->g->output] = 1;
    if (m->g->aux >= 0)
        m->needed[m->g->aux] = 1;
    for (int i = m->g->n - 1; i >= 0; i--) {
        const nw_gnode *node = &m->g->node[i];

        if (node->is_zero && !(is_alias(node) && m->needed[i]))
            continue;
        for (int j = 0; j < node->info.n_in; j++)
            if (!(node->op->flags & NW_SKIPS_ZERO))
                m->needed[node->in[j]] = 1;
    }
}

/* Room for the arrays that a turn's run points to. */
static nw_status make_arrays(nw_plan *plan, nw_turn *t)
{
    size_t n = (size_t)t->info.n_in + 1, p = (size_t)t->n_param + 1;
    nw_arena *a = &plan->arena;

    t->in = nw_arena_get(a, n * sizeof(int));
    t->temp = nw_arena_get(a, n * sizeof(int));
    t->x = nw_arena_get(a, n * sizeof(void *));
    t->x_back = nw_arena_get(a, n * sizeof(void *));
    t->dx = nw_arena_get(a, n * sizeof(void *));
    t->add = nw_arena_get(a, n);
    t->w = nw_arena_get(a, p * sizeof(void *));
    t->dw = nw_arena_get(a, p * sizeof(void *));
    t->mix = nw_arena_get(a, n * sizeof(double));
    t->dmix = nw_arena_get(a, n * sizeof(double));
    t->due = nw_arena_get(a, n * sizeof(*t->due));
    if (!t->in || !t->temp || !t->x || !t->x_back || !t->dx || !t->add || !t->w ||
        !t->dw || !t->mix || !t->dmix || !t->due)
        return NW_ENOMEM;
    t->y = t->dy = t->keep = t->reader = -1;
    t->redo = t->next_redo = t->wanted_redo = -1;
    for (size_t i = 0; i < n; i++)
        t->temp[i] = -1;
    return NW_OK;
}

static nw_status add_graph_turn(struct making *m, int index)
{
    const nw_gnode *node = &m->g->node[index];
    nw_turn *t = &m->plan->turn[m->plan->n];

    t->op = node->op;
    t->node = node;
    t->info = node->info;
    t->first_param = node->first_param;
    t->n_param = node->info.n_param;
    if (node->choice >= 0)
        t->first_weight = m->g->space->choice[node->choice].first;
    NW_TRY(make_arrays(m->plan, t));
    for (int i = 0; i < t->info.n_in; i++)
        t->in[i] = m->turn_of[node->in[i]];
    m->turn_of[index] = m->plan->n++;
    return NW_OK;
}

/* ---- Shortcuts ---------------------------------------------------------------- */

/* The last node of the group that node `first` begins, if all of it is there, one behind
 * the other; else -1. */
static int group_end(const struct making *m, int first)
{
    const nw_gnode *node = m->g->node;
    const nw_group *group = &m->g->space->group[node[first].group];
    const int last = first + group->end - group->first - 1;

    if (last >= m->g->n || node[first].place != group->first)
        return -1;
    for (int i = first + 1; i <= last; i++)
        if (node[i].group != node[first].group || node[i].info.n_in != 1 ||
            node[i].in[0] != i - 1)
            return -1;
    return last;
}

/* Does anything but the next node read what is inside of nodes [first, last)? */
static int is_read_inside(const struct making *m, int first, int last)
{
    const nw_graph *g = m->g;

    for (int i = last + 1; i < g->n; i++)
        for (int j = 0; j < g->node[i].info.n_in; j++)
            if (g->node[i].in[j] >= first && g->node[i].in[j] < last)
                return 1;
    return (g->output >= first && g->output < last) || (g->aux >= first && g->aux < last);
}

static const nw_op_type *shortcut_of(const struct making *m, const nw_group *group)
{
    for (int i = 0; nw_ops_f32[i]; i++)
        if (nw_ops_f32[i] == group->op)
            return m->plan->net->precision == NW_F64 ? nw_ops_f64[i] : nw_ops_f32[i];
    return NULL;
}

/* The keys of the group, or NULL when its code does not take them. */
static const void *shortcut_keys(const struct making *m, const nw_op_type *op,
                                 const nw_group *group, const nw_shape *in)
{
    nw_ctx *ctx = m->plan->net->ctx;
    void *attr = nw_arena_get(&m->plan->arena, op->size + 1);

    if (!attr || strchr(group->spec, '$') ||
        nw_spec_parse(ctx, (const nw_head *)op, group->spec, NULL, attr) < 0)
        return NULL;
    return op->fits && !op->fits(attr, in) ? NULL : attr;
}

/* One turn for the nodes [first, last]. */
static nw_status add_shortcut(struct making *m, const nw_op_type *op, const void *attr,
                              int first, int last)
{
    const nw_gnode *begin = &m->g->node[first], *end = &m->g->node[last];
    nw_turn *t = &m->plan->turn[m->plan->n];

    t->op = op;
    t->node = end;
    t->info = (nw_node){.attr = attr,
                        .n_in = begin->info.n_in,
                        .in = begin->info.in,
                        .out = end->info.out};
    t->first_param = begin->first_param;
    t->n_param = end->first_param + end->info.n_param - begin->first_param;
    NW_TRY(make_arrays(m->plan, t));
    for (int i = 0; i < t->info.n_in; i++)
        t->in[i] = m->turn_of[begin->in[i]];
    m->turn_of[last] = m->plan->n++;
    return NW_OK;
}

/* Nodes that one turn now stands for; 0 = there is no shortcut from `first` on. Shortcuts
 * save what a backward pass would need; going forward only, the parts need least. */
static int take_shortcut(struct making *m, int first, nw_status *status)
{
    const nw_gnode *node = &m->g->node[first];
    const nw_group *group = node->group < 0 ? NULL : &m->g->space->group[node->group];
    const nw_op_type *op = group ? shortcut_of(m, group) : NULL;
    const void *attr;
    int last;

    if (!op || !op->forward || !m->plan->config.backward ||
        m->plan->config.no_shortcuts || node->is_zero)
        return 0;
    last = group_end(m, first);
    if (last < 0 || m->turn_of[node->in[0]] < 0 || is_read_inside(m, first, last))
        return 0;
    attr = shortcut_keys(m, op, group, &node->info.in[0]);
    if (!attr)
        return 0;
    *status = add_shortcut(m, op, attr, first, last);
    return last - first + 1;
}

static nw_status graph_turns(struct making *m)
{
    nw_status status = NW_OK;
    int n;

    for (int i = 0; i < m->g->n; i++)
        m->turn_of[i] = -1;
    for (int i = 0; i < m->g->n; i++) {
        const nw_gnode *node = &m->g->node[i];

        n = take_shortcut(m, i, &status);
        NW_TRY(status);
        if (n) {
            i += n - 1;
            continue;
        }
        if (node->is_zero && !m->needed[i])
            continue;
        if (is_alias(node))
            m->turn_of[i] = m->turn_of[node->in[0]];
        else
            NW_TRY(add_graph_turn(m, i));
    }
    return NW_OK;
}

/* A turn that is not of the graph: labels and losses. Returns its index or -1. */
static int extra_turn(struct making *m, const char *spec, int n_in, const int *in)
{
    nw_plan *plan = m->plan;
    nw_turn *t = &plan->turn[plan->n];
    int f64 = plan->net->precision == NW_F64;
    nw_ctx *ctx = plan->net->ctx;
    nw_shape *shape = nw_arena_get(&plan->arena, (size_t)(n_in + 1) * sizeof(*shape));
    void *attr;

    t->op = nw_spec_find(ctx, "op", (const void *const *)(f64 ? nw_ops_f64 : nw_ops_f32),
                         spec);
    attr = t->op && shape ? nw_arena_get(&plan->arena, t->op->size + 1) : NULL;
    if (!attr || nw_spec_parse(ctx, (const nw_head *)t->op, spec, NULL, attr) < 0)
        return -1;
    t->info = (nw_node){.attr = attr, .n_in = n_in, .in = shape};
    if (make_arrays(plan, t) < 0)
        return -1;
    for (int i = 0; i < n_in; i++) {
        t->in[i] = in[i];
        shape[i] = plan->turn[in[i]].info.out;
    }
    if (t->op->infer(&t->info) < 0) {
        nw_fail(ctx, NW_ESHAPE, "%s", t->info.why);
        return -1;
    }
    return plan->n++;
}

static int loss_turn(struct making *m, int logits)
{
    const nw_plan_config *c = &m->plan->config;
    int in[2] = {logits, m->plan->label};
    char spec[64];

    snprintf(spec, sizeof(spec), "cross_entropy smoothing=%.17g", c->smoothing);
    return extra_turn(m, c->squares ? "mse" : spec, 2, in);
}

static nw_status loss_turns(struct making *m)
{
    nw_plan *plan = m->plan;
    char spec[48] = "label";
    const nw_shape *out = &plan->turn[plan->logits].info.out;

    if (plan->config.no_loss)
        return NW_OK;
    if (out->rank != 1)
        return nw_fail(
            plan->net->ctx, NW_ESHAPE,
            "the loss needs one vector of classes, but the output has %d axes; "
            "end the network in flatten or dense",
            out->rank);
    if (plan->config.soft_labels || plan->config.squares)
        snprintf(spec, sizeof(spec), "label classes=%d", out->dim[0]);
    plan->label = extra_turn(m, spec, 0, NULL);
    plan->loss = plan->label < 0 ? -1 : loss_turn(m, plan->logits);
    if (plan->loss < 0)
        return NW_ENOMEM;
    if (m->g->aux >= 0 && plan->config.backward) {
        plan->aux_loss = loss_turn(m, m->turn_of[m->g->aux]);
        return plan->aux_loss < 0 ? NW_ENOMEM : NW_OK;
    }
    return NW_OK;
}

static int learns(const nw_plan *plan, const nw_turn *t)
{
    for (int i = 0; i < t->n_param; i++)
        if (!plan->net->graph->param[t->first_param + i].param->is_buffer &&
            !plan->config.no_param_grad)
            return 1;
    return t->node && t->node->choice >= 0;
}

static void find_gradients(nw_plan *plan)
{
    for (int i = 0; i < plan->n && plan->config.backward; i++) {
        nw_turn *t = &plan->turn[i];

        t->wants_grad = learns(plan, t) || (i == plan->input && plan->config.input_grad);
        for (int j = 0; j < t->info.n_in; j++)
            if (nw_may_send(t, j))
                t->wants_grad |= plan->turn[t->in[j]].wants_grad;
        if (!t->op->backward && i != plan->input)
            t->wants_grad = 0;
        if (t->node && t->node->is_zero)
            t->wants_grad = 0;
    }
}

/* Does the backward pass begin here? */
static int is_start(const nw_plan *plan, int turn)
{
    return turn == plan->loss || turn == plan->aux_loss ||
           (plan->config.no_loss && turn == plan->logits);
}

/* Backwards from the losses: only what a loss depends on has a backward turn. */
static void find_workers(nw_plan *plan)
{
    for (int i = plan->n - 1; i >= 0; i--) {
        nw_turn *t = &plan->turn[i];

        if (is_start(plan, i))
            t->works_back = t->wants_grad;
        for (int j = 0; t->works_back && j < t->info.n_in; j++)
            if (nw_may_send(t, j) && plan->turn[t->in[j]].wants_grad)
                plan->turn[t->in[j]].works_back = 1;
    }
}

/* ---- Deferred batch norms ------------------------------------------------------- */

/* May the value of a turn stay deferred: one that passes it on, if that of its input may.
 */
static int may_defer(const nw_plan *plan, int turn)
{
    const nw_turn *t = turn < 0 ? NULL : &plan->turn[turn];

    if (!t || t->n_reader != 1 || !(t->op->flags & NW_CAN_DEFER))
        return 0;
    return !(t->op->flags & NW_PASSES_DEFERRED) || may_defer(plan, t->in[0]);
}

/* The inputs of a turn that may, defer to it. */
static void take_deferred(nw_plan *plan, int reader)
{
    nw_turn *r = &plan->turn[reader];

    if (!(r->op->flags & NW_TAKES_DEFERRED) &&
        !(r->op->flags & NW_PASSES_DEFERRED && r->reader >= 0))
        return;
    for (int j = 0; j < r->info.n_in; j++)
        if (may_defer(plan, r->in[j])) {
            plan->turn[r->in[j]].reader = reader;
            r->due[j] = &plan->turn[r->in[j]].deferred;
        }
}

/* A plan that only goes forward has nothing to gain: there norms are part of the
 * convolutions, or cost one pass. */
static void find_deferred(nw_plan *plan)
{
    if (plan->config.no_shortcuts || !plan->config.backward)
        return;
    plan->turn[plan->logits].n_reader++;
    for (int i = 0; i < plan->n; i++)
        for (int j = 0; j < plan->turn[i].info.n_in; j++)
            if (plan->turn[i].in[j] >= 0)
                plan->turn[plan->turn[i].in[j]].n_reader++;
    for (int i = plan->n - 1; i >= 0; i--)
        take_deferred(plan, i);
}

nw_status nw_plan_turns(nw_plan *plan)
{
    nw_graph *g = plan->net->graph;
    struct making m = {.plan = plan, .g = g};

    m.turn_of = nw_arena_get(&plan->arena, (size_t)g->n * sizeof(int));
    m.needed = nw_arena_get(&plan->arena, (size_t)g->n);
    plan->turn = nw_arena_get(&plan->arena, (size_t)(g->n + 4) * sizeof(*plan->turn));
    if (!m.turn_of || !m.needed || !plan->turn)
        return NW_ENOMEM;
    mark_needed(&m);
    NW_TRY(graph_turns(&m));
    plan->input = m.turn_of[g->input];
    plan->logits = m.turn_of[g->output];
    NW_TRY(loss_turns(&m));
    find_gradients(plan);
    find_workers(plan);
    find_deferred(plan);
    return NW_OK;
}
