/*
 * metaqnn.c - tabular Q-learning of architectures, step by step.
 *
 * The idea [1]: an agent writes a network as a walk, one action a layer, and keeps a
 * table of how good it is to take an action in a state. With probability epsilon it
 * explores, else it takes the best action it knows. Epsilon falls from 1 to .1 by a
 * schedule.
 *
 * state    of the space metaqnn what the paper says: kind, numbers and depth of the last
 *          layer, bucket of the map's size, number of FC; its actions are those that the
 *          rules allow (metaqnn_rules.c), the end among them. Of any other space: number
 *          of the decision and the option taken before. With state=prefix (ours) all
 *          decisions so far: no two prefixes share a row.
 * start    Q = .5 everywhere; a state behind the end is worth 0
 * walk     at each step with probability epsilon one of the legal actions, else the best,
 *          ties broken evenly
 * replay   after each trial the walk and its reward are remembered, and replay= of all
 *          that is remembered, drawn with repetition, are learned (q_table.h), last step
 *          first, with rate alpha and discount gamma = 1
 *
 * Epsilon depends on how many *different* architectures were proposed. One that was seen
 * before is not estimated again: it is remembered once more with the reward it had, the
 * table learns from a replay, and the agent walks again, all within one propose(). (One
 * still under way is remembered once more when its reward is there.) All this is as in
 * the authors' code [2]. After TRIES walks without a new architecture the search ends.
 *
 * The state keeps the last layer only, the reward comes at the end and gamma is 1. So Q
 * of an early action is the best of everything that can still follow, and actions from
 * which the same can follow get the same value: what is learned is mostly how deep to go,
 * how far to shrink and whether FC may follow. In a space of fixed depth, in which
 * everything is always legal, that is little (see docs/strategies). state=prefix does not have this
 * flaw, but shares nothing between prefixes.
 *
 * Differences from [1]: the replay is 100 as in the paper ([2]: 128); models= scales the
 * schedule to a budget. A failed trial has reward 0, which [1] avoids by starting it anew
 * with a smaller rate. What is drawn but beyond the limits, or against rules that cannot
 * be said step by step, is drawn again and teaches nothing; after MISSES of it the arch
 * is drawn uniformly. [2] asks its rules with the bucket instead of the size of the map.
 *
 * [1] B. Baker, O. Gupta, N. Naik, R. Raskar, Designing Neural Network Architectures
 * using Reinforcement Learning, ICLR 2017, arXiv:1611.02167. [2]
 * github.com/bowenbaker/metaqnn: libs/grammar/q_learner.py, q_server.py.
 */
#include "metaqnn.h"

#include "ctx.h"
#include "q_table.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 1000, MISSES = 100, MOST_PHASES = 32 };

struct phase {
    double epsilon;
    int64_t end; /* the number of its last architecture */
};

/* An architecture that was proposed; its decisions stand in a block of their own. */
struct model {
    double reward;   /* NaN = under way                                */
    uint64_t walked; /* times that the agent came to it while under way */
};

struct metaqnn {
    double alpha, gamma, init;
    int models, replay;
    char epsilon[NW_TEXT_SIZE], state[NW_TEXT_SIZE];
    nw_env env;
    nw_code *code;
    int is_chain, is_prefix;
    nw_mq_rules rules; /* of a chain */
    int n_phase;
    struct phase phase[MOST_PHASES];
    nw_q_table q;
    nw_index seen; /* of the decisions' hash: number of the model */
    struct model *model;
    int *decision;    /* code->n a model */
    size_t room;      /* models          */
    uint32_t *memory; /* models, one as often as the agent came to it */
    int n_memory, room_memory;
    uint64_t observed;
    int widest; /* options of a decision, at most */
    int *x;     /* decisions of an arch */
    nw_q_step *step;
    unsigned char *legal; /* of every step */
};

#define AT(field) offsetof(struct metaqnn, field)

static const nw_attr metaqnn_attrs[] = {
    {"epsilon", NW_TEXT, AT(epsilon),
     "1:1500,.9:100,.8:100,.7:100,.6:150,.5:150,.4:150,.3:150,.2:150,.1:150", 0, 0,
     "chance to explore, and for how many new architectures", NULL},
    {"models", NW_INT, AT(models), "0", 0, 1e9,
     "architectures in all, the schedule is scaled to it; 0 = as it is", NULL},
    {"alpha", NW_REAL, AT(alpha), "0.01", 0, 1, "learning rate of Q", NULL},
    {"gamma", NW_REAL, AT(gamma), "1", 0, 1, "discount of a step", NULL},
    {"init", NW_REAL, AT(init), "0.5", -1e9, 1e9, "Q of what was never tried", NULL},
    {"replay", NW_INT, AT(replay), "100", 1, 1000000, "walks to learn after each", NULL},
    {"state", NW_TEXT, AT(state), "last", 0, 0,
     "what the agent sees: the last decision, or the whole prefix", NULL},
    {0},
};

/* ---- Keys ------------------------------------------------------------------------ */

/* "1:1500,.9:100": 0 when it is not such a list. */
static int read_schedule(struct metaqnn *m)
{
    const char *text = m->epsilon;
    int64_t sum = 0;
    char *end;

    for (m->n_phase = 0; m->n_phase < MOST_PHASES; text = end + 1) {
        const double epsilon = strtod(text, &end);
        long n;

        if (end == text || *end != ':' || !(epsilon >= 0 && epsilon <= 1))
            return 0;
        text = end + 1;
        n = strtol(text, &end, 10);
        if (end == text || n < 1 || n > 1000000000)
            return 0;
        sum += n;
        m->phase[m->n_phase++] = (struct phase){epsilon, sum};
        if (*end != ',')
            return !*end;
    }
    return 0;
}

static void scale_schedule(struct metaqnn *m)
{
    const double total = (double)m->phase[m->n_phase - 1].end;

    for (int i = 0; m->models && i < m->n_phase; i++)
        m->phase[i].end = llround((double)m->phase[i].end * m->models / total);
}

static nw_status read_keys(struct metaqnn *m)
{
    m->is_prefix = !strcmp(m->state, "prefix");
    if (!m->is_prefix && strcmp(m->state, "last"))
        return nw_fail(m->env.ctx, NW_ESPEC, "metaqnn: state=%s is not last or prefix",
                       m->state);
    if (!read_schedule(m))
        return nw_fail(m->env.ctx, NW_ESPEC,
                       "metaqnn: epsilon=%s is not a list of at most %d chances and "
                       "numbers, as 1:100,.5:50",
                       m->epsilon, MOST_PHASES);
    scale_schedule(m);
    return NW_OK;
}

/* A chain that reaches its limit has one step more, the end. */
static nw_status metaqnn_open(void *self, const nw_env *env)
{
    struct metaqnn *m = self;
    size_t steps;

    m->env = *env;
    nw_q_init(&m->q, env->ctx, m->init);
    m->seen.ctx = env->ctx;
    NW_TRY(read_keys(m));
    m->is_chain = nw_mq_has_rules(env->space, &m->rules);
    m->code = nw_code_new(env->ctx, env->space);
    if (!m->code)
        return nw_pending(env->ctx);
    m->widest = 1;
    for (int i = 0; i < m->code->n; i++)
        m->widest = m->code->options[i] > m->widest ? m->code->options[i] : m->widest;
    steps = (size_t)m->code->n + 1;
    m->x = nw_alloc(env->ctx, steps * sizeof(*m->x));
    m->step = nw_alloc(env->ctx, steps * sizeof(*m->step));
    m->legal = m->is_chain ? nw_alloc(env->ctx, steps * (size_t)m->widest) : NULL;
    return m->x && m->step && (m->legal || !m->is_chain) ? NW_OK : NW_ENOMEM;
}

/* ---- Walking --------------------------------------------------------------------- */

struct walk {
    int at, last, is_over;
    uint64_t prefix;
    nw_mq_state chain;
};

static struct walk begin(const struct metaqnn *m)
{
    struct walk w = {.last = -1, .prefix = NW_HASH_START};

    w.is_over = m->code->n == 0;
    if (m->is_chain)
        w.chain = nw_mq_start(&m->rules);
    return w;
}

static uint64_t seen(const struct metaqnn *m, const struct walk *w)
{
    if (m->is_prefix)
        return w->prefix;
    if (m->is_chain)
        return nw_mq_seen(&w->chain);
    return (uint64_t)w->at << 32 | (uint32_t)(w->last + 1);
}

/* The step that is to be taken; its action is still open. */
static nw_q_step *look(const struct metaqnn *m, const struct walk *w)
{
    nw_q_step *step = &m->step[w->at];

    *step = (nw_q_step){.state = seen(m, w)};
    if (!m->is_chain) {
        step->n = m->code->options[w->at];
        return step;
    }
    step->n = m->widest;
    step->legal = m->legal + w->at * m->widest;
    for (int o = 0; o < step->n; o++) {
        const nw_mq_layer layer = nw_mq_layer_of(&m->rules, o);

        m->legal[w->at * m->widest + o] = !nw_mq_forbidden(&m->rules, &w->chain, &layer);
    }
    return step;
}

static void take(const struct metaqnn *m, struct walk *w, int action)
{
    const int64_t word = action;

    m->step[w->at++].action = w->last = action;
    w->prefix = nw_hash(w->prefix, &word, sizeof(word));
    if (m->is_chain) {
        const nw_mq_layer layer = nw_mq_layer_of(&m->rules, action);

        w->is_over = layer.kind == NW_MQ_SM;
        nw_mq_go_on(&m->rules, &w->chain, &layer);
    } else {
        w->is_over = w->at == m->code->n;
    }
}

/* One of the legal actions, each equally likely. */
static int explore(const nw_q_step *step, double u)
{
    int n = 0, nth;

    for (int a = 0; a < step->n; a++)
        n += !step->legal || step->legal[a];
    nth = (int)(u * n);
    for (int a = 0; a < step->n; a++)
        if ((!step->legal || step->legal[a]) && nth-- == 0)
            return a;
    return 0;
}

/* A walk by the table and by chance; its decisions go to x. */
static nw_status walk(struct metaqnn *m, double epsilon, uint64_t seed)
{
    struct walk w = begin(m);

    memset(m->x, 0, ((size_t)m->code->n + 1) * sizeof(*m->x)); /* SM */
    while (!w.is_over) {
        const uint64_t draw = 2 * (uint64_t)w.at;
        const double u = nw_uniform(seed, NW_FOR_STRATEGY, draw + 1);
        nw_q_step *step = look(m, &w);
        const double *value = nw_q_of(&m->q, step->state, step->n);
        int action;

        if (!value)
            return NW_ENOMEM;
        action = nw_uniform(seed, NW_FOR_STRATEGY, draw) < epsilon
                     ? explore(step, u)
                     : nw_q_greedy(value, step, u);
        m->x[w.at] = action;
        take(m, &w, action);
    }
    return NW_OK;
}

/* ---- Remembering ----------------------------------------------------------------- */

static uint64_t hash_of(const struct metaqnn *m)
{
    return nw_hash(NW_HASH_START, m->x, (size_t)m->code->n * sizeof(*m->x));
}

static nw_status remember(struct metaqnn *m, uint32_t model)
{
    NW_TRY(nw_grow(m->env.ctx, &m->memory, m->n_memory, &m->room_memory,
                   sizeof(*m->memory)));
    m->memory[m->n_memory++] = model;
    return NW_OK;
}

static nw_status learn(struct metaqnn *m, uint32_t model)
{
    const int *x = m->decision + model * (size_t)m->code->n;
    struct walk w = begin(m);

    while (!w.is_over) {
        look(m, &w);
        take(m, &w, w.at < m->code->n ? x[w.at] : 0);
    }
    return nw_q_learn(&m->q, m->step, w.at, m->alpha, m->gamma, m->model[model].reward);
}

/* Remember the model once more and learn from what is remembered. */
static nw_status rehearse(struct metaqnn *m, uint32_t model, uint64_t seed)
{
    NW_TRY(remember(m, model));
    for (int i = 0; i < m->replay; i++) {
        const uint64_t which =
            nw_below(seed, NW_FOR_SHUFFLE, (uint64_t)i, (uint64_t)m->n_memory);

        NW_TRY(learn(m, m->memory[which]));
    }
    return NW_OK;
}

static nw_status reserve(struct metaqnn *m, size_t room)
{
    const size_t n = (size_t)m->code->n * sizeof(*m->decision);
    void *model = nw_resize(m->env.ctx, m->model, m->room * sizeof(*m->model),
                            room * sizeof(*m->model));
    void *decision;

    if (!model)
        return NW_ENOMEM;
    m->model = model;
    decision = nw_resize(m->env.ctx, m->decision, m->room * n + 1, room * n + 1);
    if (!decision)
        return NW_ENOMEM;
    m->decision = decision;
    m->room = room;
    return NW_OK;
}

/* The decisions x are a new model. */
static nw_status add(struct metaqnn *m)
{
    const size_t i = m->seen.n, n = (size_t)m->code->n;

    if (i == m->room)
        NW_TRY(reserve(m, m->room ? 2 * m->room : 64));
    if (nw_index_add(&m->seen, hash_of(m)) == NW_INDEX_NONE)
        return NW_ENOMEM;
    m->model[i] = (struct model){.reward = NAN};
    memcpy(m->decision + i * n, m->x, n * sizeof(*m->x));
    return NW_OK;
}

/* The agent came to a model that it knows. */
static nw_status revisit(struct metaqnn *m, uint32_t model, uint64_t seed)
{
    if (!isnan(m->model[model].reward))
        return rehearse(m, model, seed);
    m->model[model].walked++;
    return NW_OK;
}

/* ---- The search ------------------------------------------------------------------ */

/* What the next new architecture is drawn with; below 0 when the schedule is over. */
static double epsilon_now(const struct metaqnn *m)
{
    for (int i = 0; i < m->n_phase; i++)
        if ((int64_t)m->seen.n < m->phase[i].end)
            return m->phase[i].epsilon;
    return -1;
}

/* The arch of x or, when that may not be proposed, NW_MORE. */
static nw_status write_arch(struct metaqnn *m, nw_arch *arch, int *misses, uint64_t seed)
{
    if (nw_code_write(m->code, m->x, arch) && nw_env_allows(&m->env, arch))
        return NW_OK;
    if (++*misses < MISSES)
        return NW_MORE;
    NW_TRY(nw_env_draw(&m->env, arch, seed));
    nw_code_read(m->code, arch, m->x);
    return NW_OK;
}

static nw_status metaqnn_propose(void *self, nw_trial *trial)
{
    struct metaqnn *m = self;
    const double epsilon = epsilon_now(m);
    int misses = 0;

    for (uint64_t i = 0; i < TRIES && epsilon >= 0; i++) {
        const uint64_t seed = nw_subseed(trial->seed, NW_FOR_STRATEGY, i);
        int64_t known;
        nw_status status;

        NW_TRY(walk(m, epsilon, seed));
        known = nw_index_find(&m->seen, hash_of(m));
        if (known == NW_INDEX_NONE) {
            status = write_arch(m, trial->arch, &misses, seed);
            if (status != NW_OK && status != NW_MORE)
                return status;
            known = nw_index_find(&m->seen, hash_of(m));
            if (status == NW_OK && known == NW_INDEX_NONE)
                return add(m);
        }
        if (known != NW_INDEX_NONE)
            NW_TRY(revisit(m, (uint32_t)known, seed));
    }
    return epsilon >= 0 && m->observed < m->seen.n ? NW_MORE : NW_DONE;
}

static nw_status metaqnn_observe(void *self, const nw_trial *trial)
{
    struct metaqnn *m = self;
    const double quality = trial->score.quality;
    int64_t i;

    nw_code_read(m->code, trial->arch, m->x);
    i = nw_index_find(&m->seen, hash_of(m));
    if (i == NW_INDEX_NONE)
        return NW_OK;
    m->observed++;
    m->model[i].reward = trial->status < 0 || isnan(quality) ? 0 : quality;
    for (uint64_t k = 0; k <= m->model[i].walked; k++)
        NW_TRY(rehearse(m, (uint32_t)i, nw_subseed(trial->seed, NW_FOR_SHUFFLE, k)));
    return NW_OK;
}

/* Room for what is read. */
static nw_status make_room(struct metaqnn *m, uint64_t remembered)
{
    if (remembered > INT32_MAX)
        return nw_fail(m->env.ctx, NW_EFORMAT, "stored state: too many walks");
    NW_TRY(reserve(m, m->seen.n + 1));
    nw_release(m->env.ctx, m->memory);
    m->n_memory = m->room_memory = (int)remembered;
    m->memory = nw_alloc(m->env.ctx, (size_t)(remembered + 1) * sizeof(*m->memory));
    return m->memory ? NW_OK : NW_ENOMEM;
}

static nw_status metaqnn_state(void *self, nw_state *state)
{
    struct metaqnn *m = self;
    const size_t n = (size_t)m->code->n * sizeof(*m->decision);
    uint64_t remembered = (uint64_t)m->n_memory;

    NW_TRY(nw_q_state(&m->q, state));
    NW_TRY(nw_index_state(&m->seen, state));
    NW_TRY(state->bytes(state, &m->observed, sizeof(m->observed)));
    NW_TRY(state->bytes(state, &remembered, sizeof(remembered)));
    if (state->reading)
        NW_TRY(make_room(m, remembered));
    if (!m->seen.n)
        return NW_OK;
    NW_TRY(state->bytes(state, m->model, m->seen.n * sizeof(*m->model)));
    NW_TRY(state->bytes(state, m->decision, m->seen.n * n));
    if (!m->n_memory)
        return NW_OK;
    return state->bytes(state, m->memory, (size_t)m->n_memory * sizeof(*m->memory));
}

static void metaqnn_close(void *self)
{
    struct metaqnn *m = self;
    nw_ctx *ctx = m->env.ctx;

    nw_q_free(&m->q);
    nw_index_free(&m->seen);
    nw_release(ctx, m->memory);
    nw_release(ctx, m->decision);
    nw_release(ctx, m->model);
    nw_release(ctx, m->legal);
    nw_release(ctx, m->step);
    nw_release(ctx, m->x);
    nw_code_free(m->code);
}

const nw_strategy_type nw_strategy_metaqnn = {
    .name = "metaqnn",
    .doc = "Q-learning: an agent takes decision after decision by a table of their value",
    .paper = "Baker et al. 2016, Designing Neural Network Architectures using "
             "Reinforcement Learning, arXiv:1611.02167",
    .attrs = metaqnn_attrs,
    .size = sizeof(struct metaqnn),
    .open = metaqnn_open,
    .propose = metaqnn_propose,
    .observe = metaqnn_observe,
    .state = metaqnn_state,
    .close = metaqnn_close,
};
