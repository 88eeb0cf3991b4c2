/*
 * test_steps.c - steps of the estimators allocate nothing once they run: batches with
 * augmentation, the arch gradient of both orders, composite ops in one walk, the
 * optimizer, the end of an epoch aside.
 */
#include "../check.h"

#include "data.h"
#include "net.h"
#include "spec.h"
#include "supernet.h"

#include <string.h>

extern const nw_estimator_type nw_estimator_supernet, nw_estimator_train;

enum { STEPS = 4, SIDE = 12 };

static const nw_config one_thread = {.threads = 1};

static nw_status ignore(void *loop, const nw_epoch *epoch)
{
    (void)loop, (void)epoch;
    return NW_OK;
}

struct job {
    nw_ctx *ctx;
    const nw_estimator_type *type;
    void *self;
    nw_env env;
    nw_trial trial;
};

static void begin(struct job *j, const nw_estimator_type *type, const char *spec)
{
    const int input[3] = {1, SIDE, SIDE};

    memset(j, 0, sizeof(*j));
    j->ctx = nw_open(&one_thread);
    j->type = type;
    j->env = (nw_env){.ctx = j->ctx, .seed = 3, .on_epoch = ignore};
    j->env.space = nw_space_open(j->ctx, "darts c=8 layers=2", input, 4);
    j->env.train = nw_data_open(j->ctx, "planted n=256 size=12");
    j->env.valid = nw_data_open(j->ctx, "planted n=256 size=12 seed=2");
    j->self = nw_alloc(j->ctx, type->size);
    check_ok(j->ctx, nw_spec_parse(j->ctx, (const nw_head *)type, spec, NULL, j->self));
    check_ok(j->ctx, type->open(j->self, &j->env));
    j->trial = (nw_trial){.arch = nw_arch_new(j->ctx, j->env.space), .seed = 1};
}

static void end(struct job *j)
{
    j->type->close(j->self);
    nw_close(j->ctx);
}

static int has_shortcut(nw_net *net)
{
    int n;
    const nw_turn_time *time = nw_plan_times(net->newest, &n);

    for (int i = 0; i < n; i++)
        if (!strcmp(time[i].op, "sep_conv"))
            return 1;
    return 0;
}

static void steps_of_supernet(const char *spec)
{
    struct job j;
    uint64_t before = 0;

    begin(&j, &nw_estimator_supernet, spec);
    assert_true(has_shortcut(nw_supernet_net(j.self)));
    for (int i = 0; i <= STEPS; i++) {
        j.trial.want = NW_WANT_GRAD;
        check_ok(j.ctx, j.type->work(j.self, &j.trial));
        j.trial.want = NW_WANT_UPDATE;
        check_ok(j.ctx, j.type->work(j.self, &j.trial));
        if (!i)
            before = nw_allocations(j.ctx);
    }
    assert_int_equal(nw_allocations(j.ctx), before);
    end(&j);
}

#define AUGMENT "augment=\"crop=2 flip=1 cutout=4\""

static void test_steps__of_first_order(void **state)
{
    (void)state;
    steps_of_supernet("supernet batch=16 " AUGMENT);
}

static void test_steps__of_second_order(void **state)
{
    (void)state;
    steps_of_supernet("supernet order=2 batch=16 " AUGMENT);
}

static void test_steps__of_training(void **state)
{
    struct job j;
    uint64_t before = 0;

    (void)state;
    begin(&j, &nw_estimator_train, "train batch=16 " AUGMENT);
    check_ok(j.ctx, nw_arch_random(j.trial.arch, 1));
    j.trial.fidelity = 1;
    for (int i = 0; i <= STEPS; i++) {
        assert_int_equal(j.type->work(j.self, &j.trial), NW_MORE);
        if (!i)
            before = nw_allocations(j.ctx);
    }
    assert_int_equal(nw_allocations(j.ctx), before);
    end(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps__of_first_order),
        cmocka_unit_test(test_steps__of_second_order),
        cmocka_unit_test(test_steps__of_training),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
