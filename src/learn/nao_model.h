/*
 * nao_model.h - encoder, predictor and decoder of architectures, learnt together.
 *
 * What NAO [1] searches with. A sentence (nao_words.h) of n words becomes a state: a
 * vector of length 1 for every word or pair of words. The mean of a state, brought to
 * length 1, is the vector of the architecture; the predictor tells its quality from that
 * vector, and the decoder writes the sentence again. Quality climbs along the gradient of
 * the predictor by the state; the decoder tells what architecture that is.
 *
 * [1] R. Luo, F. Tian, T. Qin, E. Chen, T.-Y. Liu 2018, Neural architecture optimization,
 *     arXiv:1808.07233.
 */
#ifndef NW_NAO_MODEL_H
#define NW_NAO_MODEL_H

#include "learner.h"
#include "nao_words.h"

typedef struct nw_nao nw_nao;

typedef struct nw_nao_config {
    int embedding, hidden;      /* numbers of a word, of a state's vectors         */
    int mlp_layers, mlp_hidden; /* of the predictor, before its last layer        */
    double dropout;             /* of the predictor                                */
    double lr, wd, clip;        /* Adam                                            */
    double share;               /* of the predictor in the loss, 0..1              */
    uint64_t seed;
    nw_precision precision;
} nw_nao_config;

/* Belongs to the context; the words must outlive it. NULL after nw_fail(). */
nw_nao *nw_nao_open(nw_ctx *ctx, const nw_words *words, const nw_nao_config *config);
void nw_nao_close(nw_nao *m);

/* share (f - target)^2 + (1 - share) (- log probability of a word), both means; with
 * NW_TRAIN the gradient too, which nw_nao_step() follows. sentence (batch, n); targets
 * are within 0..1, higher is better. */
nw_status nw_nao_loss(nw_nao *m, int batch, const int *sentence, const double *target,
                      nw_mode mode, double *loss);
nw_status nw_nao_step(nw_nao *m);

/* Numbers of a state of one sentence. */
size_t nw_nao_state_size(const nw_nao *m);

/* state (batch, size) */
nw_status nw_nao_encode(nw_nao *m, int batch, const int *sentence, float *state);

/* f (batch); slope (batch, size) = df / d state, or NULL. */
nw_status nw_nao_predict(nw_nao *m, int batch, const float *state, double *f,
                         float *slope);

/* to = state + eta slope, every vector of it brought to length 1 again. */
void nw_nao_climb(const nw_nao *m, int batch, const float *state, const float *slope,
                  double eta, float *to);

/* The likeliest word of its range, one after the other. */
nw_status nw_nao_decode(nw_nao *m, int batch, const float *state, int *sentence);

/* All that learns, for tests. */
nw_learner *nw_nao_learner(nw_nao *m);

#endif
