/*
 * test_fold.c - a folded net gives what the net gives, over nets with norms before and
 * behind convolutions, with and without bias and scale, layers that two others read, and
 * what only training has; and it refuses what it cannot do.
 */
#include "net.h"
#include "random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BATCH = 3 };

static const struct net {
    const char *spec; /* of a space, or a chain for 3x8x8 */
    int norms;        /* that stay */
} nets[] = {
    {"conv2d out=5 bias=0 | batchnorm | relu | globalpool | flatten | dense out=4", 0},
    {"conv2d out=9 | batchnorm affine=0 | globalpool | flatten | dense out=4", 0},
    {"conv2d out=16 groups=1 k=3 | batchnorm eps=1e-2 | conv2d groups=in k=5 bias=0 | "
     "batchnorm | flatten | dense out=7 | batchnorm | relu | dropout p=0.5 | dense out=4",
     0},
    /* the convolution has two readers; the norm follows a sum, or comes first */
    {"conv2d out=6 | (batchnorm, relu) | add | batchnorm | globalpool | flatten | "
     "dense out=4",
     2},
    {"batchnorm | conv2d out=8 k=1 | droppath p=0.3 | batchnorm | globalpool | flatten | "
     "dense out=4",
     2},
    {"flatten | dense out=4 bias=0 | batchnorm", 0},
    /* a factorized reduction concatenates before its norm */
    {"darts-v2 c=4 layers=5 aux=1 drop=0.2", 2},
    {"nasbench201 c=16 n=1 arch=\"|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|"
     "skip_connect~0|none~1|nor_conv_1x1~2|\"",
     1},
};

static nw_space *space_of(nw_ctx *ctx, const char *spec, const int input[3])
{
    nw_space *s;

    if (!strncmp(spec, "darts", 5) || !strncmp(spec, "nas", 3))
        return nw_space_open(ctx, spec, input, 10);
    s = nw_space_new(ctx);
    nw_output(s, nw_op(s, spec, nw_input(s, input[0], input[1], input[2])));
    return s;
}

/* Parameters and moments that are none of the numbers they start with. */
static nw_net *noisy(nw_ctx *ctx, nw_space *space, nw_precision precision)
{
    nw_net *net = nw_net_new(ctx, space, NULL, 1, precision);

    if (!net)
        fail_msg("%s", nw_errmsg(ctx));
    for (int i = 0; i < net->graph->n_param; i++) {
        const nw_gparam *p = &net->graph->param[i];
        const int is_var = !strcmp(p->param->suffix, "running_var");
        void *at = nw_net_param(net, i);

        for (size_t k = 0; k < p->count; k++) {
            const double v = .3 * nw_normal(100 + (uint64_t)i, NW_FOR_TEST, k);

            nw_real_set(net, at, k, is_var ? .4 + fabs(v) : v + nw_real_get(net, at, k));
        }
    }
    return net;
}

static int norms(const nw_net *net)
{
    int n = 0;

    for (int i = 0; i < net->graph->n; i++) {
        n += !strcmp(net->graph->node[i].op->name, "batchnorm");
        assert_false(net->graph->node[i].op->flags & NW_ONLY_TRAINS);
    }
    return n;
}

static void compare(const struct net *row, nw_precision precision, int size)
{
    const int input[3] = {3, size, size};
    nw_ctx *ctx = nw_open(NULL);
    nw_net *net = noisy(ctx, space_of(ctx, row->spec, input), precision);
    const size_t n = BATCH * 3 * (size_t)(size * size);
    float *x = calloc(n, sizeof(float)), a[BATCH * 10] = {0}, b[BATCH * 10] = {0};
    double most = 0, mean[] = {.1, .2, .3}, sd[] = {.9, .8, 1.1};
    nw_net *folded;

    for (size_t i = 0; i < n; i++)
        x[i] = (float)nw_normal(5, NW_FOR_TEST, i);
    assert_int_equal(nw_net_normalise(net, 3, mean, sd), NW_OK);
    assert_int_equal(nw_net_run(net, BATCH, x, a), NW_OK);
    folded = nw_net_fold(net);
    if (!folded)
        fail_msg("%s: %s", row->spec, nw_errmsg(ctx));
    if (norms(folded) != row->norms)
        fail_msg("%s: %d norms are left", row->spec, norms(folded));
    nw_net_free(net); /* the copy stands for itself */
    for (int again = 0; again < 2; again++) {
        assert_int_equal(nw_net_run(folded, BATCH, x, b), NW_OK);
        for (int i = 0; i < BATCH * 10; i++)
            most = fmax(most, fabs((double)a[i]));
        assert_true(most > 1e-3);
        for (int i = 0; i < BATCH * 10; i++)
            if (!(fabs((double)a[i] - (double)b[i]) <= 2e-5 * most))
                fail_msg("%s: output %d: %g, folded %g", row->spec, i, (double)a[i],
                         (double)b[i]);
    }
    free(x);
    nw_close(ctx);
}

static void test_fold__same_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(nets) / sizeof(*nets); i++) {
        const int size = nets[i].spec[0] == 'd' && nets[i].spec[1] == 'a' ? 32 : 8;

        compare(&nets[i], NW_F32, size);
        compare(&nets[i], NW_F64, size);
    }
}

/* Weights are turned once: a folded plan turns none. */
static void test_fold__turns_weights_once(void **state)
{
    const nw_plan_config config = {.batch = 1, .no_loss = 1};
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = space_of(ctx, "conv2d out=64 | batchnorm | conv2d out=64 | flatten",
                           (const int[]){3, 8, 8});
    nw_net *net = nw_net_new(ctx, s, NULL, 1, NW_F32), *folded = nw_net_fold(net);
    int n, turned[2] = {0};

    (void)state;
    for (int side = 0; side < 2; side++) {
        const nw_turn_time *t =
            nw_plan_times(nw_plan_new(side ? folded : net, &config), &n);

        for (int i = 0; i < n; i++)
            turned[side] += t[i].how->turned;
    }
    assert_int_equal(turned[0], 2);
    assert_int_equal(turned[1], 0);
    nw_close(ctx);
}

static void test_fold__refuses(void **state)
{
    const nw_plan_config train = {.batch = 2, .backward = 1};
    const int input[3] = {3, 8, 8};
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = space_of(ctx, nets[0].spec, input), *choice = nw_space_new(ctx);
    nw_net *folded = nw_net_fold(nw_net_new(ctx, s, NULL, 1, NW_F32));
    nw_ref x = nw_input(choice, 3, 8, 8);

    (void)state;
    assert_null(nw_plan_new(folded, &train));
    assert_non_null(strstr(nw_errmsg(ctx), "folded"));
    assert_int_equal(nw_pending(ctx), NW_EINVAL);
    assert_int_equal(nw_export(NULL, folded, "onnx", "folded.onnx"), NW_EINVAL);
    assert_non_null(strstr(nw_errmsg(ctx), "folded"));
    x = nw_one_of(choice, "a", nw_op(choice, "relu", x), nw_op(choice, "conv2d k=1", x));
    nw_output(choice, x);
    assert_null(nw_net_fold(nw_net_new(ctx, choice, NULL, 1, NW_F32)));
    assert_non_null(strstr(nw_errmsg(ctx), "mixture"));
    assert_null(nw_net_fold(NULL));
    nw_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold__same_numbers),
        cmocka_unit_test(test_fold__turns_weights_once),
        cmocka_unit_test(test_fold__refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
