/*
 * bench_data [STEPS] - the share of training that waits for data, beside what it is when
 * every batch is made where it is wanted.
 *
 * Both ways train the same net in turn, on 1 and on 2 threads; the least time of ROUNDS
 * rounds counts. cifar-like: noise as bytes, cropped, mirrored, cut out; fashion_mnist:
 * the real images, cropped and mirrored. Nets are small, so that data weighs much: a
 * cell of NAS-Bench-201 with 8 channels, and one convolution, which is the worst case.
 */
#include "data.h"
#include "netwright_ext.h"
#include "random.h"
#include "spec.h"
#include "trainer.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3, COUNT = 20000 };

extern const nw_estimator_type nw_estimator_train;

static const struct setting {
    const char *name, *space, *augment;
    int channels, side, batch;
} settings[] = {
    {"cifar-like", "nasbench201 c=8 n=1", "crop=4 flip=1 cutout=16", 3, 32, 128},
    {"cifar-like", NULL, "crop=4 flip=1 cutout=16", 3, 32, 128},
    {"fashion-mnist", "nasbench201 c=8 n=1", "crop=2 flip=1", 1, 28, 128},
    {"fashion-mnist", NULL, "crop=2 flip=1", 1, 28, 128},
};

static nw_ctx *ctx;

static void must(int ok)
{
    if (ok)
        return;
    fprintf(stderr, "bench_data: %s\n", nw_errmsg(ctx));
    exit(1);
}

static nw_data *noise(void)
{
    nw_data *data = nw_alloc(ctx, sizeof(*data));
    uint8_t *x = nw_map(ctx, (size_t)COUNT * 3072);
    int32_t *label = nw_alloc(ctx, COUNT * sizeof(int32_t));

    must(data && x && label);
    for (size_t i = 0; i < (size_t)COUNT * 3072 / 8; i++)
        ((uint64_t *)(void *)x)[i] = i * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < COUNT; i++)
        label[i] = (int32_t)nw_below(2, NW_FOR_TEST, (uint64_t)i, 10);
    data->ctx = ctx;
    data->whole = data;
    data->info = (nw_data_info){.shape = {3, 32, 32},
                                .classes = 10,
                                .count = COUNT,
                                .bytes = x,
                                .scale = 1. / 255,
                                .labels = label};
    data->count = COUNT;
    return data;
}

static nw_space *one_convolution(const struct setting *s)
{
    nw_space *space = nw_space_new(ctx);

    nw_output(space, nw_op(space, "conv2d out=8 | relu | globalpool | dense out=10",
                           nw_input(space, s->channels, s->side, s->side)));
    return space;
}

static void recipe_of(const struct setting *s, nw_recipe *out)
{
    char *self = nw_alloc(ctx, nw_estimator_train.size);
    char spec[300];

    snprintf(spec, sizeof(spec), "train batch=%d epochs=1000 augment=\"%s\"", s->batch,
             s->augment);
    must(self &&
         nw_spec_parse(ctx, (const nw_head *)&nw_estimator_train, spec, NULL, self) >= 0);
    memcpy(out, self, sizeof(*out)); /* it begins with the recipe */
}

struct way {
    nw_trainer trainer;
    double seconds, waited; /* of the quickest round */
};

static void time_round(struct way *w, int steps)
{
    const double waited = w->trainer.feed.waited, start = nw_now();
    double took;

    for (int i = 0; i < steps; i++)
        must(nw_trainer_step(&w->trainer) >= 0);
    took = nw_now() - start;
    if (w->seconds && took >= w->seconds)
        return;
    w->seconds = took;
    w->waited = w->trainer.feed.waited - waited;
}

static void print(const struct setting *s, int threads, const char *way,
                  const struct way *w, int steps)
{
    printf("%s,%s,%d,%s,%.3f,%.3f,%.2f\n", s->name,
           s->space ? s->space : "one convolution", threads, way,
           1e3 * w->seconds / steps, 1e3 * w->waited / steps,
           100 * w->waited / w->seconds);
}

static void run(const struct setting *s, int threads, int steps)
{
    const nw_config config = {.threads = threads};
    const int input[3] = {s->channels, s->side, s->side};
    struct way ahead = {0}, alone = {0};
    nw_space *space;
    nw_data *data;
    nw_arch *arch;
    nw_recipe recipe;

    ctx = nw_open(&config);
    space = s->space ? nw_space_open(ctx, s->space, input, 10) : one_convolution(s);
    data = s->channels == 3 ? noise() : nw_data_open(ctx, s->name);
    must(space && data && nw_space_seal(space) >= 0);
    arch = nw_arch_new(ctx, space);
    must(arch && nw_arch_random(arch, 2) >= 0);
    recipe_of(s, &recipe);
    must(nw_trainer_init(&ahead.trainer, nw_net_new(ctx, space, arch, 1, NW_F32), &recipe,
                         data, 1000, 1) >= 0);
    must(nw_trainer_init(&alone.trainer, nw_net_new(ctx, space, arch, 1, NW_F32), &recipe,
                         data, 1000, 1) >= 0);
    must(nw_feed_ahead(&ahead.trainer.feed, 1) >= 0);
    must(nw_feed_ahead(&alone.trainer.feed, 0) >= 0);
    for (int r = 0; r < ROUNDS; r++) {
        time_round(&ahead, steps);
        time_round(&alone, steps);
    }
    print(s, threads, "ahead", &ahead, steps);
    print(s, threads, "alone", &alone, steps);
    nw_trainer_clear(&ahead.trainer);
    nw_trainer_clear(&alone.trainer);
    nw_close(ctx);
}

int main(int argc, char **argv)
{
    const int steps = argc > 1 ? atoi(argv[1]) : 60;

    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("data,net,threads,batches,step_ms,wait_ms,wait_percent");
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
        for (int threads = 1; threads <= 2; threads++)
            run(&settings[i], threads, steps > 0 ? steps : 60);
    return 0;
}
