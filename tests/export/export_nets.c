#include "export_nets.h"

#include "random.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What Graphviz and the font libraries below it never give back. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libgvc\nleak:libcgraph\nleak:libgvplugin\nleak:libfontconfig\n"
           "leak:libglib\nleak:libgobject\nleak:libpango\nleak:libcairo\n";
}

enum { BATCH = 3 };

static char dir[200];

const char *export_dir(void)
{
    const char *base = getenv("TMPDIR");

    if (!*dir) {
        snprintf(dir, sizeof(dir), "%s/netwright-export-XXXXXX", base ? base : P_tmpdir);
        assert_non_null(mkdtemp(dir));
    }
    return dir;
}

const char *export_path(const char *name)
{
    static char path[4][512];
    static unsigned at;

    at = (at + 1) % 4;
    snprintf(path[at], sizeof(path[at]), "%s/%s", export_dir(), name);
    return path[at];
}

void export_clean(void)
{
    DIR *open = *dir ? opendir(dir) : NULL;
    struct dirent *entry;

    if (!open)
        return;
    while ((entry = readdir(open)))
        unlink(export_path(entry->d_name));
    closedir(open);
    rmdir(dir);
    *dir = 0;
}

void export_disturb(nw_net *net, uint64_t seed)
{
    for (int i = 0; i < net->graph->n_param; i++) {
        const nw_gparam *p = &net->graph->param[i];
        int is_variance = !strcmp(p->param->suffix, "running_var");
        void *block = p->param->is_buffer ? net->buffer : net->param;

        for (size_t k = 0; k < p->count; k++) {
            size_t at = p->offset + k;
            double noise = nw_uniform(seed + (uint64_t)i, NW_FOR_TEST, k) - .5;
            double value = nw_real_get(net, block, at);

            nw_real_set(net, block, at, is_variance ? 1 + noise : value + .3 * noise);
        }
    }
}

static int first_of(const nw_case *c, int input)
{
    size_t n = 0;

    for (int i = 0; i < input; i++)
        n += nw_count(&c->in[i]);
    return (int)n;
}

/* Input `i` of the case, cut out of the network's input. */
static nw_ref cut(nw_space *space, nw_ref x, const nw_case *c, int i)
{
    char spec[200], shape[48];

    snprintf(spec, sizeof(spec), "slice c=%d:%d | reshape to=%s", first_of(c, i),
             first_of(c, i + 1), nw_shape_text(&c->in[i], shape));
    return nw_op(space, spec, x);
}

static int can_export(const nw_graph *graph)
{
    for (int i = 0; i < graph->n; i++)
        if (i != graph->input && !graph->node[i].op->onnx)
            return 0;
    return 1;
}

nw_net *export_case(nw_ctx *ctx, const nw_op_type *op, const nw_case *c)
{
    nw_space *space;
    nw_net *net;
    nw_ref x, in[3];

    /* a choice is made by nw_one_of() and has tests of its own */
    if (!c->n_in || (!op->expand && !op->onnx) || !strcmp(op->name, "choice"))
        return NULL;
    space = nw_space_new(ctx);
    x = nw_input(space, first_of(c, c->n_in), 1, 1);
    for (int i = 0; i < c->n_in; i++)
        in[i] = cut(space, x, c, i);
    x = nw_op_n(space, c->spec, (size_t)c->n_in, in);
    nw_output(space, nw_op(space, "flatten", x));
    net = nw_net_new(ctx, space, NULL, 3, NW_F32);
    if (!net)
        fail_msg("%s: %s", c->spec, nw_errmsg(ctx));
    if (!can_export(net->graph))
        return NULL;
    export_disturb(net, 5);
    return net;
}

nw_net *export_published(nw_ctx *ctx, const char *spec, uint64_t seed, nw_arch **arch)
{
    nw_space *space = nw_space_open(ctx, spec, (int[]){3, 16, 16}, 10);
    nw_arch *made = nw_arch_new(ctx, space);
    nw_net *net;

    check_ok(ctx, nw_arch_random(made, seed));
    net = nw_net_new(ctx, space, made, seed, NW_F32);
    if (!net)
        fail_msg("%s: %s", spec, nw_errmsg(ctx));
    export_disturb(net, seed);
    if (arch)
        *arch = made;
    return net;
}

/* A weight starts with variance 1 / (3 fan_in); 2 / fan_in keeps signals as large as they
 * are behind ReLU. What starts with one number everywhere is disturbed. */
static double lively(const nw_param *p, double value, uint64_t seed, size_t i)
{
    if (p->fan_in > 0 && p->rank > 1)
        return value * sqrt(6);
    return value + .3 * (nw_uniform(seed, NW_FOR_TEST, i) - .5);
}

/* Of examples as these tests make them, and as many pictures of 0..1, which is what
 * nw_export_verify() makes. */
static void take_statistics(nw_net *net, int whole)
{
    enum { EXAMPLES = 16 };
    const size_t n = EXAMPLES / 2 * export_in_size(net);
    const nw_plan_config config = {.batch = EXAMPLES, .no_loss = 1};
    const nw_pass pass = {.mode = NW_RECALIBRATE};
    float *x = export_inputs(net, EXAMPLES, whole);
    nw_plan *plan = nw_plan_new(net, &config);

    if (!plan)
        fail_msg("%s", nw_errmsg(net->ctx));
    for (size_t i = 0; !whole && i < n; i++)
        x[n + i] = (float)nw_uniform(1, NW_FOR_NOISE, i);
    check_ok(net->ctx, nw_plan_forward(plan, &(nw_batch){.x = x}, &pass, NULL));
    nw_plan_free(plan);
    nw_release(net->ctx, x);
}

/* A channel that hardly varied in that batch would be blown up for other examples. */
static void blunt_variances(nw_net *net)
{
    for (int i = 0; i < net->graph->n_param; i++) {
        const nw_gparam *p = &net->graph->param[i];

        for (size_t k = 0; !strcmp(p->param->suffix, "running_var") && k < p->count; k++)
            nw_real_set(net, net->buffer, p->offset + k,
                        nw_real_get(net, net->buffer, p->offset + k) + .3);
    }
}

void export_enliven(nw_net *net, uint64_t seed, int whole)
{
    for (int i = 0; i < net->graph->n_param; i++) {
        const nw_gparam *p = &net->graph->param[i];

        for (size_t k = 0; !p->param->is_buffer && k < p->count; k++) {
            const size_t at = p->offset + k;
            const double value = nw_real_get(net, net->param, at);

            nw_real_set(net, net->param, at,
                        lively(p->param, value, seed + (uint64_t)i, k));
        }
    }
    take_statistics(net, whole);
    blunt_variances(net);
}

size_t export_in_size(const nw_net *net)
{
    return nw_count(&net->graph->node[net->graph->input].info.out);
}

size_t export_out_size(const nw_net *net)
{
    return nw_count(&net->graph->node[net->graph->output].info.out);
}

float *export_inputs(nw_net *net, int batch, int whole)
{
    size_t n = (size_t)batch * export_in_size(net);
    float *x = nw_alloc(net->ctx, n * sizeof(*x));

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = whole ? (float)nw_below(1, NW_FOR_TEST, i, 3)
                     : (float)(2 * nw_normal(1, NW_FOR_TEST, i));
    return x;
}

double export_distance(nw_net *a, nw_net *b, int whole)
{
    size_t n = BATCH * export_out_size(a);
    float *x = export_inputs(a, BATCH, whole);
    float *y = nw_alloc(a->ctx, 2 * n * sizeof(*y));
    double most = 0, largest = 1;

    assert_non_null(y);
    assert_int_equal(export_in_size(a), export_in_size(b));
    assert_int_equal(export_out_size(a), export_out_size(b));
    check_ok(a->ctx, nw_net_run(a, BATCH, x, y));
    check_ok(b->ctx, nw_net_run(b, BATCH, x, y + n));
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)y[i] - (double)y[n + i]));
        largest = fmax(largest, fabs((double)y[i]));
    }
    return most / largest;
}

char *export_text(nw_ctx *ctx, const char *name)
{
    nw_bytes file;

    return nw_file_read(ctx, export_path(name), &file) < 0 ? NULL : (char *)file.data;
}

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

void export_files(nw_net *net, const nw_arch *arch, const char *name, int whole)
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

void export_check_round_trip(nw_net *net, const char *name, int whole)
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

void export_check_onnx_runtime(void)
{
    const char *python = getenv("NW_TEST_PYTHON");
    char command[2000];

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
