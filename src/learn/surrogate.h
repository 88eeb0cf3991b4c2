/*
 * surrogate.h - guess what a trial would score, from those that were made.
 *
 * A surrogate is an ensemble of small nets that learn to say a number of a row. A row is
 * either numbers, or words: whole numbers from 0 to words - 1. Rows of words may differ
 * in width, as cells of few and of many blocks do; all widths share the weights.
 *
 *   nw_surrogate *s = nw_surrogate_open(ctx, &(nw_surrogate_config){
 *       .kind = NW_SURROGATE_LSTM, .words = 14, .members = 5, .share = .8, .seed =
 * seed}); nw_surrogate_fit(s, n, lesson, &(nw_surrogate_fit_config){.epochs = 50, .lr =
 * .01}); nw_surrogate_predict(s, n, width, x, mean, sd);
 *
 * Everything is a function of the seeds: the start of a member, which lessons it sees and
 * in which order. Members differ in both.
 */
#ifndef NW_SURROGATE_H
#define NW_SURROGATE_H

#include "learner.h"

typedef struct nw_surrogate nw_surrogate;

typedef enum nw_surrogate_kind {
    NW_SURROGATE_DENSE,  /* numbers; dense layers with ReLU                           */
    NW_SURROGATE_BLOCKS, /* words, `block` of them a block: embedded, side by side, the
                            mean over the blocks, dense layers with ReLU              */
    NW_SURROGATE_LSTM,   /* words, embedded, LSTM, its last output                    */
} nw_surrogate_kind;

typedef enum nw_surrogate_loss {
    NW_SURROGATE_L1,
    NW_SURROGATE_L2,
} nw_surrogate_loss;

/* Fields that are 0 have the defaults in parentheses. */
typedef struct nw_surrogate_config {
    nw_surrogate_kind kind;
    int width;     /* DENSE: numbers of a row                                         */
    int words;     /* how many there are                                              */
    int block;     /* BLOCKS: words of a block (1)                                    */
    int embedding; /* numbers of a word (100); they start uniform in +-.1             */
    int hidden;    /* units of a layer (100)                                          */
    int layers;    /* dense ones before the output (2); not of LSTM                   */
    int members;   /* (1) at most NW_SURROGATE_MEMBERS                                */
    double share;  /* of the lessons that a member sees (1)                           */
    int batch;     /* lessons of a step (32)                                          */
    nw_surrogate_loss loss;
    int is_sigmoid; /* of the output: values are between 0 and 1                      */
    double bias;    /* of the output at the start, before the sigmoid                 */
    int is_scaled;  /* learn (y - mean) / deviation of the lessons of the first fit
                       after a start, or of every one that is asked to rescale        */
    uint64_t seed;
    nw_precision precision;
} nw_surrogate_config;

enum { NW_SURROGATE_MEMBERS = 64 };

/* NULL after nw_fail(). */
nw_surrogate *nw_surrogate_open(nw_ctx *ctx, const nw_surrogate_config *config);
void nw_surrogate_close(nw_surrogate *s);

/* Forget all: every member starts anew, from this seed. */
nw_status nw_surrogate_restart(nw_surrogate *s, uint64_t seed);

/* What is to be learned: that row x of `width` means y. */
typedef struct nw_lesson {
    const float *x;
    int width;
    double y;
} nw_lesson;

typedef struct nw_surrogate_fit_config {
    int epochs;
    double lr;       /* Adam's                                                        */
    int is_annealed; /* lr falls to 0 along half a cosine                             */
    int rescales;    /* mean and deviation are those of these lessons                 */
    uint64_t seed;   /* of the order, and of who sees what                            */
} nw_surrogate_fit_config;

/* Go on from the weights there are. A lesson whose y is not finite is left out. NW_OK
 * without change when none is left; NW_EDIVERGED when gradients are not finite. */
nw_status nw_surrogate_fit(nw_surrogate *s, size_t n, const nw_lesson *lesson,
                           const nw_surrogate_fit_config *how);

/* Mean and standard deviation (over members, n - 1; 0 of one) for n rows that stand one
 * after the other. sd may be NULL. */
nw_status nw_surrogate_predict(nw_surrogate *s, size_t n, int width, const float *x,
                               double *mean, double *sd);

/* The net of a member for rows of `width`, borrowed; NULL after nw_fail(). What it says
 * is scaled, if the surrogate is. */
nw_learner *nw_surrogate_net(nw_surrogate *s, int member, int width);

/* All there is between two calls. */
nw_status nw_surrogate_state(nw_surrogate *s, nw_state *state);

#endif
