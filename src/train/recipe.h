/*
 * recipe.h - how a network is trained, as keys of an estimator's spec.
 *
 * Every estimator that trains has a struct that starts with an nw_recipe and lists its
 * keys with NW_RECIPE_ATTRS.
 */
#ifndef NW_RECIPE_H
#define NW_RECIPE_H

#include "data.h"
#include "net.h"

typedef struct nw_recipe {
    int epochs, batch;
    char optimizer[NW_TEXT_SIZE], schedule[NW_TEXT_SIZE], anneal[NW_TEXT_SIZE];
    double lr, lr_min, warmup, step_every, step_factor;
    double momentum, wd, beta1, beta2, eps;
    int nesterov, decay_norm;
    double clip, clip_value;
    char loss[NW_TEXT_SIZE], metric[NW_TEXT_SIZE], augment[NW_TEXT_SIZE];
    double smoothing;
    int topk, shuffle, steps;
    char precision[NW_TEXT_SIZE];
} nw_recipe;

/* clang-format off */
#define NW_RECIPE_KEY(s, key, type, initial, min, max, doc) \
    {#key, NW_##type, offsetof(s, recipe) + offsetof(nw_recipe, key), initial, min, max, doc, NULL}

/* s: the struct; the other arguments are defaults that differ between estimators. */
#define NW_RECIPE_ATTRS(s, epochs_, batch_, lr_, wd_) \
    NW_RECIPE_KEY(s, epochs, INT, epochs_, 1, 100000, "passes over the data"), \
    NW_RECIPE_KEY(s, batch, INT, batch_, 1, 65536, "examples a step"), \
    NW_RECIPE_KEY(s, optimizer, TEXT, "sgd", 0, 0, "sgd, adam or adamw"), \
    NW_RECIPE_KEY(s, lr, REAL, lr_, 0, 1000, "learning rate at the start"), \
    NW_RECIPE_KEY(s, lr_min, REAL, "0", 0, 1000, "and at the end of cosine or linear"), \
    NW_RECIPE_KEY(s, schedule, TEXT, "cosine", 0, 0, "constant, step, linear or cosine"), \
    NW_RECIPE_KEY(s, anneal, TEXT, "epoch", 0, 0, "the rate changes every epoch or step"), \
    NW_RECIPE_KEY(s, warmup, REAL, "0", 0, 100000, "epochs of linear rise from 0"), \
    NW_RECIPE_KEY(s, step_every, REAL, "30", 1e-9, 1e9, "epochs between steps of schedule=step"), \
    NW_RECIPE_KEY(s, step_factor, REAL, "0.1", 0, 1, "what each step multiplies by"), \
    NW_RECIPE_KEY(s, momentum, REAL, "0.9", 0, 1, "of sgd"), \
    NW_RECIPE_KEY(s, nesterov, BOOL, "0", 0, 0, "look ahead with it"), \
    NW_RECIPE_KEY(s, wd, REAL, wd_, 0, 1000, "weight decay: L2, or decoupled in adamw"), \
    NW_RECIPE_KEY(s, decay_norm, BOOL, "1", 0, 0, "decay biases, scales and shifts too"), \
    NW_RECIPE_KEY(s, beta1, REAL, "0.9", 0, 1, "Adam, mean"), \
    NW_RECIPE_KEY(s, beta2, REAL, "0.999", 0, 1, "Adam, variance"), \
    NW_RECIPE_KEY(s, eps, REAL, "1e-8", 0, 1, "Adam, against division by zero"), \
    NW_RECIPE_KEY(s, clip, REAL, "5", 0, 1e9, "largest norm of the gradient, 0 = any"), \
    NW_RECIPE_KEY(s, clip_value, REAL, "0", 0, 1e9, "largest single number of it, 0 = any"), \
    NW_RECIPE_KEY(s, loss, TEXT, "cross_entropy", 0, 0, "cross_entropy or mse"), \
    NW_RECIPE_KEY(s, smoothing, REAL, "0", 0, 1, "label smoothing"), \
    NW_RECIPE_KEY(s, metric, TEXT, "accuracy", 0, 0, "what a score ranks by: accuracy, topk or loss"), \
    NW_RECIPE_KEY(s, topk, INT, "5", 1, 1000, "k of topk"), \
    NW_RECIPE_KEY(s, steps, INT, "0", 0, 1000000000, "steps of an epoch at most; 0 = all of the data"), \
    NW_RECIPE_KEY(s, shuffle, BOOL, "1", 0, 0, "a new order every epoch"), \
    NW_RECIPE_KEY(s, augment, TEXT, "", 0, 0, "as in \"crop=4 flip=1 cutout=16\""), \
    NW_RECIPE_KEY(s, precision, TEXT, "f32", 0, 0, "f32, or f64 to check it; bf16 is refused")
/* clang-format on */

/* Refuse words that the keys do not know. */
nw_status nw_recipe_check(nw_ctx *ctx, const nw_recipe *recipe);

nw_precision nw_recipe_precision(const nw_recipe *recipe);

/* Learning rate after `epoch` (a fraction counts with anneal=step) of `epochs`.
 * Source: cosine, Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5. */
double nw_recipe_lr(const nw_recipe *recipe, double epoch, double epochs);

/* Config of the plan for a training step. */
nw_plan_config nw_recipe_plan(const nw_recipe *recipe, int batch);

double nw_recipe_quality(const nw_recipe *recipe, const nw_score *score);

#endif
