/*
 * test_feed.c - batches made ahead by a thread are those made on demand: in order, after
 * a jump, across epochs, in a forked child; and the time spent waiting is counted.
 */
#include "../check.h"

#include "feed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 12, STEPS = 25 }; /* 100 examples: 8 batches an epoch */

static const nw_config one_thread = {.threads = 1};

struct world {
    nw_ctx *ctx;
    nw_data *data;
    nw_augment augment;
    nw_feed ahead, alone;
};

static void begin(struct world *w)
{
    w->ctx = nw_open(&one_thread);
    w->data = nw_data_open(w->ctx, "planted n=100 size=9");
    assert_non_null(w->data);
    check_ok(w->ctx,
             nw_augment_parse(w->ctx, "crop=2 flip=1 cutout=3", w->data, &w->augment));
    check_ok(w->ctx, nw_feed_init(&w->ahead, w->ctx, w->data, &w->augment, BATCH, 1, 7));
    check_ok(w->ctx, nw_feed_init(&w->alone, w->ctx, w->data, &w->augment, BATCH, 1, 7));
    check_ok(w->ctx, nw_feed_ahead(&w->ahead, 1));
    check_ok(w->ctx, nw_feed_ahead(&w->alone, 0));
}

static void end(struct world *w)
{
    nw_feed_clear(&w->ahead);
    nw_feed_clear(&w->alone);
    nw_augment_free(w->ctx, &w->augment);
    nw_data_free(w->data);
    assert_int_equal(nw_held_bytes(w->ctx), 0);
    nw_close(w->ctx);
}

static int is_same(struct world *w, long step)
{
    nw_feed_load(&w->ahead, step);
    nw_feed_load(&w->alone, step);
    return !memcmp(w->ahead.x, w->alone.x,
                   BATCH * nw_data_example_size(w->data) * sizeof(float)) &&
           !memcmp(w->ahead.label, w->alone.label, BATCH * sizeof(int32_t));
}

static void test_feed__is_the_same_ahead(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    for (long step = 0; step < STEPS; step++)
        assert_true(is_same(&w, step));
    end(&w);
}

/* A search that is taken up again begins anywhere. */
static void test_feed__jumps(void **state)
{
    static const long steps[] = {13, 14, 3, 3, 4, 23, 0, 7, 8};
    struct world w;

    (void)state;
    begin(&w);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        assert_true(is_same(&w, steps[i]));
    end(&w);
}

/* What is prepared must not stand where the caller still reads. */
static void test_feed__leaves_the_batch_alone(void **state)
{
    struct world w;
    size_t bytes;
    float *copy;

    (void)state;
    begin(&w);
    bytes = BATCH * nw_data_example_size(w.data) * sizeof(float);
    copy = malloc(bytes);
    for (long step = 0; step < STEPS; step++) {
        nw_feed_load(&w.ahead, step);
        memcpy(copy, w.ahead.x, bytes);
        assert_true(nw_ahead_wait(w.ahead.ahead)); /* the next one is done */
        assert_memory_equal(copy, w.ahead.x, bytes);
    }
    free(copy);
    end(&w);
}

/* The thread does not come along: the child starts one of its own. */
static void test_feed__lives_on_in_a_child(void **state)
{
    struct world w;
    int status;
    pid_t child;

    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it allows no threads in the child of a process that had some */
#endif
    begin(&w);
    assert_true(is_same(&w, 0));
    child = fork();
    assert_true(child >= 0);
    if (!child) {
        int is_good = 1;

        for (long step = 1; step < STEPS; step++)
            is_good &= is_same(&w, step);
        nw_feed_clear(&w.ahead);
        _exit(is_good ? 0 : 1);
    }
    assert_true(is_same(&w, 1));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    end(&w);
}

static void test_feed__counts_the_wait(void **state)
{
    struct world w;
    double waited;

    (void)state;
    begin(&w);
    assert_true(w.alone.waited == 0);
    nw_feed_load(&w.alone, 0);
    waited = w.alone.waited;
    assert_true(waited > 0);
    nw_feed_load(&w.alone, 0); /* it stands there already */
    assert_true(w.alone.waited == waited);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feed__is_the_same_ahead),
        cmocka_unit_test(test_feed__jumps),
        cmocka_unit_test(test_feed__leaves_the_batch_alone),
        cmocka_unit_test(test_feed__lives_on_in_a_child),
        cmocka_unit_test(test_feed__counts_the_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
