/*
 * bench_step NET STEPS [THREADS [BATCH]] - seconds of one training step; prints one JSON
 * line. With BATCH, NET may be the spec of any network: scaling.py sweeps so.
 *
 * NET as in peer_torch.py, which does the same steps in PyTorch; compare.py runs both in
 * turn. Data are random: only time and memory are looked at.
 *
 * After the steps that are timed comes one more, behind a line "counted step" (so that a
 * log of oneDNN can be cut there), of which is counted
 *
 *     layers_on_reference  convolutions a pass of which runs on a reference or portable
 *                          implementation: any is an error, which names the layers
 *     reordered, turned    activations, and weights, brought to another layout
 *
 * and flop, what a step must compute: two for each multiply-accumulate, times the passes
 * of `passes_of`.
 */
#include "data.h"
#include "netwright_ext.h"
#include "random.h"
#include "spec.h"
#include "supernet.h"
#include "trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

extern const nw_estimator_type nw_estimator_supernet;

#define BEST                                                                             \
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|"   \
    "nor_conv_3x3~2|"

static const struct bench {
    const char *net, *spec;
    int batch, order; /* order of the arch gradient; 0 = no search */
} benches[] = {
    {"darts-supernet", "darts c=16 layers=8", 64, 1},
    {"darts-supernet-2nd", "darts c=16 layers=8", 64, 2},
    {"darts-v2", "darts-v2 c=36 layers=20 aux=1 drop=0.2", 96, 0},
    {"nb201-c16-n5", "nasbench201 c=16 n=5 arch=\"" BEST "\"", 256, 0},
    {"nb201-c8-n1", "nasbench201 c=8 n=1 arch=\"" BEST "\"", 128, 0},
    {"mobilenet", BENCH_DIR "/mobilenet.yaml", 128, 0},
};

/* In passes over all multiply-accumulates: forward 1, gradient of data 1, of weights 1.
 * No search: 3. First order: 3, and forward and data for the architecture. Second order:
 * weights, the look-ahead and validation 3 each, two differences of 2 each. */
static const int passes_of[] = {3, 5, 13};

enum { EPOCHS = 1000000 };

static nw_ctx *ctx;

static void must(nw_status status)
{
    if (status >= 0)
        return;
    fprintf(stderr, "bench_step: %s: %s\n", nw_strstatus(status), nw_errmsg(ctx));
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static nw_data *noise(int count)
{
    nw_data *data = nw_alloc(ctx, sizeof(*data));
    float *x = nw_alloc(ctx, (size_t)count * 3072 * sizeof(float));
    int32_t *label = nw_alloc(ctx, (size_t)count * sizeof(int32_t));

    must(data && x && label ? NW_OK : NW_ENOMEM);
    for (size_t i = 0; i < (size_t)count * 3072; i++)
        x[i] = (float)nw_normal(1, NW_FOR_TEST, i);
    for (int i = 0; i < count; i++)
        label[i] = (int32_t)nw_below(2, NW_FOR_TEST, (uint64_t)i, 10);
    data->ctx = ctx;
    data->whole = data;
    data->info = (nw_data_info){.shape = {3, 32, 32},
                                .classes = 10,
                                .count = (size_t)count,
                                .floats = x,
                                .scale = 1,
                                .labels = label};
    data->count = (size_t)count;
    return data;
}

static nw_status ignore(void *loop, const nw_epoch *epoch)
{
    (void)loop, (void)epoch;
    return NW_OK;
}

struct job {
    const struct bench *bench;
    void *supernet;
    nw_trainer trainer;
    nw_trial trial;
};

static void open_job(struct job *j, nw_space *space)
{
    static nw_recipe recipe;
    char spec[300];
    nw_data *data = noise(j->bench->batch);
    nw_env env = {.ctx = ctx,
                  .space = space,
                  .train = data,
                  .valid = data,
                  .seed = 1,
                  .on_epoch = ignore};

    if (j->bench->order) {
        snprintf(spec, sizeof(spec),
                 "supernet epochs=100000 batch=%d schedule=constant valid=0 order=%d "
                 "augment=normalise=none",
                 j->bench->batch, j->bench->order);
        j->supernet = nw_alloc(ctx, nw_estimator_supernet.size);
        must(nw_spec_parse(ctx, (const nw_head *)&nw_estimator_supernet, spec, NULL,
                           j->supernet));
        must(nw_estimator_supernet.open(j->supernet, &env));
        j->trial.arch = nw_arch_new(ctx, space);
        return;
    }
    recipe = (nw_recipe){.epochs = EPOCHS,
                         .batch = j->bench->batch,
                         .lr = .025,
                         .momentum = .9,
                         .wd = 3e-4,
                         .decay_norm = 1,
                         .clip = 5};
    strcpy(recipe.optimizer, "sgd");
    strcpy(recipe.schedule, "constant");
    strcpy(recipe.anneal, "epoch");
    strcpy(recipe.loss, "cross_entropy");
    strcpy(recipe.metric, "accuracy");
    strcpy(recipe.precision, "f32");
    strcpy(recipe.augment, "normalise=none");
    must(nw_trainer_init(&j->trainer, nw_net_new(ctx, space, NULL, 1, NW_F32), &recipe,
                         data, EPOCHS, 1));
    j->trainer.step = EPOCHS / 2; /* where drop path is half of what it becomes */
}

static void step(struct job *j)
{
    if (!j->supernet) {
        must(nw_trainer_step(&j->trainer));
        return;
    }
    j->trial.want = NW_WANT_GRAD;
    must(nw_estimator_supernet.work(j->supernet, &j->trial));
    j->trial.want = NW_WANT_UPDATE;
    must(nw_estimator_supernet.work(j->supernet, &j->trial));
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Seconds of one step of several: the median, and the least. */
struct seconds {
    double median, least;
};

static struct seconds measure(struct job *j, int steps)
{
    double *s = calloc((size_t)steps + 1, sizeof(double));
    struct seconds out;

    must(s ? NW_OK : NW_ENOMEM);
    for (int i = 0; i <= steps; i++) {
        double start = now();

        step(j);
        s[i] = now() - start;
    }
    qsort(s + 1, (size_t)steps, sizeof(double), by_size); /* the first warms up */
    out = (struct seconds){(s[(steps + 1) / 2] + s[steps / 2 + 1]) / 2, s[1]};
    free(s);
    return out;
}

static nw_net *net_of(const struct job *j)
{
    return j->supernet ? nw_supernet_net(j->supernet) : j->trainer.net;
}

struct audit {
    long reference, reordered, turned;
};

static int is_reference(const char *way)
{
    return way && (!strncmp(way, "ref", 3) || !strcmp(way, "portable"));
}

static void audit_turn(const nw_turn_time *t, long passes, struct audit *a)
{
    const nw_how *h = t->how;

    a->reordered += passes * h->reordered;
    a->turned += passes * h->turned;
    if (!is_reference(h->forward) && !is_reference(h->data) && !is_reference(h->weights))
        return;
    a->reference++;
    fprintf(stderr, "bench_step: %s (%s) runs on a reference: forward %s, ", t->name,
            t->spec, h->forward);
    fprintf(stderr, "data %s, weights %s\n", h->data ? h->data : "-",
            h->weights ? h->weights : "-");
}

/* What one step runs on, over all plans of the net. */
static struct audit count_step(struct job *j)
{
    struct audit a = {0};
    int n;

    for (nw_plan *p = net_of(j)->newest; p; p = nw_plan_older(p))
        must(nw_plan_times(p, &n) ? NW_OK : NW_ENOMEM);
    printf("counted step\n");
    fflush(stdout);
    step(j);
    for (nw_plan *p = net_of(j)->newest; p; p = nw_plan_older(p)) {
        const nw_turn_time *t = nw_plan_times(p, &n);

        for (int i = 0; i < n; i++)
            audit_turn(&t[i], t[i].passes, &a);
    }
    return a;
}

static void print(struct job *j, const struct seconds *s, const struct audit *a)
{
    const struct bench *b = j->bench;
    struct rusage usage;
    nw_score cost = {0};
    double macs;

    must(nw_net_cost(net_of(j), &cost));
    getrusage(RUSAGE_SELF, &usage);
    macs = cost.macs + cost.aux_macs;
    printf("{\"net\": \"%s\", \"batch\": %d, \"params\": %.0f, \"macs\": %.0f, "
           "\"flop\": %.6g, \"seconds\": %.6f, \"least\": %.6f, \"peak_bytes\": %ld, "
           "\"layers_on_reference\": %ld, \"reordered\": %ld, \"turned\": %ld}\n",
           b->net, b->batch, cost.params + cost.aux_params, macs,
           2 * macs * b->batch * passes_of[b->order], s->median, s->least,
           usage.ru_maxrss * 1024L, a->reference, a->reordered, a->turned);
}

/* The row of NET, or with a batch of its own any spec. */
static const struct bench *find(int argc, char **argv)
{
    static struct bench any;

    for (size_t i = 0; argc > 2 && i < sizeof(benches) / sizeof(*benches); i++)
        if (!strcmp(benches[i].net, argv[1]))
            any = benches[i];
    if (argc > 4 && !any.net)
        any = (struct bench){argv[1], argv[1], 1, 0};
    if (argc > 4)
        any.batch = atoi(argv[4]);
    return any.net && any.batch > 0 && atoi(argv[2]) > 0 ? &any : NULL;
}

int main(int argc, char **argv)
{
    const int input[3] = {3, 32, 32};
    nw_config config = {.threads = argc > 3 ? atoi(argv[3]) : 2};
    struct job job = {.bench = find(argc, argv)};
    struct seconds seconds;
    struct audit audit;
    nw_space *space;

    if (!job.bench) {
        fprintf(stderr, "usage: bench_step NET STEPS [THREADS [BATCH]]\n");
        return 2;
    }
    ctx = nw_open(&config);
    space = nw_space_open(ctx, job.bench->spec, input, 10);
    must(nw_space_seal(space));
    open_job(&job, space);
    seconds = measure(&job, atoi(argv[2]));
    audit = count_step(&job);
    print(&job, &seconds, &audit);
    return audit.reference ? 1 : 0;
}
