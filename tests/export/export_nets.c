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
        x[i] = whole ? (float)nw_below(1, NW_FOR_TEST, i, 5)
                     : (float)(2 * nw_normal(1, NW_FOR_TEST, i));
    return x;
}

double export_distance(nw_net *a, nw_net *b, int whole)
{
    enum { BATCH = 3 };
    size_t n = BATCH * export_out_size(a);
    float *x = export_inputs(a, BATCH, whole);
    float *y = nw_alloc(a->ctx, 2 * n * sizeof(*y));
    double most = 0;

    assert_non_null(y);
    assert_int_equal(export_in_size(a), export_in_size(b));
    assert_int_equal(export_out_size(a), export_out_size(b));
    check_ok(a->ctx, nw_net_run(a, BATCH, x, y));
    check_ok(b->ctx, nw_net_run(b, BATCH, x, y + n));
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)y[i] - (double)y[n + i]));
    return most;
}

char *export_text(nw_ctx *ctx, const char *name)
{
    nw_bytes file;

    return nw_file_read(ctx, export_path(name), &file) < 0 ? NULL : (char *)file.data;
}
