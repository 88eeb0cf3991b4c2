/* agent.c - see agent.h. */
#include "agent.h"

#include "random.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_DRAWS = 1000 };

/* ---- Making one ------------------------------------------------------------------- */

static nw_status make_arrays(nw_agent *a)
{
    const size_t n = (size_t)a->code->n, m = (size_t)a->config.batch;

    a->x = nw_alloc(a->env.ctx, m * n * sizeof(*a->x));
    a->one = nw_alloc(a->env.ctx, n * sizeof(*a->one));
    a->advantage = nw_alloc(a->env.ctx, m * sizeof(*a->advantage));
    a->log_old = nw_alloc(a->env.ctx, m * sizeof(*a->log_old));
    return a->x && a->one && a->advantage && a->log_old ? NW_OK : NW_ENOMEM;
}

nw_status nw_agent_init(nw_agent *a, const nw_env *env, const nw_agent_config *config)
{
    *a = (nw_agent){.env = *env, .config = *config};
    a->baseline.decay = config->decay;
    a->code = nw_code_new(env->ctx, env->space);
    if (!a->code)
        return nw_pending(env->ctx);
    if (!a->code->n)
        return nw_fail(env->ctx, NW_EMATCH, "%s: the space has no choices", config->name);
    return make_arrays(a);
}

nw_status nw_agent_start(nw_agent *a, nw_controller_config *config)
{
    config->n = a->code->n;
    config->options = a->code->options;
    config->learner.seed = nw_subseed(a->env.seed, NW_FOR_STRATEGY, 0);
    a->controller = nw_controller_open(a->env.ctx, config);
    return a->controller ? NW_OK : nw_pending(a->env.ctx);
}

void nw_agent_clear(nw_agent *a)
{
    if (!a->env.ctx)
        return;
    nw_controller_close(a->controller);
    nw_code_free(a->code);
    nw_release(a->env.ctx, a->x);
    nw_release(a->env.ctx, a->one);
    nw_release(a->env.ctx, a->advantage);
    nw_release(a->env.ctx, a->log_old);
    nw_release(a->env.ctx, a->ahead);
    *a = (nw_agent){0};
}

/* 1 = equal but for their digits. */
static int same_words(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (isdigit((unsigned char)*a))
            a++;
        while (isdigit((unsigned char)*b))
            b++;
        if (*a != *b || !*a)
            return *a == *b;
    }
}

void nw_agent_kinds(const nw_code *code, int *head)
{
    int kinds = 0;

    for (int i = 0; i < code->n; i++) {
        head[i] = -1;
        for (int j = 0; head[i] < 0 && j < i; j++)
            if (code->options[i] == code->options[j] &&
                same_words(code->name[i], code->name[j]))
                head[i] = head[j];
        if (head[i] < 0)
            head[i] = kinds++;
    }
}

/* ---- Proposing ----------------------------------------------------------------------
 */

static nw_status note_once(nw_agent *a)
{
    char words[200];

    if (a->has_noted++ || !a->env.on_note)
        return NW_OK;
    snprintf(words, sizeof(words),
             "%s: none of %d draws was a legal architecture within the limits; random "
             "ones take their place",
             a->config.name, MOST_DRAWS);
    return a->env.on_note(a->env.loop, words);
}

static int draw_fits(const nw_agent *a, nw_arch *arch)
{
    return nw_code_write(a->code, a->one, arch) && nw_env_allows(&a->env, arch);
}

static nw_status draw(nw_agent *a, nw_trial *trial)
{
    for (uint64_t i = 0; i < MOST_DRAWS; i++) {
        NW_TRY(nw_controller_draw(a->controller,
                                  nw_subseed(trial->seed, NW_FOR_STRATEGY, i), a->one));
        if (draw_fits(a, trial->arch))
            return NW_OK;
    }
    NW_TRY(note_once(a));
    NW_TRY(nw_env_draw(&a->env, trial->arch, trial->seed));
    nw_code_read(a->code, trial->arch, a->one);
    return NW_OK;
}

nw_status nw_agent_propose(nw_agent *a, nw_trial *trial)
{
    NW_TRY(draw(a, trial));
    NW_TRY(nw_grow(a->env.ctx, &a->ahead, a->n_ahead, &a->room_ahead, sizeof(*a->ahead)));
    NW_TRY(nw_controller_log(a->controller, a->one, &a->ahead[a->n_ahead], NULL));
    a->n_ahead++;
    return NW_OK;
}

/* ---- Learning ------------------------------------------------------------------------
 */

static double reward_of(nw_agent *a, const nw_trial *trial)
{
    const double q = trial->score.quality;
    double reward;

    if (trial->status < 0 || isnan(q))
        return a->least;
    reward = copysign(pow(fabs(q), a->config.power), q);
    a->least = fmin(a->least, reward);
    return reward;
}

static nw_status learn(nw_agent *a)
{
    const nw_lesson lesson = {.m = a->filled,
                              .x = a->x,
                              .advantage = a->advantage,
                              .log_old = a->log_old,
                              .clip = a->config.clip,
                              .entropy = a->config.entropy};

    a->filled = 0;
    for (int e = 0; e < a->config.epochs; e++) {
        NW_TRY(nw_controller_study(a->controller, &lesson, NULL));
        NW_TRY(nw_learner_step(nw_controller_learner(a->controller), NULL));
    }
    return NW_OK;
}

static void forget_first(nw_agent *a)
{
    a->n_ahead--;
    memmove(a->ahead, a->ahead + 1, (size_t)a->n_ahead * sizeof(*a->ahead));
}

nw_status nw_agent_observe(nw_agent *a, const nw_trial *trial)
{
    const int i = a->filled++;

    if (!a->n_ahead)
        return nw_fail(a->env.ctx, NW_EINVAL, "%s: trial %llu was not proposed",
                       a->config.name, (unsigned long long)trial->id);
    nw_code_read(a->code, trial->arch, a->x + (size_t)i * (size_t)a->code->n);
    a->log_old[i] = a->ahead[0];
    a->advantage[i] = nw_baseline_advantage(&a->baseline, reward_of(a, trial));
    forget_first(a);
    return a->filled == a->config.batch ? learn(a) : NW_OK;
}

/* ---- State ---------------------------------------------------------------------------
 */

static nw_status ahead_state(nw_agent *a, nw_state *state)
{
    NW_TRY(state->bytes(state, &a->n_ahead, sizeof(a->n_ahead)));
    if (a->n_ahead < 0)
        return nw_fail(a->env.ctx, NW_EFORMAT, "stored state: %d proposals under way",
                       a->n_ahead);
    if (state->reading) {
        nw_release(a->env.ctx, a->ahead);
        a->room_ahead = a->n_ahead;
        a->ahead = nw_alloc(a->env.ctx, ((size_t)a->n_ahead + 1) * sizeof(*a->ahead));
        if (!a->ahead)
            return NW_ENOMEM;
    }
    return state->bytes(state, a->ahead, (size_t)a->n_ahead * sizeof(*a->ahead));
}

nw_status nw_agent_state(nw_agent *a, nw_state *state)
{
    const size_t n = (size_t)a->code->n, m = (size_t)a->config.batch;

    NW_TRY(ahead_state(a, state));
    NW_TRY(state->bytes(state, &a->filled, sizeof(a->filled)));
    NW_TRY(state->bytes(state, a->x, m * n * sizeof(*a->x)));
    NW_TRY(state->bytes(state, a->advantage, m * sizeof(*a->advantage)));
    NW_TRY(state->bytes(state, a->log_old, m * sizeof(*a->log_old)));
    NW_TRY(state->bytes(state, &a->baseline.value, sizeof(a->baseline.value)));
    NW_TRY(state->bytes(state, &a->baseline.seen, sizeof(a->baseline.seen)));
    NW_TRY(state->bytes(state, &a->least, sizeof(a->least)));
    NW_TRY(state->bytes(state, &a->has_noted, sizeof(a->has_noted)));
    return nw_learner_state(nw_controller_learner(a->controller), state);
}
