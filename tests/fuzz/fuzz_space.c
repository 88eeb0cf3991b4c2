/* A space file: read, sealed, counted and drawn from. */
#include "family.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_space *space =
        nw_space_parse(ctx, (const char *)bytes, n, "a.yaml", (const int[3]){3, 8, 8}, 4);
    nw_arch *arch = space && space->n_place < 2000 ? nw_arch_new(ctx, space) : NULL;

    if (arch && nw_arch_random(arch, 1) >= 0)
        nw_space_derive(space, arch, "");
    nw_close(ctx);
    return 0;
}
