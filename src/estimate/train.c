/*
 * train.c - the plainest estimator: train the network from scratch and score it.
 *
 * A unit of work is one weight step, or one pass over the validation data. With fidelity
 * below 1 the trial gets that share of the epochs, at least one, with the schedule
 * shortened to fit. What the trained network does on test data, if there is any, is a
 * value of the trial's last epoch that no score depends on.
 */
#include "graph.h"
#include "random.h"
#include "score.h"
#include "trainer.h"

#include <math.h>
#include <string.h>

struct train {
    nw_recipe recipe;
    int valid_every, run;
    nw_env env;
    nw_arch *arch; /* of the trial in hand          */
    nw_net *net;   /* NULL between trials            */
    nw_trainer trainer;
    uint64_t id, seed;
    double fidelity, accuracy;
    int due; /* a validation pass is                */
    nw_epoch epoch;
};

static const nw_attr train_attrs[] = {
    NW_RECIPE_ATTRS(struct train, "10", "96", "0.025", "3e-4"),
    {"valid_every", NW_INT, offsetof(struct train, valid_every), "1", 1, 100000,
     "epochs between looks at the validation data", NULL},
    {"run", NW_INT, offsetof(struct train, run), "0", 0, 1e9,
     "of several of the same trial: each has other first weights and another order",
     NULL},
    {0},
};

static nw_status train_open(void *self, const nw_env *env)
{
    struct train *t = self;

    t->env = *env;
    t->accuracy = NAN;
    if (!env->train || !env->valid)
        return nw_fail(env->ctx, NW_EINVAL,
                       "train: training and validation data are needed");
    return nw_recipe_check(env->ctx, &t->recipe);
}

static int epochs_of(const struct train *t)
{
    int n = (int)lround(t->recipe.epochs * t->fidelity);

    return n > 1 ? n : 1;
}

static void drop_net(struct train *t)
{
    nw_trainer_clear(&t->trainer);
    nw_net_free(t->net);
    t->net = NULL;
}

static nw_status start(struct train *t)
{
    drop_net(t);
    t->due = 0;
    t->net = nw_net_new(t->env.ctx, t->env.space, t->arch, t->seed,
                        nw_recipe_precision(&t->recipe));
    if (!t->net)
        return nw_pending(t->env.ctx);
    return nw_trainer_init(&t->trainer, t->net, &t->recipe, t->env.train, epochs_of(t),
                           t->seed);
}

static nw_status take(struct train *t, const nw_trial *trial)
{
    if (trial->want != NW_WANT_SCORE)
        return nw_fail(t->env.ctx, NW_EMATCH,
                       "train: has no shared weights; use estimator \"supernet\"");
    if (!t->arch)
        t->arch = nw_arch_new(t->env.ctx, t->env.space);
    if (!t->arch)
        return nw_pending(t->env.ctx);
    t->id = trial->id;
    t->seed =
        t->run ? nw_subseed(trial->seed, NW_FOR_RUN, (uint64_t)t->run) : trial->seed;
    t->fidelity = trial->fidelity > 0 ? trial->fidelity : 1;
    t->accuracy = NAN;
    NW_TRY(nw_arch_copy(t->arch, trial->arch));
    return start(t);
}

static nw_status validate(struct train *t, nw_trial *trial)
{
    const nw_recipe *r = &t->recipe;
    nw_augment plain = t->trainer.augment;

    plain.crop = plain.flip = plain.cutout = 0;
    NW_TRY(nw_score_over(t->net, t->env.valid, &plain, t->trainer.feed.batch, NW_EVAL,
                         r->topk, &trial->score));
    t->epoch.valid_loss = trial->score.loss;
    t->epoch.valid_accuracy = t->accuracy = trial->score.accuracy;
    t->due = 0;
    return NW_OK;
}

static nw_status test(const struct train *t)
{
    const nw_recipe *r = &t->recipe;
    const int epoch = t->epoch.epoch;
    nw_augment plain = t->trainer.augment;
    nw_score s;

    if (!t->env.test)
        return NW_OK;
    plain.crop = plain.flip = plain.cutout = 0;
    NW_TRY(nw_score_over(t->net, t->env.test, &plain, t->trainer.feed.batch, NW_EVAL,
                         r->topk, &s));
    NW_TRY(t->env.on_value(t->env.loop, epoch, "test_accuracy", s.accuracy));
    return t->env.on_value(t->env.loop, epoch, "test_loss", s.loss);
}

static int is_over(const struct train *t)
{
    return t->trainer.step >= nw_trainer_steps(&t->trainer);
}

/* After the last step of an epoch: look at the validation data if it is time, report. */
static nw_status end_epoch(struct train *t, nw_trial *trial)
{
    nw_score *s = &trial->score;

    if (t->epoch.epoch % t->valid_every == 0 || is_over(t))
        NW_TRY(validate(t, trial));
    t->due = 0;
    NW_TRY(t->env.on_epoch(t->env.loop, &t->epoch));
    if (!is_over(t))
        return NW_MORE;
    NW_TRY(test(t));
    NW_TRY(nw_net_cost(t->net, s));
    s->quality = nw_recipe_quality(&t->recipe, s);
    return NW_OK;
}

static nw_status train_work(void *self, nw_trial *trial)
{
    struct train *t = self;
    nw_status status;

    if (!t->net || t->id != trial->id)
        NW_TRY(take(t, trial));
    if (t->due)
        return end_epoch(t, trial);
    status = nw_trainer_step(&t->trainer);
    trial->epoch = nw_trainer_epoch(&t->trainer);
    if (status != NW_DONE)
        return status < 0 ? status : NW_MORE;
    nw_trainer_report(&t->trainer, &t->epoch);
    t->due = 1;
    return NW_MORE;
}

static void train_progress(void *self, nw_progress *out)
{
    const struct train *t = self;

    out->loss = t->trainer.last_loss;
    out->accuracy = t->accuracy;
    if (!t->net)
        return;
    out->done = (double)t->trainer.step;
    out->total = (double)nw_trainer_steps(&t->trainer);
    out->epoch = nw_trainer_epoch(&t->trainer);
    out->epochs = t->trainer.epochs;
}

static nw_status train_net(void *self, const nw_arch *arch, nw_net **out)
{
    struct train *t = self;

    if (!t->net || nw_arch_hash(arch) != nw_arch_hash(t->arch))
        return nw_fail(t->env.ctx, NW_EMATCH, "train: that network is not at hand");
    *out = t->net;
    return NW_OK;
}

static nw_status train_state(void *self, nw_state *state)
{
    struct train *t = self;
    int busy = t->net != NULL;

    NW_TRY(state->bytes(state, &busy, sizeof(busy)));
    if (!busy)
        return NW_OK;
    if (!t->arch)
        t->arch = nw_arch_new(t->env.ctx, t->env.space);
    if (!t->arch)
        return nw_pending(t->env.ctx);
    NW_TRY(state->bytes(state, &t->id, sizeof(t->id)));
    NW_TRY(state->bytes(state, &t->seed, sizeof(t->seed)));
    NW_TRY(state->bytes(state, &t->fidelity, sizeof(t->fidelity)));
    NW_TRY(
        state->bytes(state, t->arch->w, (size_t)t->env.space->n_weight * sizeof(double)));
    if (state->reading)
        NW_TRY(start(t));
    NW_TRY(state->bytes(state, &t->accuracy, sizeof(t->accuracy)));
    NW_TRY(state->bytes(state, &t->due, sizeof(t->due)));
    NW_TRY(state->bytes(state, &t->epoch, sizeof(t->epoch)));
    return nw_trainer_state(&t->trainer, state);
}

static void train_close(void *self)
{
    struct train *t = self;

    drop_net(t);
    nw_arch_free(t->arch);
}

const nw_estimator_type nw_estimator_train = {
    .name = "train",
    .doc = "train the network from scratch and score it on validation data",
    .attrs = train_attrs,
    .size = sizeof(struct train),
    .gives = NW_SEPARATE,
    .open = train_open,
    .work = train_work,
    .progress = train_progress,
    .net = train_net,
    .state = train_state,
    .close = train_close,
};
