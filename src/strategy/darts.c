/*
 * darts.c - differentiable architecture search.
 *
 * The idea [1]: let every choice compute all its options, mixed by softmax(alpha), and
 * let alpha follow the gradient of the validation loss while the weights follow that of
 * the training loss, turn by turn: alpha first, then w, in every step. In the end each
 * choice takes its strongest option; where a rule keeps k of some choices (a DARTS node
 * keeps two of its incoming edges), the k choices whose strongest option but `none` is
 * largest.
 *
 * alpha   one number an option of every choice, choice after choice; start init * N(0, 1)
 * p       softmax(alpha) of a choice: the weights of the proposed arch
 * dalpha  p_i (g_i - sum_j p_j g_j), g = d loss / d p as the estimator reports it
 * Adam    lr 3e-4, betas .5 and .999, L2 decay 1e-3 added to the gradient
 *
 * Whether the gradient looks through one step of the weights (eq. 7) is an option of the
 * estimator (order=2): the strategy sees numbers, never the network. alpha is shared by
 * all choices of one name, which is how the cells of a type share it; gradients of the
 * sharers add up in the estimator.
 *
 * Beyond the paper, off unless asked for: warmup (weights alone for some epochs), and the
 * stopping rule of DARTS+ [2] (two skip connections in the normal cell). A collapse to
 * skip connections is common enough that it is reported as a warning.
 *
 * [1] H. Liu, K. Simonyan, Y. Yang, DARTS: Differentiable Architecture Search, ICLR 2019,
 *     arXiv:1806.09055.
 * [2] H. Liang et al., DARTS+: Improved DARTS with Early Stopping, arXiv:1909.06035.
 */
#include "ctx.h"
#include "netwright_ext.h"
#include "random.h"

#include <math.h>
#include <string.h>

struct darts {
    double lr, wd, beta1, beta2, eps, init;
    int warmup, stop_skips, alarm_skips;
    nw_env env;
    nw_arch *derived; /* room for what would be derived now */
    double *alpha, *mean, *var;
    size_t n;
    int64_t step;
    double epoch;   /* of the estimator, as last heard                 */
    int32_t update; /* the next proposal is a step of the weights      */
    int32_t finished, alarmed;
};

static const nw_attr darts_attrs[] = {
    {"lr", NW_REAL, offsetof(struct darts, lr), "3e-4", 0, 10, "step of alpha", NULL},
    {"wd", NW_REAL, offsetof(struct darts, wd), "1e-3", 0, 10, "L2 decay of alpha", NULL},
    {"beta1", NW_REAL, offsetof(struct darts, beta1), "0.5", 0, 1, "Adam, mean", NULL},
    {"beta2", NW_REAL, offsetof(struct darts, beta2), "0.999", 0, 1, "Adam, variance",
     NULL},
    {"eps", NW_REAL, offsetof(struct darts, eps), "1e-8", 0, 1, "Adam, epsilon", NULL},
    {"init", NW_REAL, offsetof(struct darts, init), "1e-3", 0, 10,
     "standard deviation of the first alpha", NULL},
    {"warmup", NW_INT, offsetof(struct darts, warmup), "0", 0, 100000,
     "first epochs in which only weights learn", NULL},
    {"stop_skips", NW_INT, offsetof(struct darts, stop_skips), "0", 0, 100,
     "stop when the normal cell has so many skip_connect (DARTS+: 2); 0 = never", NULL},
    {"alarm_skips", NW_INT, offsetof(struct darts, alarm_skips), "5", 0, 100,
     "warn when it has so many; 0 = never", NULL},
    {0},
};

static nw_status darts_open(void *self, const nw_env *env)
{
    struct darts *d = self;

    d->env = *env;
    for (int c = 0; c < nw_space_choices(env->space); c++)
        d->n += (size_t)nw_space_options(env->space, c);
    if (!d->n)
        return nw_fail(env->ctx, NW_EMATCH, "darts: the space has no choices");
    d->alpha = nw_alloc(env->ctx, 3 * d->n * sizeof(double));
    d->derived = nw_arch_new(env->ctx, env->space);
    if (!d->alpha || !d->derived)
        return NW_ENOMEM;
    d->mean = d->alpha + d->n;
    d->var = d->mean + d->n;
    for (size_t i = 0; i < d->n; i++)
        d->alpha[i] = d->init * nw_normal(env->seed, NW_FOR_STRATEGY, i);
    return NW_OK;
}

static void softmax(const double *a, double *p, int n)
{
    double top = a[0], sum = 0;

    for (int i = 1; i < n; i++)
        top = fmax(top, a[i]);
    for (int i = 0; i < n; i++)
        sum += p[i] = exp(a[i] - top);
    for (int i = 0; i < n; i++)
        p[i] /= sum;
}

static void mixture(const struct darts *d, nw_arch *arch)
{
    const double *a = d->alpha;

    for (int c = 0; c < nw_space_choices(d->env.space); c++) {
        int n = nw_space_options(d->env.space, c);
        int offered = nw_space_offered(d->env.space, c);
        double *p = nw_arch_weights(arch, c);

        softmax(a, p, offered);
        for (int i = offered; i < n; i++)
            p[i] = 0;
        a += n;
    }
}

static nw_status darts_propose(void *self, nw_trial *trial)
{
    struct darts *d = self;

    if (d->finished)
        return NW_DONE;
    mixture(d, trial->arch);
    trial->want = d->update || d->epoch < d->warmup ? NW_WANT_UPDATE : NW_WANT_GRAD;
    return NW_OK;
}

/* PyTorch's Adam on one number. */
static void adam(struct darts *d, size_t i, double g)
{
    double t = (double)d->step;

    g += d->wd * d->alpha[i];
    d->mean[i] = d->beta1 * d->mean[i] + (1 - d->beta1) * g;
    d->var[i] = d->beta2 * d->var[i] + (1 - d->beta2) * g * g;
    d->alpha[i] -= d->lr / (1 - pow(d->beta1, t)) * d->mean[i] /
                   (sqrt(d->var[i]) / sqrt(1 - pow(d->beta2, t)) + d->eps);
}

static void descend(struct darts *d, const nw_trial *trial)
{
    size_t first = 0;

    d->step++;
    for (int c = 0; c < nw_space_choices(d->env.space); c++) {
        size_t n = (size_t)nw_space_options(d->env.space, c);
        const double *p = nw_arch_weights(trial->arch, c), *quality = trial->grad + first;
        double mean = 0;

        for (size_t i = 0; i < n; i++)
            mean -= p[i] * quality[i];
        for (size_t i = 0; i < n; i++)
            adam(d, first + i, p[i] * (-quality[i] - mean));
        first += n;
    }
}

static nw_status darts_best(void *self, nw_arch *arch)
{
    mixture(self, arch);
    return nw_arch_harden(arch);
}

/* Choices of the derived arch, named "normal...", that take skip_connect. */
static int count_skips(struct darts *d)
{
    const nw_space *space = d->env.space;
    int n = 0;

    for (int c = 0; c < nw_space_choices(space); c++) {
        const char *name = nw_space_choice_name(space, c);
        int option = nw_arch_get(d->derived, name);

        n += !strncmp(name, "normal", 6) &&
             !strcmp(nw_space_option_name(space, c, option), "skip_connect");
    }
    return n;
}

/* Mean over choices, in nats. */
static double entropy(const struct darts *d)
{
    double sum = 0;
    int choices = nw_space_choices(d->env.space);

    mixture(d, d->derived);
    for (int c = 0; c < choices; c++)
        for (int i = 0; i < nw_space_options(d->env.space, c); i++) {
            double p = nw_arch_weights(d->derived, c)[i];

            sum -= p > 0 ? p * log(p) : 0;
        }
    return sum / choices;
}

static nw_status watch(struct darts *d, int epoch)
{
    int skips;

    NW_TRY(d->env.on_value(d->env.loop, epoch, "entropy", entropy(d)));
    NW_TRY(darts_best(d, d->derived));
    skips = count_skips(d);
    NW_TRY(d->env.on_value(d->env.loop, epoch, "skips_normal", skips));
    if (d->stop_skips && skips >= d->stop_skips)
        d->finished = 1;
    if (!d->alarm_skips || skips < d->alarm_skips || d->alarmed++)
        return NW_OK;
    return d->env.on_note(d->env.loop,
                          "darts: the normal cell has collapsed to skip connections; try "
                          "fewer epochs, warmup= or stop_skips=2");
}

static nw_status darts_observe(void *self, const nw_trial *trial)
{
    struct darts *d = self;
    double before = d->epoch;

    if (trial->status < 0)
        return NW_OK; /* a failed trial teaches nothing */
    d->epoch = trial->epoch;
    if (trial->grad)
        descend(d, trial);
    d->update = trial->want == NW_WANT_GRAD;
    return floor(d->epoch) > floor(before) ? watch(d, (int)d->epoch) : NW_OK;
}

static nw_status darts_state(void *self, nw_state *state)
{
    struct darts *d = self;

    NW_TRY(state->bytes(state, d->alpha, 3 * d->n * sizeof(double)));
    NW_TRY(state->bytes(state, &d->step, sizeof(d->step)));
    NW_TRY(state->bytes(state, &d->epoch, sizeof(d->epoch)));
    NW_TRY(state->bytes(state, &d->update, sizeof(d->update)));
    NW_TRY(state->bytes(state, &d->finished, sizeof(d->finished)));
    return state->bytes(state, &d->alarmed, sizeof(d->alarmed));
}

static void darts_close(void *self)
{
    struct darts *d = self;

    nw_arch_free(d->derived);
    nw_release(d->env.ctx, d->alpha);
}

const nw_strategy_type nw_strategy_darts = {
    .name = "darts",
    .doc = "climb the gradient of a softmax mixture of all options",
    .paper = "Liu, Simonyan & Yang 2019, arXiv:1806.09055",
    .attrs = darts_attrs,
    .size = sizeof(struct darts),
    .needs = NW_GRADIENT,
    .open = darts_open,
    .propose = darts_propose,
    .observe = darts_observe,
    .best = darts_best,
    .state = darts_state,
    .close = darts_close,
};
