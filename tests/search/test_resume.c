/* test_resume.c - stopped after every unit of work and taken up again each time, a search
 * ends with the same architecture, score and weights. */
#include "../study/study_test.h"

#include "check.h"
#include "net.h"

static int stop_now(void *user, const nw_progress *progress)
{
    (void)progress;
    return *(int *)user;
}

static nw_space *small(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_op(s, "conv2d out=4 | batchnorm | relu", nw_input(s, 1, 8, 8));

    x = nw_one_of(s, "a", nw_op(s, "sep_conv", x), nw_op(s, "conv2d k=3 pad=1", x));
    nw_output(s, nw_op(s, "globalpool | dense out=4", x));
    return s;
}

/* What a search found. */
struct found {
    int option;
    nw_score score;
    size_t n;
    float *weights; /* NULL: no net */
};

static void keep(struct found *out, const nw_arch *best, const nw_net *net)
{
    out->option = nw_arch_get(best, "a");
    if (!net)
        return;
    out->n = net->graph->n_trainable;
    out->weights = malloc(out->n * sizeof(float));
    memcpy(out->weights, net->param, out->n * sizeof(float));
}

static nw_status run_once(const char *dir, nw_search_config config, struct found *out)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_data *data = nw_data_open(ctx, "planted n=48 size=8");
    nw_arch *best = NULL;
    nw_net *net = NULL;
    nw_status status;

    config.train = nw_data_slice(data, 1, 0, 32);
    config.valid = nw_data_slice(data, 1, 32, 16);
    config.study = nw_study_open(ctx, dir);
    config.seed = 1;
    status = nw_search(small(ctx), &config, &best, &net, &out->score);
    if (status >= 0)
        keep(out, best, net);
    else if (status != NW_ESTOPPED)
        fail_msg("%s", nw_errmsg(ctx));
    nw_close(ctx);
    return status;
}

/* Answers the number of runs it took. */
static int run_all(int stop, nw_search_config config, struct found *out)
{
    char *dir = new_folder();
    int runs = 1;

    config.on_progress = stop_now;
    config.user = &stop;
    while (run_once(dir, config, out) == NW_ESTOPPED)
        runs++;
    remove_folder(dir);
    return runs;
}

static void compare(nw_search_config config, int least)
{
    struct found whole = {0}, pieces = {0};

    assert_int_equal(run_all(0, config, &whole), 1);
    assert_true(run_all(1, config, &pieces) >= least);
    assert_int_equal(pieces.option, whole.option);
    assert_int_equal(pieces.n, whole.n);
    assert_int_equal(!pieces.weights, !whole.weights);
    if (whole.weights)
        assert_memory_equal(pieces.weights, whole.weights, whole.n * sizeof(float));
    whole.score.cost_s = pieces.score.cost_s = 0;
    assert_memory_equal(&pieces.score, &whole.score, sizeof(whole.score));
    free(whole.weights);
    free(pieces.weights);
}

static void test_resume__networks_trained_one_by_one(void **state)
{
    (void)state;
    compare((nw_search_config){.strategy = "random trials=3",
                               .estimator = "train epochs=2 batch=16"},
            3 * 4);
}

static void test_resume__shared_weights(void **state)
{
    (void)state;
    compare((nw_search_config){.strategy = "darts",
                               .estimator = "supernet epochs=2 batch=16"},
            2 * 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume__networks_trained_one_by_one),
        cmocka_unit_test(test_resume__shared_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
