/* The bytes are a .npy file that serves as examples and as labels. */
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    nw_ctx *ctx = nw_open(&(nw_config){.threads = 1});
    nw_source src = {ctx, "npy", "input", (uint8_t *)bytes, n};
    nw_data_info info = {0};

    nw_npy_read(&src, &src, &(nw_npy_config){.nhwc = n & 1}, &info);
    nw_close(ctx);
    return 0;
}
