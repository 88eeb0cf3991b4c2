/* test_dpp_net_search.c - DPP-Net: which candidates are trained, and that a front is
 * found on a table. */
#include "progressive_test.h"

#include "front.h"
#include "loop.h"

#include <unistd.h>

#define MACRO "../shared/data/nasbench-macro/nas-bench-macro_cifar10.json"

/* ---- Made-up qualities and costs
 * --------------------------------------------------------- */

/* On dpp-net and nasbench-macro: what is dear is good. */
static double price(const nw_arch *arch)
{
    const nw_space *space = arch->space;
    const int layers = nw_arch_get(arch, "layers"), first = layers >= 0;
    const int end = first ? 1 + 2 * (layers + 1) : nw_space_choices(space);
    double sum = 0;

    for (int c = first; c < end; c++) {
        const char *name = nw_space_option_name(space, c, nw_arch_option(arch, c));

        sum += strstr(name, "3x3")   ? 3
               : strstr(name, "5x5") ? 7
               : strstr(name, "bn")  ? .5
               : strstr(name, "1x1") ? 1
                                     : 0;
    }
    return sum;
}

static double quality(const nw_arch *arch)
{
    const double p = price(arch);

    return p / (10 + p) + .01 * nw_arch_option(arch, 1);
}

static double planted(struct drive *d)
{
    return quality(d->trial.arch);
}

static double sometimes(struct drive *d)
{
    return d->trial.id % 4 ? planted(d) : NAN;
}

static nw_status cost(void *loop, const nw_arch *arch, nw_score *out)
{
    (void)loop;
    *out = nw_no_score();
    out->params = 100 + price(arch);
    out->macs = 1000 * price(arch);
    return NW_OK;
}

/* ---- Which are trained
 * -------------------------------------------------------------------- */

enum { MOST = 1000 };

/* Losses of the candidates of a stage that are new, and their classes. */
struct seen {
    struct drive *d;
    int stage;
    size_t n;
    double loss[3 * MOST];
    uint64_t class[MOST];
};

static void remember(void *user, nw_progressive *p, const nw_candidates *c)
{
    struct seen *s = user;

    look(s->d, p, c);
    s->n = 0;
    for (size_t i = 0; i < c->n; i++) {
        uint64_t class;
        size_t known = 0;

        assert_true(nw_candidate_arch(p, c, i, &class));
        while (known < s->n && s->class[known] != class)
            known++;
        if (known < s->n)
            continue;
        assert_true(s->n < MOST);
        s->loss[3 * s->n] = -c->guess[i];
        s->loss[3 * s->n + 1] = 100 + price(p->arch);
        s->loss[3 * s->n + 2] = 1000 * price(p->arch);
        s->class[s->n++] = class;
    }
}

/* The next k trials are the k best of what was seen, in that order. */
static void check_stage(struct drive *d, struct seen *s, int k)
{
    size_t kept[MOST];

    for (int i = 0; i < k; i++) {
        assert_int_equal(drive_propose(d), NW_OK);
        if (!i)
            check_ok(d->ctx,
                     nw_front_select(d->ctx, &(nw_points){s->loss, s->n, 3}, MOST, kept));
        assert_true(nw_arch_class(d->trial.arch) == s->class[kept[i]]);
        drive_observe(d);
    }
}

/* 24 layers, of which four are the same network as others; each can grow by 24. */
static void test_dpp_net_search__trains_the_best_fronts(void **state)
{
    static struct seen seen;
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted, .env = {.cost = cost}};

    (void)state;
    drive_open(&d, ctx, "dpp-net progressive=1", "dpp-net k=30 " SMALL);
    seen.d = &d;
    d.p->watch = remember;
    d.p->user = &seen;
    assert_int_equal(d.p->blocks.n, 3);
    assert_int_equal(d.p->blocks.per, 2);
    assert_int_equal(drive(&d, 20, NULL), 20);
    check_stage(&d, &seen, 30);
    assert_int_equal(seen.n, 20 * 20);
    check_stage(&d, &seen, 30);
    assert_int_equal(drive_propose(&d), NW_DONE);
    assert_int_equal(d.candidates[0], 24);
    assert_int_equal(d.candidates[1], 20 * 24);
    assert_int_equal(d.candidates[2], 30 * 24);
    nw_close(ctx);
}

/* Of a chain: identities make candidates that are earlier trials. Rounds add k each. */
static void test_dpp_net_search__trains_each_network_once(void **state)
{
    uint64_t class[200];
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted, .env = {.cost = cost}};

    (void)state;
    drive_open(&d, ctx, "nasbench-macro", "dpp-net first=2 k=10 rounds=3 " SMALL);
    assert_int_equal(drive(&d, 200, class), 9 + 6 * 10 + 3 * 10);
    check_distinct(class, 9 + 9 * 10);
    nw_close(ctx);
}

/* One parent has few neighbours; when they are all known, others become parents. */
static void test_dpp_net_search__rounds_look_further(void **state)
{
    static uint64_t class[200];
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct drive d = {.score = planted, .env = {.cost = cost}};

    (void)state;
    drive_open(&d, ctx, "nasbench-macro",
               "dpp-net first=2 k=1 rounds=100 surrogate=mlp members=1 embedding=4 "
               "hidden=4 epochs=1");
    d.p->watch = NULL; /* many looks, none to remember */
    assert_int_equal(drive(&d, 200, class), 9 + 6 + 100);
    check_distinct(class, 115);
    nw_close(ctx);
}

static void test_dpp_net_search__goes_on_where_it_was(void **state)
{
    const nw_env env = {.seed = 4, .cost = cost};

    (void)state;
    check_resume("nasbench-macro", "dpp-net first=2 k=6 rounds=2 " SMALL, 12, planted,
                 env);
    check_resume("nasbench-macro", "dpp-net first=2 k=6 rounds=2 surrogate=mlp " SMALL,
                 47, sometimes, env);
}

/* ---- Objectives
 * ----------------------------------------------------------------------------- */

static nw_status try_objectives(nw_ctx *ctx, const char *spec,
                                const nw_measure *const *objective)
{
    struct drive d = {
        .ctx = ctx,
        .space = nw_space_open(ctx, "nasbench-macro", (const int[]){3, 32, 32}, 10),
        .env = {.cost = cost, .objective = objective}};
    const nw_status status = drive_try(&d, spec);

    d.type->close(d.p);
    return status;
}

static const nw_measure *named(const char *name)
{
    return nw_measure_find(name, strlen(name));
}

static void test_dpp_net_search__objectives(void **state)
{
    const nw_measure *const one[] = {named("accuracy"), NULL};
    const nw_measure *const two[] = {named("accuracy"), named("params"), NULL};
    const nw_measure *const late[] = {named("accuracy"), named("top5"), NULL};
    const nw_measure *const absent[] = {named("accuracy"), named("latency_ms"), NULL};
    const struct {
        const char *spec;
        const nw_measure *const *objective;
        nw_status status;
        const char *words;
    } rows[] = {
        {"dpp-net", NULL, NW_OK, ""},
        {"dpp-net", one, NW_OK, ""},
        {"dpp-net", two, NW_OK, ""},
        {"dpp-net objectives=macs", one, NW_OK, ""},
        {"dpp-net objectives=macs,size", one, NW_ESPEC, "there is no \"size\""},
        {"dpp-net objectives=loss", one, NW_EMATCH, "loss is not known before"},
        {"dpp-net", late, NW_EMATCH, "top5 is not known before"},
        {"dpp-net", absent, NW_EMATCH, "nothing says the latency_ms"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});

        assert_int_equal(try_objectives(ctx, rows[i].spec, rows[i].objective),
                         rows[i].status);
        if (rows[i].status < 0 && !strstr(nw_errmsg(ctx), rows[i].words))
            fail_msg("%s: %s", rows[i].spec, nw_errmsg(ctx));
        nw_close(ctx);
    }
}

/* ---- On a table
 * -------------------------------------------------------------------------------
 */

/* Errors and MACs of trials. */
struct found {
    size_t n;
    double loss[2 * 200];
};

static int note(void *user, const nw_trial *trial)
{
    struct found *f = user;

    assert_true(f->n < 200);
    f->loss[2 * f->n] = 1 - trial->score.accuracy;
    f->loss[2 * f->n++ + 1] = trial->score.macs;
    return 0;
}

/* What trials dominate of the box below 10 % error and 100 million MACs, as a share. */
static double volume_of(const char *spec, uint64_t seed)
{
    static const double reference[] = {.1, 100e6};
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    struct found found = {0};
    double volume;
    const nw_search_config config = {.strategy = spec,
                                     .estimator = "table file=" MACRO,
                                     .objective = "accuracy, macs",
                                     .seed = seed,
                                     .max_trials = 57,
                                     .on_trial = note,
                                     .user = &found};
    nw_space *space = nw_space_open(ctx, "nasbench-macro", (const int[]){3, 32, 32}, 10);

    check_ok(ctx, nw_search(space, &config, NULL, NULL, NULL));
    assert_int_equal(found.n, 57);
    check_ok(ctx, nw_front_volume(ctx, &(nw_points){found.loss, found.n, 2}, reference,
                                  &volume));
    nw_close(ctx);
    return volume / reference[0] / reference[1];
}

/* 9 + 6 x 8 trials against as many at random; bench_progressive.c has more. */
static void test_dpp_net_search__finds_a_better_front_than_chance(void **state)
{
    enum { SEEDS = 3 };
    double grown = 0, drawn = 0;

    (void)state;
    if (access(MACRO, R_OK)) {
        print_message("skipped: no " MACRO "\n");
        skip();
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        grown += volume_of("dpp-net first=2 k=8 surrogate=mlp", seed) / SEEDS;
        drawn += volume_of("random", seed) / SEEDS;
    }
    print_message("mean volume %.4f, at random %.4f\n", grown, drawn);
    assert_true(grown > 1.02 * drawn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dpp_net_search__trains_the_best_fronts),
        cmocka_unit_test(test_dpp_net_search__trains_each_network_once),
        cmocka_unit_test(test_dpp_net_search__rounds_look_further),
        cmocka_unit_test(test_dpp_net_search__goes_on_where_it_was),
        cmocka_unit_test(test_dpp_net_search__objectives),
        cmocka_unit_test(test_dpp_net_search__finds_a_better_front_than_chance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
