/* The bytes are an idx file of images; and of labels. */
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_source src = {ctx, "idx", "input", (uint8_t *)bytes, n};
    nw_idx idx;

    nw_idx_parse(&src, 3, 4, &idx);
    nw_idx_parse(&src, 1, 1, &idx);
    nw_close(ctx);
    return 0;
}
