/*
 * test_store.c - a network that borrows its weights is the network that has them.
 *
 * Three ways to the same numbers: a net whose weights the store lends; the net of the
 * same arch, into which a few plain loops copy them; and the largest net of the space, in
 * which all weights are zero but those that the small one has, where they stand in the
 * large one. That is equivalent because a channel without weights is zero behind its norm
 * (of zero shift), its activation and its factors, sends no gradient, and a block without
 * weights adds nothing to its shortcut.
 */
#include "../check.h"

#include "family.h"
#include "optimizer.h"
#include "random.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 4, CLASSES = 4 };

/* So that the machine's other work costs no time: parts are small. */
static const nw_config one_thread = {.threads = 1};

static const int32_t labels[BATCH] = {0, 2, 1, 3};

struct setting {
    const char *space;
    int side;
    unsigned flags;
    int archs;
};

static const struct setting settings[] = {
    {"ofa width=0.25 classes=4", 33, 0, 2},
    {"ofa width=0.25 classes=4 act=mish", 36, NW_STORE_KERNELS, 2},
    {"attentivenas classes=4", 35, 0, 1},
    {"spos channels=1 classes=4 first=8 last=24 widths=20,30 layers=3,2 strides=2,2", 33,
     0, 6},
};

enum { SETTINGS = sizeof(settings) / sizeof(*settings) };

struct world {
    nw_ctx *ctx;
    nw_space *space;
    nw_arch *arch;
    nw_net *store;
    nw_precision precision;
    int side;
    float *x;
};

/* Number k of a stream within +-0.1: quick, for there are millions. */
static double noise(int stream, size_t k)
{
    const uint64_t x = ((uint64_t)stream << 32 | k) * 0x9e3779b97f4a7c15u;

    return .2 * ((double)(x >> 11) * 0x1p-53 - .5);
}

/* Weights and moments as after some training: no two alike, variances above 0. */
static void shake(nw_net *store)
{
    for (int i = 0; i < store->graph->n_param; i++) {
        const nw_gparam *p = &store->graph->param[i];
        void *w = nw_net_param(store, i);

        for (size_t k = 0; k < p->count; k++)
            nw_real_set(store, w, k,
                        nw_real_get(store, w, k) * (1 + noise(i, k)) + noise(i + 1, k));
    }
}

static void draw_images(struct world *w)
{
    const size_t n = (size_t)(BATCH * 3 * w->side * w->side);

    w->x = nw_alloc(w->ctx, n * sizeof(float));
    for (size_t i = 0; i < n; i++)
        w->x[i] = (float)nw_normal(3, NW_FOR_TEST, i);
}

static void begin(struct world *w, const struct setting *s, nw_precision precision)
{
    const int input[3] = {3, s->side, s->side};

    w->ctx = nw_open(&one_thread);
    w->precision = precision;
    w->side = s->side;
    w->space = nw_space_open(w->ctx, s->space, input, 0);
    w->arch = nw_arch_new(w->ctx, w->space);
    w->store = nw_store_new(w->ctx, w->space, 1, precision, s->flags);
    if (!w->store)
        fail_msg("%s: %s", s->space, nw_errmsg(w->ctx));
    shake(w->store);
    draw_images(w);
}

/* ---- By plain loops ----------------------------------------------------------- */

static int index_of(const nw_net *net, const char *name)
{
    for (int i = 0; i < net->graph->n_param; i++)
        if (!strcmp(net->graph->param[i].name, name))
            return i;
    return -1;
}

static double at(const nw_net *net, int param, size_t k)
{
    return nw_real_get(net, nw_net_param(net, param), k);
}

/* Number (o, c, y, x) of a parameter; those of fewer axes have 0 for the last. */
static size_t place(const nw_param *p, int o, int c, int y, int x)
{
    if (p->rank < 2)
        return (size_t)o;
    if (p->rank == 2)
        return (size_t)(o * p->dim[1] + c);
    return (size_t)(((o * p->dim[1] + c) * p->dim[2] + y) * p->dim[3] + x);
}

/* One kernel of k x k out of K x K, step by step, with the matrices that the store has.
 */
static void kernel_of(const nw_net *store, int s, int o, int c, int k, double *out)
{
    const nw_param *p = store->graph->param[s].param;
    double now[49], next[49];
    int n = p->dim[2];
    char base[300], name[340];

    snprintf(base, sizeof(base), "%s", store->graph->param[s].name);
    base[strlen(base) - strlen("weight")] = 0;
    for (int i = 0; i < n * n; i++)
        now[i] = at(store, s, place(p, o, c, i / n, i % n));
    for (; n > k; n -= 2) {
        const int m = (n - 2) * (n - 2);
        int matrix;

        snprintf(name, sizeof(name), "%s%dto%d_matrix", base, n, n - 2);
        matrix = index_of(store, name);
        for (int r = 0; r < m; r++) {
            next[r] = 0;
            for (int i = 0; i < m; i++)
                next[r] +=
                    (matrix < 0 ? r == i : at(store, matrix, (size_t)(r * m + i))) *
                    now[(i / (n - 2) + 1) * n + i % (n - 2) + 1];
        }
        memcpy(now, next, sizeof(now));
    }
    memcpy(out, now, (size_t)(k * k) * sizeof(double));
}

/* Visit every number of a parameter of the small net: its place there, that in the same
 * parameter of `large`, and its value by the store. */
typedef void (*visit)(void *user, int i, int l, size_t small, size_t large, double value);

static void each_number(const nw_net *store, const nw_net *net, int i,
                        const nw_net *large, visit see, void *user)
{
    const nw_param *p = net->graph->param[i].param;
    const int s = index_of(store, net->graph->param[i].name);
    const int l = index_of(large, net->graph->param[i].name);
    const nw_param *big = large->graph->param[l].param;
    const int inner = p->rank > 1 ? p->dim[1] : 1, k = p->rank == 4 ? p->dim[2] : 1;
    const int border = p->rank == 4 ? (big->dim[2] - k) / 2 : 0;
    double kernel[49];

    for (int o = 0; o < p->dim[0]; o++)
        for (int c = 0; c < inner; c++) {
            kernel[0] = at(store, s, place(store->graph->param[s].param, o, c, 0, 0));
            if (p->rank == 4 && big->dim[2] > 1)
                kernel_of(store, s, o, c, k, kernel);
            for (int e = 0; e < k * k; e++)
                see(user, i, l, place(p, o, c, e / k, e % k),
                    place(big, o, c, border + e / k, border + e % k), kernel[e]);
        }
}

static void set_number(void *user, int i, int l, size_t small, size_t large, double value)
{
    nw_net *net = user;

    (void)i;
    (void)small;
    nw_real_set(net, nw_net_param(net, l), large, value);
}

static void copy_weights(const nw_net *store, const nw_net *net, nw_net *to)
{
    for (int i = 0; i < net->graph->n_param; i++)
        each_number(store, net, i, to, set_number, to);
}

/* ---- Running and comparing ---------------------------------------------------- */

struct result {
    double logit[BATCH * CLASSES], loss;
};

static void run(const struct world *w, nw_net *net, nw_mode mode, struct result *out)
{
    const nw_plan_config config = {.batch = BATCH, .backward = 1};
    const nw_pass pass = {.mode = mode, .seed = 1};
    const nw_batch batch = {w->x, labels, NULL};
    nw_plan *plan = nw_net_plan(net, &config);

    assert_non_null(plan);
    check_ok(w->ctx, nw_plan_forward(plan, &batch, &pass, &out->loss));
    for (size_t i = 0; i < BATCH * CLASSES; i++)
        out->logit[i] = nw_real_get(net, nw_plan_logits(plan), i);
    memset(net->grad, 0, net->graph->n_trainable * net->real_size);
    if (mode != NW_EVAL)
        check_ok(w->ctx, nw_plan_backward(plan, 1));
}

static double norm(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

static void same_logits(const struct result *a, const struct result *b, double limit)
{
    double apart[BATCH * CLASSES];

    for (size_t i = 0; i < BATCH * CLASSES; i++)
        apart[i] = a->logit[i] - b->logit[i];
    assert_true(norm(a->logit, BATCH * CLASSES) > 1e-3);
    if (!(norm(apart, BATCH * CLASSES) <= limit * norm(a->logit, BATCH * CLASSES)))
        fail_msg("logits are %g of %g apart", norm(apart, BATCH * CLASSES),
                 norm(a->logit, BATCH * CLASSES));
    check_near(a->loss, b->loss, limit * (1 + fabs(a->loss)));
}

static nw_net *net_at(const struct world *w, uint64_t seed)
{
    nw_net *net = nw_net_new(w->ctx, w->space, w->arch, seed, w->precision);

    if (!net)
        fail_msg("%s", nw_errmsg(w->ctx));
    return net;
}

/* ---- Copied out --------------------------------------------------------------- */

static void test_store__lends_what_plain_loops_copy_out(void **state)
{
    (void)state;
    for (int s = 0; s < SETTINGS; s++) {
        struct world w;

        begin(&w, &settings[s], NW_F32);
        for (int seed = 1; seed <= settings[s].archs; seed++) {
            struct result a, b;
            nw_net *lent, *copied;

            check_ok(w.ctx, nw_arch_random(w.arch, (uint64_t)seed));
            lent = net_at(&w, 1);
            copied = net_at(&w, 2);
            check_ok(w.ctx, nw_store_lend(w.store, lent));
            copy_weights(w.store, copied, copied);
            for (nw_mode mode = NW_EVAL; mode <= NW_TRAIN_STILL; mode += NW_TRAIN_STILL) {
                run(&w, lent, mode, &a);
                run(&w, copied, mode, &b);
                same_logits(&a, &b, mode == NW_EVAL ? 1e-6 : 1e-5);
            }
            nw_net_free(lent);
            nw_net_free(copied);
        }
        nw_close(w.ctx);
    }
}

/* ---- In the largest net, all other weights zero -------------------------------- */

/* Of numbers, and of what a coded space decides. Blocks of SPOS stay what they are. */
static void pick_all_last(nw_arch *arch)
{
    for (int c = 0; c < nw_space_choices(arch->space); c++)
        if (nw_is_coded(arch->space) || arch->space->choice[c].kind == NW_NUMBER)
            nw_arch_pick(arch, c, nw_space_options(arch->space, c) - 1);
}

/* Two stages of AttentiveNAS have most of its weights: few blocks of them will do. */
static void keep_shallow(nw_arch *arch)
{
    if (nw_choice_find(arch->space, "mb6_depth") < 0)
        return;
    nw_arch_set(arch, "mb5_depth", 0);
    nw_arch_set(arch, "mb6_depth", 0);
}

/* A shortcut that is a convolution in one net and none in the other has no counterpart.
 * The largest net has widths 24, 24, 32, 40 at first and 216, 224 at last. */
static void keep_shortcuts(nw_arch *arch)
{
    const int wide = nw_choice_find(arch->space, "mb2_width") < 0
                         ? -1
                         : nw_arch_get(arch, "mb2_width");

    if (wide < 0)
        return;
    keep_shallow(arch);
    if (wide)
        nw_arch_set(arch, "mb3_width", 1); /* 32, 40 */
    else
        nw_arch_set(arch, "mb1_width", 0); /* 16, 24 */
    nw_arch_set(arch, "first_width", nw_arch_get(arch, "mb1_width"));
    if (nw_arch_get(arch, "mb6_width") == 3)
        nw_arch_set(arch, "mb6_width", 1);
}

struct gap {
    const nw_net *net, *large;
    double apart; /* squared */
};

static double grad_at(const nw_net *net, int i, size_t k)
{
    return nw_real_get(net, net->grad, net->graph->param[i].offset + k);
}

static void compare_gradient(void *user, int i, int l, size_t small, size_t large,
                             double value)
{
    struct gap *gap = user;
    const double a = grad_at(gap->net, i, small), b = grad_at(gap->large, l, large);

    (void)value;
    gap->apart += (a - b) * (a - b);
}

/* Relative to the whole gradient: that of a shift before a norm is 0 but for rounding. */
static void same_gradients(const struct world *w, const nw_net *net, const nw_net *large,
                           double limit)
{
    double whole = 0;

    for (size_t k = 0; k < net->graph->n_trainable; k++)
        whole += pow(nw_real_get(net, net->grad, k), 2);
    assert_true(whole > 1e-6);
    for (int i = 0; i < net->graph->n_param; i++) {
        struct gap gap = {.net = net, .large = large};

        if (net->graph->param[i].param->is_buffer)
            continue;
        each_number(w->store, net, i, large, compare_gradient, &gap);
        if (!(gap.apart <= limit * limit * whole))
            fail_msg("gradient of %s is %g apart, the whole is %g",
                     net->graph->param[i].name, sqrt(gap.apart), sqrt(whole));
    }
}

/* Moments of a small batch magnify what rounding makes different: a tenfold limit for the
 * logits. Gradients of such depth are compared in double, where they have digits left. */
static void compare_masked(const struct world *w, double limit)
{
    struct result a, b;
    nw_net *net = net_at(w, 1), *large;

    pick_all_last(w->arch);
    keep_shallow(w->arch);
    large = net_at(w, 1);

    memset(large->param, 0, large->graph->n_trainable * large->real_size);
    copy_weights(w->store, net, large);
    check_ok(w->ctx, nw_store_lend(w->store, net));
    run(w, net, NW_EVAL, &a);
    run(w, large, NW_EVAL, &b);
    same_logits(&a, &b, limit);
    run(w, net, NW_TRAIN_STILL, &a);
    run(w, large, NW_TRAIN_STILL, &b);
    same_logits(&a, &b, 10 * limit);
    if (w->precision == NW_F64)
        same_gradients(w, net, large, limit);
    nw_net_free(net);
    nw_net_free(large);
}

static void masked(nw_precision precision, double limit)
{
    for (int s = 0; s < SETTINGS; s++) {
        struct world w;

        begin(&w, &settings[s], precision);
        for (int seed = 1; seed <= settings[s].archs; seed++) {
            check_ok(w.ctx, nw_arch_random(w.arch, (uint64_t)seed));
            keep_shortcuts(w.arch);
            compare_masked(&w, limit);
        }
        nw_close(w.ctx);
    }
}

static void test_store__small_nets_are_masked_large_ones_in_double(void **state)
{
    (void)state;
    masked(NW_F64, 1e-12);
}

static void test_store__small_nets_are_masked_large_ones_in_float(void **state)
{
    (void)state;
    masked(NW_F32, 1e-6);
}

/* A space of numbers, with few layers: gradients are alike in float too. */
static nw_space *space_of_numbers(nw_ctx *ctx)
{
    const int width[] = {2, 4, 6}, kernel[] = {1, 3, 5};
    nw_space *space = nw_space_new(ctx);
    nw_ref x = nw_input(space, 3, 9, 9);

    nw_int_of(space, "width", 3, width);
    nw_int_of(space, "kernel", 3, kernel);
    x = nw_op(space,
              "conv2d out=$width*2 k=$kernel bias=0 name=a | batchnorm name=b | swish | "
              "conv2d out=in k=$kernel groups=in bias=0 name=c | se name=s | "
              "conv2d out=$width k=1 stride=2 bias=0 name=d | batchnorm name=e | swish | "
              "globalpool | dense out=4 name=f",
              x);
    nw_output(space, x);
    return space;
}

static void begin_numbers(struct world *w, nw_precision precision, unsigned flags)
{
    *w = (struct world){.ctx = nw_open(&one_thread), .precision = precision, .side = 9};
    w->space = space_of_numbers(w->ctx);
    w->arch = nw_arch_new(w->ctx, w->space);
    w->store = nw_store_new(w->ctx, w->space, 1, precision, flags);
    if (!w->store)
        fail_msg("%s", nw_errmsg(w->ctx));
    shake(w->store);
    draw_images(w);
}

/* Gradients of the masked net round otherwise; those that are collected are the net's. */
static void check_numbers(const struct world *w, nw_net *large, double limit,
                          unsigned flags)
{
    nw_net *net = net_at(w, 1);
    struct result a, b;

    memset(large->param, 0, large->graph->n_trainable * large->real_size);
    copy_weights(w->store, net, large);
    check_ok(w->ctx, nw_store_lend(w->store, net));
    run(w, net, NW_TRAIN_STILL, &a);
    run(w, large, NW_TRAIN_STILL, &b);
    same_logits(&a, &b, limit);
    same_gradients(w, net, large, limit);
    if (!flags) {
        check_ok(w->ctx, nw_store_collect(w->store, net));
        same_gradients(w, net, w->store, 0);
    }
}

/* Gradients of the masked net are sums of more terms, which round otherwise; those that
 * are collected are the net's own. */
static void test_store__serves_spaces_of_numbers(void **state)
{
    static const double limit[] = {1e-6, 1e-12};

    (void)state;
    for (nw_precision p = NW_F32; p <= NW_F64; p++)
        for (int i = 0; i < 18; i++) {
            const unsigned flags = i & 1 ? NW_STORE_KERNELS : 0;
            struct world w;
            nw_net *large;

            begin_numbers(&w, p, flags);
            pick_all_last(w.arch);
            large = net_at(&w, 1);
            nw_arch_set(w.arch, "width", i / 2 % 3);
            nw_arch_set(w.arch, "kernel", i / 6);
            check_numbers(&w, large, limit[p], flags);
            nw_close(w.ctx);
        }
}

/* ---- Gradients come back ------------------------------------------------------- */

/* Loss of the net at the arch, with the store's weights. */
static double loss_at(const struct world *w, nw_net *net)
{
    struct result r;

    check_ok(w->ctx, nw_store_lend(w->store, net));
    run(w, net, NW_TRAIN_STILL, &r);
    return r.loss;
}

static double forward_loss(const struct world *w, nw_net *net)
{
    const nw_plan_config config = {.batch = BATCH};
    const nw_pass pass = {.mode = NW_TRAIN_STILL, .seed = 1};
    const nw_batch batch = {w->x, labels, NULL};
    double loss;

    check_ok(w->ctx, nw_store_lend(w->store, net));
    check_ok(w->ctx, nw_plan_forward(nw_net_plan(net, &config), &batch, &pass, &loss));
    return loss;
}

/* d loss / d number k of a parameter of the store, by differences. */
static double slope(const struct world *w, nw_net *net, int i, size_t k)
{
    void *p = nw_net_param(w->store, i);
    const double v = nw_real_get(w->store, p, k), h = 1e-5;
    double high, low;

    nw_real_set(w->store, p, k, v + h);
    high = forward_loss(w, net);
    nw_real_set(w->store, p, k, v - h);
    low = forward_loss(w, net);
    nw_real_set(w->store, p, k, v);
    return (high - low) / (2 * h);
}

/* All numbers of the store, the matrices among them. */
static void test_store__collects_the_gradient_of_every_number(void **state)
{
    struct world w;
    nw_net *net;
    double largest = 0;

    (void)state;
    begin_numbers(&w, NW_F64, NW_STORE_KERNELS);
    nw_arch_set(w.arch, "width", 1);
    nw_arch_set(w.arch, "kernel", 0);
    net = net_at(&w, 1);
    loss_at(&w, net);
    check_ok(w.ctx, nw_store_collect(w.store, net));
    for (int i = 0; i < w.store->graph->n_param; i++) {
        const nw_gparam *p = &w.store->graph->param[i];

        for (size_t k = 0; k < p->count && !p->param->is_buffer; k++) {
            const double g = grad_at(w.store, i, k);

            check_near(g, slope(&w, net, i, k), 1e-8 + 1e-6 * fabs(g));
            if (strstr(p->name, "5to3_matrix"))
                largest = fmax(largest, fabs(g));
        }
    }
    assert_true(largest > 1e-4);
    nw_close(w.ctx);
}

static void test_store__gradients_add_up_over_nets(void **state)
{
    struct world w;
    nw_net *net[2];
    double *once;
    size_t n;

    (void)state;
    begin(&w, &settings[1], NW_F64);
    n = w.store->graph->n_trainable;
    once = nw_alloc(w.ctx, n * sizeof(double));
    for (uint64_t i = 0; i < 2; i++) {
        check_ok(w.ctx, nw_arch_random(w.arch, 7 + i));
        net[i] = net_at(&w, 1);
        loss_at(&w, net[i]);
        memset(w.store->grad, 0, n * sizeof(double));
        check_ok(w.ctx, nw_store_collect(w.store, net[i]));
        for (size_t k = 0; k < n; k++)
            once[k] += nw_real_get(w.store, w.store->grad, k);
    }
    check_ok(w.ctx, nw_store_collect(w.store, net[0])); /* behind net[1] */
    for (size_t k = 0; k < n; k++)
        check_near(nw_real_get(w.store, w.store->grad, k), once[k],
                   1e-12 * (1 + fabs(once[k])));
    nw_close(w.ctx);
}

/* An optimizer takes the store as any net, and what is learnt there reaches the nets. */
static void test_store__is_trained_as_a_net(void **state)
{
    const nw_recipe recipe = {.optimizer = "sgd", .momentum = .9, .wd = 1e-4};
    struct world w;
    nw_optimizer opt;
    double loss[3];
    nw_net *net[3];

    (void)state;
    begin_numbers(&w, NW_F32, NW_STORE_KERNELS);
    check_ok(w.ctx, nw_optimizer_init(&opt, w.store, &recipe));
    for (int i = 0; i < 3; i++) {
        nw_arch_set(w.arch, "width", i);
        nw_arch_set(w.arch, "kernel", i);
        net[i] = net_at(&w, 1);
        loss[i] = loss_at(&w, net[i]);
    }
    for (int step = 0; step < 60; step++) {
        nw_optimizer_zero(&opt);
        for (int i = 0; i < 3; i++) {
            loss_at(&w, net[i]);
            check_ok(w.ctx, nw_store_collect(w.store, net[i]));
        }
        nw_optimizer_step(&opt, .05, NULL);
    }
    for (int i = 0; i < 3; i++)
        assert_true(loss_at(&w, net[i]) < .5 * loss[i]);
    nw_optimizer_clear(&opt);
    nw_close(w.ctx);
}

/* ---- What a store holds
 * ---------------------------------------------------------------- */

/* Beside the largest net: shortcuts that only smaller ones have, and the matrices. */
static void test_store__holds_what_any_net_of_the_space_has(void **state)
{
    struct world w;
    char name[100];
    int i;

    (void)state;
    begin(&w, &settings[2], NW_F32);
    i = index_of(w.store, "blocks.0.shortcut.conv.weight");
    assert_true(i >= 0);
    assert_int_equal(w.store->graph->param[i].param->dim[0], 24);
    assert_int_equal(w.store->graph->param[i].param->dim[1], 24);
    assert_true(index_of(w.store, "blocks.1.shortcut.conv.weight") < 0);
    nw_close(w.ctx);
    begin(&w, &settings[1], NW_F32);
    for (int b = 0; b <= 20; b++)
        for (int k = 7; k >= 5; k -= 2) {
            snprintf(name, sizeof(name),
                     "blocks.%d.mobile_inverted_conv.depth_conv.conv.%dto%d_matrix", b, k,
                     k - 2);
            assert_int_equal(index_of(w.store, name) >= 0, b > 0); /* block 0 is fixed */
        }
    nw_close(w.ctx);
}

/* Without training, small kernels are the centres of large ones. */
static void test_store__matrices_start_as_identities(void **state)
{
    nw_ctx *ctx = nw_open(&one_thread);
    nw_space *space = nw_space_open(ctx, settings[0].space, (int[]){3, 16, 16}, 0);
    nw_arch *arch = nw_arch_new(ctx, space);
    nw_net *net[2];

    (void)state;
    check_ok(ctx, nw_arch_random(arch, 3));
    for (unsigned i = 0; i < 2; i++) {
        nw_net *store = nw_store_new(ctx, space, 1, NW_F32, i ? NW_STORE_KERNELS : 0);

        net[i] = nw_net_new(ctx, space, arch, 5 + i, NW_F32);
        check_ok(ctx, nw_store_lend(store, net[i]));
    }
    assert_memory_equal(net[0]->param, net[1]->param,
                        net[0]->graph->n_trainable * sizeof(float));
    nw_close(ctx);
}

/* Of a graph with options, all of them, and the second of them is lent. */
static void test_store__holds_all_options_of_a_choice(void **state)
{
    nw_ctx *ctx = nw_open(&one_thread);
    nw_space *space =
        nw_space_open(ctx, "darts c=4 layers=3", (const int[]){3, 16, 16}, 10);
    nw_net *store = nw_store_new(ctx, space, 1, NW_F32, 0);
    nw_net *super = nw_net_make(ctx, space, NULL, 1, NW_F32, NW_GRAPH_ALL);
    nw_arch *arch = nw_arch_new(ctx, space);
    nw_net *net;

    (void)state;
    assert_int_equal(store->graph->n_trainable, super->graph->n_trainable);
    assert_memory_equal(store->param, super->param,
                        store->graph->n_trainable * sizeof(float));
    check_ok(ctx, nw_arch_random(arch, 1));
    net = nw_net_new(ctx, space, arch, 2, NW_F32);
    check_ok(ctx, nw_store_lend(store, net));
    for (int i = 0; i < net->graph->n_param; i++) {
        const int s = index_of(store, net->graph->param[i].name);

        assert_memory_equal(nw_net_param(net, i), nw_net_param(store, s),
                            net->graph->param[i].count * sizeof(float));
    }
    nw_close(ctx);
}

struct memory {
    long left; /* allocations until one fails */
    long held; /* blocks */
};

static void *limited(void *user, void *ptr, size_t size)
{
    struct memory *m = user;
    void *out;

    if (!size) {
        m->held -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    if (--m->left < 0)
        return NULL;
    out = realloc(ptr, size);
    m->held += out && !ptr;
    return out;
}

static nw_status lend_and_collect(nw_ctx *ctx)
{
    struct world w = {.ctx = ctx, .space = space_of_numbers(ctx)};
    const nw_plan_config config = {.batch = BATCH, .backward = 1};
    nw_net *net;

    w.arch = nw_arch_new(ctx, w.space);
    w.store = nw_store_new(ctx, w.space, 1, NW_F32, NW_STORE_KERNELS);
    if (!w.store || nw_arch_random(w.arch, 1) < 0)
        return NW_ENOMEM;
    nw_arch_set(w.arch, "kernel", 0);
    net = nw_net_new(ctx, w.space, w.arch, 1, NW_F32);
    if (!net || !nw_net_plan(net, &config) || nw_store_lend(w.store, net) < 0)
        return NW_ENOMEM;
    return nw_store_collect(w.store, net);
}

static void test_store__survives_a_lack_of_memory(void **state)
{
    nw_status status = NW_ENOMEM;

    (void)state;
    for (long n = 1; status < 0; n++) {
        struct memory m = {.left = n};
        nw_ctx *ctx = nw_open(&(nw_config){.realloc = limited, .user = &m, .threads = 1});

        assert_true(n < 100000);
        if (ctx) {
            status = lend_and_collect(ctx);
            assert_true(status == NW_OK || nw_errstatus(ctx) == NW_ENOMEM);
        }
        nw_close(ctx);
        assert_int_equal(m.held, 0);
    }
}

static nw_net *small_net(nw_ctx *ctx, const char *spec, nw_precision precision)
{
    nw_space *space = nw_space_open_net(ctx, spec, (int[]){3, 32, 32}, CLASSES);

    return nw_net_new(ctx, space, NULL, 1, precision);
}

static void refuses(nw_ctx *ctx, nw_status status, nw_status expected, const char *words)
{
    assert_int_equal(status, expected);
    if (!strstr(nw_errmsg(ctx), words))
        fail_msg("\"%s\" does not say \"%s\"", nw_errmsg(ctx), words);
    nw_clear(ctx);
}

static void test_store__refuses_nets_that_it_cannot_serve(void **state)
{
    struct world w;
    nw_net *other, *wide, *none, *precise;

    (void)state;
    begin(&w, &settings[0], NW_F32);
    other = small_net(w.ctx, "darts-v2 c=4 layers=3", NW_F32);
    wide = small_net(w.ctx, "ofa-min width=1.2", NW_F32);
    precise = small_net(w.ctx, "ofa-min width=0.25", NW_F64);
    none = small_net(w.ctx, "ofa-min width=0.25", NW_F32);
    refuses(w.ctx, nw_store_lend(w.store, other), NW_EMATCH,
            "\"stem.0.weight\" is in none of the networks");
    refuses(w.ctx, nw_store_lend(w.store, wide), NW_EMATCH,
            "\"first_conv.conv.weight\" is larger than what is there");
    refuses(w.ctx, nw_store_lend(w.store, precise), NW_EMATCH, "of another precision");
    refuses(w.ctx, nw_store_collect(w.store, none), NW_EINVAL, "has no gradients");
    check_ok(w.ctx, nw_store_lend(w.store, none));
    nw_close(w.ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store__lends_what_plain_loops_copy_out),
        cmocka_unit_test(test_store__small_nets_are_masked_large_ones_in_double),
        cmocka_unit_test(test_store__small_nets_are_masked_large_ones_in_float),
        cmocka_unit_test(test_store__serves_spaces_of_numbers),
        cmocka_unit_test(test_store__collects_the_gradient_of_every_number),
        cmocka_unit_test(test_store__gradients_add_up_over_nets),
        cmocka_unit_test(test_store__is_trained_as_a_net),
        cmocka_unit_test(test_store__holds_what_any_net_of_the_space_has),
        cmocka_unit_test(test_store__holds_all_options_of_a_choice),
        cmocka_unit_test(test_store__survives_a_lack_of_memory),
        cmocka_unit_test(test_store__matrices_start_as_identities),
        cmocka_unit_test(test_store__refuses_nets_that_it_cannot_serve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
