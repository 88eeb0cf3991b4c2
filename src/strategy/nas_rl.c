/*
 * nas_rl.c - neural architecture search with reinforcement learning [1].
 *
 * The idea: a controller, an LSTM, speaks an architecture token by token; the network is
 * trained; its accuracy is the reward by which the controller is made to speak what was
 * good more often. The gradient is REINFORCE's,
 *
 *   1/m sum over k of sum over t of grad log pi(a_t | a_<t) (R_k - b),   m = 8
 *
 * with b the moving average of past rewards. On space nas-rl the bits that say whether
 * layer j is an input of layer i are coins, sigmoid(v . tanh(W_prev h_j + W_curr h_i)),
 * as in the paper; on every other space a decision is a softmax. Tokens of one kind
 * (height, width, filters ...) share a softmax and embeddings.
 *
 *   controller   two LSTMs of 35 units on one another, weights uniform in +-0.08
 *   reward       the cube of the validation accuracy; Adam, lr 6e-4
 *
 * None of this could be checked against the authors' program, which is not public. Ours:
 * the decay of the baseline and its start at the first reward (from 0, the first batch
 * would make all it holds likelier), Adam's moments, the token that a layer's anchor
 * leaves to the next step (controller.c), an entropy for those who want it: without one,
 * decisions that share a softmax tend to agree too soon. The paper's reward is the
 * highest accuracy of the last five epochs, which is optimistic; ours is the quality that
 * the estimator reports. lr 6e-4 is for 12,800 networks: for a few hundred take 0.005 to
 * 0.05.
 *
 * The paper lets the networks grow, from 6 layers by 2 every 1,600 of them. On space
 * nas-rl with progressive=1, trial k = 1, 2 ... has
 *
 *   depth(k) = min(layers, start + grow floor((k - 1) / every))
 *
 * layers, so that 15 are reached at k = 8,001. The depth is no token: the controller
 * walks over the layers that are there, and the decisions of later ones stand at their
 * first option and have no part in log pi, its gradient or its entropy. Controller,
 * Adam's moments and baseline go on from depth to depth, for which the paper names no
 * other rule; right after a step the baseline is that of the shallower networks. The
 * random arch that takes the place of draws that are all beyond the limits has whatever
 * depth it has. On every other space the depth is the space's, and start, grow and every
 * do nothing.
 *
 * [1] B. Zoph, Q. Le, Neural Architecture Search with Reinforcement Learning, ICLR 2017,
 *     arXiv:1611.01578.
 */
#include "agent.h"

#include "space.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct nas_rl {
    int batch, units, lstms, start, grow, every;
    double lr, init, power, decay, entropy;
    int most; /* layers of a space whose depth is a decision; else 0 */
    nw_agent agent;
};

#define AT(field) offsetof(struct nas_rl, field)

static const nw_attr nas_rl_attrs[] = {
    {"lr", NW_REAL, AT(lr), "6e-4", 0, 10,
     "Adam's rate; the paper's, for 12,800 networks: for some hundred 0.005 to 0.05",
     NULL},
    {"batch", NW_INT, AT(batch), "8", 1, 4096, "networks a step of the controller", NULL},
    {"units", NW_INT, AT(units), "35", 1, 4096, "of each LSTM", NULL},
    {"lstms", NW_INT, AT(lstms), "2", 1, 8, "on one another", NULL},
    {"init", NW_REAL, AT(init), "0.08", 1e-9, 10,
     "weights start uniform between minus and plus this", NULL},
    {"power", NW_REAL, AT(power), "3", 1e-3, 100, "reward = quality to this power", NULL},
    {"decay", NW_REAL, AT(decay), "0.95", 0, 1, "of the baseline, a moving average",
     NULL},
    {"entropy", NW_REAL, AT(entropy), "0", 0, 10, "weight of the policy's entropy", NULL},
    {"start", NW_INT, AT(start), "6", 1, 1000,
     "layers of the first networks; this and the next two are for space nas-rl with "
     "progressive=1, elsewhere they do nothing",
     NULL},
    {"grow", NW_INT, AT(grow), "2", 0, 1000, "layers more after so many networks", NULL},
    {"every", NW_INT, AT(every), "1600", 0, 1000000000,
     "networks of one depth; 0 = all layers from the start", NULL},
    {0},
};

/* ---- The chain of layers that space nas-rl is ---------------------------------------
 */

struct chain {
    int *head, *layer, *from;
    int layers;
};

/* "layer_3_height" is of layer 2 (0 = the first), "layer_3_from_1" an anchor of it. The
 * depth counts as of the first. */
static void place(struct chain *chain, int i, const char *name)
{
    int layer = 1, from = 0;

    if (sscanf(name, "layer_%d_from_%d", &layer, &from) < 1)
        layer = 1;
    chain->layer[i] = layer - 1;
    chain->from[i] = from - 1;
    if (layer > chain->layers)
        chain->layers = layer;
}

static int is_chain(const nw_code *code)
{
    const nw_space_type *family = code->space->family;

    return family && !strcmp(family->name, "nas-rl");
}

static nw_status make_chain(const struct nas_rl *r, struct chain *chain)
{
    const nw_code *code = r->agent.code;
    const size_t n = (size_t)code->n;

    chain->head = nw_alloc(r->agent.env.ctx, 3 * n * sizeof(int));
    if (!chain->head)
        return NW_ENOMEM;
    chain->layer = chain->head + n;
    chain->from = chain->layer + n;
    nw_agent_kinds(code, chain->head);
    if (is_chain(code))
        for (int i = 0; i < code->n; i++)
            place(chain, i, code->name[i]);
    return NW_OK;
}

static nw_status nas_rl_open(void *self, const nw_env *env)
{
    struct nas_rl *r = self;
    struct chain chain = {0};
    nw_status status;

    NW_TRY(nw_agent_init(&r->agent, env,
                         &(nw_agent_config){.name = "nas-rl",
                                            .batch = r->batch,
                                            .epochs = 1,
                                            .entropy = r->entropy,
                                            .decay = r->decay,
                                            .power = r->power}));
    if (is_chain(r->agent.code) && !strcmp(r->agent.code->name[0], "depth"))
        r->most = r->agent.code->options[0];
    NW_TRY(make_chain(r, &chain));
    status = nw_agent_start(
        &r->agent, &(nw_controller_config){.head = chain.head,
                                           .layers = chain.layers,
                                           .layer = chain.layer,
                                           .from = chain.from,
                                           .grows = r->most > 0,
                                           .units = r->units,
                                           .stack = r->lstms,
                                           .learner = {.lr = r->lr, .init = r->init}});
    nw_release(env->ctx, chain.head);
    return status;
}

/* Layers of the network of trial 1, 2 ... */
static int depth_at(const struct nas_rl *r, uint64_t id)
{
    const double steps = r->every ? floor((double)(id - 1) / r->every) : 0;

    return r->every ? (int)fmin(r->most, r->start + r->grow * steps) : r->most;
}

static nw_status nas_rl_propose(void *self, nw_trial *trial)
{
    struct nas_rl *r = self;

    if (r->most)
        r->agent.one[0] = depth_at(r, trial->id) - 1; /* which no draw changes */
    return nw_agent_propose(&r->agent, trial);
}

/* ---- The rest is the agent's --------------------------------------------------------
 */

static nw_status nas_rl_observe(void *self, const nw_trial *trial)
{
    return nw_agent_observe(&((struct nas_rl *)self)->agent, trial);
}

static nw_status nas_rl_state(void *self, nw_state *state)
{
    return nw_agent_state(&((struct nas_rl *)self)->agent, state);
}

static void nas_rl_close(void *self)
{
    nw_agent_clear(&((struct nas_rl *)self)->agent);
}

const nw_strategy_type nw_strategy_nas_rl = {
    .name = "nas-rl",
    .doc = "an LSTM speaks networks and learns by REINFORCE; chains grow as it learns",
    .paper = "Zoph & Le 2017, Neural Architecture Search with Reinforcement Learning, "
             "arXiv:1611.01578",
    .attrs = nas_rl_attrs,
    .size = sizeof(struct nas_rl),
    .needs = NW_BUDGET,
    .open = nas_rl_open,
    .propose = nas_rl_propose,
    .observe = nas_rl_observe,
    .state = nas_rl_state,
    .close = nas_rl_close,
};
