/*
 * nao_round.h - one round of NAO: learn from what is known, climb from the best of it.
 */
#ifndef NW_NAO_ROUND_H
#define NW_NAO_ROUND_H

#include "nao_model.h"

typedef struct nw_nao_round {
    nw_ctx *ctx;
    const nw_words *words;
    nw_nao_config net;
    int epochs, batch; /* of learning                                          */
    int swap;          /* exchange branches of nodes at random meanwhile       */
    int seeds, steps;  /* climb from so many, with eta = 1 ... steps           */
    /* What is known: sentences (n, words) and their qualities, not finite = failed. */
    int n;
    const int *sentence;
    const double *quality;
    /* Is told what was decoded, the best seed's first; NW_DONE = it is enough. */
    nw_status (*take)(void *user, const int *sentence);
    void *user;
    double loss; /* result: of the last batch */
} nw_nao_round;

/* A function of what is in it and of net.seed. Nothing is taken when all failed. */
nw_status nw_nao_round_run(nw_nao_round *round);

#endif
