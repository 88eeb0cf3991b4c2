/*
 * pnas.c - progressive neural architecture search.
 *
 * Cells of one block are few enough to train them all; cells of five are not, but what
 * was learned of the small ones says which of the larger are worth it [1]:
 *
 *   train all cells of one block                        136 of PNAS's space
 *   for b = 2 .. B
 *       fit the surrogate to the cells of b - 1 blocks, from the weights it has
 *       make every cell of b blocks that a kept one of b - 1 can grow to
 *                                                       256 * (b + 1)^2 * 64, 589,824 at
 * 5 guess the quality of all, train the k best      256
 *
 * Surrogates are ensembles of five, each on 4/5 of the cells; their mean counts.
 *
 *   mlp    words embedded, side by side in a block, mean over blocks, two layers of 100
 *   lstm   words embedded, LSTM of 100, its last output
 *
 * both with embeddings of 100 from +-.1, L1 loss, Adam with lr .01 for b = 1 and .002
 * later. target=plain is the paper's: the accuracy behind a sigmoid whose bias starts at
 * 1.8. By default what is learned is scaled instead, since the best networks of a stage
 * differ by a hundredth of that range, and for that any quality will do.
 *
 * Space "pnas progressive=1" has cells of fewer blocks; on other spaces the blocks that
 * are not free yet are neutral; see blocks.h. A mean over blocks does not see their
 * order, which in PNAS's cells the names of inputs tell; where it matters use words=both
 * or surrogate=lstm.
 *
 * [unverified]: sizes of the nets, the loss, the rates, 1.8, and above all epochs and
 * batch, of which nothing is known here. Ours: the cosine of the rate, cells of one
 * network trained once (across stages, too), failed cells left out, rounds=.
 *
 * [1] C. Liu et al. 2018, Progressive Neural Architecture Search, ECCV,
 *     arXiv:1712.00559.
 */
#include "progressive.h"

static const nw_attr pnas_attrs[] = {
    NW_PROGRESSIVE_KEYS("256", "mlp", "level"),
    {0},
};

static nw_status pnas_open(void *self, const nw_env *env)
{
    nw_progressive *p = self;

    p->order = nw_order_by_guess;
    p->parents = nw_best_entries;
    return nw_progressive_open(p, env);
}

const nw_strategy_type nw_strategy_pnas = {
    .name = "pnas",
    .doc = "grow cells block by block where an ensemble expects most",
    .paper = "Liu et al. 2018, Progressive Neural Architecture Search, arXiv:1712.00559",
    .attrs = pnas_attrs,
    .size = sizeof(nw_progressive),
    .open = pnas_open,
    .propose = nw_progressive_propose,
    .observe = nw_progressive_observe,
    .state = nw_progressive_state,
    .close = nw_progressive_close,
};
