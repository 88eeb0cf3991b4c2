#include "trainer.h"

#include "clock.h"
#include "random.h"
#include "score.h"

#include <math.h>
#include <string.h>

static nw_status init(nw_trainer *t, nw_data *data)
{
    nw_plan_config config;

    NW_TRY(nw_recipe_check(t->ctx, t->recipe));
    NW_TRY(nw_augment_parse(t->ctx, t->recipe->augment, data, &t->augment));
    NW_TRY(
        nw_net_normalise(t->net, t->augment.n_channel, t->augment.mean, t->augment.sd));
    NW_TRY(nw_optimizer_init(&t->opt, t->net, t->recipe));
    NW_TRY(nw_feed_init(&t->feed, t->ctx, data, &t->augment, t->recipe->batch,
                        t->recipe->shuffle, nw_subseed(t->seed, NW_FOR_SHUFFLE, 0)));
    nw_feed_shorten(&t->feed, t->recipe->steps);
    config = nw_recipe_plan(t->recipe, t->feed.batch);
    config.soft_labels = config.squares;
    t->classes = nw_count(&t->net->graph->node[t->net->graph->output].info.out);
    if (config.squares) {
        t->soft = nw_alloc(t->ctx, (size_t)t->feed.batch * t->classes * sizeof(float));
        if (!t->soft)
            return NW_ENOMEM;
    }
    t->plan = nw_plan_new(t->net, &config);
    return t->plan ? NW_OK : nw_pending(t->ctx);
}

nw_status nw_trainer_init(nw_trainer *t, nw_net *net, const nw_recipe *recipe,
                          nw_data *data, int epochs, uint64_t seed)
{
    nw_status status;

    *t = (nw_trainer){.ctx = net->ctx, .net = net, .recipe = recipe, .seed = seed};
    t->epochs = epochs;
    t->last_loss = NAN;
    status = init(t, data);
    if (status < 0)
        nw_trainer_clear(t);
    return status;
}

void nw_trainer_clear(nw_trainer *t)
{
    nw_plan_free(t->plan);
    nw_release(t->ctx, t->soft);
    nw_feed_clear(&t->feed); /* its thread reads the augmentation */
    if (t->ctx)
        nw_augment_free(t->ctx, &t->augment);
    nw_optimizer_clear(&t->opt);
    *t = (nw_trainer){0};
}

double nw_trainer_epoch(const nw_trainer *t)
{
    return (double)t->step / (double)t->feed.per_epoch;
}

long nw_trainer_steps(const nw_trainer *t)
{
    return t->feed.per_epoch * t->epochs;
}

double nw_trainer_lr(const nw_trainer *t)
{
    return nw_recipe_lr(t->recipe, nw_trainer_epoch(t), t->epochs);
}

/* The squared error needs the labels as vectors. */
static void one_hot(nw_trainer *t)
{
    memset(t->soft, 0, (size_t)t->feed.batch * t->classes * sizeof(float));
    for (size_t i = 0; i < (size_t)t->feed.batch; i++)
        t->soft[i * t->classes + (size_t)t->feed.label[i]] = 1;
}

static nw_status pass(nw_trainer *t, nw_mode mode, double *loss)
{
    nw_pass p = {.mode = mode, .progress = floor(nw_trainer_epoch(t)) / t->epochs};
    nw_batch batch = {.x = t->feed.x, .label = t->feed.label};

    p.seed = nw_subseed(t->seed, NW_FOR_DROPOUT, (uint64_t)t->step);
    if (t->soft)
        one_hot(t);
    batch.soft = t->soft;
    NW_TRY(nw_plan_forward(t->plan, &batch, &p, loss));
    nw_optimizer_zero(&t->opt);
    memset(t->net->dmix, 0, (size_t)t->net->graph->space->n_weight * sizeof(double));
    return nw_plan_backward(t->plan, 1);
}

nw_status nw_trainer_grad(nw_trainer *t, nw_mode mode, double *loss)
{
    nw_feed_load(&t->feed, t->step);
    return pass(t, mode, loss);
}

nw_status nw_trainer_step(nw_trainer *t)
{
    double start = nw_now(), loss, norm = 0;

    NW_TRY(nw_trainer_grad(t, NW_TRAIN, &loss));
    if (!isfinite(loss))
        return nw_fail(t->ctx, NW_EDIVERGED, "the loss is %g at step %ld (lr %g)", loss,
                       t->step + 1, nw_trainer_lr(t));
    t->right +=
        nw_count_right(t->net, nw_plan_logits(t->plan), t->feed.label, t->feed.batch, 1);
    t->loss += loss;
    t->last_loss = loss;
    nw_optimizer_step(&t->opt, nw_trainer_lr(t), &norm);
    if (!isfinite(norm))
        return nw_fail(t->ctx, NW_EDIVERGED,
                       "the gradient is not finite at step %ld (lr %g)", t->step + 1,
                       nw_trainer_lr(t));
    t->step++;
    t->seconds += nw_now() - start;
    return t->step % t->feed.per_epoch ? NW_OK : NW_DONE;
}

void nw_trainer_report(nw_trainer *t, nw_epoch *out)
{
    double batches = (double)t->feed.per_epoch;

    out->epoch = (int)(t->step / t->feed.per_epoch);
    out->lr = nw_recipe_lr(t->recipe, (double)(t->step - 1) / batches, t->epochs);
    out->train_loss = t->loss / batches;
    out->train_accuracy = t->right / batches / t->feed.batch;
    out->valid_loss = out->valid_accuracy = NAN;
    out->seconds = t->seconds;
    t->loss = t->right = t->seconds = 0;
}

nw_status nw_net_state(nw_net *net, nw_state *state)
{
    NW_TRY(state->bytes(state, net->param, net->graph->n_trainable * net->real_size));
    return state->bytes(state, net->buffer, net->graph->n_buffer * net->real_size);
}

nw_status nw_trainer_state(nw_trainer *t, nw_state *state)
{
    NW_TRY(state->bytes(state, &t->step, sizeof(t->step)));
    NW_TRY(state->bytes(state, &t->loss, sizeof(t->loss)));
    NW_TRY(state->bytes(state, &t->right, sizeof(t->right)));
    NW_TRY(state->bytes(state, &t->seconds, sizeof(t->seconds)));
    NW_TRY(state->bytes(state, &t->last_loss, sizeof(t->last_loss)));
    NW_TRY(nw_net_state(t->net, state));
    return nw_optimizer_state(&t->opt, state);
}
