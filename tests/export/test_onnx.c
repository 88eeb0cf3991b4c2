/*
 * test_onnx.c - every op and whole networks as ONNX: read back by us, and run by ONNX
 * Runtime where the interpreter of $NW_TEST_PYTHON has it.
 */
#include "export_nets.h"

#include "random.h"

#include <string.h>
#include <unistd.h>

static void test_onnx__every_op_survives_the_round_trip(void **state)
{
    int written = 0;

    (void)state;
    for (int i = 0; nw_ops_f32[i]; i++) {
        const nw_op_type *op = nw_ops_f32[i];

        for (int k = 0; op->cases && op->cases[k].spec; k++) {
            nw_ctx *ctx = nw_open(NULL);
            nw_net *net = export_case(ctx, op, &op->cases[k]);
            int whole = !strcmp(op->name, "embedding");
            char name[100];

            snprintf(name, sizeof(name), "op_%s_%d", op->name, k);
            if (net) {
                export_files(net, NULL, name, whole);
                export_check_round_trip(net, name, whole);
                written++;
            }
            nw_close(ctx);
        }
    }
    printf("%d networks of one op\n", written);
    assert_true(written > 50);
}

static void check_published(const char *spec, const char *name, uint64_t seed)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_arch *arch;
    nw_net *net = export_published(ctx, spec, seed, &arch);
    const double mean[] = {.4, .5, .6}, sd[] = {.2, .25, .3};

    check_ok(ctx, nw_net_normalise(net, 3, mean, sd));
    export_files(net, arch, name, 0);
    export_check_round_trip(net, name, 0);
    nw_close(ctx);
}

static void test_onnx__published_networks_survive_the_round_trip(void **state)
{
    (void)state;
    check_published("darts c=4 layers=3", "darts", 1);
    check_published("darts c=4 layers=3 phase=train aux=0", "darts_train", 2);
    check_published("darts-v2 c=4 layers=5", "darts_v2", 3);
    check_published("nasbench201 c=4 n=1", "nasbench201", 4);
    check_published("nasnet-a n=1 f=4", "nasnet_a", 5); /* padded more at one side */
    check_published("pnasnet-5 net=mobile n=1 f=4", "pnasnet_5", 6);
    check_published("amoebanet-b n=1 f=4", "amoebanet_b", 7);
    check_published("enas-micro layers=3 f=4", "enas_micro", 8);
    check_published("enas-macro layers=6 f=4", "enas_macro", 9);
    check_published("naonet-a c=4 n=1", "naonet_a", 10);
}

/* Cells that are cut off: zeros are read by the residual block and by the last norm. */
static void test_onnx__zeros_that_are_read_are_written(void **state)
{
    (void)state;
    check_published(
        "nasbench201 c=4 n=1 arch=\"|none~0|+|none~0|none~1|+|none~0|none~1|none~2|\"",
        "zeros", 1);
}

static void test_onnx__bytes_do_not_depend_on_the_run(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_net *net = export_published(ctx, "darts c=4 layers=3", 1, NULL);
    nw_bytes a, b;

    (void)state;
    check_ok(ctx, nw_export(NULL, net, "onnx", export_path("a.onnx")));
    check_ok(ctx, nw_export(NULL, net, "onnx", export_path("b.onnx")));
    check_ok(ctx, nw_file_read(ctx, export_path("a.onnx"), &a));
    check_ok(ctx, nw_file_read(ctx, export_path("b.onnx"), &b));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    unlink(export_path("a.onnx"));
    unlink(export_path("b.onnx"));
    nw_close(ctx);
}

/* A hard architecture in a supernet that keeps all options, and sums of some. */
static void test_onnx__hard_supernets_export_and_soft_ones_do_not(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 4, 5, 5);
    nw_ref some = nw_some_of(s, "some", 2, nw_op(s, "relu", x), nw_op(s, "tanh", x),
                             nw_op(s, "none", x));
    nw_ref one =
        nw_one_of(s, "one", nw_op(s, "none", some), nw_op(s, "conv2d k=3", some));
    nw_arch *arch;
    nw_net *net;

    (void)state;
    nw_output(s, nw_op(s, "add | globalpool | dense out=3", one, x));
    arch = nw_arch_new(ctx, s);
    net = nw_net_make(ctx, s, arch, 1, NW_F32, NW_GRAPH_ALL);
    assert_non_null(net);
    assert_int_equal(nw_export(NULL, net, "onnx", export_path("soft.onnx")), NW_EINVAL);
    assert_non_null(strstr(nw_errmsg(ctx), "export needs a hard architecture"));
    assert_int_not_equal(access(export_path("soft.onnx"), F_OK), 0);
    for (uint64_t seed = 0; seed < 6; seed++) {
        char name[40];

        check_ok(ctx, nw_arch_random(arch, seed));
        check_ok(ctx, nw_net_set_arch(net, arch));
        snprintf(name, sizeof(name), "supernet_%d", (int)seed);
        export_files(net, arch, name, 0);
        export_check_round_trip(net, name, 0);
    }
    nw_close(ctx);
}

static void test_onnx__double_nets_export(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *s = nw_space_open(ctx, "nasbench201 c=4 n=1", (int[]){3, 8, 8}, 10);
    nw_arch *arch = nw_arch_new(ctx, s);
    nw_net *net;

    (void)state;
    check_ok(ctx, nw_arch_random(arch, 7));
    net = nw_net_new(ctx, s, arch, 1, NW_F64);
    check_ok(ctx, nw_export(arch, net, "onnx", export_path("double.onnx")));
    check_ok(ctx, nw_export_verify(arch, net, "onnx", export_path("double.onnx")));
    nw_close(ctx);
}

static void test_onnx__a_changed_file_is_found_out(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_net *net = export_published(ctx, "nasbench201 c=4 n=1", 4, NULL);
    const char *path = export_path("changed.onnx");

    (void)state;
    check_ok(ctx, nw_export(NULL, net, "onnx", path));
    ((float *)net->param)[5] += 1;
    assert_int_equal(nw_export_verify(NULL, net, "onnx", path), NW_EDIFFER);
    assert_non_null(strstr(nw_errmsg(ctx), "is not what the network has"));
    unlink(path);
    nw_close(ctx);
}

static void test_onnx__damaged_files_are_refused(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_net *net = export_published(ctx, "nasbench201 c=4 n=1", 4, NULL);
    nw_bytes file;

    (void)state;
    check_ok(ctx, nw_export(NULL, net, "onnx", export_path("whole.onnx")));
    check_ok(ctx, nw_file_read(ctx, export_path("whole.onnx"), &file));
    unlink(export_path("whole.onnx"));
    for (size_t size = 0; size < file.size; size += 1 + file.size / 200) {
        nw_clear(ctx);
        assert_null(nw_onnx_parse(ctx, file.data, size, "cut", NULL));
        assert_true(nw_pending(ctx) < 0);
    }
    assert_null(nw_net_open(ctx, export_path("absent.onnx")));
    assert_int_equal(nw_pending(ctx), NW_EIO);
    nw_close(ctx);
}

/* Last: everything that was written stands in the folder. */
static void test_onnx__onnx_runtime_gives_the_same_logits(void **state)
{
    (void)state;
    export_check_onnx_runtime();
}

static int clean(void **state)
{
    (void)state;
    export_clean();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx__every_op_survives_the_round_trip),
        cmocka_unit_test(test_onnx__published_networks_survive_the_round_trip),
        cmocka_unit_test(test_onnx__zeros_that_are_read_are_written),
        cmocka_unit_test(test_onnx__bytes_do_not_depend_on_the_run),
        cmocka_unit_test(test_onnx__hard_supernets_export_and_soft_ones_do_not),
        cmocka_unit_test(test_onnx__double_nets_export),
        cmocka_unit_test(test_onnx__a_changed_file_is_found_out),
        cmocka_unit_test(test_onnx__damaged_files_are_refused),
        cmocka_unit_test(test_onnx__onnx_runtime_gives_the_same_logits),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
