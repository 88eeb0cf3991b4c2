/*
 * test_paths.c - paths of a supernet: the same numbers as the supernet itself, primitives
 * made once, a kept path reached without making anything, the bound of bytes kept.
 *
 * Counts, never times: those are in bench/bench_path.c.
 */
#include "../check.h"

#include "paths.h"
#include "random.h"
#include "store.h"
#include "ways.h"

#include <math.h>
#include <string.h>

enum { BATCH = 4, CLASSES = 5, SIDE = 16, PATHS = 6 };

static const nw_config one_thread = {.threads = 1};
static const int32_t labels[BATCH] = {0, 2, 1, 4};

struct world {
    nw_ctx *ctx;
    nw_space *space;
    nw_arch *arch;
    nw_net *store;
    float *x;
};

static void begin(struct world *w, const char *spec, nw_precision precision)
{
    const int input[3] = {3, SIDE, SIDE};
    const size_t n = (size_t)BATCH * 3 * SIDE * SIDE;

    w->ctx = nw_open(&one_thread);
    w->space = nw_space_open(w->ctx, spec, input, CLASSES);
    w->arch = nw_arch_new(w->ctx, w->space);
    w->store = nw_net_make(w->ctx, w->space, NULL, 1, precision, NW_GRAPH_ALL);
    w->x = nw_alloc(w->ctx, n * sizeof(float));
    if (!w->store || !w->x)
        fail_msg("%s: %s", spec, nw_errmsg(w->ctx));
    assert_int_equal(nw_net_need_grad(w->store), NW_OK);
    for (size_t i = 0; i < n; i++)
        w->x[i] = (float)nw_normal(3, NW_FOR_TEST, i);
}

static nw_paths *paths_of(struct world *w, size_t bytes, int always_lend)
{
    const nw_paths_config config = {.plan = {.batch = BATCH, .backward = 1},
                                    .bytes = bytes,
                                    .always_lend = always_lend};
    nw_paths *paths = nw_paths_new(w->store, w->space, &config);

    assert_non_null(paths);
    return paths;
}

static nw_path enter(struct world *w, nw_paths *paths, uint64_t seed)
{
    nw_path path = {0};

    assert_int_equal(nw_arch_random(w->arch, seed), NW_OK);
    if (nw_paths_enter(paths, w->arch, &path) < 0)
        fail_msg("%s", nw_errmsg(w->ctx));
    return path;
}

static double step(struct world *w, nw_plan *plan)
{
    const nw_batch batch = {.x = w->x, .label = labels};
    const nw_pass pass = {.mode = NW_TRAIN_STILL};
    double loss;

    assert_int_equal(nw_plan_forward(plan, &batch, &pass, &loss), NW_OK);
    assert_int_equal(nw_plan_backward(plan, 1), NW_OK);
    return loss;
}

static size_t grad_bytes(const struct world *w)
{
    return w->store->graph->n_trainable * w->store->real_size;
}

/* The gradient of one path as the supernet has it, with weight 1 for what it takes. */
static double by_supernet(struct world *w, void *grad)
{
    const nw_plan_config config = {.batch = BATCH, .backward = 1};
    double loss;

    memset(w->store->grad, 0, grad_bytes(w));
    assert_int_equal(nw_net_set_arch(w->store, w->arch), NW_OK);
    loss = step(w, nw_net_plan(w->store, &config));
    memcpy(grad, w->store->grad, grad_bytes(w));
    return loss;
}

static double by_path(struct world *w, nw_paths *paths, uint64_t seed)
{
    double loss;

    memset(w->store->grad, 0, grad_bytes(w));
    loss = step(w, enter(w, paths, seed).plan);
    assert_int_equal(nw_paths_leave(paths), NW_OK);
    return loss;
}

static void compare(const struct world *w, const void *grad)
{
    for (size_t i = 0; i < w->store->graph->n_trainable; i++)
        assert_true(fabs(nw_real_get(w->store, grad, i) -
                         nw_real_get(w->store, w->store->grad, i)) < 1e-9);
}

static void test_paths__are_the_supernet(const char *spec)
{
    struct world w;
    nw_paths *in_place, *lent;
    double *grad;

    begin(&w, spec, NW_F64);
    in_place = paths_of(&w, 1 << 30, 0);
    lent = paths_of(&w, 1 << 30, 1);
    grad = nw_alloc(w.ctx, grad_bytes(&w));
    for (uint64_t seed = 0; seed < PATHS; seed++) {
        double loss;

        assert_int_equal(nw_arch_random(w.arch, seed), NW_OK);
        loss = by_supernet(&w, grad);
        assert_true(fabs(by_path(&w, in_place, seed) - loss) < 1e-9);
        compare(&w, grad);
        assert_true(fabs(by_path(&w, lent, seed) - loss) < 1e-9);
        compare(&w, grad);
    }
    nw_close(w.ctx);
}

static void test_paths__of_nasbench201(void **state)
{
    (void)state;
    test_paths__are_the_supernet("nasbench201 c=4 n=1");
}

static void test_paths__of_spos(void **state)
{
    (void)state;
    test_paths__are_the_supernet("spos first=8 last=16 widths=16 layers=3 strides=2");
}

/* Weights that a lent path is given are those that the store has when it is entered. */
static void test_paths__see_new_weights(void **state)
{
    struct world w;
    nw_paths *in_place, *lent;
    double first;

    (void)state;
    begin(&w, "nasbench201 c=4 n=1", NW_F64);
    in_place = paths_of(&w, 1 << 30, 0);
    lent = paths_of(&w, 1 << 30, 1);
    first = by_path(&w, lent, 1);
    for (size_t i = 0; i < w.store->graph->n_trainable; i++)
        ((double *)w.store->param)[i] *= .5;
    assert_true(fabs(by_path(&w, lent, 1) - first) > 1e-6);
    assert_true(fabs(by_path(&w, lent, 1) - by_path(&w, in_place, 1)) < 1e-9);
    assert_int_equal(nw_paths_counts(lent).known, 2);
    nw_close(w.ctx);
}

static void test_paths__make_primitives_once(void **state)
{
    struct world w;
    nw_paths *paths;
    uint64_t made;

    (void)state;
    begin(&w, "nasbench201 c=8 n=1", NW_F32);
    for (int round = 0; round < 2; round++) {
        paths = paths_of(&w, 1 << 30, 0);
        for (uint64_t seed = 0; seed < PATHS; seed++)
            enter(&w, paths, seed);
        assert_int_equal(nw_paths_counts(paths).built, PATHS);
        nw_paths_free(paths); /* all plans gone, primitives kept */
        if (!round)
            made = nw_ways_made(w.ctx);
    }
    assert_true(made > 0);
    assert_int_equal(nw_ways_made(w.ctx), made);
    nw_ways_drop(w.ctx);
    assert_int_equal(nw_ways_made(w.ctx), 0);
    nw_close(w.ctx);
}

static void test_paths__known_ones_allocate_nothing(void **state)
{
    struct world w;
    nw_paths *paths;
    nw_net *net[PATHS];
    uint64_t before;

    (void)state;
    begin(&w, "nasbench201 c=8 n=1", NW_F32);
    paths = paths_of(&w, 1 << 30, 0);
    for (uint64_t seed = 0; seed < PATHS; seed++)
        net[seed] = enter(&w, paths, seed).net;
    before = nw_allocations(w.ctx);
    for (uint64_t seed = PATHS; seed-- > 0;) {
        nw_path path = enter(&w, paths, seed);

        assert_ptr_equal(path.net, net[seed]);
        assert_null(path.net->arena); /* it works in that of all */
        step(&w, path.plan);
    }
    assert_int_equal(nw_allocations(w.ctx), before);
    assert_int_equal(nw_paths_counts(paths).known, PATHS);
    nw_close(w.ctx);
}

static void test_paths__keep_to_their_bytes(void **state)
{
    struct world w;
    nw_paths *all, *few;
    size_t bytes;

    (void)state;
    begin(&w, "nasbench201 c=8 n=1", NW_F64);
    all = paths_of(&w, 1 << 30, 0);
    for (uint64_t seed = 0; seed < PATHS; seed++)
        enter(&w, all, seed);
    assert_int_equal(nw_paths_counts(all).kept, PATHS);
    bytes = nw_paths_counts(all).bytes;
    few = paths_of(&w, bytes / 2, 0);
    for (uint64_t round = 0; round < 2; round++)
        for (uint64_t seed = 0; seed < PATHS; seed++) {
            assert_true(by_path(&w, few, seed) == by_path(&w, all, seed));
            assert_true(nw_paths_counts(few).bytes <= bytes / 2);
        }
    assert_in_range(nw_paths_counts(few).kept, 1, PATHS - 1);
    assert_int_equal(nw_paths_counts(few).built, 2 * PATHS); /* the oldest go first */
    nw_close(w.ctx);
}

static void test_paths__refuse_another_space(void **state)
{
    struct world w;
    nw_paths *paths;
    nw_path path;
    const int input[3] = {3, SIDE, SIDE};
    nw_space *other;

    (void)state;
    begin(&w, "nasbench201 c=4 n=1", NW_F32);
    paths = paths_of(&w, 1 << 30, 0);
    other = nw_space_open(w.ctx, "nasbench201 c=8 n=1", input, CLASSES);
    assert_int_equal(nw_paths_enter(paths, nw_arch_new(w.ctx, other), &path), NW_EMATCH);
    nw_close(w.ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths__of_nasbench201),
        cmocka_unit_test(test_paths__of_spos),
        cmocka_unit_test(test_paths__see_new_weights),
        cmocka_unit_test(test_paths__make_primitives_once),
        cmocka_unit_test(test_paths__known_ones_allocate_nothing),
        cmocka_unit_test(test_paths__keep_to_their_bytes),
        cmocka_unit_test(test_paths__refuse_another_space),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
