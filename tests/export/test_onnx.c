/*
 * test_onnx.c - every op and whole networks as ONNX: read back by us, and run by ONNX
 * Runtime where the interpreter of $NW_TEST_PYTHON has it.
 */
#include "export_nets.h"

#include "random.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 3 };

/* NumPy's format, version 1.0: a header of 128 bytes, then floats. */
static void write_npy(const char *path, size_t rows, const int *dim, int rank,
                      const float *data)
{
    char head[129], shape[64] = "";
    size_t n = rows;
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    for (int i = 0; i < rank; i++) {
        snprintf(shape + strlen(shape), sizeof(shape) - strlen(shape), ", %d", dim[i]);
        n *= (size_t)dim[i];
    }
    memcpy(head, "\x93NUMPY\x01\x00\x76\x00", 10);
    snprintf(head + 10, sizeof(head) - 10, "%-117s\n",
             "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    snprintf(head + 10 + 51, 67, "%zu%s), }", rows, shape);
    for (char *c = head + 10; c < head + 127; c++)
        *c = *c ? *c : ' ';
    head[127] = '\n';
    assert_int_equal(fwrite(head, 1, 128, out), 128);
    assert_int_equal(fwrite(data, sizeof(*data), n, out), n);
    assert_int_equal(fclose(out), 0);
}

/* NAME.onnx, NAME.in.npy and NAME.out.npy: what the script compares. */
static void write_files(nw_net *net, const nw_arch *arch, const char *name, int whole)
{
    const nw_graph *g = net->graph;
    const nw_shape *in = &g->node[g->input].info.out, *out = &g->node[g->output].info.out;
    float *x = export_inputs(net, BATCH, whole);
    float *y = nw_alloc(net->ctx, BATCH * export_out_size(net) * sizeof(*y));
    char file[200];

    check_ok(net->ctx, nw_net_run(net, BATCH, x, y));
    snprintf(file, sizeof(file), "%s.in.npy", name);
    write_npy(export_path(file), BATCH, in->dim, in->rank, x);
    snprintf(file, sizeof(file), "%s.out.npy", name);
    write_npy(export_path(file), BATCH, out->dim, out->rank, y);
    snprintf(file, sizeof(file), "%s.onnx", name);
    check_ok(net->ctx, nw_export(arch, net, "onnx", export_path(file)));
}

/* What was written is read again: the same logits, the same weights. */
static void check_round_trip(nw_net *net, const char *name, int whole)
{
    char file[200];
    nw_net *back;
    double distance;

    snprintf(file, sizeof(file), "%s.onnx", name);
    back = nw_net_open(net->ctx, export_path(file));
    if (!back)
        fail_msg("%s: %s", name, nw_errmsg(net->ctx));
    distance = export_distance(net, back, whole);
    if (!(distance <= 1e-5))
        fail_msg("%s: read back, logits differ by %g", name, distance);
    if (!whole)
        check_ok(net->ctx, nw_export_verify(NULL, net, "onnx", export_path(file)));
    nw_net_free(back);
}

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
                write_files(net, NULL, name, whole);
                check_round_trip(net, name, whole);
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
    write_files(net, arch, name, 0);
    check_round_trip(net, name, 0);
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
        write_files(net, arch, name, 0);
        check_round_trip(net, name, 0);
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
    const char *python = getenv("NW_TEST_PYTHON");
    char command[2000];

    (void)state;
    snprintf(command, sizeof(command), "%s -c 'import onnxruntime, numpy'",
             python ? python : "false");
    if (!python || system(command)) {
        print_message("skipped: NW_TEST_PYTHON names no Python with onnxruntime\n");
        skip();
    }
    snprintf(command, sizeof(command), "%s tests/export/check_onnx.py %s", python,
             export_dir());
    assert_int_equal(system(command), 0);
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
