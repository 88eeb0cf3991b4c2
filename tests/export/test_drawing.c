/* test_drawing.c - pictures and JSON: what must be in them, and files that appear whole.
 */
#include "export_nets.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static nw_arch *open_arch(nw_ctx *ctx, const char *spec, uint64_t seed)
{
    nw_arch *arch = nw_arch_new(ctx, nw_space_open(ctx, spec, (int[]){3, 16, 16}, 10));

    assert_non_null(arch);
    check_ok(ctx, nw_arch_random(arch, seed));
    return arch;
}

static char *export_as(const nw_arch *arch, const char *spec)
{
    check_ok(arch->ctx, nw_export(arch, NULL, spec, export_path("drawn")));
    check_ok(arch->ctx, nw_export_verify(arch, NULL, spec, export_path("drawn")));
    return export_text(arch->ctx, "drawn");
}

static int occurrences(const char *text, const char *word)
{
    int n = 0;

    for (; (text = strstr(text, word)); text += strlen(word))
        n++;
    return n;
}

/* Elements close in the order in which they opened. */
static void check_xml(const char *text)
{
    const char *open[64];
    int depth = 0;

    for (const char *at = strchr(text, '<'); at; at = strchr(at + 1, '<')) {
        const char *end = strchr(at, '>');

        if (!strncmp(at, "<!--", 4))
            end = strstr(at, "-->") + 2;
        assert_non_null(end);
        if (at[1] == '/') {
            assert_true(depth > 0);
            depth--;
            assert_int_equal(strncmp(open[depth] + 1, at + 2, strcspn(at + 2, ">")), 0);
        } else if (at[1] != '!' && at[1] != '?' && end[-1] != '/') {
            assert_true(depth < 64);
            open[depth++] = at;
        }
        at = end;
    }
    assert_int_equal(depth, 0);
}

static void test_drawing__cells_show_every_edge_that_is_kept(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_arch *arch = open_arch(ctx, "darts c=4 layers=3", 3);
    const char *svg = export_as(arch, "svg"), *dot = export_as(arch, "dot");

    (void)state;
    check_xml(svg);
    assert_non_null(strstr(svg, ">normal cell<"));
    assert_non_null(strstr(svg, ">reduction cell<"));
    assert_int_equal(occurrences(dot, "arrowhead=none]"), 16);
    assert_int_equal(occurrences(dot, "shape=circle"), 8);
    assert_int_equal(occurrences(svg, ">k&#45;2<"), 2);
    for (int i = 0; i < arch->space->n_choice; i++) {
        const nw_choice *c = &arch->space->choice[i];
        const char *op = c->option_name[nw_arch_get(arch, c->name)];

        assert_true(!strcmp(op, "none") || strstr(svg, op));
    }
    assert_null(strstr(svg, ">none<"));
    assert_non_null(strstr(svg, "parameters"));
    assert_non_null(strstr(svg, ">network<"));
    nw_close(ctx);
}

/* The last two of three nodes make the output, in both cells. */
static void test_drawing__only_nodes_of_the_output_lead_to_it(void **state)
{
    static const char *const spec[] = {"darts c=4 layers=3 steps=3 multiplier=2",
                                       "darts c=4 layers=3 steps=3 multiplier=2 "
                                       "phase=search"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        nw_ctx *ctx = nw_open(NULL);
        const char *dot = export_as(open_arch(ctx, spec[i], 3), "dot");

        assert_int_equal(occurrences(dot, "shape=circle"), 6);
        assert_int_equal(occurrences(dot, "arrowhead=none]"), 12);
        for (int cell = 0; cell < 2; cell++)
            for (int node = 0; node < 3; node++) {
                char edge[32];

                snprintf(edge, sizeof(edge), "c%d_n%d -> c%d_out", cell, node, cell);
                assert_int_equal(occurrences(dot, edge), node > 0);
            }
        nw_close(ctx);
    }
}

/* Of a mixture, too, what its strongest options build. */
static void test_drawing__a_mixture_shows_its_strongest_options(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_space *space = nw_space_open(ctx, "darts c=4 layers=3 steps=3 multiplier=1",
                                    (int[]){3, 16, 16}, 10);
    const char *dot = export_as(nw_arch_new(ctx, space), "dot");

    (void)state;
    assert_int_equal(occurrences(dot, " -> c0_out"), 1);
    assert_non_null(strstr(dot, "mixture: the strongest options are shown"));
    nw_close(ctx);
}

static nw_arch *open_published(nw_ctx *ctx, const char *spec)
{
    nw_space *space = nw_space_open_net(ctx, spec, NULL, 0);

    assert_non_null(space);
    return nw_arch_new(ctx, space);
}

/* Ten ops in each cell of NASNet-A, eight in DARTS's; outputs as the authors list them.
 */
static void test_drawing__published_networks_show_cells_and_how_they_stand(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    const char *dot = export_as(open_published(ctx, "nasnet-a n=2"), "dot");

    (void)state;
    assert_int_equal(occurrences(dot, "arrowhead=none]"), 20);
    assert_int_equal(occurrences(dot, "shape=circle"), 10);
    assert_int_equal(occurrences(dot, " -> c0_out"), 6);
    assert_int_equal(occurrences(dot, " -> c1_out"), 4);
    assert_int_equal(occurrences(dot, "c0_in0 -> c0_out"), 1); /* h_i-1 */
    assert_int_equal(occurrences(dot, "<normal cell &#215; <B>2</B>"), 3);
    assert_int_equal(occurrences(dot, "label=<reduction cell>"), 2);
    assert_int_equal(occurrences(dot, "label=<3&#215;32&#215;32>"), 1);
    dot = export_as(open_published(ctx, "darts-v2 layers=5"), "dot");
    assert_int_equal(occurrences(dot, "arrowhead=none]"), 16);
    assert_int_equal(occurrences(dot, "label=<normal cell>"), 3);
    check_xml(export_as(open_published(ctx, "pnasnet-5"), "svg"));
    nw_close(ctx);
}

/* The cell of an architecture whose space has no graph is that of its network. */
static void test_drawing__a_coded_space_shows_the_network_at_the_arch(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_arch *arch = open_arch(ctx, "pnas n=1", 3);
    const char *dot = export_as(arch, "dot");

    (void)state;
    assert_int_equal(occurrences(dot, "subgraph cluster"), 2);
    assert_int_equal(occurrences(dot, "arrowhead=none]"), 10);
    assert_int_equal(occurrences(dot, " -> c0_out"), 5);
    assert_int_equal(occurrences(dot, "label=<cell, stride 2"), 1);
    for (int i = 0; i < arch->space->n_choice; i++)
        if (strstr(arch->space->choice[i].name, "_op_"))
            assert_non_null(strstr(
                dot, nw_space_option_name(arch->space, i, nw_arch_option(arch, i))));
    nw_close(ctx);
}

static void test_drawing__nasbench201_is_one_cell(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    const char *dot = export_as(open_arch(ctx, "nasbench201 c=4 n=1", 5), "dot");

    (void)state;
    assert_int_equal(occurrences(dot, "subgraph cluster"), 2); /* and the network */
    assert_int_equal(occurrences(dot, "shape=circle"), 3);
    dot =
        export_as(open_published(ctx, "nasbench201 arch=|nor_conv_3x3~0|+|none~0|none~1|"
                                      "+|skip_connect~0|none~1|nor_conv_1x1~2|"),
                  "dot");
    assert_int_equal(occurrences(dot, "arrowhead=none]"), 3);
    assert_int_equal(occurrences(dot, "c0_n2 -> c0_out"), 1);
    nw_close(ctx);
}

static nw_arch *naive(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 3, 8, 8), y;
    nw_arch *arch;

    nw_int_of(s, "width", 2, (int[]){2, 4});
    y = nw_one_of(s, "first", nw_op(s, "conv2d out=$width k=3", x),
                  nw_op(s, "sep_conv out=$width k=5", x));
    y = nw_some_of(s, "skip", 1, y, nw_op(s, "relu", y));
    nw_output(s, nw_op(s, "globalpool | dense out=2", y));
    nw_option_name(s, "first", 0, "plain <&> \"simple\"");
    arch = nw_arch_new(ctx, s);
    check_ok(ctx, nw_arch_random(arch, 1));
    check_ok(ctx, nw_arch_set(arch, "first", 0));
    check_ok(ctx, nw_arch_set(arch, "width", 1));
    return arch;
}

static void test_drawing__other_spaces_show_taken_and_dead_options(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_arch *arch = naive(ctx);
    const char *svg = export_as(arch, "svg"), *dot = export_as(arch, "dot");

    (void)state;
    check_xml(svg);
    assert_non_null(strstr(svg, ">conv2d"));
    assert_non_null(strstr(svg, ">sep_conv"));
    assert_non_null(strstr(svg, "plain &lt;&amp;&gt;"));
    assert_non_null(strstr(svg, "width = 4"));
    assert_non_null(strstr(dot, "4&#215;8&#215;8"));
    assert_non_null(strstr(dot, "style=dashed"));
    assert_int_equal(occurrences(dot, "<B>batchnorm"), 0); /* inside the composite */
    nw_close(ctx);
}

static void test_drawing__json_reads_back_in_both_forms(void **state)
{
    static const char *const spec[] = {"json", "json full=1", "json full=0"};
    nw_ctx *ctx = nw_open(NULL);
    nw_arch *arch[] = {naive(ctx), open_arch(ctx, "darts c=4 layers=3", 9)};

    (void)state;
    for (int i = 0; i < 6; i++) {
        const nw_arch *one = arch[i / 3];
        nw_arch *back = nw_arch_new(ctx, one->space);

        check_ok(ctx, nw_arch_read(back, export_as(one, spec[i % 3]), "drawn"));
        assert_true(nw_arch_hash(back) == nw_arch_hash(one));
    }
    assert_non_null(
        strstr(export_as(arch[0], "json"), "{\"width\":1,\"first\":0,\"skip\":["));
    assert_non_null(
        strstr(export_as(arch[1], "json"), "\"space\": \"darts c=4 layers=3\""));
    assert_non_null(strstr(export_as(arch[1], "json"), "\"genotype\""));
    nw_close(ctx);
}

static void test_drawing__a_failed_export_leaves_nothing(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_arch *arch = naive(ctx);
    nw_net *net = nw_net_new(ctx, arch->space, NULL, 1, NW_F32); /* a mixture */

    (void)state;
    assert_int_equal(nw_export(arch, NULL, "onnx", export_path("f")), NW_EINVAL);
    assert_non_null(strstr(nw_errmsg(ctx), "needs a network with weights"));
    assert_int_equal(nw_export(arch, NULL, "jsno", export_path("f")), NW_ENAME);
    assert_non_null(strstr(nw_errmsg(ctx), "did you mean \"json\"?"));
    assert_true(nw_export(NULL, net, "onnx", export_path("f")) < 0);
    assert_int_equal(nw_export(arch, NULL, "json", export_path("no/such/f")), NW_EIO);
    assert_int_not_equal(access(export_path("f"), F_OK), 0);
    assert_int_not_equal(access(export_path("f.part"), F_OK), 0);
    nw_close(ctx);
}

static void test_drawing__a_full_disk_is_reported_and_the_old_file_stays(void **state)
{
    nw_ctx *ctx = nw_open(NULL);
    nw_arch *arch = naive(ctx);
    nw_status status;

    (void)state;
    check_ok(ctx, nw_export(arch, NULL, "json", export_path("kept")));
    if (access("/dev/full", W_OK) || symlink("/dev/full", export_path("kept.part"))) {
        print_message("skipped: there is no /dev/full\n");
        skip();
    }
    status = nw_export(arch, NULL, "svg", export_path("kept"));
    assert_int_equal(status, NW_EIO);
    assert_non_null(strstr(nw_errmsg(ctx), "No space left on device"));
    assert_non_null(strstr(export_text(ctx, "kept"), "\"width\":1"));
    nw_close(ctx);
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
        cmocka_unit_test(test_drawing__cells_show_every_edge_that_is_kept),
        cmocka_unit_test(test_drawing__only_nodes_of_the_output_lead_to_it),
        cmocka_unit_test(test_drawing__a_mixture_shows_its_strongest_options),
        cmocka_unit_test(test_drawing__published_networks_show_cells_and_how_they_stand),
        cmocka_unit_test(test_drawing__a_coded_space_shows_the_network_at_the_arch),
        cmocka_unit_test(test_drawing__nasbench201_is_one_cell),
        cmocka_unit_test(test_drawing__other_spaces_show_taken_and_dead_options),
        cmocka_unit_test(test_drawing__json_reads_back_in_both_forms),
        cmocka_unit_test(test_drawing__a_failed_export_leaves_nothing),
        cmocka_unit_test(test_drawing__a_full_disk_is_reported_and_the_old_file_stays),
    };

    return cmocka_run_group_tests(tests, NULL, clean);
}
