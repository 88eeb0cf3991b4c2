/*
 * nasnet.c - the search of NASNet [1]: a controller that learns by proximal policy
 * optimisation [2].
 *
 * The idea is that of nas_rl.c, with a smaller controller and a steadier gradient: an
 * LSTM speaks the decisions of the cells, each through a softmax of its own, and learns
 * from every 20 networks by the loss
 *
 *   -min(r A, clamp(r, 1 - c, 1 + c) A) - beta H,   r = pi_new(a) / pi_old(a)
 *
 * of the *whole* sequence a, A = R - b, b a moving average of the rewards (decay 0.95). H
 * is the sum of the entropies of its decisions. There is no value network.
 *
 *   controller   one LSTM of 100 units, weights uniform in +-0.1
 *   reward       the validation accuracy; Adam, lr 3.5e-4; beta 1e-5
 *
 * None of this could be checked against the authors' program, which is not public. The
 * paper states neither the clip nor how often a batch is used: 0.2 and 4 times are ours,
 * as are the start of the baseline at the first reward and Adam's moments. Used once
 * (epochs=1), r is 1 but for proposals that ran ahead, and the loss REINFORCE's. lr
 * 3.5e-4 is for 20,000 networks: for a few hundred take 0.005 to 0.05.
 *
 * [1] B. Zoph, V. Vasudevan, J. Shlens, Q. Le, Learning Transferable Architectures for
 *     Scalable Image Recognition, CVPR 2018, arXiv:1707.07012.
 * [2] J. Schulman et al. 2017, Proximal policy optimization algorithms, arXiv:1707.06347.
 */
#include "agent.h"

struct nasnet {
    int batch, units, epochs;
    double lr, init, clip, decay, entropy;
    nw_agent agent;
};

#define AT(field) offsetof(struct nasnet, field)

static const nw_attr nasnet_attrs[] = {
    {"lr", NW_REAL, AT(lr), "3.5e-4", 0, 10,
     "Adam's rate; the paper's, for 20,000 networks: for some hundred 0.005 to 0.05",
     NULL},
    {"batch", NW_INT, AT(batch), "20", 1, 4096, "networks from which it learns at a time",
     NULL},
    {"epochs", NW_INT, AT(epochs), "4", 1, 100, "steps on each batch (ours)", NULL},
    {"clip", NW_REAL, AT(clip), "0.2", 1e-6, 1,
     "how far a step may take pi, a share (ours)", NULL},
    {"units", NW_INT, AT(units), "100", 1, 4096, "of the LSTM", NULL},
    {"init", NW_REAL, AT(init), "0.1", 1e-9, 10,
     "weights start uniform between minus and plus this", NULL},
    {"decay", NW_REAL, AT(decay), "0.95", 0, 1, "of the baseline, a moving average",
     NULL},
    {"entropy", NW_REAL, AT(entropy), "1e-5", 0, 10, "weight of the policy's entropy",
     NULL},
    {0},
};

static nw_status nasnet_open(void *self, const nw_env *env)
{
    struct nasnet *s = self;

    NW_TRY(nw_agent_init(&s->agent, env,
                         &(nw_agent_config){.name = "nasnet",
                                            .batch = s->batch,
                                            .epochs = s->epochs,
                                            .clip = s->clip,
                                            .entropy = s->entropy,
                                            .decay = s->decay,
                                            .power = 1}));
    return nw_agent_start(
        &s->agent, &(nw_controller_config){.units = s->units,
                                           .stack = 1,
                                           .learner = {.lr = s->lr, .init = s->init}});
}

static nw_status nasnet_propose(void *self, nw_trial *trial)
{
    return nw_agent_propose(&((struct nasnet *)self)->agent, trial);
}

static nw_status nasnet_observe(void *self, const nw_trial *trial)
{
    return nw_agent_observe(&((struct nasnet *)self)->agent, trial);
}

static nw_status nasnet_state(void *self, nw_state *state)
{
    return nw_agent_state(&((struct nasnet *)self)->agent, state);
}

static void nasnet_close(void *self)
{
    nw_agent_clear(&((struct nasnet *)self)->agent);
}

const nw_strategy_type nw_strategy_nasnet = {
    .name = "nasnet",
    .doc = "an LSTM speaks networks and learns by PPO, 20 at a time",
    .paper = "Zoph et al. 2018, Learning Transferable Architectures for Scalable Image "
             "Recognition, arXiv:1707.07012",
    .attrs = nasnet_attrs,
    .size = sizeof(struct nasnet),
    .needs = NW_BUDGET,
    .open = nasnet_open,
    .propose = nasnet_propose,
    .observe = nasnet_observe,
    .state = nasnet_state,
    .close = nasnet_close,
};
