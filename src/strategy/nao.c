/*
 * nao.c - neural architecture optimization: climb in a space of vectors, read what is
 * there.
 *
 * The idea [1]: an encoder makes a continuous vector of an architecture, a predictor
 * tells its quality from that, and a decoder gives the architecture back. All three learn
 * together from what was evaluated. Then known good architectures are moved along the
 * gradient of the predictor and decoded: a gradient step in a discrete space. The nets
 * are in nao_model.c, the words that they read in nao_words.c, a round in nao_round.c.
 *
 * pool   `pool` random archs (600) are evaluated
 * learn  E, P and D, for `epochs` epochs from fresh weights, on all that was evaluated;
 *        targets s are the qualities brought to 0..1, anew in every round
 *        L = lambda (f - s)^2 + (1 - lambda) (- log probability of a word)
 *        in spaces of two branches a node these change places with probability 1/2
 * climb  S' = S + eta df/dS from each of the `seeds` best, every vector of S' brought to
 *        length 1, for eta = 1, 2, ... `steps`, always from S; decoded greedily; whatever
 *        is new is taken, the best seed's first, until there are `new` of them; random
 *        archs fill up. They are evaluated, and so on for `rounds` rounds: the end
 *
 * What differs from the paper. The sign is + since f predicts what is maximised. The
 * learners start anew in every round and learn from everything evaluated
 * (the authors' loop with shared weights keeps a pool whose worst are replaced), so that
 * the state of a search is only what it has tried. An arch is new when no arch of its
 * class (nw_arch_class) was tried, so an exchange of two branches is not; the authors
 * compare strings. With a pool below the paper's 600 a round is shorter unless keys say
 * otherwise: 100 epochs in batches of 20 instead of 1000 in batches of 100, and seeds are
 * a fifth of the pool. The last step of the paper, to train the best few at full length,
 * is a stage of its own in a study.
 *
 * Trials that failed count as the worst that succeeded. When none succeeded, all are
 * random.
 *
 * [1] R. Luo, F. Tian, T. Qin, E. Chen, T.-Y. Liu, Neural architecture optimization,
 *     NeurIPS 2018, arXiv:1808.07233; renqianluo/NAO_pytorch.
 */
#include "ctx.h"
#include "nao_round.h"
#include "random.h"

#include <math.h>
#include <string.h>

/* Draws until the space counts as exhausted. */
enum { MOST_DRAWS = 1000 };

struct nao {
    int pool, add, rounds, seeds, steps, epochs, batch, swap;
    nw_nao_config net;
    nw_env env;
    nw_code *code;
    nw_words *words;
    nw_arch *arch;                  /* at hand */
    int round;                      /* that was generated last; 0 = the pool  */
    int queued, proposed, observed; /* 0 <= observed <= proposed <= queued    */
    int end;                        /* queued when a round is complete        */
    int room;                       /* of what follows                        */
    int *s;                         /* (queued, n) sentences                  */
    uint64_t *class;                /* (queued)                               */
    double *quality;                /* (observed), NaN where failed           */
    int *x;                         /* (n), decisions at hand                 */
};

#define AT(field) offsetof(struct nao, field)

static const nw_attr nao_attrs[] = {
    {"pool", NW_INT, AT(pool), "600", 2, 1000000, "random architectures at first", NULL},
    {"new", NW_INT, AT(add), "200", 1, 1000000, "architectures of every round", NULL},
    {"rounds", NW_INT, AT(rounds), "2", 0, 1000000, "rounds after the pool", NULL},
    {"seeds", NW_INT, AT(seeds), "0", 0, 100000,
     "best architectures that are moved; 0 = 100, or a fifth of the pool if less", NULL},
    {"steps", NW_INT, AT(steps), "50", 1, 10000, "largest step along the gradient", NULL},
    {"epochs", NW_INT, AT(epochs), "0", 0, 1000000,
     "of the nets in every round; 0 = 1000, or 100 if the pool is below 600", NULL},
    {"batch", NW_INT, AT(batch), "0", 0, 10000,
     "architectures of a training step; 0 = 100, or 20 if the pool is below 600", NULL},
    {"swap", NW_BOOL, AT(swap), "1", 0, 0,
     "exchange the two branches of nodes at random while learning", NULL},
    {"lambda", NW_REAL, AT(net.share), "0.8", 0, 1, "share of the predictor in the loss",
     NULL},
    {"embedding", NW_INT, AT(net.embedding), "48", 1, 4096, "numbers of a word", NULL},
    {"hidden", NW_INT, AT(net.hidden), "96", 1, 4096, "units of both LSTMs", NULL},
    {"mlp_layers", NW_INT, AT(net.mlp_layers), "3", 0, 100,
     "hidden layers of the predictor", NULL},
    {"mlp_hidden", NW_INT, AT(net.mlp_hidden), "200", 1, 65536, "units of each", NULL},
    {"dropout", NW_REAL, AT(net.dropout), "0.1", 0, 0.99, "of the predictor", NULL},
    {"lr", NW_REAL, AT(net.lr), "1e-3", 1e-9, 10, "of Adam", NULL},
    {"wd", NW_REAL, AT(net.wd), "1e-4", 0, 10, "L2 decay of all weights", NULL},
    {"clip", NW_REAL, AT(net.clip), "5", 0, 1e9, "largest norm of a gradient; 0 = any",
     NULL},
    {0},
};

/* ---- What was tried ------------------------------------------------------------- */

static size_t length(const struct nao *o)
{
    return (size_t)o->words->n;
}

/* Room for `n` archs in all. */
static nw_status make_room(struct nao *o, int n)
{
    const size_t old = (size_t)o->room, wide = length(o) * sizeof(*o->s);
    size_t room = old ? old : 64;
    void *s, *class, *quality;

    if (n <= o->room)
        return NW_OK;
    while (room < (size_t)n)
        room *= 2;
    s = nw_resize(o->env.ctx, o->s, old * wide, room * wide + 1);
    o->s = s ? s : o->s;
    class =
        nw_resize(o->env.ctx, o->class, old * sizeof(uint64_t), room * sizeof(uint64_t));
    o->class = class ? class : o->class;
    quality =
        nw_resize(o->env.ctx, o->quality, old * sizeof(double), room * sizeof(double));
    o->quality = quality ? quality : o->quality;
    if (!s || !class || !quality)
        return NW_ENOMEM;
    o->room = (int)room;
    return NW_OK;
}

static int is_known(const struct nao *o, uint64_t class)
{
    for (int i = 0; i < o->queued; i++)
        if (o->class[i] == class)
            return 1;
    return 0;
}

/* The arch at hand joins the queue, unless one of its class is in it: NW_DONE. */
static nw_status join(struct nao *o)
{
    const uint64_t class = nw_arch_class(o->arch);

    if (is_known(o, class))
        return NW_DONE;
    NW_TRY(make_room(o, o->queued + 1));
    nw_code_read(o->code, o->arch, o->x);
    nw_words_of(o->words, o->x, o->s + (size_t)o->queued * length(o));
    o->class[o->queued++] = class;
    return NW_OK;
}

/* A random arch of a class that is not in the queue; NW_DONE when there seems to be none.
 */
static nw_status join_random(struct nao *o, uint64_t seed)
{
    nw_status status = NW_DONE;

    for (uint64_t i = 0; i < MOST_DRAWS && status == NW_DONE; i++) {
        NW_TRY(nw_env_draw(&o->env, o->arch,
                           i ? nw_subseed(seed, NW_FOR_STRATEGY, i) : seed));
        status = join(o);
    }
    return status;
}

/* ---- A round -------------------------------------------------------------------- */

/* What was decoded joins the queue if it is new and allowed. */
static nw_status take(void *user, const int *sentence)
{
    struct nao *o = user;

    nw_words_to(o->words, sentence, o->x);
    if (nw_code_write(o->code, o->x, o->arch) && nw_env_allows(&o->env, o->arch))
        NW_TRY(join(o));
    return o->queued < o->end ? NW_OK : NW_DONE;
}

static nw_status tell(const struct nao *o, const char *name, double value)
{
    return o->env.on_value ? o->env.on_value(o->env.loop, o->round, name, value) : NW_OK;
}

static nw_status learn_and_climb(struct nao *o, uint64_t seed)
{
    const int before = o->queued;
    nw_nao_round r = {.ctx = o->env.ctx,
                      .words = o->words,
                      .net = o->net,
                      .epochs = o->epochs,
                      .batch = o->batch,
                      .swap = o->swap,
                      .seeds = o->seeds,
                      .steps = o->steps,
                      .n = o->observed,
                      .sentence = o->s,
                      .quality = o->quality,
                      .take = take,
                      .user = o};

    r.net.seed = seed;
    NW_TRY(nw_nao_round_run(&r));
    NW_TRY(tell(o, "nao_loss", r.loss));
    return tell(o, "nao_climbed", o->queued - before);
}

/* The archs of the next round join the queue. NW_DONE when nothing new is left. */
static nw_status generate(struct nao *o)
{
    const uint64_t seed =
        nw_subseed(o->env.seed, NW_FOR_STRATEGY, (uint64_t)o->round + 1);
    const int before = o->queued;
    nw_status status;

    o->round++;
    o->end = before + o->add;
    NW_TRY(make_room(o, o->end)); /* sentences stay where they are meanwhile */
    status = learn_and_climb(o, seed);
    NW_TRY(status);
    for (int i = o->queued; i < o->end && status != NW_DONE; i++) {
        status = join_random(o, nw_subseed(seed, NW_FOR_ARCH, (uint64_t)i));
        NW_TRY(status);
    }
    return o->queued > before ? NW_OK : NW_DONE;
}

/* ---- The strategy --------------------------------------------------------------- */

/* The paper's sizes of a round, or those that suit a pool too small for them. */
static void fit_to_pool(struct nao *o)
{
    const int is_small = o->pool < 600;

    if (!o->epochs)
        o->epochs = is_small ? 100 : 1000;
    if (!o->batch)
        o->batch = is_small ? 20 : 100;
    if (!o->seeds)
        o->seeds = o->pool >= 500 ? 100 : (o->pool + 4) / 5;
}

static nw_status nao_open(void *self, const nw_env *env)
{
    struct nao *o = self;

    o->env = *env;
    fit_to_pool(o);
    o->code = nw_code_new(env->ctx, env->space);
    if (!o->code)
        return nw_pending(env->ctx);
    if (!o->code->n)
        return nw_fail(env->ctx, NW_EMATCH, "nao: the space has no choices");
    o->words = nw_words_new(env->ctx, o->code);
    o->arch = nw_arch_new(env->ctx, env->space);
    o->x = nw_alloc(env->ctx, (size_t)o->code->n * sizeof(*o->x));
    return o->words && o->arch && o->x ? NW_OK : nw_pending(env->ctx);
}

/* One more in the queue: of the pool, or of a round when all before it were observed. */
static nw_status extend(struct nao *o, uint64_t seed)
{
    if (!o->round && o->proposed < o->pool) {
        const nw_status status = join_random(o, seed);

        if (status != NW_DONE || !o->proposed)
            return status;
    }
    if (o->observed < o->proposed)
        return NW_MORE;
    return o->round < o->rounds ? generate(o) : NW_DONE;
}

static nw_status nao_propose(void *self, nw_trial *trial)
{
    struct nao *o = self;

    if (o->proposed == o->queued) {
        const nw_status status = extend(o, trial->seed);

        if (status != NW_OK)
            return status;
    }
    nw_words_to(o->words, o->s + (size_t)o->proposed * length(o), o->x);
    nw_code_write(o->code, o->x, trial->arch);
    o->proposed++;
    return NW_OK;
}

static nw_status nao_observe(void *self, const nw_trial *trial)
{
    struct nao *o = self;

    o->quality[o->observed++] = trial->status < 0 ? (double)NAN : trial->score.quality;
    return NW_OK;
}

static nw_status nao_state(void *self, nw_state *state)
{
    struct nao *o = self;
    int size[] = {o->round, o->queued, o->proposed, o->observed};

    NW_TRY(state->bytes(state, size, sizeof(size)));
    if (state->reading) {
        NW_TRY(make_room(o, size[1]));
        o->round = size[0];
        o->queued = size[1];
        o->proposed = size[2];
        o->observed = size[3];
    }
    NW_TRY(state->bytes(state, o->s, (size_t)o->queued * length(o) * sizeof(*o->s)));
    NW_TRY(state->bytes(state, o->class, (size_t)o->queued * sizeof(*o->class)));
    return state->bytes(state, o->quality, (size_t)o->observed * sizeof(*o->quality));
}

static void nao_close(void *self)
{
    struct nao *o = self;
    void *const block[] = {o->s, o->class, o->quality, o->x};

    for (int i = 0; i < 4; i++)
        nw_release(o->env.ctx, block[i]);
    nw_arch_free(o->arch);
    nw_words_free(o->words);
    nw_code_free(o->code);
}

const nw_strategy_type nw_strategy_nao = {
    .name = "nao",
    .doc = "climb the gradient of a learned predictor, and decode what is there",
    .paper = "Luo et al. 2018, Neural architecture optimization, arXiv:1808.07233",
    .attrs = nao_attrs,
    .size = sizeof(struct nao),
    .open = nao_open,
    .propose = nao_propose,
    .observe = nao_observe,
    .state = nao_state,
    .close = nao_close,
};
