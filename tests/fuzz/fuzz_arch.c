/* An architecture as JSON, and a genotype as JSON. */
#include "genotype.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static nw_space *sample(nw_ctx *ctx)
{
    nw_space *s = nw_space_new(ctx);
    nw_ref x = nw_input(s, 4, 8, 8), r = nw_op(s, "relu", x), t = nw_op(s, "tanh", x);

    nw_int_of(s, "w", 2, (const int[]){4, 8});
    x = nw_some_of(s, "skip", 2, x, r, t);
    t = nw_op(s, "add", nw_one_of(s, "a", x, r), nw_one_of(s, "b", t, r, x));
    nw_keep(s, 1, 0, 2, (const char *[]){"a", "b"});
    nw_output(s, nw_op(s, "conv2d out=$w", t));
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_arch *arch = nw_arch_new(ctx, sample(ctx));
    char *text = nw_alloc(ctx, n + 1);
    nw_genotype genotype;

    if (arch && text) {
        memcpy(text, bytes, n);
        nw_arch_read(arch, text, "a.json");
        nw_genotype_read(ctx, &genotype, text, "a.json");
    }
    nw_close(ctx);
    return 0;
}
