/*
 * controller.c - see controller.h.
 *
 * Tokens: 0 starts a vector, 1 stands for a layer's anchors, which are drawn all at once,
 * and then come the options of head after head. What the step after an anchor gets to see
 * of it is not in the paper; ours is that one token whatever was drawn.
 */
#include "controller.h"

#include "family.h"
#include "random.h"

#include <string.h>

enum { START, ANCHOR, FIRST_OPTION };

/* Of one vector: a step has the logits of all heads. */
enum { MOST_LOGITS = 1 << 22 };

/* One run of the LSTM. */
struct step {
    int decision; /* or -1: the anchor of a layer */
    int layer;
};

struct nw_controller {
    nw_ctx *ctx;
    nw_arena arena;
    int n, layers, grows, units, stack;
    int n_step, n_logit; /* logits of all heads, of one step */
    struct step *step;
    int *token;            /* of the first option of a decision; -1 = an anchor */
    int *layer;            /* that a decision belongs to                    */
    nw_decision *decision; /* among the outputs of the whole net  */
    nw_policy policy;      /* over those                          */
    nw_decision *here;     /* among the logits of its own step    */
    nw_policy one;
    nw_space *space[3];
    nw_learner *whole, *walk, *anchors; /* the net and its two views */
    float *state;                       /* token, h and c of every LSTM               */
    float *seen;                        /* states at the anchors: (layers, units)     */
    float *in;                          /* tokens of `room` vectors                   */
    double *dy;                         /* and the gradients of their logits          */
    int room;
};

/* ---- The order of steps ------------------------------------------------------------ */

static int is_anchor(const nw_controller_config *config, int i)
{
    return config->layers && config->from[i] >= 0;
}

/* 1 = the decision has a step of its own. */
static int is_token(const nw_controller_config *config, int i)
{
    return i >= config->grows && !is_anchor(config, i);
}

/* Logits and tokens of head h begin behind those of all heads before it. */
static int start_of_head(const nw_controller_config *config, int h)
{
    int sum = 0;

    for (int k = 0; k < h; k++)
        for (int i = 0; i < config->n; i++)
            if (config->head[i] == k && is_token(config, i)) {
                sum += config->options[i];
                break;
            }
    return sum;
}

static nw_status check_heads(nw_ctx *ctx, const nw_controller_config *config)
{
    for (int i = 0; i < config->n; i++)
        for (int j = 0; config->head && j < i; j++)
            if (is_token(config, i) && is_token(config, j) &&
                config->head[i] == config->head[j] &&
                config->options[i] != config->options[j])
                return nw_fail(ctx, NW_EINVAL,
                               "controller: decisions %d and %d share a head but have %d "
                               "and %d options",
                               j, i, config->options[j], config->options[i]);
    return NW_OK;
}

static void add_step(nw_controller *c, int decision, int layer)
{
    c->step[c->n_step++] = (struct step){decision, layer};
}

/* Decisions in order, and an anchor behind those of every layer. */
static void order_steps(nw_controller *c, const nw_controller_config *config)
{
    int layer = 0;

    for (int i = 0; i < c->n; i++) {
        for (; c->layers && layer < config->layer[i]; layer++)
            add_step(c, -1, layer);
        if (is_token(config, i))
            add_step(c, i, layer);
    }
    for (; layer < c->layers; layer++)
        add_step(c, -1, layer);
}

static nw_status make_arrays(nw_controller *c)
{
    const size_t n = (size_t)c->n;

    c->step = nw_arena_get(&c->arena, (n + (size_t)c->layers) * sizeof(*c->step));
    c->token = nw_arena_get(&c->arena, n * sizeof(*c->token));
    c->layer = nw_arena_get(&c->arena, n * sizeof(*c->layer));
    c->decision = nw_arena_get(&c->arena, n * sizeof(*c->decision));
    c->here = nw_arena_get(&c->arena, n * sizeof(*c->here));
    c->state = nw_arena_get(&c->arena,
                            (size_t)(1 + 2 * c->units * c->stack) * sizeof(*c->state));
    c->seen =
        nw_arena_get(&c->arena, (size_t)(c->layers * c->units + 1) * sizeof(*c->seen));
    return c->step && c->token && c->layer && c->decision && c->here && c->state &&
                   c->seen
               ? NW_OK
               : NW_ENOMEM;
}

/* Coins stand behind the logits of all steps, in rows of a layer each. */
static void place_anchor(nw_controller *c, const nw_controller_config *config, int i)
{
    const int place = config->layer[i] * c->layers + config->from[i];

    c->token[i] = -1;
    c->here[i] = (nw_decision){(size_t)place, 2, 1};
    c->decision[i] = c->here[i];
    c->decision[i].at += (size_t)c->n_step * (size_t)c->n_logit;
}

static void place_decisions(nw_controller *c, const nw_controller_config *config)
{
    for (int s = 0; s < c->n_step; s++) {
        const int i = c->step[s].decision;
        const int first = i < 0 ? 0 : start_of_head(config, config->head[i]);

        if (i < 0)
            continue;
        c->token[i] = FIRST_OPTION + first;
        c->here[i] = (nw_decision){(size_t)first, config->options[i], 0};
        c->decision[i] = c->here[i];
        c->decision[i].at += (size_t)s * (size_t)c->n_logit;
    }
    for (int i = 0; i < c->n; i++) {
        c->layer[i] = c->layers ? config->layer[i] : 0;
        if (is_anchor(config, i))
            place_anchor(c, config, i);
    }
}

static nw_status arrange(nw_controller *c, const nw_controller_config *config)
{
    int heads = 0;

    NW_TRY(check_heads(c->ctx, config));
    NW_TRY(make_arrays(c));
    for (int i = 0; i < c->n; i++)
        if (is_token(config, i) && config->head[i] >= heads)
            heads = config->head[i] + 1;
    c->n_logit = start_of_head(config, heads);
    order_steps(c, config);
    if ((double)c->n_step * c->n_logit > MOST_LOGITS)
        return nw_fail(c->ctx, NW_EINVAL,
                       "controller: %d steps with heads of %d options are too many",
                       c->n_step, c->n_logit);
    place_decisions(c, config);
    c->policy = (nw_policy){c->n, c->decision, config->temperature, config->squash};
    c->one = c->policy;
    c->one.decision = c->here;
    return NW_OK;
}

/* ---- Nets -------------------------------------------------------------------------- */

static nw_ref embedded(const nw_controller *c, nw_space *s, nw_ref x)
{
    return nw_opf(s, x, "embedding num=%d dim=%d name=tokens", FIRST_OPTION + c->n_logit,
                  c->units);
}

static nw_ref heads(const nw_controller *c, nw_space *s, nw_ref x)
{
    return nw_opf(s, x, "dense out=%d name=heads | flatten", c->n_logit);
}

/* (layers, units) of states at the anchors to the logits of coins. */
static nw_ref coins(const nw_controller *c, nw_space *s, nw_ref x)
{
    const nw_ref prev = nw_opf(s, x, "dense out=%d bias=0 name=prev", c->units);
    const nw_ref curr = nw_opf(s, x, "dense out=%d bias=0 name=curr", c->units);

    return nw_op(s, "additive_score name=anchor | flatten", prev, curr);
}

/* States of the anchors' steps, one below the other. */
static nw_ref at_anchors(nw_controller *c, nw_space *s, nw_ref x)
{
    nw_ref *row = nw_arena_get(&c->arena, (size_t)c->layers * sizeof(*row));
    nw_ref all;

    for (int k = 0; row && k < c->n_step; k++)
        if (c->step[k].decision < 0)
            row[c->step[k].layer] = nw_opf(s, x, "slice h=%d:%d | flatten", k, k + 1);
    if (!row)
        return -1;
    all = c->layers > 1 ? nw_op_n(s, "concat", (size_t)c->layers, row) : row[0];
    return nw_opf(s, all, "reshape to=%dx%d", c->layers, c->units);
}

static nw_space *whole_space(nw_controller *c)
{
    nw_space *s = nw_space_new(c->ctx);
    nw_ref x = embedded(c, s, nw_op(s, "flatten", nw_input(s, c->n_step, 1, 1))), y;

    for (int l = 0; l < c->stack; l++)
        x = nw_opf(s, x, "lstm hidden=%d name=lstm%d", c->units, l);
    y = heads(c, s, x);
    if (c->layers)
        y = nw_op(s, "concat", y, coins(c, s, at_anchors(c, s, x)));
    nw_output(s, y);
    return s;
}

/* x: token, h and c of every LSTM.  y: logits, h and c of every LSTM. */
static nw_space *walk_space(const nw_controller *c)
{
    nw_space *s = nw_space_new(c->ctx);
    nw_ref in = nw_op(s, "flatten", nw_input(s, 1 + 2 * c->units * c->stack, 1, 1));
    nw_ref x = embedded(c, s, nw_op(s, "slice c=0:1", in)), both = -1, next;

    for (int l = 0; l < c->stack; l++) {
        const int h = 1 + 2 * c->units * l, cell = h + c->units;
        const nw_ref h0 = nw_opf(s, in, "slice c=%d:%d", h, cell);
        const nw_ref c0 = nw_opf(s, in, "slice c=%d:%d", cell, cell + c->units);
        char spec[64];

        snprintf(spec, sizeof(spec), "lstm hidden=%d cell=1 name=lstm%d", c->units, l);
        x = nw_op(s, spec, x, h0, c0);
        next = nw_op(s, "flatten", x);
        both = l ? nw_op(s, "concat", both, next) : next;
        x = nw_opf(s, x, "slice c=0:%d", c->units);
    }
    nw_output(s, nw_op(s, "concat", heads(c, s, x), both));
    return s;
}

static nw_space *anchor_space(const nw_controller *c)
{
    nw_space *s = nw_space_new(c->ctx);
    nw_ref x = nw_op(s, "flatten", nw_input(s, c->layers * c->units, 1, 1));

    nw_output(s, coins(c, s, nw_opf(s, x, "reshape to=%dx%d", c->layers, c->units)));
    return s;
}

static nw_status make_nets(nw_controller *c, const nw_controller_config *config)
{
    c->space[0] = whole_space(c);
    c->whole = nw_learner_open(c->ctx, c->space[0], &config->learner);
    if (!c->whole)
        return NW_ENOMEM; /* or whatever is pending, here and below */
    c->space[1] = walk_space(c);
    c->walk = nw_learner_view(c->whole, c->space[1], 0);
    if (!c->walk || !c->layers)
        return c->walk ? NW_OK : NW_ENOMEM;
    c->space[2] = anchor_space(c);
    c->anchors = nw_learner_view(c->whole, c->space[2], 0);
    return c->anchors ? NW_OK : NW_ENOMEM;
}

static void controller_destroy(void *object)
{
    nw_controller *c = object;

    nw_learner_close(c->anchors);
    nw_learner_close(c->walk);
    nw_learner_close(c->whole);
    for (int i = 0; i < 3; i++)
        nw_space_free(c->space[i]);
    nw_release(c->ctx, c->in);
    nw_release(c->ctx, c->dy);
    nw_arena_free(&c->arena);
}

static nw_status make(nw_controller *c, nw_controller_config config)
{
    int *own;

    if (config.n < 1)
        return nw_fail(c->ctx, NW_EINVAL, "controller: there is nothing to decide");
    if (!config.head) {
        own = nw_arena_get(&c->arena, (size_t)config.n * sizeof(*own));
        for (int i = 0; own && i < config.n; i++)
            own[i] = i;
        config.head = own;
    }
    if (!config.head)
        return NW_ENOMEM;
    NW_TRY(arrange(c, &config));
    return make_nets(c, &config);
}

nw_controller *nw_controller_open(nw_ctx *ctx, const nw_controller_config *config)
{
    nw_controller *c = nw_new(ctx, sizeof(*c), controller_destroy);

    if (!c)
        return NULL;
    nw_arena_init(&c->arena, ctx);
    c->ctx = ctx;
    c->n = config->n;
    c->layers = config->layers;
    c->grows = config->grows;
    c->units = config->units;
    c->stack = config->stack;
    if (make(c, *config) >= 0)
        return c;
    nw_controller_close(c);
    return NULL;
}

void nw_controller_close(nw_controller *c)
{
    if (c)
        nw_release(c->ctx, c);
}

nw_learner *nw_controller_learner(nw_controller *c)
{
    return c->whole;
}

const nw_policy *nw_controller_policy(const nw_controller *c)
{
    return &c->policy;
}

/* ---- Chains that grow ---------------------------------------------------------------
 */

/* 1 = x has so many layers that this is one of them. */
static int is_there(const nw_controller *c, int layer, const int *x)
{
    return !c->grows || layer <= x[0];
}

/* The decisions that x has, but for the depth. */
static nw_policy policy_of(const nw_controller *c, const int *x)
{
    nw_policy p = c->policy;

    while (p.n > c->grows && !is_there(c, c->layer[p.n - 1], x))
        p.n--;
    p.n -= c->grows;
    p.decision += c->grows;
    return p;
}

/* ---- Drawing ------------------------------------------------------------------------
 */

/* The token that a step leaves to the next one. */
static int token_after(const nw_controller *c, const struct step *s, const int *x)
{
    return s->decision < 0 ? ANCHOR : c->token[s->decision] + x[s->decision];
}

static int pick(const nw_controller *c, int i, const double *y, uint64_t seed)
{
    const uint64_t index = (uint64_t)(i - c->grows);

    return nw_policy_pick(&c->one, i, y, nw_uniform(seed, NW_FOR_STRATEGY, index));
}

static nw_status draw_anchors(nw_controller *c, int layer, uint64_t seed, int *x)
{
    const float *top = c->state + 1 + 2 * c->units * (c->stack - 1);
    const double *y;

    memcpy(c->seen + layer * c->units, top, (size_t)c->units * sizeof(*top));
    NW_TRY(nw_learner_forward(c->anchors, 1, c->seen, NW_EVAL, &y));
    for (int i = 0; i < c->n; i++)
        if (c->token[i] < 0 && c->layer[i] == layer)
            x[i] = pick(c, i, y, seed);
    return NW_OK;
}

static nw_status take_step(nw_controller *c, const struct step *s, uint64_t seed, int *x)
{
    const double *y;

    NW_TRY(nw_learner_forward(c->walk, 1, c->state, NW_EVAL, &y));
    for (int i = 0; i < 2 * c->units * c->stack; i++)
        c->state[1 + i] = (float)y[c->n_logit + i];
    if (s->decision < 0)
        NW_TRY(draw_anchors(c, s->layer, seed, x));
    else
        x[s->decision] = pick(c, s->decision, y, seed);
    c->state[0] = (float)token_after(c, s, x);
    return NW_OK;
}

nw_status nw_controller_draw(nw_controller *c, uint64_t seed, int *x)
{
    memset(c->state, 0, (size_t)(1 + 2 * c->units * c->stack) * sizeof(*c->state));
    memset(c->seen, 0, (size_t)(c->layers * c->units) * sizeof(*c->seen));
    c->state[0] = START;
    memset(x + c->grows, 0, (size_t)(c->n - c->grows) * sizeof(*x));
    for (int s = 0; s < c->n_step && is_there(c, c->step[s].layer, x); s++)
        NW_TRY(take_step(c, &c->step[s], seed, x));
    return NW_OK;
}

/* ---- Learning ------------------------------------------------------------------------
 */

static nw_status make_room(nw_controller *c, int m)
{
    if (m <= c->room)
        return NW_OK;
    nw_release(c->ctx, c->in);
    nw_release(c->ctx, c->dy);
    c->room = 0;
    c->in = nw_alloc(c->ctx, (size_t)m * (size_t)c->n_step * sizeof(*c->in));
    c->dy = nw_alloc(c->ctx, (size_t)m * nw_learner_out(c->whole) * sizeof(*c->dy));
    if (!c->in || !c->dy)
        return NW_ENOMEM;
    c->room = m;
    return NW_OK;
}

/* Every step's input is the token of the step before it. */
static nw_status see(nw_controller *c, int m, const int *x, nw_mode mode,
                     const double **y)
{
    NW_TRY(make_room(c, m));
    for (int k = 0; k < m; k++) {
        float *in = c->in + (size_t)k * (size_t)c->n_step;
        const int *xk = x + (size_t)k * (size_t)c->n;

        in[0] = START;
        for (int s = 1; s < c->n_step; s++)
            in[s] = (float)token_after(c, &c->step[s - 1], xk);
    }
    return nw_learner_forward(c->whole, m, c->in, mode, y);
}

nw_status nw_controller_log(nw_controller *c, const int *x, double *log_pi,
                            double *entropy)
{
    const nw_policy p = policy_of(c, x);
    const double *y;

    NW_TRY(see(c, 1, x, NW_EVAL, &y));
    *log_pi = nw_policy_log(&p, y, x + c->grows, entropy);
    return NW_OK;
}

/* The loss of one vector; its gradient to dy. */
static double study_one(const nw_controller *c, const nw_lesson *lesson, int k,
                        const double *y, double *dy)
{
    const int *x = lesson->x + (size_t)k * (size_t)c->n;
    const nw_policy p = policy_of(c, x);
    double entropy, slope;
    const double log_pi = nw_policy_log(&p, y, x + c->grows, &entropy);
    const double loss =
        nw_policy_loss(lesson->clip, lesson->advantage[k], log_pi,
                       lesson->log_old ? lesson->log_old[k] : log_pi, &slope);

    nw_policy_slope(&p, y, x + c->grows, slope / lesson->m, -lesson->entropy / lesson->m,
                    dy);
    return (loss - lesson->entropy * entropy) / lesson->m;
}

nw_status nw_controller_study(nw_controller *c, const nw_lesson *lesson, double *loss)
{
    const size_t width = nw_learner_out(c->whole);
    const double *y;
    double sum = 0;

    NW_TRY(see(c, lesson->m, lesson->x, NW_TRAIN, &y));
    memset(c->dy, 0, (size_t)lesson->m * width * sizeof(*c->dy));
    for (int k = 0; k < lesson->m; k++)
        sum += study_one(c, lesson, k, y + (size_t)k * width, c->dy + (size_t)k * width);
    if (loss)
        *loss = sum;
    return nw_learner_backward(c->whole, c->dy);
}
