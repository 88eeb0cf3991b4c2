/*
 * test_every_net_onnx.c - every published network as ONNX: read back by us, and run by
 * ONNX Runtime where the interpreter of $NW_TEST_PYTHON has it.
 *
 * The networks are the rows "small" of tests/space/counts; NW_TEST_ROWS=net takes the
 * published networks instead.
 */
#include "export_nets.h"

#include "space/table.h"

/* Networks on words take whole numbers. */
static int takes_words(const nw_graph *graph)
{
    for (int i = 0; i < graph->n; i++)
        if (!strcmp(graph->node[i].op->name, "embedding"))
            return 1;
    return 0;
}

static void export_row(void *user, const count_row *row)
{
    int *count = user;
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1}); /* small: quicker so */
    nw_space *space = nw_space_open_net(ctx, row->spec, row->input, 0);
    const int large = is_too_large(row, space);
    nw_arch *arch = space && nw_space_choices(space) ? nw_arch_new(ctx, space) : NULL;
    nw_net *net;
    char name[300];
    int whole;

    if (large) {
        nw_close(ctx);
        return;
    }
    if (arch) /* a supernet: one network of it */
        check_ok(ctx, nw_arch_random(arch, 1));
    net = space ? nw_net_new(ctx, space, arch, 1, NW_F32) : NULL;
    if (!net)
        fail_msg("%s:%d: %s: %s", row->file, row->line, row->spec, nw_errmsg(ctx));
    whole = takes_words(net->graph);
    export_enliven(net, 3, whole);
    snprintf(name, sizeof(name), "%03d_%.*s", ++*count, (int)strcspn(row->spec, " "),
             row->spec);
    export_files(net, arch, name, whole);
    export_check_round_trip(net, name, whole);
    nw_close(ctx);
}

static void test_every_net_onnx__survives_the_round_trip(void **state)
{
    int count = 0;

    (void)state;
    assert_true(each_row(rows_to_run(), export_row, &count) > 0);
    print_message("%d networks\n", count);
}

/* After the first: its files stand in the folder. */
static void test_every_net_onnx__onnx_runtime_gives_the_same_logits(void **state)
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
        cmocka_unit_test(test_every_net_onnx__survives_the_round_trip),
        cmocka_unit_test(test_every_net_onnx__onnx_runtime_gives_the_same_logits),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
