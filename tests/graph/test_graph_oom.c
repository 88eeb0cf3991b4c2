/* test_graph_oom.c - memory runs out at every allocation in turn: a clean failure, all
 * freed. */
#include "../space/counting.h"
#include "failing.h"

static nw_status built_in_c(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 4, 8, 8), y;

    nw_int_of(s, "w", 2, (const int[]){4, 8});
    y = nw_op(s, "sep_conv k=3 | (relu, tanh) | add", x);
    x = nw_one_of(s, "a", x, y);
    y = nw_one_of(s, NULL, x, y);
    nw_keep(s, 1, 0, 2, (const char *[]){"a", "_mutation_2"});
    x = nw_some_of(s, "s", 2, x, y, nw_op(s, "relu", y));
    nw_output(s, nw_op(s, "conv2d out=$w", x));
    return nw_space_seal(s);
}

static nw_status one_arch(nw_ctx *ctx, nw_space *s)
{
    nw_arch *arch = nw_arch_new(ctx, s), *copy = nw_arch_new(ctx, s);
    char text[4096];
    FILE *out;
    nw_status status;

    if (!arch || !copy || !nw_space_count(s))
        return nw_pending(ctx);
    NW_TRY(nw_arch_random(arch, 1));
    out = fmemopen(text, sizeof(text), "w");
    status = nw_arch_write(arch, out);
    fclose(out);
    NW_TRY(status);
    NW_TRY(nw_arch_read(copy, text, NULL));
    NW_TRY(nw_arch_harden(copy));
    return nw_space_derive(s, copy, "") ? NW_OK : nw_pending(ctx);
}

static nw_status from_file(nw_ctx *ctx, const char *spec)
{
    nw_space *s = nw_space_open(ctx, spec, (const int[3]){3, 16, 16}, 10);

    return s ? one_arch(ctx, s) : nw_pending(ctx);
}

static nw_status from_yaml(nw_ctx *ctx)
{
    return from_file(ctx, "examples/cell.yaml");
}

static nw_status from_yaml_too(nw_ctx *ctx)
{
    return from_file(ctx, "examples/naive.yaml");
}

static nw_status from_family(nw_ctx *ctx)
{
    return from_file(ctx, "darts c=4 layers=3 steps=2 multiplier=2");
}

static nw_status folded(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 3, 4, 4);
    float in[48] = {0}, out[2];

    x = nw_op(s, "conv2d out=32 bias=0 | batchnorm | relu | flatten | dense out=2", x);
    nw_output(s, x);
    return nw_net_run(nw_net_fold(nw_net_new(ctx, s, NULL, 1, NW_F32)), 1, in, out);
}

static void survives(nw_status (*scenario)(nw_ctx *ctx))
{
    for (long k = 0;; k++) {
        struct failing f = {.left = k};
        nw_ctx *ctx = nw_open(&(nw_config){.realloc = failing_realloc, .user = &f});
        nw_status status = ctx ? scenario(ctx) : NW_ENOMEM;

        if (status < 0 && ctx)
            says(ctx, "out of memory");
        nw_close(ctx);
        assert_int_equal(f.blocks, 0);
        if (status >= 0)
            break;
        assert_int_equal(status, NW_ENOMEM);
        assert_true(k < 5000);
    }
}

static void test_graph_oom__a_space_built_in_c(void **state)
{
    (void)state;
    survives(built_in_c);
}

static void test_graph_oom__a_folded_net(void **state)
{
    (void)state;
    survives(folded);
}

static void test_graph_oom__spaces_from_files(void **state)
{
    (void)state;
    survives(from_yaml);
    survives(from_yaml_too);
}

static void test_graph_oom__a_family(void **state)
{
    (void)state;
    survives(from_family);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graph_oom__a_space_built_in_c),
        cmocka_unit_test(test_graph_oom__a_folded_net),
        cmocka_unit_test(test_graph_oom__spaces_from_files),
        cmocka_unit_test(test_graph_oom__a_family),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
