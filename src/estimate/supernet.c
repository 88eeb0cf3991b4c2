/*
 * supernet.c - one set of weights for all architectures of a space.
 *
 * The supernet holds every option of every choice, mixed by the weights of the arch that
 * a trial carries. It answers three wants: a step of the weights on the next training
 * batch (UPDATE), the gradient of the validation quality by the arch weights (GRAD; first
 * order, or through one virtual step, see bilevel.h), and a score with the weights as
 * they are (SCORE). Quality in a gradient is minus the loss.
 *
 * Training and validation batches of step k are the k-th of their feeds; a GRAD before
 * UPDATE k looks ahead on the same training batch as that update uses, as the authors'
 * code of DARTS does.
 *
 * Differs from that code: passes for the arch gradient leave the running statistics of
 * batch norm alone (there they follow also the perturbed weights); no decision reads
 * them. An epoch's validation accuracy is, as there, in eval mode with running
 * statistics; valid=0 saves that pass and reports the validation batches that GRAD saw.
 */
#include "bilevel.h"
#include "graph.h"
#include "random.h"
#include "score.h"
#include "supernet.h"
#include "trainer.h"

#include <math.h>
#include <string.h>

struct supernet {
    nw_recipe recipe;
    int order, valid;
    nw_env env;
    nw_net *net;
    nw_trainer trainer;
    nw_feed feed;  /* validation */
    nw_plan *plan; /* gradient of the mix alone, for the first order */
    nw_unroll unroll;
    nw_oracle oracle;
    double *grad;                 /* what GRAD hands out: d quality / d weight */
    double seen_loss, seen_right; /* of this epoch's validation batches */
    long seen;
    double accuracy;
};

static const nw_attr supernet_attrs[] = {
    NW_RECIPE_ATTRS(struct supernet, "50", "64", "0.025", "3e-4"),
    {"order", NW_INT, offsetof(struct supernet, order), "1", 1, 2,
     "of the arch gradient: 2 looks through a virtual step", NULL},
    {"valid", NW_BOOL, offsetof(struct supernet, valid), "1", 0, 0,
     "score all validation data after every epoch", NULL},
    {0},
};

static nw_status check(const struct supernet *s, const nw_env *env)
{
    if (!env->train || !env->valid)
        return nw_fail(env->ctx, NW_EINVAL,
                       "supernet: training and validation data are needed");
    for (int c = 0; c < env->space->n_choice; c++)
        if (env->space->choice[c].kind == NW_NUMBER)
            return nw_fail(
                env->ctx, NW_EMATCH,
                "supernet: choice \"%s\" is a number, which shared weights cannot "
                "mix; use estimator \"train\"",
                env->space->choice[c].name);
    return nw_recipe_check(env->ctx, &s->recipe);
}

/* ---- The arch gradient ------------------------------------------------------ */

static nw_status valid_pass(struct supernet *s, nw_plan *plan, double *darch)
{
    size_t n = (size_t)s->env.space->n_weight;
    nw_batch batch = {.x = s->feed.x, .label = s->feed.label};
    nw_pass pass = {.mode = NW_TRAIN_STILL,
                    .progress =
                        (double)s->trainer.step / (double)nw_trainer_steps(&s->trainer)};
    double loss;

    pass.seed = nw_subseed(s->env.seed, NW_FOR_STRATEGY, (uint64_t)s->trainer.step);
    NW_TRY(nw_plan_forward(plan, &batch, &pass, &loss));
    if (!isfinite(loss))
        return nw_fail(s->env.ctx, NW_EDIVERGED, "the validation loss is %g at step %ld",
                       loss, s->trainer.step + 1);
    s->seen_loss += loss;
    s->seen_right +=
        nw_count_right(s->net, nw_plan_logits(plan), s->feed.label, s->feed.batch, 1);
    s->seen++;
    nw_optimizer_zero(&s->trainer.opt);
    memset(s->net->dmix, 0, n * sizeof(double));
    NW_TRY(nw_plan_backward(plan, 1));
    memcpy(darch, s->net->dmix, n * sizeof(double));
    return NW_OK;
}

static nw_status oracle_train(void *self, double *darch)
{
    struct supernet *s = self;
    double loss;

    NW_TRY(nw_trainer_grad(&s->trainer, NW_TRAIN_STILL, &loss));
    if (darch)
        memcpy(darch, s->net->dmix, (size_t)s->env.space->n_weight * sizeof(double));
    return NW_OK;
}

static nw_status oracle_valid(void *self, double *darch)
{
    struct supernet *s = self;

    return valid_pass(s, s->plan, darch);
}

static void oracle_look_ahead(void *self, void *out)
{
    struct supernet *s = self;
    const nw_optimizer *opt = &s->trainer.opt;
    nw_sgd sgd = {.lr = nw_trainer_lr(&s->trainer), .momentum = s->recipe.momentum};

    memcpy(out, s->net->param, s->oracle.bytes);
    for (int i = 0; i < opt->n_stretch; i++) {
        const nw_stretch *k = &opt->stretch[i];
        size_t at = k->offset * s->net->real_size;

        sgd.decay = k->decay;
        opt->vec->look_ahead(k->count, &sgd, (char *)s->net->grad + at,
                             opt->first ? (char *)opt->first + at : NULL,
                             (char *)s->net->param + at, (char *)out + at);
    }
}

static nw_status init_oracle(struct supernet *s)
{
    nw_net *net = s->net;

    s->oracle = (nw_oracle){.self = s,
                            .vec = s->trainer.opt.vec,
                            .n = net->graph->n_trainable,
                            .bytes = net->graph->n_trainable * net->real_size,
                            .n_arch = s->env.space->n_weight,
                            .w = net->param,
                            .dw = net->grad,
                            .train = oracle_train,
                            .valid = oracle_valid,
                            .look_ahead = oracle_look_ahead};
    if (strcmp(s->recipe.optimizer, "sgd"))
        return nw_fail(s->env.ctx, NW_EMATCH,
                       "supernet: order=2 looks through a step of sgd, not of %s",
                       s->recipe.optimizer);
    return nw_unroll_init(&s->unroll, s->env.ctx, &s->oracle);
}

static nw_status gradient(struct supernet *s, nw_trial *trial)
{
    int n = s->env.space->n_weight;

    nw_feed_load(&s->feed, s->trainer.step);
    if (s->order == 2) {
        s->oracle.xi = nw_trainer_lr(&s->trainer);
        NW_TRY(nw_unrolled(&s->unroll, &s->oracle, s->grad));
    } else {
        NW_TRY(valid_pass(s, s->plan, s->grad));
    }
    for (int i = 0; i < n; i++)
        s->grad[i] = -s->grad[i];
    trial->grad = s->grad;
    return NW_OK;
}

/* ---- Work ------------------------------------------------------------------- */

static nw_status make(struct supernet *s)
{
    nw_plan_config config;
    nw_augment plain;

    NW_TRY(nw_trainer_init(&s->trainer, s->net, &s->recipe, s->env.train,
                           s->recipe.epochs, s->env.seed));
    plain = s->trainer.augment;
    plain.crop = plain.flip = plain.cutout = 0;
    NW_TRY(nw_feed_init(&s->feed, s->env.ctx, s->env.valid, &plain, s->recipe.batch,
                        s->recipe.shuffle, nw_subseed(s->env.seed, NW_FOR_SHUFFLE, 1)));
    nw_feed_shorten(&s->feed, s->recipe.steps);
    config = nw_recipe_plan(&s->recipe, s->feed.batch);
    config.no_param_grad = s->order == 1;
    s->plan = nw_plan_new(s->net, &config);
    if (!s->plan)
        return nw_pending(s->env.ctx);
    return s->order == 2 ? init_oracle(s) : NW_OK;
}

static nw_status supernet_open(void *self, const nw_env *env)
{
    struct supernet *s = self;

    s->env = *env;
    s->accuracy = NAN;
    NW_TRY(check(s, env));
    if (!strcmp(s->recipe.loss, "mse"))
        return nw_fail(env->ctx, NW_EMATCH,
                       "supernet: loss=mse is for estimator \"train\"");
    s->net = nw_net_make(env->ctx, env->space, NULL, env->seed,
                         nw_recipe_precision(&s->recipe), NW_GRAPH_ALL | NW_GRAPH_AUX);
    s->grad = nw_alloc(env->ctx, (size_t)env->space->n_weight * sizeof(double) + 1);
    return s->net && s->grad ? make(s) : nw_pending(env->ctx);
}

static nw_status report(struct supernet *s)
{
    nw_augment plain = s->feed.augment;
    nw_epoch epoch;
    nw_score score = {0};

    nw_trainer_report(&s->trainer, &epoch);
    if (s->valid) {
        NW_TRY(nw_score_over(s->net, s->env.valid, &plain, s->feed.batch, NW_EVAL,
                             s->recipe.topk, &score));
        epoch.valid_loss = score.loss;
        epoch.valid_accuracy = score.accuracy;
    } else if (s->seen) {
        epoch.valid_loss = s->seen_loss / (double)s->seen;
        epoch.valid_accuracy = s->seen_right / (double)s->seen / s->feed.batch;
    }
    s->accuracy = epoch.valid_accuracy;
    s->seen_loss = s->seen_right = 0;
    s->seen = 0;
    return s->env.on_epoch(s->env.loop, &epoch);
}

static nw_status update(struct supernet *s)
{
    nw_status status = nw_trainer_step(&s->trainer);

    if (status != NW_DONE)
        return status;
    NW_TRY(report(s));
    return s->trainer.step >= nw_trainer_steps(&s->trainer) ? NW_DONE : NW_OK;
}

static nw_status score(struct supernet *s, nw_trial *trial)
{
    NW_TRY(nw_score_over(s->net, s->env.valid, &s->feed.augment, s->feed.batch,
                         NW_TRAIN_STILL, s->recipe.topk, &trial->score));
    NW_TRY(nw_arch_cost(trial->arch, &trial->score));
    trial->score.quality = nw_recipe_quality(&s->recipe, &trial->score);
    return NW_OK;
}

static nw_status supernet_work(void *self, nw_trial *trial)
{
    struct supernet *s = self;
    nw_status status;

    NW_TRY(nw_net_set_arch(s->net, trial->arch));
    if (trial->want == NW_WANT_GRAD)
        status = gradient(s, trial);
    else if (trial->want == NW_WANT_UPDATE)
        status = update(s);
    else
        status = score(s, trial);
    trial->epoch = nw_trainer_epoch(&s->trainer);
    return status;
}

nw_net *nw_supernet_net(void *self)
{
    struct supernet *s = self;

    return s->net;
}

static void supernet_progress(void *self, nw_progress *out)
{
    const struct supernet *s = self;

    out->done = (double)s->trainer.step;
    out->total = (double)nw_trainer_steps(&s->trainer);
    out->epoch = nw_trainer_epoch(&s->trainer);
    out->epochs = s->trainer.epochs;
    out->loss = s->trainer.last_loss;
    out->accuracy =
        s->seen ? s->seen_right / (double)s->seen / s->feed.batch : s->accuracy;
}

static nw_status supernet_state(void *self, nw_state *state)
{
    struct supernet *s = self;

    NW_TRY(state->bytes(state, &s->seen_loss, sizeof(s->seen_loss)));
    NW_TRY(state->bytes(state, &s->seen_right, sizeof(s->seen_right)));
    NW_TRY(state->bytes(state, &s->seen, sizeof(s->seen)));
    NW_TRY(state->bytes(state, &s->accuracy, sizeof(s->accuracy)));
    return nw_trainer_state(&s->trainer, state);
}

static void supernet_close(void *self)
{
    struct supernet *s = self;

    nw_release(s->env.ctx, s->grad);
    nw_unroll_clear(&s->unroll);
    nw_plan_free(s->plan);
    nw_feed_clear(&s->feed);
    nw_trainer_clear(&s->trainer);
    nw_net_free(s->net);
}

const nw_estimator_type nw_estimator_supernet = {
    .name = "supernet",
    .doc = "share one set of weights among all architectures",
    .paper = "Liu, Simonyan & Yang 2019, DARTS, arXiv:1806.09055",
    .attrs = supernet_attrs,
    .size = sizeof(struct supernet),
    .gives = NW_GRADIENT,
    .open = supernet_open,
    .work = supernet_work,
    .progress = supernet_progress,
    .state = supernet_state,
    .close = supernet_close,
};
